"""Show where the time of a mirror goes, by areas of the program and by libraries.

DashGet mirrors the sets of ``mirror.py`` from nginx on loopback, three times each: as it is
(wall and CPU time of the process), under py-spy (which line of Python is at work, also
while it waits for C code that it called), and under perf (in which library the
processor is, or in the kernel). What is not installed is left out: ``pip install py-spy``,
``apt install linux-perf``. Only time on a processor is sampled; the time in which a
run waits for the server is the difference of wall and CPU time.

    python3 benchmarks/profile_mirror.py --workdir /dev/shm
    python3 benchmarks/profile_mirror.py --sets small --protocol https --rounds 5
"""

from __future__ import annotations

import argparse
import collections
import linecache
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from downloaders import PARALLEL, REPOSITORY, Job, make_job
from measuring import clear, environment, machine, run
from mirror import SETS
from served import PROTOCOLS, find_nginx, make_certificate, nginx_version, serve

_SAMPLES_PER_SECOND = 500

_START = "interpreter start and imports"
_LIBCURL = "libcurl (perform, less the calls back)"
_WAITING = "select and locks"

# The innermost line of DashGet decides: first by what it calls, then by where it is.
_CALLS = (
    (".perform(", _LIBCURL),
    (".select(", _WAITING),
    (".wait(", _WAITING),
    (".join(", _WAITING),
    (".acquire(", _WAITING),
)
_PLACES = (
    ("store/record", "record"),
    ("store/", "files (open, write, rename, stat)"),
    ("transfer/", "engine, in Python"),
    ("mirroring/", "engine, in Python"),
    ("cli/printers/", "events and report"),
    ("events", "events and report"),
    ("cli/", "command line"),
    ("", "manifest and planning"),
)

_LIBRARIES = (
    (r"\[kernel", "kernel"),
    (r"libcurl|libnghttp", "libcurl and nghttp2"),
    (r"libssl|libcrypto|libgnutls", "TLS"),
    (r"python3|libpython", "Python"),
    (r"^libc[.-]|^ld-|libpthread|vdso", "C library"),
    (r"\.so", "other extension modules and libraries"),
    (r"", "other"),
)


def main() -> int:
    options = _parse_arguments()
    nginx = find_nginx()
    if nginx is None:
        print("nginx is needed (nginx-light)", file=sys.stderr)
        return 1
    py_spy, perf = _find("py-spy", "pip install py-spy"), _find("perf", "linux-perf")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # nothing stays behind
    with tempfile.TemporaryDirectory(prefix="dashget-profile-", dir=options.workdir) as name:
        directory = Path(name)
        (directory / "origin").mkdir()
        authority = None if options.protocol == "http" else make_certificate(directory)
        with serve(nginx, directory, protocol=options.protocol, authority=authority) as address:
            print("\n## Where the time goes\n")
            for line in machine(directory):
                print(f"- {line}")
            print(f"- {nginx_version(nginx)}, {options.protocol}")
            print(f"- {PARALLEL} transfers at once, {options.rounds} runs of each kind")
            names = options.sets.split(",")
            for files in (files.scaled(options.scale) for files in SETS if files.name in names):
                files.make(directory / "origin" / files.name)
                job = make_job(files, directory, address, options.protocol, authority)
                _profile(job, options, py_spy, perf)
    return 0


