"""The few things that a mirror needs of the place where it is stored.

``Mirror`` knows what the files mean (record, manifest, presence); a ``Backend`` stores bytes
under paths. ``local`` is the one for directories. A path is relative, with ``/`` between its
names, and safe (``planning.layout``); paths below ``.dashget/`` are the mirror's own.

**Unfinished bytes.** A place that can keep them for a later run returns ``Parts`` from
``open_parts``. A place that cannot returns None: then unfinished files stay in memory, large
ones in temporary files (``held``), and an interrupted file starts again in the next run.

**Pending files.** ``upload`` and ``Parts.publish`` may return a ``Future``: the place has been
given the file and has not answered yet. Its outcome is reported, and its line written to the
record, only after the answer. A local directory answers at once and returns None. Every
``Future`` must get an answer: a backend that talks to a network needs a timeout of its own. It
also repeats failed requests by itself; ``RefusedError`` tells what is left of them: a
temporary refusal has the file fetched again at the end of the run, a permanent one fails the
file, and an error number of a full or broken disk (ENOSPC and its like) ends the run.

**Locks and memory.** ``upload`` and ``publish`` are called with the engine's lock held: no
transfer goes on before they return. They hand the file to another thread, and return at once. A
run hands over 64 files at most before it waits for an answer; each of 4 MiB at most is in
memory, a larger one in a temporary file. So pending files take 256 MiB at most.

**Errors.** All methods may raise OSError and nothing else, except where they say so. A backend
translates the errors of its library: anything else ends the run as an error of the program.

**An object store** (S3 and its like) fits behind this protocol as follows.

- ``upload``: PutObject, or a multipart upload for large files, in a pool of threads. An upload
  that is not completed leaves no object, so a name always stands for a whole file. A multipart
  upload that fails is aborted (AbortMultipartUpload), also by ``release``: its parts cost money.
- ``put_if_absent``: PutObject with ``If-None-Match: *``.
- ``claim``: ``put_if_absent`` of a small object that names the process, renewed every minute;
  one that was not renewed for several minutes may be replaced (``If-Match`` with its ETag). The
  holder's text fills the ``InUseError``. A process whose renewal finds another holder has lost
  its claim: everything that writes raises OSError from then on, and ``check_present``, which is
  called after each refused file and at the end, raises the StoreError that ends the run.
- ``stat``, ``names``, ``is_blank``, ``iter_files``: one ListObjectsV2 for the whole prefix at
  the first question, kept up to date by what this run puts and deletes. ``is_blank`` is called
  before ``claim``, and a read-only mirror never claims: the listing is made again after ``claim``,
  since another process may have written in between. The claim makes sure that nobody else does
  from then on. A listing has names and sizes, so no file costs a request of its own.
- ``open``: a seekable reader with read-ahead (a few MiB); each refill is one ranged GetObject.
- ``move``: CopyObject (for more than 5 GB: UploadPartCopy) and DeleteObject. It need not be
  atomic: it is only used to set aside files that no run has recorded, and a kill in between
  leaves two copies.
- ``append``: objects cannot grow. Lines are collected and put as numbered objects
  (``.dashget/record/000042.jsonl``) every few seconds and at ``release``; ``open_record`` joins
  them. Lines that were lost with the process cost one HEAD request for each file in the next
  run, as after a kill between the rename and the record line of a local mirror.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, BinaryIO, NamedTuple, Protocol

from dashget.common.digests import Digest
from dashget.transfer.contract import ResponseHead, Sink

if TYPE_CHECKING:
    from concurrent.futures import Future


class StoredFile(NamedTuple):
    """One file of a listing. ``size_bytes`` is None if the place cannot tell it."""

    path: str
    size_bytes: int | None


class Unfinished(Protocol):
    """All bytes of one file, before the file has its name in the mirror."""

    @property
    def path(self) -> str:
        """The path that the file is going to have."""
        ...

    @property
    def size(self) -> int:
        """How many bytes are stored."""
        ...

    def close(self) -> None:
        """Let go of the bytes; a place that keeps unfinished files keeps them."""
        ...

    def drop(self) -> None:
        """Remove the bytes: they are not what the server meant to send."""
        ...


class PartialFile(Unfinished, Sink, Protocol):
    """A file whose bytes arrive in several steps: the engine writes to it.

    Its digests are computed while the bytes arrive in sequence, else by reading them again.
    """

    @property
    def promised(self) -> Digest | None:
        """The digest of the whole file according to the server's response, if it sent one."""
        ...

    @property
    def codings(self) -> tuple[str, ...]:
        """The content codings of the bytes, in the order of their application."""
        ...

    def uncode(self, told: Callable[[int], object]) -> None:
        """Replace the bytes, all of which are here, by what they are without their codings.

        What the server sent stays until the file has its name: if it gets none, a later run has
        that to go on from. ``told`` gets how many bytes there will be, before more are stored, and
        may raise to end that. Raises CodingError.
        """
        ...

    def read(self, offset: int, most: int) -> bytes:
        """Return up to ``most`` bytes from ``offset`` on."""
        ...

    def digest(self, algorithm: str, told: Callable[[int], object] | None = None) -> bytes:
        """Return the digest of all bytes.

        If they have to be read, ``told`` gets the size of each block, and may raise to end that.
        """
        ...


