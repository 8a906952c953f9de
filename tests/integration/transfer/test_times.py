"""Times of a resource: to the first byte of its first response, and in all.

A server that takes its time is the only way to tell one response from another; the tests hold
however long a busy machine takes, as nothing has to happen within a time.
"""

from __future__ import annotations

import random
import threading
import time
from typing import Any

from dashget.transfer.contract import Fetched
from tests.support.crowd import PATIENT
from tests.support.faultserver import Answer, FaultServer, Seen, redirect, refuse
from tests.support.sinks import Log, RecordingSink, Transfers, WholeRecordingSink

MIB = 1024 * 1024
SLOW_SECONDS = 0.3
BODY = random.Random(1).randbytes(6 * MIB)
SMALL = BODY[: 64 * 1024]


def slowly(_: Seen) -> None:
    """Take a server's time before an answer."""
    threading.Event().wait(SLOW_SECONDS)


def timed(transfers: Transfers, url: str, body: bytes) -> Fetched:
    """Fetch what has to arrive; the times told must fit into those that passed."""
    started = time.monotonic()
    fetched, data = transfers.get(url)
    passed = time.monotonic() - started
    assert data == body
    assert fetched.first_byte_seconds is not None
    assert 0 < fetched.first_byte_seconds <= fetched.seconds <= passed
    return fetched


def test_a_file_in_several_attempts_tells_its_first_response_and_all_its_time(
    server: FaultServer,
) -> None:
    unwilling = Answer(b"later", status=503, note=slowly)
    url = server.on("/a", unwilling, refuse(503), Answer(SMALL, etag='"1"'))
    with Transfers() as transfers:
        fetched = timed(transfers, url, SMALL)
    assert fetched.attempts == 3
    assert (fetched.first_byte_seconds or 0) >= SLOW_SECONDS


def test_attempts_without_a_response_count_as_time(server: FaultServer) -> None:
    silent = Answer(drop="close", note=slowly)
    url = server.on("/a", silent, Answer(SMALL, etag='"1"'))
    with Transfers() as transfers:
        fetched = timed(transfers, url, SMALL)
    assert fetched.attempts == 2
    assert fetched.seconds >= SLOW_SECONDS


def test_a_resumed_body_counts_from_its_first_request(server: FaultServer) -> None:
    cut = Answer(BODY, etag='"1"', cut=3 * MIB, drip=(MIB, SLOW_SECONDS))
    url = server.on("/a", cut, Answer(BODY, etag='"1"'))
    with Transfers() as transfers:
        fetched = timed(transfers, url, BODY)
    assert fetched.attempts == 2
    assert fetched.seconds >= 2 * SLOW_SECONDS


def test_a_redirect_is_the_first_response(server: FaultServer) -> None:
    target = server.on("/b", Answer(SMALL, etag='"1"'))
    moved = redirect(target)
    url = server.on("/a", Answer(status=302, headers=moved.headers, note=slowly))
    with Transfers() as transfers:
        fetched = timed(transfers, url, SMALL)
    assert (fetched.first_byte_seconds or 0) >= SLOW_SECONDS


def test_a_file_in_parallel_ranges_tells_its_first_response_and_all_its_time(
    server: FaultServer,
) -> None:
    several = threading.Event()

    def note(_: Seen) -> None:
        if len(server.seen) > 4:
            several.set()

    # The first transfer does not bring all of it before others have been asked for.
    first = Answer(BODY, etag='"1"', note=slowly, hold=several, hold_after=64 * 1024)
    url = server.on("/a", first, Answer(BODY, etag='"1"', note=note))
    ranges: dict[str, Any] = {"range_threshold": 2 * MIB, "range_size": 512 * 1024}
    with Transfers(in_flight=4, **ranges, **PATIENT) as transfers:
        fetched = timed(transfers, url, BODY)
    assert fetched.requests > 4
    assert (fetched.first_byte_seconds or 0) >= SLOW_SECONDS


def test_a_question_for_the_size_tells_its_time(server: FaultServer) -> None:
    url = server.on("/a", Answer(SMALL, etag='"1"', note=slowly))
    with Transfers() as transfers:
        fetched = transfers.head(url)
    assert isinstance(fetched, Fetched)
    assert SLOW_SECONDS <= (fetched.first_byte_seconds or 0) <= fetched.seconds


class Timed(Log):
    wants_timings = True


def test_stages_of_a_request_are_told_only_if_somebody_wants_them(server: FaultServer) -> None:
    whole, redirected = server.on("/a", Answer(SMALL)), server.on("/b", redirect("/a"))
    for sink in (RecordingSink, WholeRecordingSink):
        with Transfers(sink, in_flight=1) as transfers:
            fetched, _ = transfers.get(whole)
            assert fetched.timing is None
            transfers.log = Timed()
            transfers.renew()
            first, second = (transfers.get(url)[0] for url in (whole, redirected))
        timing, reused = first.timing, second.timing
        assert timing is not None
        assert reused is not None
        assert first.answer.timing is timing
        assert 0 < timing.connect_seconds <= timing.first_byte_seconds <= timing.total_seconds
        assert (timing.tls_seconds, timing.reused, timing.redirects) == (None, False, 0)
        assert (reused.reused, reused.redirects) == (True, 1)


def test_the_answer_to_a_failed_transfer_tells_its_stages(server: FaultServer) -> None:
    url = server.on("/a", refuse(404))
    with Transfers() as transfers:
        transfers.log = Timed()
        transfers.renew()
        answer = transfers.fail(url).answer
    assert answer is not None
    assert (answer.status, answer.http_version) == (404, "1.1")
    assert answer.timing is not None
    assert answer.timing.first_byte_seconds == answer.first_byte_seconds
