"""Unfinished bytes are resumed only where the journal vouches for them."""

from __future__ import annotations

import errno
import hashlib
import itertools
import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from dashget.common.byterange import ByteRange
from dashget.store.folders import Folders
from dashget.store.journal import Journal, part_name
from dashget.store.local import LocalParts
from dashget.store.parts import Part
from dashget.store.unnamed import UnnamedFile, UnnamedFiles
from dashget.transfer.contract import ResponseHead, ResumePoint

URL = "http://h/a"


def head(size: int | None = 10, validator: str | None = '"v1"') -> ResponseHead:
    return ResponseHead(
        url="http://h/a",
        status=200,
        http_version="1.1",
        size=size,
        etag=validator,
        last_modified=None,
        validator=validator,
        content_type=None,
    )


@pytest.fixture
def parts(tmp_path: Path) -> Path:
    return tmp_path / "parts"


@pytest.fixture(autouse=True)
def _close_what_was_killed() -> Iterator[None]:
    """Close what a test leaves open, as the system does when a process is killed.

    Thousands of tests in one process leave more open than ``select`` can wait for.
    """
    before = descriptors()
    yield
    for descriptor in descriptors() - before:
        os.close(descriptor)


def descriptors() -> set[int]:
    try:
        listed = map(int, os.listdir("/proc/self/fd"))
    except FileNotFoundError:
        return set()
    return {descriptor for descriptor in listed if is_open(descriptor)}


def is_open(descriptor: int) -> bool:
    """Whether it is open after the listing, too, and not for that alone."""
    try:
        os.fstat(descriptor)
    except OSError:
        return False
    return True


def killed(journal: Journal) -> None:
    """End like SIGKILL does: nothing is tidied; only what was written is there."""


def resume_point(parts: Path, path: str = "v/1.m4s") -> ResumePoint | None:
    return Part(Journal(parts), path, URL).resume_point()


def test_nothing_is_there_at_first(parts: Path) -> None:
    assert resume_point(parts) is None
    assert not parts.exists()


def test_a_file_that_comes_in_one_piece_never_enters_the_journal(parts: Path) -> None:
    journal = Journal(parts)
    part = Part(journal, "v/1.m4s", URL)
    part.begin(head(10), 0)
    part.write(b"0123456789", 0)
    assert part.size == 10
    assert not (parts / "journal.jsonl").exists()


def test_an_interrupted_part_goes_on_after_its_last_byte(parts: Path) -> None:
    part = Part(Journal(parts), "v/1.m4s", URL)
    part.begin(head(10), 0)
    part.write(b"0123", 0)
    assert resume_point(parts) == ResumePoint((ByteRange(0, 3),), 10, '"v1"')


def test_a_resumed_part_can_be_interrupted_again(parts: Path) -> None:
    part = Part(Journal(parts), "v/1.m4s", URL)
    part.begin(head(10), 0)
    part.write(b"0123", 0)
    again = Part(Journal(parts), "v/1.m4s", URL)
    again.begin(head(10), 4)
    again.write(b"45", 4)
    assert resume_point(parts) == ResumePoint((ByteRange(0, 5),), 10, '"v1"')
    assert (parts / part_name("v/1.m4s")).read_bytes() == b"012345"


def test_a_part_without_validator_is_not_trusted(parts: Path) -> None:
    part = Part(Journal(parts), "v/1.m4s", URL)
    part.begin(head(10, None), 0)
    part.write(b"0123", 0)
    assert resume_point(parts) is None


def test_bytes_that_the_journal_does_not_know_are_dropped(parts: Path) -> None:
    parts.mkdir()
    (parts / part_name("v/1.m4s")).write_bytes(b"whose?")
    assert resume_point(parts) is None
    assert not (parts / part_name("v/1.m4s")).exists()


