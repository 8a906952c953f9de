"""The tools that take part, and the arguments with which each fetches a file set."""

from __future__ import annotations

import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from served import INITIALIZATION, FileSet

PARALLEL = 8

REPOSITORY = Path(__file__).resolve().parents[1]

_MEDIA = {".m4s", ".mp4"}


@dataclass(frozen=True)
class Job:
    """A file set to fetch, and the folder for it."""

    files: FileSet
    base: str
    listing: Path
    output: Path
    protocol: str = "http"
    authority: Path | None = None

    @property
    def stderr(self) -> Path:
        """The file for the standard error of a run."""
        return self.listing.with_suffix(".stderr")


@dataclass(frozen=True)
class Tool:
    """A downloader: its command, and the arguments for a job."""

    name: str
    program: list[str]
    arguments: Callable[[Job], list[str]]
    version: list[str]
    package: str
    label: Callable[[Job], str]
    one_file: bool = False
    speaks_http2: bool = True
    transfers: str = str(PARALLEL)

    @property
    def is_there(self) -> bool:
        return shutil.which(self.program[0]) is not None

    def get_version(self) -> str:
        done = subprocess.run(
            [*self.program, *self.version], capture_output=True, text=True, check=True
        )
        words = done.stdout.splitlines()[0].split()
        return next((word for word in words if word[0].isdigit()), words[0])


def make_job(
    files: FileSet, directory: Path, address: str, protocol: str, authority: Path | None
) -> Job:
    """Return the job of fetching a set from ``address``; write its URLs into a file."""
    base = f"{address}/{files.name}"
    listing = directory / f"{files.name}.txt"
    listing.write_text("".join(f"{base}/{name}\n" for name in files.names))
    return Job(files, base, listing, directory / "mirror", protocol, authority)


def check(tool: Tool, job: Job) -> None:
    """Raise SystemExit, with the tool's name, if anything is missing."""
    sizes = media_sizes(job.output)
    whole = [job.files.total + len(job.files.initialization)]
    wanted = whole if tool.one_file else [job.files.size] * job.files.count
    if sizes != wanted:
        raise SystemExit(f"{tool.name}: {len(sizes)} files and {sum(sizes)} bytes, not as served")


def media_sizes(output: Path) -> list[int]:
    """Return the sizes of all media that are in a folder, without the initialization segment."""
    return [
        path.stat().st_size
        for path in output.rglob("*")
        if path.suffix in _MEDIA and path.name != INITIALIZATION
    ]


def downloaders(dashget: str) -> list[Tool]:
    beside_python = Path(sys.executable).with_name("yt-dlp")
    yt_dlp = str(beside_python) if beside_python.exists() else "yt-dlp"
    return [
        make_dashget(dashget),
        make_curl(),
        Tool(
            *("aria2c", ["aria2c"], _aria2c, ["--version"], "aria2"),
            label=lambda job: "aria2c -x8 -s8" if job.files.is_single else "aria2c -j8",
            speaks_http2=False,
        ),
        Tool(
            *("wget2", ["wget2"], _wget2, ["--version"], "wget2"),
            label=lambda job: "wget2 --chunk-size=10M" if job.files.is_single else "wget2",
        ),
        Tool(
            *("yt-dlp", [yt_dlp], _yt_dlp, ["--version"], "pip install yt-dlp"),
            label=lambda _: "yt-dlp -N 8",
            one_file=True,
            speaks_http2=False,
        ),
    ]


def make_dashget(dashget: str, transfers: str = str(PARALLEL)) -> Tool:
    def arguments(job: Job) -> list[str]:
        version = ["--http", "2"] if job.protocol == "http2" else []
        url = f"{job.base}/manifest.mpd"
        return ["-t", transfers, "-q", *version, "-o", str(job.output), url]

    program = shlex.split(dashget)
    label = f"dashget -t {transfers}"
    return Tool(
        *("dashget", program, arguments, ["--version"], "this repository"),
        label=lambda _: label,
        transfers=transfers,
    )


def make_curl() -> Tool:
    def label(job: Job) -> str:
        return "curl, one stream" if job.files.is_single else f"curl -Z --parallel-max {PARALLEL}"

    return Tool("curl", ["curl"], _curl, ["--version"], "curl", label=label)


def _curl(job: Job) -> list[str]:
    trust = ["--cacert", str(job.authority)] if job.authority else []
    version = ["--http2"] if job.protocol == "http2" else ["--http1.1"]
    own = ["--disable", "--silent", "--show-error", "--fail", *version, *trust]
    if job.files.is_single:
        (name,) = job.files.names
        return [*own, "-o", f"{job.output}/{name}", f"{job.base}/{name}"]
    span = f"[00001-{job.files.count:05d}]"
    parallel = ["-Z", "--parallel-max", str(PARALLEL)]
    return [*own, *parallel, "-o", f"{job.output}/#1.m4s", f"{job.base}/{span}.m4s"]


def _aria2c(job: Job) -> list[str]:
    trust = [f"--ca-certificate={job.authority}"] if job.authority else []
    split = [f"-x{PARALLEL}", f"-s{PARALLEL}"] if job.files.is_single else [f"-j{PARALLEL}"]
    return [
        *("--no-conf", "--quiet", *split, "--file-allocation=none", *trust),
        *("-i", str(job.listing), "-d", str(job.output)),
    ]


def _wget2(job: Job) -> list[str]:
    trust = [f"--ca-certificate={job.authority}"] if job.authority else []
    version = ["--http2"] if job.protocol == "http2" else ["--no-http2"]
    chunks = ["--chunk-size=10M"] if job.files.is_single else []
    return [
        *("--no-config", "-q", f"--max-threads={PARALLEL}", "--no-host-directories", *version),
        *("--cut-dirs=1", *chunks, *trust, "-P", str(job.output), "-i", str(job.listing)),
    ]


def _yt_dlp(job: Job) -> list[str]:
    trust = ["--no-check-certificates"] if job.authority else []
    return [
        *("--ignore-config", "--quiet", "--no-warnings", "--no-cache-dir", "--fixup", "never"),
        *("-N", str(PARALLEL), *trust, "-o", f"{job.output}/joined.mp4"),
        f"{job.base}/manifest.mpd",
    ]
