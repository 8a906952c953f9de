"""Outages, files by name, and the lag of an encoder."""

from __future__ import annotations

import msgspec

from dashget.live.facts import FileFact, NamesFact
from dashget.live.lag import Lag
from dashget.live.listing import Once
from dashget.live.once import OnceFiles
from dashget.live.outage import Outages
from dashget.live.policy import MOST_TRIES, Answer, Patience
from dashget.live.snapshot import facts_of
from dashget.live.state import State
from dashget.media.kind import SegmentKind

INIT = Once("v/init.mp4", ("http://h/v/init.mp4",), SegmentKind.INITIALIZATION)


def test_three_failures_in_a_row_are_an_outage_and_one_answer_ends_it() -> None:
    outages = Outages()
    assert [outages.failed(100.0 + i, float(i), 4.0) for i in range(4)] == [
        False,
        False,
        True,
        False,
    ]
    assert outages.since == 100.0
    assert outages.worked(110.0) == (100.0, 110.0)
    assert outages.since is None
    assert outages.overlap(105.0, 106.0)
    assert outages.overlap(90.0, 100.0)
    assert not outages.overlap(111.0, 120.0)


def test_an_answer_between_failures_keeps_them_apart() -> None:
    outages = Outages()
    for i in range(5):
        assert not outages.failed(float(i), float(i), 4.0)
        outages.worked(float(i))
    assert outages.past == []


def test_during_an_outage_one_request_at_a_time_asks_ever_more_seldom() -> None:
    outages = Outages()
    now, pauses = 0.0, []
    for _ in range(9):
        outages.failed(now, now, 4.0)
        if outages.since is not None:
            assert not outages.allows(now, 0)
            assert not outages.allows(outages.probe_at, 1)
            pauses.append(outages.probe_at - now)
            now = outages.probe_at
            assert outages.allows(now, 0)
    assert pauses == sorted(pauses)
    assert pauses[-1] == 4.0


def test_many_outages_take_little_memory() -> None:
    outages = Outages()
    for i in range(5000):
        outages.add(i * 10.0, i * 10.0 + 1)
    assert len(outages.past) <= 1000
    assert outages.overlap(0.0, 1.0)


def test_a_file_by_name_is_fetched_once() -> None:
    files = OnceFiles()
    files.announce("a", INIT, 0.0)
    files.announce("a", INIT, 0.0)
    assert files.take(0.0) == ("a", INIT)
    assert files.take(0.0) is None
    assert files.answer("a", Answer(200, here=True), 1.0)
    files.announce("a", INIT, 2.0)
    assert files.take(2.0) is None
    assert files.waiting == 0


def test_a_file_by_name_is_asked_for_again_and_lost_in_the_end() -> None:
    files = OnceFiles()
    files.announce("a", INIT, 0.0)
    now, tries = 0.0, 0
    while files.waiting:
        now = max(now, files.next_at)
        assert files.take(now) is not None
        tries += 1
        files.answer("a", Answer(404), now)
    assert tries == MOST_TRIES
    assert files.lost == {"a": 404}
    assert now > 100


def test_after_the_end_a_file_by_name_is_asked_for_a_while() -> None:
    for status, seconds in ((404, 60.0), (0, 600.0)):
        files = OnceFiles()
        files.announce("a", INIT, 0.0)
        files.patience = Patience(5.0)
        now = 0.0
        while files.waiting:
            now = max(now, files.next_at)
            assert files.take(now) is not None
            files.answer("a", Answer(status), now)
        assert seconds <= now <= seconds + 20
        assert files.lost == {"a": status}


def test_an_outage_costs_a_file_by_name_no_try() -> None:
    files = OnceFiles()
    files.announce("a", INIT, 0.0)
    now = 0.0
    for _ in range(3 * MOST_TRIES):
        now = max(now, files.next_at)
        files.take(now)
        assert not files.answer("a", Answer(0), now)


def test_the_lag_is_what_most_segments_need_and_shrinks_again() -> None:
    lag = Lag()
    for _ in range(20):
        lag.came(0.1, at_first=True)
    assert lag.seconds == 0.0
    for _ in range(5):
        lag.came(4.0, at_first=False)
    assert lag.seconds == 4.0
    for _ in range(200):
        lag.came(4.0, at_first=True)
    assert lag.seconds < 4.0


def test_files_of_lists_take_memory_for_the_newest_only() -> None:
    files = OnceFiles()
    files.announce("init", INIT, 0.0)
    files.take(0.0)
    files.answer("init", Answer(200, here=True), 0.0)
    listed = msgspec.structs.replace(INIT, line=1)
    for number in range(60_000):
        path = f"v/{number}"
        files.announce(path, listed, 0.0)
        assert files.take(0.0) == (path, listed)
        files.answer(path, Answer(200, here=True), 0.0)
        files.expect(5)
    assert len(files.listed) <= 22_000
    assert files.has("init")
    assert files.has("v/45000")
    files.announce("v/59999", listed, 0.0)
    assert not files.waiting
    # A document may have more of them than that.
    files.expect(30_000)
    for number in range(100_000):
        files.add(f"w/{number}", listed=True)
    assert 60_000 <= len(files.listed) <= 66_000


def test_files_of_lists_are_known_after_a_restart() -> None:
    facts = [FileFact(f"v/{n}", 10, 5.0, line=3, n=n) for n in range(9)]
    state = State.of([NamesFact(3, "v"), FileFact("init", 10), *facts])
    again = State.of([*facts_of(state), *facts])
    assert again.held == state.held == 100
    assert all(again.once.has(path) for path in ("init", "v/0", "v/8"))
