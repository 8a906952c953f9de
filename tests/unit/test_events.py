"""Events: public, listed in ``docs/reference/events.md`` with all keys, and complete or not."""

from __future__ import annotations

import json
import re
from pathlib import Path

import msgspec
import pytest

import dashget
from dashget.events import MANIFEST, Event, FileFinished, Outcome, Summary, ignore

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


def test_the_json_of_an_event_has_its_name() -> None:
    event = FileFinished("a", "http://h/a", Outcome.UPDATED, 3)
    shown = json.loads(msgspec.json.encode(event))
    assert (shown["event"], shown["outcome"], shown["size"]) == ("file", "updated", 3)


def test_every_type_of_event_has_a_unique_name() -> None:
    kinds = Event.__subclasses__()
    names = [kind.__struct_config__.tag for kind in kinds]
    assert len(set(names)) == len(names)
    assert all(name == str(name).lower() for name in names)
    assert MANIFEST not in ("", "/")


@pytest.mark.parametrize("outcome", Outcome)
def test_an_outcome_without_a_missing_file_is_complete(outcome: Outcome) -> None:
    wanting = {Outcome.FAILED, Outcome.CANCELLED, Outcome.PLANNED, Outcome.UNCOMPARED}
    assert outcome.complete is (outcome not in wanting)


def test_a_run_stopped_by_a_disk_error_is_not_complete() -> None:
    summary = Summary("r", "r/x.mpd", "u", 1, 1, 1, 1.0, 1, {}, error="no space")
    assert not summary.complete
    assert msgspec.structs.replace(summary, error=None).complete
    assert ignore(summary) is None  # type: ignore[func-returns-value]  # that is the point


@pytest.mark.parametrize("outcome", Outcome)
def test_a_run_is_complete_only_if_every_outcome_is(outcome: Outcome) -> None:
    summary = Summary("r", "r/x.mpd", "u", 1, 1, 1, 1.0, 1, {outcome: 1, Outcome.PRESENT: 3})
    assert summary.complete is outcome.complete
    assert msgspec.structs.replace(summary, dry_run=True).complete
