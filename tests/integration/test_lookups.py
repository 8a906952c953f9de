"""What a document sends its reader to fetch: remote elements, the time, indexes."""

from __future__ import annotations

import gzip
import itertools
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

import dashget
from dashget.planning.plan import PlannedSegment
from tests.support.builders import box
from tests.support.faultserver import Answer, FaultServer, refuse
from tests.support.program import run

XLINK = 'xmlns:xlink="http://www.w3.org/1999/xlink"'


def mpd(content: str, attributes: str = 'type="static" mediaPresentationDuration="PT4S"') -> Answer:
    return Answer(
        f'<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" {XLINK} profiles="p" minBufferTime="PT1S" '
        f"{attributes}>{content}</MPD>".encode()
    )


def adaptation_set(name: str, duration: int = 2) -> str:
    return (
        f'<AdaptationSet contentType="application" mimeType="application/x-filler"><SegmentTemplate duration="{duration}" '
        f'media="{name}/$Number$.m4s"/><Representation id="{name}" bandwidth="8"/></AdaptationSet>'
    )


def period(name: str, attributes: str = "") -> str:
    return f'<Period id="{name}" duration="PT4S" {attributes}>{adaptation_set(name)}</Period>'


def paths(planned: Iterator[PlannedSegment]) -> list[str]:
    return [p.path for p in planned]


def test_remote_periods_are_fetched_in_their_place(server: FaultServer) -> None:
    server.on("/s/ads.xml", Answer((period("ad1") + period("ad2")).encode()))
    remote = '<Period xlink:href="ads.xml" xlink:actuate="onLoad"/>'
    url = server.on("/s/x.mpd", mpd(period("a") + remote + period("b"), 'type="static"'))
    loaded = dashget.load(url)
    assert [p.id for p in loaded.presentation.periods] == ["a", "ad1", "ad2", "b"]
    assert paths(dashget.plan(loaded))[2:4] == ["ad1/1.m4s", "ad1/2.m4s"]


def test_a_remote_element_that_names_another_is_followed(server: FaultServer) -> None:
    server.on("/s/1.xml", Answer(f'<Period {XLINK} xlink:href="2.xml"/>'.encode()))
    server.on("/s/2.xml", Answer(period("deep").encode()))
    url = server.on("/s/x.mpd", mpd('<Period xlink:href="1.xml"/>', 'type="static"'))
    assert [p.id for p in dashget.load(url).presentation.periods] == ["deep"]


def test_an_unreachable_remote_element_is_a_warning_and_its_content_stays(
    server: FaultServer,
) -> None:
    content = period("own", 'xlink:href="gone.xml"')
    loaded = dashget.load(server.on("/s/x.mpd", mpd(content, 'type="static"')))
    assert [p.id for p in loaded.presentation.periods] == ["own"]
    assert any("404" in issue.message for issue in loaded.warnings)


def test_a_loop_of_remote_elements_is_a_named_failure(server: FaultServer, tmp_path: Path) -> None:
    server.on("/s/1.xml", Answer(f'<Period {XLINK} xlink:href="1.xml"/>'.encode()))
    server.unknown = Answer(b"media", etag='"1"')
    content = period("own") + '<Period xlink:href="1.xml"/>'
    summary = dashget.mirror(
        server.on("/s/x.mpd", mpd(content, 'type="static"')), root=tmp_path / "m"
    )
    assert not summary.complete
    (failure,) = summary.failures
    assert "leads back to itself" in failure.reason
    assert len(server.asked("/s/1.xml")) == 1


def test_a_remote_element_is_only_fetched_over_http(server: FaultServer) -> None:
    content = period("own", 'xlink:href="file:///etc/passwd"')
    loaded = dashget.load(server.on("/s/x.mpd", mpd(content, 'type="static"')))
    assert any("not on an http server" in issue.message for issue in loaded.warnings)


def test_a_mirror_with_remote_periods_verifies_and_plays_without_them(
    server: FaultServer, tmp_path: Path
) -> None:
    server.unknown = Answer(b"media", etag='"1"')
    server.on("/s/ads.xml", Answer(period("ad").encode()))
    url = server.on(
        "/s/x.mpd", mpd(period("a") + '<Period xlink:href="ads.xml"/>', 'type="static"')
    )
    summary = dashget.mirror(url, root=tmp_path / "m")
    assert summary.complete
    assert summary.files == 4
    local = (tmp_path / "m/x.local.mpd").read_text()
    assert "href" not in local
    again = dashget.load(str(tmp_path / "m/x.local.mpd"), base_url="http://mirror.example/x.mpd")
    assert paths(dashget.plan(again)) == ["a/1.m4s", "a/2.m4s", "ad/1.m4s", "ad/2.m4s"]
    (tmp_path / "m/ad/2.m4s").unlink()
    findings: list[dashget.Finding] = []

    def observe(event: dashget.Event, /) -> None:
        if isinstance(event, dashget.Finding):
            findings.append(event)

    dashget.verify(tmp_path / "m", observer=observe)
    missing = [f.path for f in findings if f.problem is dashget.Problem.MISSING]
    assert missing == ["ad/2.m4s"]


