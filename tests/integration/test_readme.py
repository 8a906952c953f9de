"""The README's library example runs as it stands, and the program starts quickly."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.origin import Origin
from tests.support.program import DEADLINE_SECONDS, SOURCES, environment, tree

README = SOURCES.parent / "README.md"

HEAVY = {"argparse", "lxml", "msgspec", "pycurl", "rich"}


@pytest.mark.system
def test_the_library_example_runs(
    media: Path, nginx: Callable[..., Origin], tmp_path: Path
) -> None:
    blocks = re.findall(r"```python\n(.*?)```", README.read_text(), re.DOTALL)
    examples = [block for block in blocks if "import dashget" in block]
    assert examples
    root = Path(shutil.copytree(media / "list", tmp_path / "origin"))
    url = nginx(root).url("manifest.mpd")
    for number, example in enumerate(examples):
        example = re.sub(r"https?://[^\s\"']+\.mpd", url, example)
        directory = tmp_path / f"example-{number}"
        directory.mkdir()
        done = subprocess.run(
            [sys.executable, "-P", "-c", example, url],
            cwd=directory,
            env=environment(),
            capture_output=True,
            text=True,
            timeout=DEADLINE_SECONDS,
            check=False,
        )
        assert done.returncode == 0, done.stderr
    mirrors = [path.parent for path in tmp_path.glob("example-*/**/manifest.local.mpd")]
    assert mirrors
    assert "chunk-stream0-00001.m4s" in tree(mirrors[0])


def test_the_version_is_printed_without_loading_slow_modules() -> None:
    printed, loaded = started("--version")
    assert re.fullmatch(r"dashget \d+\.\d+\S*\n", printed)
    assert not loaded & HEAVY


@pytest.mark.parametrize("arguments", [(), ("--help",), ("list", "--help")])
def test_help_is_printed_without_loading_slow_modules(arguments: tuple[str, ...]) -> None:
    printed, loaded = started(*arguments)
    assert printed.startswith("Usage: dashget ")
    assert loaded & HEAVY == {"argparse"}


def started(*arguments: str) -> tuple[str, set[str]]:
    """Start the program; return what it printed, and the packages that it loaded."""
    done = subprocess.run(
        [sys.executable, "-P", "-X", "importtime", "-m", "dashget", *arguments],
        env=environment(),
        capture_output=True,
        text=True,
        timeout=DEADLINE_SECONDS,
        check=True,
    )
    loaded = {
        line.rpartition("|")[2].strip().partition(".")[0] for line in done.stderr.splitlines()
    }
    assert "dashget" in loaded
    return done.stdout, loaded


def test_the_end_of_the_program_flushes_its_output_or_reports_an_error(tmp_path: Path) -> None:
    """The process ends without taking itself apart, which would have flushed the streams."""
    command = [sys.executable, "-P", "-m", "dashget", "--help"]
    piped = subprocess.run(command, env=environment(), capture_output=True, text=True, check=False)
    assert (piped.returncode, piped.stderr) == (0, "")
    assert piped.stdout.startswith("Usage: dashget")
    assert "130  interrupted" in piped.stdout
    target = tmp_path / "page"
    with target.open("w") as page:
        assert subprocess.run(command, env=environment(), stdout=page, check=False).returncode == 0
    assert target.read_text() == piped.stdout
