"""File descriptors that run out: fewer transfers, nothing failed, nothing lost."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest

from dashget.common.byterange import ByteRange
from dashget.errors import StoreError
from dashget.transfer.contract import (
    Fetched,
    Job,
    MemorySink,
    Request,
    ResponseHead,
    ResumePoint,
    TransferError,
)
from dashget.transfer.curl.libcurl import pycurl
from dashget.transfer.engine import Engine
from dashget.transfer.run.loop import Loop
from dashget.transfer.settings.options import TransferOptions
from tests.support import sinks
from tests.support.builders import mpd, numbered
from tests.support.certificates import Authority
from tests.support.faultserver import Answer, FaultServer, Seen, refuse
from tests.support.h2server import H2Server, Step
from tests.support.program import COMMAND, DEADLINE_SECONDS, Ended, environment, run, tree
from tests.support.sinks import RecordingSink

pytestmark = pytest.mark.skipif(os.name == "nt", reason="limits of POSIX")

MEBIBYTE = 1024 * 1024
SEGMENTS = 200
BODY = bytes(range(256)) * 400
HINT = "hint: allow more open files (ulimit -n); the same command continues from here"


def document(segments: int) -> bytes:
    return mpd(numbered(extra=f'endNumber="{segments}"'), seconds=2 * segments)


def bodies(segments: int, size: int) -> dict[str, bytes]:
    return {f"v/{i}.m4s": bytes([i % 251]) * size for i in range(1, segments + 1)}


def offer(server: FaultServer, files: dict[str, bytes], *before: Answer, **how: object) -> str:
    """Offer a presentation, each file after the answers ``before``; return the manifest's URL."""
    for name, body in files.items():
        answer = Answer(body, etag=f'"{name}"', **how)  # type: ignore[arg-type]  # fields by name
        server.on(f"/{name}", *before, answer)
    return server.on("/m.mpd", Answer(document(len(files))))


def run_short(files: int, *arguments: str | Path, cwd: Path) -> Ended:
    """Run the program with no more than so many file descriptors, and no right to have more."""
    done = subprocess.run(
        [
            "sh",
            "-c",
            f'ulimit -S -n {files}; ulimit -H -n {files}; exec "$@"',
            "sh",
            *COMMAND,
            *map(str, arguments),
        ],
        cwd=cwd,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=DEADLINE_SECONDS,
        check=False,
    )
    assert "Traceback" not in done.stderr
    return Ended(done.returncode, done.stdout, done.stderr)


def missing(directory: Path, files: dict[str, bytes]) -> list[str]:
    there = tree(directory) if directory.exists() else {}
    assert all(there[name] == body for name, body in files.items() if name in there)
    return [name for name in files if name not in there]


@pytest.mark.slow
@pytest.mark.parametrize("allowed", [18, 24])
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_small_segments_arrive_with_few_descriptors(
    tmp_path: Path, authority: Authority, scheme: str, allowed: int
) -> None:
    files = bodies(SEGMENTS, 8000)
    with FaultServer(tls=authority.server() if scheme == "https" else None) as server:
        url = offer(server, files, drip=(2000, 0.005))
        trust = ["--cacert", authority.certificate] if scheme == "https" else []
        ended = run_short(allowed, url, "-t", "16", "-o", "out", *trust, cwd=tmp_path)
        assert (ended.code, missing(tmp_path / "out", files)) == (0, [])
        assert len(server.seen) < 2 * SEGMENTS


@pytest.mark.slow
def test_too_few_descriptors_for_a_single_file_end_the_run(tmp_path: Path) -> None:
    """Files that arrive and cannot be stored are no progress: it would never end."""
    files = bodies(SEGMENTS, 8000)
    with FaultServer() as server:
        ended = run_short(16, offer(server, files), "-t", "16", "-o", "out", cwd=tmp_path)
    assert ended.code == 6
    assert "no file descriptor is left for a single transfer" in ended.err
    assert HINT in ended.err


