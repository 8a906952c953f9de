"""The table of attacks in ``docs/security.md``: each row names the test that tries it."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs/security.md").read_text(encoding="utf-8")
ROWS = [line.strip("|").split(" | ") for line in TEXT.splitlines() if "| `tests/" in line]
TESTS = re.compile(r"(?:`(tests/[\w/]+\.py)::(test_\w+)`(?:, )?)+\s*")
TEST = re.compile(r"`(tests/[\w/]+\.py)::(test_\w+)`")


def test_at_least_150_attacks_are_tried() -> None:
    assert len(ROWS) >= 150
    assert len({row[0] for row in ROWS}) == len(ROWS), "a row stands twice"
    assert all(len(row) == 3 for row in ROWS)


def test_each_row_names_the_function_that_tries_it() -> None:
    texts: dict[str, str] = {}
    for attack, _, tests in ROWS:
        assert TESTS.fullmatch(tests.strip()), attack
        for path, name in TEST.findall(tests):
            if path not in texts:
                texts[path] = (ROOT / path).read_text(encoding="utf-8")
            assert re.search(rf"^def {name}\(", texts[path], re.MULTILINE), (attack, name)


def test_no_other_line_of_the_table_lacks_a_test() -> None:
    _, _, table = TEXT.partition("| attack | what the user sees | test |\n")
    lines = [line for line in table.splitlines()[1:] if line.startswith("|")]
    assert len(lines) == len(ROWS)
