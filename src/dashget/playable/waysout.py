"""Take out of a local MPD what would lead a player out of the mirror, whatever names it.

Licences, callbacks, reports, clocks, fallbacks: every element and attribute that holds the URL of a
host is removed, in whichever namespace it is. What only identifies something stays: the attributes
in ``IDENTIFIERS``, which no player requests.
"""

from __future__ import annotations

from typing import Final

from dashget.common.lateregex import late
from dashget.playable.tree import Element, name_of, remove, unset

IDENTIFIERS: Final = frozenset(
    [
        *("schemeIdUri", "schemaLocation", "noNamespaceSchemaLocation", "moreInformationURL"),
        *("profiles", "segmentProfiles", "containerProfiles"),
    ]
)
"""Attributes that may hold a URL as a name, or as a link for people."""
_HOST: Final = late(r"(?:^|[\s,;=|\"'(\[])(?:[A-Za-z][A-Za-z0-9+.-]*:)?[/\\]{2}")
_BINARY: Final = late(r"[A-Za-z0-9+/=\s]{24,}")
"""Base64, which has slashes, too: boxes of protection, and messages of events."""
_FOR_PEOPLE: Final = frozenset(["Title", "Source", "Copyright", "Label"])
_DESCRIPTORS: Final = frozenset(["EssentialProperty", "SupplementalProperty", "UTCTiming"])
_CALLBACK: Final = "urn:mpeg:dash:event:callback:"
_STREAMS: Final = frozenset(["EventStream", "InbandEventStream"])


def drop_ways_out(root: Element) -> None:
    """Remove the URLs of hosts from a tree whose own references lead to the mirror already."""
    for element in list(root.iter()):
        if not name_of(element):
            continue
        if name_of(element) in _STREAMS and _CALLBACK in element.get("schemeIdUri", "").lower():
            remove(element)
            continue
        for name, value in element.attrib.items():
            local = str(name).rpartition("}")[2]
            if local in IDENTIFIERS or not _names_host(str(value)):
                continue
            if name_of(element) in _DESCRIPTORS:
                remove(element)
                break
            unset(element, str(name))
        if name_of(element) not in _FOR_PEOPLE and _names_host(element.text or ""):
            element.text = None


def _names_host(text: str) -> bool:
    return _HOST.search(text) is not None and _BINARY.fullmatch(text) is None
