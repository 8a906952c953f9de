"""The lines about a recording."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from dashget import events
from dashget.cli.printers.causes import Repeats
from dashget.cli.printers.plain import event_line
from dashget.cli.printers.recording import (
    ended_lines,
    progress_line,
    recording_line,
    track_rows,
)

BEGIN = 1_700_000_000.0


@pytest.mark.parametrize(
    ("event", "line"),
    [
        (events.RecordingBegan("http://h/x.mpd", "show", BEGIN), "recording http://h/x.mpd -> show"),
        (
            events.RecordingBegan("http://h/x.mpd", "show", BEGIN, resumed=True),
            "going on with the recording of http://h/x.mpd -> show",
        ),
        (
            events.GapFound("v1", BEGIN, BEGIN + 4, 2, "outage"),
            "lost: v1: 2023-11-14 22:13:20 to 2023-11-14 22:13:24 (2 segments): outage",
        ),
        (
            events.OutageTold(BEGIN),
            "outage: the origin has not answered since 2023-11-14 22:13:20",
        ),
        (
            events.OutageTold(BEGIN, BEGIN + 30),
            "outage over: the origin answers again after 30.0 s",
        ),
        (events.PresentationChanged("period", "p2", "added"), "period p2: added"),
        (
            events.ClockSet("utc", -10.0, 0.1),
            "the server's clock is -10.0 s from this computer's",
        ),
        (events.ClockSet("utc", 0.2, 0.1), None),
        (events.ManifestRead("news"), None),
        (events.ManifestRead("failed", problem="no answer"), "manifest: failed: no answer"),
        (events.SegmentLate("v/1.m4s", 3.0), None),
    ],
)  # fmt: skip
def test_an_event_of_a_recording_has_its_line(event: events.Event, line: str | None) -> None:
    assert recording_line(event, verbose=False) == line


def test_a_read_that_fails_in_the_same_way_again_is_told_once() -> None:
    repeats = Repeats()

    def line(event: events.Event) -> str | None:
        return event_line(event, verbose=False, repeats=repeats)

    failed = events.ManifestRead("failed", problem="no answer")
    assert line(failed) == "manifest: failed: no answer"
    assert line(failed) is None
    assert line(events.ManifestRead("failed", problem="HTTP 404")) == "manifest: failed: HTTP 404"
    assert line(failed) is None
    assert event_line(failed, verbose=True, repeats=repeats)
    line(events.ManifestRead("news"))
    assert line(failed)
    line(events.OutageTold(BEGIN, BEGIN + 30))
    assert line(failed)
    stale = events.ManifestRead("stale")
    assert line(stale)
    line(events.ManifestRead("news"))
    assert line(stale) is None


def test_progress_tells_what_is_pending_and_lost() -> None:
    event = events.RecordingProgressed(1200, 3, 40, 4, 80.0, 20.0, 5_000_000)
    line = progress_line(event)
    assert line.startswith("1,200 segments")
    for part in ("40 pending", "behind", "left", "3 lost"):
        assert part in line


def test_the_end_tells_what_is_not_fetched_yet() -> None:
    ended = events.RecordingEnded("show", "stopped", 10, 7, 0, 0, 3, 2, gaps=1)
    assert list(ended_lines(ended))[1:] == [
        "  lost: an unknown number of segments in 1 gap",
        "  not fetched yet: 3 segments; the same command asks for what is still there",
    ]


def test_the_end_tells_what_is_missing() -> None:
    ended = events.RecordingEnded(
        "show", "until", 10, 7, 2, 1, 0, 2, lost_files=("init.mp4",), gaps=1
    )
    assert not ended.complete
    first, *rest = ended_lines(ended)
    assert first.startswith("recorded until the given time: 7 of 10 segments recorded")
    assert rest == [
        "  lost: 2 segments in 1 gap",
        "  lost: init.mp4",
        "  withdrawn by the presentation: 1 segment",
    ]


def test_a_recording_without_gaps_is_complete() -> None:
    assert events.RecordingEnded("show", "over", 10, 10, 0, 0, 0, 2).complete


TRACKS = (
    events.LiveTrack("1920x1080 4.50 Mb/s", 1200, 0, 0, 2.1),
    events.LiveTrack("1280x720 2.00 Mb/s", 1100, 3, 40, 82.0, 80.0, 20.0, gaps=2),
    events.LiveTrack("en 128 kb/s", 0, 0, 0),
)


def rows(width: int, most: int = 10, tracks: tuple[events.LiveTrack, ...] = TRACKS) -> list[str]:
    console = Console(file=io.StringIO(), width=width)
    return [row.plain for row in track_rows(console, tracks, width, most)]


def test_each_track_tells_its_lag_what_is_behind_and_its_gaps() -> None:
    wide = rows(100)[1]
    for part in ("lag 1:22", "40 behind", "20.0 s left", "2 gaps", "1,100 segments"):
        assert part in wide
    assert "segments" not in rows(60)[1]
    for width in (40, 50, 60, 79, 119):
        assert all(len(row) <= width for row in rows(width))
        assert "2 gaps" in rows(width)[1]
        assert "lag 1:22" in rows(width)[1]


def test_of_too_many_tracks_those_that_are_behind_most_are_shown() -> None:
    shown = rows(79, most=2)
    assert shown[0].startswith("1280x720")
    assert shown[1] == "and 2 more"


def test_the_line_of_progress_leaves_figures_out_where_there_is_no_room() -> None:
    event = events.RecordingProgressed(1200, 3, 40, 4, 80.0, 20.0, 5_000_000)
    whole = progress_line(event, 1e6)
    assert "1.00 MB/s" in whole
    for width in range(6, len(whole) + 1):
        line = progress_line(event, 1e6, width)
        assert len(line) <= width
        assert line.endswith("3 lost")
