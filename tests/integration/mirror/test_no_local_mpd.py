"""A manifest of which no local MPD can be written costs nothing but that one file."""

from __future__ import annotations

from pathlib import Path

from tests.support.builders import FILLER, mpd
from tests.support.faultserver import Answer, FaultServer
from tests.support.program import run
from tests.support.running import mirror, verify

LOCAL = "manifest.local.mpd"
PLAIN = '<SegmentTemplate media="$Number$.m4s"><SegmentTimeline><S t="0" d="2"/>{}</SegmentTimeline></SegmentTemplate>'
OWN = '<Representation id="{}" bandwidth="1"><SegmentTemplate timescale="1"/></Representation>'


def live(size: int) -> bytes:
    """Return a live manifest whose local MPD has ``size`` elements for each Representation."""
    representations = "".join(map(OWN.format, range(size)))
    return mpd(
        f"<AdaptationSet {FILLER}>{PLAIN.format('<x/>' * size)}{representations}</AdaptationSet>",
        seconds=2,
        kind="dynamic",
        more='availabilityStartTime="2026-01-01T00:00:00Z"',
    )


def test_every_file_is_fetched_although_no_local_mpd_can_be_written(
    server: FaultServer, tmp_path: Path
) -> None:
    server.on("/1.m4s", Answer(b"a segment"))
    server.on("/manifest.mpd", Answer(live(1)))
    root, url = tmp_path / "show", server.url("/manifest.mpd")
    first, _ = mirror(url, root)
    assert first.playback is not None
    earlier = (root / LOCAL).read_bytes()

    server.on("/manifest.mpd", Answer(live(500)))
    for _ in range(2):
        again, events = mirror(url, root)
        assert again.complete
        assert again.playback is None
        (warning,) = [text for text in events.warnings() if LOCAL in text]
        assert "cannot be written, so no player plays the mirror: the manifest asks for" in warning
    assert not (root / LOCAL).exists()
    assert (root / ".dashget" / "replaced" / LOCAL).read_bytes() == earlier
    report, events = verify(root)
    assert report.errors == 0
    assert events.problems(notes=True)[LOCAL] == {"own"}

    ended = run(url, "-o", root, cwd=tmp_path)
    assert ended.code == 0
    assert "play it with" not in ended.out + ended.err
    assert "Traceback" not in ended.err
