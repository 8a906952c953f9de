"""A disk that is full, read-only, broken or gone: one clear sentence, exit 6, nothing wrong.

Real small file systems (tmpfs, which only root may mount) show the program as a whole;
errors that strike at one exact call are injected into ``dashget.mirror``.
"""

from __future__ import annotations

import errno
import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

import dashget
import dashget.store.writing
from tests.support.builders import mpd, numbered
from tests.support.faultserver import Answer, FaultServer, Seen
from tests.support.origin import Origin
from tests.support.program import DEADLINE_SECONDS, Ended, run, tree

MODIFIED = "Mon, 02 Nov 2026 10:00:00 GMT"
BODIES = {f"v/{number}.m4s": bytes([number]) * 40_000 for number in range(1, 7)}
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO)


class Disk:
    """A small file system of its own."""

    def __init__(self, path: Path, options: str) -> None:
        self.path = path
        self._mount(options, "tmpfs")

    def remount(self, options: str) -> None:
        """Change its size, or whether it may be written."""
        self._mount(f"remount,{options}", "tmpfs")

    def _mount(self, options: str, device: str) -> None:
        command = ["mount", "-t", "tmpfs", "-o", options, device, str(self.path)]
        subprocess.run(command, check=True, capture_output=True)

    def unmount(self) -> None:
        subprocess.run(["umount", "-l", str(self.path)], check=True, capture_output=True)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Callable[[str], Disk]]:
    """Mount a file system with options such as ``size=200k``; it ends with the test."""
    with ExitStack() as stack:

        def mount(options: str) -> Disk:
            path = tmp_path / "disk"
            path.mkdir()
            try:
                made = Disk(path, options)
            except (OSError, subprocess.CalledProcessError) as error:
                pytest.skip(f"cannot mount a file system: {error}")
            stack.callback(made.unmount)
            return made

        yield mount


@pytest.fixture
def server(server: FaultServer) -> FaultServer:
    for name, body in BODIES.items():
        server.on(f"/show/{name}", Answer(body, etag=f'"{name}"', last_modified=MODIFIED))
    document = mpd(numbered(extra='endNumber="6"'), seconds=12)
    server.on("/show/x.mpd", Answer(document))
    return server


def mirror(server: FaultServer, root: Path, *, fsync: bool = False) -> dashget.Summary:
    transfer = dashget.TransferOptions(retries=1, backoff_seconds=0.001, in_flight=2)
    return dashget.mirror(server.url("/show/x.mpd"), root=root, transfer=transfer, fsync=fsync)


def check_refusal(ended: Ended, reason: str) -> None:
    """One sentence, and the exit code of the disk."""
    assert ended.code == 6, ended.err
    errors = [line for line in ended.err.splitlines() if line.startswith("dashget: error: ")]
    assert len(errors) == 1
    assert reason in errors[0].lower()
    assert not errors[0].endswith(".")
    assert "Traceback" not in ended.err


def check_never_wrong(mirror: Path, origin: dict[str, bytes]) -> set[str]:
    """Hold what is there against the origin; return the names of what is finished."""
    held = tree(mirror)
    held.pop("manifest.local.mpd", None)
    held.pop("x.local.mpd", None)
    assert [name for name, data in held.items() if origin.get(name) != data] == []
    return set(held)


@pytest.mark.slow
@pytest.mark.system
@pytest.mark.parametrize(
    ("form", "options"),
    [
        ("list", "size=40k"),
        ("list", "size=300k"),
        ("list", "size=4m,nr_inodes=20"),
        ("ondemand", "size=160k"),
        ("ondemand", "size=400k"),
    ],
)
def test_a_full_disk_ends_the_run_and_with_more_room_the_same_command_completes_it(
    media: Path,
    nginx: Callable[..., Origin],
    disk: Callable[[str], Disk],
    tmp_path: Path,
    form: str,
    options: str,
) -> None:
    small, origin, served = disk(options), nginx(media / form), tree(media / form)
    root = small.path / "mirror"
    command = (origin.url("manifest.mpd"), "-o", root, "--no-progress")
    check_refusal(run(*command, cwd=tmp_path), "no space left")
    finished = check_never_wrong(root, served)
    assert len(finished) < len(served)
    check_refusal(run(*command, cwd=tmp_path), "no space left")
    assert check_never_wrong(root, served) >= finished

    small.remount("size=4m,nr_inodes=1000")
    origin.forget()
    ended = run(*command, cwd=tmp_path)
    assert ended.code == 0, ended.err
    assert check_never_wrong(root, served) == served.keys()
    gets = {entry.uri[1:] for entry in origin.requests() if entry.method == "GET"}
    assert gets & finished <= {"manifest.mpd"}
    assert run("verify", root, cwd=tmp_path).code == 0


