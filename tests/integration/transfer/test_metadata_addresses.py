"""Addresses at which clouds and machines tell secrets, in every spelling: no manifest leads there."""

from __future__ import annotations

from pathlib import Path

import pytest

from dashget.errors import FetchError
from dashget.manifest.patches import fetch_patch
from dashget.mpd.budget import DEFAULT_LIMITS
from dashget.transfer.engine import Engine, EngineFor
from dashget.transfer.settings.options import TransferOptions
from tests.support.builders import mpd
from tests.support.faultserver import Answer, FaultServer, redirect
from tests.support.program import run

ADDRESSES = (
    *("169.254.169.254", "0xa9fea9fe", "2852039166", "0251.0376.0251.0376", "169.254.43518"),
    *("[::ffff:169.254.169.254]", "[64:ff9b::a9fe:a9fe]", "[fe80::1%25eth0]", "[fd00:ec2::254]"),
    *("100.100.100.200", "0", "[::]", "0x7f.1", "localhost.", "\u2460\u2461\u2466.\u24ea.\u24ea.\u2460"),
)  # fmt: skip
REDIRECTS = tuple(address for address in ADDRESSES if address.isascii())
"""A field of a head has no others."""
ONE = (
    '<AdaptationSet mimeType="video/mp4">{base}<SegmentTemplate duration="1" media="{media}" '
    'endNumber="1"/><Representation id="v{number}" bandwidth="1"/></AdaptationSet>'
)
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


def test_no_base_url_no_location_and_no_redirect_leads_there(tmp_path: Path) -> None:
    """Each file fails by itself; what only players and recorders follow is asked nowhere."""
    with FaultServer() as server:
        sets, named = [], []
        for number, address in enumerate(ADDRESSES):
            url = f"http://{address}:1/x/"
            base = f"<BaseURL>{url}</BaseURL>"
            sets.append(ONE.format(base=base, media="1.m4s", number=number))
            named += [f"<Location>{url}</Location>", f"<PatchLocation>{url}</PatchLocation>"]
        for number, address in enumerate(REDIRECTS, len(ADDRESSES)):
            server.on(f"/{number}.m4s", redirect(f"http://{address}:1/x"))
            sets.append(ONE.format(base="", media=f"/{number}.m4s", number=number))
        document = mpd("".join(sets), seconds=1, before="".join(named))
        server.on("/m.mpd", Answer(document))
        ended = run(
            *("get", server.url("/m.mpd"), "-o", "m", "--retries", "0", "--json"), cwd=tmp_path
        )
    assert ended.code == 1, ended.err
    failures = ended.events[-1]["failures"]
    assert len(failures) == len(ADDRESSES) + len(REDIRECTS)
    assert {"is at the private address" in failure["reason"] for failure in failures} == {True}
    assert len(server.seen) == 1 + len(REDIRECTS)


def test_no_redirect_of_a_remote_element_or_a_clock_leads_there(tmp_path: Path) -> None:
    with FaultServer() as server:
        sets, clocks = "", ""
        for number, address in enumerate(REDIRECTS):
            server.on(f"/e{number}", redirect(f"http://{address}:1/x"))
            sets += SET.format(f' xlink:href="/e{number}" xlink:actuate="onLoad"', number)
            url = server.url(f"/e{number}")
            clocks += f'<UTCTiming schemeIdUri="urn:mpeg:dash:utc:http-iso:2014" value="{url}"/>'
        server.on("/x.mpd", Answer(MPD.format(sets=sets, clocks=clocks).encode()))
        done = run("plan", server.url("/x.mpd"), "--retries", "0", cwd=tmp_path)
    private = [line for line in done.err.splitlines() if "is at the private address" in line]
    assert len([line for line in private if "the remote element at" in line]) == len(REDIRECTS)
    assert len([line for line in private if "the remote element at" not in line]) == len(REDIRECTS)


@pytest.mark.parametrize("address", REDIRECTS)
def test_no_redirect_of_a_manifest_leads_there(address: str, tmp_path: Path) -> None:
    with FaultServer() as server:
        url = server.on("/x.mpd", redirect(f"http://{address}:1/x"))
        done = run("plan", url, "--retries", "0", cwd=tmp_path)
    assert done.code == 5, done.err
    assert "is at the private address" in done.err


@pytest.mark.parametrize("address", ADDRESSES)
def test_no_patch_of_a_public_manifest_is_asked_there(address: str) -> None:
    home = "http://8.8.8.8/m.mpd"
    with Engine(TransferOptions(retries=0)) as engine:
        engine.trust(home)
        with pytest.raises(FetchError, match="is at the private address"):
            fetch_patch(f"http://{address}:1/p", EngineFor(engine, home=home), DEFAULT_LIMITS)
