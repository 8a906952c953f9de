"""Write the file: the packets of all tracks in order of decode time, with labels and chapters."""

from __future__ import annotations

import contextlib
import heapq
import itertools
from collections.abc import Iterator, Sequence
from fractions import Fraction
from math import lcm
from pathlib import Path
from typing import Any

import msgspec

from dashget.common.stopping import Stop
from dashget.mux.container import Container, Family
from dashget.mux.description import open_media, the_stream
from dashget.mux.errors import StoppedError, as_mux_error, load_av
from dashget.mux.feed import Feed, OpenPiece
from dashget.mux.headless import drop_before_zero
from dashget.mux.padding import can_delay, with_codec_delay
from dashget.mux.tracks import FileTrack
from dashget.mux.witness import Witness, Written
from dashget.planning.languages import bibliographic


class Chapter(msgspec.Struct, frozen=True):
    """A chapter; its times are seconds from zero."""

    start: Fraction
    end: Fraction
    title: str


class Outline(msgspec.Struct, frozen=True):
    """What is to be written, worked out beforehand. ``timescales`` has one for each track."""

    container: Container
    tracks: tuple[FileTrack, ...]
    timescales: tuple[int, ...]
    movie_timescale: int
    heard: tuple[Fraction, ...]
    """The time of each track at which its first sample or picture begins to be heard or seen."""
    chapters: tuple[Chapter, ...]
    title: str | None


class Copy(msgspec.Struct, frozen=True):
    """What was written, and how: the tracks, and what has to be corrected in the file."""

    tracks: tuple[Written, ...]
    hidden: dict[int, tuple[int, int]]
    begins: tuple[Fraction, ...]
    """The time at which each track begins to be seen or heard, in seconds."""


class Writer:
    """Writes one file. ``hashed`` hashes every packet for the check."""

    def __init__(
        self,
        outline: Outline,
        feeds: Sequence[Feed],
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
                str(path), "w", format=outline.container.muxer, container_options=options
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
        hidden = {} if matroska else self._hidden()
        packets, shift = self._arranged(matroska=matroska)
        if outline.title:
            output.metadata["title"] = outline.title
        output.set_chapters(self._chapters(shift))
        tracks = self._copy(output, streams, packets, hidden, shift)
        begins = tuple(max(heard, Fraction(0)) for heard in outline.heard)
        if matroska:
            begins = tuple(track.start + self._delay(number) for number, track in enumerate(tracks))
        return Copy(tracks, hidden, begins)

    def _delay(self, number: int) -> Fraction:
        """Return the time that Matroska hides at the beginning of a track (``CodecDelay``)."""
        outline = self._outline
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
        language = track.label.language
        if self._outline.container.family is Family.MATROSKA:
            language = bibliographic(language)
        stream.metadata["language"] = language
        if track.label.title:
            stream.metadata["title"] = track.label.title
        stream.disposition = self._disposition(number)
        return stream

    def _disposition(self, number: int) -> int:
        from av.stream import Disposition

        tracks = self._outline.tracks
        track = tracks[number]
        flags = Disposition(0)
        for purpose in track.label.purposes:
            flags |= Disposition[purpose]
        first = next(i for i, other in enumerate(tracks) if other.kind == track.kind)
        plain = [i for i, t in enumerate(tracks) if t.kind == track.kind and not t.label.purposes]
        if number == (plain[0] if plain else first):
            flags |= Disposition.default
        return flags.value

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
        scales = self._outline.timescales
        common = lcm(*scales)
        witnesses = [Witness(hashed=self._hashed) for _ in streams]
        queues = []
        for number, (stream, feed) in enumerate(zip(streams, feeds, strict=True)):
            move = round(shift * scales[number]) + hidden.get(number, (0, 0))[0]
            queues.append(_keyed(feed, number, stream, common // scales[number], move))
        write, stop = output.mux_one, self._stop
        bases = [Fraction(1, scale) for scale in scales]
        for _, number, packet in heapq.merge(*queues) if len(queues) > 1 else queues[0]:
            packet.time_base = bases[number]
            witnesses[number].note(packet)
            write(packet)
            if stop.requested:
                raise StoppedError
        return tuple(
            witness.written(scale, hidden.get(number, (0, 0))[0])
            for number, (witness, scale) in enumerate(zip(witnesses, scales, strict=True))
        )


def _keyed(
    feed: Iterator[Any], number: int, stream: Any, factor: int, move: int
) -> Iterator[tuple[int, int, Any]]:
    """Yield the packets of a track with what they are ordered by: decode time, then track."""
    for packet in feed:
        if move:
            packet.pts += move
            packet.dts += move
        packet.stream = stream
        yield packet.dts * factor, number, packet
