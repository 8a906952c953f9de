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
later), and its manifest does not say so. An outage costs segments that had begun by then one by one,
now of one track and now of the other."""
PLAYED = FORMS if _LONG else ("ffmpeg-timeline", "shaka-number", _LATE)
_DEPTH, _LATE_DEPTH = 4.0, 12.0
"""The window: longer than what a busy machine may stall. What it loses all the same is in holes. With
low latency a packager that starts late stays late against its manifest, by some seconds."""
_MOST_SECONDS = 60.0
"""How long a packager works at most: it is ended when enough is recorded."""
_FAST = 4


def record(form: str, master: Path, folder: Path, tools: Tools) -> None:
    """Record a packager, away for longer than its window in the middle; check what is there."""
    root, most = folder / f"packed-{form}", _LONG or _MOST_SECONDS
    work, depth = folder / f"work-{form}", _LATE_DEPTH if form == _LATE else _DEPTH
    with packaging(form, master, work, tools, seconds=most, depth=depth) as stream:
        origin, stop = stream.origin, dashget.Stop()
        origin.keeps = depth + 1
        thread = threading.Thread(target=_run, args=(origin.url, root, stop))
        thread.start()
        try:
            _break_off(stream, root, depth)
        finally:
            stop.request()
            thread.join()
        _check(stream, root)


def _break_off(stream: Stream, root: Path, depth: float) -> None:
    """Have the origin be away for longer than its window; return when it is recorded again."""
    origin = stream.origin

    def recorded() -> int:
        """Return how many segments are recorded of each track, at least."""
        tracks = stream.made().values()
        here = (sum((root / _path(stream, file)).exists() for file in made) for made in tracks)
        return min(here, default=0)

    def mostly_alone() -> bool:
        one, other = (
            {n for n, file in enumerate(made) if (root / _path(stream, file)).exists()}
            for made in stream.made().values()
        )
        return len(one ^ other) + 4 > len(one & other)

    first = max(4, _LONG / STEP / 2)
    origin.wait_for(lambda: stream.newest() >= first and recorded() >= 4)
    origin.up = False
    made = stream.newest() + round(depth / STEP) + 6
    origin.wait_for(lambda: stream.newest() >= made)
    origin.up = True
    before = recorded()
    # On a busy machine one track may be far behind: with more alone than together, it is left out.
    origin.wait_for(lambda: recorded() >= before + 6 and not mostly_alone())
    if _LONG:
        origin.wait_for(lambda: stream.process.poll() is not None)


def _path(stream: Stream, file: Path) -> str:
    return file.relative_to(stream.origin.root).as_posix()


def _run(url: str, root: Path, stop: dashget.Stop) -> None:
    with dashget.Session(allow_private=True) as session:
        session.record(url, root, stop=stop, wishes=dashget.Wishes(wait=True))


def _check(stream: Stream, root: Path) -> None:
    """What is recorded is what was packaged; the local MPD has what is there of both tracks."""
    played = {file.path for file in played_files((root / "live.local.mpd").read_bytes())}
    tracks: list[dict[int, str]] = []
    for made in stream.made().values():
        paths = [_path(stream, file) for file in made]
        here = {n: path for n, path in enumerate(paths) if (root / path).exists()}
        assert len(here) >= 8
        assert len(here) < max(here) - min(here) + 1, "an outage leaves a hole"
        for n, path in here.items():
            assert (root / path).read_bytes() == made[n].read_bytes()
        tracks.append(here)
    for one, other in (tracks, tracks[::-1]):
        for n, path in one.items():
            if n in other:
                assert path in played
            elif not {n - 1, n + 1} & other.keys():
                assert path not in played


@pytest.fixture(scope="module")
def recordings(made_once: Once, tools: Tools) -> Path:
    """The recordings, made at the same time."""

    def fill(folder: Path) -> None:
        master = folder / "master.mp4"
        encode(master, tools, (_LONG or _MOST_SECONDS) + 12)
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
    if not _LONG:
        # All of it is there, but for the hole: the media are where the local MPD says.
        shown = {file.path: file.length for file in files if file.track == files[0].track}
        assert page.evaluate("bufferedSeconds()") >= sum(shown.values()) - 4 * STEP
    loaded = {unquote(url.removeprefix(folder)) for url in page.requests}
    assert {file.path for file in files} <= loaded
