"""The ``Range`` header, in every form of RFC 9110, 14.1."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashget.serve.ranges import read_ranges

SIZE = 1000


@pytest.mark.parametrize(
    ("text", "ranges"),
    [
        ("bytes=0-499", ["0-499"]),
        ("bytes=500-", ["500-999"]),
        ("bytes=-500", ["500-999"]),
        ("bytes=-5000", ["0-999"]),
        ("bytes=999-999", ["999-999"]),
        ("bytes=900-5000", ["900-999"]),
        ("BYTES = 0-0", ["0-0"]),
        ("bytes=0-0,-1", ["0-0", "999-999"]),
        ("bytes= , 0-0 ,, 5-6\t, ", ["0-0", "5-6"]),
        ("bytes=500-600,100-200", ["500-600", "100-200"]),
        ("bytes=0-10,5-20,100-", ["0-20", "100-999"]),
        ("bytes=0-10,11-20", ["0-20"]),
        ("bytes=20-30,0-25", ["0-30"]),
        ("bytes=0-0,5000-", ["0-0"]),
        ("bytes=0-" + "9" * 5000, ["0-999"]),
        ("bytes=" + "0" * 30 + "1-2", ["1-2"]),
    ],
)
def test_ranges_that_can_be_satisfied(text: str, ranges: list[str]) -> None:
    assert [str(span) for span in read_ranges(text, SIZE) or ()] == ranges


@pytest.mark.parametrize("text", ["bytes=1000-", "bytes=-0", "bytes=1000-1001,-0", "bytes=9999-"])
def test_ranges_outside_of_the_file(text: str) -> None:
    assert read_ranges(text, SIZE) == ()


@pytest.mark.parametrize(
    "text",
    [
        "", "bytes", "bytes=", "bytes=,", "items=0-1", "bytes=1", "bytes=a-b", "bytes=5-4", "bytes=--1",
        "bytes=0-1,5-4", "bytes=1 - 2", "bytes=+1-2", "bytes=\u00b2-", "bytes=0-1;5-6", "bytes:0-1",
        "bytes=" + ",".join(f"{n * 2}-{n * 2}" for n in range(65)),
    ],
)  # fmt: skip
def test_a_header_that_is_ignored(text: str) -> None:
    assert read_ranges(text, SIZE) is None


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)), min_size=1, max_size=8))
def test_the_ranges_hold_each_wanted_byte_once(pairs: list[tuple[int, int]]) -> None:
    wanted = [(min(pair), max(pair)) for pair in pairs]
    text = "bytes=" + ",".join(f"{first}-{last}" for first, last in wanted)
    found = read_ranges(text, 20)
    assert found is not None
    sent = [byte for span in found for byte in range(span.first, (span.last or 0) + 1)]
    assert len(sent) == len(set(sent))
    assert set(sent) == {b for first, last in wanted for b in range(first, last + 1) if b < 20}
