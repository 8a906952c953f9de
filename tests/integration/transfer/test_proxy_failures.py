"""Proxies that cannot be reached: the error says that it was the proxy, and which one."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from dashget.errors import Retry
from tests.support import sinks
from tests.support.builders import mpd
from tests.support.certificates import Authority
from tests.support.faultserver import Answer, FaultServer
from tests.support.program import run
from tests.support.proxyserver import ProxyServer

HINT = "check --proxy, or connect without a proxy by --proxy ''"
SCHEMES = ["http", "https", "socks4", "socks4a", "socks5", "socks5h"]
TARGETS = ["http", "https"]
UNKNOWN = f"{'x' * 64}.invalid"
"""No name has so long a part: nobody is asked for it."""


@pytest.fixture(autouse=True)
def _no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture
def closed() -> Iterator[int]:
    """Keep a port at which nobody listens."""
    with socket.socket() as kept:
        kept.bind(("127.0.0.1", 0))
        yield int(kept.getsockname()[1])


@pytest.fixture
def silent() -> Iterator[int]:
    """Keep a port at which connections are taken, and nothing is said."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield int(listening.getsockname()[1])


def failure(url: str, **options: object) -> tuple[str, str | None, Retry]:
    """Fail to fetch something; return message, hint and what another attempt may bring."""
    with sinks.Transfers(None, retries=0, **options) as transfers:
        error = transfers.fail(url)
    assert "SECRET" not in f"{error.message}{error.hint}{error.tried}"
    return error.message, error.hint, error.retry


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_proxy_that_refuses_connections_is_named(closed: int, scheme: str, target: str) -> None:
    said = failure(f"{target}://h.example/a", proxy=f"{scheme}://me:SECRET@127.0.0.1:{closed}")
    told = f"the proxy 127.0.0.1:{closed} cannot be reached: connection refused"
    assert said == (told, HINT, Retry.AGAIN)


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_proxy_whose_name_is_unknown_is_named(scheme: str, target: str) -> None:
    said = failure(f"{target}://h.example/a", proxy=f"{scheme}://me:SECRET@{UNKNOWN}")
    port = 443 if scheme == "https" else 1080
    told = f"the proxy {UNKNOWN}:{port} cannot be reached: host name cannot be resolved"
    assert said == (told, HINT, Retry.AGAIN)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_an_error_names_a_proxy_without_a_connection_in_time(silent: int, scheme: str) -> None:
    proxy = f"{scheme}://me:SECRET@127.0.0.1:{silent}"
    said = failure("https://127.0.0.2/a", proxy=proxy, connect_timeout_seconds=0.2)
    told = f"timed out: no connection through the proxy 127.0.0.1:{silent} within 0.2 s"
    assert said == (told, HINT, Retry.AGAIN)


@pytest.mark.parametrize("target", TARGETS)
def test_a_proxy_with_a_bad_certificate_is_named(authority: Authority, target: str) -> None:
    with ProxyServer(tls=authority.server(alternative="DNS:other.example")) as proxy:
        url = proxy.url("https")
        told, hint, _ = failure(f"{target}://h.example/a", proxy=url, cacert=authority.certificate)
    name = url.removeprefix("https://")
    reason = "certificate verify failed: the certificate is for another host name"
    assert told == f"the proxy {name} cannot be reached: {reason}"
    assert hint is not None
    assert "use the host name" in hint


@pytest.mark.parametrize("target", TARGETS)
def test_a_proxy_that_breaks_tls_off_is_named(authority: Authority, target: str) -> None:
    with FaultServer(tls=authority.server()) as proxy:
        proxy.handshakes.append("alert")
        told, hint, retry = failure(f"{target}://h.example/a", proxy=proxy.url(""))
        name = f"127.0.0.1:{proxy.port}"
    assert told == f"the proxy {name} cannot be reached: TLS handshake failed"
    assert hint == "check --proxy: write http:// for a proxy without TLS, https:// for one with TLS"
    assert retry is Retry.AGAIN


@pytest.mark.parametrize("target", TARGETS)
def test_an_error_names_a_proxy_that_requires_a_client_certificate(
    authority: Authority, target: str
) -> None:
    with FaultServer(tls=authority.server(clients=True)) as proxy:
        url = proxy.url("")
        told, hint, _ = failure(f"{target}://h.example/a", proxy=url, cacert=authority.certificate)
    assert told == f"the proxy 127.0.0.1:{proxy.port} requires a client certificate"
    assert hint == "proxies get none: --cert is for servers"


def test_a_socks_proxy_that_refuses_is_named(closed: int) -> None:
    with ProxyServer() as proxy:
        told, hint, _ = failure(f"http://h.example:{closed}/a", proxy=proxy.url("socks5h"))
        assert told.startswith(f"the proxy 127.0.0.1:{proxy.port} refused: ")
    assert hint == HINT


def test_a_proxy_that_hangs_up_on_connect_is_named(closed: int) -> None:
    with ProxyServer() as proxy:
        told, hint, _ = failure(f"https://127.0.0.1:{closed}/a", proxy=proxy.url("http"))
        name = f"127.0.0.1:{proxy.port}"
    assert told == f"the proxy {name} closed the connection without an answer"
    assert hint == HINT


