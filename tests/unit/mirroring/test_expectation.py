"""What a mirror should hold, worked out again from the record."""

from __future__ import annotations

import datetime

import pytest

from dashget.mirroring.expectation import expected_by
from dashget.mpd.parse import parse_mpd
from dashget.store import Header

LIVE = (
    b'<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="dynamic" profiles="p" minBufferTime="PT1S" '
    b'availabilityStartTime="2026-11-27T12:00:00Z" timeShiftBufferDepth="PT10S"><Period start="PT0S">'
    b'<AdaptationSet mimeType="video/mp4"><SegmentTemplate duration="2" media="$Number$.m4s"/>'
    b'<Representation id="v" bandwidth="1"/></AdaptationSet></Period></MPD>'
)


def planned(now: str | None) -> list[str]:
    header = Header(
        dashget=1, source="http://h/x.mpd", url="http://h/x.mpd", manifest="x.mpd", now=now
    )
    expected = expected_by(parse_mpd(LIVE), header, allow_downgrade=False)
    return [segment.path for segment in expected.iter_plan()]


def test_a_live_presentation_is_planned_for_the_time_of_the_record() -> None:
    assert planned("2026-11-27T12:00:30+00:00")[-1] == "15.m4s"
    assert planned("2026-11-27T12:00:36+00:00")[-1] == "18.m4s"


@pytest.mark.parametrize("text", ["2026-11-27T12:00:30", "2026-11-27T13:00:30+01:00"])
def test_its_zone_is_utc_unless_it_says_so(text: str) -> None:
    assert planned(text) == planned("2026-11-27T12:00:30Z")


@pytest.mark.parametrize("text", [None, "yesterday", ""])
def test_a_record_without_a_valid_time_is_planned_for_now(text: str | None) -> None:
    elapsed = datetime.datetime.now(datetime.UTC) - datetime.datetime(
        2026, 11, 27, 12, tzinfo=datetime.UTC
    )
    last = int(planned(text)[-1].partition(".")[0])
    assert abs(last - elapsed.total_seconds() // 2) <= 5
