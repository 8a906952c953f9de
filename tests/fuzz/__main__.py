"""Run one target of the fuzzer for long: ``python -m tests.fuzz TARGET --runs N``.

With ``--atheris`` the inputs are guided by coverage; else they are mutations of the seeds by
chance, from ``--seed`` on, which is faster by the run. What breaks is written to ``--found``, and
the run goes on. The last line is a JSON object with the figures. Exit status: 1 if anything broke.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from importlib import import_module
from pathlib import Path
from random import Random

from tests.fuzz.running import Crashes, Runner, inputs_of, mutate_and_run, report
from tests.fuzz.target import LONGEST, TooMuchError, run_within


def main() -> int:
    """Run what the arguments say; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("target")
    parser.add_argument("--runs", type=int, default=100_000, metavar="N")
    parser.add_argument("--seconds", type=float, metavar="N", help="end after so many seconds")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--atheris", action="store_true", help="guided by coverage")
    parser.add_argument(
        "--corpus", type=Path, metavar="DIR", help="more inputs; new ones of atheris"
    )
    parser.add_argument("--found", type=Path, metavar="DIR", help="where to write what breaks")
    parser.add_argument("--replay", type=Path, nargs="+", metavar="FILE", help="run these only")
    options = parser.parse_args()
    if options.atheris:
        import atheris

        with atheris.instrument_imports(include=["dashget"]):
            import_module("tests.fuzz.targets")
    from tests.fuzz.targets import TARGETS

    if options.target not in TARGETS:
        parser.error(f"there is: {', '.join(TARGETS)}")
    if options.replay:
        for path in options.replay:
            run_within(TARGETS[options.target], path.read_bytes())
        return 0
    return _atheris(options) if options.atheris else _plain(options)


def _plain(options: argparse.Namespace) -> int:
    from tests.fuzz.targets import TARGETS

    target = TARGETS[options.target]
    runner = Runner(target, Crashes(options.found))
    begun = time.monotonic()

    def until() -> bool:
        return options.seconds is not None and time.monotonic() - begun > options.seconds

    inputs = inputs_of(options.target, target)
    if options.corpus:
        inputs += [path.read_bytes() for path in sorted(options.corpus.glob("*"))]
    mutate_and_run(runner, target, inputs, Random(options.seed), runs=options.runs, until=until)
    return _end(options, runner, begun)


def _atheris(options: argparse.Namespace) -> int:
    import atheris

    from tests.fuzz.targets import TARGETS

    target = TARGETS[options.target]
    folder = options.corpus or Path(tempfile.mkdtemp(prefix="dashget-fuzz-"))
    folder.mkdir(parents=True, exist_ok=True)
    for number, data in enumerate(inputs_of(options.target, target)):
        (folder / f"seed-{number}").write_bytes(data)
    crashes = _Judged(options.target, options.found)
    runner = Runner(target, crashes)
    begun = time.monotonic()

    def one(data: bytes) -> None:
        runner.run(data)
        late = options.seconds is not None and time.monotonic() - begun > options.seconds
        if runner.count >= options.runs or late:
            code = _end(options, runner, begun)
            sys.stdout.flush()
            sys.stderr.flush()
            # libFuzzer takes any other end for a crash.
            os._exit(code)

    def mutate(data: bytes, most: int, seed: int) -> bytes:
        random = Random(seed)
        if random.random() < 0.4:
            return bytes(atheris.Mutate(data, most))
        return target.mutate(data, random)[:most]

    arguments = [sys.argv[0], str(folder), f"-max_len={LONGEST}", f"-seed={options.seed}"]
    quiet = ["-verbosity=0", "-print_final_stats=0", "-timeout=300", "-rss_limit_mb=3000"]
    atheris.Setup([*arguments, *quiet], one, custom_mutator=mutate)
    atheris.Fuzz()
    return _end(options, runner, begun)


class _Judged(Crashes):
    """Crashes of a run that is traced: what only took too long is judged without the tracing."""

    def __init__(self, name: str, folder: Path | None) -> None:
        super().__init__(folder)
        self._name = name

    def add(self, data: bytes, error: BaseException) -> None:
        if isinstance(error, TooMuchError) and self._is_well(data):
            return
        super().add(data, error)

    def _is_well(self, data: bytes) -> bool:
        with tempfile.NamedTemporaryFile() as file:
            file.write(data)
            file.flush()
            command = [sys.executable, "-m", "tests.fuzz", self._name, "--replay", file.name]
            return subprocess.run(command, capture_output=True, check=False).returncode == 0


def _end(options: argparse.Namespace, runner: Runner, begun: float) -> int:
    for place, (data, text) in runner.crashes.by_place.items():
        print(f"== {place}: {len(data)} bytes: {data[:300]!r}\n{text}", file=sys.stderr)
    print(json.dumps(report(options.target, runner, begun)))
    return 1 if runner.crashes.by_place else 0


if __name__ == "__main__":
    sys.exit(main())
