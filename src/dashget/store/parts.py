"""A part: the bytes of one unfinished file, in ``.dashget/parts/``, for this run or a later one.

A part has a name of its own until it is complete. The journal says which resource its bytes
belong to.
"""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Callable, Sequence

from dashget.common.byterange import ByteRange
from dashget.common.digests import Digest
from dashget.errors import StoreError
from dashget.store.directory import Directory
from dashget.store.folders import Folder
from dashget.store.hashing import PassingDigests, digests_of
from dashget.store.journal import Journal, decoded_name, part_name, scattered_name
from dashget.store.moving import move
from dashget.store.writing import read_at, write_all, write_pieces
from dashget.transfer.contract import ResponseHead, ResumePoint

_SMALL_BYTES = 64 * 1024
"""A page that takes the place of a file is hardly longer."""


class Part:
    """The unfinished bytes of one file of the mirror: the engine's ``Sink``.

    ``path`` is the final path in the mirror, ``url`` the first of its planned URLs. The part
    gets a line in the journal only when a write does not complete the file. ``checksum`` and a
    digest that the server sends are computed while the bytes arrive. If they arrive out of
    order, or in an earlier run, the digests are computed by reading the part again. With
    ``moved``, bytes from another URL count as well: the user says that it is the same resource.

    A server whose token has run out sends a page in place of the rest. So a small body that is to
    replace more bytes than it has stays in memory until it is finished; dropped, it costs nothing.
    """

    __slots__ = (
        "_descriptor", "_digests", "_end", "_file", "_head", "_journal", "_journaled",
        "_moved", "_name", "_seen", "_small", "codings", "path", "url",
    )  # fmt: skip

    def __init__(
        self,
        journal: Journal,
        path: str,
        url: str,
        checksum: str | None = None,
        *,
        moved: bool = False,
    ) -> None:
        self.path = path
        self.url = url
        self.codings: tuple[str, ...] = ()
        """The content codings of the bytes, in the order of their application."""
        self._moved = moved
        self._digests = PassingDigests(checksum)
        self._end: int | None = None
        """The end of the bytes, if this process has written all of them in sequence."""
        self._name = ""
        self._file = ""
        """The name of the file with the bytes; empty before it is opened."""
        self._journal = journal
        self._journaled = False
        self._seen = False
        self._small: bytearray | None = None
        """A body that is to replace what is on disk."""
        self._descriptor: int | None = None
        self._head: ResponseHead | None = None

    @property
    def name(self) -> str:
        """The part's own name in the directory of parts."""
        if not self._name:
            self._name = part_name(self.path)
        return self._name

    @property
    def promised(self) -> Digest | None:
        """The digest of the whole file according to the server's response, if it sent one."""
        return self._digests.promised

    def resume_point(self) -> ResumePoint | None:
        """Return the bytes of an earlier run that the journal confirms."""
        journal, point = self._journal, None
        if not journal.is_empty:
            point = journal.resume_point(self.name, self.url, moved=self._moved)
            self.codings = () if point is None else point.codings
        # Otherwise they have a line that holds.
        self._moved = point is not None and point.moved
        return point

    def begin(self, head: ResponseHead, offset: int) -> None:
        """Open the part; ``offset`` 0 empties it. OSError if the file would be too large."""
        self._journal.check_size(head.size)
        self._head = head
        self._digests.begin(head, offset)
        if offset == 0:
            self.codings = head.codings
            self._small = bytearray() if self._has_more_than(head.size) else None
        if self._small is None:
            self._begin(offset)

    def _begin(self, offset: int) -> None:
        if self._descriptor is None:
            self._open(offset)
            self._go_on_in_sequence(offset)
        elif offset == 0:
            os.ftruncate(self._descriptor, 0)
            self._name_in_sequence()
        self._end = 0 if offset == 0 else None
        if offset == 0:
            self._journal.forget(self.name)
            self._journaled = False
        elif not self._seen:
            self._journaled = not self._moved
        self._seen = True

    def _has_more_than(self, size: int | None) -> bool:
        """Return True if a small body would replace more bytes on disk than it has."""
        directory = self._journal.directory
        if size is None or size > _SMALL_BYTES or directory is None:
            return False
        if not self._journal.knows(self.name):
            return False
        there = map(directory.look, (self.name, scattered_name(self.name)))
        return max((found.st_size for found in there if found is not None), default=0) > size

    def _replace(self) -> None:
        """Replace what is on disk by the small body."""
        data, self._small = self._small, None
        if data is not None:
            self._begin(0)
            self._end = None
            self.write(bytes(data), 0)

    def scatter(self) -> None:
        """Expect bytes in any order; only ranges that are reported complete count now."""
        self._replace()
        self._digests.stop()
        self._end = None
        self._note()
        point = self._journal.resume_point(self.name)
        for span in point.finished if point else ():
            self.written(span)
        self._rename(scattered_name(self.name))

    def _open(self, offset: int) -> None:
        """Open the file under the name that it has; an empty one is in sequence."""
        journal = self._journal
        try:
            directory = journal.create_directory()
            self._file = self.name
            if journal.knows(self.name):
                scattered = scattered_name(self.name)
                if directory.look(scattered) is not None:
                    self._file = scattered
            if offset:
                self._descriptor = directory.open(self._file, os.O_RDWR)
            else:
                self._descriptor = directory.create(self._file, os.O_RDWR)
        except FileNotFoundError as error:
            raise self._lost() or error from error
        if offset:
            self._check_reach(self._descriptor, offset)
        else:
            self._name_in_sequence()

    def _go_on_in_sequence(self, offset: int) -> None:
        """Take a scattered part of which only the beginning is there for one in sequence.

        What follows in one stream is not reported range by range.
        """
        journal, descriptor = self._journal, self._descriptor
        if not offset or descriptor is None or self._file == self.name:
            return
        point = journal.resume_point(self.name)
        if point is not None and point.finished == (ByteRange(0, offset - 1),):
            os.ftruncate(descriptor, offset)
            self._name_in_sequence()

    def _lost(self) -> StoreError | None:
        """Return the error for a directory of parts that is gone; None if it is there."""
        return None if self._journal.is_in_place() else self._journal.vanished()

    def _check_reach(self, descriptor: int, offset: int) -> None:
        """Raise OSError if bytes before ``offset`` are missing: there would be a hole."""
        if os.fstat(descriptor).st_size < offset:
            self.close()
            raise FileNotFoundError(errno.ENOENT, "bytes of the part have vanished", self._file)

    def _name_in_sequence(self) -> None:
        """Give the file the name of a part that is in sequence."""
        self._rename(self.name)

    def _rename(self, name: str) -> None:
        """Give the file another name among the parts."""
        if self._file != name:
            directory = self._journal.create_directory()
            directory.rename(self._file, directory, name)
            self._file = name

    def write(self, data: bytes, offset: int, /) -> object:
        """Write ``data`` at ``offset``; OSError if the disk does not take all of it."""
        if self._small is not None:
            self._digests.add((data,), offset)
            self._small[offset:] = data
            return None
        descriptor = self._prepare(offset, offset + len(data))
        self._digests.add((data,), offset)
        write_all(descriptor, data, offset)
        return None

    def write_pieces(self, pieces: Sequence[bytes], offset: int, /) -> object:
        """Write pieces that follow one another at ``offset``, with one system call if possible."""
        if len(pieces) == 1 or self._small is not None:
            return self.write(b"".join(pieces), offset)
        size = sum(map(len, pieces))
        descriptor = self._prepare(offset, offset + size)
        self._digests.add(pieces, offset)
        write_pieces(descriptor, pieces, offset)
        return None

    def _prepare(self, offset: int, end: int) -> int:
        """Write a journal line about the next bytes if they need one; return the descriptor."""
        head, descriptor = self._head, self._descriptor
        if head is None or descriptor is None:
            raise ValueError("write before begin")
        if not self._journaled and (
            head.size is None or end < head.size or self._journal.has_told(self.name)
        ):
            self._note()
        self._end = end if offset == self._end else None
        return descriptor

    def written(self, span: ByteRange) -> None:
        """Write to the journal that a range of a scattered part is complete."""
        if span.last is None:
            return
        if self._journal.fsync and self._descriptor is not None:
            os.fsync(self._descriptor)
        self._journal.add(self._journal.span_entry(self.name, span.first, span.last))

    def read(self, offset: int, most: int) -> bytes:
        """Return up to ``most`` bytes from ``offset`` on."""
        if self._small is not None:
            return bytes(self._small[offset : offset + most])
        if self._descriptor is None:
            raise ValueError("no part to read")
        return read_at(self._descriptor, most, offset)

    def digest(self, algorithm: str, told: Callable[[int], object] | None = None) -> bytes:
        """Return the digest of the whole part; read it if it did not arrive in sequence.

        ``told`` gets the number of bytes of each block that was read.
        """
        if self._small is not None:
            import hashlib

            return hashlib.new(algorithm, self._small).digest()
        descriptor = self._descriptor
        if descriptor is None:
            raise ValueError("no part to digest")
        known = self._digests.get(algorithm, os.fstat(descriptor).st_size)
        if known is not None:
            return known
        with open(descriptor, "rb", closefd=False) as file:
            file.seek(0)
            return digests_of(file, (algorithm,), told)[algorithm]

    def uncode(self, told: Callable[[int], object]) -> None:
        """Replace the bytes by what they are without their codings; see ``PartialFile``.

        They get a file of their own, which nobody takes for the beginning of the coded one.
        """
        from dashget.store.uncoding import decode_file, decode_page

        if self._small is not None:
            self._small, self.codings = decode_page(self._small, self.codings, told), ()
            return
        if self._descriptor is None:
            raise ValueError("no part to decode")
        directory, name = self._journal.create_directory(), decoded_name(self.name)
        made, size = decode_file(
            directory, self._descriptor, name, self.codings, self._digests, told
        )
        with contextlib.suppress(OSError):
            os.close(self._descriptor)
        self._descriptor, self._file, self._end, self.codings = made, name, size, ()

    def finish(self, folder: Folder, name: str) -> None:
        """Close the part and give it its final name; a file of the mirror there is replaced."""
        self._replace()
        if self._descriptor is None:
            raise ValueError("nothing to finish")
        fsync = self._journal.fsync
        try:
            if fsync:
                os.fsync(self._descriptor)
        finally:
            # Before it is renamed: some systems do not rename open files.
            self._close()
        directory = self._journal.create_directory()
        move(directory, self._file, folder, name, fsync=fsync)
        self._journal.forget(self.name)
        if self._file == decoded_name(self.name):
            # The coded bytes have stayed beside it until now.
            self._remove(directory)

    @property
    def size(self) -> int:
        """The size of the part in bytes; 0 if it was never opened.

        The file system is asked only if this process has not written the bytes in sequence.
        """
        if self._small is not None:
            return len(self._small)
        if self._end is not None:
            return self._end
        return 0 if self._descriptor is None else os.fstat(self._descriptor).st_size

    def close(self) -> None:
        """Close the part as it is, for a later run to resume.

        Some file systems (NFS) tell only now that bytes which they had taken are lost. Nobody
        knows which ones: then the part is removed, and the OSError raised.
        """
        self._close()
        if self._file == decoded_name(self.name):
            # Nobody goes on with it, but with the coded bytes.
            self._journal.create_directory().unlink(self._file)
            self._file = ""

    def _close(self) -> None:
        descriptor, self._descriptor = self._descriptor, None
        self._small = None
        if descriptor is None:
            return
        try:
            os.close(descriptor)
        except OSError:
            if self._journaled:
                # If the bytes cannot be removed either, the next run must not believe them.
                about = (self.url, None, None, None, None, None)
                with contextlib.suppress(OSError):
                    self._journal.add(self._journal.part_entry(self.name, self.path, *about))
            self.drop()
            raise

    def park(self) -> None:
        """Close the part as it is while nothing is written."""
        if self._small is None:
            self.close()

    def reopen(self) -> None:
        """Open the part again as it was left."""
        if self._descriptor is None and self._file and self._small is None:
            try:
                directory = self._journal.create_directory()
                self._descriptor = directory.open(self._file, os.O_RDWR)
            except FileNotFoundError as error:
                raise self._lost() or error from error

    def drop(self) -> None:
        """Remove the bytes: they are not what the server meant to send."""
        if self._small is not None:
            self.close()
            return
        descriptor, self._descriptor = self._descriptor, None
        self._journal.forget(self.name)
        with contextlib.suppress(OSError):
            if descriptor is not None:
                os.close(descriptor)
        directory = self._journal.directory
        if directory is not None:
            self._remove(directory)

    def _remove(self, directory: Directory) -> None:
        for name in (self.name, scattered_name(self.name), decoded_name(self.name)):
            directory.unlink(name)

    def _note(self) -> None:
        """Write the journal line that opens this part, unless it is there."""
        head = self._head
        if self._journaled or head is None:
            return
        source = head.asked if head.asked and head.asked != self.url else None
        journal = self._journal
        modified = None if head.validator == head.last_modified else head.last_modified
        date = None if modified is None else head.date
        about = (self.url, source, head.validator, modified, date, head.size, self.codings)
        journal.add(journal.part_entry(self.name, self.path, *about))
        self._journaled = True
