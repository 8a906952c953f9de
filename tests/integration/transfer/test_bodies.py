"""Responses that count as the resource: lengths, codings, validators."""

from __future__ import annotations

import gzip
from collections.abc import Iterator

import pytest

from dashget.errors import Retry
from tests.support.faultserver import Answer, FaultServer, refuse
from tests.support.sinks import Transfers

pytestmark = pytest.mark.both_paths

BODY = bytes(i * 7 % 251 for i in range(100_000))
OTHER = bytes(reversed(BODY))


@pytest.fixture
def transfers() -> Iterator[Transfers]:
    with Transfers() as made:
        yield made


def test_a_whole_body_arrives_with_what_the_server_says_of_it(
    server: FaultServer, transfers: Transfers
) -> None:
    headers = (("Age", "3"), ("X-Cache", "HIT"), ("Via", "1.1 x"), ("Content-MD5", "abc"))
    url = server.on("/a", Answer(BODY, etag='"1"', headers=headers))
    fetched, data = transfers.get(url)
    assert data == BODY
    assert (fetched.status, fetched.size, fetched.head.etag) == (200, len(BODY), '"1"')
    assert (fetched.attempts, fetched.requests, fetched.transferred) == (1, 1, len(BODY))
    assert fetched.head.http_version == "1.1"
    assert fetched.remote == f"127.0.0.1:{server.port}"
    assert dict(fetched.head.cache) == {"age": "3", "x-cache": "HIT", "via": "1.1 x"}
    assert fetched.head.digests == (("content-md5", "abc"),)
    assert fetched.first_byte_seconds is not None
    assert 0 < fetched.first_byte_seconds <= fetched.seconds


@pytest.mark.parametrize("named", ["gzip", "x-gzip", "aws-chunked, GZIP"])
def test_a_body_in_gzip_comes_as_it_is_and_says_so(
    server: FaultServer, transfers: Transfers, named: str
) -> None:
    coded = gzip.compress(BODY)
    fetched, data = transfers.get(server.on("/a", Answer(coded, coding=named, etag='"1"')))
    assert (data, fetched.size, fetched.head.codings) == (coded, len(coded), ("gzip",))
    assert fetched.head.validator == '"1"'


def test_a_body_that_is_coded_as_it_is_sent_has_no_validator(
    server: FaultServer, transfers: Transfers
) -> None:
    """A range of it may be one of the plain bytes."""
    answer = Answer(gzip.compress(BODY), coding="gzip", etag='"1"', chunked=True)
    fetched, _ = transfers.get(server.on("/a", answer))
    assert (fetched.head.codings, fetched.head.validator) == (("gzip",), None)


def test_each_line_that_names_a_coding_counts(server: FaultServer, transfers: Transfers) -> None:
    twice = gzip.compress(gzip.compress(BODY))
    answer = Answer(twice, coding="gzip", headers=(("Content-Encoding", "gzip"),))
    assert transfers.get(server.on("/a", answer))[0].head.codings == ("gzip", "gzip")


def test_an_empty_body_is_a_body(server: FaultServer, transfers: Transfers) -> None:
    fetched, data = transfers.get(server.on("/a", Answer(b"")))
    assert (fetched.size, data) == (0, b"")
    assert len(transfers.sinks[server.url("/a")].begun) == 1


def test_identity_is_asked_for_and_nothing_is_decoded(
    server: FaultServer, transfers: Transfers
) -> None:
    url = server.on("/a", Answer(BODY, coding="br"), Answer(BODY, coding="identity"))
    assert transfers.get(url)[1] == BODY
    assert [seen.headers["accept-encoding"] for seen in server.seen] == ["identity"] * 2
    assert "br-encoded despite Accept-Encoding: identity" in transfers.log.retries[0][3]


def test_a_server_that_always_compresses_is_asked_twice(
    server: FaultServer, transfers: Transfers
) -> None:
    url = server.on("/a", Answer(BODY, coding="br"))
    error = transfers.fail(url)
    assert (error.attempts, len(server.seen)) == (2, 2)
    assert str(error) == "the body is br-encoded despite Accept-Encoding: identity"
    assert str(error.hint).startswith(
        "the server compresses the body despite Accept-Encoding: identity"
    )
    # What ends otherwise in between does not count.
    mixed = server.on("/b", *[Answer(BODY, coding="br"), refuse(503)] * 2, Answer(BODY))
    assert transfers.get(mixed)[1] == BODY


def test_another_base_url_is_used_where_the_first_one_compresses(
    server: FaultServer, transfers: Transfers
) -> None:
    first, second = server.on("/a", Answer(BODY, coding="br")), server.on("/b", Answer(BODY))
    assert transfers.get(first, second)[1] == BODY
    assert len(server.asked("/a")) == 2


def test_a_short_body_is_tried_again(server: FaultServer, transfers: Transfers) -> None:
    url = server.on("/a", Answer(BODY[:512], length=512), Answer(BODY))
    fetched, data = transfers.get(url)
    assert data == BODY
    assert fetched.attempts == 2
    assert transfers.log.retries == [(url, 1, 0.0, "body is 512 bytes, announced 1024")]


