"""Make one file of a mirror, or one for each Period: the steps from the mirror to the last name."""

from __future__ import annotations

import contextlib
import io
import time
from collections.abc import Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final

from dashget.common.numbers import nearest_float
from dashget.common.stopping import Stop
from dashget.errors import MirrorIncompleteError, MPDError, MuxError, StoreError
from dashget.events import Muxed, Observer, Warned
from dashget.media.isobmff import BoxError
from dashget.mirroring.expectation import Expected, playable
from dashget.mpd.budget import DEFAULT_LIMITS
from dashget.mpd.presentation import (
    ContentType,
    Presentation,
    Protection,
)
from dashget.mux.beside import content_beside, names_beside
from dashget.mux.chapters import chapters_of
from dashget.mux.check import check_file
from dashget.mux.container import Container, container_of
from dashget.mux.contents import Contents, Piece, find_contents
from dashget.mux.cover import cover_of
from dashget.mux.description import describe
from dashget.mux.destination import Destination
from dashget.mux.direct.fragments import UnknownMediaError
from dashget.mux.direct.scan import scan
from dashget.mux.direct.tables import Table
from dashget.mux.direct.writer import DirectWriter
from dashget.mux.edits import hide_beginnings
from dashget.mux.errors import LockedError, StoppedError, as_mux_error, load_av
from dashget.mux.feed import Feed
from dashget.mux.fileplans import FilePlan, adaptation_set_of, files_of, metadata_of, periods_of
from dashget.mux.options import MuxOptions, Subtitles, Thumbnail
from dashget.mux.picture import Picture
from dashget.mux.protection import WEBM_START, declared, found
from dashget.mux.selection import choose, choose_images
from dashget.mux.source import JoinedFile, is_transport_stream, read_box, read_bytes
from dashget.mux.texts import (
    TextStretch,
    TextTrack,
    problems_of,
    read_stretch,
    refuse_pictures,
    text_tracks,
)
from dashget.mux.times import heard_from, movie_timescale, place, timescale_of, zero_of
from dashget.mux.tracks import FileTrack, Stretch, join, stretch_name
from dashget.mux.trial import require_right_keys
from dashget.mux.unlocking import unlock
from dashget.mux.writer import Copy, Outline, Writer
from dashget.planning.layout import CONTROL_DIRECTORY
from dashget.planning.limits import Limits
from dashget.planning.tracks import Track, make_tracks
from dashget.store import OCCUPIED_HINT, Header, LocalDirectory, Mirror
from dashget.verification.manifest import read_expected

if TYPE_CHECKING:
    from dashget.store import Backend

_START_BYTES: Final = 1 << 16
"""The beginning of a WebM file that has its tracks."""
_SHOWN: Final = 10
_PIECE_SECONDS: Final = 2
"""Longer fragments are taken apart, so that tracks take turns."""


def mux_mirror(
    place_of_mirror: Backend,
    target: Path,
    options: MuxOptions,
    observer: Observer,
    stop: Stop | None = None,
) -> tuple[Muxed, ...]:
    """Write ``target`` from a mirror; with ``split`` one file for each Period, numbered.

    The observer gets warnings, and a ``Muxed`` for each file. Raises UsageError, SelectionError,
    StoreError, MPDError; MirrorIncompleteError with the files that are missing; MuxError if no
    file can be made of the tracks. No file has its name before it is complete; ``stop`` ends the
    writing, and the files that are written by then are returned.
    """
    load_av()
    container = container_of(target)
    if not options.split:
        Destination(target, overwrite=options.overwrite).require_free()
    with Mirror(place_of_mirror, read_only=True) as store:
        header = store.known_header(
            "give a mirror's directory; dashget URL --mux FILE mirrors and writes"
        )
        if header.recording:
            # Loaded late: most mirrors are no recordings.
            from dashget.mux.recorded import read_recorded

            expected = read_recorded(store, header, options, container, observer)
        else:
            expected = _read(store, header)
        job = _Job(store, expected, target, container, options, observer)
        return job.run(stop or Stop())


def _read(store: Mirror, header: Header) -> Expected:
    """Work out what the mirror should hold, from its stored MPD."""
    try:
        expected, _ = read_expected(
            store, header, Limits(None, None), allow_downgrade=False, work=DEFAULT_LIMITS
        )
    except (MPDError, StoreError) as error:
        error.hint = "dashget verify --repair fetches the manifest again"
        raise
    return expected


