"""Responses are accepted, followed or refused by their head."""

from __future__ import annotations

import math

import pytest

from dashget.common.byterange import ByteRange
from dashget.errors import Retry
from dashget.transfer.http.failure import Failure
from dashget.transfer.http.head import Head, Identity
from dashget.transfer.http.judge import CHANGED, RETAGGED, Accepted, Asked, Redirect, judge

PLAIN = Asked()
RESUME = Asked(range=ByteRange(40), total=100, validator='"1"')
OPEN = Asked(range=ByteRange(40))
PROBE = Asked(range=ByteRange(0, 0), probe=True)
PIECE = Asked(range=ByteRange(40, 59), whole=False, total=100, validator='"1"')


def response(status: int, **fields: str) -> Head:
    return Head(status, "1.1", {k.replace("_", "-"): v for k, v in fields.items()})


def verdict(asked: Asked, status: int, **fields: str) -> Accepted | Redirect | Failure:
    return judge(response(status, **fields), asked, lambda: 0.0)


@pytest.mark.parametrize(
    ("asked", "status", "fields", "wanted"),
    [
        (PLAIN, 200, {"content_length": "100"}, Accepted(0, 100, 100)),
        (PLAIN, 200, {}, Accepted(0, None, None)),
        (PLAIN, 203, {"content_length": "100"}, Accepted(0, 100, 100)),
        (RESUME, 203, {"content_length": "70", "etag": '"2"'}, Accepted(0, 70, 70)),
        (PLAIN, 299, {}, Accepted(0, None, None)),
        (PLAIN, 204, {}, Accepted(0, 0, 0)),
        (PLAIN, 206, {"content_range": "bytes 0-99/100"}, Accepted(0, 100, 100)),
        (RESUME, 200, {"content_length": "70", "etag": '"2"'}, Accepted(0, 70, 70)),
        (RESUME, 200, {"content_length": "60", "etag": '"2"'}, Accepted(0, 60, 60)),
        (RESUME, 200, {"content_length": "100", "etag": '"1"'}, Accepted(0, 100, 100)),
        (OPEN, 200, {}, Accepted(0, None, None)),
        (RESUME, 206, {"content_range": "bytes 40-99/100"}, Accepted(40, 100, 100)),
        (RESUME, 206, {"content_range": "bytes 40-99/*"}, Accepted(40, 100, 100)),
        (OPEN, 206, {"content_range": "bytes 40-99/*"}, Accepted(40, 100, None)),
        (RESUME, 206, {"content_range": "bytes 40-98/100"}, Accepted(40, 99, 100)),
        (PIECE, 206, {"content_range": "bytes 40-40/100"}, Accepted(40, 41, 100)),
        (RESUME, 206, {"content_range": "bytes 0-99/100"}, Accepted(0, 100, 100)),
        (PROBE, 206, {"content_range": "bytes 0-99/100"}, Accepted(0, 100, 100)),
        (PROBE, 416, {"content_range": "bytes */0"}, Accepted(0, 0, 0)),
        (PIECE, 206, {"content_range": "bytes 40-59/100", "etag": '"1"'}, Accepted(40, 60, 100)),
        (Asked(range=ByteRange(40, 999)), 206, {"content_range": "bytes 40-99/100"}, Accepted(40, 100, 100)),
    ],
)  # fmt: skip
def test_a_response_that_matches_its_request_is_accepted(
    asked: Asked, status: int, fields: dict[str, str], wanted: Accepted
) -> None:
    assert verdict(asked, status, **fields) == wanted


@pytest.mark.parametrize(
    ("asked", "status", "fields"),
    [
        (PLAIN, 206, {"content_range": "bytes 1-99/100"}),
        (PLAIN, 200, {"content_encoding": "gzip"}),
        (PLAIN, 202, {}),
        (PLAIN, 207, {}),
        (PLAIN, 226, {}),
        (RESUME, 204, {}),
        (RESUME, 200, {"content_length": "60"}),
        (RESUME, 200, {"content_length": "70", "etag": '"1"'}),
        (RESUME, 203, {"etag": '"1"'}),
        (OPEN, 200, {"content_range": "bytes 40-99/100"}),
        (Asked(range=ByteRange(40), total=100), 200, {"content_length": "60"}),
        (PIECE, 205, {}),
        (PLAIN, 304, {}),
        (PLAIN, 302, {}),
        (RESUME, 206, {}),
        (RESUME, 206, {"content_range": "bytes 41-99/100"}),
        (RESUME, 206, {"content_range": "bytes 0-98/100"}),
        (RESUME, 206, {"content_range": "bytes 40-100/*"}),
        (PIECE, 206, {"content_range": "bytes 40-60/100"}),
        (PIECE, 206, {"content_range": "bytes 0-99/100"}),
        (RESUME, 206, {"content_range": "bytes 40-99/100", "content_length": "61"}),
        (RESUME, 206, {"content_range": "bytes 40-99/100", "content_encoding": "br"}),
        (PIECE, 200, {"content_length": "100", "etag": '"1"'}),
        (PIECE, 416, {}),
        (PIECE, 416, {"content_range": "bytes */0"}),
        (OPEN, 206, {"content_range": "bytes 41-99/*"}),
        (OPEN, 206, {"content_range": "bytes 40-99/*", "content_length": "61"}),
    ],
)
def test_a_response_that_contradicts_its_request_is_a_failure(
    asked: Asked, status: int, fields: dict[str, str]
) -> None:
    failure = verdict(asked, status, **fields)
    assert isinstance(failure, Failure)
    assert not failure.restart


