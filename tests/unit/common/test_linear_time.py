"""Readers of foreign text that take linear time, also for texts made to be tried again and again.

Each text has 64 KiB, and takes 3 s to a minute where a pattern tries one run of characters from
every beginning, or shares it between two parts.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable

import pytest

from dashget.common.byterange import ByteRange
from dashget.common.digests import find_digest, stated_digests
from dashget.errors import DashGetError
from dashget.mpd.parse import parse_mpd
from dashget.mpd.resolve import resolve
from dashget.planning.plan import make_layout
from dashget.planning.rules import parse_rule
from dashget.planning.tracks import make_tracks
from dashget.playable.localmpd import make_local_mpd

LENGTH = 65_536
PUMPS = (
    " ",
    "\n",
    "1",
    "a",
    "a.",
    "a-",
    "=",
    "a=",
    "a =",
    ": ",
    "<",
    "<BaseURL ",
    "<a:",
    "//",
    "\\",
    "a+",
)


def read_range(text: str) -> None:
    ByteRange.parse(f"1-{text}x")


def read_rule(text: str) -> None:
    parse_rule(f"id=a{text[: LENGTH - 100]}b")


def read_digest(text: str) -> None:
    headers = [("repr-digest", text), ("digest", text), ("x-goog-hash", text)]
    find_digest(headers, status=200)
    stated_digests(headers, text)


def write_local_mpd(comment: str, title: str, clock: str) -> None:
    data = (
        '<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" profiles="p" minBufferTime="PT1S"'
        f' mediaPresentationDuration="PT4S"><!--{comment}-->{clock}<Period><AdaptationSet'
        ' mimeType="video/mp4"><SupplementalProperty schemeIdUri="urn:x"'
        f' value="{title}"/><SegmentTemplate duration="2" media="$Number$.m4s"/>'
        '<Representation id="v" bandwidth="1"/></AdaptationSet></Period></MPD>'
    ).encode()
    shown = resolve(parse_mpd(data), url="https://h.example/x.mpd")
    make_local_mpd(data, shown, make_tracks(shown), make_layout(shown))


def write_comment(text: str) -> None:
    write_local_mpd(text.replace("--", "- "), "", "")


def write_value(text: str) -> None:
    clock = '<UTCTiming schemeIdUri="urn:mpeg:dash:utc:http-iso:2014" value="https://h/"/>'
    write_local_mpd("", f"{text.replace('<', '.')}. :", clock)


@pytest.mark.parametrize("pump", PUMPS)
@pytest.mark.parametrize(
    "read",
    [read_range, read_rule, read_digest, write_comment, write_value],
    ids=lambda f: f.__name__,
)
def test_a_text_made_to_be_tried_again_and_again_takes_no_time(
    read: Callable[[str], None], pump: str
) -> None:
    text = (pump * LENGTH)[:LENGTH]
    begun = time.process_time()
    with contextlib.suppress(ValueError, DashGetError):
        read(text)
    assert time.process_time() - begun < 1
