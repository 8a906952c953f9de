"""Other spellings of the names of a mirror, as some file systems return or take them.

HFS+ stores names decomposed (``e`` and an accent for ``é``), FAT and exFAT fold case, and so may
ext4. A file is then listed under another spelling than the one that it was given.
"""

from __future__ import annotations

from collections.abc import Iterable

from dashget.common.filenames import fold
from dashget.store import Mirror


class Spellings:
    """Finds the names that some paths may be other spellings of.

    Only names that resemble one of the ``paths`` are kept: a mirror may have millions.
    """

    def __init__(self, store: Mirror, paths: Iterable[str]) -> None:
        self._store = store
        self._folded = frozenset(map(fold, paths))
        self._names: dict[str, str] = {}

    def add(self, names: Iterable[str]) -> None:
        """Add names that count."""
        if self._folded:
            for name in names:
                folded = fold(name)
                if folded in self._folded:
                    self._names.setdefault(folded, name)

    def of(self, path: str) -> str | None:
        """Return the name that a path is another spelling of; None if there is none."""
        name = self._names.get(fold(path))
        return None if name == path else name

    def is_other(self, path: str, *, listed: bool = False) -> bool:
        """Return True if a path leads to the file of a name that counts.

        If it was ``listed`` by the place, and is no file of its own, it is that name as well.
        """
        name = self.of(path)
        if name is None or self._store.size(name) is None:
            return False
        return self._store.is_same(path, name) or (listed and self._store.size(path) is None)
