"""The local MPD of each form in two players that are not the project's: Shaka Player and dash.js.

Needs Chromium, and npm for the players.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest

import dashget
from dashget.demo.server import serving as serving_demo
from dashget.serve.npm import fetch_package
from dashget.serve.player import find_player
from tests.support.browser import Page, browsing, find_browser
from tests.support.live import NOW, SNAPSHOTS, make_snapshot
from tests.support.media import COMPLETE_FORMS
from tests.support.serving import Server, serving

pytestmark = [pytest.mark.slow, pytest.mark.system]

_SUPPORT = Path(__file__).parents[2] / "support" / "players"
_DASHJS = {"dist/modern/umd/dash.all.min.js": "dash.js"}
_ORIGIN = "http://forms.example/"
_WITH_TEXT = ("live", "ondemand")
_FAST = 4
_GAP_SECONDS = 0.2
_ONE_PERIOD_SECONDS = 7


@pytest.fixture(scope="module")
def mirrors(media: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a mirror of each form, and of each snapshot of a live presentation."""
    folder: Path = tmp_path_factory.mktemp("mirrors")
    for form in COMPLETE_FORMS:
        _mirror(media / form, folder / form)
    for form in SNAPSHOTS:
        make_snapshot(media / "number", form, folder / "sources" / form)
        _mirror(folder / "sources" / form, folder / form, NOW)
    return folder


def _mirror(source: Path, root: Path, now: datetime | None = None) -> None:
    url = f"{_ORIGIN}{root.name}/"
    files = [path for path in source.rglob("*") if path.is_file()]
    resources = {f"{url}{path.relative_to(source)}": path.read_bytes() for path in files}
    with serving_demo(resources) as proxy:
        transfer = dashget.TransferOptions(proxy=proxy, no_proxy="")
        summary = dashget.mirror(f"{url}manifest.mpd", root=root, transfer=transfer, now=now)
    assert summary.complete


@pytest.fixture(scope="module")
def served(mirrors: Path) -> Iterator[Server]:
    """``dashget serve`` of all of them."""
    names = (*COMPLETE_FORMS, *SNAPSHOTS)
    folders = (mirrors / name for name in names)
    with serving("serve", *folders, cwd=mirrors, lines=len(names)) as server:
        yield server


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    """A page of its own with both players."""
    program = find_browser()
    if program is None:
        pytest.skip("Chromium is missing")
    if shutil.which("npm") is None:
        pytest.skip("npm is missing")
    folder: Path = tmp_path_factory.mktemp("players")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(folder))
        shaka = find_player(lambda _: None).script.decode()
    fetch_package(_SUPPORT / "package-lock.json", "dashjs", _DASHJS, folder / "dashjs")
    scripts = shaka, (folder / "dashjs" / "dash.js").read_text(), (_SUPPORT / "play.js").read_text()
    with browsing(program) as found:
        for script in scripts:
            found.call("Runtime.evaluate", expression=script)
        yield found


@pytest.mark.parametrize("player", ["shaka", "dashjs"])
@pytest.mark.parametrize("form", [*COMPLETE_FORMS, *SNAPSHOTS])
def test_a_local_mpd_plays_and_seeks_and_ends(
    form: str, player: str, page: Page, served: Server
) -> None:
    address = next(url for url in served.addresses if f"/{form}/" in url)
    page.requests.clear()
    page.statuses.clear()
    page.evaluate(f"openIn({player!r}, {address!r})")
    try:
        _play(page, texts=form in _WITH_TEXT)
    except Exception as error:
        error.add_note(f"errors of the player: {page.evaluate('tried.errors')}")
        raise
    assert page.evaluate("tried.errors") == []
    folder = address.rpartition("/")[0] + "/"
    foreign = [url for url in page.requests if not url.startswith((folder, "blob:", "data:"))]
    assert foreign == []
    assert [url for url, status in page.statuses.items() if status >= 400] == []


def _play(page: Page, *, texts: bool) -> None:
    page.until("tried.video.currentTime > 0.2")
    duration = page.evaluate("tried.video.duration")
    assert duration > 2.9
    assert page.evaluate("tried.video.videoWidth") > 0
    if duration < _ONE_PERIOD_SECONDS:
        page.until(
            f"bufferedRanges().some(([from, to]) => from < {_GAP_SECONDS} && "
            f"to > tried.video.duration - {_GAP_SECONDS})"
        )
    target = duration * 0.55
    page.evaluate(f"tried.video.currentTime = {target}")
    page.until(f"!tried.video.seeking && tried.video.currentTime > {target + 0.2}")
    if texts:
        page.evaluate("tried.player.showText()")
        page.until("shownCues() > 0")
    page.evaluate(f"tried.video.playbackRate = {_FAST}")
    page.until("tried.video.ended")
