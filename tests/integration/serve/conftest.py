"""A mirror for the tests of the server: a small one, with files of odd names."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import dashget
from dashget.demo.presentation import MANIFEST_URL, read_resources
from dashget.demo.server import serving as serving_demo
from tests.support.serving import Server, serving

ODD = "ö #?%20.m4s"
"""The name of a file that a URL has to encode."""
LARGE = bytes(range(256)) * 4096
"""A file that the kernel copies, of a megabyte."""


@pytest.fixture(scope="session")
def demo_mirror(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The mirror of ``dashget demo``; tests leave it as it is."""
    root = tmp_path_factory.mktemp("served") / "show"
    with serving_demo(read_resources()) as proxy:
        summary = dashget.mirror(
            MANIFEST_URL,
            root=root,
            checksums=True,
            transfer=dashget.TransferOptions(proxy=proxy, no_proxy=""),
        )
    assert summary.complete
    return root


@pytest.fixture(scope="module")
def show(demo_mirror: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of that mirror with some more files."""
    import shutil

    root = tmp_path_factory.mktemp("copied") / "show"
    shutil.copytree(demo_mirror, root)
    (root / ODD).write_bytes(b"odd")
    (root / "large.m4s").write_bytes(LARGE)
    (root / "empty.m4s").touch()
    (root / "page.html").write_text("<script>alert(1)</script>")
    (root / "run.js").write_text("alert(1)")
    return root


@pytest.fixture(scope="module")
def served(show: Path) -> Iterator[Server]:
    """``dashget serve`` of that mirror."""
    with serving("serve", show, cwd=show.parent) as server:
        yield server
