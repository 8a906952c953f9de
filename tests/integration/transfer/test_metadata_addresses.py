"""Addresses at which clouds and machines tell secrets, in every spelling: no manifest leads there."""

from __future__ import annotations

from pathlib import Path

from tests.support.faultserver import Answer, FaultServer
from tests.support.program import run

ADDRESSES = (
    *("169.254.169.254", "0xa9fea9fe", "2852039166", "0251.0376.0251.0376", "169.254.43518"),
    *("[::ffff:169.254.169.254]", "[64:ff9b::a9fe:a9fe]", "[fe80::1%25eth0]", "[fd00:ec2::254]"),
    *("100.100.100.200", "0", "[::]", "0x7f.1", "localhost.", "\u2460\u2461\u2466.\u24ea.\u24ea.\u2460"),
)  # fmt: skip
MPD = (
    '<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" xmlns:xlink="http://www.w3.org/1999/xlink" profiles="p"'
    ' minBufferTime="PT2S" type="dynamic" availabilityStartTime="2026-11-29T00:00:00Z">'
    '<Period id="p" start="PT0S" duration="PT4S">{sets}</Period>{clocks}</MPD>'
)
SET = (
    '<AdaptationSet mimeType="video/mp4"{}><SegmentTemplate duration="2" media="$Number$.m4s"/>'
    '<Representation id="v{}" bandwidth="1"/></AdaptationSet>'
)


def test_no_clock_and_no_remote_element_is_asked_there(tmp_path: Path) -> None:
    sets = "".join(
        SET.format(f' xlink:href="http://{address}:1/e.xml"', number)
        for number, address in enumerate(ADDRESSES)
    )
    clocks = "".join(
        f'<UTCTiming schemeIdUri="urn:mpeg:dash:utc:http-iso:2014" value="http://{address}:1/t"/>'
        for address in ADDRESSES
    )
    with FaultServer() as server:
        server.on("/x.mpd", Answer(MPD.format(sets=sets, clocks=clocks).encode()))
        done = run("plan", server.url("/x.mpd"), cwd=tmp_path)
    private = [line for line in done.err.splitlines() if "is at the private address" in line]
    assert len([line for line in private if "the remote element at" in line]) == len(ADDRESSES)
    assert len([line for line in private if "the remote element at" not in line]) == len(ADDRESSES)
