"""What is tried again, when, and where else."""

from __future__ import annotations

import socket
import threading
import time

import pytest

from dashget.errors import Retry
from dashget.transfer.contract import Fetched, Job, Request, TransferError
from tests.support.faultserver import Answer, FaultServer, http_date, refuse
from tests.support.sinks import Transfers

pytestmark = pytest.mark.both_paths

BODY = bytes(i * 7 % 251 for i in range(50_000))


def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504, 520])
def test_temporary_failures_are_tried_again(server: FaultServer, status: int) -> None:
    url = server.on("/a", refuse(status), refuse(status), Answer(BODY))
    with Transfers() as transfers:
        fetched, data = transfers.get(url)
    assert data == BODY
    assert fetched.attempts == 3
    assert [attempt for _, attempt, _, _ in transfers.log.retries] == [1, 2]
    assert transfers.log.retries[0][3].startswith(f"HTTP {status}")


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 451, 501])
def test_permanent_failures_are_not_tried_again(server: FaultServer, status: int) -> None:
    url = server.on("/a", refuse(status))
    with Transfers() as transfers:
        error = transfers.fail(url)
    assert (error.status, error.attempts, len(server.seen)) == (status, 1, 1)
    assert not transfers.log.retries


def test_retries_are_counted_per_file(server: FaultServer) -> None:
    url = server.on("/a", refuse(500))
    with Transfers(retries=2) as transfers:
        error = transfers.fail(url)
    assert (error.attempts, len(server.seen)) == (3, 3)
    assert str(error) == "HTTP 500 Internal Server Error"


def test_the_retries_of_a_whole_run_are_limited(server: FaultServer) -> None:
    urls = [server.on(f"/{i}", refuse(500)) for i in range(10)]
    with Transfers(run_retries=7) as transfers:
        transfers.run(*urls)
    assert len(transfers.results) == 10
    assert len(server.seen) == 17


def test_pauses_grow_with_full_jitter(server: FaultServer) -> None:
    from dashget.transfer.run.retry import backoff_seconds
    from dashget.transfer.settings.options import TransferOptions

    options = TransferOptions(backoff_seconds=0.5, backoff_limit_seconds=3.0)
    longest = [backoff_seconds(n, options, lambda: 1.0) for n in range(1, 6)]
    assert longest == [0.5, 1.0, 2.0, 3.0, 3.0]
    assert backoff_seconds(3, options, lambda: 0.25) == 0.5


@pytest.mark.parametrize("how", ["close", "reset"])
def test_dropped_connections_are_tried_again(server: FaultServer, how: str) -> None:
    url = server.on("/a", Answer(drop=how), Answer(BODY))
    with Transfers() as transfers:
        assert transfers.get(url)[1] == BODY


def test_a_reset_in_mid_body_goes_on_at_its_byte(server: FaultServer) -> None:
    first = Answer(BODY, etag='"1"', cut=20_000, cut_by="reset")
    url = server.on("/a", first, Answer(BODY, etag='"1"'))
    with Transfers() as transfers:
        assert transfers.get(url)[1] == BODY


def test_a_connection_closed_between_requests_is_not_an_error(server: FaultServer) -> None:
    urls = [server.on(f"/{i}", Answer(BODY, then_close=True)) for i in range(20)]
    with Transfers(in_flight=1) as transfers:
        transfers.run(*urls)
    assert all(not isinstance(r, TransferError) for r in transfers.results.values())


def test_a_stall_is_noticed_and_the_connection_replaced(server: FaultServer) -> None:
    stalled = Answer(BODY, etag='"1"', cut=20_000, cut_by="hang")
    url = server.on("/a", stalled, Answer(BODY, etag='"1"'))
    with Transfers(timeout_seconds=0.3) as transfers:
        fetched, data = transfers.get(url)
    assert data == BODY
    assert transfers.log.retries[0][3] == "timed out: no data for 0.3 s"
    assert len({seen.connection for seen in server.seen}) == 2
    assert fetched.transferred == len(BODY)


def test_a_server_that_never_answers_times_out(server: FaultServer) -> None:
    url = server.on("/a", Answer(drop="hang"))
    with Transfers(timeout_seconds=0.2, retries=1) as transfers:
        error = transfers.fail(url)
    assert str(error) == "timed out: no data for 0.2 s"
    assert error.attempts == 2


def test_a_slow_transfer_is_not_a_stalled_one(server: FaultServer) -> None:
    url = server.on("/a", Answer(BODY, drip=(10_000, 0.15)))
    with Transfers(timeout_seconds=0.4) as transfers:
        fetched, _ = transfers.get(url)
    assert fetched.attempts == 1
    assert fetched.seconds > 0.4


