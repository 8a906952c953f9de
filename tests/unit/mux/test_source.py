"""The files of a stretch as one file: whatever is read, and whatever is damaged."""

from __future__ import annotations

import io
import struct
from typing import BinaryIO

import pytest

from dashget.errors import MirrorIncompleteError
from dashget.mux.contents import Contents, Span
from dashget.mux.source import JoinedFile

LARGE = 300_000
"""Bytes of media in a segment that is not read at once."""


def _box(kind: bytes, payload: bytes) -> bytes:
    return struct.pack(">I4s", 8 + len(payload), kind) + payload


def _segment(media: int, *, after: bytes = b"") -> bytes:
    return _box(b"moof", bytes(100)) + _box(b"mdat", bytes(range(250)) * (media // 250)) + after


def _joined(*files: bytes, cut: int = 0) -> JoinedFile:
    stored = {str(number): data for number, data in enumerate(files)}
    spans = tuple(Span(path, 0, len(data)) for path, data in stored.items())

    def open_file(path: str) -> BinaryIO:
        data = stored[path]
        raw = io.BytesIO(data[: len(data) - cut] if path == "1" else data)
        return io.BufferedReader(raw)  # type: ignore[arg-type,return-value]  # as for a file

    return JoinedFile(
        open_file, Contents(spans, 1, (), beginning_lacks=False, mime_type="video/mp4")
    )


def _read(file: JoinedFile, count: int) -> bytes:
    return b"".join(iter(lambda: file.read(count), b""))


@pytest.mark.parametrize("count", [1000, 1 << 16, 1 << 20])
@pytest.mark.parametrize("media", [1000, 70_000, LARGE])
def test_all_bytes_are_read_in_order(media: int, count: int) -> None:
    files = (_box(b"moov", b"x" * 10), _segment(media), _segment(media))
    assert _read(_joined(*files), count) == b"".join(files)


def test_any_place_can_be_read_again() -> None:
    files = (_box(b"moov", b"x" * 10), _segment(LARGE), _segment(1000))
    file, whole = _joined(*files), b"".join(files)
    for place in (LARGE, 0, 70_000, 20, 65_553, 65_554, 65_555, len(whole) - 3, 18):
        file.seek(place)
        data = file.read(500)
        assert data
        assert whole.startswith(data, place)


@pytest.mark.parametrize(
    ("segment", "problem"),
    [
        (_segment(LARGE)[:-1], "ends 1 bytes past the file"),
        (_segment(LARGE, after=bytes(20)), "is not a box|are not a box|invalid"),
        (_box(b"mdat", bytes(LARGE)), "missing moof"),
        (_segment(LARGE, after=_box(b"moof", b"")), "2 moof boxes"),
        (b"<html>" + bytes(LARGE), "HTML"),
    ],
)
def test_damage_of_a_large_segment_ends_the_reading_at_its_begin(
    segment: bytes, problem: str
) -> None:
    beginning = _box(b"moov", b"x" * 10)
    file = _joined(beginning, segment)
    assert file.read(1000) == beginning
    with pytest.raises(MirrorIncompleteError, match=problem):
        file.read(1000)


@pytest.mark.parametrize("media", [1000, 70_000, LARGE])
def test_a_file_that_is_shorter_than_its_span_is_an_error(media: int) -> None:
    file = _joined(_box(b"moov", b"x" * 10), _segment(media), cut=100)
    with pytest.raises((OSError, MirrorIncompleteError)):
        _read(file, 1000)


def test_boxes_behind_the_media_of_a_large_segment_are_looked_at() -> None:
    files = (_box(b"moov", b"x"), _segment(LARGE, after=_segment(LARGE, after=_box(b"free", b""))))
    assert _read(_joined(*files), 1 << 16) == b"".join(files)
