"""Exact times: the zero of the file, and how each stretch's ticks become those of its track.

Presentation time is Period start - ``@presentationTimeOffset`` / ``@timescale`` + media time
(ISO/IEC 23009-1, 5.3.9.2.2). It is rounded once for each stretch, to a tick of the file track;
packets then only add integers.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction
from math import lcm
from typing import Final

import msgspec

from dashget.mpd.presentation import Representation
from dashget.mux.tracks import FileTrack, Stretch

_LARGEST_SCALE: Final = (1 << 31) - 1
_LONG_WAIT: Final = Fraction(10)
"""The time after which a presentation without any media at its start begins with its media."""


class Placement(msgspec.Struct, frozen=True):
    """Where a stretch is in the file: ``ticks * factor // divisor + offset`` of the file track.

    With ``counted``, the samples of audio are counted from the first one on.
    """

    factor: int
    divisor: int
    offset: int
    counted: bool

    def at(self, ticks: int) -> int:
        """Return media time as time in the file."""
        return (2 * ticks * self.factor + self.divisor) // (2 * self.divisor) + self.offset


def origin_of(representation: Representation) -> Fraction:
    """Return the presentation time of media time 0, in seconds."""
    addressing = representation.addressing
    offset = Fraction(addressing.presentation_time_offset, addressing.timescale)
    return representation.period.start - offset


def first_time(stretch: Stretch) -> Fraction:
    """Return the presentation time of the first packet."""
    described = stretch.description
    ticks = described.first_pts + described.early
    return origin_of(stretch.representation) + ticks / described.timescale


def heard_from(stretch: Stretch) -> Fraction:
    """Return the presentation time of the first sample behind the priming."""
    described = stretch.description
    if not described.priming:
        return first_time(stretch)
    rate = described.configuration.sample_rate
    return first_time(stretch) + Fraction(described.priming, rate)


def zero_of(tracks: Iterable[FileTrack], *, live: bool, holes: bool) -> Fraction:
    """Return the presentation time that is 0 in the file, for all tracks.

    That is the start of the first Period; but the first media of a live presentation, or where
    nothing that should be there begins within ten seconds.
    """
    firsts = [track.stretches[0] for track in tracks]
    start = min(first.representation.period.start for first in firsts)
    media = min(heard_from(first) for first in firsts)
    late = media - start > _LONG_WAIT and not holes
    return media if (live and media > start) or late else start


def timescale_of(track: FileTrack) -> int:
    """Return the ticks of a file track: those of its samples, or such that all stretches fit."""
    rate = track.description.configuration.sample_rate
    if rate:
        return rate
    scale = lcm(*(stretch.description.timescale for stretch in track.stretches))
    return (
        scale if scale <= _LARGEST_SCALE else max(s.description.timescale for s in track.stretches)
    )


def place(stretch: Stretch, timescale: int, zero: Fraction) -> Placement:
    """Return where a stretch is in its file track."""
    own = stretch.description.timescale
    scale = Fraction(timescale, own)
    late = stretch.description.late - stretch.description.early
    origin = origin_of(stretch.representation) - late / own
    offset = round((origin - zero) * timescale)
    counted = stretch.description.kind == "audio" and own != timescale
    return Placement(scale.numerator, scale.denominator, offset, counted)


def movie_timescale(timescales: Sequence[int]) -> int:
    """Return ticks in which the start of every track is exact, as far as MP4 has room for them."""
    scale = lcm(*timescales, 1000)
    return scale if scale <= _LARGEST_SCALE else max(timescales)


class SampleCounter:
    """The times of audio packets by the number of samples before them.

    Times of the source that are rounded to its coarser ticks are replaced, also from one stretch
    to the next; where they are more than two ticks apart from the count there is a hole or an
    overlap, and the count begins anew.
    """

    def __init__(self) -> None:
        self._next: int | None = None

    def begin(self, placement: Placement, frame_samples: int, codec: str) -> None:
        """Go on with another stretch. ``frame_samples`` is 0 where frames vary."""
        self._placement = placement
        self._frame = frame_samples
        self._opus = codec == "opus"
        self._tick = -(-placement.factor // placement.divisor)

    def take(self, ticks: int, duration: int, data: memoryview) -> tuple[int, int]:
        """Return the time and the samples of a packet, from those in ticks of the source."""
        at = self._placement.at(ticks)
        if self._next is None or abs(at - self._next) > 2 * self._tick + 1:
            self._next = at
        start, samples = self._next, self._samples(duration, data)
        self._next = start + samples
        return start, samples

    def _samples(self, duration: int, data: memoryview) -> int:
        if self._opus:
            return opus_samples(bytes(data[:2]))
        samples = (duration * self._placement.factor) // self._placement.divisor
        return self._frame if self._frame and abs(samples - self._frame) <= self._tick else samples


def opus_samples(head: bytes) -> int:
    """Return the samples at 48 kHz of an Opus packet, by its first two bytes (RFC 6716, 3.1)."""
    if not head:
        return 0
    config = head[0] >> 3
    if config < 12:
        frame = (480, 960, 1920, 2880)[config & 3]
    elif config < 16:
        frame = (480, 960)[config & 1]
    else:
        frame = (120, 240, 480, 960)[config & 3]
    code = head[0] & 3
    if code == 3:
        return frame * (head[1] & 0x3F) if len(head) > 1 else 0
    return frame * (1, 2, 2)[code]
