"""The file that ``dashget manifests -o`` writes, beside or in a mirror from somebody else."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.integration.mirror.presentation import manifest, publish
from tests.support.builders import numbered
from tests.support.faultserver import FaultServer
from tests.support.program import run
from tests.support.running import mirror

PLANTS: dict[str, Callable[[Path, Path], None]] = {
    "link": lambda name, other: name.symlink_to(other),
    "link to nothing": lambda name, other: name.symlink_to(other.with_name("new")),
    "hard link": lambda name, other: name.hardlink_to(other),
    "folder that is a link": lambda name, other: name.parent.symlink_to(other.parent),
}


@pytest.fixture
def root(tmp_path: Path, server: FaultServer) -> Path:
    mirror(publish(server, numbered()), tmp_path / "m")
    return tmp_path / "m"


@pytest.mark.parametrize("plant", PLANTS)
def test_a_name_that_a_mirror_has_already_is_never_written_through(
    plant: str, root: Path, tmp_path: Path
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    other = outside / "then.mpd"
    other.write_bytes(b"somebody's")
    place = root / "old/then.mpd" if "folder" in plant else root / "then.mpd"
    PLANTS[plant](place, other)
    ended = run("manifests", root, "--number", "1", "-o", place, cwd=tmp_path)
    assert ended.code == 6
    assert "exists: nothing in the mirror is replaced" in ended.err
    assert {each.name: each.read_bytes() for each in outside.iterdir()} == {
        "then.mpd": b"somebody's"
    }


def test_a_new_name_in_the_mirror_and_any_elsewhere_is_written(root: Path, tmp_path: Path) -> None:
    then = tmp_path / "then.mpd"
    then.write_bytes(b"old")
    for place in (root / "then.mpd", then):
        ended = run("manifests", root, "--number", "1", "-o", place, cwd=tmp_path)
        assert (ended.code, ended.err) == (0, "")
        assert place.read_bytes() == manifest(numbered()).body
