"""Transfers that are slow near the end, and a server that is faulty all the time."""

from __future__ import annotations

import random

import pytest

from dashget.common.byterange import ByteRange
from dashget.transfer.contract import Request, TransferError
from tests.support.faultserver import Answer, FaultServer, http_date, refuse
from tests.support.sinks import RecordingSink, Transfers

MIB = 1024 * 1024
BODY = random.Random(2).randbytes(400_000)
FAST = Answer(BODY, etag='"1"')
SLOW = Answer(BODY, etag='"1"', drip=(4_000, 0.05))


def hurried(**options: object) -> Transfers:
    return Transfers(
        **({"in_flight": 3, "overtake_seconds": 0.3, "timeout_seconds": 20.0} | options)
    )


def others(server: FaultServer) -> list[str]:
    return [server.on(f"/{i}", Answer(BODY)) for i in range(10)]


def test_a_slow_transfer_near_the_end_is_overtaken(server: FaultServer) -> None:
    url = server.on("/slow", SLOW, FAST)
    with hurried() as transfers:
        transfers.run(url, *others(server))
    result = transfers.results[url]
    assert not isinstance(result, TransferError)
    assert bytes(transfers.sinks[url].data) == BODY
    assert (result.attempts, result.requests) == (1, 2)
    assert len(transfers.sinks[url].begun) == 1
    first, second = server.asked("/slow")
    assert first.connection != second.connection
    assert second.headers["if-range"] == '"1"'
    assert second.headers["range"].endswith("-")


def test_a_transfer_without_a_first_byte_is_overtaken(server: FaultServer) -> None:
    url = server.on("/slow", Answer(drop="hang"), FAST)
    with hurried() as transfers:
        transfers.run(url, *others(server))
    assert bytes(transfers.sinks[url].data) == BODY
    assert transfers.results[url].attempts == 1


@pytest.mark.parametrize(
    ("slow", "asked"),
    [(Answer(drop="hang"), 2), (Answer(BODY, etag='"1"', drip=(1_000, 0.05)), 1)],
    ids=["silent", "slow"],
)
def test_a_part_of_a_file_is_overtaken_by_the_same_part_or_not_at_all(
    server: FaultServer, slow: Answer, asked: int
) -> None:
    """All of the file would be taken for the part that was asked for."""
    url = server.on("/a", slow, FAST)
    wanted = ByteRange(1_000, 20_999)
    with hurried() as transfers:
        transfers.run(Request((url,), range=wanted), *others(server), sinks=[RecordingSink()])
    assert bytes(transfers.sinks[url].data) == BODY[1_000:21_000]
    ranges = [each.headers["range"] for each in server.asked("/a")]
    assert ranges == ["bytes=1000-20999"] * asked


def test_both_may_answer_and_the_file_is_right(server: FaultServer) -> None:
    url = server.on("/slow", Answer(BODY, etag='"1"', drip=(40_000, 0.12)))
    with hurried() as transfers:
        transfers.run(url, *others(server))
    assert bytes(transfers.sinks[url].data) == BODY


@pytest.mark.parametrize(
    "second",
    [Answer(BODY[::-1], etag='"2"'), Answer(BODY[::-1]), Answer(BODY, ranges=False), refuse(503)],
    ids=["changed", "no-validator", "no-ranges", "refused"],
)
def test_an_overtaking_request_that_fails_harms_nobody(server: FaultServer, second: Answer) -> None:
    slow = Answer(BODY, etag='"1"', drip=(40_000, 0.12))
    url = server.on("/slow", slow, second)
    with hurried() as transfers:
        transfers.run(url, *others(server))
    assert bytes(transfers.sinks[url].data) == BODY
    assert transfers.results[url].attempts == 1


def test_without_validator_nothing_is_mixed(server: FaultServer) -> None:
    url = server.on("/slow", Answer(BODY, drip=(40_000, 0.1)), Answer(BODY[::-1]))
    with hurried() as transfers:
        transfers.run(url, *others(server))
    assert bytes(transfers.sinks[url].data) == BODY


def test_the_overtaken_request_may_fail_while_the_overtaking_one_goes_on(
    server: FaultServer,
) -> None:
    slow = Answer(BODY, etag='"1"', drip=(4_000, 0.05), cut=60_000)
    url = server.on("/slow", slow, Answer(BODY, etag='"1"', drip=(100_000, 0.15)))
    with hurried() as transfers:
        transfers.run(url, *others(server))
    assert bytes(transfers.sinks[url].data) == BODY


def test_a_slow_piece_is_divided(server: FaultServer) -> None:
    body = random.Random(3).randbytes(5 * MIB)
    slow = Answer(body, etag='"1"', drip=(20_000, 0.05))
    fast = Answer(body, etag='"1"', drip=(64 * 1024, 0.002))
    url = server.on("/large", fast, slow, fast)
    with hurried(range_threshold=2 * MIB, range_size=MIB) as transfers:
        fetched, data = transfers.get(url)
    assert data == body
    assert fetched.attempts == 1
    assert fetched.seconds < 3


