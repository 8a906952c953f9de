"""Record live presentations with DashGet, beside streamlink and FFmpeg, and print tables.

Three parts:

``hour``: CPU and memory at 1, 6 and 30 Representations. The origin has short segments, so that
many come in little time. A long and a short recording are made; their difference, without the
start, is reckoned up to an hour of segments of two seconds.

``refresh``: what one more read of the manifest costs, at windows of 1 minute, 4 hours and
24 hours, with timelines of one row and with a row for each segment.

``peers``: FFmpeg packages a stream in real time, and all tools record it at once, over an outage
of the origin. The origin counts which segments each of them had, and its requests.

    python3 benchmarks/live.py
    python3 benchmarks/live.py --only peers --seconds 60
"""

from __future__ import annotations

import argparse
import contextlib
import math
import os
import shlex
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from measuring import environment, machine, run

REPOSITORY = Path(__file__).resolve().parents[1]
STEP = 0.25
"""The duration of a segment of the part ``hour``, in seconds."""
HOUR_OF_SEGMENTS = 1800
"""Segments of two seconds in an hour."""
REPRESENTATIONS = (1, 6, 30)
WINDOWS = {"1 min": 60, "4 h": 4 * 3600, "24 h": 24 * 3600}
_SIZE = 16 << 10
_WINDOW = 10.0
_PARTS = ("hour", "refresh", "peers")
_HEAD = (
    '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="dynamic"'
    ' profiles="urn:mpeg:dash:profile:isoff-live:2011" minBufferTime="PT2S"'
    ' availabilityStartTime="{begin}" publishTime="{publish}" minimumUpdatePeriod="PT{update}S"'
    ' timeShiftBufferDepth="PT{depth}S"><Period id="p" start="PT0S">'
)
_SET = (
    '<AdaptationSet id="{track}" contentType="video" mimeType="video/mp4" codecs="avc1.4d401e">'
    '<SegmentTemplate timescale="1000" startNumber="{number}" media="t{track}/$Time$.m4s"'
    ' initialization="t{track}/init.mp4"><SegmentTimeline>{rows}</SegmentTimeline>'
    '</SegmentTemplate><Representation id="t{track}" bandwidth="8000"/></AdaptationSet>'
)
_REFRESH = """
import datetime, statistics, sys, time
from fractions import Fraction
from dashget.live.changes import Lines
from dashget.live.reading import read_version
from dashget.live.rows import KnownRows
from dashget.mpd.budget import Budget, WorkLimits
from dashget.mpd.knowntimelines import KnownTimelines
from dashget.mpd.parse import parse_mpd
from dashget.mpd.resolve import resolve
from dashget.planning.plan import make_layout
from dashget.planning.tracks import make_tracks

lines, costs = Lines(), []
timelines, rows = KnownTimelines("0"), KnownRows()
for number, name in enumerate(sys.argv[1:]):
    data = open(name, "rb").read()
    now = Fraction(1_700_000_000 + 90_000 + 2 * number)
    begin = time.process_time()
    mpd = parse_mpd(data, known=timelines)
    presentation = resolve(mpd, url="http://h/live/manifest.mpd", now=now)
    parsed = time.process_time()
    layout = make_layout(presentation)
    tracks = make_tracks(presentation)
    version = read_version(mpd, presentation, tracks, layout, str(number), rows)
    lines.accept(version, float(now))
    for line in lines:
        for _ in line.learn(float(now), float("-inf"), float("inf")):
            pass
    costs.append((parsed - begin, time.process_time() - parsed))
rest = costs[1:]
print(*(statistics.median(each) * 1000 for each in zip(*rest)))
"""


def main() -> int:
    options = _parse_arguments()
    with tempfile.TemporaryDirectory(prefix="dashget-live-", dir=options.workdir) as name:
        directory = Path(name)
        print("\n".join(machine(directory)))
        if "hour" in options.only:
            _hour(options, directory)
        if "refresh" in options.only:
            _refresh(options, directory)
        if "peers" in options.only:
            _peers(options, directory)
    return 0


