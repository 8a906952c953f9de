"""The session, and the presentations that were opened in it."""

from __future__ import annotations

import datetime
import os
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Final, Self, Unpack

from dashget.common.log import Log
from dashget.common.stopping import Stop
from dashget.common.url import typed
from dashget.common.validation import Wrong, optional, path, require, text
from dashget.errors import MPDError, SessionClosedError, UsageError
from dashget.events import Observer, RecordingEnded, Summary, Warned, ignore
from dashget.manifest.load import LoadedManifest, load_manifest
from dashget.manifest.lookups import read_indexes, read_protections
from dashget.manifest.source import parse_source, with_scheme
from dashget.mirroring.options import MirrorOptions
from dashget.mpd.budget import DEFAULT_LIMITS
from dashget.planning.limits import DEFAULT_SEGMENT_LIMIT, DEFAULT_TOTAL_LIMIT, Limits
from dashget.planning.plan import PlannedSegment
from dashget.planning.selection import Selection
from dashget.planning.tracks import Track, make_tracks
from dashget.session.keywords import merge_options, mirror_options, place
from dashget.session.waiting import ManifestHooks, in_time, timed
from dashget.transfer.contract import Hooks
from dashget.transfer.curl.descriptors import load_early
from dashget.transfer.engine import Engine, EngineFor
from dashget.transfer.settings.checks import read_files, warnings_about
from dashget.transfer.settings.options import TransferOptions

if TYPE_CHECKING:
    from dashget.events import Muxed
    from dashget.media.isobmff import Protections
    from dashget.mux.options import MuxOptions
    from dashget.recording.run import RecordOptions
    from dashget.session.keywordtypes import (
        MirrorKeywords,
        MuxKeywords,
        RecordKeywords,
        SelectionKeywords,
        TransferKeywords,
        VerifyKeywords,
    )
    from dashget.session.stream import EventStream
    from dashget.store import Backend
    from dashget.verification.findings import Report
    from dashget.verification.verify import VerifyOptions

    Place = str | os.PathLike[str] | Backend

_STATIC: Final = "the presentation is not live: it is mirrored"
_CLOSED_HINT: Final = "use it inside its with statement, or before close()"
_LOADED_LATE: Final = (
    "dashget.media.inspection", "dashget.mirroring.chances", "dashget.mirroring.comparison",
    "dashget.store.parts",
)  # fmt: skip
"""Modules that a mirror imports while transfers are under way: that takes descriptors."""


def _moment(value: object) -> Wrong | None:
    if isinstance(value, datetime.datetime) and value.tzinfo is not None:
        return None
    return Wrong("not a datetime with a time zone", "such as datetime.datetime.now(datetime.UTC)")


def _backend_of(root: Place, call: str, hint: str) -> Backend:
    """Return the place of a mirror; UsageError for anything else, such as a URL."""
    from dashget.store import LocalDirectory

    require("root", root, place, call)
    if isinstance(root, str) and not Path(root).exists():
        url = with_scheme(root) or root
        if "://" in url or typed(url) != url:
            raise UsageError(
                f"{call} takes the directory of a mirror, not a URL: {typed(url)}", hint=hint
            )
    return LocalDirectory(Path(root)) if isinstance(root, str | os.PathLike) else root


