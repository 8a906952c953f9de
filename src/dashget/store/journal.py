"""The journal of ``.dashget/parts/``: which resource the unfinished bytes there belong to.

The journal holds the validator and size of the response that the bytes of a part came with,
and which ranges of a scattered part are complete. Without it a part is worthless after a
crash, since its bytes may belong to any version of the resource. A small file that arrives in
one piece never enters the journal. Each entry is written before the bytes that it is about.

After a power cut a part may have its size, but not its bytes. So bytes that were written
before the last start of the system count only if the journal says that they were synced: with
``fsync`` each range is, otherwise all unfinished files at the end of a run.

A part is *scattered* once its bytes arrive in any order; before that they arrive in sequence.
"""

from __future__ import annotations

import binascii
import contextlib
import errno
import os
import stat
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import msgspec

from dashget.common.byterange import ByteRange
from dashget.common.lateregex import late
from dashget.common.oserrors import is_disk_failure
from dashget.common.url import without_user
from dashget.errors import StoreError
from dashget.planning.layout import is_safe_path
from dashget.store.control import PARTS, ControlDirectory
from dashget.store.directory import Directory, identity_of
from dashget.store.soundness import UNREADABLE, is_field, is_line, is_size, is_span
from dashget.store.writing import append_all
from dashget.transfer.contract import ResumePoint

_JOURNAL_NAME = "journal.jsonl"
_FRESH_NAME = "journal.new"
_SCATTERED = ".ranges"
_DECODED = ".decoded"
_JOURNAL_BYTES: Final = 1 << 26
"""A longer journal counts for nothing: it is written anew in every run."""
_PART: Final = late(r"[0-9a-f]{32}\.part")
_UNLIMITED: Final = 1 << 63


class PartEntry(msgspec.Struct, omit_defaults=True):
    """One line of the journal.

    A line with ``path`` opens a part, and makes earlier lines about it void. A line with
    ``span`` lists a complete range of a scattered part. The name of the file tells if a part is
    scattered, so that a lost line cannot make its holes look like bytes.
    """

    part: str
    path: str | None = None
    url: str | None = None
    source: str | None = None
    """The URL that the bytes were requested from, if that was not ``url``."""
    validator: str | None = None
    modified: str | None = None
    date: str | None = None
    """``Last-Modified`` and ``Date`` beside an ETag, as received."""
    size: int | None = None
    codings: tuple[str, ...] = ()
    """The content codings of the bytes."""
    span: tuple[int, int] | None = None
    boot: str | None = None
    """The start of the system after which a part was opened, or a span written; absent for a
    span that was synced. Bytes that were not synced may be lost after the next start."""
    crc: int | None = None
    """CRC-32 of the line without this field: a damaged line counts for nothing."""


class _State(msgspec.Struct):
    url: str | None
    source: str | None
    validator: str | None
    modified: str | None
    date: str | None
    size: int | None
    boot: str | None
    codings: tuple[str, ...] = ()
    spans: list[tuple[int, int]] = []
    synced: list[tuple[int, int]] = []


