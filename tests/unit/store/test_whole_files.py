"""Small files that arrive whole: written without a name, or as a part."""

from __future__ import annotations

import errno
import hashlib
import itertools
import os
import re
from pathlib import Path

import pytest

from dashget.store.parts import Part
from dashget.store.unnamed import UnnamedFiles
from tests.unit.store.partfiles import (
    URL,
    finish,
    head,
    journal_at,
    local,
    made,
    names,
    receive,
    unnamed,
)

pytestmark = pytest.mark.usefixtures("killed_files_are_closed")


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


def test_a_mirror_may_have_a_relative_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
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
    finish(part, tmp_path)


OPERATIONS = ("begin", "resume", "reopen")


@pytest.mark.parametrize(
    "story", [s for n in range(1, 5) for s in itertools.product(OPERATIONS, repeat=n)], ids="-".join
)
def test_the_last_complete_body_becomes_the_file(tmp_path: Path, story: tuple[str, ...]) -> None:
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
    finish(part, tmp_path)
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


def test_more_pieces_than_one_call_takes_are_all_written(tmp_path: Path) -> None:
    pieces = [bytes([n % 251]) for n in range(3000)]
    parts = local(tmp_path)
    begun = parts.part("2.m4s", URL)
    begun.begin(head(3000), 0)
    begun.write_pieces(pieces, 0)
    for file in (receive(parts, "1.m4s", *pieces), begun):
        parts.publish(file)
        assert (tmp_path / file.path).read_bytes() == b"".join(pieces)


def test_the_root_is_closed_once_where_two_threads_find_that_it_is_of_no_use(
    parts: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By then its descriptor may be another file's."""
    files = UnnamedFiles(journal_at(parts))
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
