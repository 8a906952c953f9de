"""``.dashget/record.jsonl``: one JSON line per fact, only ever appended to.

The first line is the ``Header``, and another one follows whenever it changes; then a
``FileRecord`` for each finished file, the last one of a path being the valid one. A line that
is torn or garbled costs that line alone: its file counts as not recorded, and is compared with
the server before it is believed.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Final

import msgspec

from dashget.common.compactmap import CompactMap
from dashget.errors import StoreError
from dashget.planning.layout import is_safe_path

RECORD_VERSION: Final = 1
_LARGEST: Final = (1 << 63) - 1
"""No file is larger, on any system."""
_BLOCK: Final = 1 << 20
_HEADER: Final = b'{"dashget"'
"""How the line of a header begins, as this program writes it."""


class Header(msgspec.Struct, frozen=True, omit_defaults=True):
    """Whose mirror this is, and what was planned last. Written again whenever it changes."""

    dashget: int
    """The version of the record's form."""
    source: str
    """The URL (or local path) that the user gave, without credentials."""
    url: str
    """The URL that the MPD came from in the end; the base of its relative URLs."""
    manifest: str
    """The MPD's path in the mirror."""
    tool: str = ""
    time: str = ""
    selection: dict[str, str] = {}
    now: str | None = None
    """The wall-clock time that a live presentation was planned for: RFC 3339."""


