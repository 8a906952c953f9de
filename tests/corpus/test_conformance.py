"""``docs/reference/conformance.md`` names a test for every feature, and every case of the corpus."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
TABLE = (ROOT / "docs/reference/conformance.md").read_text()
CASES = {path.stem for path in Path(__file__).parent.glob("*.mpd")}
NAMED = re.findall(r"\| (?:supported|refused by name|kept but not acted on) \| `([^`]+)` \|", TABLE)


def test_every_case_of_the_corpus_is_in_the_table_once() -> None:
    cases = [name for name in NAMED if "::" not in name]
    assert sorted(cases) == sorted(CASES)


@pytest.mark.parametrize("name", sorted(name for name in NAMED if "::" in name))
def test_every_other_test_in_the_table_exists(name: str) -> None:
    path, _, function = name.partition("::")
    assert f"def {function}(" in (ROOT / path).read_text()


@pytest.mark.parametrize("name", sorted(name for name in NAMED if "::" not in name))
def test_the_table_agrees_with_the_plan_of_each_case(name: str) -> None:
    refused = '"problems"' in (Path(__file__).parent / f"{name}.plan.json").read_text()
    row = next(line for line in TABLE.splitlines() if line.endswith(f"| `{name}` |"))
    assert ("refused by name" in row) == refused
