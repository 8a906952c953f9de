"""Large resources in parallel ranges."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from dashget.byterange import ByteRange
from dashget.transfer.backlog import Backlog
from dashget.transfer.request import ResumePoint, TransferError
from dashget.transfer.task import Task
from tests.faultserver import Answer, FaultServer, redirect, refuse
from tests.sinks import RecordingSink, Transfers

MIB = 1024 * 1024
BODY = random.Random(1).randbytes(6 * MIB)
GOOD = Answer(BODY, etag='"1"')
DRIP = Answer(BODY, etag='"1"', drip=(64 * 1024, 0.001))


def ranged(**options: object) -> Transfers:
    return Transfers(
        **({"in_flight": 4, "range_threshold": 2 * MIB, "range_size": 512 * 1024} | options)
    )


def test_a_large_resource_comes_in_parallel_ranges(server: FaultServer) -> None:
    url = server.on("/a", DRIP)
    with ranged() as transfers:
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
def test_what_cannot_be_divided_comes_in_one_stream(server: FaultServer, answer: Answer) -> None:
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


def test_a_server_that_ignores_ranges_serves_one_stream(server: FaultServer) -> None:
    url = server.on("/a", Answer(BODY, etag='"1"', ranges=False, drip=(64 * 1024, 0.001)))
    with ranged() as transfers:
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
    url = server.on("/a", DRIP, wrong, GOOD)
    with ranged() as transfers:
        assert transfers.get(url)[1] == BODY


@pytest.mark.parametrize("cut_by", ["close", "reset"])
def test_a_broken_piece_goes_on_at_its_byte(server: FaultServer, cut_by: str) -> None:
    broken = Answer(BODY, etag='"1"', cut=300_000, cut_by=cut_by)
    url = server.on("/a", DRIP, broken, broken, DRIP, broken, GOOD)
    with ranged() as transfers:
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
    url = server.on("/a", DRIP, DRIP, Answer(other, etag='"2"'))
    with ranged() as transfers:
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


def test_small_files_go_before_further_ranges(server: FaultServer) -> None:
    large = server.on("/large", DRIP)
    small = [server.on(f"/{i}", Answer(b"x" * 1000)) for i in range(30)]
    with ranged() as transfers:
        transfers.run(large, *small)
    assert not any(isinstance(r, TransferError) for r in transfers.results.values())
    assert list(transfers.results)[-1] == large
    assert bytes(transfers.sinks[large].data) == BODY


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
    slow = Answer(BODY, etag='"1"', drip=(16 * 1024, 0.01))
    url = server.on("/a", slow, GOOD, refused, GOOD)
    with ranged() as transfers:
        fetched, data = transfers.get(url)
    assert data == BODY
    assert fetched.attempts == 2


def test_a_file_that_has_shrunk_starts_over(server: FaultServer) -> None:
    small = BODY[: 3 * MIB]
    url = server.on("/a", DRIP, Answer(small, etag='"2"', if_range=False))
    with ranged() as transfers:
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
    url = server.on("/a", DRIP, refuse(503, Retry_After="1"), GOOD)
    with ranged(loops=1) as transfers:
        fetched, data = transfers.get(url)
    assert data == BODY
    assert fetched.attempts == 2
    assert len(waiting) < 100
