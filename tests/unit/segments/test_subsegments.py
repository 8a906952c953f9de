"""Reading the index of a single file: requested ranges and resulting subsegments."""

from __future__ import annotations

import struct

import pytest

from dashget.common.byterange import ByteRange
from dashget.errors import MPDError
from dashget.mpd.parse import parse_mpd
from dashget.mpd.presentation import Representation
from dashget.mpd.resolve import resolve
from dashget.segments.subsegments import (
    SEARCH_BYTES,
    NeededIndex,
    SubsegmentIndex,
    read_index,
)


def representation(inner: str) -> Representation:
    text = (
        '<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" mediaPresentationDuration="PT8S"><Period>'
        '<AdaptationSet mimeType="video/mp4"><Representation id="v" bandwidth="1">'
        f"<BaseURL>v.mp4</BaseURL>{inner}</Representation></AdaptationSet></Period></MPD>"
    )
    presentation = resolve(parse_mpd(text.encode(), url="http://h/m.mpd"))
    return presentation.periods[0].adaptation_sets[0].representations[0]


def sidx(*references: tuple[int, int]) -> bytes:
    body = bytes(4) + struct.pack(">IIIIHH", 1, 10, 0, 0, 0, len(references))
    body += b"".join(struct.pack(">III", size, duration, 0) for size, duration in references)
    return struct.pack(">I4s", 8 + len(body), b"sidx") + body


def needed(answer: object) -> list[tuple[str, str]]:
    assert isinstance(answer, NeededIndex)
    return [(answer.address.patterns[0].text, str(r)) for r in answer.ranges]


def test_the_index_range_is_requested_first() -> None:
    answer = read_index(representation('<SegmentBase indexRange="10-99"/>'), {})
    assert needed(answer) == [("http://h/v.mp4", "10-99")]


def test_without_an_index_range_the_beginning_is_requested() -> None:
    assert needed(read_index(representation(""), {})) == [
        ("http://h/v.mp4", f"0-{SEARCH_BYTES - 1}")
    ]


def test_a_sidx_longer_than_the_search_is_requested_completely() -> None:
    data = struct.pack(">I4s", 8, b"ftyp") + sidx(*[(100, 10)] * 50)
    start = ByteRange(0, SEARCH_BYTES - 1)
    answer = read_index(representation(""), {start: data[:60]})
    whole = ByteRange(0, len(data) - 1)
    assert needed(answer) == [("http://h/v.mp4", str(whole))]
    index = read_index(representation(""), {start: data[:60], whole: data})
    assert isinstance(index, SubsegmentIndex)
    assert index.count() == 50


def test_a_separate_index_file_is_requested_at_its_url() -> None:
    inner = '<SegmentBase><RepresentationIndex sourceURL="v.sidx"/></SegmentBase>'
    one = representation(inner)
    assert needed(read_index(one, {})) == [("http://h/v.sidx", "0-")]
    index = read_index(one, {ByteRange(0): sidx((100, 10), (50, 5))})
    assert isinstance(index, SubsegmentIndex)
    media = [str(s.range) for s in index if s.kind.value == "media"]
    assert media == ["0-99", "100-149"]


def test_other_addressing_modes_have_no_index_to_read() -> None:
    assert read_index(representation('<SegmentTemplate media="x"/>'), {}) is None


def test_a_reference_to_itself_ends_in_an_error() -> None:
    body = (
        bytes(4)
        + struct.pack(">IIIIHH", 1, 10, 0, 0, 0, 1)
        + struct.pack(">III", 1 << 31 | 44, 1, 0)
    )
    box = struct.pack(">I4s", 8 + len(body), b"sidx") + body
    one = representation('<SegmentBase indexRange="0-43"/>')
    known = {ByteRange(0, 43): box}
    for _ in range(5):
        answer = read_index(one, known)
        assert isinstance(answer, NeededIndex)
        known |= dict.fromkeys(answer.ranges, box)
    with pytest.raises(MPDError, match="refer to each other"):
        read_index(one, known)


def test_the_last_subsegment_ends_where_cues_behind_the_media_begin() -> None:
    head = bytes.fromhex("1a45dfa38018538067ff")
    cues = bytes.fromhex("1c53bb6b8bbb89b38100b784f1820032")
    one = representation(
        f'<SegmentBase indexRange="100-{99 + len(cues)}"><Initialization range="0-9"/>'
        "</SegmentBase>"
    )
    known = {ByteRange(100, 99 + len(cues)): cues, ByteRange(0, 9): head}
    index = read_index(one, known)
    assert isinstance(index, SubsegmentIndex)
    assert [str(s.range) for s in index.media()] == ["60-99"]


@pytest.mark.parametrize("depth", [1, 3])
def test_a_graph_of_indexes_ends_at_512_boxes(depth: int) -> None:
    index = 1 << 31
    known = {ByteRange(0, SEARCH_BYTES - 1): sidx(*[(index | 32, 10)] * 600)}

    def read_all() -> None:
        while isinstance(needed := read_index(representation(""), known), NeededIndex):
            for wanted in needed.ranges:
                known[wanted] = sidx(*[(index | 32, 10)] * depth)

    with pytest.raises(MPDError, match="more than 512 index boxes"):
        read_all()
    assert len(known) <= 512
