"""The picture of a recording: a line of blocks for each track, on one time line.

A cell in which anything is missing shows that, however short it is beside the cell.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

import msgspec
from rich.cells import cell_len, set_cell_size

from dashget.cli.streams import is_written, legible
from dashget.common.numbers import shown_time
from dashget.live.gaps import Gap
from dashget.live.line import Line
from dashget.live.named import NamedLine

_MOST_LABEL: Final = 24
_LEAST_CELLS: Final = 10
_BLOCKS: Final = "█▒░ "
_ASCII: Final = "#+- "
"""A cell that is recorded, one of which a part is missing, one without anything recorded, and
one in which nothing was announced."""
_CLOCK_CELLS: Final = 8
_APART: Final = 4


class Bar(msgspec.Struct, frozen=True):
    """A track on the time line: what is recorded, and what is missing, as begin and end."""

    label: str
    recorded: tuple[tuple[float, float], ...]
    missing: tuple[tuple[float, float], ...]


def bars_of(lines: Iterable[Line], named: Iterable[NamedLine], gaps: Iterable[Gap]) -> list[Bar]:
    """Return the tracks of a recording; lines of the same name are one track."""
    recorded: dict[str, list[tuple[float, float]]] = {}
    missing: dict[str, list[tuple[float, float]]] = {}
    for line in lines:
        if line.is_timed:
            times = ((line.wall(run.time), line.wall(run.end)) for run in line.recorded)
            recorded.setdefault(line.label, []).extend(times)
    for each in named:
        stretches = recorded.setdefault(each.fact.label, [])
        for row in each.rows:
            if stretches and not stretches[-1][1] > stretches[-1][0]:
                # Nobody knows how long it is: up to the next one.
                stretches[-1] = (stretches[-1][0], row.at)
            stretches.append((row.at, row.end))
    for gap in gaps:
        if gap.label in recorded and gap.reason.is_loss:
            missing.setdefault(gap.label, []).append((gap.begin, gap.end))
    return [
        Bar(label, tuple(sorted(times)), tuple(sorted(missing.get(label, ()))))
        for label, times in recorded.items()
    ]


def picture(bars: Sequence[Bar], width: int, encoding: str) -> Iterator[str]:
    """Yield the rows of the picture, none wider than ``width``; none at all without times."""
    moments = [time for bar in bars for pair in (*bar.recorded, *bar.missing) for time in pair]
    moments = [time for time in moments if math.isfinite(time)]
    if not moments or max(moments) <= min(moments):
        return
    begin, end = min(moments), max(moments)
    labels = [legible(bar.label) for bar in bars]
    room = min(max(map(cell_len, labels)), _MOST_LABEL, max(width - _LEAST_CELLS - 1, 0))
    cells = max(width - room - (1 if room else 0), 1)
    blocks = _BLOCKS if is_written(_BLOCKS, encoding) else _ASCII
    gutter = " " * (room + 1 if room else 0)
    yield f"{shown_time(begin)} to {shown_time(end)} UTC"[:width]
    for bar, label in zip(bars, labels, strict=True):
        name = f"{set_cell_size(label, room)} " if room else ""
        yield (name + _cells(bar, begin, end, cells, blocks)).rstrip() or name
    yield (gutter + _clock(begin, end, cells)).rstrip()
    legend = f"{blocks[0]} recorded  {blocks[1]} in part  {blocks[2]} missing"
    yield legend[:width]


def _cells(bar: Bar, begin: float, end: float, count: int, blocks: str) -> str:
    have, lack = [0.0] * count, [False] * count
    step = (end - begin) / count
    for first, last in bar.recorded:
        for at in _touched(first, last, begin, step, count):
            left, right = begin + at * step, begin + (at + 1) * step
            have[at] += max(0.0, min(last, right) - max(first, left))
    for first, last in bar.missing:
        for at in _touched(first, last, begin, step, count):
            lack[at] = True
    return "".join(
        blocks[(1 if some > step * 0.001 else 2) if lacks else (0 if some > 0 else 3)]
        for some, lacks in zip(have, lack, strict=True)
    )


def _touched(first: float, last: float, begin: float, step: float, count: int) -> range:
    """Return the cells that a stretch is in, more than by the error of the computation."""
    near = step * 1e-6
    low = min(max(math.floor((first - begin + near) / step), 0), count - 1)
    high = min(max(math.ceil((last - begin - near) / step), low + 1), count)
    return range(low, high)


def _clock(begin: float, end: float, cells: int) -> str:
    """Return the times of day below the cells that begin then."""
    row = [" "] * cells
    count = max(cells // (_CLOCK_CELLS + _APART), 1)
    for mark in range(count):
        at = mark * cells // count
        time = shown_time(begin + (end - begin) * at / cells).rpartition(" ")[2]
        row[at : at + len(time)] = time
    return "".join(row)[:cells]
