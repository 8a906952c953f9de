"""What a target of the fuzzer is, and the limits that every input must stay within."""

from __future__ import annotations

import os
import resource
import sys
import time
import zlib
from collections.abc import Callable, Sequence
from functools import lru_cache
from random import Random
from typing import Final, NamedTuple, TypeVar

from dashget.errors import DashGetError

LONGEST: Final = 64 * 1024
"""The bytes of an input at most: the limits below are for inputs of this size."""
SECONDS: Final = 1.0
"""The CPU time that one input may take."""
MEMORY: Final = 256 * 1024 * 1024
"""The memory that one input may take."""
SEPARATOR: Final = b"\n\x1e\x1e\x1e\n"
"""Stands between a document and the answers to the requests that it causes."""

T = TypeVar("T")
Mutate = Callable[[bytes, Random], bytes]
_PAGE: Final = os.sysconf("SC_PAGE_SIZE")
_KIBI: Final = 1 if sys.platform == "darwin" else 1024


class Target(NamedTuple):
    """A reader of foreign bytes, how its inputs begin, and how they are varied."""

    run: Callable[[bytes], None]
    """Reads an input; raises for what must never happen."""
    seeds: Callable[[], Sequence[bytes]]
    mutate: Mutate


class TooMuchError(AssertionError):
    """An input took more time or memory than any may."""


def run_within(target: Target, data: bytes, seconds: float = SECONDS) -> float:
    """Run a target on an input; return the CPU time that it took.

    Raises what the target raises, and TooMuchError beyond the limits.
    """
    resident, peak = _resident(), _peak()
    begun = time.process_time()
    target.run(data[:LONGEST])
    took = time.process_time() - begun
    if took > seconds:
        raise TooMuchError(f"{took:.2f} s of CPU time for {len(data):,} bytes")
    highest = _peak()
    if highest > peak and highest - resident > MEMORY:
        raise TooMuchError(f"{(highest - resident) >> 20:,} MiB for {len(data):,} bytes")
    return took


def some(choices: Sequence[T], data: bytes, count: int = 2) -> Sequence[T]:
    """Return some of several choices, always the same ones for the same input.

    So each input takes less time than with all of them, and there can be more inputs.
    """
    at = zlib.crc32(data) % len(choices)
    return [*choices, *choices][at : at + count]


def check_error(error: DashGetError) -> None:
    """Check that an error can be shown: a sentence, and one of the documented exit codes."""
    assert error.message.strip()
    assert error.hint is None or error.hint.strip()
    assert 1 <= error.exit_code <= 6


def _peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _KIBI


def _resident() -> int:
    """Return the memory in use; where the system does not tell, its highest value so far."""
    try:
        return int(os.pread(_memory_file(), 100, 0).split()[1]) * _PAGE
    except OSError:
        return _peak()


@lru_cache(maxsize=1)
def _memory_file() -> int:
    # Open for good: it is read for each of millions of inputs.
    return os.open("/proc/self/statm", os.O_RDONLY)
