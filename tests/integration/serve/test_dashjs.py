"""dash.js on a page of another origin plays mirrors of every form from ``dashget serve``."""

from __future__ import annotations

import functools
import http.server
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from dashget.serve.npm import fetch_package
from tests.integration.serve.playground import NAMES
from tests.support.browser import Page
from tests.support.serving import Server, serving

pytestmark = [pytest.mark.slow, pytest.mark.system]

LOCK = Path(__file__).parents[2] / "support" / "locked" / "package-lock.json"
_PAGE = """\
<!doctype html><meta charset="utf-8"><video muted></video><script src="dash.all.min.js"></script>
<script>
const failures = [], video = document.querySelector("video"), player = dashjs.MediaPlayer().create();
player.on("error", (event) => failures.push(JSON.stringify(event.error)));
player.initialize(video, location.hash.slice(1), true);
</script>
"""


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Write nothing."""


@pytest.fixture(scope="module")
def other_origin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a page with dash.js, on a server of its own."""
    if shutil.which("npm") is None:
        pytest.skip("npm is missing")
    folder = tmp_path_factory.mktemp("page") / "dashjs"
    wanted = {"dist/modern/umd/dash.all.min.js": "dash.all.min.js"}
    fetch_package(LOCK, "dashjs", wanted, folder)
    (folder / "index.html").write_text(_PAGE)
    (folder / "favicon.ico").touch()
    handler = functools.partial(_Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/"
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture(scope="module")
def all_served(mirrors: Path) -> Iterator[Server]:
    words = ("serve", *(mirrors / name for name in NAMES))
    with serving(*words, cwd=mirrors, lines=len(NAMES)) as server:
        yield server


@pytest.mark.parametrize("name", NAMES)
def test_a_mirror_plays_and_seeks_and_ends(
    name: str, browser: Page, all_served: Server, other_origin: str
) -> None:
    browser.requests.clear()
    browser.statuses.clear()
    (address,) = (each for each in all_served.addresses if f"/{name}/" in each)
    browser.open("about:blank")
    browser.open(f"{other_origin}#{address}")
    browser.until("video.currentTime > 0.2")
    duration = browser.evaluate("video.duration")
    assert duration > 2.9
    target = duration * 0.55
    browser.evaluate(f"player.seek({target})")
    browser.until(f"!video.seeking && video.currentTime > {target + 0.3}")
    browser.evaluate(f"player.seek({duration - 0.6}); player.play()")
    browser.until("video.ended")
    assert browser.evaluate("failures.join()") == ""
    assert [url for url, status in browser.statuses.items() if status >= 400] == []
    own = (other_origin, address.rpartition("/")[0], "blob:", "data:", "about:")
    assert [url for url in browser.requests if not url.startswith(own)] == []
