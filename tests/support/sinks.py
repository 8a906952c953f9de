"""Sinks and hooks for tests of the transfer engine: they keep everything in memory."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator

from dashget.common.byterange import ByteRange
from dashget.transfer.contract import (
    Fetched,
    Hooks,
    Job,
    Method,
    Reading,
    Request,
    ResponseHead,
    ResumePoint,
    TransferError,
)
from dashget.transfer.engine import Engine
from dashget.transfer.settings.options import TransferOptions


class RecordingSink:
    """Keeps the bytes, and what the engine said about them."""

    def __init__(self, point: ResumePoint | None = None, data: bytes = b"") -> None:
        self.data = bytearray(data)
        self.point = point
        self.begun: list[tuple[ResponseHead, int]] = []
        self.scattered = False
        self.spans: list[ByteRange] = []
        self.error: OSError | None = None
        self.received = 0
        self._lock = threading.Lock()

    def resume_point(self) -> ResumePoint | None:
        return self.point

    def begin(self, head: ResponseHead, offset: int) -> None:
        if offset == 0:
            self.data.clear()
            self.spans.clear()
            self.scattered = False
        self.begun.append((head, offset))

    def scatter(self) -> None:
        self.scattered = True

    def write(self, data: bytes, offset: int, /) -> object:
        if self.error is not None:
            raise self.error
        with self._lock:
            self.received += len(data)
            if len(self.data) < offset:
                self.data.extend(bytes(offset - len(self.data)))
            self.data[offset : offset + len(data)] = data
        return None

    def written(self, span: ByteRange) -> None:
        assert self.scattered
        self.spans.append(span)


class WholeRecordingSink(RecordingSink):
    """Also takes what comes in one go; see ``Job.deliver``."""

    def __init__(self, point: ResumePoint | None = None, data: bytes = b"") -> None:
        super().__init__(point, data)
        self.puts = 0

    def put(self, head: ResponseHead, pieces: list[bytes], /) -> object:
        self.begin(head, 0)
        self.puts += 1
        if pieces:
            self.write(b"".join(pieces), 0)
        return None


class Log(Hooks):
    """Hooks that remember, and check that they are never called from two threads at once."""

    def __init__(self) -> None:
        self.started: list[tuple[str, int]] = []
        self.retries: list[tuple[str, int, float, str]] = []
        self.retried = threading.Event()
        """Set once there is one."""
        self.anew: list[tuple[str, int, str]] = []
        self.readings: list[Reading] = []
        self._busy = threading.Lock()

    def on_started(self, job: Job, offset: int) -> None:
        with self.alone():
            self.started.append((job.request.url, offset))

    def on_retry(self, job: Job, url: str, attempt: int, delay_seconds: float, reason: str) -> None:
        with self.alone():
            self.retries.append((url, attempt, delay_seconds, reason))
            self.retried.set()

    def on_anew(self, job: Job, url: str, dropped: int, reason: str) -> None:
        with self.alone():
            self.anew.append((url, dropped, reason))

    def on_tick(self, reading: Reading) -> None:
        with self.alone():
            self.readings.append(reading)

    def alone(self) -> _Alone:
        return _Alone(self._busy)


def _put_of(sink: RecordingSink) -> Callable[[Job, ResponseHead, list[bytes]], object] | None:
    if not isinstance(sink, WholeRecordingSink) or sink.point is not None:
        return None
    return lambda job, head, pieces: sink.put(head, pieces)


class _Alone:
    def __init__(self, lock: threading.Lock) -> None:
        self._lock = lock

    def __enter__(self) -> None:
        assert self._lock.acquire(blocking=False), "called from two threads at once"

    def __exit__(self, *exception: object) -> None:
        self._lock.release()


class Transfers:
    """Runs requests through an engine and keeps sinks and results by first URL."""

    sink_type: type[RecordingSink] = WholeRecordingSink
    """The default kind of sink; see tests/integration/conftest.py."""

    def __init__(self, sink_type: type[RecordingSink] | None = None, /, **options: object) -> None:
        self._sink_type = sink_type or self.sink_type
        # The servers of tests are at several ports of this machine.
        settings: dict[str, object] = {"timeout_seconds": 60.0, "backoff_seconds": 0.0, "loops": 2}
        settings["allow_private"] = not options.get("public_only", False)
        self.log = Log()
        self.home = options.pop("home", None)
        self.options = TransferOptions(**(settings | options))  # type: ignore[arg-type]  # keyword options of one struct
        self.renew()
        self.sinks: dict[str, RecordingSink] = {}
        self.results: dict[str, Fetched | TransferError] = {}

    def renew(self, **clocks: Callable[[], float]) -> None:
        """Make another engine, such as one with a clock of its own."""
        self.engine = Engine(self.options, hooks=self.log, **clocks)
        if self.home is not None:
            self.engine.trust(str(self.home))

    def run(self, *requests: Request | str, sinks: Iterable[RecordingSink] = ()) -> None:
        given = iter(sinks)

        def jobs() -> Iterator[Job]:
            for item in requests:
                request = Request((item,)) if isinstance(item, str) else item
                sink = self.sinks[request.url] = next(given, None) or self._sink_type()
                put = _put_of(sink) if request.method is Method.GET else None
                yield Job(request, lambda _, sink=sink: sink, request.url, put)  # type: ignore[misc]  # bound now

        self.engine.run(jobs(), self.done)

    def done(self, job: Job, result: Fetched | TransferError) -> None:
        with self.log.alone():
            assert job.payload not in self.results, "reported twice"
            self.results[str(job.payload)] = result

    def get(self, *urls: str, sink: RecordingSink | None = None) -> tuple[Fetched, bytes]:
        """Fetch one resource that must arrive."""
        self.results.clear()
        self.run(Request(urls), sinks=[sink] if sink else [])
        result = self.results[urls[0]]
        if isinstance(result, TransferError):
            raise result
        return result, bytes(self.sinks[urls[0]].data)

    def fail(self, *urls: str, sink: RecordingSink | None = None) -> TransferError:
        """Fetch one resource that must not arrive."""
        self.results.clear()
        self.run(Request(urls), sinks=[sink] if sink else [])
        result = self.results[urls[0]]
        assert isinstance(result, TransferError)
        return result

    def head(self, url: str) -> Fetched | TransferError:
        """Ask for size and validators only."""
        self.results.clear()
        self.run(Request((url,), Method.HEAD))
        return self.results[url]

    def __enter__(self) -> Transfers:
        return self

    def __exit__(self, *exception: object) -> None:
        self.engine.close()
