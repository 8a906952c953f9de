"""What is believed of unfinished bytes once the system was started anew.

After a power cut a file may have the size that it had, and zeros where bytes were.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from dashget.common.byterange import ByteRange
from dashget.store import Mirror
from dashget.store import journal as module
from dashget.store.journal import Journal
from dashget.store.local import LocalParts
from dashget.store.parts import Part
from tests.unit.store.partfiles import URL, head, journal_at, resume_point
from tests.unit.store.test_mirror import HEADER

Restart = Callable[[], None]


@pytest.fixture
def parts(tmp_path: Path) -> Path:
    return tmp_path / "parts"


@pytest.fixture
def restart(monkeypatch: pytest.MonkeyPatch) -> Restart:
    """Have the system start anew, under an identity that it never had."""
    starts = iter(range(100))

    def start() -> None:
        identity = f"start {next(starts)}"
        monkeypatch.setattr(module, "_boot_id", lambda: identity)

    start()
    return start


def begun(journal: Journal, data: bytes = b"0123", *, validator: str = '"v1"') -> Part:
    part = Part(journal, "v/1.m4s", URL)
    part.begin(head(10, validator), 0)
    part.write(data, 0)
    return part


def finished(parts: Path) -> tuple[ByteRange, ...]:
    point = resume_point(parts)
    return () if point is None else point.finished


def test_an_unsynced_sequence_is_not_trusted_after_a_restart(parts: Path, restart: Restart) -> None:
    part = begun(journal_at(parts))
    part.close()
    restart()
    assert finished(parts) == ()
    assert part.name not in os.listdir(parts)


def test_after_a_kill_without_a_restart_all_bytes_are_trusted(
    parts: Path, restart: Restart
) -> None:
    begun(journal_at(parts))
    assert finished(parts) == (ByteRange(0, 3),)


def test_bytes_of_an_orderly_run_survive_a_restart(parts: Path, restart: Restart) -> None:
    journal = journal_at(parts)
    begun(journal).close()
    journal.close()
    for _ in range(3):
        restart()
        assert finished(parts) == (ByteRange(0, 3),)


def test_unsynced_bytes_after_synced_ones_are_dropped_after_a_restart(
    parts: Path, restart: Restart
) -> None:
    journal = journal_at(parts)
    begun(journal).close()
    journal.close()
    later = journal_at(parts)
    part = Part(later, "v/1.m4s", URL)
    assert part.resume_point() is not None
    part.begin(head(10), 4)
    part.write(b"4567", 4)
    assert finished(parts) == (ByteRange(0, 7),), "nothing but the process has ended"
    restart()
    assert finished(parts) == (ByteRange(0, 3),)
    assert (parts / part.name).read_bytes() == b"0123"
    assert finished(parts) == (ByteRange(0, 3),), "and what was cut off stays away"


def test_ranges_outlast_a_restart_after_a_run_that_ended_in_order(
    parts: Path, restart: Restart
) -> None:
    journal = journal_at(parts)
    part = Part(journal, "v/1.m4s", URL)
    part.begin(head(10), 0)
    part.scatter()
    for first in (2, 6):
        part.write(b"xx", first)
        part.written(ByteRange(first, first + 1))
    part.close()
    journal.close()
    restart()
    assert finished(parts) == (ByteRange(2, 3), ByteRange(6, 7))


def test_ranges_that_were_not_synced_do_not_become_so_in_a_later_run(
    parts: Path, restart: Restart
) -> None:
    part = Part(journal_at(parts), "v/1.m4s", URL)
    part.begin(head(10), 0)
    part.scatter()
    part.write(b"xx", 2)
    part.written(ByteRange(2, 3))
    journal_at(parts, fsync=True)
    restart()
    assert finished(parts) == ()


def test_the_line_about_synced_bytes_is_removed_before_other_bytes_are_written(
    parts: Path, restart: Restart, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = journal_at(parts)
    begun(journal).close()
    journal.close()
    happened: list[str] = []
    sync, write = os.fsync, os.pwrite

    def note_sync(descriptor: int) -> None:
        happened.append("synced")
        sync(descriptor)

    def note_write(descriptor: int, data: bytes, offset: int) -> int:
        happened.append(data.decode())
        return write(descriptor, data, offset)

    later = journal_at(parts)
    monkeypatch.setattr(os, "fsync", note_sync)
    monkeypatch.setattr("dashget.store.writing._pwrite", note_write)
    begun(later, b"new", validator='"v2"').write(b"er", 3)
    assert happened == ["synced", "new", "er"]
    restart()
    assert finished(parts) == ()


def test_a_sequence_ends_at_its_first_gap(parts: Path, restart: Restart) -> None:
    journal = journal_at(parts, fsync=True)
    part = Part(journal, "v/1.m4s", URL)
    part.begin(head(10), 0)
    part.scatter()
    part.write(b"xx", 2)
    part.written(ByteRange(2, 3))
    # As if it had begun anew, and the power had failed before that was noted.
    (parts / part._file).rename(parts / part.name)
    restart()
    assert finished(parts) == ()


def test_a_part_that_cannot_be_synced_is_not_trusted_after_a_restart(
    parts: Path, restart: Restart, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: int) -> None:
        raise OSError(5, "input/output error")

    journal = journal_at(parts)
    begun(journal).close()
    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", refuse)
        journal.close()
    assert finished(parts) == (ByteRange(0, 3),)
    restart()
    assert finished(parts) == ()


@pytest.mark.parametrize(("error", "waits"), [(KeyboardInterrupt, False), (ValueError, True)])
def test_a_hurried_end_does_not_wait_for_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: type[BaseException], waits: bool
) -> None:
    synced: list[int] = []
    store = Mirror.at(tmp_path)
    store.claim(HEADER)
    local = store._parts
    assert isinstance(local, LocalParts)
    begun(local.journal).close()
    monkeypatch.setattr(os, "fsync", synced.append)
    with pytest.raises(error), store:
        raise error
    assert bool(synced) is waits
