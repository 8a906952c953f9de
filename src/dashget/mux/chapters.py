"""The chapters of a file: its Periods, and the events of the manifest that have text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import Final

import msgspec

from dashget.common.lateregex import late
from dashget.mpd.presentation import Period

_MACHINES: Final = ("urn:scte:", "urn:mpeg:", "urn:dvb:", "urn:nielsen", "http://www.scte.org/")
"""Begins of schemes whose events are for programs: splices, new manifests, ratings."""
_DATA: Final = late(r"[][{}<>=]|\S{32}")
"""What no title has: brackets of JSON and XML, or long words, as base64 is one."""
_MOST: Final = 1000


_Named = tuple[Fraction | None, str]
"""The duration of an event, and the title of its chapter."""


class Chapter(msgspec.Struct, frozen=True):
    """A chapter; its times are seconds from zero."""

    start: Fraction
    end: Fraction
    title: str


def chapters_of(periods: Sequence[Period], zero: Fraction) -> tuple[Chapter, ...]:
    """Return a chapter for each Period, if there are several, and for each event with text.

    An event at the start of a Period names that chapter. ``zero`` is the presentation time that
    is 0 in the file.
    """
    starts: dict[Fraction, _Named] = {}
    if len(periods) > 1:
        for period in periods:
            title = period.id or f"Period {period.index}"
            starts[max(period.start - zero, Fraction(0))] = None, title
    for period in periods:
        starts.update(_events(period, zero))
    ordered = sorted(starts)[:_MOST]
    if not ordered:
        return ()
    last = periods[-1]
    end = max(last.start - zero, Fraction(0)) + (last.duration or Fraction(0))
    following = [*ordered[1:], max(end, ordered[-1])]
    return tuple(
        Chapter(start, _end(start, starts[start][0], next_start), starts[start][1])
        for start, next_start in zip(ordered, following, strict=True)
    )


def _events(period: Period, zero: Fraction) -> Iterator[tuple[Fraction, _Named]]:
    for stream in period.events:
        if stream.inband or stream.scheme.lower().startswith(_MACHINES):
            continue
        for start, duration, text in stream.texts:
            at = period.start + start - zero
            inside = start >= 0 and (period.duration is None or start < period.duration)
            if inside and at >= 0 and not _DATA.search(text):
                yield at, (duration, text)


def _end(start: Fraction, duration: Fraction | None, following: Fraction) -> Fraction:
    """Return the end of a chapter: with its event, or where the next one begins."""
    return min(following, start + duration) if duration else following
