"""Write the Representations of a recording whose files have names of their own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final
from urllib.parse import quote

from dashget.live.coverage import Part
from dashget.mpd.budget import ITEM, Budget
from dashget.playable.opening import KEPT_IN_PATHS
from dashget.playable.rows import use_rows
from dashget.playable.tree import Element
from dashget.playable.writing import attribute_text

_FILES: Final = ("Initialization", "RepresentationIndex", "BitstreamSwitching")


def write_list(representation: Element, part: Part, folder: str, budget: Budget) -> None:
    """Give a Representation the list of its files, with their times.

    ``folder`` is where those of its generation are.
    """
    listed = representation.child("SegmentList")
    _lead_into(listed, folder)
    listed.attributes.update(
        timescale=str(part.line.scale * part.factor), presentationTimeOffset=str(part.offset)
    )
    times, durations, names = list[int](), list[int](), list[str]()
    known = part.line.names
    for row in part.rows:
        budget.spend(ITEM * row.count, "the lists of the local MPD")
        for k in range(row.count):
            times.append((row.time + k * row.duration) * part.factor)
            durations.append(row.duration * part.factor)
            if known is not None:
                reference = quote(known[row.number + k], safe=KEPT_IN_PATHS)
                names.append(f"{attribute_text({'media': reference})}/>")
    use_rows(listed, times, durations)
    listed.append(_node("SegmentURL", names))


def write_single(representation: Element, part: Part, folder: str) -> None:
    """Give a Representation that is one file its clock, where its document has a place for it.

    A text without an index gets none: dash.js (5.2) would ask for its index without end, and takes
    its times for those of the whole presentation; Shaka Player adds the start of the Period.
    """
    base = representation.child("BaseURL")
    base.text = folder + base.text
    information = representation.find("SegmentBase")
    if information is not None:
        information.attributes.update(
            timescale=str(part.line.scale * part.factor), presentationTimeOffset=str(part.offset)
        )


def _lead_into(element: Element, folder: str) -> None:
    for child in element:
        if child.name in _FILES and "sourceURL" in child.attributes:
            child.attributes["sourceURL"] = folder + child.attributes["sourceURL"]


def _node(name: str, rows: Sequence[str]) -> Element:
    node = Element("")
    node.text, node.rows = name, list(rows)
    return node
