"""Laws of readers: every text that a stranger wrote gives a value or a named error."""

from __future__ import annotations

import contextlib
import datetime
import json
import math
import random
import re
from collections.abc import Callable
from fractions import Fraction
from xml.sax import saxutils as sax

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dashget.common.byterange import ByteRange
from dashget.common.digests import find_digest, stated_digests
from dashget.common.numbers import (
    is_digits,
    nearest_float,
    read_digits,
    read_http_date,
    read_time,
    strong_date,
    utc_of,
)
from dashget.common.url import UrlError, read_host, read_ipv6, read_port
from dashget.errors import DashGetError
from dashget.media.isobmff import BoxError
from dashget.media.webm import EbmlError, read_cues, read_header
from dashget.mpd import values
from dashget.mpd.clock import ClockMethod, read_clock
from dashget.mpd.dataurl import decode_data_url
from dashget.mpd.parse import parse_mpd
from dashget.mpd.resolve import resolve
from dashget.planning.limits import Limits, require_countable
from dashget.planning.plan import iter_plan, make_layout
from dashget.planning.selection import parse_periods
from dashget.planning.tracks import make_tracks
from dashget.playable.localmpd import make_local_mpd
from dashget.transfer.http.head import Head, HeadReader
from dashget.transfer.http.judge import Asked, judge

HOSTILE = [
    "", " ", "²", "１", "٣", "1_000", "+1", "-1", "0x10", "1e400", "1E-400", "9" * 19, "9" * 20,
    "9" * 100, "9" * 5000, "-" + "9" * 5000, "1." + "9" * 5000, "nan", "inf", "-inf", "INF", "1/0",
    f"{'9' * 5000}/1", "1/3", "é", "\u2028", "\x7f", "P9" + "9" * 4999 + "Y", "P1E308Y", "P1Y1E999M",
    "P" + "9" * 90 + "Y", "P" + "9" * 15 + "Y", "P99999999999999Y11M", "PT1E-999S", "P²D", "P1,5E9W",
    "0000-01-01T00:00:00Z", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59.9999999-14:00",
    "10000-01-01T00:00:00Z", "2026-02-30T00:00:00Z", "Sun, 06 Nov 0000 08:49:37 GMT",
    "Sun, 06 Nov 10000 08:49:37 GMT", "Sun, 06 Nov 9999 23:59:60 -9999", "bytes 1-2/3", "0-²",
    "0-" + "9" * 5000, "[::²]", "１27.0.0.1", "xn--\u0660", "a" * 64 + ".é", "INFINITY", "true²",
]  # fmt: skip
ALPHABET = "0123456789PTYMWDHS.,:-+/eE ²１_%=;*\"'"
texts = st.sampled_from(HOSTILE) | st.text(ALPHABET, max_size=60) | st.text(max_size=30)

READERS: dict[str, tuple[Callable[[str], object], tuple[type[Exception], ...]]] = {
    "integer": (values.read_integer, (ValueError,)),
    "count": (values.read_count, (ValueError,)),
    "ticks": (values.read_ticks, (ValueError,)),
    "number": (values.read_number, (ValueError,)),
    "rate": (values.read_rate, (ValueError,)),
    "boolean": (values.read_boolean, (ValueError,)),
    "duration": (values.read_duration, (ValueError,)),
    "duration of a user": (values.parse_duration, (ValueError,)),
    "date and time": (values.read_date_time, (ValueError,)),
    "byte range": (ByteRange.parse, (ValueError,)),
    "data URL": (lambda text: decode_data_url(f"data:;base64,{text}"), (ValueError,)),
    "digits": (read_digits, ()),
    "time": (read_time, ()),
    "HTTP date": (read_http_date, ()),
    "strong date": (lambda text: strong_date(text, text), ()),
    "host": (read_host, (UrlError,)),
    "IPv6 address": (read_ipv6, (UrlError,)),
    "port": (read_port, (UrlError,)),
    "Periods": (parse_periods, (DashGetError, ValueError)),
    "clock": (
        lambda text: read_clock(ClockMethod.HTTP_ISO, text.encode("utf-8", "replace"), None),
        (ValueError,),
    ),
    "checksum": (lambda text: stated_digests([("digest", text), ("content-md5", text)], text), ()),
    "one checksum": (lambda text: find_digest([("repr-digest", text)], status=200), ()),
}


@pytest.mark.parametrize("name", READERS)
@given(text=texts)
def test_every_text_gives_a_value_or_the_named_error(name: str, text: str) -> None:
    read, named = READERS[name]
    with contextlib.suppress(*named):
        json.dumps(read(text), default=str)