class Parts(Protocol):
    """The unfinished files of one place."""

    def receive(
        self, path: str, url: str, head: ResponseHead, pieces: Sequence[bytes]
    ) -> Unfinished:
        """Store a whole file without giving it its name.

        Only for files of which nothing is there yet. May be called by several threads.
        """
        ...

    def part(
        self, path: str, url: str, checksum: str | None, *, moved: bool = False
    ) -> PartialFile:
        """Return the unfinished file of a path, with what an earlier run left of it.

        ``checksum`` is an algorithm whose digest is going to be wanted. With ``moved``, bytes from
        another URL count as well.
        """
        ...

    def publish(self, file: Unfinished) -> Future[None] | None:
        """Give a complete file its name; whatever has the name is replaced.

        A Future is pending until the place has answered; None means that the file is there.
        """
        ...

    def has(self, path: str) -> bool:
        """Return True if bytes of an unfinished file are there."""
        ...

    def kept(self) -> tuple[int, int]:
        """Return how many files the next run can resume, and their bytes on hand."""
        ...

    def close(self, *, sync: bool = True) -> None:
        """Stop using the parts. With ``sync`` they survive a restart of the system."""
        ...


class Backend(Protocol):
    """A place for one mirror. All methods may raise OSError; nothing else unless they say so."""

    @property
    def name(self) -> str:
        """The name of the place in messages."""
        ...

    @property
    def name_bytes(self) -> int:
        """The longest name of a file or folder in the place, 255 bytes at most."""
        ...

    @property
    def largest_bytes(self) -> int | None:
        """The size of the largest file that the place can hold; None: no known limit.

        Asked after ``claim``.
        """
        ...

    def locate(self, path: str) -> str:
        """Return the name of a file of the mirror in messages."""
        ...

    def claim(self, since: str) -> None:
        """Take the place for this process, and make it if it is missing.

        ``since`` is the current time, for others to read. Raises InUseError if another
        process holds the place.
        """
        ...

    def release(self) -> None:
        """Give the place back, with the record complete in it."""
        ...

    def check_present(self) -> None:
        """Raise StoreError if the place has vanished since it was claimed."""
        ...

    def is_blank(self) -> bool:
        """Return True if the place is empty or missing."""
        ...

    def stat(self, path: str) -> int | None:
        """Return the size of a file, None if there is none.

        Raises IsADirectoryError if something other than a regular file has the name: an
        ``OccupiedError``, where it may be something else than a directory.
        """
        ...

    def names(self, folder: str, most: int) -> frozenset[str] | None:
        """Return the names of the files and subfolders directly in a folder.

        None if there are more than ``most``, or if they cannot be read; nothing for a folder that
        is missing.
        """
        ...

    def iter_files(self, folder: str = "") -> Iterator[StoredFile]:
        """Yield every file below a folder, ``.dashget/`` excepted unless it is that folder."""
        ...

    def open(self, path: str) -> BinaryIO:
        """Open a regular file to read it, seekable; FileNotFoundError if it is missing.

        Readers of media files skip what they do not need: a request for each few bytes is slow.
        """
        ...

    def is_same(self, path: str, other: str) -> bool:
        """Return True if two paths lead to one and the same file."""
        ...

    def put(self, path: str, data: bytes) -> None:
        """Store a small file, whole or not at all; whatever has its name is replaced."""
        ...

    def put_if_absent(self, path: str, data: bytes) -> bool:
        """Store a small file unless something has its name; return True if it was stored."""
        ...

    def upload(
        self, path: str, source: BinaryIO, size: int, content_type: str | None = None
    ) -> Future[None] | None:
        """Store a file of any size, whole or not at all; see ``Parts.publish``.

        ``source`` is read from its current position and left open for the backend to close.
        ``content_type`` is that of the server's response, for places that serve files themselves.
        Called with the engine's lock held: it must return at once.
        """
        ...

    def move(self, path: str, target: str) -> None:
        """Give a file another name, in a folder that may be missing; a file there is replaced."""
        ...

    def set_modified(self, path: str, seconds: int) -> None:
        """Give a file a modification time, since 1970; a place that keeps none does nothing."""
        ...

    def delete(self, path: str) -> None:
        """Remove a file, and folders that become empty; a missing file is no error."""
        ...

    def is_outside(self, path: str) -> bool:
        """Return True if a file is not in the place itself, but behind a link that leads out.

        Such a file is never replaced, moved or removed.
        """
        ...

    def append(self, line: bytes) -> None:
        """Add a line to the record. ``open_record`` sees it from now on."""
        ...

    def open_record(self) -> BinaryIO | None:
        """Open the record to read it, seekable; None if there is none.

        A reader sees every line that was appended before it was opened, also those that
        are still being collected; it need not see lines that are appended later. A byte never
        changes its offset: later readers find a line again by the offset of its first byte.
        """
        ...

    def append_to(self, name: str, data: bytes) -> None:
        """Add bytes to the end of a file in the control directory, which ``open`` sees."""
        ...

    def open_parts(self) -> Parts | None:
        """Return the unfinished files; None if the place cannot keep any."""
        ...

    def leftover_parts(self) -> tuple[str, ...]:
        """Return the paths of unfinished files; needs no claim."""
        ...
