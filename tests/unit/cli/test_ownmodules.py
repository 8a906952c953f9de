"""Finding DashGet's own modules: as Python finds them, or not at all."""

from __future__ import annotations

import importlib.util
import os
import py_compile
import sys
from collections.abc import Callable
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from pathlib import Path

import pytest

from dashget.cli.ownmodules import OwnModules

TAG = str(sys.implementation.cache_tag)
FINDER = OwnModules("box", TAG)
TEXT = "words = 'what is in the box'"


@pytest.fixture
def box(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a package with a module and a package in it, all compiled."""
    # With a prefix for compiled files, which the finder is not used with, they are elsewhere.
    monkeypatch.setattr(sys, "pycache_prefix", None)
    for name in ("box/__init__.py", "box/module.py", "box/inner/__init__.py"):
        source = tmp_path / name
        source.parent.mkdir(exist_ok=True)
        source.write_text(TEXT)
        # Under this name even where Python is told to write no compiled files.
        compiled = source.parent / "__pycache__" / f"{source.stem}.{TAG}.pyc"
        py_compile.compile(str(source), cfile=str(compiled))
    return tmp_path / "box"


def words_of(spec: ModuleSpec) -> object:
    module = importlib.util.module_from_spec(spec)
    assert spec.loader is not None
    spec.loader.exec_module(module)
    return module.words


@pytest.mark.parametrize("name", ["box.module", "box.inner"])
def test_a_module_is_found_as_python_finds_it(box: Path, name: str) -> None:
    found = FINDER.find_spec(name, [str(box)])
    usual = PathFinder.find_spec(name, [str(box)])
    assert found is not None
    assert usual is not None
    for field in ("name", "origin", "cached", "submodule_search_locations", "has_location"):
        assert getattr(found, field) == getattr(usual, field), field
    assert isinstance(found.loader, SourceFileLoader)
    assert found.loader.get_source(name) == TEXT
    assert words_of(found) == words_of(usual) == "what is in the box"
    # Loaded again, as ``importlib.reload`` does.
    assert words_of(found) == "what is in the box"


def longer(source: Path, _: Path) -> None:
    source.write_text(f"{TEXT} ")


def later(source: Path, _: Path) -> None:
    os.utime(source, (1, 1))


def of_another_python(_: Path, compiled: Path) -> None:
    compiled.write_bytes(b"\0" + compiled.read_bytes()[1:])


def checked_by_hash(source: Path, _: Path) -> None:
    py_compile.compile(str(source), invalidation_mode=py_compile.PycInvalidationMode.CHECKED_HASH)


def cut_off(_: Path, compiled: Path) -> None:
    compiled.write_bytes(compiled.read_bytes()[:9])


def without_source(source: Path, _: Path) -> None:
    source.unlink()


def not_compiled(_: Path, compiled: Path) -> None:
    compiled.unlink()


@pytest.mark.parametrize(
    "change",
    [longer, later, of_another_python, checked_by_hash, cut_off, without_source, not_compiled],
)
def test_what_is_not_as_usual_is_left_to_python(
    box: Path, change: Callable[[Path, Path], None]
) -> None:
    change(box / "module.py", box / f"__pycache__/module.{TAG}.pyc")
    assert FINDER.find_spec("box.module", [str(box)]) is None


def test_other_packages_are_left_to_python(box: Path) -> None:
    assert FINDER.find_spec("box", None) is None
    assert FINDER.find_spec("boxes.module", [str(box)]) is None
    assert FINDER.find_spec("box.module", [str(box), str(box)]) is None
    assert FINDER.find_spec("box.missing", [str(box)]) is None


def test_a_folder_that_has_moved_keeps_no_old_names(box: Path, tmp_path: Path) -> None:
    moved = box.rename(tmp_path / "moved")
    found = FINDER.find_spec("box.module", [str(moved)])
    assert found is not None
    assert isinstance(found.loader, SourceFileLoader)
    code = found.loader.get_code("box.module")
    assert code is not None
    assert code.co_filename == str(moved / "module.py")
