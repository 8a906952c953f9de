"""The local MPD of each form in two players that are not the project's: Shaka Player and dash.js.

``test_browser`` plays all forms in Shaka Player; here it has those of the live snapshots, and of sequences.
The page is of another origin than the mirrors. Needs Chromium, and npm for the players.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from dashget.serve.npm import fetch_package
from dashget.serve.player import find_player
from tests.integration.serve.playground import NAMES
from tests.support.browser import Page
from tests.support.live import SNAPSHOTS
from tests.support.livemedia import RECORDINGS
from tests.support.media import SECONDS
from tests.support.once import Once
from tests.support.pages import serving_pages
from tests.support.sequences import SEQUENCES
from tests.support.serving import Server, serving

pytestmark = [pytest.mark.slow, pytest.mark.system]

_SUPPORT = Path(__file__).parents[2] / "support" / "players"
_DASHJS = {"dist/modern/umd/dash.all.min.js": "dash.js"}
_PAGE = """\
<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,"><body>
<script src="shaka.js"></script><script src="dash.js"></script>
<script src="play.js"></script>
"""
_WITH_TEXT = ("live", "ondemand")
_FAST = 4
_GAP_SECONDS = 0.3
_ALL_SECONDS, _FEW_SECONDS = 60, 2
"""How far ahead a player loads: all of a mirror, or little of it."""


@pytest.fixture(scope="module")
def served(mirrors: Path) -> Iterator[Server]:
    """``dashget serve`` of all of them."""
    names = (*NAMES, *SNAPSHOTS, *SEQUENCES, *RECORDINGS)
    folders = (mirrors / name for name in names)
    with serving("serve", *folders, cwd=mirrors, lines=len(names)) as server:
        yield server


@pytest.fixture(scope="module")
def other_origin(cached_player: dict[str, str], made_once: Once) -> Iterator[str]:
    """The address of a page with both players, on a server of its own."""

    def fill(made: Path) -> None:
        page = made / "page"
        fetch_package(_SUPPORT / "package-lock.json", "dashjs", _DASHJS, page)
        with pytest.MonkeyPatch.context() as patch:
            for name, value in cached_player.items():
                patch.setenv(name, value)
            (page / "shaka.js").write_bytes(find_player(lambda _: None).script)
        shutil.copy(_SUPPORT / "play.js", page)
        (page / "index.html").write_text(_PAGE)

    folder = made_once("players", fill) / "page"
    with serving_pages(folder) as address:
        yield address


@pytest.fixture
def page(browser: Page, other_origin: str) -> Page:
    """The page with both players."""
    browser.open(other_origin)
    browser.until("document.readyState === 'complete' && tried")
    browser.clear()
    return browser


@pytest.mark.parametrize(
    ("form", "player"),
    [
        *((form, "dashjs") for form in (*NAMES, *SNAPSHOTS, *SEQUENCES)),
        *((form, "shaka") for form in (*SNAPSHOTS, *SEQUENCES)),
    ],
)
def test_a_local_mpd_plays_and_seeks_and_ends(
    form: str, player: str, page: Page, served: Server
) -> None:
    """The seek stays in the first Period, with all loaded.

    One into a Period that dash.js has loaded beforehand, or is about to, may meet the timer by which
    it looks for the end of the Period before: then it switches twice, and stays without sound.
    """
    folder = open_mirror(page, served, form, player, ahead_seconds=_ALL_SECONDS)
    duration = page.evaluate("tried.video.duration")
    assert duration > 2.9
    assert page.evaluate("tried.video.videoWidth") > 0
    page.until(f"bufferedSeconds() > tried.video.duration - {_GAP_SECONDS}")
    target = duration * 0.3
    page.evaluate(f"tried.video.currentTime = {target}")
    page.until(f"!tried.video.seeking && tried.video.currentTime > {target + 0.2}")
    if form in _WITH_TEXT:
        page.evaluate("tried.player.showText()")
        page.until("shownCues() > 0")
    page.evaluate(f"tried.video.playbackRate = {_FAST}")
    assert page.until("tried.ends")[0] == pytest.approx(duration, abs=_GAP_SECONDS)
    nothing_went_wrong(page, folder)


@pytest.mark.parametrize("player", ["shaka", "dashjs"])
@pytest.mark.parametrize("form", RECORDINGS)
def test_a_recording_plays_to_its_end_also_over_a_hole(
    form: str, player: str, page: Page, served: Server
) -> None:
    """At its end each segment of video and audio that is there at the same time was loaded.

    Little is loaded ahead, since what lies behind a hole may not be there yet when it is reached.
    """
    folder = open_mirror(page, served, form, player, ahead_seconds=_FEW_SECONDS)
    assert page.evaluate("tried.video.duration") == pytest.approx(SECONDS, abs=_GAP_SECONDS)
    page.evaluate(f"tried.video.playbackRate = {_FAST}")
    assert page.until("tried.ends")[0] == pytest.approx(SECONDS, abs=_GAP_SECONDS)
    nothing_went_wrong(page, folder)
    gone = RECORDINGS[form][1]
    segmented = ((0, 1), (2, 3))
    if "beside" in form:
        assert any(url.endswith(("large.mp4", "small.mp4")) for url in page.requests)
        segmented = ((2, 3),)
    for streams in segmented:
        numbers = set()
        for url in page.requests:
            found = re.search(r"chunk-stream(\d)-(\d+)\.m4s", url)
            if found is not None and int(found[1]) in streams:
                number = int(found[2])
                numbers.add(number // 1_000_000 + 1 if "timed" in form else number)
        # Neither video without audio is loaded, nor audio without video.
        lost = {number for one, number in gone if {(one, number), (one ^ 1, number)} <= set(gone)}
        assert numbers == set(range(1, SECONDS + 1)) - lost


@pytest.mark.parametrize("player", ["shaka", "dashjs"])
def test_a_seek_loads_what_is_not_there_yet(player: str, page: Page, served: Server) -> None:
    """Into the next Period, while the player has no more to load of the one before."""
    folder = open_mirror(page, served, "show", player, ahead_seconds=_FEW_SECONDS)
    page.evaluate("tried.video.pause()")
    page.until(f"bufferedSeconds() >= {_FEW_SECONDS}")
    assert page.evaluate("bufferedSeconds()") < 9
    page.evaluate("tried.video.currentTime = 16; tried.video.play()")
    page.until("!tried.video.seeking && tried.video.currentTime > 16.3")
    nothing_went_wrong(page, folder)


def open_mirror(page: Page, server: Server, name: str, player: str, *, ahead_seconds: float) -> str:
    """Open a mirror in a player; return the address of its folder once it plays."""
    address = next(url for url in server.addresses if f"/{name}/" in url)
    page.evaluate(f"openIn({player!r}, {address!r}, {ahead_seconds})")
    page.until("tried.video.currentTime > 0.2")
    return address.rpartition("/")[0] + "/"


def nothing_went_wrong(page: Page, folder: str) -> None:
    assert page.evaluate("tried.errors") == []
    known = (folder, "blob:", "data:", "about:")
    assert [url for url in page.requests if not url.startswith(known)] == []
    assert [url for url, status in page.statuses.items() if status >= 400] == []
