"""A gap of a recording."""

from __future__ import annotations

import msgspec

from dashget.live.facts import Reason


class Gap(msgspec.Struct, frozen=True):
    """A stretch of a line without recorded segments. Times are the server's."""

    line: int
    label: str
    begin: float
    end: float
    segments: int | None
    """How many segments are missing; None: nobody knows."""
    reason: Reason
