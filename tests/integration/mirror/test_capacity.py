"""What a file system can hold: names of so many bytes, files of so many bytes."""

from __future__ import annotations

import errno
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

import dashget
from dashget.store import LocalDirectory, filesystem
from tests.integration.mirror.presentation import MODIFIED, manifest
from tests.support.builders import FILLER, mpd, numbered
from tests.support.faultserver import Answer, FaultServer
from tests.support.program import COMMAND, DEADLINE_SECONDS, Ended, environment, tree
from tests.support.running import mirror, verify

LONG = "x" * 140
ECRYPTFS = 143

pytestmark = pytest.mark.skipif(os.name == "nt", reason="limits of POSIX")


@pytest.fixture
def short_names(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the system behave like eCryptfs: names of 143 bytes at most."""

    def limited(real: Callable[..., object]) -> Callable[..., object]:
        def call(*paths: object, **options: object) -> object:
            for path in paths:
                if isinstance(path, str | Path):
                    for name in os.fspath(path).split("/"):
                        if len(os.fsencode(name)) > ECRYPTFS:
                            text = os.strerror(errno.ENAMETOOLONG)
                            raise OSError(errno.ENAMETOOLONG, text, path)
            return real(*paths, **options)

        return call

    monkeypatch.setattr(filesystem.os, "pathconf", lambda *_: ECRYPTFS)
    for name in ("open", "link", "replace", "mkdir", "makedirs", "stat"):
        monkeypatch.setattr(os, name, limited(getattr(os, name)))


def publish(server: FaultServer, media: str) -> str:
    for number in (1, 2, 3):
        body = bytes([number]) * 2000
        path = f"/show/{media.replace('$Number$', str(number))}"
        server.on(path, Answer(body, etag=f'"{number}"', last_modified=MODIFIED))
    return server.on("/show/x.mpd", manifest(numbered(media)))


@pytest.mark.parametrize(
    "media",
    [
        f"{LONG}y-$Number$.m4s",
        f"{'z' * 200}/$Number$.m4s",
        "%E3%82%AC" * 60 + "/$Number$.m4s",
        f"v/$Number$.m4s{'s' * 130}",
    ],
)
@pytest.mark.utf_8
@pytest.mark.usefixtures("short_names")
def test_names_are_shortened_for_a_file_system_of_short_names(
    server: FaultServer, tmp_path: Path, media: str
) -> None:
    url = publish(server, media)
    summary, _ = mirror(url, tmp_path / "m")
    assert summary.complete
    names = [name for path in tree(tmp_path / "m") for name in path.split("/")]
    assert max(len(name.encode()) for name in names) <= ECRYPTFS
    report, events = verify(tmp_path / "m")
    assert report.sound
    assert events.problems(notes=True) == {}
    again, _ = mirror(url, tmp_path / "m")
    assert again.outcomes == {dashget.Outcome.PRESENT: 3}


def test_a_mirror_keeps_its_names_when_it_is_copied_to_another_file_system(
    server: FaultServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = publish(server, f"{LONG}y-$Number$.m4s")
    with monkeypatch.context() as short:
        short.setattr(filesystem.os, "pathconf", lambda *_: ECRYPTFS)
        mirror(url, tmp_path / "m")
    before = tree(tmp_path / "m")
    assert verify(tmp_path / "m")[0].sound
    again, _ = mirror(url, tmp_path / "m", prune=True)
    assert again.outcomes == {dashget.Outcome.PRESENT: 3}
    assert tree(tmp_path / "m").keys() == before.keys()


def test_usual_file_systems_keep_the_names_of_the_server(
    server: FaultServer, tmp_path: Path
) -> None:
    mirror(publish(server, f"{LONG}y-$Number$.m4s"), tmp_path / "m")
    assert f"{LONG}y-1.m4s" in tree(tmp_path / "m")


def test_a_file_system_of_very_short_names_is_refused_before_the_first_file(
    server: FaultServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(filesystem.os, "pathconf", lambda *_: 64)
    url = publish(server, "v/$Number$.m4s")
    with pytest.raises(dashget.StoreError, match="takes names of 64 bytes at most") as caught:
        mirror(url, tmp_path / "m")
    assert caught.value.hint
    assert not (tmp_path / "m").exists()
    assert not server.asked("/show/v/1.m4s")


@pytest.mark.usefixtures("short_names")
def test_a_name_that_the_system_refuses_all_the_same_is_that_of_the_file(
    server: FaultServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # It does not tell its limit, so that only the writing meets it.
    monkeypatch.setattr(filesystem.os, "pathconf", lambda *_: 255)
    summary, _ = mirror(publish(server, f"v/{LONG}y-$Number$.m4s"), tmp_path / "m")
    failure = min(summary.failures, key=lambda each: each.path)
    assert failure.path == f"v/{LONG}y-1.m4s"
    root = tmp_path / "m"
    assert failure.reason == f"cannot be stored: File name too long: {root}/{failure.path}"
    assert failure.hint
    assert "shorter" in failure.hint


def test_the_limit_is_that_of_the_directory_above_if_it_is_missing(tmp_path: Path) -> None:
    assert LocalDirectory(tmp_path / "a/b/c").name_bytes == LocalDirectory(tmp_path).name_bytes


# Sizes.


def run_with_files_up_to(most: int, *arguments: str | Path, cwd: Path) -> Ended:
    """Run the program with a limit on the size of files, in KiB."""
    words = [str(word) for word in (*COMMAND, *arguments)]
    done = subprocess.run(
        ["/bin/bash", "-c", 'ulimit -f "$0" && exec "$@"', str(most), *words],
        cwd=cwd,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=DEADLINE_SECONDS,
        check=False,
    )
    assert "Traceback" not in done.stderr
    return Ended(done.returncode, done.stdout, done.stderr)


def offer(server: FaultServer, sizes: dict[int, int], **more: object) -> str:
    for number, size in sizes.items():
        body = bytes([number]) * size
        answer = Answer(body, etag=f'"{number}"', **more)  # type: ignore[arg-type]
        server.on(f"/show/v/{number}.m4s", answer)
    return server.on("/show/x.mpd", Answer(mpd(numbered(extra='endNumber="3"'))))


@pytest.mark.parametrize("drip", [None, (64 * 1024, 0.001)], ids=["at once", "in pieces"])
@pytest.mark.parametrize("chunked", [False, True], ids=["with length", "without"])
def test_a_file_that_is_too_large_fails_alone_and_the_others_are_there(
    server: FaultServer, tmp_path: Path, drip: tuple[int, float] | None, *, chunked: bool
) -> None:
    url = offer(server, {1: 2000, 2: 900_000, 3: 2000}, drip=drip, chunked=chunked)
    ended = run_with_files_up_to(200, url, "-o", "m", "--no-progress", cwd=tmp_path)
    assert ended.code == 1, ended.err
    assert "v/2.m4s" in ended.err
    assert "ulimit -f" in ended.err
    held = tree(tmp_path / "m")
    assert held["v/1.m4s"] == b"\1" * 2000
    assert held["v/3.m4s"] == b"\3" * 2000
    assert "v/2.m4s" not in held
    assert run_with_files_up_to(2000, url, "-o", "m", cwd=tmp_path).code == 0


def test_a_file_that_is_too_large_is_refused_by_its_head(
    server: FaultServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(filesystem, "_LIMITS", (1_000_000,))
    monkeypatch.setattr(filesystem, "_reaches", lambda *_: False)
    url = offer(server, {1: 2000, 2: 30_000_000, 3: 2000})
    transfer = dashget.TransferOptions(range_size=1 << 20, range_threshold=1 << 20)
    summary, _ = mirror(url, tmp_path / "m", transfer=transfer)
    (failure,) = summary.failures
    assert failure.path == "v/2.m4s"
    assert failure.reason == (
        "cannot write: its 30,000,000 bytes are more than a file can have here (1,000,000)"
    )
    assert failure.attempts == 1
    assert summary.transferred < 5_000_000


def test_a_file_that_the_manifest_tells_is_too_large_stops_the_run_before_the_first_one(
    server: FaultServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(filesystem, "_LIMITS", ((1 << 32) - 1,))
    monkeypatch.setattr(filesystem, "_reaches", lambda *_: False)
    content = (
        f'<AdaptationSet {FILLER}><Representation id="v" bandwidth="8000">'
        '<BaseURL>v.mp4</BaseURL><SegmentList duration="3">'
        '<SegmentURL mediaRange="0-999"/><SegmentURL mediaRange="4294967000-4294967300"/>'
        "</SegmentList></Representation></AdaptationSet>"
    )
    url = server.on("/show/x.mpd", manifest(content))
    with pytest.raises(dashget.StoreError, match=r"v\.mp4 is larger than") as caught:
        mirror(url, tmp_path / "m")
    assert caught.value.hint
    assert "FAT" in caught.value.hint
    assert not server.asked("/show/v.mp4")
