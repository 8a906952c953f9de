"""One segment for several numbers is said, where media has its times inside; repeats are no fault."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import dashget
from tests.support.builders import box, initialization, media_segment, mpd, numbered
from tests.support.faultserver import Answer, FaultServer
from tests.support.running import mirror, verify

COUNT = 100
SAID = "has the same bytes as"
HEADER = b"\x1a\x45\xdf\xa3\x80"
CLUSTER = b"\x1f\x43\xb6\x75\x47\xd0"


def noise(number: int) -> bytes:
    return random.Random(number).randbytes(2000)


def cluster(number: int) -> bytes:
    return HEADER + CLUSTER + noise(number)


def packets(number: int) -> bytes:
    return b"".join(b"\x47" + noise(number)[:187] for _ in range(10))


MP4, WEBM, TS = 'mimeType="video/mp4"', 'mimeType="audio/webm"', 'mimeType="video/mp2t"'
KINDS: dict[str, tuple[str, Callable[[int], bytes]]] = {
    "mp4": (MP4, lambda number: initialization() + media_segment(number, noise(number))),
    "webm": (WEBM, cluster),
    "ts": (TS, packets),
}
REPEATING: dict[str, tuple[str, bytes]] = {
    "pictures": ('contentType="image" mimeType="image/jpeg"', b"\xff\xd8\xff" + bytes(3000) + b"\xff\xd9"),
    "text": ('mimeType="text/vtt"', b"WEBVTT\n\n" + b"NOTE nothing\n\n" * 200),
    "silence without a container": ('mimeType="audio/aac"', b"\xff\xf1" + bytes(3000)),
    "what is very small": (MP4, media_segment(1, bytes(100))),
    "text in a container": (
        'contentType="text" mimeType="application/mp4"', media_segment(1, bytes(3000))
    ),
}  # fmt: skip


def publish(
    server: FaultServer, attributes: str, made: Callable[[int], bytes], count: int = 6
) -> str:
    for number in range(1, count + 1):
        server.on(f"/v/{number}.m4s", Answer(made(number)))
    return server.on("/x.mpd", Answer(mpd(numbered(kind=attributes), seconds=2 * count)))


WAYS: list[dict[str, Any]] = [
    {},
    {"transfer": dashget.TransferOptions(range_threshold=1024, range_size=1024)},
]


@pytest.mark.parametrize("way", WAYS, ids=["whole", "ranges"])
@pytest.mark.parametrize("kind", KINDS)
def test_one_segment_for_several_numbers_is_said(
    server: FaultServer, tmp_path: Path, kind: str, way: dict[str, Any]
) -> None:
    attributes, made = KINDS[kind]
    url = publish(server, attributes, lambda number: made(min(number, 3)))
    summary, events = mirror(url, tmp_path, **way)
    assert summary.complete
    (told,) = (text for text in events.warnings() if SAID in text)
    assert ", and 2 more: the server may have sent one segment" in told
    report, found = verify(tmp_path)
    (finding,) = (
        each for each in found if isinstance(each, dashget.Finding) and SAID in each.message
    )
    assert (finding.note, finding.path) == (True, "Representation v")
    assert report.sound


@pytest.mark.parametrize("kind", KINDS)
def test_segments_of_their_own_are_none(server: FaultServer, tmp_path: Path, kind: str) -> None:
    attributes, made = KINDS[kind]
    summary, events = mirror(publish(server, attributes, made, COUNT), tmp_path)
    assert summary.complete
    assert not [text for text in events.warnings() if SAID in text]
    assert not [each for each in verify(tmp_path)[1] if SAID in str(each)]


def test_segments_that_differ_in_the_middle_only_are_none(
    server: FaultServer, tmp_path: Path
) -> None:
    def made(number: int) -> bytes:
        return box("moof", bytes(400)) + box("mdat", bytes(900), bytes([number]), bytes(900))

    _, events = mirror(publish(server, MP4, made), tmp_path)
    assert not [text for text in events.warnings() if SAID in text]
    assert not [each for each in verify(tmp_path)[1] if SAID in str(each)]


@pytest.mark.parametrize("kind", REPEATING)
def test_what_may_truly_repeat_is_not_accused(
    server: FaultServer, tmp_path: Path, kind: str
) -> None:
    attributes, body = REPEATING[kind]
    _, events = mirror(publish(server, attributes, lambda _: body), tmp_path)
    assert not [text for text in events.warnings() if SAID in text]
    assert not [each for each in verify(tmp_path)[1] if SAID in str(each)]


def test_the_same_bytes_in_two_representations_are_none(
    server: FaultServer, tmp_path: Path
) -> None:
    _, made = KINDS["mp4"]
    for name in "vw":
        for number in (1, 2, 3):
            server.on(f"/{name}/{number}.m4s", Answer(made(number)))
    content = numbered(kind=MP4) + numbered("w", kind=MP4)
    _, events = mirror(server.on("/x.mpd", Answer(mpd(content))), tmp_path)
    assert not [text for text in events.warnings() if SAID in text]
