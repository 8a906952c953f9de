"""Remove content codings (RFC 9110, 8.4.1) from a body, block by block, and prove the result.

gzip states the CRC-32 and the size of what it holds, zlib an Adler-32. So a file that was decoded
to the end is known to be the one that was coded. Deflate data without the head of zlib show only
where they end. What ends early, has other data behind its end, or grows beyond measure is refused
with the reason.

Memory is bounded, and time is in proportion to the bytes that come and that are made.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator
from typing import Final

GZIP: Final = "gzip"
DEFLATE: Final = "deflate"
_FORMS: Final = {GZIP: 16 + zlib.MAX_WBITS, DEFLATE: zlib.MAX_WBITS}
"""How ``inflateInit2`` of zlib calls them."""
_BARE: Final = -zlib.MAX_WBITS
"""Deflate without the head of zlib, which old servers send."""
_MAGIC: Final = b"\x1f\x8b"
_ZLIB_METHOD, _ZLIB_CHECK = 8, 31
_OUT_BYTES: Final = 1 << 20
_FIRST_STEP: Final = 1 << 10
_LARGEST_STEP: Final = 1 << 16
_MEMBERS_AT_MOST: Final = 20_000
_FREE_BYTES: Final = 64 << 20
_RATIO: Final = 100
"""So many bytes may come out of each one, beyond those that are free. Deflate knows up to 1,032;
media and texts of any sense stay below 50."""


class CodingError(ValueError):
    """Raised for coded data of which nothing can be known to be right."""

    def __init__(self, message: str, *, lasting: bool = False) -> None:
        """``lasting`` tells that the same data would come again."""
        super().__init__(message)
        self.lasting = lasting


def decoded(blocks: Iterable[bytes], codings: Iterable[str]) -> Iterator[bytes]:
    """Yield a body without its codings, which are named in the order in which they were applied.

    One that the data do not begin like was not applied, and is passed over: servers name the
    same one twice. Raises CodingError.
    """
    for coding in reversed([*codings]):
        blocks = _removed(blocks, coding)
    return iter(blocks)


def all_decoded(data: bytes, codings: Iterable[str], most: int) -> bytes:
    """Return a small body without its codings; CodingError if it has more than ``most`` bytes."""
    made = bytearray()
    for block in decoded((data,), codings):
        made += block
        if len(made) > most:
            raise CodingError(f"become more than {most:,} bytes", lasting=True)
    return bytes(made)


def begins_like(coding: str, beginning: bytes) -> bool:
    """Return True if data that begin so may be in a coding."""
    return _form(coding, beginning) is not None


def _removed(blocks: Iterable[bytes], coding: str) -> Iterator[bytes]:
    whole = iter(blocks)
    beginning = b""
    while len(beginning) < _FIRST_STEP and (block := next(whole, b"")):
        beginning += block
    form = _form(coding, beginning)
    if form is None or not beginning:
        yield beginning
        yield from whole
        return
    yield from _Inflation(coding, form).of(beginning, whole)


def _form(coding: str, beginning: bytes) -> int | None:
    """Return the form of the data for zlib; None if they are not in this coding."""
    if coding not in _FORMS:
        raise CodingError(f"are in a coding that is unknown here: {coding}", lasting=True)
    if coding == GZIP:
        return _FORMS[GZIP] if beginning.startswith(_MAGIC[: len(beginning)]) else None
    head = beginning[:2]
    with_head = len(head) == len(_MAGIC) and not (
        head[0] % 16 != _ZLIB_METHOD or int.from_bytes(head, "big") % _ZLIB_CHECK
    )
    for form in (_FORMS[DEFLATE], _BARE) if with_head else (_BARE,):
        try:
            zlib.decompressobj(form).decompress(beginning[:_FIRST_STEP], _OUT_BYTES)
        except zlib.error:
            continue
        return form
    return None


class _Inflation:
    """The removal of one coding from one body."""

    def __init__(self, coding: str, form: int) -> None:
        self._coding = coding
        self._form = form
        self._decoder = zlib.decompressobj(form)
        self._members = 1
        self._came = self._made = 0

    def of(self, beginning: bytes, blocks: Iterator[bytes]) -> Iterator[bytes]:
        """Yield what the data hold, up to their end; CodingError if that is not in order."""
        yield from self._block(beginning)
        for block in blocks:
            yield from self._block(block)
        if not self._decoder.eof:
            raise CodingError(f"end early, after {self._came:,} bytes")

    def _block(self, block: bytes) -> Iterator[bytes]:
        at, step = 0, _FIRST_STEP
        # In growing pieces: what follows a member is copied when that ends.
        while at < len(block):
            if self._decoder.eof:
                if block[at] == 0 and self._coding == GZIP and not block[at:].strip(b"\0"):
                    # gzip itself takes zeros behind the end for padding.
                    return
                self._begin_member(block[at : at + len(_MAGIC)])
                step = _FIRST_STEP
            piece = block[at : at + step]
            yield from self._piece(piece)
            used = len(piece) - len(self._decoder.unused_data)
            self._came += used
            at += used
            step = min(2 * step, _LARGEST_STEP)

    def _piece(self, piece: bytes) -> Iterator[bytes]:
        while piece:
            try:
                made = self._decoder.decompress(piece, _OUT_BYTES)
            except zlib.error as error:
                told = str(error).rpartition(": ")[2]
                raise CodingError(f"are damaged: {told}") from error
            self._made += len(made)
            self._check_growth(len(piece))
            if made:
                yield made
            piece = self._decoder.unconsumed_tail
            if not piece and len(made) == _OUT_BYTES and not self._decoder.eof:
                # All is read, and more of it is still to be made.
                yield from self._rest()

    def _rest(self) -> Iterator[bytes]:
        while not self._decoder.eof and (made := self._decoder.decompress(b"", _OUT_BYTES)):
            self._made += len(made)
            self._check_growth(0)
            yield made

    def _begin_member(self, beginning: bytes) -> None:
        """Go on behind the end of a member: gzip may have several."""
        if self._coding != GZIP or not beginning.startswith(_MAGIC[: len(beginning)]):
            raise CodingError(f"have other data behind their end, after {self._came:,} bytes")
        self._members += 1
        if self._members > _MEMBERS_AT_MOST:
            raise CodingError(f"have more than {_MEMBERS_AT_MOST:,} pieces", lasting=True)
        self._decoder = zlib.decompressobj(self._form)

    def _check_growth(self, more: int) -> None:
        most = max(_FREE_BYTES, _RATIO * (self._came + more))
        if self._made > most:
            told = f"become more than {most:,} bytes, {_RATIO} times as many: they may be a bomb"
            raise CodingError(told, lasting=True)
