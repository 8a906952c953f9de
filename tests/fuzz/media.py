"""Targets for media: the boxes of ISO BMFF, the elements of WebM, and indexes of single files."""

from __future__ import annotations

import contextlib
import math
import struct
from collections.abc import Sequence
from functools import lru_cache
from itertools import islice

from dashget.errors import DashGetError
from dashget.manifest.lookups import read_indexes, read_protections
from dashget.media.glance import glance, glance_at_initialization
from dashget.media.inspection import (
    check,
    check_index,
    first_decode_time,
    media_timescale,
    proves_whole,
    why_odd,
)
from dashget.media.isobmff import (
    BoxError,
    box_end,
    find_sidx,
    iter_boxes,
    read_protection,
    read_pssh,
    read_sidx,
)
from dashget.media.kind import Content, Role, SegmentKind
from dashget.media.sniff import Read, other_content
from dashget.media.topboxes import has_description
from dashget.media.webm import EbmlError, WebmHeader, iter_elements, read_cues, read_header
from dashget.mpd.budget import Budget
from dashget.mpd.parse import parse_mpd
from dashget.mpd.resolve import resolve
from dashget.planning.tracks import Track, make_tracks
from tests.fuzz.answers import Answers
from tests.fuzz.documents import URL
from tests.fuzz.target import check_error, some
from tests.support.builders import box, initialization, media_segment

_ROLES = tuple(
    Role("video/mp4", kind, whole=whole, content=Content.MEDIA)
    for kind in (SegmentKind.MEDIA, SegmentKind.INITIALIZATION, SegmentKind.INDEX)
    for whole in (False, True)
)
_OTHERS = tuple(
    Role(mime, SegmentKind.MEDIA)
    for mime in (
        "video/mp2t",
        "image/png",
        "image/webp",
        "text/vtt",
        "application/ttml+xml",
        "image/jpeg",
    )
)
_WEBM_ROLES = tuple(
    Role("video/webm", kind, whole=whole)
    for kind in (SegmentKind.MEDIA, SegmentKind.INITIALIZATION, SegmentKind.INDEX)
    for whole in (False, True)
)
_SEGMENTS = 100


def run_boxes(data: bytes) -> None:
    """Read the boxes of a file in every way, and check it in every role."""
    for read_it in (read_sidx, read_pssh, read_protection):
        with contextlib.suppress(BoxError):
            read_it(data)
    with contextlib.suppress(BoxError):
        sidx = find_sidx(data)
        if sidx is not None:
            assert 0 <= sidx.start < sidx.end <= len(data)
            assert sidx.anchor >= sidx.end
            assert sidx.timescale > 0
    with contextlib.suppress(BoxError):
        position = 0
        for each in iter_boxes(data):
            assert each.start == position
            position = len(data) if each.end is None else each.end
            assert each.payload <= position or each.end is None
        assert (box_end(data, "sidx") or 1) > 0
    _check_roles(data, _ROLES)
    cut = len(data) // 2
    (pieces,) = some(([data], [data[:cut], data[cut:]], [data[:1], b"", data[1:]]), data, 1)
    for role in (_ROLES[0], _ROLES[2]):
        initial = role.kind is SegmentKind.INITIALIZATION
        look = glance_at_initialization if initial else glance
        if look(pieces, len(data)):
            assert not check(reader(data), len(data), role)


def run_webm(data: bytes) -> None:
    """Read the header and the Cues of a file, and check it in every role."""
    header = WebmHeader(0, None)
    with contextlib.suppress(EbmlError):
        position = 0
        for element in iter_elements(data):
            assert element.start == position < element.payload
            position = element.payload if element.end is None else element.end
    with contextlib.suppress(EbmlError):
        header = read_header(data)
        assert header.timestamp_scale > 0
        duration = header.duration
        assert duration is None or (math.isfinite(duration) and duration >= 0)
    with contextlib.suppress(EbmlError):
        positions = [cue.position for cue in read_cues(data, header)]
        assert positions == sorted(set(positions))
    _check_roles(data, _WEBM_ROLES)


def run_files(data: bytes) -> None:
    """Check files of other types, and describe what came in their place."""
    described = other_content(data[:1024])
    assert described is None or described.strip()
    _check_roles(data, _OTHERS)


def run_indexes(data: bytes) -> None:
    """Read the subsegments of a single file by its index, wherever a manifest says that it is."""
    answers = Answers([data])
    try:
        tracks = _single_files()
        for track, issue in read_indexes(tracks, answers, Budget()):
            assert issue is None or str(issue)
            segments = list(islice(track.index, _SEGMENTS))
            for segment in segments:
                span = segment.range
                assert span is None or span.last is None or 0 <= span.first <= span.last
            if len(segments) < _SEGMENTS:
                media = sum(1 for segment in segments if segment.kind is SegmentKind.MEDIA)
                assert media == track.index.count()
        read_protections(tracks, answers, Budget())
    except DashGetError as error:
        check_error(error)


