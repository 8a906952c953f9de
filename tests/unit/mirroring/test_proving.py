"""Which bytes of a file are compared with the server's."""

from __future__ import annotations

from itertools import pairwise

import pytest

from dashget.mirroring.proving import SAMPLE_BYTES, sample_spans


@pytest.mark.parametrize("size", [1, SAMPLE_BYTES, 4 * SAMPLE_BYTES])
def test_all_of_a_small_file_is_compared(size: int) -> None:
    (span,) = sample_spans(size)
    assert (span.first, span.last) == (0, size - 1)


@pytest.mark.parametrize(
    ("size", "count"),
    [
        (4 * SAMPLE_BYTES + 1, 3),
        ((64 << 20) - 1, 3),
        (64 << 20, 4),
        (5 << 30, 32),
        ((1 << 63) - 1, 32),
    ],
)
def test_samples_are_taken_from_the_first_byte_to_the_last(size: int, count: int) -> None:
    spans = sample_spans(size)
    assert len(spans) == count
    assert (spans[0].first, spans[-1].last) == (0, size - 1)
    assert {span.size_bytes for span in spans} == {SAMPLE_BYTES}
    gaps = [after.first - (before.last or 0) for before, after in pairwise(spans)]
    assert min(gaps) > 0
    assert max(gaps) - min(gaps) <= 1
