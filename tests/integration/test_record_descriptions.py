"""Recording initialization segments that change behind one name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

import dashget
from tests.support.builders import box, initialization, media_segment
from tests.support.faultserver import Answer, FaultServer
from tests.support.program import tree
from tests.support.running import Events, verify

pytestmark = pytest.mark.slow

FIRST = initialization()
OTHER = initialization() + box("free", b"other")


def document(*periods: str, live: bool) -> bytes:
    """Return a manifest; each Period has one segment, and all have one initialization segment."""
    kind = 'availabilityStartTime="2020-01-01T00:00:00Z" '
    kind += 'type="dynamic" minimumUpdatePeriod="PT0.2S"' if live else 'type="static"'
    duration = "" if live else ' duration="PT2S"'
    made = "".join(
        f'<Period id="{name}" start="PT{2 * k}S"{duration if name == periods[-1] else ""}>'
        f'<AdaptationSet mimeType="video/mp4"><SegmentTemplate initialization="i.mp4"'
        f' media="$Time$.m4s" presentationTimeOffset="{2 * k}">'
        f'<SegmentTimeline><S t="{2 * k}" d="2"/></SegmentTimeline></SegmentTemplate>'
        '<Representation id="v" bandwidth="1"/></AdaptationSet></Period>'
        for k, name in enumerate(periods)
    )
    return (
        f'<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" {kind} profiles="p" minBufferTime="PT1S">'
        f"{made}</MPD>"
    ).encode()


class Origin:
    def __init__(self, server: FaultServer, root: Path) -> None:
        self.server, self.root = server, root
        for number in (1, 2, 3):
            server.on(f"/{2 * number - 2}.m4s", Answer(media_segment(number, b"")))

    def serve(self, init: bytes, *periods: str, live: bool = False) -> None:
        self.server.on("/i.mp4", Answer(init))
        self.server.on("/m.mpd", Answer(document(*periods, live=live)))

    def record(self, *after: Callable[[], object], seconds: float | None = None) -> Events:
        """Record to the end; the n-th function is called when the n-th segment has come."""
        events = Events()
        waiting = list(after)

        def watch(event: dashget.Event, /) -> None:
            events(event)
            if isinstance(event, dashget.FileFinished) and event.path.endswith(".m4s") and waiting:
                waiting.pop(0)()

        with dashget.Session(allow_private=True, observer=watch) as session:
            url = self.server.url("/m.mpd")
            wishes = dashget.Wishes(linger=0, seconds=seconds)
            ended = session.record(url, self.root, wishes=wishes)
        assert isinstance(ended, dashget.RecordingEnded)
        assert not ended.gaps
        assert not ended.lost_files
        return events

    def check(self, *described: tuple[str, int]) -> None:
        """Check which initialization segments the local MPD has, each with its first segment."""
        _, found = verify(self.root)
        assert not found.problems(), found
        local = (self.root / "m.local.mpd").read_text()
        pieces = local.split('initialization="')[1:]
        names = [piece.partition('"')[0] for piece in pieces]
        times = [int(piece.partition('<S t="')[2].partition('"')[0]) for piece in pieces]
        assert list(zip(names, times, strict=True)) == list(described)


@pytest.fixture
def origin(server: FaultServer, tmp_path: Path) -> Origin:
    return Origin(server, tmp_path / "r")


def test_another_initialization_segment_of_a_new_period_is_kept_beside_the_first(
    origin: Origin,
) -> None:
    origin.serve(FIRST, "p", live=True)
    origin.record(lambda: origin.serve(OTHER, "p", "q"))
    files = tree(origin.root)
    assert files["i.mp4"] == FIRST
    assert files["_again/1.2/i.mp4"] == OTHER
    origin.check(("i.mp4", 0), ("_again/1.2/i.mp4", 2))


def test_the_same_one_is_kept_once(origin: Origin) -> None:
    origin.serve(FIRST, "p", live=True)
    origin.record(lambda: origin.serve(FIRST, "p", "q"))
    assert not [path for path in tree(origin.root) if path.startswith("_again")]
    assert len(origin.server.asked("/i.mp4")) == 2


def test_one_that_is_gone_by_then_is_no_loss(origin: Origin) -> None:
    origin.serve(FIRST, "p", live=True)

    def end() -> None:
        origin.serve(FIRST, "p", "q")
        origin.server.on("/i.mp4", Answer(status=410))

    origin.record(end)
    assert not [path for path in tree(origin.root) if path.startswith("_again")]


def test_another_one_after_a_restart_describes_what_comes_from_then_on(origin: Origin) -> None:
    origin.serve(FIRST, "p", live=True)
    origin.record(seconds=1.0)
    origin.serve(OTHER, "p", "q", live=True)
    origin.record(lambda: origin.serve(OTHER, "p", "q", "r"))
    files = tree(origin.root)
    assert files["i.mp4"] == FIRST
    assert files["_again/1.2/i.mp4"] == OTHER
    assert "_again/1.3/i.mp4" not in files
    origin.check(("i.mp4", 0), ("_again/1.2/i.mp4", 2), ("_again/1.2/i.mp4", 4))
