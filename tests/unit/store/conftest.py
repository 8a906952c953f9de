"""A folder for parts, and an end to what tests leave open."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture
def parts(tmp_path: Path) -> Path:
    return tmp_path / "parts"


@pytest.fixture
def killed_files_are_closed() -> Iterator[None]:
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