@pytest.mark.slow
def test_segments_over_http2_arrive_with_few_descriptors(
    tmp_path: Path, authority: Authority
) -> None:
    body = b"x" * 3000
    files = {f"v/{i}.m4s": body for i in range(1, SEGMENTS + 1)}
    with H2Server(authority.server(), Step(document(SEGMENTS)), Step(body)) as server:
        trust = ["--cacert", authority.certificate]
        ended = run_short(18, server.url("/a"), "-t", "16", "-o", "out", *trust, cwd=tmp_path)
        assert (ended.code, missing(tmp_path / "out", files)) == (0, [])
        assert server.requests < 2 * SEGMENTS


@pytest.mark.slow
def test_large_files_arrive_in_ranges_with_few_descriptors(
    tmp_path: Path, server: FaultServer
) -> None:
    """Whole answers stop after their first bytes until a range is asked for."""
    in_ranges = threading.Event()

    def note(seen: Seen) -> None:
        if "range" in seen.headers:
            in_ranges.set()

    files = bodies(5, 18 * MEBIBYTE)
    url = offer(server, files, hold=in_ranges, hold_after=MEBIBYTE, note=note)
    ended = run_short(20, url, "-t", "16", "-o", "out", cwd=tmp_path)
    assert (ended.code, missing(tmp_path / "out", files)) == (0, [])
    assert in_ranges.is_set()


@pytest.mark.slow
def test_files_that_wait_for_another_attempt_need_no_descriptor(
    tmp_path: Path, server: FaultServer
) -> None:
    """Each has its part when it breaks off, and all of them wait for up to half a second."""
    files = bodies(100, 8000)
    cut = [(name, Answer(body, etag=f'"{name}"', cut=5000)) for name, body in files.items()]
    url = offer(server, files)
    for name, answer in cut:
        server.on(f"/{name}", answer, Answer(files[name], etag=f'"{name}"'))
    ended = run_short(28, url, "-t", "4", "-o", "out", "-v", cwd=tmp_path)
    assert (ended.code, missing(tmp_path / "out", files)) == (0, [])
    resumed = [seen for seen in server.seen if seen.headers.get("range") == "bytes=5000-"]
    assert len(resumed) == 100
    assert len(server.seen) == 201


@pytest.mark.slow
@pytest.mark.parametrize("allowed", [6, 7, 8, 9])
def test_too_few_descriptors_for_anything_are_one_clear_error(
    tmp_path: Path, server: FaultServer, allowed: int
) -> None:
    files = bodies(20, 8000)
    url = offer(server, files)
    ended = run_short(allowed, url, "-o", "out", cwd=tmp_path)
    assert ended.code in (1, 5, 6)
    assert "too many open files" in ended.err.lower()
    assert ended.err.rstrip().endswith(HINT)
    missing(tmp_path / "out", files)
    later = run(url, "-o", "out", cwd=tmp_path)
    assert (later.code, missing(tmp_path / "out", files)) == (0, [])


PASSING = """
import os, resource, sys, time
from dashget.transfer.engine import Engine
from dashget.transfer.settings.options import TransferOptions
from dashget.transfer.contract import Fetched, Hooks, Job, MemorySink, Request

url, cacert, free = sys.argv[1], sys.argv[2] or None, int(sys.argv[3])
held, limits = [], []

class Other(Hooks):
    back = False
    def on_tick(self, reading):
        limits.append(reading.limit)
        if reading.limit < 8:
            while held:
                os.close(held.pop())
        elif not held:
            self.back = True

def jobs():
    while not other.back and results <= {"1"}:
        yield Job(Request((url,)), lambda _: MemorySink(5000))

def done(job, result):
    results.add(str(result.attempts if isinstance(result, Fetched) else result))

results, other = set(), Other()
resource.setrlimit(resource.RLIMIT_NOFILE, (40, 40))
options = TransferOptions(
    in_flight=8, retries=0, run_retries=0, cacert=cacert, timeout_seconds=1000.0,
    connect_timeout_seconds=1000.0, loops=1,
)
with Engine(options, hooks=other, clock=lambda: 50 * time.monotonic()) as engine:
    try:
        while True:
            held.append(os.open("/dev/null", os.O_RDONLY))
    except OSError:
        for _ in range(free):
            os.close(held.pop())
    engine.run(jobs(), done)
steps = [b - a for a, b in zip(limits, limits[1:])]
print(min(limits) < 8, limits[-1], max(steps), sorted(results))
"""


