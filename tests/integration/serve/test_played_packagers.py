"""Recordings of real packagers, with an outage that is longer than the window, in two players.

Three forms by default; ``DASHGET_PACKAGER_SECONDS=60`` plays a minute of each of six.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import unquote

import pytest

import dashget
from tests.integration.serve.test_players import (
    nothing_went_wrong,
    open_mirror,
    other_origin,
    page,
)
from tests.integration.test_record_packagers import missing
from tests.support.browser import Page
from tests.support.media import Tools
from tests.support.once import Once
from tests.support.packagers import FORMS, STEP, Stream, encode, packaging
from tests.support.played import played_files
from tests.support.serving import Server, serving

__all__ = ["other_origin", "page"]

pytestmark = [pytest.mark.slow, pytest.mark.system]

_LONG = float(os.environ.get("DASHGET_PACKAGER_SECONDS", "0"))
_LATE = "shaka-low-latency"
"""With low latency, Shaka Packager keeps the times of its input in the media (here 1.4 s and more
later), and its manifest does not say so. It has no outage: segments that had begun by then would be
missing one by one, now of one track and now of the other, which no player plays."""
PLAYED = FORMS if _LONG else ("ffmpeg-timeline", "shaka-number", _LATE)
_DEPTH = 2.0
_SECONDS = 12.0
_FAST = 4


def record(form: str, master: Path, folder: Path, tools: Tools) -> None:
    """Record a packager, away for longer than its window in the middle; check what is there."""
    root, whole = folder / f"packed-{form}", max(_LONG, _SECONDS)
    work = folder / f"work-{form}"
    with packaging(form, master, work, tools, seconds=whole, depth=_DEPTH) as stream:
        origin, stop = stream.origin, dashget.Stop()
        origin.keeps = None if form == _LATE else _DEPTH + 1
        thread = threading.Thread(target=_run, args=(origin.url, root, stop))
        thread.start()
        try:
            if form == _LATE:
                origin.wait_for(lambda: stream.process.poll() is not None)
                origin.wait_for(lambda: not missing(stream, root))
            else:
                _break_off(stream)
        finally:
            stop.request()
            thread.join()
            _check(stream, root)


def _break_off(stream: Stream) -> None:
    """Have the origin be away for longer than its window; return when it is recorded again."""
    origin = stream.origin
    served = round((_LONG or 5) / STEP / 2)
    origin.wait_for(lambda: stream.newest() >= 4 and origin.served() >= served)
    origin.up = False
    made = stream.newest() + round(_DEPTH / STEP) + 6
    origin.wait_for(lambda: stream.newest() >= made)
    origin.up = True
    count = origin.served()
    origin.wait_for(lambda: origin.served() >= count + 12)


def _run(url: str, root: Path, stop: dashget.Stop) -> None:
    with dashget.Session(allow_private=True) as session:
        session.record(url, root, stop=stop, wishes=dashget.Wishes(wait=True))


def _check(stream: Stream, root: Path) -> None:
    """What is recorded is what was packaged, and what the local MPD names; there is a hole."""
    files = played_files((root / "live.local.mpd").read_bytes())
    for track, made in stream.made().items():
        here = [file for file in made if (root / file.relative_to(stream.origin.root)).exists()]
        assert len(here) >= 4
        whole = made[made.index(here[0]) : made.index(here[-1]) + 1] == here
        assert whole == (stream.form == _LATE), "an outage leaves a hole"
        for file in here:
            path = file.relative_to(stream.origin.root)
            assert (root / path).read_bytes() == file.read_bytes()
            assert any(played.path == path.as_posix() for played in files), (track, path)


@pytest.fixture(scope="module")
def recordings(made_once: Once, tools: Tools) -> Path:
    """The recordings, made at the same time."""

    def fill(folder: Path) -> None:
        master = folder / "master.mp4"
        encode(master, tools, max(_LONG, _SECONDS) + 12)
        with ThreadPoolExecutor(max_workers=2) as pool:
            list(pool.map(lambda form: record(form, master, folder, tools), PLAYED))

    return made_once("played-packagers", fill)


@pytest.fixture(scope="module")
def served(recordings: Path) -> Iterator[Server]:
    """``dashget serve`` of all of them."""
    folders = (recordings / f"packed-{form}" for form in PLAYED)
    with serving("serve", *folders, cwd=recordings, lines=len(PLAYED)) as server:
        yield server


@pytest.mark.parametrize("player", ["shaka", "dashjs"])
@pytest.mark.parametrize("form", PLAYED)
def test_a_recording_of_a_packager_plays_to_its_end_over_a_hole(
    form: str, player: str, page: Page, served: Server, recordings: Path
) -> None:
    root = recordings / f"packed-{form}"
    files = played_files((root / "live.local.mpd").read_bytes())
    folder = open_mirror(page, served, root.name, player, ahead_seconds=60)
    duration = page.evaluate("tried.video.duration")
    end = float(max(file.begin + file.length for file in files))
    assert duration == pytest.approx(end, abs=0.1)
    page.evaluate(f"tried.video.playbackRate = {_FAST}")
    assert page.until("tried.ends")[0] == pytest.approx(duration, abs=STEP)
    nothing_went_wrong(page, folder)
    if form == _LATE:
        # Without a hole all of it is there, from where both tracks are.
        assert page.evaluate("bufferedSeconds()") >= duration - 4 * STEP
    loaded = {unquote(url.removeprefix(folder)) for url in page.requests}
    assert {file.path for file in files} <= loaded
