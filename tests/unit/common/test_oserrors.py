"""Errors that are about the whole disk, or about the whole process."""

from __future__ import annotations

import errno

import pytest

from dashget.common.oserrors import is_descriptor_shortage, is_disk_failure


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO])
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
