"""Plan large manifests with DashGet and read them with other parsers, and print a table.

Four documents are made: a million segments by one ``@r``, a million listed ``S`` elements (30 MB),
a day of six Representations, and 5,000 Periods. DashGet runs ``plan --json``, whole process,
its output thrown away; streamlink's parser lists the segments' URLs; mpegdash's parser only
builds its objects. The tools take turns; wall and CPU time and peak memory of the whole
process are the kernel's, and the median of the rounds is reported.

    python3 benchmarks/plan.py
    python3 benchmarks/plan.py --others /path/to/python --rounds 3 --only rows,day

``--others`` is a Python that has streamlink and mpegdash; what it lacks is left out.
"""

from __future__ import annotations

import argparse
import os
import shlex
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

_REPOSITORY = Path(__file__).resolve().parents[1]
_HEAD = (
    '<?xml version="1.0" encoding="utf-8"?>\n<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" '
    'type="static" profiles="urn:mpeg:dash:profile:isoff-live:2011" minBufferTime="PT2S" '
    'mediaPresentationDuration="PT{seconds}S">\n'
)
_STREAMLINK = """
import sys
from streamlink.stream.dash.manifest import MPD
from streamlink.utils.parse import parse_xml
text = open(sys.argv[1]).read()
mpd = MPD(parse_xml(text, ignore_ns=True), base_url="http://h/d/", url="http://h/d/m.mpd")
print(sum(
    1
    for period in mpd.periods
    for adaptation_set in period.adaptationSets
    for representation in adaptation_set.representations
    for segment in representation.segments()
))
"""
_MPEGDASH = """
import sys
from mpegdash.parser import MPEGDASHParser
MPEGDASHParser.parse(open(sys.argv[1]).read())
"""


@dataclass(frozen=True)
class Document:
    """A manifest to read, and the number of its segments."""

    name: str
    title: str
    segments: int
    write: Callable[[], Iterator[str]]


@dataclass(frozen=True)
class Tool:
    """A program that reads a manifest; ``{mpd}`` in its command is the document."""

    name: str
    command: tuple[str, ...]


@dataclass(frozen=True)
class Reading:
    """One run: seconds and bytes."""

    wall: float
    cpu: float
    memory: int


def _environment() -> dict[str, str]:
    """Let Python keep compiled modules, as it does by default."""
    return {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}


def main() -> None:
    """Make the documents, let the tools take turns, print the table."""
    options = _options()
    wanted = set(options.only.split(",")) if options.only else None
    documents = [d for d in DOCUMENTS if wanted is None or d.name in wanted]
    tools = list(_tools(options))
    print("| document | tool | wall s | CPU s | peak MiB |\n| --- | --- | --- | --- | --- |")
    with tempfile.TemporaryDirectory(dir=options.workdir) as directory:
        for document in documents:
            path = Path(directory) / f"{document.name}.mpd"
            with path.open("w") as file:
                file.writelines(document.write())
            size = path.stat().st_size / 1e6
            _report(document, size, _measure(tools, path, options))
            path.unlink()


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=5, help="runs of each tool (5)")
    parser.add_argument("--only", help="documents: repeat, rows, day, periods")
    parser.add_argument("--workdir", help="where the documents are made")
    parser.add_argument("--dashget", help="the command to measure (this checkout)")
    parser.add_argument("--others", default=sys.executable, help="a Python with the other parsers")
    parser.add_argument("--limit", type=float, default=120, help="seconds for one run (120)")
    return parser.parse_args()


def _tools(options: argparse.Namespace) -> Iterator[Tool]:
    own = shlex.split(options.dashget) if options.dashget else [str(_REPOSITORY / "dashget")]
    base = ("--base-url", "http://h/d/")
    yield Tool("dashget plan --json", (*own, "plan", "--json", "{mpd}", *base))
    for name, script in (("streamlink", _STREAMLINK), ("mpegdash", _MPEGDASH)):
        probe = subprocess.run(
            [options.others, "-c", f"import {name}"], capture_output=True, check=False
        )
        if probe.returncode == 0:
            yield Tool(name, (options.others, "-c", script, "{mpd}"))
        else:
            print(f"{name} is missing: left out", file=sys.stderr)


