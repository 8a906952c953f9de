"""The README's library example runs as it stands."""

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
