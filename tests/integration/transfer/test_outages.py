"""A host that fails in one way for all is paused, and costs no file its retries."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable

import pytest

from dashget.transfer.contract import Fetched, Job, Request, TransferError
from tests.support.faultserver import Answer, FaultServer, Seen, refuse
from tests.support.sinks import Transfers

BODY = bytes(i * 7 % 251 for i in range(5_000))
FILES = 200


class Moody(FaultServer):
    """Answers every request in one way from its ``after``-th answer on, for some seconds."""

    def __init__(self, answer: Answer, *, after: int, seconds: float = 1e9) -> None:
        super().__init__()
        self.refused: list[Seen] = []
        self._answer = answer
        self._after = after
        self._seconds = seconds
        self._until: float | None = None

    def files(self, count: int = FILES) -> list[str]:
        return [self.on(f"/{i}", Answer(BODY, etag='"1"')) for i in range(count)]

    def _choose(self, seen: Seen) -> Answer:
        if len(self.seen) <= self._after:
            return super()._choose(seen)
        if self._until is None:
            self._until = time.monotonic() + self._seconds
        if time.monotonic() < self._until:
            self.refused.append(seen)
            return self._answer
        return super()._choose(seen)


def failed(transfers: Transfers) -> list[TransferError]:
    return [each for each in transfers.results.values() if isinstance(each, TransferError)]


@pytest.fixture(params=[429, 503, 500, "close", "reset"])
def ban(request: pytest.FixtureRequest) -> Answer:
    status = request.param
    return refuse(status) if isinstance(status, int) else Answer(drop=status)


@pytest.mark.both_paths
def test_a_ban_costs_no_file_and_few_requests(ban: Answer) -> None:
    with (
        Moody(ban, after=50, seconds=3.0) as server,
        Transfers(in_flight=8, retries=3) as transfers,
    ):
        transfers.run(*server.files())
        assert not failed(transfers)
        assert len(transfers.results) == FILES
        assert len(server.refused) < 30


def test_a_ban_from_the_first_file_on_costs_no_file() -> None:
    with (
        Moody(refuse(503), after=0, seconds=2.0) as server,
        Transfers(in_flight=8, retries=3, backoff_seconds=0.2) as transfers,
    ):
        transfers.run(*server.files())
        assert not failed(transfers)
        assert len(server.refused) < 40


@pytest.mark.parametrize("status", [429, 503])
def test_the_one_file_that_is_left_waits_for_its_host(status: int) -> None:
    """It had come in part: that it does not go on is no fault of the file."""
    with Moody(refuse(status), after=1, seconds=2.0) as server, Transfers(retries=2) as transfers:
        url = server.on("/a", Answer(BODY, etag='"1"', cut=2000), Answer(BODY, etag='"1"'))
        assert transfers.get(url)[1] == BODY


def test_a_host_that_cannot_be_reached_for_a_while_costs_no_file(server: FaultServer) -> None:
    """Its connections are refused: the port is closed, and opens again later."""
    port = server.port
    urls = [server.on(f"/{i}", Answer(BODY, then_close=True)) for i in range(40)]
    later: list[FaultServer] = []

    def again() -> None:
        later.append(Reopened(port))
        for i in range(40):
            later[0].on(f"/{i}", Answer(BODY))
        later[0].__enter__()

    class Closing(Transfers):
        def done(self, job: Job, result: Fetched | TransferError) -> None:
            super().done(job, result)
            if len(self.results) == 10:
                server.__exit__()
                threading.Timer(2.0, again).start()

    with Closing(in_flight=2, retries=1, timeout_seconds=5.0) as transfers:
        transfers.run(*urls)
    later[0].__exit__()
    assert not failed(transfers)
    assert len(transfers.results) == 40


class Reopened(FaultServer):
    """A server at a port that another one had."""

    def __init__(self, port: int) -> None:
        super().__init__()
        self._listener.close()
        self._listener = socket.create_server(("127.0.0.1", port), backlog=128)
        self.port = port


def test_a_host_is_given_up_when_patience_ends() -> None:
    with (
        Moody(refuse(503), after=20) as server,
        Transfers(in_flight=4, retries=2, host_patience_seconds=1.5) as transfers,
    ):
        started = time.monotonic()
        transfers.run(*server.files())
        assert time.monotonic() - started < 10
        assert len(transfers.results) == FILES
        assert len(server.refused) < 30
    errors = failed(transfers)
    assert len(errors) > FILES - 30
    assert errors[-1].message.startswith("not asked any more: HTTP 503 Service Unavailable; no")
    assert len([each for each in errors if not each.requests]) > FILES - 50


def test_without_patience_each_failure_is_the_files() -> None:
    with (
        Moody(refuse(503), after=5) as server,
        Transfers(in_flight=2, retries=1, host_patience_seconds=0.0) as transfers,
    ):
        transfers.run(*server.files(20))
        assert len(server.refused) == 2 * len(failed(transfers))


def test_files_that_fail_beside_others_have_their_own_retries(server: FaultServer) -> None:
    """Three that never come are no outage, also at the end where nothing else is left."""
    bad = [server.on(f"/bad{i}", refuse(500)) for i in range(3)]
    good = [server.on(f"/{i}", Answer(BODY)) for i in range(20)]
    with Transfers(in_flight=2, retries=2) as transfers:
        transfers.run(*good[:10], *bad, *good[10:])
    assert {each.url for each in failed(transfers)} == set(bad)
    assert len([seen for seen in server.seen if seen.path.startswith("/bad")]) <= 18


def test_one_file_that_is_refused_with_429_ends_at_its_retries(server: FaultServer) -> None:
    bad = server.on("/bad", refuse(429))
    good = [server.on(f"/{i}", Answer(BODY)) for i in range(200)]
    with Transfers(in_flight=2, retries=1, host_patience_seconds=5.0) as transfers:
        transfers.run(bad, *good)
    assert [each.url for each in failed(transfers)] == [bad]


@pytest.mark.both_paths
@pytest.mark.parametrize("status", [403, 401])
def test_a_host_that_refuses_everything_is_asked_some_dozens_of_times(status: int) -> None:
    with Moody(refuse(status), after=300) as server, Transfers(in_flight=8) as transfers:
        transfers.run(*server.files(2000))
        assert len(transfers.results) == 2000
        assert len(server.refused) < 48
    errors = failed(transfers)
    assert len(errors) == 1700
    assert {each.status for each in errors} == {status}
    assert "files in a row" in errors[-1].message
    assert "--moved" in (errors[-1].hint or "")


def test_a_host_that_refuses_many_files_is_asked_for_the_others(server: FaultServer) -> None:
    """Stores say 403 for a file that is not there: here a whole Representation is not."""
    gone = [server.on(f"/gone/{i}", refuse(403)) for i in range(100)]
    here = [server.on(f"/here/{i}", Answer(BODY)) for i in range(100)]
    with Transfers(in_flight=4) as transfers:
        transfers.run(here[0], *gone, *here[1:])
    assert {each.url for each in failed(transfers)} == set(gone)
    assert all(each.requests for each in failed(transfers))


def test_another_base_url_is_asked_during_an_outage(server: FaultServer) -> None:
    with Moody(refuse(503), after=5) as moody, Transfers(in_flight=4) as transfers:
        requests = [
            Request((url, server.on(f"/{i}", Answer(BODY)))) for i, url in enumerate(moody.files())
        ]
        started = time.monotonic()
        transfers.run(*requests)
        assert not failed(transfers)
        assert time.monotonic() - started < 10
        assert len(moody.refused) < 40


UNREACHABLE: dict[str, Callable[[int], str]] = {
    "refused": lambda port: f"http://127.0.0.1:{port}",
    "unknown": lambda _: "http://no-such-host.invalid",
}


@pytest.mark.parametrize("kind", UNREACHABLE)
def test_a_host_that_was_never_there_is_named_at_once(kind: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = int(listener.getsockname()[1])
    base = UNREACHABLE[kind](port)
    with Transfers(backoff_seconds=5.0) as transfers:
        started = time.monotonic()
        error = transfers.fail(f"{base}/a")
        assert time.monotonic() - started < 3
        assert error.attempts == 1
        transfers.results.clear()
        transfers.run(*(f"{base}/{i}" for i in range(50)))
        assert len(failed(transfers)) == 50
        assert time.monotonic() - started < 6
