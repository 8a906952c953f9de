"""Reading an MPD: bytes to model."""

from __future__ import annotations

from typing import Final

import msgspec

from dashget.mpd.model import MPD


class ParseLimits(msgspec.Struct, frozen=True):
    """How large a document may be."""

    max_bytes: int = 256 * 1024 * 1024
    max_elements: int = 4_000_000
    max_depth: int = 64


DEFAULT_LIMITS: Final = ParseLimits()


def parse_mpd(data: bytes, *, limits: ParseLimits = DEFAULT_LIMITS) -> MPD:
    """Read an MPD; MPDSyntaxError for what is none, with what it looks like.

    What is odd but readable is in ``MPD.warnings``; what breaks the standard where it
    matters is in ``MPD.problems``, and ``resolve`` raises it together with its own.
    """
    raise NotImplementedError
