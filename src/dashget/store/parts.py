"""Unfinished bytes: ``.dashget/parts/``, one file per resource under way, and a journal.

The journal says under which validator and size the bytes of a part came, and which ranges
of a scattered part are whole. Without it a part is worthless after a crash, since nobody
could say which version of the resource it belongs to. A small file that arrives in one
piece never enters the journal. Entries are written before the bytes that they speak of.
"""

from __future__ import annotations

import contextlib
import copy
import hashlib
import os
import threading
import zlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Protocol

import msgspec

from dashget.byterange import ByteRange
from dashget.digests import Digest, find_digest
from dashget.errors import StoreError
from dashget.store.record import write_whole
from dashget.transfer.request import ResponseHead, ResumePoint

_JOURNAL_NAME = "journal.jsonl"
_SCATTERED = ".ranges"
_OPEN_FLAGS = os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)


class PartEntry(msgspec.Struct, omit_defaults=True):
    """One line of the journal.

    A line with ``path`` opens a part (and forgets what was there under its name); ``span``
    lists a range of a scattered part that is whole. Whether a part is scattered is told by
    the name of its file, so that no lost line can make its holes look like bytes.
    """

    part: str
    path: str | None = None
    url: str | None = None
    validator: str | None = None
    size: int | None = None
    span: tuple[int, int] | None = None
    boot: str | None = None
    """The start of the system in which a span was written, unless it was synced: what the
    disk had not taken when the power failed is not there, whatever was noted."""
    crc: int | None = None
    """CRC-32 of the line without it: a damaged line must not vouch for anything."""


class _State(msgspec.Struct):
    url: str | None
    validator: str | None
    size: int | None
    spans: list[tuple[int, int]] = []


class Journal:
    """What is known about the parts of one mirror. Thread-safe."""

    def __init__(self, directory: Path, *, fsync: bool = False) -> None:
        self.directory = directory
        self.fsync = fsync
        self._boot = _boot_id()
        self.prefix = os.path.join(directory, "")
        self._path = directory / _JOURNAL_NAME
        self._lock = threading.Lock()
        self._descriptor: int | None = None
        self._encoder = msgspec.json.Encoder()
        self._states: dict[str, _State] = {}
        self._created = False
        self._load()

    def resume_point(self, part: str, url: str | None = None) -> ResumePoint | None:
        """Return what is on disk of a part, as far as the journal vouches for it.

        A validator only means something for the URL that it came from: with ``url``,
        bytes from another one do not count.
        """
        state = self._states.get(part)
        if state is None or state.validator is None or url not in (None, state.url):
            return None
        scattered = os.path.exists(self.prefix + scattered_name(part))
        try:
            name = scattered_name(part) if scattered else part
            on_disk = os.stat(self.prefix + name).st_size
        except OSError:
            return None
        spans = state.spans if scattered else [(0, on_disk - 1)]
        finished = _merged((first, min(last, on_disk - 1)) for first, last in spans)
        if not finished:
            return None
        return ResumePoint(finished, state.size, state.validator)

    def knows(self, part: str) -> bool:
        """Whether an earlier run left something of a part."""
        return part in self._states

    def forget(self, part: str) -> None:
        """Stop vouching for what an earlier run left of a part."""
        self._states.pop(part, None)

    def add(self, entry: PartEntry) -> None:
        """Append an entry, with one write."""
        line = self._line(entry)
        with self._lock:
            if self._descriptor is None:
                self.create_directory()
                flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
                self._descriptor = os.open(self._path, flags, 0o666)
            write_whole(self._descriptor, line)

    def span_entry(self, part: str, first: int, last: int) -> PartEntry:
        """Make the line for a range that is whole."""
        return PartEntry(part, span=(first, last), boot=None if self.fsync else self._boot)

    def create_directory(self) -> None:
        """Make the directory of parts, once; never the mirror that it belongs to."""
        if not self._created:
            self.directory.mkdir(exist_ok=True)
            self._created = True

    def _line(self, entry: PartEntry) -> bytes:
        entry.crc = None
        entry.crc = zlib.crc32(self._encoder.encode(entry))
        return self._encoder.encode(entry) + b"\n"

    def close(self) -> None:
        """Close; leave nothing behind where no part is left."""
        with self._lock:
            if self._descriptor is not None:
                os.close(self._descriptor)
                self._descriptor = None
        if not self.directory.is_dir():
            return
        with contextlib.suppress(OSError):
            if os.listdir(self.directory) in ([], [self._path.name]):
                self._path.unlink(missing_ok=True)
                self.directory.rmdir()

    def _load(self) -> None:
        """Read the journal, drop parts that it does not vouch for, and rewrite it short."""
        if not self.directory.is_dir():
            return
        decoder = msgspec.json.Decoder(PartEntry)
        paths: dict[str, str] = {}
        try:
            lines = self._path.read_bytes().splitlines()
        except FileNotFoundError:
            lines = []
        for line in lines:
            try:
                entry = decoder.decode(line)
            except (msgspec.DecodeError, UnicodeDecodeError):
                continue
            if self._line(copy.copy(entry)) == line + b"\n":
                self._apply(entry, paths)
        for name in os.listdir(self.directory):
            part = name.removesuffix(_SCATTERED)
            if name != self._path.name and self.resume_point(part) is None:
                (self.directory / name).unlink()
                self._states.pop(part, None)
        self._compact(paths)

    def _apply(self, entry: PartEntry, paths: dict[str, str]) -> None:
        if entry.boot not in (None, self._boot):
            return
        if entry.path is not None:
            paths[entry.part] = entry.path
            self._states[entry.part] = _State(entry.url, entry.validator, entry.size)
        state = self._states.get(entry.part)
        if state is None:
            return
        if entry.span is not None:
            state.spans.append(entry.span)

    def _compact(self, paths: dict[str, str]) -> None:
        lines = []
        for part, state in list(self._states.items()):
            point = self.resume_point(part)
            if point is None:
                del self._states[part]
                continue
            lines.append(PartEntry(part, paths[part], state.url, state.validator, state.size))
            if state.spans:
                lines += [self.span_entry(part, r.first, r.last or 0) for r in point.finished]
        fresh = self._path.with_suffix(".new")
        fresh.write_bytes(b"".join(self._line(line) for line in lines))
        fresh.replace(self._path)


