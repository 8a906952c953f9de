"""How broken an answer may be, and that none is waited for longer than it takes to know."""

from __future__ import annotations

from pathlib import Path

import pytest

import dashget
from tests.support.builders import FILLER, mpd, numbered
from tests.support.faultserver import Answer, FaultServer
from tests.support.running import mirror

BODY = b"abcdefghij"
OK = "HTTP/1.1 200 OK\r\n"
LENGTH = "Content-Length: 10\r\n"
CHUNKS = b"a\r\nabcdefghij\r\n0\r\n\r\n"
CHUNKED = OK + "Transfer-Encoding: chunked\r\n\r\n"
TRANSFER = dashget.TransferOptions(
    retries=0, backoff_seconds=0.01, allow_private=True, timeout_seconds=30.0
)
SOON = 15.0
"""Half of the timeout: what ends before did not wait for it, on a machine however slow."""

TAKEN: dict[str, tuple[str, bytes]] = {
    "a blank before the colon": (OK + "Content-Length : 10\r\n\r\n", BODY),
    "a tab before the colon": (OK + "Content-Length\t: 10\r\n\r\n", BODY),
    "a blank before the first name": (OK + " Content-Length: 10\r\n\r\n", BODY),
    "a blank behind the number": (OK + "Content-Length: 10 \r\n\r\n", BODY),
    "twice the same": (OK + LENGTH + LENGTH + "\r\n", BODY),
    "a list of the same": (OK + "Content-Length: 10, 10\r\n\r\n", BODY),
    "zeros before": (OK + "Content-Length: 0010\r\n\r\n", BODY),
    "folded": (OK + "Content-Length:\r\n 10\r\n\r\n", BODY),
    "folded elsewhere": (OK + "X-A: b\r\n c\r\n" + LENGTH + "\r\n", BODY),
    "line feeds only": ((OK + LENGTH + "\r\n").replace("\r\n", "\n"), BODY),
    "line feeds only, a blank": ((OK + "Content-Length : 10\r\n\r\n").replace("\r\n", "\n"), BODY),
    "no words of status": ("HTTP/1.1 200\r\n" + LENGTH + "\r\n", BODY),
    "no blank behind the status": ("HTTP/1.1 200OK\r\n" + LENGTH + "\r\n", BODY),
    "an old version that stays": ("HTTP/1.0 200 OK\r\n" + LENGTH + "\r\n", BODY),
    "a redirect without a length": ("HTTP/1.1 302 Found\r\nLocation: /v/9.m4s\r\n\r\n", b""),
    "a redirect with an odd length": (
        "HTTP/1.1 302 Found\r\nLocation : /v/9.m4s\r\nContent-Length : 2\r\n\r\n", b"ab"
    ),
    "chunks in capitals": (OK + "Transfer-Encoding: CHUNKED\r\n\r\n", CHUNKS),
    "chunks with line feeds": (CHUNKED, CHUNKS.replace(b"\r\n", b"\n")),
    "chunks with trailers": (CHUNKED, CHUNKS[:-2] + b"X: y\r\n\r\n"),
    "chunks, folded": (OK + "Transfer-Encoding:\r\n chunked\r\n\r\n", CHUNKS),
    "more than announced": (OK + LENGTH + "\r\n", BODY + b"more"),
}  # fmt: skip