def test_a_restart_from_zero_forgets_what_an_earlier_run_left(parts: Path) -> None:
    part = Part(Journal(parts), "v/1.m4s", URL)
    part.begin(head(10), 0)
    part.write(b"0123", 0)
    journal = Journal(parts)
    again = Part(journal, "v/1.m4s", URL)
    again.begin(head(8, '"v2"'), 0)
    again.write(b"ab", 0)
    assert resume_point(parts) == ResumePoint((ByteRange(0, 1),), 8, '"v2"')


def test_a_restart_that_is_killed_before_its_first_byte_leaves_nothing_to_resume(
    parts: Path,
) -> None:
    part = Part(Journal(parts), "v/1.m4s", URL)
    part.begin(head(10), 0)
    part.write(b"0123", 0)
    Part(Journal(parts), "v/1.m4s", URL).begin(head(8, '"v2"'), 0)
    assert resume_point(parts) is None


def test_what_comes_whole_is_not_taken_for_what_an_earlier_run_left(parts: Path) -> None:
    """Killed before it gets its name, it lies where the bytes of another version were."""
    part = Part(Journal(parts), "v/1.m4s", URL)
    part.begin(head(10), 0)
    part.write(b"0123", 0)
    again = Part(Journal(parts), "v/1.m4s", URL)
    again.begin(head(8, '"v2"'), 0)
    again.write(b"abcdefgh", 0)
    killed(again._journal)
    assert resume_point(parts) == ResumePoint((ByteRange(0, 7),), 8, '"v2"')


def test_what_is_put_whole_is_not_taken_for_what_was_dropped(parts: Path) -> None:
    journal = Journal(parts)
    part = Part(journal, "v/1.m4s", URL)
    part.begin(head(10), 0)
    part.write(b"0123", 0)
    part.drop()
    again = Part(journal, "v/1.m4s", URL)
    again.begin(head(8, '"v2"'), 0)
    again.write(b"abcdefgh", 0)
    assert resume_point(parts) == ResumePoint((ByteRange(0, 7),), 8, '"v2"')


def test_a_scattered_part_keeps_its_whole_ranges_only(parts: Path) -> None:
    part = Part(Journal(parts), "big.mp4", URL)
    part.begin(head(100), 0)
    part.scatter()
    part.write(b"y" * 20, 40)
    part.written(ByteRange(40, 59))
    part.write(b"z" * 5, 80)
    point = resume_point(parts, "big.mp4")
    assert point == ResumePoint((ByteRange(40, 59),), 100, '"v1"')


def test_neighbouring_ranges_of_a_scattered_part_are_joined(parts: Path) -> None:
    part = Part(Journal(parts), "big.mp4", URL)
    part.begin(head(100), 0)
    part.scatter()
    for first in (20, 0, 60, 10):
        part.write(b"y" * 10, first)
        part.written(ByteRange(first, first + 9))
    point = resume_point(parts, "big.mp4")
    assert point is not None
    assert point.finished == (ByteRange(0, 29), ByteRange(60, 69))


def test_a_sequential_part_that_is_scattered_later_keeps_its_beginning(parts: Path) -> None:
    part = Part(Journal(parts), "big.mp4", URL)
    part.begin(head(100), 0)
    part.write(b"x" * 30, 0)
    again = Part(Journal(parts), "big.mp4", URL)
    again.begin(head(100), 30)
    again.scatter()
    again.write(b"y" * 10, 50)
    again.written(ByteRange(50, 59))
    point = resume_point(parts, "big.mp4")
    assert point is not None
    assert point.finished == (ByteRange(0, 29), ByteRange(50, 59))


def test_a_range_past_what_is_on_disk_is_not_believed(parts: Path) -> None:
    part = Part(Journal(parts), "big.mp4", URL)
    part.begin(head(100), 0)
    part.scatter()
    part.write(b"y" * 10, 50)
    part.written(ByteRange(50, 79))
    point = resume_point(parts, "big.mp4")
    assert point is not None
    assert point.finished == (ByteRange(50, 59),)