class FileRecord(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """A finished file: what it is, and how it came."""

    path: str
    url: str
    size: int
    final_url: str | None = None
    """Where redirects led, if anywhere else."""
    etag: str | None = None
    last_modified: str | None = None
    sha256: str | None = None
    time: str | None = None
    """When the file was finished: RFC 3339, UTC."""
    status: int | None = None
    http: str | None = None
    attempts: int = 1
    remote: str | None = None
    first_byte_seconds: float | None = None
    seconds: float | None = None
    cache: dict[str, str] = {}
    adopted: bool = False
    """Found on disk; the server's size agreed."""
    removed: bool = False
    """The file was taken out of the mirror; earlier lines of its path are void."""


class _Line(msgspec.Struct):
    """What any line may hold of what a resume needs; all else is skipped unread."""

    dashget: int | None = None
    path: str | None = None
    url: str | None = None
    size: int | None = None
    removed: bool = False


_decode_record: Final = msgspec.json.Decoder(FileRecord).decode


class LiveRun(msgspec.Struct, frozen=True):
    """A run over a live presentation: for which time it planned, and what it recorded.

    Runs that planned for the same time from the same MPD count as one.
    """

    header: Header
    manifest_sha256: str | None
    """The checksum of the MPD that it planned from; None where that was not recorded."""
    paths: frozenset[str]


class _Fact(msgspec.Struct):
    """What a line about a file says of the run that wrote it."""

    path: str
    sha256: str | None = None
    removed: bool = False


class Record:
    """The record of one mirror, open for appending."""

    def __init__(self, path: Path, *, fsync: bool = False) -> None:
        self._path = path
        self._fsync = fsync
        self._encode = msgspec.json.Encoder().encode
        self._descriptor: int | None = None

    def append(self, entry: Header | FileRecord) -> None:
        """Add one line, at once; OSError if it cannot be written whole."""
        line = self._encode(entry) + b"\n"
        descriptor = self._descriptor
        if descriptor is None:
            descriptor = self._descriptor = _open_for_append(self._path)
        done = os.write(descriptor, line)
        if done < len(line):
            write_whole(descriptor, line[done:])
        if self._fsync:
            os.fsync(descriptor)

    def is_in_place(self) -> bool:
        """Whether the file that is written to still has its name."""
        if self._descriptor is None:
            return True
        try:
            found = os.stat(self._path)
        except OSError:
            return False
        return os.path.samestat(found, os.fstat(self._descriptor))

    def close(self) -> None:
        """Close the file, if it was opened."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


def read_header(path: Path) -> Header | None:
    """Return the header that holds (the last one), or None where there is no record.

    Raises StoreError for a record of a newer form than this version knows.
    """
    header: Header | None = None
    for block in _iter_blocks(path):
        if _HEADER not in block:
            continue
        for line in _whole_lines(block):
            candidate = _header_of(line)
            if candidate is None:
                continue
            if candidate.dashget > RECORD_VERSION:
                raise StoreError(
                    f"{path} has form {candidate.dashget},"
                    " newer than this version of DashGet knows",
                    hint="use the version of DashGet that wrote it, or a newer one",
                )
            header = candidate
    return header


def read_sizes(path: Path) -> CompactMap:
    """Return the recorded size of every finished file and the hash of its URL, by path.

    The hash is this process's own ``hash``.
    """
    decoder = msgspec.json.Decoder(_Line)
    sizes = CompactMap(2)
    for line in _iter_lines(path):
        try:
            entry = decoder.decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError):
            continue
        if entry.path is None or not is_safe_path(entry.path):
            continue
        if entry.removed:
            sizes.discard(entry.path)
        elif entry.size is not None and 0 <= entry.size <= _LARGEST:
            sizes[entry.path] = (entry.size, hash(entry.url))
    return sizes


def read_live_runs(path: Path) -> tuple[LiveRun, ...]:
    """Return the runs that recorded files of a live presentation, the oldest first."""
    decoder = msgspec.json.Decoder(_Fact)
    header: Header | None = None
    manifest: str | None = None
    runs: list[tuple[Header, str | None, set[str]]] = []
    current: set[str] | None = None
    beginning = b""
    for block in _iter_blocks(path):
        if (
            (header is None or header.now is None)
            and _HEADER not in block
            and not (beginning and beginning in block)
        ):
            # Most records hold nothing live, and are passed over.
            continue
        for line in _whole_lines(block):
            following = _header_of(line)
            if following is not None:
                header, current = following, None
                # As this program writes it.
                beginning = b'{"path":' + msgspec.json.encode(header.manifest)
                continue
            if header is None or (header.now is None and not line.startswith(beginning)):
                continue
            try:
                fact = decoder.decode(line)
            except (msgspec.DecodeError, UnicodeDecodeError):
                continue
            if not is_safe_path(fact.path):
                continue
            if fact.path == header.manifest:
                manifest, current = fact.sha256, None
            elif header.now is not None and not fact.removed:
                if current is None:
                    current = set()
                    runs.append((header, manifest, current))
                current.add(fact.path)
    return tuple(LiveRun(header, manifest, frozenset(paths)) for header, manifest, paths in runs)


def iter_records(path: Path, begin: int) -> Iterator[tuple[int, int, FileRecord]]:
    """Yield the file lines from a byte on, in the order written; later ones replace earlier.

    Each with where it begins and ends.
    """
    for line in _iter_lines(path, begin):
        end = begin + len(line)
        try:
            record = _decode_record(line)
        except (msgspec.DecodeError, UnicodeDecodeError):
            pass
        else:
            if is_safe_path(record.path):
                yield begin, end, record
        begin = end


def parse_record(line: bytes) -> FileRecord | None:
    """Read a line about a file; None for any other, and one that cannot be understood."""
    try:
        record = _decode_record(line)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    return record if is_safe_path(record.path) else None


def _header_of(line: bytes) -> Header | None:
    """Read a header line; None for any other, and one that cannot be understood."""
    if not line.startswith(_HEADER):
        return None
    try:
        header = msgspec.json.decode(line, type=Header)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    return header if is_safe_path(header.manifest) else None


def _iter_lines(path: Path, begin: int = 0) -> Iterator[bytes]:
    """Yield every line that is not torn, from a byte on."""
    try:
        with open_regular(path) as file:
            file.seek(begin)
            for line in file:
                if line.endswith(b"\n"):
                    yield line
    except FileNotFoundError:
        return


def _iter_blocks(path: Path) -> Iterator[bytes]:
    """Yield the record in blocks of whole lines: to pass over many that do not matter."""
    try:
        with open_regular(path) as file:
            while block := file.read(_BLOCK):
                yield block if block.endswith(b"\n") else block + file.readline()
    except FileNotFoundError:
        return


def _whole_lines(block: bytes) -> list[bytes]:
    """Return the lines of a block; a torn one is none."""
    return block.split(b"\n")[:-1]


def open_regular(path: Path) -> BinaryIO:
    """Open a file to read it; OSError for what is none: a pipe would keep its reader waiting."""
    mode = path.stat().st_mode
    if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
        raise OSError(errno.EINVAL, "not a regular file", str(path))
    return path.open("rb")


def _open_for_append(path: Path) -> int:
    """Open the record; a torn last line is ended, so that it costs only itself."""
    flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | getattr(os, "O_BINARY", 0)
    descriptor = os.open(path, flags, 0o666)
    end = os.lseek(descriptor, 0, os.SEEK_END)
    if end:
        os.lseek(descriptor, end - 1, os.SEEK_SET)
        if os.read(descriptor, 1) != b"\n":
            write_whole(descriptor, b"\n")
    return descriptor


def write_whole(descriptor: int, data: bytes) -> None:
    """Write all of ``data``; a disk that is nearly full may take it in pieces."""
    done = os.write(descriptor, data)
    while done < len(data):
        done += os.write(descriptor, data[done:])
