"""The command before a server that does everything wrong that servers in the field do.

Whatever happens, a run ends in one of two ways: complete and identical (exit code 0), or with every
file named that is missing (exit code 1). A file under its name has the right bytes in any case, but
for an index that is wrong as served where the other base fails just then: a note of ``verify``. Once
the server does what it should, the same command completes the mirror.
"""

from __future__ import annotations

import random
import struct
from pathlib import Path

import pytest

from tests.support.builders import TIMESCALE, box, initialization, media_segment, mpd
from tests.support.mixture import BURSTS, EVERYTHING, REFUSALS, Mixture, misindexed
from tests.support.program import Ended, run, tree

SEED = 5
RUNS = 3
"""As many as somebody tries who is told that the same command goes on."""
MANY_RUNS = 12
"""As many where a run stops whenever the host refuses everything."""


def presentation(segments: int) -> dict[str, bytes]:
    """Two Representations with so many segments each, small and of any content, and the MPD."""
    dice = random.Random(SEED)
    files = {f"a/{name}/init.mp4": initialization() for name in "vw"}
    for name in "vw":
        for number in range(1, segments + 1):
            size = dice.randint(1, 60_000 if number % 20 == 0 else 2_000)
            media = media_segment(number, dice.randbytes(size), seconds=1)
            files[f"a/{name}/{number}.m4s"] = _indexed(media)
    files["manifest.mpd"] = mpd(
        '<AdaptationSet mimeType="video/mp4"><SegmentTemplate '
        f'timescale="{TIMESCALE}" media="$RepresentationID$/$Number$.m4s" '
        'initialization="$RepresentationID$/init.mp4"><SegmentTimeline>'
        f'<S t="0" d="{TIMESCALE}" r="{segments - 1}"/></SegmentTimeline></SegmentTemplate>'
        '<Representation id="v" bandwidth="8000"/><Representation id="w" bandwidth="4000"/>'
        "</AdaptationSet>",
        seconds=segments,
        before="<BaseURL>a/</BaseURL><BaseURL>b/</BaseURL>",
    )
    return files


def _indexed(media: bytes) -> bytes:
    """Return a segment behind its index."""
    reference = struct.pack(">III", len(media), 2, 0)
    sidx = box("sidx", struct.pack(">IIIIIHH", 0, 1, 1, 0, 0, 0, 1), reference)
    return box("styp", b"msdh", bytes(4)) + sidx + media


def get(server: Mixture, directory: Path) -> Ended:
    options = ("-o", "mirror", "-t", "32", "--json")
    return run("get", server.url("/manifest.mpd"), *options, cwd=directory)


def check(ended: Ended, files: dict[str, bytes], root: Path) -> int:
    """Check that a run has told the truth about the mirror; return how many files have failed."""
    assert ended.code in (0, 1), ended.err
    held = tree(root)
    held.pop("manifest.local.mpd")
    other = {name: data for name, data in held.items() if data != files[name]}
    assert [name for name, data in other.items() if data != misindexed(files[name])] == []
    assert len(other) <= len(files) // 500
    failures = ended.events[-1]["failures"]
    assert {failure["path"] for failure in failures} == files.keys() - held.keys()
    assert (ended.code == 0) is (not failures)
    assert all(failure["reason"] for failure in failures)
    ends = [event["path"] for event in ended.events if event["event"] == "file"]
    assert sorted(ends) == sorted(files.keys() - {"manifest.mpd"})
    return len(failures)


@pytest.mark.parametrize(
    "segments", [299, pytest.param(4_999, marks=pytest.mark.slow)], ids=["600", "10000"]
)
@pytest.mark.parametrize("bursts", [BURSTS, REFUSALS], ids=["busy", "refusing"])
def test_every_file_is_identical_or_named(
    tmp_path: Path, segments: int, bursts: tuple[str, ...]
) -> None:
    files = presentation(segments)
    with Mixture(files, SEED, bursts) as server:
        failed = check(get(server, tmp_path), files, tmp_path / "mirror")
        assert failed <= len(files) // 50 or bursts is REFUSALS
        runs, most = 1, RUNS if bursts is BURSTS else MANY_RUNS
        while failed and runs < most:
            failed = check(get(server, tmp_path), files, tmp_path / "mirror")
            runs += 1
        assert failed <= len(files) // 50
        if segments > 1000:
            assert EVERYTHING - server.drawn.keys() == set()
            assert {f"burst: {kind}" for kind in bursts} <= server.drawn.keys()
        server.calm = True
        assert check(get(server, tmp_path), files, tmp_path / "mirror") == 0
    verified = run("verify", "mirror", cwd=tmp_path)
    assert verified.code == 0, verified.out
