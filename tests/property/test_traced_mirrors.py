"""The law of ``test_planted_mirrors``, as the kernel sees it: each command runs under strace.

No path outside of the mirror is opened for writing, created, renamed, removed or given another mode,
by any thread and any library. ``ELSEWHERE`` has what is not a file of somebody.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.property.test_planted_mirrors import (
    KINDS,
    NAMES,
    OF_RECORDINGS,
    facts,
    make,
    make_recording,
    plant,
)
from tests.support import tracing
from tests.support.faultserver import FaultServer
from tests.support.program import COMMAND, environment, run

pytestmark = pytest.mark.slow

COMMANDS: Final = {
    "get": ("URL", "-o", "m", "--checksums", "sha256", "--times"),
    "prune": ("URL", "-o", "m", "--prune", "--accept-odd"),
    "again": ("m", "--moved"),
    "dry": ("URL", "-o", "m", "--dry-run", "--prune"),
    "list": ("list", "URL"),
    "plan": ("plan", "URL"),
    "verify": ("verify", "m"),
    "repair": ("verify", "m", "--repair", "--prune"),
    "remote": ("verify", "m", "--remote"),
    "demo": ("demo", "-o", "m"),
    "record": ("record", "LIVE", "-o", "m", "--give-up", "2s"),
    "keep": ("record", "LIVE", "-o", "m", "--give-up", "2s", "--keep", "1h"),
    "gaps": ("gaps", "m"),
}
ELSEWHERE: Final = re.compile(r"/dev/null|/proc/(?:self|\d+)/(?:mem|fd/\d+)")
"""Nothing; the program's own memory, in which it blanks the secrets of its command line; and an
open file without a name, which was made in the mirror and gets its name there."""


@pytest.fixture(scope="module")
def mirrors() -> Iterator[tuple[dict[str, str], Path]]:
    """Make the mirrors that examples get a copy of: of a show, of the demo, and a recording."""
    if shutil.which("strace") is None:
        pytest.skip("strace is not installed")
    with FaultServer() as server, tempfile.TemporaryDirectory() as folder:
        urls = {
            "URL": make(server, Path(folder, "m")),
            "LIVE": make_recording(server, Path(folder, "record")),
        }
        assert run("demo", "-o", "demo", cwd=Path(folder)).code == 0
        yield urls, Path(folder)


def traced(words: list[str], folder: Path) -> set[tuple[str, str]]:
    """Run a command under strace; return what it changed outside of the mirror."""
    trace = folder.parent / "trace"
    done = subprocess.run(
        [*tracing.WORDS, str(trace), *COMMAND, *words],
        cwd=folder,
        env=environment(PYTHONDONTWRITEBYTECODE="1"),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode in (0, 1, 2, 3, 4, 5, 6, 7), done.stderr
    assert "Traceback" not in done.stderr
    root = os.path.join(folder.resolve(), "m")
    return {
        (call, path)
        for call, path in tracing.changes(trace, folder)
        if path != root and not path.startswith(f"{root}/") and not ELSEWHERE.fullmatch(path)
    }


@given(
    plants=st.lists(
        st.tuples(st.sampled_from((*NAMES, *OF_RECORDINGS, "bars", "bars/audio-de", "manifest.mpd")),
                  st.sampled_from(KINDS)),
        max_size=4,
    ),
    command=st.sampled_from(sorted(COMMANDS)),
)  # fmt: skip
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_no_system_call_changes_a_file_outside(
    mirrors: tuple[dict[str, str], Path], plants: list[tuple[str, str]], command: str
) -> None:
    urls, originals = mirrors
    original = originals / {"keep": "record", "gaps": "record"}.get(command, command)
    original = original if original.is_dir() else originals / "m"
    with tempfile.TemporaryDirectory() as place:
        folder, outside = Path(place, "f"), Path(place, "outside")
        root = folder / "m"
        shutil.copytree(original, root, symlinks=True)
        (outside / "v").mkdir(parents=True)
        for name in ("file", "1.m4s", "journal.jsonl", "record.jsonl", "lock"):
            (outside / name).write_bytes(b"somebody's own\n")
        for name, kind in plants:
            plant(root / name, kind, outside)
        before, beside = facts(outside), sorted(os.listdir(folder))
        words = [urls.get(word, word) for word in COMMANDS[command]]
        assert traced(words, folder) == set()
        assert facts(outside) == before
        assert sorted(os.listdir(folder)) == beside


@pytest.mark.parametrize(
    ("script", "call"),
    [
        ("open('../new', 'w')", "openat"),
        ("import os; os.unlink('link')", "unlink"),
        ("import os; os.mkdir('link/x')", "mkdir"),
        ("import os; os.chmod('link', 0o600)", "chmod"),
        ("import os; os.rename('m', '../other')", "rename"),
        ("import os; d = os.open('link', os.O_RDONLY); os.utime('file', dir_fd=d)", "utimensat"),
        ("import os; d = os.open('link', os.O_RDONLY); os.fchmod(d, 0o700)", "fchmod"),
    ],
)
def test_a_change_outside_is_seen(
    mirrors: tuple[dict[str, str], Path], script: str, call: str, tmp_path: Path
) -> None:
    folder, outside = tmp_path / "f", tmp_path / "outside"
    (folder / "m").mkdir(parents=True)
    outside.mkdir()
    (outside / "file").touch()
    (folder / "link").symlink_to(outside)
    trace = tmp_path / "trace"
    words = [*tracing.WORDS, str(trace), shutil.which("python3") or "python3", "-I", "-c", script]
    subprocess.run(words, cwd=folder, check=True)
    assert call in {name for name, _ in tracing.changes(trace, folder)}
