"""Saved redirects: for a request that waits at their target, and for ranges."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from typing import Any

import pytest

from dashget.transfer.contract import Fetched, TransferError
from tests.support.crowd import PATIENT, Crowd
from tests.support.faultserver import Answer, FaultServer, Seen, redirect, refuse
from tests.support.sinks import Transfers

KIB = 1024
BODY = b"0123456789" * 200
LARGE = bytes(range(256)) * 4 * KIB
"""In 16 ranges of 64 KiB."""
GOOD = Answer(LARGE, etag='"1"')
RANGED: dict[str, Any] = {
    "range_threshold": 512 * KIB, "range_size": 64 * KIB, "in_flight": 2, "loops": 1, **PATIENT
}  # fmt: skip


class Cdn(FaultServer):
    """Sends the first part of a large file that is asked for whole, and the rest later.

    That is when four ranges of it have been asked for, by the one other transfer that there is.
    """

    ranges_first = 4

    def _send_body(self, connection: socket.socket, body: bytes, answer: Answer) -> bool:
        if len(body) < len(LARGE):
            return super()._send_body(connection, body, answer)
        connection.sendall(body[: 64 * KIB])
        while sum("range" in seen.headers for seen in self.seen) < self.ranges_first:
            if self._stopping.wait(0.01):
                return False
        connection.sendall(body[64 * KIB :])
        return True


@pytest.fixture
def cdn() -> Iterator[Cdn]:
    with Cdn() as running:
        yield running


class Skewed:
    """Transfers whose clock can be put forward."""

    def __init__(self, **options: Any) -> None:
        self.seconds = 0.0
        self.transfers = Transfers(**{"loops": 1, **PATIENT, **options})
        self.transfers.renew(clock=lambda: time.monotonic() + self.seconds)


# A request that waits.


class Waiting:
    """Two hosts with two files each, all of which lead to one host that has room for two.

    ``full`` is called when two are there, and the other two have to wait.
    """

    def __init__(self, server: FaultServer, other: FaultServer, cdn: FaultServer) -> None:
        self.hosts, self.cdn = (server, other), cdn
        self.crowd = Crowd(2, passing=0)
        self.all_asked = Crowd(4, passing=0, rounds_of=4)
        self.urls = [self._url(i) for i in range(4)]

    def _url(self, i: int) -> str:
        target = self.cdn.on(f"/{i}", Answer(BODY, note=self.crowd.arrive))
        anew = redirect(self.cdn.on(f"/anew/{i}", Answer(BODY)))
        first = Answer(status=302, headers=(("Location", target),), note=self.all_asked.arrive)
        return self.hosts[i % 2].on(f"/{i}", first, anew)

    @property
    def asked(self) -> int:
        return sum(len(host.seen) for host in self.hosts)

    def run(self, full: Any = None, **options: Any) -> Transfers:
        """Fetch all four."""
        skewed = Skewed(max_per_host=2, in_flight=4, **options)
        with skewed.transfers as transfers:

            def look(reading: Any) -> None:
                if reading.in_flight == self.crowd.here == 2 and self.crowd.count == 2 and full:
                    full(skewed)
                self.crowd.look(reading)

            transfers.log.on_tick = look  # type: ignore[method-assign]  # in place of a log
            transfers.run(*self.urls)
        return transfers

    def refuse(self, status: int) -> None:
        """Have those that wait refused: their signed URLs hold no longer."""
        there = {seen.path for seen in self.cdn.seen}
        for i in range(4):
            if f"/{i}" not in there:
                self.cdn.on(f"/{i}", refuse(status))


@pytest.fixture
def four(server: FaultServer, cdn: FaultServer) -> Iterator[Waiting]:
    with FaultServer() as other:
        yield Waiting(server, other, cdn)


def fetched(transfers: Transfers) -> int:
    return sum(isinstance(result, Fetched) for result in transfers.results.values())


@pytest.mark.parametrize(("seconds", "asked"), [(0, 4), (50, 4), (61, 6)])
def test_a_request_that_waits_keeps_its_redirect_for_a_minute(
    four: Waiting, seconds: int, asked: int
) -> None:
    def full(skewed: Skewed) -> None:
        skewed.seconds = seconds

    transfers = four.run(full)
    assert fetched(transfers) == 4
    assert four.crowd.most == 2
    assert (four.asked, len(four.cdn.seen)) == (asked, 4)
    assert sum("anew" in seen.path for seen in four.cdn.seen) == asked - 4


@pytest.mark.parametrize("status", [401, 403, 404, 410])
def test_a_request_that_waited_too_long_for_a_signed_url_starts_with_its_own_url(
    four: Waiting, status: int
) -> None:
    transfers = four.run(lambda _: four.refuse(status), retries=0)
    assert fetched(transfers) == 4
    assert (four.asked, len(four.cdn.seen)) == (6, 6)
    assert [(delay, f"HTTP {status}" in why) for _, _, delay, why in transfers.log.retries] == [
        (0.0, True)
    ] * 2


def test_a_request_that_waited_and_is_refused_twice_fails(four: Waiting) -> None:
    for i in range(4):
        four.cdn.on(f"/anew/{i}", refuse(403))
    transfers = four.run(lambda _: four.refuse(403))
    assert fetched(transfers) == 2
    assert (four.asked, len(four.cdn.seen)) == (6, 6)


def test_a_request_that_fails_temporarily_is_redirected_again(four: Waiting) -> None:
    """It may be led to another node, and it is a failure like any other."""
    transfers = four.run(lambda _: four.refuse(500))
    assert fetched(transfers) == 4
    assert (four.asked, len(four.cdn.seen)) == (6, 6)
    assert sorted(
        result.attempts for result in transfers.results.values() if isinstance(result, Fetched)
    ) == [1, 1, 2, 2]


@pytest.mark.parametrize(("pause", "asked"), [(20, 1), (100, 2)])
def test_requests_wait_at_the_redirect_target_that_asked_for_a_pause(
    server: FaultServer, cdn: FaultServer, pause: int, asked: int
) -> None:
    busy = cdn.on("/0", refuse(503, Retry_After=str(pause)), Answer(BODY))
    targets = [busy, *(cdn.on(f"/{i}", Answer(BODY)) for i in range(1, 6))]
    urls = [server.on(f"/{i}", redirect(target)) for i, target in enumerate(targets)]
    with FaultServer() as other:
        skewed = Skewed(in_flight=1)

        def pass_time(seen: Seen) -> None:
            assert len(cdn.seen) == 1
            skewed.seconds = pause + 1.0

        with skewed.transfers as transfers:
            transfers.run(*urls, other.on("/a", Answer(BODY, note=pass_time)))
    assert fetched(transfers) == 7
    assert [len(server.asked(f"/{i}")) for i in range(6)] == [2] + [asked] * 5


# The ranges of a file.


def moved(to: str, control: str | None = None, status: int = 302) -> Answer:
    headers = (("Location", to), *([("Cache-Control", control)] if control else []))
    return Answer(status=status, headers=headers)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("control", [None, "max-age=60", "private"])
def test_the_ranges_of_a_file_follow_the_redirect_of_the_first_one(
    server: FaultServer, cdn: FaultServer, control: str | None, status: int
) -> None:
    url = server.on("/a", moved(cdn.on("/a", GOOD), control, status))
    with Transfers(**RANGED) as transfers:
        got, data = transfers.get(url)
    assert data == LARGE
    assert len(cdn.seen) > 4
    assert (len(server.seen), got.attempts) == (1, 1)


@pytest.mark.parametrize("control", ["no-store", "max-age=0", "private, no-cache"])
def test_a_redirect_that_is_not_to_be_kept_is_asked_for_with_each_range(
    server: FaultServer, cdn: FaultServer, control: str
) -> None:
    url = server.on("/a", moved(cdn.on("/a", GOOD), control))
    with Transfers(**RANGED) as transfers:
        assert transfers.get(url)[1] == LARGE
    assert len(cdn.seen) > 4
    # The last one may be broken off on its way: all has come.
    assert len(server.seen) - len(cdn.seen) in (0, 1)


def test_a_redirect_that_has_expired_is_asked_for_with_each_range(
    server: FaultServer, cdn: FaultServer
) -> None:
    expired = (("Location", cdn.on("/a", GOOD)), ("Expires", "0"))
    url = server.on("/a", Answer(status=301, headers=expired))
    with Transfers(**RANGED) as transfers:
        assert transfers.get(url)[1] == LARGE
    assert len(cdn.seen) > 4
    assert len(server.seen) - len(cdn.seen) in (0, 1)


@pytest.mark.parametrize(
    ("control", "status", "seconds", "asked"),
    [
        (None, 302, 50, 1),
        (None, 302, 61, 2),
        (None, 308, 9999, 1),
        ("max-age=600", 302, 590, 1),
        ("max-age=600", 308, 601, 2),
    ],
)
def test_a_redirect_is_kept_for_ranges_as_long_as_it_holds(
    server: FaultServer,
    cdn: FaultServer,
    control: str | None,
    status: int,
    seconds: int,
    asked: int,
) -> None:
    skewed = Skewed(**{**RANGED, "timeout_seconds": 86_400.0, "overtake_seconds": 86_400.0})

    def later(seen: Seen) -> None:
        skewed.seconds = seconds

    first, second = GOOD, Answer(LARGE, etag='"1"', note=later)
    url = server.on("/a", moved(cdn.on("/a", first, second, GOOD), control, status))
    with skewed.transfers as transfers:
        assert transfers.get(url)[1] == LARGE
    assert len(cdn.seen) > 3
    assert len(server.seen) == asked


@pytest.mark.parametrize("status", [401, 403, 404, 410])
def test_ranges_start_with_their_own_url_when_a_signed_one_has_expired(
    server: FaultServer, cdn: FaultServer, status: int
) -> None:
    old, new = cdn.on("/old", GOOD, GOOD, refuse(status)), cdn.on("/new", GOOD)
    url = server.on("/a", redirect(old), redirect(new))
    with Transfers(retries=0, **RANGED) as transfers:
        got, data = transfers.get(url)
    assert data == LARGE
    assert len(cdn.asked("/old")) == 3
    assert cdn.asked("/new")
    assert len(server.seen) - 1 - len(cdn.asked("/new")) in (0, 1)
    assert [offset for _, offset in transfers.sinks[url].begun] == [0], "begun anew"
    assert (got.attempts, len(transfers.log.retries)) == (2, 1)


def test_after_a_temporary_failure_ranges_are_redirected_again(
    server: FaultServer, cdn: FaultServer
) -> None:
    old, new = cdn.on("/old", GOOD, GOOD, refuse(500), GOOD), cdn.on("/new", GOOD)
    url = server.on("/a", redirect(old), redirect(new))
    with Transfers(backoff_seconds=0.0, **RANGED) as transfers:
        got, data = transfers.get(url)
    assert data == LARGE
    assert (len(cdn.asked("/old")), len(server.seen), got.attempts) == (3, 2, 2)
    assert len(cdn.asked("/new")) > 1


def test_ranges_that_are_refused_everywhere_fail(server: FaultServer, cdn: Cdn) -> None:
    cdn.ranges_first = 3
    url = server.on("/a", redirect(cdn.on("/a", GOOD, GOOD, refuse(403))))
    with Transfers(**RANGED) as transfers:
        error = transfers.fail(url)
    assert isinstance(error, TransferError)
    assert error.status == 403
    # One range came, and four requests for the next are refused: at the saved URL, at the task's
    # own, and two that nothing else is under way with. Then one for all of it.
    assert [seen.headers.get("range") for seen in cdn.seen[-5:]] == [
        *["bytes=131072-196607"] * 4,
        None,
    ]
    assert (len(server.seen), len(cdn.seen)) == (5, 7)


def test_a_saved_redirect_that_asks_for_a_new_signature_is_not_a_loop(
    server: FaultServer, cdn: FaultServer
) -> None:
    back = redirect(server.url("/a"))
    old, new = cdn.on("/old", GOOD, GOOD, back), cdn.on("/new", GOOD)
    url = server.on("/a", redirect(old), redirect(new))
    with Transfers(retries=0, **RANGED) as transfers:
        assert transfers.get(url)[1] == LARGE
    assert len(cdn.asked("/old")) == 3
