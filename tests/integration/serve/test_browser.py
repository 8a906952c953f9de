"""The page in a real browser, on a machine without a network: mirrors of every form play.

Needs Chromium, and npm for the player.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.serve.playground import KEY, KEY_ID, NAMES, SIZES
from tests.support.browser import Page
from tests.support.serving import Server, serving

pytestmark = [pytest.mark.slow, pytest.mark.system]


@pytest.fixture(scope="module")
def playing(mirrors: Path, cached_player: dict[str, str]) -> Iterator[Server]:
    words = ("play", *(mirrors / name for name in NAMES), "--no-open")
    with serving(*words, cwd=mirrors, more=cached_player) as server:
        yield server


@pytest.fixture
def page(browser: Page, playing: Server) -> Iterator[Page]:
    """The page of the ten mirrors; at the end it has asked nobody but its own server."""
    yield browser
    own = (playing.addresses[0], "blob:", "data:", "about:")
    assert [url for url in browser.requests if not url.startswith(own)] == []
    assert [text for text in browser.messages if "violates" in text] == []


def open_mirror(page: Page, server: Server, name: str, more: str = "") -> float:
    """Go to a mirror; return its duration once it plays."""
    page.open("about:blank")
    page.open(f"{server.addresses[0]}#mirror={name}{more}")
    page.until(f"document.body.dataset.loaded === {name!r}")
    page.until("dashget.video.currentTime > 0.2")
    return float(page.evaluate("dashget.player.seekRange().end"))


@pytest.mark.parametrize("name", NAMES)
def test_a_mirror_plays_and_seeks_and_ends(name: str, page: Page, playing: Server) -> None:
    duration = open_mirror(page, playing, name)
    assert duration > 2.9
    target = duration * 0.55
    page.evaluate(f"dashget.video.currentTime = {target}")
    page.until(f"!dashget.video.seeking && dashget.video.currentTime > {target + 0.3}")
    assert page.evaluate("dashget.video.videoWidth") > 0
    page.evaluate(f"dashget.video.currentTime = {duration - 0.6}; dashget.video.play()")
    page.until("dashget.video.ended")
    page.evaluate("dashget.video.currentTime = 0")
    page.until("!dashget.video.seeking && dashget.video.currentTime < 0.1")
    page.evaluate("dashget.video.play()")
    page.until("dashget.video.currentTime > 0.2")
    assert page.evaluate("document.querySelector('#failure').hidden")
    assert [url for url, status in page.statuses.items() if status >= 400] == []
    page.until("document.querySelector('#state').textContent === 'every file is here and sound'")


@pytest.mark.parametrize("name", ["show", "number", "ondemand", "live"])
def test_quality_and_language_change(name: str, page: Page, playing: Server) -> None:
    open_mirror(page, playing, name)
    page.evaluate("dashget.player.configure('abr.enabled', false)")
    tracks = "dashget.player.getVariantTracks()"
    heights = set(page.evaluate(f"{tracks}.map(track => track.height)"))
    languages = set(page.evaluate(f"{tracks}.map(track => track.language)"))
    assert (len(heights), len(languages)) == (2, 2)
    for height in sorted(heights):
        page.evaluate(
            f"dashget.player.selectVariantTrack({tracks}.find(t => t.height === {height}), true)"
        )
        page.until(f"dashget.video.videoHeight === {height}")
        page.until(f"document.querySelector('#playing').textContent.includes('\u00d7{height}')")
    for language in sorted(languages):
        chosen = f"dashget.player.getAudioTracks().find(t => t.language === {language!r})"
        page.evaluate(f"dashget.player.selectAudioTrack({chosen})")
        page.until(f"{tracks}.find(t => t.active).language === {language!r}")
        page.until("dashget.video.readyState >= 3")


@pytest.mark.parametrize("name", ["show", "ondemand", "live"])
def test_subtitles_are_shown(name: str, page: Page, playing: Server) -> None:
    open_mirror(page, playing, name)
    page.evaluate("dashget.video.pause(); dashget.video.currentTime = 0.5")
    page.until("!dashget.video.seeking")
    page.evaluate("dashget.player.selectTextTrack(dashget.player.getTextTracks()[0])")
    shown = "[...dashget.video.textTracks].find(t => t.mode === 'showing' && t.activeCues?.length)"
    assert page.until(f"{shown}?.activeCues[0].text")
    page.until("document.querySelector('#playing').textContent.includes('subtitles')")


def test_the_menus_offer_what_there_is(page: Page, playing: Server) -> None:
    open_mirror(page, playing, "show")
    page.until("document.querySelector('.shaka-resolution-button')")
    offered = page.evaluate("document.querySelector('#player').textContent")
    for word in ("360p", "180p", "Auto", "English: main", "German: dub", "Off"):
        assert word in offered, offered


def test_thumbnails_are_shown_over_the_seek_bar(page: Page, playing: Server) -> None:
    open_mirror(page, playing, "live")
    assert page.evaluate("dashget.player.getImageTracks().length") == 1
    box = page.evaluate(
        "JSON.parse(JSON.stringify(document.querySelector('.shaka-seek-bar').getBoundingClientRect()))"
    )
    page.move_mouse(box["x"] + 5, box["y"] - 40)
    page.move_mouse(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    shown = "document.querySelector('.shaka-player-ui-thumbnail-container')"
    page.until(f"{shown} && getComputedStyle({shown}).visibility === 'visible'")
    page.until("dashget.video && performance.getEntriesByType('resource').some(e => e.name.endsWith('/live/thumbs/1.jpg'))")  # fmt: skip


def test_periods_tracks_and_events_are_drawn_and_lead_to_their_time(
    page: Page, playing: Server
) -> None:
    open_mirror(page, playing, "show")
    page.until("document.querySelectorAll('.row .here').length === 12")
    assert page.evaluate("document.querySelectorAll('.row:not(.periods)').length") == 6
    page.evaluate("document.querySelectorAll('.period')[1].click()")
    page.until("dashget.video.currentTime >= 10")
    page.evaluate("dashget.video.pause(); document.querySelector('#seek').focus()")
    page.evaluate("dashget.video.currentTime = 3")
    page.until("!dashget.video.seeking")
    page.press("ArrowRight", 39)
    page.until("Math.abs(dashget.video.currentTime - 8) < 0.5")
    page.press("Home", 36)
    page.until("dashget.video.currentTime < 0.5")
    assert page.evaluate("document.querySelector('#seek').getAttribute('aria-valuenow')") == "0"
    open_mirror(page, playing, "live")
    page.until("document.querySelector('.row.events .event')")
    page.evaluate("document.querySelector('.row.events .event').click()")
    page.until("dashget.video.currentTime >= 2")


def test_another_mirror_is_chosen_on_the_page(page: Page, playing: Server) -> None:
    open_mirror(page, playing, "show")
    page.evaluate(
        "[...document.querySelectorAll('nav a')].find(a => a.textContent === 'webm').click()"
    )
    page.until("document.body.dataset.loaded === 'webm' && dashget.video.currentTime > 0.2")
    assert page.evaluate("document.querySelectorAll('nav a').length") == 10
    assert page.evaluate("document.querySelector('nav a[aria-current]').textContent") == "webm"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("width", "height"), SIZES)
def test_the_page_fits_every_window(
    width: int, height: int, scheme: str, page: Page, playing: Server, tmp_path: Path
) -> None:
    page.resize(width, height, scheme=scheme)
    open_mirror(page, playing, "show")
    page.until("document.querySelectorAll('.row .here').length === 12")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
    shade = sum(int(part) for part in ground.strip("rgb()").split(",")) / 3
    assert (shade > 128) is (scheme == "light")
    page.screenshot(tmp_path / f"{width}-{scheme}.png")
    assert (tmp_path / f"{width}-{scheme}.png").stat().st_size > 20_000
    page.resize(*SIZES[0])


def test_encrypted_media_plays_with_a_key_in_the_address_that_is_never_sent(
    page: Page, playing: Server, mirrors: Path, cached_player: dict[str, str], tmp_path: Path
) -> None:
    words = ("play", mirrors / "encrypted", "--no-open")
    with serving(*words, cwd=tmp_path, more=cached_player) as server:
        page.open("about:blank")
        page.until("location.href === 'about:blank'")
        # What the page before was still asking for has been asked.
        page.requests.clear()
        page.open(server.addresses[0])
        page.until("document.querySelector('#failure').textContent.includes('#key=KID:KEY')")
        duration = open_mirror(page, server, "encrypted", f"&key={KEY_ID}:{KEY}")
        page.evaluate(f"dashget.video.currentTime = {duration - 0.6}; dashget.video.play()")
        page.until("dashget.video.ended")
        assert page.evaluate("document.querySelector('#failure').hidden")
        assert page.evaluate("dashget.video.videoHeight") == 180
        assert len(page.requests) > 10
        assert not any(KEY in url.partition("#")[0] for url in page.requests)
        assert all(
            url.startswith((server.addresses[0], "blob:", "data:", "about:"))
            for url in page.requests
        )
        page.requests.clear()


def test_a_mirror_with_holes_plays_on_behind_them(
    page: Page, playing: Server, mirrors: Path, cached_player: dict[str, str], tmp_path: Path
) -> None:
    root = tmp_path / "holes"
    shutil.copytree(mirrors / "show", root)
    for name in ("video-360p", "video-180p"):
        (root / "bars" / name / "3.m4s").unlink()
    rotten = root / "stripes" / "text-de.vtt"
    rotten = rotten if rotten.exists() else next((root / "stripes").rglob("*.vtt"))
    rotten.write_bytes(rotten.read_bytes()[:-1])
    with serving("play", root, "--no-open", cwd=tmp_path, more=cached_player) as server:
        open_mirror(page, server, "holes")
        page.until("document.querySelectorAll('.row .missing').length === 2")
        page.until("document.querySelectorAll('.row .damaged').length === 1")
        assert "3 files are not as they should be" in page.evaluate("document.body.innerText")
        page.evaluate("dashget.video.currentTime = 2.5; dashget.video.play()")
        page.until("dashget.video.currentTime > 6.5")
        assert page.evaluate("document.querySelector('#failure').hidden")
        page.requests.clear()


def test_nothing_of_a_mirror_runs_in_the_browser(
    page: Page, mirrors: Path, cached_player: dict[str, str], tmp_path: Path
) -> None:
    root = tmp_path / "evil"
    shutil.copytree(mirrors / "show", root)
    script = "<script>document.title = 'ran'; fetch('/.dashget/shows.json')</script>"
    page_of_xml = f'<html xmlns="http://www.w3.org/1999/xhtml"><body>{script}</body></html>'
    svg = f'<svg xmlns="http://www.w3.org/2000/svg">{script}</svg>'
    files = {
        "a.html": script,
        "a.mpd": page_of_xml,
        "a.ttml": page_of_xml,
        "a.svg": svg,
        "a.vtt": script,
    }
    for name, text in files.items():
        (root / name).write_text(text)
    with serving("play", root, "--no-open", cwd=tmp_path, more=cached_player) as server:
        page.open(server.addresses[0])
        page.until("document.body.dataset.loaded === 'evil'")
        for name in files:
            ran = page.evaluate(
                "new Promise(done => { const frame = document.createElement('iframe');"
                f" frame.src = '/evil/{name}'; frame.onload = () => done(frame.contentDocument?.title ?? '');"
                " document.body.append(frame); setTimeout(() => done(''), 500); })"
            )
            assert ran == ""
            page.call("Page.navigate", url=f"{server.addresses[0]}evil/{name}")
            assert page.evaluate("document.title") != "ran"
            page.open(server.addresses[0])
            page.until("document.body.dataset.loaded === 'evil'")
        assert page.evaluate(
            "new Promise(done => { const s = document.createElement('script'); s.src = '/evil/a.html';"
            " s.onload = () => done('ran'); s.onerror = () => done('refused'); document.head.append(s); })"
        ) == "refused"  # fmt: skip
        page.requests.clear()
        page.messages.clear()
