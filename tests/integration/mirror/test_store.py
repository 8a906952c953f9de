"""Files and directories in the way, and errors of the disk."""

from __future__ import annotations

import errno
import os
import re
from pathlib import Path

import pytest

import dashget
from dashget.store import FileRecord, Mirror, Unfinished, writing
from tests.integration.mirror.presentation import manifest, needs_proc, open_files, publish
from tests.support.builders import numbered
from tests.support.faultserver import Answer, FaultServer, refuse
from tests.support.program import run
from tests.support.running import Events, mirror


def test_a_root_that_cannot_be_made_is_an_error(server: FaultServer) -> None:
    with pytest.raises(dashget.StoreError, match="not a directory"):
        mirror(publish(server), Path("/dev/null/m"))


def test_a_file_whose_directory_is_taken_is_one_failed_file(
    server: FaultServer, tmp_path: Path
) -> None:
    url = publish(server)
    (tmp_path / "v").write_bytes(b"a file")
    summary, _ = mirror(url, tmp_path)
    assert len(summary.failures) == 3
    assert "cannot be stored" in summary.failures[0].reason
    assert (tmp_path / "v").read_bytes() == b"a file"


def test_a_directory_in_the_way_is_named_and_nothing_is_fetched_for_it(
    server: FaultServer, tmp_path: Path
) -> None:
    (tmp_path / "v/2.m4s").mkdir(parents=True)
    summary, _ = mirror(publish(server), tmp_path)
    assert [(f.path, f.reason) for f in summary.failures] == [
        ("v/2.m4s", "a directory has the same name")
    ]
    assert not server.asked("/show/v/2.m4s")


@needs_proc
@pytest.mark.parametrize("checksums", [False, True])
def test_a_file_that_cannot_be_stored_leaves_nothing_open(
    server: FaultServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, checksums: bool
) -> None:
    def refuse_to_write(*_: object) -> int:
        raise OSError(errno.EFBIG, os.strerror(errno.EFBIG))

    url = publish(server)
    monkeypatch.setattr(writing, "_pwritev", refuse_to_write)
    before = open_files()
    summary, events = mirror(url, tmp_path, checksums=checksums)
    assert set(events.outcomes().values()) == {"failed"}
    assert len(summary.failures) == 3
    assert open_files() == before


@needs_proc
def test_a_blocked_place_for_what_is_set_aside_ends_the_run_and_leaves_nothing_open(
    server: FaultServer, tmp_path: Path
) -> None:
    url = publish(server)
    (tmp_path / "v").mkdir()
    (tmp_path / "v/2.m4s").write_bytes(b"somebody's own")
    (tmp_path / ".dashget").mkdir()
    (tmp_path / ".dashget/replaced").write_bytes(b"in the way")
    before = open_files()
    with pytest.raises(dashget.StoreError, match=r"\.dashget/replaced: it is a file"):
        mirror(url, tmp_path)
    assert (tmp_path / "v/2.m4s").read_bytes() == b"somebody's own"
    assert open_files() == before


@pytest.mark.usefixtures("few_and_many_files")
def test_damaged_files_get_no_checksum(server: FaultServer, tmp_path: Path) -> None:
    url = publish(server)
    mirror(url, tmp_path)
    (tmp_path / "v/2.m4s").write_bytes(b"cut")
    server.on("/show/v/2.m4s", refuse(503))
    summary, _ = mirror(url, tmp_path, checksums=True)
    assert len(summary.failures) == 1
    assert "v/2.m4s" not in (tmp_path / "SHA256SUMS").read_text()


@pytest.mark.parametrize("name", ["SHA256SUMS", "x.local.mpd"])
def test_a_foreign_file_is_kept_aside_where_dashget_writes_its_own(
    server: FaultServer, tmp_path: Path, name: str
) -> None:
    (tmp_path / name).write_bytes(b"somebody's own")
    url = publish(server)
    for _ in range(2):
        mirror(url, tmp_path, checksums=True)
    assert (tmp_path / ".dashget/replaced" / name).read_bytes() == b"somebody's own"


def test_a_file_that_cannot_be_pruned_is_an_error_of_the_store(
    server: FaultServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = publish(server)
    mirror(url, tmp_path)
    server.on("/show/x.mpd", Answer(manifest(numbered()).body.replace(b"PT6S", b"PT4S")))

    def refused(path: str, **_: int) -> None:
        raise OSError(errno.EPERM, os.strerror(errno.EPERM), path)

    monkeypatch.setattr(os, "unlink", refused)
    events = Events()
    with pytest.raises(dashget.StoreError):
        dashget.mirror(url, root=tmp_path, prune=True, observer=events)
    assert isinstance(events[-1], dashget.Summary)


def test_every_requested_file_has_an_outcome_when_the_disk_ends_the_run(
    server: FaultServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = publish(server)
    server.on("/show/v/1.m4s", refuse(404))
    finish = Mirror.finish

    def no_room(store: Mirror, file: Unfinished, record: FileRecord) -> bool:
        if record.path == "v/3.m4s":
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return finish(store, file, record)

    monkeypatch.setattr(Mirror, "finish", no_room)
    events = Events()
    with pytest.raises(dashget.StoreError):
        dashget.mirror(
            url,
            root=tmp_path,
            transfer=dashget.TransferOptions(in_flight=1, retries=0),
            observer=events,
        )
    assert "v/1.m4s" in events.outcomes()


@pytest.mark.parametrize("command", [("URL", "-o", "m"), ("verify", "m", "--repair")])
def test_a_second_run_is_told_which_process_holds_the_mirror(
    server: FaultServer, tmp_path: Path, command: tuple[str, ...]
) -> None:
    url = publish(server)
    mirror(url, tmp_path / "m")
    store = Mirror.at(tmp_path / "m")
    header = store.header()
    assert header is not None
    with store:
        store.claim(header)
        ended = run(*(url if word == "URL" else word for word in command), cwd=tmp_path)
    assert ended.code == 6
    assert re.search(rf"m is in use by process {os.getpid()} on \S+ since 20\S+Z\n", ended.err)
    assert "hint: wait for it to end, or choose another directory with -o" in ended.err
    assert run(url, "-o", "m", cwd=tmp_path).code == 0
