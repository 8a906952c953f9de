"""One file of every form: the same pictures and samples as the source, and nothing lost."""

from __future__ import annotations

from pathlib import Path

import pytest

from dashget.mux.selection import Choices
from tests.integration.mux.conftest import Mirrored, mux
from tests.support.decoding import labels, pictures, samples, starts
from tests.support.media import FORMS, FRAMES, Tools

FRAME = 2 * 1024
"""The bytes of the samples of one packet of AAC."""
UNADDRESSED = {"number": FRAME}
"""What is missing at the end of a form whose manifest does not name the last audio segment."""
PRIMED = {"time": FRAME}
"""What is heard before the tone in a form that was made without an edit list."""
MASTERED = [form for form in FORMS if form.values[0] not in ("webm", "periods")]


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
@pytest.mark.parametrize("form", MASTERED)
def test_a_file_decodes_to_what_was_encoded(
    form: str, suffix: str, media: Path, mirrored: Mirrored, tools: Tools, tmp_path: Path
) -> None:
    file = tmp_path / f"show{suffix}"
    mux(mirrored(media / form), file, check=True)
    master = media / ".sources" / "master.mp4"
    assert len(pictures(tools, file)) == FRAMES
    assert pictures(tools, file) == pictures(tools, master)
    for track in (0, 1):
        heard, meant = samples(tools, file, track), samples(tools, master, track)
        whole = len(meant) - UNADDRESSED.get(form, 0)
        primed = PRIMED.get(form, 0)
        assert heard[primed:] == meant[:whole]


@pytest.mark.parametrize("form", MASTERED)
def test_all_tracks_begin_at_zero_as_they_were_encoded(
    form: str, media: Path, mirrored: Mirrored, tmp_path: Path
) -> None:
    for suffix in (".mp4", ".mkv"):
        mux(mirrored(media / form), tmp_path / f"show{suffix}", check=True)
    assert starts(tmp_path / "show.mp4") == [0, 0, 0]


def test_tracks_have_their_languages(media: Path, mirrored: Mirrored, tmp_path: Path) -> None:
    root = mirrored(media / "ondemand")
    mux(root, tmp_path / "show.mp4")
    mux(root, tmp_path / "show.mkv")
    for name, french in (("show.mp4", "fra"), ("show.mkv", "fre")):
        languages = [language for language, _, _ in labels(tmp_path / name)]
        assert languages == ["und", "eng", french]


def test_several_qualities_are_several_tracks_and_one_is_the_default(
    media: Path, mirrored: Mirrored, tmp_path: Path
) -> None:
    file = tmp_path / "show.mkv"
    mux(mirrored(media / "timeline"), file, Choices(video="all", audio="lang=fr"), check=True)
    assert [disposition for _, _, disposition in labels(file)] == ["default", "", "default"]


def test_the_same_mirror_gives_the_same_bytes(
    media: Path, mirrored: Mirrored, tmp_path: Path
) -> None:
    root = mirrored(media / "timeline")
    for suffix in (".mp4", ".mkv"):
        for name in ("one", "two"):
            mux(root, tmp_path / f"{name}{suffix}")
        one, two = (tmp_path / f"{name}{suffix}" for name in ("one", "two"))
        assert one.read_bytes() == two.read_bytes()
