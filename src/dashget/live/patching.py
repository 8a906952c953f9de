"""Whether to ask for a patch of the manifest in place of all of it (ISO/IEC 23009-1, 5.15).

A patch is asked for while its ``@ttl`` lasts. Whatever is wrong with one, the whole manifest is
read instead, at once; patches that fail again and again are asked for less often. The whole
manifest is also read now and then, since a patch may leave something out unnoticed, and where
patches bring nothing for long: their server may have stopped.
"""

from __future__ import annotations

from typing import Final

from dashget.live.listing import Version
from dashget.live.world import ReadEnded, Way

_MOST_IN_A_ROW: Final = 100
"""So many patches are applied at most to one whole manifest."""
_MOST_IDLE: Final = 3
"""After so many reads of patches that brought nothing, the whole manifest is read."""
_LONGEST_HOLD: Final = 64


class Patching:
    """Remembers how patches have done."""

    def __init__(self) -> None:
        self._applied = 0
        self._idle = 0
        self._failures = 0
        self._held = 0
        """How many reads are of the whole manifest before the next one of a patch."""
        self._told: set[bool] = set()

    def wants(self, version: Version | None, server: float) -> bool:
        """Return True if the next read may be by a patch."""
        offer = None if version is None else version.patch
        if version is None or offer is None or self._held or self._applied >= _MOST_IN_A_ROW:
            return False
        if self._idle >= _MOST_IDLE or (self._idle and version.is_overdue(server)):
            return False
        return offer.until is None or server < offer.until

    def read(self, report: ReadEnded, *, by_patch: bool) -> str | None:
        """Take a read that has ended; return what is wrong with patches, if it is to be told."""
        if report.refused is not None and not by_patch:
            return self._once(report.refused, by_patch=False)
        if report.refused is not None:
            self._failures += 1
            self._held = 0 if self._failures < 2 else min(2**self._failures, _LONGEST_HOLD)
            self._applied = self._idle = 0
            return self._once(report.refused, by_patch=True)
        if report.version is None:
            return None
        if by_patch and report.way is Way.PATCH:
            self._applied, self._idle, self._failures = self._applied + 1, 0, 0
        elif by_patch and report.way is Way.SAME:
            self._idle += 1
        else:
            self._applied = self._idle = 0
            self._held = max(0, self._held - 1)
        return None

    def _once(self, reason: str, *, by_patch: bool) -> str | None:
        """Return what is wrong, the first time only."""
        told = by_patch in self._told
        self._told.add(by_patch)
        return None if told else reason
