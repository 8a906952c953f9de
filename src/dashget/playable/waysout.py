"""Take out of a local MPD what would lead a player out of the mirror, whatever names it.

Licences, callbacks, reports, clocks, fallbacks: every element and attribute that holds the URL of a
host is removed, in whichever namespace it is. What only identifies something stays: the attributes
in ``IDENTIFIERS``, which no player requests.
"""

from __future__ import annotations

from typing import Final

from dashget.common.lateregex import late
from dashget.playable.tree import Element

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
    for element in list(root.elements()):
        if element.local in _STREAMS and _is_callback(element):
            element.remove()
            continue
        for name, value in list(element.attributes.items()):
            local = name.rpartition("}")[2]
            if local in IDENTIFIERS or not _names_host(value):
                continue
            if element.local in _DESCRIPTORS:
                element.remove()
                break
            del element.attributes[name]
        if element.local not in _FOR_PEOPLE and _names_host(element.text):
            element.text = ""
        if _names_host(element.tail):
            element.tail = ""


def _is_callback(element: Element) -> bool:
    return _CALLBACK in element.attributes.get("schemeIdUri", "").lower()


def _names_host(text: str) -> bool:
    return _HOST.search(text) is not None and _BINARY.fullmatch(text) is None
