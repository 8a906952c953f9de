"""Look up files in a record by searching it, for lookups that are rare: nothing is held in memory.

A recording of a week has two million files, and asks for few of them. Lines are found by how they
begin, as this program writes them; the newest line of a path comes first.
"""

from __future__ import annotations

from typing import BinaryIO, Final

import msgspec

from dashget.store.record import OpenRecord, iter_records, parse_record, url_key

_BLOCK: Final = 1 << 22


class SearchedRecord:
    """What the record says of files: in place of a map of all of them."""

    def __init__(self, record: OpenRecord) -> None:
        self._record = record
        self.recent: dict[str, tuple[int, ...]] = {}
        """The size and the key of the URL of files that were finished a short while ago."""

    def settle(self) -> None:
        """Forget the recent files: the record has them by now."""
        self.recent.clear()

    def get(self, path: str) -> tuple[int, ...] | None:
        """Return the size and the key of the URL of a file; None if it is not recorded."""
        known = self.recent.get(path)
        if known is not None:
            return known
        file = self._record()
        if file is None:
            return None
        with file:
            line = _find(file, b'{"path":' + msgspec.json.encode(path))
        found = None if line is None else parse_record(line)
        if found is None or found.removed or found.path != path:
            return None
        return found.size, url_key(found.url)

    def contains(self, path: str) -> bool:
        """Return True if a file is recorded."""
        return self.get(path) is not None

    __contains__ = contains

    def discard(self, path: str) -> None:
        """Count a file as removed, before the record says so."""
        self.recent.pop(path, None)

    def __len__(self) -> int:
        """Return 0 if no file is recorded, and else 1."""
        return int(next(iter(iter_records(self._record, 0)), None) is not None)


def _find(file: BinaryIO, needle: bytes) -> bytes | None:
    """Return the last complete line that begins with some bytes."""
    end = file.seek(0, 2)
    following = b""
    while end > 0:
        begin = max(0, end - _BLOCK)
        file.seek(begin)
        # With what follows, in which a line that begins here may go on.
        block = file.read(end - begin) + following
        at = len(block)
        while (at := block.rfind(needle, 0, at)) >= 0:
            if block[at - 1 : at] == b"\n" if at else begin == 0:
                file.seek(begin + at)
                line = file.readline()
                if line.endswith(b"\n"):
                    return line
            at += len(needle) - 1
        following = block[: len(needle)]
        end = begin
    return None
