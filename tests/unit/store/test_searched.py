"""Files of a record that is searched."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import BinaryIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashget.common.compactmap import CompactMap
from dashget.store import searched
from dashget.store.record import FileRecord, encode_line, read_sizes, url_key
from dashget.store.searched import SearchedRecord


def opening(data: bytes) -> Callable[[], BinaryIO | None]:
    return lambda: io.BytesIO(data) if data else None


NAMES = st.sampled_from(["a", "b", "a/b", "ü", 'q"', "ab", "a.m4s"])
ENTRIES = st.lists(st.tuples(NAMES, st.integers(0, 9), st.booleans()), max_size=12)


@given(ENTRIES, st.integers(1, 200), st.sampled_from([b"", b'{"path":"a","url":"torn']))
def test_it_says_what_a_map_of_all_files_says(
    entries: list[tuple[str, int, bool]], block: int, rest: bytes
) -> None:
    lines = [encode_line(FileRecord(p, f"u{p}", size, removed=gone)) for p, size, gone in entries]
    data = b"".join(lines) + rest
    known: CompactMap = read_sizes(opening(data))[0]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(searched, "_BLOCK", block)
        record = SearchedRecord(opening(data))
        for name in ("a", "b", "a/b", "ü", 'q"', "ab", "a.m4s", "other"):
            assert record.get(name) == known.get(name)
            assert (name in record) == (name in known)
        assert bool(record) == bool(entries)


def test_recent_files_need_no_search() -> None:
    record = SearchedRecord(opening(b""))
    assert not record
    record.recent["a"] = 3, url_key("u")
    assert "a" in record
    record.discard("a")
    assert "a" not in record
    record.recent["a"] = 3, 4
    record.settle()
    assert record.get("a") is None