STORM = 300


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2])
def test_a_storm_of_faults_ends_complete_and_identical(server: FaultServer, seed: int) -> None:
    dice = random.Random(seed)
    with FaultServer() as other:
        bodies = {f"/{i}": dice.randbytes(dice.randrange(60_000)) for i in range(STORM)}
        urls = [
            server.on(path, *_stormy(dice, body, other.on(path, Answer(body))))
            for path, body in bodies.items()
        ]
        with Transfers(timeout_seconds=0.4, in_flight=8) as transfers:
            transfers.run(*urls)
    failed = [r for r in transfers.results.values() if isinstance(r, TransferError)]
    assert failed == []
    assert [bytes(transfers.sinks[url].data) for url in urls] == list(bodies.values())
    assert len(transfers.log.retries) > STORM * 0.1


@pytest.mark.slow
def test_a_storm_with_one_file_missing_names_it(server: FaultServer) -> None:
    dice = random.Random(3)
    body = dice.randbytes(10_000)
    urls = [server.on(f"/{i}", *_stormy(dice, body, server.url("/x"))) for i in range(50)]
    server.on("/x", Answer(body))
    missing = server.on("/missing", refuse(404))
    with Transfers(timeout_seconds=0.4, in_flight=8) as transfers:
        transfers.run(*urls, missing)
    failed = {url: r for url, r in transfers.results.items() if isinstance(r, TransferError)}
    assert list(failed) == [missing]
    assert failed[missing].status == 404


def _stormy(dice: random.Random, body: bytes, elsewhere: str) -> list[Answer]:
    """Return a script in which each request has a chance of 15 % to meet a fault."""
    answers = []
    while dice.random() < 0.15:
        answers.append(_fault(dice, body, elsewhere))
    return [*answers, Answer(body, etag='"1"')]


def _fault(dice: random.Random, body: bytes, elsewhere: str) -> Answer:
    cut = dice.randrange(len(body) + 1)
    return dice.choice(
        [
            Answer(body, etag='"1"', cut=cut),
            Answer(body, etag='"1"', cut=cut, cut_by="reset"),
            Answer(body, etag='"1"', cut=cut, cut_by="hang"),
            Answer(body, etag='"0"', cut=cut),
            Answer(body, etag='W/"1"', cut=cut),
            Answer(body, etag='"1"', length=10),
            Answer(body, etag='"1"', coding="gzip"),
            Answer(body, chunked=True, unterminated=True),
            Answer(body, etag='"1"', drip=(10_000, 0.01)),
            Answer(body, etag='"1"', then_close=True),
            Answer(drop="close"),
            Answer(drop="reset"),
            Answer(drop="hang"),
            Answer(raw=b"\x00\x01\x02 not http\r\n\r\n"),
            Answer(status=302, headers=(("Location", elsewhere),)),
            refuse(500),
            refuse(503, Retry_After="0"),
            refuse(429, Retry_After=http_date(0)),
        ]
    )


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1007, 1012, 1035, 5071])
def test_a_storm_over_large_and_small_files_mixes_no_bytes(server: FaultServer, seed: int) -> None:
    dice = random.Random(seed)
    bodies: dict[str, bytes] = {}
    for i in range(2):
        body = dice.randbytes(dice.randrange(MIB, 3 * MIB))
        script = [_large_fault(dice, body) for _ in range(dice.randrange(8))]
        bodies[server.on(f"/large{i}", *script, Answer(body, etag='"1"'))] = body
    for i in range(20):
        body = dice.randbytes(dice.randrange(30_000))
        bodies[server.on(f"/{i}", *_stormy(dice, body, f"/other{i}"))] = body
        server.on(f"/other{i}", Answer(body))
    options = {"range_threshold": MIB, "range_size": 256 * 1024, "overtake_seconds": 0.2}
    with Transfers(timeout_seconds=0.4, retries=12, **options) as transfers:
        transfers.run(*bodies)
    assert {url: bytes(transfers.sinks[url].data) == body for url, body in bodies.items()} == (
        dict.fromkeys(bodies, True)
    )
    assert not any(isinstance(r, TransferError) for r in transfers.results.values())


def _large_fault(dice: random.Random, body: bytes) -> Answer:
    cut = dice.randrange(len(body))
    return dice.choice(
        [
            Answer(body, etag='"1"', cut=cut, cut_by=dice.choice(["close", "reset", "hang"])),
            Answer(body, etag='"0"', cut=cut),
            Answer(body, etag='"1"', range_shift=1),
            Answer(body, etag='"1"', ranges=False),
            Answer(body, etag='"1"', drip=(20_000, 0.02)),
            Answer(drop=dice.choice(["close", "reset", "hang"])),
            refuse(503),
        ]
    )


@pytest.mark.parametrize("cut", [0, 5])
def test_an_answer_whose_body_does_not_come_is_an_answer(server: FaultServer, cut: int) -> None:
    """Servers announce a body to a redirect or an error, and send none; nobody wants it."""
    stuck = {"body": b"<html>moved</html>", "cut": cut, "cut_by": "hang"}
    moved = server.on("/moved", Answer(status=302, headers=(("Location", "/b"),), **stuck))  # type: ignore[arg-type]  # a body and how it ends
    gone = server.on("/gone", Answer(status=404, **stuck))  # type: ignore[arg-type]  # the same
    server.on("/b", Answer(b"here"))
    with Transfers(timeout_seconds=1.0, retries=1) as transfers:
        transfers.run(moved, gone)
    assert not isinstance(transfers.results[moved], TransferError)
    error = transfers.results[gone]
    assert isinstance(error, TransferError)
    assert error.status == 404
    assert len(server.asked("/gone")) == 1
