"""The table of attacks in ``docs/security.md`` names tests that exist."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs/security.md").read_text(encoding="utf-8")
ROWS = [line.strip("|").split(" | ") for line in TEXT.splitlines() if "| `tests/" in line]


def test_at_least_150_attacks_are_tried() -> None:
    assert len(ROWS) >= 150
    assert len({row[0] for row in ROWS}) == len(ROWS), "a row stands twice"
    assert all(len(row) == 3 for row in ROWS)


def test_each_row_names_a_test_that_exists() -> None:
    for attack, _, test in ROWS:
        for path, name in re.findall(r"`(tests/[^`:]+)(?:::(\w+))?`", test):
            assert (ROOT / path).is_file(), attack
            text = (ROOT / path).read_text(encoding="utf-8")
            assert not name or f"def {name}(" in text, attack
