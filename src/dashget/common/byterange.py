"""One type for byte ranges: inclusive at both ends, as HTTP and the MPD write them."""

from __future__ import annotations

import re

import msgspec

from dashget.common.lateregex import late

_FORM = late(r"\s*(\d{1,19})\s*-\s*(?:(\d{1,19})\s*)?", re.ASCII)


class ByteRange(msgspec.Struct, frozen=True, order=True, gc=False):
    """The bytes ``first`` to ``last`` of a resource, both included.

    ``last`` is None for "to the end of the resource". The text form is that of
    RFC 9110, 14.1.2 without the unit, which ISO/IEC 23009-1 uses for
    ``@mediaRange``, ``@indexRange`` and ``@range``: ``0-719`` or ``720-``.
    """

    first: int
    last: int | None = None

    def __post_init__(self) -> None:
        if self.first < 0 or (self.last is not None and self.last < self.first):
            raise ValueError(f"not a byte range: {self.first}-{self.last}")

    @classmethod
    def parse(cls, text: str) -> ByteRange:
        """Read ``first-last`` or ``first-``; ValueError for anything else."""
        match = _FORM.fullmatch(text)
        if match is None:
            raise ValueError(f"not a byte range: {text!r}")
        first, last = match.groups()
        return cls(int(first), None if last is None else int(last))

    @property
    def size_bytes(self) -> int | None:
        """The number of bytes in the range; None if it is open."""
        return None if self.last is None else self.last - self.first + 1

    def __str__(self) -> str:
        return f"{self.first}-{'' if self.last is None else self.last}"
