"""HTTP/2: what the engine makes of streams and connections that are broken off."""

from __future__ import annotations

import threading

import pytest

from dashget.transfer.contract import TransferError
from dashget.transfer.pacing import concurrency as limits
from dashget.transfer.settings.options import HttpVersion
from tests.support.certificates import Authority
from tests.support.faultserver import Answer, FaultServer, Seen
from tests.support.h2server import (
    ENHANCE_YOUR_CALM,
    INTERNAL_ERROR,
    NO_ERROR,
    REFUSED_STREAM,
    H2Server,
    Step,
)
from tests.support.sinks import Transfers

BODY = bytes(i * 7 % 251 for i in range(10_000))


def test_http_2_is_negotiated(authority: Authority) -> None:
    with H2Server(authority.server(), Step(BODY)) as server:
        with Transfers(cacert=authority.certificate) as transfers:
            fetched, data = transfers.get(server.url("/a"))
        assert data == BODY
        assert fetched.head.http_version == "2"
        assert fetched.size == len(BODY)


def test_http_1_1_is_spoken_where_the_server_knows_no_other(authority: Authority) -> None:
    with FaultServer(tls=authority.server()) as server:
        url = server.on("/a", Answer(BODY))
        with Transfers(cacert=authority.certificate, http=HttpVersion.HTTP_2) as transfers:
            fetched, _ = transfers.get(url)
        assert fetched.head.http_version == "1.1"


class Waiting(H2Server):
    """Answers nothing before so many requests have come, so that all of them are in flight."""

    def __init__(self, authority: Authority, all_here: int) -> None:
        super().__init__(authority.server())
        self._all_here = all_here
        self._hold = threading.Event()

    def _choose(self, seen: Seen) -> Step:
        if self.requests >= self._all_here:
            self._hold.set()
        return Step(BODY, hold=self._hold)


@pytest.mark.both_paths
@pytest.mark.parametrize(
    ("in_flight", "connections", "each"),
    [(1, 1, 1), (4, 4, 1), (16, 16, 1), (17, 16, 2), (32, 16, 2)],
)
def test_streams_share_connections_when_there_are_more_than_sixteen(
    authority: Authority, in_flight: int, connections: int, each: int
) -> None:
    """Up to there each has its own: one connection is bound by its one congestion window."""
    with Waiting(authority, in_flight) as server:
        urls = [server.url(f"/a?{i}") for i in range(3 * in_flight)]
        with Transfers(
            cacert=authority.certificate, in_flight=in_flight, loops=1, timeout_seconds=30
        ) as transfers:
            transfers.run(*urls)
        assert [bytes(transfers.sinks[url].data) for url in urls] == [BODY] * len(urls)
        assert server.requests == len(urls)
        assert server.connections == connections
        assert server.most_at_once == each


class Crowded(H2Server):
    """Answers the first request, and holds all others until 40 are in flight."""

    def __init__(self, authority: Authority) -> None:
        super().__init__(authority.server())
        self._hold = threading.Event()

    def _choose(self, seen: Seen) -> Step:
        if self.requests == 1:
            return Step(BODY)
        if self.requests > 40:
            self._hold.set()
        return Step(BODY, hold=self._hold)


@pytest.mark.both_paths
def test_auto_makes_more_than_16_requests_where_they_share_16_connections(
    authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "_FIRST_LIMIT", 64)
    options = {"in_flight": "auto", "loops": 1, "timeout_seconds": 30, "overtake_seconds": 60}
    with Crowded(authority) as server:
        urls = [server.url(f"/a?{i}") for i in range(120)]
        with Transfers(cacert=authority.certificate, **options) as transfers:
            transfers.run(urls[0])
            transfers.run(*urls[1:])
        assert [bytes(transfers.sinks[url].data) for url in urls] == [BODY] * len(urls)
        assert server.requests == len(urls)
        assert 1 < server.connections <= 16
        assert server.most_at_once > 1


@pytest.mark.both_paths
@pytest.mark.parametrize(
    "fault",
    [
        Step(BODY, upto=4000, reset=INTERNAL_ERROR),
        Step(BODY, upto=4000, reset=NO_ERROR),
        Step(BODY, reset=REFUSED_STREAM, head=False),
        Step(BODY, reset=ENHANCE_YOUR_CALM, head=False),
        Step(BODY, upto=4000, goaway=INTERNAL_ERROR),
        Step(BODY, goaway=NO_ERROR, head=False, disowned=True),
        Step(BODY, goaway=ENHANCE_YOUR_CALM, head=False),
        Step(BODY, upto=4000),
    ],
    ids=["rst", "rst-no-error", "refused", "calm", "goaway", "disowned", "goaway-calm", "closed"],
)
def test_a_stream_that_is_broken_off_is_tried_again(authority: Authority, fault: Step) -> None:
    with H2Server(authority.server(), fault, fault, Step(BODY)) as server:
        with Transfers(cacert=authority.certificate) as transfers:
            fetched, data = transfers.get(server.url("/a"))
        assert data == BODY
        assert fetched.size == len(BODY)
        assert server.requests == 3
        assert all("libcurl" not in reason for _, _, _, reason in transfers.log.retries)


@pytest.mark.both_paths
def test_other_streams_survive_a_goaway(authority: Authority) -> None:
    steps = [Step(BODY)] * 20 + [Step(BODY, goaway=NO_ERROR, head=False, disowned=True)]
    with H2Server(authority.server(), *steps, *steps, Step(BODY)) as server:
        urls = [server.url(f"/a?{i}") for i in range(60)]
        with Transfers(cacert=authority.certificate) as transfers:
            transfers.run(*urls)
        assert not any(isinstance(r, TransferError) for r in transfers.results.values())
        assert [bytes(transfers.sinks[url].data) for url in urls] == [BODY] * 60


@pytest.mark.slow
@pytest.mark.both_paths
@pytest.mark.parametrize("in_flight", [1, 4, 12])
def test_a_connection_that_has_gone_silent_is_not_taken_again(
    authority: Authority, in_flight: int
) -> None:
    """To take a request off it resets a stream only: all others would wait there, too."""
    with H2Server(authority.server(), Step(BODY, mute=True), Step(BODY)) as server:
        urls = [server.url(f"/a?{i}") for i in range(20)]
        options = {"timeout_seconds": 1.0, "in_flight": in_flight, "loops": 1}
        with Transfers(cacert=authority.certificate, http=HttpVersion.HTTP_2, **options) as made:
            made.run(*urls)
        assert [bytes(made.sinks[url].data) for url in urls] == [BODY] * 20
        assert 2 <= server.connections <= 2 * in_flight + 2