def test_an_error_says_that_the_connection_was_refused() -> None:
    with Transfers(retries=1) as transfers:
        error = transfers.fail(f"http://127.0.0.1:{closed_port()}/a")
    assert (str(error), error.attempts, error.retry) == ("connection refused", 2, Retry.AGAIN)


def test_progress_is_worth_another_attempt(server: FaultServer) -> None:
    body = bytes(2_000_000)
    cuts = [Answer(body, etag='"1"', cut=300_000) for _ in range(6)]
    url = server.on("/a", *cuts, Answer(body, etag='"1"'))
    with Transfers(retries=1) as transfers:
        fetched, data = transfers.get(url)
    assert data == body
    assert fetched.attempts == 7


@pytest.mark.parametrize("form", ["seconds", "date"])
def test_retry_after_is_obeyed(server: FaultServer, form: str) -> None:
    value = "1" if form == "seconds" else http_date(time.time() + 2)
    url = server.on("/a", refuse(503, Retry_After=value), Answer(BODY))
    started = time.monotonic()
    with Transfers() as transfers:
        transfers.get(url)
    waited = time.monotonic() - started
    assert 0.9 < waited < 3
    assert transfers.log.retries[0][2] == pytest.approx(waited, abs=0.5)


def test_retry_after_holds_that_host_back_and_no_other(server: FaultServer) -> None:
    with FaultServer() as other:
        slow = server.on("/slow", refuse(429, Retry_After="1"), Answer(BODY))
        same_host = [server.on(f"/{i}", Answer(BODY)) for i in range(5)]
        elsewhere = [other.on(f"/{i}", Answer(BODY)) for i in range(5)]
        with Transfers(in_flight=1) as transfers:
            transfers.run(slow, *same_host, *elsewhere)
        order = list(transfers.results)
        assert set(order[:5]) == set(elsewhere)
        assert set(order[5:]) == {slow, *same_host}


def test_a_base_url_whose_host_asked_for_a_pause_is_passed_over(server: FaultServer) -> None:
    with FaultServer() as other:
        first = server.on("/first", refuse(503, Retry_After="60"), Answer(BODY))
        rest = [
            Request((server.on(f"/{i}", Answer(BODY)), other.on(f"/{i}", Answer(BODY))))
            for i in range(10)
        ]
        with Transfers(in_flight=1) as transfers:
            transfers.run(Request((first, other.on("/first", Answer(BODY)))), *rest)
        assert not any(isinstance(r, TransferError) for r in transfers.results.values())
        assert len(server.seen) == 1


def test_a_pause_that_is_too_long_is_an_error(server: FaultServer) -> None:
    url = server.on("/a", refuse(503, Retry_After="7200"))
    with Transfers() as transfers:
        error = transfers.fail(url)
    assert str(error) == "HTTP 503 Service Unavailable, to be asked again in 7200 s"


@pytest.mark.parametrize(
    "status", [403, 409, 413, 418, 420, 423, 430, 440, 449, 498, 499, 508, 509]
)
def test_a_refusal_with_retry_after_is_a_pause(server: FaultServer, status: int) -> None:
    url = server.on("/a", refuse(status, Retry_After="1"), Answer(BODY))
    with Transfers() as transfers:
        assert transfers.get(url)[1] == BODY
        assert transfers.log.retries[0][2] >= 0.9
    server.on("/a", refuse(status, Retry_After="7200"))
    with Transfers() as transfers:
        error = transfers.fail(url)
    assert str(error).endswith(", to be asked again in 7200 s")
    assert error.retry_after_seconds == 7200
    server.on("/a", refuse(status, Retry_After="soon"), Answer(BODY))
    with Transfers(retries=0) as transfers:
        assert transfers.fail(url).retry_after_seconds is None


@pytest.mark.parametrize(
    "status",
    [
        *(400, 401, 402, 404, 405, 406, 410, 411, 412, 414, 415, 417, 421, 422, 424, 426, 428),
        *(431, 451, 501, 505, 511),
    ],
)
def test_no_pause_changes_what_a_request_is_or_names(server: FaultServer, status: int) -> None:
    url = server.on("/a", refuse(status, Retry_After="60"), Answer(BODY))
    with Transfers() as transfers:
        assert transfers.fail(url).status == status
    assert len(server.asked("/a")) == 1


def test_a_redirect_with_retry_after_is_followed_at_once(server: FaultServer) -> None:
    moved = Answer(
        status=302, headers=(("Location", server.on("/b", Answer(BODY))), ("Retry-After", "60"))
    )
    with Transfers() as transfers:
        assert transfers.get(server.on("/a", moved))[1] == BODY
    assert not transfers.log.retries


