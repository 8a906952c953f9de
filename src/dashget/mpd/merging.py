"""Merge segment information of one kind over its levels, and find what is not in use (5.3.9.1).

Where a level has two elements of one kind, or two kinds, players differ in which one they take. So
the files of all are asked for; those that no other one names may be missing.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, TypeVar

from dashget.errors import Issue
from dashget.mpd.model import MultipleSegmentBase, SegmentBase, SegmentList, SegmentTemplate
from dashget.mpd.references import Level

_Kind = TypeVar("_Kind", bound=SegmentBase)
_FIELDS: Final = {
    "timescale": "timescale",
    "presentationTimeOffset": "presentation_time_offset",
    "indexRange": "index_range",
    "availabilityTimeOffset": "availability_time_offset",
    "duration": "duration",
    "startNumber": "start_number",
    "endNumber": "end_number",
    "k": "parts",
}
"""The attributes whose issues are kept, and the fields with their values."""
_LEVELS: Final = {
    SegmentTemplate: "segment_template",
    SegmentList: "segment_list",
    SegmentBase: "segment_base",
}


def merge(kind: type[_Kind], levels: tuple[Level, ...]) -> _Kind:
    """Take each field from the nearest level that has it."""
    return _merged(kind, _firsts(kind, levels[::-1]))


def spares_of(used: SegmentBase | None, levels: tuple[Level, ...]) -> tuple[SegmentBase, ...]:
    """Return the segment information with segments that a Representation could use instead.

    A file that holds everything may have templates above it: it is what replaces them.
    """
    if not isinstance(used, MultipleSegmentBase):
        return ()
    if not any(level.doubled for level in levels) and not _has_other_kinds(used, levels):
        return ()
    return tuple(_iter_spares(used, levels[::-1]))


def _has_other_kinds(used: SegmentBase, levels: tuple[Level, ...]) -> bool:
    return any(
        getattr(level, name) is not None
        for level in levels
        for kind, name in _LEVELS.items()
        if kind is not type(used)
    )


def _iter_spares(used: SegmentBase, levels: tuple[Level, ...]) -> Iterator[SegmentBase]:
    """Yield what the levels, the nearest first, make of each kind and of each second element."""
    for kind in (SegmentTemplate, SegmentList):
        firsts = _firsts(kind, levels)
        if firsts and kind is not type(used):
            yield _merged(kind, firsts)
        for position, level in enumerate(levels):
            for doubled in level.doubled:
                if type(doubled) is kind:
                    nearer = _firsts(kind, levels[:position])
                    above = _firsts(kind, levels[position + 1 :])
                    yield _merged(kind, [*nearer, doubled, *above])
    deciding = next(level for level in levels if getattr(level, _LEVELS[type(used)]) is not None)
    if deciding.segment_base is not None:
        yield _merged(SegmentBase, _firsts(SegmentBase, levels))


def _firsts(kind: type[_Kind], levels: tuple[Level, ...]) -> list[_Kind]:
    found = (getattr(level, _LEVELS[kind]) for level in levels)
    return [information for information in found if information is not None]


def _merged(kind: type[_Kind], present: list[_Kind]) -> _Kind:
    if len(present) == 1:
        return present[0]
    fields: dict[str, Any] = {}
    for name in kind.__struct_fields__:
        values = (getattr(information, name) for information in present)
        fields[name] = next((value for value in values if value is not None), None)
    fields["invalid"] = _merge_invalid(present)
    return kind(**fields)


def _merge_invalid(present: list[_Kind]) -> dict[str, Issue]:
    """Keep the issue of an invalid attribute unless a nearer level has a value."""
    invalid: dict[str, Issue] = {}
    for position, information in enumerate(present):
        for name, issue in information.invalid.items():
            field = _FIELDS[name]
            if not any(getattr(nearer, field) is not None for nearer in present[:position]):
                invalid.setdefault(name, issue)
    return invalid
