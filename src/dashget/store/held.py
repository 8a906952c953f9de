"""Unfinished files for places that cannot keep any: in memory, large ones in temporary files.

Nothing of them outlives the run. A file that was interrupted starts again in the next one.
"""

from __future__ import annotations

import io
import threading
from collections.abc import Callable, Sequence
from typing import IO, TYPE_CHECKING, BinaryIO, Final, cast

from dashget.common.byterange import ByteRange
from dashget.common.digests import Digest
from dashget.store.hashing import PassingDigests, digests_of
from dashget.store.writing import copy_all
from dashget.transfer.contract import ResponseHead, ResumePoint

if TYPE_CHECKING:
    from concurrent.futures import Future

    from dashget.store.backend import Unfinished

_IN_MEMORY_BYTES: Final = 4 << 20
"""A file that grows larger than this is held in a temporary file."""
_BLOCK: Final = 1 << 20


class HeldPart:
    """The bytes of one unfinished file, held by this process: a ``PartialFile``."""

    def __init__(self, path: str, checksum: str | None = None) -> None:
        self.path = path
        self.size = 0
        self.content_type: str | None = None
        """The one of the server's response."""
        self.codings: tuple[str, ...] = ()
        """The content codings of the bytes."""
        self._digests = PassingDigests(checksum)
        self._file: IO[bytes] = io.BytesIO()
        self._in_memory = True
        self._lock = threading.Lock()

    @property
    def promised(self) -> Digest | None:
        """The digest of the whole file according to the server's response, if it sent one."""
        return self._digests.promised

    def resume_point(self) -> ResumePoint | None:
        """Return nothing: earlier runs leave nothing."""
        return None

    def begin(self, head: ResponseHead, offset: int) -> None:
        """Drop the bytes from ``offset`` on."""
        self.content_type = head.content_type
        if offset == 0:
            self.codings = head.codings
        self._digests.begin(head, offset)
        self._file.truncate(offset)
        self.size = offset

    def scatter(self) -> None:
        """Expect bytes in any order."""
        self._digests.stop()

    def write(self, data: bytes, offset: int, /) -> object:
        """Put the bytes in place."""
        with self._lock:
            self._digests.add((data,), offset)
            end = offset + len(data)
            if self._in_memory and end > _IN_MEMORY_BYTES:
                self._move_to_disk()
            self._file.seek(offset)
            self._file.write(data)
            self.size = max(self.size, end)
        return None

    def written(self, span: ByteRange) -> None:
        """Do nothing: no later run resumes the file."""

    def read(self, offset: int, most: int) -> bytes:
        """Return up to ``most`` bytes from ``offset`` on."""
        self._file.seek(offset)
        return self._file.read(most)

    def digest(self, algorithm: str, told: Callable[[int], object] | None = None) -> bytes:
        """Return the digest of all bytes; ``told`` gets the size of each block that was read."""
        known = self._digests.get(algorithm, self.size)
        if known is not None:
            return known
        self._file.seek(0)
        return digests_of(cast("BinaryIO", self._file), (algorithm,), told)[algorithm]

    def uncode(self, told: Callable[[int], object]) -> None:
        """Replace the bytes by what they are without their codings."""
        from dashget.common.contentcoding import decoded

        coded = self._file
        coded.seek(0)
        made = HeldPart(self.path)
        try:
            self._digests.anew()
            for block in decoded(iter(lambda: coded.read(_BLOCK), b""), self.codings):
                told(made.size + len(block))
                self._digests.add((block,), made.size)
                made.write(block, made.size)
        except BaseException:
            self._digests.stop()
            made.close()
            raise
        coded.close()
        self._file, self._in_memory, self.size = made._file, made._in_memory, made.size
        self.codings = ()

    def _move_to_disk(self) -> None:
        from tempfile import TemporaryFile  # slow to import, and seldom needed

        self._file.seek(0)
        larger = TemporaryFile()  # noqa: SIM115  closed with the part, or by whom it is given to
        copy_all(self._file, larger)
        self._file, self._in_memory = larger, False

    def take(self) -> BinaryIO:
        """Hand over the bytes, to be read from their beginning and closed by the reader."""
        self._file.seek(0)
        return cast("BinaryIO", self._file)

    def close(self) -> None:
        """Drop the bytes."""
        self._file.close()

    drop = close


class HeldParts:
    """The unfinished files of a place that keeps none: ``Parts``."""

    def __init__(
        self, upload: Callable[[str, BinaryIO, int, str | None], Future[None] | None]
    ) -> None:
        """``upload`` is that of the place's ``Backend``."""
        self._upload = upload

    def receive(self, path: str, url: str, head: ResponseHead, pieces: Sequence[bytes]) -> HeldPart:
        """Hold a whole file."""
        part = HeldPart(path)
        part.content_type = head.content_type
        part.write(b"".join(pieces), 0)
        return part

    def part(
        self, path: str, url: str, checksum: str | None = None, *, moved: bool = False
    ) -> HeldPart:
        """Return an empty part."""
        return HeldPart(path, checksum)

    def publish(self, file: Unfinished) -> Future[None] | None:
        """Upload a complete file."""
        if not isinstance(file, HeldPart):
            raise TypeError("not an unfinished file of this place")
        return self._upload(file.path, file.take(), file.size, file.content_type)

    def has(self, path: str) -> bool:
        """Return False: earlier runs leave nothing."""
        return False

    def kept(self) -> tuple[int, int]:
        """Return zeros: the next run can resume nothing."""
        return 0, 0

    def close(self, *, sync: bool = True) -> None:
        """Do nothing: each file is closed by itself."""
