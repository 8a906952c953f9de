"""The packets by which libavformat writes the file without its media: a few for each track.

From them it works out all times that stand outside of the tables of samples. So the first one has
the time of the first sample, and the last one those of the last; between them are as many as it
takes to have no distance that is too long, and a bit rate that is not 0.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from dashget.mux.direct.fragments import UnknownMediaError
from dashget.mux.direct.tracks import DirectTrack
from dashget.mux.errors import load_av

_LONGEST_STEP: Final = 1 << 30


def iter_sketch(head: Any, track: DirectTrack) -> Iterator[Any]:
    """Yield the packets of a track. ``head`` is its first one; all bytes are those of it."""
    _require_same(head, track)
    yield head
    if track.count == 1:
        return
    data = bytes(head)
    between = _between(track, len(data))
    first, last = track.first_decoded, track.last_decoded
    for number in range(1, between + 1):
        time = first + (last - first) * number // (between + 1)
        yield _packet(data, time, time, 1)
    yield _packet(data, last, track.end - track.last_duration, track.last_duration)


def _require_same(head: Any, track: DirectTrack) -> None:
    """Compare the first packet, as libavformat has read it, with the first sample."""
    table = track.parts[0].table
    key = table.keys is None or (bool(table.keys) and table.keys[0] == 0)
    known = (track.first_presented, table.sizes[0], key)
    read = (head.pts, head.size, bool(head.is_keyframe))
    if known != read:
        raise UnknownMediaError(f"a first sample {known} that libavformat reads as {read}")
    head.dts = track.first_decoded


def _between(track: DirectTrack, size: int) -> int:
    span = track.last_decoded - track.first_decoded
    seconds = (span + track.last_duration) // track.timescale + 1
    needed = max(span // _LONGEST_STEP, -(-seconds // (8 * size)))
    return min(needed, track.count - 2)


def _packet(data: bytes, decoded: int, presented: int, duration: int) -> Any:
    packet = load_av().Packet(data)
    packet.dts, packet.pts, packet.duration = decoded, presented, duration
    packet.is_keyframe = True
    return packet
