"""What a file is by its place in a presentation: its kind, and the role that it has by that."""

from __future__ import annotations

import enum
from typing import Final

import msgspec


class SegmentKind(enum.Enum):
    """The purpose of a segment; the spelling is that of ``dashget plan --json``."""

    INITIALIZATION = "initialization"
    INDEX = "index"
    MEDIA = "media"
    BITSTREAM_SWITCHING = "bitstream-switching"
    FONT = "font"
    """A font for subtitles, which an extension of DVB names."""
    SPARE = "spare"
    """A segment that only segment information names which is not the one in use."""


class Content(enum.Enum):
    """What a file holds by the manifest; see ``ContentType``."""

    MEDIA = "audio or video"
    TEXT = "text"
    IMAGE = "image"
    OTHER = "other"


_ISO: Final = (
    "video/mp4",
    "audio/mp4",
    "application/mp4",
    "text/mp4",
    "image/mp4",
    "video/iso.segment",
)
WEBM: Final = ("video/webm", "audio/webm", "application/webm", "text/webm")


class Role(msgspec.Struct, frozen=True):
    """The kind and type that a file should have.

    ``whole`` is True if it contains initialization, index and media (SegmentBase). ``several`` is
    True if it contains several segments; then its time is not compared. ``content`` is for types
    that tell nothing, or that are unknown: audio and video are no text.
    """

    mime_type: str | None
    kind: SegmentKind
    whole: bool = False
    several: bool = False
    content: Content = Content.OTHER

    @property
    def mime(self) -> str:
        """The type without parameters, in lower case; empty if it is unknown."""
        return (self.mime_type or "").split(";")[0].strip().lower()

    @property
    def is_iso(self) -> bool:
        """True for ISO base media; indexes of transport streams are that, too (6.4.6)."""
        mime = self.mime
        return mime in _ISO or (mime == "video/mp2t" and self.kind is SegmentKind.INDEX)

    @property
    def is_container(self) -> bool:
        """True for ISO base media and WebM, which have initialization segments."""
        return self.is_iso or self.mime in WEBM

    @property
    def is_plain_segment(self) -> bool:
        """True for a media segment of ISO base media, the usual case."""
        return self.is_iso and self.kind is SegmentKind.MEDIA and not self.whole
