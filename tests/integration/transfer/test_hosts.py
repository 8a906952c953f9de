"""Number of requests that one host has at once, wherever they come from."""

from __future__ import annotations

import errno
import itertools
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from dashget.transfer.contract import Fetched, Method, Request, TransferError
from dashget.transfer.curl.slot import Slot
from dashget.transfer.engine import Engine
from dashget.transfer.http.guard import Guard
from dashget.transfer.http.origin import Origin
from dashget.transfer.pacing import concurrency as limits
from dashget.transfer.settings.options import TransferOptions
from tests.support import program
from tests.support.builders import mpd
from tests.support.crowd import PATIENT, Crowd
from tests.support.faultserver import Answer, FaultServer, Seen, redirect, refuse
from tests.support.sinks import Log, Transfers

KIB = 1024
BODY = b"0123456789" * 200
LARGE = bytes(range(256)) * 16 * KIB
"""In 64 ranges of 64 KiB."""
SIXTEEN = (15, 16)
"""At a tick between two requests, ``-t auto`` takes one less for all that a host is to have."""
RANGED = {"range_threshold": KIB * KIB, "range_size": 64 * KIB}


@pytest.fixture
def wide(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Have ``-t auto`` begin with what it may come to by measuring: 64 transfers."""
    monkeypatch.setattr(limits, "_FIRST_LIMIT", 64)
    return {"in_flight": "auto", **PATIENT}


def whole(transfers: Transfers, urls: list[str], body: bytes = BODY) -> None:
    """Check that all of them have come."""
    assert {url: type(result) for url, result in transfers.results.items()} == dict.fromkeys(
        urls, Fetched
    )
    assert all(transfers.sinks[url].data == body for url in urls)


class Ranged(FaultServer):
    """Holds the first transfer of a file back until the ranges of others have been accepted.

    Else their claims might be taken back, and their connections closed: what the server still
    has of them would count.
    """

    def __init__(self, crowd: Crowd, **options: Any) -> None:
        super().__init__(**options)
        self._crowd = crowd

    def _send_body(self, connection: socket.socket, body: bytes, answer: Answer) -> bool:
        if len(body) < len(LARGE):
            return super()._send_body(connection, body, answer)
        connection.sendall(body[: 64 * KIB])
        crowd = self._crowd
        with crowd._changed:
            while crowd.count < 20 and crowd.most <= 16:
                crowd.stay()
        connection.sendall(body[64 * KIB :])
        return True


# Where nothing redirects.


@pytest.mark.both_paths
@pytest.mark.parametrize("loops", [1, 2])
def test_auto_never_has_more_than_16_files_of_one_host_in_flight(
    server: FaultServer, wide: dict[str, Any], loops: int
) -> None:
    crowd = Crowd()
    urls = [server.on(f"/{i}", Answer(BODY, note=crowd.arrive)) for i in range(100)]
    with Transfers(loops=loops, **wide) as transfers:
        crowd.watch(transfers)
        transfers.run(*urls)
    whole(transfers, urls)
    assert crowd.most in SIXTEEN
    assert (server.most_at_once <= 16, len(server.seen)) == (True, 100)


@pytest.mark.parametrize("loops", [1, 2])
def test_auto_never_has_more_than_16_ranges_of_one_host_in_flight(
    wide: dict[str, Any], loops: int
) -> None:
    crowd = Crowd()
    with Ranged(crowd) as server, Transfers(loops=loops, **wide, **RANGED) as transfers:
        url = server.on("/a", Answer(LARGE, etag='"1"', note=crowd.arrive))
        crowd.watch(transfers)
        transfers.run(url)
    whole(transfers, [url], LARGE)
    assert 8 < crowd.most <= 16
    # The first one is broken off at its end: the server may see that late.
    assert server.most_at_once <= 17


class Distant(FaultServer):
    """Pauses in each answer, as for a round trip; refuses what is more than ``most`` at once."""

    def __init__(self, most: int = 1000) -> None:
        super().__init__()
        self._most = most
        self._working = 0
        self.at_once: list[int] = []
        self.refused = 0

    def _choose(self, seen: Seen) -> Answer:
        self._working += 1
        self.at_once.append(self._working)
        if self._working > self._most:
            self.refused += 1
            return refuse(503)
        return super()._choose(seen)

    def _send_body(self, connection: socket.socket, body: bytes, answer: Answer) -> bool:
        if answer.status == 200:
            self._stopping.wait(0.15)
        with self._lock:
            self._working -= 1
        return super()._send_body(connection, body, answer)


@pytest.fixture
def distant(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Have every connection take 150 ms to open, as far as is known, and any rate be a gain."""
    monkeypatch.setattr(limits, "_GAIN", 0.0)
    monkeypatch.setattr(Slot, "round_trip_seconds", lambda slot: 0.15)
    return [f"/{i}" for i in range(500)]


FAR: dict[str, Any] = {
    "in_flight": "auto",
    "loops": 1,
    "overtake_seconds": 30.0,
    "backoff_seconds": 0.2,
    "retries": 20,
}


def test_a_host_far_away_gets_more_than_16_short_requests(distant: list[str]) -> None:
    with Distant() as server, Transfers(**FAR) as transfers:
        urls = [server.on(path, Answer(BODY)) for path in distant]
        transfers.run(*urls)
    whole(transfers, urls)
    assert 16 < max(server.at_once) <= 48


def test_a_host_that_refuses_more_gets_16_again(distant: list[str]) -> None:
    with Distant(most=20) as server, Transfers(**FAR) as transfers:
        urls = [server.on(path, Answer(BODY)) for path in distant]
        transfers.run(*urls)
    whole(transfers, urls)
    assert 1 <= server.refused <= 32
    last = max(i for i, number in enumerate(server.at_once) if number > 20)
    assert len(server.at_once) - last > 100, "the rest came with 16"


# Where redirects lead.


class Redirecting(ExitStack):
    """Four hosts that redirect to one, which holds what comes."""

    def __init__(self, crowd: Crowd, files: int) -> None:
        super().__init__()
        self.crowd = crowd
        self.hosts = [self.enter_context(FaultServer(address=f"127.0.0.{i}")) for i in range(1, 5)]
        self.target = self.enter_context(FaultServer())
        self.urls = []
        for i in range(files):
            target = self.target.on(f"/there/{i}", Answer(BODY, note=crowd.arrive))
            self.urls.append(self.hosts[i % 4].on(f"/{i}", redirect(target)))

    @property
    def asked(self) -> int:
        """Number of requests to the hosts that redirect."""
        return sum(len(host.seen) for host in self.hosts)


@pytest.fixture
def redirecting() -> Iterator[Redirecting]:
    with Redirecting(Crowd(), 200) as running:
        yield running


@pytest.mark.parametrize("loops", [1, 2])
def test_auto_never_has_more_than_16_requests_where_redirects_lead(
    redirecting: Redirecting, wide: dict[str, Any], loops: int
) -> None:
    """Four hosts with 16 each would have 64 there."""
    with Transfers(loops=loops, **wide) as transfers:
        redirecting.crowd.watch(transfers)
        transfers.run(*redirecting.urls)
    whole(transfers, redirecting.urls)
    target = redirecting.target
    assert redirecting.crowd.most in SIXTEEN
    assert target.most_at_once <= 16
    assert (redirecting.asked, len(target.seen)) == (200, 200)


def test_a_redirected_request_that_waits_carries_no_secrets_of_its_first_origin(
    redirecting: Redirecting, wide: dict[str, Any]
) -> None:
    home = redirecting.hosts[0]
    secret = {"home": home.url("/m.mpd"), "headers": (("Authorization", "Bearer t"),)}
    with Transfers(append_query="t=1", **secret, **wide) as transfers:
        redirecting.crowd.watch(transfers)
        for i in range(0, 200, 4):
            home.on(f"/{i}?t=1", redirect(redirecting.target.url(f"/there/{i}")))
        transfers.run(*redirecting.urls)
    whole(transfers, redirecting.urls)
    assert all("authorization" in seen.headers for seen in home.seen)
    assert not any("authorization" in seen.headers for seen in redirecting.target.seen)
    assert not any("?" in seen.path for seen in redirecting.target.seen)
    assert (redirecting.crowd.most in SIXTEEN, redirecting.asked) == (True, 200)


def test_sizes_are_asked_for_where_redirects_lead_within_the_limit(
    redirecting: Redirecting, wide: dict[str, Any]
) -> None:
    with Transfers(**wide) as transfers:
        redirecting.crowd.watch(transfers)
        transfers.run(*(Request((url,), Method.HEAD) for url in redirecting.urls))
    assert {len(BODY)} == {getattr(r, "size", None) for r in transfers.results.values()}
    assert (redirecting.crowd.most in SIXTEEN, redirecting.asked) == (True, 200)


TWO: dict[str, Any] = {"max_per_host": 2, "in_flight": 8, "loops": 1, **PATIENT}
"""Two requests to a host at the most."""


def test_a_host_is_asked_for_no_more_than_the_host_it_redirects_to_has_room_for(
    server: FaultServer,
) -> None:
    """But for the first ones, of which nobody knows that they are redirected."""
    with FaultServer() as cdn:
        crowd, ahead = Crowd(2), []

        def arrive(seen: Seen) -> None:
            ahead.append(len(server.seen) - len(cdn.seen))
            crowd.arrive(seen)

        urls = [
            server.on(f"/{i}", redirect(cdn.on(f"/{i}", Answer(BODY, note=arrive))))
            for i in range(20)
        ]
        with Transfers(**TWO) as transfers:
            crowd.watch(transfers)
            transfers.run(*urls)
    whole(transfers, urls)
    assert max(ahead) <= 2
    assert (crowd.most, len(server.seen), len(cdn.seen)) == (2, 20, 20)


def test_the_limit_holds_at_each_host_of_a_chain(server: FaultServer) -> None:
    with FaultServer() as middle, FaultServer() as cdn:
        crowds = Crowd(2), Crowd(2)
        urls = []
        for i in range(20):
            end = cdn.on(f"/{i}", Answer(BODY, note=crowds[1].arrive))
            urls.append(server.on(f"/{i}", redirect(middle.on(f"/{i}", redirect(end)))))
        with Transfers(**TWO) as transfers:
            crowds[1].watch(transfers)
            transfers.run(*urls)
        whole(transfers, urls)
        assert crowds[1].most == 2
        assert [len(each.seen) for each in (server, middle, cdn)] == [20, 20, 20]
        assert middle.most_at_once <= 2


def test_a_redirect_back_to_the_same_host_stops_nothing(server: FaultServer) -> None:
    with FaultServer() as login:
        urls = []
        for i in range(20):
            back = login.on(f"/{i}", redirect(server.on(f"/in/{i}", Answer(BODY))))
            urls.append(server.on(f"/{i}", redirect(back)))
        with Transfers(**TWO) as transfers:
            transfers.run(*urls)
        assert login.most_at_once <= 2
        assert len(login.seen) == 20
    whole(transfers, urls)
    assert server.most_at_once <= 2
    assert len(server.seen) == 40


def test_a_host_that_redirects_no_more_is_asked_for_as_many_as_it_may_have(
    server: FaultServer,
) -> None:
    there, done = threading.Event(), threading.Event()
    crowd = Crowd(2, passing=0, rounds_of=2)

    def arrive(seen: Seen) -> None:
        crowd.arrive(seen)
        done.set()

    with FaultServer() as cdn:
        first = cdn.on("/0", Answer(BODY, note=lambda _: there.set(), hold=done))
        urls = [server.on("/0", redirect(first)), server.on("/1", Answer(BODY, hold=there))]
        urls += [server.on(f"/{i}", Answer(BODY, note=arrive)) for i in (2, 3)]
        with Transfers(**{**TWO, "in_flight": 4}) as transfers:
            transfers.run(*urls)
    whole(transfers, urls)
    assert crowd.most == 2


def test_a_host_with_changing_redirects_is_asked_once_for_each_file(
    server: FaultServer,
) -> None:
    with FaultServer() as one, FaultServer() as other:
        urls = [
            server.on(f"/{i}", redirect((one, other)[i % 3 % 2].on(f"/{i}", Answer(BODY))))
            for i in range(60)
        ]
        with Transfers(**TWO) as transfers:
            transfers.run(*urls)
        assert max(one.most_at_once, other.most_at_once) <= 2
        assert len(one.seen) + len(other.seen) == 60
    whole(transfers, urls)
    assert len(server.seen) == 60


def test_a_pause_in_a_chain_of_redirects_does_not_shorten_it(server: FaultServer) -> None:
    with FaultServer() as middle, FaultServer() as cdn:
        crowd = Crowd(2)
        urls = []
        for i in range(8):
            step = Answer(
                status=302,
                headers=(("Location", cdn.on(f"/{i}", Answer(BODY))),),
                note=crowd.arrive,
            )
            urls.append(server.on(f"/{i}", redirect(middle.on(f"/{i}", step))))
        with FaultServer() as second:
            more = [second.on(f"/{i}", redirect(middle.url(f"/{i}"))) for i in range(8)]
            with Transfers(max_redirects=1, **TWO) as transfers:
                crowd.watch(transfers)
                transfers.run(*itertools.chain(*zip(urls, more, strict=True)))
        assert {str(result) for result in transfers.results.values()} == {"more than 1 redirects"}
        assert not cdn.seen


# Through the command.

SEGMENTS = 40


def manifest(hosts: list[FaultServer]) -> bytes:
    """Return an MPD with one Representation at each host."""
    representations = "".join(
        f'<Representation id="r{i}" bandwidth="1000"><BaseURL>{host.url("/")}</BaseURL>'
        "</Representation>"
        for i, host in enumerate(hosts)
    )
    return mpd(
        '<AdaptationSet mimeType="application/octet-stream" contentType="text">'
        f'<SegmentTemplate duration="1" endNumber="{SEGMENTS}" '
        'initialization="$RepresentationID$-i.bin" media="$RepresentationID$-$Number$.bin"/>'
        f"{representations}</AdaptationSet>",
        seconds=SEGMENTS,
    )


@pytest.mark.parametrize(
    ("options", "rounds_of"),
    [(("-t", "auto"), None), (("-t", "64", "--max-per-host", "16"), 16)],
    ids=["auto", "wide"],
)
def test_the_command_keeps_to_the_limit_where_redirects_lead(
    server: FaultServer, tmp_path: Path, options: tuple[str, ...], rounds_of: int | None
) -> None:
    crowd = Crowd(passing=0 if rounds_of else 4 * SEGMENTS, rounds_of=rounds_of)
    with Redirecting(crowd, 0) as redirecting:
        names = [f"r{i}-{n}.bin" for i in range(4) for n in ("i", *range(1, SEGMENTS + 1))]
        for name in names:
            note = None if name.endswith("-i.bin") else crowd.arrive
            target = redirecting.target.on(f"/{name}", Answer(name.encode(), note=note))
            redirecting.hosts[int(name[1])].on(f"/{name}", redirect(target))
        url = server.on("/x.mpd", Answer(manifest(redirecting.hosts)))
        words = ("-o", "mirror", "--allow-private", *options)
        ended = program.run("get", url, *words, cwd=tmp_path)
        assert ended.code == 0, ended.err
        held = program.tree(tmp_path / "mirror")
        assert sorted(names) == sorted(
            path.name for path in map(Path, held) if path.suffix == ".bin"
        )
        assert (redirecting.asked, len(redirecting.target.seen)) == (len(names), len(names))
        assert crowd.most == (rounds_of or 0)
        assert redirecting.target.most_at_once <= 16


@pytest.mark.parametrize("body", [b"0123456789" * 2000, b""])
def test_a_refused_address_does_not_undo_a_transfer_from_another(
    server: FaultServer, monkeypatch: pytest.MonkeyPatch, body: bytes
) -> None:
    refused: list[str] = []

    def address_refused(guard: Guard, origin: Origin, address: str, port: int) -> bool:
        if ":" in address:
            refused.append(address)
        return ":" in address

    url = server.on("/a", Answer(body, drip=(5000, 0.01))).replace("127.0.0.1", "localhost")
    with Transfers(home=url, allow_private=False) as transfers:
        monkeypatch.setattr(Guard, "address_refused", address_refused)
        transfers.run(Request((url,)))
    if not refused:
        pytest.skip("localhost has one address only")
    assert isinstance(transfers.results[url], Fetched)


def test_a_missing_address_family_does_not_undo_a_transfer_over_another(
    server: FaultServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A kernel without IPv6 refuses the socket; IPv4 brings all of it."""
    refused: list[str] = []

    def refuse_ipv6(guard: Guard, origin: Origin, address: str, port: int) -> bool:
        """Raise what ``socket.socket`` does, in the same place; see ``Slot._on_socket``."""
        if ":" in address:
            refused.append(address)
            raise OSError(errno.EAFNOSUPPORT, "address family not supported")
        return False

    url = server.on("/a", Answer(BODY, drip=(500, 0.01))).replace("127.0.0.1", "localhost")
    with Transfers(home=url, allow_private=False) as transfers:
        monkeypatch.setattr(Guard, "address_refused", refuse_ipv6)
        transfers.run(Request((url,)))
    if not refused:
        pytest.skip("localhost has one address only")
    assert isinstance(transfers.results[url], Fetched)


def test_a_connection_that_one_manifest_may_use_is_not_one_for_another(server: FaultServer) -> None:
    """A manifest from a public address may not use what a private one has opened."""
    url = server.on("/a", Answer(BODY))
    with Engine(TransferOptions(retries=0)) as engine:
        private, public = server.url("/m.mpd"), "http://8.8.8.8/m.mpd"
        for home in (private, public):
            engine.trust(home)
        request = Request((url,))
        assert engine.fetch(request, max_bytes=len(BODY), home=private)[1] == BODY
        with pytest.raises(TransferError, match="private address"):
            engine.fetch(request, max_bytes=len(BODY), home=public)
        assert engine.fetch(request, max_bytes=len(BODY), home=private)[1] == BODY


def test_a_call_has_its_own_hooks(server: FaultServer) -> None:
    url = server.on("/a", refuse(503), Answer(BODY), refuse(503), Answer(BODY))
    usual, own = Log(), Log()
    with Engine(TransferOptions(backoff_seconds=0.0), hooks=usual) as engine:
        engine.fetch(Request((url,)), max_bytes=len(BODY), hooks=own)
        assert (len(own.retries), len(usual.retries)) == (1, 0)
        engine.fetch(Request((url,)), max_bytes=len(BODY))
        assert (len(own.retries), len(usual.retries)) == (1, 1)
