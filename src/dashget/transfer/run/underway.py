"""How much is here of what is not finished: asked for a few times a second, and only then."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from dashget.transfer.contract import UnderWay
from dashget.transfer.run.task import Task
from dashget.transfer.run.wire import Wire


def iter_under_way(tasks: Iterable[Task], wires: Iterable[Wire]) -> Iterator[UnderWay]:
    """Yield how far each task is of which something is here or known.

    Bytes count once, however often they came. To be called with the run's lock held.
    """
    held = {task: _kept(task) for task in tasks if task.sink is not None}
    for wire in wires:
        task = wire.task
        if task not in held:
            continue
        if task.gaps is not None:
            if wire.claim is not None:
                # Nobody else's, but not here yet.
                held[task] -= max(0, wire.claim - wire.position)
        elif wire.under_way and not wire.dropped and wire.start <= task.prefix:
            held[task] = max(held[task], wire.position)
    for task, kept in held.items():
        if kept or task.size is not None:
            yield UnderWay(task.job, max(kept, 0), task.size)


def _kept(task: Task) -> int:
    """Return the bytes that are neither missing nor another attempt's to bring."""
    if task.gaps is None or task.size is None:
        return task.prefix
    return task.size - task.gaps.total
