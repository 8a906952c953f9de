"""A run as a whole: order, laziness, limits, cancelling, and what stops everything."""

from __future__ import annotations

import errno
import os
import re
import signal
import subprocess
import sys
import threading
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pytest

from dashget.errors import Retry, StoreError
from dashget.transfer.contract import Fetched, Job, MemorySink, Method, Request, Sink, TransferError
from dashget.transfer.engine import Engine
from dashget.transfer.settings.options import TransferOptions
from tests.support.faultserver import Answer, FaultServer, refuse
from tests.support.sinks import RecordingSink, Transfers

BODY = b"0123456789" * 100


@pytest.mark.both_paths
def test_many_files_arrive_over_few_connections(server: FaultServer) -> None:
    urls = [server.on(f"/{i}", Answer(BODY + str(i).encode())) for i in range(200)]
    with Transfers(in_flight=4) as transfers:
        transfers.run(*urls)
    assert [bytes(transfers.sinks[url].data) for url in urls] == [
        BODY + str(i).encode() for i in range(200)
    ]
    assert len({seen.connection for seen in server.seen}) <= 4
    assert server.most_at_once <= 4


def test_connections_serve_fetches_and_runs_alike(server: FaultServer) -> None:
    url = server.on("/a", Answer(BODY))
    with Transfers(in_flight=1) as transfers:
        transfers.engine.fetch(Request((url,)), max_bytes=5000)
        transfers.run(url)
    assert [seen.connection for seen in server.seen] == [1, 1]


@pytest.mark.both_paths
@pytest.mark.parametrize("in_flight", [1, 2, 3, 7])
def test_never_more_in_flight_than_allowed(server: FaultServer, in_flight: int) -> None:
    urls = [server.on(f"/{i}", Answer(BODY, drip=(500, 0.002))) for i in range(40)]
    with Transfers(in_flight=in_flight) as transfers:
        transfers.run(*urls)
    assert len(transfers.results) == 40
    assert server.most_at_once == in_flight


@pytest.mark.both_paths
def test_connections_to_one_host_can_be_limited(server: FaultServer) -> None:
    with FaultServer() as other:
        urls = [server.on(f"/{i}", Answer(BODY, drip=(500, 0.002))) for i in range(20)]
        urls += [other.on(f"/{i}", Answer(BODY)) for i in range(20)]
        with Transfers(in_flight=8, max_per_host=2) as transfers:
            transfers.run(*urls)
        assert len(transfers.results) == 40
        assert server.most_at_once <= 2
        assert other.most_at_once <= 2


@pytest.mark.both_paths
def test_transfers_start_in_the_order_of_the_jobs(server: FaultServer) -> None:
    urls = [server.on(f"/{i}", Answer(BODY)) for i in range(50)]
    with Transfers(in_flight=1) as transfers:
        transfers.run(*urls)
    assert [url for url, _ in transfers.log.started] == urls
    assert [server.url(seen.path) for seen in server.seen] == urls


def test_jobs_are_pulled_as_they_are_needed(server: FaultServer) -> None:
    url = server.on("/a", Answer(BODY))
    pulled, finished, furthest = 0, 0, 0

    def jobs() -> Iterator[Job]:
        nonlocal pulled, furthest
        for _ in range(300):
            pulled += 1
            furthest = max(furthest, pulled - finished)
            yield Job(Request((url,)), lambda _: MemorySink(5000))

    def done(job: Job, result: Fetched | TransferError) -> None:
        nonlocal finished
        finished += 1

    with Engine(TransferOptions(in_flight=4)) as engine:
        engine.run(jobs(), done)
    assert finished == 300
    assert furthest <= 5


@pytest.mark.slow
def test_a_long_queue_of_refused_requests_needs_little_memory() -> None:
    count = 0

    def jobs() -> Iterator[Job]:
        for i in range(20_000):
            yield Job(Request((f"ftp://127.0.0.1/{i}",)), lambda _: MemorySink(1))

    def done(job: Job, result: Fetched | TransferError) -> None:
        nonlocal count
        count += 1

    tracemalloc.start()
    try:
        with Engine(TransferOptions()) as engine:
            engine.run(jobs(), done)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert count == 20_000
    assert peak < 5_000_000


def test_a_server_that_is_down_does_not_pull_all_jobs(server: FaultServer) -> None:
    pulled = 0

    def jobs() -> Iterator[Job]:
        nonlocal pulled
        for i in range(10_000):
            pulled += 1
            if pulled > 200:
                engine.cancel()
            yield Job(Request((f"http://127.0.0.1:1/{i}",)), lambda _: MemorySink(1))

    timer: threading.Timer
    patient = TransferOptions(
        retries=5, host_patience_seconds=0, backoff_seconds=60, backoff_limit_seconds=60
    )
    with Engine(patient) as engine:
        timer = threading.Timer(0.5, engine.cancel)
        timer.start()
        engine.run(jobs(), lambda job, result: None)
        timer.join()
    assert pulled <= 40