@pytest.mark.slow
@pytest.mark.parametrize("free", [0, 1, 2])
@pytest.mark.parametrize("place", ["address", "name", "TLS"])
def test_a_temporary_shortage_costs_neither_retries_nor_speed(
    authority: Authority, place: str, free: int
) -> None:
    """Another one has the descriptors that sockets, names and certificates take."""
    tls = authority.server(alternative="IP:127.0.0.1") if place == "TLS" else None
    with FaultServer(tls=tls) as server:
        server.on("/a", Answer(b"0123456789" * 100))
        url = server.url("/a", host="localhost" if place == "name" else None)
        cacert = str(authority.certificate) if place == "TLS" else ""
        ended = subprocess.run(
            [sys.executable, "-c", PASSING, url, cacert, str(free)],
            capture_output=True,
            text=True,
            timeout=DEADLINE_SECONDS,
            check=False,
        )
    assert ended.stderr == ""
    assert ended.stdout.split(maxsplit=3) == ["True", "8", "1", "['1']\n"]


KEPT = """
import os, resource, sys, time
from dashget.transfer.engine import Engine
from dashget.transfer.settings.options import HttpVersion, TransferOptions
from dashget.transfer.contract import Fetched, Job, MemorySink, Request

def jobs():
    for url in sys.argv[1:]:
        for _ in range(12):
            yield Job(Request((url,)), lambda _: MemorySink(5000))

options = TransferOptions(
    in_flight=12, retries=0, timeout_seconds=1000.0, connect_timeout_seconds=1000.0, loops=1,
    http=HttpVersion.HTTP_1_1,
)
results = []
with Engine(options, clock=lambda: 50 * time.monotonic()) as engine:
    free = os.dup(0)
    os.close(free)
    resource.setrlimit(resource.RLIMIT_NOFILE, (free + 12, free + 12))
    engine.run(jobs(), lambda job, result: results.append(result))
print(len(results), {r.attempts if isinstance(r, Fetched) else str(r) for r in results})
"""


def test_connections_that_are_only_kept_open_give_way(server: FaultServer) -> None:
    """Those to the first host leave no descriptor for any to the second."""
    hold = threading.Event()
    asked: list[object] = []

    def count(request: object) -> None:
        asked.append(request)
        if len(asked) == 12:
            hold.set()

    server.on("/a", Answer(BODY[:1000], hold=hold, note=count))
    server.on("/b", Answer(BODY[:1000]))
    urls = [server.url("/a"), server.url("/b", host="localhost")]
    ended = subprocess.run(
        [sys.executable, "-c", KEPT, *urls],
        capture_output=True,
        text=True,
        timeout=DEADLINE_SECONDS,
        check=False,
    )
    assert (ended.stdout, ended.stderr) == ("24 {1}\n", "")


EARLY = """
import resource, sys
from dashget.transfer.engine import Engine
from dashget.transfer.settings.options import TransferOptions

limit = int(sys.argv[1])
resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
with Engine(TransferOptions(in_flight=16)):
    print("random" in sys.modules, "statistics" in sys.modules)
"""


@pytest.mark.parametrize(("allowed", "expected"), [(40, "True True\n"), (200, "False False\n")])
def test_modules_are_loaded_at_the_start_where_descriptors_are_few(
    allowed: int, expected: str
) -> None:
    """To load a module takes a descriptor; to load what is not needed takes time."""
    ended = subprocess.run(
        [sys.executable, "-c", EARLY, str(allowed)], capture_output=True, text=True, check=True
    )
    assert ended.stdout == expected