def test_the_next_base_is_tried_after_a_final_answer(server: FaultServer) -> None:
    first = server.on("/one/a", refuse(404))
    second = server.on("/two/a", Answer(BODY))
    with Transfers() as transfers:
        fetched, data = transfers.get(first, second)
    assert data == BODY
    assert (fetched.url, fetched.attempts) == (second, 2)
    assert transfers.log.retries == [(second, 1, 0.0, "HTTP 404 Not Found")]


def test_all_bases_are_tried_until_their_attempts_are_used_up(server: FaultServer) -> None:
    urls = [server.on(f"/{i}/a", refuse(500)) for i in range(3)]
    with Transfers(retries=3) as transfers:
        error = transfers.fail(*urls)
    assert [len(server.asked(f"/{i}/a")) for i in range(3)] == [4, 4, 4]
    assert [url for url, _ in error.tried] == urls


def test_bytes_of_one_base_are_not_continued_with_those_of_another(server: FaultServer) -> None:
    first = server.on("/one/a", Answer(BODY, etag='"1"', cut=9_000), refuse(404))
    second = server.on("/two/a", Answer(bytes(len(BODY)), etag='"1"'))
    with Transfers() as transfers:
        assert transfers.get(first, second)[1] == bytes(len(BODY))
    assert "range" not in server.asked("/two/a")[0].headers


def test_a_base_url_that_is_down_is_not_asked_for_a_while(server: FaultServer) -> None:
    dead = f"http://127.0.0.1:{closed_port()}"
    requests = [Request((f"{dead}/{i}", server.on(f"/{i}", Answer(BODY)))) for i in range(50)]
    with Transfers(in_flight=1) as transfers:
        transfers.run(*requests)
    assert all(not isinstance(r, TransferError) for r in transfers.results.values())
    assert len(transfers.log.retries) <= 2


def test_a_base_url_without_any_of_the_files_is_no_longer_asked(server: FaultServer) -> None:
    requests = [
        Request((server.url(f"/gone/{i}"), server.on(f"/here/{i}", Answer(BODY))))
        for i in range(50)
    ]
    with Transfers(in_flight=1) as transfers:
        transfers.run(*requests)
    assert len([seen for seen in server.seen if seen.path.startswith("/gone")]) == 3


def test_a_base_url_without_one_of_the_files_is_asked_for_the_others(server: FaultServer) -> None:
    requests = [
        Request((server.on(f"/one/{i}", refuse(404) if i % 4 == 0 else Answer(BODY)),
                 server.on(f"/two/{i}", Answer(BODY))))
        for i in range(40)
    ]  # fmt: skip
    with Transfers(in_flight=1) as transfers:
        transfers.run(*requests)
    assert len([seen for seen in server.seen if seen.path.startswith("/two")]) == 10


def test_a_restart_is_counted_and_reported(server: FaultServer) -> None:
    """The resource changes while it comes: what has come is dropped, and that is no secret."""
    url = server.on("/a", Answer(BODY * 3, etag='"1"', cut=90_000), Answer(BODY * 2, etag='"2"'))
    with Transfers() as transfers:
        fetched, data = transfers.get(url)
    assert data == BODY * 2
    assert fetched.attempts == fetched.requests == 2
    assert len(transfers.log.retries) == fetched.attempts - 1
    assert transfers.log.anew == [(url, 90_000, "the resource has changed")]


@pytest.mark.parametrize("begun", [True, False])
def test_a_pause_of_an_hour_for_one_file_makes_no_other_file_wait(
    server: FaultServer, begun: bool
) -> None:
    """What has begun goes on; what has not fails at once, and does not hang with all the run."""
    told = threading.Event()
    broken = Answer(BODY, etag='"1"', cut=20_000, hold=told)
    held = Answer(drop="close", hold=told)
    url = server.on("/a", broken if begun else held, Answer(BODY, etag='"1"'))
    busy = server.on("/b", refuse(429, Retry_After="3600"))

    class Telling(Transfers):
        def done(self, job: Job, result: Fetched | TransferError) -> None:
            super().done(job, result)
            if job.payload == busy:
                told.set()

    with Telling(in_flight=2) as transfers:
        watch = threading.Timer(30, transfers.engine.cancel)
        watch.start()
        transfers.run(url, busy)
        watch.cancel()
    assert max(delay for _, _, delay, _ in transfers.log.retries) < 1
    result = transfers.results[url]
    assert (not isinstance(result, TransferError)) is begun
    assert "stopped" not in str(result)


def test_bytes_that_a_server_without_ranges_sends_again_are_reported(server: FaultServer) -> None:
    known = {"etag": '"1"', "ranges": False}
    url = server.on("/a", Answer(BODY, cut=30_000, **known), Answer(BODY, **known))  # type: ignore[arg-type]  # fields of one class
    with Transfers() as transfers:
        assert transfers.get(url)[1] == BODY
    reason = "the server ignores byte ranges (200 to a range request)"
    assert transfers.log.anew == [(url, 30_000, reason)]