@pytest.mark.parametrize("damage", [b"", b"{", b'{"part":1}\n', b"\xff\xfe\n", b"null\n", b"[]\n"])
def test_a_damaged_journal_costs_what_it_says_alone(parts: Path, damage: bytes) -> None:
    part = Part(Journal(parts), "v/1.m4s", URL)
    part.begin(head(10), 0)
    part.write(b"0123", 0)
    with (parts / "journal.jsonl").open("ab") as file:
        file.write(damage)
    assert resume_point(parts) == ResumePoint((ByteRange(0, 3),), 10, '"v1"')


def test_the_journal_is_rewritten_short(parts: Path) -> None:
    for _ in range(50):
        part = Part(Journal(parts), "v/1.m4s", URL)
        part.begin(head(10), 0)
        part.write(b"0123", 0)
    Journal(parts)
    assert len((parts / "journal.jsonl").read_bytes().splitlines()) == 1


def test_closing_leaves_no_empty_directory(parts: Path) -> None:
    journal = Journal(parts)
    part = Part(journal, "v/1.m4s", URL)
    part.begin(head(None), 0)
    part.write(b"0123", 0)
    part.close()
    Path(part._file).unlink()
    journal.close()
    assert not parts.exists()


def test_closing_keeps_what_can_be_resumed(parts: Path) -> None:
    journal = Journal(parts)
    part = Part(journal, "v/1.m4s", URL)
    part.begin(head(10), 0)
    part.write(b"0123", 0)
    part.close()
    journal.close()
    assert resume_point(parts) is not None


def test_what_can_be_gone_on_with_is_counted(parts: Path) -> None:
    journal = Journal(parts)
    assert journal.kept() == (0, 0)
    earlier = Part(journal, "earlier", URL)
    earlier.begin(head(), 0)
    earlier.write(b"0123", 0)
    killed(journal)
    journal = Journal(parts)
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
    part = Part(Journal(parts), "empty", URL)
    part.begin(head(0), 0)
    assert part.size == 0
    assert Path(part._file).exists()


def test_writing_before_a_response_is_a_mistake(parts: Path) -> None:
    with pytest.raises(ValueError, match="begin"):
        Part(Journal(parts), "a", URL).write(b"x", 0)