@pytest.mark.parametrize(
    ("asked", "status", "fields"),
    [
        (RESUME, 416, {}),
        (PROBE, 416, {"content_range": "bytes */5"}),
        (RESUME, 206, {"content_range": "bytes 40-99/100", "etag": '"2"'}),
        (RESUME, 206, {"content_range": "bytes 40-100/101"}),
        (PIECE, 200, {"content_length": "100", "etag": '"2"'}),
        (PIECE, 200, {"content_length": "101"}),
    ],
)
def test_a_response_of_another_version_restarts_the_file(
    asked: Asked, status: int, fields: dict[str, str]
) -> None:
    failure = verdict(asked, status, **fields)
    assert isinstance(failure, Failure)
    assert failure.restart


def test_a_redirect_needs_a_location() -> None:
    assert verdict(PLAIN, 302, location="/x") == Redirect("/x")
    failure = verdict(PLAIN, 301)
    assert isinstance(failure, Failure)
    assert failure.retry is Retry.ELSEWHERE


@pytest.mark.parametrize(
    ("status", "control", "seconds"),
    [
        (302, None, 60.0),
        (303, "public", 60.0),
        (307, "max-age=5", 5.0),
        (302, "Public, Max-Age = 3600", 3600.0),
        (302, 'max-age="7"', 7.0),
        (302, "s-maxage=9", 60.0),
        (302, "max-age=soon", 60.0),
        (301, None, math.inf),
        (308, "private", math.inf),
        (308, "max-age=9", 9.0),
        (301, "No-Store", 0.0),
        (302, "no-cache, max-age=9", 0.0),
    ],
)
def test_a_redirect_is_valid_for_as_long_as_status_and_cache_control_say(
    status: int, control: str | None, seconds: float
) -> None:
    fields = {"location": "/x"} | ({"cache_control": control} if control else {})
    assert verdict(PLAIN, status, **fields) == Redirect("/x", lasts_seconds=seconds, status=status)


NOON = "Mon, 06 Apr 2026 12:00:00 GMT"
NINE_LATER = "Mon, 06 Apr 2026 12:00:09 GMT"
BY_OUR_CLOCK = "Thu, 01 Jan 1970 00:00:05 GMT"


@pytest.mark.parametrize(
    ("status", "fields", "seconds"),
    [
        (302, {"expires": NINE_LATER, "date": NOON}, 9.0),
        (301, {"expires": NINE_LATER, "date": NOON}, 9.0),
        (302, {"expires": "Monday, 06-Apr-26 12:00:09 GMT", "date": NOON}, 9.0),
        (308, {"expires": NOON, "date": NINE_LATER}, 0.0),
        (302, {"expires": NOON, "date": NOON}, 0.0),
        (301, {"expires": "0", "date": NOON}, 0.0),
        (302, {"expires": "-1"}, 0.0),
        (302, {"expires": "", "date": NOON}, 0.0),
        (302, {"expires": "soon", "date": NOON}, 0.0),
        (302, {"expires": BY_OUR_CLOCK}, 5.0),
        (302, {"expires": BY_OUR_CLOCK, "date": "today"}, 5.0),
        (302, {"expires": "0", "cache_control": "max-age=7"}, 7.0),
        (301, {"expires": NINE_LATER, "date": NOON, "cache_control": "max-age=0"}, 0.0),
        (302, {"expires": NINE_LATER, "date": NOON, "cache_control": "no-store"}, 0.0),
        (302, {"expires": NINE_LATER, "date": NOON, "cache_control": "public"}, 9.0),
    ],
)
def test_a_redirect_is_valid_until_it_expires_unless_cache_control_has_its_age(
    status: int, fields: dict[str, str], seconds: float
) -> None:
    """By the server's clock if it tells the time, else by ours, which stands at zero here."""
    assert verdict(PLAIN, status, location="/x", **fields) == Redirect(
        "/x", lasts_seconds=seconds, status=status
    )


