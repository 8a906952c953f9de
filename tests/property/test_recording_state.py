"""Laws of what a record tells: a checkpoint of it, and removals of what is old."""

from __future__ import annotations

import math
from collections.abc import Sequence

import msgspec
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from dashget.errors import StoreError
from dashget.live import state as module
from dashget.live.events import begin_of
from dashget.live.facts import (
    CoverageFact,
    EventFact,
    ExpiredFact,
    Fact,
    LineFact,
    LossFact,
    Reason,
    SegmentFact,
    SessionFact,
)
from dashget.live.gaps import find_gaps, totals_of
from dashget.live.options import Wishes
from dashget.live.recorder import Recorder, Result
from dashget.live.snapshot import facts_of
from dashget.live.state import State
from dashget.recording.facts import encode_fact, fact_of
from tests.property.test_recorder_laws import KILLS, SCRIPTS, UNTIL
from tests.support.liveworld import BEGIN, KilledError, Script, SimulatedWorld


def run(
    script: Script, disk: list[Fact], at: float, *, keep: float, dies_at: int | None = None
) -> tuple[Recorder, Result | None, SimulatedWorld]:
    """Run one recorder that keeps the newest seconds, until its end or its death."""
    world = SimulatedWorld(script, disk, at=at, dies_at=dies_at, keep=keep)
    wishes = Wishes(until=BEGIN + UNTIL, wait=True, keep_seconds=keep)
    recorder = Recorder(world, wishes, world.wall, State.of(disk), lambda _: None)
    try:
        return recorder, recorder.run(), world
    except KilledError:
        return recorder, None, world


def written(script: Script, kills: Sequence[tuple[int, float]], keep: float) -> list[Fact]:
    """Return what recorders write down that are killed again and again."""
    disk: list[Fact] = []
    at = script.starts
    for dies_at, pause in [*kills, (None, 0.0)]:
        _, result, world = run(script, disk, at, keep=keep, dies_at=dies_at)
        at = world.at + pause
        if result is not None:
            break
    return disk


def told(state: State) -> object:
    """Return all that a state tells."""
    return msgspec.to_builtins([
        *facts_of(state), totals_of(state.lines),
        *find_gaps(state.lines, state.outages, state.runs),
    ])  # fmt: skip


def through_text(facts: Sequence[Fact]) -> list[Fact]:
    """Return facts as they are read again."""
    read = [fact_of(encode_fact(fact), "") for fact in facts]
    return [fact for fact in read if fact is not None]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(SCRIPTS, KILLS, st.sampled_from([math.inf, 45.0]), st.floats(0, 1), st.floats(0, 1))
@example(Script(), [(200, 7.0)], math.inf, 0.5, 0.3)
@example(Script(restarts=(62.0,), outages=((60.0, 80.0),)), [(300, 1.0)], 45.0, 0.7, 0.5)
def test_a_checkpoint_and_what_follows_tell_what_all_facts_tell(
    script: Script, kills: list[tuple[int, float]], keep: float, share: float, again: float
) -> None:
    disk = written(script, kills, keep)
    at = int(len(disk) * share)
    checkpoint = through_text(list(facts_of(State.of(disk[:at]))))
    assert told(State.of([*checkpoint, *disk[at:]])) == told(State.of(disk))
    # A record that is written anew begins with all that it tells; older lines may follow it.
    anew = through_text(list(facts_of(State.of(disk))))
    from_here = disk[int(len(disk) * again) :]
    assert told(State.of([*anew, *from_here])) == told(State.of(disk))


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(SCRIPTS, st.integers(1, 600), st.floats(0, 1))
def test_a_recorder_goes_on_from_a_checkpoint_as_from_the_whole_record(
    script: Script, dies_at: int, share: float
) -> None:
    disk: list[Fact] = []
    _, _, world = run(script, disk, script.starts, keep=math.inf, dies_at=dies_at)
    at = int(len(disk) * share)
    short = [*through_text(list(facts_of(State.of(disk[:at])))), *disk[at:]]
    whole, begin = list(disk), len(short)
    first, result, _ = run(script, whole, world.at + 1, keep=math.inf)
    second, other, _ = run(script, short, world.at + 1, keep=math.inf)
    assert result is not None
    assert other is not None
    assert other.totals == result.totals
    assert other.gaps == result.gaps
    assert told(State.of(short)) == told(State.of(whole))
    assert [type(fact) for fact in short[begin:]] == [type(fact) for fact in whole[len(disk) :]]
    assert totals_of(first.state.lines) == totals_of(second.state.lines)


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(SCRIPTS, KILLS, st.sampled_from([20.0, 45.0, 100.0]))
@example(Script(), [], 20.0)
@example(Script(form="time", outages=((60.0, 80.0),)), [(300, 7.0)], 45.0)
def test_what_is_old_is_no_gap_and_no_loss(
    script: Script, kills: list[tuple[int, float]], keep: float
) -> None:
    disk = written(script, kills, keep)
    state = State.of(disk)
    totals = totals_of(state.lines)
    assert totals.recorded + totals.lost + totals.withdrawn + totals.expired == totals.announced
    for line in state.lines:
        for runs in (line.recorded, line.withdrawn, *line.lost.values()):
            assert all(line.wall(each.time) >= state.expired - 0.001 for each in runs)
    for gap in find_gaps(state.lines, state.outages, state.runs):
        assert gap.end >= state.expired - 0.001
    # Nothing is asked for that is older than what is kept; what was asked for may still come.
    expired = -math.inf
    for fact in disk:
        if isinstance(fact, ExpiredFact):
            assert fact.expired > expired
            expired = fact.expired
        elif isinstance(fact, SegmentFact):
            line = state.lines.by_id[fact.line]
            assert line.wall(fact.t + fact.d) >= expired - 45