def test_a_long_body_ends_where_it_was_announced(server: FaultServer, transfers: Transfers) -> None:
    url = server.on("/a", Answer(BODY, extra=b"garbage", then_close=True))
    assert transfers.get(url)[1] == BODY


def test_a_chunked_body_is_whole_only_with_its_last_chunk(
    server: FaultServer, transfers: Transfers
) -> None:
    url = server.on("/a", Answer(BODY, chunked=True, unterminated=True), Answer(BODY, chunked=True))
    fetched, data = transfers.get(url)
    assert data == BODY
    assert (fetched.attempts, fetched.size) == (2, len(BODY))


def test_a_body_without_length_ends_with_the_connection(
    server: FaultServer, transfers: Transfers
) -> None:
    fetched, data = transfers.get(server.on("/a", Answer(BODY, length=None)))
    assert (fetched.size, data) == (len(BODY), BODY)


def test_bodies_of_errors_never_reach_the_sink(server: FaultServer, transfers: Transfers) -> None:
    url = server.on("/a", refuse(503), refuse(404))
    error = transfers.fail(url)
    assert str(error) == "HTTP 404 Not Found"
    assert (error.status, error.retry, error.attempts) == (404, Retry.ELSEWHERE, 2)
    sink = transfers.sinks[url]
    assert not sink.begun
    assert not sink.data


@pytest.mark.parametrize("raw", [b"220 mail ready\r\n", b"", b"HTTP/1.1 abc\r\n\r\n"])
def test_a_response_that_is_not_http_is_an_error(
    server: FaultServer, transfers: Transfers, raw: bytes
) -> None:
    url = server.on("/a", Answer(raw=raw))
    assert "libcurl" not in str(transfers.fail(url))


def test_an_unrequested_206_is_refused(server: FaultServer, transfers: Transfers) -> None:
    odd = Answer(BODY[:10], status=206, headers=(("Content-Range", "bytes 0-9/100000"),))
    url = server.on("/a", odd, Answer(BODY))
    assert transfers.get(url)[1] == BODY


def test_a_broken_body_goes_on_at_its_byte(server: FaultServer, transfers: Transfers) -> None:
    good = Answer(BODY, etag='"1"')
    url = server.on("/a", Answer(BODY, etag='"1"', cut=30_000, cut_by="close"), good)
    fetched, data = transfers.get(url)
    assert data == BODY
    assert server.seen[1].headers["range"] == "bytes=30000-"
    assert (fetched.attempts, fetched.transferred, fetched.resumed) == (2, len(BODY), False)


@pytest.mark.parametrize("etag", [None, 'W/"1"'])
def test_a_broken_body_without_strong_validator_starts_over(
    server: FaultServer, transfers: Transfers, etag: str | None
) -> None:
    url = server.on("/a", Answer(BODY, etag=etag, cut=30_000), Answer(BODY, etag=etag))
    assert transfers.get(url)[1] == BODY
    assert "range" not in server.seen[1].headers


def test_a_change_in_mid_body_is_noticed(server: FaultServer, transfers: Transfers) -> None:
    url = server.on("/a", Answer(BODY, etag='"1"', cut=30_000), Answer(OTHER, etag='"2"'))
    assert transfers.get(url)[1] == OTHER


def test_a_second_version_that_breaks_off_sooner_leaves_no_hole(
    server: FaultServer, transfers: Transfers
) -> None:
    first = Answer(OTHER, etag='"1"', cut=30_000)
    second = Answer(BODY, etag='"2"', cut=10_000)
    url = server.on("/a", first, second, Answer(BODY, etag='"2"'))
    assert transfers.get(url)[1] == BODY
    assert server.seen[2].headers["range"] == "bytes=10000-"


def test_a_resource_that_changes_for_ever_is_given_up(
    server: FaultServer, transfers: Transfers
) -> None:
    answers = [Answer(BODY, etag=f'"{i}"', if_range=False, cut=30_000) for i in range(60)]
    error = transfers.fail(server.on("/a", *answers))
    assert "changed" in str(error) or "announced" in str(error)
    assert len(server.seen) < 30


def test_gets_after_a_head_have_their_bodies(server: FaultServer, transfers: Transfers) -> None:
    url = server.on("/a", Answer(BODY))
    transfers.head(url)
    assert transfers.get(url)[1] == BODY


BARE = b"Transfer-Encoding: chunked\r\nTrailer: Server-Timing\r\n\r\n0\r\nServer-Timing: a;dur=1\r\n\r\n"


def test_an_empty_body_with_a_trailer_is_an_empty_body(
    server: FaultServer, transfers: Transfers
) -> None:
    fetched, data = transfers.get(server.on("/a", Answer(raw=b"HTTP/1.1 200 OK\r\n" + BARE)))
    assert (fetched.status, fetched.size, data) == (200, 0, b"")


@pytest.mark.parametrize("status", [b"404 Not Found", b"500 Oops", b"503 Busy"])
def test_a_refusal_without_a_body_but_with_a_trailer_is_a_refusal(
    server: FaultServer, transfers: Transfers, status: bytes
) -> None:
    error = transfers.fail(server.on("/a", Answer(raw=b"HTTP/1.1 " + status + b"\r\n" + BARE)))
    assert error.status == int(status[:3])
    assert not error.cancelled
