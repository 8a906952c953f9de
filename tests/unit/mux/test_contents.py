"""Which bytes of a mirror's files are the media of a track."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from dashget.errors import MuxError
from dashget.mpd.parse import parse_mpd
from dashget.mpd.resolve import resolve
from dashget.mux import contents as module
from dashget.mux.contents import Contents, find_contents
from dashget.planning.plan import make_layout
from dashget.planning.tracks import make_tracks
from dashget.store import Presence
from tests.support.builders import mpd

SIZE = 1000
STORE: Any = SimpleNamespace(presence=lambda *_: Presence.COMPLETE, size=lambda _: SIZE)
"""A mirror in which each file is whole."""


def contents(content: str, before: str = "") -> Contents:
    shown = resolve(parse_mpd(mpd(content, before=before)), url="https://h.example/x.mpd")
    return find_contents(STORE, make_tracks(shown)[0], make_layout(shown))


def video(content: str, attributes: str = "") -> str:
    return (
        f'<AdaptationSet mimeType="video/mp4" {attributes}><Representation id="v" bandwidth="1">'
        f"{content}</Representation></AdaptationSet>"
    )


def ranged(media_range: str, initialization: str = "i.mp4") -> str:
    return video(
        f'<SegmentList duration="6"><Initialization sourceURL="{initialization}"/>'
        f'<SegmentURL media="v.mp4" mediaRange="{media_range}"/></SegmentList>'
    )


def test_a_file_of_which_a_range_cannot_be_read_is_a_lack() -> None:
    """The file is there whole, but which bytes of it are the segment is unknown."""
    assert [(span.first, span.size) for span in contents(ranged("100-199")).spans] == [
        (0, SIZE),
        (100, 100),
    ]
    (lack,) = contents(ranged("100 to 199")).lacking
    assert (lack.path, lack.reason) == ("v.mp4", "the range of a segment in it cannot be read")


@pytest.mark.parametrize(
    ("attributes", "before"),
    [
        ('initializationPrincipal="all.mp4"', ""),
        ("", '<InitializationSet id="1" initialization="all.mp4"/>'),
        ('initializationSetRef="1"', '<InitializationSet id="1" initialization="all.mp4"/>'),
    ],
)
def test_an_initialization_segment_for_others_is_no_part_of_a_track(
    attributes: str, before: str
) -> None:
    template = '<SegmentTemplate duration="6" media="$Number$.m4s" initialization="i.mp4"/>'
    found = contents(video(template, attributes), before)
    assert [span.path for span in found.spans] == ["i.mp4", "1.m4s"]


def test_files_without_end_that_are_missing_are_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_LACKING", 10)
    monkeypatch.setattr(STORE, "presence", lambda *_: Presence.MISSING)
    rows = '<SegmentTimeline><S t="0" d="1" r="{}"/></SegmentTimeline>'
    template = f'<SegmentTemplate media="$Time$.m4s">{rows}</SegmentTemplate>'
    assert len(contents(video(template.format(9))).lacking) == 10
    with pytest.raises(MuxError, match="more than 10 files of Representation 'v' are missing"):
        contents(video(template.format(10**12)))
