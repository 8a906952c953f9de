"""The lines about a recording."""

from __future__ import annotations

import pytest

from dashget import events
from dashget.cli.printers.recording import ended_lines, progress_line, recording_line

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


def test_progress_tells_what_is_pending_and_lost() -> None:
    event = events.RecordingProgressed(1200, 3, 40, 4, 80.0, 20.0, 5_000_000)
    line = progress_line(event)
    assert line.startswith("1,200 segments")
    for part in ("40 pending", "behind", "left", "3 lost"):
        assert part in line


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
