"""How to make one file: the options of ``dashget mux``."""

from __future__ import annotations

import enum
from typing import Final

import msgspec

from dashget.common.shortrepr import short_repr
from dashget.common.validation import Check, Wrong, check, flag, instance, optional
from dashget.mux.keys import Keys
from dashget.mux.picture import Picture
from dashget.mux.selection import Choices


class Subtitles(enum.Enum):
    """Where subtitles go, as ``--subtitles`` spells it."""

    INSIDE = "inside"
    SUBRIP = "files"
    WEBVTT = "files=vtt"

    @property
    def suffix(self) -> str:
        """The end of the names of files; there are none with ``INSIDE``."""
        return "vtt" if self is Subtitles.WEBVTT else "srt"


class Thumbnail(enum.Enum):
    """The cover that is made of the presentation's thumbnails, as ``--cover`` spells it."""

    THUMBNAIL = "thumbnail"


class MuxOptions(msgspec.Struct, frozen=True, kw_only=True):
    """What to take of a mirror, and how to write the file."""

    __repr__ = short_repr

    choices: Choices = Choices()
    """The tracks to take."""
    keys: Keys = Keys()
    """The keys of encrypted tracks."""
    subtitles: Subtitles = Subtitles.INSIDE
    """Write subtitles into the file, or as files beside it."""
    cover: Picture | Thumbnail | None = None
    """The picture that stands for the file."""
    allow_gaps: bool = False
    """Leave missing segments out, at their place in time."""
    split: bool = False
    """Write one file for each Period."""
    check: bool = False
    """Read the file again before it gets its name."""
    overwrite: bool = False
    """Replace a file that is there."""
    fsync: bool = False
    """Write the file to disk before it gets its name."""

    def __post_init__(self) -> None:
        """Check every field, so that options which exist can be used."""
        check(self, _RULES)


def _cover(value: object) -> Wrong | None:
    wrong = instance(Picture)(value)
    return None if isinstance(value, Thumbnail) else wrong


_RULES: Final[dict[str, Check]] = {
    "choices": instance(Choices),
    "keys": instance(Keys),
    "subtitles": instance(Subtitles),
    "cover": optional(_cover),
    **dict.fromkeys(("allow_gaps", "split", "check", "overwrite", "fsync"), flag),
}
