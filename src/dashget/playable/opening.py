"""Tell how players on the same machine open a local MPD.

Browsers read it from a web server only. Players based on FFmpeg read it from disk as well, if it
keeps to what their demuxer knows (libavformat/dashdec.c): one Period is played, ranges of files on
disk are ignored, names are not decoded, and of the names of files only some extensions are allowed
unless its option ``allowed_extensions`` is ``ALL``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final
from urllib.parse import quote

from dashget.events import Playback
from dashget.mpd.markers import literals
from dashget.mpd.presentation import (
    ContentType,
    ListAddressing,
    Representation,
    Resource,
    TemplateAddressing,
)
from dashget.mpd.template import FieldName, UrlPattern
from dashget.planning.layout import Layout
from dashget.planning.tracks import Track

KEPT_IN_PATHS: Final = "/!$&'()*+,;=:@~"
"""Characters of a path that need no percent-encoding in a reference."""
_ALLOWED: Final = ("aac", "m4a", "m4s", "m4v", "mov", "mp4", "webm", "ts")
_READ: Final = (ContentType.VIDEO, ContentType.AUDIO, ContentType.TEXT)


def how_it_opens(tracks: Sequence[Track], layout: Layout) -> Playback:
    """Return how the local MPD of these tracks opens on the machine that holds the mirror."""
    read = [track for track in tracks if track.representation.content_type in _READ]
    periods = {track.representation.period.index for track in tracks}
    if len(periods) != 1 or not read or not all(_is_known(t.representation) for t in read):
        return Playback.SERVER
    patterns = [layout.pattern(address) for track in read for address in track.index.addresses()]
    if not all(_is_literal(pattern) for pattern in patterns):
        return Playback.SERVER
    extensions = {pattern.marked.rpartition(".")[2].lower() for pattern in patterns}
    return Playback.FILE if extensions.issubset(_ALLOWED) else Playback.FILE_OF_ANY_NAME


def _is_known(representation: Representation) -> bool:
    """Return True if FFmpeg finds all segments of a Representation on disk."""
    addressing, named = representation.addressing, representation.initialization
    if isinstance(addressing, TemplateAddressing):
        return addressing.tick_parts == 1 and not _is_ranged(named)
    if isinstance(addressing, ListAddressing):
        ranged = any(listed.media_range for listed in addressing.segments)
        return not ranged and not _is_ranged(named)
    return named is None


def _is_ranged(resource: Resource | None) -> bool:
    return resource is not None and resource.range is not None


def _is_literal(pattern: UrlPattern) -> bool:
    """Return True if a path is written as it is, with identifiers that FFmpeg knows."""
    known = all(
        field.radix == "d" and field.name is not FieldName.SUB_NUMBER for field in pattern.fields
    )
    return known and all(
        quote(piece, safe=KEPT_IN_PATHS) == piece for piece in literals(pattern.marked)
    )
