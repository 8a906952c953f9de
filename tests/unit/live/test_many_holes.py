"""Recordings that are cut by very many holes: what their local MPD costs."""

from __future__ import annotations

import sys
from types import FrameType
from typing import Any

from dashget.live.localmpd import MOST_PERIODS, Coverage, local_mpd, make_local
from dashget.live.state import State
from tests.unit.live.test_localmpd import line


def holes(number: int) -> Coverage:
    """Return two tracks that lack every second segment."""
    segments = [(4 * n, 2 * n) for n in range(number)]
    return Coverage.of(State.of(line(1, *segments) + line(2, *segments, kind="audio")))


def lines_run(coverage: Coverage) -> int:
    """Return how many lines of Python the making of a local MPD runs."""
    count = 0

    def trace(_frame: FrameType, event: str, _: Any) -> Any:
        nonlocal count
        count += event == "line"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        local_mpd(coverage)
    finally:
        sys.settrace(before)
    return count


def test_the_work_for_a_local_mpd_grows_with_its_holes_and_not_with_their_square() -> None:
    few, many = (lines_run(holes(number)) for number in (100, 1000))
    assert many < 11 * few


def test_a_local_mpd_has_ten_thousand_periods_at_most() -> None:
    made = make_local(holes(MOST_PERIODS + 1))
    assert made is not None
    assert made.cut
    assert made.data.count(b"<Period ") == MOST_PERIODS == 10_000


def test_one_of_as_many_periods_as_it_may_have_is_whole() -> None:
    made = make_local(holes(MOST_PERIODS))
    assert made is not None
    assert not made.cut
    assert made.data.count(b"<Period ") == MOST_PERIODS
