"""Go on with a recording that is a week old, and print how soon, in how much memory, and its size.

Six Representations of segments of two seconds: 1.8 million segments. A live origin on loopback has
them all; what is recorded of the first minute is real, and the lines of the week before it are made
here, as the recorder would have written them. The files themselves are not made: to go on, no
recorder looks at them.

    python3 benchmarks/week.py
    python3 benchmarks/week.py --days 1 --dashget "$PWD/dashget"
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from live import REPOSITORY, _box, _stamp
from measuring import environment, machine

STEP = 2
TRACKS = 6
_WINDOW = 60
_COMPRESSING_SECONDS = 240.0
_PLAIN_BYTES = 16 << 20
_DAY = 86_400
_HEAD = (
    '<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" profiles="p" minBufferTime="PT1S" type="dynamic"'
    ' availabilityStartTime="{begin}" minimumUpdatePeriod="PT{step}S"'
    ' timeShiftBufferDepth="PT{window}S"><Period id="p" start="PT0S">'
)
_SET = (
    '<AdaptationSet contentType="video" mimeType="video/mp4" codecs="avc1.4d401e"><SegmentTemplate'
    ' timescale="1" duration="{step}" startNumber="1" initialization="t{track}/init.mp4"'
    ' media="t{track}/$Number$.m4s"/><Representation id="t{track}" bandwidth="{rate}"/>'
    "</AdaptationSet>"
)


class Origin:
    """A presentation that began a week ago, and more."""

    def __init__(self, seconds: int) -> None:
        self.began = int(time.time()) - seconds - 600
        self.first: float | None = None
        """When the first segment was asked for."""
        origin = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                body = origin.answer(self.path)
                self.send_response(404 if body is None else 200)
                self.send_header("Content-Length", str(len(body or b"")))
                self.end_headers()
                self.wfile.write(body or b"")

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}/manifest.mpd"

    def answer(self, path: str) -> bytes | None:
        """Return what lies at a path, or None."""
        track, _, name = path.removeprefix("/").partition("/")
        if track == "manifest.mpd":
            head = _HEAD.format(begin=_stamp(self.began), step=STEP, window=_WINDOW)
            sets = (_SET.format(track=n, rate=1000 + n, step=STEP) for n in range(TRACKS))
            return f"{head}{''.join(sets)}</Period></MPD>".encode()
        if name == "init.mp4":
            return _box(b"ftyp", b"iso6\0\0\0\0") + _box(b"moov", b"")
        number = int(name.removesuffix(".m4s"))
        if self.began + number * STEP > time.time():
            return None
        self.first = self.first or time.time()
        times = ((number - 1) * STEP).to_bytes(8, "big")
        tfdt = _box(b"tfdt", b"\1\0\0\0" + times)
        traf = _box(b"traf", _box(b"tfhd", bytes(8)) + tfdt)
        return _box(b"moof", _box(b"mfhd", bytes(8)) + traf) + _box(b"mdat", path.encode() * 100)


def main() -> int:
    options = _parse_arguments()
    seconds = round(options.days * _DAY)
    with tempfile.TemporaryDirectory(dir=options.workdir) as name:
        root = Path(name) / "recording"
        origin = Origin(seconds)
        command = [*shlex.split(options.dashget), "record", origin.url, "-o", str(root), "-q"]
        print(f"# A recording of {options.days:g} days\n\n{chr(10).join(machine(Path(name)))}\n")
        _record(command, origin, 6.0, directory=Path(name))
        added = _add_past(root, seconds)
        record = root / ".dashget/record.jsonl"
        size = record.stat().st_size
        each = f"{size / 1e6:.0f} MB, {size / added:.0f} bytes each"
        print(f"{added:,} segments: the record has {each}.\n")
        _record(command, origin, _COMPRESSING_SECONDS, directory=Path(name), done=_is_packed(root))
        packed = (root / ".dashget/record.jsonl.gz").stat().st_size
        plain = record.stat().st_size
        stays = packed / (size - plain) * size / added
        print(f"Compressed: {packed / 1e6:.1f} MB, {stays:.1f} bytes each.")
        print(f"{plain / 1e6:.1f} MB of plain lines follow.\n")
        print("| start | first segment asked for after | CPU, seconds | memory |")
        print("| --- | ---: | ---: | ---: |")
        (root / ".dashget/checkpoint.jsonl").unlink()
        for title in ("without a checkpoint", "with a checkpoint", "the same, killed before"):
            kill = title.startswith("with a")
            delay, cpu, memory = _record(command, origin, 12.0, directory=Path(name), kill=kill)
            row = f"{delay:.2f} s | {cpu:.1f} | {memory / (1 << 20):.0f} MiB"
            print(f"| {title} | {row} |", flush=True)
        checkpoint = (root / ".dashget/checkpoint.jsonl").stat().st_size
        print(f"\nThe checkpoint has {checkpoint:,} bytes.")
    return 0


def _record(
    command: list[str],
    origin: Origin,
    seconds: float,
    *,
    directory: Path,
    kill: bool = False,
    done: Callable[[], bool] = lambda: False,
) -> tuple[float, float, int]:
    """Record for some seconds after the first segment; return its delay, CPU time and memory.

    Also ends when it is ``done``.
    """
    origin.first = None
    began = time.time()
    with (directory / "stderr").open("wb") as words:
        process = subprocess.Popen(command, env=environment(), stderr=words)
    limit = began + 300
    while time.time() < (limit if origin.first is None else origin.first + seconds):
        time.sleep(0.02)
        if done():
            break
        if process.poll() is not None:
            sys.exit(f"the recorder ended: {(directory / 'stderr').read_text()}")
    process.send_signal(signal.SIGKILL if kill else signal.SIGINT)
    _, _, usage = os.wait4(process.pid, 0)
    unit = 1 if sys.platform == "darwin" else 1024
    delay = (origin.first or limit) - began
    return delay, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * unit


def _is_packed(root: Path) -> Callable[[], bool]:
    """Return what tells if most of a record is compressed."""
    plain, packed = root / ".dashget/record.jsonl", root / ".dashget/record.jsonl.gz"
    return lambda: packed.exists() and plain.stat().st_size < _PLAIN_BYTES


def _add_past(root: Path, seconds: int) -> int:
    """Add the lines of the time before to the record; return how many segments there are."""
    path = root / ".dashget/record.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    facts = [json.loads(line) for line in lines]
    where = [at for at, fact in enumerate(facts) if "d" in fact and "path" in fact]
    samples: dict[int, dict[str, object]] = {}
    for at in where:
        samples.setdefault(facts[at]["line"], facts[at])
    first = min(facts[at]["n"] for at in where)
    begin = next(fact for fact in facts if fact.get("recorder") == "begin")
    count = seconds // STEP
    with path.open("wb") as record:
        for line, fact in zip(lines[: where[0]], facts, strict=False):
            if fact is begin:
                line = json.dumps({**fact, "at": fact["at"] - seconds}).encode() + b"\n"
            record.write(line)
        for number in range(first - count, first):
            for sample in samples.values():
                old = str(sample["n"])
                moved = {**sample, "n": number, "t": number * STEP}
                for key in ("path", "url"):
                    moved[key] = str(sample[key]).replace(f"/{old}.m4s", f"/{number}.m4s")
                record.write(json.dumps(moved, separators=(",", ":")).encode() + b"\n")
        record.writelines(lines[where[0] :])
    return count * len(samples) + len(where)


def _parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--days", type=float, default=7.0)
    parser.add_argument("--dashget", default=str(REPOSITORY / "dashget"))
    parser.add_argument("--workdir", default=tempfile.gettempdir())
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
