"""Record one presentation: claim the mirror, go on from its facts, run the loop, sum up."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from dashget.common.secrets import hide_user
from dashget.common.shortrepr import short_repr
from dashget.common.stopping import Stop
from dashget.common.validation import Check, check, flag, instance
from dashget.errors import StoreError
from dashget.events import ManifestLoaded, Observer, RecordingBegan, RecordingEnded, Warned
from dashget.live.localmpd import Coverage
from dashget.live.options import Wishes
from dashget.live.recorder import End, Recorder, Result
from dashget.live.state import State
from dashget.manifest.load import LoadedManifest
from dashget.mirroring.arrivals import Arrivals
from dashget.mirroring.expectation import Expected, expected_of
from dashget.mirroring.keep import make_header
from dashget.mirroring.options import LIMIT, SELECTION
from dashget.mpd.budget import WorkLimits
from dashget.planning.layout import manifest_name
from dashget.planning.limits import DEFAULT_SEGMENT_LIMIT, DEFAULT_TOTAL_LIMIT, Limits
from dashget.planning.selection import Selection
from dashget.planning.tracks import unplanned_reason
from dashget.recording.ends import check_end
from dashget.recording.files import Files
from dashget.recording.keeping import Keeper
from dashget.recording.ledger import Ledger
from dashget.recording.local import LocalWriter
from dashget.recording.manifests import Manifests
from dashget.recording.reader import ManifestReader
from dashget.recording.world import RealWorld
from dashget.store import LocalDirectory, Mirror
from dashget.transfer.contract import Hooks, Transfers

if TYPE_CHECKING:
    from dashget.store import Backend

_FAILED: Final = "failed"
_MOST_LACKING: Final = 10_000
"""So much that cannot be recorded is told: each document may have other names for it."""


class RecordOptions(msgspec.Struct, frozen=True, kw_only=True):
    """The choices for one recording."""

    __repr__ = short_repr

    selection: Selection = Selection()
    """The part of the presentation to record; by default everything."""
    wishes: Wishes = Wishes()
    """From when until when."""
    accept_odd: bool = False
    """Store what a server sends also where it is something else than the manifest means."""
    fsync: bool = False
    """Make every finished file outlast a power cut, at a price."""
    follow_links: bool = False
    """Store files also behind links out of the directory that were not there at its first run."""
    segment_limit: int | None = DEFAULT_SEGMENT_LIMIT
    """The most segments of one Representation in a document."""
    total_limit: int | None = DEFAULT_TOTAL_LIMIT
    """The most segments of a document in all."""

    def __post_init__(self) -> None:
        """Check every field, so that options which exist can be used."""
        check(self, _RULES)


_RULES: Final[dict[str, Check]] = {
    "selection": SELECTION,
    "wishes": instance(Wishes, "such as dashget.Wishes(seconds=3600)"),
    "accept_odd": flag,
    "fsync": flag,
    "follow_links": flag,
    "segment_limit": LIMIT,
    "total_limit": LIMIT,
}


class _Quiet(Hooks):
    """Tells nothing of the engine's: a failure of one request is the recorder's to judge."""

    wants_starts = False


class RecordJob:
    """One recording. Create it with the manifest that was read first, and call ``run`` once."""

    def __init__(
        self,
        loaded: LoadedManifest,
        root: Path | Backend,
        options: RecordOptions,
        observer: Observer,
        stop: Stop,
        *,
        room: int,
        work: WorkLimits,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._loaded = loaded
        self._options = options
        self._observer = _Serial(observer)
        self._stop = stop
        self._room = room
        self._work = work
        self._wall = wall
        self._started = time.monotonic()
        if isinstance(root, Path):
            root = LocalDirectory(root, fsync=options.fsync, follow_links=options.follow_links)
        self._place = root
        self._name = manifest_name(loaded.source.url or loaded.presentation.url)
        self._name_bytes = Mirror(root, read_only=True).name_bytes()
        self._writing = threading.Lock()
        self._recorder: Recorder | None = None
        self._lacking: dict[str, str] = {}
        """What was warned of."""
        self._unplanned: dict[str, str] = {}
        """Representations whose segments cannot be worked out, with the reason."""
        self._unreached: dict[str, str] = {}
        """Remote parts of the newest document that could not be fetched."""
        # The first one is soon found, and tells as much: recordings and mirrors do not mix.
        header = Mirror(root, read_only=True).first_header()
        self._goes_on = header is not None and header.recording
        # What cannot be recorded at all is said before anything is written.
        expected = expected_of(
            loaded.presentation,
            self._name,
            options.selection,
            Limits(options.segment_limit, options.total_limit),
            self._name_bytes,
            loaded.budget.copy(),
            is_kept=(lambda _: False) if self._goes_on else None,
        )
        if not self._goes_on:
            check_end(options.wishes, loaded, expected)

    def run(self, connect: Callable[[Stop], Transfers]) -> RecordingEnded:
        """Record until the end; return the event about it, which was observed, too."""
        failure: StoreError | None = None
        ended: RecordingEnded | None = None
        with Mirror(self._place) as store:
            store.search_only()
            self._claim(store)
            ledger = Ledger(store, self._name, self._writing)
            state = ledger.copy()
            try:
                result = self._record(store, ledger, state, connect)
                ended = self._sum_up(result)
            except StoreError as error:
                failure = error
            try:
                store.close()
            except StoreError as error:
                failure = failure or error
        if failure is not None:
            ended = self._sum_up_failure(state, failure)
        if ended is None:
            raise ValueError("a recording without an end")
        self._observer(ended)
        if failure is not None:
            raise failure
        return ended

    def _claim(self, store: Mirror) -> None:
        header = make_header(self._loaded, self._options.selection, self._name_bytes)
        header = msgspec.structs.replace(header, manifest=self._name, now=None, recording=True)
        store.claim(header)

    def _record(
        self, store: Mirror, ledger: Ledger, state: State, connect: Callable[[Stop], Transfers]
    ) -> Result:
        options, observer = self._options, self._observer
        self._announce(state)
        arrivals = Arrivals(store, None, accept_odd=options.accept_odd)
        files = Files(store, arrivals, observer)
        manifests = Manifests(store, self._name, self._writing, self._wall)

        def reader(engine: Transfers) -> ManifestReader:
            made = ManifestReader(
                self._loaded.source,
                engine,
                options.selection,
                self._name,
                name_bytes=self._name_bytes,
                limits=Limits(options.segment_limit, options.total_limit),
                work=self._work,
                manifests=manifests,
                lacking=self._lack,
                goes_on=self._goes_on,
            )
            made.offer(self._loaded)
            return made

        local = LocalWriter(store, self._name, self._writing)
        keeper = None
        if options.wishes.rolls:

            def leave_out(time: float) -> None:
                kept = ledger.copy()
                kept.forget(time)
                local.leave_out(Coverage.of(kept))
                manifests.forget(time)

            keeper = Keeper(store, ledger, options.wishes, self._writing, observer, leave_out)
        world = RealWorld(
            connect, reader, store, files, local, self._stop,
            room=self._room, hooks=_Quiet(), writing=self._writing, ledger=ledger,
            keeper=keeper,
        )  # fmt: skip
        with self._stop.answered(), world:
            recorder = Recorder(world, options.wishes, self._wall(), state, observer)
            self._recorder = recorder
            result = recorder.run()
        manifests.close()
        ledger.write()
        return result

    def _lack(
        self, loaded: LoadedManifest, expected: Expected, left_out: Mapping[str, str]
    ) -> None:
        """Remember what of a document cannot be recorded, and warn of it once.

        ``left_out`` has warnings of what is recorded, but not played, by their kind.
        """
        unplanned = {
            f"{each.period.id} {each.id}": unplanned_reason(each) for each in expected.unplanned
        }
        self._unreached = {each.url: each.reason for each in loaded.unreached}
        told = unplanned | dict(left_out)
        for place, reason in (*told.items(), *self._unreached.items()):
            if place in self._lacking or len(self._lacking) >= _MOST_LACKING:
                continue
            self._observer(Warned(reason if place in told else f"{place}: {reason}"))
            self._lacking[place] = reason
            if place in unplanned:
                self._unplanned[place] = reason

    def _announce(self, state: State) -> None:
        loaded = self._loaded
        presentation, url = loaded.presentation, hide_user(loaded.presentation.url)
        self._observer(
            ManifestLoaded(
                url=url,
                size=len(loaded.data),
                type=presentation.type.value,
                periods=len(presentation.periods),
                representations=sum(
                    len(each.representations)
                    for period in presentation.periods
                    for each in period.adaptation_sets
                ),
                root=self._place.name,
                title=presentation.title,
            )
        )
        for issue in loaded.warnings:
            self._observer(Warned.of(issue))
        begin = self._options.wishes.begin if state.begin is None else state.begin
        self._observer(
            RecordingBegan(
                url,
                self._place.name,
                self._wall(),
                resumed=state.resumed,
                wanted_from=begin if math.isfinite(begin) else None,
            )
        )

    def _sum_up(self, result: Result) -> RecordingEnded:
        totals = result.totals
        return RecordingEnded(
            root=self._place.name,
            ended=result.end.value,
            announced=totals.announced,
            recorded=totals.recorded,
            lost=totals.lost,
            withdrawn=totals.withdrawn,
            pending=totals.pending,
            expired=totals.expired,
            files=result.files,
            lost_files=(*result.lost_files, *self._unplanned.values(), *self._unreached),
            gaps=sum(1 for gap in result.gaps if gap.reason.is_loss),
            reads=result.reads,
            seconds=round(time.monotonic() - self._started, 3),
            bytes=result.bytes,
            problem=result.problem,
            begins=result.begins,
        )

    def _sum_up_failure(self, state: State, failure: StoreError) -> RecordingEnded:
        if self._recorder is not None:
            ended = self._sum_up(self._recorder.result(End.STOPPED))
            return msgspec.structs.replace(ended, ended=_FAILED, problem=failure.message)
        from dashget.live.gaps import totals_in

        totals = totals_in(state)
        return RecordingEnded(
            root=self._place.name,
            ended=_FAILED,
            announced=totals.announced,
            recorded=totals.recorded,
            lost=totals.lost,
            withdrawn=totals.withdrawn,
            pending=totals.pending,
            expired=totals.expired,
            files=len(state.once.here) + state.named.count,
            seconds=round(time.monotonic() - self._started, 3),
            problem=failure.message,
        )


class _Serial:
    """Gives events to an observer one at a time: they come from several threads."""

    def __init__(self, observer: Observer) -> None:
        self._observer = observer
        self._guard = threading.Lock()

    def __call__(self, event: object, /) -> None:
        with self._guard:
            self._observer(event)  # type: ignore[arg-type]  # what recorders tell are events
