"""The one file that ``dashget mux`` makes plays and seeks in Chromium, and ends."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.browser import Page
from tests.support.pages import serving_pages
from tests.support.program import run

pytestmark = [pytest.mark.slow, pytest.mark.system]

FILES = {"show.mp4": "show", "periods.mp4": "periods", "single.mp4": "single", "webm.webm": "webm"}
"""Two Periods; two Periods of one encoding; one file for each track; VP9 and Opus."""
_PAGE = """\
<!doctype html><meta charset="utf-8"><video muted></video>
<script>
const video = document.querySelector("video"), failures = [];
video.onerror = () => failures.push(video.error.message);
</script>
"""


@pytest.fixture(scope="module")
def address(mirrors: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A page with a video, and the files beside it."""
    folder = tmp_path_factory.mktemp("muxed")
    for name, mirror in FILES.items():
        ended = run("mux", mirrors / mirror, folder / name, "--check", cwd=folder)
        assert ended.code == 0, ended.err
    (folder / "page.html").write_text(_PAGE)
    (folder / "favicon.ico").touch()
    with serving_pages(folder) as address:
        yield address


@pytest.mark.parametrize("name", FILES)
def test_one_file_plays_and_seeks_and_ends(name: str, browser: Page, address: str) -> None:
    browser.open(f"{address}page.html")
    browser.until("document.readyState === 'complete' && typeof failures === 'object'")
    browser.evaluate(f"video.src = {name!r}; video.play()")
    browser.until("video.currentTime > 0.2 && video.videoWidth > 0")
    duration = browser.evaluate("video.duration")
    assert duration > 2.9
    browser.evaluate(f"video.currentTime = {duration / 2}")
    browser.until(f"!video.seeking && video.currentTime > {duration / 2 + 0.2}")
    browser.evaluate("video.playbackRate = 4")
    browser.until("video.ended")
    assert browser.evaluate("video.currentTime") == pytest.approx(duration, abs=0.1)
    assert browser.evaluate("failures.join()") == ""
