"""Write the content of a presentation: a table for people, one JSON object for programs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fractions import Fraction
from typing import TextIO

import msgspec
from rich.cells import cell_len, chop_cells

from dashget.cli.printers import text
from dashget.common.foreigntext import printable
from dashget.media.isobmff import Protections
from dashget.mpd.presentation import AdaptationSet, Presentation, Protection, Representation
from dashget.mpd.protection import SYSTEMS
from dashget.planning.tracks import Track


class RepresentationRow(msgspec.Struct, frozen=True):
    """One Representation in the JSON form of ``dashget list``.

    ``duration`` is in seconds, ``bandwidth`` in bits per second, ``size_estimated`` in
    bytes; null if the manifest does not tell.
    """

    id: str
    bandwidth: int | None
    codecs: str | None
    mime_type: str | None
    width: int | None
    height: int | None
    frame_rate: float | None
    audio_sampling_rate: int | None
    channels: int | None
    segments: int | None
    duration: float | None
    size_estimated: int | None
    gaps: int
    """The number of stretches of a SegmentTimeline without a listed segment."""
    initialization: InitializationRow | None = None


class ProtectionRow(msgspec.Struct, frozen=True):
    """One protection system."""

    scheme: str
    name: str | None
    default_kids: tuple[str, ...]
    pssh_systems: tuple[str, ...]


class InitializationRow(msgspec.Struct, frozen=True):
    """The encryption that an initialization segment declares (``--init``)."""

    schemes: tuple[str, ...]
    default_kids: tuple[str, ...]
    pssh_systems: tuple[str, ...]


class AdaptationSetRow(msgspec.Struct, frozen=True):
    """One AdaptationSet in the JSON form of ``dashget list``."""

    index: int
    id: str | None
    content_type: str
    lang: str | None
    labels: tuple[str, ...]
    roles: tuple[str, ...]
    accessibility: tuple[str, ...]
    trick_mode_for: tuple[str, ...]
    switching_with: tuple[str, ...]
    tiles: str | None
    inband_events: tuple[str, ...]
    protection: tuple[ProtectionRow, ...]
    representations: tuple[RepresentationRow, ...]


class PeriodRow(msgspec.Struct, frozen=True):
    """One Period in the JSON form of ``dashget list``."""

    index: int
    id: str | None
    start: float
    duration: float | None
    events: int
    adaptation_sets: tuple[AdaptationSetRow, ...]


class PresentationRow(msgspec.Struct, frozen=True):
    """The JSON form of ``dashget list``."""

    url: str
    type: str
    title: str | None
    duration: float | None
    periods: tuple[PeriodRow, ...]


def presentation_row(
    presentation: Presentation,
    tracks: tuple[Track, ...],
    protections: Mapping[int, Protections] | None = None,
) -> PresentationRow:
    """Return the facts of a presentation; ``tracks`` has all its Representations.

    ``protections`` has the encryption found in initialization segments, by key of the track.
    """
    by_place = {id(track.representation): track for track in tracks}
    return PresentationRow(
        url=presentation.url,
        type=presentation.type.value,
        title=presentation.title,
        duration=_float(presentation.duration),
        periods=tuple(
            PeriodRow(
                index=period.index,
                id=period.id,
                start=float(period.start),
                duration=_float(period.duration),
                events=sum(stream.count for stream in period.events),
                adaptation_sets=tuple(
                    _adaptation_set_row(adaptation_set, by_place, protections or {})
                    for adaptation_set in period.adaptation_sets
                ),
            )
            for period in presentation.periods
        ),
    )


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
    title = f"{printable(row.title)}: " if row.title else ""
    length = f", {text.duration(row.duration)}" if row.duration is not None else ""
    periods = text.count(len(row.periods), "period")
    return f"{title}{row.type} presentation, {periods}{length}\n{printable(row.url)}"


def _period_heading(period: PeriodRow) -> str:
    name = f" ({printable(period.id)})" if period.id else ""
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
        tuple(printable(cell) for cell in _cells(adaptation_set, representation))
        for adaptation_set in period.adaptation_sets
        for representation in adaptation_set.representations
    ]
    widths = {
        name: max(cell_len(name), *(cell_len(row[i]) for row in rows))
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


def _adaptation_set_row(
    adaptation_set: AdaptationSet,
    tracks: dict[int, Track],
    initial: Mapping[int, Protections],
) -> AdaptationSetRow:
    protections = adaptation_set.protections or tuple(
        protection
        for representation in adaptation_set.representations[:1]
        for protection in representation.protections
    )
    tiles = adaptation_set.tiles
    return AdaptationSetRow(
        index=adaptation_set.index,
        id=adaptation_set.id,
        content_type=adaptation_set.content_type.value,
        lang=adaptation_set.lang,
        labels=adaptation_set.labels,
        roles=tuple(role.value or role.scheme for role in adaptation_set.roles),
        accessibility=tuple(item.value or item.scheme for item in adaptation_set.accessibility),
        trick_mode_for=adaptation_set.trick_mode_for,
        switching_with=adaptation_set.switching_with,
        tiles=f"{tiles.columns}x{tiles.rows}" if tiles else None,
        inband_events=tuple(stream.scheme for stream in adaptation_set.inband_events),
        protection=tuple(_protection_row(protection) for protection in protections),
        representations=tuple(
            _representation_row(representation, tracks[id(representation)], initial)
            for representation in adaptation_set.representations
        ),
    )


def _protection_row(protection: Protection) -> ProtectionRow:
    return ProtectionRow(
        scheme=protection.scheme,
        name=protection.name,
        default_kids=protection.default_kids,
        pssh_systems=tuple(box_.system_id for box_ in protection.pssh),
    )


def _representation_row(
    representation: Representation, track: Track, initial: Mapping[int, Protections]
) -> RepresentationRow:
    found = initial.get(track.key)
    return RepresentationRow(
        id=representation.id,
        bandwidth=representation.bandwidth,
        codecs=representation.codecs,
        mime_type=representation.mime_type,
        width=representation.width,
        height=representation.height,
        frame_rate=_float(representation.frame_rate),
        audio_sampling_rate=representation.audio_sampling_rate,
        channels=representation.channels,
        segments=track.index.count(),
        duration=_float(representation.period.duration),
        size_estimated=track.bytes_estimated,
        gaps=representation.gaps,
        initialization=None
        if found is None
        else InitializationRow(
            found.schemes,
            found.key_ids,
            tuple(SYSTEMS.get(box.system_id, box.system_id) for box in found.pssh),
        ),
    )


def _float(value: Fraction | None) -> float | None:
    return None if value is None else float(value)
