"""Mirror over emulated links with fixed numbers of transfers and with ``-t auto``.

Three links are emulated between two network namespaces (see ``emulation.py``; Linux and
root are needed): 20 ms and 200 Mbit/s, 50 ms and 100 Mbit/s, 150 ms and 50 Mbit/s with
0.1 % loss. Over each one DashGet fetches two presentations, of segments of 1 MiB and of
48 KiB, with each number of transfers and with ``-t auto``, and ``curl -Z`` fetches the
same files. All take turns; the median of the rounds is reported. A run that takes longer
than the limit is ended, and its rate is that of the files which had arrived.

    sudo python3 benchmarks/links.py --workdir /dev/shm
    sudo python3 benchmarks/links.py --links 3 --sets large --transfers 8,16,auto --rounds 1
"""

from __future__ import annotations

import argparse
import functools
import os
import re
import signal
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from downloaders import (
    REPOSITORY,
    Job,
    Tool,
    check,
    make_curl,
    make_dashget,
    make_job,
    media_sizes,
)
from emulation import LINKS, Ends, Link, emulate
from measuring import (
    Disturbances,
    Reading,
    clear,
    environment,
    machine,
    run,
    run_undisturbed,
)
from served import PROTOCOLS, FileSet, find_nginx, make_certificate, nginx_version, serve

_SIZES = {"large": 1 << 20, "small": 48 << 10}
_TRANSFERS = "1,2,4,8,16,32,64,auto"
_PAUSE_SECONDS = 0.5
_KILLED = -signal.SIGKILL


@dataclass(frozen=True)
class Run:
    """A run over a link: how long it took, and the rate at which files arrived."""

    seconds: float
    bits_per_second: float
    complete: bool


@dataclass(frozen=True)
class Course:
    """A file set, its link, and the commands that take turns."""

    link: Link
    files: FileSet
    tools: list[Tool]

    def estimate(self, limit: float) -> float:
        """Return about how many seconds one round takes."""
        return sum(
            min(limit, _estimate(self.link, self.files, tool)) + _PAUSE_SECONDS
            for tool in self.tools
        )


def main() -> int:
    options = _parse_arguments()
    nginx = find_nginx()
    if nginx is None or os.geteuid() != 0 or not Path("/dev/net/tun").exists():
        print("nginx, root and /dev/net/tun are needed", file=sys.stderr)
        return 1
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    courses = _plan(options)
    seconds = sum(course.estimate(options.limit) for course in courses) * options.rounds
    print(
        f"{len(courses)} tables, {options.rounds} rounds: about {seconds / 60:.0f} minutes",
        file=sys.stderr,
    )
    if options.estimate:
        return 0
    with tempfile.TemporaryDirectory(prefix="dashget-links-", dir=options.workdir) as name:
        directory = Path(name)
        (directory / "origin").mkdir()
        print("\n## Emulated links\n")
        for line in machine(directory):
            print(f"- {line}")
        print(f"- {nginx_version(nginx)}, {options.protocol}, {options.congestion}")
        print(f"- median of {options.rounds} alternating runs, ended after {options.limit:g} s")
        for course in courses:
            _measure_course(course, nginx, directory, options)
    return 0


def _parse_arguments() -> argparse.Namespace:
    summary, _, rest = (__doc__ or "").partition("\n\n")
    parser = argparse.ArgumentParser(
        description=summary, epilog=rest, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=3, help="runs of each kind (default 3)")
    parser.add_argument("--links", default="1,2,3", help="which links (default 1,2,3)")
    parser.add_argument("--sets", default="large,small", help="default large,small")
    parser.add_argument(
        "--transfers", default=_TRANSFERS, help=f"what -t is given (default {_TRANSFERS})"
    )
    parser.add_argument("--no-curl", action="store_true", help="leave curl out")
    parser.add_argument(
        "--seconds", type=float, default=12.0, help="size of a set, in seconds of its link (12)"
    )
    parser.add_argument("--limit", type=float, default=40.0, help="seconds for one run (40)")
    parser.add_argument("--protocol", choices=PROTOCOLS, default="http", help="default: http")
    parser.add_argument(
        "--congestion", default="cubic", help="the server's congestion control (cubic)"
    )
    parser.add_argument("--estimate", action="store_true", help="only say how long it takes")
    parser.add_argument("--workdir", help="where files are made and mirrored")
    parser.add_argument(
        "--dashget", default=str(REPOSITORY / "dashget"), help="command (default: the launcher)"
    )
    return parser.parse_args()


