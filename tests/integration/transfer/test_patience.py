"""Jobs with a patience of their own: attempts, a deadline, files that do not exist yet."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import pytest

from dashget.transfer.contract import Fetched, Job, Patience, Request, ResponseHead, TransferError
from tests.support.faultserver import Answer, FaultServer, refuse
from tests.support.sinks import RecordingSink, Transfers

BODY = bytes(1000)

Deliver = Callable[[Job, ResponseHead, list[bytes]], object]


def refuse_delivery(job: Job, head: ResponseHead, pieces: list[bytes]) -> object:
    raise AssertionError(f"{len(pieces)} pieces of {head.url} delivered for {job!r}")


def fetch(
    transfers: Transfers, patience: Patience, *urls: str, deliver: Deliver | None = None
) -> Fetched | TransferError:
    results: list[Fetched | TransferError] = []

    def jobs() -> Iterator[Job]:
        yield Job(Request(urls), lambda _: RecordingSink(), deliver=deliver, patience=patience)

    transfers.engine.run(jobs(), lambda _, result: results.append(result))
    return results[0]


@pytest.mark.parametrize("attempts", [1, 3])
def test_a_job_is_tried_as_often_as_its_patience_says(server: FaultServer, attempts: int) -> None:
    url = server.on("/a", refuse(500))
    with Transfers(retries=7) as transfers:
        result = fetch(transfers, Patience(attempts=attempts), url)
    assert isinstance(result, TransferError)
    assert result.attempts == len(server.seen) == attempts


@pytest.mark.parametrize("status", [404, 410, 425])
def test_a_file_that_does_not_exist_yet_is_reported_at_once(
    server: FaultServer, status: int
) -> None:
    urls = server.on("/a", refuse(status)), server.on("/b", Answer(BODY))
    with Transfers(backoff_seconds=60.0) as transfers:
        result = fetch(transfers, Patience(missing_is_final=True), *urls)
    assert isinstance(result, TransferError)
    assert result.status == status
    assert len(server.seen) == 1


def test_other_failures_are_tried_again_though_a_missing_file_is_final(
    server: FaultServer,
) -> None:
    url = server.on("/a", refuse(500), Answer(BODY))
    with Transfers() as transfers:
        result = fetch(transfers, Patience(missing_is_final=True), url)
    assert isinstance(result, Fetched)


def test_no_attempt_begins_that_would_come_too_late(server: FaultServer) -> None:
    url = server.on("/a", refuse(503))
    with Transfers(backoff_seconds=600.0, backoff_limit_seconds=600.0) as transfers:
        transfers.engine._shared.random = lambda: 1.0
        result = fetch(transfers, Patience(seconds=30.0), url)
    assert isinstance(result, TransferError)
    assert result.status == 503
    assert len(server.seen) == 1


@pytest.mark.parametrize("deliver", [None, refuse_delivery])
@pytest.mark.parametrize("answer", [Answer(BODY, drip=(10, 0.05)), Answer(drop="hang")])
def test_a_request_ends_when_its_job_has_no_time_left(
    server: FaultServer, answer: Answer, deliver: Deliver | None
) -> None:
    url = server.on("/a", answer)
    with Transfers() as transfers:
        began = time.monotonic()
        result = fetch(transfers, Patience(seconds=0.3), url, deliver=deliver)
        took = time.monotonic() - began
    assert isinstance(result, TransferError)
    assert str(result) == "not complete within 0.3 s"
    assert len(server.seen) == 1
    assert took < 1.0


def test_a_job_does_not_wait_for_a_host_that_asked_for_a_longer_pause(
    server: FaultServer,
) -> None:
    busy, url = server.on("/busy", refuse(503, Retry_After="200")), server.on("/a", Answer(BODY))
    results: dict[str, Fetched | TransferError] = {}

    def jobs() -> Iterator[Job]:
        yield Job(Request((busy,)), lambda _: RecordingSink(), patience=Patience(attempts=1))
        yield Job(Request((url,)), lambda _: RecordingSink(), patience=Patience(seconds=0.3))

    with Transfers(in_flight=1) as transfers:
        transfers.engine.run(jobs(), lambda job, result: results.update({job.request.url: result}))
    result = results[url]
    assert isinstance(result, TransferError)
    assert str(result) == "not complete within 0.3 s"
    assert [seen.path for seen in server.seen] == ["/busy"]
