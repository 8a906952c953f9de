"""The short run of the fuzzer, with the same inputs on every machine."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fuzz.running import Crashes, Runner, found_inputs, inputs_of, mutate_and_run
from tests.fuzz.target import LONGEST, MEMORY, Target, TooMuchError, run_within
from tests.fuzz.targets import TARGETS

ROOT = Path(__file__).parents[2]
RUNS = 150
"""The mutations of each target in the suite; ten times as many with ``--thorough``."""


@pytest.mark.parametrize("name", TARGETS)
def test_what_broke_something_once_is_handled_now(name: str) -> None:
    for data in found_inputs(name).values():
        run_within(TARGETS[name], data)


@pytest.mark.parametrize("name", TARGETS)
def test_the_seeds_and_mutations_of_them_are_handled(
    name: str, pytestconfig: pytest.Config
) -> None:
    target = TARGETS[name]
    runner = Runner(target, Crashes())
    inputs = inputs_of(name, target)
    runs = len(inputs) + RUNS * (10 if pytestconfig.getoption("thorough") else 1)
    mutate_and_run(runner, target, inputs, Random(15), runs=runs)
    assert runner.count == runs
    assert not [text for _, text in runner.crashes.by_place.values()]


@pytest.mark.parametrize("name", TARGETS)
@given(data=st.binary(max_size=200), number=st.integers(0, 1 << 32))
def test_any_bytes_are_handled(name: str, data: bytes, number: int) -> None:
    target = TARGETS[name]
    run_within(target, data)
    random = Random(number)
    run_within(target, target.mutate(random.choice(target.seeds()), random))


@pytest.mark.parametrize("name", TARGETS)
def test_mutations_vary_and_can_be_repeated(name: str) -> None:
    target = TARGETS[name]
    seed = max(target.seeds(), key=len)
    made = [target.mutate(seed, Random(number)) for number in range(30)]
    assert made == [target.mutate(seed, Random(number)) for number in range(30)]
    assert len(set(made)) > 20
    assert max(map(len, made)) <= LONGEST


def nothing(data: bytes) -> None:
    """Read nothing."""


def test_an_input_that_takes_too_long_is_found() -> None:
    with pytest.raises(TooMuchError, match="s of CPU time for 1 bytes"):
        run_within(Target(nothing, list, bytes), b"x", seconds=-1)  # type: ignore[arg-type]


def test_an_input_that_takes_too_much_memory_is_found() -> None:
    def hungry(data: bytes) -> None:
        assert len(bytearray(b"x") * (MEMORY + (1 << 26)))

    with pytest.raises(TooMuchError, match="MiB for 1 bytes"):
        run_within(Target(hungry, list, bytes), b"x", seconds=60)  # type: ignore[arg-type]


def test_the_smallest_input_of_each_place_is_kept(tmp_path: Path) -> None:
    def broken(data: bytes) -> None:
        raise (KeyError if data[:1] == b"k" else IndexError)("x")

    crashes = Crashes(tmp_path)
    runner = Runner(Target(broken, list, bytes), crashes)  # type: ignore[arg-type]
    for data in (b"kkk", b"k", b"kk", b"i"):
        runner.run(data)
    assert crashes.count == 4
    assert sorted(data for data, _ in crashes.by_place.values()) == [b"i", b"k"]
    assert sorted(path.read_bytes() for path in tmp_path.glob("*") if not path.suffix) == [
        b"i",
        b"k",
    ]


def test_a_long_run_reports_what_it_did() -> None:
    command = [sys.executable, "-m", "tests.fuzz", "value", "--runs", "40", "--seed", "7"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=60)
    shown = json.loads(done.stdout.splitlines()[-1])
    assert (shown["target"], shown["runs"], shown["crashing_runs"]) == ("value", 40, 0)


def test_every_target_is_in_the_documentation() -> None:
    text = (ROOT / "docs" / "fuzzing.md").read_text()
    assert [name for name in TARGETS if f"| `{name}` |" not in text] == []