class _Hasher(Protocol):
    @property
    def name(self) -> str: ...
    def update(self, data: bytes, /) -> None: ...
    def digest(self) -> bytes: ...


class Part:
    """The unfinished bytes of one file of the mirror: the engine's ``Sink``.

    ``path`` is the final path in the mirror, ``url`` the URL that was planned first for it,
    ``name`` the part's own. Lines go to the
    journal only when a write does not complete the resource. ``checksum`` is computed while
    the bytes pass, and so is whatever the server sends a digest for; only of bytes that
    arrive out of order, or came in an earlier run, is it computed by reading them again.
    """

    __slots__ = (
        "_algorithms",
        "_descriptor",
        "_end",
        "_hashed",
        "_hashers",
        "_head",
        "_journal",
        "_journaled",
        "_seen",
        "file",
        "name",
        "path",
        "promised",
        "url",
    )

    def __init__(self, journal: Journal, path: str, url: str, checksum: str | None = None) -> None:
        self.path = path
        self.url = url
        self.promised: Digest | None = None
        """What the server says the whole resource's digest is."""
        self._algorithms = {checksum} if checksum else set()
        self._hashers: list[_Hasher] | None = None
        self._hashed = 0
        self._end: int | None = None
        """How far the bytes go, if they were all written in sequence by this process."""
        self.name = part_name(path)
        self.file = journal.prefix + self.name
        self._journal = journal
        self._journaled = False
        self._seen = False
        self._descriptor: int | None = None
        self._head: ResponseHead | None = None

    def resume_point(self) -> ResumePoint | None:
        """Return what an earlier run left, if it can be trusted."""
        return self._journal.resume_point(self.name, self.url)

    def begin(self, head: ResponseHead, offset: int) -> None:
        """Open the part; ``offset`` 0 empties it."""
        self._head = head
        self.promised = None
        if self._algorithms or head.digests:
            self._prepare_hashes(head, offset)
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
        if self.file != target:
            os.replace(self.file, target)
            self.file = target

    def _open(self, offset: int) -> None:
        """Open the file, under the name that it has; an empty one begins in sequence."""
        try:
            self._journal.create_directory()
            scattered = self._journal.prefix + scattered_name(self.name)
            if self._journal.knows(self.name) and os.path.exists(scattered):
                self.file = scattered
            flags = _OPEN_FLAGS | (os.O_TRUNC if offset == 0 else 0)
            self._descriptor = os.open(self.file, flags, 0o666)
        except FileNotFoundError as error:
            raise StoreError(
                f"{self._journal.directory.parent.parent} has vanished or was moved",
                hint="nothing more can be stored there; the same command begins anew",
            ) from error
        if offset == 0:
            self._gather()

    def _gather(self) -> None:
        """Go back to the name of a part whose bytes come in sequence."""
        plain = self._journal.prefix + self.name
        if self.file != plain:
            os.replace(self.file, plain)
            self.file = plain

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
        done = _pwritev(descriptor, pieces, offset)
        if done < size:
            _write_all(descriptor, b"".join(pieces)[done:], offset + done)
        return None

    def _prepare(self, offset: int, end: int) -> int:
        """Note what the coming bytes belong to, if need be; return where to write them."""
        head, descriptor = self._head, self._descriptor
        if head is None or descriptor is None:
            raise ValueError("write before begin")
        if not self._journaled and (head.size is None or end < head.size):
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

    def digest(self, algorithm: str) -> bytes:
        """Return the digest of the whole part; reads it where it did not come in one go."""
        descriptor = self._descriptor
        if descriptor is None:
            raise ValueError("no part to digest")
        for hasher in self._hashers or ():
            if hasher.name == algorithm and self._hashed == os.fstat(descriptor).st_size:
                return hasher.digest()
        with open(self.file, "rb") as file:
            return hashlib.file_digest(file, algorithm).digest()

    def close(self, *, fsync: bool = False) -> int:
        """Close the part and return its size in bytes; 0 if it was never opened.

        Of bytes that this process has written one after the other the size is known; of
        any others the file system is asked.
        """
        if self._descriptor is None:
            return 0
        try:
            if fsync:
                os.fsync(self._descriptor)
            return os.fstat(self._descriptor).st_size if self._end is None else self._end
        finally:
            os.close(self._descriptor)
            self._descriptor = None

    def _prepare_hashes(self, head: ResponseHead, offset: int) -> None:
        self.promised = find_digest(head.digests, status=head.status) if head.digests else None
        if offset == 0:
            wanted = self._algorithms | ({self.promised.algorithm} if self.promised else set())
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
        self._journaled = True
        self._journal.add(PartEntry(self.name, self.path, self.url, head.validator, head.size))