def _measure(
    tools: list[Tool], path: Path, options: argparse.Namespace
) -> dict[Tool, list[Reading | None]]:
    readings: dict[Tool, list[Reading | None]] = {tool: [] for tool in tools}
    for _ in range(options.rounds):
        for tool in tools:
            if None not in readings[tool]:
                readings[tool].append(_run(tool, path, options.limit))
    return readings


def _run(tool: Tool, path: Path, limit: float) -> Reading | None:
    """Run once; return None if the tool fails or does not end in time."""
    command = [part.replace("{mpd}", str(path)) for part in tool.command]
    started = time.perf_counter()
    with subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=_environment()
    ) as process:
        while True:
            pid, status, usage = os.wait4(process.pid, os.WNOHANG)
            if pid:
                break
            if time.perf_counter() - started > limit:
                process.kill()
            time.sleep(0.005)
        wall = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        return None
    unit = 1 if sys.platform == "darwin" else 1024
    return Reading(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * unit)


def _report(document: Document, size: float, readings: dict[Tool, list[Reading | None]]) -> None:
    title = f"{document.title}: {document.segments:,} segments, {size:.1f} MB"
    for tool, runs in readings.items():
        good = [run for run in runs if run is not None]
        if len(good) < len(runs):
            print(f"| {title} | {tool.name} | failed or too slow | | |", flush=True)
        else:
            wall = statistics.median(run.wall for run in good)
            cpu = statistics.median(run.cpu for run in good)
            memory = statistics.median(run.memory for run in good) / 2**20
            row = f"| {title} | {tool.name} | {wall:.2f} | {cpu:.2f} | {memory:.0f} |"
            print(row, flush=True)
        title = ""


def _repeat() -> Iterator[str]:
    yield _HEAD.format(seconds=2_000_000)
    yield '<Period><AdaptationSet mimeType="video/mp4"><SegmentTemplate timescale="90000" '
    yield 'media="$RepresentationID$/$Time$.m4s" initialization="$RepresentationID$/i.mp4">'
    yield '<SegmentTimeline><S t="0" d="180000" r="999999"/></SegmentTimeline></SegmentTemplate>'
    yield '<Representation id="v" bandwidth="1"/></AdaptationSet></Period></MPD>'


def _rows() -> Iterator[str]:
    yield _HEAD.format(seconds=2_000_000)
    yield '<Period><AdaptationSet mimeType="video/mp4">'
    yield from _timeline(1_000_000)
    yield '<Representation id="v" bandwidth="1"/></AdaptationSet></Period></MPD>'


def _day() -> Iterator[str]:
    yield _HEAD.format(seconds=86400)
    yield "<Period>"
    for number in range(6):
        yield '<AdaptationSet mimeType="video/mp4">'
        yield from _timeline(43_200)
        yield f'<Representation id="v{number}" bandwidth="{number + 1}00000"/></AdaptationSet>'
    yield "</Period></MPD>"


def _timeline(count: int) -> Iterator[str]:
    yield '<SegmentTemplate timescale="90000" media="$RepresentationID$/$Time$.m4s" '
    yield 'initialization="$RepresentationID$/i.mp4"><SegmentTimeline>\n'
    time_ = 0
    for number in range(count):
        duration = 180_000 + number % 3
        yield f'<S t="{time_}" d="{duration}"/>\n'
        time_ += duration
    yield "</SegmentTimeline></SegmentTemplate>"


def _periods() -> Iterator[str]:
    yield _HEAD.format(seconds=50_000)
    for number in range(5000):
        yield f'<Period id="p{number}" duration="PT10S">'
        for kind, count in (("video", 4), ("audio", 2)):
            yield f'<AdaptationSet mimeType="{kind}/mp4"><SegmentTemplate duration="2" '
            yield f'media="p{number}/$RepresentationID$/$Number$.m4s" '
            yield f'initialization="p{number}/$RepresentationID$/i.mp4"/>'
            for representation in range(count):
                yield f'<Representation id="{kind[0]}{representation}" bandwidth="100000"/>'
            yield "</AdaptationSet>"
        yield "</Period>\n"
    yield "</MPD>"


DOCUMENTS = (
    Document("repeat", "one `@r`", 1_000_000, _repeat),
    Document("rows", "listed `S`", 1_000_000, _rows),
    Document("day", "24 hours, 6 Representations", 259_200, _day),
    Document("periods", "5,000 Periods, 6 Representations", 150_000, _periods),
)


if __name__ == "__main__":
    main()
