"""Errors that are about the whole disk, or about the whole process."""

from __future__ import annotations

import errno
import os

import pytest

from dashget.common.oserrors import disk_error, is_descriptor_shortage, is_disk_failure


@pytest.mark.parametrize(
    "number", [errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO, errno.ESTALE]
)
def test_a_full_or_broken_disk_is_a_disk_failure(number: int) -> None:
    assert is_disk_failure(OSError(number, "x"))
    assert not is_descriptor_shortage(OSError(number, "x"))


@pytest.mark.parametrize("number", [errno.EMFILE, errno.ENFILE])
def test_too_many_open_files_are_a_shortage_of_descriptors(number: int) -> None:
    assert is_descriptor_shortage(OSError(number, "x"))
    assert not is_disk_failure(OSError(number, "x"))


def test_other_errors_are_neither() -> None:
    for error in (PermissionError(errno.EACCES, "x"), KeyError(), OSError("x")):
        assert not is_disk_failure(error)
        assert not is_descriptor_shortage(error)


@pytest.mark.parametrize(
    ("number", "message", "hint"),
    [
        (
            errno.EEXIST,
            "cannot use m: something else has this name, such as a link that leads nowhere",
            "choose a directory",
        ),
        (errno.ENOSPC, "cannot write m: no space left on device", "make room on the disk"),
        (
            errno.EDQUOT,
            "cannot write m: disk quota exceeded",
            "make room on the disk, or in your quota",
        ),
        (errno.EIO, "cannot write m: input/output error", "check the disk"),
        (errno.ESTALE, "cannot write m: stale file handle", "check the disk"),
        (errno.EROFS, "cannot write m: read-only file system", "choose a directory"),
        (errno.EACCES, "cannot use m: permission denied", "choose a directory"),
        (errno.EFBIG, "cannot use m: file too large", "choose a directory on another disk"),
        (errno.EMFILE, "cannot use m: too many open files", "allow more open files"),
    ],
)
def test_each_error_of_a_disk_has_one_sentence_and_a_hint_that_helps(
    number: int, message: str, hint: str
) -> None:
    error = disk_error(OSError(number, os.strerror(number)), "m")
    assert error.message == message
    assert error.hint is not None
    assert error.hint.startswith(hint)
