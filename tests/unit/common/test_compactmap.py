"""The compact map, held against a dict."""

from __future__ import annotations

import struct
import sys
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashget.common import compactmap
from dashget.common.compactmap import Buckets, CompactMap

TEXTS = st.sampled_from([f"v/{number}.m4s" for number in range(12)])
INTEGERS = st.integers(-(1 << 63), (1 << 63) - 1)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("set"), TEXTS, INTEGERS, INTEGERS),
        st.tuples(st.just("discard"), TEXTS),
        st.tuples(st.just("settle")),
    ),
    max_size=40,
)


@given(STEPS)
def test_the_map_equals_a_dict_whenever_entries_are_moved(
    steps: list[tuple[object, ...]],
) -> None:
    found, model = CompactMap(2), dict[str, tuple[int, ...]]()
    for step in steps:
        match step:
            case ("set", str(text), int(one), int(other)):
                found[text] = model[text] = (one, other)
            case ("discard", str(text)):
                found.discard(text)
                model.pop(text, None)
            case _:
                found.settle()
    for number in range(12):
        text = f"v/{number}.m4s"
        assert found.get(text) == model.get(text)
        assert (text in found) is found.contains(text) is (text in model)
    found.settle()
    assert len(found) == len(model)


def test_a_string_is_found_before_and_after_it_was_moved() -> None:
    found = CompactMap(1)
    found["a"] = (1,)
    assert found.contains("a")
    assert not found.contains("b")
    found.settle()
    found["c"] = (1,)
    assert found.contains("a")
    assert found.contains("c")
    assert not found.contains("b")


def test_the_first_entries_are_moved_when_there_are_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compactmap, "RECENT_AT_MOST", 3)
    found = CompactMap(1)
    for number in range(7):
        found[str(number)] = (number,)
    assert len(found.recent) == 1
    assert len(found) == 7
    assert [found.get(str(number)) for number in range(7)] == [(n,) for n in range(7)]


def test_a_string_that_is_set_again_has_its_last_integers() -> None:
    found = CompactMap(1)
    found["a"] = (1,)
    found.settle()
    found["a"] = (2,)
    assert found.get("a") == (2,)
    found.settle()
    assert found.get("a") == (2,)
    assert len(found) == 1


def test_the_bytes_of_a_hash_across_two_entries_are_not_an_entry() -> None:
    """All in one bucket: the bytes of what is sought are those between two entries."""
    buckets = Buckets(1)
    ours = [text for text in map(str, range(400_000)) if hash(text) % 4096 == 7][:2]
    sought = next(text for text in map(str, range(400_000, 9**7)) if hash(text) % 4096 == 7)
    packed = struct.pack("<q", hash(sought))
    # Its first half ends the first entry, its second half would have to begin the next one.
    value = int.from_bytes(b"\0" * 3 + packed[:5], "little", signed=True)
    buckets.update({ours[0]: (value,)})
    bucket = next(bucket for bucket in buckets._buckets if bucket)
    bucket += packed[5:] + b"\0" * 13
    assert packed in bucket
    assert sought not in buckets
    assert buckets.get(sought) is None
    buckets.discard(sought)
    assert ours[0] in buckets
    buckets.update({sought: (5,)})
    assert buckets.get(sought) == (5,)
    assert buckets.get(ours[0]) == (value,)


def test_an_integer_that_does_not_fit_is_an_error() -> None:
    found = CompactMap(1)
    found["a"] = (1 << 63,)
    with pytest.raises(struct.error):
        found.settle()


@pytest.mark.slow
def test_a_hundred_thousand_entries_take_less_than_a_fourth_of_a_dict_of_strings() -> None:
    def grow(found: CompactMap | dict[str, tuple[int, ...]]) -> int:
        tracemalloc.start()
        for number in range(100_000):
            found[f"video/1080p/segment-{number:09d}.m4s"] = (hash(number * 7919), number << 20)
        size, _ = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return size

    compact = CompactMap(2)
    size = grow(compact)
    assert len(compact) == 100_000
    assert size < 100_000 * 48 + sys.getsizeof({}) + compactmap.RECENT_AT_MOST * 300
    assert grow({}) > 4 * size