RAISED = """
import resource, sys
from dashget.cli.app import run

soft, hard, *words = sys.argv[1:]
resource.setrlimit(resource.RLIMIT_NOFILE, (int(soft), int(hard)))
code = run(words)
print("ends", code, *resource.getrlimit(resource.RLIMIT_NOFILE))
"""


def limits_after(soft: int, hard: int, *words: str | Path, cwd: Path) -> str:
    """Run a command under limits of open files; return its exit code, and the limits then."""
    ended = subprocess.run(
        [sys.executable, "-c", RAISED, str(soft), str(hard), *map(str, words)],
        cwd=cwd,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=DEADLINE_SECONDS,
        check=True,
    )
    return ended.stdout.rpartition("ends ")[2].rstrip()


@pytest.mark.parametrize(
    ("soft", "hard", "threads", "expected"),
    [
        (40, 900, "4", "0 80 900"),
        (40, 60, "4", "0 60 60"),
        (40, 40, "4", "0 40 40"),
        (90, 900, "4", "0 90 900"),
        (90, 900, "100", "0 464 900"),
        (90, 900, "auto:20", "0 144 900"),
        (90, 900, "1000", "0 900 900"),
    ],
)
def test_the_program_takes_the_descriptors_that_it_needs_where_it_may(
    tmp_path: Path, server: FaultServer, soft: int, hard: int, threads: str, expected: str
) -> None:
    url = offer(server, bodies(3, 8000))
    assert limits_after(soft, hard, url, "-o", "out", "-t", threads, cwd=tmp_path) == expected


@pytest.mark.slow
def test_every_command_takes_them_that_makes_requests(tmp_path: Path, server: FaultServer) -> None:
    url = offer(server, bodies(3, 8000))
    assert run(url, "-o", "out", cwd=tmp_path).code == 0
    for words, limit in (
        (("list", url), 80),
        (("plan", url), 80),
        (("verify", "out", "--remote", "-t", "5"), 84),
        (("verify", "out"), 40),
    ):
        after = limits_after(40, 900, *words, cwd=tmp_path).partition(" ")[2]
        assert after == f"{limit} 900", words


ALONE = """
import resource
from dashget.api import load, mirror
from dashget.transfer.engine import Engine
from dashget.transfer.settings.options import TransferOptions

resource.setrlimit(resource.RLIMIT_NOFILE, (60, 900))
load("m.mpd", base_url="http://h.invalid/")
with Engine(TransferOptions(in_flight=16)):
    print(*resource.getrlimit(resource.RLIMIT_NOFILE))
"""


