"""Run a target many times: by mutations of its seeds, and report what broke."""

from __future__ import annotations

import hashlib
import time
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random
from typing import Final

from tests.fuzz.target import SECONDS, Target, run_within

_POOLED: Final = 4096
"""The bytes of an input that is varied further: else long ones, which are slow, become the most."""
FOUND: Final = Path(__file__).parent / "found"
"""Inputs that broke something once, by target: they are run again in the suite."""
_TEST_FILES: Final = str(Path(__file__).parent)


def inputs_of(name: str, target: Target) -> list[bytes]:
    """Return the seeds of a target, and what was found for it."""
    return [*target.seeds(), *found_inputs(name).values()]


def found_inputs(name: str) -> dict[str, bytes]:
    """Return the inputs in ``found/`` for a target, by file name."""
    folder = FOUND / name
    return {path.name: path.read_bytes() for path in sorted(folder.glob("*"))}


class Crashes:
    """The inputs that broke something: the smallest one for each place where it broke."""

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder
        self.by_place: dict[str, tuple[bytes, str]] = {}
        self.count = 0

    def add(self, data: bytes, error: BaseException) -> None:
        """Keep an input with its error, unless a smaller one broke at the same place."""
        self.count += 1
        place = place_of(error)
        known = self.by_place.get(place)
        if known is not None and len(known[0]) <= len(data):
            return
        text = "".join(traceback.format_exception(error))
        self.by_place[place] = (data, text)
        if self._folder is not None:
            self._folder.mkdir(parents=True, exist_ok=True)
            name = hashlib.sha256(place.encode()).hexdigest()[:12]
            (self._folder / name).write_bytes(data)
            (self._folder / f"{name}.txt").write_text(text)


def place_of(error: BaseException) -> str:
    """Return the type of an error and the line that raised it."""
    frames = traceback.extract_tb(error.__traceback__)
    last = frames[-1] if frames else None
    return type(error).__name__ + (f" {Path(last.filename).name}:{last.lineno}" if last else "")


class Runner:
    """Runs one target, and counts."""

    def __init__(self, target: Target, crashes: Crashes, limit_seconds: float = SECONDS) -> None:
        self._target = target
        self._limit = limit_seconds
        self.crashes = crashes
        self.count = 0
        self.slowest = 0.0

    def run(self, data: bytes) -> None:
        """Run the target on an input; whatever it raises is kept as a crash."""
        self.count += 1
        try:
            self.slowest = max(self.slowest, run_within(self._target, data, self._limit))
        except (Exception, RecursionError) as error:  # noqa: BLE001  # all that breaks is wanted
            self.crashes.add(data, error)


def mutate_and_run(
    runner: Runner,
    target: Target,
    inputs: Sequence[bytes],
    random: Random,
    *,
    runs: int,
    until: Callable[[], bool] = lambda: False,
) -> None:
    """Run a target on its inputs, and then on mutations of them, so many times in all."""
    pool = list(inputs)
    for data in pool[:runs]:
        runner.run(data)
    while runner.count < runs and not until():
        data = target.mutate(random.choice(pool), random)
        runner.run(data)
        if len(data) <= _POOLED and random.random() < 0.02:
            # Now and then one that is further away from the seeds.
            pool.append(data)
            if len(pool) > 2000:
                del pool[len(inputs) + random.randrange(len(pool) - len(inputs))]


def report(name: str, runner: Runner, begun: float) -> dict[str, object]:
    """Return the figures of a run."""
    seconds = time.monotonic() - begun
    return {
        "target": name,
        "runs": runner.count,
        "seconds": round(seconds, 1),
        "per_second": round(runner.count / max(seconds, 0.001)),
        "slowest_ms": round(runner.slowest * 1000),
        "crashing_runs": runner.crashes.count,
        "places": sorted(runner.crashes.by_place),
    }
