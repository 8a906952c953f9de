"""Files that servers send in a content coding although none was asked for.

They lie decoded in the mirror, as players and browsers see them. The record keeps the codings and
the size on the server, so that a comparison with the server compares like with like. Bytes that a
server sent are believed only if the coding itself proves them: see ``common.contentcoding``.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from typing import TYPE_CHECKING, BinaryIO, Final

from dashget.common.byterange import ByteRange
from dashget.common.contentcoding import GZIP, CodingError, all_decoded
from dashget.mirroring.files import Coded, Rejection
from dashget.transfer.contract import TooLargeError

if TYPE_CHECKING:
    from dashget.common.digests import Digest
    from dashget.mirroring.files import PlannedFile
    from dashget.mirroring.room import Room
    from dashget.store import FileRecord, PartialFile

_HINT: Final = "--accept-odd stores the file as the server sends it, without decoding it"
_TRAILER: Final = struct.Struct("<II")
_BLOCK: Final = 1 << 20


def uncode(
    file: PlannedFile,
    part: PartialFile,
    told: Callable[[int], object] | None,
    room: Room | None,
) -> tuple[Digest | None, Rejection | None]:
    """Remove the codings of a file that has come; return a digest that is still to be compared.

    A digest that the server states is that of the coded bytes (RFC 9530, 2), with some servers
    that of the others. The second result is why the file is rejected; then the bytes are as they
    came. ``told`` gets the number of bytes of each step, and may raise.
    """
    promised, codings, size = part.promised, part.codings, part.size
    if promised is not None and part.digest(promised.algorithm, told) == promised.value:
        promised = None
    made = 0

    def allow(now: int) -> None:
        nonlocal made
        if room is not None:
            room.allow(file, now)
        if told is not None:
            told(now - made)
        made = now

    try:
        part.uncode(allow)
    except CodingError as error:
        reason = f"the {', '.join(codings)} data of the body {error}"
        return promised, Rejection(reason, hint=_HINT, lasting=error.lasting)
    except TooLargeError as error:
        return promised, Rejection(
            f"too large: {error}", hint=error.hint, lasting=True, too_large=True
        )
    file.coded = Coded(codings, size)
    return promised, None


def trailer_of(known: FileRecord) -> ByteRange | None:
    """Return where the server's bytes of a recorded file tell what the file is; None if nowhere.

    gzip ends with the CRC-32 and the size of what it holds.
    """
    size = known.coded_size
    if known.codings != (GZIP,) or size is None or size < _TRAILER.size:
        return None
    return ByteRange(size - _TRAILER.size, size - 1)


def is_same_coded(file: BinaryIO, came: bytes, known: FileRecord) -> bool:
    """Return True if a recorded file, open at its beginning, is what the server's bytes hold.

    They are all of them, or those at ``trailer_of``.
    """
    if len(came) < (known.coded_size or 0):
        return came == _trailer(file)
    try:
        held = all_decoded(came, known.codings, known.size)
    except CodingError:
        return False
    return file.read(known.size + 1) == held


def _trailer(file: BinaryIO) -> bytes:
    checksum = size = 0
    while block := file.read(_BLOCK):
        checksum = zlib.crc32(block, checksum)
        size += len(block)
    return _TRAILER.pack(checksum, size & 0xFFFFFFFF)
