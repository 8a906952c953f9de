"""Unfinished bytes are resumed only where the journal vouches for them."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from dashget.common.byterange import ByteRange
from dashget.store.journal import Journal, part_name
from dashget.store.parts import Part
from dashget.transfer.contract import ResumePoint
from tests.unit.store.partfiles import URL, finish, head, journal_at, resume_point

pytestmark = pytest.mark.usefixtures("killed_files_are_closed")


def killed(journal: Journal) -> None:
    """End like SIGKILL does: nothing is tidied; only what was written is there."""


def test_a_new_journal_has_no_parts(parts: Path) -> None:
    assert resume_point(parts) is None
    assert not parts.exists()


def test_a_file_that_comes_in_one_piece_never_enters_the_journal(parts: Path) -> None:
    journal = journal_at(parts)
    part = Part(journal, "v/1.m4s", URL)
    part.begin(head(10), 0)
    part.write(b"0123456789", 0)
    assert part.size == 10
    assert not (parts / "journal.jsonl").exists()


def test_an_interrupted_part_goes_on_after_its_last_byte(parts: Path) -> None:
    part = Part(journal_at(parts), "v/1.m4s", URL)
    part.begin(head(10), 0)
    part.write(b"0123", 0)
    assert resume_point(parts) == ResumePoint((ByteRange(0, 3),), 10, '"v1"')


def test_a_resumed_part_can_be_interrupted_again(parts: Path) -> None:
    part = Part(journal_at(parts), "v/1.m4s", URL)
    part.begin(head(10), 0)
    part.write(b"0123", 0)
    again = Part(journal_at(parts), "v/1.m4s", URL)
    again.begin(head(10), 4)
    again.write(b"45", 4)
    assert resume_point(parts) == ResumePoint((ByteRange(0, 5),), 10, '"v1"')
    assert (parts / part_name("v/1.m4s")).read_bytes() == b"012345"


def test_a_part_without_validator_is_not_trusted(parts: Path) -> None:
    part = Part(journal_at(parts), "v/1.m4s", URL)
    part.begin(head(10, None), 0)
    part.write(b"0123", 0)
    assert resume_point(parts) is None


def test_bytes_that_the_journal_does_not_know_are_dropped(parts: Path) -> None:
    parts.mkdir()
    (parts / part_name("v/1.m4s")).write_bytes(b"whose?")
    assert resume_point(parts) is None
    assert not (parts / part_name("v/1.m4s")).exists()


def test_a_restart_from_zero_drops_the_part_of_an_earlier_run(parts: Path) -> None:
    part = Part(journal_at(parts), "v/1.m4s", URL)
    part.begin(head(10), 0)
    part.write(b"0123", 0)
    journal = journal_at(parts)
    again = Part(journal, "v/1.m4s", URL)
    again.begin(head(8, '"v2"'), 0)
    again.write(b"ab", 0)
    assert resume_point(parts) == ResumePoint((ByteRange(0, 1),), 8, '"v2"')


def test_a_restart_that_is_killed_before_its_first_byte_leaves_nothing_to_resume(
    parts: Path,
) -> None:
    part = Part(journal_at(parts), "v/1.m4s", URL)
    part.begin(head(10), 0)
    part.write(b"0123", 0)
    Part(journal_at(parts), "v/1.m4s", URL).begin(head(8, '"v2"'), 0)
    assert resume_point(parts) is None


def test_a_complete_body_replaces_the_part_of_an_earlier_version(parts: Path) -> None:
    """Killed before it gets its name, it lies where the bytes of another version were."""
    part = Part(journal_at(parts), "v/1.m4s", URL)
    part.begin(head(10), 0)
    part.write(b"0123", 0)
    again = Part(journal_at(parts), "v/1.m4s", URL)
    again.begin(head(8, '"v2"'), 0)
    again.write(b"abcdefgh", 0)
    killed(again._journal)
    assert resume_point(parts) == ResumePoint((ByteRange(0, 7),), 8, '"v2"')


def test_a_complete_body_replaces_a_dropped_part(parts: Path) -> None:
    journal = journal_at(parts)
    part = Part(journal, "v/1.m4s", URL)
    part.begin(head(10), 0)
    part.write(b"0123", 0)
    part.drop()
    again = Part(journal, "v/1.m4s", URL)
    again.begin(head(8, '"v2"'), 0)
    again.write(b"abcdefgh", 0)
    assert resume_point(parts) == ResumePoint((ByteRange(0, 7),), 8, '"v2"')


def test_a_scattered_part_keeps_its_whole_ranges_only(parts: Path) -> None:
    part = Part(journal_at(parts), "big.mp4", URL)
    part.begin(head(100), 0)
    part.scatter()
    part.write(b"y" * 20, 40)
    part.written(ByteRange(40, 59))
    part.write(b"z" * 5, 80)
    point = resume_point(parts, "big.mp4")
    assert point == ResumePoint((ByteRange(40, 59),), 100, '"v1"')


def test_neighbouring_ranges_of_a_scattered_part_are_joined(parts: Path) -> None:
    part = Part(journal_at(parts), "big.mp4", URL)
    part.begin(head(100), 0)
    part.scatter()
    for first in (20, 0, 60, 10):
        part.write(b"y" * 10, first)
        part.written(ByteRange(first, first + 9))
    point = resume_point(parts, "big.mp4")
    assert point is not None
    assert point.finished == (ByteRange(0, 29), ByteRange(60, 69))


def test_a_sequential_part_that_is_scattered_later_keeps_its_beginning(parts: Path) -> None:
    part = Part(journal_at(parts), "big.mp4", URL)
    part.begin(head(100), 0)
    part.write(b"x" * 30, 0)
    again = Part(journal_at(parts), "big.mp4", URL)
    again.begin(head(100), 30)
    again.scatter()
    again.write(b"y" * 10, 50)
    again.written(ByteRange(50, 59))
    point = resume_point(parts, "big.mp4")
    assert point is not None
    assert point.finished == (ByteRange(0, 29), ByteRange(50, 59))


def test_a_recorded_range_is_cut_to_the_bytes_on_disk(parts: Path) -> None:
    part = Part(journal_at(parts), "big.mp4", URL)
    part.begin(head(100), 0)
    part.scatter()
    part.write(b"y" * 10, 50)
    part.written(ByteRange(50, 79))
    point = resume_point(parts, "big.mp4")
    assert point is not None
    assert point.finished == (ByteRange(50, 59),)


@pytest.mark.parametrize("damage", [b"", b"{", b'{"part":1}\n', b"\xff\xfe\n", b"null\n", b"[]\n"])
def test_damaged_lines_of_a_journal_lose_only_themselves(parts: Path, damage: bytes) -> None:
    part = Part(journal_at(parts), "v/1.m4s", URL)
    part.begin(head(10), 0)
    part.write(b"0123", 0)
    with (parts / "journal.jsonl").open("ab") as file:
        file.write(damage)
    assert resume_point(parts) == ResumePoint((ByteRange(0, 3),), 10, '"v1"')


def test_the_journal_is_rewritten_short(parts: Path) -> None:
    for _ in range(50):
        part = Part(journal_at(parts), "v/1.m4s", URL)
        part.begin(head(10), 0)
        part.write(b"0123", 0)
    journal_at(parts)
    assert len((parts / "journal.jsonl").read_bytes().splitlines()) == 1


def test_closing_leaves_no_empty_directory(parts: Path) -> None:
    journal = journal_at(parts)
    part = Part(journal, "v/1.m4s", URL)
    part.begin(head(None), 0)
    part.write(b"0123", 0)
    part.close()
    (parts / part._file).unlink()
    journal.close()
    assert not parts.exists()


def test_closing_keeps_what_can_be_resumed(parts: Path) -> None:
    journal = journal_at(parts)
    part = Part(journal, "v/1.m4s", URL)
    part.begin(head(10), 0)
    part.write(b"0123", 0)
    part.close()
    journal.close()
    assert resume_point(parts) is not None


def test_parts_that_can_be_resumed_are_counted(parts: Path) -> None:
    journal = journal_at(parts)
    assert journal.kept() == (0, 0)
    earlier = Part(journal, "earlier", URL)
    earlier.begin(head(), 0)
    earlier.write(b"0123", 0)
    killed(journal)
    journal = journal_at(parts)
    scattered = Part(journal, "scattered", URL)
    scattered.begin(head(100), 0)
    scattered.scatter()
    scattered.write(b"01", 50)
    scattered.written(ByteRange(50, 51))
    scattered.write(b"not noted", 60)
    untrusted = Part(journal, "untrusted", URL)
    untrusted.begin(head(validator=None), 0)
    untrusted.write(b"0123", 0)
    finished = Part(journal, "finished", URL)
    finished.begin(head(), 0)
    finished.write(b"01234", 0)
    (parts / part_name("finished")).unlink()
    assert journal.kept() == (2, 6)


def test_an_empty_resource_is_a_part_of_no_bytes(parts: Path) -> None:
    part = Part(journal_at(parts), "empty", URL)
    part.begin(head(0), 0)
    assert part.size == 0
    assert (parts / part._file).exists()


def test_writing_before_a_response_is_a_mistake(parts: Path) -> None:
    with pytest.raises(ValueError, match="begin"):
        Part(journal_at(parts), "a", URL).write(b"x", 0)


def test_a_short_write_is_completed(parts: Path, monkeypatch: pytest.MonkeyPatch) -> None:

    from dashget.store import writing as module

    def one_byte(descriptor: int, data: bytes, offset: int) -> int:
        return os.pwrite(descriptor, data[:1], offset)

    monkeypatch.setattr(module, "_pwrite", one_byte)
    part = Part(journal_at(parts), "a", URL)
    part.begin(head(4), 0)
    part.write(b"abcd", 0)
    assert part.size == 4
    assert (parts / part._file).read_bytes() == b"abcd"


def test_without_pwrite_a_seek_is_used(parts: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from dashget.store import writing as module

    monkeypatch.setattr(module, "_pwrite", module._seek_and_write)
    part = Part(journal_at(parts), "a", URL)
    part.begin(head(6), 0)
    part.write(b"def", 3)
    part.write(b"abc", 0)
    part.close()
    assert (parts / part._file).read_bytes() == b"abcdef"


def test_a_part_from_another_url_is_not_continued(parts: Path) -> None:
    """A validator means something for its own URL only (RFC 9110, 8.8.3)."""
    part = Part(journal_at(parts), "v/1.m4s", URL)
    part.begin(head(10), 0)
    part.write(b"0123", 0)
    assert Part(journal_at(parts), "v/1.m4s", "http://other/a").resume_point() is None
    assert resume_point(parts) is not None


def test_a_directory_of_parts_that_cannot_be_removed_is_ignored(
    parts: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = journal_at(parts)
    part = Part(journal, "v/1.m4s", URL)
    part.begin(head(10), 0)
    part.close()
    (parts / part._file).unlink()

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "permission denied")

    monkeypatch.setattr(os, "rmdir", refuse)
    journal.close()


def test_unsynced_ranges_are_not_trusted_after_a_restart(
    parts: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dashget.store import journal as module

    part = Part(journal_at(parts), "big.mp4", URL)
    part.begin(head(100), 0)
    part.scatter()
    part.write(b"y" * 20, 40)
    part.written(ByteRange(40, 59))
    monkeypatch.setattr(module, "_boot_id", lambda: "another")
    assert resume_point(parts, "big.mp4") is None


def test_ranges_that_were_synced_outlast_a_restart(
    parts: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dashget.store import journal as module

    part = Part(journal_at(parts, fsync=True), "big.mp4", URL)
    part.begin(head(100), 0)
    part.scatter()
    part.write(b"y" * 20, 40)
    part.written(ByteRange(40, 59))
    monkeypatch.setattr(module, "_boot_id", lambda: "another")
    assert resume_point(parts, "big.mp4") is not None


def test_a_line_of_the_journal_is_written_whole_or_not_at_all(
    parts: Path, monkeypatch: pytest.MonkeyPatch
) -> None:

    whole = os.write

    def one_byte(descriptor: int, data: bytes) -> int:
        return whole(descriptor, data[:1])

    monkeypatch.setattr(os, "write", one_byte)
    part = Part(journal_at(parts), "v/1.m4s", URL)
    part.begin(head(10), 0)
    part.write(b"0123", 0)
    monkeypatch.undo()
    assert resume_point(parts) is not None


@pytest.mark.parametrize("taken", [1, 3, 4, 7, 10])
def test_pieces_that_the_disk_takes_in_part_are_completed(
    parts: Path, monkeypatch: pytest.MonkeyPatch, taken: int
) -> None:

    from dashget.store import writing as module

    def short(descriptor: int, pieces: list[bytes], offset: int) -> int:
        return os.pwrite(descriptor, b"".join(pieces)[:taken], offset)

    monkeypatch.setattr(module, "_pwritev", short)
    part = Part(journal_at(parts), "a", URL, checksum="sha256")
    part.begin(head(12), 0)
    part.write(b"xy", 0)
    part.write_pieces([b"abc", b"", b"defg", b"hij"], 2)
    assert part.digest("sha256") == hashlib.sha256(b"xyabcdefghij").digest()
    assert part.size == 12
    assert (parts / part._file).read_bytes() == b"xyabcdefghij"


def test_without_pwritev_pieces_are_joined(parts: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from dashget.store import writing as module

    monkeypatch.setattr(module, "_pwritev", module._join_and_write)
    part = Part(journal_at(parts), "a", URL)
    part.begin(head(4), 0)
    part.write_pieces([b"ab", b"cd"], 0)
    assert part.size == 4
    assert (parts / part._file).read_bytes() == b"abcd"


def begun(parts: Path) -> Part:
    """Return a part of which eight of ten bytes came, and then a page of five."""
    part = Part(journal_at(parts), "v/1.m4s", URL)
    part.begin(head(10), 0)
    part.write(b"01234567", 0)
    part.begin(head(5, '"page"'), 0)
    part.write_pieces([b"<p", b"ag"], 0)
    part.park()
    part.begin(head(5, '"page"'), 4)
    part.write(b"e", 4)
    return part


def test_a_small_body_that_is_dropped_leaves_what_was_there(parts: Path) -> None:
    part = begun(parts)
    assert (part.size, part.read(1, 3)) == (5, b"pag")
    assert part.digest("sha256") == hashlib.sha256(b"<page").digest()
    part.drop()
    assert resume_point(parts) == ResumePoint((ByteRange(0, 7),), 10, '"v1"')


def test_a_small_body_replaces_what_was_there_once_it_is_finished(parts: Path) -> None:
    part = begun(parts)
    finish(part, parts.parent.parent)
    assert (parts.parent.parent / "v/1.m4s").read_bytes() == b"<page"
    assert resume_point(parts) is None
    assert [path.name for path in parts.iterdir() if path.name != "journal.jsonl"] == []
