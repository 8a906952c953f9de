"""The process of a command keeps freed memory for the next burst of parallel ranges."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from dashget.cli import app, memory
from dashget.cli.memory import keep_freed_memory

BURSTS = """
import resource, sys
from dashget.cli.memory import keep_freed_memory

if sys.argv[1] == "kept":
    assert keep_freed_memory()

def burst():
    pieces = [bytes(16 * 1024) for _ in range(512)]

def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt

burst()
before = faults()
for _ in range(10):
    burst()
print(faults() - before)
"""


def has_glibc() -> bool:
    try:
        return "glibc" in (os.confstr("CS_GNU_LIBC_VERSION") or "")
    except (AttributeError, ValueError, OSError):
        return False


@pytest.mark.skipif(not has_glibc(), reason="no glibc")
def test_bursts_fault_no_page_in_again() -> None:
    """Eight megabytes are 2,048 pages, which each burst would fault in again."""

    def faults(word: str) -> int:
        done = subprocess.run(
            [sys.executable, "-c", BURSTS, word], capture_output=True, text=True, check=True
        )
        return int(done.stdout)

    assert faults("given back") > 10_000
    assert faults("kept") < 2_000


@pytest.mark.parametrize("platform", ["darwin", "win32"])
def test_elsewhere_nothing_happens(platform: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory.sys, "platform", platform)
    assert keep_freed_memory() is False


def test_without_that_function_nothing_happens(monkeypatch: pytest.MonkeyPatch) -> None:
    import _ctypes

    def missing(library: int, name: str) -> int:
        raise OSError(f"undefined symbol: {name}")

    monkeypatch.setattr(_ctypes, "dlsym", missing)
    assert keep_freed_memory() is False


@pytest.mark.parametrize(
    ("command", "wanted"),
    [
        ("get http://127.0.0.1:9/x.mpd --retries 0", True),
        ("verify missing --repair", True),
        ("verify missing", False),
        ("list missing.mpd", False),
    ],
)
def test_commands_that_fetch_large_files_keep_freed_memory(
    command: str, wanted: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[None] = []
    monkeypatch.setattr(memory, "keep_freed_memory", lambda: calls.append(None))
    assert app.run(command.split()) != 0
    assert bool(calls) is wanted
