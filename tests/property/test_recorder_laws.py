"""Laws of the recorder's loop, over simulated worlds of which Hypothesis writes the scripts."""

from __future__ import annotations

import itertools
import math
import os
from collections.abc import Callable, Sequence
from fractions import Fraction

import msgspec
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from dashget.events import Event
from dashget.live.facts import (
    EventFact,
    Fact,
    FileFact,
    LateFact,
    LineFact,
    LossFact,
    Reason,
    SegmentFact,
)
from dashget.live.gaps import totals_of
from dashget.live.listing import Version
from dashget.live.localmpd import Coverage, local_mpd
from dashget.live.options import Wishes
from dashget.live.policy import MOST_TRIES
from dashget.live.recorder import End, Recorder, Result
from dashget.live.state import State
from dashget.media.events import SILENT, EventMessage, Notices
from dashget.mpd.parse import parse_mpd
from dashget.mpd.resolve import resolve
from tests.support.liveworld import (
    BEGIN,
    Encoder,
    KilledError,
    Script,
    SimulatedWorld,
    document,
)
from tests.support.livexml import document_by_xml
from tests.support.played import initializations, played_events, played_files
from tests.support.together import shown_segments

UNTIL = 160.0
"""When a recording ends, in seconds since ``BEGIN``."""
MICROSECOND = Fraction(1, 1_000_000)


def record(
    script: Script,
    disk: list[Fact],
    *,
    at: float,
    dies_at: int | None = None,
    until: float = UNTIL,
    reads: Callable[[Script, float], Version] | None = None,
    linger: float = 10.0,
) -> tuple[Recorder, Result | None, SimulatedWorld]:
    """Run one recorder in a script, from a time until its end or its death."""
    world = SimulatedWorld(script, disk, at=at, dies_at=dies_at, reads=reads)
    wishes = Wishes(until=BEGIN + until, wait=True, linger=linger)
    events: list[Event] = []
    recorder = Recorder(world, wishes, world.wall, State.of(disk), events.append)
    try:
        return recorder, recorder.run(), world
    except KilledError:
        return recorder, None, world


def spans(begin: float, end: float, most: float) -> st.SearchStrategy[tuple[float, float]]:
    return st.tuples(st.integers(int(begin), int(end)), st.integers(1, int(most))).map(
        lambda pair: (float(pair[0]), float(pair[0] + pair[1]))
    )


SCRIPTS = st.builds(
    Script,
    form=st.sampled_from(["number", "time", "numbered-time"]),
    step=st.sampled_from([2, 4]),
    depth=st.sampled_from([None, 40, 60]),
    tracks=st.integers(1, 2),
    lag=st.sampled_from([0.0, 0.5, 3.0]),
    update=st.sampled_from([None, 0.0, 0.5, 2.0, 7.0, 500.0]),
    starts=st.sampled_from([0.0, 30.0, 75.0]),
    outages=st.lists(spans(30, 150, 60), max_size=2).map(tuple),
    missing=st.lists(
        st.tuples(st.integers(1, 70), spans(0, 150, 50)).map(lambda m: (m[0], *m[1])), max_size=4
    ).map(tuple),
    alone=st.lists(st.tuples(st.integers(0, 1), st.integers(1, 70)), max_size=6).map(tuple),
    stale=st.lists(spans(30, 150, 60), max_size=1).map(tuple),
    broken=st.lists(spans(30, 150, 15), max_size=1).map(tuple),
    restarts=st.sampled_from([(), (), (62.0,), (62.0, 110.0)]),
    periods=st.sampled_from([(), (48.0,), (48.0, 96.0)]),
    ends=st.sampled_from([math.inf, math.inf, 120.0]),
    ends_by=st.sampled_from(["static", "static", "event", "lmsg"]),
    expiring=st.sampled_from([(), (), (20, 21, 22), (16, 40)]),
    clock_error=st.sampled_from([0.0, 0.0, 10.0, -10.0]),
    tells_time=st.booleans(),
    events=st.sampled_from([0, 7]),
    late=st.sampled_from([Fraction(0), Fraction(0), Fraction(1441, 750)]),
    patches=st.sampled_from(["", "", "good", "bad", "stuck", "short"]),
)
KILLS = st.lists(st.tuples(st.integers(1, 600), st.sampled_from([0.0, 1.0, 7.0])), max_size=3)


