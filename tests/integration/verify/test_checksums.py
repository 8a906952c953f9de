"""Checksums of a mirror's files, and the file ``SHA256SUMS``."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.integration.verify.presentation import (
    FILES,
    NUMBERS,
    asked,
    flip,
    manifest,
    segment,
    serve,
)
from tests.support.faultserver import FaultServer
from tests.support.program import tree
from tests.support.running import mirror, verify


@pytest.mark.system
def test_sha256sum_checks_a_mirror_whatever_its_files_are_called(
    server: FaultServer, tmp_path: Path
) -> None:
    if shutil.which("sha256sum") is None:
        pytest.skip("sha256sum is missing")
    names = (
        "a%20b/$Number$ c.m4s",
        "back%5Cslash-$Number$.m4s",
        "%C3%BC-$Number$.m4s",
        "-$Number$",
    )
    for number in NUMBERS:
        for name in names:
            path = name.replace("$Number$", str(number)).replace(" ", "%20")
            serve(server, path, segment(number))
    for name in names:
        server.on("/show/x.mpd", manifest(media=name))
        root = tmp_path / str(names.index(name))
        summary, _ = mirror(server.url("/show/x.mpd"), root, checksums=True)
        assert summary.complete
        command = ["sha256sum", "--check", "--strict", "--quiet", "SHA256SUMS"]
        done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
        lines = (root / "SHA256SUMS").read_text(encoding="utf-8").splitlines()
        assert len(lines) == len(tree(root)) - 1
        flip(next(path for path in root.rglob("*2*") if path.is_file()))
        assert subprocess.run(command, cwd=root, capture_output=True, check=False).returncode == 1


def test_checksums_of_files_that_were_there_before_are_added(
    server: FaultServer, small: Path
) -> None:
    mirror(server.url("/show/x.mpd"), small, checksums=True)
    assert asked(server, "GET") == {"x.mpd"}
    report, _ = verify(small)
    assert report.checksummed == len(FILES)
    sums = dict(
        reversed(line.split("  ", 1)) for line in (small / "SHA256SUMS").read_text().splitlines()
    )
    assert sums["v/2.m4s"] == hashlib.sha256(segment(2)).hexdigest()
    assert sums.keys() == FILES | {"x.mpd", "x.local.mpd"}


def test_a_repaired_file_keeps_its_checksum(server: FaultServer, tmp_path: Path) -> None:
    mirror(server.url("/show/x.mpd"), tmp_path, checksums=True)
    flip(tmp_path / "v/2.m4s")
    assert verify(tmp_path, repair=True)[0].sound
    assert verify(tmp_path)[0].checksummed == len(FILES)


def verify_and_repair(server: FaultServer, root: Path) -> None:
    serve(server, "v/2.m4s", segment(2, b"n" * 2000), etag='"new"')
    assert verify(root, remote=True, repair=True)[0].sound


def verify_and_prune(server: FaultServer, root: Path) -> None:
    server.on("/show/x.mpd", manifest((1, 2)))
    mirror(server.url("/show/x.mpd"), root, checksums=True)
    assert verify(root, prune=True)[0].sound


def get_without_checksums(server: FaultServer, root: Path) -> None:
    serve(server, "v/2.m4s", segment(2, b"n" * 2000), etag='"new"')
    assert mirror(server.url("/show/x.mpd"), root, recheck=True)[0].complete


@pytest.mark.parametrize("change", [verify_and_repair, verify_and_prune, get_without_checksums])
def test_checksums_follow_every_change_of_the_mirror(
    server: FaultServer, tmp_path: Path, change: Callable[[FaultServer, Path], None]
) -> None:
    mirror(server.url("/show/x.mpd"), tmp_path, checksums=True)
    change(server, tmp_path)
    for line in (tmp_path / "SHA256SUMS").read_text().splitlines():
        digest, path = line.split("  ", 1)
        assert hashlib.sha256((tmp_path / path).read_bytes()).hexdigest() == digest


def test_checksums_agree_with_a_record_of_what_was_superseded_and_then_removed(
    server: FaultServer, tmp_path: Path
) -> None:
    url = server.url("/show/x.mpd")
    mirror(url, tmp_path, checksums=True)
    server.on("/show/x.mpd", manifest((1, 2)))
    mirror(url, tmp_path, checksums=True)
    for name in "vw":
        (tmp_path / name / "3.m4s").unlink()
    mirror(url, tmp_path, checksums=True)
    _, events = verify(tmp_path)
    assert events.problems() == {}
