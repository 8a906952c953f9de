"""A long queue: how far ahead it is pulled, and what it costs in memory.

Measured in a process of its own, so that nothing else counts.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.origin import Origin
from tests.support.program import environment

COUNT = int(os.environ.get("DASHGET_TEST_JOBS", "30000"))
"""100,000 have been run as well, and take more than three times as long."""
WARM = 2_000
"""After so many, all that is needed once is there."""
IN_FLIGHT = 4
PROGRAM = """
import sys
from pathlib import Path

from dashget.transfer.engine import Engine
from dashget.transfer.settings.options import TransferOptions
from dashget.transfer.contract import Fetched, Job, MemorySink, Request

url, count, warm, in_flight, puts = sys.argv[1], *map(int, sys.argv[2:])
pulled = fetched = ahead = at_first = 0


def resident_bytes():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


def jobs():
    global pulled
    for number in range(count):
        pulled += 1
        request = Request((f"{url}?{number}",))
        yield Job(request, lambda _: MemorySink(1000), None, put if puts else None)


def put(job, head, pieces):
    assert b"".join(pieces) == b"x" * 100


def done(job, result):
    global fetched, ahead, at_first
    fetched += isinstance(result, Fetched) and result.size == 100
    ahead = max(ahead, pulled - fetched)
    if fetched == warm:
        at_first = resident_bytes()


with Engine(TransferOptions(in_flight=in_flight)) as engine:
    engine.run(jobs(), done)
print(fetched, ahead, resident_bytes() - at_first)
"""


@pytest.mark.system
@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="memory is read from /proc")
@pytest.mark.parametrize("puts", [True, False], ids=["fast path", "task"])
def test_a_long_queue_is_pulled_as_needed_and_leaves_nothing_behind(
    nginx: Callable[..., Origin], tmp_path: Path, puts: bool
) -> None:
    root = tmp_path / "root"
    root.mkdir()
    (root / "a").write_bytes(b"x" * 100)
    # What makes tasks of its jobs costs twice as much time.
    count = COUNT if puts else COUNT // 4
    url = nginx(root).url("a")
    numbers = map(str, (count, WARM, IN_FLIGHT, int(puts)))
    ended = subprocess.run(
        [sys.executable, "-c", PROGRAM, url, *numbers],
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )
    assert ended.returncode == 0, ended.stderr
    fetched, ahead, grown = map(int, ended.stdout.split())
    assert fetched == count
    # Those in flight, and the next ones, which are asked for before the last are reported.
    assert ahead <= 2 * IN_FLIGHT
    # Less than any object that was kept for each would take.
    assert grown < 48 * (count - WARM) + 256 * 1024
