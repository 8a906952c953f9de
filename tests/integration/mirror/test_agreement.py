"""What ``get`` calls complete, ``verify`` calls sound: for every kind of file and of fault."""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import dashget
from tests.support.builders import TIMESCALE, box, initialization, media_segment, mpd
from tests.support.faultserver import Answer, FaultServer
from tests.support.running import mirror, verify

COUNT = 8
INIT = initialization()
HEADER = b"\x1a\x45\xdf\xa3\x80"
CLUSTER = b"\x1f\x43\xb6\x75\x41\x2c"
MP4 = 'mimeType="video/mp4"'
NAMED = 'initialization="i.mp4"'
TEXT = '<tt xmlns="http://www.w3.org/ns/ttml"><body>{}</body></tt>'


def media(number: int, ticks: int | None = None) -> bytes:
    """Return a segment of two seconds with bytes of its own; ``ticks`` is another time."""
    body = bytes([number]) * (100 + number)
    if ticks is None:
        return media_segment(number, body)
    tfdt = box("tfdt", struct.pack(">IQ", 1 << 24, ticks))
    moof = box("moof", box("mfhd", bytes(8)), box("traf", box("tfhd", bytes(8)), tfdt))
    return moof + box("mdat", body)


def indexed(number: int, off: int = 0) -> bytes:
    """Return a segment behind its index, which may be ``off`` by some bytes."""
    inside = media(number)
    reference = struct.pack(">III", len(inside) + off, 2, 0)
    return box("sidx", struct.pack(">IIIIIHH", 0, 1, 1, 0, 0, 0, 1), reference) + inside


