"""The floors of docs/design.md: a module imports only from its own floor downwards."""

from __future__ import annotations

import ast
import importlib
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

import dashget

SOURCE = Path(dashget.__file__).parent

ORDER = (
    ("__main__",),
    ("cli",),
    ("api",),
    ("verification",),
    ("mirroring",),
    ("manifest",),
    ("store",),
    ("transfer",),
    ("playable",),
    ("planning",),
    ("segments",),
    ("mpd",),
    ("media",),
    ("events",),
    ("common",),
    ("errors", "version"),
)
"""From the top; each may import what stands below it, and within its own name."""

PURE_FROM = "playable"
IMPURE = {
    "datetime.now", "io", "os", "pathlib", "random", "shutil", "socket", "subprocess", "sys",
    "tempfile", "threading", "time", "urllib.request",
}  # fmt: skip

RANK = {name: rank for rank, names in enumerate(ORDER) for name in names}
MODULES = sorted(SOURCE.rglob("*.py"))


def top(module: str) -> str:
    return module.split(".")[1]


def imported(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


def name_of(path: Path) -> str:
    relative = path.relative_to(SOURCE).with_suffix("")
    parts = [part for part in relative.parts if part != "__init__"]
    return ".".join(["dashget", *parts])


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_a_module_imports_only_from_its_own_floor_downwards(path: Path) -> None:
    name = name_of(path)
    if name == "dashget":
        return
    own = top(name)
    assert own in RANK, f"{own} has no floor"
    for module in imported(ast.parse(path.read_text(encoding="utf-8"))):
        if module.startswith("dashget.") and top(module) != own:
            assert RANK[top(module)] > RANK[own], f"{name} imports {module}"


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_the_lower_floors_do_no_input_or_output_and_read_no_clock(path: Path) -> None:
    name = name_of(path)
    if name == "dashget" or RANK[top(name)] < RANK[PURE_FROM]:
        return
    used = set(imported(ast.parse(path.read_text(encoding="utf-8"))))
    assert not used & IMPURE, f"{name} uses {used & IMPURE}"


def test_the_public_names_are_all_there() -> None:
    assert sorted(dashget.__all__) == list(dashget.__all__)
    for name in dashget.__all__:
        assert getattr(dashget, name) is not None
    assert set(dir(dashget)) == set(dashget.__all__)
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        dashget.nonsense  # noqa: B018


@pytest.mark.parametrize("name", dashget.__all__)
def test_every_public_name_says_what_it_is(name: str) -> None:
    value = getattr(dashget, name)
    assert name == "__version__" or value.__doc__


def test_no_module_hides_a_public_name() -> None:
    for path in MODULES:
        if path.stem != "__main__":
            importlib.import_module(name_of(path))
    assert all(not isinstance(getattr(dashget, name), ModuleType) for name in dashget.__all__)
