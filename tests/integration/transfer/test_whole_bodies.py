"""Small bodies that are handed over in one go, and those that are not."""

from __future__ import annotations

import errno
import os

import pytest

from dashget.errors import StoreError
from tests.support.faultserver import Answer, FaultServer
from tests.support.sinks import Transfers, WholeRecordingSink

BODY = bytes(i * 7 % 251 for i in range(100_000))


@pytest.mark.parametrize("size", [0, 1, 500, 128 * 1024])
def test_a_small_body_that_arrives_at_once_is_delivered_whole(
    server: FaultServer, size: int
) -> None:
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


def test_a_small_body_that_arrives_slowly_is_written_as_it_arrives(
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
def test_a_body_of_unknown_length_is_never_delivered_whole(
    server: FaultServer, answer: Answer
) -> None:
    url = server.on("/a", answer)
    with Transfers(WholeRecordingSink) as transfers:
        assert transfers.get(url)[1] == BODY[:500]
    sink = transfers.sinks[url]
    assert isinstance(sink, WholeRecordingSink)
    assert sink.puts == 0


@pytest.mark.parametrize("number", [errno.EACCES, errno.ENOSPC])
def test_a_sink_that_refuses_a_whole_body_fails_like_any_other(
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
