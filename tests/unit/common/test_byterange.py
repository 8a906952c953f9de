"""Byte ranges as in HTTP and in MPDs."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashget.common.byterange import ByteRange


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
def test_invalid_ranges_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a byte range"):
        ByteRange.parse(text)


@given(st.integers(0, 2**62), st.none() | st.integers(0, 2**62))
def test_a_range_is_parsed_back_from_its_text(first: int, length: int | None) -> None:
    last = None if length is None else first + length
    span = ByteRange(first, last)
    assert ByteRange.parse(str(span)) == span


def test_ranges_are_ordered_by_their_beginning() -> None:
    assert sorted([ByteRange(5, 9), ByteRange(0, 99), ByteRange(5, 6)]) == [
        ByteRange(0, 99),
        ByteRange(5, 6),
        ByteRange(5, 9),
    ]
