"""Work out what a mirror should hold, from its MPD and the header of a run.

The newest run decides what a mirror should hold. Earlier runs over a live presentation had
planned other windows, and recorded their files on purpose: these are compared with the plan of
their own run, which needs its MPD and its wall-clock time.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterator, Mapping
from typing import Final

import msgspec

from dashget.common.numbers import read_time
from dashget.errors import DashGetError, MPDError
from dashget.manifest.lookups import RemoteEntity, include_entities
from dashget.mpd.budget import DEFAULT_LIMITS, Budget, WorkLimits
from dashget.mpd.model import MPD
from dashget.mpd.parse import parse_mpd
from dashget.mpd.presentation import Presentation, Representation
from dashget.mpd.resolve import resolve
from dashget.planning.layout import NAME_BYTES, Layout, SafePath
from dashget.planning.limits import Limits, countable, require_countable
from dashget.planning.plan import PlannedSegment, iter_plan, make_layout
from dashget.planning.selection import (
    Selection,
    explain,
    parse_selection,
    select,
    select_again,
)
from dashget.planning.tracks import Track, iter_representations, make_tracks, split_sound
from dashget.segments import address
from dashget.store import Header, LiveRun, Mirror, manifest_versions, read_remote

_DEFAULT_LIMITS: Final = Limits()


class Expected(msgspec.Struct, frozen=True):
    """What a mirror should hold: its presentation, and which tracks of it were selected.

    With ``partial``, there are more tracks, whose segments cannot be worked out or are too many.
    """

    presentation: Presentation
    tracks: tuple[Track, ...]
    selected: frozenset[int]
    layout: Layout
    partial: bool = False
    unplanned: tuple[Representation, ...] = ()
    """The selected Representations whose segments cannot be worked out."""
    notes: tuple[str, ...] = ()
    """Sentences about the selection for people: what they may not expect."""
    budget: Budget = msgspec.field(default_factory=Budget)
    """What is left of the work that the document may cause."""

    def selected_tracks(self) -> tuple[Track, ...]:
        """Return the selected tracks, numbered anew: those that a run fetches."""
        if len(self.selected) == len(self.tracks):
            return self.tracks
        selected = (track for track in self.tracks if track.key in self.selected)
        return tuple(
            msgspec.structs.replace(track, key=number) for number, track in enumerate(selected)
        )

    def iter_plan(self) -> Iterator[PlannedSegment]:
        """Yield every segment that the MPD names, selected or not, in presentation order."""
        return iter_plan(self.tracks, self.layout)


def expected_of(
    presentation: Presentation,
    name: SafePath,
    selection: Selection,
    limits: Limits = _DEFAULT_LIMITS,
    name_bytes: int = NAME_BYTES,
    budget: Budget | None = None,
    is_kept: Callable[[Representation], bool] | None = None,
    known: Mapping[str, str] | None = None,
) -> Expected:
    """Work out what a mirror of a presentation should hold; raise MPDError.

    ``is_kept`` is given for another version of a live presentation (see ``select_again``),
    and ``known`` has the names that its files have.

    ``name_bytes`` is the longest name that the place of the mirror takes; ``budget`` is what the
    document may cost. It may not have more
    selected segments than ``limits``. Other Representations are left out if
    they have more, or if their segments cannot be worked out.
    """
    budget = budget or Budget()
    if is_kept is None:
        selected_part = select(presentation, selection)
    else:
        selected_part = select_again(presentation, selection, is_kept)
    sound_part, unplanned = split_sound(selected_part)
    chosen = {id(r) for r in iter_representations(sound_part)}
    require_countable(make_tracks(sound_part), limits, budget)
    sound = (r for r in iter_representations(presentation) if not r.problems)
    tracks = tuple(Track(key, found, address(found)) for key, found in enumerate(sound))
    others = countable([t for t in tracks if id(t.representation) not in chosen], limits)
    kept = chosen.union(id(track.representation) for track in others)
    partial = len(kept) < sum(1 for _ in iter_representations(presentation))
    tracks = tuple(
        msgspec.structs.replace(track, key=key)
        for key, track in enumerate(t for t in tracks if id(t.representation) in kept)
    )
    selected = frozenset(track.key for track in tracks if id(track.representation) in chosen)
    return Expected(
        presentation,
        tracks,
        selected,
        make_layout(presentation, name, name_bytes, budget, known),
        partial,
        unplanned,
        explain(selected_part, selection),
        budget,
    )


def playable(store: Mirror, expected: Expected) -> tuple[Track, ...]:
    """Return the tracks that play from a mirror: selected ones, and others that are complete.

    An earlier run may have selected more; a narrower selection removes no files.
    """
    return tuple(
        track
        for track in expected.tracks
        if track.key in expected.selected or _is_all_there(store, track, expected.layout)
    )


def _is_all_there(store: Mirror, track: Track, layout: Layout) -> bool:
    """Return True if every segment of a track is recorded."""
    found = False
    for planned in iter_plan((track,), layout):
        if store.is_recorded(planned.path):
            found = True
        elif not planned.segment.last_derived:
            return False
    return found


def read_document(store: Mirror, data: bytes, budget: Budget) -> MPD:
    """Parse an MPD of a mirror, and replace its remote elements by the stored ones."""
    entities = tuple(RemoteEntity(*entry) for entry in read_remote(store))
    return include_entities(parse_mpd(data, budget=budget), entities, budget)


def expected_by(
    mpd: MPD,
    header: Header,
    limits: Limits = _DEFAULT_LIMITS,
    *,
    allow_downgrade: bool,
    budget: Budget | None = None,
) -> Expected:
    """Work out what the run that wrote a header planned, from its MPD.

    ``budget`` is what is left of the work that the MPD may cause. A live presentation without a
    recorded time is resolved for now. Raises MPDError.
    """
    budget = budget or Budget()
    presentation = resolve(
        mpd,
        url=header.url,
        now=_time_of(header) or datetime.datetime.now(datetime.UTC),
        allow_downgrade=allow_downgrade,
        budget=budget,
    )
    selection = parse_selection(**header.selection)
    name, name_bytes = SafePath(header.manifest), header.name_bytes or NAME_BYTES
    return expected_of(presentation, name, selection, limits, name_bytes, budget)


def _time_of(header: Header) -> datetime.datetime | None:
    """Parse the wall-clock time of a run; return None if it is missing or invalid."""
    return None if header.now is None else read_time(header.now)


class LiveHistory:
    """The runs over a live presentation: the files that each recorded, and its plan."""

    def __init__(
        self,
        store: Mirror,
        *,
        allow_downgrade: bool = False,
        work: WorkLimits = DEFAULT_LIMITS,
    ) -> None:
        self.runs: tuple[LiveRun, ...] = store.live_runs()[::-1]
        """The newest first."""
        self.paths: frozenset[str] = frozenset().union(*(run.paths for run in self.runs))
        """Every file that one of the runs has recorded."""
        self._store = store
        self._allow_downgrade = allow_downgrade
        self._work = work
        self._last: tuple[str, MPD | None] | None = None
        self._versions: dict[str, str] | None = None
        """The path of every stored version of the MPD, by SHA-256."""

    def expected(self, run: LiveRun) -> Expected | None:
        """Work out what a run planned; return None if its MPD is missing or invalid."""
        mpd = None if run.manifest_sha256 is None else self._document(run.manifest_sha256)
        if mpd is None:
            return None
        # The files that it recorded are known: its selection does not matter.
        header = msgspec.structs.replace(run.header, selection={})
        try:
            downgrade = self._allow_downgrade
            return expected_by(mpd, header, allow_downgrade=downgrade, budget=Budget(self._work))
        except (DashGetError, ValueError):
            return None

    def _document(self, sha256: str) -> MPD | None:
        """Parse a version of the MPD, or return the last one if it is the same."""
        if self._last is None or self._last[0] != sha256:
            self._last = sha256, self._parse(sha256)
        return self._last[1]

    def _parse(self, sha256: str) -> MPD | None:
        store = self._store
        if self._versions is None:
            paths = manifest_versions(store)
            self._versions = {store.digest(path, "sha256"): path for path in paths}
        path = self._versions.get(sha256)
        try:
            return None if path is None else self._read(path)
        except MPDError:
            return None

    def _read(self, path: str) -> MPD:
        data = self._store.read(path, self._work.max_bytes)
        return read_document(self._store, data, Budget(self._work))
