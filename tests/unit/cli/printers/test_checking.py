"""The progress of a verification: a row that fits the terminal, or lines in a log."""

from __future__ import annotations

import io
import os
import re

import pytest

from dashget.cli.printers.checking import CheckMeter, CheckProgressLine
from dashget.events import Progressed, Stage
from tests.unit.cli.printers.screen import Screen

MB = 10**6


def reading(
    files: int, done: int = 0, total: int | None = None, stage: Stage = Stage.CHECKING
) -> Progressed:
    return Progressed(
        0,
        files,
        10,
        True,
        0,
        0,
        (),
        files_total=10,
        bytes_done=done,
        bytes_total=total,
        stage=stage,
    )


def test_bytes_to_read_tell_the_share_and_the_time_left() -> None:
    meter = CheckMeter(Stage.CHECKING)
    for second in range(5):
        meter.read(reading(second, second * 100 * MB, 1000 * MB), float(second))
    assert meter.facts() == {
        "stage": "checking",
        "percent": " 40%",
        "files": "4/10 files",
        "bytes": "400 MB of 1.00 GB",
        "rate": "100 MB/s",
        "left": "6.00 s left",
    }


def test_files_tell_the_share_where_nothing_is_read_whole() -> None:
    meter = CheckMeter(Stage.COMPARING)
    meter.read(reading(0, stage=Stage.COMPARING), 0.0)
    meter.read(reading(5, stage=Stage.COMPARING), 1.0)
    assert meter.facts() == {
        "stage": "comparing",
        "percent": " 50%",
        "files": "5/10 files",
        "bytes": "",
        "rate": "",
        "left": "1.00 s left",
    }


def test_many_small_files_beside_a_few_bytes_to_read_are_no_hundred_percent() -> None:
    meter = CheckMeter(Stage.CHECKING)
    meter.read(reading(1, 1000, 1000), 1.0)
    assert meter.facts()["percent"] == " 10%"
    meter.read(reading(10, 1000, 1000), 2.0)
    assert meter.facts()["percent"] == "100%"


def test_nothing_is_said_before_the_first_reading_or_about_an_unknown_total() -> None:
    meter = CheckMeter(Stage.CHECKING)
    assert (meter.fraction, meter.seconds_left, meter.facts()) == (None, None, {})
    meter.read(Progressed(0, 3, 3, False, 0, 0, stage=Stage.CHECKING), 1.0)
    assert (meter.fraction, meter.facts()["percent"]) == (None, "")
    assert meter.facts()["files"] == "3 files"


def test_a_log_gets_a_line_every_five_seconds() -> None:
    now = 0.0
    stream = io.StringIO()
    line = CheckProgressLine(stream, live=False, clock=lambda: now)
    for _ in range(24):
        now += 0.5
        line.show(reading(2, int(now * MB), 20 * MB))
    line.write("warning: odd")
    line.close()
    first, second, last = stream.getvalue().splitlines()
    assert first.startswith("checking   24%  2/10 files  5.00 MB of 20.0 MB  1.00 MB/s")
    assert second.startswith("checking   49%")
    assert last == "warning: odd"


@pytest.mark.parametrize("columns", [12, 20, 30, 40, 60, 80, 120])
def test_a_terminal_has_one_row_that_never_wraps(
    columns: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    screen = Screen(columns, 15)
    monkeypatch.setenv("TERM", "xterm")
    for name in ("COLUMNS", "LINES", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(os, "get_terminal_size", lambda *_: os.terminal_size((columns, 15)))
    now = 0.0
    line = CheckProgressLine(screen, live=True, clock=lambda: now)
    for second in range(8):
        now = float(second)
        line.show(reading(second, second * 100 * MB, 1000 * MB))
    line.write("downloaded: v/1.m4s")
    shown = [row for row in screen.lines if row]
    assert "".join(shown[:-1]).replace(" ", "") == "downloaded:v/1.m4s"
    assert re.search(r"70%", shown[-1])
    assert len(shown[-1]) < columns
    assert ("\N{BOX DRAWINGS HEAVY HORIZONTAL}" in shown[-1]) is (columns >= 80)
    line.close()
    assert [row for row in screen.lines if row] == shown[:-1]
    assert screen.cursor_shown
