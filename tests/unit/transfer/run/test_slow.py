"""Which transfers under way are large."""

from __future__ import annotations

from typing import Any, cast

import pytest

from dashget.transfer.contract import Job, MemorySink, Request
from dashget.transfer.run.underway import largest_bytes
from dashget.transfer.run.ways import new_task

MIB = 1024 * 1024


class Under:
    """The part of an exchange that is looked at."""

    def __init__(self, received: int) -> None:
        self.received = received


@pytest.mark.parametrize(
    ("received", "largest"),
    [((), 0), ((MIB,), 0), ((MIB + 1, 5), MIB + 1), ((1, 9 * MIB, 2 * MIB), 9 * MIB)],
)
def test_the_largest_transfer_in_progress_counts_from_a_mebibyte_on(
    received: tuple[int, ...], largest: int
) -> None:
    task = new_task(Job(Request(("http://h/a",)), lambda _: MemorySink(1)))
    task.exchanges = cast("Any", [Under(size) for size in received])
    assert largest_bytes([task]) == largest
