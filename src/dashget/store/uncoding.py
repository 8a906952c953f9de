"""Remove the content codings of a part once all of its bytes are here."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import Final

from dashget.common.contentcoding import all_decoded, decoded
from dashget.store.directory import Directory
from dashget.store.hashing import PassingDigests
from dashget.store.writing import read_at, write_all

_BLOCK: Final = 1 << 18
_LARGEST_PAGE: Final = 64 << 20


def decode_file(
    directory: Directory,
    coded: int,
    name: str,
    codings: tuple[str, ...],
    digests: PassingDigests,
    told: Callable[[int], object],
) -> tuple[int, int]:
    """Write what an open file is without its codings to another one; return that, and its size.

    ``digests`` are computed on the way. Nothing is left of it if that fails.
    """
    made, size = directory.create(name, os.O_RDWR), 0
    digests.anew()
    try:
        for block in decoded(_blocks(coded), codings):
            told(size + len(block))
            digests.add((block,), size)
            write_all(made, block, size)
            size += len(block)
    except BaseException:
        digests.stop()
        os.close(made)
        directory.unlink(name)
        raise
    return made, size


def decode_page(
    coded: bytearray, codings: tuple[str, ...], told: Callable[[int], object]
) -> bytearray:
    """Return what a small body in memory is without its codings."""
    made = all_decoded(bytes(coded), codings, _LARGEST_PAGE)
    told(len(made))
    return bytearray(made)


def _blocks(descriptor: int) -> Iterator[bytes]:
    at = 0
    while block := read_at(descriptor, _BLOCK, at):
        yield block
        at += len(block)