@pytest.mark.parametrize("name", READERS)
def test_no_hostile_text_gives_another_error(name: str) -> None:
    read, named = READERS[name]
    for text in HOSTILE:
        with contextlib.suppress(*named):
            json.dumps(read(text), default=str)


@given(texts)
def test_digits_are_those_of_ascii(text: str) -> None:
    value = read_digits(text)
    assert (value is not None) == (is_digits(text) and len(text) <= 19)
    assert value is None or f"{value:0{len(text)}d}" == text


@given(st.fractions() | st.integers(-(10**400), 10**400))
def test_every_exact_number_has_a_finite_float(value: Fraction | int) -> None:
    assert math.isfinite(nearest_float(value))


@given(st.fractions() | st.integers(-(10**400), 10**400).map(Fraction))
def test_seconds_are_a_time_of_the_years_1_to_9999_or_none(seconds: Fraction) -> None:
    time = utc_of(seconds)
    assert time is None or time.tzinfo is datetime.UTC


@given(texts)
def test_a_time_that_is_read_can_be_shown_in_utc(text: str) -> None:
    time = read_time(text)
    assert time is None or time.astimezone(datetime.UTC).isoformat()


FIELDS = (
    "content-length", "content-range", "retry-after", "age", "date", "last-modified", "etag",
    "cache-control", "expires", "content-encoding", "location", "content-md5", "transfer-encoding",
)  # fmt: skip
heads = st.dictionaries(st.sampled_from(FIELDS), texts, max_size=5)


@given(st.binary(max_size=12) | texts.map(lambda text: text.encode("utf-8", "replace")), heads)
def test_every_head_of_a_server_is_judged(status: bytes, fields: dict[str, str]) -> None:
    lines = [
        f"{name}: {text}".encode("utf-8", "replace").replace(b"\n", b" ") + b"\r\n"
        for name, text in fields.items()
    ]
    for code in (status, b"200", b"206", b"301", b"416", b"429", b"503"):
        head = Head.parse([b"HTTP/1.1 " + code + b" x\r\n", *lines, b"\r\n"])
        for asked in (Asked(), Asked(ByteRange(0, 9), whole=False), Asked(probe=True)):
            if head is not None:
                judge(head, asked, lambda: 0.0)
                head.describe("http://h/", 1, "http://h/")


head_lines = st.lists(
    st.sampled_from(
        [
            b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 206 OK\r\n", b"ETag: 1\r\n", b"ETag: 2\r\n",
            b"etag: 3\r\n", b"Age: 1\r\n", b"Age: 2\r\n", b": 1\r\n", b"x\r\n", b"\r\n", b"\n",
        ]
    ),
    max_size=6,
).map(lambda lines: [b"HTTP/1.1 200 OK\r\n", *lines, b"\r\n"])  # fmt: skip


@given(st.lists(head_lines, max_size=4), st.randoms(use_true_random=False))
@settings(max_examples=300)
def test_a_reader_of_similar_heads_reads_each_as_it_is(
    seen: list[list[bytes]], chance: random.Random
) -> None:
    reader = HeadReader()
    for lines in seen:
        # Similar ones: each again, and with one line of another.
        similar = lines[:]
        similar[chance.randrange(len(lines))] = chance.choice(chance.choice(seen))
        for each in (lines, lines, similar, lines[:-1], [*lines, b"Age: 9\r\n"]):
            read, parsed = reader.read(each), Head.parse(each)
            assert (read is None) is (parsed is None)
            if read is not None and parsed is not None:
                told = (read.status, read.version, read.fields)
                assert told == (parsed.status, parsed.version, parsed.fields)


