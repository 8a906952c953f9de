"""The journal of ``.dashget/parts/``: what the unfinished bytes there belong to.

The journal says under which validator and size the bytes of a part came, and which ranges
of a scattered part are whole. Without it a part is worthless after a crash, since nobody
could say which version of the resource it belongs to. A small file that arrives in one
piece never enters the journal. Entries are written before the bytes that they speak of.

A power cut may leave a part with the size that it had, and without its bytes. So what was
written before the system was started last counts only as far as it is noted to have been
synced: each range with ``fsync``, and all that is unfinished when a run ends in order.
"""

from __future__ import annotations

import binascii
import contextlib
import os
import threading
from collections.abc import Iterable
from pathlib import Path

import msgspec

from dashget.common.byterange import ByteRange
from dashget.errors import StoreError
from dashget.store.writing import append_all
from dashget.transfer.contract import ResumePoint

_JOURNAL_NAME = "journal.jsonl"
_SCATTERED = ".ranges"


class PartEntry(msgspec.Struct, omit_defaults=True):
    """One line of the journal.

    A line with ``path`` opens a part (and forgets what was there under its name); ``span``
    lists a range of a scattered part that is whole. Whether a part is scattered is told by
    the name of its file, so that no lost line can make its holes look like bytes.
    """

    part: str
    path: str | None = None
    url: str | None = None
    source: str | None = None
    """Which URL the bytes were asked from, where that was not ``url``."""
    validator: str | None = None
    size: int | None = None
    span: tuple[int, int] | None = None
    boot: str | None = None
    """The start of the system in which a part was opened, or a span written; absent for a
    span that was synced. What the disk had not taken when the power failed is not there,
    whatever was noted."""
    crc: int | None = None
    """CRC-32 of the line without it: a damaged line must not vouch for anything."""


class _State(msgspec.Struct):
    url: str | None
    source: str | None
    validator: str | None
    size: int | None
    boot: str | None
    spans: list[tuple[int, int]] = []
    synced: list[tuple[int, int]] = []


