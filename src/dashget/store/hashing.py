"""Digests of a file, computed while its bytes arrive."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import BinaryIO, Final, Protocol

from dashget.common.digests import Digest, find_digest
from dashget.transfer.contract import ResponseHead

_BLOCK: Final = 1 << 20


class _Hasher(Protocol):
    @property
    def name(self) -> str: ...
    def update(self, data: bytes, /) -> None: ...
    def digest(self) -> bytes: ...


def digests_of(
    file: BinaryIO, algorithms: Iterable[str], told: Callable[[int], object] | None = None
) -> dict[str, bytes]:
    """Return the digests of all bytes of a file from here on, by algorithm.

    ``told`` gets the number of bytes of each block that was read, and ends the work by raising.
    """
    import hashlib

    digests = {algorithm: hashlib.new(algorithm) for algorithm in algorithms}
    while block := file.read(_BLOCK):
        for digest in digests.values():
            digest.update(block)
        if told is not None:
            told(len(block))
    return {algorithm: digest.digest() for algorithm, digest in digests.items()}


class PassingDigests:
    """The digests of bytes that arrive in sequence; bytes out of sequence end the computation.

    ``checksum`` is wanted in any case; a digest that the server promises comes on top.
    """

    __slots__ = ("_algorithms", "_hashed", "_hashers", "promised")

    def __init__(self, checksum: str | None) -> None:
        self.promised: Digest | None = None
        """The digest of the whole file according to the server's response, if it sent one."""
        self._algorithms = (checksum,) if checksum else ()
        self._hashers: list[_Hasher] | None = None
        self._hashed = 0

    def begin(self, head: ResponseHead, offset: int) -> None:
        """Prepare for a response whose first byte belongs at ``offset``."""
        self.promised = None
        if not (self._algorithms or head.digests):
            return
        self.promised = find_digest(head.digests, status=head.status) if head.digests else None
        if offset == 0:
            import hashlib

            wanted = {*self._algorithms, *([self.promised.algorithm] if self.promised else ())}
            self._hashers = [hashlib.new(name) for name in sorted(wanted)] if wanted else None
            self._hashed = 0
        elif offset != self._hashed:
            self._hashers = None

    def add(self, pieces: Sequence[bytes], offset: int) -> None:
        """Take the bytes that are written at ``offset``."""
        hashers = self._hashers
        if hashers is None:
            return
        if offset != self._hashed:
            self._hashers = None
            return
        for piece in pieces:
            for hasher in hashers:
                hasher.update(piece)
            self._hashed += len(piece)

    def anew(self) -> None:
        """Compute the wanted checksum of other bytes, which come from the beginning."""
        import hashlib

        self.promised = None
        self._hashers = [hashlib.new(name) for name in self._algorithms] or None
        self._hashed = 0

    def stop(self) -> None:
        """Compute nothing more: bytes arrive in any order."""
        self._hashers = None

    def get(self, algorithm: str, size: int) -> bytes | None:
        """Return the digest of all ``size`` bytes; None if it has to be computed by reading."""
        for hasher in self._hashers or ():
            if hasher.name == algorithm and self._hashed == size:
                return hasher.digest()
        return None
