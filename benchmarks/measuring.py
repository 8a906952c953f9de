"""Run a command and measure its time and memory; describe the machine."""

from __future__ import annotations

import contextlib
import os
import platform
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

DISTURBED = 0.05
"""A run is disturbed if the hypervisor took more than this share of the machine's CPU time."""
_REPEATS = 3
_BUSY = 0.7
_TOUCH = """
import mmap, sys
size = int(sys.argv[1])
with mmap.mmap(-1, size) as memory:
    memory[::mmap.PAGESIZE] = bytes(len(range(0, size, mmap.PAGESIZE)))
"""


@dataclass(frozen=True)
class Reading:
    """One run: seconds of the clock and of the CPU, bytes of memory, share of stolen CPU time."""

    wall: float
    cpu: float
    memory: int
    stolen: float
    status: int

    @property
    def is_disturbed(self) -> bool:
        return self.stolen > DISTURBED


@dataclass
class Disturbances:
    """How many runs were repeated, and how many were kept although they were disturbed."""

    repeated: int = 0
    kept: int = 0


def run(
    command: Sequence[str], *, limit: float, stderr: Path, environment: dict[str, str]
) -> Reading:
    """Run a whole process; killed after ``limit`` seconds its status is that of the signal."""
    with stderr.open("wb") as words:
        before = _read_cpu_times()
        started = time.perf_counter()
        process = subprocess.Popen(
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=words,
        )
    previous = signal.signal(signal.SIGALRM, lambda *_: process.kill())
    signal.setitimer(signal.ITIMER_REAL, limit)
    try:
        _, status, usage = os.wait4(process.pid, 0)
    except BaseException:
        process.kill()
        raise
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)
    wall = time.perf_counter() - started
    stolen = _stolen_share(before, _read_cpu_times())
    process.returncode = os.waitstatus_to_exitcode(status)
    unit = 1 if sys.platform == "darwin" else 1024
    cpu = usage.ru_utime + usage.ru_stime
    return Reading(wall, cpu, usage.ru_maxrss * unit, stolen, process.returncode)


def run_undisturbed(
    attempt: Callable[[], Reading], counts: Disturbances, repeats: int = _REPEATS
) -> Reading:
    """Repeat a disturbed run a few times; return the least disturbed one."""
    readings = [attempt()]
    while readings[-1].is_disturbed and len(readings) <= repeats:
        counts.repeated += 1
        readings.append(attempt())
    best = min(readings, key=lambda reading: reading.stolen)
    counts.kept += best.is_disturbed
    return best


def _read_cpu_times() -> tuple[int, int] | None:
    """Return all CPU time of the machine so far, and the hypervisor's share if it is known."""
    with contextlib.suppress(OSError, ValueError, IndexError):
        fields = Path("/proc/stat").read_text().partition("\n")[0].split()[1:9]
        return sum(map(int, fields)), int(fields[7])
    return None


def _stolen_share(before: tuple[int, int] | None, after: tuple[int, int] | None) -> float:
    if before is None or after is None or after[0] <= before[0]:
        return 0.0
    return (after[1] - before[1]) / (after[0] - before[0])


def environment(authority: Path | None = None) -> dict[str, str]:
    """Return the variables for a run: no colours, the benchmark's certificate trusted."""
    variables = {**os.environ, "NO_COLOR": "1"}
    # Compiled modules are kept, as Python does by default and every installation has it.
    variables.pop("PYTHONDONTWRITEBYTECODE", None)
    if authority:
        variables |= dict.fromkeys(("SSL_CERT_FILE", "CURL_CA_BUNDLE"), str(authority))
    return variables


def clear(output: Path, size: int = 0) -> None:
    """Make room for a run right before it, and touch as much memory as it is going to write.

    Memory that has been free for a moment goes back to the host of a virtual machine, and
    the first to touch it again waits for the host: that must not be the run.
    """
    if output.exists():
        shutil.rmtree(output)
    output.mkdir()
    if 0 < size < _available_memory() / 2:
        # In a process of its own: a child's peak memory is never below its parent's.
        subprocess.run([sys.executable, "-c", _TOUCH, str(size)], check=True)


def _available_memory() -> int:
    with contextlib.suppress(OSError, ValueError):
        return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return 0


def machine(directory: Path) -> list[str]:
    """Return the lines above a table: system, processor, kind of disk."""
    load, _, _ = os.getloadavg()
    if load > _BUSY:
        print(f"the machine is busy (load {load:.1f}): the figures will not do", file=sys.stderr)
    kind = "a memory file system" if _on_tmpfs(directory) else "a disk"
    return [
        f"{time.strftime('%Y-%m-%d')}: {platform.system()} {platform.release()},"
        f" {platform.machine()}, {_processor()}",
        f"{os.cpu_count()} cores, shared by the server and the client; files on {kind}",
        f"Python {platform.python_version()}",
    ]


def _processor() -> str:
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or "unknown processor"


def _on_tmpfs(directory: Path) -> bool:
    done = subprocess.run(["df", "-P", str(directory)], capture_output=True, text=True, check=False)
    return "tmpfs" in done.stdout
