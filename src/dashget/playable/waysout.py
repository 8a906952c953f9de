"""Take out of a local MPD what would lead a player out of the mirror, whatever names it.

Licences, callbacks, reports, clocks, fallbacks, style sheets: every element, attribute, text and
instruction that holds the URL of a host is removed, in whichever namespace it is, and so is a
reference that DASH reads as a file and that climbs out of the directory. A URL inside Base64 counts
too: a box of protection (``pssh``, ``pro``) that tells where to ask for a licence goes. What only
identifies something stays: the attributes in ``IDENTIFIERS``, which no player requests.
"""

from __future__ import annotations

from collections.abc import Container
from typing import Final

from dashget.common.lateregex import late
from dashget.mpd.issues import IssueLog
from dashget.playable.coded import names_coded_host
from dashget.playable.tree import Element

IDENTIFIERS: Final = frozenset(
    [
        *("schemeIdUri", "schemaLocation", "noNamespaceSchemaLocation", "moreInformationURL"),
        *("profiles", "segmentProfiles", "containerProfiles"),
    ]
)
"""Attributes that may hold a URL as a name, or as a link for people."""
_HOST: Final = late(
    r"(?i:\b(?:https?|wss?|ftps?|file|rtmp[a-z]?|rtsp|mms|smb|blob)):"
    r"|(?:^|[^\w.+/\\-])[/\\]{2}"
)
"""Where a URL with a host begins. Browsers take \\ for /, and some schemes without slashes, too."""
_IGNORED: Final = late(r"[\t\n\r]")
"""What browsers take out of a URL before they read it."""
_BINARY: Final = late(r"[A-Za-z0-9+/=_\s-]{24,}")
"""Base64, which has slashes, too: boxes of protection, and messages of events."""
_BOXES: Final = frozenset(["pssh", "pro"])
_HOLDS_BINARY: Final = _BOXES | {"Binary"}
_LEFT_OUT: Final = (
    "the local MPD is without {boxes} of protection (pssh, pro), which would lead players to a"
    " licence server; tell your player which server or key to use"
)
_FOR_PEOPLE: Final = frozenset(["Title", "Source", "Copyright", "Label"])
_DESCRIPTORS: Final = frozenset(["EssentialProperty", "SupplementalProperty"])
_CALLBACK: Final = "urn:mpeg:dash:event:callback:"
_STREAMS: Final = frozenset(["EventStream", "InbandEventStream"])
_FILES: Final = ("media", "initialization", "index", "bitstreamSwitching", "sourceURL")
_BESIDE: Final = ("Initialization", "RepresentationIndex")
"""What may climb out of the folder of the BaseURL beside it."""
_OUTWARD: Final = late(r"\s*(?:[/\\]|[A-Za-z][A-Za-z0-9+.-]*:)")
"""The beginning of a reference that is not relative to the directory of the MPD."""


def drop_ways_out(root: Element, leads_away: Container[str], log: IssueLog) -> None:
    """Remove what leads out of a tree whose own references lead to the mirror already.

    ``leads_away`` has the names of elements that are the address of a server. Boxes of protection
    that are left out are one warning: some players need what else is in them.
    """
    for element in root.elements():
        if element.local not in _FOR_PEOPLE and _text_names_host(element):
            element.text = ""
            for child in element:
                child.tail = ""
    boxes = 0
    for element in list(root.elements()):
        if element.local in _HOLDS_BINARY and names_coded_host(element.content):
            element.remove()
            boxes += element.local in _BOXES
            continue
        if element.local in leads_away or _is_callback(element) or not _keep_attributes(element):
            element.remove()
            continue
    _drop_instructions(root)
    if boxes:
        log.warn(_LEFT_OUT.format(boxes="1 box" if boxes == 1 else f"{boxes:,} boxes"))


def is_outward(reference: str) -> bool:
    """Return True if a reference is not relative to the MPD, or climbs out of its directory."""
    return _OUTWARD.match(reference) is not None or ".." in reference.replace("\\", "/").split("/")


def _leads_out(element: Element, reference: str) -> bool:
    """Return True if the reference to a file leads out of the mirror."""
    if element.local in _BESIDE:
        for level in element.levels():
            base = level.find("BaseURL")
            for _ in range(0 if base is None else base.text.count("/")):
                reference = reference.removeprefix("../")
    return is_outward(reference)


def _is_callback(element: Element) -> bool:
    scheme = element.attributes.get("schemeIdUri", "")
    return element.local in _STREAMS and _CALLBACK in scheme.lower()


def _keep_attributes(element: Element) -> bool:
    """Remove attributes that lead out; return False for a descriptor that means nothing then."""
    for name, value in list(element.attributes.items()):
        local = name.rpartition("}")[2]
        if local in _FILES and _leads_out(element, value):
            del element.attributes[name]
        elif _attribute_names_host(local, value):
            if element.local in _DESCRIPTORS:
                return False
            del element.attributes[name]
    return True


def _attribute_names_host(local: str, value: str) -> bool:
    if local == "messageData" and names_coded_host(value):
        return True
    return local not in IDENTIFIERS and _names_host(value)


def _drop_instructions(root: Element) -> None:
    """Remove processing instructions: a style sheet is fetched, and may run scripts."""
    first = root
    while first.before is not None:
        first = first.before
    node: Element | None = first
    while node is not None:
        if not node.name and node.text.startswith("<?"):
            node.text = ""
        node = node.after
    for element in root.elements():
        for child in element:
            if not child.name and child.text.startswith("<?"):
                child.remove()


def _text_names_host(element: Element) -> bool:
    coded = element.local in _HOLDS_BINARY or element.attributes.get("contentEncoding") == "base64"
    text = element.content
    if _BINARY.fullmatch(text):
        # A box of protection is removed later, and not only emptied.
        if element.local not in _HOLDS_BINARY and names_coded_host(text):
            return True
        return not coded and _names_host(text)
    return _names_host(text)


def _names_host(text: str) -> bool:
    """Return True if a text holds the URL of a host."""
    if ":" not in text and "/" not in text and "\\" not in text:
        return False
    return _HOST.search(text) is not None or _HOST.search(_IGNORED.sub("", text)) is not None
