"""Cues, and what is done with a list of them."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction

import msgspec

from dashget.mux.subtitles.limits import MOST_CUES, MOST_TEXT, MOST_TEXTS, Pieces, SubtitleError


class Cue(msgspec.Struct, frozen=True):
    """A text and its time; ``payload`` and ``settings`` are written as in WebVTT."""

    start: Fraction
    end: Fraction
    payload: str
    settings: str = ""
    identifier: str = ""


class Script(msgspec.Struct, frozen=True):
    """What was read: cues, the style blocks of WebVTT, and sentences on what was left out."""

    cues: tuple[Cue, ...]
    styles: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()


def joined(pieces: Iterable[Sequence[Cue]]) -> tuple[Cue, ...]:
    """Return the cues of samples or segments, those that were cut at their ends made whole.

    A cue goes on in a later piece if it has the same text and settings there and begins no later
    than it ended. Two cues of one piece are never made one.
    """
    cues: list[Cue] = []
    last: dict[tuple[str, str, str], list[int]] = {}
    work, characters = Pieces(), 0
    for piece in pieces:
        begun: dict[tuple[str, str, str], list[int]] = {}
        for cue in piece:
            if len(cue.payload) > MOST_TEXT:
                raise SubtitleError(f"a cue of more than {MOST_TEXT:,} characters")
            key = (cue.payload, cue.settings, cue.identifier)
            candidates = last.get(key, ())
            work.take(len(candidates))
            at = _continued(cues, candidates, cue)
            if at is None:
                at = len(cues)
                characters += len(cue.payload) + len(cue.settings)
                if characters > MOST_TEXTS:
                    raise SubtitleError(f"cues of more than {MOST_TEXTS:,} characters")
                cues.append(cue)
                if at >= MOST_CUES:
                    raise SubtitleError(f"more than {MOST_CUES:,} cues")
            else:
                last[key].remove(at)
                start, end = min(cues[at].start, cue.start), max(cues[at].end, cue.end)
                cues[at] = msgspec.structs.replace(cues[at], start=start, end=end)
            begun.setdefault(key, []).append(at)
        last.update(begun)
    return in_order(cues)


def _continued(cues: Sequence[Cue], candidates: Iterable[int], cue: Cue) -> int | None:
    """Return the position of the cue that goes on with this one."""
    for at in candidates:
        if cues[at].start <= cue.start <= cues[at].end or cue.start <= cues[at].start <= cue.end:
            return at
    return None


def in_order(cues: Iterable[Cue]) -> tuple[Cue, ...]:
    """Return cues by their start; those that begin together stay in their order."""
    return tuple(sorted(cues, key=lambda cue: cue.start))


def moved(
    cues: Iterable[Cue], by: Fraction, window: tuple[Fraction, Fraction | None]
) -> Iterator[Cue]:
    """Yield cues at another time, as far as they are within a window of it."""
    first, last = window
    for cue in cues:
        start, end = max(cue.start + by, first), cue.end + by
        if last is not None:
            end = min(end, last)
        if start < end:
            yield msgspec.structs.replace(cue, start=start, end=end)


def in_milliseconds(cues: Iterable[Cue]) -> tuple[tuple[int, int, Cue], ...]:
    """Return the start and end of cues, each rounded once; none is shorter than a millisecond."""
    rounded = []
    for cue in cues:
        start, end = _rounded(cue.start), _rounded(cue.end)
        rounded.append((start, max(end, start + 1), cue))
    return tuple(rounded)


def _rounded(seconds: Fraction) -> int:
    return (2000 * seconds.numerator + seconds.denominator) // (2 * seconds.denominator)


def parted(
    timed: Iterable[tuple[int, int, Cue]],
) -> Iterator[tuple[int, int, tuple[Cue, ...]]]:
    """Yield times without overlap, each with the cues that are shown; gaps have none.

    They follow one another from zero to the last end. Cues must be in order of their start.
    """
    pieces = Pieces()
    shown: list[tuple[int, int, Cue]] = []
    ends: list[int] = []
    now = 0
    for number, (start, end, cue) in enumerate(timed):
        while ends and ends[0] <= start:
            until = heapq.heappop(ends)
            if until > now:
                yield now, until, _cues(shown, pieces)
                now = until
            shown = [one for one in shown if one[1] > now]
        if start > now:
            yield now, start, _cues(shown, pieces)
            now = start
        shown.append((number, end, cue))
        heapq.heappush(ends, end)
        pieces.take(len(shown))
    while ends:
        until = heapq.heappop(ends)
        if until > now:
            yield now, until, _cues(shown, pieces)
            now = until
        shown = [one for one in shown if one[1] > now]


def _cues(shown: Sequence[tuple[int, int, Cue]], pieces: Pieces) -> tuple[Cue, ...]:
    pieces.take(len(shown))
    return tuple(cue for _, _, cue in shown)
