"""Sources of jobs that may wait: feeds that never end."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator

import pytest

from dashget.transfer.contract import (
    Fetched,
    Job,
    MemorySink,
    Request,
    TransferError,
    Transfers,
    Wait,
)
from dashget.transfer.engine import Engine, EngineFor
from dashget.transfer.settings.options import TransferOptions
from tests.support.faultserver import Answer, FaultServer

BODY = bytes(1000)
LONG_SECONDS = 3600.0


class Feed:
    """Gives out what is put in, and waits for more until it is closed."""

    def __init__(self, *urls: str, until: Callable[[float], float] | None = None) -> None:
        self.urls = deque(urls)
        self.closed = False
        self.asked: list[float] = []
        self.waited = threading.Event()
        """Set as soon as it has said to wait."""
        self._until = until or (lambda now: now + LONG_SECONDS)

    def next(self, now: float) -> Job | Wait | None:
        self.asked.append(now)
        if self.urls:
            url = self.urls.popleft()
            return Job(Request((url,)), lambda _: MemorySink(len(BODY)), url, _deliver)
        if self.closed:
            return None
        self.waited.set()
        return Wait(self._until(now))


def _deliver(job: Job, head: object, pieces: list[bytes]) -> None:
    assert b"".join(pieces) == BODY


class Running:
    """A run in a thread of its own."""

    def __init__(self, engine: Transfers, feed: Feed) -> None:
        self.engine, self.feed = engine, feed
        self.results: list[tuple[str, Fetched | TransferError]] = []
        self.error: BaseException | None = None
        self.arrived = threading.Condition()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            self.engine.run(self.feed, self.done)
        except BaseException as error:  # noqa: BLE001  looked at by the test
            self.error = error

    def done(self, job: Job, result: Fetched | TransferError) -> None:
        with self.arrived:
            self.results.append((job.payload, result))
            self.arrived.notify_all()

    def wait_for(self, count: int) -> None:
        with self.arrived:
            assert self.arrived.wait_for(lambda: len(self.results) >= count, 60.0)

    def join(self) -> None:
        self._thread.join(60.0)
        assert not self._thread.is_alive(), "the run did not end"


@pytest.fixture(params=[1, 2], ids=["one loop", "two loops"])
def engine(request: pytest.FixtureRequest) -> Iterator[Engine]:
    with Engine(TransferOptions(in_flight=4, loops=request.param)) as made:
        yield made


def test_a_feed_is_woken_by_another_thread_and_ends(server: FaultServer, engine: Engine) -> None:
    urls = [server.on(f"/{i}", Answer(BODY)) for i in range(6)]
    feed = Feed(*urls[:3])
    running = Running(engine, feed)
    running.wait_for(3)
    assert feed.waited.wait(60.0)
    feed.urls.extend(urls[3:])
    engine.wake()
    running.wait_for(6)
    feed.closed = True
    engine.wake()
    running.join()
    assert running.error is None
    assert sorted(url for url, _ in running.results) == sorted(urls)
    assert all(isinstance(result, Fetched) for _, result in running.results)


def test_a_feed_is_woken_through_the_engine_of_one_manifest(server: FaultServer) -> None:
    url = server.on("/a", Answer(BODY))
    feed = Feed()
    with Engine(TransferOptions()) as engine:
        transfers: Transfers = EngineFor(engine, home=url)
        running = Running(transfers, feed)
        assert feed.waited.wait(60.0)
        feed.urls.append(url)
        feed.closed = True
        transfers.wake()
        running.join()
    assert running.error is None
    assert [url for url, _ in running.results] == [url]


def test_a_feed_that_waits_is_not_asked_again_and_again(
    server: FaultServer, engine: Engine
) -> None:
    feed = Feed(server.on("/a", Answer(BODY)))
    running = Running(engine, feed)
    running.wait_for(1)
    assert feed.waited.wait(60.0)
    asked = len(feed.asked)
    running.feed.waited.clear()
    assert not feed.waited.wait(0.5), "asked although it waits for an hour"
    assert len(feed.asked) == asked <= 3
    feed.closed = True
    engine.wake()
    running.join()


def test_a_feed_is_asked_again_when_its_time_has_come(server: FaultServer, engine: Engine) -> None:
    url = server.on("/a", Answer(BODY))
    feed = Feed(until=lambda now: now + 0.05)
    running = Running(engine, feed)
    assert feed.waited.wait(60.0)
    feed.urls.append(url)
    running.wait_for(1)
    feed.closed = True
    running.join()
    waits = [later - earlier for earlier, later in zip(feed.asked, feed.asked[1:], strict=False)]
    assert min(waits[:1]) >= 0.05
    assert [each for each, _ in running.results] == [url]


def test_a_feed_that_waits_is_cancelled(server: FaultServer, engine: Engine) -> None:
    feed = Feed(server.on("/a", Answer(BODY)))
    running = Running(engine, feed)
    running.wait_for(1)
    assert feed.waited.wait(60.0)
    engine.cancel()
    running.join()
    assert running.error is None
    assert len(running.results) == 1


def test_a_feed_may_be_woken_by_a_report(server: FaultServer, engine: Engine) -> None:
    """Each file names the next one, as in a live stream."""
    urls = [server.on(f"/{i}", Answer(BODY)) for i in range(20)]
    feed, left, results = Feed(urls[0]), deque(urls[1:]), []

    def done(job: Job, result: Fetched | TransferError) -> None:
        results.append(result)
        if left:
            feed.urls.append(left.popleft())
        else:
            feed.closed = True
        engine.wake()

    began = time.monotonic()
    engine.run(feed, done)
    assert len(results) == 20
    assert time.monotonic() - began < 20.0


def test_a_feed_that_fails_ends_the_run(server: FaultServer, engine: Engine) -> None:
    class Failing(Feed):
        def next(self, now: float) -> Job | Wait | None:
            if not self.urls:
                raise KeyError("no more")
            return super().next(now)

    results: list[object] = []
    url = server.on("/a", Answer(BODY))
    with pytest.raises(KeyError, match="no more"):
        engine.run(Failing(url), lambda _, result: results.append(result))
    assert len(results) == 1


def test_a_feed_that_is_woken_while_it_decides_to_wait_is_asked_again(engine: Engine) -> None:
    class Hasty(Feed):
        def next(self, now: float) -> Job | Wait | None:
            answer = super().next(now)
            engine.wake()
            self.closed = len(self.asked) >= 5
            return answer

    feed = Hasty()
    Running(engine, feed).join()
    assert len(feed.asked) == 6


def test_a_feed_whose_jobs_need_tasks_waits_too(server: FaultServer, engine: Engine) -> None:
    url = server.on("/a", Answer(BODY, drip=(100, 0.01)))

    class Slow(Feed):
        def next(self, now: float) -> Job | Wait | None:
            answer = super().next(now)
            if isinstance(answer, Job):
                return Job(answer.request, answer.open_sink, answer.payload)
            return answer

    feed = Slow(url, url, url)
    running = Running(engine, feed)
    running.wait_for(3)
    assert feed.waited.wait(60.0)
    feed.closed = True
    engine.wake()
    running.join()
    assert all(isinstance(result, Fetched) for _, result in running.results)
