"""Read the manifest of a live presentation again and again, and the server's time."""

from __future__ import annotations

import datetime
import math
import time
from collections.abc import Callable
from fractions import Fraction
from typing import Final

import msgspec

from dashget.common.numbers import read_digits, read_http_date, utc_of
from dashget.errors import DashGetError, FetchError, MPDError
from dashget.live.clock import Kind, Sample
from dashget.live.listing import Version
from dashget.live.reading import read_version
from dashget.live.world import Read, ReadEnded
from dashget.manifest.load import LoadedManifest, load_manifest
from dashget.manifest.lookups import ask_clock
from dashget.manifest.source import Source
from dashget.mirroring.expectation import Expected, expected_of
from dashget.mpd.budget import WorkLimits
from dashget.mpd.clock import ClockMethod, clock_sources
from dashget.mpd.urls import resolve_reference
from dashget.planning.layout import SafePath
from dashget.planning.limits import Limits
from dashget.planning.selection import Selection
from dashget.recording.manifests import Manifests
from dashget.transfer.contract import Transfers

_MOST_AGE: Final = 86_400


class ManifestReader:
    """Makes a ``Version`` of each answer. ``manifests`` keeps what is new."""

    def __init__(
        self,
        source: Source,
        engine: Transfers,
        selection: Selection,
        name: SafePath,
        *,
        name_bytes: int,
        limits: Limits,
        work: WorkLimits,
        allow_downgrade: bool,
        manifests: Manifests,
        lacking: Callable[[LoadedManifest, Expected], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._source = source
        self._engine = engine
        self._selection = selection
        self._name = name
        self._name_bytes = name_bytes
        self._limits = limits
        self._work = work
        self._allow_downgrade = allow_downgrade
        self._manifests = manifests
        self._lacking = lacking
        self._clock = clock
        self._first: LoadedManifest | None = None
        self._last: tuple[str, Version] | None = None

    def offer(self, loaded: LoadedManifest) -> None:
        """Give a document that was read already: it is the answer to the first errand."""
        self._first = loaded

    def read(self, errand: Read) -> ReadEnded:
        """Read the manifest: at its newest location, else where the user said."""
        asked = self._clock()
        urls = [*errand.urls, self._source.url]
        problem: DashGetError | None = None
        for url in urls:
            try:
                return self._read(errand, url, self._clock())
            except DashGetError as error:
                problem = error
        status = getattr(problem.__cause__, "status", None) if problem is not None else None
        message = None if problem is None else problem.message
        return ReadEnded(None, asked, problem=message, status=status or 0)

    def _read(self, errand: Read, url: str | None, asked: float) -> ReadEnded:
        loaded, self._first = self._first, None
        now = _moment(errand.server)
        if loaded is None:
            source = msgspec.structs.replace(self._source, url=url)
            loaded = load_manifest(
                source,
                self._engine,
                now=now,
                allow_downgrade=self._allow_downgrade,
                limits=self._work,
            )
        answered = self._clock()
        sample = self._sample(loaded, asked, answered) if errand.clock else None
        digest = loaded.sha256
        if self._last is not None and self._last[0] == digest:
            self._manifests.same()
            return ReadEnded(self._last[1], asked, sample)
        expected = expected_of(
            loaded.presentation,
            self._name,
            self._selection,
            self._limits,
            self._name_bytes,
            loaded.budget.copy(),
        )
        tracks = expected.selected_tracks()
        version = read_version(loaded.mpd, loaded.presentation, tracks, expected.layout, digest)
        if version.location is not None:
            location = resolve_reference(loaded.presentation.url, version.location)
            version = msgspec.structs.replace(version, location=location)
        self._manifests.keep(loaded)
        self._lacking(loaded, expected)
        self._last = digest, version
        return ReadEnded(version, asked, sample)

    def _sample(self, loaded: LoadedManifest, asked: float, answered: float) -> Sample | None:
        """Ask for the time as the document says; else take the ``Date`` of its answer."""
        sources, _ = clock_sources(loaded.mpd, loaded.presentation.url)
        for source in sources[: self._work.max_clocks]:
            begin = self._clock()
            try:
                told = float(ask_clock(source, self._engine, loaded.budget.copy()))
            except (FetchError, MPDError, ValueError):
                continue
            if source.method is ClockMethod.DIRECT:
                return Sample(Kind.UTC, told, asked, answered)
            coarse = 1.0 if source.method is ClockMethod.HTTP_HEAD else 0.0
            return Sample(Kind.UTC, told, begin, self._clock(), coarse)
        head = None if loaded.fetched is None else loaded.fetched.head
        date = None if head is None else read_http_date(head.date)
        if head is None or date is None:
            return None
        # A cache keeps the Date of its origin, and tells by Age how old it is.
        age = _age(dict(head.cache))
        coarse = 1.0 if not age else 2.0
        return Sample(Kind.DATE, float(date) + age, asked, answered, coarse)


def _age(cache: dict[str, str]) -> int:
    text = next((value for name, value in cache.items() if name.lower() == "age"), "")
    return min(read_digits(text.strip()) or 0, _MOST_AGE)


def _moment(seconds: float) -> datetime.datetime | None:
    """Return a server time; None, so that it is found out, if it is beyond the calendar."""
    return utc_of(Fraction(seconds)) if math.isfinite(seconds) else None
