"""What a document says of each Representation, but for its segments: its *shape*.

A shape is an MPD of its own, with one Representation and its template, which leads to the mirror's
files; in place of a template it has a list without rows, or the name of a single file. It has no
times. So it stays the same while the window moves, and is small. From the shapes of a recording and
its segments comes the local MPD (``dashget.live.localmpd``).
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from typing import Final

from dashget.common.lateregex import late
from dashget.errors import MPDError
from dashget.mpd.budget import Budget
from dashget.mpd.issues import IssueLog
from dashget.mpd.presentation import ListAddressing, Presentation
from dashget.planning.layout import Layout
from dashget.planning.tracks import Track
from dashget.playable.addresses import drop_doubles, rewrite_addresses
from dashget.playable.beside import find_beside, write_beside
from dashget.playable.localmpd import LEADS_AWAY
from dashget.playable.places import Places, drop_unselected
from dashget.playable.players import make_readable
from dashget.playable.reading import read
from dashget.playable.rewriting import include_all
from dashget.playable.sequences import forget_patterns
from dashget.playable.tree import Element
from dashget.playable.waysout import drop_ways_out
from dashget.playable.writing import write

_TIMES: Final = (
    *("timescale", "duration", "startNumber", "endNumber", "presentationTimeOffset", "k"),
    *("availabilityTimeOffset", "availabilityTimeComplete", "eptDelta", "pdDelta"),
)
_ROOT_TIMES: Final = (
    *("availabilityStartTime", "availabilityEndTime", "publishTime", "mediaPresentationDuration"),
    *("minimumUpdatePeriod", "timeShiftBufferDepth", "suggestedPresentationDelay"),
    *("maxSegmentDuration", "maxSubsegmentDuration"),
)
_PERIOD_TIMES: Final = ("id", "start", "duration")
_LIVE_ONLY: Final = ("EventStream", "ProducerReferenceTime", "Subset", "Resync", "Metrics")
_INNER: Final = (None, "Representation", "AdaptationSet", "Period")
"""The name of the level inside, from a Representation up."""
_Beside = dict[Element, list[Element | None]]
_LISTED: Final = late(rb"<(?:[\w.-]+:)?SegmentURL\b[^<>]*/>")
_TIMELINE: Final = b"SegmentTimeline"
_MOVING: Final = late(
    rb"\s(?:start|presentationTimeOffset|startNumber|publishTime|wallClockTime|presentationTime)"
    rb"\s*=\s*(?:\"[^\"<]*\"|'[^'<]*')"
)


def fixed_part(data: bytes) -> bytes:
    """Return a document without its timelines: what is left changes seldom.

    It is well-formed wherever the document is, but for one with timelines in comments.
    """
    pieces: list[bytes] = []
    at = 0
    while (begin := data.find(_TIMELINE, at)) >= 0:
        inside = data.find(b">", begin) + 1
        end = data.find(_TIMELINE, inside)
        last = data.rfind(b"</", inside, end)
        if inside <= 0 or end < 0 or last < 0 or data[inside - 2 : inside - 1] == b"/":
            pieces.append(data[at : begin + len(_TIMELINE)])
            at = begin + len(_TIMELINE)
            continue
        pieces.append(data[at:inside])
        after = data.find(b">", end)
        pieces.append(data[last : after + 1])
        at = after + 1
    pieces.append(data[at:])
    return _LISTED.sub(b"", b"".join(pieces))


def without_moving(fixed: bytes) -> bytes:
    """Return the part of a document that tells its shapes: equal ones have equal shapes."""
    return _MOVING.sub(b"", fixed)


def shapes_of(
    data: bytes,
    presentation: Presentation,
    tracks: Sequence[Track],
    layout: Layout,
    *,
    remote: Mapping[str, bytes] | None = None,
    budget: Budget | None = None,
) -> dict[str, str]:
    """Return the shape of each Representation, by its place in the document.

    ``data`` may be the fixed part of the document. Raises MPDError if it cannot be rewritten.
    """
    budget = budget or Budget()
    document = read(data, budget)
    root = document.root
    include_all(root, remote or {}, budget)
    places = Places(root)
    made = list(tracks)
    beside = find_beside(places, made, layout)
    drop_unselected(places, {track.representation.where for track in made})
    drop_doubles(root)
    root.drop(LEADS_AWAY)
    rewrite_addresses(root, places, made, layout, budget, share=False)
    write_beside(root, beside, rewritten=True)
    make_readable(root, places, made, presentation)
    drop_ways_out(root, LEADS_AWAY, IssueLog())
    _forget_times(root)
    elements: list[tuple[Track, Element]] = []
    for track in made:
        with contextlib.suppress(MPDError):
            elements.append((track, places[track.representation.where]))
            forget_patterns(elements[-1][1])
    found: dict[str, str] = {}
    beside_it: _Beside = {}
    for track, element in elements:
        if isinstance(track.representation.addressing, ListAddressing):
            # One that names no other files is gone by now.
            element.child("SegmentList")
        alone = _alone(element, beside_it, budget)
        if alone is not None:
            found[track.representation.where] = write(alone, document.namespace, budget).decode(
                "utf-8", "replace"
            )
    return found


def _forget_times(root: Element) -> None:
    root.attributes["type"] = "static"
    _drop(root, _ROOT_TIMES)
    for element in root.elements():
        if element.name == "Period":
            _drop(element, _PERIOD_TIMES)
        elif element.name in ("SegmentTemplate", "SegmentList"):
            _drop(element, _TIMES)
            element.drop(("SegmentTimeline", "SegmentURL"))
        elif element.name == "SegmentBase":
            _drop(element, _TIMES)
        element.drop(_LIVE_ONLY)


def _drop(element: Element, names: Sequence[str]) -> None:
    for name in names:
        element.attributes.pop(name, None)


def _alone(representation: Element, known: _Beside, budget: Budget) -> Element | None:
    """Return a copy of the document with this Representation alone, without comments."""
    levels = list(representation.levels())
    if len(levels) != len(_INNER):
        return None
    made: Element | None = None
    for level, inner in zip(levels, _INNER, strict=True):
        copy = Element(level.name, dict(level.attributes))
        copy.prefix, copy.declared = level.prefix, level.declared
        copy.text = level.text if inner is None and level.text.strip() else ""
        if level not in known:
            known[level] = _beside(level, inner)
        for child in known[level]:
            if child is not None:
                other = child.copy(budget)
                other.tail = ""
                copy.append(other)
            elif made is not None:
                copy.append(made)
        made = copy
    return made


def _beside(level: Element, inner: str | None) -> list[Element | None]:
    """Return the children but comments and those of a name, in whose place there is one None.

    A level is looked through once, however many Representations are in it.
    """
    found: list[Element | None] = []
    placed = False
    for child in level:
        if child.name and child.name != inner:
            found.append(child)
        elif child.name and not placed:
            found.append(None)
            placed = True
    return found