class _Job:
    """One call of ``mux_mirror``."""

    def __init__(
        self,
        store: Mirror,
        expected: Expected,
        target: Path,
        container: Container,
        options: MuxOptions,
        observer: Observer,
    ) -> None:
        self._store = store
        self._expected = expected
        self._target = target
        self._container = container
        self._options = options
        self._choices = options.choices_for(container)
        self._observer = observer
        self._live = expected.presentation.dynamic

    def run(self, stop: Stop) -> tuple[Muxed, ...]:
        there = playable(self._store, self._expected)
        chosen = choose(self._expected.presentation, there, self._choices)
        tracks = make_tracks(chosen)
        self._require_fit(tracks)
        if not self._options.keys:
            _refuse_named(tracks)
        contents = [find_contents(self._store, track, self._expected.layout) for track in tracks]
        self._check_complete(tracks, contents)
        cover = self._cover(there)
        stretches, texts = self._stretches(tracks, contents, chosen)
        if self._options.split:
            self._tell_without_file(stretches, texts)
        plans = [
            self._plan(path, join(parts, self._container), own, chosen, cover)
            for path, parts, own in files_of(
                self._target, stretches, texts, split=self._options.split
            )
        ]
        for plan in plans:
            for destination in (plan.destination, *(file for file, _ in plan.beside)):
                destination.require_free()
                if isinstance(self._store.place, LocalDirectory):
                    destination.require_apart(self._store.place.root, self._holds)
        written: list[Muxed] = []
        with stop.answered(), contextlib.suppress(StoppedError):
            for plan in plans:
                muxed = self._write(plan, stop)
                written.append(muxed)
        return tuple(written)

    def _holds(self, path: str) -> bool:
        """Return True if a path in the mirror is that of one of its files."""
        if path.startswith(f"{CONTROL_DIRECTORY}/") or self._store.is_recorded(path):
            return True
        return any(planned.path == path for planned in self._expected.iter_plan())

    def _require_fit(self, tracks: Sequence[Track]) -> None:
        """Raise MuxError if there is nothing to write, or no place for subtitles."""
        texts = [t for t in tracks if t.representation.content_type is ContentType.TEXT]
        if len(texts) == len(tracks):
            raise MuxError(
                "there is neither video nor audio to write",
                hint="dashget list shows what there is",
            )
        for track in texts:
            refuse_pictures(track.representation)
        if texts and self._container.audio_only and self._options.subtitles is Subtitles.INSIDE:
            raise MuxError(
                f"{stretch_name(texts[0].representation)}: a {self._container.suffix} file holds"
                " audio only",
                hint="leave --text out, or add --subtitles files",
            )
        if self._options.cover is not None and not self._container.covers:
            raise MuxError(
                f"a {self._container.suffix} file holds no cover",
                hint="give the file a name that ends in .mkv or .mp4, or leave --cover out",
            )

    def _check_complete(self, tracks: Sequence[Track], contents: Sequence[Contents]) -> None:
        lacking = [lack for content in contents for lack in content.lacking]
        if not lacking:
            return
        shown = "; ".join(f"{lack.path} ({lack.reason})" for lack in lacking[:_SHOWN])
        more = f"; and {len(lacking) - _SHOWN} more" if len(lacking) > _SHOWN else ""
        text = f"{len(lacking)} of the files are not there: {shown}{more}"
        for track, content in zip(tracks, contents, strict=True):
            if content.beginning_lacks or not content.spans[content.first_media :]:
                name = stretch_name(track.representation)
                text = f"{name} cannot be read at all: {text}"
                break
        else:
            if self._options.allow_gaps:
                self._observer(Warned(text))
                return
        fetched = "get or verify --repair fetches them; --allow-gaps leaves holes in their place"
        raise MirrorIncompleteError(
            text,
            hint=OCCUPIED_HINT if any(lack.occupied for lack in lacking) else fetched,
            paths=tuple(lack.path for lack in lacking),
        )

    def _stretches(
        self, tracks: Sequence[Track], contents: Sequence[Contents], chosen: Presentation
    ) -> tuple[list[Stretch], list[TextStretch]]:
        """Return all stretches; MuxError that names every one that is encrypted."""
        stretches, texts, locked = [], [], {}
        for track, content in zip(tracks, contents, strict=True):
            try:
                if track.representation.content_type is ContentType.TEXT:
                    texts.append(self._text(track, content, chosen))
                else:
                    stretches.append(self._stretch(track, content, chosen))
            except LockedError as error:
                locked[stretch_name(track.representation)] = str(error)
        _refuse_locked(locked)
        return stretches, texts

    def _text(self, track: Track, contents: Contents, chosen: Presentation) -> TextStretch:
        """Read subtitles; tell what of them is left out."""
        representation = track.representation
        text = read_stretch(
            representation,
            adaptation_set_of(representation, chosen),
            contents,
            self._open_piece(Piece(contents)),
        )
        problem = problems_of(text)
        if problem is not None:
            self._observer(Warned(problem))
        return text

    def _stretch(self, track: Track, contents: Contents, chosen: Presentation) -> Stretch:
        representation = track.representation
        name = stretch_name(representation)
        if representation.dependency_ids:
            raise MuxError(
                f"{name} depends on another Representation, which cannot be joined with it yet",
                hint="choose one that does not, for example with --video worst1",
            )
        beginning, pieces = self._pieces(contents, representation.protections, name)
        description = describe(
            self._open_piece(pieces[0]), contents, beginning, name, pieces[0].key
        )
        adaptation_set = adaptation_set_of(representation, chosen)
        return Stretch(representation, adaptation_set, contents, pieces, description)

    def _pieces(
        self, contents: Contents, protections: Sequence[Protection], name: str
    ) -> tuple[bytes, tuple[Piece, ...]]:
        """Return the beginning of a stretch, and its pieces with their keys, which are tried."""
        joined = self._open_piece(Piece(contents))
        try:
            start = read_bytes(joined, 0, _START_BYTES)
            if is_transport_stream(start):
                raise MuxError(
                    f"{name} is MPEG-2 TS, which cannot be copied into one file exactly",
                    hint="the segments of a track, one after the other, are a .ts file that plays",
                )
            webm = start.startswith(WEBM_START)
            beginning = start if webm else read_box(joined, "moov")
            unlocked = None if webm else unlock(joined, contents, beginning, self._options.keys)
            if unlocked is None:
                fragment = b"" if webm else read_box(joined, "moof")
                encrypted = found(beginning, fragment) or declared(protections)
                if encrypted is not None:
                    raise LockedError(encrypted)
                return beginning, (Piece(contents),)
        except BoxError as error:
            raise MuxError(f"{name} cannot be read: {error}") from error
        except OSError as error:
            raise StoreError(f"{name} cannot be read: {error.strerror or error}") from error
        finally:
            joined.close()
        require_right_keys(unlocked.probes, self._open_piece, name)
        return beginning, unlocked.pieces

    def _open_piece(self, piece: Piece) -> JoinedFile:
        head = piece.head

        def open_file(path: str) -> BinaryIO:
            return self._store.open(path) if path or head is None else io.BytesIO(head)

        return JoinedFile(open_file, piece.contents)

    def _plan(
        self,
        path: Path,
        tracks: Sequence[FileTrack],
        texts: Sequence[TextStretch],
        chosen: Presentation,
        cover: Picture | None,
    ) -> FilePlan:
        holes = any(s.contents.lacking for track in tracks for s in track.stretches)
        zero = zero_of(tracks, live=self._live, holes=holes)
        timescales = tuple(timescale_of(track) for track in tracks)
        written = self._with_cues(text_tracks(texts, self._expected.presentation, zero))
        inside = self._options.subtitles is Subtitles.INSIDE
        outline = Outline(
            container=self._container,
            tracks=tuple(tracks),
            timescales=timescales,
            movie_timescale=movie_timescale(timescales),
            heard=tuple(heard_from(track.stretches[0]) - zero for track in tracks),
            chapters=chapters_of(periods_of(tracks, chosen), zero),
            metadata=metadata_of(chosen),
            texts=written if inside else (),
            cover=cover,
        )
        beside = () if inside else written
        names = names_beside(path, beside, self._options.subtitles)
        return FilePlan(
            self._destination(path),
            outline,
            zero,
            tuple(zip(map(self._destination, names), beside, strict=True)),
        )

    def _cover(self, there: Sequence[Track]) -> Picture | None:
        """Return the picture that is given, or make one of the thumbnails."""
        wanted = self._options.cover
        if not isinstance(wanted, Thumbnail):
            return wanted
        chosen = choose_images(self._expected.presentation, there, self._choices)
        return cover_of(self._store, make_tracks(chosen), self._expected.layout)

    def _tell_without_file(
        self, stretches: Sequence[Stretch], texts: Sequence[TextStretch]
    ) -> None:
        periods = {stretch.representation.period.index for stretch in stretches}
        for text in texts:
            if text.representation.period.index not in periods:
                self._observer(
                    Warned(f"{text.name}: its Period has no video or audio, and no file")
                )

    def _destination(self, path: Path) -> Destination:
        return Destination(path, overwrite=self._options.overwrite, fsync=self._options.fsync)

    def _with_cues(self, texts: Sequence[TextTrack]) -> tuple[TextTrack, ...]:
        """Leave out tracks in which nothing is ever shown, and say so."""
        for text in texts:
            if not text.timed:
                self._observer(Warned(f"{text.name} has no cues, and is left out"))
        return tuple(text for text in texts if text.timed)

    def _write(self, plan: FilePlan, stop: Stop) -> Muxed:
        started, outline, destination = time.monotonic(), plan.outline, plan.destination
        with contextlib.ExitStack() as parts:
            part = parts.enter_context(destination.writing())
            copy, feeds = self._copy(plan, part, stop)
            with destination.edit() as file:
                hide_beginnings(file, copy.hidden)
            if self._options.check:
                check_file(part, destination.name, self._container, copy.tracks, copy.begins)
            for beside, text in plan.beside:
                parts.enter_context(beside.writing())
                beside.fill(content_beside(text, self._options.subtitles))
            for beside, _ in plan.beside:
                beside.publish()
            destination.publish()
        self._tell_moved(feeds)
        muxed = Muxed(
            path=destination.name,
            tracks=len(copy.tracks),
            chapters=len(outline.chapters),
            packets=sum(track.packets for track in copy.tracks),
            bytes=destination.size(),
            duration=nearest_float(max(track.end for track in copy.tracks)),
            checked=self._options.check,
            seconds=round(time.monotonic() - started, 3),
            subtitles=tuple(beside.name for beside, _ in plan.beside),
        )
        self._observer(muxed)
        return muxed

    def _copy(self, plan: FilePlan, part: Path, stop: Stop) -> tuple[Copy, list[Feed]]:
        """Write the file; return what was written, and the feeds that were used up."""
        outline, name = plan.outline, plan.destination.name
        tables = [
            tuple(self._scan(stretch, stop) for stretch in track.stretches)
            for track in outline.tracks
        ]
        feeds = self._feeds(plan, tables)
        hashed = self._options.check
        try:
            direct = DirectWriter(outline, feeds, self._open_piece, stop, hashed=hashed)
            return direct.write(part, name), feeds
        except UnknownMediaError:
            feeds = self._feeds(plan, tables)
            writer = Writer(outline, feeds, self._open_piece, stop, hashed=hashed)
            return writer.write(part, name), feeds

    def _scan(self, stretch: Stretch, stop: Stop) -> Table | None:
        """Return the samples of a stretch; None if only libavformat can read them."""
        piece, *others = stretch.pieces
        if others or piece.key is not None or stretch.description.in_webm:
            return None
        ticks = _PIECE_SECONDS * stretch.description.timescale
        with (
            as_mux_error(f"{stretch.name} cannot be read"),
            contextlib.closing(self._open_piece(piece)) as joined,
        ):
            return scan(joined, ticks, stop)

    def _feeds(self, plan: FilePlan, tables: Sequence[tuple[Table | None, ...]]) -> list[Feed]:
        outline = plan.outline
        return [
            Feed(
                track,
                tuple(place(stretch, scale, plan.zero) for stretch in track.stretches),
                known,
                self._open_piece,
            )
            for track, scale, known in zip(outline.tracks, outline.timescales, tables, strict=True)
        ]

    def _tell_moved(self, feeds: Sequence[Feed]) -> None:
        for feed in feeds:
            if feed.moved:
                scale = timescale_of(feed.track)
                name = feed.track.stretches[0].name
                most = nearest_float(Fraction(1000 * feed.moved_by, scale))
                self._observer(
                    Warned(
                        f"{name}: Periods overlap; {feed.moved} packets were moved by at most"
                        f" {most:.3f} ms"
                    )
                )


def _refuse_named(tracks: Sequence[Track]) -> None:
    """Refuse at once what the manifest names a key id of; there is no key at all."""
    locked = {}
    for track in tracks:
        protections = track.representation.protections
        protection = declared(protections)
        if protection is not None and any(each.default_kids for each in protections):
            locked[stretch_name(track.representation)] = protection
    _refuse_locked(locked)


def _refuse_locked(locked: Mapping[str, str]) -> None:
    """Raise MuxError for tracks that are encrypted, each with the reason."""
    if not locked:
        return
    shown = [f"{name} is encrypted: {reason}" for name, reason in locked.items()]
    more = f"; and {len(shown) - _SHOWN} more" if len(shown) > _SHOWN else ""
    raise MuxError(
        f"{'; '.join(shown[:_SHOWN])}{more}",
        hint="--key KID:KEY takes a key that you have; --video protected=no and the like choose"
        " what is clear",
    )
