"""The import contracts of ``pyproject.toml`` fail on a bad import, each one of them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.support.structure import SOURCE

PROJECT = SOURCE.parents[1] / "pyproject.toml"

BREACHES = (
    ("Layers", "store/record.py", "from dashget.mirroring import run"),
    ("Layers", "mpd/model.py", "def later():\n    import dashget.segments.list"),
    ("Layers", "common/digests.py", "if TYPE_CHECKING:\n    from dashget.mpd.model import MPD"),
    ("Layers", "newcomer.py", "a_module_without_a_layer = True"),
    ("Inside transfer", "transfer/contract.py", "from dashget.transfer.settings import options"),
    ("The pure packages", "planning/layout.py", "import socket"),
    ("Only transfer.curl", "transfer/http/head.py", "import pycurl"),
    ("Only the command line", "mirroring/run.py", "import rich.progress"),
    ("One parser of XML", "playable/writing.py", "from lxml import etree"),
    ("One parser of XML", "mpd/remote.py", "import xml.etree.ElementTree"),
    ("One parser of XML", "mpd/parse.py", "import pyexpat"),
    ("Only serve", "verification/sums.py", "import aiohttp"),
    ("Only mux opens media", "media/webm.py", "def later():\n    import av.logging"),
    ("The store", "store/record.py", "from dashget.transfer import engine"),
    ("The engine", "transfer/engine.py", "from dashget.mpd import model"),
)
"""Contract, file, and the line that breaks it."""


def check(directory: Path) -> str:
    """Run the contracts over the copy of the package in ``directory``; return the report."""
    program = shutil.which("lint-imports", path=Path(sys.executable).parent)
    assert program, "import-linter is missing: scripts/test installs it"
    done = subprocess.run(
        [program, "--no-logo", "--no-cache"],
        cwd=directory,
        env={**os.environ, "PYTHONPATH": str(directory / "src"), "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode in (0, 1), done.stdout + done.stderr
    return done.stdout


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """Copy the package and the contracts."""
    shutil.copytree(SOURCE, tmp_path / "src/dashget", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(PROJECT, tmp_path)
    return tmp_path


def test_the_contracts_are_kept(checkout: Path) -> None:
    assert " 0 broken" in check(checkout)


@pytest.mark.parametrize(("contract", "file", "line"), BREACHES)
def test_a_bad_import_breaks_its_contract(
    checkout: Path, contract: str, file: str, line: str
) -> None:
    path = checkout / "src/dashget" / file
    before = path.read_text() if path.exists() else ""
    path.write_text(f"{before}\n{line}\n")
    broken = [row for row in check(checkout).splitlines() if " BROKEN" in row]
    assert any(row.startswith(contract) for row in broken), broken


def test_every_contract_is_seen_broken() -> None:
    tables = tomllib.loads(PROJECT.read_text())["tool"]["importlinter"]["contracts"]
    for table in tables:
        assert any(table["name"].startswith(contract) for contract, _, _ in BREACHES)