def _plan(options: argparse.Namespace) -> list[Course]:
    tools = [make_dashget(options.dashget, number) for number in options.transfers.split(",")]
    if not options.no_curl and make_curl().is_there:
        tools.append(make_curl())
    return [
        Course(link, _make_set(link, name, options.seconds), tools)
        for number, link in enumerate(LINKS, 1)
        if str(number) in options.links.split(",")
        for name in _SIZES
        if name in options.sets.split(",")
    ]


def _make_set(link: Link, name: str, seconds: float) -> FileSet:
    size = _SIZES[name]
    return FileSet(name, max(2, round(link.rate * seconds / 8 / size)), size)


def _estimate(link: Link, files: FileSet, tool: Tool) -> float:
    """Return about how long a run takes: by the link's rate, or that of its connections."""
    connections = int(tool.transfers) if tool.transfers.isdigit() else 8
    rate = link.rate
    if link.loss:  # Mathis et al., "The Macroscopic Behavior of TCP"
        rate = min(rate, connections * 1.4 * 1448 * 8 / (link.rtt * link.loss**0.5))
    waiting = files.count * link.rtt * 1.2 / connections
    return 1.0 + max(files.total * 8 / rate, waiting + files.total * 8 / rate / connections)


def _measure_course(
    course: Course, nginx: str, directory: Path, options: argparse.Namespace
) -> None:
    authority = None if options.protocol == "http" else make_certificate(directory)
    origin = directory / "origin" / f"{course.link.rate:.0f}" / course.files.name
    course.files.make(origin)
    with (
        emulate(course.link) as ends,
        serve(
            nginx,
            directory,
            protocol=options.protocol,
            authority=authority,
            listener=ends.listen(options.congestion),
        ) as address,
    ):
        base = f"{address}/{origin.parent.name}"
        job = make_job(course.files, directory, base, options.protocol, authority)
        counts = Disturbances()
        runs: dict[str, list[Run]] = {tool.label(job): [] for tool in course.tools}
        for number in range(options.rounds):
            start = number % len(course.tools)
            for tool in course.tools[start:] + course.tools[:start]:
                label = tool.label(job)
                print(f"{course.link}: round {number + 1}: {label}", file=sys.stderr)
                attempt = functools.partial(_attempt, tool, job, ends, options.limit)
                runs[label].append(
                    _evaluate(run_undisturbed(attempt, counts, repeats=1), tool, job)
                )
        _print_table(course, runs, counts)


def _attempt(tool: Tool, job: Job, ends: Ends, limit: float) -> Reading:
    clear(job.output)
    time.sleep(_PAUSE_SECONDS)  # what the run before has left on the link arrives
    return run(
        [*ends.client_prefix, *tool.program, *tool.arguments(job)],
        limit=limit,
        stderr=job.stderr,
        environment=environment(job.authority),
    )


def _evaluate(reading: Reading, tool: Tool, job: Job) -> Run:
    """Return the rate of a run; raise SystemExit if it failed or lacks files."""
    if reading.status == 0:
        check(tool, job)
    elif reading.status != _KILLED:
        last = job.stderr.read_text(errors="replace")[-500:]
        raise SystemExit(f"{tool.name} ended with {reading.status}: {last}")
    rate = sum(media_sizes(job.output)) * 8 / reading.wall
    return Run(reading.wall, rate, complete=reading.status == 0)


def _print_table(course: Course, runs: dict[str, list[Run]], counts: Disturbances) -> None:
    rates = {
        name: statistics.median(run.bits_per_second for run in taken)
        for name, taken in runs.items()
    }
    fixed = [rate for name, rate in rates.items() if re.fullmatch(r"dashget -t \d+", name)]
    print(f"\n| {course.link}: {course.files.title} | s | fastest - slowest | Mbit/s", end="")
    print(" | of the link | of the best fixed number |")
    print("| --- | ---: | ---: | ---: | ---: | ---: |")
    for label, taken in runs.items():
        seconds = [run.seconds for run in taken]
        ended = "" if all(run.complete for run in taken) else "> "
        share = f"{rates[label] / max(fixed):.0%}" if fixed else "-"
        print(
            f"| {label} | {ended}{statistics.median(seconds):.1f}"
            f" | {min(seconds):.1f} - {max(seconds):.1f} | {rates[label] / 1e6:.1f}"
            f" | {rates[label] / course.link.rate:.0%} | {share} |"
        )
    print(f"\nDisturbed by the hypervisor: {counts.repeated} runs repeated, {counts.kept} kept.")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