LIVE = 'type="dynamic" availabilityStartTime="2026-01-01T00:00:00Z"'
NOON = datetime(2026, 1, 1, 0, 0, 10, tzinfo=UTC)


def live(timing: str = "") -> Answer:
    return mpd(f'<Period id="1" start="PT0S">{adaptation_set("v")}</Period>{timing}', LIVE)


def timing(method: str, value: str) -> str:
    return f'<UTCTiming schemeIdUri="urn:mpeg:dash:utc:{method}:2014" value="{value}"/>'


def test_the_available_segments_depend_on_now(server: FaultServer) -> None:
    loaded = dashget.load(server.on("/s/x.mpd", live()), now=NOON)
    assert paths(dashget.plan(loaded)) == [f"v/{n}.m4s" for n in range(1, 6)]


@pytest.mark.parametrize("method", ["http-iso", "http-xsdate"])
def test_the_time_is_asked_where_the_document_says(server: FaultServer, method: str) -> None:
    server.on("/time", Answer(b"2026-01-01T00:00:06Z"))
    loaded = dashget.load(server.on("/s/x.mpd", live(timing(method, "/time"))))
    assert paths(dashget.plan(loaded)) == ["v/1.m4s", "v/2.m4s", "v/3.m4s"]


def test_the_time_may_come_with_the_head_of_a_response(server: FaultServer) -> None:
    server.on("/time", Answer(b"", headers=(("Date", "Thu, 01 Jan 2026 00:00:04 GMT"),)))
    loaded = dashget.load(server.on("/s/x.mpd", live(timing("http-head", "/time"))))
    assert paths(dashget.plan(loaded)) == ["v/1.m4s", "v/2.m4s"]


def test_the_time_may_stand_in_the_document(server: FaultServer) -> None:
    loaded = dashget.load(server.on("/s/x.mpd", live(timing("direct", "2026-01-01T00:00:02Z"))))
    assert paths(dashget.plan(loaded)) == ["v/1.m4s"]


def test_a_clock_that_does_not_answer_is_noted_and_the_next_one_asked(server: FaultServer) -> None:
    server.on("/broken", refuse(404))
    server.on("/time", Answer(b"2026-01-01T00:00:06Z"))
    both = timing("http-iso", "/broken") + timing("http-iso", "/time")
    loaded = dashget.load(server.on("/s/x.mpd", live(both)))
    assert len(paths(dashget.plan(loaded))) == 3
    assert any("UTCTiming" in issue.message for issue in loaded.warnings)


def test_a_clock_that_comes_in_a_coding_is_read(server: FaultServer) -> None:
    time = gzip.compress(b"2026-01-01T00:00:06Z")
    server.on("/time", Answer(time, coding="gzip"))
    loaded = dashget.load(server.on("/s/x.mpd", live(timing("http-iso", "/time"))))
    assert len(paths(dashget.plan(loaded))) == 3
    server.on("/time", Answer(time[:-4], coding="gzip"))
    loaded = dashget.load(server.url("/s/x.mpd"))
    assert any("the gzip data end early" in issue.message for issue in loaded.warnings)


def test_without_a_clock_the_date_of_the_manifest_counts(server: FaultServer) -> None:
    document = live()
    answer = Answer(document.body, headers=(("Date", "Thu, 01 Jan 2026 00:00:08 GMT"),))
    loaded = dashget.load(server.on("/s/x.mpd", answer))
    assert len(paths(dashget.plan(loaded))) == 4


def test_a_snapshot_is_verified_at_its_own_time(server: FaultServer, tmp_path: Path) -> None:
    server.unknown = Answer(b"media", etag='"1"')
    assert dashget.mirror(server.on("/s/x.mpd", live()), root=tmp_path, now=NOON).files == 5
    report = dashget.verify(tmp_path)
    assert report.files == 5


