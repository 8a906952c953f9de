"""Mirror two presentations with DashGet and with other downloaders, and print tables.

The files lie in a directory of their own and are served by nginx on loopback. The tools
take turns on the same files in the same run; what is reported is the median of the
rounds. Wall time, CPU time (with children) and peak memory are those of the whole
process, as the kernel counted them. After each run the number and the sizes of the files
are checked, and the output is removed.

    python3 benchmarks/mirror.py --workdir /dev/shm
    python3 benchmarks/mirror.py --only dashget,curl --sets small --rounds 9 --tls
"""

from __future__ import annotations

import argparse
import contextlib
import math
import os
import platform
import shlex
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

PARALLEL = 8

_REPOSITORY = Path(__file__).resolve().parents[1]

_NGINX = """\
daemon off;
worker_processes 2;
pid "{directory}/nginx.pid";
error_log "{directory}/error.log" error;
{user}
events {{ worker_connections 1024; }}
http {{
    types {{ application/dash+xml mpd; video/mp4 m4s; }}
    access_log off;
    sendfile on;
    tcp_nopush on;
    keepalive_requests 1000000;
    client_body_temp_path "{directory}/body";
    proxy_temp_path "{directory}/proxy";
    fastcgi_temp_path "{directory}/fastcgi";
    uwsgi_temp_path "{directory}/uwsgi";
    scgi_temp_path "{directory}/scgi";
    server {{
        listen 127.0.0.1:{port} backlog=1024{options};
        {tls}
        root "{root}";
    }}
}}
"""

_MPD = """\
<?xml version="1.0" encoding="utf-8"?>
<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" minBufferTime="PT2S"
     profiles="urn:mpeg:dash:profile:isoff-live:2011" mediaPresentationDuration="PT{count}S">
  <Period>
    <AdaptationSet contentType="video" mimeType="video/mp4" segmentAlignment="true">
      <Representation id="v" bandwidth="{bandwidth}" codecs="avc1.42c00d">
        <SegmentTemplate timescale="1" duration="1" startNumber="1" media="$Number%05d$.m4s"/>
      </Representation>
    </AdaptationSet>
  </Period>
</MPD>
"""


@dataclass(frozen=True)
class FileSet:
    """So many segments of one size, with a manifest that names them."""

    name: str
    title: str
    count: int
    size: int

    @property
    def names(self) -> list[str]:
        return [f"{number:05d}.m4s" for number in range(1, self.count + 1)]

    def make(self, directory: Path) -> None:
        """Write the segments and ``manifest.mpd``."""
        directory.mkdir(parents=True)
        block = os.urandom(self.size)
        for name in self.names:
            (directory / name).write_bytes(block)
        document = _MPD.format(count=self.count, bandwidth=self.size * 8)
        (directory / "manifest.mpd").write_text(document)


SETS = (
    FileSet("large", "800 x 1 MiB", 800, 1 << 20),
    FileSet("small", "4000 x 48 KiB", 4000, 48 << 10),
)


@dataclass(frozen=True)
class Job:
    """What a tool is to fetch, and where to."""

    files: FileSet
    base: str
    listing: Path
    output: Path
    authority: Path | None


@dataclass(frozen=True)
class Tool:
    """A downloader: how it is called, and how it is told to run a job."""

    name: str
    program: list[str]
    arguments: Callable[[Job], list[str]]
    version: list[str]
    package: str
    one_file: bool = False


@dataclass(frozen=True)
class Reading:
    """One run: seconds of the clock and of the CPU, and bytes of memory."""

    wall: float
    cpu: float
    memory: int


