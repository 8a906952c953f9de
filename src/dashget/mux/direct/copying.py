"""Copy bytes of a mirror's files to the end of another file: the system does it where it can."""

from __future__ import annotations

import errno
import io
import os
from array import array
from bisect import bisect_right
from collections.abc import Callable, Sequence
from itertools import accumulate
from typing import TYPE_CHECKING, BinaryIO, Final

from dashget.mux.contents import Span

if TYPE_CHECKING:
    from hashlib import _Hash

_BUFFER_BYTES: Final = 1 << 17
"""Larger ones leave the processor's cache between reading and writing."""
_UNABLE: Final = (errno.EINVAL, errno.ENOSYS, errno.ENOTSOCK, errno.EOPNOTSUPP, errno.EXDEV)
"""How a system says that it cannot copy between two files: that it wants a socket, for example."""


class Source:
    """The joined spans of a stretch; ``open_file`` opens a file of the mirror."""

    def __init__(self, open_file: Callable[[str], BinaryIO], spans: Sequence[Span]) -> None:
        self._open = open_file
        self._spans = spans
        self._ends = tuple(accumulate(span.size for span in spans))
        self._number = -1
        self._file: BinaryIO | None = None
        self._direct = hasattr(os, "sendfile")

    def copy(self, position: int, count: int, output: io.FileIO, digest: _Hash | None) -> None:
        """Append bytes of one span to the output, and to a hash if there is one.

        Raises OSError.
        """
        number = bisect_right(self._ends, position)
        span = self._spans[number]
        file = self._file
        if file is None or number != self._number:
            file = self._begin(number)
        at = span.first + position - (self._ends[number] - span.size)
        if digest is None and self._direct:
            at, count = self._send(file, at, count, output)
        while count:
            file.seek(at)
            data = file.read(min(count, _BUFFER_BYTES))
            if not data:
                raise OSError(f"{span.path} has become shorter while it was read")
            if digest is not None:
                digest.update(data)
            write_all(output, data)
            at, count = at + len(data), count - len(data)

    def close(self) -> None:
        """Close the file that is open."""
        if self._file is not None:
            self._file.close()
        self._file, self._number = None, -1

    def _begin(self, number: int) -> BinaryIO:
        self.close()
        self._file = file = self._open(self._spans[number].path)
        self._number = number
        return file

    def _send(self, file: BinaryIO, at: int, count: int, output: io.FileIO) -> tuple[int, int]:
        """Have the system copy; return where the rest begins, which it cannot, and its size."""
        try:
            source = file.fileno()
        except OSError:
            return at, count
        target = output.fileno()
        while count:
            try:
                sent = os.sendfile(target, source, at, count)
            except OSError as error:
                if error.errno not in _UNABLE:
                    raise
                self._direct = False
                break
            if not sent:
                break
            at, count = at + sent, count - sent
        return at, count


def write_all(output: io.FileIO, data: bytes | array[int]) -> None:
    """Write all bytes to a file without a buffer."""
    view = memoryview(data).cast("B")
    while view:
        view = view[output.write(view) or 0 :]
