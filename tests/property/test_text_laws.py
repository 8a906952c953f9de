"""Laws of templates, URLs and documents for any text."""

from __future__ import annotations

import re
import struct
from contextlib import suppress
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from dashget.common.byterange import ByteRange
from dashget.common.url import Url
from dashget.errors import DashGetError
from dashget.media.isobmff import BoxError, find_sidx, iter_boxes, read_pssh, read_sidx
from dashget.media.webm import EbmlError, read_cues, read_header
from dashget.mpd.parse import parse_mpd
from dashget.mpd.resolve import resolve
from dashget.mpd.template import UrlPattern, parse_template
from dashget.mpd.urls import encode, resolve_reference
from dashget.mpd.values import parse_duration, read_duration
from dashget.segments import address
from dashget.segments.subsegments import NeededIndex, read_index

CORPUS = Path(__file__).parent.parent / "corpus"
SAMPLES = [path.read_bytes() for path in sorted(CORPUS.glob("*.mpd"))]

pieces = st.sampled_from(
    ["$", "$$", "$Number$", "$Time%05d$", "$SubNumber$", "$RepresentationID$", "$Bandwidth$",
     "$Number%x$", "$foo$", "%", "%d", "{}", "/", "a", "\ue000", "é", " "]
)  # fmt: skip
templates = st.lists(pieces, max_size=8).map("".join)


@given(templates)
def test_a_template_of_any_text_expands(text: str) -> None:
    template, _ = parse_template(text)
    pattern = UrlPattern.from_marked(template.marked("v$Number$", 5), template.fields)
    first = pattern.expand(1, 2, 3)
    assert first == pattern.expand(1, 2, 3)
    assert not re.search("[\ue000-\uf8ff]", first)


@given(templates, st.integers(0, 10**9), st.integers(0, 10**12))
def test_a_template_expands_as_one_pass_of_replacements_does(
    text: str, number: int, time: int
) -> None:
    def replace(match: re.Match[str]) -> str:
        name, form = match[1], match[2] or "d"
        if not name:
            return "$"
        values = {"Number": number, "Time": time, "SubNumber": 3, "Bandwidth": 5}
        return "v1" if name == "RepresentationID" else f"%{form}" % values[name]

    identifier = r"\$(?:(RepresentationID|Number|Time|SubNumber|Bandwidth)(?:%([0-9]*[dx]))?)?\$"
    expected = re.sub(identifier, replace, text.replace("\ue000", "%EE%80%80"))
    template, _ = parse_template(text)
    pattern = UrlPattern.from_marked(template.marked("v1", 5), template.fields)
    assert pattern.expand(number, time, 3) == expected


@given(templates, st.integers(0, 9), st.integers(0, 10**9), st.integers(0, 10**12))
def test_where_a_text_begins_to_be_another_depends_on_no_value(
    text: str, cut: int, number: int, time: int
) -> None:
    template, _ = parse_template(text)
    marked = template.marked("v1", 5)
    pattern = UrlPattern.from_marked(marked, template.fields)
    ending = UrlPattern.from_marked(marked[cut:], template.fields)
    start = pattern.start_of(ending)
    if start is None:
        assert not marked[:cut].isascii()
    else:
        assert pattern.expand(number, time, 3)[start:] == ending.expand(number, time, 3)
    assert pattern.start_of(UrlPattern.from_marked(f"!{marked}", template.fields)) is None


@given(templates)
def test_the_canonical_text_of_a_pattern_is_the_same_pattern_again(text: str) -> None:
    template, _ = parse_template(text)
    pattern = UrlPattern.from_marked(template.marked("v1", 5), template.fields)
    again, _ = parse_template(pattern.text)
    assert again.fields == pattern.fields
    assert again.marked("", None) == pattern.marked


references = st.lists(
    st.sampled_from(
        ["a", "b", "/", "..", ".", "?", "q=1", "//h", "http://x", " ", "é", "%", "%2F"]
    ),
    max_size=7,
).map("".join)


@given(references)
def test_a_resolved_url_is_absolute_legal_and_without_dot_segments(reference: str) -> None:
    assume(Url.parse(reference).scheme in (None, "http"))
    url = resolve_reference("http://host/dir/m.mpd?q=0", reference)
    parts = Url.parse(url)
    assert parts.scheme == "http"
    assert not {"..", "."} & set(parts.path.split("/"))
    path_and_query = parts.path + (parts.query or "")
    assert re.fullmatch(r"([A-Za-z0-9\-._~:/?@!$&'()*+,;=]|%[0-9A-Fa-f]{2})*", path_and_query)
    assert resolve_reference("http://other/", url) == url


@given(st.text(max_size=20))
def test_encoding_is_idempotent(text: str) -> None:
    once = encode(f"http://h/{text}")
    assert encode(once) == once


@given(st.integers(0, 10**15))
def test_durations_survive_writing_and_reading(microseconds: int) -> None:
    whole, rest = divmod(microseconds, 10**6)
    hours, minutes, seconds = whole // 3600, whole // 60 % 60, whole % 60
    expected = Fraction(microseconds, 10**6)
    assert read_duration(f"PT{whole}.{rest:06d}S") == (expected, None)
    assert read_duration(f"PT{hours}H{minutes}M{seconds}.{rest:06d}S") == (expected, None)
    assert parse_duration(f"{whole}.{rest:06d}") == expected


