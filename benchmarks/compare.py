"""Compare two checkouts of DashGet in one series of runs that take turns.

Mirrors the sets of mirror.py from nginx on loopback with both, over each protocol, then
starts both for ``--version`` and for a run over a complete mirror. The runs come in pairs,
one of each checkout, and each pair begins with the other one: whatever the machine does
meanwhile meets both. A ratio is the median of the ratios of the pairs; below 1 this
checkout takes less than the other.

    git worktree add /tmp/before v0.1.0
    python3 benchmarks/compare.py --against /tmp/before --workdir /dev/shm
    python3 benchmarks/compare.py --against /tmp/before --protocols http --sets small --rounds 15
"""

from __future__ import annotations

import argparse
import contextlib
import functools
import signal
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from downloaders import PARALLEL, REPOSITORY, Job, Tool, check, make_dashget, make_job
from measuring import Disturbances, Reading, clear, environment, machine, run, run_undisturbed
from mirror import SETS, TITLES
from served import PROTOCOLS, FileSet, find_nginx, make_certificate, nginx_version, serve

_STARTS = ("version", "resume")
_HEAD = "| | wall s before | now | ratio | CPU s before | now | ratio | MiB before | now |"


@dataclass
class Series:
    """The readings of one case, in pairs: the other checkout's, and this one's."""

    title: str
    before: list[Reading] = field(default_factory=list)
    now: list[Reading] = field(default_factory=list)

    def row(self) -> str:
        """Return the line of the table."""
        cells = [self.title]
        for name in ("wall", "cpu"):
            pairs = [
                (getattr(old, name), getattr(new, name))
                for old, new in zip(self.before, self.now, strict=True)
            ]
            old, new = (statistics.median(values) for values in zip(*pairs, strict=True))
            ratio = statistics.median(after / before for before, after in pairs)
            cells += [f"{old:.3f}", f"{new:.3f}", f"{ratio:.3f}"]
        for readings in (self.before, self.now):
            cells.append(f"{max(reading.memory for reading in readings) / (1 << 20):.0f}")
        return f"| {' | '.join(cells)} |"


