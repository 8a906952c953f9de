"""Something else in place of a file under 200, for every kind of file: asked again, then failed."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import pytest

import dashget
from tests.integration.mirror.presentation import manifest
from tests.support.builders import TIMESCALE, box, initialization, media_segment, numbered
from tests.support.faultserver import Answer, FaultServer
from tests.support.running import Events, mirror, verify

MP4 = 'mimeType="video/mp4"'
WAYS: list[dict[str, Any]] = [{}, {"checksums": True}]


def element(identity: int, content: bytes) -> bytes:
    return (
        struct.pack(">I", identity)
        + bytes([0x40 | len(content) >> 8, len(content) & 255])
        + content
    )


def chunk(seconds: float, lasts: float, durations: str = "rows") -> bytes:
    """Return one fragment, as packagers that send them one by one write it."""
    ticks = int(lasts * TIMESCALE)
    flags, own = (8, struct.pack(">I", ticks)) if durations == "header" else (0, b"")
    tfhd = box("tfhd", struct.pack(">II", flags, 1), own)
    rows = (0x301, struct.pack(">III", 0, ticks, 9)) if durations == "rows" else (1, bytes(4))
    trun = box("trun", struct.pack(">II", rows[0], 1), rows[1])
    tfdt = box("tfdt", struct.pack(">IQ", 1 << 24, int(seconds * TIMESCALE)))
    moof = box("moof", box("mfhd", bytes(8)), box("traf", tfhd, tfdt, trun))
    return moof + box("mdat", bytes(100))


EBML = element(0x1A45DFA3, bytes(20))
CLUSTER = element(0x1F43B675, bytes(300))
PACKETS = (b"\x47" + bytes(187)) * 4
PNG = b"\x89PNG\r\n\x1a\n" + bytes(100) + b"IEND\xaeB`\x82"
KINDS: dict[str, tuple[str, bytes]] = {
    "mp4": (MP4, chunk(2, 2)),
    "webm": ('mimeType="video/webm"', EBML + CLUSTER),
    "transport stream": ('mimeType="video/mp2t"', PACKETS),
    "jpeg": ('contentType="image" mimeType="image/jpeg"', b"\xff\xd8\xff\xe0" + bytes(90) + b"\xff\xd9"),
    "png": ('contentType="image" mimeType="image/png"', PNG),
    "webp": ('contentType="image" mimeType="image/webp"', b"RIFF\x18\0\0\0WEBPVP8 " + bytes(16)),
    "vtt": ('mimeType="text/vtt"', b"WEBVTT\n\n00:01.000 --> 00:02.000\nhello\n"),
    "ttml": ('mimeType="application/ttml+xml"', b"<?xml version='1.0'?><tt><body>hello</body></tt>"),
    "dfxp": ('mimeType="application/dfxp+xml"', b"<tt><body>hello</body></tt>"),
    "svg": ('mimeType="image/svg+xml"', b"<svg/>"),
    "avif": ('contentType="image" mimeType="image/avif"', b"\0\0\0\x1cftypavif" + bytes(16)),
    "subrip": ('mimeType="application/x-subrip"', b"1\n00:00:01,000 --> 00:00:02,000\nhello\n"),
    "video without a type": ('contentType="video"', b"\0\1\2\3" * 50),
    "audio of another type": ('mimeType="audio/mpeg"', b"\xff\xfb\x90" + bytes(200)),
}  # fmt: skip
OTHERS = {
    "json": b'{"error": "token expired"}',
    "xml": b"<?xml version='1.0'?><Error><Code>AccessDenied</Code></Error>",
    "text": b"Forbidden",
    "gif": b"GIF89a\1\0\1\0\x80\0\0\0\0\0\xff\xff\xff\x2c\0\0\0\0\1\0\1\0\0\2\2\x44\1\0;",
    "html": b"<!DOCTYPE html><title>Sign in</title>",
    "playlist": b"#EXTM3U\n#EXT-X-ENDLIST\n",
    "nothing": b"",
}


def publish(server: FaultServer, kind: str) -> str:
    attributes, good = KINDS[kind]
    for number in (1, 2, 3):
        body = chunk(2 * number - 2, 2) if kind == "mp4" else good
        server.on(f"/show/v/{number}.m4s", Answer(body, etag=f'"{number}"'))
    server.on("/show/i.mp4", Answer(initialization()))
    extra = 'initialization="i.mp4"' if kind == "mp4" else ""
    return server.on("/show/x.mpd", manifest(numbered(kind=attributes, extra=extra)))


@pytest.mark.parametrize("way", WAYS, ids=["whole", "part"])
@pytest.mark.parametrize("other", OTHERS)
@pytest.mark.parametrize("kind", KINDS)
def test_something_else_is_asked_for_again_and_is_no_file(
    server: FaultServer, tmp_path: Path, kind: str, other: str, way: dict[str, Any]
) -> None:
    url = publish(server, kind)
    server.on("/show/v/2.m4s", Answer(OTHERS[other]))
    summary, _ = mirror(url, tmp_path, **way)
    if (kind, other) == ("subrip", "nothing"):
        # SubRip has no header: without cues it is empty.
        assert summary.complete
        return
    (failure,) = summary.failures
    assert (failure.path, failure.attempts) == ("v/2.m4s", 3)
    assert failure.reason.startswith(("the server sent ", "the content is invalid: "))
    assert not (tmp_path / "v/2.m4s").exists()
    server.on("/show/v/2.m4s", Answer(OTHERS[other]), Answer(KINDS[kind][1]))
    assert mirror(url, tmp_path, **way)[0].complete
    assert (tmp_path / "v/2.m4s").read_bytes() == KINDS[kind][1]


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_complete_is_sound_too(server: FaultServer, tmp_path: Path, kind: str) -> None:
    summary, _ = mirror(publish(server, kind), tmp_path)
    assert summary.complete
    assert verify(tmp_path)[0].sound


@pytest.mark.parametrize("other", OTHERS)
def test_odd_content_is_accepted_by_choice_and_is_a_note(
    server: FaultServer, tmp_path: Path, other: str
) -> None:
    url = publish(server, "mp4")
    server.on("/show/v/2.m4s", Answer(OTHERS[other]))
    summary, _ = mirror(url, tmp_path, accept_odd=True)
    assert summary.complete
    assert (tmp_path / "v/2.m4s").read_bytes() == OTHERS[other]
    report, events = verify(tmp_path)
    assert report.sound
    assert events.problems(notes=True) == {"v/2.m4s": {"structure"}}
    assert mirror(url, tmp_path)[1].outcomes()["v/2.m4s"] == "present"


@pytest.mark.parametrize("other", ["json", "nothing", "mp4"])
def test_an_initialization_segment_is_one(server: FaultServer, tmp_path: Path, other: str) -> None:
    url = publish(server, "mp4")
    server.on("/show/i.mp4", Answer(OTHERS.get(other, KINDS["mp4"][1])))
    summary, _ = mirror(url, tmp_path)
    assert [failure.path for failure in summary.failures] == ["i.mp4"]
    server.on("/show/i.mp4", Answer(initialization()))
    assert mirror(url, tmp_path)[0].complete


def test_one_file_for_all_is_looked_into(server: FaultServer, tmp_path: Path) -> None:
    content = (
        f'<AdaptationSet {MP4}><Representation id="v" bandwidth="8"><BaseURL>v.mp4</BaseURL>'
        "<SegmentBase/></Representation></AdaptationSet>"
    )
    url = server.on("/show/x.mpd", manifest(content))
    whole = initialization() + media_segment(1, bytes(3_000_000))
    server.on("/show/v.mp4", Answer(whole[:-1], etag='"1"'))
    transfer = dashget.TransferOptions(range_threshold=1 << 20, range_size=1 << 20)
    (failure,) = mirror(url, tmp_path, transfer=transfer)[0].failures
    assert "1 bytes past the file" in failure.reason
    server.on("/show/v.mp4", Answer(whole, etag='"2"'))
    assert mirror(url, tmp_path, transfer=transfer)[0].complete


def test_another_base_is_asked_for_the_file_itself(server: FaultServer, tmp_path: Path) -> None:
    for number in (1, 2, 3):
        server.on(f"/a/v/{number}.m4s", Answer(OTHERS["json"]))
        server.on(f"/b/v/{number}.m4s", Answer(initialization() + KINDS["mp4"][1]))
    bases = "<BaseURL>/a/</BaseURL><BaseURL>/b/</BaseURL>"
    url = server.on("/show/x.mpd", manifest(numbered(kind=MP4), period=bases))
    assert mirror(url, tmp_path)[0].complete
    assert len(server.asked("/a/v/2.m4s")) == len(server.asked("/b/v/2.m4s")) == 1


def test_a_file_that_is_found_in_place_is_looked_into(server: FaultServer, tmp_path: Path) -> None:
    url = publish(server, "mp4")
    (tmp_path / "v").mkdir()
    (tmp_path / "v/2.m4s").write_bytes(b"x" * len(KINDS["mp4"][1]))
    summary, events = mirror(url, tmp_path)
    assert summary.complete
    assert events.outcomes()["v/2.m4s"] == "downloaded"
    assert (tmp_path / "v/2.m4s").read_bytes() == KINDS["mp4"][1]


# A body without a length, cut short.

SHOWS_ITS_END = ["mp4", "webm", "png", "webp", "ttml"]
SHOWS_NO_END = ["vtt", "transport stream", "video without a type"]


def nameless(body: bytes) -> Answer:
    return Answer(body, length=None, ranges=False)


@pytest.mark.parametrize("kind", SHOWS_ITS_END)
def test_a_body_that_is_cut_without_a_trace_shows_it_inside(
    server: FaultServer, tmp_path: Path, kind: str
) -> None:
    url, good = publish(server, kind), KINDS[kind][1]
    server.on("/show/v/2.m4s", nameless(good[:-9]))
    (failure,) = mirror(url, tmp_path)[0].failures
    assert failure.path == "v/2.m4s"
    server.on("/show/v/2.m4s", nameless(good))
    summary, events = mirror(url, tmp_path)
    assert summary.complete
    assert events.warnings() == []


@pytest.mark.parametrize("kind", SHOWS_NO_END)
def test_what_cannot_be_proved_whole_is_said(
    server: FaultServer, tmp_path: Path, kind: str
) -> None:
    url, good = publish(server, kind), KINDS[kind][1]
    server.on("/show/v/2.m4s", nameless(good))
    events: Events
    summary, events = mirror(url, tmp_path)
    assert summary.complete
    warning = events.warnings()[-1]
    assert warning.startswith("perhaps not whole: v/2.m4s (")
    assert (tmp_path / "v/2.m4s").read_bytes() == good


def described(durations: str) -> bytes:
    """Return an initialization segment, with the default duration of a sample."""
    if durations != "description":
        return initialization()
    trex = box("trex", struct.pack(">IIIIII", 0, 1, 1, TIMESCALE // 2, 0, 0))
    mdhd = box("mdhd", struct.pack(">IIIII", 0, 0, 0, TIMESCALE, 0), bytes(4))
    return box("moov", box("trak", box("mdia", mdhd)), box("mvex", trex))


def chunks(count: int) -> bytes:
    return b"".join(chunk(2 + part / 2, 0.5) for part in range(count))


@pytest.mark.parametrize(
    "second", ["longer", "longer, with a length", "as long", "shorter", "404", "json"]
)
@pytest.mark.parametrize("initialization_fails", [False, True])
def test_a_segment_that_lacks_fragments_is_asked_for_once_more_and_the_longer_one_is_kept(
    server: FaultServer, tmp_path: Path, second: str, *, initialization_fails: bool
) -> None:
    answers = {
        "longer": nameless(chunks(4)),
        "longer, with a length": Answer(chunks(4)),
        "as long": nameless(chunks(2)),
        "shorter": nameless(chunks(1)),
        "404": Answer(status=404),
        "json": Answer(OTHERS["json"]),
    }
    url = publish(server, "mp4")
    server.on(
        "/show/i.mp4", *[Answer(status=503)] * initialization_fails, Answer(described("rows"))
    )
    # The first two: the body, and the question for its end.
    server.on("/show/v/2.m4s", nameless(chunks(2)), nameless(chunks(2)), answers[second])
    transfer = dashget.TransferOptions(backoff_seconds=0.0)
    summary, events = mirror(url, tmp_path, transfer=transfer)
    assert summary.complete
    assert summary.files == len(events.outcomes()) == 4
    longer = second.startswith("longer")
    assert (tmp_path / "v/2.m4s").read_bytes() == chunks(4 if longer else 2)
    said = [text for text in events.warnings() if text.startswith("perhaps not whole: v/2.m4s (")]
    assert len(said) == (not longer)
    assert all("it has 1.000 of 2.000 s" in text for text in said)
    assert verify(tmp_path)[0].sound


def test_another_base_is_asked_first_for_a_segment_that_lacks_fragments(
    server: FaultServer, tmp_path: Path
) -> None:
    server.on("/i.mp4", Answer(described("rows")))
    for number in (1, 2, 3):
        for base in "ab":
            server.on(f"/{base}/v/{number}.m4s", Answer(chunk(2 * number - 2, 2)))
            server.on(f"/{base}/i.mp4", Answer(described("rows")))
    server.on("/a/v/2.m4s", nameless(chunks(3)))
    server.on("/b/v/2.m4s", nameless(chunks(4)))
    bases = "<BaseURL>/a/</BaseURL><BaseURL>/b/</BaseURL>"
    content = numbered(kind=MP4, extra='initialization="i.mp4"')
    url = server.on("/show/x.mpd", manifest(content, period=bases))
    summary, events = mirror(url, tmp_path)
    assert summary.complete
    (stored,) = tmp_path.rglob("2.m4s")
    assert stored.read_bytes() == chunks(4)
    assert not [text for text in events.warnings() if "perhaps not whole" in text]


@pytest.mark.parametrize("durations", ["rows", "header", "description"])
@pytest.mark.parametrize("came", [1, 2, 3, 4])
def test_a_segment_that_ends_after_one_of_its_fragments_is_said(
    server: FaultServer, tmp_path: Path, came: int, durations: str
) -> None:
    url = publish(server, "mp4")
    chunks = [chunk(2 + part / 2, 0.5, durations) for part in range(came)]
    server.on("/show/v/2.m4s", nameless(b"".join(chunks)))
    server.on("/show/i.mp4", Answer(described(durations)))
    summary, events = mirror(url, tmp_path)
    assert summary.complete
    said = [text for text in events.warnings() if text.startswith("perhaps not whole: v/2.m4s (")]
    assert len(said) == (came < 4)
    assert all(f"it has {came / 2:.3f} of 2.000 s" in text for text in said)


def test_what_is_adopted_although_it_is_odd_is_recorded_as_odd(
    server: FaultServer, tmp_path: Path
) -> None:
    url = publish(server, "mp4")
    (tmp_path / "v").mkdir()
    (tmp_path / "v/2.m4s").write_bytes(OTHERS["json"])
    server.on("/show/v/2.m4s", Answer(OTHERS["json"]))
    summary, events = mirror(url, tmp_path, accept_odd=True)
    assert summary.complete
    assert events.outcomes()["v/2.m4s"] == "adopted"
    assert verify(tmp_path)[0].sound