class Session:
    """Options, connections and cookies that several calls share.

    ::

        with dashget.Session(in_flight=8, user="me:pw") as session:
            show = session.open("https://example.com/show/manifest.mpd")
            summary = show.mirror("show", video="best")

    ``options`` or keywords (the fields of ``TransferOptions``) say how to make requests.
    ``observer`` gets the events of all calls that are given none of their own, and first a
    ``Warned`` for each oddity of the options.

    Secrets go to the origin of every manifest that was opened by its URL, and to no host that a
    manifest names. Raises UsageError for invalid options. A session may be used by several
    threads; ``close`` stops what is at work in it.
    """

    def __init__(
        self,
        options: TransferOptions | None = None,
        *,
        observer: Observer = ignore,
        **keywords: Unpack[TransferKeywords],
    ) -> None:
        given = merge_options(TransferOptions, options, keywords, "Session")
        self.options: TransferOptions = read_files(given)
        """The options, with the files that they name read."""
        self.warnings: tuple[str, ...] = warnings_about(self.options)
        """A sentence for each oddity of the options."""
        self._observer = observer
        self._engine = Engine(self.options)
        load_early(self.options.most_in_flight, _LOADED_LATE)
        self._log = Log("dashget.session", self._engine.mask)
        self._closed = False
        self._warn(observer)

    def open(
        self,
        source: str | os.PathLike[str],
        *,
        base_url: str | None = None,
        now: datetime.datetime | None = None,
        observer: Observer | None = None,
        stop: Stop | None = None,
    ) -> Loaded:
        """Fetch (or read) an MPD, and resolve it.

        ``source`` is an http(s) URL, the path of a local file (a ``Path`` is always one), or
        ``-`` for standard input. ``base_url`` is the URL that a local document came from; with a
        URL it is refused. ``now`` is the wall-clock time for a live presentation. One request is
        made, and those that the document itself asks for: remote elements, the time.
        ``observer`` gets a ``RetryScheduled`` for each failed attempt, and a ``ManifestAwaited``
        after two seconds.

        Raises UsageError, ManifestFetchError or MPDError; LimitReachedError if the time is up.
        """
        self._check_open()
        stop = stop or Stop()
        require("base_url", base_url, optional(text), "load")
        require("now", now, optional(_moment), "load")
        parsed = parse_source(source, base_url=base_url)
        if parsed.url is not None:
            self._engine.trust(parsed.url, parsed.user)
        told = self._told(observer)
        try:
            with in_time(stop, self.options.max_time_seconds, "the manifest was read"):
                loaded = load_manifest(
                    parsed,
                    self._engine_for(parsed.home, stop, ManifestHooks(told, parsed.url)),
                    base_url=base_url,
                    now=now,
                    allow_downgrade=self.options.allow_downgrade,
                    limits=DEFAULT_LIMITS.times(self.options.document_limits),
                )
        except MPDError as error:
            for issue in error.warnings:
                told(Warned.of(issue))
            raise
        self._log.debug(f"opened in {loaded.seconds:.3f} s: {loaded!r}, now {loaded.now}")
        fields = {name: getattr(loaded, name) for name in loaded.__struct_fields__}
        return Loaded(**fields, session=self)

    def plan(
        self,
        loaded: LoadedManifest,
        selection: Selection | None = None,
        *,
        index: bool = False,
        segment_limit: int | None = DEFAULT_SEGMENT_LIMIT,
        total_limit: int | None = DEFAULT_TOTAL_LIMIT,
        observer: Observer | None = None,
        stop: Stop | None = None,
        **filters: Unpack[SelectionKeywords],
    ) -> Iterator[PlannedSegment]:
        """Yield every segment that ``mirror`` would fetch, in presentation order, lazily.

        ``dashget.plan_line`` gives the JSON form of each. With ``index``, the index of each
        single file (``sidx`` or Cues) is fetched, and its subsegments are listed with their
        ranges; ``observer`` gets a ``Warned`` for each index that cannot be read. Without it no
        request is made. Raises SelectionError at once, and MPDError if a Representation has more
        than ``segment_limit`` segments, or all together more than ``total_limit``.
        """
        # Loaded late: a mirror plans by itself.
        from dashget.session.planning import plan_tracks, tracks_of

        tracks = tracks_of(loaded, selection, filters, Limits(segment_limit, total_limit))
        if index:
            self._check_open()
            tracks = self._with_indexes(loaded, tracks, self._told(observer), stop or Stop())
        return plan_tracks(loaded, tracks)

    def mirror(
        self,
        loaded: LoadedManifest,
        root: Place | None = None,
        options: MirrorOptions | None = None,
        *,
        observer: Observer | None = None,
        stop: Stop | None = None,
        **keywords: Unpack[MirrorKeywords],
    ) -> Summary:
        """Mirror a presentation into the directory ``root``, or complete a mirror.

        The manifest is not fetched again. Without ``root``, the directory is named after the
        manifest's own; ``root`` may also be a ``dashget.store.Backend``: another place than a
        directory (the option ``fsync`` is for directories only). ``options`` or keywords (the
        fields of ``MirrorOptions``, and the filters ``video``, ``audio``, ``text``, ``image``,
        ``period``) say how. ``observer`` gets every event, the Summary last, from one thread at a
        time. ``stop.request()`` ends the run early, with ``Summary.interrupted`` set.

        Files that fail are in ``Summary.failures``; see ``Summary.raise_for_failures``. An error
        is raised only if it prevents any result: UsageError, SelectionError, MPDError,
        StoreError. A full disk ends the run as well: the StoreError is raised after the Summary
        was observed.
        """
        # Slow to import; a list or a plan needs no store.
        from dashget.session.mirror import MirrorJob

        self._check_open()
        chosen = mirror_options(root, options, keywords)
        observer, stop = self._told(observer), stop or Stop()
        if observer is not self._observer:
            self._warn(observer)
        self._log.debug(f"mirroring {loaded!r} into {root}: {chosen}")
        job = MirrorJob(
            loaded,
            Path(root) if isinstance(root, str | os.PathLike) else root,
            chosen,
            self._logged(observer),
            stop,
            warnings=len(self.warnings),
        )
        if loaded.source.url is not None:
            self._engine.trust(loaded.source.url, loaded.source.user)
        with timed(stop, self.options.max_time_seconds):
            return job.run(self._engine_for(loaded.source.home, stop))

    def record(
        self,
        source: str,
        root: Place | None = None,
        options: RecordOptions | None = None,
        *,
        observer: Observer | None = None,
        stop: Stop | None = None,
        **keywords: Unpack[RecordKeywords],
    ) -> RecordingEnded | Summary | None:
        """Record a live presentation into the directory ``root``, until it or the user ends.

        The same call into the same directory goes on with a recording. ``options`` or keywords
        (the fields of ``RecordOptions``) say what, from when and until when. ``observer`` gets
        every event, the ``RecordingEnded`` last. ``stop.request()`` ends the recording in order.

        A static presentation is mirrored, and the Summary of that returned; None if a stop came
        before there was any manifest. Raises UsageError, SelectionError, MPDError,
        ManifestFetchError (there is no manifest, or it begins later), LimitReachedError (it was
        waited for too long), StoreError.
        """
        from dashget.recording.run import RecordOptions
        from dashget.session.recording import Recording

        self._check_open()
        chosen = merge_options(RecordOptions, options, keywords, "record")
        require("root", root, optional(place), "record")
        told, stop = self._told(observer), stop or Stop()
        recording = Recording(
            parse_source(source),
            chosen,
            self.options,
            self._logged(told),
            stop,
            DEFAULT_LIMITS.times(self.options.document_limits),
        )

        def mirror(loaded: LoadedManifest) -> Summary:
            told(Warned(_STATIC))
            options = MirrorOptions(
                selection=chosen.selection,
                accept_odd=chosen.accept_odd,
                fsync=chosen.fsync,
                follow_links=chosen.follow_links,
                segment_limit=chosen.segment_limit,
                total_limit=chosen.total_limit,
            )
            return self.mirror(loaded, root, options, observer=told, stop=stop)

        with timed(stop, self.options.max_time_seconds):
            return recording.run(
                Path(root) if isinstance(root, str | os.PathLike) else root, mirror
            )

    def mirror_events(
        self,
        loaded: LoadedManifest,
        root: Place | None = None,
        options: MirrorOptions | None = None,
        **keywords: Unpack[MirrorKeywords],
    ) -> EventStream[Summary]:
        """Mirror a presentation, and yield its events while it runs; the Summary comes last.

        See ``EventStream``: closing the iterator stops the run in order.
        """
        self._check_open()
        from dashget.session.stream import EventStream

        return EventStream(
            lambda observer, stop: self.mirror(
                loaded, root, options, observer=observer, stop=stop, **keywords
            )
        )

    def verify(
        self,
        root: Place,
        options: VerifyOptions | None = None,
        *,
        observer: Observer | None = None,
        stop: Stop | None = None,
        **keywords: Unpack[VerifyKeywords],
    ) -> Report:
        """Check a mirror: every file is there, complete and sound; return the sums.

        ``root`` is its directory, or the ``dashget.store.Backend`` that holds it.
        ``options`` or keywords (the fields of ``VerifyOptions``) ask for more: ``remote``
        compares with the server, ``repair`` fetches what is wrong. Without them nothing is
        fetched, and nothing is written. ``observer`` gets a ``Finding`` for each problem and
        note, and the Report last. Raises StoreError for a directory that is not a mirror, and
        MPDError for a manifest that cannot be read.
        """
        from dashget.verification.verify import VerifyOptions, verify_mirror

        self._check_open()
        chosen = merge_options(VerifyOptions, options, keywords, "verify")
        hint = "name the directory; get --verify compares a mirror with the server"
        backend = _backend_of(root, "verify", hint)
        observer, stop = self._told(observer), stop or Stop()
        if observer is not self._observer:
            self._warn(observer)

        def connect(source: str | None, home: str) -> EngineFor:
            if source is not None and (chosen.remote or chosen.repair):
                self._engine.return_to(source)
            return self._engine_for(home, stop)

        self._log.debug(f"verifying {root}: {chosen}")
        told, transfer = self._logged(observer), self.options
        doing = "the mirror's manifest was fetched"
        with in_time(stop, transfer.max_time_seconds, doing, has_result=True):
            return verify_mirror(
                backend,
                chosen,
                told,
                stop,
                connect,
                allow_downgrade=transfer.allow_downgrade,
                work=DEFAULT_LIMITS.times(transfer.document_limits),
            )

    def verify_events(
        self,
        root: Place,
        options: VerifyOptions | None = None,
        **keywords: Unpack[VerifyKeywords],
    ) -> EventStream[Report]:
        """Check a mirror, and yield its findings meanwhile; the Report comes last."""
        self._check_open()
        from dashget.session.stream import EventStream

        return EventStream(
            lambda observer, stop: self.verify(
                root, options, observer=observer, stop=stop, **keywords
            )
        )

    def mux(
        self,
        root: Place,
        file: str | os.PathLike[str],
        options: MuxOptions | None = None,
        *,
        observer: Observer | None = None,
        stop: Stop | None = None,
        **keywords: Unpack[MuxKeywords],
    ) -> tuple[Muxed, ...]:
        """Write one playable file of a mirror; return what was written.

        ``root`` is the mirror's directory, or the ``dashget.store.Backend`` that holds it. The end
        of ``file`` says its kind: .mp4, .m4a, .mkv, .mka or .webm. ``options`` or keywords (the
        fields of ``MuxOptions``, and the filters) say what goes in, and how; with ``split`` there
        is one file for each Period. Keywords are as on the command line: ``keys`` are texts
        ``KID:KEY``, ``subtitles`` one of inside, files, files=vtt and none, ``cover`` thumbnail or
        the bytes of a picture. Nothing is fetched. ``observer`` gets each ``Warned``, and a
        ``Muxed`` for each file; after ``stop.request()`` those that were written are returned.

        Raises MuxError for tracks that do not fit into one file, or if PyAV is missing (the extra
        ``mux``); MirrorIncompleteError with the paths that are missing; UsageError,
        SelectionError, StoreError and MPDError. No file has its name before it is complete.
        """
        self._check_open()
        from dashget.mux.run import mux_mirror
        from dashget.session.muxing import mux_options

        require("file", file, path, "mux")
        hint = "mirror the URL first, then name the directory"
        backend = _backend_of(root, "mux", hint)
        chosen = mux_options(options, keywords)
        told, stop = self._logged(self._told(observer)), stop or Stop()
        with in_time(stop, self.options.max_time_seconds, "a file was written"):
            return mux_mirror(backend, Path(file), chosen, told, stop)

    def mux_events(
        self,
        root: Place,
        file: str | os.PathLike[str],
        options: MuxOptions | None = None,
        **keywords: Unpack[MuxKeywords],
    ) -> EventStream[tuple[Muxed, ...]]:
        """Write one file of a mirror, and yield the events; a ``Muxed`` comes for each file."""
        self._check_open()
        from dashget.session.stream import EventStream

        return EventStream(
            lambda observer, stop: self.mux(
                root, file, options, observer=observer, stop=stop, **keywords
            )
        )

    def protections(
        self,
        loaded: LoadedManifest,
        *,
        observer: Observer | None = None,
        stop: Stop | None = None,
    ) -> dict[int, Protections]:
        """Fetch the initialization segments; return the encryption that each announces.

        The keys number the Representations in document order. ``observer`` gets a ``Warned`` for
        each that cannot be fetched or read.
        """
        self._check_open()
        stop, doing = stop or Stop(), "initialization segments were fetched"
        engine = self._engine_for(loaded.source.home, stop)
        with in_time(stop, self.options.max_time_seconds, doing):
            tracks = make_tracks(loaded.presentation)
            found, issues = read_protections(tracks, engine, loaded.budget.copy())
        for issue in issues:
            self._told(observer)(Warned.of(issue))
        return found

    def timing(self, stop: Stop) -> AbstractContextManager[None]:
        """Return the block in which ``max_time_seconds`` holds for several calls with one stop."""
        return timed(stop, self.options.max_time_seconds)

    @property
    def closed(self) -> bool:
        """True after ``close``."""
        return self._closed

    def close(self) -> None:
        """Stop what is at work in the session, and close its connections."""
        if not self._closed:
            self._closed = True
            self._engine.cancel()
            self._engine.close()

    def __enter__(self) -> Self:
        self._check_open()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<Session {'closed' if self._closed else 'open'}>"

    def _check_open(self) -> None:
        if self._closed:
            raise SessionClosedError("the session is closed", hint=_CLOSED_HINT)

    def _logged(self, observer: Observer) -> Observer:
        """Return an observer that records each event, if debug records are wanted."""
        if not self._log.wanted:
            return observer
        from dashget.session.logged import LoggingObserver

        return LoggingObserver(observer, self._log)

    def _told(self, observer: Observer | None) -> Observer:
        """Return the observer of a call: its own, else that of the session."""
        return self._observer if observer is None else observer

    def _warn(self, observer: Observer) -> None:
        for message in self.warnings:
            observer(Warned(message))

    def _engine_for(
        self, home: str | None, stop: Stop | None, hooks: Hooks | None = None
    ) -> EngineFor:
        return EngineFor(self._engine, home=home, stop=stop, hooks=hooks)

    def _with_indexes(
        self, loaded: LoadedManifest, tracks: tuple[Track, ...], observer: Observer, stop: Stop
    ) -> tuple[Track, ...]:
        read, engine = [], self._engine_for(loaded.source.home, stop)
        with in_time(stop, self.options.max_time_seconds, "indexes were fetched"):
            for track, issue in read_indexes(tracks, engine, loaded.budget.copy()):
                if issue is not None:
                    observer(Warned.of(issue))
                read.append(track)
        return tuple(read)


