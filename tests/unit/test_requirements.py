"""The pinned lists in ``requirements/`` and the tasks in ``noxfile.py`` fit the project."""

from __future__ import annotations

import ast
import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
EXTRAS = PROJECT["optional-dependencies"]


def pinned(name: str) -> dict[str, Version]:
    lines = (ROOT / "requirements" / name).read_text().splitlines()
    found = (re.match(r"([a-z0-9-]+)==(\S+)", line) for line in lines)
    return {match[1]: Version(match[2]) for match in found if match}


@pytest.mark.parametrize("text", [*PROJECT["dependencies"], *EXTRAS["test"], *EXTRAS["dev"]])
def test_every_dependency_is_pinned_at_a_version_that_is_allowed(text: str) -> None:
    requirement = Requirement(text)
    if requirement.name != "dashget":
        version = pinned("dev.txt")[requirement.name.lower()]
        assert requirement.specifier.contains(version), "renew the pins: nox -s pins"


@pytest.mark.parametrize("text", PROJECT["dependencies"])
def test_the_lowest_versions_are_those_of_the_project(text: str) -> None:
    requirement = Requirement(text)
    (lowest,) = requirement.specifier
    assert pinned("lowest.txt")[requirement.name] == Version(lowest.version)


def test_every_pinned_package_has_its_hashes() -> None:
    text = (ROOT / "requirements/dev.txt").read_text()
    entries = re.split(r"^(?=[a-z])", text, flags=re.MULTILINE)[1:]
    assert entries
    assert all("--hash=sha256:" in entry for entry in entries)


@pytest.mark.parametrize("name", ["dev.txt", "lowest.txt"])
def test_no_host_is_listed(name: str) -> None:
    text = (ROOT / "requirements" / name).read_text()
    assert "://" not in text
    assert "index" not in text.partition("==")[2]


def test_the_quick_tests_of_the_tasks_exist() -> None:
    tasks = ast.parse((ROOT / "noxfile.py").read_text())
    (quick,) = (
        ast.literal_eval(node.value)
        for node in tasks.body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "QUICK"
    )
    assert quick
    assert [path for path in quick if not (ROOT / path).exists()] == []
