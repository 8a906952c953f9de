"""Cut a presentation of one Period into several, by its manifest alone: the media stay."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

import dashget
from dashget.segments.segment import Segment


class Piece(NamedTuple):
    """The segments of some Representations that begin in a time span of the source."""

    start: int
    end: int
    representations: tuple[str, ...]


def write_periods(
    source: Path,
    target: Path,
    pieces: Sequence[Piece],
    *,
    overlap: Fraction = Fraction(0),
    early: Fraction = Fraction(0),
) -> None:
    """Write a manifest beside that of ``source`` with a Period for each piece.

    The media of all pieces begin ``early`` before their Period, and those of each but the first
    ``overlap`` earlier still.
    """
    data = (source / "manifest.mpd").read_bytes()
    mpd = dashget.parse_mpd(data, url="http://h.example/manifest.mpd")
    presentation = dashget.resolve(mpd)
    known = {
        r.id: r for p in presentation.periods for s in p.adaptation_sets for r in s.representations
    }
    periods = []
    for number, piece in enumerate(pieces):
        offset = early + (overlap if number else 0)
        sets = [_adaptation_set(known[name], piece, offset) for name in piece.representations]
        duration = piece.end - piece.start
        periods.append(f'<Period id="p{number}" duration="PT{duration}S">{"".join(sets)}</Period>')
    target.write_text(
        '<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" minBufferTime="PT2S"'
        f' profiles="urn:mpeg:dash:profile:full:2011">{"".join(periods)}</MPD>'
    )


def _adaptation_set(representation: dashget.Representation, piece: Piece, overlap: Fraction) -> str:
    segments = list(dashget.iter_segments(None, representation))  # type: ignore[arg-type]
    init, media = segments[0], segments[1:]
    inside = [s for s in media if piece.start <= _start(s) < piece.end or _is_last(s, piece, media)]
    scale = inside[0].timebase.timescale
    offset = int((piece.start + overlap) * scale)
    urls = "".join(f'<SegmentURL media="{segment.url.rpartition("/")[2]}"/>' for segment in inside)
    runs = "".join(f'<S t="{segment.time}" d="{segment.duration}"/>' for segment in inside)
    lang = f' lang="{representation.lang}"' if representation.lang else ""
    return (
        f'<AdaptationSet contentType="{representation.content_type.value}"'
        f' mimeType="{representation.mime_type}"{lang}>'
        f'<Representation id="{representation.id}-{piece.start}" bandwidth="1000">'
        f'<SegmentList timescale="{scale}" presentationTimeOffset="{offset}">'
        f'<Initialization sourceURL="{init.url.rpartition("/")[2]}"/>'
        f"<SegmentTimeline>{runs}</SegmentTimeline>{urls}"
        "</SegmentList></Representation></AdaptationSet>"
    )


def _start(segment: Segment) -> Fraction:
    return Fraction(segment.time or 0, segment.timebase.timescale)


def _is_last(segment: Segment, piece: Piece, media: Sequence[Segment]) -> bool:
    """Return True for what begins at or past the end of the last piece."""
    return segment is media[-1] and _start(segment) == piece.end
