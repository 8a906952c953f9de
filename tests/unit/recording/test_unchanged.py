"""When a server may answer that the manifest is still the same."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from dashget.live.world import Read
from dashget.recording.unchanged import Unless
from dashget.transfer.contract import Fetched, ResponseHead, Validators
from tests.unit.live.test_refresh import version

URL = "http://h/live.mpd"
HEAD = ResponseHead(
    url=URL, status=200, http_version="1.1", size=1, etag='"a"', last_modified=None,
    validator='"a"', content_type=None, asked=URL,
)  # fmt: skip
DATE = "Mon, 01 Jan 2024 00:00:00 GMT"
# It lists segments up to second 6 of 1970.
KNOWN = version(depth=40.0)


def fetched(**changes: Any) -> Fetched:
    head = msgspec.structs.replace(HEAD, **changes)
    return Fetched(head, 1, 1, 1, 1, None, 0.0, None, resumed=False)


def answered(came: Fetched | None, errand: Read, url: str = URL) -> Validators | None:
    unless = Unless()
    unless.came(came, 1.0)
    return unless.of(errand, url, KNOWN)


@pytest.mark.parametrize(
    ("changes", "wanted"),
    [
        ({}, Validators('"a"')),
        ({"etag": 'W/"a"', "validator": None}, Validators('W/"a"')),
        ({"etag": 'W/"a"', "last_modified": DATE, "validator": DATE}, Validators('W/"a"')),
        ({"etag": None, "last_modified": DATE, "validator": DATE}, Validators(None, DATE)),
        # It may have changed within its second.
        ({"etag": None, "last_modified": DATE, "validator": None}, None),
        ({"etag": None, "validator": None}, None),
        ({"url": "http://h/session/live.mpd"}, None),
    ],
)
def test_what_tells_that_it_is_the_same(changes: dict[str, Any], wanted: Validators | None) -> None:
    assert answered(fetched(**changes), Read(server=2.0)) == wanted


@pytest.mark.parametrize(
    ("errand", "allowed"),
    [
        (Read(server=2.0), True),
        (Read(server=9.9), True),
        (Read(server=2.0, fresh=True), False),
        (Read(server=2.0, clock=True), False),
        # More should be listed by now, or it is long since all was read.
        (Read(server=10.1), False),
        (Read(server=1e9), False),
    ],
)
def test_all_of_it_is_read_where_it_may_be_another_one(errand: Read, allowed: bool) -> None:
    assert (answered(fetched(), errand) is not None) is allowed


def test_a_validator_is_of_one_address_and_of_a_whole_document() -> None:
    assert answered(fetched(), Read(server=2.0), "http://h/other.mpd") is None
    assert answered(None, Read(server=2.0)) is None


def test_a_document_without_a_list_is_read_every_minute_or_four_times_in_a_window() -> None:
    for depth, seconds in ((None, 60.0), (14_400.0, 60.0), (20.0, 5.0)):
        unless = Unless()
        unless.came(fetched(), 100.0)
        known = version(explicit=False, depth=depth)
        assert unless.of(Read(server=100.0 + seconds - 0.1), URL, known) is not None
        assert unless.of(Read(server=100.0 + seconds + 0.1), URL, known) is None