def box_seeds() -> Sequence[bytes]:
    """Return segments of all kinds, as small as they can be."""
    system = bytes.fromhex("edef8ba979d64acea3c827dcd51d21ed")
    pssh = box(
        "pssh", b"\1\0\0\0", system, struct.pack(">I", 1), bytes(16), struct.pack(">I", 4), b"data"
    )
    tenc = box("tenc", bytes(6), b"\1\x08", bytes(range(16)))
    sinf = box(
        "sinf", box("frma", b"avc1"), box("schm", bytes(4), b"cenc", bytes(4)), box("schi", tenc)
    )
    entry = box("stsd", struct.pack(">II", 0, 1), box("encv", bytes(78), sinf))
    stbl = box("minf", box("stbl", entry))
    moov = box("moov", box("trak", box("mdia", stbl)), pssh)
    emsg = box("emsg", b"\1\0\0\0" + bytes(20) + b"urn:x\0value\0data")
    return (
        initialization(), media_segment(1, b"x" * 20), media_segment(2, b""), moov, pssh,
        box("styp", b"msdh", bytes(4)) + emsg + media_segment(1, b"x"),
        initialization() + _sidx((False, 40, 2)) + media_segment(1, b""),
        _sidx((True, 44, 2)) + _sidx((False, 40, 2)) + box("moof") + box("mdat"),
        box("free") + box("uuid", bytes(16)) + b"\0\0\0\1mdat" + struct.pack(">Q", 20) + b"data",
    )  # fmt: skip


def webm_seeds() -> Sequence[bytes]:
    """Return a file with a header, Cues and a Cluster, and pieces of it."""
    info = _ebml(
        0x1549A966, _ebml(0x2AD7B1, b"\x0f\x42\x40") + _ebml(0x4489, struct.pack(">d", 4000))
    )
    points = b"".join(
        _ebml(0xBB, _ebml(0xB3, bytes([time])) + _ebml(0xB7, _ebml(0xF1, bytes([place]))))
        for time, place in ((0, 80), (100, 120))
    )
    cues = _ebml(0x1C53BB6B, points)
    cluster = _ebml(0x1F43B675, _ebml(0xE7, b"\0") + _ebml(0xA3, b"\x81\0\0\x80x"))
    head = _ebml(0x1A45DFA3, _ebml(0x4282, b"webm"))
    return (
        head + _ebml(0x18538067, info + cues + cluster * 2),
        cues,
        cluster,
        head,
        head + b"\x18\x53\x80\x67\xff",
    )


def file_seeds() -> Sequence[bytes]:
    """Return the beginnings of files of other types."""
    return (
        b"WEBVTT\n\n00:00.000 --> 00:01.000\nHi", b"<html><head><title>Login</title>", b'{"error": 1}',
        b'<?xml version="1.0"?>\n<tt xmlns="http://www.w3.org/ns/ttml"><body/></tt>', b"\x47" + bytes(187),
        b"\x89PNG\r\n\x1a\n" + bytes(8) + b"IEND\xaeB`\x82", b"RIFF\x04\0\0\0WEBP", b"\xff\xd8\xff\xe0\xff\xd9",
        "\ufeff<html/>".encode("utf-16"), b"\x1f\x8b\x08", b"<!-- a --><?b?><!DOCTYPE html><html>",
    )  # fmt: skip


def index_seeds() -> Sequence[bytes]:
    """Return single files with an index."""
    return (
        *box_seeds()[-3:-1],
        *webm_seeds()[:2],
        _sidx((False, 10, 1), (False, 0, 1), (True, 32, 1)),
    )


def reader(data: bytes) -> Read:
    """Return the function that reads a file at a position, which is in the file or behind it."""

    def read(offset: int, size: int) -> bytes:
        assert offset >= 0 <= size
        return data[offset : offset + size]

    return read


def _check_roles(data: bytes, roles: Sequence[Role]) -> None:
    read, size = reader(data), len(data)
    for role in some(roles, data, 1):
        problems = check(read, size, role)
        assert all(problem.strip() for problem in problems)
        why_odd(read, size, role)
        check_index(read, size, role)
        if not problems:
            proves_whole(read, size, role)
    for look in some((first_decode_time, media_timescale, has_description), data, 1):
        look(read, size)


def _sidx(*references: tuple[bool, int, int]) -> bytes:
    rows = b"".join(
        struct.pack(">III", is_index << 31 | size, duration, 1 << 31)
        for is_index, size, duration in references
    )
    return box("sidx", struct.pack(">IIIIIHH", 0, 1, 10, 0, 0, 0, len(references)), rows)


def _ebml(identity: int, content: bytes) -> bytes:
    head = identity.to_bytes((identity.bit_length() + 7) // 8, "big")
    return head + (1 << 28 | len(content)).to_bytes(4, "big") + content


@lru_cache(maxsize=1)
def _single_files() -> tuple[Track, ...]:
    bases = (
        "", "<SegmentBase/>", '<SegmentBase indexRange="0-43" timescale="10" presentationTimeOffset="7"/>',
        '<SegmentBase indexRange="44-"><Initialization range="0-43"/></SegmentBase>',
        '<SegmentBase><RepresentationIndex sourceURL="x.mp4" range="0-99"/></SegmentBase>',
    )  # fmt: skip
    text = "".join(
        f'<Representation id="{number}" bandwidth="1"><BaseURL>x.mp4</BaseURL>{base}</Representation>'
        for number, base in enumerate(bases)
    )
    document = (
        '<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" mediaPresentationDuration="PT4S">'
        f'<Period><AdaptationSet mimeType="video/mp4">{text}</AdaptationSet></Period></MPD>'
    )
    return make_tracks(resolve(parse_mpd(document.encode()), url=URL))
