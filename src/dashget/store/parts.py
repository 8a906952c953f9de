"""Unfinished bytes: one part per resource under way, in ``.dashget/parts/`` or without a name.

A part that may have to outlast this run lies under a name of its own, and the journal says
what it belongs to. One that is small and came whole needs no name before its final one.
"""

from __future__ import annotations

import contextlib
import errno
import os
import threading
from collections.abc import Sequence
from typing import Protocol

from dashget.common.byterange import ByteRange
from dashget.common.digests import Digest, find_digest
from dashget.common.oserrors import is_disk_failure
from dashget.store.journal import OPEN_FILES, Journal, part_name, scattered_name
from dashget.store.moving import move
from dashget.transfer.contract import ResponseHead, ResumePoint

_OF_THIS_FOLDER = (errno.ENOENT, errno.EXDEV)
"""Errors that say nothing of links in other folders; one may be on another file system."""
_GO_ON_FLAGS = os.O_RDWR | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)
_OPEN_FLAGS = _GO_ON_FLAGS | os.O_CREAT


_PIECES_AT_MOST = 1024
"""IOV_MAX of Linux, macOS and the BSDs: more is EINVAL."""


class _Hasher(Protocol):
    @property
    def name(self) -> str: ...
    def update(self, data: bytes, /) -> None: ...
    def digest(self) -> bytes: ...


