"""Write the content of a presentation as tables for people, one per Period.

On a terminal, columns without room are written on extra lines below each row. ``rich.table``
would fold every column instead: at 80 columns already, codecs, bandwidths and even the headings
are broken within words, and at 40 a table of two rows takes forty lines.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TextIO

from rich.cells import cell_len, chop_cells

from dashget.cli.printers import text
from dashget.cli.printers.listing import (
    AdaptationSetRow,
    PeriodRow,
    PresentationRow,
    ProtectionRow,
    RepresentationRow,
)
from dashget.cli.streams import legible


def print_table(row: PresentationRow, stream: TextIO, *, width: int | None = None) -> None:
    """Write one table per Period; for a pipe (``width`` None) with one line for each row.

    On a terminal, columns without room are written on extra lines below each row.
    """
    stream.write(f"{_heading(row)}\n")
    for period in row.periods:
        stream.write(f"\n{_period_heading(period)}\n")
        for line in _period_lines(period, width):
            stream.write(f"{line}\n")


def _heading(row: PresentationRow) -> str:
    title = f"{legible(row.title)}: " if row.title else ""
    length = f", {text.duration(row.duration)}" if row.duration is not None else ""
    periods = text.count(len(row.periods), "period")
    return f"{title}{row.type} presentation, {periods}{length}\n{legible(row.url)}"


def _period_heading(period: PeriodRow) -> str:
    name = f" ({legible(period.id)})" if period.id else ""
    length = f", {text.duration(period.duration)} long" if period.duration is not None else ", open"
    events = f", {text.count(period.events, 'event')}" if period.events else ""
    return f"Period {period.index}{name}: at {text.duration(period.start)}{length}{events}"


_COLUMNS = (
    ("type", "left"),
    ("id", "left"),
    ("resolution", "right"),
    ("fps", "right"),
    ("codecs", "left"),
    ("bandwidth", "right"),
    ("lang", "left"),
    ("role", "left"),
    ("segments", "right"),
    ("duration", "right"),
    ("size", "right"),
    ("protection", "left"),
    ("notes", "left"),
)


_BELOW_FIRST = (
    "notes", "protection", "size", "fps", "duration", "role", "segments", "codecs", "bandwidth",
    "lang", "resolution",
)  # fmt: skip
"""The columns to move below the rows of a narrow table, in this order."""

_INDENT = "  "


def _period_lines(period: PeriodRow, width: int | None) -> Iterator[str]:
    rows = [
        tuple(legible(cell) for cell in _cells(adaptation_set, representation))
        for adaptation_set in period.adaptation_sets
        for representation in adaptation_set.representations
    ]
    widths = {
        name: max(cell_len(cell) for cell in (name, *(row[i] for row in rows)))
        for i, (name, _) in enumerate(_COLUMNS)
        if i < 2 or any(row[i] for row in rows)
    }
    below = set()
    for name in _BELOW_FIRST:
        if width is None or sum(widths.values()) + 2 * (len(widths) - 1) <= width:
            break
        if widths.pop(name, None):
            below.add(name)
    header = tuple(name for name, _ in _COLUMNS)
    rule = tuple("-" * widths.get(name, 0) for name in header)
    yield _line(header, widths)
    yield _line(rule, widths)
    for row in rows:
        yield _line(row, widths)
        facts = [
            f"{name}: {cell}"
            for name, cell in zip(header, row, strict=True)
            if name in below and cell
        ]
        yield from _lines_of(facts, width or 0)


def _lines_of(facts: list[str], width: int) -> Iterator[str]:
    """Yield lines with as many facts as fit side by side; a fact wider than a line is wrapped."""
    line = ""
    for fact in facts:
        if line and cell_len(f"{line}  {fact}") <= width:
            line += f"  {fact}"
            continue
        if line:
            yield line
        lines = list(_wrapped(fact, width))
        line = lines[0] if len(lines) == 1 else ""
        if not line:
            yield from lines
    if line:
        yield line


def _wrapped(fact: str, width: int) -> Iterator[str]:
    """Yield the lines of a fact, broken at spaces; words wider than a line are broken anywhere."""
    line = _INDENT
    for word in fact.split(" "):
        gap = "" if line.isspace() else " "
        if cell_len(line + gap + word) > width and gap:
            yield line
            line, gap = _INDENT * 2, ""
        room = max(width - cell_len(line), 2)
        *pieces, word = chop_cells(word, room) or [""]
        for piece in pieces:
            yield line + piece
            line = _INDENT * 2
        line += gap + word
    yield line


def _line(row: tuple[str, ...], widths: dict[str, int]) -> str:
    cells = []
    for (name, side), cell in zip(_COLUMNS, row, strict=True):
        if name in widths:
            padding = " " * (widths[name] - cell_len(cell))
            cells.append(padding + cell if side == "right" else cell + padding)
    return "  ".join(cells).rstrip()


def _cells(adaptation_set: AdaptationSetRow, representation: RepresentationRow) -> tuple[str, ...]:
    size = representation.size_estimated
    length = representation.duration
    return (
        adaptation_set.content_type,
        representation.id,
        f"{representation.width}x{representation.height}" if representation.width else "",
        f"{representation.frame_rate:g}" if representation.frame_rate else "",
        representation.codecs or "",
        text.bitrate(representation.bandwidth) if representation.bandwidth else "",
        adaptation_set.lang or "",
        ", ".join(adaptation_set.roles),
        f"{representation.segments:,}" if representation.segments is not None else "?",
        text.duration(length) if length is not None else "",
        f"~{text.size(size)}" if size is not None else "",
        ", ".join(_protection_name(protection) for protection in adaptation_set.protection),
        "; ".join(_iter_notes(adaptation_set, representation)),
    )


def _protection_name(protection: ProtectionRow) -> str:
    kids = f" {protection.default_kids[0]}" if protection.default_kids else ""
    return f"{protection.name or protection.scheme}{kids}"


def _iter_notes(
    adaptation_set: AdaptationSetRow, representation: RepresentationRow
) -> Iterator[str]:
    if representation.problems:
        yield "cannot be planned"
    if representation.gaps:
        yield text.count(representation.gaps, "gap")
    inside = representation.initialization
    if inside is not None and (inside.schemes or inside.default_kids or inside.pssh_systems):
        facts = (*inside.schemes, *inside.default_kids, *inside.pssh_systems)
        yield f"init: {' '.join(facts)}"
    if adaptation_set.inband_events:
        yield f"events {', '.join(adaptation_set.inband_events)}"
    if adaptation_set.trick_mode_for:
        yield f"trick mode of {', '.join(adaptation_set.trick_mode_for)}"
    if adaptation_set.switching_with:
        yield f"switches with {', '.join(adaptation_set.switching_with)}"
    if adaptation_set.accessibility:
        yield f"accessibility {', '.join(adaptation_set.accessibility)}"
    if adaptation_set.tiles:
        yield f"tiles {adaptation_set.tiles}"
    if adaptation_set.labels:
        yield ", ".join(adaptation_set.labels)