def test_a_short_write_is_completed(parts: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    from dashget.store import writing as module

    def one_byte(descriptor: int, data: bytes, offset: int) -> int:
        return os.pwrite(descriptor, data[:1], offset)

    monkeypatch.setattr(module, "_pwrite", one_byte)
    part = Part(Journal(parts), "a", URL)
    part.begin(head(4), 0)
    part.write(b"abcd", 0)
    assert part.size == 4
    assert Path(part._file).read_bytes() == b"abcd"


def test_where_pwrite_is_missing_a_seek_does_as_well(
    parts: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dashget.store import writing as module

    monkeypatch.setattr(module, "_pwrite", module._seek_and_write)
    part = Part(Journal(parts), "a", URL)
    part.begin(head(6), 0)
    part.write(b"def", 3)
    part.write(b"abc", 0)
    part.close()
    assert Path(part._file).read_bytes() == b"abcdef"


def test_a_part_from_another_url_is_not_continued(parts: Path) -> None:
    """A validator means something for its own URL only (RFC 9110, 8.8.3)."""
    part = Part(Journal(parts), "v/1.m4s", URL)
    part.begin(head(10), 0)
    part.write(b"0123", 0)
    assert Part(Journal(parts), "v/1.m4s", "http://other/a").resume_point() is None
    assert resume_point(parts) is not None


def test_a_directory_of_parts_that_cannot_be_removed_is_no_error(
    parts: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = Journal(parts)
    part = Part(journal, "v/1.m4s", URL)
    part.begin(head(10), 0)
    part.close()
    Path(part._file).unlink()

    def refuse(self: Path) -> None:
        raise PermissionError(13, "permission denied")

    monkeypatch.setattr(Path, "rmdir", refuse)
    journal.close()


def test_ranges_noted_before_the_system_was_restarted_are_not_believed(
    parts: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dashget.store import journal as module

    part = Part(Journal(parts), "big.mp4", URL)
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

    part = Part(Journal(parts, fsync=True), "big.mp4", URL)
    part.begin(head(100), 0)
    part.scatter()
    part.write(b"y" * 20, 40)
    part.written(ByteRange(40, 59))
    monkeypatch.setattr(module, "_boot_id", lambda: "another")
    assert resume_point(parts, "big.mp4") is not None


def test_a_line_of_the_journal_is_written_whole_or_not_at_all(
    parts: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import os

    whole = os.write

    def one_byte(descriptor: int, data: bytes) -> int:
        return whole(descriptor, data[:1])

    monkeypatch.setattr(os, "write", one_byte)
    part = Part(Journal(parts), "v/1.m4s", URL)
    part.begin(head(10), 0)
    part.write(b"0123", 0)
    monkeypatch.undo()
    assert resume_point(parts) is not None


@pytest.mark.parametrize("taken", [1, 3, 4, 7, 10])
def test_pieces_that_the_disk_takes_in_part_are_completed(
    parts: Path, monkeypatch: pytest.MonkeyPatch, taken: int
) -> None:
    import os

    from dashget.store import writing as module

    def short(descriptor: int, pieces: list[bytes], offset: int) -> int:
        return os.pwrite(descriptor, b"".join(pieces)[:taken], offset)

    monkeypatch.setattr(module, "_pwritev", short)
    part = Part(Journal(parts), "a", URL, checksum="sha256")
    part.begin(head(12), 0)
    part.write(b"xy", 0)
    part.write_pieces([b"abc", b"", b"defg", b"hij"], 2)
    assert part.digest("sha256") == hashlib.sha256(b"xyabcdefghij").digest()
    assert part.size == 12
    assert Path(part._file).read_bytes() == b"xyabcdefghij"


def test_where_pwritev_is_missing_pieces_are_joined(
    parts: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dashget.store import writing as module

    monkeypatch.setattr(module, "_pwritev", module._join_and_write)
    part = Part(Journal(parts), "a", URL)
    part.begin(head(4), 0)
    part.write_pieces([b"ab", b"cd"], 0)
    assert part.size == 4
    assert Path(part._file).read_bytes() == b"abcd"


# Small files that arrive whole.

unnamed = pytest.mark.skipif(not hasattr(os, "O_TMPFILE"), reason="files always have names here")


def made(root: Path) -> Journal:
    """Return the journal of a mirror that lies at ``root``."""
    (root / ".dashget").mkdir(parents=True, exist_ok=True)
    return Journal(root / ".dashget/parts")


def local(root: Path) -> LocalParts:
    """Return the unfinished files of a mirror that lies at ``root``."""
    return LocalParts(made(root), Folders(os.path.join(root, ""), lambda: None))


def receive(parts: LocalParts, path: str, *pieces: bytes) -> UnnamedFile | Part:
    return parts.receive(path, URL, head(sum(map(len, pieces))), pieces)


def names(root: Path) -> set[str]:
    return {str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()}


@unnamed
def test_a_whole_file_has_no_name_before_its_final_one(tmp_path: Path) -> None:
    parts = local(tmp_path)
    file = receive(parts, "1.m4s", b"abc", b"def")
    assert file.size == 6
    assert names(tmp_path) == set()
    parts.publish(file)
    assert names(tmp_path) == {"1.m4s"}
    assert (tmp_path / "1.m4s").read_bytes() == b"abcdef"
    umask = os.umask(0)
    os.umask(umask)
    assert (tmp_path / "1.m4s").stat().st_mode & 0o777 == 0o666 & ~umask


@unnamed
def test_a_whole_file_that_is_not_finished_leaves_nothing(tmp_path: Path) -> None:
    parts = local(tmp_path)
    receive(parts, "1.m4s", b"abc").close()
    receive(parts, "1.m4s", b"abc").drop()
    assert names(tmp_path) == set()


@unnamed
def test_a_whole_file_is_finished_once_and_closed_as_often_as_it_takes(tmp_path: Path) -> None:
    """Its descriptor may be another file's by then."""
    parts = local(tmp_path)
    file = receive(parts, "1.m4s", b"abc")
    parts.publish(file)
    with (tmp_path / "1.m4s").open("rb") as other:
        file.close()
        file.close()
        assert other.read() == b"abc"
    with pytest.raises(ValueError, match="already"):
        parts.publish(file)


def test_a_whole_file_may_be_empty(tmp_path: Path) -> None:
    parts = local(tmp_path)
    parts.publish(receive(parts, "1.m4s"))
    assert (tmp_path / "1.m4s").read_bytes() == b""


def test_a_whole_file_replaces_the_file_that_has_its_name(tmp_path: Path) -> None:
    (tmp_path / "1.m4s").write_bytes(b"old and long")
    parts = local(tmp_path)
    parts.publish(receive(parts, "1.m4s", b"new"))
    assert names(tmp_path) == {"1.m4s"}
    assert (tmp_path / "1.m4s").read_bytes() == b"new"


def test_a_mirror_with_a_relative_path_is_no_different(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for root in (Path("m"), Path()):
        parts = local(root)
        for name in ("1.m4s", "1.m4s"):
            parts.publish(receive(parts, name, b"new"))
        assert (root / "1.m4s").read_bytes() == b"new"


@unnamed
@pytest.mark.parametrize("number", [errno.EOPNOTSUPP, errno.EISDIR, errno.EINVAL])
def test_a_file_system_without_unnamed_files_gets_named_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    opened = os.open

    def refuse(path: str, flags: int, *rest: int, **more: int) -> int:
        if flags & os.O_TMPFILE == os.O_TMPFILE:
            raise OSError(number, os.strerror(number))
        return opened(path, flags, *rest, **more)

    monkeypatch.setattr(os, "open", refuse)
    parts = local(tmp_path)
    for name in ("1.m4s", "2.m4s"):
        file = receive(parts, name, b"abc")
        assert len(names(tmp_path)) == (1 if name == "1.m4s" else 2)
        parts.publish(file)
        assert (tmp_path / name).read_bytes() == b"abc"
    assert parts.unnamed.root is None


@unnamed
@pytest.mark.parametrize(
    "number", [errno.EPERM, errno.EOPNOTSUPP, errno.EACCES, errno.EXDEV, errno.EMLINK, errno.ENOENT]
)
def test_an_unnamed_file_that_cannot_be_linked_is_copied(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "link", refuse)
    parts = local(tmp_path)
    for name in ("1.m4s", "2.m4s"):
        parts.publish(receive(parts, name, b"ab", b"c"))
        assert (tmp_path / name).read_bytes() == b"abc"
    assert names(tmp_path) == {"1.m4s", "2.m4s"}


def test_a_digest_is_computed_as_the_bytes_arrive(tmp_path: Path) -> None:
    part = Part(made(tmp_path), "1.m4s", URL, "sha256")
    part.begin(head(6), 0)
    part.write_pieces([b"abc", b"def"], 0)
    assert part.digest("sha256") == hashlib.sha256(b"abcdef").digest()
    assert part.digest("md5") == hashlib.md5(b"abcdef").digest()
    part.finish()


OPERATIONS = ("begin", "resume", "reopen")


@pytest.mark.parametrize(
    "story", [s for n in range(1, 5) for s in itertools.product(OPERATIONS, repeat=n)], ids="-".join
)
def test_whatever_came_before_the_last_answer_decides(
    tmp_path: Path, story: tuple[str, ...]
) -> None:
    """Answers that broke off, came whole, or a killed run in between: the last body counts."""
    journal, part = made(tmp_path), None
    want = b""
    for number, operation in enumerate((*story, "begin")):
        if part is None or operation == "reopen":
            journal = made(tmp_path)
            part = Part(journal, "1.m4s", URL)
            part.resume_point()
            if operation == "reopen":
                continue
        body = bytes([65 + number]) * (30 - 4 * number)
        point = part.resume_point() if want == b"" or number == 0 else None
        if operation == "resume" and 0 < part.size < 30 and point is None and part._file:
            start = part.size
            part.begin(head(30, '"same"'), start)
            part.write(b"z" * (30 - start), start)
            want = b""
        else:
            part.begin(head(len(body), f'"{number}"'), 0)
            part.write(body[:7], 0)
            part.write(body[7:], 7)
            want = body
    assert part is not None
    assert want
    assert part.size == len(want)
    part.finish()
    assert (tmp_path / "1.m4s").read_bytes() == want


@unnamed
def test_a_second_file_without_a_name_is_copied_once_the_first_got_no_link(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.EPERM, os.strerror(errno.EPERM))

    parts = local(tmp_path)
    first, second = (receive(parts, name, b"abc") for name in ("1.m4s", "2.m4s"))
    with monkeypatch.context() as patched:
        patched.setattr(os, "link", refuse)
        parts.publish(first)
    parts.publish(second)
    assert names(tmp_path) == {"1.m4s", "2.m4s"}


@unnamed
@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO])
def test_an_error_of_the_disk_is_not_worked_around(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    parts = local(tmp_path)
    file = receive(parts, "1.m4s", b"abc")
    monkeypatch.setattr(os, "link", refuse)
    with pytest.raises(OSError, match=re.escape(os.strerror(number))):
        parts.publish(file)
    assert names(tmp_path) == set()


def test_no_open_file_is_renamed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Windows refuses that."""
    closed: list[bool] = []
    part = Part(made(tmp_path), "1.m4s", URL)
    real = os.replace

    def replace(source: str, target: str) -> None:
        closed.append(part._descriptor is None)
        real(source, target)

    monkeypatch.setattr(os, "replace", replace)
    part.begin(head(6), 0)
    part.write(b"abc", 0)
    part.write(b"def", 3)
    part.finish()
    assert closed == [True]
    assert (tmp_path / "1.m4s").read_bytes() == b"abcdef"


def test_more_pieces_than_one_call_takes_are_all_written(tmp_path: Path) -> None:
    pieces = [bytes([n % 251]) for n in range(3000)]
    parts = local(tmp_path)
    begun = parts.part("2.m4s", URL)
    begun.begin(head(3000), 0)
    begun.write_pieces(pieces, 0)
    for file in (receive(parts, "1.m4s", *pieces), begun):
        parts.publish(file)
        assert (tmp_path / file.path).read_bytes() == b"".join(pieces)


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
    part.finish()
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
    part.finish()
    assert (tmp_path / "1.m4s").read_bytes() == b"abcdefghi"


@pytest.mark.parametrize("scattered", [False, True])
def test_a_kill_finds_of_a_parked_part_what_was_written(tmp_path: Path, scattered: bool) -> None:
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


def test_a_parked_part_may_begin_anew(tmp_path: Path) -> None:
    part = Part(made(tmp_path), "1.m4s", URL)
    part.begin(head(9), 0)
    part.scatter()
    part.write(b"abc", 6)
    part.park()
    part.begin(head(2, '"v2"'), 0)
    part.write(b"xy", 0)
    part.finish()
    assert (tmp_path / "1.m4s").read_bytes() == b"xy"


@pytest.mark.parametrize("left", [None, b"ab"])
def test_no_hole_is_left_where_somebody_took_what_was_parked(
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


def test_no_ranges_are_joined_to_what_somebody_took(tmp_path: Path) -> None:
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


def test_the_root_is_closed_once_where_two_threads_find_that_it_is_of_no_use(
    parts: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By then its descriptor may be another file's."""
    files = UnnamedFiles(Journal(parts))
    root = files.root
    if root is None:
        pytest.skip("no files without a name here")
    closed: list[int] = []
    close = os.close

    def close_slowly(descriptor: int) -> None:
        closed.append(descriptor)
        if len(closed) == 1:
            # As another thread might while this one is in the system call.
            files.give_up()
        close(descriptor)

    monkeypatch.setattr(os, "close", close_slowly)
    files.give_up()
    assert closed == [root]