class Loaded(LoadedManifest, frozen=True, eq=False, kw_only=True):
    """A presentation that was opened in a session, and the document that it was read from.

    ``plan``, ``mirror`` and the others are those of the session, with this presentation.
    """

    session: Session

    def plan(
        self,
        selection: Selection | None = None,
        *,
        index: bool = False,
        segment_limit: int | None = DEFAULT_SEGMENT_LIMIT,
        total_limit: int | None = DEFAULT_TOTAL_LIMIT,
        observer: Observer | None = None,
        stop: Stop | None = None,
        **filters: Unpack[SelectionKeywords],
    ) -> Iterator[PlannedSegment]:
        """Yield every segment that ``mirror`` would fetch; see ``Session.plan``."""
        return self.session.plan(
            self,
            selection,
            index=index,
            segment_limit=segment_limit,
            total_limit=total_limit,
            observer=observer,
            stop=stop,
            **filters,
        )

    def mirror(
        self,
        root: Place | None = None,
        options: MirrorOptions | None = None,
        *,
        observer: Observer | None = None,
        stop: Stop | None = None,
        **keywords: Unpack[MirrorKeywords],
    ) -> Summary:
        """Mirror the presentation, or complete a mirror; see ``Session.mirror``."""
        return self.session.mirror(self, root, options, observer=observer, stop=stop, **keywords)

    def mirror_events(
        self,
        root: Place | None = None,
        options: MirrorOptions | None = None,
        **keywords: Unpack[MirrorKeywords],
    ) -> EventStream[Summary]:
        """Mirror the presentation, and yield the events; see ``Session.mirror_events``."""
        return self.session.mirror_events(self, root, options, **keywords)
