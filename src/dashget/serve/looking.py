"""Look at mirrors in the background: what is there at once, and then what a check finds.

Each show has a thread from the moment in which the page first asks for it. A mirror that changes is
drawn anew. It is checked once, and again if something was damaged, since that may be mended; then
checks take a tenth of the time at most.
"""

from __future__ import annotations

import datetime
import threading
import time
from collections.abc import Iterator, Sequence

import msgspec

from dashget.common.stopping import Stop
from dashget.errors import DashGetError
from dashget.events import Event, Progressed
from dashget.mirroring.expectation import LiveHistory, read_document
from dashget.mpd.budget import DEFAULT_LIMITS, Budget
from dashget.mpd.resolve import resolve
from dashget.planning.layout import local_manifest_name, reserved_names
from dashget.planning.limits import Limits, countable
from dashget.planning.plan import iter_plan, make_layout
from dashget.planning.tracks import make_tracks, split_sound
from dashget.serve.shows import Show
from dashget.serve.timeline import Stage, Timeline, draw
from dashget.store import Mirror
from dashget.verification.findings import Finding, Problem
from dashget.verification.manifest import manifest_problem, read_expected
from dashget.verification.offline import OfflineCheck
from dashget.verification.progress import offline_progress

_BASE = "http://mirror.invalid/"
"""Stands for the mirror's directory: the references of a local MPD are relative."""

_CHECKED_PART = 9
"""How many times as long as a check the pause until the next one is."""


class Lookings:
    """What is known of each show."""

    def __init__(self, shows: Sequence[Show], stop: Stop) -> None:
        self._shows = {show.name: Looking(show, stop) for show in shows}

    def timeline(self, name: str) -> Timeline | None:
        """Return what is known of a show by now; None if there is none of this name."""
        found = self._shows.get(name)
        return None if found is None else found.timeline()


class Looking:
    """Looks at one mirror."""

    def __init__(self, show: Show, stop: Stop) -> None:
        self._show = show
        self._stop = stop
        self._lock = threading.Lock()
        self._known = Timeline()
        self._damaged: dict[str, str] = {}
        self._thread: threading.Thread | None = None
        self._lost: dict[str, str] = {}
        self._checked = False
        self._check_again_at = 0.0
        self._drawn: tuple[int | None, ...] = ()

    def timeline(self) -> Timeline:
        """Return what is known by now; looks further if there is more to know."""
        with self._lock:
            busy = self._thread is not None and self._thread.is_alive()
            if not busy and (not self._checked or self._signature() != self._drawn):
                if self._damaged and time.monotonic() >= self._check_again_at:
                    self._checked = False
                self._thread = threading.Thread(target=self._look, daemon=True)
                self._thread.start()
            return self._known

    def _look(self) -> None:
        try:
            self._draw(Stage.CHECKED if self._checked else Stage.CHECKING)
            if not self._checked:
                self._check()
                self._draw(Stage.CHECKED)
        except DashGetError as error:
            self._fail(error.message)
        except Exception as error:  # noqa: BLE001 - a thread's edge: the page is told
            self._fail(f"{type(error).__name__}: {error}")
        self._checked = True

    def _draw(self, stage: Stage) -> None:
        """Draw what the local MPD names, and what of it is there."""
        signature = self._signature()
        store = Mirror.at(self._show.root, read_only=True)
        budget = Budget(DEFAULT_LIMITS)
        data = store.read(local_manifest_name(self._show.header.manifest))
        mpd = read_document(store, data, budget)
        now = datetime.datetime.now(datetime.UTC)
        presentation, _ = split_sound(resolve(mpd, url=_BASE, now=now, budget=budget))
        tracks = countable(make_tracks(presentation), Limits())
        plan = iter_plan(tracks, make_layout(presentation))
        lost = {path: text for path, text in self._lost.items() if store.size(path) is None}
        drawn = draw(presentation, plan, store.size, {**self._damaged, **lost})
        self._drawn = signature
        self._known = msgspec.structs.replace(drawn, stage=stage, done=self._known.done)

    def _check(self) -> None:
        """Check the mirror as ``verify`` does, and note what is damaged."""
        header, started = self._show.header, time.monotonic()
        damaged: dict[str, str] = {}
        lost: dict[str, str] = {}
        with Mirror.at(self._show.root, read_only=True) as store:
            store.claim(header)
            problems = self._recorded(store) if header.recording else self._offline(store)
            for finding in problems:
                if not finding.note:
                    found = lost if finding.problem is Problem.MISSING else damaged
                    found.setdefault(finding.path, finding.message)
        self._damaged, self._lost = damaged, lost
        ended = time.monotonic()
        self._check_again_at = ended + _CHECKED_PART * (ended - started)

    def _offline(self, store: Mirror) -> Iterator[Finding]:
        header = self._show.header
        problem = manifest_problem(store, header.manifest)
        if problem is not None:
            yield Finding(header.manifest, Problem.MANIFEST, problem)
        expected, _ = read_expected(
            store, header, Limits(), allow_downgrade=False, work=DEFAULT_LIMITS
        )
        reserved = reserved_names(header.manifest)
        progress = offline_progress(
            self._progressed, self._stop, expected, store.records(), reserved
        )
        yield from OfflineCheck(store, expected, LiveHistory(store), self._stop, progress).run()

    def _recorded(self, store: Mirror) -> Iterator[Finding]:
        """Check a recording by its record. Its gaps are no files: the picture shows them."""
        # Loaded late: most mirrors are no recordings.
        from dashget.verification.recording import RecordingCheck

        for finding in RecordingCheck(store, self._show.header.manifest, self._stop).run():
            if finding.problem is not Problem.GAP:
                yield finding

    def _progressed(self, event: Event) -> None:
        if isinstance(event, Progressed) and event.files_total:
            done = event.files_done / event.files_total
            if event.bytes_total:
                done = (done + event.bytes_done / event.bytes_total) / 2
            self._known = msgspec.structs.replace(self._known, done=done)

    def _fail(self, message: str) -> None:
        self._known = msgspec.structs.replace(self._known, stage=Stage.FAILED, error=message)

    def _signature(self) -> tuple[int | None, ...]:
        """Return what changes when the mirror does."""
        place = Mirror.at(self._show.root, read_only=True)
        names = (local_manifest_name(self._show.header.manifest), ".dashget/record.jsonl")
        return tuple(place.size(name) for name in names)