def _parse_arguments() -> argparse.Namespace:
    summary, _, rest = (__doc__ or "").partition("\n\n")
    parser = argparse.ArgumentParser(
        description=summary, epilog=rest, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    own = REPOSITORY / ".venv" / "bin" / "python"
    parser.add_argument("--rounds", type=int, default=3, help="runs of each kind (default 3)")
    parser.add_argument("--sets", default="large,small", help="file sets (default large,small)")
    parser.add_argument("--scale", type=float, default=1.0, help="size of the sets, to try (1)")
    parser.add_argument("--protocol", choices=PROTOCOLS, default="http", help="default: http")
    parser.add_argument("--limit", type=float, default=120.0, help="seconds for one run (120)")
    parser.add_argument("--workdir", help="where files are made and mirrored")
    parser.add_argument(
        *("--source",), default=str(REPOSITORY / "src"), help="the sources (default: this checkout)"
    )
    parser.add_argument(
        "--python",
        default=str(own if own.exists() else sys.executable),
        help="a Python with what DashGet needs (default: the launcher's)",
    )
    return parser.parse_args()


def _find(program: str, package: str) -> str | None:
    beside_python = Path(sys.executable).with_name(program)
    found = str(beside_python) if beside_python.exists() else shutil.which(program)
    if found is None:
        print(f"missing: {program} ({package})", file=sys.stderr)
    return found


def _profile(job: Job, options: argparse.Namespace, py_spy: str | None, perf: str | None) -> None:
    command = [options.python, "-m", "dashget", "-t", str(PARALLEL), "-q", "-o", str(job.output)]
    command += ["--http", "2"] if job.protocol == "http2" else []
    command.append(f"{job.base}/manifest.mpd")
    plain = [_run([], command, job, options) for _ in range(options.rounds + 1)][1:]
    wall = statistics.median(wall for wall, _ in plain)
    cpu = statistics.median(cpu for _, cpu in plain)
    print(f"\n### {job.files.title}: {wall:.2f} s, on a processor {cpu:.2f} s")
    samples = job.listing.with_suffix(".samples")
    if py_spy is not None:
        rate = str(_SAMPLES_PER_SECOND)
        prefix = [py_spy, "record", "--format", "raw", "--rate", rate, "--full-filenames"]
        prefix += ["--output", str(samples), "--"]
        package = f"{Path(options.source).absolute()}/dashget/"
        areas = _add_up(lambda: _read_stacks(samples, package), prefix, command, job, options)
        _print_table("area (py-spy)", areas, cpu)
    if perf is not None:
        prefix = [perf, "record", "-e", "cpu-clock", "-F", "999", "-o", str(samples), "--"]
        libraries = _add_up(lambda: _read_perf(perf, samples), prefix, command, job, options)
        _print_table("library (perf)", libraries, cpu)
    sys.stdout.flush()


def _run(
    prefix: list[str], command: list[str], job: Job, options: argparse.Namespace
) -> tuple[float, float]:
    """Mirror once; return seconds of the clock and of the CPU."""
    clear(job.output, job.files.total * 5 // 4)
    variables = {**environment(job.authority), "PYTHONPATH": str(Path(options.source).absolute())}
    reading = run(
        [*prefix, *command], limit=options.limit, stderr=job.stderr, environment=variables
    )
    if reading.status != 0:
        last = job.stderr.read_text(errors="replace")[-500:]
        raise SystemExit(f"{(prefix or command)[0]} ended with {reading.status}: {last}")
    return reading.wall, reading.cpu


def _add_up(
    read: Callable[[], collections.Counter[str]],
    prefix: list[str],
    command: list[str],
    job: Job,
    options: argparse.Namespace,
) -> collections.Counter[str]:
    """Sample several runs, and return the samples of each class together."""
    total: collections.Counter[str] = collections.Counter()
    for _ in range(options.rounds):
        _run(prefix, command, job, options)
        total += read()
    return total


def _read_stacks(path: Path, package: str) -> collections.Counter[str]:
    """Read py-spy's lines: frames from the outermost to the innermost, and how many samples."""
    areas: collections.Counter[str] = collections.Counter()
    for line in path.read_text().splitlines():
        stack, _, count = line.rpartition(" ")
        areas[_area(stack.split(";"), package)] += int(count)
    return areas


def _area(frames: list[str], package: str) -> str:
    if any("<frozen importlib" in frame for frame in frames):
        return _START
    for frame in reversed(frames):
        match = re.search(r"\((.+):(\d+)\)$", frame)
        if match and match[1].startswith(package):
            return _area_of_line(match[1], int(match[2]), package)
    return _START


def _area_of_line(path: str, number: int, package: str) -> str:
    line = linecache.getline(path, number)
    for call, area in _CALLS:
        if call in line:
            return area
    within = path.removeprefix(package)
    return next(area for place, area in _PLACES if within.startswith(place))


def _read_perf(perf: str, path: Path) -> collections.Counter[str]:
    """Have perf count the samples of each library."""
    done = subprocess.run(
        [perf, "report", "-i", str(path), "--sort", "dso", "--stdio", "-F", "sample,dso"],
        capture_output=True,
        text=True,
        check=True,
    )
    libraries: collections.Counter[str] = collections.Counter()
    for line in done.stdout.splitlines():
        match = re.match(r"\s*(\d+)\s+(\S.*?)\s*$", line)
        if match:
            label = next(label for pattern, label in _LIBRARIES if re.search(pattern, match[2]))
            libraries[label] += int(match[1])
    return libraries


def _print_table(title: str, samples: collections.Counter[str], cpu: float) -> None:
    total = samples.total()
    print(f"\n| {title} | share | of {cpu:.2f} s |")
    print("| --- | ---: | ---: |")
    for area, count in samples.most_common():
        print(f"| {area} | {count / total:.0%} | {cpu * count / total:.2f} |")
    print(f"\n{total} samples.")


if __name__ == "__main__":
    sys.exit(main())