def enough(script: Script) -> float:
    """Return how long a segment has to be there, and to be reached, on end to be recorded.

    The manifest has to be read again, after a failure or an outage with a pause, and a try that
    failed before has a pause as well.
    """
    interval = min(8.0 * script.step, (script.depth or 1000) / 2)
    if script.update is not None:
        interval = min(interval, max(script.update, float(script.step)))
    if script.patches == "stuck":
        # All of the manifest is read after three patches that brought nothing.
        interval *= 4
    return 14 + interval + (10 + interval if script.stale else 0)


def check_events(disk: Sequence[Fact], script: Script) -> None:
    """Each event is written down once, and is in the local MPD while the segment of its time is."""
    events = [fact for fact in disk if isinstance(fact, EventFact)]
    assert len({(fact.event, fact.generation) for fact in events}) == len(events)
    local = local_mpd(Coverage.of(State.of(disk)))
    if local is None or script.form == "time":
        return
    shown = played_events(local)
    assert len(set(shown)) == len(shown)
    files = [file for file in played_files(local) if file.track == "t0"]
    for begin, text in shown:
        time = int(text.split()[1])
        for file in files:
            if file.begin <= begin < file.begin + file.length:
                number = int(file.path.rpartition("/")[2].partition(".")[0])
                exact = time - (number - 1) * script.step
                # Of media that are late only if two segments have told so. The next Period may have
                # it: the begin of a Period is written in microseconds.
                off = min(abs(begin - file.begin - each) for each in (exact, exact - script.late))
                assert off <= MICROSECOND, text
    if script.late:
        # What was recorded is at another time than the events beside it in the manifest.
        return
    texts = [text for _, text in shown]
    there = shown_segments(disk, timed=False)
    runs = [f for f in disk if isinstance(f, SegmentFact) and (f.line, f.t) in there]
    lines = {fact.line: fact for fact in disk if isinstance(fact, LineFact)}
    for fact in events:
        start, time_ = fact.event.partition("<Event>")[2].partition("<")[0].split()
        own = [each for each in there.values() if each.where == (fact.generation, fact.period)]
        if not any(each.begin <= BEGIN + float(start) + int(time_) for each in own):
            # Nothing of its Period is there yet: its begin was read late.
            continue
        number = int(time_) // script.step + 1
        if any(
            run.n == number and _start(lines[run.line], script.step) == float(start)
            and lines[run.line].key.startswith("t0/") for run in runs
        ):  # fmt: skip
            assert f"{start} {time_}" in texts


def recorded_of(disk: Sequence[Fact], step: int = 2) -> set[tuple[float, str, int]]:
    """Return what was recorded: the start of its encoder, its track, its number."""
    lines = {fact.line: fact for fact in disk if isinstance(fact, LineFact)}
    return {
        (_start(lines[fact.line], step), lines[fact.line].key.partition("/")[0], fact.n)
        for fact in disk
        if isinstance(fact, SegmentFact)
    }


def _start(line: LineFact, step: int) -> float:
    return line.origin - BEGIN + (step if " number" in line.key else 0)


def longest_reach(
    script: Script, encoder_index: int, position: int, uptimes: Sequence[tuple[float, float]]
) -> float:
    """Return how long a segment could be had on end."""
    encoder = script.encoders()[encoder_index]
    if not script.exists(encoder, position):
        return 0.0
    best = run = 0.0
    at = script.promised(encoder, position) + script.lag
    end = min(encoder.end, UNTIL, at + (script.depth or 1000) + script.step)
    while at < end:
        up = any(begin <= at < finish for begin, finish in uptimes)
        broken = any(begin <= at < finish for begin, finish in script.broken)
        run = run + 0.5 if up and not broken and script.status(encoder, position, at) == 200 else 0
        best = max(best, run)
        at += 0.5
    return best