def test_the_library_leaves_the_limit_of_its_process_alone(tmp_path: Path) -> None:
    (tmp_path / "m.mpd").write_bytes(document(1))
    ended = subprocess.run(
        [sys.executable, "-c", ALONE],
        cwd=tmp_path,
        env=environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    assert ended.stdout == "60 900\n"


class ParkingSink(RecordingSink):
    """Takes bytes only while it is open."""

    def __init__(self) -> None:
        super().__init__()
        self.open = False
        self.parked = 0
        self.reopened = False

    def begin(self, head: ResponseHead, offset: int) -> None:
        super().begin(head, offset)
        self.open = True

    def park(self) -> None:
        self.open = False
        self.parked += 1

    def reopen(self) -> None:
        self.open = self.reopened = True

    def write(self, data: bytes, offset: int, /) -> object:
        assert self.open
        return super().write(data, offset)


@pytest.mark.parametrize("in_ranges", [False, True])
@pytest.mark.parametrize("trouble", [Answer(drop="close"), refuse(503)])
def test_a_sink_is_not_open_while_its_task_waits(
    server: FaultServer, in_ranges: bool, trouble: Answer
) -> None:
    """Neither in sequence nor in ranges; the next answer opens it again."""
    sink = ParkingSink()
    if in_ranges:
        sink.point = ResumePoint((ByteRange(20_000, 29_999),), len(BODY), '"1"')
        sink.data = bytearray(BODY[:30_000])
    seen: list[bool] = []
    good = Answer(BODY, etag='"1"', note=lambda _: seen.append(sink.open))
    url = server.on("/a", Answer(BODY, etag='"1"', cut=15_000), trouble, good)
    with sinks.Transfers(in_flight=1, range_threshold=20_000, range_size=50_000) as transfers:
        _, data = transfers.get(url, sink=sink)
    assert data == BODY
    assert sink.parked == 2
    assert sink.reopened == in_ranges
    assert seen[0] is False


class LateScatter(RecordingSink):
    """Has no descriptor for the journal when its ranges are to begin."""

    def __init__(self, point: ResumePoint | None = None, data: bytes = b"") -> None:
        super().__init__(point, data)
        self.refused = 0
        self.ready = threading.Event()

    def scatter(self) -> None:
        if not self.refused:
            self.refused += 1
            raise OSError(errno.EMFILE, "Too many open files")
        super().scatter()
        self.ready.set()

    def write(self, data: bytes, offset: int, /) -> object:
        assert self.scattered
        return super().write(data, offset)


@pytest.mark.parametrize("resumed", [False, True])
def test_no_range_is_written_before_the_sink_expects_ranges(
    server: FaultServer, resumed: bool
) -> None:
    """A kill would make bytes of the holes between them."""
    late = LateScatter()
    if resumed:
        finished = ByteRange(0, 9_999), ByteRange(20_000, 29_999)
        late = LateScatter(ResumePoint(finished, len(BODY), '"1"'), BODY[:30_000])
    # Others are at work meanwhile, so that there is somebody to fetch ranges.
    others = [server.on(f"/{i}", Answer(BODY, hold=late.ready)) for i in range(3)]
    url = server.on("/a", Answer(BODY, etag='"1"'))
    with sinks.Transfers(in_flight=4, range_threshold=20_000, range_size=10_000) as transfers:
        transfers.run(*others, url, sinks=[*(RecordingSink() for _ in others), late])
    assert all(isinstance(result, Fetched) for result in transfers.results.values())
    assert late.data == BODY
    assert late.refused == 1


def test_a_run_has_the_loops_that_there_are_descriptors_for(
    server: FaultServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse_loop(_: object) -> Loop:
        raise pycurl.error("initializing curl-multi failed")

    request = Request((server.on("/a", Answer(BODY)),))
    results: list[Fetched | TransferError] = []
    with Engine(TransferOptions(loops=2)) as engine:
        monkeypatch.setattr("dashget.transfer.engine.Loop", refuse_loop)
        job = Job(request, lambda _: MemorySink(len(BODY)))
        engine.run(iter([job]), lambda _, result: results.append(result))
        assert [type(result) for result in results] == [Fetched]
        assert engine.fetch(request, max_bytes=len(BODY))[1] == BODY
        # As while a run is at work.
        engine.close()
        with pytest.raises(TransferError, match="too many open files"):
            engine.fetch(request, max_bytes=len(BODY))


def test_a_run_that_finds_no_descriptor_at_all_ends(server: FaultServer) -> None:
    def refuse_descriptors(_: Job) -> RecordingSink:
        raise OSError(errno.EMFILE, "Too many open files")

    urls = [server.on(f"/{i}", Answer(BODY)) for i in range(3)]
    results: list[Fetched | TransferError] = []
    options = TransferOptions(in_flight=2, timeout_seconds=1000.0)
    quick: Callable[[], float] = lambda: 50 * time.monotonic()  # noqa: E731  a clock in one line
    with Engine(options, clock=quick) as engine, ExitStack() as stack:
        stack.enter_context(pytest.raises(StoreError, match="too many open files"))
        engine.run(
            (Job(Request((url,)), refuse_descriptors) for url in urls),
            lambda job, result: results.append(result),
        )
    assert results
    assert all(isinstance(result, TransferError) and result.cancelled for result in results)
