"""Which responses count as the resource: lengths, codings, ranges, validators."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator

import pytest

from dashget.common.byterange import ByteRange
from dashget.errors import Retry, StoreError
from dashget.transfer.contract import Fetched, Request, ResumePoint, TransferError
from tests.support.faultserver import Answer, FaultServer, refuse
from tests.support.sinks import RecordingSink, Transfers, WholeRecordingSink

BODY = bytes(i * 7 % 251 for i in range(100_000))
OTHER = bytes(reversed(BODY))


@pytest.fixture
def transfers() -> Iterator[Transfers]:
    with Transfers() as made:
        yield made


def part(
    validator: str | None, *, size: int | None = len(BODY), upto: int = 40_000
) -> RecordingSink:
    """Return a sink that has the beginning of BODY from an earlier run."""
    return RecordingSink(ResumePoint((ByteRange(0, upto - 1),), size, validator), BODY[:upto])


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


def test_an_empty_body_is_a_body(server: FaultServer, transfers: Transfers) -> None:
    fetched, data = transfers.get(server.on("/a", Answer(b"")))
    assert (fetched.size, data) == (0, b"")
    assert len(transfers.sinks[server.url("/a")].begun) == 1


def test_identity_is_asked_for_and_nothing_is_decoded(
    server: FaultServer, transfers: Transfers
) -> None:
    url = server.on("/a", Answer(BODY, coding="gzip"), Answer(BODY, coding="identity"))
    assert transfers.get(url)[1] == BODY
    assert [seen.headers["accept-encoding"] for seen in server.seen] == ["identity"] * 2
    assert "gzip-encoded although identity" in transfers.log.retries[0][3]


def test_a_server_that_always_compresses_is_asked_twice(
    server: FaultServer, transfers: Transfers
) -> None:
    url = server.on("/a", Answer(BODY, coding="gzip"))
    error = transfers.fail(url)
    assert (error.attempts, len(server.seen)) == (2, 2)
    assert str(error) == "the body is gzip-encoded although identity was asked for"
    assert str(error.hint).startswith("the server compresses although it was asked not to")
    # What ends otherwise in between does not count.
    mixed = server.on("/b", *[Answer(BODY, coding="gzip"), refuse(503)] * 2, Answer(BODY))
    assert transfers.get(mixed)[1] == BODY


def test_a_base_that_does_not_compress_is_taken_instead(
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
def test_what_is_not_http_is_an_error(
    server: FaultServer, transfers: Transfers, raw: bytes
) -> None:
    url = server.on("/a", Answer(raw=raw))
    assert "libcurl" not in str(transfers.fail(url))


@pytest.mark.parametrize("size", [0, 1, 500, 128 * 1024])
def test_a_small_body_that_comes_at_once_is_put_in_one_go(server: FaultServer, size: int) -> None:
    body = BODY[:size] + bytes(max(0, size - len(BODY)))
    url = server.on("/a", Answer(body, etag='"1"'))
    with Transfers(WholeRecordingSink) as transfers:
        fetched, data = transfers.get(url)
    sink = transfers.sinks[url]
    assert isinstance(sink, WholeRecordingSink)
    assert (fetched.size, data) == (size, body)
    assert len(sink.begun) == 1
    if size <= 500:
        assert sink.puts == 1


def test_a_small_body_that_comes_little_by_little_is_written_as_it_comes(
    server: FaultServer,
) -> None:
    url = server.on("/a", Answer(BODY[:500], etag='"1"', drip=(100, 0.15)))
    with Transfers(WholeRecordingSink) as transfers:
        assert transfers.get(url)[1] == BODY[:500]
    sink = transfers.sinks[url]
    assert isinstance(sink, WholeRecordingSink)
    assert sink.puts == 0


@pytest.mark.parametrize(
    "answer", [Answer(BODY[:500], chunked=True), Answer(BODY[:500], length=None)]
)
def test_a_body_of_unknown_length_is_never_put_in_one_go(
    server: FaultServer, answer: Answer
) -> None:
    url = server.on("/a", answer)
    with Transfers(WholeRecordingSink) as transfers:
        assert transfers.get(url)[1] == BODY[:500]
    sink = transfers.sinks[url]
    assert isinstance(sink, WholeRecordingSink)
    assert sink.puts == 0


@pytest.mark.parametrize("number", [errno.EACCES, errno.ENOSPC])
def test_a_sink_that_cannot_take_it_in_one_go_fails_as_any_other(
    server: FaultServer, number: int
) -> None:
    sink = WholeRecordingSink()
    sink.error = OSError(number, os.strerror(number))
    url = server.on("/a", Answer(b"abc", etag='"1"'))
    with Transfers() as transfers:
        if number == errno.ENOSPC:
            with pytest.raises(StoreError, match=r"(?i)no space left"):
                transfers.run(url, sinks=[sink])
        else:
            assert "ermission denied" in str(transfers.fail(url, sink=sink))


def test_a_part_goes_on_at_its_byte(server: FaultServer, transfers: Transfers) -> None:
    url = server.on("/a", Answer(BODY, etag='"1"'))
    fetched, data = transfers.get(url, sink=part('"1"'))
    assert data == BODY
    assert (fetched.resumed, fetched.status, fetched.size) == (True, 206, len(BODY))
    assert fetched.transferred == len(BODY) - 40_000
    assert server.seen[0].headers["range"] == "bytes=40000-"
    assert server.seen[0].headers["if-range"] == '"1"'
    assert transfers.log.started == [(url, 40_000)]


def test_a_part_goes_on_by_its_date(server: FaultServer, transfers: Transfers) -> None:
    date = "Tue, 01 Sep 2026 10:00:00 GMT"
    url = server.on("/a", Answer(BODY, last_modified=date))
    fetched, data = transfers.get(url, sink=part(date))
    assert data == BODY
    assert fetched.resumed
    assert server.seen[0].headers["if-range"] == date


def test_a_part_that_is_complete_costs_one_byte(server: FaultServer, transfers: Transfers) -> None:
    url = server.on("/a", Answer(BODY, etag='"1"'))
    fetched, data = transfers.get(url, sink=part('"1"', upto=len(BODY)))
    assert data == BODY
    assert fetched.transferred == 1


@pytest.mark.parametrize("validator", [None, 'W/"1"'])
def test_a_part_without_strong_validator_starts_over(
    server: FaultServer, transfers: Transfers, validator: str | None
) -> None:
    url = server.on("/a", Answer(BODY, etag='W/"1"'))
    fetched, data = transfers.get(url, sink=part(validator))
    assert data == BODY
    assert not fetched.resumed
    assert "range" not in server.seen[0].headers


def test_a_resource_that_has_changed_starts_over(server: FaultServer, transfers: Transfers) -> None:
    url = server.on("/a", Answer(OTHER, etag='"2"'))
    fetched, data = transfers.get(url, sink=part('"1"'))
    assert data == OTHER
    assert (fetched.resumed, fetched.requests) == (False, 1)


def test_a_206_of_another_version_is_not_believed(
    server: FaultServer, transfers: Transfers
) -> None:
    url = server.on("/a", Answer(OTHER, etag='"2"', if_range=False))
    fetched, data = transfers.get(url, sink=part('"1"'))
    assert data == OTHER
    assert (fetched.resumed, fetched.requests) == (False, 2)


def test_a_416_starts_over(server: FaultServer, transfers: Transfers) -> None:
    url = server.on("/a", Answer(BODY[:20_000], etag='"1"'))
    fetched, data = transfers.get(url, sink=part('"1"', size=None))
    assert data == BODY[:20_000]
    assert [seen.headers.get("range") for seen in server.seen] == ["bytes=40000-", None]
    assert not fetched.resumed


@pytest.mark.parametrize("fault", [{"range_shift": 1}, {"total_shift": 9}])
def test_a_wrong_content_range_never_gets_into_the_file(
    server: FaultServer, transfers: Transfers, fault: dict[str, int]
) -> None:
    url = server.on("/a", Answer(BODY, etag='"1"', **fault), Answer(BODY, etag='"1"'))  # type: ignore[arg-type]  # names of int fields
    assert transfers.get(url, sink=part('"1"'))[1] == BODY


def test_a_206_nobody_asked_for_is_refused(server: FaultServer, transfers: Transfers) -> None:
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


def test_a_range_is_fetched_as_asked(server: FaultServer, transfers: Transfers) -> None:
    url = server.on("/a", Answer(BODY, etag='"1"'))
    fetched, data = transfers.engine.fetch(
        Request((url,), range=ByteRange(1000, 1999)), max_bytes=5000
    )
    assert data == BODY[1000:2000]
    assert (fetched.size, fetched.status) == (1000, 206)


def test_a_range_that_runs_past_the_end_stops_there(
    server: FaultServer, transfers: Transfers
) -> None:
    url = server.on("/a", Answer(BODY))
    _, data = transfers.engine.fetch(
        Request((url,), range=ByteRange(99_000, 200_000)), max_bytes=5000
    )
    assert data == BODY[99_000:]


def test_a_range_from_a_server_without_ranges_is_an_error(
    server: FaultServer, transfers: Transfers
) -> None:
    url = server.on("/a", Answer(BODY, ranges=False))
    with pytest.raises(TransferError, match="ignores byte ranges"):
        transfers.engine.fetch(Request((url,), range=ByteRange(10, 19)), max_bytes=5000)


def test_more_than_fits_in_memory_is_refused(server: FaultServer, transfers: Transfers) -> None:
    url = server.on("/a", Answer(BODY), Answer(BODY, chunked=True))
    for _ in range(2):
        with pytest.raises(TransferError, match="too large") as caught:
            transfers.engine.fetch(Request((url,)), max_bytes=5000)
        assert caught.value.retry is Retry.NEVER


def test_head_tells_size_and_validator(server: FaultServer, transfers: Transfers) -> None:
    url = server.on("/a", Answer(BODY, etag='"1"'))
    found = transfers.head(url)
    assert isinstance(found, Fetched)
    assert (found.size, found.head.etag, found.transferred) == (len(BODY), '"1"', 0)
    assert [seen.method for seen in server.seen] == ["HEAD"]
    assert not transfers.sinks[url].begun


@pytest.mark.parametrize("status", [400, 403, 405, 501])
def test_where_head_is_refused_one_byte_is_asked_for(
    server: FaultServer, transfers: Transfers, status: int
) -> None:
    url = server.on("/a", refuse(status), Answer(BODY, etag='"1"'))
    found = transfers.head(url)
    assert isinstance(found, Fetched)
    assert (found.size, found.head.etag) == (len(BODY), '"1"')
    assert [seen.method for seen in server.seen] == ["HEAD", "GET"]
    assert server.seen[1].headers["range"] == "bytes=0-0"


def test_an_empty_file_has_no_first_byte_but_a_size(
    server: FaultServer, transfers: Transfers
) -> None:
    found = transfers.head(server.on("/a", refuse(405), Answer(b"", etag='"1"')))
    assert isinstance(found, Fetched)
    assert found.size == 0
    assert [seen.method for seen in server.seen] == ["HEAD", "GET"]


def test_a_head_for_what_is_not_there_is_a_404(server: FaultServer, transfers: Transfers) -> None:
    found = transfers.head(server.url("/nothing"))
    assert isinstance(found, TransferError)
    assert (found.status, len(server.seen)) == (404, 1)


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
