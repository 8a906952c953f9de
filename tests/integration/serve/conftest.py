"""A mirror for the tests of the server: a small one, with files of odd names."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

import dashget
from dashget.demo.presentation import MANIFEST_URL, read_resources
from dashget.demo.server import serving as serving_demo
from dashget.serve.player import find_player
from tests.integration.serve.playground import SIZES, make_mirrors
from tests.support.browser import Page, browsing, find_browser
from tests.support.media import Tools
from tests.support.once import Once
from tests.support.serving import Server, serving

ODD = "ö #?%20.m4s"
"""The name of a file that a URL has to encode."""
LARGE = bytes(range(256)) * 4096
"""A file that the kernel copies, of a megabyte."""


@pytest.fixture(scope="session")
def demo_mirror(made_once: Once) -> Path:
    """The mirror of ``dashget demo``; tests leave it as it is."""
    return made_once("demo", _mirror_demo) / "show"


def _mirror_demo(folder: Path) -> None:
    with serving_demo(read_resources()) as proxy:
        summary = dashget.mirror(
            MANIFEST_URL,
            root=folder / "show",
            checksums=True,
            transfer=dashget.TransferOptions(proxy=proxy, no_proxy=""),
        )
    assert summary.complete


@pytest.fixture(scope="module")
def show(demo_mirror: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of that mirror with some more files."""
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


@pytest.fixture(scope="session")
def mirrors(made_once: Once, media: Path, demo_mirror: Path, tools: Tools) -> Path:
    """A folder with the mirrors of ``playground``; tests leave them as they are."""
    return made_once("mirrors", lambda folder: make_mirrors(folder, media, demo_mirror, tools))


@pytest.fixture(scope="session")
def cached_player(made_once: Once) -> dict[str, str]:
    """The variable by which the program finds the player, which npm fetches once."""
    if shutil.which("npm") is None:
        pytest.skip("npm is missing")

    def fetch(folder: Path) -> None:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("XDG_CACHE_HOME", str(folder))
            find_player(lambda _: None)

    return {"XDG_CACHE_HOME": str(made_once("player", fetch))}


@pytest.fixture(scope="session")
def only_browser() -> Iterator[Page]:
    """The browser of all tests, with one page."""
    program = find_browser()
    if program is None:
        pytest.skip("Chromium is missing")
    with browsing(program) as page:
        yield page


@pytest.fixture
def browser(only_browser: Page) -> Page:
    """That browser on an empty page; it has asked for nothing."""
    only_browser.resize(*SIZES[0])
    only_browser.open("about:blank")
    only_browser.until("location.href === 'about:blank'")
    only_browser.clear()
    return only_browser