KINDS: dict[str, tuple[str, str, Callable[[int], bytes]]] = {
    "mp4": (MP4, NAMED, media),
    "mp4 with an index": (MP4, NAMED, indexed),
    "mp4 with a wrong index": (MP4, NAMED, lambda n: indexed(n, 4)),
    "mp4 in each": (MP4, "", lambda n: INIT + media(n)),
    "mp4 in the first": (MP4, "", lambda n: (INIT if n == 1 else b"") + media(n)),
    "mp4 in none": (MP4, "", media),
    "mp4 without a type": ('contentType="video"', NAMED, media),
    "mp4 of another type": ('mimeType="video/quicktime"', NAMED, media),
    "text in mp4": ('contentType="text" mimeType="application/mp4"', NAMED, media),
    "webm": ('mimeType="video/webm"', 'initialization="i.webm"', lambda n: CLUSTER + bytes([n]) * 300),
    "webm in none": ('mimeType="video/webm"', "", lambda n: CLUSTER + bytes([n]) * 300),
    "transport stream": ('mimeType="video/mp2t"', "", lambda n: (b"\x47" + bytes([n]) * 187) * 4),
    "jpeg": ('contentType="image" mimeType="image/jpeg"', "", lambda n: b"\xff\xd8\xff\xe0" + bytes([n]) * 90),
    "png": ('contentType="image" mimeType="image/png"', "", lambda n: b"\x89PNG\r\n\x1a\n" + bytes([n]) * 90 + b"IEND\xaeB`\x82"),
    "vtt": ('mimeType="text/vtt"', "", lambda n: b"WEBVTT\n\nNOTE %d\n" % n),
    "ttml": ('mimeType="application/ttml+xml"', "", lambda n: TEXT.format(n).encode()),
    "subrip": ('mimeType="application/x-subrip"', "", lambda n: b"1\n00:00:01,000 --> 00:00:02,000\n%d\n" % n),
    "audio without a container": ('mimeType="audio/mpeg"', "", lambda n: b"\xff\xfb\x90" + bytes([n]) * 200),
    "nobody knows": ('contentType="application"', "", lambda n: b"x" * n),
}  # fmt: skip
FAULTS: dict[str, Callable[[int, bytes], bytes]] = {
    "none": lambda _, good: good,
    "json": lambda _, __: b'{"error": "token expired"}',
    "page": lambda _, __: b"<!DOCTYPE html><title>Sign in</title>",
    "nothing": lambda _, __: b"",
    "cut": lambda _, good: good[:-7],
    "longer": lambda _, good: good + b"\0\0\0\0\0\0\0",
    "twice": lambda _, good: good + good,
    "only-its-end": lambda _, good: good[len(good) // 2 :],
    "a-lone-description": lambda _, __: INIT,
    "a-lone-box": lambda _, __: box("free", bytes(40)),
    "no-media": lambda _, good: good[: good.find(b"mdat") - 4] if b"mdat" in good else good[:9],
    "the-next-one": lambda number, _: media(number + 1),
    "an-hour-late": lambda number, _: media(number, (3600 + 2 * number) * TIMESCALE),
    "half-a-segment-late": lambda number, _: media(number, (2 * number - 1) * TIMESCALE),
}
WAYS: dict[str, dict[str, Any]] = {
    "whole": {},
    "part": {"checksums": True},
}


def publish(server: FaultServer, kind: str, at: int, bases: str = "") -> str:
    """Put a Representation on the server for each fault, which its segment ``at`` has."""
    attributes, extra, made = KINDS[kind]
    for name, fault in FAULTS.items():
        for number in range(1, COUNT + 1):
            body = made(number)
            if number == at:
                body = fault(number, body)
            server.on(f"/{name}/{number}.m4s", Answer(body, etag=f'"{number}"'))
    server.on("/i.mp4", Answer(INIT))
    server.on("/i.webm", Answer(HEADER))
    named = "".join(f'<Representation id="{name}" bandwidth="8"/>' for name in FAULTS)
    content = (
        f'<AdaptationSet {attributes}><SegmentTemplate media="$RepresentationID$/$Number$.m4s" {extra}>'
        f'<SegmentTimeline><S t="0" d="2" r="{COUNT - 1}"/></SegmentTimeline></SegmentTemplate>'
        f"{named}</AdaptationSet>"
    )
    return server.on("/x.mpd", Answer(mpd(content, seconds=2 * COUNT)))


def agree(url: str, root: Path, **options: Any) -> dashget.Summary:
    """Mirror, and return the summary if ``verify`` says the same of every file."""
    summary, _ = mirror(url, root, **options)
    report, found = verify(root)
    failed = {each.path for each in summary.failures if not each.unplanned}
    lacking = {each.reason for each in summary.failures if each.unplanned}
    told = [each for each in found if isinstance(each, dashget.Finding) and not each.note]
    assert {each.message for each in told if each.path[:15] == "Representation "} == lacking
    assert {each.path for each in told if each.path[:15] != "Representation "} == failed
    assert summary.complete is report.sound
    return summary


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("at", [1, COUNT])
@pytest.mark.parametrize("kind", KINDS)
def test_what_get_calls_complete_verify_calls_sound(
    server: FaultServer, tmp_path: Path, kind: str, at: int, way: str
) -> None:
    url = publish(server, kind, at)
    first = agree(url, tmp_path, **WAYS[way])
    again = agree(url, tmp_path, **WAYS[way])
    assert {each.path for each in again.failures} == {each.path for each in first.failures}


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_accepted_by_choice_is_sound(
    server: FaultServer, tmp_path: Path, kind: str
) -> None:
    url = publish(server, kind, 4)
    assert agree(url, tmp_path, accept_odd=True).complete
    assert agree(url, tmp_path).complete


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_found_in_place_is_judged_alike(
    server: FaultServer, tmp_path: Path, kind: str
) -> None:
    url = publish(server, kind, 4)
    for name in FAULTS:
        (tmp_path / name).mkdir()
        for number in range(1, COUNT + 1):
            body = server._scripts[f"/{name}/{number}.m4s"][0].body
            (tmp_path / name / f"{number}.m4s").write_bytes(body)
    agree(url, tmp_path)
    agree(url, tmp_path)
