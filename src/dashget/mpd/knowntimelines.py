"""Read a document whose timelines are mostly those of the document before.

A live presentation with a window of a day has tens of thousands of rows in each timeline, and with
each read a few of them are other ones. Rows whose bytes are those of the document before are cut
out before the text is parsed, with one row as a mark in their place, and put back as they were
read then. Where the parser finds each mark as a row of a timeline, the rest of the text means
what it means with the rows; where it does not, all of the text is parsed.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from typing import Final

import msgspec

from dashget.common.lateregex import late
from dashget.common.numbers import read_digits
from dashget.errors import DashGetError
from dashget.mpd.budget import COMMON, ROW, Budget
from dashget.mpd.issues import IssueLog
from dashget.mpd.timeline import SegmentTimeline
from dashget.mpd.xmltree import Element, XmlError, read_tree

_LEAST_ROWS: Final = 64
"""Shorter timelines are not worth it."""
_LEAST_BYTES: Final = 2048
_MOST_GONE: Final = 4096
"""So many rows may have left the window since, at most."""
_OPEN: Final = b"<SegmentTimeline"
_CLOSE: Final = b"</SegmentTimeline"
_ROW_BEGIN: Final = b"<S"
_FIRST_ROW: Final = late(rb"<S((?:\s+[tdr]=\"[0-9]{1,18}\"){2,3})\s*/?>")
_VALUE: Final = late(rb"([tdr])=\"([0-9]+)\"")


class _Known(msgspec.Struct, frozen=True, eq=False):
    """A timeline of the document before: its rows are the text from ``begin`` to ``end``."""

    timeline: SegmentTimeline
    begin: int
    end: int


class _Cut(msgspec.Struct, frozen=True, eq=False):
    """A part of the text whose rows are known: ``count`` of a timeline, from ``first`` on."""

    begin: int
    end: int
    known: _Known
    first: int
    count: int
    lines: int
    """The line ends in it."""


class KnownTimelines:
    """The timelines of one document, for the next one of the same presentation."""

    def __init__(self, mark: str) -> None:
        """``mark`` is a word that no document can have guessed."""
        self._text = b""
        self._known: tuple[_Known, ...] = ()
        self._serial = 0
        self._mark = f"row-{mark}-"

    def read(self, text: bytes, log: IssueLog, budget: Budget) -> Element:
        """Return what ``read_tree`` returns for the text, or raise what it raises."""
        cuts: Sequence[_Cut] = ()
        root: Element | None = None
        # Line ends of other kinds would be counted in another way.
        if self._known and b"\r" not in text and b"<!DOCTYPE" not in text:
            cuts = tuple(self._cuts(text))
        if cuts:
            root = self._read_short(text, cuts, log, budget)
        if root is None:
            cuts = ()
            root = read_tree(text, log, budget)
        self._remember(text, root, cuts)
        return root

    def _cuts(self, text: bytes) -> Iterator[_Cut]:
        """Yield what of the text is known: a part of each timeline at most."""
        at, left = 0, list(self._known)
        while left and (begin := text.find(_OPEN, at)) >= 0:
            end = text.find(_CLOSE, begin)
            if end < 0:
                return
            at = end
            if end - begin < _LEAST_BYTES:
                continue
            for position, known in enumerate(left):
                cut = self._cut(text, begin, end, known)
                if cut is not None:
                    yield cut
                    del left[: position + 1]
                    break

    def _cut(self, text: bytes, begin: int, end: int, known: _Known) -> _Cut | None:
        """Return the part of a timeline's text that is in a known one, behind its first row."""
        row = text.find(b"<", begin + 1, end)
        match = _FIRST_ROW.match(text, row, end) if row >= 0 else None
        here = text.find(_ROW_BEGIN, row + 2, end) if match is not None else -1
        surveyed = known.timeline.survey()
        if match is None or here < 0 or surveyed is None:
            return None
        values = {
            name: read_digits(value.decode("ascii", "replace")) or 0
            for name, value in _VALUE.findall(match[1])
        }
        if len(values) < 2 or b"t" not in values or b"d" not in values:
            return None
        time = values[b"t"] + (values.get(b"r", 0) + 1) * values[b"d"]
        first = bisect_left(surveyed.begins, time)
        if first > _MOST_GONE or first + 2 > len(surveyed.begins) or surveyed.begins[first] != time:
            return None
        old = self._text
        there = known.begin
        for _ in range(first):
            there = old.find(_ROW_BEGIN, there + 2)
        # The last row may get longer.
        last = old.rfind(_ROW_BEGIN, known.begin, known.end)
        size = _common(old, there, text, here, min(last - there, end - here))
        until = there + size
        if not (old.startswith(_ROW_BEGIN, until) and text.startswith(_ROW_BEGIN, here + size)):
            until = old.rfind(_ROW_BEGIN, there, until)
        if until <= there:
            return None
        count = len(known.timeline) - first - old.count(_ROW_BEGIN, until, known.end)
        behind = here + until - there
        return _Cut(here, behind, known, first, count, text.count(b"\n", here, behind))

    def _read_short(
        self, text: bytes, cuts: Sequence[_Cut], log: IssueLog, budget: Budget
    ) -> Element | None:
        """Parse the text without what is known; None if that does not do."""
        pieces: list[bytes] = []
        at = 0
        for number, cut in enumerate(cuts):
            pieces += (text[at : cut.begin], self._row(number), b"\n" * cut.lines)
            at = cut.end
        short = b"".join((*pieces, text[at:]))
        own, before = IssueLog(), (budget.work, budget.elements)
        try:
            root = read_tree(short, own, budget)
        except (XmlError, DashGetError):
            root = None
        if root is None or not self._put_back(root, cuts):
            budget.work, budget.elements = before
            return None
        rows = sum(cut.count - 1 for cut in cuts)
        budget.work -= COMMON * len(cuts)
        budget.spend_elements(rows)
        budget.spend(ROW * rows + 2 * (len(text) - len(short)), "its elements")
        log.extend(own.warnings, own.problems)
        return root

    def _row(self, number: int) -> bytes:
        return f'<S d="{self._mark}{number}"/>'.encode()

    def _put_back(self, root: Element, cuts: Sequence[_Cut]) -> bool:
        """Put the known rows where their marks are; return False if one is missing."""
        found: list[tuple[SegmentTimeline, int, _Cut]] = []
        for timeline in _timelines(root):
            for position, (attributes, _) in timeline.odd.items():
                mark = attributes.get("d", "")
                if mark.startswith(self._mark):
                    number = read_digits(mark.removeprefix(self._mark))
                    if number is None or number >= len(cuts):
                        return False
                    found.append((timeline, position, cuts[number]))
        marked = {id(timeline) for timeline, *_ in found}
        if len(found) != len(cuts) or len(marked) != len(cuts):
            return False
        if {id(cut) for *_, cut in found} != {id(cut) for cut in cuts}:
            return False
        for timeline, position, _ in found:
            odd = timeline.odd.pop(position)
            compact = timeline.is_compact
            timeline.odd[position] = odd
            if not compact:
                return False
        for timeline, position, cut in found:
            timeline.reuse(position, cut.known.timeline, cut.first, cut.count)
        return True

    def _remember(self, text: bytes, root: Element, cuts: Sequence[_Cut]) -> None:
        """Keep the timelines, for the next document."""
        known: list[_Known] = []
        # Of the same text come the same timelines.
        same = self._known if text == self._text else ()
        serials = iter([each.timeline.serial for each in same])
        ends, gone = self._replaced(cuts)
        begins = [cut.begin for cut in cuts]
        for timeline in _timelines(root):
            span, timeline.span = timeline.span, None
            if span is None or len(timeline) < _LEAST_ROWS or not timeline.is_compact:
                continue
            begin, end = (at + gone[bisect_right(ends, at)] for at in span)
            row = text.find(b"<", begin + 1, end)
            if not text.startswith(_OPEN, begin) or not text.startswith(_CLOSE, end) or row < 0:
                continue
            at = bisect_right(begins, row)
            cut = cuts[at] if at < len(cuts) and cuts[at].end <= end else None
            if _has_rows_alone(text, row, end, len(timeline), cut):
                self._serial += 1
                timeline.serial = next(serials, self._serial)
                if timeline.survey() is not None:
                    known.append(_Known(timeline, row, end))
        for timeline in _timelines(root):
            timeline.followed = None
        self._text, self._known = (text if known else b""), tuple(known)

    def _replaced(self, cuts: Sequence[_Cut]) -> tuple[list[int], list[int]]:
        """Return where marks end in the short text, and how much is missing before there."""
        ends, gone = [], [0]
        for number, cut in enumerate(cuts):
            missing = cut.end - cut.begin - len(self._row(number)) - cut.lines
            gone.append(gone[-1] + missing)
            ends.append(cut.end - gone[-1])
        return ends, gone


def _has_rows_alone(text: bytes, begin: int, end: int, rows: int, cut: _Cut | None) -> bool:
    """Return True if nothing but rows begins in a part of the text; what was cut has only rows."""
    parts = [(begin, end)]
    if cut is not None:
        parts, rows = [(begin, cut.begin), (cut.end, end)], rows - cut.count
    tags = sum(text.count(b"<", *part) for part in parts)
    return rows == tags == sum(text.count(_ROW_BEGIN, *part) for part in parts)


def _timelines(root: Element) -> Iterator[SegmentTimeline]:
    """Yield the timelines of a tree, in the order of the document."""
    waiting = [root]
    while waiting:
        element = waiting.pop()
        if element.timeline is not None:
            yield element.timeline
        waiting.extend(reversed(element.children))


def _common(old: bytes, there: int, new: bytes, here: int, most: int) -> int:
    """Return how many bytes are the same from two places on, ``most`` at most."""
    same, other = 0, max(most, 0)
    step = other
    while same < other:
        if old[there + same : there + same + step] == new[here + same : here + same + step]:
            same += step
        else:
            other = same + step - 1
        step = max(1, (other - same) // 2) if other - same > 1 else other - same
    return same
