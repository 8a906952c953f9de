"""The pinned lists in ``requirements/`` and the tasks in ``noxfile.py`` fit the project."""

from __future__ import annotations

import ast
import json
import re
import runpy
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
    # A post-release, such as certifi's, has the version that it mends.
    version = Version(pinned("lowest.txt")[requirement.name].base_version)
    assert version == Version(lowest.version)


@pytest.mark.parametrize("name", ["dev.txt", "run.txt", "lowest.txt"])
def test_every_pinned_package_has_its_hashes(name: str) -> None:
    text = (ROOT / "requirements" / name).read_text()
    entries = re.split(r"^(?=[a-z])", text, flags=re.MULTILINE)[1:]
    assert entries
    assert all("--hash=sha256:" in entry for entry in entries)


@pytest.mark.parametrize("name", ["dev.txt", "lowest.txt"])
def test_no_host_is_listed(name: str) -> None:
    text = (ROOT / "requirements" / name).read_text()
    assert "://" not in text
    assert "index" not in text.partition("==")[2]


def test_certificates_are_newer_than_a_known_hole_in_their_list() -> None:
    (certifi,) = (r for r in map(Requirement, PROJECT["dependencies"]) if r.name == "certifi")
    assert not certifi.specifier.contains("2026.10.18")


SOUND = {"name": "a", "version": "1", "vulns": []}
HOLED = {"name": "b", "version": "2", "vulns": [{"id": "CVE-1"}]}
LACKING = {"name": "c", "skip_reason": "not found"}


@pytest.mark.parametrize(
    ("packages", "code", "said"),
    [
        ([SOUND], 0, "no known hole in 1 packages"),
        ([SOUND, HOLED], 1, "known holes: b 2: CVE-1"),
        ([HOLED, LACKING], 1, "known holes: b 2: CVE-1"),
        ([SOUND, LACKING], 1, "audited 1 of 2 packages; the database lacks c"),
        ([LACKING], 0, "nothing was audited: the database of known holes is out of reach"),
        (None, 0, "nothing was audited: the database of known holes is out of reach"),
    ],
)
def test_an_audit_of_nothing_is_not_called_sound(
    packages: list[object] | None, code: int, said: str
) -> None:
    verdict = runpy.run_path(str(ROOT / "scripts/audit.py"))["verdict"]
    report = "" if packages is None else json.dumps({"dependencies": packages})
    assert verdict(report) == (code, said)


def test_the_audit_covers_every_version_that_is_installed() -> None:
    audited = runpy.run_path(str(ROOT / "scripts/audit.py"))["LISTS"]
    listed = {path.name: pinned(path.name).items() for path in audited}
    assert set(listed) == {"dev.txt", "lowest.txt"}
    assert pinned("run.txt").items() <= listed["dev.txt"]


def test_each_list_is_installed_with_its_hashes_only() -> None:
    tasks = (ROOT / "noxfile.py").read_text()
    installed = re.findall(r"session\.install\((.*(?:PINS|LOWEST).*)\)", tasks)
    assert len(installed) == 2
    assert all('"--require-hashes", "--requirement"' in each for each in installed)


def test_the_quick_tests_of_the_tasks_exist() -> None:
    tasks = ast.parse((ROOT / "noxfile.py").read_text())
    (quick,) = (
        ast.literal_eval(node.value)
        for node in tasks.body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "QUICK"
    )
    assert quick
    assert [path for path in quick if not (ROOT / path).exists()] == []
