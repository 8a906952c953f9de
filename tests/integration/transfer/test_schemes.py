"""Nothing is fetched but http and https, wherever a manifest or a server names something else."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.builders import mpd
from tests.support.faultserver import Answer, FaultServer, redirect
from tests.support.program import run, tree

URLS = (
    "file:///etc/passwd", "FILE:///etc/passwd", "file://localhost/etc/passwd", "ftp://h.example/a",
    "gopher://h.example/a", "dict://h.example/a", "scp://h.example/a", "ldap://h.example/",
    "javascript:1", "blob:http://h.example/1", "ws://h.example/", "view-source:http://h.example/",
    "jar:http://h.example!/a", "netdoc:/etc/passwd", "http:/etc/passwd",
)  # fmt: skip
FILES = (
    '<AdaptationSet mimeType="application/octet-stream" contentType="text">{inside}'
    '<SegmentTemplate duration="1" media="{media}" endNumber="1"/>'
    '<Representation id="t" bandwidth="1000"/></AdaptationSet>'
)
LINKS = 'xmlns:xlink="http://www.w3.org/1999/xlink"'
NAMED = {
    "Location": "<Location>{url}</Location>",
    "PatchLocation": "<PatchLocation ttl='1'>{url}</PatchLocation>",
    "ContentSteering": "<ContentSteering queryBeforeStart='true'>{url}</ContentSteering>",
    "UTCTiming": "<UTCTiming schemeIdUri='urn:mpeg:dash:utc:http-iso:2014' value='{url}'/>",
    "ProgramInformation": "<ProgramInformation moreInformationURL='{url}'/>",
    "Reporting": "<Metrics metrics='HttpList'><Reporting schemeIdUri='urn:dvb:dash:reporting:2014'"
    " value='{url}'/></Metrics>",
}
EVENTS = (
    "<EventStream schemeIdUri='urn:mpeg:dash:event:callback:2015' value='1'>"
    "<Event presentationTime='0'>{url}</Event></EventStream>"
)
GOOD = FILES.format(inside="", media="1.bin")


def mirrored(document: str, tmp_path: Path, before: str = "") -> tuple[int, str, list[str]]:
    with FaultServer() as server:
        server.on("/show/1.bin", Answer(b"good"))
        content = mpd(document, seconds=1, before=before, more=LINKS)
        ended = run(
            *("get", server.on("/show/m.mpd", Answer(content))),
            *("-o", "mirror", "--retries", "0"),
            cwd=tmp_path,
        )
    assert "Traceback" not in ended.err
    held = tree(tmp_path / "mirror") if (tmp_path / "mirror").exists() else {}
    assert not any(b"root:" in data for name, data in held.items() if not name.endswith(".mpd"))
    return ended.code, ended.err, [name for name in held if name.endswith(".bin")]


@pytest.mark.parametrize("url", URLS)
def test_a_segment(url: str, tmp_path: Path) -> None:
    broken = FILES.format(inside="", media=url)
    code, errors, held = mirrored(f"{GOOD}{broken}", tmp_path)
    assert code == 1, errors
    assert held == ["1.bin"]


@pytest.mark.parametrize("url", URLS)
def test_a_base_url(url: str, tmp_path: Path) -> None:
    broken = FILES.format(inside=f"<BaseURL>{url}</BaseURL>", media="2.bin")
    code, errors, held = mirrored(f"{GOOD}{broken}", tmp_path)
    assert code == 1, errors
    assert held == ["1.bin"]


@pytest.mark.parametrize(
    "url", [*URLS, "data:text/plain,1", "data:application/dash+xml,%3CMPD/%3E"]
)
def test_a_redirect_of_a_segment_and_of_the_manifest(url: str, tmp_path: Path) -> None:
    with FaultServer() as server:
        server.on("/2.bin", redirect(url))
        document = mpd(FILES.format(inside="", media="2.bin"), seconds=1)
        ended = run(
            *("get", server.on("/m.mpd", Answer(document)), "-o", "mirror", "--retries", "0"),
            cwd=tmp_path,
        )
        assert (ended.code, "Traceback" in ended.err) == (1, False), ended.err
        ended = run("get", server.on("/n.mpd", redirect(url)), "--retries", "0", cwd=tmp_path)
        assert (ended.code, "Traceback" in ended.err) == (5, False), ended.err


@pytest.mark.parametrize("name", NAMED)
@pytest.mark.parametrize("url", URLS[:8])
def test_what_only_players_follow(name: str, url: str, tmp_path: Path) -> None:
    code, errors, held = mirrored(GOOD, tmp_path, NAMED[name].format(url=url))
    assert (code, held) == (0, ["1.bin"]), errors


@pytest.mark.parametrize("url", URLS[:8])
def test_a_callback_event(url: str, tmp_path: Path) -> None:
    code, errors, held = mirrored(EVENTS.format(url=url) + GOOD, tmp_path)
    assert (code, held) == (0, ["1.bin"]), errors


@pytest.mark.parametrize("url", URLS)
def test_a_remote_element(url: str, tmp_path: Path) -> None:
    remote = f'<AdaptationSet xlink:href="{url}" xlink:actuate="onLoad"/>'
    code, errors, held = mirrored(GOOD + remote, tmp_path)
    assert (code, held) == (1, ["1.bin"]), errors
