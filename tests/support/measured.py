"""What attacks cost: each runs in a process of its own, whose memory and CPU time are measured.

``Measuring`` starts this module as a program, which gets the names of cases, one a line. Each case
is a copy of that process (``fork``), so nothing is imported again. Its memory is limited as well, so
that an attack that would fill the machine ends with a MemoryError instead.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Final, NamedTuple, Self

ROOT: Final = Path(__file__).resolve().parents[2]
_ENTRIES: Final = 50_000
_QUIET_SECONDS: Final = 0.03
"""What a table of so many entries takes on a quiet computer."""
_MOST_MEMORY: Final = 3 << 30


class Cost(NamedTuple):
    """What a case took: CPU time, as on a quiet computer, and memory beyond the beginning."""

    code: int
    seconds: float
    memory: int


class Measuring:
    """Measures the cases of a module, which ``cases()`` there returns as functions by name."""

    def __init__(self, module: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.measured", module],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT}"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def cost(self, name: str) -> Cost:
        """Run a case, and return what it took."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{json.dumps(name)}\n")
        self._process.stdin.flush()
        return Cost(*json.loads(self._process.stdout.readline()))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate(timeout=60)


def _measured(case: Callable[[], object]) -> Cost:
    slowness = _slowness()
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        resource.setrlimit(resource.RLIMIT_AS, (_MOST_MEMORY, _MOST_MEMORY))
        os.write(writing, b"%d" % _resident())
        try:
            case()
        except BaseException as error:  # noqa: BLE001  # whatever it is, the test sees the code
            print(error, file=sys.stderr, flush=True)
            os._exit(1)
        os._exit(0)
    os.close(writing)
    _, status, used = os.wait4(child, 0)
    with open(reading, "rb") as pipe:
        before = int(pipe.read())
    seconds = (used.ru_utime + used.ru_stime) / max(slowness, _slowness())
    peak = used.ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    return Cost(os.waitstatus_to_exitcode(status), seconds, peak - before)


def _slowness() -> float:
    """Return how many seconds this computer takes now for what takes a second on a quiet one."""
    begun = time.process_time()
    table = {str(number): [number] for number in range(_ENTRIES)}
    "".join(sorted(table))
    return max(1.0, (time.process_time() - begun) / _QUIET_SECONDS)


def _resident() -> int:
    """Return the memory in use; where the system does not tell, its highest value so far."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def main() -> None:
    """Measure the cases that standard input names."""
    cases = import_module(sys.argv[1]).cases()
    for line in sys.stdin:
        print(json.dumps(_measured(cases[json.loads(line)])), flush=True)


if __name__ == "__main__":
    main()
