"""No version of a dependency is allowed that has a hole which others have published."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
FLOORS = {"aiohttp": (3, 14, 5), "certifi": (2026, 10, 19)}
"""Before 3.14.5 a server of aiohttp waits for a first request without end (GHSA-5wr8-gcqf-gqf3)."""


def version(text: str) -> tuple[int, ...]:
    return tuple(map(int, re.findall(r"\d+", text)[:3]))


@pytest.mark.parametrize("name", FLOORS)
def test_the_lowest_allowed_version_is_above_known_holes(name: str) -> None:
    extras = PROJECT["optional-dependencies"].values()
    wanted = [*PROJECT["dependencies"], *(each for extra in extras for each in extra)]
    found = [each.partition(">=")[2] for each in wanted if each.startswith(f"{name}>=")]
    assert found
    assert all(version(each) >= FLOORS[name] for each in found)
    for path in (ROOT / "requirements").glob("*.txt"):
        for pinned in re.findall(rf"^{name}==(\S+)", path.read_text(), re.MULTILINE):
            assert version(pinned) >= FLOORS[name], path.name
