"""A host that fails in one way for every file is paused, and costs no file its retries."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from dashget.transfer.contract import Fetched, Job, Request, TransferError
from tests.support.faultserver import Answer, FaultServer, Seen, refuse
from tests.support.sinks import Transfers

BODY = bytes(i * 7 % 251 for i in range(5_000))
FILES = 200
EVER = 1e9


class Moody(FaultServer):
    """Answers every request in one way from its ``after``-th answer on, for some seconds.

    ``odd`` may answer some requests in its own way before that.
    """

    def __init__(
        self,
        answer: Answer,
        *,
        after: int,
        seconds: float = EVER,
        odd: Callable[[Seen], Answer | None] = lambda _: None,
    ) -> None:
        super().__init__()
        self.refused: list[Seen] = []
        self._answer = answer
        self._after = after
        self._seconds = seconds
        self._odd = odd
        self._until: float | None = None

    def files(self, count: int = FILES) -> list[str]:
        return [self.on(f"/{i}", Answer(BODY, etag='"1"')) for i in range(count)]

    def _choose(self, seen: Seen) -> Answer:
        odd = self._odd(seen)
        if odd is not None:
            return odd
        if len(self.seen) <= self._after:
            return super()._choose(seen)
        if self._until is None:
            self._until = time.monotonic() + self._seconds
        if time.monotonic() < self._until:
            self.refused.append(seen)
            return self._answer
        return super()._choose(seen)


class Reopened(FaultServer):
    """A server at a port that another one had."""

    def __init__(self, port: int) -> None:
        super().__init__()
        self._listener.close()
        self._listener = socket.create_server(("127.0.0.1", port), backlog=128)
        self.port = port


class Interrupted(Transfers):
    """Has something happen when so many files have come."""

    def __init__(self, after: int, then: Callable[[], object], **options: object) -> None:
        super().__init__(**options)
        self._after = after
        self._then = then

    def done(self, job: Job, result: Fetched | TransferError) -> None:
        super().done(job, result)
        if len(self.results) == self._after:
            self._then()


def failed(transfers: Transfers) -> list[TransferError]:
    return [each for each in transfers.results.values() if isinstance(each, TransferError)]


def asked(server: FaultServer, start: str) -> int:
    return len([seen for seen in server.seen if seen.path.startswith(start)])


@contextlib.contextmanager
def at_most(seconds: float) -> Iterator[None]:
    started = time.monotonic()
    yield
    assert time.monotonic() - started < seconds


def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


PAUSES = (403, 413, 420, 430, 499)


@pytest.fixture(params=[429, 503, 502, 500, 408, 425, 202, *PAUSES, "close", "reset"])
def ban(request: pytest.FixtureRequest) -> Answer:
    status = request.param
    if status in PAUSES:
        return refuse(status, Retry_After="0")
    return refuse(status) if isinstance(status, int) else Answer(drop=status)


# A host that fails for a while.


@pytest.mark.both_paths
def test_a_ban_costs_no_file_and_few_requests(ban: Answer) -> None:
    with (
        Moody(ban, after=50, seconds=1.2) as server,
        Transfers(in_flight=8, retries=3, backoff_seconds=0.2) as transfers,
    ):
        transfers.run(*server.files())
        assert not failed(transfers)
        assert len(transfers.results) == FILES
        # libcurl asks again where an open connection was closed.
        assert len(server.refused) < 30


@pytest.mark.parametrize("status", [429, 503])
def test_a_ban_from_the_first_file_on_costs_no_file(status: int) -> None:
    with (
        Moody(refuse(status), after=0, seconds=1.2) as server,
        Transfers(in_flight=8, retries=3, backoff_seconds=0.2) as transfers,
    ):
        transfers.run(*server.files())
        assert not failed(transfers)
        assert len(server.refused) < 30


def test_a_host_that_hangs_for_all_costs_no_file() -> None:
    with (
        Moody(Answer(drop="hang"), after=50, seconds=1.5) as server,
        Transfers(in_flight=8, retries=2, timeout_seconds=0.5) as transfers,
    ):
        transfers.run(*server.files())
        assert not failed(transfers)


@pytest.mark.parametrize("in_flight", [1, 2, 8])
def test_a_host_that_cannot_be_reached_for_a_while_costs_no_file(
    server: FaultServer, in_flight: int
) -> None:
    """Its connections are refused: the port is closed, and opens again later."""
    port = server.port
    urls = [server.on(f"/{i}", Answer(BODY, then_close=True)) for i in range(40)]
    later: list[FaultServer] = []

    def again() -> None:
        later.append(Reopened(port))
        for i in range(40):
            later[0].on(f"/{i}", Answer(BODY))
        later[0].__enter__()

    def close() -> None:
        server.__exit__()
        threading.Timer(1.2, again).start()

    with Interrupted(10, close, in_flight=in_flight, retries=2, backoff_seconds=0.2) as transfers:
        transfers.run(*urls)
    later[0].__exit__()
    assert not failed(transfers)
    assert len(transfers.results) == 40


def test_files_that_failed_before_it_was_an_outage_get_their_attempts_back() -> None:
    """Two bans: each one may be noticed by the same files, which have one retry."""
    with (
        Moody(refuse(503), after=50, seconds=1.0) as server,
        Transfers(in_flight=3, retries=2, backoff_seconds=0.2) as transfers,
    ):
        transfers.run(*server.files(60))
        assert not failed(transfers)


def test_a_user_is_told_of_an_outage_once() -> None:
    told: list[str] = []
    with Moody(refuse(503), after=20, seconds=1.2) as server, Transfers() as transfers:
        transfers.log.on_warning = told.append  # type: ignore[method-assign]  # what one test looks at
        transfers.run(*server.files(60))
        assert told == [
            f"127.0.0.1:{server.port} fails for every file (HTTP 503 Service Unavailable); it is"
            " asked again now and then, for up to 300 s"
        ]


def test_a_host_is_given_up_when_patience_ends() -> None:
    with (
        Moody(refuse(503), after=20) as server,
        Transfers(in_flight=4, retries=2, host_patience_seconds=1.5) as transfers,
        at_most(10),
    ):
        transfers.run(*server.files())
        assert len(transfers.results) == FILES
        assert len(server.refused) < 30
    errors = failed(transfers)
    assert len(errors) > FILES - 30
    # Some had been asked for before the host was given up.
    last = min(errors, key=lambda error: error.attempts)
    assert "has failed for every file for" in last.message
    assert last.message.endswith("s: HTTP 503 Service Unavailable")
    assert (last.attempts, last.requests) == (0, 0)


def test_without_patience_each_failure_is_the_files() -> None:
    with (
        Moody(refuse(503), after=5) as server,
        Transfers(in_flight=2, retries=1, host_patience_seconds=0.0) as transfers,
    ):
        transfers.run(*server.files(20))
        assert len(server.refused) == 2 * len(failed(transfers))


def test_a_host_that_wants_too_long_a_pause_in_an_outage_is_not_waited_for() -> None:
    with (
        Moody(refuse(503), after=20) as server,
        Transfers(in_flight=4, retry_after_limit_seconds=30.0) as transfers,
        at_most(10),
    ):

        def later() -> None:
            server._answer = refuse(503, Retry_After="3600")

        threading.Timer(1.0, later).start()
        transfers.run(*server.files(60))
    assert len(failed(transfers)) == 40
    assert "the server wants a pause of" in failed(transfers)[-1].message


class Limiter(FaultServer):
    """Allows so many requests a second, and a few at once; refuses others with 429."""

    def __init__(self, rate: float) -> None:
        super().__init__()
        self._rate, self._burst = rate, 5.0
        self._tokens, self._filled = self._burst, time.monotonic()

    def _choose(self, seen: Seen) -> Answer:
        now = time.monotonic()
        self._tokens = min(self._burst, self._tokens + self._rate * (now - self._filled))
        self._filled = now
        if self._tokens < 1:
            return refuse(429)
        self._tokens -= 1
        return super()._choose(seen)


def test_a_host_that_limits_the_rate_of_requests_costs_no_file() -> None:
    with Limiter(40.0) as server, Transfers(in_flight=4, backoff_seconds=0.2) as transfers:
        transfers.run(*(server.on(f"/{i}", Answer(BODY)) for i in range(60)))
        assert not failed(transfers)


# Files that fail for themselves.


@pytest.mark.both_paths
@pytest.mark.parametrize("broken", [1, 2, 3, 8])
@pytest.mark.parametrize("status", [503, 500, 429])
def test_files_that_never_come_beside_others_have_their_own_retries(
    server: FaultServer, status: int, broken: int
) -> None:
    """They are no outage, also at the end, where nothing else is left."""
    bad = [server.on(f"/bad{i}", refuse(status)) for i in range(broken)]
    good = [server.on(f"/{i}", Answer(BODY)) for i in range(20)]
    with Transfers(in_flight=2, retries=2) as transfers, at_most(5):
        transfers.run(*good[:10], *bad, *good[10:])
    assert {each.url for each in failed(transfers)} == set(bad)
    assert {each.message[:8] for each in failed(transfers)} == {f"HTTP {status}"}
    assert 3 * broken <= asked(server, "/bad") <= 5 * broken + 8


@pytest.mark.parametrize("count", [1, 2])
@pytest.mark.parametrize("answer", [refuse(503), refuse(429), Answer(drop="close")])
def test_the_last_files_that_are_left_have_their_own_retries(answer: Answer, count: int) -> None:
    with (
        Moody(answer, after=10) as server,
        Transfers(in_flight=2, retries=3) as transfers,
        at_most(5),
    ):
        transfers.run(*server.files(10 + count))
        assert len(failed(transfers)) == count
        # libcurl asks again where an open connection was closed.
        assert 4 * count <= len(server.refused) <= 6 * count


@pytest.mark.parametrize("status", [500, 503])
def test_a_server_that_fails_for_ranges_and_head_is_asked_as_it_answers(status: int) -> None:
    def odd(seen: Seen) -> Answer | None:
        return refuse(status) if seen.method == "HEAD" or "range" in seen.headers else None

    with Moody(refuse(500), after=10**9, odd=odd) as server, Transfers() as transfers:
        good = server.files(20)
        bad = [server.on(f"/bad{i}", refuse(503)) for i in range(4)]
        with at_most(10):
            transfers.run(*good, *bad)
    assert {each.url for each in failed(transfers)} == set(bad)


def test_a_host_without_any_other_file_is_given_its_time(server: FaultServer) -> None:
    """What cannot be told apart: nothing has ever come from there."""
    bad = [server.on(f"/bad{i}", refuse(503)) for i in range(4)]
    with Transfers(in_flight=2, retries=2, host_patience_seconds=1.0) as transfers:
        transfers.run(*bad)
    assert {each.url for each in failed(transfers)} == set(bad)


# Hosts that refuse everything.


@pytest.mark.both_paths
@pytest.mark.parametrize("status", [403, 401, 451])
def test_a_host_that_refuses_everything_is_asked_some_dozens_of_times(status: int) -> None:
    with Moody(refuse(status), after=300) as server, Transfers(in_flight=8) as transfers:
        transfers.run(*server.files(2000))
        assert len(transfers.results) == 2000
        assert len(server.refused) < 48
    errors = failed(transfers)
    assert len(errors) == 1700
    assert {each.status for each in errors} == {status}
    assert not any(each.gone for each in errors)
    assert "files in a row, and one that had come" in errors[-1].message
    assert (errors[-1].attempts, errors[-1].requests) == (0, 0)
    assert "run out" in (errors[-1].hint or "")
    assert ("--moved" in (errors[-1].hint or "")) == (status != 401)


def test_a_host_that_refuses_many_files_is_asked_for_the_others(server: FaultServer) -> None:
    """Stores say 403 for a file that is not there: here a whole Representation is not."""
    gone = [server.on(f"/gone/{i}", refuse(403)) for i in range(100)]
    here = [server.on(f"/here/{i}", Answer(BODY)) for i in range(100)]
    with Transfers(in_flight=4) as transfers:
        transfers.run(here[0], *gone, *here[1:])
    assert {each.url for each in failed(transfers)} == set(gone)
    assert all(each.requests for each in failed(transfers))


def test_files_that_do_not_exist_are_each_asked_for(server: FaultServer) -> None:
    gone = [server.on(f"/gone/{i}", refuse(404)) for i in range(100)]
    with Transfers(in_flight=4) as transfers:
        transfers.run(server.on("/a", Answer(BODY, etag='"1"')), *gone)
    assert asked(server, "/gone") == 100


# Other BaseURLs.


@pytest.mark.parametrize("answer", [refuse(503), refuse(429), Answer(drop="hang")])
def test_another_base_url_is_asked_at_once_during_an_outage(
    server: FaultServer, answer: Answer
) -> None:
    with (
        Moody(answer, after=5) as moody,
        Transfers(in_flight=4, retries=1, timeout_seconds=0.7) as transfers,
        at_most(6),
    ):
        transfers.run(
            *(
                Request((url, server.on(f"/{i}", Answer(BODY))))
                for i, url in enumerate(moody.files(100))
            )
        )
        assert not failed(transfers)
        assert len(moody.refused) < 20


def test_where_the_other_base_url_lacks_a_file_it_waits_for_the_first(server: FaultServer) -> None:
    with (
        Moody(refuse(503), after=5, seconds=1.5) as moody,
        Transfers(in_flight=4, retries=3, backoff_seconds=0.2) as transfers,
    ):
        transfers.run(
            *(
                Request((url, server.on(f"/{i}", refuse(404))))
                for i, url in enumerate(moody.files(60))
            )
        )
        assert not failed(transfers)


# Hosts that are not there.

UNREACHABLE: dict[str, Callable[[], str]] = {
    "refused": lambda: f"http://127.0.0.1:{closed_port()}",
    "unknown": lambda: "http://no-such-host.invalid",
}


@pytest.fixture(params=UNREACHABLE)
def nobody(request: pytest.FixtureRequest) -> str:
    return UNREACHABLE[request.param]()


def test_a_host_that_was_never_there_is_named_at_once(nobody: str) -> None:
    with Transfers(backoff_seconds=5.0) as transfers, at_most(3):
        error = transfers.fail(f"{nobody}/a")
        assert error.attempts == 1
        transfers.results.clear()
        transfers.run(*(f"{nobody}/{i}" for i in range(50)))
        assert len(failed(transfers)) == 50
        assert sum(each.requests for each in failed(transfers)) < 10
        assert len({each.message for each in failed(transfers)}) == 1


def test_retries_that_are_given_also_hold_for_a_host_that_was_never_there(nobody: str) -> None:
    with Transfers(retries=2) as transfers:
        assert transfers.fail(f"{nobody}/a").attempts == 3


def test_a_host_that_was_never_there_is_named_at_once_while_another_one_answers(
    server: FaultServer, nobody: str
) -> None:
    first = server.on("/x.mpd", Answer(BODY))
    with Transfers(backoff_seconds=5.0) as transfers, at_most(3):
        transfers.get(first)
        transfers.results.clear()
        transfers.run(*(f"{nobody}/{i}" for i in range(50)))
    assert len(failed(transfers)) == 50
    assert len(server.seen) == 2
    assert sum(each.requests for each in failed(transfers)) <= transfers.options.most_in_flight


def test_a_network_that_is_gone_is_waited_for(server: FaultServer) -> None:
    """The host of the manifest cannot be reached either: that is not the fault of the other."""
    first = server.on("/x.mpd", Answer(BODY))
    ports = server.port, closed_port()
    later: list[FaultServer] = []

    def again() -> None:
        for port in ports:
            later.append(Reopened(port))
            for i in range(20):
                later[-1].on(f"/{i}", Answer(BODY))
            later[-1].on("/x.mpd", Answer(BODY))
            later[-1].__enter__()

    with Transfers() as transfers:
        transfers.get(first)
        transfers.results.clear()
        server.__exit__()
        threading.Timer(1.0, again).start()
        transfers.run(*(f"http://127.0.0.1:{ports[1]}/{i}" for i in range(20)))
    for each in later:
        each.__exit__()
    assert len(transfers.results) == 20
    assert not failed(transfers)


# Heads come, and bodies do not.


@pytest.fixture(params=["close", "reset"])
def headless(request: pytest.FixtureRequest) -> Answer:
    return Answer(BODY, etag='"1"', cut=0, cut_by=request.param)


@pytest.mark.both_paths
def test_bodies_that_break_off_at_once_are_the_hosts_failure(headless: Answer) -> None:
    with (
        Moody(headless, after=50, seconds=1.2) as server,
        Transfers(in_flight=8, retries=3, backoff_seconds=0.2) as transfers,
    ):
        transfers.run(*server.files())
        assert not failed(transfers)
        assert len(transfers.results) == FILES
        assert len(server.refused) < 40


@pytest.mark.parametrize("validator", ['"1"', None])
def test_so_are_bodies_that_never_come_further_than_their_beginning(validator: str | None) -> None:
    # Without ranges, each attempt brings the same beginning.
    cut = Answer(BODY, etag=validator, cut=100, ranges=False)
    with (
        Moody(cut, after=50, seconds=1.2) as server,
        Transfers(in_flight=8, retries=3, backoff_seconds=0.2) as transfers,
    ):
        transfers.run(*server.files())
        assert not failed(transfers)
        # One more for each file, of which the beginning is new.
        assert len(server.refused) < 80


def test_a_host_whose_bodies_never_come_again_is_given_up(headless: Answer) -> None:
    with (
        Moody(headless, after=50) as server,
        Transfers(
            in_flight=4, retries=2, backoff_seconds=0.05, host_patience_seconds=1.0
        ) as transfers,
    ):
        transfers.run(*server.files())
        errors = failed(transfers)
        assert len(errors) == FILES - 50
        assert len(server.refused) < 40
        assert any("has failed for every file" in str(error) for error in errors)


def test_bodies_that_break_off_for_some_files_are_theirs() -> None:
    broken = Answer(BODY, etag='"1"', cut=0)

    def odd(seen: Seen) -> Answer | None:
        return broken if int(seen.path[1:]) % 4 == 0 else None

    with (
        Moody(broken, after=10**9, odd=odd) as server,
        Transfers(in_flight=8, retries=1, backoff_seconds=0.01) as transfers,
        at_most(20),
    ):
        transfers.run(*server.files())
        assert len(failed(transfers)) == FILES // 4


def test_bodies_of_all_that_is_left_may_be_broken_by_themselves() -> None:
    broken = Answer(BODY, etag='"1"', cut=0)

    def odd(seen: Seen) -> Answer | None:
        return broken if int(seen.path[1:]) >= 50 else None

    with (
        Moody(broken, after=10**9, odd=odd) as server,
        Transfers(in_flight=4, retries=1, backoff_seconds=0.01) as transfers,
        at_most(20),
    ):
        transfers.run(*server.files(100))
        assert len(failed(transfers)) == 50


def test_connections_that_break_after_some_kilobytes_bring_every_file() -> None:
    large = bytes(i % 251 for i in range(60_000))
    with (
        FaultServer() as server,
        Transfers(in_flight=4, retries=8, backoff_seconds=0.01) as transfers,
        at_most(30),
    ):
        urls = [server.on(f"/{i}", Answer(large, etag='"1"', cut=9_000)) for i in range(12)]
        transfers.run(*urls)
        assert not failed(transfers)
