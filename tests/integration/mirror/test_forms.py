"""Real media from real packagers, in every form, mirrored from nginx by the real program."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.support.media import FORMS, FRAMES, UNNAMED, Tools, count_packets
from tests.support.origin import Origin
from tests.support.program import Ended, run, tree

pytestmark = pytest.mark.system


class Mirrored(NamedTuple):
    """A form, where it came from, and its mirror."""

    form: str
    origin: Origin
    files: dict[str, bytes]
    """The files that the mirror should hold: those that the manifest names, and the manifest."""
    root: Path
    first: Ended

    def run_again(self) -> Ended:
        return run(self.origin.url("manifest.mpd"), "-o", self.root, cwd=self.root.parent)


@pytest.fixture(params=FORMS)
def mirrored(
    request: pytest.FixtureRequest,
    media: Path,
    nginx: Callable[..., Origin],
    tmp_path: Path,
) -> Mirrored:
    """One of the forms, mirrored once."""
    form: str = request.param
    origin = nginx(media / form)
    unnamed = UNNAMED.get(form, set())
    files = {name: data for name, data in tree(media / form).items() if name not in unnamed}
    root = tmp_path / "mirror"
    first = run(origin.url("manifest.mpd"), "-o", root, cwd=tmp_path)
    return Mirrored(form, origin, files, root, first)


def test_the_mirror_holds_the_bytes_of_the_origin_and_a_second_run_asks_for_the_manifest_alone(
    mirrored: Mirrored,
) -> None:
    assert mirrored.first.code == 0, mirrored.first.err
    held = tree(mirrored.root)
    assert held.pop("manifest.local.mpd").startswith(b"<?xml")
    assert sorted(held) == sorted(mirrored.files)
    assert [name for name in held if held[name] != mirrored.files[name]] == []

    asked = mirrored.origin.requests()
    assert {entry.status for entry in asked} == {200}
    assert {entry.encoding for entry in asked} == {"identity"}
    assert asked[0].uri == "/manifest.mpd"
    assert sorted(entry.uri[1:] for entry in asked) == sorted(mirrored.files)

    mirrored.origin.forget()
    again = mirrored.run_again()
    assert again.code == 0, again.err
    assert [(entry.method, entry.uri) for entry in mirrored.origin.requests()] == [
        ("GET", "/manifest.mpd")
    ]
    assert tree(mirrored.root).keys() == {*mirrored.files, "manifest.local.mpd"}


def test_joined_tracks_of_the_mirror_hold_every_packet(
    mirrored: Mirrored, tools: Tools, tmp_path: Path
) -> None:
    planned = run("plan", "--json", mirrored.origin.url("manifest.mpd"), cwd=tmp_path)
    assert planned.code == 0, planned.err
    tracks: dict[tuple[int, str], list[str]] = {}
    for line in planned.out.splitlines():
        segment = json.loads(line)
        paths = tracks.setdefault((segment["period_index"], segment["representation"]), [])
        if segment["path"] not in paths:
            paths.append(segment["path"])
    counts = []
    for number, paths in enumerate(tracks.values()):
        if paths[0].endswith(".vtt") or "text" in paths[0]:
            continue
        joined = tmp_path / f"track-{number}{Path(paths[0]).suffix}"
        joined.write_bytes(b"".join((mirrored.root / path).read_bytes() for path in paths))
        counts.append(count_packets(tools, joined))
    expected = {
        "webm": [FRAMES // 2, FRAMES],
        "number": [FRAMES, FRAMES, 282, 282],
        "periods": [FRAMES, FRAMES, 282, 282, FRAMES, FRAMES, 283, 283],
    }
    assert sorted(counts) == sorted(expected.get(mirrored.form, [FRAMES, FRAMES, 283, 283]))


def test_the_local_manifest_names_nothing_but_files_of_the_mirror(
    mirrored: Mirrored, tmp_path: Path
) -> None:
    local = mirrored.root / "manifest.local.mpd"
    base = "http://mirror.invalid/"
    planned = run("plan", local, "--base-url", base, cwd=tmp_path)
    assert planned.code == 0, planned.err
    urls = {line.split("  ")[0] for line in planned.out.splitlines()}
    assert all(url.startswith(base) for url in urls)
    assert {url.removeprefix(base) for url in urls} == mirrored.files.keys() - {"manifest.mpd"}


def test_a_listed_segment_missing_on_the_server_is_a_failure_that_is_named(
    media: Path, nginx: Callable[..., Origin], tmp_path: Path
) -> None:
    origin = nginx(media / "time-shifted")
    ended = run(origin.url("manifest.mpd"), "-o", "mirror", cwd=tmp_path)
    assert ended.code == 1
    for name in ("chunk-2-0.m4s", "chunk-3-0.m4s"):
        assert origin.url(name) in ended.err
    assert ended.err.count("404") >= 2
    held = tree(tmp_path / "mirror")
    served = tree(media / "time-shifted")
    present = {name for name in served if "--1024" not in name}
    assert held.keys() == present | {"manifest.local.mpd"}
    assert all(held[name] == served[name] for name in present)
