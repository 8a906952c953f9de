"""How to make one file: the options of ``dashget mux``."""

from __future__ import annotations

import enum
from typing import Final

import msgspec

from dashget.common.shortrepr import short_repr
from dashget.common.validation import Check, Wrong, check, flag, instance, optional
from dashget.errors import UsageError
from dashget.mux.container import Container
from dashget.mux.keys import Keys
from dashget.mux.picture import Picture
from dashget.mux.selection import COVER, Choices


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

    def choices_for(self, container: Container) -> Choices:
        """Return the choices for a kind of file: what it cannot hold is left out unless asked for.

        Files of subtitles beside a file of audio are as good as beside any other.
        """
        given, left_out = self.choices, "none" if container.audio_only else None
        inside = self.subtitles is Subtitles.INSIDE
        return msgspec.structs.replace(
            given,
            video=given.video or left_out,
            text=given.text or (left_out if inside else None),
            image=given.image or (COVER if isinstance(self.cover, Thumbnail) else None),
        )


def parse_subtitles(word: str) -> Subtitles | None:
    """Read where subtitles go, as ``--subtitles`` spells it; None leaves them out."""
    known = {each.value: each for each in Subtitles} | {"files=srt": Subtitles.SUBRIP}
    if word == "none":
        return None
    if word not in known:
        raise UsageError(
            f"--subtitles: unknown place: {word!r}", hint="inside, files, files=vtt or none"
        )
    return known[word]


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
