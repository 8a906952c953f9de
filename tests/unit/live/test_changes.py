"""What a new document means: news, nothing new, an old answer, a restart, two encoders."""

from __future__ import annotations

import math

import msgspec

from dashget.live.changes import Kind, Lines
from dashget.live.facts import Reason
from dashget.live.line import Attempt
from dashget.live.listing import Version
from dashget.live.spans import Run
from tests.support.liveworld import BEGIN, Script, document

TIMED = Script(form="time")


def accept(lines: Lines, version: Version, at: float) -> Kind:
    kind = lines.accept(version, BEGIN + at).kind
    for line in lines:
        if line.current:
            for run in tuple(line.learn(BEGIN + at, -math.inf, math.inf)):
                line.pending.take_from(run.time)
                line.recorded.add(run)
    return kind


def first_line(lines: Lines) -> list[Run]:
    return list(next(iter(lines)).recorded)


def test_the_same_document_is_nothing_new() -> None:
    lines = Lines()
    assert accept(lines, document(TIMED, 30), 30) is Kind.NEWS
    assert accept(lines, document(TIMED, 30), 31) is Kind.SAME
    assert accept(lines, document(TIMED, 32), 32) is Kind.NEWS


def test_an_old_answer_takes_nothing_back() -> None:
    lines = Lines()
    accept(lines, document(TIMED, 40), 40)
    before = first_line(lines)
    assert accept(lines, document(TIMED, 30), 41) is Kind.STALE
    assert first_line(lines) == before
    assert lines.version is not None
    assert lines.version.listed_end == BEGIN + 40


def test_without_publish_times_the_list_tells_what_is_old() -> None:
    lines = Lines()
    silent = [msgspec.structs.replace(document(TIMED, at), publish=None) for at in (40, 30, 42)]
    kinds = [accept(lines, version, 40) for version in silent]
    assert kinds == [Kind.NEWS, Kind.STALE, Kind.NEWS]


def test_what_is_old_for_longer_than_a_window_is_what_is_left() -> None:
    lines = Lines()
    accept(lines, document(TIMED, 200), 200)
    assert accept(lines, document(TIMED, 30), 201) is Kind.STALE
    assert accept(lines, document(TIMED, 32), 300) is not Kind.STALE


def test_an_encoder_that_begins_again_is_a_new_generation() -> None:
    for form in ("number", "time", "numbered-time"):
        script = Script(form=form, restarts=(62.0,))
        lines = Lines()
        accept(lines, document(script, 50), 50)
        assert accept(lines, document(script, 80), 80) is Kind.RESTART
        assert {line.generation for line in lines} == {1, 2}


def test_two_encoders_behind_one_url_are_two_generations_and_no_more() -> None:
    one, other = Script(form="number"), Script(form="number", restarts=(5.0,))
    lines = Lines()
    kinds = []
    for at in range(30, 50, 2):
        script = one if at % 4 else other
        kinds.append(accept(lines, document(script, at), at))
    assert {line.generation for line in lines} == {1, 2}
    assert kinds.count(Kind.RESTART) == 1


def test_a_period_that_moves_with_the_window_is_the_same_line() -> None:
    """Its start and its offset slide, as its segments' media times do not."""
    lines = Lines()
    for at in (40, 50, 60):
        version = document(TIMED, at)
        moved = [
            msgspec.structs.replace(listing, origin=listing.origin + at)
            for listing in version.listings
        ]
        version = msgspec.structs.replace(version, listings=tuple(moved), digest=str(at))
        assert accept(lines, version, at) is Kind.NEWS
    assert len(lines.by_id) == TIMED.tracks
    assert sum(run.count for run in first_line(lines)) == 30


def test_static_after_dynamic_is_news_and_the_end() -> None:
    script = Script(form="time", ends=50.0)
    lines = Lines()
    accept(lines, document(script, 40), 40)
    accepted = lines.accept(document(script, 55), BEGIN + 55)
    assert accepted.kind is Kind.NEWS
    assert "end" in {change.what for change in accepted.changes}
    assert accept(lines, document(script, 45), 56) is Kind.STALE


def test_dynamic_after_static_is_old_unless_its_list_says_that_it_goes_on() -> None:
    script = Script(form="time", ends=50.0)
    lines = Lines()
    over = msgspec.structs.replace(document(script, 55), publish=None)
    accept(lines, over, 55)
    old, new = (
        msgspec.structs.replace(document(TIMED, at), publish=None, digest=str(at))
        for at in (50, 56)
    )
    assert accept(lines, old, 56) is Kind.STALE
    assert accept(lines, new, 57) is Kind.NEWS


def test_periods_that_come_are_told() -> None:
    script = Script(form="time", periods=(48.0,))
    lines = Lines()
    accept(lines, document(script, 40), 40)
    accepted = lines.accept(document(script, 52), BEGIN + 52)
    assert ("period", "p1", "added") in {(c.what, c.name, c.how) for c in accepted.changes}


def test_what_a_document_takes_back_is_withdrawn() -> None:
    lines = Lines()
    ahead = document(TIMED, 40)
    lines.accept(ahead, BEGIN + 30)
    for line in lines:
        tuple(line.learn(BEGIN + 30, -math.inf, math.inf))
    shorter = msgspec.structs.replace(
        document(TIMED, 36), publish=(ahead.publish or 0) + 1, digest="shorter"
    )
    accepted = lines.accept(shorter, BEGIN + 31)
    assert accepted.kind is Kind.NEWS
    assert sum(run.count for _, run in accepted.withdrawn) == 2 * TIMED.tracks


def test_nobody_asks_any_more_for_what_an_earlier_encoder_has_not_made() -> None:
    """The same names stand for other segments after it has begun again."""
    script = Script(form="number", restarts=(62.0,), tracks=1)
    lines = Lines()
    accept(lines, document(script, 50), 50)
    line = next(iter(lines))
    asked, flying = Attempt(Run(10_000, 20, 1, 500)), Attempt(Run(10_020, 20, 1, 501))
    flying.flying = True
    line.open |= {asked.run.time: asked, flying.run.time: flying}
    line.pending.add(Run(600, 20, 4, 30))
    accepted = lines.accept(document(script, 80), BEGIN + 80)
    assert accepted.kind is Kind.RESTART
    assert list(line.open.values()) == [flying]
    # Those that would have ended after the new begin never were.
    ended = {run.number: (run.count, reason) for _, run, reason in accepted.replaced}
    assert ended == {30: (2, Reason.NOT_THERE), 32: (2, None), 500: (1, None)}
    assert (line.lost[Reason.NOT_THERE].count, line.withdrawn.count) == (2, 3)