@pytest.mark.parametrize(
    ("status", "fields", "seconds"),
    [
        (302, {"cache_control": "max-age=9", "age": "4"}, 5.0),
        (302, {"cache_control": "max-age=9", "age": "10"}, 0.0),
        (302, {"cache_control": "max-age=9", "age": "9" * 30}, 0.0),
        (302, {"cache_control": "max-age=9", "age": "4, 1"}, 5.0),
        (302, {"cache_control": "max-age=9", "age": "-4"}, 9.0),
        (302, {"cache_control": "max-age=9", "age": "\xb2"}, 9.0),
        (302, {"cache_control": "max-age=9", "age": ""}, 9.0),
        (302, {"expires": NINE_LATER, "date": NOON, "age": "4"}, 5.0),
        (302, {"expires": NINE_LATER, "date": NOON, "age": "10"}, 0.0),
        (302, {"expires": BY_OUR_CLOCK, "age": "4"}, 5.0),
        (302, {"age": "50"}, 60.0),
        (301, {"age": "50"}, math.inf),
    ],
)
def test_the_time_that_a_redirect_was_in_a_cache_counts(
    status: int, fields: dict[str, str], seconds: float
) -> None:
    """The age is subtracted from an explicit lifetime, but not from an end by our own clock."""
    assert verdict(PLAIN, status, location="/x", **fields) == Redirect(
        "/x", lasts_seconds=seconds, status=status
    )


def test_a_pause_is_kept_only_if_another_attempt_may_help() -> None:
    busy, gone = verdict(PLAIN, 503, retry_after="9"), verdict(PLAIN, 404, retry_after="9")
    assert isinstance(busy, Failure)
    assert isinstance(gone, Failure)
    assert (busy.retry_after_seconds, gone.retry_after_seconds) == (9.0, None)


SEPTEMBER, OCTOBER = "Tue, 01 Sep 2026 10:00:00 GMT", "Thu, 01 Oct 2026 10:00:00 GMT"
IDENTITY = Identity('"1"', SEPTEMBER, frozenset({("repr-digest", "sha-256=:a:")}))
KNOWN = Asked(range=ByteRange(40), total=100, validator='"1"', identity=IDENTITY)
COMPARED = Asked(range=ByteRange(40), total=100, identity=IDENTITY)
REST = {"content_range": "bytes 40-99/100"}


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"etag": '"2"', "last_modified": SEPTEMBER}, RETAGGED),
        ({"etag": '"2"', "repr_digest": "sha-256=:a:"}, RETAGGED),
        ({"etag": 'W/"1"', "last_modified": SEPTEMBER}, RETAGGED),
        ({"etag": '"2"', "last_modified": OCTOBER}, CHANGED),
        ({"etag": '"2"', "last_modified": OCTOBER, "repr_digest": "sha-256=:a:"}, RETAGGED),
        ({"etag": '"2"', "last_modified": SEPTEMBER, "repr_digest": "sha-256=:b:"}, CHANGED),
        ({"etag": '"2"'}, CHANGED),
        (
            {"etag": '"2"', "last_modified": SEPTEMBER, "content_range": "bytes 40-100/101"},
            CHANGED,
        ),
    ],
)
def test_another_etag_is_doubted_where_all_else_is_the_same(
    fields: dict[str, str], message: str
) -> None:
    failure = verdict(KNOWN, 206, **(REST | fields))
    assert isinstance(failure, Failure)
    assert failure.message is message
    assert failure.restart is (message is CHANGED)


def test_another_etag_of_all_is_doubted_unless_its_size_differs() -> None:
    fields = {"etag": '"2"', "last_modified": SEPTEMBER}
    failure = verdict(KNOWN, 200, content_length="100", **fields)
    assert isinstance(failure, Failure)
    assert failure.message is RETAGGED
    assert verdict(KNOWN, 200, content_length="101", **fields) == Accepted(0, 101, 101)
    assert verdict(KNOWN, 200, **fields) == Accepted(0, None, None)


@pytest.mark.parametrize(
    ("fields", "accepted"),
    [
        ({"etag": '"2"', "last_modified": SEPTEMBER}, True),
        ({"etag": '"1"', "last_modified": OCTOBER}, True),
        ({"last_modified": SEPTEMBER}, True),
        ({"repr_digest": "sha-256=:a:"}, True),
        ({"etag": '"2"', "last_modified": OCTOBER}, False),
        ({"etag": '"2"'}, False),
        ({}, False),
    ],
)
def test_what_is_compared_has_some_sign_of_the_same_version(
    fields: dict[str, str], accepted: bool
) -> None:
    found = verdict(COMPARED, 206, **(REST | fields))
    assert isinstance(found, Accepted) is accepted
    assert accepted or (isinstance(found, Failure) and found.restart)