@pytest.mark.system
def test_a_full_disk_is_reported_with_its_directory_and_a_hint(
    media: Path, nginx: Callable[..., Origin], disk: Callable[[str], Disk], tmp_path: Path
) -> None:
    small, origin = disk("size=160k"), nginx(media / "list")
    ended = run(origin.url("manifest.mpd"), "-o", small.path / "mirror", cwd=tmp_path)
    check_refusal(ended, "no space left")
    assert len(re.findall(r"^hint: .+$", ended.err, re.MULTILINE)) == 1
    error = next(line for line in ended.err.splitlines() if line.startswith("dashget: error: "))
    assert str(small.path / "mirror") in error or ".m4s" in error


@pytest.mark.system
def test_a_disk_that_is_full_from_the_start_is_an_error_of_the_disk(
    media: Path, nginx: Callable[..., Origin], disk: Callable[[str], Disk], tmp_path: Path
) -> None:
    small, origin = disk("size=16k"), nginx(media / "list")
    (small.path / "ballast").write_bytes(bytes(16384))
    command = (origin.url("manifest.mpd"), "-o", small.path / "mirror")
    check_refusal(run(*command, cwd=tmp_path), "no space left")
    (small.path / "ballast").unlink()
    small.remount("size=4m")
    assert run(*command, cwd=tmp_path).code == 0


@pytest.mark.system
def test_a_read_only_disk_is_an_error_of_the_disk_and_can_still_be_verified(
    media: Path, nginx: Callable[..., Origin], disk: Callable[[str], Disk], tmp_path: Path
) -> None:
    small, origin = disk("size=4m"), nginx(media / "list")
    root = small.path / "mirror"
    command = (origin.url("manifest.mpd"), "-o", root)
    assert run(*command, cwd=tmp_path).code == 0
    (root / "chunk-stream0-00002.m4s").unlink()
    small.remount("ro")
    check_refusal(run(*command, cwd=tmp_path), "read-only")
    verified = run("verify", root, cwd=tmp_path)
    assert verified.code == 1
    assert "chunk-stream0-00002.m4s" in verified.out
    check_refusal(run("verify", "--repair", root, cwd=tmp_path), "read-only")
    elsewhere = (origin.url("manifest.mpd"), "-o", small.path / "other")
    check_refusal(run(*elsewhere, cwd=tmp_path), "read-only")


# Errors that strike at one call.


class Breaking:
    """Stand for a function of the system that fails from its n-th matching call on."""

    def __init__(
        self, real: Callable[..., Any], number: int, after: int, matches: Callable[..., bool]
    ) -> None:
        self._real = real
        self._number = number
        self._left = after
        self._matches = matches
        self.struck = False

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        if self._matches(*arguments, **options):
            if self._left <= 0:
                self.struck = True
                raise OSError(self._number, os.strerror(self._number))
            self._left -= 1
        return self._real(*arguments, **options)


def any_call(*_: object, **__: object) -> bool:
    return True


def is_file_line(_descriptor: int, data: bytes) -> bool:
    return b'"size":40000' in bytes(data)


def is_segment(source: object, _target: object, **_: object) -> bool:
    return str(source).endswith(".part") or "/fd/" in str(source)


PLACES = {
    "write": (dashget.store.writing, "_pwritev", any_call),
    "record": (os, "write", is_file_line),
    "link": (os, "link", is_segment),
    "rename": (os, "replace", is_segment),
    "folder": (os, "makedirs", any_call),
}
EARLIER = {"write": 2, "record": 2, "link": 2, "rename": 2}
"""Number of calls that succeed before."""


@pytest.mark.parametrize("number", FULL, ids=lambda number: errno.errorcode[number])
@pytest.mark.parametrize("place", PLACES)
def test_a_disk_error_ends_the_run_and_keeps_what_is_finished(
    server: FaultServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    place: str,
    number: int,
) -> None:
    owner, name, matches = PLACES[place]
    breaking = Breaking(getattr(owner, name), number, EARLIER.get(place, 0), matches)
    with monkeypatch.context() as patched:
        patched.setattr(owner, name, breaking)
        if place == "rename":
            # Where no file can be without a name, each has that of a part first.
            patched.delattr(os, "O_TMPFILE", raising=False)
        with pytest.raises(dashget.StoreError, match=f"(?i){re.escape(os.strerror(number))}"):
            mirror(server, tmp_path / "m")
    assert breaking.struck
    origin = {"x.mpd": server._scripts["/show/x.mpd"][0].body, **BODIES}
    finished = check_never_wrong(tmp_path / "m", origin)
    server.seen.clear()
    assert mirror(server, tmp_path / "m").complete
    assert check_never_wrong(tmp_path / "m", origin) == origin.keys()
    again = {seen.path.removeprefix("/show/") for seen in server.seen if seen.method == "GET"}
    assert again & finished <= {"x.mpd"}


class Striking(Breaking):
    """Stand for a function of the system that fails once, where the store calls it.

    A file that is closed is closed even so, as on Linux: the error tells of lost bytes.
    """

    def __init__(self, real: Callable[..., Any], number: int, after: int) -> None:
        super().__init__(real, number, after, any_call)

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        if self.struck or not _called_by_the_store():
            return self._real(*arguments, **options)
        if self._left <= 0 and self._real.__name__ == "close":
            self._real(*arguments, **options)
        return super().__call__(*arguments, **options)


