"""Write the file: the packets of all tracks in order of decode time, with labels and chapters."""

from __future__ import annotations

import contextlib
import heapq
import itertools
from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction
from math import lcm
from pathlib import Path
from typing import Any

import msgspec

from dashget.common.stopping import Stop
from dashget.mux.chapters import Chapter
from dashget.mux.container import Container, Family
from dashget.mux.coverwriter import add_cover
from dashget.mux.description import open_media, the_stream
from dashget.mux.errors import StoppedError, as_file, as_mux_error, load_av
from dashget.mux.feed import OpenPiece
from dashget.mux.headless import drop_before_zero
from dashget.mux.labels import Label
from dashget.mux.padding import can_delay, with_codec_delay
from dashget.mux.picture import Picture
from dashget.mux.texts import TextTrack
from dashget.mux.textwriter import add_stream, iter_packets, timescale_beside
from dashget.mux.tracks import FileTrack
from dashget.mux.witness import TextWitness, Witness, Written
from dashget.planning.languages import bibliographic


class Outline(msgspec.Struct, frozen=True):
    """What is to be written, worked out beforehand. ``timescales`` has one for each track."""

    container: Container
    tracks: tuple[FileTrack, ...]
    timescales: tuple[int, ...]
    movie_timescale: int
    heard: tuple[Fraction, ...]
    """The time of each track at which its first sample or picture begins to be heard or seen."""
    chapters: tuple[Chapter, ...]
    metadata: dict[str, str]
    texts: tuple[TextTrack, ...] = ()
    """The subtitles in the file: its last tracks."""
    cover: Picture | None = None


class Copy(msgspec.Struct, frozen=True):
    """What was written, and how: the tracks, and what has to be corrected in the file."""

    tracks: tuple[Written, ...]
    hidden: dict[int, tuple[int, int]]
    begins: tuple[Fraction, ...]
    """The time at which each track begins to be seen or heard, in seconds."""


