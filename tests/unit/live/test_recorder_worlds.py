"""What a recorder does in single simulated worlds, beside the laws."""

from __future__ import annotations

import heapq
import itertools
import math
from collections.abc import Sequence

import msgspec
import pytest

from dashget.events import Event, OutageTold, Warned
from dashget.live.clock import Kind, Sample
from dashget.live.facts import Fact, LineFact, LossFact, Reason, SegmentFact
from dashget.live.gaps import find_gaps
from dashget.live.listing import Version
from dashget.live.options import Wishes
from dashget.live.policy import Answer
from dashget.live.recorder import Recorder, Result
from dashget.live.spans import Run
from dashget.live.state import State
from dashget.live.world import Errand, Fetch, FetchEnded, FetchOnce, Read, ReadEnded, Report
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


class Heavy(SimulatedWorld):
    """Each read of the manifest is the work of three seconds."""

    def _read(self, errand: Read) -> ReadEnded:
        return msgspec.structs.replace(super()._read(errand), work=3.0)


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


@pytest.mark.parametrize("broken", [(), ((50.0, 90.0),)])
def test_reads_take_half_of_the_time_of_one_core_at_most(
    broken: tuple[tuple[float, float], ...],
) -> None:
    world = Heavy(Script(form="time", update=0.1, broken=broken), [], at=30.0)
    assert not record(world).gaps
    assert min(b - a for a, b in itertools.pairwise(world.reads)) >= 3.0
    assert len(world.reads) > 30


def test_what_was_asked_for_in_the_last_moments_of_its_window_alone_has_left_it() -> None:
    # The window is from 34 to 74: an origin may keep less than it promises.
    script = Script(depth=40, missing=((17, 0.0, math.inf),), tracks=1)
    world = SimulatedWorld(script, [], at=74.5)
    record(world)
    lost = [fact for fact in world.disk if isinstance(fact, LossFact)]
    assert [(fact.n, fact.reason) for fact in lost] == [(17, Reason.LEFT_WINDOW)]


def test_what_may_come_too_late_is_not_lost_by_a_stop_before_it_has_left_the_window() -> None:
    # A slow first answer: what leaves the window within seconds is put aside.
    world = SimulatedWorld(Script(latency=10.0), [], at=74.5, stops_at=96.0)
    record(world)
    losses = [fact for fact in world.disk if isinstance(fact, LossFact)]
    last, at = max((fact.n + fact.count - 1, fact.until) for fact in losses)
    assert BEGIN + 2 * last + 42 <= at
    again = SimulatedWorld(Script(), world.disk, at=world.at)
    record(again)
    have = {fact.n for fact in world.disk if isinstance(fact, SegmentFact) and fact.line == 1}
    assert have >= set(range(last + 1, int(UNTIL / 2) + 1))


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


class Bad(SimulatedWorld):
    """The server of the second track does not answer, at once or after some time."""

    seconds = 0.05
    until = math.inf
    """Seconds since ``BEGIN``."""

    def start(self, errand: Errand) -> None:
        super().start(errand)
        if self.at < self.until and _is_of_second(errand):
            # It is the last one that was begun.
            index = max(range(len(self._waiting)), key=lambda at: self._waiting[at][1])
            _, sequence, _ = self._waiting[index]
            self._waiting[index] = (self._now + self.seconds, sequence, errand)
            heapq.heapify(self._waiting)

    def wait(self, until: float) -> Sequence[Report]:
        reports = super().wait(until)
        return tuple(
            FetchEnded(each.errand, Answer(0, problem="connection refused"))
            if isinstance(each, FetchEnded) and self.at < self.until and _is_of_second(each.errand)
            else each
            for each in reports
        )


def _is_of_second(errand: Errand) -> bool:
    return isinstance(errand, Fetch) and errand.asked.path.startswith("t1/")


