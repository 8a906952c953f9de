"""Packages that only some commands need: ``./dashget`` installs them at the first use."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.integration.test_installers import make_wheel
from tests.support.launcher import REPOSITORY, Checkout, make_checkout
from tests.support.program import environment

_ERRORS = """\
class DashGetError(Exception):
    def __init__(self, message, *, hint=None):
        super().__init__(message)
        self.hint = hint
class UsageError(DashGetError):
    pass
"""
_MAIN = """\
from dashget.cli.extras import require
from dashget.errors import DashGetError
def main():
    try:
        require("play", "thing", "a thing")
        import thing
        print(thing.said)
    except DashGetError as error:
        print(type(error).__name__, error, error.hint)
"""

_WITHOUT_AIOHTTP = """\
import importlib.util, sys
find = importlib.util.find_spec
importlib.util.find_spec = lambda name: None if name == "aiohttp" else find(name)
sys.argv = ["dashget", "serve", "show"]
sys.executable = "/nowhere/bin/python"
from dashget.cli import main
main()
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    """A checkout whose program needs nothing, and whose extra is a wheel of one module."""
    checkout = make_checkout(tmp_path)
    checkout.pins.write_text("# Nothing.\n")
    (checkout.pins.parent / "play.txt").write_text(make_wheel(checkout.path))
    package = checkout.root / "src" / "dashget"
    (package / "cli").mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "errors.py").write_text(_ERRORS)
    (package / "cli" / "__init__.py").write_text(_MAIN)
    shutil.copy(REPOSITORY / "src/dashget/cli/extras.py", package / "cli")
    checkout.environment |= {
        "DASHGET_PYTHON": sys.executable,
        "PATH": f"{checkout.path}:{os.defpath}",
        "PIP_FIND_LINKS": str(checkout.path),
        "PIP_NO_INDEX": "1",
    }
    return checkout


@pytest.mark.slow
def test_the_launcher_adds_what_a_command_needs_once(checkout: Checkout) -> None:
    code, out, err = checkout.run()
    assert (code, out) == (0, "it runs\n"), err
    lines = err.splitlines()
    assert [line.partition(checkout.root.name)[0] for line in lines] == [
        f"dashget: installing 0 packages into {checkout.root.parent}/",
        f"dashget: adding the packages of dashget[play] to {checkout.root.parent}/",
    ]
    assert checkout.run() == (0, "it runs\n", "")
    # A later list of the program's own packages leaves the extra where it is.
    checkout.pins.write_text("# Nothing, in other words.\n")
    assert checkout.run()[:2] == (0, "it runs\n")


@pytest.mark.slow
def test_an_extra_that_cannot_be_installed_is_one_sentence(checkout: Checkout) -> None:
    next(checkout.path.glob("*.whl")).unlink()
    code, out, err = checkout.run()
    assert code == 0
    assert out.startswith("DashGetError the packages for this command could not be installed into")
    assert out.endswith(".venv the same command tries again\n")
    assert "DashGet could not be installed: " in err
    assert "Traceback" not in out + err


def test_an_installed_program_says_what_to_install(tmp_path: Path) -> None:
    (tmp_path / "blocked.py").write_text(_WITHOUT_AIOHTTP)
    done = subprocess.run(
        [sys.executable, str(tmp_path / "blocked.py")],
        env=environment(),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        "dashget: error: this command needs aiohttp, which is not installed\n"
        "hint: pip install 'dashget[play]', or pipx install 'dashget[play]'\n"
    )
