"""What a recorder does in single simulated worlds, beside the laws."""

from __future__ import annotations

import math
from collections.abc import Sequence

import msgspec
import pytest

from dashget.events import Event
from dashget.live.facts import Fact, LossFact, Reason, SegmentFact
from dashget.live.gaps import find_gaps
from dashget.live.listing import Version
from dashget.live.options import Wishes
from dashget.live.recorder import Recorder, Result
from dashget.live.spans import Run
from dashget.live.state import State
from dashget.live.world import Report
from tests.support.liveworld import BEGIN, KilledError, Script, SimulatedWorld, document

UNTIL = 160.0


class Sleepy(SimulatedWorld):
    """The computer sleeps from one time to another one."""

    sleeps: tuple[float, float] = math.inf, math.inf

    def wait(self, until: float) -> Sequence[Report]:
        begin, end = self.sleeps
        due = min([until, *(at for at, *_ in self._waiting)])
        if self.at < begin <= self.began + due:
            self._now = end - self.began
            return ()
        return super().wait(until)


def record(world: SimulatedWorld, events: list[Event] | None = None) -> Result:
    seen: list[Event] = [] if events is None else events
    wishes = Wishes(until=BEGIN + UNTIL, wait=True)
    return Recorder(world, wishes, world.wall, State.of(world.disk), seen.append).run()


def reasons(disk: Sequence[Fact]) -> set[Reason]:
    """Return the reasons of all gaps, as they are read from the record."""
    state = State.of(disk)
    return {gap.reason for gap in find_gaps(state.lines, state.outages, state.runs)}


@pytest.mark.parametrize("form", ["number", "time", "numbered-time"])
def test_what_comes_and_goes_while_the_computer_sleeps_is_named_so(form: str) -> None:
    world = Sleepy(Script(form=form), [], at=30.0)
    world.sleeps = 60.0, 130.0
    result = record(world)
    assert result.has_losses
    assert {gap.reason for gap in result.gaps} == {Reason.NOT_RUNNING}
    assert reasons(world.disk) == {Reason.NOT_RUNNING}
    have = [fact.n for fact in world.disk if isinstance(fact, SegmentFact)]
    assert max(have) == UNTIL / 2


@pytest.mark.parametrize("form", ["number", "time", "numbered-time"])
def test_a_sleep_that_is_shorter_than_the_window_loses_nothing(form: str) -> None:
    world = Sleepy(Script(form=form), [], at=30.0)
    world.sleeps = 60.0, 85.0
    assert not record(world).gaps


def test_what_was_asked_for_in_the_last_moments_of_its_window_alone_has_left_it() -> None:
    # The window is from 34 to 74: an origin may keep less than it promises.
    script = Script(depth=40, missing=((17, 0.0, math.inf),), tracks=1)
    world = SimulatedWorld(script, [], at=74.5)
    record(world)
    lost = [fact for fact in world.disk if isinstance(fact, LossFact)]
    assert [(fact.n, fact.reason) for fact in lost] == [(17, Reason.LEFT_WINDOW)]


def sparse(script: Script, at: float) -> Version:
    """Return a document whose second track has every eleventh segment alone, such as text."""
    version = document(script, at)
    listings = []
    for each in version.listings:
        if each.key.startswith("t1/"):
            run = each.rows[0]
            numbers = range(run.number, run.number + run.count)
            rows = tuple(
                Run((n - 1) * run.duration, run.duration, 1, n) for n in numbers if n % 11 == 0
            )
            each = msgspec.structs.replace(each, rows=rows)
        listings.append(each)
    return msgspec.structs.replace(version, listings=tuple(each for each in listings if each.rows))


SPARSE = Script(form="time", depth=30)


@pytest.mark.parametrize(
    ("outages", "sleeps"),
    [((), (math.inf, math.inf)), (((70.0, 85.0),), (math.inf, math.inf)), ((), (70.0, 85.0))],
    ids=["undisturbed", "outage", "sleep"],
)
def test_a_track_with_long_pauses_has_no_gaps(
    outages: tuple[tuple[float, float], ...], sleeps: tuple[float, float]
) -> None:
    world = Sleepy(msgspec.structs.replace(SPARSE, outages=outages), [], at=50.0, reads=sparse)
    world.sleeps = sleeps
    result = record(world)
    assert {gap.reason for gap in result.gaps} == {Reason.ANNOUNCED}
    assert reasons(world.disk) == {Reason.ANNOUNCED}


def test_so_it_is_after_a_restart_within_the_window() -> None:
    disk: list[Fact] = []
    with pytest.raises(KilledError):
        record(SimulatedWorld(SPARSE, disk, at=50.0, dies_at=300, reads=sparse))
    record(SimulatedWorld(SPARSE, disk, at=90.0, reads=sparse))
    assert reasons(disk) == {Reason.ANNOUNCED}


def test_a_pause_that_nobody_has_seen_all_of_may_be_a_gap() -> None:
    world = SimulatedWorld(
        msgspec.structs.replace(SPARSE, outages=((70.0, 130.0),)), [], at=50.0, reads=sparse
    )
    record(world)
    assert reasons(world.disk) == {Reason.ANNOUNCED, Reason.OUTAGE}
