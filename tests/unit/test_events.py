"""Every event is public, and ``docs/reference/events.md`` lists it with all of its keys."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import dashget
from dashget.events import Event, Outcome

PAGE = (Path(__file__).parents[2] / "docs/reference/events.md").read_text(encoding="utf-8")
KINDS = [kind for kind in Event.__subclasses__() if kind.__module__ == "dashget.events"]


def keys(row: str) -> set[str]:
    """Return the words in backticks outside of parentheses: those inside explain a key."""
    while "(" in row:
        row = re.sub(r"\([^()]*\)", "", row)
    return set(re.findall(r"`([a-z_0-9]+)`", row))


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_an_event_is_public_and_documented_with_all_of_its_keys(kind: type[Event]) -> None:
    tag = kind.__struct_config__.tag
    rows = re.findall(rf"^\| `{tag}` \| .*? \| (.*) \|$", PAGE, re.MULTILINE)
    assert len(rows) == 1, f"docs/reference/events.md needs one row for `{tag}`"
    assert keys(rows[0]) == set(kind.__struct_fields__)
    assert kind.__name__ in dashget.__all__


def test_every_outcome_is_documented() -> None:
    named = re.findall(r"^\| `([a-z]+)` \| [^|]* \|$", PAGE, re.MULTILINE)
    assert sorted(named) == sorted(outcome.value for outcome in Outcome)
