"""Response heads, from raw lines to facts."""

from __future__ import annotations

import pytest

from dashget.common.byterange import ByteRange
from dashget.transfer.http.head import Head, HeadReader


def head(*fields: str, status: str = "HTTP/1.1 200 OK") -> Head:
    found = Head.parse([f"{line}\r\n".encode("latin-1") for line in (status, *fields, "")])
    assert found is not None
    return found


def test_the_last_head_counts() -> None:
    lines = [
        b"HTTP/1.1 200 Connection established\r\n", b"Via: proxy\r\n", b"\r\n",
        b"HTTP/1.1 103 Early Hints\r\n", b"Link: x\r\n", b"\r\n",
        b"HTTP/2 206\r\n", b"ETag: \"1\"\r\n", b"\r\n",
    ]  # fmt: skip
    found = Head.parse(lines)
    assert found is not None
    assert (found.status, found.version, found.fields) == (206, "2", {"etag": '"1"'})


def test_trailers_are_ignored() -> None:
    lines = [b"HTTP/1.1 200 OK\r\n", b'ETag: "1"\r\n', b"\r\n", b'ETag: "2"\r\n']
    found = Head.parse(lines)
    assert found is not None
    assert found.text("etag") == '"1"'


def test_of_similar_heads_only_what_has_changed_is_read_again() -> None:
    reader = HeadReader()
    first = [b"HTTP/1.1 200 OK\r\n", b"ETag: 1\r\n", b"Server: x\r\n", b"\r\n"]
    found = reader.read(first)
    assert reader.read(first[:]) is found
    other = reader.read([first[0], b"ETag: 2\r\n", *first[2:]])
    assert other is not None
    assert other.fields == {"etag": "2", "server": "x"}
    assert found is not None
    assert found.fields["etag"] == "1"


def test_a_field_that_comes_twice_is_not_mixed_up_by_what_came_before() -> None:
    reader = HeadReader()
    first, end = b"HTTP/1.1 200 OK\r\n", b"\r\n"
    reader.read([first, b"Age: 1\r\n", b"Age: 2\r\n", end])
    found = reader.read([first, b"Age: 3\r\n", b"Age: 2\r\n", end])
    assert found is not None
    assert found.fields == {"age": "2"}


@pytest.mark.parametrize(
    "lines",
    [
        [],
        [b"hello\r\n"],
        [b"HTTP/1.1 abc\r\n", b"\r\n"],
        [b"HTTP/1.1\r\n"],
        [b"hello 200 OK\r\n", b"\r\n"],
        [b"\r\n"],
    ],
)
def test_an_invalid_head_is_none(lines: list[bytes]) -> None:
    assert Head.parse(lines) is None


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        ("bytes 0-9/100", (ByteRange(0, 9), 100)),
        ("bytes 5-5/*", (ByteRange(5, 5), None)),
        ("bytes  5-5/6", (ByteRange(5, 5), 6)),
        ("bytes 9-5/100", None),
        ("bytes 0-100/100", None),
        ("bytes */100", None),
        ("items 0-9/100", None),
        ("", None),
    ],
)
def test_content_range_is_read_or_ignored(
    value: str, wanted: tuple[ByteRange, int | None] | None
) -> None:
    assert head(f"Content-Range: {value}").content_range == wanted


@pytest.mark.parametrize(
    ("fields", "wanted"),
    [
        (('ETag: "a"',), '"a"'),
        (('ETag: W/"a"', "Last-Modified: Tue, 01 Sep 2026 10:00:00 GMT"), None),
        (("ETag: a",), None),
        (
            ("Last-Modified: Tue, 01 Sep 2026 10:00:00 GMT", "Date: Tue, 01 Sep 2026 10:00:01 GMT"),
            "Tue, 01 Sep 2026 10:00:00 GMT",
        ),
        (
            ("Last-Modified: Tue, 01 Sep 2026 10:00:00 GMT", "Date: Tue, 01 Sep 2026 10:00:00 GMT"),
            None,
        ),
        (("Last-Modified: Tue, 01 Sep 2026 10:00:00 GMT",), None),
        ((), None),
    ],
)
def test_only_strong_validators_are_used_for_if_range(
    fields: tuple[str, ...], wanted: str | None
) -> None:
    assert head(*fields).validator == wanted


def test_an_invalid_length_counts_as_missing() -> None:
    assert head("Content-Length: 12").content_length == 12
    assert head("Content-Length: -1").content_length is None
    assert head("Content-Length: x").content_length is None


def test_identity_counts_as_no_coding() -> None:
    assert head("Content-Encoding: identity").codings == ()
    assert head("Content-Encoding: br").codings == ("br",)


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        ("7", 7.0),
        ("0", 0.0),
        ("Thu, 01 Jan 1970 00:01:40 GMT", 40.0),
        ("Thu, 01 Jan 1970 00:00:40 GMT", 0.0),
        ("soon", None),
        ("-1", None),
        ("9" * 40, 999_999_999.0),
        (None, None),
    ],
)
def test_retry_after_is_a_number_or_a_date(value: str | None, wanted: float | None) -> None:
    fields = () if value is None else (f"Retry-After: {value}",)
    assert head(*fields).retry_after_seconds(lambda: 60.0) == wanted


def test_a_date_of_retry_after_counts_from_the_date_of_the_answer() -> None:
    """The clock of the server may be hours off."""
    answer = head(
        "Retry-After: Thu, 01 Jan 1970 05:00:09 GMT", "Date: Thu, 01 Jan 1970 05:00:00 GMT"
    )
    assert answer.retry_after_seconds(lambda: 60.0) == 9.0


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        ('"a\x01b"', '"a b"'),
        ('"a\rb\x00\x1f\x7f"', '"a b   "'),
        ('"a\tb"', '"a\tb"'),
        (' \t"a" \t', '"a"'),
        ("/voil\xc3\xa0", "/voil\xc3\xa0"),
        ("\xc3\x85", "\xc3\x85"),
        ("\x1c\x85", "\x85"),
        ("\xa0", "\xa0"),
    ],
)
def test_a_value_has_no_control_characters_and_all_of_its_text(value: str, wanted: str) -> None:
    assert head(f"ETag:{value}").fields["etag"].strip(" ") == wanted


@pytest.mark.parametrize("line", [b"HTTP/1.1 2100", b"HTTP/1.1 20", b"HTTP/1.1 x200", b"HTTP/2 "])
def test_a_status_has_three_digits(line: bytes) -> None:
    assert Head.parse([line + b"\r\n", b"\r\n"]) is None


@pytest.mark.parametrize(
    "line", [b"HTTP/1.1 200", b"HTTP/1.1 200 ", b"HTTP/2 200 ", b"HTTP/1.1 200 OK"]
)
def test_a_status_needs_no_reason(line: bytes) -> None:
    parsed = Head.parse([line + b"\r\n", b"\r\n"])
    assert parsed is not None
    assert parsed.status == 200
