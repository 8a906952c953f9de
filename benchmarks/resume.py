"""Measure the cost of running DashGet again on a complete mirror.

A presentation of many small files is mirrored once from a server on loopback; then the same
command runs again, and again. Reported are the wall time of the whole process (median,
best), its peak memory, and the requests that the server got. Last, a million further lines
are put into the record, and the same command is measured once more, and the time that
``verify`` takes to read the record in full.

    python3 benchmarks/resume.py --workdir /dev/shm
"""

from __future__ import annotations

import argparse
import http.server
import json
import os
import shlex
import statistics
import struct
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

_REPOSITORY = Path(__file__).resolve().parents[1]

_MPD = """\
<?xml version="1.0" encoding="utf-8"?>
<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" minBufferTime="PT2S"
     profiles="urn:mpeg:dash:profile:isoff-live:2011" mediaPresentationDuration="PT{count}S">
  <Period>
    <AdaptationSet contentType="video" mimeType="video/mp4" segmentAlignment="true">
      <Representation id="v" bandwidth="8000">
        <SegmentTemplate timescale="1" duration="1" startNumber="1" media="$Number%06d$.m4s"
                         initialization="init.mp4"/>
      </Representation>
    </AdaptationSet>
  </Period>
</MPD>
"""
_INITIALIZATION = struct.pack(">I4sI4s", 8, b"ftyp", 8, b"moov")


@dataclass(frozen=True)
class Reading:
    """One run: seconds of the clock, bytes of memory at the most, requests."""

    wall: float
    memory: int
    requests: int


class Handler(http.server.BaseHTTPRequestHandler):
    """Answer the path of every media segment with the same small body."""

    protocol_version = "HTTP/1.1"
    wbufsize = -1  # head and body in one piece
    document: ClassVar[bytes] = b""
    body: ClassVar[bytes] = b""
    asked: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        self.asked.append(self.path)
        data = {".mpd": self.document, ".mp4": _INITIALIZATION}.get(self.path[-4:], self.body)
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.send_header("ETag", f'"{self.path}"')
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def main() -> int:
    options = _parse_arguments()
    Handler.document = _MPD.format(count=options.files).encode()
    boxes = struct.pack(">I4sI4s", 8, b"moof", options.size - 8, b"mdat")
    Handler.body = boxes + os.urandom(options.size - len(boxes))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_address[1]}/manifest.mpd"
    with tempfile.TemporaryDirectory(prefix="dashget-resume-", dir=options.workdir) as name:
        root = Path(name) / "mirror"
        command = [*shlex.split(options.dashget), "get", url, "-q", "-o", str(root)]
        first = _run(command)
        assert first.requests == options.files + 2, "the first run did not fetch everything"
        again = [_run(command) for _ in range(options.rounds)]
        _print(f"{options.files:,} files, all there", again)
        _lengthen(root / ".dashget" / "record.jsonl", options.lines)
        longer = [_run(command) for _ in range(options.rounds)]
        _print(f"... and {options.lines:,} more lines in the record", longer)
        _print_reading(options.dashget, root)
    return 0


def _parse_arguments() -> argparse.Namespace:
    summary, _, rest = (__doc__ or "").partition("\n\n")
    parser = argparse.ArgumentParser(
        description=summary, epilog=rest, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--files", type=int, default=10_000, help="files (default 10000)")
    parser.add_argument("--size", type=int, default=2048, help="bytes of each (default 2048)")
    parser.add_argument("--lines", type=int, default=1_000_000, help="further lines (default 1e6)")
    parser.add_argument("--rounds", type=int, default=5, help="runs of each kind (default 5)")
    parser.add_argument("--workdir", help="where the mirror is made (a memory file system)")
    parser.add_argument(
        "--dashget", default=str(_REPOSITORY / "dashget"), help="command (default: the launcher)"
    )
    return parser.parse_args()


def _run(command: list[str]) -> Reading:
    """Run to the end; return the wall time of the process, its memory and requests."""
    Handler.asked.clear()
    started = time.perf_counter()
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise SystemExit(f"{shlex.join(command)}: exit {process.returncode}")
    return Reading(wall, usage.ru_maxrss * 1024, len(Handler.asked))


def _lengthen(record: Path, lines: int) -> None:
    """Add lines for files that are named like none of the presentation."""
    model = json.loads(record.read_text().splitlines()[-1])
    with record.open("a", encoding="utf-8") as file:
        for number in range(lines):
            model["path"] = f"earlier/{number:07d}.m4s"
            file.write(json.dumps(model, separators=(",", ":")) + "\n")


def _print(title: str, readings: list[Reading]) -> None:
    walls = [reading.wall for reading in readings]
    requests = {reading.requests for reading in readings}
    memory = max(reading.memory for reading in readings) / 2**20
    print(
        f"{title}: {statistics.median(walls):.2f} s (best {min(walls):.2f}),"
        f" {memory:.0f} MiB, requests: {', '.join(map(str, sorted(requests)))}"
    )


def _print_reading(dashget: str, root: Path) -> None:
    """Time a verification that only reads the whole record."""
    record = root / ".dashget" / "record.jsonl"
    size = record.stat().st_size / 2**20
    started = time.perf_counter()
    command = [*shlex.split(dashget), "verify", str(root), "--json"]
    done = subprocess.run(command, capture_output=True, check=False)
    wall = time.perf_counter() - started
    report = json.loads(done.stdout.splitlines()[-1])
    print(f"verify with a record of {size:.0f} MiB: {wall:.2f} s, {report['files']:,} files")


if __name__ == "__main__":
    sys.exit(main())
