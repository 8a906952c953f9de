"""Sources of a dynamic presentation's wall-clock time (5.8.4.11)."""

from __future__ import annotations

from fractions import Fraction

import pytest

from dashget.mpd.clock import ClockMethod, ClockSource, clock_sources, read_clock, read_date_header
from dashget.mpd.parse import parse_mpd


def sources(*timings: tuple[str, str]) -> tuple[tuple[ClockSource, ...], list[str]]:
    body = "".join(f'<UTCTiming schemeIdUri="{s}" value="{v}"/>' for s, v in timings)
    mpd = parse_mpd(f'<MPD xmlns="urn:mpeg:dash:schema:mpd:2011">{body}</MPD>'.encode())
    found, notes = clock_sources(mpd, "https://h/live/m.mpd")
    return found, [note.message for note in notes]


def test_sources_come_in_document_order_with_absolute_urls() -> None:
    found, notes = sources(
        ("urn:mpeg:dash:utc:http-iso:2014", "/time https://t.example/now"),
        ("urn:mpeg:dash:utc:direct:2014", "1970-01-01T00:01:00Z"),
        ("urn:mpeg:dash:utc:http-head:2014", "seg.mp4"),
        ("urn:mpeg:dash:utc:http-xsdate:2014", "t"),
    )
    assert found == (
        ClockSource(ClockMethod.HTTP_ISO, ("https://h/time", "https://t.example/now")),
        ClockSource(ClockMethod.DIRECT, time=Fraction(60)),
        ClockSource(ClockMethod.HTTP_HEAD, ("https://h/live/seg.mp4",)),
        ClockSource(ClockMethod.HTTP_XSDATE, ("https://h/live/t",)),
    )
    assert notes == []


def test_ntp_and_unknown_schemes_are_ignored_with_a_note() -> None:
    found, notes = sources(
        ("urn:mpeg:dash:utc:ntp:2014", "pool.ntp.org"),
        ("urn:example:clock", "x"),
        ("urn:mpeg:dash:utc:direct:2014", "soon"),
    )
    assert found == ()
    assert notes == [
        "UTCTiming 'ntp' is ignored",
        "UTCTiming 'urn:example:clock' is ignored",
        "UTCTiming: not a date and time: 'soon'",
    ]


def test_answers_are_read_by_their_method() -> None:
    header = "Thu, 01 Jan 1970 00:01:00 GMT"
    assert read_clock(ClockMethod.HTTP_HEAD, b"", header) == 60
    assert read_clock(ClockMethod.HTTP_ISO, b"1970-01-01T00:01:00.5Z\n", None) == Fraction(121, 2)
    assert read_clock(ClockMethod.HTTP_XSDATE, b"\xef\xbb\xbf1970-01-01T00:01:00Z", None) == 60


@pytest.mark.parametrize("text", ["", "yesterday"])
def test_an_invalid_date_header_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        read_date_header(text)
    with pytest.raises(ValueError, match="not a date"):
        read_clock(ClockMethod.HTTP_ISO, b"<html>", None)
