"""The cover of a file, made of the presentation's thumbnails.

The beginning of a presentation is mostly black: the cover is the thumbnail at a tenth of it.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from fractions import Fraction
from typing import Any, Final

import msgspec

from dashget.errors import MirrorIncompleteError, MuxError
from dashget.media.kind import SegmentKind
from dashget.mpd.presentation import Tiles
from dashget.mux.errors import as_mux_error, load_av
from dashget.mux.picture import LARGEST_BYTES, Picture, parse_picture
from dashget.planning.layout import Layout
from dashget.planning.plan import PlannedSegment, iter_plan
from dashget.planning.tracks import Track
from dashget.store import Mirror, Presence

_PLACE: Final = Fraction(1, 10)
_THERE: Final = (Presence.COMPLETE, Presence.MOVED)
_OWN: Final = "--cover FILE takes a picture of your own"
_MOST_TILES: Final = 10_000
_MOST_PIXELS: Final = 1 << 27


class _Found(msgspec.Struct, frozen=True):
    """An image of the mirror, and the number of the tile in it that is wanted."""

    planned: PlannedSegment
    tiles: Tiles
    tile: int


def cover_of(store: Mirror, images: Sequence[Track], layout: Layout) -> Picture:
    """Return the cover, of the images with the largest thumbnails.

    Raises MuxError if there are none, MirrorIncompleteError if the one is not there.
    """
    found = _find(images, layout)
    path = found.planned.path
    if store.presence(path, found.planned.urls[0]) not in _THERE:
        raise MirrorIncompleteError(
            f"the thumbnail for the cover is not there: {path}",
            hint=f"get or verify --repair fetches it; {_OWN}",
            paths=(path,),
        )
    data = store.read(path, LARGEST_BYTES)
    try:
        if found.tiles.columns == found.tiles.rows == 1:
            return parse_picture(data)
    except ValueError:
        # A kind that is no cover, such as WebP, is written as JPEG.
        pass
    with as_mux_error(f"{path}: no cover can be made of it"):
        return parse_picture(_cut(data, found.tiles, found.tile, path))


def _find(images: Sequence[Track], layout: Layout) -> _Found:
    if not images:
        raise MuxError("there are no thumbnails to make a cover of", hint=_OWN)
    periods = [track.representation.period for track in images]
    start = min(period.start for period in periods)
    end = max(start if period.end is None else period.end for period in periods)
    place = start + (end - start) * _PLACE
    best = _best(images, place)
    tiles = best.representation.tiles or Tiles(1, 1)
    count = tiles.columns * tiles.rows
    if not 0 < count <= _MOST_TILES:
        raise MuxError(f"thumbnails of {tiles.columns}x{tiles.rows} tiles", hint=_OWN)
    media = [p for p in iter_plan((best,), layout) if p.segment.kind is SegmentKind.MEDIA]
    if not media:
        raise MuxError("there are no thumbnails to make a cover of", hint=_OWN)
    before = [p for p in media if (p.segment.start or 0) <= place]
    planned = before[-1] if before else media[0]
    begin, duration = planned.segment.start, planned.segment.duration
    tile = 0
    if begin is not None and duration:
        within = (place - begin) * planned.segment.timebase.timescale / duration
        tile = min(max(int(within * count), 0), count - 1)
    return _Found(planned, tiles, tile)


def _best(images: Sequence[Track], place: Fraction) -> Track:
    """Return the images of the largest thumbnails, of the Period that has the place if one has."""

    def rank(track: Track) -> tuple[bool, int, int]:
        representation = track.representation
        tiles = representation.tiles or Tiles(1, 1)
        start, end = representation.period.start, representation.period.end
        here = start <= place and (end is None or place < end)
        pixels = (representation.width or 0) * (representation.height or 0)
        size = pixels // max(tiles.columns * tiles.rows, 1)
        return here, size, representation.bandwidth or 0

    return max(images, key=rank)


def _cut(data: bytes, tiles: Tiles, tile: int, path: str) -> bytes:
    """Return one tile of an image as JPEG."""
    av = load_av()
    with av.open(io.BytesIO(data)) as decoder:
        frame = next(decoder.decode(video=0), None)
    if frame is None:
        raise ValueError("there is no picture in it")
    if frame.width * frame.height > _MOST_PIXELS:
        raise ValueError(f"{frame.width}x{frame.height} pixels are too many")
    width, height = frame.width // tiles.columns, frame.height // tiles.rows
    if not width or not height:
        raise ValueError(f"{path} is smaller than its tiles")
    row, column = divmod(tile, tiles.columns)
    cropped = _filtered(av, frame, f"{width}:{height}:{column * width}:{row * height}")
    return _encoded(av, cropped)


def _filtered(av: Any, frame: Any, crop: str) -> Any:
    """Cut in RGB, where an odd place is no half pixel of colour."""
    graph = av.filter.Graph()
    steps = [
        graph.add_buffer(
            width=frame.width,
            height=frame.height,
            format=frame.format,
            time_base=Fraction(1, 1),
        ),
        graph.add("format", "rgb24"),
        graph.add("crop", crop),
        graph.add("scale", "out_range=pc"),
        graph.add("format", "yuvj420p"),
        graph.add("buffersink"),
    ]
    graph.link_nodes(*steps).configure()
    frame.pts = 0
    frame.time_base = Fraction(1, 1)
    graph.push(frame)
    return graph.pull()


def _encoded(av: Any, frame: Any) -> bytes:
    encoder = av.CodecContext.create("mjpeg", "w")
    encoder.width, encoder.height, encoder.pix_fmt = frame.width, frame.height, "yuvj420p"
    encoder.time_base = Fraction(1, 25)
    encoder.options = {"qmin": "2", "qmax": "2", "flags": "+bitexact"}
    frame.pts, frame.time_base = 0, Fraction(1, 25)
    packets = [*encoder.encode(frame), *encoder.encode(None)]
    return b"".join(bytes(packet) for packet in packets)
