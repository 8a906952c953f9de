"""Media that begin later than the manifest says: what is learnt, and what the local MPD has."""

from __future__ import annotations

from fractions import Fraction

import msgspec

from dashget.live.facts import Fact, LateFact
from dashget.live.line import Line
from dashget.live.listing import Axis
from dashget.live.localmpd import Coverage, local_mpd
from dashget.live.mediatimes import MediaTimes
from dashget.live.snapshot import facts_of
from dashget.live.spans import Run
from dashget.live.state import State
from dashget.mpd.parse import parse_mpd
from dashget.mpd.resolve import resolve
from dashget.recording.soundness import is_sound
from tests.support.liveworld import Script, document
from tests.support.played import PlayedFile, played_files
from tests.unit.live.test_localmpd import line, steps

LATE = Fraction(1441, 750)


def learnt(*late: Fraction | float, key: str = "t0") -> list[tuple[int, Fraction]]:
    """Return what is written down of segments of two seconds, each late by so much."""
    listing = document(Script(form="time"), 60.0).listings[0]
    own, times, found = Line(1, key, 1, listing), MediaTimes(), []
    for at, each in enumerate(late):
        run = Run(at * 20, 20, 1, at + 1)
        media = Fraction(run.time + listing.shift, listing.scale) + Fraction(each)
        fact = times.learn(own, run, media)
        found += [] if fact is None else [(fact.t, Fraction(fact.by))]
    return found


def played(*facts: list[Fact]) -> list[PlayedFile]:
    local = local_mpd(Coverage.of(State.of(fact for each in facts for fact in each)))
    assert local is not None
    return played_files(local)


def starts(*facts: list[Fact]) -> list[float]:
    local = local_mpd(Coverage.of(State.of(fact for each in facts for fact in each)))
    assert local is not None
    return [float(period.start) for period in resolve(parse_mpd(local), url="http://m/").periods]


def test_two_segments_that_agree_are_believed_and_one_is_not() -> None:
    assert learnt(1.4) == []
    assert learnt(*[1.4] * 9) == [(0, Fraction(1.4))]
    assert learnt(0, 0, 0, 7, 0, 0) == [(0, 0)]


def test_what_is_a_little_late_is_on_time() -> None:
    assert learnt(0.2, -0.1, 0.2) == [(0, 0)]


def test_what_is_late_by_other_times_stays_as_it_is() -> None:
    assert learnt(1.4, 1.9, 1.0, 2.2, 0.9) == [(0, Fraction(1.4))]
    assert learnt(0, 0, 0.9, 0.9, -0.9, -0.9) == [(0, 0)]


def test_times_without_any_rule_are_written_down_never() -> None:
    assert learnt(*(at * at for at in range(2, 900))) == []
    assert learnt(*(-2 * at for at in range(1, 900))) == []


def test_of_changes_without_end_the_first_are_written_down() -> None:
    assert len(learnt(*(at // 2 * 50 for at in range(1000)))) == 64


def test_names_without_times_tell_no_lateness() -> None:
    assert learnt(*[5] * 9, key=f"t0 {Axis.NAME.value}") == []


def test_media_that_are_late_have_their_own_times() -> None:
    late: list[Fact] = [LateFact(1, 10, str(LATE))]
    on_time = played(line(1, *steps(5, 8)))
    found = played(line(1, *steps(5, 8)), late)
    assert [f.begin for f in found] == [f.begin for f in on_time]
    assert [f.media for f in found] == [f.media + LATE for f in on_time]


def test_a_fraction_of_a_tick_is_no_matter() -> None:
    # One tick is a second.
    assert played(line(1, *steps(5, 6)), [LateFact(1, 10, "7/5")])[0].media == 10 + Fraction(7, 5)
    assert played(line(1, *steps(5, 6)), [LateFact(1, 10, "-7/5")])[0].media == 10 - Fraction(7, 5)


def test_no_media_begin_before_zero() -> None:
    assert [f.media for f in played(line(1, *steps(0, 1)), [LateFact(1, 0, "-3/2")])] == [0, 2]


def test_tracks_that_are_late_by_different_times_stay_in_step() -> None:
    video, audio = line(1, *steps(5, 8)), line(2, *steps(5, 8), kind="audio")
    found = played(video, audio, [LateFact(1, 10, "2"), LateFact(2, 10, "3/2")])
    assert {f.begin - f.media for f in found} == {Fraction(-23, 2)}
    assert min(f.begin for f in found) == 0


def test_one_track_that_is_late_stays_in_step_with_one_that_is_not() -> None:
    video, audio = line(1, *steps(5, 8)), line(2, *steps(5, 8), kind="audio")
    found = played(video, audio, [LateFact(1, 10, "3/2"), LateFact(2, 10, "0")])
    assert {f.begin - f.media for f in found} == {-10}


def test_names_with_times_stay_as_they_are() -> None:
    facts = line(1, *steps(5, 8), media="$Time$.m4s")
    assert played(facts, [LateFact(1, 10, "3")]) == played(facts)


def test_media_that_jump_ahead_have_a_period_of_their_own() -> None:
    facts = line(1, *steps(0, 9))
    assert starts(facts, [LateFact(1, 0, "1"), LateFact(1, 10, "31")]) == [0, 40]
    found = played(facts, [LateFact(1, 0, "1"), LateFact(1, 10, "31")])
    assert [f.media - f.begin for f in found] == [1] * 10


def test_media_that_jump_back_stay_behind_what_is_there() -> None:
    facts = line(1, *steps(0, 9))
    late: list[Fact] = [LateFact(1, 0, "40"), LateFact(1, 10, "0")]
    assert played(facts, late) == played(facts, late[:1])


def test_a_checkpoint_has_it_and_what_is_removed_takes_it_along() -> None:
    facts = [*line(1, *steps(0, 9)), LateFact(1, 0, "1"), LateFact(1, 10, "31")]
    state = State.of(facts)
    again = State.of(facts_of(state))
    assert [*again.late.facts()] == facts[-2:]
    state.forget(1_700_000_000 + 15.0)
    assert [*state.late.facts()] == facts[-1:]


def test_a_line_of_somebody_else_is_read_with_care() -> None:
    assert is_sound(LateFact(1, 0, "-3/2"))
    assert not is_sound(LateFact(1, 0, "1e99999999"))
    assert not is_sound(LateFact(1, 0, "1/0"))
    assert not is_sound(LateFact(1, 2**62, "1"))
    times = MediaTimes()
    times.take(LateFact(1, 0, "x"))
    assert not len(times)


def test_what_is_learnt_twice_is_known_once() -> None:
    times, fact = MediaTimes(), LateFact(1, 0, "3/2")
    times.take(fact)
    times.take(msgspec.structs.replace(fact, by="2"))
    assert [each.by for each in times.facts()] == ["2"]