@pytest.mark.system
def test_the_index_of_single_files_lists_their_subsegments(media: Path, tmp_path: Path) -> None:
    with FaultServer() as server:
        folder = media / "ondemand"
        for file in folder.iterdir():
            server.on(f"/{file.name}", Answer(file.read_bytes(), etag='"1"'))
        ended = run("plan", "--json", "--index", server.url("/manifest.mpd"), cwd=tmp_path)
    assert ended.code == 0, ended.err
    spans: dict[str, list[tuple[int, int]]] = {}
    for line in map(json.loads, ended.out.splitlines()):
        if line["range"] is not None:
            first, last = map(int, line["range"].split("-"))
            spans.setdefault(line["path"], []).append((first, last))
    assert sorted(spans) == ["audio-en.mp4", "audio-fr.mp4", "large.mp4", "small.mp4"]
    for path, ranges in spans.items():
        ranges.sort()
        assert ranges[0][0] == 0
        assert all(a[1] + 1 == b[0] for a, b in itertools.pairwise(ranges))
        assert ranges[-1][1] == (folder / path).stat().st_size - 1


def test_an_unavailable_index_is_a_warning(server: FaultServer, tmp_path: Path) -> None:
    content = (
        '<Period><AdaptationSet contentType="application" mimeType="application/x-filler"><Representation id="v" bandwidth="1">'
        '<BaseURL>v.mp4</BaseURL><SegmentBase indexRange="100-199"/></Representation>'
        "</AdaptationSet></Period>"
    )
    ended = run("plan", "--index", server.on("/x.mpd", mpd(content)), cwd=tmp_path)
    assert ended.code == 0
    assert ended.out.strip().endswith("/v.mp4")
    assert "the index of Representation v: HTTP 404" in ended.err


def protected_init() -> bytes:
    """Build the boxes that lead to the protection of a track, and nothing else."""
    kid = bytes(range(16))
    tenc = box("tenc", b"\0\0\0\0\0\0\x01\x08", kid)
    sinf = box(
        "sinf", box("frma", b"avc1"), box("schm", b"\0\0\0\0cenc\0\1\0\0"), box("schi", tenc)
    )
    entry = box("encv", b"\0" * 78, sinf)
    stsd = box("stsd", b"\0\0\0\0\0\0\0\x01", entry)
    track = box("trak", box("mdia", box("minf", box("stbl", stsd))))
    system = bytes.fromhex("edef8ba979d64acea3c827dcd51d21ed")
    return box("moov", track, box("pssh", b"\0\0\0\0", system, b"\0\0\0\x02", b"hi"))


def test_list_shows_the_encryption_of_initialization_segments(
    server: FaultServer, tmp_path: Path
) -> None:
    content = adaptation_set("v").replace("media=", 'initialization="init.mp4" media=')
    server.on("/s/init.mp4", Answer(protected_init()))
    url = server.on("/s/x.mpd", mpd(f"<Period>{content}</Period>"))
    plain = run("list", url, cwd=tmp_path)
    assert "Widevine" not in plain.out
    shown = run("list", "--init", url, cwd=tmp_path)
    assert "init: cenc 00010203-0405-0607-0809-0a0b0c0d0e0f Widevine" in shown.out
    told = json.loads(run("list", "--init", "--json", url, cwd=tmp_path).out)
    representation = told["periods"][0]["adaptation_sets"][0]["representations"][0]
    assert representation["initialization"] == {
        "schemes": ["cenc"],
        "default_kids": ["00010203-0405-0607-0809-0a0b0c0d0e0f"],
        "pssh_systems": ["Widevine"],
    }


def test_an_initialization_segment_in_a_coding_is_looked_into(
    server: FaultServer, tmp_path: Path
) -> None:
    content = adaptation_set("v").replace("media=", 'initialization="init.mp4" media=')
    server.on("/s/init.mp4", Answer(gzip.compress(protected_init()), coding="gzip"))
    url = server.on("/s/x.mpd", mpd(f"<Period>{content}</Period>"))
    assert "Widevine" in run("list", "--init", url, cwd=tmp_path).out


def test_an_unavailable_initialization_segment_is_a_warning(
    server: FaultServer, tmp_path: Path
) -> None:
    content = adaptation_set("v").replace("media=", 'initialization="gone.mp4" media=')
    url = server.on("/s/x.mpd", mpd(f"<Period>{content}</Period>"))
    ended = run("list", "--init", url, cwd=tmp_path)
    assert ended.code == 0
    assert "the initialization segment of Representation v: HTTP 404" in ended.err
