"""One file from a recording: all that is recorded, at its time; holes only where they are allowed."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest

import dashget
from tests.support.decoding import packets
from tests.support.livemedia import RECORDINGS, make_recording
from tests.support.media import FRAMES, SECONDS

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("name", RECORDINGS)
def test_a_recording_becomes_one_file_with_holes_where_they_were(
    name: str, media: Path, tmp_path: Path
) -> None:
    root, file = tmp_path / "r", tmp_path / "x.mp4"
    make_recording(media, name, root)
    lost = RECORDINGS[name][1]
    with dashget.Session() as session:
        if lost:
            with pytest.raises(dashget.MirrorIncompleteError, match="gap"):
                session.mux(root, file)
        session.mux(root, file, allow_gaps=True)
    video, audio = packets(file)[:2]
    # The best video is taken, also where it has holes; each segment is a second.
    assert len(video) == FRAMES - FRAMES // SECONDS * sum(stream == 0 for stream, _ in lost)
    times = sorted(time for time, _, _ in video)
    assert times[0] == 0
    assert times[-1] == Fraction(149, 25)
    assert len({digest for _, _, digest in audio}) == len(audio), "no packet is there twice"
