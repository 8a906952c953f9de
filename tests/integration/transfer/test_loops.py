"""When a second loop joins the first: with large files, and where the first is never idle."""

from __future__ import annotations

import itertools
import os
import threading
from collections.abc import Callable, Iterator

import pytest

from dashget.transfer.contract import (
    Fetched,
    Hooks,
    Job,
    MemorySink,
    Reading,
    Request,
    TransferError,
)
from dashget.transfer.engine import Engine
from dashget.transfer.pacing.pace import Load
from dashget.transfer.run.loop import Loop
from dashget.transfer.run.run import Run
from dashget.transfer.settings.options import TransferOptions
from tests.support.certificates import Authority
from tests.support.faultserver import Answer, FaultServer

LARGE, SMALL = bytes(400_000), bytes(1000)
WHOLE_FILE = bytes(range(256)) * 4096 * 6


@pytest.fixture
def busy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have loops that never wait for the network, whatever the server and the machine do."""
    monkeypatch.setattr(Load, "is_full", lambda _: True)


@pytest.fixture
def idle(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have loops that do wait."""
    monkeypatch.setattr(Load, "is_full", lambda _: False)


@pytest.fixture
def processors(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Have the machine seem to have so many processors."""

    def set_count(count: int) -> None:
        monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(count)), raising=False)

    set_count(2)
    return set_count


def engine(**options: object) -> Engine:
    return Engine(TransferOptions(**({"in_flight": 4} | options)))  # type: ignore[arg-type]  # keyword options of one struct


def threads_at_work(engine: Engine, urls: Iterator[str], largest: int = 1 << 20) -> int:
    """Fetch URLs until two threads have taken some, or all; return how many threads there were."""
    seen: set[int] = set()
    sinks: dict[str, MemorySink] = {}
    results: list[Fetched | TransferError] = []

    def open_sink(job: Job) -> MemorySink:
        return sinks.setdefault(str(job.payload), MemorySink(largest))

    def jobs() -> Iterator[Job]:
        for number, url in enumerate(urls):
            seen.add(threading.get_ident())
            if len(seen) > 1:
                return
            yield Job(Request((url,)), open_sink, number)

    with engine:
        engine.run(jobs(), lambda _, result: results.append(result))
    assert results
    assert all(isinstance(result, Fetched) for result in results)
    return len(seen)


@pytest.fixture
def large(server: FaultServer) -> Iterator[str]:
    """Name the same large file, again and again; a bound for what must end sooner."""
    return itertools.repeat(server.on("/large", Answer(LARGE)), 5000)


@pytest.mark.usefixtures("processors", "busy")
def test_a_second_loop_joins_where_the_first_is_never_idle(large: Iterator[str]) -> None:
    assert threads_at_work(engine(), large) == 2


@pytest.mark.usefixtures("processors", "idle")
def test_one_loop_does_it_all_where_it_waits_for_the_network(large: Iterator[str]) -> None:
    assert threads_at_work(engine(), itertools.islice(large, 60)) == 1


@pytest.mark.usefixtures("processors", "busy")
def test_one_loop_does_it_all_with_small_files(server: FaultServer) -> None:
    url = server.on("/small", Answer(SMALL))
    assert threads_at_work(engine(), itertools.repeat(url, 200)) == 1


@pytest.mark.usefixtures("busy")
def test_one_loop_does_it_all_on_one_processor(
    large: Iterator[str], processors: Callable[[int], None]
) -> None:
    processors(1)
    assert threads_at_work(engine(), itertools.islice(large, 60)) == 1


@pytest.mark.usefixtures("processors", "busy")
@pytest.mark.parametrize(("size", "threads"), [(400_000, 1), (5_000_000, 2)])
def test_over_tls_files_have_to_be_larger(authority: Authority, size: int, threads: int) -> None:
    """For each record of 16 KiB a loop needs Python's lock."""
    with FaultServer(tls=authority.server()) as server:
        urls = itertools.repeat(server.on("/large", Answer(bytes(size))), 60)
        made = engine(cacert=authority.certificate)
        assert threads_at_work(made, urls, size) == threads


@pytest.mark.usefixtures("processors", "idle")
def test_loops_that_were_asked_for_join_whatever_the_load(large: Iterator[str]) -> None:
    assert threads_at_work(engine(loops=2), large) == 2


@pytest.mark.usefixtures("processors", "busy")
@pytest.mark.parametrize("one", [{"in_flight": 1}, {"max_per_host": 1}], ids=["in all", "per host"])
def test_one_transfer_at_a_time_is_the_work_of_one_loop(
    large: Iterator[str], one: dict[str, object]
) -> None:
    """A second loop would have a part of all transfers, and no host that it may ask."""
    assert threads_at_work(engine(**one), itertools.islice(large, 60)) == 1


@pytest.mark.usefixtures("processors")
@pytest.mark.parametrize("load", ["busy", "idle"])
def test_a_large_file_in_ranges_is_shared_by_loops_that_are_busy(
    server: FaultServer, load: str, request: pytest.FixtureRequest
) -> None:
    request.getfixturevalue(load)
    url = server.on("/whole", Answer(WHOLE_FILE, etag='"1"'))
    made = engine(range_threshold=1 << 20, range_size=64 << 10)
    sink = MemorySink(len(WHOLE_FILE))
    wide: list[bool] = []
    with made:
        made.run(
            iter([Job(Request((url,)), lambda _: sink)]),
            lambda _, result: wide.append(
                isinstance(result, Fetched) and made._runs[0].shares.wide
            ),
        )
    assert wide == [load == "busy"]
    assert bytes(sink.data) == WHOLE_FILE


def test_the_time_that_a_loop_waits_for_the_network_is_counted(server: FaultServer) -> None:
    """The server answers only once the loop has gone to sleep, and woken up for its tick."""
    held = threading.Event()
    url = server.on("/held", Answer(SMALL, hold=held))

    class Release(Hooks):
        def on_tick(self, reading: Reading) -> None:
            held.set()

    with Engine(TransferOptions(), hooks=Release()) as made:
        loop = made._free[0]
        assert loop.links.waited_seconds == 0
        made.fetch(Request((url,)), max_bytes=len(SMALL))
        assert loop.links.waited_seconds > 0


def test_a_loop_that_sleeps_is_woken_where_it_turns_out_that_no_job_is_left() -> None:
    """Nobody may know that while the last transfer ends; a run would end up to 0.1 s late."""
    asleep, woken = threading.Event(), threading.Event()
    with Engine(TransferOptions(loops=2)) as engine:
        loops = Loop(engine._shared), Loop(engine._shared)
        run = Run(engine._shared, iter(()), lambda *_: None, tuple(loop.links for loop in loops))
        wait = run.changed.wait

        def note_and_wait(seconds: float | None = None) -> bool:
            asleep.set()
            return wait(seconds)

        def sleep() -> None:
            run.wait(600.0)
            woken.set()

        run.changed.wait = note_and_wait  # type: ignore[method-assign]  # tells when it is asleep
        threading.Thread(target=sleep, daemon=True).start()
        assert asleep.wait(60.0)
        with run.lock:
            assert run.pull() is None
        assert run.over()
        assert woken.wait(60.0)
        for loop in loops:
            loop.close()


def test_a_loop_whose_share_stays_as_large_takes_fewer_connections_when_another_joins() -> None:
    """The number of transfers may double at the very moment in which they are divided."""
    with Engine(TransferOptions(in_flight="auto", loops=2)) as engine:
        loops = Loop(engine._shared), Loop(engine._shared)
        run = Run(engine._shared, iter(()), lambda *_: None, tuple(loop.links for loop in loops))
        first = loops[0]
        first.run = run
        run.concurrency.limit = 16
        first._fill()
        assert (first.links.connections, first.links.streams) == (16, 1)
        run.concurrency.limit, run.shares.wide = 32, True
        first._tick()
        first._fill()
        assert (first.links.connections, first.links.streams) == (8, 2)
        for loop in loops:
            loop.close()
