"""The steps of an exchange: where it goes on by itself, and where the run has to decide."""

from __future__ import annotations

from typing import Any, cast

from dashget.common.byterange import ByteRange
from dashget.transfer.contract import Method, Request
from dashget.transfer.curl.links import Links
from dashget.transfer.http.head import Head
from dashget.transfer.http.judge import Asked, Redirect
from dashget.transfer.http.origin import Origin
from dashget.transfer.run.exchange import Attempt, Exchange, Owner, Phase, Step
from dashget.transfer.settings.options import TransferOptions

KIB = 1024
NOTED_BYTES = 128 * KIB


class FakeSlot:
    """The part of a slot that an exchange uses, without libcurl."""

    def __init__(self) -> None:
        self.lines: list[bytes] = []
        self.arrived: list[bytes] = []
        self.links = Links()
        self.options = TransferOptions()
        self.error = self.refusal = None
        self.certified = self.paused = self.open_ended = False

    def answered(self) -> None:
        """Trust the origin."""

    def is_open_ended(self, head: Head) -> bool:
        return self.open_ended

    def first_byte_seconds(self) -> float:
        return 0.25


class Receiving(Owner):
    """A task that keeps what is written."""

    def __init__(self) -> None:
        self.request = Request(("http://h/a",))
        self.phase = Phase.OPEN
        self.first_byte_seconds = None
        self.data = bytearray()
        self.write = self.keep

    def keep(self, pieces: list[bytes], position: int) -> None:
        data = b"".join(pieces)
        self.data[position : position + len(data)] = data


def exchange(attempt: Attempt | None = None) -> tuple[Exchange[Receiving], FakeSlot]:
    slot = FakeSlot()
    asked = attempt or Attempt(Asked())
    made = Exchange(Receiving(), cast("Any", slot), 0, asked, 0.0, lambda: 0.0)
    made.url, made.origin = "http://h/a", Origin("http", "h", 80)
    made.reset(0.0)
    return made, slot


def answer(slot: FakeSlot, status: str, *fields: str) -> None:
    slot.lines.extend(f"{line}\r\n".encode() for line in (f"HTTP/1.1 {status}", *fields, ""))


def test_a_good_head_is_a_decision_of_the_run_and_takes_nothing_in() -> None:
    made, slot = exchange()
    answer(slot, "200 OK", "Content-Length: 3")
    slot.arrived.append(b"abc")
    assert made.take_in() is Step.ACCEPT
    assert (made.accepted.end, made.head.status, slot.arrived) == (3, 200, [b"abc"])
    made.expect(0, 3, noting=False)
    assert made.take_in() is Step.MORE
    assert (bytes(made.task.data), made.received, slot.links.received) == (b"abc", 3, 3)
    assert made.task.first_byte_seconds == 0.25


def test_the_body_of_a_redirect_whose_end_nothing_tells_is_not_read() -> None:
    made, slot = exchange()
    slot.open_ended = True
    answer(slot, "302 Found", "Location: /b")
    assert made.take_in() is Step.ENOUGH
    assert isinstance(made.verdict, Redirect)


def test_the_body_of_a_redirect_is_skipped_while_it_is_small() -> None:
    made, slot = exchange()
    answer(slot, "302 Found", "Location: /b")
    slot.arrived.append(bytes(KIB))
    assert made.take_in() is Step.MORE
    assert isinstance(made.verdict, Redirect)
    slot.arrived.append(bytes(65 * KIB))
    assert made.take_in() is Step.ENOUGH
    assert not made.task.data


def test_a_body_without_a_head_is_not_an_http_answer() -> None:
    made, slot = exchange()
    slot.arrived.append(b"SSH-2.0")
    assert made.take_in() is Step.MORE
    assert getattr(made.verdict, "message", "") == "not an HTTP answer"


def test_a_body_that_is_too_long_is_written_up_to_its_end() -> None:
    made, slot = exchange()
    made.expect(0, 4, noting=False)
    slot.arrived.extend([b"abc", b"def"])
    assert made.take_in() is Step.ENOUGH
    assert bytes(made.task.data) == b"abcd"
    assert "longer than the 4 bytes" in getattr(made.verdict, "message", "")


def test_a_full_claim_is_extended_and_its_bytes_are_counted_once() -> None:
    made, slot = exchange(Attempt(Asked(), 0, 4))
    made.expect(0, 100, noting=False)
    slot.arrived.append(b"abcdefgh")
    assert made.take_in() is Step.EXTEND
    assert (bytes(made.task.data), slot.arrived) == (b"abcd", [b"efgh"])
    made.extend(6)
    assert made.take_in() is Step.EXTEND
    assert bytes(made.task.data) == b"abcdef"
    made.extend(10)
    assert made.take_in() is Step.MORE
    assert (bytes(made.task.data), made.position, slot.arrived) == (b"abcdefgh", 8, [])
    assert made.received == slot.links.received == 8


def test_a_claim_that_was_cut_behind_the_position_writes_nothing_more() -> None:
    """Another thread may take the second half of a claim while the bytes of it are written."""
    made, slot = exchange(Attempt(Asked(range=ByteRange(0, 99)), 0, 100))
    made.expect(0, 100, noting=False)
    slot.arrived.append(bytes(50))
    assert made.take_in() is Step.MORE
    made.shorten(40)
    slot.arrived.append(b"x" * 10)
    assert made.take_in() is Step.EXTEND
    assert bytes(made.task.data) == bytes(50)


def test_the_sink_is_told_after_every_128_kib_of_a_range() -> None:
    made, slot = exchange()
    made.expect(0, None, noting=True)
    steps = []
    for _ in range(4):
        slot.arrived.append(bytes(64 * KIB))
        steps.append(made.take_in())
        if steps[-1] is Step.NOTE:
            made.was_noted()
            assert made.take_in() is Step.MORE
    assert steps == [Step.MORE, Step.NOTE] * 2
    assert made.position == 2 * NOTED_BYTES


def test_nothing_is_written_for_a_task_that_is_not_open() -> None:
    made, slot = exchange()
    made.expect(0, 100, noting=False)
    slot.arrived.append(b"abc")
    made.task.phase = Phase.RESTARTING
    assert made.take_in() is Step.ENOUGH
    assert not made.task.data


def test_an_exchange_stalls_only_while_nothing_comes() -> None:
    made, slot = exchange()
    assert not made.stalled(10.0, 30.0)
    answer(slot, "200 OK")
    assert not made.stalled(35.0, 30.0)
    assert not made.stalled(65.0, 30.0)
    assert made.stalled(66.0, 30.0)
    slot.paused = True
    assert not made.stalled(100.0, 30.0)


def test_only_a_chunked_body_of_http_1_marks_its_end() -> None:
    marks = []
    for status, fields in (
        ("HTTP/1.1", ["Transfer-Encoding: chunked"]),
        ("HTTP/1.1", []),
        ("HTTP/2", ["Transfer-Encoding: chunked"]),
    ):
        made, slot = exchange()
        slot.lines.extend(f"{line}\r\n".encode() for line in (f"{status} 200", *fields, ""))
        marks.append(made.marks_end)
    assert marks == [True, False, False]


def test_a_head_request_is_a_look() -> None:
    made, _ = exchange()
    assert not made.is_look
    made.task.request = Request(("http://h/a",), Method.HEAD)
    assert made.is_look
