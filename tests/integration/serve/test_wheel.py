"""The wheel has the player and its licence; without npm it is built without."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from dashget.serve.npm import PLAYER, PLAYER_FILES
from tests.support.launcher import REPOSITORY

pytestmark = [pytest.mark.slow, pytest.mark.system]

SOURCES = ("pyproject.toml", "hatch_build.py", "README.md", "LICENSE", "src")


def build(folder: Path, path: str, **more: str) -> tuple[int, set[str], str]:
    """Build a wheel of a copy of the checkout; return code, names in the wheel, what was said."""
    uv = shutil.which("uv", path=str(Path(sys.executable).parent))
    assert uv is not None
    root = folder / "checkout"
    root.mkdir()
    for name in SOURCES:
        (root / name).symlink_to(REPOSITORY / name)
    done = subprocess.run(
        [
            uv,
            "build",
            "--wheel",
            "--python",
            sys.executable,
            "--out-dir",
            str(folder / "dist"),
            str(root),
        ],
        env={**os.environ, "PATH": path, **more},
        capture_output=True,
        text=True,
        check=False,
    )
    found = list((folder / "dist").glob("*.whl")) if done.returncode == 0 else []
    names = {name for wheel in found for name in zipfile.ZipFile(wheel).namelist()}
    return done.returncode, names, done.stderr


def test_the_wheel_has_the_page_the_player_and_its_licence(tmp_path: Path) -> None:
    if shutil.which("npm") is None:
        pytest.skip("npm is missing")
    code, names, said = build(tmp_path, os.environ["PATH"], DASHGET_WHEEL_NEEDS_PLAYER="1")
    assert code == 0, said
    assert {f"dashget/serve/{PLAYER}/{name}" for name in PLAYER_FILES.values()} <= names
    assert "dashget/serve/page/index.html" in names
    assert "dashget/serve/locked/package-lock.json" in names


def test_without_npm_a_wheel_is_built_unless_the_player_is_needed(tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    (tmp_path / "a").mkdir()
    code, names, _ = build(tmp_path / "a", str(empty))
    assert code == 0
    assert "dashget/serve/npm.py" in names
    assert not any(name.startswith(f"dashget/serve/{PLAYER}/") for name in names)
    (tmp_path / "b").mkdir()
    (tmp_path / "left").mkdir()
    more = {"DASHGET_WHEEL_NEEDS_PLAYER": "1", "TMPDIR": str(tmp_path / "left")}
    code, _, said = build(tmp_path / "b", str(empty), **more)
    assert code != 0
    assert "comes by npm, which is not here" in said
    assert list((tmp_path / "left").iterdir()) == []
