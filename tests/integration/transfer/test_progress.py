"""Readings of resources in progress."""

from __future__ import annotations

import pytest

from dashget.common.byterange import ByteRange
from dashget.transfer.contract import Reading, ResumePoint
from tests.support.faultserver import Answer, FaultServer
from tests.support.sinks import RecordingSink, Transfers

BODY = bytes(range(256)) * 400
SIZE = len(BODY)
HALF = SIZE // 2
PIECE = 10_000


def stuck(after: int, etag: str | None = '"a"') -> Answer:
    """An answer that stands still after some bytes of its body."""
    return Answer(BODY, etag=etag, cut=after, cut_by="hang")


def watch(
    url: str, until: int, sink: RecordingSink | None = None, **options: object
) -> list[tuple[int, int | None]]:
    """Fetch until so many bytes are told to be here; return all that was told."""
    told: list[tuple[int, int | None]] = []
    with Transfers(RecordingSink, loops=1, in_flight=3, **options) as transfers:

        def look(reading: Reading) -> None:
            told.extend((item.bytes, item.size) for item in reading.under_way)
            if told and told[-1][0] >= until:
                transfers.engine.cancel()

        transfers.log.on_tick = look  # type: ignore[method-assign]  # in place of a log
        transfers.run(url, sinks=[sink] if sink else [])
        assert until <= told[-1][0]
    return told


@pytest.mark.parametrize("etag", ['"a"', None])
def test_bytes_of_a_file_in_progress_count(server: FaultServer, etag: str | None) -> None:
    told = watch(server.on("/a", stuck(HALF, etag)), HALF)
    assert told[-1] == (HALF, SIZE)


def test_an_unknown_size_is_none(server: FaultServer) -> None:
    url = server.on("/a", Answer(BODY, etag='"a"', length=None, cut=HALF, cut_by="hang"))
    assert watch(url, HALF)[-1] == (HALF, None)


def test_bytes_of_an_earlier_run_count_from_the_start(server: FaultServer) -> None:
    sink = RecordingSink(ResumePoint((ByteRange(0, HALF - 1),), SIZE, '"a"'), BODY[:HALF])
    told = watch(server.on("/a", stuck(PIECE)), HALF + PIECE, sink)
    assert told[0][0] >= HALF
    assert told[-1] == (HALF + PIECE, SIZE)


def test_bytes_that_arrive_twice_count_once(server: FaultServer) -> None:
    broken = Answer(BODY, cut=HALF, cut_by="close")
    told = watch(server.on("/a", broken, broken, stuck(HALF + 1, None)), HALF + 1)
    assert told[-1] == (HALF + 1, SIZE)


def test_progress_of_parallel_ranges_counts_bytes_that_arrived(server: FaultServer) -> None:
    sink = RecordingSink()
    url = server.on("/a", stuck(PIECE))
    told = watch(url, 3 * PIECE, sink, range_threshold=1000, range_size=SIZE // 4)
    assert sink.scattered
    assert told[-1] == (3 * PIECE, SIZE) == (sink.received, SIZE)
    assert all(size == SIZE for _, size in told)
