"""Real packagers that package in real time, and the origin that serves what they write.

FFmpeg and Shaka Packager are given the packets of one file, encoded once, at the pace of a clock.
They write into a folder, or, with low latency, send each chunk to the origin, as an ingest server
is sent it. Nothing is removed from the folder, so that what was recorded can be compared with it.
"""

from __future__ import annotations

import contextlib
import math
import os
import re
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import formatdate
from functools import partial
from http.server import BaseHTTPRequestHandler
from pathlib import Path

from tests.support.liveorigin import LiveServer
from tests.support.media import Tools

STEP = 0.5
"""The duration of a segment in seconds."""
FFMPEG = ("ffmpeg-timeline", "ffmpeg-number", "ffmpeg-low-latency")
SHAKA = ("shaka-number", "shaka-time", "shaka-low-latency")
FORMS = (*FFMPEG, *SHAKA)
_DEADLINE_SECONDS = 60.0
_MORE = {
    "ffmpeg-timeline": ("-use_timeline", "1"),
    "ffmpeg-number": ("-use_timeline", "0"),
    "ffmpeg-low-latency": (
        *("-use_timeline", "0", "-ldash", "1", "-streaming", "1", "-method", "PUT"),
        *("-http_persistent", "0", "-utc_timing_url", "{base}/time"),
    ),
    "shaka-number": ("--segment_duration", str(STEP)),
    "shaka-time": ("--segment_duration", str(STEP)),
    "shaka-low-latency": (
        *("--segment_duration", str(STEP), "--low_latency_dash_mode"),
        *("--utc_timings", "urn:mpeg:dash:utc:http-xsdate:2014={base}/time"),
    ),
}


