"""Headers that mean nothing: the bytes are taken where they can be known to be right."""

from __future__ import annotations

import gzip
import zlib
from pathlib import Path

import pytest

import dashget
from tests.integration.mirror.presentation import manifest
from tests.support.builders import initialization, media_segment, mpd, numbered
from tests.support.faultserver import Answer, FaultServer
from tests.support.running import mirror, verify

SEGMENT = media_segment(2, bytes(3000))
MP4 = 'mimeType="video/mp4"'
INIT = 'initialization="i.mp4"'


def raw(*lines: str, status: str = "200 OK", body: bytes = SEGMENT) -> Answer:
    head = "\r\n".join([f"HTTP/1.1 {status}", *lines, "Connection: close", "", ""])
    return Answer(raw=head.encode() + body)


def chunked(body: bytes) -> bytes:
    return b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)


def publish(server: FaultServer, answer: Answer) -> str:
    server.on("/show/i.mp4", Answer(initialization()))
    for number in (1, 2, 3):
        server.on(
            f"/show/v/{number}.m4s", answer if number == 2 else Answer(media_segment(number, b""))
        )
    return server.on("/show/x.mpd", manifest(numbered(kind=MP4, extra=INIT)))


LENGTH = f"Content-Length: {len(SEGMENT)}"
WHOLE = f"Content-Range: bytes 0-{len(SEGMENT) - 1}/{len(SEGMENT)}"
GOOD: dict[str, Answer] = {
    **{
        f"coding {name}": Answer(SEGMENT, coding=name)
        for name in (
            "UTF-8", "utf8", "aws-chunked", "binary", "none", "identity", "Identity", "null", "8bit",
            "identity, identity", "aws-chunked,", "gzip", "x-gzip", "GZIP", "deflate", "br", "zstd",
            "aws-chunked,gzip",
        )
    },
    "206 with a range": raw(LENGTH, WHOLE, status="206 Partial Content"),
    "206 with an open range": raw(
        LENGTH, WHOLE.replace(f"/{len(SEGMENT)}", "/*"), status="206 Partial Content"
    ),
    "206 without a range": raw(LENGTH, status="206 Partial Content"),
    "206 without a range or a length": raw(status="206 Partial Content"),
    "206 without a range, in chunks": raw(
        "Transfer-Encoding: chunked", status="206 Partial Content", body=chunked(SEGMENT)
    ),
    "206 with a range that says nothing": raw(
        LENGTH, "Content-Range: none", status="206 Partial Content"
    ),
    "206 with a range without a total": raw(
        LENGTH, f"Content-Range: bytes 0-{len(SEGMENT) - 1}", status="206 Partial Content"
    ),
    "length too small beside chunks": raw(
        "Content-Length: 7", "Transfer-Encoding: chunked", body=chunked(SEGMENT)
    ),
    "length too large beside chunks": raw(
        "Transfer-Encoding: chunked", "Content-Length: 99999", body=chunked(SEGMENT)
    ),
    "length of what is in the chunks": raw(
        "Transfer-Encoding: chunked", LENGTH, body=chunked(SEGMENT)
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", GOOD)
def test_bytes_that_are_right_are_taken(server: FaultServer, tmp_path: Path, case: str) -> None:
    url = publish(server, GOOD[case])
    summary, _ = mirror(url, tmp_path)
    assert summary.failures == ()
    assert (tmp_path / "v/2.m4s").read_bytes() == SEGMENT


def test_a_first_part_that_nobody_asked_for_is_continued(
    server: FaultServer, tmp_path: Path
) -> None:
    part = raw(
        "Content-Length: 1000", f"Content-Range: bytes 0-999/{len(SEGMENT)}", 'ETag: "1"',
        status="206 Partial Content", body=SEGMENT[:1000],
    )  # fmt: skip
    url = publish(server, Answer())
    server.on("/show/v/2.m4s", part, Answer(SEGMENT, etag='"1"'))
    summary, _ = mirror(url, tmp_path)
    assert summary.failures == ()
    assert (tmp_path / "v/2.m4s").read_bytes() == SEGMENT


BAD: dict[str, Answer] = {
    "gzip behind a name that means nothing": Answer(gzip.compress(SEGMENT), coding="aws-chunked"),
    "unknown bytes": Answer(b"\x8b\x03" + SEGMENT[40:], coding="br"),
    "a length that no file has": raw("Content-Length: 10000000000000000000", body=SEGMENT[:3]),
    "20 nines": raw("Content-Length: " + "9" * 20),
    "206 of a later part": raw(
        "Content-Length: 3", "Content-Range: bytes 3-5/6", status="206 Partial Content", body=b"abc"
    ),
    "206 of a later part, without a total": raw(
        LENGTH, "Content-Range: bytes 3-5", status="206 Partial Content"
    ),
    "206 of two parts in one body": raw(
        LENGTH, "Content-Range: bytes 0-499, 600-999", status="206 Partial Content"
    ),
    "206 without a range, 20 nines": raw(
        "Content-Length: " + "9" * 20, status="206 Partial Content", body=SEGMENT[:3]
    ),
    "206 without a range, cut": raw(status="206 Partial Content", body=SEGMENT[:1000]),
    "206 of several parts": raw(
        LENGTH, "Content-Type: multipart/byteranges; boundary=x", status="206 Partial Content"
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_bytes_that_are_wrong_are_a_failure(server: FaultServer, tmp_path: Path, case: str) -> None:
    url = publish(server, BAD[case])
    summary, _ = mirror(url, tmp_path)
    assert [failure.path for failure in summary.failures] == ["v/2.m4s"]
    assert not (tmp_path / "v/2.m4s").exists()


def test_a_false_coding_does_not_hinder_the_comparison(server: FaultServer, tmp_path: Path) -> None:
    url = publish(server, Answer(SEGMENT, coding="gzip"))
    assert mirror(url, tmp_path)[0].complete
    report, events = verify(tmp_path, remote=True)
    assert events.problems() == {}
    assert report.uncompared == 0


@pytest.mark.parametrize(
    ("coding", "compress"),
    [
        ("gzip", gzip.compress),
        ("deflate", zlib.compress),
        (None, gzip.compress),
        ("deflate", lambda data: zlib.compress(data, wbits=-15)),
        ("gzip, gzip", lambda data: gzip.compress(gzip.compress(data))),
        ("gzip", lambda data: gzip.compress(data) + b"behind its end"),
        (
            "gzip",
            lambda data: gzip.compress(b"") + gzip.compress(data[:9]) + gzip.compress(data[9:]),
        ),
        ("br", lambda data: data),
        ("zstd", lambda data: b"<!-- a -->" + data),
        ("gzip", lambda data: b"\n" + data),
    ],
)
def test_a_manifest_that_is_compressed_for_everyone_is_read(
    server: FaultServer, tmp_path: Path, coding: str | None, compress: object
) -> None:
    document = mpd(numbered(kind=MP4, extra=INIT))
    publish(server, Answer(SEGMENT))
    assert callable(compress)
    url = server.on("/show/x.mpd", Answer(compress(document), coding=coding))
    assert mirror(url, tmp_path)[0].complete
    assert (tmp_path / "x.mpd").read_bytes().endswith(document)
    report, events = verify(tmp_path, remote=True)
    assert report.sound
    assert events.problems(notes=True) == {}


def test_a_manifest_in_a_coding_that_nobody_asked_for_is_refused_by_its_name(
    server: FaultServer, tmp_path: Path
) -> None:
    url = server.on("/show/x.mpd", Answer(b"\x8b\x03<MPD", coding="br"))
    with pytest.raises(dashget.ManifestFetchError, match="br-encoded"):
        mirror(url, tmp_path)


@pytest.mark.parametrize("kept", [-9, 12])
def test_a_compressed_manifest_that_is_cut_is_an_error(
    server: FaultServer, tmp_path: Path, kept: int
) -> None:
    document = gzip.compress(mpd(numbered()))[:kept]
    url = server.on("/show/x.mpd", Answer(document, coding="gzip"))
    with pytest.raises(dashget.ManifestFetchError, match="ends early"):
        mirror(url, tmp_path)


@pytest.mark.parametrize(
    "tag",
    ['"a\x01b"', '"\x7f"', '"\x1b[31m"', '"\x85\xe9\xa0', '"' + "x" * 90_000 + '"', "\t"],
    ids=ascii,
)
@pytest.mark.parametrize("name", ["ETag", "Last-Modified", "Age", "Via"])
def test_what_a_server_says_of_a_file_is_believed_when_it_is_read_back(
    server: FaultServer, tmp_path: Path, name: str, tag: str
) -> None:
    answer = raw(LENGTH, f"{name}: {tag}")
    url = publish(server, answer)
    summary, _ = mirror(url, tmp_path / "m")
    assert summary.complete
    ended, _ = verify(tmp_path / "m")
    assert ended.sound