class Journal:
    """The journal of one mirror's parts. Thread-safe."""

    def __init__(
        self, control: ControlDirectory, *, fsync: bool = False, largest: int | None = None
    ) -> None:
        """``largest`` is the size of the largest file that the directory can hold."""
        self._control = control
        self.directory: Directory | None = None
        """The directory of parts, open; None before the first part."""
        self.root_prefix = os.path.join(control.path.parent, "")
        self.largest: Final = _UNLIMITED if largest is None else largest
        self.fsync = fsync
        self._boot = _boot_id()
        self._lock = threading.Lock()
        self._descriptor: int | None = None
        self._encoder = msgspec.json.Encoder()
        self._states: dict[str, _State] = {}
        self._written: set[str] = set()
        """Parts of this run that are not finished."""
        self._told: set[str] = set()
        """Parts that have a line on the disk, finished ones included."""
        self._synced: set[str] = set()
        """Parts that have a line on the disk about synced bytes."""
        with contextlib.suppress(FileNotFoundError), control.opened() as directory:
            self.directory = directory.folder(PARTS)
        self._load()

    def resume_point(
        self, part: str, url: str | None = None, *, moved: bool = False
    ) -> ResumePoint | None:
        """Return the bytes of a part that the journal confirms.

        A validator is valid only for the URL that it came from: with ``url``, bytes from
        another one do not count, unless the resource has ``moved``.
        """
        state = self._states.get(part)
        if state is None:
            return None
        if url is None or without_user(url) == state.url:
            return self._point_of(part, state)
        point = self._point_of(part, state) if moved else None
        return point and msgspec.structs.replace(point, source=None, moved=True)

    def _point_of(self, part: str, state: _State) -> ResumePoint | None:
        directory = self.directory
        if state.validator is None or directory is None:
            return None
        scattered = directory.look(scattered_name(part)) is not None
        found = directory.look(scattered_name(part) if scattered else part)
        if found is None or not _is_own(found):
            return None
        on_disk = found.st_size
        if state.size is not None and on_disk > state.size:
            return None
        spans = [*state.spans, *state.synced]
        if not scattered and state.boot == self._boot:
            spans = [(0, on_disk - 1)]
        finished = _merged(_clipped(spans, on_disk))
        if not scattered:
            # In sequence: bytes after a gap do not count.
            finished = tuple(span for span in finished if span.first == 0)
        if not finished:
            return None
        about = (state.size, state.validator, state.source, state.modified, state.date)
        return ResumePoint(finished, *about, codings=state.codings)

    def kept(self) -> tuple[int, int]:
        """Return how many parts the next run can resume, and how many bytes they have."""
        count = total = 0
        for part, state in self._read()[0].items():
            point = self._point_of(part, state)
            if point is not None:
                count += 1
                total += sum((span.last or 0) + 1 - span.first for span in point.finished)
        return count, total

    @property
    def is_empty(self) -> bool:
        """True if there are no parts at all: the usual case, and cheap to ask."""
        return not self._states and not self._written

    def check_size(self, size: int | None) -> None:
        """Raise OSError if no file can have this size: nothing of it needs to be fetched."""
        if size is not None and size > self.largest:
            told = f"its {size:,} bytes are more than a file can have here ({self.largest:,})"
            raise OSError(errno.EFBIG, told)

    def is_in_place(self) -> bool:
        """Return True if the directory of parts still has its name, or is not needed yet."""
        directory = self.directory
        try:
            with self._control.opened() as control:
                found = control.look(PARTS)
                here = directory is None or (
                    found is not None and identity_of(found) == directory.identity()
                )
        except OSError:
            return False
        return here and self._control.is_in_place()

    def vanished(self) -> StoreError:
        """Return the error for a mirror that has vanished."""
        return StoreError(
            f"{self._control.path.parent} has vanished or was moved",
            hint="nothing more can be stored there; the same command begins anew",
        )

    def knows(self, part: str) -> bool:
        """Return True if an earlier run, or an earlier round of this one, left bytes of a part."""
        return part in self._states or part in self._written

    def has_told(self, part: str) -> bool:
        """Return True if the journal has a line that could be mistaken for one about new bytes."""
        return part in self._told

    def forget(self, part: str) -> None:
        """Forget a part: its bytes count for nothing any more."""
        self._states.pop(part, None)
        self._written.discard(part)

    def add(self, entry: PartEntry) -> None:
        """Append an entry, with one write."""
        line = self._line(entry)
        if entry.path is not None:
            self._written.add(entry.part)
            self._told.add(entry.part)
        with self._lock:
            if self._descriptor is None:
                flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
                self._descriptor = self.create_directory().open(_JOURNAL_NAME, flags)
            append_all(self._descriptor, line)
            if entry.path is None and entry.boot is None:
                self._synced.add(entry.part)
            elif entry.path is not None and entry.part in self._synced:
                # Other bytes follow. Lines about the bytes before must not survive this one.
                os.fsync(self._descriptor)
                self._synced.discard(entry.part)

    def span_entry(self, part: str, first: int, last: int) -> PartEntry:
        """Return the line for a complete range."""
        return PartEntry(part, span=(first, last), boot=None if self.fsync else self._boot)

    def part_entry(
        self,
        part: str,
        path: str,
        url: str | None,
        source: str | None,
        validator: str | None,
        modified: str | None,
        date: str | None,
        size: int | None,
        codings: tuple[str, ...] = (),
    ) -> PartEntry:
        """Return the line that opens a part."""
        plain = None if url is None else without_user(url)
        about = (plain, source and without_user(source), validator, modified, date, size)
        return PartEntry(part, path, *about, codings, boot=self._boot)

    def create_directory(self) -> Directory:
        """Make the directory of parts, once; never the mirror that it belongs to."""
        if self.directory is None:
            with self._control.opened() as control:
                self.directory = control.folder(PARTS, make=True)
        return self.directory

    def _line(self, entry: PartEntry) -> bytes:
        entry.crc = None
        entry.crc = binascii.crc32(self._encoder.encode(entry))
        return self._encoder.encode(entry) + b"\n"

    def close(self, *, sync: bool = True) -> None:
        """Close the journal, and remove it if no part is left.

        With ``sync`` the parts survive a restart of the system; that may take a while.
        """
        if sync and not self.is_empty:
            # Not in the main thread, where Python would not handle a signal meanwhile.
            syncing = threading.Thread(target=self._sync_parts, daemon=True)
            syncing.start()
            syncing.join()
        with self._lock:
            descriptor, self._descriptor = self._descriptor, None
            if descriptor is not None:
                os.close(descriptor)
        directory, self.directory = self.directory, None
        if directory is None:
            return
        with directory, contextlib.suppress(OSError):
            if directory.names() in ([], [_JOURNAL_NAME]):
                directory.unlink(_JOURNAL_NAME)
                with self._control.opened() as control:
                    control.remove_folder(PARTS)

    def _sync_parts(self) -> None:
        """Sync all parts that can be resumed, and write down how many bytes they have."""
        directory = self.directory
        if directory is None:
            return
        with contextlib.suppress(OSError):
            for part, state in self._read()[0].items():
                point = self._point_of(part, state)
                if point is None or set(point.finished) <= {*_merged(state.synced)}:
                    continue
                scattered = scattered_name(part)
                _sync(directory, part if directory.look(scattered) is None else scattered)
                for span in point.finished:
                    self.add(PartEntry(part, span=(span.first, span.last or 0)))
            sync_folder(directory)

    def _load(self) -> None:
        """Read the journal, remove parts that it does not confirm, and rewrite it short."""
        directory = self.directory
        if directory is None:
            return
        self._states, paths = self._read()
        for name in directory.names():
            part = name.removesuffix(_SCATTERED)
            if name == _JOURNAL_NAME:
                continue
            point = self.resume_point(part)
            if point is None:
                directory.unlink(name)
                self._states.pop(part, None)
            elif name == part and self._states[part].boot != self._boot:
                # Bytes that do not count now must not count later.
                _cut(directory, name, (point.finished[0].last or 0) + 1)
        self._compact(directory, paths)

    def _read(self) -> tuple[dict[str, _State], dict[str, str]]:
        """Read the states of all parts, and their paths; damaged lines are ignored."""
        states: dict[str, _State] = {}
        paths: dict[str, str] = {}
        decoder = msgspec.json.Decoder(PartEntry)
        for line in _lines_in(self.directory):
            entry = _entry_of(decoder, line)
            if entry is None:
                continue
            if self._line(msgspec.structs.replace(entry)) != line + b"\n":
                continue
            if entry.path is not None:
                paths[entry.part] = entry.path
                states[entry.part] = _State(
                    entry.url,
                    entry.source,
                    entry.validator,
                    entry.modified,
                    entry.date,
                    entry.size,
                    entry.boot,
                    entry.codings,
                )
            elif entry.span is not None and entry.part in states:
                if entry.boot is None:
                    states[entry.part].synced.append(entry.span)
                elif entry.boot == self._boot:
                    states[entry.part].spans.append(entry.span)
        return states, paths

    def _compact(self, directory: Directory, paths: dict[str, str]) -> None:
        lines = []
        for part, state in list(self._states.items()):
            point = self.resume_point(part)
            if point is None:
                del self._states[part]
                continue
            end = max(span.last or 0 for span in point.finished) + 1
            synced, noted = (_merged(_clipped(s, end)) for s in (state.synced, state.spans))
            about = (state.url, state.source, state.validator, state.modified, state.date)
            lines.append(self.part_entry(part, paths[part], *about, state.size, state.codings))
            lines += [PartEntry(part, span=(r.first, r.last or 0)) for r in synced]
            lines += [PartEntry(part, span=(r.first, r.last or 0), boot=self._boot) for r in noted]
            state.boot = self._boot
            if synced:
                self._synced.add(part)
        self._told.update(self._states)
        with open(directory.create(_FRESH_NAME, mode=0o600), "wb") as fresh:
            fresh.write(b"".join(self._line(line) for line in lines))
            if self._synced:
                fresh.flush()
                os.fsync(fresh.fileno())
        directory.rename(_FRESH_NAME, directory, _JOURNAL_NAME)
        if self._synced:
            sync_folder(directory)


