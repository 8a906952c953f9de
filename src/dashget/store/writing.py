"""Read and write at an offset, also where the system takes less than all or lacks the calls."""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from typing import IO, Final

_PIECES_AT_MOST: Final = 1024
"""IOV_MAX of Linux, macOS and the BSDs: more is EINVAL."""
_COPY_BYTES: Final = 1 << 20


def write_pieces(descriptor: int, pieces: Sequence[bytes], offset: int) -> int:
    """Write pieces that follow one another; return how many bytes they are."""
    size = sum(map(len, pieces))
    if len(pieces) > _PIECES_AT_MOST:
        pieces = [b"".join(pieces)]
    done = _pwritev(descriptor, pieces, offset) if size else 0
    if done < size:
        write_all(descriptor, b"".join(pieces)[done:], offset + done)
    return size


def write_all(descriptor: int, data: bytes, offset: int) -> None:
    """Write all of ``data`` at an offset; OSError if the disk does not take it."""
    done = _pwrite(descriptor, data, offset)
    while done < len(data):
        done += _pwrite(descriptor, data[done:], offset + done)


def read_at(descriptor: int, most: int, offset: int) -> bytes:
    """Read up to ``most`` bytes from an offset on."""
    return _pread(descriptor, most, offset)


def copy_all(source: IO[bytes], target: IO[bytes]) -> None:
    """Copy the rest of an open file into another one, as ``shutil``, which is slow to load."""
    while block := source.read(_COPY_BYTES):
        target.write(block)


def append_all(descriptor: int, data: bytes) -> None:
    """Write all of ``data`` at the end; a disk that is nearly full may take it in pieces."""
    done = os.write(descriptor, data)
    while done < len(data):
        done += os.write(descriptor, data[done:])


def _seek_and_write(descriptor: int, data: bytes, offset: int, /) -> int:
    with _SEEK_LOCK:
        os.lseek(descriptor, offset, os.SEEK_SET)
        return os.write(descriptor, data)


def _seek_and_read(descriptor: int, most: int, offset: int, /) -> bytes:
    with _SEEK_LOCK:
        os.lseek(descriptor, offset, os.SEEK_SET)
        return os.read(descriptor, most)


def _join_and_write(descriptor: int, pieces: Sequence[bytes], offset: int, /) -> int:
    return _pwrite(descriptor, b"".join(pieces), offset)


_SEEK_LOCK = threading.Lock()
_pread = getattr(os, "pread", _seek_and_read)
_pwrite = getattr(os, "pwrite", _seek_and_write)
_pwritev = getattr(os, "pwritev", _join_and_write)
