"""Each option of the engine, as a server or proxy sees it on the wire."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from dashget.common.byterange import ByteRange
from dashget.transfer.contract import (
    Fetched,
    Job,
    MemorySink,
    Request,
    ResumePoint,
    TransferError,
)
from dashget.transfer.engine import Engine
from dashget.transfer.settings.options import HttpVersion, OriginHeader, TransferOptions
from tests.support.certificates import Authority
from tests.support.faultserver import Answer, FaultServer
from tests.support.h2server import H2Server, Step
from tests.support.proxyserver import ProxyServer
from tests.support.sinks import RecordingSink, Transfers

BODY = b"0123456789" * 100


@pytest.fixture
def server(server: FaultServer) -> FaultServer:
    server.on("/a", Answer(BODY))
    return server


@pytest.fixture
def proxy() -> Iterator[ProxyServer]:
    with ProxyServer() as running:
        yield running


def test_an_http_proxy_gets_the_absolute_url(server: FaultServer, proxy: ProxyServer) -> None:
    with Transfers(proxy=f"http://me:pw@127.0.0.1:{proxy.port}") as transfers:
        assert transfers.get(server.url("/a"))[1] == BODY
    assert proxy.seen[0].startswith(f"GET {server.url('/a')} HTTP/1.1\r\n")
    assert "Proxy-Authorization: Basic bWU6cHc=" in proxy.seen[0]


def test_https_goes_through_a_proxy_by_connect(proxy: ProxyServer, authority: Authority) -> None:
    with FaultServer(tls=authority.server()) as secure:
        url = secure.on("/a", Answer(BODY))
        header = ("Proxy-Authorization", "Basic eHg6eXk=")
        with Transfers(
            proxy=f"http://127.0.0.1:{proxy.port}", cacert=authority.certificate, headers=(header,)
        ) as transfers:
            fetched, data = transfers.get(url)
        assert data == BODY
        assert fetched.status == 200
        assert proxy.seen[0].startswith(f"CONNECT 127.0.0.1:{secure.port} ")
        assert "Proxy-Authorization: Basic eHg6eXk=" in proxy.seen[0]
        assert "proxy-authorization" not in secure.seen[0].headers


@pytest.mark.parametrize(
    ("scheme", "host", "kind"),
    [
        ("socks4", "127.0.0.1", "4"),
        ("socks4", "localhost", "4"),
        ("socks4a", "localhost", "4a"),
        ("socks5", "127.0.0.1", "5"),
        ("socks5", "localhost", "5"),
        ("socks5h", "localhost", "5h"),
    ],
)
def test_socks_proxies_are_spoken_to(
    server: FaultServer, proxy: ProxyServer, scheme: str, host: str, kind: str
) -> None:
    """Those with an a or h look names up themselves."""
    with Transfers(proxy=proxy.url(scheme)) as transfers:
        assert transfers.get(server.url("/a", host=host))[1] == BODY
    names = (host,) if kind in ("4a", "5h") else ("127.0.0.1", "::1")
    assert len(proxy.seen) == 1
    assert proxy.seen[0] in [f"SOCKS {kind} {name}:{server.port}" for name in names]


def test_a_proxy_may_be_spoken_to_over_tls(server: FaultServer, authority: Authority) -> None:
    with ProxyServer(tls=authority.server()) as proxy:
        with Transfers(proxy=proxy.url("https"), cacert=authority.certificate) as transfers:
            assert transfers.get(server.url("/a"))[1] == BODY
        assert [line.partition(" HTTP")[0] for line in proxy.seen] == [f"GET {server.url('/a')}"]
        with Transfers(proxy=proxy.url("https"), retries=0) as transfers:
            error = transfers.fail(server.url("/a"))
        assert ": certificate verify failed: " in str(error)
    assert len(server.seen) == 1


PROXY_VARIABLES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")


@pytest.fixture
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in PROXY_VARIABLES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.mark.usefixtures("no_proxies")
@pytest.mark.parametrize(
    ("variable", "http", "https"),
    [
        ("http_proxy", True, False),
        ("HTTP_PROXY", False, False),
        ("https_proxy", False, True),
        ("HTTPS_PROXY", False, True),
        ("all_proxy", True, True),
        ("ALL_PROXY", True, True),
    ],
)
def test_the_environment_names_a_proxy(
    server: FaultServer,
    proxy: ProxyServer,
    authority: Authority,
    monkeypatch: pytest.MonkeyPatch,
    variable: str,
    http: bool,
    https: bool,
) -> None:
    """``HTTP_PROXY`` is left alone, as in curl: a CGI server sets it to what a client says."""
    monkeypatch.setenv(variable, proxy.url("http"))
    with (
        FaultServer(tls=authority.server()) as secure,
        Transfers(cacert=authority.certificate) as transfers,
    ):
        assert transfers.get(server.url("/a"))[1] == BODY
        assert transfers.get(secure.on("/a", Answer(BODY)))[1] == BODY
        expected = [f"GET {server.url('/a')}"] * http + [f"CONNECT 127.0.0.1:{secure.port}"] * https
    assert [head.partition(" HTTP")[0] for head in proxy.seen] == expected


@pytest.mark.usefixtures("no_proxies")
@pytest.mark.parametrize("variable", ["no_proxy", "NO_PROXY"])
def test_the_environment_names_hosts_to_reach_without_a_proxy(
    server: FaultServer, proxy: ProxyServer, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    monkeypatch.setenv("http_proxy", proxy.url("http"))
    monkeypatch.setenv(variable, "example.org,127.0.0.1")
    with Transfers() as transfers:
        assert transfers.get(server.url("/a"))[1] == BODY
        assert proxy.seen == []
        assert transfers.get(server.url("/a", host="localhost"))[1] == BODY
    assert len(proxy.seen) == 1


@pytest.mark.usefixtures("no_proxies")
@pytest.mark.parametrize("options", [{"proxy": ""}, {"no_proxy": "127.0.0.1"}, {"no_proxy": "*"}])
def test_options_go_before_the_environment(
    server: FaultServer,
    proxy: ProxyServer,
    monkeypatch: pytest.MonkeyPatch,
    options: dict[str, str],
) -> None:
    monkeypatch.setenv("http_proxy", proxy.url("http"))
    with Transfers(**options) as transfers:
        assert transfers.get(server.url("/a"))[1] == BODY
    assert proxy.seen == []
    assert len(server.seen) == 1


@pytest.mark.skipif(sys.platform != "linux", reason="loopback has one address there")
@pytest.mark.parametrize(
    ("interface", "peer", "device"),
    [
        (None, "127.0.0.1", ""),
        ("127.0.0.5", "127.0.0.5", ""),
        ("host!127.0.0.6", "127.0.0.6", ""),
        ("lo", "127.0.0.1", "lo"),
        ("if!lo", "127.0.0.1", "lo"),
        ("ifhost!lo!127.0.0.7", "127.0.0.7", "lo"),
    ],
)
def test_a_local_address_or_interface_can_be_chosen(
    server: FaultServer, interface: str | None, peer: str, device: str
) -> None:
    """The server sees the address. That there is no way but ``lo`` to it anyhow it does not."""
    bound: list[str] = []
    answer = Answer(BODY, note=lambda _: bound.extend(devices_towards(server.port)))
    url = server.on("/bound", answer)
    with Transfers(interface=interface) as transfers:
        assert transfers.get(url)[1] == BODY
    assert {seen.peer for seen in server.seen} == {peer}
    assert bound == [device]


def devices_towards(port: int) -> list[str]:
    """Return the interface that each socket of this process is bound to which leads to a port."""
    found = []
    for name in os.listdir("/proc/self/fd"):
        try:
            one = socket.socket(fileno=int(name))
        except OSError:  # not a socket
            continue
        try:
            if one.family == socket.AF_INET and one.getpeername()[1] == port:
                device = one.getsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, 16)
                found.append(device.rstrip(b"\0").decode())
        except OSError:  # not connected
            continue
        finally:
            one.detach()
    return found


@pytest.mark.parametrize("interface", ["nosuch0", "if!nosuch0"])
def test_an_interface_that_is_not_there_is_an_error(server: FaultServer, interface: str) -> None:
    with Transfers(interface=interface, retries=0) as transfers:
        error = transfers.fail(server.url("/a"))
    assert str(error) == "the local interface cannot be used"
    assert server.seen == []


@pytest.mark.parametrize("streams", [False, True], ids=["http1", "http2"])
def test_a_host_header_is_sent_instead_of_the_usual_one(
    authority: Authority, streams: bool
) -> None:
    tls = authority.server()
    with (
        H2Server(tls, Step(BODY)) if streams else FaultServer(tls=tls) as one,
        FaultServer(tls=authority.server()) as other,
    ):
        if isinstance(one, FaultServer):
            one.on("/a", Answer(BODY))
        other.on("/a", Answer(BODY))
        extra = OriginHeader(one.url(""), "host", "cdn.example")
        with Transfers(cacert=authority.certificate, origin_headers=(extra,)) as transfers:
            assert transfers.get(one.url("/a"))[1] == BODY
            assert transfers.get(other.url("/a"))[1] == BODY
        (seen,) = one.seen
        assert seen.headers[":authority" if streams else "host"] == "cdn.example"
        assert [name.lower() for name in seen.order].count("host") == (0 if streams else 1)
        assert other.seen[0].headers["host"] == f"127.0.0.1:{other.port}"


RATE = 4_000_000
PIECE = 16 * 1024
"""The most that one transfer may take at once, though less is due."""


def test_the_rate_is_limited_in_all(server: FaultServer) -> None:
    """By a clock that only goes on when it is read: how busy the machine is does not matter.

    That no more time is taken than needed is the matter of ``Pacer`` alone, see its tests.
    """
    now = 0.0

    def clock() -> float:
        nonlocal now
        now += 0.001
        return now

    sinks = [Timed(clock) for _ in range(4)]
    jobs = [
        Job(Request((server.on(f"/{i}", Answer(bytes(RATE // 4))),)), lambda _, sink=sink: sink)
        for i, sink in enumerate(sinks)
    ]
    options = TransferOptions(limit_rate=RATE, loops=1, timeout_seconds=600, retries=0)
    results: list[Fetched | TransferError] = []
    with Engine(options, clock=clock) as engine:
        began = now
        engine.run(jobs, lambda _, result: results.append(result))
    assert [result.size for result in results if isinstance(result, Fetched)] == [RATE // 4] * 4
    came = sorted(piece for sink in sinks for piece in sink.came)
    total = 0
    for at, size in came:
        total += size
        # What was saved up in a twentieth of a second may come at once, and one more piece.
        assert total <= RATE * (at - began) + RATE / 20 + PIECE
    assert total == RATE


class Timed(MemorySink):
    """Notes how much came when."""

    def __init__(self, clock: Callable[[], float]) -> None:
        super().__init__(RATE)
        self.came: list[tuple[float, int]] = []
        self._clock = clock

    def write(self, data: bytes, offset: int, /) -> object:
        self.came.append((self._clock(), len(data)))
        return super().write(data, offset)


def test_a_very_low_rate_is_not_a_stall(server: FaultServer) -> None:
    url = server.on("/slow", Answer(bytes(30_000)))
    with Transfers(limit_rate=30_000, timeout_seconds=0.3) as transfers:
        fetched, _ = transfers.get(url)
    assert fetched.attempts == 1


def test_http_1_can_be_asked_for(server: FaultServer) -> None:
    with Transfers(http=HttpVersion.HTTP_1_1) as transfers:
        fetched, _ = transfers.get(server.url("/a"))
    assert fetched.head.http_version == "1.1"
    assert "upgrade" not in server.seen[0].headers


def test_the_connection_timeout_is_its_own(server: FaultServer) -> None:
    # A full backlog: nobody accepts, so the handshake of TLS never gets an answer.
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"https://127.0.0.1:{silent.getsockname()[1]}/"
        with Transfers(connect_timeout_seconds=0.2, retries=0) as transfers:
            error = transfers.fail(url)
    assert str(error) == "timed out: no connection within 0.2 s"


def test_the_proxys_answer_is_not_taken_for_the_servers(
    proxy: ProxyServer, authority: Authority
) -> None:
    """A range whose connection breaks behind CONNECT tells nothing about ranges."""
    size = 1 << 20
    big = bytes(range(256)) * (size >> 8)
    there = ByteRange(0, 999), ByteRange(size // 2, size // 2 + 999)
    sink = RecordingSink(ResumePoint(there, size, '"1"'), big[: size // 2 + 1000])
    good = Answer(big, etag='"1"')
    with FaultServer(tls=authority.server()) as secure:
        url = secure.on("/a", replace(good, then_close=True), Answer(drop="close"), good)
        with Transfers(
            proxy=proxy.url("http"), cacert=authority.certificate, in_flight=1, range_size=1 << 18
        ) as transfers:
            _, data = transfers.get(url, sink=sink)
        assert data == big
        assert all("range" in seen.headers for seen in secure.seen)


def test_a_connection_that_breaks_behind_a_hint_is_tried_again(server: FaultServer) -> None:
    hint = Answer(raw=b"HTTP/1.1 103 Early Hints\r\nLink: </style>\r\n\r\n")
    with Transfers() as transfers:
        _, data = transfers.get(server.on("/hinted", hint, Answer(BODY)))
    assert data == BODY
