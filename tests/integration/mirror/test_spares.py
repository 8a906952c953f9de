"""Segments of segment information that is not in use are fetched; what a server lacks is absent."""

from __future__ import annotations

from pathlib import Path

import pytest

import dashget
from tests.support.builders import initialization, media_segment, mpd
from tests.support.faultserver import Answer, FaultServer, refuse
from tests.support.program import run
from tests.support.running import mirror, verify

DOUBLED = (
    '<AdaptationSet mimeType="video/mp4"><SegmentTemplate duration="2" media="a$Number$.m4s" '
    'initialization="i.mp4"/>{second}<Representation id="v" bandwidth="1"/></AdaptationSet>'
)
SECONDS = {
    "another template": '<SegmentTemplate duration="2" media="b$Number$.m4s"/>',
    "a list": '<SegmentList duration="2"><SegmentURL media="b1.m4s"/><SegmentURL media="b2.m4s"/>'
    '<SegmentURL media="b3.m4s"/></SegmentList>',
    "both, and a file": '<SegmentTemplate duration="2" media="b$Number$.m4s"/><SegmentList '
    'duration="2"><SegmentURL media="b2.m4s"/><SegmentURL media="a1.m4s"/></SegmentList><SegmentBase/>',
}


def serve(server: FaultServer, second: str, seconds: int = 6) -> str:
    server.on("/i.mp4", Answer(initialization()))
    for number in range(1, seconds // 2 + 1):
        server.on(f"/a{number}.m4s", Answer(media_segment(number, b"a" * 100)))
        server.on(f"/b{number}.m4s", Answer(media_segment(number, b"b" * 90)))
    return server.on("/x.mpd", Answer(mpd(DOUBLED.format(second=second), seconds=seconds)))


@pytest.mark.parametrize("second", SECONDS.values(), ids=SECONDS)
def test_what_the_server_has_is_fetched_and_kept_and_not_played(
    server: FaultServer, tmp_path: Path, second: str
) -> None:
    url = serve(server, second)
    summary, events = mirror(url, tmp_path / "m")
    assert summary.complete
    assert set(events.outcomes()) == {"i.mp4"} | {f"{x}{n}.m4s" for x in "ab" for n in (1, 2, 3)}
    assert set(events.outcomes().values()) == {"downloaded"}
    local = (tmp_path / "m" / "x.local.mpd").read_text()
    assert "a$Number$.m4s" in local
    assert "b$" not in local
    assert "b1" not in local
    assert "b2" not in local
    report, found = verify(tmp_path / "m", prune=True)
    assert (report.errors, report.notes) == (0, 0), found
    assert (tmp_path / "m" / "b2.m4s").exists()
    again, events = mirror(url, tmp_path / "m")
    assert again.complete
    assert set(events.outcomes().values()) == {"present"}


PAGE = Answer(b"<!DOCTYPE html><html><body>No such video</body></html>")


@pytest.mark.parametrize("lacking", [refuse(404), refuse(403), PAGE], ids=["404", "403", "page"])
def test_what_the_server_lacks_is_absent_however_much_it_is(
    server: FaultServer, tmp_path: Path, lacking: Answer
) -> None:
    url = serve(server, SECONDS["another template"], seconds=160)
    for number in range(1, 81):
        server.on(f"/b{number}.m4s", lacking)
    summary, events = mirror(url, tmp_path / "m")
    assert summary.complete, summary.failures
    outcomes = events.outcomes()
    assert sum(outcome == "absent" for outcome in outcomes.values()) == 80
    assert all(outcomes[f"a{number}.m4s"] == "downloaded" for number in range(1, 81))
    asked = [seen.path for seen in server.seen]
    assert all(asked.count(f"/b{number}.m4s") == 1 for number in range(1, 81))
    report, _ = verify(tmp_path / "m")
    assert report.errors == 0


def test_other_failures_are_failures(server: FaultServer, tmp_path: Path) -> None:
    url = serve(server, SECONDS["another template"])
    server.on("/b2.m4s", refuse(500))
    summary, _ = mirror(url, tmp_path / "m")
    assert [failure.path for failure in summary.failures] == ["b2.m4s"]


def test_they_are_planned_behind_all_others_of_a_period(
    server: FaultServer, tmp_path: Path
) -> None:
    url = serve(server, SECONDS["another template"])
    ended = run("plan", url, "--json", cwd=tmp_path)
    kinds = [line["kind"] for line in ended.events if "kind" in line]
    assert kinds == ["initialization", *["media"] * 3, *["spare"] * 3]


def test_too_many_of_them_are_refused_before_anything_is_asked_for(
    server: FaultServer, tmp_path: Path
) -> None:
    second = (
        '<SegmentTemplate media="b$Number$.m4s"><SegmentTimeline><S d="1" r="2000000000"/>'
        "</SegmentTimeline></SegmentTemplate>"
    )
    url = serve(server, second)
    with pytest.raises(dashget.UnsupportedMPDError, match="2,000,000,001"):
        mirror(url, tmp_path / "m")
    assert [seen.path for seen in server.seen] == ["/x.mpd"]