def refusing(head: str) -> FaultServer:
    """A proxy that answers whatever it is asked with this."""
    server = FaultServer()
    server.unknown = Answer(raw=f"HTTP/1.1 {head}\r\nContent-Length: 0\r\n\r\n".encode())
    return server


@pytest.mark.parametrize(
    ("head", "retry"),
    [
        ("403 Forbidden", Retry.ELSEWHERE),
        ("407 Proxy Authentication Required", Retry.NEVER),
        ("502 Bad Gateway", Retry.AGAIN),
    ],
)
def test_a_proxy_that_makes_no_tunnel_is_named(head: str, retry: Retry) -> None:
    with refusing(head) as proxy:
        told, _, kind = failure("https://h.example/a", proxy=proxy.url(""))
        assert told == f"HTTP {head} from the proxy 127.0.0.1:{proxy.port}"
        assert kind is retry
        assert len(proxy.seen) == 1


def test_a_proxy_cannot_redirect_requests_over_tls(
    authority: Authority,
) -> None:
    """It could answer for any host, past TLS (CVE-2009-1836 and its like)."""
    with FaultServer(tls=authority.server()) as other:
        target = other.on("/a", Answer(b"not what h.example has"))
        with refusing(f"302 Found\r\nLocation: {target}") as proxy:
            told, _, retry = failure(
                "https://h.example/a",
                proxy=proxy.url(""),
                no_proxy="127.0.0.1",
                cacert=authority.certificate,
            )
            assert told == f"HTTP 302 Found from the proxy 127.0.0.1:{proxy.port}"
        assert retry is Retry.ELSEWHERE
        assert other.seen == []


@pytest.mark.parametrize(
    ("variable", "target"),
    [
        ("http_proxy", "http"),
        ("HTTPS_PROXY", "https"),
        ("all_proxy", "http"),
        ("ALL_PROXY", "https"),
    ],
)
def test_a_proxy_of_the_environment_is_named_with_its_variable(
    closed: int, monkeypatch: pytest.MonkeyPatch, variable: str, target: str
) -> None:
    monkeypatch.setenv(variable, f"http://me:SECRET@127.0.0.1:{closed}")
    told, hint, _ = failure(f"{target}://h.example/a")
    assert told == f"the proxy 127.0.0.1:{closed} cannot be reached: connection refused"
    assert hint == f"check {variable}, or connect without a proxy by --proxy ''"


@pytest.mark.parametrize(
    "url",
    ["junk://me:SECRET@h", "http://me:SECRET@h:99999", "http://me:SECRET@[::", "http://me:SECRET@"],
)
def test_an_invalid_proxy_variable_is_named_but_not_quoted(
    monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    monkeypatch.setenv("http_proxy", url)
    said = failure("http://h.example/a")
    hint = "check --proxy and the proxy variables, or connect without a proxy by --proxy ''"
    told = "the proxy cannot be reached: its URL is invalid"
    assert said == (told, hint, Retry.NEVER)


def test_an_error_of_the_server_does_not_name_the_proxy(
    authority: Authority, closed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"http://127.0.0.1:{closed}/a"
    with FaultServer(tls=authority.server()) as server, ProxyServer() as proxy:
        told, _, _ = failure(server.url("/a"), proxy=proxy.url("http"))
        assert told.startswith("certificate verify failed: ")
        monkeypatch.setenv("http_proxy", proxy.url("http"))
        assert failure(url, no_proxy="*")[0] == "connection refused"
        assert failure(url, proxy="")[0] == "connection refused"
        assert len(proxy.seen) == 1


def test_an_error_names_the_proxy_that_blocks_the_manifest(closed: int, tmp_path: Path) -> None:
    ended = run(
        *("http://h.example/m.mpd", "--retries", "0"),
        *("--proxy", f"http://me:SECRET@127.0.0.1:{closed}"),
        cwd=tmp_path,
    )
    assert ended.code == 5
    assert ended.err.splitlines() == [
        "dashget: error: cannot fetch the manifest http://h.example/m.mpd:"
        f" the proxy 127.0.0.1:{closed} cannot be reached: connection refused",
        f"hint: {HINT}",
    ]


def test_an_error_names_the_proxy_that_blocks_a_file(closed: int, tmp_path: Path) -> None:
    """The manifest's host is reached without it."""
    document = mpd(
        '<AdaptationSet contentType="application" mimeType="application/x-filler"><Representation id="v" bandwidth="8000">'
        "<BaseURL>http://127.0.0.9/a.mp4</BaseURL></Representation></AdaptationSet>",
        seconds=2,
    )
    with FaultServer() as server:
        ended = run(
            *(server.on("/m.mpd", Answer(document)), "--retries", "0", "-o", "out", "--json"),
            "--allow-private",
            *("--proxy", f"http://me:SECRET@127.0.0.1:{closed}", "--no-proxy", "127.0.0.1"),
            cwd=tmp_path,
        )
    assert ended.code == 1
    reason = f"the proxy 127.0.0.1:{closed} cannot be reached: connection refused"
    assert [one["reason"] for one in ended.events[-1]["failures"]] == [reason]
    assert "SECRET" not in ended.out
