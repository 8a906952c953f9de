"""Parts that are closed for a while and opened again."""

from __future__ import annotations

import errno
import hashlib
import os
from pathlib import Path

import pytest

from dashget.common.byterange import ByteRange
from dashget.store.parts import Part
from tests.unit.store.partfiles import URL, finish, head, made

pytestmark = pytest.mark.usefixtures("killed_files_are_closed")


def test_files_are_closed_before_they_are_renamed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Windows refuses that."""
    closed: list[bool] = []
    part = Part(made(tmp_path), "1.m4s", URL)
    real = os.replace

    def replace(source: str, target: str, **folders: int) -> None:
        closed.append(part._descriptor is None)
        real(source, target, **folders)

    monkeypatch.setattr(os, "replace", replace)
    part.begin(head(6), 0)
    part.write(b"abc", 0)
    part.write(b"def", 3)
    finish(part, tmp_path)
    assert closed == [True]
    assert (tmp_path / "1.m4s").read_bytes() == b"abcdef"


def test_a_part_that_is_parked_goes_on_in_sequence(tmp_path: Path) -> None:
    part = Part(made(tmp_path), "1.m4s", URL, "sha256")
    part.begin(head(6), 0)
    part.write(b"abc", 0)
    part.park()
    part.park()
    with pytest.raises(ValueError, match="write before begin"):
        part.write(b"d", 3)
    part.begin(head(6), 3)
    part.write(b"def", 3)
    assert part.digest("sha256") == hashlib.sha256(b"abcdef").digest()
    finish(part, tmp_path)
    assert (tmp_path / "1.m4s").read_bytes() == b"abcdef"


def test_a_part_that_is_parked_goes_on_in_ranges(tmp_path: Path) -> None:
    part = Part(made(tmp_path), "1.m4s", URL)
    part.begin(head(9), 0)
    part.scatter()
    part.write(b"ghi", 6)
    part.written(ByteRange(6, 8))
    part.park()
    part.reopen()
    part.write(b"abcdef", 0)
    part.reopen()
    assert part.size == 9
    finish(part, tmp_path)
    assert (tmp_path / "1.m4s").read_bytes() == b"abcdefghi"


@pytest.mark.parametrize("scattered", [False, True])
def test_after_a_kill_a_parked_part_has_all_written_bytes(tmp_path: Path, scattered: bool) -> None:
    part = Part(made(tmp_path), "1.m4s", URL)
    part.begin(head(9), 0)
    if scattered:
        part.scatter()
    part.write(b"abc", 0)
    if scattered:
        part.written(ByteRange(0, 2))
    part.park()
    point = Part(made(tmp_path), "1.m4s", URL).resume_point()
    assert point is not None
    assert point.finished == (ByteRange(0, 2),)


def test_a_parked_part_may_start_again(tmp_path: Path) -> None:
    part = Part(made(tmp_path), "1.m4s", URL)
    part.begin(head(9), 0)
    part.scatter()
    part.write(b"abc", 6)
    part.park()
    part.begin(head(2, '"v2"'), 0)
    part.write(b"xy", 0)
    finish(part, tmp_path)
    assert (tmp_path / "1.m4s").read_bytes() == b"xy"


@pytest.mark.parametrize("left", [None, b"ab"])
def test_a_parked_part_that_was_removed_is_not_continued_with_a_hole(
    tmp_path: Path, left: bytes | None
) -> None:
    part = Part(made(tmp_path), "1.m4s", URL)
    part.begin(head(6), 0)
    part.write(b"abc", 0)
    part.park()
    (there,) = (tmp_path / ".dashget/parts").glob("*.part")
    there.unlink()
    if left is not None:
        there.write_bytes(left)
    with pytest.raises(FileNotFoundError):
        part.begin(head(6), 3)


def test_ranges_are_not_added_to_a_parked_part_that_was_removed(tmp_path: Path) -> None:
    part = Part(made(tmp_path), "1.m4s", URL)
    part.begin(head(6), 0)
    part.scatter()
    part.write(b"abc", 3)
    part.park()
    (there,) = (tmp_path / ".dashget/parts").glob("*.ranges")
    there.unlink()
    with pytest.raises(FileNotFoundError):
        part.reopen()


def test_a_journal_that_could_not_be_opened_is_written_the_next_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bytes that the journal says nothing of would be lost to the next run."""
    journal = made(tmp_path)
    part = Part(journal, "1.m4s", URL)
    part.begin(head(9), 0)
    with monkeypatch.context() as patched:
        patched.setattr(journal, "add", refuse_descriptors)
        with pytest.raises(OSError, match="Too many"):
            part.write(b"abc", 0)
    part.write(b"abc", 0)
    point = Part(made(tmp_path), "1.m4s", URL).resume_point()
    assert point is not None
    assert point.finished == (ByteRange(0, 2),)


def refuse_descriptors(*_: object) -> None:
    raise OSError(errno.EMFILE, "Too many open files")
