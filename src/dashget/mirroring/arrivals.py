"""Take the bytes of planned files from the engine, and check them before they get a name.

A server may send an HTML page in place of a file, or other bytes than its own digest says.
Small files that arrive whole are checked before they are stored, all others afterwards.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

from dashget.common.digests import Digest, find_digest
from dashget.media.sniff import BEGINNING_BYTES, html_page
from dashget.mirroring.files import PlannedFile, Rejection
from dashget.store import Mirror
from dashget.transfer.contract import Job, ResponseHead

if TYPE_CHECKING:
    from dashget.store import PartialFile

_PAGES_BEGIN: Final = frozenset(b"<\xef\t\n\r ")
"""The possible first bytes of an HTML page: a bracket, a byte order mark, blank space."""
_PAGE_HINT: Final = (
    "open the URL in a browser: the server or a portal may require a login or a new token"
)


class Arrivals:
    """Stores the bytes of planned files. May be called by several threads, for different files."""

    def __init__(self, store: Mirror, checksum: str | None) -> None:
        self._store = store
        self._checksum = checksum

    def open(self, job: Job) -> PartialFile:
        """Return the sink for a file whose bytes arrive in several steps."""
        file: PlannedFile = job.payload
        part = self._store.part(file.path, file.urls[0], checksum=self._checksum)
        file.unfinished = file.part = part
        return part

    def deliver(self, job: Job, head: ResponseHead, pieces: list[bytes]) -> None:
        """Check and store a small file that has arrived whole."""
        file: PlannedFile = job.payload
        file.part = file.unfinished = None
        if pieces and pieces[0][0] in _PAGES_BEGIN:
            file.rejection = _reject_page(b"".join(pieces))
            if file.rejection is not None:
                return
        if head.digests or self._checksum is not None:
            promised = find_digest(head.digests, status=head.status)
            if promised is not None and _digest(promised.algorithm, pieces) != promised.value:
                file.rejection = _reject_digest(promised)
                return
            if self._checksum is not None:
                file.checksum = _digest(self._checksum, pieces).hex()
        file.unfinished = self._store.receive(file.path, file.urls[0], head, pieces)

    def check(self, file: PlannedFile, part: PartialFile) -> Rejection | None:
        """Check a file that has arrived in several steps; return why it is rejected."""
        rejection = _reject_page(part.beginning(BEGINNING_BYTES))
        if rejection is not None:
            return rejection
        promised = part.promised
        if promised is not None and part.digest(promised.algorithm) != promised.value:
            return _reject_digest(promised)
        if self._checksum is not None:
            file.checksum = part.digest(self._checksum).hex()
        return None


def _reject_page(data: bytes) -> Rejection | None:
    page = html_page(data)
    if page is None:
        return None
    return Rejection(f"the server sent {page} instead", is_page=True, hint=_PAGE_HINT)


def _reject_digest(promised: Digest) -> Rejection:
    return Rejection(f"the {promised.algorithm} of the body differs from that in {promised.header}")


def _digest(algorithm: str, pieces: Iterable[bytes]) -> bytes:
    import hashlib

    digest = hashlib.new(algorithm)
    for piece in pieces:
        digest.update(piece)
    return digest.digest()