@pytest.mark.parametrize("seconds", [0.05, 30.0], ids=["at-once", "hangs"])
@pytest.mark.parametrize("form", ["number", "time"])
def test_a_server_of_one_track_that_does_not_answer_costs_the_others_nothing(
    form: str, seconds: float
) -> None:
    events: list[Event] = []
    world = Bad(Script(form=form, latency=0.2), [], at=50.0)
    world.seconds = seconds
    result = record(world, events)
    lost = [gap for gap in result.gaps if gap.reason.is_loss]
    assert {gap.label for gap in lost} == {"track 1"}
    assert {gap.reason for gap in lost} == {Reason.OUTAGE}
    assert not any(isinstance(event, OutageTold) for event in events)
    told = [event.message for event in events if isinstance(event, Warned)]
    assert told == ["segments of track 1 fail one after the other: connection refused"]
    asked = sum(len(at) for (_, path), at in world.requests.items() if path.startswith("t1/"))
    assert asked < 120
    assert world.at < UNTIL + 90


def test_when_it_answers_again_what_is_there_is_fetched() -> None:
    world = Bad(Script(depth=60), [], at=50.0)
    world.until = 60.0
    assert not record(world).has_losses


class Serial(SimulatedWorld):
    """A server that answers one request after the other, also those that nobody waits for."""

    room = 16
    each = 0.6
    free = 0.0
    late: dict[int, bool]

    def start(self, errand: Errand) -> None:
        super().start(errand)
        if isinstance(errand, Fetch):
            self.free = max(self.free, self._now) + self.each
            index = max(range(len(self._waiting)), key=lambda at: self._waiting[at][1])
            sequence = self._waiting[index][1]
            at = min(self.free, self._now + errand.seconds)
            self._waiting[index] = (at, sequence, errand)
            heapq.heapify(self._waiting)
            self.late[id(errand)] = at < self.free

    def wait(self, until: float) -> Sequence[Report]:
        reports = super().wait(until)
        return tuple(
            FetchEnded(each.errand, Answer(0))
            if isinstance(each, FetchEnded) and self.late.pop(id(each.errand), False)
            else each
            for each in reports
        )


class Shared(SimulatedWorld):
    """A link whose requests share what it can carry."""

    room = 16
    each = 0.6
    """The seconds that one segment takes alone."""

    def __init__(self, script: Script, *, at: float) -> None:
        super().__init__(script, [], at=at)
        self._under_way: list[_UnderWay] = []

    def start(self, errand: Errand) -> None:
        super().start(errand)
        if isinstance(errand, Fetch):
            self._waiting.remove(max(self._waiting, key=lambda waiting: waiting[1]))
            heapq.heapify(self._waiting)
            self._under_way.append(_UnderWay(errand, self.each, self._now + errand.seconds))

    def wait(self, until: float) -> Sequence[Report]:
        shares = len(self._under_way)
        others = min([until, *(at for at, *_ in self._waiting)])
        first = min(
            self._under_way,
            key=lambda one: min(self._now + one.left * shares, one.until),
            default=None,
        )
        end = math.inf if first is None else min(self._now + first.left * shares, first.until)
        passed = max(min(end, others) - self._now, 0.0)
        for one in self._under_way:
            one.left -= passed / max(shares, 1)
        self._now += passed
        if first is None or end > others:
            return super().wait(until)
        self._step()
        self._under_way.remove(first)
        return (self._fetched(first.errand) if first.left < 1e-9 else _silent(first.errand),)


class _UnderWay(msgspec.Struct, eq=False):
    errand: Fetch
    left: float
    until: float


def _silent(errand: Fetch) -> FetchEnded:
    return FetchEnded(errand, Answer(0))


def test_a_server_that_is_too_slow_for_many_requests_at_once_gets_fewer() -> None:
    # It can carry 5 of 6 segments.
    world = Serial(Script(tracks=4, depth=20), [], at=50.0)
    world.late = {}
    record(world)
    here = sum(isinstance(fact, SegmentFact) for fact in world.disk)
    assert here >= 0.8 * (world.at - 50.0) / world.each


