"""Snapshots of live presentations of real media: the local MPD tells the times of the media."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import pytest

import dashget
from dashget.demo.server import serving
from dashget.media.inspection import first_decode_time, media_timescale
from dashget.media.kind import SegmentKind
from dashget.mpd.parse import parse_mpd
from dashget.mpd.presentation import ListAddressing, TemplateAddressing
from dashget.mpd.resolve import resolve
from dashget.planning.plan import PlannedSegment, iter_plan, make_layout
from dashget.planning.tracks import make_tracks
from tests.support.live import AVAILABLE, NOW, SNAPSHOTS, make_snapshot

_ORIGIN = "http://live.example/"
_TOLERANCE = Fraction(1, 20)
"""Frames of AAC do not end with the segments, and the priming of 21 ms comes first."""


@pytest.mark.parametrize("form", SNAPSHOTS)
def test_the_local_mpd_places_the_media_of_a_snapshot(
    form: str, media: Path, tmp_path: Path
) -> None:
    source, root = tmp_path / form, tmp_path / "mirror"
    make_snapshot(media / "number", form, source)
    resources = {f"{_ORIGIN}{path.name}": path.read_bytes() for path in source.iterdir()}
    with serving(resources) as proxy:
        transfer = dashget.TransferOptions(proxy=proxy, no_proxy="")
        url = f"{_ORIGIN}manifest.mpd"
        summary = dashget.mirror(url, root=root, transfer=transfer, now=NOW)
    assert summary.complete
    report = dashget.verify(root)
    assert (report.errors, report.notes) == (0, 0)
    shown = resolve(parse_mpd((root / "manifest.local.mpd").read_bytes()), url=f"{_ORIGIN}x.mpd")
    tracks = make_tracks(shown)
    assert len(tracks) == 4
    for track in tracks:
        planned = list(iter_plan((track,), make_layout(shown)))
        init, *segments = planned
        assert [each.segment.kind for each in segments] == [SegmentKind.MEDIA] * AVAILABLE
        scale = media_timescale(*_reader(root / init.path))
        assert scale
        for position, each in enumerate(segments):
            assert each.segment.start == position
            ticks = first_decode_time(*_reader(root / each.path))
            assert ticks is not None
            assert abs(Fraction(ticks, scale) - _media_time(each)) < _TOLERANCE


def _media_time(planned: PlannedSegment) -> Fraction:
    """Return where a player expects the media of a segment, in seconds."""
    addressing = planned.track.representation.addressing
    assert isinstance(addressing, TemplateAddressing | ListAddressing)
    assert planned.segment.start is not None
    offset = Fraction(addressing.presentation_time_offset, addressing.timescale)
    return planned.segment.start - planned.track.representation.period.start + offset


def _reader(path: Path) -> tuple[Callable[[int, int], bytes], int]:
    data = path.read_bytes()
    return (lambda offset, most: data[offset : offset + most]), len(data)
