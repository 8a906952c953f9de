"""Requests that go on with a part, ask for a range, or only for the size of a resource."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from dashget.common.byterange import ByteRange
from dashget.errors import Retry
from dashget.transfer.contract import Fetched, Request, ResumePoint, TransferError
from tests.support.faultserver import Answer, FaultServer, refuse
from tests.support.sinks import RecordingSink, Transfers

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


def test_a_206_of_another_version_is_refused(server: FaultServer, transfers: Transfers) -> None:
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


def test_a_head_request_for_a_missing_file_fails_with_404(
    server: FaultServer, transfers: Transfers
) -> None:
    found = transfers.head(server.url("/nothing"))
    assert isinstance(found, TransferError)
    assert (found.status, len(server.seen)) == (404, 1)
