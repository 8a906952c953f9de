"""One presentation in several addressing modes: whatever the mode, the media is the same.

Where no other program can say what a manifest means, the manifest's siblings can: FFmpeg
writes one encoding as numbered segments, as a timeline, as a list and as single files, and
what their plans add up to has to agree to the last byte.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dashget.media.isobmff import iter_boxes
from tests.support.origin import Origin
from tests.support.program import run
from tests.support.sequences import SEQUENCES, make_sequences

FORMS = ("number", "timeline", "list", "single")


def media_bytes(form: str, media: Path, origin: Origin, tmp_path: Path) -> dict[str, bytes]:
    """Mirror a form; return the coded media of each Representation, without its packaging."""
    root = tmp_path / form
    url = origin.url(f"{form}/manifest.mpd")
    assert run(url, "-o", root, "-q", cwd=tmp_path).code == 0
    planned = run("plan", "--json", url, cwd=tmp_path)
    joined: dict[str, bytes] = {}
    for line in map(json.loads, planned.out.splitlines()):
        data = (root / line["path"]).read_bytes()
        assert data == (media / form / line["path"]).read_bytes()
        if line["range"] is not None:
            first, last = map(int, line["range"].split("-"))
            data = data[first : last + 1]
        if line["kind"] == "media":
            joined[line["representation"]] = joined.get(line["representation"], b"") + coded(data)
    return joined


def coded(data: bytes) -> bytes:
    return b"".join(data[b.payload : b.end] for b in iter_boxes(data) if b.type == "mdat")


@pytest.mark.system
@pytest.mark.slow
def test_the_same_media_comes_of_every_addressing_mode(
    media: Path, nginx: object, tmp_path: Path
) -> None:
    origin = nginx(media)  # type: ignore[operator]  # the fixture is a factory
    forms = {form: media_bytes(form, media, origin, tmp_path) for form in FORMS}
    whole = forms["timeline"]
    assert len(whole) == 4
    assert all(len(track) > 10_000 for track in whole.values())
    assert forms["list"] == whole
    assert forms["single"] == whole
    for name, track in forms["number"].items():
        # Durations that are counted do not reach AAC's short last segment; all before it agree.
        assert whole[name].startswith(track)
        assert len(track) > 0.9 * len(whole[name])
    assert forms["number"]["0"] == whole["0"]


@pytest.mark.system
@pytest.mark.slow
def test_the_same_media_comes_of_sequences_and_patterns(
    media: Path, nginx: object, tmp_path: Path
) -> None:
    made = tmp_path / "made"
    made.mkdir()
    (made / "number").symlink_to(media / "number")
    for form in SEQUENCES:
        make_sequences(media / "number", form, made / form)
    origin = nginx(made)  # type: ignore[operator]  # the fixture is a factory
    static = [form for form in SEQUENCES if form != "sequence-live"]
    forms = {form: media_bytes(form, made, origin, tmp_path) for form in ("number", *static)}
    assert len(forms["number"]) == 4
    for form in static:
        assert forms[form] == forms["number"]
