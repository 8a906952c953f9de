"""Conditional requests, in the order of RFC 9110, 13.2.2."""

from __future__ import annotations

import pytest

from dashget.serve.conditions import Decision, FileVersion, decide, version_of

TAG = '"a-b"'
DATE = "Sun, 06 Nov 1994 08:49:37 GMT"
EARLIER = "Sun, 06 Nov 1994 08:49:36 GMT"
VERSION = FileVersion(100, TAG, 784111777)
FRESH = FileVersion(100, TAG, None)


def asked(version: FileVersion = VERSION, method: str = "GET", **headers: str) -> Decision:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return decide(method, named.get, version)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"If_None_Match": TAG}, 304),
        ({"If_None_Match": f"W/{TAG}"}, 304),
        ({"If_None_Match": f'"x", {TAG}'}, 304),
        ({"If_None_Match": "*"}, 304),
        ({"If_None_Match": '"x"'}, 200),
        ({"If_None_Match": "a-b"}, 200),
        ({"If_None_Match": '"x"', "If_Modified_Since": DATE}, 200),
        ({"If_Modified_Since": DATE}, 304),
        ({"If_Modified_Since": EARLIER}, 200),
        ({"If_Modified_Since": "soon"}, 200),
        ({"If_Match": TAG}, 200),
        ({"If_Match": "*"}, 200),
        ({"If_Match": f"W/{TAG}"}, 412),
        ({"If_Match": '"x"'}, 412),
        ({"If_Match": TAG, "If_Unmodified_Since": EARLIER}, 200),
        ({"If_Unmodified_Since": EARLIER}, 412),
        ({"If_Unmodified_Since": DATE}, 200),
        ({"If_Match": '"x"', "If_None_Match": TAG}, 412),
        ({"Range": "bytes=0-1"}, 206),
        ({"Range": "bytes=0-1", "If_None_Match": TAG}, 304),
        ({"Range": "bytes=100-"}, 416),
        ({"Range": "bytes=2-1"}, 200),
        ({"Range": "bytes=0-1", "If_Range": TAG}, 206),
        ({"Range": "bytes=0-1", "If_Range": f"W/{TAG}"}, 200),
        ({"Range": "bytes=0-1", "If_Range": '"x"'}, 200),
        ({"Range": "bytes=100-", "If_Range": '"x"'}, 200),
        ({"Range": "bytes=0-1", "If_Range": DATE}, 206),
        ({"Range": "bytes=0-1", "If_Range": EARLIER}, 200),
        ({"Range": "bytes=0-1", "If_Range": "nonsense"}, 200),
    ],
)
def test_the_status_of_a_get(headers: dict[str, str], status: int) -> None:
    assert asked(**headers).status == status


def test_head_has_no_ranges() -> None:
    assert asked(method="HEAD", Range="bytes=0-1").status == 200
    assert asked(method="HEAD", If_None_Match=TAG).status == 304


@pytest.mark.parametrize("text", ["bytes=0-", "bytes=-5", "bytes=0-0"])
def test_an_empty_file_is_sent_whole(text: str) -> None:
    assert asked(FileVersion(0, TAG), Range=text) == Decision(200)


def test_a_file_that_has_just_changed_is_told_by_its_tag_only() -> None:
    """Within the same second it may change again, and its date would be the same."""
    assert asked(FRESH, If_Modified_Since=DATE).status == 200
    assert asked(FRESH, If_Unmodified_Since=DATE).status == 412
    assert asked(FRESH, Range="bytes=0-1", If_Range=DATE).status == 200
    assert asked(FRESH, Range="bytes=0-1", If_Range=TAG).status == 206


def test_a_version_changes_with_each_fact_about_the_file() -> None:
    facts = (10, 20, 30_000_000_000, 40_000_000_000)
    tags = {version_of(*facts, now=100).etag}
    for place in range(4):
        other = [fact + (number == place) for number, fact in enumerate(facts)]
        tags.add(version_of(*other, now=100).etag)
    assert len(tags) == 5


def test_a_date_counts_from_two_seconds_on() -> None:
    second = 1_000_000_000
    assert version_of(1, 1, 50 * second, 50 * second, now=52).modified == 50
    assert version_of(1, 1, 50 * second, 50 * second, now=51).modified is None
    assert version_of(1, 1, 5 * second, 50 * second, now=51).modified is None
    assert version_of(1, 1, 90 * second, 50 * second, now=60).modified is None
    assert version_of(1, 1, -5 * second, 50 * second, now=60).modified is None