def read_part_paths(control: ControlDirectory) -> tuple[str, ...]:
    """Return the final paths of the parts of a mirror; the name of a part if unknown."""
    decoder = msgspec.json.Decoder(PartEntry)
    names: set[str] = set()
    paths: dict[str, str] = {}
    with contextlib.suppress(FileNotFoundError), control.folder(PARTS) as directory:
        files = (name for name in directory.names() if not name.endswith(_DECODED))
        names = {name.removesuffix(_SCATTERED) for name in files}
        for line in _lines_in(directory):
            entry = _entry_of(decoder, line)
            if entry is not None and entry.path is not None and entry.part in names:
                paths[entry.part] = entry.path
    unknown = names - paths.keys() - {_JOURNAL_NAME}
    return tuple(sorted({*paths.values(), *unknown}))


def scattered_name(part: str) -> str:
    """Return the file name of a part that is scattered."""
    return part + _SCATTERED


def decoded_name(part: str) -> str:
    """Return the file name of what a part is without its content codings."""
    return part + _DECODED


def part_name(path: str) -> str:
    """Return the flat name of the part of a path: a hash, since paths can be long."""
    from hashlib import blake2b

    return blake2b(path.encode(), digest_size=16).hexdigest() + ".part"


def _boot_id() -> str:
    """Return the identity of this start of the system; empty if the system does not tell."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""


def _is_own(found: os.stat_result) -> bool:
    """Return True for a regular file that has no other name: the only kind that parts are."""
    return stat.S_ISREG(found.st_mode) and found.st_nlink == 1


def _lines_in(directory: Directory | None) -> list[bytes]:
    """Return the lines of the journal; none if there is no journal."""
    if directory is None:
        return []
    try:
        with directory.reader(_JOURNAL_NAME) as file:
            if os.fstat(file.fileno()).st_size > _JOURNAL_BYTES:
                return []
            return file.read().splitlines()
    except FileNotFoundError:
        return []


def _entry_of(decoder: msgspec.json.Decoder[PartEntry], line: bytes) -> PartEntry | None:
    """Parse a line of the journal; None for one that this program could not have written."""
    try:
        entry = decoder.decode(line)
    except UNREADABLE:
        return None
    named = _PART.fullmatch(entry.part) is not None and (
        entry.path is None or (is_safe_path(entry.path) and entry.part == part_name(entry.path))
    )
    sound = (
        named
        and is_line(entry.url)
        and is_line(entry.source)
        and all(map(is_field, (entry.validator, entry.modified, entry.date, entry.boot)))
        and all(map(is_field, entry.codings))
        and is_size(entry.size)
        and is_span(entry.span)
    )
    return entry if sound else None


def _sync(directory: Directory, name: str) -> None:
    """Have the disk store the bytes of a file."""
    descriptor = directory.open(name, os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _cut(directory: Directory, name: str, size: int) -> None:
    """Cut off the end of a file."""
    descriptor = directory.open(name, os.O_RDWR)
    try:
        os.ftruncate(descriptor, size)
    finally:
        os.close(descriptor)


def sync_folder(folder: Directory) -> None:
    """Have the disk store a rename; systems that cannot sync a directory need not."""
    try:
        folder.sync()
    except OSError as error:
        if is_disk_failure(error):
            raise


def _clipped(spans: Iterable[tuple[int, int]], size: int) -> Iterable[tuple[int, int]]:
    """Cut spans off at the end of a file."""
    return ((first, min(last, size - 1)) for first, last in spans)


def _merged(spans: Iterable[tuple[int, int]]) -> tuple[ByteRange, ...]:
    """Sort and join spans; empty ones are left out."""
    merged: list[tuple[int, int]] = []
    for first, last in sorted(spans):
        if last < first:
            continue
        if merged and first <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(merged[-1][1], last))
        else:
            merged.append((first, last))
    return tuple(ByteRange(first, last) for first, last in merged)