def ebml(identity: int, content: bytes) -> bytes:
    size = (1 << 56 | len(content)).to_bytes(8, "big")
    return identity.to_bytes((identity.bit_length() + 7) // 8, "big") + size + content


numbers = st.binary(max_size=12) | st.sampled_from(
    [b"\xff" * 60_000, b"\x7f\xf8" + b"\0" * 6, b"\x7f\xf0" + b"\0" * 6, b"\xff\xf0" + b"\0" * 6,
     b"\x7f\xc0\0\0", b"\x7f\x80\0\0", b"\xff\x80\0\0", b"\x7f\xef" + b"\xff" * 6]
)  # fmt: skip


@given(numbers, numbers, numbers, numbers)
@settings(max_examples=200)
def test_every_number_of_a_webm_file_is_one_or_a_named_error(
    scale: bytes, duration: bytes, time: bytes, position: bytes
) -> None:
    info = ebml(0x1549A966, ebml(0x2AD7B1, scale) + ebml(0x4489, duration))
    point = ebml(0xB3, time) + ebml(0xB7, ebml(0xF1, position))
    cues = ebml(0x1C53BB6B, ebml(0xBB, point))
    with contextlib.suppress(EbmlError, BoxError):
        header = read_header(ebml(0x1A45DFA3, b"") + ebml(0x18538067, info))
        assert header.duration is None or (math.isfinite(header.duration) and header.duration >= 0)
        for cue in read_cues(cues, header):
            assert str(cue)
            assert str(Fraction(10**9, header.timestamp_scale))


ATTRIBUTES = {
    "MPD": ("mediaPresentationDuration", "availabilityStartTime", "publishTime", "minBufferTime",
            "minimumUpdatePeriod", "timeShiftBufferDepth", "xmlns:x", "x:y"),
    "Period": ("start", "duration", "id"),
    "AdaptationSet": ("width", "frameRate", "audioSamplingRate", "lang", "par", "xmlns"),
    "Representation": ("bandwidth", "height", "qualityRanking", "codecs"),
    "SegmentTemplate": ("timescale", "duration", "startNumber", "endNumber", "eptDelta",
                        "presentationTimeOffset", "availabilityTimeOffset", "indexRange"),
    "S": ("t", "d", "r", "n", "k"),
    "AudioChannelConfiguration": ("value",),
    "EssentialProperty": ("value",),
    "UTCTiming": ("value",),
}  # fmt: skip
VALUES = [text for text in HOSTILE if text.isprintable()] + [
    "a b",
    "%zz",
    "{x}",
    "http://[",
    "http://",
]

ROW = 'd="2" r="1"'
ROOT = 'xmlns="urn:mpeg:dash:schema:mpd:2011" mediaPresentationDuration="PT4S"'
AUDIO = 'mimeType="audio/mp4"'
VIDEO = 'id="v" bandwidth="1"'
CHANNELS = 'schemeIdUri="urn:mpeg:dash:23003:3:audio_channel_configuration:2011"'
TILES = 'schemeIdUri="http://dashif.org/guidelines/thumbnail_tile"'
CLOCK = 'schemeIdUri="urn:mpeg:dash:utc:direct:2014"'


def full(element: str, name: str, text: str, *, timeline: bool, kind: str = "static") -> bytes:
    """Return a manifest with one hostile value."""

    def tag(this: str, usual: str = "") -> str:
        if this == element:
            usual = re.sub(rf'\b{name}="[^"]*"', "", usual) + f" {name}={sax.quoteattr(text)}"
        return f"{this} {usual}"

    rows = f"<SegmentTimeline><{tag('S', ROW)}/></SegmentTimeline>" if timeline else ""
    template = 'media="v$Number$-$Time$.m4s"' + ("" if timeline else ' duration="2"')
    return (
        f"<{tag('MPD', f'{ROOT} type=%s' % sax.quoteattr(kind))}><{tag('Period')}>"
        f"<{tag('AdaptationSet', AUDIO)}><{tag('AudioChannelConfiguration', CHANNELS)}/>"
        f"<{tag('EssentialProperty', TILES)}/>"
        f"<{tag('SegmentTemplate', template)}>{rows}</SegmentTemplate>"
        f"<{tag('Representation', VIDEO)}/></AdaptationSet></Period>"
        f"<{tag('UTCTiming', CLOCK)}/></MPD>"
    ).encode()


@pytest.mark.parametrize(
    ("element", "name"),
    [(element, name) for element, names in ATTRIBUTES.items() for name in names],
)
def test_a_hostile_value_gives_a_plan_or_an_error_of_dashget(element: str, name: str) -> None:
    now = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
    for text in VALUES:
        for timeline in (False, True):
            for kind in ("static", "dynamic"):
                data = full(element, name, text, timeline=timeline, kind=kind)
                with contextlib.suppress(DashGetError):
                    shown = resolve(parse_mpd(data), url="http://h/a/x.mpd", now=now)
                    assert repr(shown)
                    assert all(str(warning) for warning in shown.warnings)
                    tracks = make_tracks(shown)
                    require_countable(tracks, Limits(1000, 2000))
                    layout = make_layout(shown)
                    for number, file in enumerate(iter_plan(tracks, layout)):
                        assert file.path
                        if number > 20:
                            break
                    make_local_mpd(data, shown, tracks, layout)