@dataclass(frozen=True)
class Bench:
    """The two checkouts, the folder to work in, and the number of runs: the same for all cases."""

    checkouts: tuple[Tool, Tool]
    directory: Path
    rounds: int
    limit: float
    counts: Disturbances

    def compare(self, title: str, attempt: Callable[[Tool], Reading], rounds: int) -> None:
        """Run both checkouts in turns, each once without counting, and print the row."""
        series = Series(title)
        for tool in self.checkouts:
            attempt(tool)
        for number in range(rounds):
            print(f"{title}: pair {number + 1} of {rounds}", file=sys.stderr)
            kept = (series.before, series.now)
            turns = list(zip(self.checkouts, kept, strict=True))
            for tool, readings in turns if number % 2 == 0 else reversed(turns):
                once = functools.partial(attempt, tool)
                readings.append(run_undisturbed(once, self.counts))
        print(series.row())
        sys.stdout.flush()

    def start(self, tool: Tool, arguments: list[str], authority: Path | None = None) -> Reading:
        """Run the program once to its end; SystemExit if it fails."""
        words = self.directory / "words.stderr"
        reading = run(
            [*tool.program, *arguments],
            limit=self.limit,
            stderr=words,
            environment=environment(authority),
        )
        if reading.status != 0:
            last = words.read_text(errors="replace")[-500:]
            raise SystemExit(f"{tool.program[0]} ended with {reading.status}: {last}")
        return reading

    def mirror(self, job: Job, tool: Tool) -> Reading:
        """Mirror a set into an empty directory."""
        clear(job.output, job.files.total * 5 // 4)
        reading = self.start(tool, tool.arguments(job), job.authority)
        check(tool, job)
        return reading


def main() -> int:
    options = _parse_arguments()
    nginx = find_nginx()
    if nginx is None:
        print("nginx is needed (nginx-light)", file=sys.stderr)
        return 1
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # nothing stays behind
    programs = [Path(options.against).resolve() / "dashget", REPOSITORY / "dashget"]
    before, now = (make_dashget(str(program)) for program in programs)
    for tool in (before, now):
        tool.get_version()  # sets the launcher's environment up, if it is missing
    with tempfile.TemporaryDirectory(prefix="dashget-compare-", dir=options.workdir) as name:
        bench = Bench((before, now), Path(name), options.rounds, options.limit, Disturbances())
        _print_facts(bench, nginx, [program.parent for program in programs])
        chosen = [files.scaled(options.scale) for files in SETS if files.name in options.sets]
        for protocol in options.protocols:
            _compare_mirrors(bench, nginx, protocol, chosen)
        _compare_starts(bench, nginx, options.starts, options.scale)
    counts = bench.counts
    print(f"\nDisturbed by the hypervisor: {counts.repeated} runs repeated, {counts.kept} kept.")
    return 0


def _parse_arguments() -> argparse.Namespace:
    summary, _, rest = (__doc__ or "").partition("\n\n")
    parser = argparse.ArgumentParser(
        description=summary, epilog=rest, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    names = [files.name for files in SETS]
    parser.add_argument("--against", required=True, help="the other checkout")
    parser.add_argument("--rounds", type=int, default=9, help="pairs of runs (default 9)")
    parser.add_argument(
        "--protocols", type=_list_of(PROTOCOLS), default=list(PROTOCOLS), help="default: all"
    )
    parser.add_argument("--sets", type=_list_of(names), default=names, help="default: all")
    parser.add_argument(
        "--starts",
        type=_list_of(_STARTS),
        default=list(_STARTS),
        help="starts to time: version,resume (default: both; three times as many pairs)",
    )
    parser.add_argument("--scale", type=float, default=1.0, help="size of the sets, to try (1)")
    parser.add_argument("--limit", type=float, default=120.0, help="seconds for one run (120)")
    parser.add_argument(
        "--workdir", help="where files are made and mirrored (a memory file system)"
    )
    return parser.parse_args()


def _list_of(known: tuple[str, ...] | list[str]) -> Callable[[str], list[str]]:
    def parse(text: str) -> list[str]:
        names = [name for name in text.split(",") if name]
        if not set(names) <= set(known):
            raise argparse.ArgumentTypeError(f"choose from {','.join(known)}")
        return names

    return parse


def _print_facts(bench: Bench, nginx: str, checkouts: list[Path]) -> None:
    print("## Two checkouts\n")
    for line in machine(bench.directory):
        print(f"- {line}")
    print(f"- {nginx_version(nginx)}; {PARALLEL} transfers at once, {bench.rounds} pairs of runs")
    for label, checkout in zip(("before", "now"), checkouts, strict=True):
        print(f"- {label}: {_describe(checkout)}")
    installed = [_installed(checkout) for checkout in checkouts]
    if installed[0] != installed[1]:
        odd = ", ".join(sorted(installed[0] ^ installed[1]))
        print(f"- the two environments differ, which the ratios then show as well: {odd}")
    print(f"\n{_HEAD}\n| --- |{' ---: |' * 8}")


def _describe(checkout: Path) -> str:
    done = subprocess.run(
        ["git", "-C", str(checkout), "log", "-1", "--format=%h %s"],
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout.strip() or str(checkout)


def _installed(checkout: Path) -> set[str]:
    """Return the names and versions of what the checkout's environment holds."""
    found = checkout.glob(".venv/lib/python*/site-packages/*.dist-info")
    return {path.stem for path in found if not path.stem.startswith("dashget-")}


@contextlib.contextmanager
def _serving(bench: Bench, nginx: str, protocol: str) -> Iterator[tuple[Path, str, Path | None]]:
    """Serve an empty directory; yield it, its URL and the certificate to trust."""
    with tempfile.TemporaryDirectory(prefix="server-", dir=bench.directory) as name:
        directory = Path(name)
        (directory / "origin").mkdir()
        authority = None if protocol == "http" else make_certificate(directory)
        with serve(nginx, directory, protocol=protocol, authority=authority) as address:
            yield directory, address, authority


def _compare_mirrors(bench: Bench, nginx: str, protocol: str, chosen: list[FileSet]) -> None:
    for files in chosen:
        with _serving(bench, nginx, protocol) as (directory, address, authority):
            files.make(directory / "origin" / files.name)
            job = make_job(files, directory, address, protocol, authority)
            title = f"{files.title}, {TITLES[protocol]}"
            bench.compare(title, functools.partial(bench.mirror, job), bench.rounds)


def _compare_starts(bench: Bench, nginx: str, starts: list[str], scale: float) -> None:
    rounds = bench.rounds * 3
    if "version" in starts:
        bench.compare("start of --version", lambda tool: bench.start(tool, ["--version"]), rounds)
    if "resume" not in starts:
        return
    files = next(files for files in SETS if files.name == "small").scaled(scale)
    with _serving(bench, nginx, "http") as (directory, address, _):
        files.make(directory / "origin" / files.name)
        job = make_job(files, directory, address, "http", None)
        job.output.mkdir()
        bench.start(bench.checkouts[0], bench.checkouts[0].arguments(job))
        bench.compare(
            f"a run over {files.count} complete files",
            lambda tool: bench.start(tool, tool.arguments(job)),
            rounds,
        )


if __name__ == "__main__":
    sys.exit(main())
