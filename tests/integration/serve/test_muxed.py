"""The one file that ``dashget mux`` makes plays and seeks in Chromium, and ends."""

from __future__ import annotations

import functools
import http.server
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.browser import Page
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


class _Ranges(http.server.SimpleHTTPRequestHandler):
    """Answers to ranges, which a browser asks for when it seeks."""

    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        """Write nothing."""

    def do_GET(self) -> None:
        data = Path(self.translate_path(self.path)).read_bytes()
        span = self.headers.get("Range")
        first, _, last = (span or "bytes=0-").removeprefix("bytes=").partition("-")
        begin, end = int(first), min(int(last or len(data)), len(data) - 1)
        self.send_response(206 if span else 200)
        self.send_header("Content-Type", self.guess_type(self.path))
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("Content-Length", str(end + 1 - begin))
        if span:
            self.send_header("Content-Range", f"bytes {begin}-{end}/{len(data)}")
        self.end_headers()
        self.wfile.write(data[begin : end + 1])


@pytest.fixture(scope="module")
def address(mirrors: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A page with a video, and the files beside it."""
    folder = tmp_path_factory.mktemp("muxed")
    for name, mirror in FILES.items():
        ended = run("mux", mirrors / mirror, folder / name, "--check", cwd=folder)
        assert ended.code == 0, ended.err
    (folder / "page.html").write_text(_PAGE)
    (folder / "favicon.ico").touch()
    handler = functools.partial(_Ranges, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/"
        finally:
            server.shutdown()
            thread.join()


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
