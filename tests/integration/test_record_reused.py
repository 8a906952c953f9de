"""Recording lists whose names come again for other media."""

from __future__ import annotations

from pathlib import Path

import pytest

import dashget
from tests.support.builders import initialization, media_segment
from tests.support.faultserver import Answer, FaultServer
from tests.support.program import tree
from tests.support.running import Events, verify

pytestmark = pytest.mark.slow


def document(*names: str, live: bool) -> bytes:
    kind = (
        'type="dynamic" availabilityStartTime="2020-01-01T00:00:00Z" minimumUpdatePeriod="PT0.2S"'
        if live
        else 'type="static" mediaPresentationDuration="PT6S"'
    )
    urls = "".join(f'<SegmentURL media="{name}"/>' for name in names)
    return (
        f'<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" {kind} profiles="p" minBufferTime="PT1S">'
        '<Period id="p" start="PT0S"><AdaptationSet mimeType="video/mp4"><Representation id="v"'
        f' bandwidth="1"><SegmentList duration="2"><Initialization sourceURL="i.mp4"/>{urls}'
        "</SegmentList></Representation></AdaptationSet></Period></MPD>"
    ).encode()


def test_a_name_that_comes_again_is_another_file(server: FaultServer, tmp_path: Path) -> None:
    segments = [media_segment(number, b"") for number in (1, 2, 3)]
    server.on("/i.mp4", Answer(initialization()))
    server.on("/0.m4s", Answer(segments[0]))
    server.on("/1.m4s", Answer(segments[1]))
    server.on("/m.mpd", Answer(document("0.m4s", "1.m4s", live=True)))
    events, root = Events(), tmp_path / "r"
    here: set[str] = set()

    def watch(event: dashget.Event, /) -> None:
        events(event)
        if isinstance(event, dashget.FileFinished):
            here.add(event.path)
            if here == {"i.mp4", "0.m4s", "1.m4s"}:
                server.on("/0.m4s", Answer(segments[2]))
                server.on("/m.mpd", Answer(document("1.m4s", "0.m4s", live=False)))

    with dashget.Session(allow_private=True, observer=watch) as session:
        ended = session.record(server.url("/m.mpd"), root, wishes=dashget.Wishes(linger=0))
    assert isinstance(ended, dashget.RecordingEnded)
    assert ended.recorded == 3
    files = tree(root)
    assert [files[name] for name in ("0.m4s", "1.m4s", "_again/1.2/0.m4s")] == segments
    _, found = verify(root)
    assert not found.problems(), found
    local = (root / "m.local.mpd").read_text()
    assert local.index("0.m4s") < local.index("1.m4s") < local.index("_again/1.2/0.m4s")