def seen(disk: Sequence[Fact]) -> list[tuple[int, str]]:
    """Return the events that are written down; those of the end may be beyond it."""
    events = [fact for fact in disk if isinstance(fact, EventFact)]
    begun = [fact for fact in events if begin_of(fact) < BEGIN + 150]
    return [(fact.generation, fact.event) for fact in begun]


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(KILLS, st.sampled_from([(), (62.0,)]), st.sampled_from(["number", "time"]))
def test_events_of_the_manifest_survive_kills(
    kills: list[tuple[int, float]], restarts: tuple[float, ...], form: str
) -> None:
    script = Script(form=form, events=7, restarts=restarts, periods=(48.0,))
    disk = written(script, kills, math.inf)
    told_once = seen(disk)
    assert len(set(told_once)) == len(told_once) >= 15
    assert set(told_once) == set(seen(written(script, [], math.inf)))
    assert set(seen(through_text(list(facts_of(State.of(disk)))))) == set(told_once)


def test_a_rolling_recording_of_an_undisturbed_presentation_is_complete() -> None:
    disk: list[Fact] = []
    recorder, result, _ = run(Script(), disk, 30.0, keep=45.0)
    assert result is not None
    assert not result.has_losses
    assert result.totals.expired > 50
    assert result.totals.recorded + result.totals.expired == result.totals.announced
    assert recorder.state.expired == State.of(disk).expired > BEGIN + 90


@pytest.mark.parametrize("unknown", [b'{"coverage":9,"known":[1,2]}', b'{"held":3}'])
def test_a_summary_of_nothing_known_tells_nothing(unknown: bytes) -> None:
    fact = fact_of(unknown, "")
    assert fact is not None
    assert not totals_of(State.of([fact]).lines).announced


LINE = LineFact(1, "t0/$Time$.m4s time/10", scale=10)


@pytest.mark.parametrize("form", ["stretches", "runs", "long", "coverage"])
def test_a_record_in_no_order_is_damaged_after_a_bounded_time(
    form: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST_STEPS", 100_000)
    times = range(4_000, 0, -1)
    facts: list[Fact] = [LINE]
    if form == "stretches":
        facts += [LossFact(1, 4 * t, 2, t, reason=Reason.ODD) for t in times]
    elif form == "runs":
        # They are one stretch, but no two of them are of one kind.
        facts += [SegmentFact(1, 2 * t, 2, 7 * t) for t in times]
    elif form == "long":
        facts += [LossFact(1, 4 * t, 2, t, reason=Reason.ODD) for t in reversed(times)]
        facts += [LossFact(1, 1, 8_000, 1, count=2, reason=Reason.ODD)] * 4_000
    else:
        many = tuple(n for t in reversed(times) for n in (4 * t, 4 * t + 2))
        facts += [
            CoverageFact(1, known=many),
            CoverageFact(1, known=tuple(n - 20_000 for n in many)),
        ]
        facts += [CoverageFact(1, known=(-20_000 - n, -19_999 - n)) for n in range(0, 200, 2)]
    with pytest.raises(StoreError, match="its segments are in no order"):
        State.of(facts)


def test_recorders_in_any_order_are_sorted_by_time() -> None:
    facts = [SessionFact("begin", float(at)) for at in (5, 1, 3, 1, 5)]
    assert State.of(facts).runs == [(1.0, 1.0), (3.0, 3.0), (5.0, 5.0)]