def read_part_paths(directory: Path) -> tuple[str, ...]:
    """Return the final paths of the parts in a directory, as far as the journal knows them."""
    if not directory.is_dir():
        return ()
    decoder = msgspec.json.Decoder(PartEntry)
    names = {name.removesuffix(_SCATTERED) for name in os.listdir(directory)}
    paths: dict[str, str] = {}
    with contextlib.suppress(FileNotFoundError):
        for line in (directory / _JOURNAL_NAME).read_bytes().splitlines():
            with contextlib.suppress(msgspec.DecodeError, UnicodeDecodeError):
                entry = decoder.decode(line)
                if entry.path is not None and entry.part in names:
                    paths[entry.part] = entry.path
    unknown = names - paths.keys() - {_JOURNAL_NAME}
    return tuple(sorted({*paths.values(), *unknown}))


def scattered_name(part: str) -> str:
    """Return the name of a part's file once its bytes come in any order."""
    return part + _SCATTERED


def part_name(path: str) -> str:
    """Return the flat name of the part of a path: a hash, since paths can be long."""
    return hashlib.blake2b(path.encode(), digest_size=16).hexdigest() + ".part"


def _boot_id() -> str:
    """Name this start of the system; systems that do not tell have but one."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""


def _merged(spans: Iterable[tuple[int, int]]) -> tuple[ByteRange, ...]:
    """Sort and join spans; empty ones vanish."""
    merged: list[tuple[int, int]] = []
    for first, last in sorted(spans):
        if last < first:
            continue
        if merged and first <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(merged[-1][1], last))
        else:
            merged.append((first, last))
    return tuple(ByteRange(first, last) for first, last in merged)


def _seek_and_write(descriptor: int, data: bytes, offset: int, /) -> int:
    with _SEEK_LOCK:
        os.lseek(descriptor, offset, os.SEEK_SET)
        return os.write(descriptor, data)


def _write_all(descriptor: int, data: bytes, offset: int) -> None:
    done = _pwrite(descriptor, data, offset)
    while done < len(data):
        done += _pwrite(descriptor, data[done:], offset + done)


def _join_and_write(descriptor: int, pieces: Sequence[bytes], offset: int, /) -> int:
    return _pwrite(descriptor, b"".join(pieces), offset)


_SEEK_LOCK = threading.Lock()
_pwrite = getattr(os, "pwrite", _seek_and_write)
_pwritev = getattr(os, "pwritev", _join_and_write)