def main() -> int:
    options = _parse_arguments()
    tools, missing = _find_tools(options.dashget, options.only)
    for tool in missing:
        print(f"missing: {tool.name} ({tool.package})", file=sys.stderr)
    nginx = shutil.which("nginx", path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin")
    if nginx is None or not tools:
        print("nginx and at least one downloader are needed (nginx-light)", file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory(prefix="dashget-benchmark-", dir=options.workdir) as name:
        directory = Path(name)
        chosen = [files for files in SETS if files.name in options.sets]
        for files in chosen:
            files.make(directory / "origin" / files.name)
        authority = _make_certificate(directory) if options.tls else None
        with _serve(nginx, directory, authority) as address:
            _print_facts(options, directory, nginx)
            for files in chosen:
                job = _job(files, directory, f"{address}/{files.name}", authority)
                readings = _measure(tools, job, options.rounds, options.limit)
                _print_table(files, tools, readings)
    return 0


def _parse_arguments() -> argparse.Namespace:
    summary, _, rest = (__doc__ or "").partition("\n\n")
    parser = argparse.ArgumentParser(
        description=summary, epilog=rest, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=5, help="runs of each tool (default 5)")
    parser.add_argument("--only", default="", help="tools, separated by commas (default: all)")
    parser.add_argument("--sets", default="large,small", help="file sets (default large,small)")
    parser.add_argument("--tls", action="store_true", help="serve over HTTPS")
    parser.add_argument("--limit", type=float, default=120.0, help="seconds for one run (120)")
    parser.add_argument(
        "--workdir", help="where files are made and mirrored (a memory file system)"
    )
    parser.add_argument(
        "--dashget", default=str(_REPOSITORY / "dashget"), help="command (default: the launcher)"
    )
    return parser.parse_args()


def _find_tools(dashget: str, only: str) -> tuple[list[Tool], list[Tool]]:
    names = [name for name in only.split(",") if name]
    tools = [tool for tool in _tools(dashget) if not names or tool.name in names]
    there = [tool for tool in tools if shutil.which(tool.program[0])]
    return there, [tool for tool in tools if tool not in there]


def _tools(dashget: str) -> list[Tool]:
    beside_python = Path(sys.executable).with_name("yt-dlp")
    yt_dlp = str(beside_python) if beside_python.exists() else "yt-dlp"
    ours = shlex.split(dashget)
    return [
        Tool("dashget", ours, _dashget, ["--version"], "this repository"),
        Tool("curl", ["curl"], _curl, ["--version"], "curl"),
        Tool("aria2c", ["aria2c"], _aria2c, ["--version"], "aria2"),
        Tool("wget2", ["wget2"], _wget2, ["--version"], "wget2"),
        Tool("yt-dlp", [yt_dlp], _yt_dlp, ["--version"], "pip install yt-dlp", one_file=True),
    ]


def _dashget(job: Job) -> list[str]:
    return ["-t", str(PARALLEL), "-q", "-o", str(job.output), f"{job.base}/manifest.mpd"]


def _curl(job: Job) -> list[str]:
    trust = ["--cacert", str(job.authority)] if job.authority else []
    span = f"[00001-{job.files.count:05d}]"
    return [
        *("--disable", "--silent", "--show-error", "--fail", "-Z"),
        *("--parallel-max", str(PARALLEL), *trust),
        *("-o", f"{job.output}/#1.m4s", f"{job.base}/{span}.m4s"),
    ]


def _aria2c(job: Job) -> list[str]:
    trust = [f"--ca-certificate={job.authority}"] if job.authority else []
    return [
        *("--no-conf", "--quiet", f"-j{PARALLEL}", "--file-allocation=none", *trust),
        *("-i", str(job.listing), "-d", str(job.output)),
    ]


def _wget2(job: Job) -> list[str]:
    trust = [f"--ca-certificate={job.authority}"] if job.authority else []
    return [
        *("--no-config", "-q", f"--max-threads={PARALLEL}", "--no-host-directories"),
        *("--cut-dirs=1", *trust, "-P", str(job.output), "-i", str(job.listing)),
    ]


def _yt_dlp(job: Job) -> list[str]:
    trust = ["--no-check-certificates"] if job.authority else []
    return [
        *("--ignore-config", "--quiet", "--no-warnings", "--no-cache-dir", "--fixup", "never"),
        *("-N", str(PARALLEL), *trust, "-o", f"{job.output}/joined.mp4"),
        f"{job.base}/manifest.mpd",
    ]


def _job(files: FileSet, directory: Path, base: str, authority: Path | None) -> Job:
    listing = directory / f"{files.name}.txt"
    listing.write_text("".join(f"{base}/{name}\n" for name in files.names))
    return Job(files, base, listing, directory / "mirror", authority)


def _measure(tools: list[Tool], job: Job, rounds: int, limit: float) -> dict[str, list[Reading]]:
    """Run the tools in turns; each round begins with another one."""
    readings: dict[str, list[Reading]] = {tool.name: [] for tool in tools}
    for number in range(rounds):
        start = number % len(tools)
        for tool in tools[start:] + tools[:start]:
            print(f"{job.files.title}: round {number + 1}: {tool.name}", file=sys.stderr)
            job.output.mkdir()
            reading = _run(tool, job, limit)
            _check(tool, job)
            shutil.rmtree(job.output)
            readings[tool.name].append(reading)
    return readings


def _run(tool: Tool, job: Job, limit: float) -> Reading:
    environment = {**os.environ, "NO_COLOR": "1"}
    # Compiled modules are kept, as Python does by default and every installation has it.
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    if job.authority:
        environment |= dict.fromkeys(("SSL_CERT_FILE", "CURL_CA_BUNDLE"), str(job.authority))
    words = job.listing.with_suffix(".stderr")
    with words.open("wb") as stderr:
        started = time.perf_counter()
        process = subprocess.Popen(
            [*tool.program, *tool.arguments(job)],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=stderr,
        )
    previous = signal.signal(signal.SIGALRM, lambda *_: process.kill())
    signal.setitimer(signal.ITIMER_REAL, limit)
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - started
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, previous)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        last = words.read_text(errors="replace")[-500:]
        raise SystemExit(f"{tool.name} ended with {process.returncode}: {last}")
    unit = 1 if sys.platform == "darwin" else 1024
    return Reading(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * unit)


def _check(tool: Tool, job: Job) -> None:
    """Make sure that everything was fetched; SystemExit names the tool that did not."""
    sizes = [path.stat().st_size for path in job.output.rglob("*") if path.suffix in _MEDIA]
    if tool.one_file:
        wanted = [job.files.count * job.files.size]
    else:
        wanted = [job.files.size] * job.files.count
    if sizes != wanted:
        raise SystemExit(f"{tool.name}: {len(sizes)} files and {sum(sizes)} bytes, not as served")


_MEDIA = {".m4s", ".mp4"}


def _print_facts(options: argparse.Namespace, directory: Path, nginx: str) -> None:
    version = subprocess.run([nginx, "-v"], capture_output=True, text=True, check=True).stderr
    kind = "a memory file system" if _on_tmpfs(directory) else "a disk"
    print(f"- {platform.system()} {platform.release()}, {platform.machine()}, {_processor()}")
    print(f"- {os.cpu_count()} cores, shared by the server and the client; files on {kind}")
    print(f"- {version.strip().rpartition(' ')[2]}, {'HTTPS' if options.tls else 'HTTP/1.1'}")
    print(f"- {PARALLEL} transfers at once, median of {options.rounds} alternating runs")
    print(f"- Python {platform.python_version()}")


def _print_table(files: FileSet, tools: list[Tool], readings: dict[str, list[Reading]]) -> None:
    print(f"\n### {files.title}\n")
    print("| tool | wall s | fastest - slowest | CPU s | peak MiB | MiB/s |")
    print("| --- | ---: | ---: | ---: | ---: | ---: |")
    total = files.count * files.size / (1 << 20)
    for tool in tools:
        runs = readings[tool.name]
        walls = [run.wall for run in runs]
        wall = statistics.median(walls)
        cpu = statistics.median(run.cpu for run in runs)
        memory = max(run.memory for run in runs)
        print(
            f"| {tool.name} {_version(tool)} | {wall:.2f} | {min(walls):.2f} - {max(walls):.2f} "
            f"| {cpu:.2f} | {math.ceil(memory / (1 << 20))} | {total / wall:.0f} |"
        )


def _version(tool: Tool) -> str:
    done = subprocess.run(
        [*tool.program, *tool.version], capture_output=True, text=True, check=True
    )
    words = done.stdout.splitlines()[0].split()
    return next((word for word in words if word[0].isdigit()), words[0])


def _processor() -> str:
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or "unknown processor"


def _on_tmpfs(directory: Path) -> bool:
    done = subprocess.run(["df", "-P", str(directory)], capture_output=True, text=True, check=False)
    return "tmpfs" in done.stdout


def _make_certificate(directory: Path) -> Path:
    """Make a certificate for loopback; it is its own authority."""
    certificate = directory / "origin.pem"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-nodes", "-days", "2", "-subj", "/CN=loopback"),
            *("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"),
            *("-addext", "subjectAltName=IP:127.0.0.1"),
            *("-keyout", str(directory / "origin.key"), "-out", str(certificate)),
        ],
        check=True,
        capture_output=True,
    )
    return certificate


@contextlib.contextmanager
def _serve(nginx: str, directory: Path, authority: Path | None) -> Iterator[str]:
    """Run nginx on a free port. It takes over a socket that already listens: no waiting."""
    key = directory / "origin.key"
    tls = f'ssl_certificate "{authority}"; ssl_certificate_key "{key}";' if authority else ""
    with socket.create_server(("127.0.0.1", 0), backlog=1024) as listener:
        port = listener.getsockname()[1]
        configuration = directory / "nginx.conf"
        configuration.write_text(
            _NGINX.format(
                directory=directory,
                user="user root root;" if os.geteuid() == 0 else "",
                port=port,
                options=" ssl" if authority else "",
                tls=tls,
                root=directory / "origin",
            )
        )
        listener.set_inheritable(True)
        listener.setblocking(False)  # nginx takes it as it is, and would wait in accept
        process = subprocess.Popen(
            [nginx, "-p", str(directory), "-c", str(configuration), "-e", "error.log"],
            env={**os.environ, "NGINX": f"{listener.fileno()};"},
            pass_fds=(listener.fileno(),),
            stdin=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
    try:
        yield f"{'https' if authority else 'http'}://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait()


if __name__ == "__main__":
    sys.exit(main())