def _called_by_the_store() -> bool:
    frame = sys._getframe(2)
    for _ in range(4):
        if "/dashget/store/" in frame.f_code.co_filename:
            return True
        if frame.f_back is None:
            break
        frame = frame.f_back
    return False


@pytest.mark.parametrize("unnamed", [True, False], ids=["unnamed", "parts"])
@pytest.mark.parametrize(
    ("name", "number"),
    [
        ("close", errno.EDQUOT),
        ("close", errno.EIO),
        ("open", errno.EDQUOT),
        ("write", errno.EDQUOT),
        ("replace", errno.ENOSPC),
        ("fsync", errno.EIO),
        ("stat", errno.EIO),
    ],
    ids=lambda value: errno.errorcode[value] if isinstance(value, int) else value,
)
def test_whichever_call_of_the_store_meets_the_error_the_run_ends_in_order(
    server: FaultServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    number: int,
    *,
    unnamed: bool,
) -> None:
    if not unnamed:
        monkeypatch.delattr(os, "O_TMPFILE", raising=False)
    stopped: list[str] = []
    for after in range(100):
        root = tmp_path / f"{after}"
        striking = Striking(getattr(os, name), number, after)
        with monkeypatch.context() as patched:
            patched.setattr(os, name, striking)
            try:
                summary = mirror(server, root, fsync=name == "fsync")
            except dashget.StoreError as error:
                stopped.append(f"{error.message} {error.hint}")
            else:
                # What it asks in vain may be done without.
                assert summary.complete
        assert mirror(server, root).complete
        assert tree(root).items() >= BODIES.items()
        if not striking.struck:
            break
    assert len(stopped) >= 2
    for told in stopped:
        assert os.strerror(number).lower() in told
        assert str(tmp_path) in told
        assert "None" not in told
    assert after < 99


def test_a_part_whose_bytes_a_disk_has_lost_when_it_was_closed_is_not_believed(
    server: FaultServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = bytes(range(256)) * 4000
    server.on(
        "/show/v/1.m4s",
        Answer(body, etag='"v1"', cut=len(body) // 2),
        Answer(body, etag='"v1"'),
    )
    root, lost, real = tmp_path / "m", [], os.close

    def close(descriptor: int) -> None:
        name = os.readlink(f"/proc/self/fd/{descriptor}")
        if name.endswith(".part") and not lost:
            # The disk had taken the bytes, and could not keep them.
            size = os.fstat(descriptor).st_size
            os.pwrite(descriptor, bytes(size), 0)
            real(descriptor)
            lost.append(size)
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        real(descriptor)

    with monkeypatch.context() as patched:
        patched.setattr(os, "close", close)
        with pytest.raises(dashget.StoreError, match="input/output error"):
            mirror(server, root)
    assert lost
    assert mirror(server, root).complete
    assert (root / "v/1.m4s").read_bytes() == body


def remove(root: Path) -> None:
    """Remove a directory into which somebody still writes, as often as it takes."""
    for _ in range(1000):
        shutil.rmtree(root, ignore_errors=True)
        if not root.exists():
            return
    raise AssertionError(f"{root} cannot be removed")


def test_a_mirror_that_is_removed_during_the_run_is_not_reported_complete(
    server: FaultServer, tmp_path: Path
) -> None:
    root = tmp_path / "m"
    body = BODIES["v/4.m4s"]
    removed = threading.Event()

    def remove_all(_: Seen) -> None:
        remove(root)
        removed.set()

    removal = Answer(body, etag='"v/4.m4s"', note=remove_all)
    server.on("/show/v/4.m4s", removal, Answer(body, etag='"v/4.m4s"', last_modified=MODIFIED))
    with pytest.raises(dashget.StoreError) as raised:
        mirror(server, root)
    assert str(root) in raised.value.message
    # The run may end before the removal does, which would go on with the next one's mirror.
    assert removed.wait(DEADLINE_SECONDS)
    again = mirror(server, root)
    assert again.complete
    assert again.files == len(BODIES)
    assert tree(root).keys() == {*BODIES, "x.mpd", "x.local.mpd"}


def test_a_mirror_that_is_moved_away_during_the_run_loses_nothing_and_says_so(
    server: FaultServer, tmp_path: Path
) -> None:
    root, elsewhere = tmp_path / "m", tmp_path / "elsewhere"
    body = BODIES["v/4.m4s"]
    moving = Answer(body, etag='"v/4.m4s"', note=lambda _: root.rename(elsewhere))
    server.on("/show/v/4.m4s", moving, Answer(body, etag='"v/4.m4s"', last_modified=MODIFIED))
    with pytest.raises(dashget.StoreError):
        mirror(server, root)
    origin = {"x.mpd": server._scripts["/show/x.mpd"][0].body, **BODIES}
    finished = check_never_wrong(elsewhere, origin)
    assert finished
    assert mirror(server, elsewhere).complete
    assert check_never_wrong(elsewhere, origin) == origin.keys()
