"""``verify`` of real media in every form: each damage is named, and mended with few requests."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from itertools import cycle
from pathlib import Path

import pytest

import dashget
from tests.integration.verify.presentation import (
    MODIFIED,
    drop,
    empty,
    extend,
    flip,
    truncate,
)
from tests.support.faultserver import Answer, FaultServer
from tests.support.media import FORMS, UNNAMED
from tests.support.program import tree
from tests.support.running import mirror, verify


class Held:
    """A form as its server has it, and a mirror of it with checksums."""

    def __init__(self, form: str, media: Path, server: FaultServer, directory: Path) -> None:
        unnamed = UNNAMED.get(form, set())
        served = tree(media / form)
        self.form = form
        self.server = server
        self.files = {name: data for name, data in served.items() if name not in unnamed}
        for name, data in self.files.items():
            server.on(f"/{name}", Answer(data, etag=f'"{name}"', last_modified=MODIFIED))
        self.url = server.url("/manifest.mpd")
        self.pristine = directory / "pristine"
        summary, _ = mirror(self.url, self.pristine, checksums=True)
        assert summary.complete
        self.media = sorted(self.files.keys() - {"manifest.mpd"})

    def restore(self, root: Path, path: str) -> None:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(self.pristine / path, root / path)


@pytest.fixture(params=FORMS, scope="module")
def held(
    request: pytest.FixtureRequest, media: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Held]:
    with FaultServer() as server:
        yield Held(request.param, media, server, tmp_path_factory.mktemp("held"))


@pytest.fixture
def root(held: Held, tmp_path: Path) -> Path:
    """A copy of the mirror that may be damaged."""
    return Path(shutil.copytree(held.pristine, tmp_path / "mirror"))


@pytest.mark.system
def test_a_sound_mirror_is_sound_and_every_file_is_checked(held: Held, root: Path) -> None:
    report, events = verify(root)
    assert events.problems() == {}
    assert events.problems(notes=True) == {}
    assert report.sound
    assert report.files == len(held.media)
    assert report.checksummed == len(held.media)
    assert report.bytes == sum(len(held.files[name]) for name in held.media)
    assert events[-1] == report


@pytest.mark.system
def test_one_flipped_byte_in_any_file_names_that_file_alone(held: Held, root: Path) -> None:
    for path, place in zip(held.media, cycle((0.0, 0.5, 1.0)), strict=False):
        flip(root / path, place)
        _, events = verify(root)
        assert events.problems() == {path: {"checksum"}}
        assert events.problems(notes=True) == {}
        held.restore(root, path)


@pytest.mark.system
def test_any_file_that_is_lost_or_has_another_size_is_named_alone(held: Held, root: Path) -> None:
    for path, damage in zip(held.media, cycle((drop, truncate, empty, extend)), strict=False):
        damage(root / path)
        report, events = verify(root)
        assert events.problems() == {path: {"missing" if damage is drop else "size"}}
        assert not report.sound
        held.restore(root, path)


@pytest.mark.system
def test_files_that_were_swapped_are_both_named(held: Held, root: Path) -> None:
    for first, second in zip(held.media, held.media[1:], strict=False):
        (root / first).write_bytes(held.files[second])
        (root / second).write_bytes(held.files[first])
        _, events = verify(root)
        if held.files[first] != held.files[second]:
            assert events.problems().keys() == {first, second}
        held.restore(root, first)
        held.restore(root, second)


@pytest.mark.system
def test_repair_restores_the_bytes_of_the_origin_with_a_request_for_each_wrong_file(
    held: Held, root: Path
) -> None:
    damages = (flip, drop, truncate, extend)
    wrong = dict(zip(held.media[::2], damages * len(held.media), strict=False))
    for path, damage in wrong.items():
        damage(root / path)
    held.server.seen.clear()
    report, events = verify(root, repair=True)
    assert events.problems() == {}
    assert report.sound
    assert report.repaired == len(wrong)
    asked = sorted((seen.method, seen.path) for seen in held.server.seen)
    assert asked == sorted(("GET", f"/{path}") for path in wrong)
    assert {name: data for name, data in tree(root).items() if name in held.files} == held.files
    held.server.seen.clear()
    assert verify(root, repair=True)[0].sound
    assert held.server.seen == []
    assert verify(root)[0].checksummed == len(held.media)


def named_or_refused(root: Path) -> set[str]:
    """The files with problems; the manifest, where it can no longer be read at all."""
    try:
        return set(verify(root)[1].problems())
    except dashget.MPDError as error:
        return {"manifest.mpd"} if error.hint == "--repair fetches it again" else set()


@pytest.mark.system
def test_a_manifest_with_a_flipped_byte_is_named_and_repaired(held: Held, root: Path) -> None:
    for place in (0.05, 0.3, 0.6, 0.95):
        flip(root / "manifest.mpd", place)
        assert "manifest.mpd" in named_or_refused(root)
        held.server.seen.clear()
        report, _ = verify(root, repair=True)
        assert report.sound
        assert [seen.path for seen in held.server.seen] == ["/manifest.mpd"]
        assert (root / "manifest.mpd").read_bytes() == held.files["manifest.mpd"]