def encode(file: Path, tools: Tools, seconds: float) -> None:
    """Encode a picture and a tone, with a key frame for each segment."""
    length = f"duration={seconds:g}"
    done = subprocess.run(
        [
            *(tools.ffmpeg, "-nostdin", "-v", "error"),
            *("-f", "lavfi", "-i", f"testsrc2=size=160x90:rate=20:{length}"),
            *("-f", "lavfi", "-i", f"sine=440:sample_rate=48000:{length}"),
            *("-c:v", "libx264", "-preset", "ultrafast", "-g", "10", "-keyint_min", "10"),
            *("-sc_threshold", "0", "-b:v", "100k", "-c:a", "aac", "-b:a", "48k", str(file)),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


@dataclass
class Stream:
    """A packager, at work once it has begun. ``seconds`` is how long it packages."""

    form: str
    origin: PackagerOrigin
    seconds: float
    _start: Callable[[], list[subprocess.Popen[bytes]]]
    _processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def begin(self) -> None:
        """Have it begin."""
        self._processes += self._start()

    def kill(self) -> None:
        """Kill it, and what feeds it."""
        for process in self._processes:
            process.kill()
            process.wait()

    @property
    def process(self) -> subprocess.Popen[bytes]:
        """The process that packages."""
        return self._processes[-1]

    def made(self) -> dict[str, list[Path]]:
        """Return the segments of each track that are there, in order."""
        found: dict[str, list[tuple[int, Path]]] = {}
        for file in self.origin.root.rglob("*.m4s"):
            number = re.search(r"(\d+)\.m4s$", file.name)
            if number is not None and not file.name.startswith("init"):
                name = file.relative_to(self.origin.root).as_posix()
                track = name[: -len(number[0])]
                found.setdefault(track, []).append((int(number[1]), file))
        return {track: [file for _, file in sorted(each)] for track, each in found.items()}

    def newest(self) -> int:
        """Return how many segments all tracks have."""
        return min(map(len, self.made().values()), default=0)

    def is_gone(self, number: int) -> bool:
        """Return True if the origin has had a segment of each track, and has it no more."""
        tracks = self.made().values()
        return all(
            len(files) >= number and self.origin.is_gone(files[number - 1]) for files in tracks
        )

    def began(self) -> float:
        """Return when the presentation began, as its manifest says while it goes on."""
        found = re.search(r'availabilityStartTime="([^"]+)"', self._manifest())
        assert found is not None
        return datetime.fromisoformat(found[1].replace("Z", "+00:00")).timestamp()

    def count(self) -> int:
        """Return how many segments a track has, as the manifest says when all are made.

        Audio may have one more, which no manifest with a duration names.
        """
        found = re.search(r'mediaPresentationDuration="PT([0-9.]+)S"', self._manifest())
        assert found is not None
        return math.ceil(float(found[1]) / STEP)

    def _manifest(self) -> str:
        return (self.origin.root / "live.mpd").read_text()


@dataclass(frozen=True)
class Work:
    """What a packager is to do."""

    form: str
    master: Path
    origin: PackagerOrigin
    tools: Tools
    seconds: float
    depth: float


class _Server(LiveServer):
    """Numbers its connections as it accepts them."""

    accepted: dict[object, int]
    _count = 0

    def process_request(self, request: object, client_address: object) -> None:
        self._count += 1
        self.accepted[client_address] = self._count
        super().process_request(request, client_address)  # type: ignore[arg-type]  # as it comes


class PackagerOrigin:
    """Serves the folder of a packager, and takes what a packager sends."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.up = True
        self.keeps: float | None = None
        """After so many seconds a segment is gone; None: never."""
        self.requests: list[tuple[str, int]] = []
        """Each path that was asked for, and the status; 0: the origin was away."""
        self._growing: dict[Path, tuple[int, bytearray]] = {}
        """What is on its way: the number of the connection, and the bytes so far."""
        self._taken: dict[Path, int] = {}
        """The number of the connection that sent each file."""
        self._accepted: dict[object, int] = {}
        """The number of each connection, by its peer, as they were accepted."""
        self._changed = threading.Condition()
        self._server = _Server(("127.0.0.1", 0), self._handler())
        self._server.accepted = self._accepted

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    @property
    def url(self) -> str:
        return f"{self.base}/live/live.mpd"

    @contextmanager
    def serving(self) -> Iterator[PackagerOrigin]:
        """Serve until the block ends."""
        thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self._server.shutdown()
            self._server.server_close()
            thread.join()

    def wait_for(self, happened: Callable[[], bool]) -> None:
        """Wait until something is true, which is looked at after each request."""
        with self._changed:
            assert self._changed.wait_for(happened, _DEADLINE_SECONDS), "it did not happen in time"

    def served(self, since: int = 0) -> int:
        """Return how many requests for media were answered with it, after so many of all."""
        found = tuple(self.requests)[since:]
        return sum(s == 200 and path.endswith(".m4s") for path, s in found)

    def _file(self, path: str) -> Path:
        return self.root / path.partition("?")[0].removeprefix("/live/")

    def is_gone(self, file: Path) -> bool:
        """Return True if a segment is kept no more."""
        if self.keeps is None or file.suffix != ".m4s" or "init" in file.name:
            return False
        try:
            return time.time() - file.stat().st_mtime > self.keeps
        except FileNotFoundError:
            return False

    def _told(self, path: str, status: int) -> None:
        with self._changed:
            self.requests.append((path, status))
            self._changed.notify_all()

    def _store(self, file: Path, peer: object, chunks: Iterator[bytes]) -> None:
        """Take a file chunk by chunk; who asks for it meanwhile gets each chunk as it comes.

        A manifest may be sent again before its last version was taken. The one whose connection was
        accepted later counts: its thread may have begun earlier.
        """
        data = bytearray()
        with self._changed:
            number = self._accepted[peer]
            if number >= self._growing.get(file, (0, data))[0]:
                self._growing[file] = number, data
        for chunk in chunks:
            with self._changed:
                data += chunk
                self._changed.notify_all()
        with self._changed:
            if number >= self._taken.get(file, 0):
                part = file.with_name(f"{file.name}.part")
                part.write_bytes(data)
                part.replace(file)
                self._taken[file] = number
            if self._growing.get(file, (0, data))[0] == number:
                del self._growing[file]
            self._changed.notify_all()

    def _chunks(self, file: Path, data: bytearray) -> Iterator[bytes]:
        """Yield a file that is on its way, as it grows."""
        at = 0
        while True:
            with self._changed:
                while len(data) == at and self._is_growing(file, data):
                    self._changed.wait(_DEADLINE_SECONDS)
                chunk, over = bytes(data[at:]), not self._is_growing(file, data)
            if chunk:
                yield chunk
            at += len(chunk)
            if over:
                return

    def _is_growing(self, file: Path, data: bytearray) -> bool:
        return file in self._growing and self._growing[file][1] is data

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        origin = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle(self) -> None:
                with contextlib.suppress(ConnectionError):
                    super().handle()

            def do_PUT(self) -> None:
                origin._store(origin._file(self.path), self.client_address, self._sent())
                self._answer(201, b"")

            def do_GET(self) -> None:
                status = 0 if not origin.up else self._serve(origin._file(self.path))
                self.close_connection = self.close_connection or status == 0
                origin._told(self.path, status)

            def _serve(self, file: Path) -> int:
                if self.path == "/time":
                    now = time.time()
                    stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now))
                    return self._answer(200, f"{stamp}.{int(now % 1 * 1000):03d}Z".encode())
                growing = origin._growing.get(file)
                if growing is not None and file.suffix != ".mpd":
                    return self._serve_chunks(origin._chunks(file, growing[1]))
                if origin.is_gone(file):
                    return self._answer(410, b"")
                try:
                    return self._answer(200, file.read_bytes(), file.stat().st_mtime)
                except FileNotFoundError:
                    return self._answer(404, b"")

            def _answer(self, status: int, body: bytes, changed: float | None = None) -> int:
                self.send_response(status)
                if changed is not None:
                    self.send_header("Last-Modified", formatdate(changed, usegmt=True))
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)
                return status

            def _serve_chunks(self, chunks: Iterator[bytes]) -> int:
                self.send_response(200)
                self.send_header("Transfer-Encoding", "chunked")
                self.end_headers()
                for chunk in chunks:
                    self.wfile.write(f"{len(chunk):x}\r\n".encode() + chunk + b"\r\n")
                self.wfile.write(b"0\r\n\r\n")
                return 200

            def _sent(self) -> Iterator[bytes]:
                """Yield the body of a request."""
                if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
                    yield self.rfile.read(int(self.headers.get("Content-Length", "0")))
                    return
                while size := int(self.rfile.readline().partition(b";")[0] or b"0", 16):
                    yield self.rfile.read(size)
                    self.rfile.readline()
                self.rfile.readline()

            def log_message(self, *_: object) -> None:
                pass

        return Handler


@contextmanager
def packaging(
    form: str,
    master: Path,
    root: Path,
    tools: Tools,
    *,
    seconds: float,
    depth: float = 3.0,
    at_once: bool = True,
) -> Iterator[Stream]:
    """Package ``seconds`` of a file in real time with a window of ``depth``, and serve that.

    If not ``at_once``, it waits until it is told to begin.
    """
    root.mkdir()
    with PackagerOrigin(root).serving() as origin:
        start = _start_ffmpeg if form in FFMPEG else _start_shaka
        work = Work(form, master, origin, tools, seconds, depth)
        stream = Stream(form, origin, seconds, partial(start, work))
        try:
            if at_once:
                stream.begin()
            yield stream
        finally:
            stream.kill()


def _start_ffmpeg(work: Work) -> list[subprocess.Popen[bytes]]:
    origin = work.origin
    more = [word.format(base=origin.base) for word in _MORE[work.form]]
    target = origin.url if "PUT" in more else str(origin.root / "live.mpd")
    return [
        subprocess.Popen(
            [
                *(work.tools.ffmpeg, "-nostdin", "-v", "error", "-re", "-i", str(work.master)),
                *("-t", f"{work.seconds:g}", "-map", "0", "-c", "copy", "-f", "dash"),
                *("-seg_duration", str(STEP), "-use_template", "1", "-remove_at_exit", "0"),
                *("-window_size", str(round(work.depth / STEP)), "-extra_window_size", "100000"),
                *("-adaptation_sets", "id=0,streams=v id=1,streams=a"),
                *more,
                target,
            ],
        )
    ]


def _start_shaka(work: Work) -> list[subprocess.Popen[bytes]]:
    origin = work.origin
    pipe = origin.root.parent / f"{origin.root.name}.pipe"
    os.mkfifo(pipe)
    name = "$Time$" if work.form == "shaka-time" else "$Number$"
    packager = subprocess.Popen(
        [
            work.tools.packager,
            *(
                f"in={pipe},stream={kind},init_segment={kind}/init.mp4,"
                f"segment_template={kind}/{name}.m4s"
                for kind in ("video", "audio")
            ),
            *("--mpd_output", "live.mpd", "--minimum_update_period", str(STEP)),
            *("--time_shift_buffer_depth", f"{work.depth:g}"),
            *("--preserved_segments_outside_live_window", "100000", "--quiet"),
            *(word.format(base=origin.base) for word in _MORE[work.form]),
        ],
        cwd=origin.root,
    )
    # Padded, so that little is held back on the way.
    feeding = subprocess.Popen(
        [
            *(work.tools.ffmpeg, "-nostdin", "-v", "error", "-y", "-re", "-i", str(work.master)),
            *("-t", f"{work.seconds:g}", "-map", "0", "-c", "copy"),
            *("-f", "mpegts", "-muxrate", "4M", "-flush_packets", "1", str(pipe)),
        ],
    )
    return [feeding, packager]
