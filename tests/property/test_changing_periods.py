"""Recordings of simulated presentations whose Periods come, move, end early and are cancelled."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

import pytest

from dashget.live.facts import Fact, LineFact, SegmentFact
from dashget.live.listing import Version
from dashget.live.options import Wishes
from dashget.live.policy import Answer
from dashget.live.reading import read_version
from dashget.live.recorder import End, Recorder, Result
from dashget.live.state import State
from dashget.live.world import Fetch, FetchEnded, FetchOnce
from dashget.mpd.parse import parse_mpd
from dashget.mpd.resolve import resolve
from dashget.planning.plan import make_layout
from dashget.planning.tracks import make_tracks
from tests.support.liveworld import BASE, BEGIN, Script, SimulatedWorld

STAMP = "2023-11-14T22:13:20Z"
STEP = 2


def period(name: str, start: int | None, *, folder: str = "v", duration: int | None = None) -> str:
    """Return a Period whose segments have the numbers of their time since the begin of all."""
    begin = 0 if start is None else start
    where = "" if start is None else f'start="PT{start}S"'
    length = "" if duration is None else f'duration="PT{duration}S"'
    return (
        f'<Period id="{name}" {where} {length}><AdaptationSet contentType="video"'
        f' mimeType="video/mp4"><SegmentTemplate media="{folder}/$Number$.m4s" duration="{STEP}"'
        f' startNumber="{begin // STEP + 1}" presentationTimeOffset="{begin}"/>'
        '<Representation id="v" bandwidth="8000"/></AdaptationSet></Period>'
    )


def document(at: float, *periods: str, head: str = "") -> Version:
    published = f"2023-11-14T22:{13 + (20 + int(at)) // 60:02}:{(20 + int(at)) % 60:02}Z"
    text = (
        f'<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" profiles="p" minBufferTime="PT1S" {head}'
        f' type="dynamic" availabilityStartTime="{STAMP}" timeShiftBufferDepth="PT40S"'
        f' minimumUpdatePeriod="PT5S" publishTime="{published}">{"".join(periods)}</MPD>'
    ).encode()
    mpd = parse_mpd(text)
    presentation = resolve(mpd, url=f"{BASE}x.mpd", now=Fraction(BEGIN) + Fraction(at))
    layout = make_layout(presentation)
    return read_version(mpd, presentation, make_tracks(presentation), layout, text.decode())


class World(SimulatedWorld):
    """A world in which files of a folder may be missing from a number on."""

    last: tuple[str, int] = ("", 0)

    def _fetched(self, errand: Fetch | FetchOnce) -> FetchEnded:
        if isinstance(errand, Fetch):
            folder, last = self.last
            if errand.asked.path.startswith(f"{folder}/") and errand.asked.run.number > last:
                return FetchEnded(errand, Answer(404))
        return super()._fetched(errand)


def recorded(
    reads: Callable[[float], Version], *, until: float = 140.0, last: tuple[str, int] = ("", 0)
) -> tuple[Result, dict[str, list[int]]]:
    """Record from second 30 on; return the numbers of each folder."""
    disk: list[Fact] = []
    world = World(Script(), disk, at=30.0, reads=lambda _, at: reads(at))
    world.last = last
    wishes = Wishes(until=BEGIN + until, linger=20.0)
    result = Recorder(world, wishes, world.wall, State(), lambda _: None).run()
    lines = {fact.line: fact.key for fact in disk if isinstance(fact, LineFact)}
    found: dict[str, list[int]] = {}
    for fact in disk:
        if isinstance(fact, SegmentFact):
            found.setdefault(lines[fact.line].partition("/")[0], []).append(fact.n)
    return result, {folder: sorted(numbers) for folder, numbers in found.items()}


def test_a_period_that_is_announced_early_and_moves_is_recorded_once() -> None:
    def reads(at: float) -> Version:
        first = period("a", 0)
        if at < 50:
            return document(at, first)
        start = None if at < 60 else 80 if at < 70 else 90
        return document(at, first, period("b", start, folder="w"))

    result, found = recorded(reads)
    assert result.totals.lost == 0
    assert found["v"][-1] == 45
    assert found["w"] == list(range(46, 71))


@pytest.mark.parametrize("told", [70, 86])
def test_a_period_that_is_cancelled_is_no_loss(told: int) -> None:
    """Also where it should have begun already."""

    def reads(at: float) -> Version:
        if at < told:
            breaks = period("ad", 80, folder="ad", duration=20)
            return document(at, period("a", 0, duration=80), breaks, period("b", 100))
        return document(at, period("a", 0))

    result, found = recorded(reads, last=("ad", 0))
    assert result.totals.lost == 0
    assert found == {"v": list(range(found["v"][0], 71))}


@pytest.mark.parametrize("told", [70, 86])
def test_a_period_that_ends_early_has_no_more_segments(told: int) -> None:
    """Those beyond its end may have been asked for before that was known."""

    def reads(at: float) -> Version:
        first = period("a", 0, duration=None if at < 40 else 120)
        if at < told:
            return document(at, first)
        return document(at, first, period("b", 80, folder="w"))

    result, found = recorded(reads, last=("v", 40))
    assert result.totals.lost == 0
    assert found["v"][-1] == 40
    assert found["w"] == list(range(41, 71))


def test_an_end_that_is_put_off_is_followed() -> None:
    def reads(at: float) -> Version:
        end = 60 if at < 58 else 80 if at < 85 else 120
        return document(at, period("a", 0), head=f'mediaPresentationDuration="PT{end}S"')

    result, found = recorded(reads, until=400.0)
    assert result.end is End.OVER
    assert result.totals.lost == 0
    assert found == {"v": list(range(found["v"][0], 61))}


def test_a_duration_counts_from_a_begin_that_is_to_come() -> None:
    disk: list[Fact] = []
    world = World(Script(), disk, at=30.0, reads=lambda _, at: document(at, period("a", 0)))
    wishes = Wishes(begin=BEGIN + 80.0, seconds=20.0)
    result = Recorder(world, wishes, world.wall, State(), lambda _: None).run()
    assert result.end is End.UNTIL
    found = [fact.n for fact in disk if isinstance(fact, SegmentFact)]
    assert sorted(found) == list(range(41, 51))


def test_periods_that_leave_the_window_stay_recorded() -> None:
    def reads(at: float) -> Version:
        starts = [start for start in range(0, 200, 20) if at - 60 <= start <= at]
        return document(at, *(period(f"p{start}", start, folder=f"f{start}") for start in starts))

    result, found = recorded(reads)
    assert result.totals.lost == 0
    numbers = sorted(n for each in found.values() for n in each)
    assert numbers == list(range(numbers[0], 71))
    assert len(found) == 7
