"""The public names: one list, lazily loaded, each with its type and its help."""

from __future__ import annotations

import ast
import importlib
import inspect
import pydoc
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import msgspec
import pytest

import dashget
from dashget import _public
from dashget.common.fielddocs import document_fields
from tests.support.program import environment
from tests.support.structure import modules

TYPED = Path(__file__).parents[1] / "typed/public.py"
CLASSES = [name for name in dashget.__all__ if isinstance(getattr(dashget, name), type)]


def imported_names(path: Path) -> dict[str, str]:
    """Return the module of each name that a file imports from DashGet."""
    return {
        alias.asname or alias.name: node.module or ""
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
        if (node.module or "").startswith("dashget")
    }


def test_type_checkers_and_the_running_program_see_the_same_names() -> None:
    assert _public.__file__ is not None
    assert imported_names(Path(_public.__file__)) == _public.HOME_OF


def test_each_name_is_taken_from_the_module_that_defines_it() -> None:
    for name, home in _public.HOME_OF.items():
        value = getattr(importlib.import_module(home), name)
        assert getattr(value, "__module__", home) == home, name


def test_every_public_name_is_used_in_the_file_that_proves_the_types() -> None:
    used = {
        node.attr
        for node in ast.walk(ast.parse(TYPED.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id == "dashget"
    }
    assert set(dashget.__all__) <= used


def test_a_wrong_type_in_that_file_is_found(tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.py"
    wrong.write_text(
        "import dashget\n"
        "from typing import assert_type\n"
        'assert_type(dashget.Pruned(("a",)).paths, list[str])\n'
        "dashget.nonsense\n"
    )
    command = [sys.executable, "-m", "mypy", "--strict", "--no-error-summary", wrong]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert 'Expression is of type "tuple[str, ...]", not "list[str]"' in done.stdout
    assert 'Module has no attribute "nonsense"' in done.stdout


@pytest.mark.parametrize("name", CLASSES)
def test_every_public_class_has_a_signature_and_a_help_page(name: str) -> None:
    kind = getattr(dashget, name)
    inspect.signature(kind)
    assert name in pydoc.plain(pydoc.render_doc(kind))


def test_the_help_of_the_package_is_shown() -> None:
    assert "mirrors MPEG-DASH presentations" in pydoc.plain(pydoc.render_doc(dashget))


@pytest.mark.parametrize(
    ("name", "field", "text"),
    [
        ("MirrorOptions", "prune", "Remove recorded files that the manifest no longer names."),
        ("TransferOptions", "user", "``name:password``"),
        ("FileFinished", "remote", "Address and port of the peer."),
        ("Loaded", "fetched", "How the MPD was fetched"),
    ],
)
def test_help_documents_the_fields_of_a_struct(name: str, field: str, text: str) -> None:
    command = [sys.executable, "-P", "-m", "pydoc", f"dashget.{name}"]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=120, check=True, env=environment()
    )
    lines = [line.strip(" |") for line in done.stdout.splitlines()]
    assert any(line.startswith(f"{field}: {text}") for line in lines)


def test_a_class_without_documented_fields_keeps_its_own_text() -> None:
    made = msgspec.defstruct("Made", [("field", int)])
    made.__doc__ = "Its text."
    document_fields(made)
    document_fields(dashget.Stop)
    assert made.__doc__ == "Its text."
    assert "Fields" not in (dashget.Stop.__doc__ or "")


def test_the_public_names_are_all_there() -> None:
    assert sorted(dashget.__all__) == list(dashget.__all__)
    for name in dashget.__all__:
        assert getattr(dashget, name) is not None
    assert set(dir(dashget)) == set(dashget.__all__)
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        dashget.nonsense  # noqa: B018


@pytest.mark.parametrize("name", dashget.__all__)
def test_every_public_name_has_a_docstring(name: str) -> None:
    value = getattr(dashget, name)
    assert name == "__version__" or value.__doc__


def test_no_module_hides_a_public_name() -> None:
    for name in modules().keys() - {"dashget.__main__"}:
        importlib.import_module(name)
    assert all(not isinstance(getattr(dashget, name), ModuleType) for name in dashget.__all__)