def _parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--dashget", default=str(REPOSITORY / "dashget"), help="the program")
    parser.add_argument("--python", default=sys.executable, help="a Python that has DashGet")
    parser.add_argument("--streamlink", default="streamlink", help="streamlink, with its options")
    parser.add_argument("--workdir", type=Path, help="where files are written")
    parser.add_argument("--seconds", type=float, default=60.0, help="how long one recording takes")
    parser.add_argument("--outage", type=float, default=8.0, help="seconds without an origin")
    parser.add_argument(
        "--only",
        type=lambda text: text.split(","),
        default=list(_PARTS),
        help=f"parts, with commas: {', '.join(_PARTS)}",
    )
    options = parser.parse_args()
    for part in options.only:
        if part not in _PARTS:
            parser.error(f"unknown part: {part}")
    return options


def _stamp(seconds: float) -> str:
    whole = math.floor(seconds)
    text = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(whole))
    return f"{text}.{round((seconds - whole) * 1000) % 1000:03d}Z"


# An hour.


def _box(kind: bytes, payload: bytes) -> bytes:
    return struct.pack(">I4s", 8 + len(payload), kind) + payload


class ShortSegments:
    """A presentation in real time with segments of ``STEP`` seconds, made as they are asked for."""

    def __init__(self, tracks: int) -> None:
        self.tracks = tracks
        self.began = math.floor(time.time()) - 2.0

    def answer(self, path: str) -> bytes | None:
        """Return what lies at a path, or None."""
        track, _, name = path.removeprefix("/").partition("/")
        if track == "manifest.mpd":
            return self._manifest()
        if name == "init.mp4":
            return _box(b"ftyp", b"iso6\0\0\0\0") + _box(b"moov", b"")
        ticks = int(name.removesuffix(".m4s"))
        if self.began + ticks / 1000 + STEP > time.time():
            return None
        tfdt = _box(b"tfdt", struct.pack(">IQ", 1 << 24, ticks))
        traf = _box(b"traf", _box(b"tfhd", bytes(8)) + tfdt)
        text = path.encode() * (_SIZE // len(path))
        return _box(b"moof", _box(b"mfhd", bytes(8)) + traf) + _box(b"mdat", text)

    def _manifest(self) -> bytes:
        now = time.time()
        edge = math.floor((now - self.began) / STEP + 1e-6)
        first = max(0, edge - math.ceil(_WINDOW / STEP))
        ticks = round(STEP * 1000)
        rows = f'<S t="{first * ticks}" d="{ticks}" r="{edge - first - 1}"/>'
        head = _HEAD.format(
            begin=_stamp(self.began), publish=_stamp(now), update=STEP, depth=_WINDOW
        )
        sets = [
            _SET.format(track=track, number=first + 1, rows=rows) for track in range(self.tracks)
        ]
        return f"{head}{''.join(sets)}</Period></MPD>".encode()


def _serve_short(tracks: int, report: int) -> None:
    """Serve a presentation until the process is ended; write the port to ``report``."""
    source = ShortSegments(tracks)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            body = source.answer(self.path)
            self.send_response(404 if body is None else 200)
            self.send_header("Content-Length", str(len(body or b"")))
            self.end_headers()
            self.wfile.write(body or b"")

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    os.write(report, f"{server.server_port}\n".encode())
    os.close(report)
    server.serve_forever()


@contextlib.contextmanager
def _short_origin(tracks: int) -> Iterator[str]:
    """Run the origin in a process of its own, and yield the URL of the manifest."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:  # pragma: no cover
        os.close(reading)
        try:
            _serve_short(tracks, writing)
        finally:
            os._exit(0)
    os.close(writing)
    try:
        with os.fdopen(reading) as pipe:
            port = pipe.readline().strip()
        yield f"http://127.0.0.1:{port}/manifest.mpd"
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def _hour(options: argparse.Namespace, directory: Path) -> None:
    print(
        f"\nSegments of {STEP} s and {_SIZE >> 10} KiB, a read of the manifest for each;"
        f" recordings of {options.seconds / 4:.0f} s and {options.seconds:.0f} s.\n"
    )
    print("| Representations | segments | lost | CPU, seconds an hour | of one core | memory |")
    print("| ---: | ---: | ---: | ---: | ---: | ---: |")
    for tracks in REPRESENTATIONS:
        rows = []
        for seconds in (options.seconds / 4, options.seconds):
            output = directory / "recording"
            with _short_origin(tracks) as url:
                command = [*shlex.split(options.dashget), "record", url, "-o", str(output)]
                reading = run(
                    [*command, "--for", f"{seconds:.0f}s", "-q"],
                    limit=seconds + 60,
                    stderr=directory / "stderr",
                    environment=environment(),
                )
            rows.append((reading, sum(1 for _ in output.rglob("*.m4s"))))
            shutil.rmtree(output)
        (short, few), (long, many) = rows
        each = (long.cpu - short.cpu) / max(1, many - few)
        cpu = each * HOUR_OF_SEGMENTS * tracks
        lost = "none" if long.status == 0 else f"exit {long.status}"
        print(
            f"| {tracks} | {many} | {lost} | {cpu:.1f} | {cpu / 36:.2f} % |"
            f" {long.memory / (1 << 20):.0f} MiB |"
        )


# A refresh.


def _refresh(options: argparse.Namespace, directory: Path) -> None:
    print("\nOne read more, six Representations of segments of two seconds; CPU, milliseconds.\n")
    print("| window | timeline | manifest | reading it | what is new |")
    print("| --- | --- | ---: | ---: | ---: |")
    for window, seconds in WINDOWS.items():
        for form in ("one row", "a row each"):
            files = []
            for number in range(6):
                file = directory / f"{number}.mpd"
                file.write_text(_document(seconds, number, each=form == "a row each"))
                files.append(str(file))
            done = subprocess.run(
                [options.python, "-c", _REFRESH, *files],
                capture_output=True,
                text=True,
                check=False,
                env={**environment(), "PYTHONPATH": str(REPOSITORY / "src")},
            )
            size = f"{os.path.getsize(files[0]) / 1e6:.2f} MB"
            if done.returncode:
                why = done.stderr.strip().splitlines()[-1][:90]
                print(f"| {window} | {form} | {size} | {why} | |")
                continue
            reading, news = map(float, done.stdout.split())
            print(f"| {window} | {form} | {size} | {reading:.1f} | {news:.1f} |")


def _document(window: int, number: int, *, each: bool) -> str:
    """Return the manifest of a window, ``number`` segments later than the first one."""
    begin = 1_700_000_000
    first = (90_000 - window) // 2 + number
    count = window // 2
    if each:  # as audio has it: no two neighbours are of one length
        rows = "".join(
            f'<S t="{2000 * n + n % 2}" d="{2000 + (-1) ** (n % 2)}"/>'
            for n in range(first, first + count)
        )
    else:
        rows = f'<S t="{2000 * first}" d="2000" r="{count - 1}"/>'
    head = _HEAD.format(
        begin=_stamp(begin), publish=_stamp(begin + 90_000 + 2 * number), update=2, depth=window
    )
    sets = [_SET.format(track=track, number=first + 1, rows=rows) for track in range(6)]
    return f"{head}{''.join(sets)}</Period></MPD>"


# Peers.


@dataclass
class Peer:
    """A tool that records, what it is started with, and what the origin saw of it."""

    name: str
    command: Callable[[str, Path], list[str]]
    manifests: int = 0
    requests: int = 0
    had: set[str] = field(default_factory=set)
    statuses: Counter[int] = field(default_factory=Counter)
    exit: int | None = None
    cpu: float = 0.0
    memory: int = 0


class PackagedOrigin:
    """Serves a packager's folder to each tool under a name of its own, and counts."""

    def __init__(self, root: Path, peers: dict[str, Peer]) -> None:
        self.up = True
        origin = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                peer_name, _, name = self.path.partition("?")[0][1:].partition("/")
                peer = peers[peer_name]
                manifest = name.endswith(".mpd")
                peer.manifests += manifest
                peer.requests += not manifest
                if not origin.up:
                    self.close_connection = True
                    return
                file = root / Path(name).name
                body = file.read_bytes() if file.is_file() else None
                status = 404 if body is None else 200
                peer.statuses[status] += 1
                with contextlib.suppress(ConnectionError):
                    self.send_response(status)
                    self.send_header("Content-Length", str(len(body or b"")))
                    self.end_headers()
                    self.wfile.write(body or b"")
                    if body is not None and "chunk" in name:
                        peer.had.add(Path(name).name)

            def do_HEAD(self) -> None:
                self.send_error(405)

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def url(self, peer: Peer) -> str:
        return f"http://127.0.0.1:{self.server.server_port}/{peer.name}/live.mpd"


def _peers(options: argparse.Namespace, directory: Path) -> None:
    ffmpeg = shutil.which("ffmpeg")
    if ffmpeg is None:
        print("ffmpeg is missing (apt: ffmpeg)", file=sys.stderr)
        return
    streamlink = shlex.split(options.streamlink)
    peers = [
        Peer(
            "dashget",
            lambda url, out: [
                *shlex.split(options.dashget), "record", url, "-o", str(out), "-q",
            ],
        ),
        Peer(
            "ffmpeg",
            lambda url, out: [
                ffmpeg, "-nostdin", "-v", "error", "-i", url,
                "-map", "0", "-c", "copy", f"{out}.mkv",
            ],
        ),
    ]  # fmt: skip
    if shutil.which(streamlink[0]):
        peers.append(
            Peer("streamlink", lambda url, out: [*streamlink, "-o", f"{out}.mkv", url, "best"])
        )
    root = directory / "live"
    root.mkdir()
    packager = _package(ffmpeg, root, options.seconds + 6)
    try:
        _wait_for(lambda: len(list(root.glob("chunk-*"))) >= 8 and (root / "live.mpd").exists())
        origin = PackagedOrigin(root, {peer.name: peer for peer in peers})
        began = time.time()
        running = [
            subprocess.Popen(
                peer.command(origin.url(peer), directory / peer.name),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=(directory / f"{peer.name}.stderr").open("wb"),
                env=environment(),
            )
            for peer in peers
        ]
        # The outage comes in the middle; the packager goes on.
        _wait_for(lambda: time.time() - began > options.seconds / 3)
        origin.up = False
        _wait_for(lambda: time.time() - began > options.seconds / 3 + options.outage)
        origin.up = True
        packager.wait()
        for peer, process in zip(peers, running, strict=True):
            _end(peer, process, 30.0)
    finally:
        packager.kill()
        packager.wait()
    made = {file.name for file in root.glob("chunk-*") if file.stat().st_mtime > began + 1}
    print(
        f"\n{options.seconds:.0f} s of one video and one audio, segments of 1 s, by FFmpeg;"
        f" the origin is away for {options.outage:.0f} s, its window is 20 s.\n"
        f"{len(made)} segments were made while the tools ran.\n"
    )
    print("| tool | of these had | before them | reads | other requests | exit | CPU | memory |")
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |")
    for peer in peers:
        print(
            f"| {peer.name} | {len(peer.had & made)} | {len(peer.had - made)} | {peer.manifests} |"
            f" {peer.requests} | {peer.exit} | {peer.cpu:.1f} s | {peer.memory >> 20} MiB |"
        )


def _package(ffmpeg: str, root: Path, seconds: float) -> subprocess.Popen[bytes]:
    """Start FFmpeg as a live packager, in real time."""
    command = [
        ffmpeg, "-nostdin", "-v", "error", "-re", "-f", "lavfi",
        "-i", "testsrc2=size=640x360:rate=25",
        "-re", "-f", "lavfi", "-i", "sine=440:sample_rate=48000",
        "-t", str(seconds), "-c:v", "libx264", "-preset", "ultrafast", "-g", "25",
        "-keyint_min", "25", "-sc_threshold", "0", "-c:a", "aac", "-f", "dash",
        "-seg_duration", "1", "-window_size", "20", "-extra_window_size", "100000",
        "-use_timeline", "1", "-use_template", "1", "-remove_at_exit", "0",
        "-adaptation_sets", "id=0,streams=v id=1,streams=a", str(root / "live.mpd"),
    ]  # fmt: skip
    return subprocess.Popen(command, stdin=subprocess.DEVNULL)


def _end(peer: Peer, process: subprocess.Popen[bytes], patience: float) -> None:
    """Wait for a tool, which ends as the presentation does; end it if it does not."""
    timer = threading.Timer(patience, process.send_signal, (signal.SIGINT,))
    killer = threading.Timer(patience + 10, process.kill)
    timer.start()
    killer.start()
    _, status, usage = os.wait4(process.pid, 0)
    timer.cancel()
    killer.cancel()
    process.returncode = os.waitstatus_to_exitcode(status)
    peer.exit = process.returncode
    peer.cpu = usage.ru_utime + usage.ru_stime
    peer.memory = usage.ru_maxrss * 1024


def _wait_for(ready: Callable[[], bool], limit: float = 600.0) -> None:
    end = time.monotonic() + limit
    while not ready():
        if time.monotonic() > end:
            raise SystemExit("it did not happen in time")
        time.sleep(0.1)


if __name__ == "__main__":
    raise SystemExit(main())
