"""Whatever somebody plants in a mirror, commands change nothing outside of it, and end.

A mirror with a part, an earlier MPD and a file that was set aside is made once, and copied for
each example. Links (to files, folders, nothing, themselves), hard links, pipes, sockets and
devices take the names of its files and folders, DashGet's own included. A hook of the
interpreter sees every change of a file by its path.
"""

from __future__ import annotations

import contextlib
import faulthandler
import os
import shutil
import socket
import stat
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import dashget
from dashget.store import Mirror
from dashget.store.journal import part_name
from dashget.verification.recording import gaps_of
from tests.integration.mirror.presentation import manifest, publish, segment
from tests.support.builders import mpd, numbered
from tests.support.faultserver import Answer, FaultServer
from tests.support.running import TRANSFER, mirror, verify

pytestmark = pytest.mark.skipif(os.name == "nt", reason="needs links and pipes")

NAMES: Final = (
    ".dashget", ".dashget/fresh", ".dashget/lock", ".dashget/manifests", ".dashget/parts",
    ".dashget/parts/journal.jsonl", ".dashget/parts/journal.new",
    f".dashget/parts/{part_name('v/2.m4s')}", f".dashget/parts/{part_name('v/2.m4s')}.ranges",
    f".dashget/parts/{part_name('x.mpd')}", ".dashget/record.jsonl", ".dashget/record.jsonl.new",
    ".dashget/lock.new", ".dashget/remote", ".dashget/remote/index.jsonl", ".dashget/replaced",
    ".dashget/replaced/v", ".dashget/replaced/v/2.m4s", "SHA256SUMS", "old", "old/1.m4s", "v",
    "v/1.m4s", "v/2.m4s", f"v/.{part_name('2.m4s')}", "x.local.mpd", "x.mpd",
)  # fmt: skip
OF_RECORDINGS: Final = (
    ".dashget", ".dashget/checkpoint.jsonl", ".dashget/fresh", ".dashget/lock", ".dashget/manifests.log",
    ".dashget/parts", ".dashget/record.jsonl", ".dashget/record.jsonl.new", "v", "v/1.m4s", "v/2.m4s",
    "v/3.m4s", "x.local.mpd", "x.mpd",
)  # fmt: skip
KINDS: Final = (
    "file", "folder", "nothing", "itself", "above", "inside", "hard", "pipe", "socket", "device",
    "missing", "empty", "block", "null",
)  # fmt: skip
COMMANDS: Final = ("get", "prune", "verify", "repair", "remote", "plan", "again")
COMMANDS_OF_RECORDINGS: Final = ("record", "keep", "gaps", "verify", "repair", "get")
OVER: Final = 'availabilityStartTime="2026-01-01T00:00:00Z"'
WRITING: Final = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC


class Watch:
    """Sees each change by a path while ``root`` is set; a hook can never be taken out again."""

    def __init__(self) -> None:
        self.root: Path | None = None
        self.wrong: list[str] = []

    def __call__(self, event: str, arguments: tuple[Any, ...]) -> None:
        if self.root is None:
            return
        if event == "open":
            path, _, flags = arguments
            if isinstance(path, str) and isinstance(flags, int) and flags & WRITING:
                relative = os.sep not in path and flags & os.O_NOFOLLOW
                unnamed = (flags & os.O_TMPFILE) == os.O_TMPFILE
                self.check(event, path, allowed=bool(relative or unnamed))
        elif event in ("os.remove", "os.rename", "os.link", "os.rmdir", "os.truncate", "os.chmod"):
            # Names alone are relative to an open directory.
            for path in arguments[: 2 if event in ("os.rename", "os.link") else 1]:
                if isinstance(path, str) and not path.startswith("/proc/self/fd/"):
                    self.check(event, path, allowed=os.sep not in path)

    def check(self, event: str, path: str, *, allowed: bool) -> None:
        if not allowed and path != os.devnull and "/tmp/" in os.path.abspath(path):
            self.wrong.append(f"{event} {path}")


@pytest.fixture(scope="module")
def watch() -> Watch:
    made = Watch()
    sys.addaudithook(made)
    return made


@pytest.fixture(scope="module")
def made() -> Iterator[tuple[str, Path]]:
    """Make the mirror that each example gets a copy of; its manifest no longer names a file."""
    with FaultServer() as server, tempfile.TemporaryDirectory() as folder:
        root = Path(folder, "m")
        yield make(server, root), root


def make(server: FaultServer, root: Path) -> str:
    """Make a mirror with a part, an earlier MPD and a file that was set aside; return its URL."""
    server.on("/show/old/1.m4s", segment(1))
    url = publish(server, numbered("old/$Number$.m4s"))
    for number in (2, 3):
        server.on(f"/show/old/{number}.m4s", segment(number))
    mirror(url, root, checksums=True)
    (root / "v").mkdir()
    (root / "v/2.m4s").write_bytes(b"somebody's")
    server.on("/show/x.mpd", manifest(numbered()))
    server.on("/show/v/3.m4s", Answer(b"\3" * 2000, etag='"3"', cut=500))
    mirror(url, root)
    server.on("/show/v/3.m4s", segment(3))
    return url


@pytest.fixture(scope="module")
def recorded() -> Iterator[tuple[str, Path]]:
    """Make the recording that each example gets a copy of, of a presentation that is over."""
    with FaultServer() as server, tempfile.TemporaryDirectory() as folder:
        root = Path(folder, "m")
        yield make_recording(server, root), root


