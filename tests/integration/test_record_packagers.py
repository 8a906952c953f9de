"""Recording what real packagers package in real time, with the real command.

Short by default; ``DASHGET_PACKAGER_SECONDS=60`` lets each packager work for a minute.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.integration.test_record_command import run
from tests.support.media import Tools
from tests.support.once import Once
from tests.support.origin import Origin
from tests.support.packagers import FFMPEG, FORMS, STEP, Stream, encode, packaging
from tests.support.program import start

pytestmark = [pytest.mark.slow, pytest.mark.system]

SECONDS = float(os.environ.get("DASHGET_PACKAGER_SECONDS", "4"))
_LATE_SECONDS = 20.0


@pytest.fixture(scope="module")
def master(made_once: Once, tools: Tools) -> Path:
    """A file with the packets that are packaged."""
    folder = made_once("live-master", lambda at: encode(at / "master.mp4", tools, SECONDS + 12))
    return folder / "master.mp4"


class Recording:
    """A recorder at work, and what it tells."""

    def __init__(self, process: subprocess.Popen[str], root: Path) -> None:
        self.process = process
        self.root = root
        self.events: list[dict[str, Any]] = []

    def until(self, happened: Callable[[], bool]) -> None:
        """Read what it tells until something is true; it tells how it goes every second."""
        began = time.monotonic()
        assert self.process.stdout is not None
        while not happened():
            assert time.monotonic() - began < SECONDS + _LATE_SECONDS, "it did not happen in time"
            line = self.process.stdout.readline()
            assert line, f"it has ended: {self.process.communicate()[1]} {self.events[-1:]}"
            self.events.append(json.loads(line))

    def begin(self, stream: Stream) -> None:
        """Have a packager begin once this waits for it: on a busy machine it starts slowly."""
        self.until(lambda: any(event["event"] == "waiting" for event in self.events))
        stream.begin()

    def end(self) -> int:
        """Stop it in order; return its exit code."""
        self.process.send_signal(signal.SIGINT)
        return self.wait()

    def wait(self) -> int:
        """Wait for its end; return its exit code."""
        # Aborted, it tells where it stood.
        abort = self.process.send_signal
        limit = threading.Timer(SECONDS + _LATE_SECONDS, abort, (signal.SIGABRT,))
        limit.start()
        out, err = self.process.communicate()
        limit.cancel()
        assert self.process.returncode >= 0, f"it did not end: {out[-2000:]} {err}"
        self.events += map(json.loads, out.splitlines())
        assert "Traceback" not in err
        return self.process.returncode


@contextmanager
def recording(url: str, root: Path) -> Iterator[Recording]:
    """Record a presentation that is perhaps not there yet."""
    words = ("record", "--allow-private", "--wait", "--json", "--linger", "0", url, "-o", root)
    process = start(*words, cwd=root.parent, more={"PYTHONFAULTHANDLER": "1"})
    try:
        yield Recording(process, root)
    finally:
        if process.poll() is None:
            process.kill()
            process.communicate()


def missing(stream: Stream, root: Path) -> list[str]:
    """Return the segments that are packaged, and not recorded, behind the first recorded one."""
    lacking: list[str] = []
    for files in stream.made().values():
        names = [file.relative_to(stream.origin.root).as_posix() for file in files]
        have = [(root / name).exists() for name in names]
        first = have.index(True) if True in have else 0
        lacking += [name for name, here in list(zip(names, have, strict=True))[first:] if not here]
    return lacking


def check_same(stream: Stream, root: Path) -> None:
    """Every recorded file is as the packager wrote it."""
    packaged = stream.origin.root
    recorded = [file for file in root.rglob("*.m4s") if ".dashget" not in file.parts]
    assert len(recorded) >= 2 * (SECONDS / STEP - 4)
    for file in recorded:
        # A first manifest of another form makes a line of its own, whose files have their own tree.
        name = re.sub(r"^_again/line-\d+/", "", file.relative_to(root).as_posix())
        assert file.read_bytes() == (packaged / name).read_bytes(), file


@pytest.mark.parametrize("form", FORMS)
def test_an_outage_shorter_than_the_window_loses_nothing(
    form: str, master: Path, tools: Tools, tmp_path: Path
) -> None:
    root = tmp_path / "r"
    with (
        packaging(form, master, tmp_path / "live", tools, seconds=SECONDS, at_once=False) as stream,
        recording(stream.origin.url, root) as recorder,
    ):
        recorder.begin(stream)
        origin = stream.origin
        origin.wait_for(lambda: origin.served() >= 4)
        before, origin.up = stream.newest(), False
        # On a busy machine it may have packaged all by now.
        origin.wait_for(lambda: stream.newest() >= before + 2 or stream.process.poll() is not None)
        origin.up = True
        if form in FFMPEG:
            # It ends its presentation.
            assert recorder.wait() == 0
            assert recorder.events[-1]["ended"] == "over"
        else:
            recorder.until(lambda: stream.process.poll() is not None)
            recorder.until(lambda: not missing(stream, root))
            code = recorder.end()
            # An encoder that is late promises segments that it never makes.
            assert code == 0 or form == "shaka-low-latency"
        assert not _unnamed(form, missing(stream, root))
        check_same(stream, root)
    assert run("verify", str(root)).returncode in (0, 1 if form == "shaka-low-latency" else 0)


def _unnamed(form: str, names: list[str]) -> list[str]:
    """Leave out a segment at the end that no manifest names, since audio ends a little later."""
    return names if "number" not in form and "latency" not in form else names[:-1]


def test_a_static_server_of_low_latency_has_no_segment_half(
    master: Path,
    tools: Tools,
    nginx: Callable[..., Origin],
    tmp_path: Path,
) -> None:
    root = tmp_path / "r"
    live = tmp_path / "site/live"
    live.parent.mkdir()
    with packaging(
        "shaka-low-latency", master, live, tools, seconds=SECONDS, at_once=False
    ) as stream:
        site = nginx(live.parent)
        with recording(site.url("live/live.mpd"), root) as recorder:
            recorder.begin(stream)
            recorder.until(lambda: stream.process.poll() is not None)
            recorder.until(lambda: not missing(stream, root))
            recorder.end()
        check_same(stream, root)


@pytest.mark.parametrize("form", ["ffmpeg-timeline", "ffmpeg-number"])
def test_an_outage_longer_than_the_window_is_named(
    form: str, master: Path, tools: Tools, tmp_path: Path
) -> None:
    """Each packaged segment that was asked for is recorded or named, and none is both."""
    root, depth = tmp_path / "r", 1.0
    with (
        packaging(
            form, master, tmp_path / "live", tools, seconds=SECONDS + 12, depth=depth, at_once=False
        ) as stream,
        recording(stream.origin.url, root) as recorder,
    ):
        recorder.begin(stream)
        origin = stream.origin
        origin.wait_for(lambda: origin.served() >= 4)
        began = stream.began()
        origin.up, origin.keeps = False, depth + _KEPT_LONGER
        before = stream.newest()
        origin.wait_for(lambda: stream.is_gone(before + 2))
        asked = len(origin.requests)
        origin.up = True
        origin.wait_for(lambda: origin.served(asked) >= 4)
        # It ends its presentation.
        stream.process.send_signal(signal.SIGINT)
        assert recorder.wait() == 1
    shown = run("gaps", str(root), "--json")
    assert shown.returncode == 1
    gaps = [json.loads(line) for line in shown.stdout.splitlines()]
    assert {gap["reason"] for gap in gaps} <= {"outage", "left-window"}
    named = {name for gap in gaps for name in _names(gap, began)}
    made = {file.name for files in stream.made().values() for file in files}
    have = {name for name in made if (root / name).exists()}
    assert named <= made - have
    lacking = _asked(stream) - have
    assert lacking
    assert lacking <= named


_KEPT_LONGER = 3 * STEP
"""FFmpeg writes segments before the time that it promises, and none is to be gone too early."""


def _names(gap: dict[str, Any], began: float) -> list[str]:
    """Return the names of the segments in a gap."""
    track = re.search(r"\((\d)\)$", gap["label"])
    assert track is not None
    first, end = (round((gap[side] - began) / STEP) + 1 for side in ("begin", "end"))
    return [f"chunk-stream{track[1]}-{number:05}.m4s" for number in range(first, end)]


def _asked(stream: Stream) -> set[str]:
    """Return the segments of each track from the first that was asked for to the last named one."""
    paths = {path.rpartition("/")[2] for path, _ in stream.origin.requests}
    found: set[str] = set()
    for files in stream.made().values():
        names = [file.name for file in files]
        first = next((at for at, name in enumerate(names) if name in paths), len(names))
        found.update(names[first : stream.count()])
    return found
