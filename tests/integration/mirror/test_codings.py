"""Files that a server sends coded although nobody asked for that: they lie decoded in the mirror."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import random
import shutil
import zlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import dashget
from tests.integration.mirror.presentation import MODIFIED, manifest
from tests.support.builders import initialization, media_segment, numbered
from tests.support.faultserver import Answer, FaultServer, refuse
from tests.support.memoryplace import MemoryPlace
from tests.support.running import mirror, verify

LATER = "Tue, 03 Nov 2026 10:00:00 GMT"
BODY = media_segment(2, random.Random(2).randbytes(200_000) + bytes(40_000))
SMALL = media_segment(2, random.Random(3).randbytes(3000) + bytes(3000))
LARGE = media_segment(2, random.Random(5).randbytes(240_000))
CODED = gzip.compress(BODY)
VTT = b"WEBVTT\n\n00:01.000 --> 00:02.000\nhello\n"
TTML = b'<?xml version="1.0"?><tt xmlns="http://www.w3.org/ns/ttml"><body/></tt>'
NAME = "v/2.m4s"
GOOD = Answer(CODED, coding="gzip", etag='"1"', last_modified=MODIFIED)


def bare(data: bytes) -> bytes:
    return zlib.compress(data, wbits=-15)


def publish(server: FaultServer, *answers: Answer) -> str:
    """Put a presentation on the server, of which the second segment is answered like this."""
    server.on("/show/i.mp4", Answer(initialization()))
    for number in (1, 3):
        server.on(f"/show/v/{number}.m4s", Answer(media_segment(number, bytes(number))))
    server.on(f"/show/{NAME}", *answers)
    kind = 'mimeType="video/mp4"'
    return server.on("/show/x.mpd", manifest(numbered(kind=kind, extra='initialization="i.mp4"')))


def record_of(root: Path, path: str = NAME) -> dict[str, Any]:
    """Return the last line of the record about a file."""
    lines = (root / ".dashget/record.jsonl").read_text().splitlines()
    found: list[dict[str, Any]] = [e for e in map(json.loads, lines) if e.get("path") == path]
    return found[-1]


def reason_of(summary: dashget.Summary) -> str:
    (failure,) = summary.failures
    assert failure.path == NAME
    return failure.reason


def ranges(server: FaultServer) -> list[str | None]:
    return [seen.headers.get("range") for seen in server.asked(f"/show/{NAME}")]


@pytest.mark.parametrize("checksums", [True, False])
@pytest.mark.parametrize("framing", [{}, {"chunked": True}, {"length": None}], ids=str)
@pytest.mark.parametrize(
    ("named", "make"),
    [
        ("gzip", gzip.compress),
        ("x-gzip", gzip.compress),
        ("aws-chunked, GZip", gzip.compress),
        ("deflate", zlib.compress),
        ("deflate", bare),
        ("gzip, gzip", lambda data: gzip.compress(gzip.compress(data))),
        ("gzip, gzip", gzip.compress),
        ("deflate, gzip", lambda data: gzip.compress(zlib.compress(data))),
    ],
)
@pytest.mark.parametrize("body", [BODY, SMALL], ids=["large", "small"])
def test_a_file_lies_decoded_in_the_mirror_and_stays_what_it_is(
    server: FaultServer,
    tmp_path: Path,
    named: str,
    make: Callable[[bytes], bytes],
    framing: dict[str, Any],
    checksums: bool,
    body: bytes,
) -> None:
    coded = make(body)
    url = publish(server, Answer(coded, coding=named, etag='"1"', **framing))
    summary, events = mirror(url, tmp_path, checksums=checksums)
    assert summary.failures == ()
    assert events.warnings() == []
    assert (tmp_path / NAME).read_bytes() == body
    assert not (tmp_path / ".dashget/parts").exists()
    line = record_of(tmp_path)
    assert (line["size"], line["coded_size"]) == (len(body), len(coded))
    assert line["codings"] == [
        each.strip().lower().removeprefix("x-") for each in named.removeprefix("aws-chunked,").split(",")
    ]  # fmt: skip
    assert line.get("sha256") == (hashlib.sha256(body).hexdigest() if checksums else None)
    (finished,) = (e for e in events if isinstance(e, dashget.FileFinished) and e.path == NAME)
    assert (finished.size, finished.transferred) == (len(body), len(coded))
    server.seen.clear()
    assert mirror(url, tmp_path)[0].complete
    assert ranges(server) == []
    report, found = verify(tmp_path, remote=True)
    assert report.sound
    assert found.problems() == found.problems(notes=True) == {}
    assert report.uncompared == 0


@pytest.mark.parametrize(
    ("mime", "body"), [("text/vtt", VTT), ("application/ttml+xml", TTML)], ids=["vtt", "ttml"]
)
def test_subtitles_and_initialization_segments_come_as_players_get_them(
    server: FaultServer, tmp_path: Path, mime: str, body: bytes
) -> None:
    url = publish(server, GOOD)
    server.on("/show/i.mp4", Answer(gzip.compress(initialization()), coding="gzip"))
    text = (
        f'<AdaptationSet mimeType="{mime}" lang="en"><Representation id="t" bandwidth="1">'
        "<BaseURL>s.txt</BaseURL></Representation></AdaptationSet>"
    )
    video = numbered(kind='mimeType="video/mp4"', extra='initialization="i.mp4"')
    server.on("/show/x.mpd", manifest(video + text))
    server.on("/show/s.txt", Answer(gzip.compress(body), coding="gzip"))
    assert mirror(url, tmp_path)[0].complete
    assert (tmp_path / "s.txt").read_bytes() == body
    assert (tmp_path / "i.mp4").read_bytes() == initialization()
    assert verify(tmp_path, remote=True)[0].sound


@pytest.mark.parametrize(
    ("coded", "told"),
    [
        (gzip.compress(TTML), None),
        (gzip.compress(gzip.compress(TTML)), "the server sent"),
        (TTML, None),
    ],
    ids=["once", "twice", "not at all"],
)
def test_a_name_of_an_archive_means_nothing(
    server: FaultServer, tmp_path: Path, coded: bytes, told: str | None
) -> None:
    """A text that was stored in gzip, and is announced so, is a text to players."""
    text = (
        '<AdaptationSet mimeType="application/ttml+xml"><Representation id="t" bandwidth="1">'
        "<BaseURL>s.ttml.gz</BaseURL></Representation></AdaptationSet>"
    )
    server.on("/show/s.ttml.gz", Answer(coded, coding="gzip"))
    url = server.on("/show/x.mpd", manifest(text))
    summary, _ = mirror(url, tmp_path)
    if told is None:
        assert summary.failures == ()
        assert (tmp_path / "s.ttml.gz").read_bytes() == TTML
    else:
        (failure,) = summary.failures
        assert failure.reason.startswith(told)


@pytest.mark.parametrize("to_range", [{}, {"coding": None}], ids=["named again", "not named again"])
def test_a_broken_transfer_goes_on_with_the_coded_bytes(
    server: FaultServer, tmp_path: Path, to_range: dict[str, Any]
) -> None:
    rest = replace(GOOD, **to_range)
    url = publish(server, replace(GOOD, cut=90_000), replace(rest, cut=70_000), rest)
    summary, _ = mirror(url, tmp_path, transfer=dashget.TransferOptions(backoff_seconds=0.01))
    assert summary.complete
    assert ranges(server) == [None, "bytes=90000-", "bytes=160000-"]
    assert (tmp_path / NAME).read_bytes() == BODY


@pytest.mark.parametrize("cut", [10, 90_000, len(CODED) - 1])
def test_the_next_run_goes_on_with_the_coded_bytes(
    server: FaultServer, tmp_path: Path, cut: int
) -> None:
    url = publish(server, replace(GOOD, cut=cut), refuse(503))
    assert not mirror(url, tmp_path)[0].complete
    assert (tmp_path / ".dashget/parts").exists()
    publish(server, GOOD)
    server.seen.clear()
    summary, events = mirror(url, tmp_path)
    assert summary.complete
    assert events.outcomes()[NAME] == "resumed"
    assert ranges(server) == [f"bytes={cut}-"]
    assert (tmp_path / NAME).read_bytes() == BODY
    assert not (tmp_path / ".dashget/parts").exists()
    assert record_of(tmp_path)["coded_size"] == len(CODED)


def test_a_run_that_ends_while_a_file_is_decoded_leaves_the_coded_bytes(
    server: FaultServer, tmp_path: Path
) -> None:
    """All of it has come: the next run asks for its last byte, and decodes it."""
    url = publish(server, replace(GOOD, cut=len(CODED) - 1), refuse(503))
    assert not mirror(url, tmp_path)[0].complete
    (part,) = (tmp_path / ".dashget/parts").glob("*.part")
    part.write_bytes(CODED)
    Path(f"{part}.decoded").write_bytes(BODY[:1000])
    publish(server, GOOD)
    summary, _ = mirror(url, tmp_path)
    assert summary.complete
    assert summary.transferred < 1000
    assert (tmp_path / NAME).read_bytes() == BODY
    assert not (tmp_path / ".dashget/parts").exists()


def test_a_small_answer_in_place_of_the_rest_is_looked_at_without_its_coding(
    server: FaultServer, tmp_path: Path
) -> None:
    url = publish(server, replace(GOOD, cut=90_000), refuse(503))
    assert not mirror(url, tmp_path)[0].complete
    page = Answer(gzip.compress(b"<html><body>log in"), coding="gzip", etag='"p"')
    publish(server, page)
    assert "HTML" in reason_of(mirror(url, tmp_path)[0])
    (part,) = (tmp_path / ".dashget/parts").glob("*.part")
    assert part.read_bytes() == CODED[:90_000]
    publish(server, replace(page, body=gzip.compress(SMALL)))
    assert mirror(url, tmp_path)[0].complete
    assert (tmp_path / NAME).read_bytes() == SMALL
    assert not (tmp_path / ".dashget/parts").exists()


def test_a_server_that_codes_as_it_sends_is_not_continued_with_plain_bytes(
    server: FaultServer, tmp_path: Path
) -> None:
    """As nginx: a whole body is coded without a length, a range of it is one of the file."""
    coded = Answer(CODED, coding="gzip", chunked=True, last_modified=MODIFIED)
    broken = replace(coded, cut=90_000, to_range=Answer(BODY, last_modified=MODIFIED))
    url = publish(server, broken, replace(broken, cut=None))
    assert mirror(url, tmp_path)[0].complete
    assert (tmp_path / NAME).read_bytes() == BODY


@pytest.mark.parametrize("first", ["plain", "coded"])
def test_what_comes_in_another_coding_is_no_rest_of_a_file(
    server: FaultServer, tmp_path: Path, first: str
) -> None:
    """Without a total nothing but the name of the coding tells; a file of unknown type is not seen through."""
    text = random.Random(4).randbytes(200_000)
    file = gzip.compress(text)
    plain = Answer(text, last_modified=MODIFIED, total_known=False)
    coded = replace(plain, body=file, coding="gzip")
    one, other = (plain, coded) if first == "plain" else (coded, replace(plain, coding="deflate"))
    broken = replace(one, cut=90_000, chunked=first == "plain", to_range=other)
    url = publish(server, broken, broken, broken, replace(one, to_range=other))
    for number in (1, 3):
        server.on(f"/show/v/{number}.m4s", Answer(b"text"))
    server.on("/show/x.mpd", manifest(numbered()))
    summary, _ = mirror(url, tmp_path, transfer=dashget.TransferOptions(backoff_seconds=0.01))
    assert summary.complete
    assert (tmp_path / NAME).read_bytes() == text


def test_the_rest_under_a_false_coding_may_be_truly_coded(
    server: FaultServer, tmp_path: Path
) -> None:
    """Nobody can see that in the middle of it: all of the file is requested again."""
    false = replace(GOOD, body=BODY)
    url = publish(server, replace(false, cut=90_000), replace(false, cut=80_000), false)
    assert mirror(url, tmp_path)[0].complete
    assert ranges(server)[-1] is None
    assert (tmp_path / NAME).read_bytes() == BODY


BAD = {
    "cut": (CODED[:-9], "the gzip data of the body end early, after"),
    "without its trailer": (CODED[:-8], "the gzip data of the body end early, after"),
    "a wrong checksum": (CODED[:-8] + bytes(4) + CODED[-4:], "are damaged: incorrect data check"),
    "a wrong length": (CODED[:-4] + bytes(4), "are damaged: incorrect length check"),
    "damaged": (CODED[:5000] + b"xx" + CODED[5002:], "the gzip data of the body are damaged"),
    "rubbish behind": (CODED + b"<html>", "have other data behind their end"),
    "something else inside": (gzip.compress(b"<html><body>gone"), "the server sent"),
    "a bomb": (gzip.compress(bytes(200 << 20), 9), "they may be a bomb"),
}


@pytest.mark.parametrize("case", BAD)
def test_what_its_coding_does_not_prove_is_asked_for_again_and_named(
    server: FaultServer, tmp_path: Path, case: str
) -> None:
    coded, told = BAD[case]
    url = publish(server, Answer(coded, coding="gzip", etag='"1"'))
    summary, _ = mirror(url, tmp_path)
    assert told in reason_of(summary)
    assert len(ranges(server)) == (1 if case == "a bomb" else 3)
    assert not (tmp_path / NAME).exists()
    assert not (tmp_path / ".dashget/parts").exists()


def test_the_next_answer_may_be_right(server: FaultServer, tmp_path: Path) -> None:
    url = publish(server, replace(GOOD, body=CODED[:-20]), GOOD)
    summary, _ = mirror(url, tmp_path)
    assert summary.complete
    assert (tmp_path / NAME).read_bytes() == BODY


def test_another_base_is_asked_first(server: FaultServer, tmp_path: Path) -> None:
    url = publish(server, replace(GOOD, body=CODED[:-20]))
    bases = "<BaseURL>/show/</BaseURL><BaseURL>/other/</BaseURL>"
    video = numbered(kind='mimeType="video/mp4"', extra='initialization="i.mp4"')
    server.on("/show/x.mpd", manifest(video, period=bases))
    server.on(f"/other/{NAME}", Answer(BODY))
    summary, _ = mirror(url, tmp_path)
    assert summary.complete
    assert (tmp_path / NAME).read_bytes() == BODY
    assert "codings" not in record_of(tmp_path)


@pytest.mark.parametrize("case", ["cut", "rubbish behind", "a bomb"])
def test_odd_bytes_are_stored_as_they_came_where_that_is_wanted(
    server: FaultServer, tmp_path: Path, case: str
) -> None:
    coded = BAD[case][0]
    url = publish(server, Answer(coded, coding="gzip"))
    assert mirror(url, tmp_path, accept_odd=True)[0].complete
    assert (tmp_path / NAME).read_bytes() == coded
    assert record_of(tmp_path)["odd"] is True
    assert verify(tmp_path, remote=True)[0].sound


def test_limits_hold_for_what_is_made(server: FaultServer, tmp_path: Path) -> None:
    coded = gzip.compress(media_segment(2, bytes(4 << 20)))
    url = publish(server, Answer(coded, coding="gzip"))
    summary, _ = mirror(url, tmp_path / "a", max_file_size=1 << 20)
    assert reason_of(summary) == (
        "too large: it becomes more than the limit of 1,048,576 bytes when it is decoded"
    )
    assert len(ranges(server)) == 1
    summary, events = mirror(url, tmp_path / "b", max_total_size=1 << 20)
    assert summary.ended_by is dashget.Bound.SIZE
    assert events.outcomes()[NAME] == "cancelled"
    for root in (tmp_path / "a", tmp_path / "b"):
        assert not (root / NAME).exists()
        assert not [*root.glob(".dashget/parts/*.decoded")]
    assert mirror(url, tmp_path / "b")[0].complete


@pytest.mark.parametrize(
    ("digested", "right"),
    [(CODED, True), (BODY, True), (b"x", False)],
    ids=["coded", "plain", "no"],
)
def test_a_digest_is_that_of_the_coded_bytes_or_of_the_others(
    server: FaultServer, tmp_path: Path, digested: bytes, right: bool
) -> None:
    value = base64.b64encode(hashlib.sha256(digested).digest()).decode()
    url = publish(server, replace(GOOD, headers=(("Repr-Digest", f"sha-256=:{value}:"),)))
    summary, _ = mirror(url, tmp_path)
    assert summary.complete is right
    if not right:
        assert reason_of(summary) == "the sha256 of the body differs from that in repr-digest"


def test_a_file_that_is_damaged_here_is_mended(server: FaultServer, tmp_path: Path) -> None:
    url = publish(server, GOOD)
    assert mirror(url, tmp_path)[0].complete
    (tmp_path / NAME).write_bytes(BODY[:-1])
    assert not verify(tmp_path)[0].sound
    assert verify(tmp_path, repair=True)[0].sound
    assert (tmp_path / NAME).read_bytes() == BODY


@pytest.mark.parametrize("body", [BODY, SMALL], ids=["large", "small"])
@pytest.mark.parametrize(
    ("coding", "make", "fetched"),
    [
        ("gzip", gzip.compress, (False, False)),
        ("deflate", zlib.compress, (True, False)),
        ("gzip, gzip", lambda data: gzip.compress(gzip.compress(data)), (True, False)),
    ],
)
def test_what_has_moved_is_proved_by_the_end_of_its_coded_bytes(
    server: FaultServer,
    tmp_path: Path,
    coding: str,
    make: Callable[[bytes], bytes],
    fetched: tuple[bool, bool],
    body: bytes,
) -> None:
    coded = make(body)
    answer = Answer(coded, coding=coding, etag='"1"', last_modified=MODIFIED)
    assert mirror(publish(server, answer), tmp_path)[0].complete
    with FaultServer() as other:
        url = publish(other, replace(answer, etag='"2"', last_modified=LATER))
        summary, events = mirror(url, tmp_path, moved=True)
        assert summary.complete
        again = fetched[0] if body is BODY else fetched[1]
        assert events.outcomes()[NAME] == ("updated" if again else "present")
        assert summary.transferred < (1 << 30 if again else 10_000)
        assert verify(tmp_path, remote=True)[0].sound
        assert record_of(tmp_path)["coded_size"] == len(coded)
        assert record_of(tmp_path)["size"] == len(body)


@pytest.mark.parametrize("body", [SMALL, LARGE], ids=["small", "large"])
@pytest.mark.parametrize("coding", ["gzip", "deflate"])
def test_what_is_found_without_a_record_is_proved_by_the_coded_bytes(
    server: FaultServer, tmp_path: Path, body: bytes, coding: str
) -> None:
    coded = gzip.compress(body) if coding == "gzip" else zlib.compress(body)
    url = publish(server, Answer(coded, coding=coding, etag='"1"', last_modified=MODIFIED))
    assert mirror(url, tmp_path)[0].complete
    before = record_of(tmp_path)
    shutil.rmtree(tmp_path / ".dashget")
    server.seen.clear()
    summary, events = mirror(url, tmp_path)
    assert summary.complete
    # A zlib stream tells what it holds by nothing shorter than all of it.
    proved = coding == "gzip" or body is SMALL
    assert events.outcomes()[NAME] == ("adopted" if proved else "downloaded")
    if proved and body is LARGE:
        assert summary.transferred < 10_000
    after = record_of(tmp_path)
    for key in ("size", "codings", "coded_size", "etag", "url"):
        assert after[key] == before[key]
    server.seen.clear()
    assert mirror(url, tmp_path)[0].complete
    assert not ranges(server)


def test_what_is_found_and_is_not_what_the_coded_bytes_hold_is_fetched(
    server: FaultServer, tmp_path: Path
) -> None:
    url = publish(server, GOOD)
    (tmp_path / "v").mkdir()
    other = media_segment(2, random.Random(4).randbytes(240_000))
    (tmp_path / NAME).write_bytes(other)
    summary, events = mirror(url, tmp_path)
    assert summary.complete
    assert events.outcomes()[NAME] == "downloaded"
    assert (tmp_path / NAME).read_bytes() == BODY
    assert (tmp_path / ".dashget/replaced" / NAME).read_bytes() == other


@pytest.mark.parametrize("body", [BODY, SMALL], ids=["large", "small"])
def test_what_has_moved_and_changed_is_fetched(
    server: FaultServer, tmp_path: Path, body: bytes
) -> None:
    coded = gzip.compress(body, mtime=0)
    answer = Answer(coded, coding="gzip", etag='"1"', last_modified=MODIFIED)
    assert mirror(publish(server, answer), tmp_path)[0].complete
    changed = body[:3000] + b"x" + body[3001:]
    with FaultServer() as other:
        then = gzip.compress(changed, mtime=0)
        then += bytes(len(coded) - len(then))
        assert len(then) == len(coded)
        url = publish(other, replace(answer, body=then, etag='"2"', last_modified=LATER))
        summary, events = mirror(url, tmp_path, moved=True)
    assert summary.complete
    assert events.outcomes()[NAME] == "updated"
    assert (tmp_path / NAME).read_bytes() == changed


def test_another_size_on_the_server_is_told_for_the_coded_bytes(
    server: FaultServer, tmp_path: Path
) -> None:
    url = publish(server, GOOD)
    assert mirror(url, tmp_path)[0].complete
    publish(server, replace(GOOD, body=CODED + b"1", etag='"2"'))
    _, events = verify(tmp_path, remote=True)
    (told,) = (e for e in events if isinstance(e, dashget.Finding))
    expected = f"{len(CODED) + 1} bytes on the server, but {len(CODED)} are recorded"
    assert (told.path, told.message) == (NAME, expected)


def test_a_server_that_tells_the_size_of_the_plain_file_has_the_same(
    server: FaultServer, tmp_path: Path
) -> None:
    coded = Answer(CODED, coding="gzip", chunked=True)
    url = publish(server, coded)
    assert mirror(url, tmp_path)[0].complete
    publish(server, Answer(BODY))
    assert verify(tmp_path, remote=True)[1].problems() == {}


@pytest.mark.parametrize("body", [BODY, SMALL, media_segment(2, bytes(9 << 20))], ids=len)
def test_a_place_that_keeps_no_parts_has_it_decoded(server: FaultServer, body: bytes) -> None:
    url = publish(server, replace(GOOD, body=gzip.compress(body)))
    with MemoryPlace() as place:
        summary, _ = mirror(url, place)  # type: ignore[arg-type]  # any place will do
        assert summary.complete
        with place.open(NAME) as stored:
            assert stored.read() == body