def test_a_run_without_jobs_ends_at_once() -> None:
    with Transfers() as transfers:
        transfers.run()
    assert transfers.results == {}


def test_readings_come_while_it_runs(server: FaultServer) -> None:
    url = server.on("/a", Answer(BODY, drip=(100, 0.05)))
    with Transfers() as transfers:
        transfers.get(url)
    assert 2 <= len(transfers.log.readings) <= 8
    assert transfers.log.readings[-1].transferred <= len(BODY)
    assert transfers.log.readings[0].in_flight == 1


def test_cancelling_keeps_finished_bytes_and_reports_open_files(server: FaultServer) -> None:
    slow = server.on("/slow", Answer(BODY, etag='"1"', cut=600, cut_by="hang"))
    never = [server.url(f"/{i}") for i in range(100)]
    with Transfers(in_flight=1) as transfers:
        write = RecordingSink.write

        class Cancelling(RecordingSink):
            def write(self, data: bytes, offset: int, /) -> object:
                transfers.engine.cancel()
                return write(self, data, offset)

        transfers.run(slow, *never, sinks=[Cancelling()])
    error = transfers.results[slow]
    assert isinstance(error, TransferError)
    assert error.cancelled
    assert (error.attempts, error.requests, error.transferred) == (1, 1, 600)
    assert bytes(transfers.sinks[slow].data) == BODY[:600]
    assert len(transfers.results) == 1


@pytest.mark.both_paths
@pytest.mark.parametrize("failures", [1, 2, 3])
def test_attempts_of_a_cancelled_file_count_those_that_were_started(
    server: FaultServer, monkeypatch: pytest.MonkeyPatch, failures: int
) -> None:
    """One that waits for its next attempt has no other under way."""
    url = server.on("/a", *[refuse(500)] * 9)
    with Transfers(backoff_seconds=0.0) as transfers:

        def on_retry(*retry: object) -> None:
            if retry[2] == failures:
                transfers.engine.cancel()

        monkeypatch.setattr(transfers.log, "on_retry", on_retry)
        error = transfers.fail(url)
    assert error.cancelled
    assert (error.attempts, error.requests) == (failures, failures)


def test_an_attempt_in_progress_counts_with_those_that_failed(server: FaultServer) -> None:
    with Transfers() as transfers:
        hangs = Answer(BODY, cut=600, cut_by="hang", note=lambda _: transfers.engine.cancel())
        error = transfers.fail(server.on("/a", refuse(500), hangs))
    assert error.cancelled
    assert (error.attempts, error.requests) == (2, 2)


def test_an_engine_that_was_cancelled_starts_nothing_any_more(server: FaultServer) -> None:
    with Transfers() as transfers:
        transfers.engine.cancel()
        transfers.run(server.url("/a"))
        with pytest.raises(TransferError) as caught:
            transfers.engine.fetch(Request((server.url("/a"),)), max_bytes=1)
    assert caught.value.cancelled
    assert transfers.results == {}
    assert server.seen == []


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO])
def test_a_disk_that_takes_no_more_stops_everything(server: FaultServer, code: int) -> None:
    urls = [server.on(f"/{i}", Answer(BODY)) for i in range(50)]
    sinks = [RecordingSink() for _ in urls]
    sinks[10].error = OSError(code, os.strerror(code), "/mirror/10")
    # With one loop: another would go on for as long as the system keeps this one waiting.
    one = Transfers(in_flight=2, loops=1)
    reason = re.escape(os.strerror(code))
    with one as transfers, pytest.raises(StoreError, match=f"(?i)cannot write: {reason}"):
        transfers.run(*urls, sinks=sinks)
    assert len(transfers.results) < 20
    assert any(isinstance(r, TransferError) and r.cancelled for r in transfers.results.values())


def test_a_file_that_cannot_be_written_is_one_failed_file(server: FaultServer) -> None:
    urls = [server.on(f"/{i}", Answer(BODY)) for i in range(10)]
    sinks = [RecordingSink() for _ in urls]
    sinks[3].error = PermissionError(errno.EACCES, "Permission denied", "/mirror/3")
    with Transfers() as transfers:
        transfers.run(*urls, sinks=sinks)
    error = transfers.results[urls[3]]
    assert isinstance(error, TransferError)
    assert (str(error), error.retry) == ("cannot write: permission denied", Retry.NEVER)
    assert sum(isinstance(r, Fetched) for r in transfers.results.values()) == 9


