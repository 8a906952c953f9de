"""Second chances: files that are asked for once more although a server has refused them.

A cache may lack for a moment what its origin has, and a portal may answer in its place. A few
such files are an accident; many are one only if far more files have come.
"""

from __future__ import annotations

from typing import Final

from dashget.mirroring.ledger import Totals

_AT_LEAST: Final = 100
_COMPLETE_FOR_ONE: Final = 10
"""One more chance for so many files that are complete."""


class SecondChances:
    """Counts them. ``totals`` has the files that are complete so far."""

    def __init__(self, totals: Totals) -> None:
        self._totals = totals
        self._taken = 0

    @property
    def left(self) -> bool:
        """True if another file may have one."""
        return self._taken < _AT_LEAST + self._totals.files // _COMPLETE_FOR_ONE

    def take(self) -> bool:
        """Give a file its second chance; return False if there is none left."""
        left = self.left
        self._taken += left
        return left
