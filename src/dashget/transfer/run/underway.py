"""How far unfinished files are: their bytes on disk and their sizes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from dashget.transfer.contract import UnderWay
from dashget.transfer.run.task import Task


def iter_under_way(tasks: Iterable[Task]) -> Iterator[UnderWay]:
    """Yield the state of each task that has bytes on disk or a known size.

    Bytes count once, however often they came. To be called with the run's lock held.
    """
    for task in tasks:
        if task.sink is None:
            continue
        here = kept = task.way.bytes_here()
        for exchange in task.exchanges:
            if task.way.in_ranges:
                if exchange.claim is not None:
                    # Nobody else's, but not here yet.
                    here -= max(0, exchange.claim - exchange.position)
            elif exchange.under_way and not exchange.dropped and exchange.start <= kept:
                here = max(here, exchange.position)
        if here or task.size is not None:
            yield UnderWay(task.job, max(here, 0), task.size)
