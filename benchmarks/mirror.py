"""Mirror presentations with DashGet and with other downloaders, and print tables.

The files lie in a directory of their own and are served by nginx on loopback. The tools
take turns on the same files in the same run; what is reported is the median of the
rounds. Wall time, CPU time (with children) and peak memory are those of the whole
process, as the kernel counted them. After each run the number and the sizes of the files
are checked; its output is removed right before the next run. A run during which the
hypervisor took more than 5 % of the machine's CPU time is repeated.

    python3 benchmarks/mirror.py --workdir /dev/shm
    python3 benchmarks/mirror.py --only dashget,curl --sets small --rounds 9 --protocol http2
"""

from __future__ import annotations

import argparse
import functools
import signal
import statistics
import sys
import tempfile
from pathlib import Path

from downloaders import PARALLEL, REPOSITORY, Job, Tool, check, downloaders, make_job
from measuring import Disturbances, Reading, clear, environment, machine, run, run_undisturbed
from served import PROTOCOLS, FileSet, find_nginx, make_certificate, nginx_version, serve

SETS = (
    FileSet("large", 800, 1 << 20),
    FileSet("small", 4000, 48 << 10),
    FileSet("single", 1, 800 << 20),
)
TITLES = {"http": "HTTP/1.1", "https": "HTTP/1.1 over TLS", "http2": "HTTP/2 over TLS"}


def main() -> int:
    options = _parse_arguments()
    tools, missing = _find_tools(options.dashget, options.only)
    for tool in missing:
        print(f"missing: {tool.name} ({tool.package})", file=sys.stderr)
    nginx = find_nginx()
    if nginx is None or not tools:
        print("nginx and at least one downloader are needed (nginx-light)", file=sys.stderr)
        return 1
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # nothing stays behind
    with tempfile.TemporaryDirectory(prefix="dashget-benchmark-", dir=options.workdir) as name:
        directory = Path(name)
        names = options.sets.split(",")
        chosen = [files.scaled(options.scale) for files in SETS if files.name in names]
        authority = None if options.protocol == "http" else make_certificate(directory)
        (directory / "origin").mkdir()
        with serve(nginx, directory, protocol=options.protocol, authority=authority) as address:
            _print_facts(options, directory, nginx, tools)
            for files in chosen:
                files.make(directory / "origin" / files.name)
                job = make_job(files, directory, address, options.protocol, authority)
                counts = Disturbances()
                readings = _measure(tools, job, options, counts)
                _print_table(tools, job, readings, counts)
    return 0


def _parse_arguments() -> argparse.Namespace:
    summary, _, rest = (__doc__ or "").partition("\n\n")
    parser = argparse.ArgumentParser(
        description=summary, epilog=rest, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=5, help="runs of each tool (default 5)")
    parser.add_argument("--only", default="", help="tools, separated by commas (default: all)")
    parser.add_argument(
        "--sets", default="large,small,single", help="file sets (default large,small,single)"
    )
    parser.add_argument("--scale", type=float, default=1.0, help="size of the sets, to try (1)")
    parser.add_argument("--protocol", choices=PROTOCOLS, default="http", help="default: http")
    parser.add_argument(
        *("--tls", "--https"),
        dest="protocol",
        action="store_const",
        const="https",
        help="like --protocol https",
    )
    parser.add_argument("--limit", type=float, default=120.0, help="seconds for one run (120)")
    parser.add_argument(
        "--workdir", help="where files are made and mirrored (a memory file system)"
    )
    parser.add_argument(
        "--dashget", default=str(REPOSITORY / "dashget"), help="command (default: the launcher)"
    )
    return parser.parse_args()


def _find_tools(dashget: str, only: str) -> tuple[list[Tool], list[Tool]]:
    names = [name for name in only.split(",") if name]
    tools = [tool for tool in downloaders(dashget) if not names or tool.name in names]
    there = [tool for tool in tools if tool.is_there]
    return there, [tool for tool in tools if tool not in there]


def _measure(
    tools: list[Tool], job: Job, options: argparse.Namespace, counts: Disturbances
) -> dict[str, list[Reading]]:
    """Run the tools in turns; each round begins with another one.

    One run before the first round is not counted: after it there is memory to reuse.
    """
    readings: dict[str, list[Reading]] = {tool.name: [] for tool in tools}
    _run(tools[0], job, options.limit)
    for number in range(options.rounds):
        start = number % len(tools)
        for tool in tools[start:] + tools[:start]:
            print(f"{job.files.title}: round {number + 1}: {tool.name}", file=sys.stderr)
            attempt = functools.partial(_run, tool, job, options.limit)
            readings[tool.name].append(run_undisturbed(attempt, counts))
    return readings


def _run(tool: Tool, job: Job, limit: float) -> Reading:
    clear(job.output, job.files.total * 5 // 4)
    reading = run(
        [*tool.program, *tool.arguments(job)],
        limit=limit,
        stderr=job.stderr,
        environment=environment(job.authority),
    )
    if reading.status != 0:
        last = job.stderr.read_text(errors="replace")[-500:]
        raise SystemExit(f"{tool.name} ended with {reading.status}: {last}")
    check(tool, job)
    return reading


def _print_facts(
    options: argparse.Namespace, directory: Path, nginx: str, tools: list[Tool]
) -> None:
    print(f"\n## {TITLES[options.protocol]}\n")
    for line in machine(directory):
        print(f"- {line}")
    versions = (f"{tool.name} {tool.get_version()}" for tool in tools)
    print(f"- {nginx_version(nginx)}, {', '.join(versions)}")
    print(f"- {PARALLEL} transfers at once, median of {options.rounds} alternating runs")


def _print_table(
    tools: list[Tool], job: Job, readings: dict[str, list[Reading]], counts: Disturbances
) -> None:
    print(
        f"\n| {job.files.title} | wall s | fastest - slowest | CPU s | peak MiB | MiB/s"
        " | wall / curl | CPU / curl |"
    )
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |")
    curl = readings.get("curl")
    for tool in tools:
        runs = readings[tool.name]
        wall, cpu = _median(runs)
        walls = [run.wall for run in runs]
        memory = max(run.memory for run in runs) / (1 << 20)
        rate = job.files.total / (1 << 20) / wall
        ratios = " | ".join(_ratios(wall, cpu, curl))
        print(
            f"| {_label(tool, job)} | {wall:.2f} | {min(walls):.2f} - {max(walls):.2f}"
            f" | {cpu:.2f} | {memory:.0f} | {rate:.0f} | {ratios} |"
        )
    print(f"\nDisturbed by the hypervisor: {counts.repeated} runs repeated, {counts.kept} kept.")
    sys.stdout.flush()


def _label(tool: Tool, job: Job) -> str:
    label = tool.label(job)
    if job.protocol == "http2" and not tool.speaks_http2:
        label += " (HTTP/1.1)"
    return label


def _median(runs: list[Reading]) -> tuple[float, float]:
    return statistics.median(r.wall for r in runs), statistics.median(r.cpu for r in runs)


def _ratios(wall: float, cpu: float, curl: list[Reading] | None) -> tuple[str, str]:
    if curl is None:
        return "-", "-"
    wall_of_curl, cpu_of_curl = _median(curl)
    return f"{wall / wall_of_curl:.2f}", f"{cpu / cpu_of_curl:.2f}"


if __name__ == "__main__":
    sys.exit(main())
