"""Each option of the engine, as a server or proxy sees it on the wire."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from dashget.transfer.options import HttpVersion
from tests.certificates import Authority
from tests.faultserver import Answer, FaultServer
from tests.proxyserver import ProxyServer
from tests.sinks import Transfers

BODY = b"0123456789" * 100


@pytest.fixture
def server() -> Iterator[FaultServer]:
    with FaultServer() as running:
        running.on("/a", Answer(BODY))
        yield running


@pytest.fixture
def proxy() -> Iterator[ProxyServer]:
    with ProxyServer() as running:
        yield running


def test_an_http_proxy_gets_the_absolute_url(server: FaultServer, proxy: ProxyServer) -> None:
    with Transfers(proxy=f"http://me:pw@127.0.0.1:{proxy.port}") as transfers:
        assert transfers.get(server.url("/a"))[1] == BODY
    assert proxy.seen[0].startswith(f"GET {server.url('/a')} HTTP/1.1\r\n")
    assert "Proxy-Authorization: Basic bWU6cHc=" in proxy.seen[0]


def test_https_goes_through_a_proxy_by_connect(
    proxy: ProxyServer, tmp_path_factory: pytest.TempPathFactory
) -> None:
    authority = Authority.make(tmp_path_factory.mktemp("ca"))
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
    ("scheme", "host", "kind"), [("socks5", "127.0.0.1", 1), ("socks5h", "localhost", 3)]
)
def test_socks_proxies_are_spoken_to(
    server: FaultServer, proxy: ProxyServer, scheme: str, host: str, kind: int
) -> None:
    with Transfers(proxy=f"{scheme}://127.0.0.1:{proxy.port}") as transfers:
        assert transfers.get(server.url("/a", host=host))[1] == BODY
    assert proxy.seen == [f"SOCKS {kind} {host}:{server.port}"]


def test_the_environment_names_a_proxy(
    server: FaultServer, proxy: ProxyServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{proxy.port}")
    with Transfers() as transfers:
        transfers.get(server.url("/a"))
    assert len(proxy.seen) == 1
    with Transfers(proxy="") as transfers:
        transfers.get(server.url("/a"))
    with Transfers(no_proxy="127.0.0.1") as transfers:
        transfers.get(server.url("/a"))
    assert len(proxy.seen) == 1


def test_a_local_address_can_be_chosen(server: FaultServer) -> None:
    with Transfers(interface="127.0.0.1") as transfers:
        assert transfers.get(server.url("/a"))[1] == BODY
    with Transfers(interface="nosuch0", retries=0) as transfers:
        error = transfers.fail(server.url("/a"))
    assert str(error) == "the local interface cannot be used"


def test_the_rate_is_limited_in_all(server: FaultServer) -> None:
    urls = [server.on(f"/{i}", Answer(bytes(100_000))) for i in range(4)]
    started = time.monotonic()
    with Transfers(limit_rate=400_000) as transfers:
        transfers.run(*urls)
    seconds = time.monotonic() - started
    assert [len(sink.data) for sink in transfers.sinks.values()] == [100_000] * 4
    assert 0.8 < seconds < 1.5


def test_a_very_low_rate_is_no_stall(server: FaultServer) -> None:
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
    import socket

    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"https://127.0.0.1:{silent.getsockname()[1]}/"
        with Transfers(connect_timeout_seconds=0.2, retries=0) as transfers:
            error = transfers.fail(url)
    assert str(error) == "timed out: no connection within 0.2 s"
