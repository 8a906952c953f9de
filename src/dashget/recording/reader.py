"""Read the manifest of a live presentation again and again, and the server's time."""

from __future__ import annotations

import datetime
import math
import secrets
from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Final

import msgspec

from dashget.common.digests import sha256_hex
from dashget.common.numbers import read_digits, read_http_date, utc_of
from dashget.common.url import Url
from dashget.errors import DashGetError, FetchError, MPDError
from dashget.live.clock import Kind, Sample
from dashget.live.eventreading import EventReader
from dashget.live.expiry import Given
from dashget.live.listing import Axis, Version
from dashget.live.reading import MOST_LOCATIONS, read_version
from dashget.live.rows import KnownRows
from dashget.live.shaping import Shaper
from dashget.live.world import Read, ReadEnded, Way
from dashget.manifest.load import (
    LoadedManifest,
    Unchanged,
    load_again,
    place_of,
    read_manifest,
)
from dashget.manifest.lookups import ask_clock
from dashget.manifest.patches import fetch_patch
from dashget.manifest.source import Source
from dashget.media.kind import SegmentKind
from dashget.mirroring.expectation import Expected, expected_of
from dashget.mpd.budget import Budget, WorkLimits
from dashget.mpd.clock import ClockMethod, clock_sources
from dashget.mpd.knowntimelines import KnownTimelines
from dashget.mpd.patch import PatchError, apply_patch, is_alike
from dashget.mpd.presentation import Representation, TemplateAddressing
from dashget.mpd.urls import resolve_reference
from dashget.planning.layout import Layout, SafePath
from dashget.planning.limits import Limits
from dashget.planning.selection import Selection
from dashget.recording.manifests import Manifests
from dashget.recording.unchanged import Unless
from dashget.recording.waking import moment
from dashget.transfer.contract import Fetched, Transfers, told

_MOST_AGE: Final = 86_400
_MOST_NAMES: Final = 10_000
"""So many templates and initialization segments keep their names, whatever document has them."""
_ASTRAY: Final = "patches of it have led to another manifest than the whole one of the same time"


