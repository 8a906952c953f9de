"""The kinds of files, by the end of their names, and what each can hold."""

from __future__ import annotations

import enum
from pathlib import PurePath
from typing import Final

import msgspec

from dashget.errors import UsageError

_WEB: Final = frozenset(("vp8", "vp9", "av1", "opus", "vorbis"))
_MP4: Final = frozenset(
    [
        "h264",
        "hevc",
        "vvc",
        "av1",
        "vp9",
        "mpeg4",
        "aac",
        "ac3",
        "eac3",
        "flac",
        "opus",
        "mp3",
        "alac",
        "dts",
    ]
)


class Family(enum.Enum):
    """The two ways to write a file, by the name of libavformat's muxer."""

    MP4 = "mp4"
    MATROSKA = "matroska"


class Container(msgspec.Struct, frozen=True):
    """A kind of file. ``codecs`` is None if it can hold any."""

    suffix: str
    family: Family
    muxer: str
    codecs: frozenset[str] | None = None
    audio_only: bool = False
    covers: bool = True
    """True if it can hold a picture as cover."""

    def refusal(self, codec: str) -> str | None:
        """Return the suffix of a file that holds a codec which this one cannot, else None."""
        return None if self.codecs is None or codec in self.codecs else ".mkv"


_KINDS: Final = {
    kind.suffix: kind
    for kind in (
        Container(".mp4", Family.MP4, "mp4", _MP4),
        Container(".m4v", Family.MP4, "mp4", _MP4),
        Container(".m4a", Family.MP4, "mp4", _MP4, audio_only=True),
        Container(".mkv", Family.MATROSKA, "matroska"),
        Container(".mka", Family.MATROSKA, "matroska", audio_only=True),
        Container(".webm", Family.MATROSKA, "webm", _WEB, covers=False),
    )
}
SUFFIXES: Final = tuple(_KINDS)


def container_of(path: PurePath) -> Container:
    """Return the kind of a file by its suffix; UsageError for an unknown one."""
    kind = _KINDS.get(path.suffix.lower())
    if kind is None:
        known = f"{', '.join(SUFFIXES[:-1])} or {SUFFIXES[-1]}"
        raise UsageError(
            f"unknown kind of file: {path.name}", hint=f"give the file a name that ends in {known}"
        )
    return kind