@given(st.binary(max_size=200))
def test_arbitrary_bytes_as_mpd_raise_only_mpd_errors(data: bytes) -> None:
    with pytest.raises(DashGetError):
        parse_mpd(data)


@given(st.sampled_from(SAMPLES), st.data())
def test_a_damaged_manifest_is_read_or_refused_without_a_crash(
    sample: bytes, data: st.DataObject
) -> None:
    position = data.draw(st.integers(0, len(sample) - 1))
    kind = data.draw(st.sampled_from(["cut", "flip", "drop", "digit"]))
    if kind == "cut":
        damaged = sample[:position]
    elif kind == "drop":
        damaged = sample[:position] + sample[position + data.draw(st.integers(1, 9)) :]
    elif kind == "digit":
        digits = [m.start() for m in re.finditer(rb"\d", sample)]
        position = data.draw(st.sampled_from(digits))
        value = data.draw(st.sampled_from([b"0", b"-1", b"99999999999", b"1.5", b""]))
        damaged = sample[:position] + value + sample[position + 1 :]
    else:
        damaged = (
            sample[:position] + bytes([data.draw(st.integers(0, 255))]) + sample[position + 1 :]
        )
    with suppress(DashGetError):
        presentation = resolve(
            parse_mpd(damaged), url="https://example.com/m.mpd", now=Fraction(1704067260)
        )
        for period in presentation.periods:
            for adaptation_set in period.adaptation_sets:
                for representation in adaptation_set.representations:
                    for segment, _ in zip(address(representation, limit=10**6), range(50)):  # noqa: B905
                        assert segment.url


references_of_sidx = st.lists(
    st.tuples(st.booleans(), st.integers(0, 2**31 - 1), st.integers(0, 2**32 - 1)), max_size=20
)


@given(references_of_sidx, st.booleans(), st.integers(1, 2**32 - 1), st.integers(0, 2**32 - 1))
def test_a_sidx_is_read_as_it_was_written(
    references: list[tuple[bool, int, int]], long_form: bool, timescale: int, earliest: int
) -> None:
    body = struct.pack(">B3xII", long_form, 1, timescale)
    body += struct.pack(">QQ" if long_form else ">II", earliest, 7)
    body += struct.pack(">HH", 0, len(references))
    for is_index, size, duration in references:
        body += struct.pack(">III", is_index << 31 | size, duration, 0x90000000)
    box = struct.pack(">I4s", 8 + len(body), b"sidx") + body
    sidx = read_sidx(box, 1000)
    assert (sidx.timescale, sidx.earliest_presentation_time) == (timescale, earliest)
    assert sidx.anchor == 1000 + len(box) + 7
    assert [(r.is_index, r.size, r.duration) for r in sidx.references] == references
    assert find_sidx(b"\0\0\0\x08free" + box, 992) == sidx
    assert find_sidx(box[:-1]) is None


@given(st.binary(max_size=100))
def test_arbitrary_bytes_as_boxes_raise_only_box_errors(data: bytes) -> None:
    for reader in (read_sidx, read_pssh, find_sidx, lambda b: list(iter_boxes(b))):
        with suppress(BoxError):
            reader(data)


@given(st.binary(max_size=100))
def test_arbitrary_bytes_as_webm_raise_only_ebml_errors(data: bytes) -> None:
    prefixes = (b"", b"\x1a\x45\xdf\xa3\x80\x18\x53\x80\x67\xff", b"\x1c\x53\xbb\x6b\xff")
    for prefix in prefixes:
        with suppress(EbmlError):
            header = read_header(prefixes[1] + data)
            read_cues(prefix + data, header)


@given(st.binary(max_size=120), st.sampled_from(["", ' indexRange="0-119"', ' indexRange="9-99"']))
def test_arbitrary_bytes_as_index_are_read_or_refused(data: bytes, attributes: str) -> None:
    text = (
        '<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" mediaPresentationDuration="PT8S"><Period>'
        '<AdaptationSet mimeType="video/mp4"><Representation id="v" bandwidth="1">'
        f"<BaseURL>v.mp4</BaseURL><SegmentBase{attributes}/></Representation></AdaptationSet>"
        "</Period></MPD>"
    )
    presentation = resolve(parse_mpd(text.encode(), url="http://h/m.mpd"))
    representation = presentation.periods[0].adaptation_sets[0].representations[0]
    header = b"\x1a\x45\xdf\xa3\x80\x18\x53\x80\x67\xff"
    for prefix in (b"", b"\0\0\0\x78sidx", b"\x1c\x53\xbb\x6b\xff", header):
        known: dict[ByteRange, bytes] = {}
        with suppress(DashGetError):
            for _ in range(4):
                answer = read_index(representation, known)
                if not isinstance(answer, NeededIndex):
                    assert answer is None or len(list(answer)) >= (answer.count() or 0)
                    break
                known |= dict.fromkeys(answer.ranges, (header if known else prefix) + data)
