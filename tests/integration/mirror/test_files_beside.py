"""Files that a manifest names outside of segment information are fetched, checked and played."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.builders import initialization, media_segment, mpd
from tests.support.faultserver import Answer, FaultServer, refuse
from tests.support.running import mirror, verify

SETS = (
    '<InitializationSet id="1" contentType="video" initialization="common/video.mp4"/>'
    '<InitializationSet id="2" initialization="/elsewhere/any.mp4"/>'
)
VIDEO = (
    '<AdaptationSet mimeType="video/mp4" initializationPrincipal="principal.mp4">'
    '<SegmentTemplate timescale="10" duration="20" media="v/$Number$.m4s" initialization="v/i.mp4"/>'
    '<Representation id="v" bandwidth="1"/></AdaptationSet>'
)
FONT = (
    '<SupplementalProperty schemeIdUri="urn:dvb:dash:fontdownload:2014" value="1" '
    'xmlns:dvb="urn:dvb:dash:dash-extensions:2014-1" dvb:url="fonts/S.woff"/>'
)
TEXT = (
    f'<AdaptationSet mimeType="text/vtt">{FONT}'
    '<Representation id="t" bandwidth="1"><BaseURL>t.vtt</BaseURL></Representation></AdaptationSet>'
)
BESIDE = ("common/video.mp4", "_root/elsewhere/any.mp4", "principal.mp4", "fonts/S.woff")


@pytest.fixture
def url(server: FaultServer) -> str:
    for path in ("common/video.mp4", "principal.mp4", "v/i.mp4"):
        server.on(f"/show/{path}", Answer(initialization()))
    server.on("/elsewhere/any.mp4", Answer(initialization()))
    for number in (1, 2, 3):
        server.on(f"/show/v/{number}.m4s", Answer(media_segment(number, b"x" * 100)))
    server.on("/show/t.vtt", Answer(b"WEBVTT\n\n00:00.000 --> 00:01.000\nHi\n"))
    server.on("/show/fonts/S.woff", Answer(b"wOFF" + bytes(200)))
    return server.on("/show/x.mpd", Answer(mpd(VIDEO + TEXT, before=SETS)))


def test_files_beside_segment_information_are_fetched_and_the_mirror_is_sound(
    url: str, tmp_path: Path
) -> None:
    summary, events = mirror(url, tmp_path / "m")
    assert summary.complete
    outcomes = events.outcomes()
    named = [path for path in outcomes if not path.startswith(("v/", "t."))]
    assert {Path(path).name for path in named} == {Path(path).name for path in BESIDE}
    assert all(outcomes[path] == "downloaded" for path in named)
    report, found = verify(tmp_path / "m")
    assert (report.errors, report.notes) == (0, 0), found
    local = (tmp_path / "m" / "x.local.mpd").read_text()
    assert all(path in local for path in named)
    again, events = mirror(url, tmp_path / "m")
    assert again.complete
    assert set(events.outcomes().values()) == {"present"}


@pytest.mark.parametrize("name", ["/show/principal.mp4", "/show/fonts/S.woff"])
def test_one_that_is_missing_is_a_named_failure(
    server: FaultServer, url: str, tmp_path: Path, name: str
) -> None:
    server.on(name, refuse(404))
    summary, _ = mirror(url, tmp_path / "m")
    assert not summary.complete
    assert [failure.path for failure in summary.failures] == [name.removeprefix("/show/")]
    report, found = verify(tmp_path / "m")
    assert report.errors == 1
    assert name.removeprefix("/show/") in str(found)


def test_a_page_in_place_of_a_font_is_not_taken(
    server: FaultServer, url: str, tmp_path: Path
) -> None:
    page = b"<!DOCTYPE html><html><body>Sign in</body></html>"
    server.on("/show/fonts/S.woff", Answer(page))
    summary, _ = mirror(url, tmp_path / "m")
    assert [failure.path for failure in summary.failures] == ["fonts/S.woff"]


PERIOD_BASE = '<SegmentBase><Initialization sourceURL="v/i.mp4"/></SegmentBase>'


@pytest.mark.parametrize("before", [SETS, ""])
def test_an_initialization_segment_for_others_is_no_text(
    server: FaultServer, url: str, tmp_path: Path, before: str
) -> None:
    """What is named for all sets is not of the type of the one that is selected."""
    server.on("/show/x.mpd", Answer(mpd(TEXT if before else PERIOD_BASE + TEXT, before=before)))
    summary, events = mirror(url, tmp_path / "m")
    assert summary.complete, summary.failures
    named = {"video.mp4", "any.mp4"} if before else {"i.mp4"}
    assert named < {Path(path).name for path in events.outcomes()}
    report, found = verify(tmp_path / "m")
    assert (report.errors, report.notes) == (0, 0), found


def test_a_page_in_place_of_the_initialization_segment_of_a_set_is_not_taken(
    server: FaultServer, url: str, tmp_path: Path
) -> None:
    server.on("/show/x.mpd", Answer(mpd(TEXT, before=SETS)))
    server.on("/show/common/video.mp4", Answer(b"<!DOCTYPE html><html><body>No</body></html>"))
    summary, _ = mirror(url, tmp_path / "m")
    assert [failure.path for failure in summary.failures] == ["common/video.mp4"]
