"""A seekable, read-only file over spans of a mirror's files, one after the other.

Nothing is copied to disk. A file of the mirror is looked into when it is begun: libavformat skips
what it does not understand, and a damaged segment would be a hole that nobody notices.
"""

from __future__ import annotations

import io
from bisect import bisect_right
from collections.abc import Callable, Sequence
from itertools import accumulate
from typing import BinaryIO, Final

from dashget.errors import MirrorIncompleteError
from dashget.media.glance import glance
from dashget.media.inspection import check
from dashget.media.isobmff import iter_boxes
from dashget.media.kind import Content, Role, SegmentKind
from dashget.mux.contents import Contents, Span

_WHOLE_BYTES: Final = 1 << 18
"""Spans of up to this size are read at once; to copy larger ones once more costs too much."""
_LOOK_BYTES: Final = 1 << 16
"""The beginning of a larger span, which mostly has all of its boxes but the media in one."""
_BOXES: Final = 1000
"""The boxes that are looked at for the one that is wanted."""
_HEADER_BYTES: Final = 32
_TS_BYTES: Final = 188
_TS_MARK: Final = 0x47
_LARGEST_BOX: Final = 1 << 26
_REPAIR: Final = "dashget verify --repair fetches it again"


class JoinedFile:
    """The bytes of spans as one file; ``open_file`` opens a file of the mirror.

    Reading raises MirrorIncompleteError for a media segment whose structure is damaged, and
    OSError for a file that is shorter than its span.
    """

    def __init__(self, open_file: Callable[[str], BinaryIO], contents: Contents) -> None:
        self.open_file = open_file
        self.spans: Sequence[Span] = contents.spans
        self._segments = range(contents.first_media, len(contents.spans))
        self._mime = contents.mime_type
        self._whole = contents.whole
        self.ends = tuple(accumulate(span.size for span in contents.spans))
        """The position behind each span."""
        self._position = 0
        self._number = -1
        self._file: BinaryIO | None = None
        self._unbuffered: BinaryIO | None = None
        self._beginning = b""
        """The first bytes of the span that is open."""

    @property
    def size(self) -> int:
        """The number of bytes in all."""
        return self.ends[-1] if self.ends else 0

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
        number = bisect_right(self.ends, self._position)
        if number == len(self.ends):
            return b""
        if number != self._number:
            self._begin(number)
        left = self.ends[number] - self._position
        data = self._read_at(self.spans[number], left, left if count < 0 else min(count, left))
        self._position += len(data)
        return data

    def close(self) -> None:
        """Close the file that is open."""
        if self._file is not None:
            self._file.close()
            self._file = self._unbuffered = None
        self._number, self._beginning = -1, b""

    def _read_at(self, span: Span, left: int, count: int) -> bytes:
        at = span.size - left
        if at < len(self._beginning):
            return self._beginning[at : at + count]
        assert self._unbuffered is not None  # noqa: S101 - it was opened before
        self._unbuffered.seek(span.first + at)
        data = self._unbuffered.read(count)
        if not data:
            raise OSError(f"{span.path} has become shorter while it was read")
        return data

    def _begin(self, number: int) -> None:
        """Open the file of a span, and look into it if it is a media segment."""
        self.close()
        span = self.spans[number]
        looked = span.size if span.size <= _WHOLE_BYTES else _LOOK_BYTES
        file = self.open_file(span.path)
        try:
            file.seek(span.first)
            data = _read_all(file, looked, span)
            if number in self._segments and glance((data,), span.size) is None:
                self._examine(span, file)
        except BaseException:
            file.close()
            raise
        # A buffer between would copy all media once more.
        self._file, self._unbuffered = file, getattr(file, "raw", file)
        self._number, self._beginning = number, data

    def _examine(self, span: Span, file: BinaryIO) -> None:
        def read(offset: int, count: int) -> bytes:
            file.seek(span.first + offset)
            return file.read(min(count, span.size - offset))

        role = Role(self._mime, SegmentKind.MEDIA, self._whole, content=Content.MEDIA)
        for problem in check(read, span.size, role):
            raise MirrorIncompleteError(
                f"{span.path} is damaged: {problem}", hint=_REPAIR, paths=(span.path,)
            )


def _read_all(file: BinaryIO, count: int, span: Span) -> bytes:
    data = file.read(count)
    if len(data) < count:
        raise OSError(f"{span.path} has become shorter")
    return data


def read_bytes(joined: JoinedFile, begin: int, most: int) -> bytes:
    """Return up to so many bytes of a joined file, from all of its spans."""
    joined.seek(begin)
    buffer = io.BytesIO()
    while buffer.tell() < most and (data := joined.read(most - buffer.tell())):
        buffer.write(data)
    return buffer.getvalue()


def is_transport_stream(start: bytes) -> bool:
    """Return True for the beginning of MPEG-2 TS: packets of 188 bytes, each with its mark."""
    marks = start[: 3 * _TS_BYTES : _TS_BYTES]
    return len(start) >= _TS_BYTES and set(marks) == {_TS_MARK}


def read_box(joined: JoinedFile, kind: str) -> bytes:
    """Return the first box of a type at the top level; nothing if there is none in reach."""
    position = 0
    for _ in range(_BOXES):
        box = next(iter_boxes(read_bytes(joined, position, _HEADER_BYTES)), None)
        if box is None or (box.size is None and box.type != kind):
            break
        if box.type == kind:
            return read_bytes(joined, position, min(box.size or _LARGEST_BOX, _LARGEST_BOX))
        position += box.size or 0
    return b""