class Journal:
    """What is known about the parts of one mirror. Thread-safe."""

    def __init__(self, directory: Path, *, fsync: bool = False) -> None:
        self.directory = directory
        self.fsync = fsync
        self._boot = _boot_id()
        self.prefix = os.path.join(directory, "")
        self.root_prefix = os.path.join(directory.parent.parent, "")
        self._path = directory / _JOURNAL_NAME
        self._lock = threading.Lock()
        self._descriptor: int | None = None
        self._encoder = msgspec.json.Encoder()
        self._states: dict[str, _State] = {}
        self._written: set[str] = set()
        """Parts of this run that are not finished."""
        self._told: set[str] = set()
        """Parts that a line on the disk speaks of, whatever has become of them since."""
        self._synced: set[str] = set()
        """Parts of which a line on the disk says that bytes were synced."""
        self._created = False
        self._load()

    def resume_point(self, part: str, url: str | None = None) -> ResumePoint | None:
        """Return what is on disk of a part, as far as the journal vouches for it.

        A validator only means something for the URL that it came from: with ``url``,
        bytes from another one do not count.
        """
        state = self._states.get(part)
        if state is None or url not in (None, state.url):
            return None
        return self._point_of(part, state)

    def _point_of(self, part: str, state: _State) -> ResumePoint | None:
        if state.validator is None:
            return None
        scattered = os.path.exists(self.prefix + scattered_name(part))
        try:
            on_disk = os.stat(self.prefix + (scattered_name(part) if scattered else part)).st_size
        except OSError:
            return None
        if state.size is not None and on_disk > state.size:
            return None
        spans = [*state.spans, *state.synced]
        if not scattered and state.boot == self._boot:
            spans = [(0, on_disk - 1)]
        finished = _merged(_clipped(spans, on_disk))
        if not scattered:
            # In sequence: what comes after a gap does not count.
            finished = tuple(span for span in finished if span.first == 0)
        if not finished:
            return None
        return ResumePoint(finished, state.size, state.validator, state.source)

    def kept(self) -> tuple[int, int]:
        """Return how many parts the next run can go on with, and how many bytes they have."""
        count = total = 0
        for part, state in self._read()[0].items():
            point = self._point_of(part, state)
            if point is not None:
                count += 1
                total += sum((span.last or 0) + 1 - span.first for span in point.finished)
        return count, total

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing at all: the usual case, and a cheap question."""
        return not self._states and not self._written

    def vanished(self) -> StoreError:
        """Make the error for a mirror that is not there any more."""
        return StoreError(
            f"{self.directory.parent.parent} has vanished or was moved",
            hint="nothing more can be stored there; the same command begins anew",
        )

    def knows(self, part: str) -> bool:
        """Whether an earlier run, or an earlier round of this one, left something of a part."""
        return part in self._states or part in self._written

    def has_told(self, part: str) -> bool:
        """Whether bytes of a part that are not noted would be taken for others after a crash."""
        return part in self._told

    def forget(self, part: str) -> None:
        """Stop vouching for what is there of a part."""
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
                self.create_directory()
                flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
                self._descriptor = os.open(self._path, flags, 0o666)
            append_all(self._descriptor, line)
            if entry.path is None and entry.boot is None:
                self._synced.add(entry.part)
            elif entry.path is not None and entry.part in self._synced:
                # Other bytes follow. Lines that vouch for the ones before must not outlast this.
                os.fsync(self._descriptor)
                self._synced.discard(entry.part)

    def span_entry(self, part: str, first: int, last: int) -> PartEntry:
        """Make the line for a range that is whole."""
        return PartEntry(part, span=(first, last), boot=None if self.fsync else self._boot)

    def part_entry(
        self,
        part: str,
        path: str,
        url: str | None,
        source: str | None,
        validator: str | None,
        size: int | None,
    ) -> PartEntry:
        """Make the line that opens a part."""
        return PartEntry(part, path, url, source, validator, size, boot=self._boot)

    def create_directory(self) -> None:
        """Make the directory of parts, once; never the mirror that it belongs to."""
        if not self._created:
            self.directory.mkdir(exist_ok=True)
            self._created = True

    def _line(self, entry: PartEntry) -> bytes:
        entry.crc = None
        entry.crc = binascii.crc32(self._encoder.encode(entry))
        return self._encoder.encode(entry) + b"\n"

    def close(self, *, sync: bool = True) -> None:
        """Close; leave nothing behind where no part is left.

        With ``sync``, what is left outlasts a restart of the system; that may take a while.
        """
        if sync and not self.is_empty:
            # Not in the main thread, where Python would not learn of a signal meanwhile.
            syncing = threading.Thread(target=self._sync_parts, daemon=True)
            syncing.start()
            syncing.join()
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

    def _sync_parts(self) -> None:
        """Sync all parts that can be gone on with, and note how far they are."""
        with contextlib.suppress(OSError):
            for part, state in self._read()[0].items():
                point = self._point_of(part, state)
                if point is None or set(point.finished) <= {*_merged(state.synced)}:
                    continue
                scattered = self.prefix + scattered_name(part)
                _sync(scattered if os.path.exists(scattered) else self.prefix + part)
                for span in point.finished:
                    self.add(PartEntry(part, span=(span.first, span.last or 0)))
            sync_folder(self.prefix)

    def _load(self) -> None:
        """Read the journal, drop parts that it does not vouch for, and rewrite it short."""
        if not self.directory.is_dir():
            return
        self._states, paths = self._read()
        for name in os.listdir(self.directory):
            part = name.removesuffix(_SCATTERED)
            if name == self._path.name:
                continue
            point = self.resume_point(part)
            if point is None:
                (self.directory / name).unlink()
                self._states.pop(part, None)
            elif name == part and self._states[part].boot != self._boot:
                # What does not count must not do so later, either.
                os.truncate(self.prefix + name, (point.finished[0].last or 0) + 1)
        self._compact(paths)

    def _read(self) -> tuple[dict[str, _State], dict[str, str]]:
        """Read what is known of parts, and their paths; damaged lines say nothing."""
        states: dict[str, _State] = {}
        paths: dict[str, str] = {}
        decoder = msgspec.json.Decoder(PartEntry)
        try:
            lines = self._path.read_bytes().splitlines()
        except FileNotFoundError:
            lines = []
        for line in lines:
            try:
                entry = decoder.decode(line)
            except (msgspec.DecodeError, UnicodeDecodeError):
                continue
            if self._line(msgspec.structs.replace(entry)) != line + b"\n":
                continue
            if entry.path is not None:
                paths[entry.part] = entry.path
                states[entry.part] = _State(
                    entry.url, entry.source, entry.validator, entry.size, entry.boot
                )
            elif entry.span is not None and entry.part in states:
                if entry.boot is None:
                    states[entry.part].synced.append(entry.span)
                elif entry.boot == self._boot:
                    states[entry.part].spans.append(entry.span)
        return states, paths

    def _compact(self, paths: dict[str, str]) -> None:
        lines = []
        for part, state in list(self._states.items()):
            point = self.resume_point(part)
            if point is None:
                del self._states[part]
                continue
            end = max(span.last or 0 for span in point.finished) + 1
            synced, noted = (_merged(_clipped(s, end)) for s in (state.synced, state.spans))
            about = (state.url, state.source, state.validator, state.size)
            lines.append(self.part_entry(part, paths[part], *about))
            lines += [PartEntry(part, span=(r.first, r.last or 0)) for r in synced]
            lines += [PartEntry(part, span=(r.first, r.last or 0), boot=self._boot) for r in noted]
            state.boot = self._boot
            if synced:
                self._synced.add(part)
        self._told.update(self._states)
        fresh = self._path.with_suffix(".new")
        fresh.write_bytes(b"".join(self._line(line) for line in lines))
        if self._synced:
            _sync(str(fresh))
        fresh.replace(self._path)
        if self._synced:
            sync_folder(self.prefix)


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
    from hashlib import blake2b

    return blake2b(path.encode(), digest_size=16).hexdigest() + ".part"


def _boot_id() -> str:
    """Name this start of the system; systems that do not tell have but one."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""


def _sync(path: str) -> None:
    """Make the bytes of a file last."""
    descriptor = os.open(path, os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_folder(folder: str) -> None:
    """Make a rename last; a directory cannot be synced everywhere, and then it need not be."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _clipped(spans: Iterable[tuple[int, int]], size: int) -> Iterable[tuple[int, int]]:
    """Leave out what is beyond the end of a file."""
    return ((first, min(last, size - 1)) for first, last in spans)


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