class Writer:
    """Writes one file. ``feeds`` has the packets of each track; ``hashed`` hashes every one."""

    def __init__(
        self,
        outline: Outline,
        feeds: Sequence[Iterable[Any]],
        open_piece: OpenPiece,
        stop: Stop,
        *,
        hashed: bool,
    ) -> None:
        self._outline = outline
        self._feeds = feeds
        self._open = open_piece
        self._hashed = hashed
        self._stop = stop

    def write(self, path: Path, name: str) -> Copy:
        """Write all packets; ``name`` is the final file in messages."""
        outline, av = self._outline, load_av()
        matroska = outline.container.family is Family.MATROSKA
        options = {"fflags": "+bitexact", "strict": "experimental"}
        if matroska:
            options["avoid_negative_ts"] = "disabled"
        else:
            options["movie_timescale"] = str(outline.movie_timescale)
        with as_mux_error(f"cannot write {name}", writing=name):
            output = av.open(
                as_file(path), "w", format=outline.container.muxer, container_options=options
            )
            try:
                copy = self._fill(output, name, matroska=matroska)
            except BaseException:
                # The file goes: what its end would say does not matter.
                with contextlib.suppress(av.error.FFmpegError, ValueError):
                    output.close()
                raise
            output.close()
        return copy

    def _fill(self, output: Any, name: str, *, matroska: bool) -> Copy:
        outline = self._outline
        streams = [self._add(output, number, name) for number in range(len(outline.tracks))]
        streams.extend(self._add_text(output, text) for text in outline.texts)
        cover = outline.cover
        pictures = iter(()) if cover is None else add_cover(output, outline.container, cover)
        hidden = {} if matroska else self._hidden()
        packets, shift = self._arranged(matroska=matroska)
        scale = self._text_scale()
        packets.extend(iter_packets(outline.container, text, scale) for text in outline.texts)
        output.metadata.update(outline.metadata)
        output.set_chapters(self._chapters(shift))
        for picture in pictures:
            output.mux_one(picture)
        tracks = self._copy(output, streams, packets, hidden, shift)
        begins = tuple(max(heard, Fraction(0)) for heard in outline.heard)
        # In MP4 subtitles begin at zero, where nothing may be shown.
        begins += tuple(Fraction(0) for _ in outline.texts)
        if matroska:
            begins = tuple(track.start + self._delay(number) for number, track in enumerate(tracks))
        return Copy(tracks, hidden, begins)

    def _delay(self, number: int) -> Fraction:
        """Return the time that Matroska hides at the beginning of a track (``CodecDelay``)."""
        outline = self._outline
        if number >= len(outline.tracks):
            return Fraction(0)
        described = outline.tracks[number].description
        if described.configuration.codec != "opus" and not (
            outline.heard[number] >= 0 and can_delay(described)
        ):
            return Fraction(0)
        return Fraction(described.priming, outline.timescales[number])

    def _add(self, output: Any, number: int, name: str) -> Any:
        """Add a track like the media of its first stretch."""
        track = self._outline.tracks[number]
        first = track.stretches[0]
        piece = first.pieces[0]
        with open_media(self._open(piece), first.name, piece.key) as container:
            template = the_stream(container, first.name)
            code = first.description.configuration.code
            matroska = self._outline.container.family is Family.MATROSKA
            if matroska and self._outline.heard[number] >= 0 and can_delay(first.description):
                template = with_codec_delay(template, first.description)
            with as_mux_error(f"{first.name} cannot be written to {name}"):
                stream = output.add_stream_from_template(template, opaque=True)
                if not matroska and code:
                    stream.codec_context.codec_tag = code
        stream.time_base = Fraction(1, self._outline.timescales[number])
        self._describe(stream, track.label, default=self._is_default(number))
        return stream

    def _add_text(self, output: Any, text: TextTrack) -> Any:
        stream = add_stream(output, self._outline.container, text, self._text_scale())
        # Shown without being asked for: only what is meant to be.
        self._describe(stream, text.label, default="forced" in text.label.purposes)
        return stream

    def _text_scale(self) -> int:
        return timescale_beside(self._outline.container, self._outline.timescales)

    def _describe(self, stream: Any, label: Label, *, default: bool) -> None:
        """Write down the language, the title and the purposes of a track."""
        from av.stream import Disposition

        language = label.language
        if self._outline.container.family is Family.MATROSKA:
            language = bibliographic(language)
        stream.metadata["language"] = language
        if label.title:
            stream.metadata["title"] = label.title
        flags = Disposition.default if default else Disposition(0)
        for purpose in label.purposes:
            flags |= Disposition[purpose]
        stream.disposition = flags.value

    def _is_default(self, number: int) -> bool:
        tracks = self._outline.tracks
        track = tracks[number]
        first = next(i for i, other in enumerate(tracks) if other.kind == track.kind)
        plain = [i for i, t in enumerate(tracks) if t.kind == track.kind and not t.label.purposes]
        return number == (plain[0] if plain else first)

    def _hidden(self) -> dict[int, tuple[int, int]]:
        """Return the beginnings to hide of tracks that start late, in track and movie ticks."""
        hidden = {}
        outline = self._outline
        for number, track in enumerate(outline.tracks):
            ticks = track.description.priming
            if ticks and outline.heard[number] > 0:
                movie = ticks * outline.movie_timescale // outline.timescales[number]
                hidden[number] = ticks, movie
        return hidden

    def _arranged(self, *, matroska: bool) -> tuple[list[Iterator[Any]], Fraction]:
        """Return the packets of each track, and the time by which all have to move."""
        feeds: list[Iterator[Any]] = [iter(feed) for feed in self._feeds]
        if not matroska:
            return feeds, Fraction(0)
        earliest = Fraction(0)
        for number, feed in enumerate(feeds):
            track, scale = self._outline.tracks[number], self._outline.timescales[number]
            kept = feed
            if self._outline.heard[number] < 0:
                kept = drop_before_zero(feed, video=track.kind == "video")
            peeked = list(itertools.islice(kept, 32))
            feeds[number] = itertools.chain(peeked, kept)
            if peeked:
                start = Fraction(min(p.pts for p in peeked), scale) + self._delay(number)
                earliest = min(earliest, start)
        return feeds, -earliest

    def _chapters(self, shift: Fraction) -> list[dict[str, Any]]:
        scale = self._outline.movie_timescale
        return [
            {
                "id": number,
                "start": round((chapter.start + shift) * scale),
                "end": round((chapter.end + shift) * scale),
                "time_base": Fraction(1, scale),
                "metadata": {"title": chapter.title},
            }
            for number, chapter in enumerate(self._outline.chapters, 1)
        ]

    def _copy(
        self,
        output: Any,
        streams: Sequence[Any],
        feeds: Sequence[Iterator[Any]],
        hidden: dict[int, tuple[int, int]],
        shift: Fraction,
    ) -> tuple[Written, ...]:
        scales = (*self._outline.timescales, *(self._text_scale() for _ in self._outline.texts))
        media = len(self._outline.tracks)
        common = lcm(*scales)
        witnesses: list[Witness] = [
            (Witness if number < media else TextWitness)(hashed=self._hashed)
            for number in range(len(streams))
        ]
        queues = []
        for number, (stream, feed) in enumerate(zip(streams, feeds, strict=True)):
            move = round(shift * scales[number]) + hidden.get(number, (0, 0))[0]
            # Subtitles go before media of the same time: libavformat would end them else.
            order = number - len(streams) if number >= media else number
            factor = common // scales[number]
            queues.append(_keyed(feed, (order, number), stream, factor, move))
        write, stop = output.mux_one, self._stop
        bases = [Fraction(1, scale) for scale in scales]
        notes = [witness.note for witness in witnesses]
        for _, (_, number), packet in heapq.merge(*queues) if len(queues) > 1 else queues[0]:
            packet.time_base = bases[number]
            notes[number](packet)
            write(packet)
            if stop.requested:
                raise StoppedError
        return tuple(
            witness.written(scale, hidden.get(number, (0, 0))[0])
            for number, (witness, scale) in enumerate(zip(witnesses, scales, strict=True))
        )


def _keyed(
    feed: Iterator[Any], place: tuple[int, int], stream: Any, factor: int, move: int
) -> Iterator[tuple[int, tuple[int, int], Any]]:
    """Yield the packets of a track with what they are ordered by: decode time, then place."""
    for packet in feed:
        if move:
            packet.pts += move
            packet.dts += move
        packet.stream = stream
        yield packet.dts * factor, place, packet
