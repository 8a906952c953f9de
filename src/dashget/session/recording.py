"""Record a presentation in a session: wait for it if need be, and give its recorder an engine."""

from __future__ import annotations

import contextlib
import math
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from dashget.common.filenames import on_disk
from dashget.common.numbers import shown_time
from dashget.common.stopping import Stop
from dashget.errors import DashGetError, LimitReachedError, ManifestFetchError, UsageError
from dashget.events import ManifestAwaited, Observer, RecordingEnded, Summary
from dashget.live.options import USUALLY_IN_FLIGHT
from dashget.manifest.load import LoadedManifest, load_manifest
from dashget.manifest.source import Source
from dashget.mpd.budget import WorkLimits
from dashget.planning.layout import root_name
from dashget.recording.run import RecordJob, RecordOptions
from dashget.recording.waking import moment
from dashget.store import Mirror
from dashget.transfer.engine import Engine, EngineFor
from dashget.transfer.settings.options import TransferOptions

if TYPE_CHECKING:
    from dashget.store import Backend

_FIRST_PAUSE: Final = 1.0
_LONGEST_PAUSE: Final = 10.0
_LEAST_DOCUMENT_SECONDS: Final = 5.0
_WAIT_HINT: Final = "--wait waits for it"


class Recording:
    """One recording of a URL, with an engine of its own: it never gives a host up."""

    def __init__(
        self,
        source: Source,
        options: RecordOptions,
        transfer: TransferOptions,
        observer: Observer,
        stop: Stop,
        work: WorkLimits,
    ) -> None:
        if source.url is None:
            raise UsageError(
                "only a presentation on a server can be recorded",
                hint="give its URL; dashget get mirrors a local MPD",
            )
        self._source = source
        self._url = source.url
        self._options = options
        self._transfer = transfer
        self._observer = observer
        self._stop = stop
        self._work = work

    def run(
        self,
        root: Path | Backend | None,
        mirror: Callable[[LoadedManifest], Summary],
    ) -> RecordingEnded | Summary | None:
        """Record until the end; a static presentation goes to ``mirror``.

        None if a stop was requested before there was a manifest.
        """
        chosen = self._transfer.in_flight
        for_ever = msgspec.structs.replace(
            self._transfer,
            host_patience_seconds=_A_DAY,
            in_flight=USUALLY_IN_FLIGHT if chosen is None else chosen,
        )
        root = root or Path(on_disk(root_name(self._url)))
        recorded = _recorded_source(root)
        resumes = recorded is not None
        with Engine(for_ever) as engine:
            engine.trust(self._url, self._source.user)
            # Another URL than the recording's may be a mistake: nobody waits for that.
            patient = self._options.wishes.wait or recorded == self._source.name
            with self._stop.answered() if patient else contextlib.nullcontext():
                loaded = self._load(engine, patient=patient)
        if loaded is None:
            return None
        if not loaded.presentation.dynamic and not resumes:
            return mirror(loaded)
        with Engine(_hasty(for_ever, loaded)) as engine:
            engine.trust(self._url, self._source.user)
            job = RecordJob(
                loaded,
                root,
                self._options,
                self._observer,
                self._stop,
                room=for_ever.most_in_flight,
                work=self._work,
            )
            ended = job.run(lambda stop: EngineFor(engine, home=self._url, stop=stop))
        if ended.ended == "not-yet":
            raise ManifestFetchError(
                f"the presentation at {self._url} begins later: {_when(ended.begins)}",
                hint=None if self._options.wishes.wait else _WAIT_HINT,
            )
        return ended

    def _load(self, engine: Engine, *, patient: bool) -> LoadedManifest | None:
        """Read the manifest for the first time; None if that was stopped while it was waited for.

        One that a recording has had before, or that is to be waited for, is asked for again.
        """
        pause, began, told = _FIRST_PAUSE, time.monotonic(), False
        connection = EngineFor(engine, home=self._url, stop=self._stop)
        while True:
            try:
                return self._load_once(connection, patient=patient)
            except DashGetError as error:
                problem = error.message
                give_up, until = self._options.wishes.give_up, self._options.wishes.until
                if not patient or time.time() >= until:
                    raise
                if time.monotonic() - began + pause > give_up:
                    message = f"gave up after {give_up:g} s: {error.message}"
                    raise LimitReachedError(message, hint=error.hint) from error
            if not told:
                told = True
                self._observer(ManifestAwaited(self._url, problem=problem))
            if not _sleep(pause, self._stop):
                return None
            pause = min(pause * 2, _LONGEST_PAUSE)

    def _load_once(self, connection: EngineFor, *, patient: bool) -> LoadedManifest:
        loaded = load_manifest(
            self._source,
            connection,
            allow_downgrade=self._transfer.allow_downgrade,
            limits=self._work,
            clock=moment,
        )
        if patient and not _names_anything(loaded):
            raise ManifestFetchError(f"the manifest {self._url} names nothing to fetch")
        return loaded


_A_DAY: Final = 86_400.0
"""The engine's patience with a host, in seconds: the recorder decides when to end."""


def _hasty(transfer: TransferOptions, loaded: LoadedManifest) -> TransferOptions:
    """Return options with which no read of the manifest takes longer than half of the window."""
    window = loaded.presentation.window
    if window is None or window.depth is None:
        return transfer
    most = max(float(window.depth) / 2, _LEAST_DOCUMENT_SECONDS)
    seconds = min(transfer.document_timeout_seconds, most)
    return msgspec.structs.replace(transfer, document_timeout_seconds=seconds)


def _names_anything(loaded: LoadedManifest) -> bool:
    """Return True if there is any Representation: an encoder may not have begun yet."""
    return any(
        each.representations
        for period in loaded.presentation.periods
        for each in period.adaptation_sets
    )


def _recorded_source(root: Path | Backend) -> str | None:
    """Return what a recording at a place was begun from; None if there is none."""
    try:
        store = Mirror.at(root, read_only=True) if isinstance(root, Path) else Mirror(root)
        header = store.first_header()
    except DashGetError:
        return None
    return header.source if header is not None and header.recording else None


def _sleep(seconds: float, stop: Stop) -> bool:
    """Sleep for a time; return False if a stop is requested. Signals come in between."""
    changed = threading.Event()
    until = time.monotonic() + seconds
    while not stop.requested and (left := until - time.monotonic()) > 0:
        changed.wait(min(left, 0.2))
    return not stop.requested


def _when(seconds: float | None) -> str:
    if seconds is None or not math.isfinite(seconds):
        return "at an unknown time"
    return f"at {shown_time(seconds)} UTC"