def test_too_many_open_files_are_waited_out(server: FaultServer) -> None:
    urls = [server.on(f"/{i}", Answer(BODY)) for i in range(10)]
    refused = 0

    def open_sink(_: Job) -> Sink:
        nonlocal refused
        if refused < 3:
            refused += 1
            raise OSError(errno.EMFILE, "Too many open files")
        return RecordingSink()

    results: list[Fetched | TransferError] = []
    with Engine(TransferOptions()) as engine:
        engine.run(
            (Job(Request((url,)), open_sink) for url in urls),
            lambda job, result: results.append(result),
        )
    assert all(isinstance(result, Fetched) for result in results)
    assert len(results) == 10


FEW_FILES = """
import resource, sys
from dashget.transfer.engine import Engine
from dashget.transfer.settings.options import TransferOptions
from dashget.transfer.contract import Fetched, Job, MemorySink, Request

class Sink(MemorySink):
    def begin(self, head, offset):
        self.file = self.file if hasattr(self, "file") else open("/dev/null", "wb")

def done(job, result):
    if hasattr(job.payload, "file"):
        job.payload.file.close()
    print(result.attempts if isinstance(result, Fetched) else result, end=" ")

def jobs():
    for i in range(60):
        sink = Sink(5000)
        yield Job(Request((sys.argv[1],)), lambda _, sink=sink: sink, sink)

with Engine(TransferOptions(in_flight=30, retries=0)) as engine:
    if sys.argv[2]:
        engine.trust(sys.argv[2])
    engine.fetch(Request((sys.argv[1],)), max_bytes=5000)
    resource.setrlimit(resource.RLIMIT_NOFILE, (24, 24))
    engine.run(jobs(), done)
"""


@pytest.mark.skipif(os.name == "nt", reason="limits of POSIX")
@pytest.mark.parametrize("guarded", [False, True])
def test_a_process_short_of_files_goes_on_with_fewer(server: FaultServer, guarded: bool) -> None:
    url = server.on("/a", Answer(BODY, drip=(500, 0.02)))
    allowed = url if guarded else ""
    program = subprocess.run(
        [sys.executable, "-c", FEW_FILES, url, allowed], capture_output=True, text=True, timeout=60
    )
    assert program.stderr == ""
    assert program.stdout.split() == ["1"] * 60


@pytest.mark.parametrize("where", ["jobs", "done", "sink"])
def test_errors_of_the_caller_come_back_to_it(server: FaultServer, where: str) -> None:
    urls = [server.on(f"/{i}", Answer(BODY)) for i in range(10)]

    def fail(place: str) -> None:
        if place == where:
            raise KeyError(place)

    def jobs() -> Iterator[Job]:
        for i, url in enumerate(urls):
            if i == 5:
                fail("jobs")
            yield Job(Request((url,)), open_sink)

    def open_sink(_: Job) -> Sink:
        fail("sink")
        return RecordingSink()

    with Engine(TransferOptions()) as engine, pytest.raises(KeyError, match=where):
        engine.run(jobs(), lambda job, result: fail("done"))


def test_one_fetch_may_happen_during_a_run(server: FaultServer) -> None:
    urls = [server.on(f"/{i}", Answer(BODY)) for i in range(3)]
    bodies: list[bytes] = []

    def jobs() -> Iterator[Job]:
        for url in urls:
            bodies.append(engine.fetch(Request((url,)), max_bytes=5000)[1])
            yield Job(Request((url,), Method.HEAD), lambda _: MemorySink(0))

    with Engine(TransferOptions()) as engine:
        engine.run(jobs(), lambda job, result: None)
    assert bodies == [BODY] * 3


INTERRUPTED = """
import sys, threading, _thread
from dashget.transfer.engine import Engine
from dashget.transfer.settings.options import TransferOptions
from dashget.transfer.contract import Job, MemorySink, Request

class Sink(MemorySink):
    def write(self, data, offset, /):
        print("writing", flush=True)
        return super().write(data, offset)

def done(job, result):
    print("cancelled" if result.cancelled else "failed", flush=True)

with Engine(TransferOptions()) as engine:
    try:
        engine.run([Job(Request((sys.argv[1],)), lambda _: Sink(5000))], done)
    except KeyboardInterrupt:
        print("interrupted", flush=True)
print("threads", threading.active_count())
"""


@pytest.mark.skipif(os.name == "nt", reason="sends a POSIX signal")
def test_an_interrupt_ends_a_run_cleanly(server: FaultServer, tmp_path: Path) -> None:
    url = server.on("/a", Answer(BODY, cut=500, cut_by="hang"))
    program = subprocess.Popen(
        [sys.executable, "-c", INTERRUPTED, url], stdout=subprocess.PIPE, text=True
    )
    assert program.stdout is not None
    assert program.stdout.readline() == "writing\n"
    program.send_signal(signal.SIGINT)
    out, _ = program.communicate(timeout=10)
    assert out.split() == ["cancelled", "interrupted", "threads", "1"]