INVALID = "the server's answer is invalid: "
LENGTH_TOLD = INVALID + "its Content-Length is no number, or there are two"
HIDDEN = INVALID + "there is a blank before the colon of Transfer-Encoding"
REFUSED: dict[str, tuple[str, bytes, str]] = {
    **{
        f"a length of {value!r}": (OK + f"Content-Length: {value}\r\n\r\n", BODY, LENGTH_TOLD)
        for value in ("+10", "-10", "0x0a", "10;x", "10.0", "1 0", '"10"', "", "none", "10, 11")
    },
    "two lengths": (OK + LENGTH + "Content-Length: 11\r\n\r\n", BODY, LENGTH_TOLD),
    "a hidden coding": (OK + "Transfer-Encoding : chunked\r\n\r\n", CHUNKS, HIDDEN),
    "a hidden coding, first": (OK + " Transfer-Encoding: chunked\r\n\r\n", CHUNKS, HIDDEN),
    "a hidden coding beside a length": (
        OK + "Transfer-Encoding : chunked\r\n" + LENGTH + "\r\n", CHUNKS, HIDDEN
    ),
    "an unknown coding": (
        OK + "Transfer-Encoding: xchunked\r\n\r\n", CHUNKS, INVALID + "its transfer coding is unknown"
    ),
    "a chunk without a length": (CHUNKED, b"xyz\r\n", INVALID),
    "no head": ("", BODY, "not an HTTP answer"),
    "a page without a head": ("", b"<html>\n", "not an HTTP answer"),
    "a version that nobody knows": ("HTTP/1.7 200 OK\r\n" + LENGTH + "\r\n", BODY, "not an HTTP answer"),
    "a status of four digits": ("HTTP/1.1 2000 OK\r\n" + LENGTH + "\r\n", BODY, "not an HTTP answer"),
    "a status below 100": (
        "HTTP/1.1 099 OK\r\n" + LENGTH + "\r\n", BODY, INVALID + "its status is no number from 100 to 999"
    ),
    "an empty line first": ("\r\n" + OK + LENGTH + "\r\n", BODY, "not an HTTP answer"),
    "a line without a colon": (OK + "odd\r\n" + LENGTH + "\r\n", BODY, INVALID + "a header line has no colon"),
    "a refusal without a length": ("HTTP/1.1 404 Not Found\r\n\r\n", b"sorry", "HTTP 404 Not Found"),
    "a refusal without a length or a body": ("HTTP/1.1 404 Not Found\r\n\r\n", b"", "HTTP 404 Not Found"),
    "a refusal with an odd length": (
        "HTTP/1.1 404 Not Found\r\nContent-Length : 5\r\n\r\n", b"sorry", "HTTP 404 Not Found"
    ),
}  # fmt: skip


def get(server: FaultServer, root: Path, head: str, body: bytes, *, stays: bool) -> dashget.Summary:
    server.on("/v/1.m4s", Answer(raw=head.encode("latin-1") + body, raw_stays=stays))
    server.on("/v/9.m4s", Answer(BODY))
    url = server.on("/x.mpd", Answer(mpd(numbered(kind=FILLER), seconds=2)))
    summary, _ = mirror(url, root, transfer=TRANSFER)
    assert summary.seconds < SOON
    return summary


@pytest.mark.parametrize("stays", [True, False], ids=["stays", "closes"])
@pytest.mark.parametrize("case", TAKEN)
def test_what_can_be_known_to_be_right_is_taken_at_once(
    server: FaultServer, tmp_path: Path, case: str, stays: bool
) -> None:
    summary = get(server, tmp_path, *TAKEN[case], stays=stays)
    assert summary.failures == ()
    assert (tmp_path / "v/1.m4s").read_bytes() == BODY


@pytest.mark.parametrize("stays", [True, False], ids=["stays", "closes"])
@pytest.mark.parametrize("case", REFUSED)
def test_anything_else_is_refused_by_its_name_at_once(
    server: FaultServer, tmp_path: Path, case: str, stays: bool
) -> None:
    head, body, told = REFUSED[case]
    (failure,) = get(server, tmp_path, head, body, stays=stays).failures
    assert failure.reason.startswith(told)
    assert not (tmp_path / "v/1.m4s").exists()


@pytest.mark.parametrize("version", ["1.0", "1.1"])
def test_a_body_whose_end_nothing_tells_is_given_up_after_the_timeout(
    server: FaultServer, tmp_path: Path, version: str
) -> None:
    server.on("/v/1.m4s", Answer(raw=f"HTTP/{version} 200 OK\r\n\r\nabc".encode(), raw_stays=True))
    url = server.on("/x.mpd", Answer(mpd(numbered(kind=FILLER), seconds=2)))
    short = dashget.TransferOptions(retries=0, allow_private=True, timeout_seconds=1.0)
    summary, _ = mirror(url, tmp_path, transfer=short)
    (failure,) = summary.failures
    told = "timed out: no data for 1 s; no length was announced, and the connection stays open"
    assert failure.reason == told


@pytest.mark.parametrize("body", [b"", BODY * 20_000], ids=["empty", "large"])
def test_a_length_that_libcurl_does_not_read_holds_for_any_size(
    server: FaultServer, tmp_path: Path, body: bytes
) -> None:
    head = f"HTTP/1.1 200 OK\r\nContent-Length : {len(body)}\r\n\r\n"
    assert get(server, tmp_path, head, body, stays=True).failures == ()
    assert (tmp_path / "v/1.m4s").read_bytes() == body


def test_one_that_ends_before_such_a_length_is_not_complete(
    server: FaultServer, tmp_path: Path
) -> None:
    head = "HTTP/1.1 200 OK\r\nContent-Length : 11\r\n\r\n"
    (failure,) = get(server, tmp_path, head, BODY, stays=False).failures
    assert failure.reason == "body is 10 bytes, announced 11"
