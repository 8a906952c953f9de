"""The floor of words: byte ranges, errors, events, data: URLs."""

from __future__ import annotations

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashget import errors
from dashget.common.byterange import ByteRange
from dashget.errors import Issue
from dashget.events import MANIFEST, Event, FileFinished, Outcome, Summary, Warned, ignore
from dashget.mpd.dataurl import decode_data_url


@pytest.mark.parametrize(
    ("text", "first", "last", "size"),
    [("0-0", 0, 0, 1), ("0-719", 0, 719, 720), (" 5 - 9 ", 5, 9, 5), ("720-", 720, None, None)],
)
def test_a_range_is_inclusive_and_may_be_open(
    text: str, first: int, last: int | None, size: int | None
) -> None:
    found = ByteRange.parse(text)
    assert (found.first, found.last, found.size_bytes) == (first, last, size)


@pytest.mark.parametrize(
    "text",
    ["", "-", "-5", "5", "9-5", "a-b", "1-2-3", "0x1-2", "1-2,4-5", "-1-2", "٣-٤", "1" * 20 + "-"],
)
def test_what_is_no_single_range_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a byte range"):
        ByteRange.parse(text)


@given(st.integers(0, 2**62), st.none() | st.integers(0, 2**62))
def test_a_range_is_read_as_it_is_written(first: int, length: int | None) -> None:
    last = None if length is None else first + length
    span = ByteRange(first, last)
    assert ByteRange.parse(str(span)) == span


def test_ranges_are_ordered_by_their_beginning() -> None:
    assert sorted([ByteRange(5, 9), ByteRange(0, 99), ByteRange(5, 6)]) == [
        ByteRange(0, 99),
        ByteRange(5, 6),
        ByteRange(5, 9),
    ]


def test_exit_codes_are_those_of_the_manual() -> None:
    assert {
        kind.__name__: kind.exit_code
        for kind in (
            errors.UsageError,
            errors.MPDSyntaxError,
            errors.MPDValidityError,
            errors.UnsupportedMPDError,
            errors.SelectionError,
            errors.ManifestFetchError,
            errors.StoreError,
        )
    } == {
        "UsageError": 2,
        "MPDSyntaxError": 3,
        "MPDValidityError": 3,
        "UnsupportedMPDError": 3,
        "SelectionError": 4,
        "ManifestFetchError": 5,
        "StoreError": 6,
    }


def test_an_error_carries_its_facts() -> None:
    error = errors.FetchError(
        "HTTP 503", retry=errors.Retry.AGAIN, url="http://h/", status=503, retry_after_seconds=2.0
    )
    assert (str(error), error.hint, error.status) == ("HTTP 503", None, 503)
    assert error.retry_after_seconds == 2.0
    assert isinstance(error, errors.DashGetError)


@pytest.mark.parametrize(
    ("issue", "text"),
    [
        (Issue("odd"), "odd"),
        (Issue("odd", "MPD/Period[1]"), "MPD/Period[1]: odd"),
        (Issue("odd", "MPD", 3, "5.3"), "MPD, line 3: odd (5.3)"),
        (Issue("odd", line=3), "line 3: odd"),
    ],
)
def test_an_issue_names_its_place_and_clause(issue: Issue, text: str) -> None:
    assert str(issue) == text
    assert Warned.of(issue).message == issue.message


def test_events_name_themselves_in_json() -> None:
    event = FileFinished("a", "http://h/a", Outcome.UPDATED, 3)
    shown = json.loads(msgspec.json.encode(event))
    assert (shown["event"], shown["outcome"], shown["size"]) == ("file", "updated", 3)


def test_every_kind_of_event_has_a_name_of_its_own() -> None:
    kinds = Event.__subclasses__()
    names = [kind.__struct_config__.tag for kind in kinds]
    assert len(set(names)) == len(names)
    assert all(name == str(name).lower() for name in names)
    assert MANIFEST not in ("", "/")


@pytest.mark.parametrize("outcome", Outcome)
def test_only_what_is_there_or_may_be_absent_is_complete(outcome: Outcome) -> None:
    wanting = {Outcome.FAILED, Outcome.CANCELLED, Outcome.PLANNED}
    assert outcome.complete is (outcome not in wanting)


def test_a_run_that_was_stopped_by_its_disk_is_not_complete() -> None:
    summary = Summary("r", "r/x.mpd", "u", 1, 1, 1, 1.0, 1, {}, error="no space")
    assert not summary.complete
    assert msgspec.structs.replace(summary, error=None).complete
    assert ignore(summary) is None  # type: ignore[func-returns-value]  # that is the point


@pytest.mark.parametrize("outcome", Outcome)
def test_a_run_is_complete_only_if_every_file_is(outcome: Outcome) -> None:
    summary = Summary("r", "r/x.mpd", "u", 1, 1, 1, 1.0, 1, {outcome: 1, Outcome.PRESENT: 3})
    assert summary.complete is outcome.complete
    assert msgspec.structs.replace(summary, dry_run=True).complete


@pytest.mark.parametrize(
    ("url", "data"),
    [
        ("data:,hello", b"hello"),
        ("data:,a%20b%00", b"a b\x00"),
        ("data:text/vtt,WEBVTT", b"WEBVTT"),
        ("data:video/mp4;base64,AAEC", b"\x00\x01\x02"),
        ("DATA:video/mp4;BASE64,AAEC", b"\x00\x01\x02"),
        ("data:video/mp4;base64,AAE", b"\x00\x01"),
        ("data:video/mp4;base64,A%41E%3D", b"\x00\x01"),
        ("data:;base64,AA\n EC", b"\x00\x01\x02"),
        ("data:,", b""),
    ],
)
def test_a_data_url_is_decoded(url: str, data: bytes) -> None:
    assert decode_data_url(url) == data


@pytest.mark.parametrize(
    "url", ["data:nothing", "http://h/,x", "data:;base64,!!!", "data:;base64,A"]
)
def test_a_broken_data_url_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="data: URL"):
        decode_data_url(url)


@given(st.binary(max_size=64))
def test_any_bytes_survive_a_data_url(data: bytes) -> None:
    import base64
    from urllib.parse import quote

    assert decode_data_url("data:;base64," + base64.b64encode(data).decode()) == data
    assert decode_data_url("data:," + quote(data)) == data