class ManifestReader:
    """Makes a ``Version`` of each answer. ``manifests`` keeps what is new.

    If it ``goes_on``, also the first one need not have what the selection asks for.
    """

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
        manifests: Manifests,
        lacking: Callable[[LoadedManifest, Expected, Mapping[str, str]], None],
        goes_on: bool = False,
        clock: Callable[[], float] = moment,
    ) -> None:
        self._source = source
        self._engine = engine
        self._selection = selection
        self._name = name
        self._name_bytes = name_bytes
        self._limits = limits
        self._work = work
        self._manifests = manifests
        self._lacking = lacking
        self._goes_on = goes_on
        self._clock = clock
        self._first: LoadedManifest | None = None
        self._timelines = KnownTimelines(secrets.token_hex(8))
        self._rows = KnownRows()
        self._shaper = Shaper(work)
        self._events = EventReader(work)
        self._last: tuple[LoadedManifest, Version] | None = None
        self._kept: frozenset[str] = frozenset()
        self._unless = Unless()
        self._names: dict[str, str] = {}
        """The paths of URLs, as the first document with them had them."""
        self._way = Way.FULL
        """How the last one was read."""
        self._direct: float | None = None
        """The time that was told last by a document itself."""

    def offer(self, loaded: LoadedManifest) -> None:
        """Give a document that was read already: it is the answer to the first errand."""
        self._first = loaded

    def read(self, errand: Read) -> ReadEnded:
        """Read the manifest: by a patch if that will do, else at its newest location, else where
        the user said."""
        refused: str | None = None
        if self._last is not None:
            try:
                if errand.given is not None:
                    return self._read_given(errand, errand.given, self._last[0], self._clock())
                if errand.patch:
                    return self._read_patch(errand, *self._last, self._clock())
            except DashGetError as error:
                what = "what came in an event" if errand.given is not None else "a patch of it"
                refused = f"{what} cannot be used: {told(error)}"
        asked = self._clock()
        urls = [*errand.urls, self._source.url]
        problem: DashGetError | None = None
        for url in urls:
            try:
                ended = self._read(errand, url, self._clock())
            except DashGetError as error:
                problem = error
            else:
                refused = refused or ended.refused
                return msgspec.structs.replace(ended, refused=refused)
        cause = None if problem is None else problem.__cause__
        answer = cause if isinstance(cause, FetchError) else None
        return ReadEnded(
            None,
            asked,
            problem=None if problem is None else told(problem),
            status=0 if answer is None else answer.status or 0,
            retry_after=None if answer is None else answer.retry_after_seconds,
            refused=refused,
        )

    def _read(self, errand: Read, url: str | None, asked: float) -> ReadEnded:
        loaded, self._first = self._first, None
        if loaded is None:
            found = self._load(errand, url)
            if isinstance(found, Unchanged):
                return self._unchanged(errand, found, asked)
            loaded = found
        if url == self._source.url:
            loaded = self._follow(loaded, errand)
        sample = self._sample(errand, loaded, loaded.fetched, loaded.asked_at, loaded.answered_at)
        refused = None if self._agrees(loaded) else _ASTRAY
        return self._take(loaded, asked, sample, Way.FULL, server=errand.server, refused=refused)

    def _load(self, errand: Read, url: str | None) -> LoadedManifest | Unchanged:
        source = msgspec.structs.replace(self._source, url=url)
        last, version = self._last or (None, None)
        return load_again(
            source,
            self._engine,
            last,
            now=_moment(errand.server),
            allow_downgrade=True,
            limits=self._work,
            known=self._timelines,
            unless=None if last and last.unreached else self._unless.of(errand, url, version),
            clock=self._clock,
        )

    def _unchanged(self, errand: Read, found: Unchanged, asked: float) -> ReadEnded:
        """Take that the manifest is the same as the last one."""
        last = None if self._last is None else self._last[0]
        if last is None:
            raise ValueError("the same as none")
        sample = self._sample(errand, last, found.fetched, found.asked_at, found.answered_at)
        if found.fetched is None:
            return self._same(asked, sample, Way.SAME)
        self._unless.came(found.fetched, errand.server)
        return self._same(asked, sample, Way.FULL)

    def _follow(self, loaded: LoadedManifest, errand: Read) -> LoadedManifest:
        """Return what is at the ``Location`` of a document from the user's address, if it can be
        read: on some servers that address makes a session, in which alone segments are found."""
        url = loaded.presentation.url
        for reference in loaded.mpd.locations[:MOST_LOCATIONS]:
            location = resolve_reference(url, reference)
            if location == url:
                break
            if location not in errand.urls:
                try:
                    found = self._load(errand, location)
                except DashGetError:
                    continue
                if isinstance(found, Unchanged):
                    continue
                self._manifests.keep(loaded, Way.FULL)
                return found
        return loaded

    def _read_patch(
        self, errand: Read, last: LoadedManifest, version: Version, asked: float
    ) -> ReadEnded:
        """Ask for a patch of the last document; DashGetError if it does not make the next one."""
        if version.patch is None:
            raise PatchError("there is none")
        fetched, patch = fetch_patch(version.patch.url, self._engine, self._work)
        if patch is None:
            sample = None
            if fetched is not None:
                sample = self._sample(errand, last, fetched, asked, self._clock())
            return self._same(asked, sample, Way.SAME)
        document = apply_patch(last.data, patch, Budget(self._work))
        answered = self._clock()
        loaded = self._made(errand, document, last)
        sample = self._sample(errand, loaded, fetched, asked, answered)
        return self._take(loaded, asked, sample, Way.PATCH, server=errand.server, patch=patch)

    def _read_given(
        self, errand: Read, given: Given, last: LoadedManifest, asked: float
    ) -> ReadEnded:
        """Take a patch, or a manifest, that came in an event; DashGetError if it is no newer."""
        patch = given.data if given.is_patch else b""
        document = given.data
        if patch:
            document = apply_patch(last.data, patch, Budget(self._work))
        loaded = self._made(errand, document, last)
        before, after = last.mpd.publish_time, loaded.mpd.publish_time
        if loaded.mpd.id != last.mpd.id:
            raise PatchError("it is of another presentation")
        if before is not None and (after is None or after <= before):
            raise PatchError("it is no newer than the one that is known")
        return self._take(loaded, asked, None, Way.EVENT, server=errand.server, patch=patch)

    def _made(self, errand: Read, document: bytes, last: LoadedManifest) -> LoadedManifest:
        """Return a document that stands for the next one at the place of the last one."""
        return read_manifest(
            self._source,
            document,
            last.presentation.url,
            self._engine,
            now=_moment(errand.server),
            allow_downgrade=True,
            limits=self._work,
            known=self._timelines,
            remembered=last.remote,
        )

    def _take(
        self,
        loaded: LoadedManifest,
        asked: float,
        sample: Sample | None,
        way: Way,
        *,
        server: float,
        patch: bytes = b"",
        refused: str | None = None,
    ) -> ReadEnded:
        """Keep a document, and return what it says."""
        digest = _digest(loaded)
        if self._last is not None and digest == self._last[1].digest:
            self._last = loaded, self._last[1]
            return self._same(asked, sample, way)
        expected = expected_of(
            loaded.presentation,
            self._name,
            self._selection,
            self._limits,
            self._name_bytes,
            loaded.budget.copy(),
            is_kept=self._is_kept if self._last is not None or self._goes_on else None,
            known=self._names,
        )
        tracks = expected.selected_tracks()
        self._kept = frozenset(_identity(track.representation) for track in tracks) or self._kept
        version = read_version(
            loaded.mpd, loaded.presentation, tracks, expected.layout, digest, self._rows
        )
        if loaded.unreached:
            version = msgspec.structs.replace(version, partial=True)
        self._remember(version, expected.layout)
        remote = {entity.href: entity.data for entity in loaded.remote}
        version = self._shaper.give(
            version,
            loaded.data,
            loaded.presentation,
            tracks,
            expected.layout,
            remote,
        )
        version = self._events.give(version, loaded.data, loaded.presentation, remote)
        self._manifests.keep(loaded, way, patch)
        self._lacking(loaded, expected, self._shaper.left_out | self._events.left_out)
        self._last, self._way = (loaded, version), way
        self._unless.came(None if way is not Way.FULL else loaded.fetched, server)
        return ReadEnded(version, asked, sample, way=way, refused=refused)

    def _remember(self, version: Version, layout: Layout) -> None:
        """Have files keep their names where a later document lies in another folder."""
        addresses = [each.address for each in version.listings if each.axis is not Axis.NAME]
        addresses += [
            once.address
            for each in version.listings
            for once in each.once
            if once.address is not None and once.kind is not SegmentKind.MEDIA
        ]
        for url, path in map(layout.known_names, addresses):
            self._names.setdefault(url, path)
        while len(self._names) > _MOST_NAMES:
            del self._names[next(iter(self._names))]

    def _is_kept(self, representation: Representation) -> bool:
        """Return True if a Representation was selected before: it stays while it is there."""
        return _identity(representation) in self._kept

    def _same(self, asked: float, sample: Sample | None, way: Way) -> ReadEnded:
        self._manifests.same()
        version = None if self._last is None else self._last[1]
        return ReadEnded(version, asked, sample, way=way)

    def _agrees(self, loaded: LoadedManifest) -> bool:
        """Return False if patches have led to another document than that of the same time."""
        if self._last is None or self._way is not Way.PATCH:
            return True
        made = self._last[0]
        if made.mpd.publish_time != loaded.mpd.publish_time or made.mpd.id != loaded.mpd.id:
            return True
        return is_alike(made.data, loaded.data, Budget(self._work))

    def _sample(
        self,
        errand: Read,
        loaded: LoadedManifest,
        fetched: Fetched | None,
        asked: float,
        answered: float,
    ) -> Sample | None:
        """Ask for the time as the document says; else take the ``Date`` of its answer.

        The document was asked for, and answered, at these times of our clock: it may be long ago.
        """
        if not errand.clock:
            return None
        sources, _ = clock_sources(loaded.mpd, loaded.presentation.url)
        for source in sources[: self._work.max_clocks]:
            begin = self._clock()
            try:
                told = float(ask_clock(source, self._engine, loaded.budget.copy()))
            except (FetchError, MPDError, ValueError):
                continue
            if source.method is ClockMethod.DIRECT:
                if told == self._direct:
                    # It was written into an earlier document, and tells the time of that.
                    continue
                self._direct = told
                return Sample(Kind.UTC, told, asked, answered)
            coarse = 1.0 if source.method is ClockMethod.HTTP_HEAD else 0.0
            return Sample(Kind.UTC, told, begin, self._clock(), coarse)
        head = None if fetched is None else fetched.head
        date = None if head is None else read_http_date(head.date)
        if head is None or date is None:
            return None
        # A cache keeps the Date of its origin, and tells by Age how old it is.
        age = _age(dict(head.cache))
        coarse = 1.0 if not age else 2.0
        return Sample(Kind.DATE, float(date) + age, asked, answered, coarse)


def _identity(representation: Representation) -> str:
    """Return what stays the same of a Representation from version to version: its address.

    Ids, bandwidths and positions are changed by packagers, hosts and queries by servers.
    """
    addressing = representation.addressing
    if isinstance(addressing, TemplateAddressing):
        return Url.parse(addressing.media.patterns[0].text).path
    return f"#{representation.content_type.value} {representation.id}"


def _digest(loaded: LoadedManifest) -> str:
    """Tell documents apart: the same bytes from elsewhere, or with other remote elements, may have
    other addresses."""
    remote = [f"{each.url} {sha256_hex(each.data)}" for each in loaded.remote]
    unreached = sorted({each.url for each in loaded.unreached})
    return " ".join([loaded.sha256, place_of(loaded.presentation.url), *remote, *unreached])


def _age(cache: dict[str, str]) -> int:
    text = next((value for name, value in cache.items() if name.lower() == "age"), "")
    return min(read_digits(text.strip()) or 0, _MOST_AGE)


def _moment(seconds: float) -> datetime.datetime | None:
    """Return a server time; None, so that it is found out, if it is beyond the calendar."""
    return utc_of(Fraction(seconds)) if math.isfinite(seconds) else None
