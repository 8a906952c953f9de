"""A seekable, read-only file over spans of a mirror's files, one after the other.

Nothing is copied, and one file of the mirror is open at a time.
"""

from __future__ import annotations

import io
from bisect import bisect_right
from collections.abc import Callable, Sequence
from itertools import accumulate
from typing import BinaryIO

from dashget.mux.contents import Span


class JoinedFile:
    """The bytes of the spans as one file; ``open_file`` opens a file of the mirror.

    A file that is shorter than its spans say raises OSError when it is read.
    """

    def __init__(self, open_file: Callable[[str], BinaryIO], spans: Sequence[Span]) -> None:
        self._open = open_file
        self._spans = spans
        self._ends = tuple(accumulate(span.size for span in spans))
        self._position = 0
        self._file: BinaryIO | None = None
        self._file_path: str | None = None
        self._file_at = 0

    @property
    def size(self) -> int:
        """The number of bytes in all."""
        return self._ends[-1] if self._ends else 0

    def readable(self) -> bool:
        """Return True: it is for reading only."""
        return True

    def seekable(self) -> bool:
        """Return True."""
        return True

    def tell(self) -> int:
        """Return the position of the next byte."""
        return self._position

    def seek(self, offset: int, whence: int = 0) -> int:
        """Move to a position from the begin (0), the present one (1) or the end (2)."""
        base = (0, self._position, self.size)[whence]
        self._position = max(base + offset, 0)
        return self._position

    def read(self, count: int = -1) -> bytes:
        """Return up to ``count`` bytes of one span; nothing at the end of the last one."""
        number = bisect_right(self._ends, self._position)
        if number == len(self._ends):
            return b""
        span = self._spans[number]
        left = self._ends[number] - self._position
        wanted = left if count < 0 else min(count, left)
        at = span.first + span.size - left
        data = self._read_at(span.path, at, wanted)
        self._position += len(data)
        return data

    def close(self) -> None:
        """Close the file that is open."""
        if self._file is not None:
            self._file.close()
            self._file = self._file_path = None

    def _read_at(self, path: str, at: int, count: int) -> bytes:
        if path != self._file_path:
            self.close()
            self._file = self._open(path)
            self._file_path, self._file_at = path, 0
        assert self._file is not None  # noqa: S101 - it was opened above
        if at != self._file_at:
            self._file.seek(at)
        data = self._file.read(count)
        self._file_at = at + len(data)
        if not data:
            raise OSError(f"{path} has become shorter while it was read")
        return data


def read_beginning(joined: JoinedFile, most: int) -> bytes:
    """Return the first bytes of a joined file, from all of its spans."""
    joined.seek(0)
    buffer = io.BytesIO()
    while buffer.tell() < most and (data := joined.read(most - buffer.tell())):
        buffer.write(data)
    return buffer.getvalue()
