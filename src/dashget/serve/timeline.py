"""What a mirror holds, drawn over time: Periods, and a row for each track. No I/O.

The times are those of the local MPD, which is what the player plays.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterable, Mapping
from fractions import Fraction
from typing import Final
from urllib.parse import unquote_to_bytes

import msgspec

from dashget.common.numbers import nearest_float
from dashget.common.url import Url
from dashget.media.kind import SegmentKind
from dashget.mpd.presentation import Presentation, Representation
from dashget.planning.layout import is_safe_path
from dashget.planning.plan import PlannedSegment
from dashget.planning.tracks import Track

_MOST_RUNS: Final = 2000
"""A row of more is drawn coarser: no screen shows as many."""
MOST_TROUBLES: Final = 200


class State(enum.Enum):
    """The state of a segment; the values are those that the page reads."""

    HERE = "here"
    MISSING = "missing"
    DAMAGED = "damaged"


class Run(msgspec.Struct, frozen=True):
    """Segments in a row of the same state, in seconds."""

    start: float
    end: float
    state: State
    segments: int


class Row(msgspec.Struct, frozen=True):
    """One Representation of one Period; ``label`` describes it in a few words."""

    period: int
    kind: str
    id: str
    label: str
    bandwidth: int | None
    runs: tuple[Run, ...]


class Period(msgspec.Struct, frozen=True):
    """A Period of the local MPD, in seconds."""

    id: str | None
    start: float
    end: float


class Trouble(msgspec.Struct, frozen=True):
    """A file that is missing or damaged; ``start`` is None for one that is needed throughout."""

    path: str
    state: State
    message: str
    start: float | None = None


class Stage(enum.Enum):
    """How far a mirror was looked at."""

    LOOKING = "looking"
    CHECKING = "checking"
    CHECKED = "checked"
    FAILED = "failed"


class Timeline(msgspec.Struct, frozen=True, kw_only=True):
    """What the page shows below the picture. ``done`` is the checked part, from 0 to 1."""

    stage: Stage = Stage.LOOKING
    done: float = 0.0
    title: str | None = None
    duration: float = 0.0
    periods: tuple[Period, ...] = ()
    rows: tuple[Row, ...] = ()
    troubles: tuple[Trouble, ...] = ()
    troubles_hidden: int = 0
    files: int = 0
    error: str | None = None


SizeOf = Callable[[str], int | None]
"""Returns the size of a file in the mirror; None if it is missing."""


def draw(
    presentation: Presentation,
    plan: Iterable[PlannedSegment],
    size_of: SizeOf,
    damaged: Mapping[str, str],
) -> Timeline:
    """Draw a presentation; ``damaged`` has a sentence for each file that a check complained about.

    The presentation is that of the local MPD: the path of its URLs is that in the mirror.
    """
    ends = {period.index: _end_of(period.start, period.duration) for period in presentation.periods}
    rows: dict[int, tuple[Track, list[Run]]] = {}
    troubles: dict[str, Trouble] = {}
    paths: set[str] = set()
    for planned in plan:
        path = path_of(planned)
        state = _state(planned, path, size_of, damaged)
        if state is None:
            continue
        paths.add(path)
        _, runs = rows.setdefault(planned.track.key, (planned.track, []))
        span = planned.track.representation.period
        start, end = _times(planned, nearest_float(span.start), ends[span.index])
        if planned.segment.kind is SegmentKind.MEDIA:
            _extend(runs, Run(start, end, state, 1))
        if state is not State.HERE:
            at = start if planned.segment.time is not None else None
            message = damaged.get(path, "missing")
            troubles.setdefault(path, Trouble(as_text(path), state, message, at))
    for path, message in damaged.items():
        if path not in paths:
            state = State.MISSING if size_of(path) is None else State.DAMAGED
            troubles.setdefault(path, Trouble(as_text(path), state, message))
    listed = sorted(troubles.values(), key=lambda trouble: (trouble.start or 0.0, trouble.path))
    return Timeline(
        title=presentation.title,
        duration=max(ends.values(), default=0.0),
        periods=tuple(
            Period(p.id, nearest_float(p.start), ends[p.index]) for p in presentation.periods
        ),
        rows=tuple(_row(track.representation, runs) for _, (track, runs) in sorted(rows.items())),
        troubles=tuple(listed[:MOST_TROUBLES]),
        troubles_hidden=max(0, len(listed) - MOST_TROUBLES),
        files=len(paths),
    )


def as_text(path: str) -> str:
    """Return a path as a text that JSON can hold: bytes that are no UTF-8 are replaced."""
    return path.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def path_of(planned: PlannedSegment) -> str:
    """Return the path in the mirror that a URL of the local MPD names."""
    path = Url.parse(planned.urls[0]).path
    return unquote_to_bytes(path).decode("utf-8", "surrogateescape").removeprefix("/")


def _state(
    planned: PlannedSegment, path: str, size_of: SizeOf, damaged: Mapping[str, str]
) -> State | None:
    """Return the state of a segment; None for one that need not exist, and does not."""
    size = size_of(path) if is_safe_path(path) else None
    span = planned.segment.range
    if size is None:
        return None if planned.segment.last_derived else State.MISSING
    if span is not None and max(span.first, span.last or 0) >= size:
        return State.MISSING
    return State.DAMAGED if path in damaged else State.HERE


def _times(planned: PlannedSegment, start: float, end: float) -> tuple[float, float]:
    """Return from when to when a segment is shown, within its Period."""
    segment = planned.segment
    if segment.start is None:
        return start, end
    began, ended = nearest_float(segment.start), end
    if segment.duration is not None:
        ended = began + segment.duration / segment.timebase.timescale
    return min(max(began, start), end), min(max(ended, start), end)


def _extend(runs: list[Run], run: Run) -> None:
    """Add a segment to the runs of its row."""
    last = runs[-1] if runs else None
    if last is None or (last.state is not run.state and len(runs) < _MOST_RUNS):
        runs.append(run)
        return
    state = last.state if run.state is State.HERE else run.state
    runs[-1] = Run(last.start, max(last.end, run.end), state, last.segments + run.segments)


def _row(representation: Representation, runs: list[Run]) -> Row:
    return Row(
        representation.period.index,
        representation.content_type.value,
        representation.id,
        _label(representation),
        representation.bandwidth,
        tuple(runs),
    )


def _label(representation: Representation) -> str:
    """Describe a Representation in a few words."""
    facts = []
    if representation.width and representation.height:
        facts.append(f"{representation.width}\u00d7{representation.height}")
    if representation.lang:
        facts.append(representation.lang)
    if representation.codecs:
        facts.append(representation.codecs.partition(".")[0])
    return " \u00b7 ".join(facts) or representation.id


def _end_of(start: Fraction, duration: Fraction | None) -> float:
    return nearest_float(start if duration is None else start + duration)