def check(script: Script, kills: Sequence[tuple[int, float]]) -> None:
    disk: list[Fact] = []
    at = script.starts
    uptimes: list[tuple[float, float]] = []
    worlds: list[SimulatedWorld] = []
    for dies_at, pause in kills:
        recorder, result, world = record(script, disk, at=at, dies_at=dies_at)
        worlds.append(world)
        uptimes.append((at, world.at))
        at = world.at + pause
        if result is not None:
            break
    for killed in worlds:
        if killed.local is not None:
            # What a kill leaves names nothing that is not there, and is not older than it says.
            written, local = killed.local
            assert local is None or {f.path for f in played_files(local)} <= _paths(script, disk)
            assert killed.recorded_at - written <= Wishes().local_every + 2 * script.step + 5
    recorder, result, world = record(script, disk, at=at)
    worlds.append(world)
    uptimes.append((at, world.at))
    assert result is not None
    assert result.end in (End.UNTIL, End.OVER)

    totals = totals_of(recorder.state.lines)
    assert totals == result.totals
    assert totals.pending == 0
    assert totals.recorded + totals.lost + totals.withdrawn == totals.announced

    # What is on disk is what the recorder believes.
    again = totals_of(State.of(disk).lines)
    assert (again.recorded, again.lost, again.withdrawn) == (
        totals.recorded, totals.lost, totals.withdrawn,
    )  # fmt: skip
    if any(isinstance(fact, SegmentFact) for fact in disk):
        assert world.local is not None, "the local MPD is written at the end"
        assert world.local[1] == local_mpd(Coverage.of(State.of(disk)))
    check_local_mpd(disk, timed=script.form == "time")
    check_events(disk, script)
    facts = [fact for fact in disk if isinstance(fact, SegmentFact)]
    assert len({(fact.line, fact.t) for fact in facts}) == len(facts), "recorded twice"

    # What could be had for long enough is recorded.
    have = recorded_of(disk, script.step)
    for index, encoder in enumerate(script.encoders()):
        for position in range(int(UNTIL // script.step) + 1):
            reach = longest_reach(script, index, position, uptimes)
            if reach < enough(script) or encoder.start + position * script.step >= UNTIL:
                continue
            for track in range(script.tracks):
                if (track, script.number(encoder, position)) in script.alone:
                    continue
                assert (encoder.start, f"t{track}", position + 1) in have, (
                    f"segment {position + 1} of track {track} of the encoder of {encoder.start}"
                    f" is missing: it could be had for {reach} s"
                )

    # Nothing is taken for a segment of another encoder.
    lines = {fact.line: fact for fact in disk if isinstance(fact, LineFact)}
    for world in worlds:
        for (line, _), start in world.made_by.items():
            if line in lines:
                assert _start(lines[line], script.step) == start

    # Nothing is asked for too often; nothing before it can be there.
    error = 0.0 if script.tells_time else abs(script.clock_error)
    for world in worlds:
        for (start, path), times in world.requests.items():
            answered = [t for t in times if script.reaches(t)]
            assert len(answered) <= MOST_TRIES + 2, path
            if script.form == "number" and not script.restarts:
                number = int(path.rpartition("/")[2].removesuffix(".m4s"))
                assert min(times) >= start + number * script.step - error - 0.1, path
        # Only to find the time out, if nothing else tells it.
        assert len(world.soundings) <= (0 if script.tells_time else 300 // script.step)
        # Reads: never a busy loop.
        assert len(world.reads) <= 12 + 4 * (world.at - world.began)


def _paths(script: Script, disk: Sequence[Fact]) -> set[str]:
    lines = {fact.line: fact for fact in disk if isinstance(fact, LineFact)}
    timed = script.form == "time"
    return {
        _path(lines[fact.line], fact, timed=timed) for fact in disk if isinstance(fact, SegmentFact)
    }


def check_local_mpd(disk: Sequence[Fact], *, timed: bool) -> None:
    """The local MPD equals the coverage: each recorded segment, at its time, and no other.

    It leaves out exactly what players cannot show: video and audio without the other one.
    """
    lines = {fact.line: fact for fact in disk if isinstance(fact, LineFact)}
    files = {fact.path for fact in disk if isinstance(fact, FileFact)}
    recorded = {
        _path(lines[fact.line], fact, timed=timed): fact
        for fact in disk
        if isinstance(fact, SegmentFact)
    }
    late = {fact.late: fact.by for fact in disk if isinstance(fact, LateFact) and not timed}
    state = State.of(disk)
    local = local_mpd(Coverage.of(state))
    if not recorded:
        assert local is None
        return
    assert local is not None
    played = played_files(local)
    there = shown_segments(disk, timed=timed)
    assert {each.path for each in played} == {
        path for path, fact in recorded.items() if (fact.line, fact.t) in there
    }
    kinds: dict[int, set[str]] = {}
    for each in played:
        kinds.setdefault(each.period, set()).add(each.track)
    assert len(set(map(frozenset, kinds.values()))) <= 1, "each Period has all tracks"
    assert initializations(local) <= files
    ends: dict[int, Fraction] = {}
    for each in played:
        fact = recorded[each.path]
        line = lines[fact.line]
        by = Fraction(late.get(fact.line, 0))
        assert each.media == Fraction(fact.t + line.shift, line.scale) + by
        assert each.length == Fraction(fact.d, line.scale)
        end = each.begin + each.length
        ends[each.period] = max(ends.get(each.period, end), end)
    for track in {each.track for each in played}:
        own = [each for each in played if each.track == track]
        for one, other in itertools.pairwise(own):
            # Only where a Period is cut, one segment is in both.
            assert one.begin < other.begin or one.path == other.path
            hole = other.begin - one.begin - one.length
            if hole > one.length / 2 and len({each.track for each in played}) == 1:
                assert other.period > one.period, "a hole of all tracks ends its Period"
                assert other.begin == period_starts(local)[other.period]


def period_starts(local: bytes) -> list[Fraction]:
    return [period.start for period in resolve(parse_mpd(local), url="http://m/").periods]


def _path(line: LineFact, fact: SegmentFact, *, timed: bool) -> str:
    name = fact.t if timed else fact.n
    again = f"_again/{line.generation}/" if line.generation > 1 else ""
    return f"{again}{line.key.partition('/')[0]}/{name}.m4s"


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(SCRIPTS, KILLS)
@example(Script(), [])
@example(
    Script(
        depth=None, update=None, starts=0.0, tracks=1, periods=(48.0,), events=7,
        late=Fraction(1441, 750), tells_time=False,
    ),
    [(216, 7.0)],
)  # fmt: skip
@example(Script(form="time"), [])
@example(Script(form="numbered-time", restarts=(62.0,)), [])
@example(Script(outages=((60.0, 80.0),)), [])
@example(Script(outages=((60.0, 130.0),)), [])
@example(Script(clock_error=10.0, tells_time=False), [])
@example(Script(step=4, outages=((32.0, 81.0),), broken=((30.0, 31.0),), tells_time=False), [])
@example(Script(form="time", step=4, depth=None, outages=((89.0, 149.0),), starts=75.0), [])
def test_the_laws_hold_in_any_world(script: Script, kills: list[tuple[int, float]]) -> None:
    check(script, kills)


@pytest.mark.parametrize("ends_by", ["event", "lmsg"])
@pytest.mark.parametrize("form", ["number", "time", "numbered-time"])
def test_a_last_segment_ends_a_presentation_whose_manifest_stays_as_it_is(
    form: str, ends_by: str
) -> None:
    disk: list[Fact] = []
    script = Script(form=form, ends=100.0, ends_by=ends_by)
    _, result, world = record(script, disk, at=30.0)
    assert result is not None
    assert result.end is End.OVER
    assert result.totals.lost == 0
    assert {n for _, key, n in recorded_of(disk) if key.startswith("t0")} == set(range(1, 51))
    assert world.at < 125


@pytest.mark.parametrize("kill", [200, 300, 340, 350, 360, 370, 380])
def test_a_recorder_that_was_killed_at_the_end_knows_of_it(kill: int) -> None:
    disk: list[Fact] = []
    script = Script(ends=100.0, ends_by="lmsg")
    _, _, world = record(script, disk, at=30.0, dies_at=kill)
    _, result, world = record(script, disk, at=max(world.at, 101.0) + 1)
    assert result is not None
    assert result.end is End.OVER
    assert result.totals.lost == 0
    assert world.at < 130


@pytest.mark.parametrize("form", ["number", "time"])
def test_an_end_that_is_none_costs_nothing(form: str) -> None:
    """A packager writes ends into segments in the middle."""

    class Mistaken(SimulatedWorld):
        def _notices(self, encoder: Encoder, position: int) -> Notices:
            event = EventMessage("1", 1, 0, 0, position, is_delta=True)
            return Notices((event,), last=True) if position in (30, 31, 45) else SILENT

    disk: list[Fact] = []
    world = Mistaken(Script(form=form), disk, at=30.0)
    recorder = Recorder(
        world, Wishes(until=BEGIN + UNTIL), world.wall, State.of(disk), lambda _: None
    )
    result = recorder.run()
    assert result.end is End.UNTIL
    assert result.totals.lost == result.totals.withdrawn == 0
    assert {n for _, key, n in recorded_of(disk) if key.startswith("t0")} == set(range(1, 81))


def test_an_event_has_the_manifest_read_at_once() -> None:
    script = Script(update=500.0, depth=None, expiring=(30,))
    _, _, world = record(script, [], at=30.0)
    came = (30 + 1) * script.step
    _, _, silent = record(Script(update=500.0, depth=None), [], at=30.0)
    assert [at for at in world.reads if came <= at < came + 2]
    assert not [at for at in silent.reads if came - 2 <= at < came + 2]
    # Until there is a newer one it is read again, not for ever.
    assert len(world.reads) <= len(silent.reads) + 8


@pytest.mark.parametrize("patches", ["good", "bad", "stuck", "short"])
@pytest.mark.parametrize("form", ["number", "time"])
def test_patches_lead_to_the_same_recording(form: str, patches: str) -> None:
    disk: list[Fact] = []
    _, result, world = record(Script(form=form, patches=patches), disk, at=30.0)
    assert result is not None
    assert result.totals.lost == 0
    assert {n for _, key, n in recorded_of(disk) if key.startswith("t0")} == set(range(1, 81))
    if patches in ("good", "stuck"):
        assert world.patches >= 20
    if patches == "good":
        # All of it is read now and then all the same.
        assert world.patches <= len(world.reads) - 1
    if patches == "bad":
        assert world.patches < len(world.reads) / 3


@pytest.mark.parametrize("form", ["number", "time", "numbered-time"])
def test_all_of_an_undisturbed_presentation_is_recorded(form: str) -> None:
    disk: list[Fact] = []
    _, result, _ = record(Script(form=form), disk, at=30.0)
    assert result is not None
    assert result.totals.lost == result.totals.withdrawn == 0
    assert not result.has_losses
    numbers = {n for _, key, n in recorded_of(disk) if key.startswith("t0")}
    assert numbers == set(range(1, 81))


def test_an_outage_that_is_shorter_than_the_window_loses_nothing() -> None:
    disk: list[Fact] = []
    _, result, _ = record(Script(outages=((60.0, 85.0),)), disk, at=30.0)
    assert result is not None
    assert result.totals.lost == 0


def test_an_outage_that_is_longer_is_named() -> None:
    disk: list[Fact] = []
    _, result, _ = record(Script(outages=((60.0, 130.0),)), disk, at=30.0)
    assert result is not None
    assert result.has_losses
    assert {fact.reason for fact in disk if isinstance(fact, LossFact)} == {Reason.OUTAGE}
    gaps = [gap for gap in result.gaps if gap.label == "track 0"]
    assert len(gaps) == 1
    assert 55 <= gaps[0].begin - BEGIN <= 64
    assert 80 <= gaps[0].end - BEGIN <= 95


def test_the_time_without_a_recorder_is_named() -> None:
    disk: list[Fact] = []
    record(Script(), disk, at=30.0, dies_at=200)
    _, result, _ = record(Script(), disk, at=140.0)
    assert result is not None
    assert {gap.reason for gap in result.gaps} == {Reason.NOT_RUNNING}


@pytest.mark.parametrize("latency", [3.0, 5.0])
def test_a_link_that_is_too_slow_does_not_chase_the_end_of_the_window(latency: float) -> None:
    """It gets most of what the link can carry, and names the rest."""
    script = Script(tracks=4, latency=latency)
    _, result, world = record(script, [], at=0.0)
    assert result is not None
    carried = SimulatedWorld.room * world.at / latency
    assert result.totals.recorded >= 0.8 * carried
    assert result.totals.lost > 0
    assert {gap.reason for gap in result.gaps if gap.reason.is_loss} == {Reason.LEFT_WINDOW}


def test_without_a_window_all_tracks_come_together() -> None:
    disk: list[Fact] = []
    script = Script(depth=None, latency=1.0)
    record(script, disk, at=100.0, dies_at=60)
    have = recorded_of(disk)
    counts = [sum(key == f"t{track}" for _, key, _ in have) for track in range(2)]
    assert min(counts) >= max(counts) - SimulatedWorld.room > 0


def test_a_restarted_encoder_is_a_new_generation() -> None:
    disk: list[Fact] = []
    _, result, _ = record(Script(restarts=(62.0,)), disk, at=30.0)
    assert result is not None
    assert {start for start, _, _ in recorded_of(disk)} == {0, 62.0}


def test_the_tail_of_a_presentation_that_became_static_is_fetched() -> None:
    disk: list[Fact] = []
    _, result, world = record(Script(form="time", ends=100.0), disk, at=30.0, linger=0.0)
    assert result is not None
    assert result.end is End.OVER
    assert {n for _, key, n in recorded_of(disk) if key.startswith("t0")} == set(range(1, 51))
    assert world.at < 110


def ended_between(begin: float, end: float) -> Callable[[Script, float], Version]:
    """Return documents that are static for a while."""

    def reads(script: Script, at: float) -> Version:
        over = begin <= at < end
        return document(msgspec.structs.replace(script, ends=begin) if over else script, at)

    return reads


@pytest.mark.parametrize("form", ["number", "time", "numbered-time"])
@pytest.mark.parametrize("begun_again", [125.0, 102.0])
def test_an_encoder_that_begins_again_after_the_end_is_recorded(
    form: str, begun_again: float
) -> None:
    disk: list[Fact] = []
    script = Script(form=form, restarts=(begun_again,), depth=10)
    reads = ended_between(100.0, begun_again)
    _, result, world = record(script, disk, at=0.0, reads=reads, linger=60.0)
    assert result is not None
    assert result.end is End.UNTIL
    found = {n for start, key, n in recorded_of(disk) if start and key.startswith("t0")}
    assert found == set(range(1, math.ceil((UNTIL - begun_again) / 2) + 1))
    assert result.totals.lost == 0
    slow = [at for at in world.reads if 101.0 <= at < begun_again]
    assert len(slow) <= (begun_again - 100.0) / 2


@pytest.mark.parametrize("form", ["number", "time", "numbered-time"])
@pytest.mark.parametrize("publishes", [True, False])
def test_a_presentation_that_goes_on_after_its_end_is_recorded_on(
    form: str, publishes: bool
) -> None:
    """Its begin is the same; without a time of publication its list tells that it is newer."""
    between = ended_between(100.0, 115.0)

    def reads(script: Script, at: float) -> Version:
        read = between(script, at)
        return read if publishes else msgspec.structs.replace(read, publish=None)

    disk: list[Fact] = []
    _, result, _ = record(
        Script(form=form, depth=60), disk, at=30.0, reads=reads, linger=60.0, until=200.0
    )
    assert result is not None
    assert result.end is End.UNTIL
    assert result.totals.lost == 0
    found = {n for _, key, n in recorded_of(disk) if key.startswith("t0")}
    assert found == set(range(1, 101))


@pytest.mark.parametrize("form", ["number", "time"])
def test_a_last_list_of_all_brings_nothing_before_the_wished_begin(form: str) -> None:
    disk: list[Fact] = []
    script = Script(form=form, ends=100.0, depth=20)
    world = SimulatedWorld(script, disk, at=60.0)
    wishes = Wishes(begin_back=0.0, linger=0.0)
    result = Recorder(world, wishes, world.wall, State(), lambda _: None).run()
    assert result.end is End.OVER
    assert result.totals.lost == 0
    assert {n for _, key, n in recorded_of(disk) if key.startswith("t0")} == set(range(31, 51))


@pytest.mark.parametrize("linger", [0.0, 25.0, 60.0])
def test_the_manifest_is_read_for_a_while_after_the_end_and_no_longer(linger: float) -> None:
    disk: list[Fact] = []
    script = Script(form="time", ends=100.0)
    _, result, world = record(script, disk, at=30.0, linger=linger, until=1000.0)
    assert result is not None
    assert result.end is End.OVER
    assert 100.0 + linger <= world.at < 106.0 + linger
    assert len([at for at in world.reads if at > 103.0]) <= linger / 3


@pytest.mark.parametrize("ends_by", ["event", "lmsg", "static"])
def test_an_end_is_waited_out_however_it_is_told(ends_by: str) -> None:
    disk: list[Fact] = []
    script = Script(ends=80.0, ends_by=ends_by, update=500.0)
    _, result, world = record(script, disk, at=30.0, linger=60.0, until=400.0)
    assert result is not None
    assert result.end is End.OVER
    assert world.at > 140.0
    late = [at for at in world.reads if at > world.at - 60.0]
    assert 3 <= len(late) <= 30


@pytest.mark.parametrize("form", ["number", "time"])
def test_a_segment_that_never_comes_holds_the_end_up_for_a_while_only(form: str) -> None:
    disk: list[Fact] = []
    script = Script(form=form, ends=100.0, missing=((49, 0.0, 1e6),), depth=600)
    _, result, world = record(script, disk, at=30.0, linger=0.0, until=5000.0)
    assert result is not None
    assert result.end is End.OVER
    assert result.totals.lost == 2
    assert {gap.reason for gap in result.gaps} == {Reason.NOT_THERE}
    assert 155.0 < world.at < 170.0
    late = [at for times in world.requests.values() for at in times if at > 105.0]
    assert len(late) <= 2 * 8


def test_an_origin_that_is_gone_after_the_end_holds_it_up_for_a_while_only() -> None:
    disk: list[Fact] = []
    script = Script(
        form="time", ends=100.0, missing=((49, 0.0, 110.0),), outages=((103.0, 1e6),), depth=600
    )
    _, result, world = record(script, disk, at=30.0, linger=0.0, until=5000.0)
    assert result is not None
    assert result.end is End.OVER
    assert result.totals.lost == 2
    assert {gap.reason for gap in result.gaps} == {Reason.OUTAGE}
    assert 690.0 < world.at < 800.0


def test_a_manifest_that_is_gone_after_the_end_holds_nothing_up() -> None:
    disk: list[Fact] = []
    script = Script(form="time", ends=80.0, outages=((84.0, 900.0),))
    _, result, world = record(script, disk, at=30.0, linger=30.0, until=400.0)
    assert result is not None
    assert result.end is End.OVER
    assert result.totals.lost == 0
    assert not result.gaps
    assert 110.0 < world.at < 120.0


def test_segments_that_were_asked_for_beyond_the_end_do_not_hold_it_up() -> None:
    """The document is read seldom, so the end is known after segments behind it were due."""
    disk: list[Fact] = []
    _, result, world = record(Script(ends=100.0, update=500.0), disk, at=30.0, linger=0.0)
    assert result is not None
    assert result.end is End.OVER
    assert result.totals.withdrawn
    assert (result.totals.lost, result.totals.pending) == (0, 0)
    assert world.at < 130


@pytest.mark.parametrize("form", ["number", "time", "numbered-time"])
@pytest.mark.parametrize(
    "more",
    [{}, {"periods": (48.0, 96.0)}, {"restarts": (62.0,)}, {"ends": 120.0}, {"lag": 3.0}],
    ids=["plain", "periods", "restart", "end", "lag"],
)
def test_real_manifests_lead_to_the_same_recording(form: str, more: dict[str, object]) -> None:
    script = Script(form=form, **more)  # type: ignore[arg-type]
    made: list[Fact] = []
    read: list[Fact] = []
    _, result, _ = record(script, made, at=30.0)
    _, by_xml, _ = record(script, read, at=30.0, reads=document_by_xml)
    assert result is not None
    assert by_xml is not None
    assert by_xml.totals == result.totals
    assert recorded_of(read) == recorded_of(made)
    check_local_mpd(read, timed=form == "time")
    check_local_mpd(made, timed=form == "time")


@pytest.mark.slow
def test_an_hour_or_more_takes_memory_for_the_present_only() -> None:
    """A day, or a week, with ``DASHGET_LIVE_HOURS``."""
    until = 3600.0 * float(os.environ.get("DASHGET_LIVE_HOURS", "1"))
    script = Script(tracks=6, outages=((600.0, 700.0), (1000.0, 1010.0)))
    disk: list[Fact] = []
    recorder, result, world = record(script, disk, at=0.0, until=until)
    assert result is not None
    assert result.totals.recorded + result.totals.lost == 6 * until / 2
    for line in recorder.state.lines:
        assert len(line.known) == 1
        assert len(line.recorded) <= 3
        assert not line.open
    assert len(recorder.state.outages.past) <= 4
    assert len(world.reads) < until


def test_an_encoder_that_begins_again_in_the_future_ends_no_recording() -> None:
    def announced_early(script: Script, at: float) -> Version:
        return document(script, 66.0 if 62.0 <= at < 66.0 else at)

    script = Script(restarts=(66.0,))
    world = SimulatedWorld(script, [], at=30.0, dies_at=None, reads=announced_early)
    wishes = Wishes(until=BEGIN + 120.0)
    recorder = Recorder(world, wishes, world.wall, State.of([]), lambda _: None)
    assert recorder.run().end is End.UNTIL
    assert recorder.state.lines.generation == 2


def test_a_wait_for_a_presentation_ends_at_the_time_that_the_user_named() -> None:
    def announced_early(script: Script, at: float) -> Version:
        return document(script, max(at, 100.0))

    script = Script(restarts=(100.0,))
    world = SimulatedWorld(script, [], at=30.0, dies_at=None, reads=announced_early)
    wishes = Wishes(until=BEGIN + 50.0, wait=True)
    recorder = Recorder(world, wishes, world.wall, State.of([]), lambda _: None)
    result = recorder.run()
    assert (result.end, result.begins) == (End.NOT_YET, BEGIN + 100.0)
    assert world.at < 60.0
