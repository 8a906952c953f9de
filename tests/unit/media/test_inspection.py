"""Problems found inside media files."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashget.media.glance import decode_time, glance
from dashget.media.inspection import (
    check,
    check_index,
    first_decode_time,
    media_timescale,
)
from dashget.media.kind import Role, SegmentKind
from tests.support.builders import box

INIT = Role("video/mp4", SegmentKind.INITIALIZATION)
MEDIA = Role("video/mp4", SegmentKind.MEDIA)
WHOLE = Role("video/mp4", SegmentKind.MEDIA, whole=True, several=True)


def large_box(kind: str, content: bytes) -> bytes:
    return struct.pack(">I4sQ", 1, kind.encode(), 16 + len(content)) + content


def sidx(*sizes: int, first_offset: int = 0) -> bytes:
    references = b"".join(struct.pack(">III", size, 100, 0x90000000) for size in sizes)
    fixed = struct.pack(">IIIIIHH", 0, 1, 1000, 0, first_offset, 0, len(sizes))
    return box("sidx", fixed, references)


def mdhd(timescale: int, version: int = 0) -> bytes:
    times = struct.pack(">QQIQ" if version else ">IIII", 0, 0, timescale, 0)
    return box("mdhd", struct.pack(">I", version << 24), times, b"\0" * 4)


def moov(timescale: int = 90000, version: int = 0) -> bytes:
    return box("moov", box("mvhd", b"\0" * 96), box("trak", box("mdia", mdhd(timescale, version))))


def moof(time: int, version: int = 1) -> bytes:
    tfdt = box("tfdt", struct.pack(">IQ" if version else ">II", version << 24, time))
    return box("moof", box("mfhd", b"\0" * 8), box("traf", box("tfhd", b"\0" * 8), tfdt))


FTYP = box("ftyp", b"iso6", b"\0" * 4)
MDAT = box("mdat", b"x" * 40)
FRAGMENT = moof(0) + MDAT


def problems(data: bytes, role: Role) -> tuple[str, ...]:
    def read(offset: int, size: int) -> bytes:
        return data[offset : offset + size]

    return check(read, len(data), role) + check_index(read, len(data), role)


@pytest.mark.parametrize(
    ("data", "role"),
    [
        (FTYP + moov(), INIT),
        (box("styp", b"msdh") + FRAGMENT, MEDIA),
        (FRAGMENT + FRAGMENT, MEDIA),
        (sidx(len(FRAGMENT)) + FRAGMENT, MEDIA),
        (box("emsg", b"e" * 30) + box("prft", b"p" * 20) + FRAGMENT, MEDIA),
        (FTYP + moov() + FRAGMENT, MEDIA),
        (FTYP + moov() + sidx(len(FRAGMENT), len(FRAGMENT)) + FRAGMENT * 2, WHOLE),
        (FTYP + moov() + MDAT, WHOLE),
        (FTYP + MDAT + moov(), WHOLE),
        (moof(0) + large_box("mdat", b"x" * 10), MEDIA),
        (moof(0) + struct.pack(">I4s", 0, b"mdat") + b"to the end", MEDIA),
        (FTYP + moov() + sidx(len(FRAGMENT)) + FRAGMENT + box("mfra", b"\0" * 8), WHOLE),
    ],
)
def test_a_sound_file_has_no_problems(data: bytes, role: Role) -> None:
    assert problems(data, role) == ()


@pytest.mark.parametrize(
    ("data", "role", "words"),
    [
        (b"", MEDIA, "empty"),
        (FTYP, INIT, "missing moov"),
        (FTYP + moov(), MEDIA, "missing moof"),
        (moof(0), MEDIA, "missing mdat"),
        (FRAGMENT + moof(1), MEDIA, "2 moof boxes, but 1 mdat"),
        (FRAGMENT[:-1], MEDIA, "1 bytes past the file"),
        (FRAGMENT + b"abc", MEDIA, "3 bytes at"),
        (FRAGMENT + b"\0" * 40, MEDIA, "invalid box at"),
        (struct.pack(">I4s", 4, b"moof") + b"x" * 20, MEDIA, "less than its header"),
        (FTYP + moov() + sidx(len(FRAGMENT) + 8) + FRAGMENT + MDAT, WHOLE, "refers to bytes up to"),
        (
            FTYP + moov() + sidx(20, len(FRAGMENT) * 2 - 20) + FRAGMENT * 2,
            WHOLE,
            "reference 2 of the sidx begins inside a box",
        ),
        (b"<html><body>404</body></html>", MEDIA, "HTML or XML page"),
        (b"\n <!DOCTYPE html>", INIT, "HTML or XML page"),
        (FRAGMENT, Role("video/mp4", SegmentKind.INDEX), "missing sidx"),
    ],
)
def test_each_problem_of_a_file_is_named(data: bytes, role: Role, words: str) -> None:
    found = problems(data, role)
    assert any(words in problem for problem in found), found


@given(st.data())
def test_a_truncated_or_extended_segment_always_has_problems(data: st.DataObject) -> None:
    whole = box("styp", b"msdh") + FRAGMENT
    cut = data.draw(st.integers(1, len(whole) - 1))
    assert problems(whole[:-cut], MEDIA)
    assert problems(whole + data.draw(st.binary(min_size=1, max_size=7)), MEDIA)


@given(st.binary(max_size=300), st.sampled_from([INIT, MEDIA, WHOLE]))
def test_arbitrary_bytes_never_raise(data: bytes, role: Role) -> None:
    problems(data, role)
    for read in (first_decode_time, media_timescale):
        read(lambda offset, size: data[offset : offset + size], len(data))


@pytest.mark.parametrize("version", [0, 1])
def test_decode_times_and_timescales_are_read_in_both_versions(version: int) -> None:
    media, initialization = moof(123456, version) + MDAT, FTYP + moov(48000, version)
    assert first_decode_time(lambda o, n: media[o : o + n], len(media)) == 123456
    assert media_timescale(lambda o, n: initialization[o : o + n], len(initialization)) == 48000


def test_only_headers_are_read_of_a_large_file() -> None:
    asked: list[int] = []
    data = FTYP + moov() + large_box("mdat", b"x" * 100_000)

    def read(offset: int, size: int) -> bytes:
        asked.append(size)
        return data[offset : offset + size]

    assert check(read, len(data), WHOLE) == ()
    assert sum(asked) < 1000


@pytest.mark.parametrize(
    ("mime", "data"),
    [
        ("video/webm", b"\x1a\x45\xdf\xa3\x84rest"),
        ("text/vtt", b"WEBVTT\n"),
        ("text/vtt", b"\xef\xbb\xbfWEBVTT"),
        ("application/ttml+xml", b"<?xml version='1.0'?><tt/>"),
        ("application/ttml+xml", b"\xff\xfe" + "<tt/>".encode("utf-16-le")),
        ("image/jpeg", b"\xff\xd8\xff\xe0"),
        ("image/png", b"\x89PNG\r\n\x1a\n" + bytes(20) + b"IEND\xaeB`\x82"),
        ("image/webp", b"RIFF\4\0\0\0WEBP"),
        ("video/mp2t", b"\x47" + b"\0" * 187 + b"\x47" + b"\0" * 187),
        ("application/unheard-of", b"anything"),
        (None, b"anything"),
    ],
)
def test_files_with_the_signature_of_their_type_have_no_problem(
    mime: str | None, data: bytes
) -> None:
    assert problems(data, Role(mime, SegmentKind.MEDIA, whole=True)) == ()


@pytest.mark.parametrize(
    "mime",
    ["video/webm", "text/vtt", "application/ttml+xml", "image/jpeg", "image/png", "video/mp2t"],
)
def test_files_with_another_signature_have_a_problem(mime: str) -> None:
    assert problems(b"<html>no such file</html>", Role(mime, SegmentKind.MEDIA, whole=True))


@pytest.mark.parametrize(
    "data", [b"\xff\0\0\0", b"\0", b"\x1f\x43\xb6\x75\0", b"\x1a\x45\xdf\xa3", b"\x80\0"]
)
@pytest.mark.parametrize("kind", SegmentKind)
@pytest.mark.parametrize("whole", [False, True])
def test_bytes_that_are_no_element_are_a_problem_of_the_file(
    data: bytes, kind: SegmentKind, whole: bool
) -> None:
    role = Role("video/webm", kind, whole=whole)
    assert check(lambda offset, size: data[offset : offset + size], len(data), role)


def test_a_webm_media_segment_begins_with_a_cluster() -> None:
    role = Role("video/webm", SegmentKind.MEDIA)
    assert problems(b"\x1f\x43\xb6\x75\x84rest", role) == ()
    assert problems(b"\xa3rest of a block", role)


@given(st.data())
def test_a_segment_that_looks_sound_at_a_glance_has_no_problems(data: st.DataObject) -> None:
    parts = [box(kind, b"x" * 9) for kind in ("styp", "sidx", "moof", "mdat", "free", "moov")]
    parts += [
        box("moof", box("tfdt", struct.pack(form, version << 24, 7)))
        for form, version in ((">II", 0), (">IQ", 1), (">IQ", 0))
    ]
    whole = b"".join(data.draw(st.lists(st.sampled_from(parts), max_size=8)))
    whole = data.draw(st.sampled_from([whole, whole[:-1], whole + b"x", bytes(8) + whole]))
    cut = data.draw(st.integers(0, len(whole)))
    pieces = [piece for piece in (whole[:cut], whole[cut:]) if piece]
    seen = glance(pieces, len(whole))
    if seen is not None:
        assert seen.ticks == decode_time(pieces)
        assert seen.indexed == (b"sidx" in whole)
        assert check(lambda at, most: whole[at : at + most], len(whole), MEDIA) == ()


@pytest.mark.parametrize("cut", [1, 60, len(FRAGMENT) - 1])
def test_a_usual_segment_is_sound_at_a_glance(cut: int) -> None:
    assert glance([FRAGMENT], len(FRAGMENT))
    assert not glance([FRAGMENT[:-1]], len(FRAGMENT) - 1)
    if cut == 60:
        assert glance([FRAGMENT[:cut], FRAGMENT[cut:]], len(FRAGMENT))


@pytest.mark.parametrize("size", [8, 16, 23, 24])
@pytest.mark.parametrize("kind", ["uuid", "emsg", "free", "sidx"])
def test_a_glance_sees_no_box_that_is_shorter_than_its_header(kind: str, size: int) -> None:
    whole = FRAGMENT + box(kind, bytes(size - 8))
    problems = check(lambda at, most: whole[at : at + most], len(whole), MEDIA)
    assert (glance([whole], len(whole)) is not None) == (not problems)
    assert bool(problems) == (kind == "uuid" and size < 24)
