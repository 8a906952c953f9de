"""Large resources in parallel ranges."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from dataclasses import replace

import pytest

from dashget.common.byterange import ByteRange
from dashget.transfer.contract import ResumePoint, TransferError
from dashget.transfer.run.backlog import Backlog
from dashget.transfer.run.divided import Divided
from dashget.transfer.run.task import Task
from tests.support.crowd import PATIENT
from tests.support.faultserver import Answer, FaultServer, Seen, redirect, refuse
from tests.support.sinks import RecordingSink, Transfers

MIB = 1024 * 1024
BODY = random.Random(1).randbytes(6 * MIB)
GOOD = Answer(BODY, etag='"1"')
DRIP = Answer(BODY, etag='"1"', drip=(64 * 1024, 0.001))


def held(until: threading.Event, **more: object) -> Answer:
    """Send the first bytes, and the rest later.

    A transfer that comes to the end of its range takes the next one back from any other that
    has not been answered yet: what that is answered only counts if it comes before.
    """
    return replace(DRIP, hold=until, hold_after=64 * 1024, **more)  # type: ignore[arg-type]  # fields


def ranged(**options: object) -> Transfers:
    return Transfers(
        **({"in_flight": 4, "range_threshold": 2 * MIB, "range_size": 512 * 1024} | options)
    )


def test_a_large_resource_comes_in_parallel_ranges(server: FaultServer) -> None:
    crowd = threading.Event()

    def note(_: Seen) -> None:
        if len(server.seen) >= 4:
            crowd.set()

    url = server.on("/a", held(crowd), held(crowd, note=note))
    with ranged(**PATIENT) as transfers:
        fetched, data = transfers.get(url)
    assert data == BODY
    # Where the first transfer meets another's range, its connection is replaced.
    assert server.most_at_once in (4, 5)
    assert fetched.size == len(BODY)
    assert fetched.attempts == 1
    assert fetched.requests == len(server.seen) > 4
    assert "range" not in server.seen[0].headers
    assert all(seen.headers["if-range"] == '"1"' for seen in server.seen[1:])
    # The first transfer overshoots a little when it meets another's range.
    assert len(BODY) <= fetched.transferred <= len(BODY) + 2 * MIB


def test_all_of_it_is_noted_in_the_end(server: FaultServer) -> None:
    url = server.on("/a", DRIP)
    with ranged() as transfers:
        transfers.get(url)
    sink = transfers.sinks[url]
    assert sink.scattered
    assert covered(sink.spans) == len(BODY)
    assert [offset for _, offset in sink.begun] == [0]


def covered(spans: list[ByteRange]) -> int:
    """Return how many bytes the spans cover; they must not overlap."""
    position = total = 0
    for span in sorted(spans):
        assert span.first >= position
        assert span.last is not None
        total += span.last + 1 - span.first
        position = span.last + 1
    return total


@pytest.mark.parametrize(
    "answer",
    [
        Answer(BODY[: 2 * MIB - 1], etag='"1"'),
        Answer(BODY, etag='W/"1"'),
        Answer(BODY),
        Answer(BODY, etag='"1"', chunked=True),
        Answer(BODY, etag='"1"', length=None),
        Answer(BODY, etag='"1"', headers=(("Accept-Ranges", "none"),)),
    ],
    ids=["small", "weak", "no-validator", "chunked", "no-length", "no-ranges"],
)
def test_a_resource_that_cannot_be_divided_is_fetched_in_one_stream(
    server: FaultServer, answer: Answer
) -> None:
    url = server.on("/a", answer)
    with ranged() as transfers:
        _, data = transfers.get(url)
    assert data == answer.body
    # Whether a body without a length is whole is asked afterwards, with one byte.
    assert len(server.seen) == (2 if answer.length is None else 1)
    assert not transfers.sinks[url].scattered


def test_one_transfer_at_a_time_needs_no_ranges(server: FaultServer) -> None:
    url = server.on("/a", GOOD)
    with ranged(in_flight=1) as transfers:
        assert transfers.get(url)[1] == BODY
    assert len(server.seen) == 1


def test_a_server_that_ignores_ranges_serves_one_stream(
    server: FaultServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    left = threading.Event()
    leave = Divided.leave
    monkeypatch.setattr(Divided, "leave", lambda *those: (leave(*those), left.set()))
    url = server.on("/a", held(left, ranges=False), replace(DRIP, ranges=False))
    with ranged(**PATIENT) as transfers:
        fetched, data = transfers.get(url)
    assert data == BODY
    assert fetched.attempts == 1
    assert len(server.seen) == 2


def test_without_ranges_a_broken_stream_starts_over(server: FaultServer) -> None:
    plain = Answer(BODY, etag='"1"', ranges=False)
    url = server.on("/a", Answer(BODY, etag='"1"', cut=MIB), plain)
    with ranged() as transfers:
        fetched, data = transfers.get(url)
    assert data == BODY
    assert 7 * MIB <= fetched.transferred <= 8 * MIB


def test_a_server_that_answers_ranges_late_is_not_waited_for(server: FaultServer) -> None:
    url = server.on("/a", Answer(BODY, etag='"1"'), Answer(drop="hang"))
    with ranged() as transfers:
        fetched, data = transfers.get(url)
    assert data == BODY
    assert fetched.attempts == 1


@pytest.mark.parametrize("fault", ["range_shift", "total_shift"])
def test_a_wrong_piece_never_gets_into_the_file(server: FaultServer, fault: str) -> None:
    wrong = Answer(BODY, etag='"1"', **{fault: 1})  # type: ignore[arg-type]  # names of int fields
    with ranged(**PATIENT) as transfers:
        url = server.on("/a", held(transfers.log.retried), wrong, GOOD)
        assert transfers.get(url)[1] == BODY


@pytest.mark.parametrize("cut_by", ["close", "reset"])
def test_a_broken_piece_goes_on_at_its_byte(server: FaultServer, cut_by: str) -> None:
    broken = Answer(BODY, etag='"1"', cut=300_000, cut_by=cut_by)
    with ranged(**PATIENT) as transfers:
        first = held(transfers.log.retried)
        url = server.on("/a", first, broken, broken, DRIP, broken, GOOD)
        fetched, data = transfers.get(url)
    assert data == BODY
    assert fetched.attempts > 1
    assert covered(transfers.sinks[url].spans) == len(BODY)


def test_a_failed_first_transfer_is_continued_by_ranges(server: FaultServer) -> None:
    url = server.on("/a", Answer(BODY, etag='"1"', cut=MIB), GOOD)
    with ranged() as transfers:
        assert transfers.get(url)[1] == BODY


def test_a_change_on_the_way_starts_over(server: FaultServer) -> None:
    other = BODY[::-1]
    with ranged(**PATIENT) as transfers:
        first = held(transfers.log.retried)
        url = server.on("/a", first, DRIP, Answer(other, etag='"2"'))
        fetched, data = transfers.get(url)
    assert data == other
    assert fetched.head.etag == '"2"'


def test_a_permanent_failure_of_pieces_fails_the_file_once(server: FaultServer) -> None:
    url = server.on("/a", Answer(BODY, etag='"1"', cut=MIB), refuse(404))
    with ranged() as transfers:
        error = transfers.fail(url)
    assert error.status == 404


def test_pieces_follow_redirects(server: FaultServer) -> None:
    server.on("/b", DRIP)
    url = server.on("/a", redirect("/b"))
    with ranged() as transfers:
        assert transfers.get(url)[1] == BODY


def test_finished_ranges_of_an_earlier_run_are_kept(server: FaultServer) -> None:
    url = server.on("/a", GOOD)
    have = (ByteRange(0, MIB - 1), ByteRange(3 * MIB, 4 * MIB - 1))
    data = bytearray(6 * MIB)
    for span in have:
        data[span.first : (span.last or 0) + 1] = BODY[span.first : (span.last or 0) + 1]
    sink = RecordingSink(ResumePoint(have, len(BODY), '"1"'), bytes(data))
    with ranged() as transfers:
        fetched, received = transfers.get(url, sink=sink)
    assert received == BODY
    assert fetched.resumed
    assert fetched.transferred == 4 * MIB
    assert [offset for _, offset in sink.begun] == [MIB]


def test_a_gap_at_the_beginning_does_not_cost_the_rest(server: FaultServer) -> None:
    url = server.on("/a", GOOD)
    have = (ByteRange(MIB, 6 * MIB - 1),)
    sink = RecordingSink(ResumePoint(have, len(BODY), '"1"'), bytes(MIB) + BODY[MIB:])
    with ranged() as transfers:
        fetched, received = transfers.get(url, sink=sink)
    assert received == BODY
    assert fetched.transferred == MIB


def test_ranges_of_a_changed_resource_are_dropped(server: FaultServer) -> None:
    url = server.on("/a", Answer(BODY[::-1], etag='"2"'))
    have = (ByteRange(0, MIB - 1), ByteRange(3 * MIB, 4 * MIB - 1))
    sink = RecordingSink(ResumePoint(have, len(BODY), '"1"'), bytes(6 * MIB))
    with ranged() as transfers:
        fetched, received = transfers.get(url, sink=sink)
    assert received == BODY[::-1]
    assert not fetched.resumed
    assert transfers.log.anew == [(url, 2 * MIB, "the resource has changed")]
    assert not transfers.log.retries


def test_small_files_go_before_further_ranges(
    server: FaultServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    sink, scattered, asked = Transfers.sink_type(), threading.Event(), threading.Event()
    scatter = sink.scatter
    monkeypatch.setattr(sink, "scatter", lambda: (scatter(), scattered.set()))
    started: list[int] = []

    def note(_: Seen) -> None:
        started.append(len(transfers.log.started))
        asked.set()

    # No small file comes before there are ranges to ask for, and the first transfer of the
    # large one has not all of it before somebody has asked for one.
    large = server.on("/large", held(asked), replace(GOOD, note=note))
    small = [server.on(f"/{i}", Answer(b"x" * 1000, hold=scattered)) for i in range(30)]
    with ranged(**PATIENT) as transfers:
        transfers.run(large, *small, sinks=[sink])
    assert not any(isinstance(r, TransferError) for r in transfers.results.values())
    assert bytes(sink.data) == BODY
    assert set(started) == {1 + len(small)}


@pytest.mark.parametrize("seed", range(8))
def test_any_faults_on_the_way_leave_the_right_bytes(server: FaultServer, seed: int) -> None:
    dice = random.Random(seed)
    faults = [
        lambda: refuse(503),
        lambda: Answer(drop=dice.choice(["close", "reset"])),
        lambda: Answer(BODY, etag='"1"', cut=dice.randrange(MIB), cut_by="reset"),
        lambda: Answer(BODY, etag='"1"', cut=dice.randrange(MIB)),
        lambda: Answer(BODY, etag='"1"', range_shift=1),
        lambda: Answer(BODY, etag='"1"', coding="gzip"),
        lambda: GOOD,
        lambda: DRIP,
    ]
    url = server.on("/a", *(dice.choice(faults)() for _ in range(12)), GOOD)
    with ranged(retries=12) as transfers:
        assert transfers.get(url)[1] == BODY


def test_a_range_that_is_refused_once_is_asked_for_again(server: FaultServer) -> None:
    refused = refuse(416, Content_Range=f"bytes */{len(BODY)}")
    with ranged(**PATIENT) as transfers:
        url = server.on("/a", held(transfers.log.retried), GOOD, refused, GOOD)
        fetched, data = transfers.get(url)
    assert data == BODY
    assert fetched.attempts == 2


def test_a_file_that_has_shrunk_starts_over(server: FaultServer) -> None:
    small = BODY[: 3 * MIB]
    with ranged(**PATIENT) as transfers:
        first = held(transfers.log.retried)
        url = server.on("/a", first, Answer(small, etag='"2"', if_range=False))
        assert transfers.get(url)[1] == small


def test_a_server_that_refuses_all_ranges_gives_the_file_in_one_stream(
    server: FaultServer,
) -> None:
    answers = [DRIP, *[refuse(416)] * 3]
    url = server.on("/a", *answers, GOOD)
    with ranged() as transfers:
        assert transfers.get(url)[1] == BODY


def counted(monkeypatch: pytest.MonkeyPatch) -> list[Task]:
    """Return a list of all that is put into the backlog."""
    waiting: list[Task] = []
    for name in ("pause", "block", "add"):
        real = getattr(Backlog, name)

        def put(
            self: Backlog,
            task: Task,
            *rest: object,
            real: Callable[..., None] = real,
            **more: object,
        ) -> None:
            waiting.append(task)
            real(self, task, *rest, **more)

        monkeypatch.setattr(Backlog, name, put)
    return waiting


def test_where_a_host_has_no_room_for_helpers_nobody_asks_again_and_again(
    server: FaultServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    waiting = counted(monkeypatch)
    url = server.on("/a", DRIP)
    with ranged(in_flight=8, max_per_host=2, loops=1) as transfers:
        assert transfers.get(url)[1] == BODY
    assert server.most_at_once <= 3
    assert len(waiting) < 100


def test_a_range_that_is_held_back_leaves_the_others_at_work(
    server: FaultServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    waiting = counted(monkeypatch)
    with ranged(loops=1, **PATIENT) as transfers:
        first = held(transfers.log.retried)
        url = server.on("/a", first, refuse(503, Retry_After="1"), GOOD)
        fetched, data = transfers.get(url)
    assert data == BODY
    assert fetched.attempts == 2
    assert len(waiting) < 10


@pytest.mark.parametrize("size", [6 * MIB, 5 * MIB])
def test_an_overtaken_transfer_does_not_write_into_ranges(server: FaultServer, size: int) -> None:
    """The overtaken request is answered late, with another version: its bytes have no place."""
    gate = threading.Event()
    late = Answer(BODY[::-1][:size], etag='"0"', hold=gate)
    drip = replace(
        GOOD, drip=(64 * 1024, 0.01), note=lambda _: threading.Timer(0.3, gate.set).start()
    )
    with ranged(overtake_seconds=0.2) as transfers:
        fetched, data = transfers.get(server.on("/a", late, drip))
    assert data == BODY
    assert fetched.head.etag == '"1"'


def test_nobody_waits_for_a_transfer_that_ranges_have_overtaken(server: FaultServer) -> None:
    url = server.on("/a", replace(GOOD, drop="hang"), GOOD)
    with ranged(overtake_seconds=0.2, timeout_seconds=5.0) as transfers:
        fetched, data = transfers.get(url)
    assert data == BODY
    assert fetched.seconds < 3
    assert fetched.attempts == 1


def test_failures_of_a_few_of_many_ranges_are_not_added_up(server: FaultServer) -> None:
    """Each is asked for again and comes; only what comes to nothing again and again is an end."""
    url = server.on("/a", replace(GOOD, drip=(64 * 1024, 0.002)))
    choose, ranges = server._choose, []

    def now_and_then(seen: Seen) -> Answer:
        if "range" in seen.headers:
            ranges.append(seen)
            if len(ranges) % 5 == 0:
                return refuse(503)
        return choose(seen)

    server._choose = now_and_then  # type: ignore[method-assign]  # for every fifth range
    with ranged(range_size=64 * 1024) as transfers:
        _, data = transfers.get(url)
    assert data == BODY
    assert len(transfers.log.retries) > 6


def test_an_etag_may_hold_more_than_ascii(server: FaultServer) -> None:
    """RFC 9110, 8.8.3: etagc includes obs-text."""
    url = server.on("/a", Answer(BODY, etag='"\xe9"', drip=(64 * 1024, 0.001)))
    with ranged() as transfers:
        _, data = transfers.get(url)
    assert data == BODY
    assert server.seen[1].headers["if-range"] == '"\xe9"'


def test_a_server_that_knows_ranges_only_at_first_is_not_asked_for_ever(
    server: FaultServer,
) -> None:
    """Behind one name there may be machines that know ranges, and some that do not."""
    slow = replace(GOOD, drip=(64 * 1024, 0.01))
    url = server.on("/a", slow, slow, replace(GOOD, ranges=False))
    with ranged(range_size=1536 * 1024) as transfers:
        timer = threading.Timer(30, transfers.engine.cancel)
        timer.start()
        _, data = transfers.get(url)
        timer.cancel()
    assert data == BODY
    assert len(server.seen) < 12
