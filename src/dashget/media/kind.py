"""The kinds of files that a presentation consists of."""

from __future__ import annotations

import enum


class SegmentKind(enum.Enum):
    """The purpose of a segment; the spelling is that of ``dashget plan --json``."""

    INITIALIZATION = "initialization"
    INDEX = "index"
    MEDIA = "media"
    BITSTREAM_SWITCHING = "bitstream-switching"