def make_recording(server: FaultServer, root: Path) -> str:
    """Record a presentation that is over; return its URL."""
    for number in (1, 2, 3):
        server.on(f"/live/v/{number}.m4s", segment(number))
    url = server.on("/live/x.mpd", Answer(mpd(numbered(), kind="dynamic", more=OVER)))
    record(url, root)
    (root / "v/2.m4s").unlink()
    return url


def record(url: str, root: Path, keep_seconds: float | None = None) -> None:
    """Record what is there; nothing is waited for."""
    wishes = dashget.Wishes(give_up=1.0, linger=0)
    if keep_seconds is not None:
        wishes = dashget.Wishes(give_up=1.0, linger=0, keep_seconds=keep_seconds)
    with dashget.Session(options=TRANSFER, observer=lambda _: None) as session:
        session.record(url, root, wishes=wishes)


def list_gaps(root: Path) -> None:
    """Look for gaps, as ``dashget gaps`` does."""
    store = Mirror.at(root, read_only=True)
    header = store.header()
    if header is not None:
        gaps_of(store, header.manifest)


def plant(path: Path, kind: str, outside: Path) -> None:
    """Put something in place of whatever has a name."""
    with contextlib.suppress(OSError):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        match kind:
            case "file":
                path.symlink_to(outside / "file")
            case "folder":
                path.symlink_to(outside)
            case "nothing":
                path.symlink_to(outside / "not there")
            case "itself":
                path.symlink_to(path.name)
            case "above":
                path.symlink_to("..")
            case "inside":
                path.symlink_to(path.parent / "v")
            case "hard":
                path.hardlink_to(outside / "file")
            case "pipe":
                os.mkfifo(path)
            case "socket":
                listening = socket.socket(socket.AF_UNIX)
                with listening:
                    listening.bind(os.path.relpath(path))
            case "device":
                path.symlink_to("/dev/zero")
            case "block":
                # A number that belongs to no disk; only root may make it.
                os.mknod(path, stat.S_IFBLK | 0o600, os.makedev(7, 255))
            case "null":
                os.mknod(path, stat.S_IFCHR | 0o600, os.makedev(1, 3))
            case "empty":
                path.write_bytes(b"")


def facts(place: Path) -> dict[str, tuple[Any, ...]]:
    """Return everything about a tree that a command could change."""
    found: dict[str, tuple[Any, ...]] = {}
    for path in sorted(place.rglob("*")):
        about = path.lstat()
        data = path.read_bytes() if path.is_file() else b""
        found[str(path)] = about.st_mode, about.st_mtime_ns, about.st_ino, data
    return found


def use(command: str, url: str, root: Path) -> None:
    """Run one command; a mirror may be refused, or be left with failures."""
    with contextlib.suppress(dashget.DashGetError):
        match command:
            case "get":
                mirror(url, root, checksums=True, times=True)
            case "prune":
                mirror(url, root, prune=True, accept_odd=True)
            case "verify":
                verify(root)
            case "repair":
                verify(root, repair=True, prune=True)
            case "remote":
                verify(root, remote=True)
            case "plan":
                mirror(url, root, dry_run=True, prune=True)
            case "record":
                record(url, root)
            case "keep":
                record(url, root, 3600.0)
            case "gaps":
                list_gaps(root)
            case "again":
                from dashget.cli.wanted import find_wanted

                for wanted in find_wanted([str(root)], None, None):
                    mirror(str(wanted.source), root, moved=True)


@given(
    plants=st.lists(
        st.tuples(st.sampled_from(NAMES), st.sampled_from(KINDS)), min_size=1, max_size=5
    ),
    commands=st.lists(st.sampled_from(COMMANDS), min_size=1, max_size=3),
)
def test_nothing_outside_is_changed_and_every_command_ends(
    made: tuple[str, Path],
    watch: Watch,
    plants: list[tuple[str, str]],
    commands: list[str],
) -> None:
    check(*made, watch, plants, commands)


@given(
    plants=st.lists(
        st.tuples(st.sampled_from(OF_RECORDINGS), st.sampled_from(KINDS)), min_size=1, max_size=4
    ),
    commands=st.lists(st.sampled_from(COMMANDS_OF_RECORDINGS), min_size=1, max_size=2),
)
@settings(max_examples=25)
def test_nothing_outside_of_a_recording_is_changed_and_every_command_ends(
    recorded: tuple[str, Path],
    watch: Watch,
    plants: list[tuple[str, str]],
    commands: list[str],
) -> None:
    check(*recorded, watch, plants, commands)


def check(
    url: str, original: Path, watch: Watch, plants: list[tuple[str, str]], commands: list[str]
) -> None:
    """Plant things in a copy, run commands, and compare what is outside."""
    with tempfile.TemporaryDirectory() as folder:
        root, outside = Path(folder, "m"), Path(folder, "outside")
        shutil.copytree(original, root, symlinks=True)
        (outside / "v").mkdir(parents=True)
        for name in ("file", "1.m4s", "journal.jsonl", "record.jsonl", "lock"):
            (outside / name).write_bytes(b"somebody's own\n")
        for name, kind in plants:
            plant(root / name, kind, outside)
        # What is planted below a link is beside the mirror.
        before, beside = facts(outside), sorted(os.listdir(folder))
        watch.root, watch.wrong = root, []
        faulthandler.dump_traceback_later(120, exit=True)
        try:
            for command in commands:
                use(command, url, root)
        finally:
            faulthandler.cancel_dump_traceback_later()
            watch.root = None
        assert facts(outside) == before
        assert watch.wrong == []
        assert sorted(os.listdir(folder)) == beside
