"""The versions of the manifest that a mirror keeps: which there are, and each of them again.

A recording has them in one log; a mirror of snapshots has one file for each.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import BinaryIO, Final

import msgspec

from dashget.common.lateregex import late
from dashget.common.numbers import nearest_float, read_time
from dashget.common.stopping import Stop
from dashget.errors import DashGetError, StoreError
from dashget.mpd.budget import DEFAULT_LIMITS, Budget
from dashget.mpd.parse import parse_mpd
from dashget.planning.layout import CONTROL_DIRECTORY
from dashget.store import Mirror, manifest_versions
from dashget.store.versions import LOG, Entry, How, VersionReader, read_entries, read_patch
from dashget.verification.findings import Finding, Problem

_STAMP: Final = late(r"(\d{4}-\d\d-\d\d)T(\d\d)[-:]?(\d\d)[-:]?(\d\d)([.,]\d+)?Z?")
_HALF_A_MILLISECOND: Final = 0.0005
"""Times are listed in milliseconds: what is listed has to be found again."""
_PATH: Final = f"{CONTROL_DIRECTORY}/{LOG}"


class ManifestVersion(msgspec.Struct, frozen=True):
    """One entry of the list: a version, or reads that brought the same one."""

    number: int
    """Versions count from 1; reads of the same version have its number."""
    time: float | None
    """When it was read, in seconds since 1970; None: nobody knows."""
    size: int
    published: float | None
    """``@publishTime``, in seconds since 1970."""
    how: str
    """``full``, ``patch``, ``event``, or ``same``."""
    reads: int = 1
    patch_size: int = 0
    problem: str | None = None
    """Why it cannot be given back."""


class Versions:
    """The versions of one mirror. Use as a context manager."""

    def __init__(self, store: Mirror) -> None:
        self._store = store
        self._log: BinaryIO | None = None
        self.damaged = 0
        """The bytes of the log that are damaged, as far as it was read."""
        self.cut_off = 0
        """How many versions a kill has cut off."""

    def __enter__(self) -> Versions:
        self._log = self._store.open_control(LOG)
        return self

    def __exit__(self, *_: object) -> None:
        if self._log is not None:
            self._log.close()

    def list(self) -> Iterator[ManifestVersion]:
        """Yield all versions, the oldest first."""
        if self._log is None:
            for number, path in enumerate(manifest_versions(self._store), 1):
                yield self._of_file(number, path)
            return
        for entry in self._entries(self._log):
            yield _of_entry(entry)

    def find(
        self, *, moment: float | None = None, number: int | None = None, patch: bool = False
    ) -> bytes:
        """Return a version: by number, or the newest one at a time; with ``patch`` what made it.

        Raises StoreError if there is none, or it is damaged.
        """
        log = self._log
        if log is None:
            return self._find_file(moment, number, patch=patch)
        reader, chain = VersionReader(log), list[Entry]()
        for entry in self._entries(log):
            reader.take(entry)
            if entry.facts.how is not How.SAME and _fits(
                entry.number, entry.facts.time, moment, number
            ):
                chain = reader.chain()
        if not chain:
            raise _nothing(moment)
        try:
            return self._patch(log, chain[-1]) if patch else reader.text(chain)
        except ValueError as error:
            raise StoreError(f"this version cannot be read: {error}") from None

    def check(self, stop: Stop) -> Iterator[Finding]:
        """Yield what is damaged, by making every version of the log."""
        log, lost = self._log, 0
        if log is None:
            return
        reader, text = VersionReader(log), b""
        for entry in self._entries(log):
            if stop.requested:
                return
            if entry.facts.how is How.SAME:
                continue
            try:
                text = reader.next(text, entry)
                read_patch(log, entry)
            except ValueError:
                lost, text = lost + 1, b""
        if self.cut_off:
            count = "a version" if self.cut_off == 1 else f"{self.cut_off:,} versions"
            message = f"{count} of the manifest cut off, as by a kill or a full disk: left out"
            yield Finding(_PATH, Problem.CHECKSUM, message, note=True)
        if self.damaged:
            message = f"{self.damaged:,} bytes of the versions of the manifest cannot be read"
            yield Finding(_PATH, Problem.CHECKSUM, message)
        if lost:
            message = f"{lost:,} versions of the manifest cannot be read: what they need is damaged"
            yield Finding(_PATH, Problem.CHECKSUM, message)

    def _entries(self, log: BinaryIO) -> Iterator[Entry]:
        """Yield the entries of the log, and count what is damaged."""
        self.damaged = self.cut_off = 0
        for each in read_entries(log):
            if isinstance(each, Entry):
                yield each
            elif each.cut_off:
                self.cut_off += 1
            else:
                self.damaged += each.size

    @staticmethod
    def _patch(log: BinaryIO, entry: Entry) -> bytes:
        text = read_patch(log, entry)
        if not text:
            raise StoreError(
                f"version {entry.number} was read as a whole: there is no patch that made it",
                hint="leave --patch out; the list tells which versions came by patches",
            )
        return text

    def _find_file(self, moment: float | None, number: int | None, *, patch: bool) -> bytes:
        if patch:
            raise StoreError(
                f"{self._store.name} is a mirror, not a recording: it has no patches",
                hint="leave --patch out",
            )
        found = None
        for each, path in enumerate(manifest_versions(self._store), 1):
            if _fits(each, self._time_of(path), moment, number):
                found = path
        if found is None:
            raise _nothing(moment)
        with self._store.as_store_error():
            return self._store.read(found)

    def _of_file(self, number: int, path: str) -> ManifestVersion:
        with self._store.as_store_error():
            data = self._store.read(path)
        published = None
        try:
            publish = parse_mpd(data, budget=Budget(DEFAULT_LIMITS)).publish_time
            published = None if publish is None else nearest_float(publish)
        except DashGetError:
            pass
        return ManifestVersion(number, self._time_of(path), len(data), published, "full")

    def _time_of(self, path: str) -> float | None:
        """Return when a file was read, by its record; of an earlier one, when it was replaced."""
        record = self._store.records().get(path)
        text = None if record is None else record.time
        if text is None:
            stamp = _STAMP.match(PurePosixPath(path).name)
            text = None if stamp is None else f"{stamp[1]}T{stamp[2]}:{stamp[3]}:{stamp[4]}Z"
        moment = None if text is None else read_time(text)
        return None if moment is None else moment.timestamp()


def _of_entry(entry: Entry) -> ManifestVersion:
    facts = entry.facts
    return ManifestVersion(
        number=entry.number,
        time=facts.time,
        size=facts.size,
        published=facts.publish,
        how=facts.how.name.lower(),
        reads=facts.count,
        patch_size=facts.patch,
        problem="the version that it is made of is damaged" if entry.lost else None,
    )


def _fits(number: int, time: float | None, moment: float | None, wanted: int | None) -> bool:
    if wanted is not None:
        return number == wanted
    return moment is None or time is None or time <= moment + _HALF_A_MILLISECOND


def _nothing(moment: float | None) -> StoreError:
    what = "there is no version of that number" if moment is None else "no version is so old"
    return StoreError(what, hint="dashget manifests DIR lists all of them")