class Part:
    """The unfinished bytes of one file of the mirror: the engine's ``Sink``.

    ``path`` is the final path in the mirror, ``url`` the URL that was planned first for it.
    Lines go to the journal only when a write does not complete the resource. ``checksum``
    is computed while the bytes pass, and so is whatever the server sends a digest for; only
    of bytes that arrive out of order, or came in an earlier run, is it computed by reading
    them again.
    """

    __slots__ = (
        "_algorithms", "_descriptor", "_end", "_file", "_hashed", "_hashers", "_head",
        "_journal", "_journaled", "_name", "_seen", "path", "promised", "url",
    )  # fmt: skip

    def __init__(self, journal: Journal, path: str, url: str, checksum: str | None = None) -> None:
        self.path = path
        self.url = url
        self.promised: Digest | None = None
        """What the server says the whole resource's digest is."""
        self._algorithms = (checksum,) if checksum else ()
        self._hashers: list[_Hasher] | None = None
        self._hashed = 0
        self._end: int | None = None
        """How far the bytes go, if they were all written in sequence by this process."""
        self._name = ""
        self._file = ""
        """Where the bytes are; empty while that is nowhere, or in a file without a name."""
        self._journal = journal
        self._journaled = False
        self._seen = False
        self._descriptor: int | None = None
        self._head: ResponseHead | None = None

    @property
    def name(self) -> str:
        """The part's own name: worked out only for those that need one."""
        if not self._name:
            self._name = part_name(self.path)
        return self._name

    def resume_point(self) -> ResumePoint | None:
        """Return what an earlier run left, if it can be trusted."""
        journal = self._journal
        return None if journal.is_empty else journal.resume_point(self.name, self.url)

    def put(self, head: ResponseHead, pieces: Sequence[bytes]) -> None:
        """Take a whole resource in one go, in place of ``begin`` and ``write``."""
        journal = self._journal
        descriptor = None
        if self._descriptor is None and (journal.is_empty or not journal.knows(self.name)):
            descriptor = journal.open_unnamed()
        if descriptor is None:
            self.begin(head, 0)
            self.write_pieces(pieces, 0)
            return
        self._descriptor, self._head, self.promised = descriptor, head, None
        if self._algorithms or head.digests:
            self._prepare_hashes(head, 0)
            if self._hashers is not None:
                self._hash(self._hashers, pieces, 0)
        self._end = write_pieces(descriptor, pieces, 0)

    def take(self, descriptor: int, size: int) -> None:
        """Take over a file without a name that holds the whole resource."""
        self._descriptor, self._end = descriptor, size

    def begin(self, head: ResponseHead, offset: int) -> None:
        """Open the part; ``offset`` 0 empties it."""
        self._head = head
        self.promised = None
        if self._algorithms or head.digests:
            self._prepare_hashes(head, offset)
        if not self._file:
            # What was put before has no place where it could be gone on with.
            self.close()
        if self._descriptor is None:
            self._open(offset)
        elif offset == 0:
            os.ftruncate(self._descriptor, 0)
            self._gather()
        self._end = 0 if offset == 0 else None
        if offset == 0:
            self._journal.forget(self.name)
            self._journaled = False
        elif not self._seen:
            self._journaled = True
        self._seen = True

    def scatter(self) -> None:
        """Count only ranges that are reported whole from now on."""
        self._hashers = None
        self._end = None
        self._note()
        point = self._journal.resume_point(self.name)
        for span in point.finished if point else ():
            self.written(span)
        target = self._journal.prefix + scattered_name(self.name)
        if self._file != target:
            os.replace(self._file, target)
            self._file = target

    def _open(self, offset: int) -> None:
        """Open the file, under the name that it has; an empty one begins in sequence."""
        journal = self._journal
        try:
            journal.create_directory()
        except FileNotFoundError as error:
            raise journal.vanished() from error
        self._file = journal.prefix + self.name
        if journal.knows(self.name):
            scattered = journal.prefix + scattered_name(self.name)
            if os.path.exists(scattered):
                self._file = scattered
        if offset:
            self._descriptor = self._open_file(_GO_ON_FLAGS)
            self._check_reach(self._descriptor, offset)
        else:
            self._descriptor = self._open_file(_OPEN_FLAGS | os.O_TRUNC)
            self._gather()

    def _open_file(self, flags: int) -> int:
        try:
            return os.open(self._file, flags, 0o666)
        except FileNotFoundError as error:
            if self._journal.directory.is_dir():
                raise
            raise self._journal.vanished() from error

    def _check_reach(self, descriptor: int, offset: int) -> None:
        """Raise OSError where bytes before ``offset`` are gone: there would be a hole."""
        if os.fstat(descriptor).st_size < offset:
            self.close()
            raise FileNotFoundError(errno.ENOENT, "bytes of the part have vanished", self._file)

    def _gather(self) -> None:
        """Go back to the name of a part whose bytes come in sequence."""
        plain = self._journal.prefix + self.name
        if self._file != plain:
            os.replace(self._file, plain)
            self._file = plain

    def write(self, data: bytes, offset: int, /) -> object:
        """Put ``data`` at ``offset``; OSError if the disk does not take all of it."""
        descriptor = self._prepare(offset, offset + len(data))
        if self._hashers is not None:
            self._hash(self._hashers, (data,), offset)
        _write_all(descriptor, data, offset)
        return None

    def write_pieces(self, pieces: Sequence[bytes], offset: int, /) -> object:
        """Put pieces that follow one another at ``offset``, with one call where possible."""
        if len(pieces) == 1:
            return self.write(pieces[0], offset)
        size = sum(map(len, pieces))
        descriptor = self._prepare(offset, offset + size)
        if self._hashers is not None:
            self._hash(self._hashers, pieces, offset)
        write_pieces(descriptor, pieces, offset)
        return None

    def _prepare(self, offset: int, end: int) -> int:
        """Note what the coming bytes belong to, if need be; return where to write them."""
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
        """Note that a range of a scattered part is whole."""
        if span.last is None:
            return
        if self._journal.fsync and self._descriptor is not None:
            os.fsync(self._descriptor)
        self._journal.add(self._journal.span_entry(self.name, span.first, span.last))

    def beginning(self, most: int) -> bytes:
        """Return the first bytes, up to ``most`` of them."""
        if self._descriptor is None:
            raise ValueError("no part to read")
        return _pread(self._descriptor, most, 0)

    def digest(self, algorithm: str) -> bytes:
        """Return the digest of the whole part; reads it where it did not come in one go."""
        descriptor = self._descriptor
        if descriptor is None:
            raise ValueError("no part to digest")
        for hasher in self._hashers or ():
            if hasher.name == algorithm and self._hashed == os.fstat(descriptor).st_size:
                return hasher.digest()
        import hashlib

        with open(descriptor, "rb", closefd=False) as file:
            file.seek(0)
            return hashlib.file_digest(file, algorithm).digest()

    def finish(self, *, fsync: bool = False) -> None:
        """Close, and give the bytes their final name; a file that has it goes."""
        if self._descriptor is None:
            raise ValueError("nothing to finish")
        linked = False
        try:
            if fsync:
                os.fsync(self._descriptor)
            if not self._file:
                linked = self._link(self._descriptor, fsync=fsync)
        finally:
            # Before it is renamed: some systems rename no open file.
            self.close()
        if not linked:
            move(self._file, self._journal.root_prefix + self.path, fsync=fsync)
        if self._name:
            self._journal.forget(self._name)

    def _link(self, descriptor: int, *, fsync: bool) -> bool:
        """Name a file that has no name yet; False if it has only got its part's name."""
        source = f"{OPEN_FILES}/{descriptor}"
        root = self._journal.root
        if root is None:
            self._copy(descriptor, fsync=fsync)
            return False
        try:
            # Only with a directory does Python have the link follow to the file itself.
            os.link(source, self.path, dst_dir_fd=root)
        except FileExistsError:
            self._take_file()
            os.link(source, os.path.abspath(self._file), dst_dir_fd=root)
            return False
        except OSError as error:
            if is_disk_failure(error):
                raise
            if error.errno not in _OF_THIS_FOLDER:
                self._journal.name_all()
            self._copy(descriptor, fsync=fsync)
            return False
        return True

    def _take_file(self) -> None:
        """Give the part its place in the directory of parts; whatever is there goes."""
        self._journal.create_directory()
        self._file = self._journal.prefix + self.name
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self._file)

    def _copy(self, descriptor: int, *, fsync: bool) -> None:
        """Write what is in a file without a name, where that cannot get one, to one that has."""
        self._take_file()
        self._descriptor = os.open(self._file, _OPEN_FLAGS, 0o666)
        try:
            _write_all(self._descriptor, _pread(descriptor, self.size, 0), 0)
            if fsync:
                os.fsync(self._descriptor)
        finally:
            os.close(descriptor)

    @property
    def size(self) -> int:
        """The size of the part in bytes; 0 if it was never opened.

        Of bytes that this process has written one after the other the size is known; of
        any others the file system is asked.
        """
        if self._end is not None:
            return self._end
        return 0 if self._descriptor is None else os.fstat(self._descriptor).st_size

    def close(self) -> None:
        """Close the part as it is, for a later run to go on with."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def park(self) -> None:
        """Close the part as it is, while nothing is written; its bytes have a name."""
        if self._file:
            self.close()

    def reopen(self) -> None:
        """Open the part again as it was left."""
        if self._descriptor is None and self._file:
            self._descriptor = self._open_file(_GO_ON_FLAGS)

    def drop(self) -> None:
        """Throw the bytes away: they are not what the server meant to send."""
        self.close()
        self._journal.forget(self.name)
        for name in (self.name, scattered_name(self.name)):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(self._journal.prefix + name)

    def _prepare_hashes(self, head: ResponseHead, offset: int) -> None:
        self.promised = find_digest(head.digests, status=head.status) if head.digests else None
        if offset == 0:
            import hashlib

            wanted = {*self._algorithms, *([self.promised.algorithm] if self.promised else ())}
            self._hashers = [hashlib.new(name) for name in sorted(wanted)] if wanted else None
            self._hashed = 0
        elif offset != self._hashed:
            self._hashers = None

    def _hash(self, hashers: list[_Hasher], pieces: Sequence[bytes], offset: int) -> None:
        if offset != self._hashed:
            self._hashers = None
            return
        for piece in pieces:
            for hasher in hashers:
                hasher.update(piece)
            self._hashed += len(piece)

    def _note(self) -> None:
        """Write the journal line that says what the coming bytes belong to."""
        head = self._head
        if self._journaled or head is None:
            return
        source = head.asked if head.asked and head.asked != self.url else None
        journal = self._journal
        about = (self.url, source, head.validator, head.size)
        journal.add(journal.part_entry(self.name, self.path, *about))
        self._journaled = True


def _seek_and_write(descriptor: int, data: bytes, offset: int, /) -> int:
    with _SEEK_LOCK:
        os.lseek(descriptor, offset, os.SEEK_SET)
        return os.write(descriptor, data)


def _seek_and_read(descriptor: int, most: int, offset: int, /) -> bytes:
    with _SEEK_LOCK:
        os.lseek(descriptor, offset, os.SEEK_SET)
        return os.read(descriptor, most)


def write_pieces(descriptor: int, pieces: Sequence[bytes], offset: int) -> int:
    """Write pieces that follow one another; return how many bytes they are."""
    size = sum(map(len, pieces))
    if len(pieces) > _PIECES_AT_MOST:
        pieces = [b"".join(pieces)]
    done = _pwritev(descriptor, pieces, offset) if size else 0
    if done < size:
        _write_all(descriptor, b"".join(pieces)[done:], offset + done)
    return size


def _write_all(descriptor: int, data: bytes, offset: int) -> None:
    done = _pwrite(descriptor, data, offset)
    while done < len(data):
        done += _pwrite(descriptor, data[done:], offset + done)


def _join_and_write(descriptor: int, pieces: Sequence[bytes], offset: int, /) -> int:
    return _pwrite(descriptor, b"".join(pieces), offset)


_SEEK_LOCK = threading.Lock()
_pread = getattr(os, "pread", _seek_and_read)
_pwrite = getattr(os, "pwrite", _seek_and_write)
_pwritev = getattr(os, "pwritev", _join_and_write)
