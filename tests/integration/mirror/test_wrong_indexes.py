"""An index (sidx) that does not fit its file: asked for once more, where another base has it."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import pytest

from tests.integration.mirror.presentation import manifest
from tests.support.builders import box, initialization, media_segment, numbered
from tests.support.faultserver import Answer, FaultServer
from tests.support.running import mirror, verify

MP4 = 'mimeType="video/mp4"'
WAYS: list[dict[str, Any]] = [{}, {"checksums": True}]
BASES = "<BaseURL>a/</BaseURL><BaseURL>b/</BaseURL>"


def indexed(number: int, off: int = 0) -> bytes:
    """Return a segment behind its index, which tells a size that is ``off`` by some bytes."""
    media = media_segment(number, bytes(500))
    reference = struct.pack(">III", len(media) + off, 2, 0)
    sidx = box("sidx", struct.pack(">IIIIIHH", 0, 1, 1, 0, 0, 0, 1), reference)
    return box("styp", b"msdh", bytes(4)) + sidx + media


def publish(server: FaultServer, off: dict[str, int], bases: str = BASES) -> str:
    """Put three segments on each base; the second has an index that is ``off``."""
    for base in "ab":
        for number in (1, 2, 3):
            body = indexed(number, off.get(base, 0) if number == 2 else 0)
            server.on(f"/{base}/v/{number}.m4s", Answer(body, etag=f'"{len(body)}"'))
        server.on(f"/{base}/i.mp4", Answer(initialization()))
    content = numbered(kind=MP4, extra='initialization="i.mp4"')
    return server.on("/x.mpd", manifest(content, period=bases))


@pytest.mark.parametrize("way", WAYS, ids=["whole", "part"])
def test_another_base_has_the_right_index(
    server: FaultServer, tmp_path: Path, way: dict[str, Any]
) -> None:
    url = publish(server, {"a": 8})
    server.on("/b/v/2.m4s", Answer(indexed(2), etag='"b"'))
    summary, _ = mirror(url, tmp_path, **way)
    assert summary.complete
    assert (tmp_path / "a/v/2.m4s").read_bytes() == indexed(2)
    assert len(server.asked("/a/v/2.m4s")) == len(server.asked("/b/v/2.m4s")) == 1
    report, events = verify(tmp_path)
    assert (report.sound, events.problems(notes=True)) == (True, {})


@pytest.mark.parametrize("way", WAYS, ids=["whole", "part"])
def test_an_index_that_is_wrong_everywhere_is_asked_for_twice_and_is_a_note(
    server: FaultServer, tmp_path: Path, way: dict[str, Any]
) -> None:
    url = publish(server, {"a": 8, "b": 8})
    summary, _ = mirror(url, tmp_path, **way)
    assert summary.complete
    assert len(server.asked("/a/v/2.m4s")) == len(server.asked("/b/v/2.m4s")) == 1
    report, events = verify(tmp_path)
    assert (report.sound, events.problems(notes=True)) == (True, {"a/v/2.m4s": {"structure"}})


def test_where_no_other_base_has_it_it_is_asked_for_once(
    server: FaultServer, tmp_path: Path
) -> None:
    url = publish(server, {"a": -8}, "<BaseURL>a/</BaseURL>")
    assert mirror(url, tmp_path)[0].complete
    assert len(server.asked("/a/v/2.m4s")) == 1
    assert verify(tmp_path)[1].problems(notes=True) == {"a/v/2.m4s": {"structure"}}


def test_the_other_base_may_lack_the_file(server: FaultServer, tmp_path: Path) -> None:
    url = publish(server, {"a": 8})
    server.on("/b/v/2.m4s", Answer(status=404))
    assert mirror(url, tmp_path)[0].complete
    assert (tmp_path / "a/v/2.m4s").read_bytes() == indexed(2, 8)


def test_a_single_file_is_asked_for_elsewhere(server: FaultServer, tmp_path: Path) -> None:
    content = (
        f'<AdaptationSet {MP4}><Representation id="v" bandwidth="8"><BaseURL>v.mp4</BaseURL>'
        "<SegmentBase/></Representation></AdaptationSet>"
    )
    url = server.on("/x.mpd", manifest(content, period=BASES))
    server.on("/a/v.mp4", Answer(initialization() + indexed(1, 4), etag='"1"'))
    server.on("/b/v.mp4", Answer(initialization() + indexed(1), etag='"2"'))
    assert mirror(url, tmp_path)[0].complete
    assert (tmp_path / "a/v.mp4").read_bytes() == initialization() + indexed(1)


def test_a_packager_that_never_writes_it_right_costs_a_hundred_requests(
    server: FaultServer, tmp_path: Path
) -> None:
    count = 150
    for base in "ab":
        for number in range(1, count + 1):
            server.on(f"/{base}/v/{number}.m4s", Answer(indexed(number, 8), etag='"1"'))
        server.on(f"/{base}/i.mp4", Answer(initialization()))
    content = numbered(kind=MP4, extra='initialization="i.mp4"')
    long = manifest(content, period=BASES).body.replace(b"PT6S", b"PT300S")
    url = server.on("/x.mpd", Answer(long))
    assert mirror(url, tmp_path)[0].complete
    assert len([seen for seen in server.seen if seen.path.startswith("/b/")]) == 100