@pytest.mark.parametrize("tracks", [1, 4])
@pytest.mark.parametrize("depth", [10, 20, 60])
@pytest.mark.parametrize("kind", [Serial, Shared])
def test_half_of_the_stream_comes_over_what_can_carry_half_of_it(
    kind: type[Serial | Shared], depth: int, tracks: int
) -> None:
    script = Script(tracks=tracks, depth=depth)
    world = Serial(script, [], at=50.0) if kind is Serial else Shared(script, at=50.0)
    world.late = {}
    world.each = 4.0 / tracks
    record(world)
    here = sum(isinstance(fact, SegmentFact) for fact in world.disk)
    assert here >= 0.6 * (world.at - 50.0) / world.each


@pytest.mark.parametrize("seconds", [1.0, 3.0, 5.0])
def test_a_server_that_is_far_away_gets_as_many_as_it_takes(seconds: float) -> None:
    world = Serial(Script(tracks=4, depth=20, latency=seconds), [], at=50.0)
    world.late = {}
    world.each = 0.0
    result = record(world)
    assert result.totals.recorded >= 0.9 * result.totals.announced


@pytest.mark.parametrize("each", [2.0, 4.0, 8.0])
def test_a_server_that_answers_now_and_then_is_not_waited_for_busily(each: float) -> None:
    world = Serial(Script(tracks=1, depth=20), [], at=50.0)
    world.late = {}
    world.each = each
    record(world)
    assert world.steps < 30 * (world.at - 50.0)


class Dated(SimulatedWorld):
    """A server that tells the time in the ``Date`` of its answers alone, and a wrong one."""

    error = 0.0

    def _read(self, errand: Read) -> ReadEnded:
        ended = super()._read(errand)
        if ended.version is None or not errand.clock or not self.script.tells_time:
            return ended
        told = math.floor(BEGIN + self.at + self.error)
        sample = Sample(Kind.DATE, told, ended.asked, self._now, 1.0)
        return msgspec.structs.replace(ended, sample=sample)


@pytest.mark.parametrize("told", [True, False], ids=["by-date", "by-nobody"])
@pytest.mark.parametrize("depth", [10, 20, 60])
@pytest.mark.parametrize("error", [-100.0, -40.0, 40.0, 60.0])
def test_segments_correct_a_clock_that_is_wrong_by_more_than_the_window(
    error: float, depth: int, told: bool
) -> None:
    script = Script(depth=depth, clock_error=0.0 if told else error, tells_time=told)
    world = Dated(script, [], at=250.0)
    world.error = error
    until = 400.0 + max(error, 0.0)
    wishes = Wishes(until=BEGIN + until, wait=True)
    events: list[Event] = []
    recorder = Recorder(world, wishes, world.wall, State.of(world.disk), events.append)
    result = recorder.run()
    have = {fact.n for fact in world.disk if isinstance(fact, SegmentFact)}
    # Of a clock that is ahead, the window is, too: its segments are waited for.
    first = 250 + max(error, 0.0) - depth
    assert have >= set(range(int(first) // 2 + 2, 200))
    assert not result.has_losses


def test_a_track_that_is_never_there_is_asked_for_seldom_and_had_when_it_comes_back() -> None:
    # Of the second track nothing is there before 300.
    class Missing(SimulatedWorld):
        def _fetched(self, errand: Fetch | FetchOnce) -> FetchEnded:
            if _is_of_second(errand) and self.at < 300.0:
                return FetchEnded(errand, Answer(404))
            return super()._fetched(errand)

    world = Missing(Script(depth=60), [], at=50.0)
    wishes = Wishes(until=BEGIN + 400.0)
    Recorder(world, wishes, world.wall, State.of(world.disk), lambda _: None).run()
    asked = [
        at
        for (_, path), times in world.requests.items()
        if path.startswith("t1/")
        for at in times
        if 70.0 <= at < 300.0
    ]
    assert 100 < len(asked) <= 1.5 * 230
    lines = {fact.line: fact.key for fact in world.disk if isinstance(fact, LineFact)}
    for track in ("t0/", "t1/"):
        have = {
            fact.n
            for fact in world.disk
            if isinstance(fact, SegmentFact) and lines[fact.line].startswith(track)
        }
        assert have >= set(range(123, 201))
