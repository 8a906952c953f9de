"""The live display fits the terminal, and leaves no remains of earlier paintings."""

from __future__ import annotations

import os
import re
import sys

import pytest

from dashget.cli.printers.terminal import LiveTerminal
from dashget.events import (
    FileFinished,
    ManifestLoaded,
    Outcome,
    Progressed,
    RetryScheduled,
    Summary,
    TrackPlanned,
)
from tests.unit.cli.printers.screen import Screen

WIDTHS = (20, 24, 30, 36, 40, 50, 60, 72, 80, 100, 160)
HEIGHT = 15


class Live:
    """A display on a small terminal, with a clock."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, columns: int) -> None:
        self.now = 0.0
        self.told_columns: int | None = None
        """The size that the terminal reports, which may be outdated after a resize."""
        self.screen = Screen(columns, HEIGHT)
        monkeypatch.setenv("TERM", "xterm")
        for name in ("COLUMNS", "LINES", "NO_COLOR"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setattr(os, "get_terminal_size", self._size)
        self.printer = LiveTerminal(self.screen, clock=lambda: self.now)

    def _size(self, *_: object) -> os.terminal_size:
        return os.terminal_size((self.told_columns or self.screen.columns, HEIGHT))

    def begin(self, files: int = 119) -> None:
        # Near the top of its screen, a terminal may lack room for wrapped rows.
        self.screen.write("\n" * HEIGHT)
        self.printer(ManifestLoaded("http://h/x.mpd", 900, "static", 1, 2, "show"))
        self.printer(
            TrackPlanned(0, 0, "v", "video", "1920x1080 4500k (video=4500000)", None, 10**9, files)
        )
        self.printer(TrackPlanned(1, 0, "a", "audio", "en 128k (a)", None, 10**8, files))

    def progress(self, done: int = 0, transferred: int = 10**6) -> None:
        for number in range(done):
            path = f"{number}.m4s"
            outcome = Outcome.FAILED if number == 0 else Outcome.DOWNLOADED
            size = None if number == 0 else 2_345_678
            self.printer(FileFinished(path, "http://h/" + path, outcome, size, track=0))
        self.now += 1
        self.printer(Progressed(transferred, done, done, False, 2, 0))

    @property
    def rows(self) -> list[str]:
        """Return the rows below the line about the manifest."""
        told = "".join(self.screen.lines)
        assert told.count("-> show") == 1
        shown = self.screen.lines
        start = next(i for i, row in enumerate(shown) if row.startswith(("video", "Inter")))
        return shown[start:]


@pytest.fixture(params=WIDTHS)
def live(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Live:
    return Live(monkeypatch, request.param)


def test_numbers_are_never_cut_and_rows_never_wrap(live: Live) -> None:
    live.begin()
    live.progress()
    live.progress(17, 40 * 10**6)
    video, audio, total = live.rows
    assert re.search(r"(?<!\d)17/119(?!\d)", video)
    assert re.search(r"(?<!\d)0/119(?!\d)", audio)
    assert re.match(r" *~?\d", total)
    for fact in re.findall(r"\d[\d.,]*[^\d ]?[^ ]*", total):
        assert re.fullmatch(r"\d+%|1|17/238|\d+(\.\d+)?|\d+(:\d\d)+", fact), total
    assert "…" not in total
    assert "1 failed" in total
    assert all(len(row) < live.screen.columns for row in live.rows)


def test_rows_never_wrap_where_the_encoding_lacks_their_characters(
    live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(type(live.screen), "encoding", "ascii", raising=False)
    monkeypatch.setattr(sys, "stderr", live.screen)
    live.begin()
    label = "\N{CJK UNIFIED IDEOGRAPH-65E5}" * 9
    live.printer(TrackPlanned(2, 0, "j", "audio", label, None, 10**8, 7))
    live.printer(RetryScheduled(f"{label}.m4s", "u", 1, 0.5, "HTTP 503"))
    live.progress()
    live.progress(17, 40 * 10**6)
    rows = live.rows
    assert all(row.isascii() for row in rows)
    assert all(len(row) < live.screen.columns for row in rows)
    assert any("..." in row for row in rows)


def test_bars_go_before_any_number(live: Live) -> None:
    live.begin()
    live.progress()
    live.progress(17, 40 * 10**6)
    video, _, total = live.rows
    if "━" in total:
        assert "of about" in total
        assert "left" in total
    if "━" in video:
        assert video.endswith("MB")


def test_the_echo_of_ctrl_c_is_painted_over(live: Live) -> None:
    live.begin()
    live.progress()
    live.screen.write("^C^C")
    live.progress(5)
    assert "^C" not in "".join(live.screen.lines)
    live.screen.write("^C")
    live.printer(ended())
    rows = live.rows
    assert rows[0].startswith("Interrupted")
    assert "video" not in "".join(live.screen.lines)
    assert live.screen.cursor_shown


def test_a_terminal_that_is_resized_shows_every_row_once(live: Live) -> None:
    live.begin()
    retry = RetryScheduled("video/1080p/17.m4s", "http://h/17", 1, 0.5, "HTTP 503 " + "x" * 200)
    live.printer(retry)
    live.progress()
    for columns in (33, 20, 90, 41, 27, 120):
        live.screen.resize(columns)
        live.progress()
        told = "".join(live.screen.lines)
        assert told.count("video 1") == 1
        assert told.count("audio") == 1
        assert told.count("retrying") == 1
        assert told.count("%") == 1
        assert told.count("0/119") == 2


def test_a_terminal_that_tells_its_size_late_shows_every_row_once(live: Live) -> None:
    live.begin()
    live.progress()
    for columns in (33, 20, 90, 41, 27, 120):
        live.told_columns = live.screen.columns
        live.screen.resize(columns)
        live.progress()
        live.progress()
        live.told_columns = None
        live.progress()
        told = "".join(live.screen.lines)
        assert (told.count("video 1"), told.count("audio"), told.count("%")) == (1, 1, 1)
        assert told.count("-> show") == 1
        assert live.screen.wraps


def test_lines_above_stay_and_are_never_cut(live: Live) -> None:
    live.begin()
    live.progress()
    for number in range(3):
        path = f"a/rather/long/path/of/a/file/{number}.m4s"
        failed = FileFinished(path, "http://h/", Outcome.FAILED, track=0, reason="HTTP 404")
        live.printer(failed)
        live.progress()
    told = "".join(live.screen.lines)
    for number in range(3):
        assert f"failed: a/rather/long/path/of/a/file/{number}.m4s: HTTP 404" in told
    assert told.count("audio") == 1


def test_nothing_is_painted_after_the_end(live: Live) -> None:
    live.begin()
    live.progress()
    live.printer.close()
    told = live.screen.getvalue()
    live.progress()
    assert live.screen.getvalue() == told


def ended() -> Summary:
    return Summary(
        root="show",
        manifest="show/x.mpd",
        url="http://h/x.mpd",
        files=0,
        bytes=0,
        transferred=0,
        seconds=1.0,
        requests=3,
        outcomes={Outcome.CANCELLED: 2},
        interrupted=True,
    )
