"""Certificates: who is trusted, and what is said when nobody is."""

from __future__ import annotations

import contextlib
import socket
import ssl
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from dashget.transfer.curl.easy import BUNDLES, ca_bundle, system_store
from tests.support.certificates import Authority
from tests.support.faultserver import Answer, FaultServer, Seen, redirect, refuse
from tests.support.h2server import H2Server, Step
from tests.support.origin import Certificate, Origin
from tests.support.sinks import Transfers

BODY = b"0123456789" * 100


@pytest.fixture
def server(authority: Authority) -> Iterator[FaultServer]:
    with FaultServer(tls=authority.server()) as running:
        running.on("/a", Answer(BODY))
        yield running


def test_an_unknown_issuer_is_refused_at_once(server: FaultServer) -> None:
    with Transfers() as transfers:
        error = transfers.fail(server.url("/a"))
    assert str(error).startswith("certificate verify failed: ")
    assert error.hint is not None
    assert "--cacert" in error.hint
    assert error.attempts == 1
    assert server.seen == []


def test_a_named_issuer_is_trusted(server: FaultServer, authority: Authority) -> None:
    with Transfers(cacert=authority.certificate) as transfers:
        assert transfers.get(server.url("/a"))[1] == BODY


def test_a_key_of_another_certificate_is_reported_at_once(authority: Authority) -> None:
    certificate, _ = authority.issue("client", alternative="DNS:client")
    _, other = authority.issue("other", alternative="DNS:other")
    with FaultServer(tls=authority.server(clients=True)) as server:
        home = server.on("/a", Answer(BODY))
        options = {"cacert": authority.certificate, "cert": certificate, "private_key": other}
        with Transfers(home=home, **options) as transfers:
            error = transfers.fail(home)
    assert str(error) == "the client certificate cannot be used"
    assert error.attempts == 1
    assert "--private-key" in (error.hint or "")


def test_an_issuer_may_lie_anywhere(
    server: FaultServer, authority: Authority, tmp_path: Path
) -> None:
    place = tmp_path / "josé" / "ca.pem"
    place.parent.mkdir()
    place.write_bytes(Path(authority.certificate).read_bytes())
    with Transfers(cacert=str(place)) as transfers:
        assert transfers.get(server.url("/a"))[1] == BODY


@pytest.mark.parametrize("variable", ["SSL_CERT_FILE", "CURL_CA_BUNDLE"])
def test_the_environment_names_an_issuer(
    server: FaultServer, authority: Authority, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    for name in ("SSL_CERT_FILE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv(variable, authority.certificate)
    with Transfers() as transfers:
        assert transfers.get(server.url("/a"))[1] == BODY


def test_checks_can_be_left_out(server: FaultServer) -> None:
    with Transfers(insecure=True) as transfers:
        assert transfers.get(server.url("/a"))[1] == BODY


def test_a_certificate_for_another_name_is_refused(authority: Authority) -> None:
    with FaultServer(tls=authority.server(alternative="DNS:example.org")) as other:
        other.on("/a", Answer(BODY))
        with Transfers(cacert=authority.certificate) as transfers:
            error = transfers.fail(other.url("/a"))
    assert str(error) == "certificate verify failed: the certificate is for another host name"


def test_an_error_says_that_a_port_speaks_plain_http() -> None:
    """Web servers answer an invalid request with 400, in plain text."""

    def answer() -> None:
        connection, _ = listener.accept()
        with connection:
            connection.recv(1 << 16)
            connection.sendall(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n")
            # It closes its end after the client, so that nothing is lost by a reset.
            with contextlib.suppress(ConnectionResetError):
                connection.recv(1 << 16)

    with socket.create_server(("127.0.0.1", 0)) as listener, Transfers(retries=0) as transfers:
        thread = threading.Thread(target=answer)
        thread.start()
        error = transfers.fail(f"https://127.0.0.1:{listener.getsockname()[1]}/a")
        thread.join()
    assert str(error) == "the server does not speak TLS on this port"
    assert error.attempts == 1
    assert "http://" in (error.hint or "")


def old_version(authority: Authority, version: ssl.TLSVersion) -> ssl.SSLContext:
    context = authority.server()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.set_ciphers("ALL:@SECLEVEL=0")
        context.minimum_version = ssl.TLSVersion.TLSv1
        context.maximum_version = version
    return context


@pytest.mark.parametrize(
    ("make", "message", "advice"),
    [
        (
            lambda ca: ca.dated("expired", begins="20200101000000Z", ends="20210101000000Z"),
            "certificate verify failed: certificate has expired",
            "has to be renewed by its operator",
        ),
        (
            lambda ca: ca.dated("future", begins="20900101000000Z", ends="20910101000000Z"),
            "certificate verify failed: certificate is not yet valid",
            "check the date of this machine",
        ),
        (
            lambda ca: ca.self_signed(),
            "certificate verify failed: self-signed certificate",
            "give its own certificate with --cacert FILE",
        ),
        (
            lambda ca: ca.server(alternative="DNS:example.org"),
            "certificate verify failed: the certificate is for another host name",
            "use the host name",
        ),
        (
            lambda ca: old_version(ca, ssl.TLSVersion.TLSv1),
            "the server speaks only old versions of TLS",
            "TLS 1.2 or newer is needed",
        ),
        (
            lambda ca: old_version(ca, ssl.TLSVersion.TLSv1_1),
            "the server speaks only old versions of TLS",
            "TLS 1.2 or newer is needed",
        ),
    ],
    ids=["expired", "not yet valid", "self-signed", "other name", "TLS 1.0", "TLS 1.1"],
)
def test_each_kind_of_failed_handshake_has_its_name_and_its_hint_at_once(
    authority: Authority,
    make: Callable[[Authority], ssl.SSLContext],
    message: str,
    advice: str,
) -> None:
    with (
        FaultServer(tls=make(authority)) as server,
        Transfers(cacert=authority.certificate) as transfers,
    ):
        error = transfers.fail(server.url("/a"))
    assert str(error).startswith(message)
    assert advice in (error.hint or "")
    assert error.attempts == 1


def test_an_unreadable_bundle_is_a_permanent_error(
    server: FaultServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CURL_CA_BUNDLE", "/nonexistent/ca.pem")
    with Transfers() as transfers:
        error = transfers.fail(server.url("/a"))
    assert str(error) == "the CA certificates cannot be read"
    assert error.attempts == 1


def test_a_client_certificate_is_a_secret(authority: Authority, tmp_path: Path) -> None:
    cert, key = authority.issue("client", alternative="DNS:client")
    with (
        FaultServer(tls=authority.server(clients=True)) as home,
        FaultServer(tls=authority.server(clients=True)) as away,
    ):
        home.on("/a", Answer(BODY))
        away.on("/a", Answer(BODY))
        known = {"cacert": authority.certificate, "cert": cert, "private_key": key, "retries": 0}
        with Transfers(home=home.url("/"), **known) as transfers:
            assert transfers.get(home.url("/a"))[1] == BODY
            error = transfers.fail(away.url("/a"))
        assert str(error) == "the server requires a client certificate"
        assert error.hint is not None
        assert "--send-credentials-to" in error.hint
        assert away.seen == []


@pytest.mark.parametrize("in_flight", [1, 4])
def test_hosts_without_a_right_to_the_client_certificate_are_asked_without_it(
    authority: Authority, tmp_path: Path, in_flight: int
) -> None:
    cert, key = authority.issue("client", alternative="DNS:client")
    tls = authority.server()
    tls.load_verify_locations(authority.certificate)
    tls.verify_mode = ssl.CERT_OPTIONAL
    shown: list[tuple[int, bool]] = []

    class Showing(FaultServer):
        def _serve(self, connection: socket.socket, seen: Seen) -> bool:
            assert isinstance(connection, ssl.SSLSocket)
            shown.append((self.port, bool(connection.getpeercert())))
            return super()._serve(connection, seen)

    with Showing(tls=tls) as home, Showing(tls=tls) as away:
        urls = [s.on(f"/{i}", Answer(BODY)) for i in range(8) for s in (home, away)]
        known = {"cacert": authority.certificate, "cert": cert, "private_key": key}
        with Transfers(home=home.url("/"), in_flight=in_flight, **known) as transfers:
            transfers.run(*urls)
        assert [bytes(transfers.sinks[url].data) for url in urls] == [BODY] * 16
        assert sorted(shown) == sorted([(home.port, True), (away.port, False)] * 8)


@pytest.mark.parametrize("streams", [False, True], ids=["http1", "http2"])
def test_an_error_asks_for_the_client_certificate_that_a_server_requires(
    authority: Authority, streams: bool
) -> None:
    tls = authority.server(clients=True)
    with H2Server(tls, Step(BODY)) if streams else FaultServer(tls=tls) as server:
        with Transfers(cacert=authority.certificate) as transfers:
            error = transfers.fail(server.url("/a"))
        assert str(error) == "the server requires a client certificate"
        assert error.hint is not None
        assert "--cert" in error.hint
        assert error.attempts == 1
        assert server.seen == []


def test_before_tls_1_3_a_client_certificate_can_only_be_guessed_at(authority: Authority) -> None:
    tls = authority.server(clients=True)
    tls.maximum_version = ssl.TLSVersion.TLSv1_2
    with (
        FaultServer(tls=tls) as server,
        Transfers(cacert=authority.certificate, retries=0) as transfers,
    ):
        error = transfers.fail(server.url("/a"))
    assert str(error) == "TLS handshake failed"
    assert error.hint is not None
    assert "--cert" in error.hint


def test_an_error_names_a_client_certificate_of_another_issuer(
    authority: Authority, tmp_path: Path
) -> None:
    cert, key = Authority.make(tmp_path).issue("client", alternative="DNS:client")
    with FaultServer(tls=authority.server(clients=True)) as server:
        known = {"cacert": authority.certificate, "cert": cert, "private_key": key}
        with Transfers(home=server.url("/"), **known) as transfers:
            error = transfers.fail(server.url("/a"))
    assert str(error) == "the server does not accept the client certificate"
    assert error.hint == "check the file of --cert"
    assert error.attempts == 1


@pytest.mark.system
def test_nginx_asks_for_a_client_certificate_with_a_status_of_http(
    nginx: Callable[..., Origin], certificate: Certificate, authority: Authority, tmp_path: Path
) -> None:
    (tmp_path / "root").mkdir()
    (tmp_path / "root/a").write_bytes(BODY)
    clients = Path(authority.certificate)
    server = nginx(tmp_path / "root", certificate=certificate, clients=clients)
    url, known = server.url("a"), {"cacert": str(certificate.certificate), "home": server.url("")}
    with Transfers(**known) as transfers:
        error = transfers.fail(url)
    assert (str(error), error.attempts) == ("HTTP 400 Bad Request", 1)
    assert error.hint == (
        "check the URL; some servers answer so if they require a client certificate (--cert, --private-key)"
    )
    cert, key = Authority.make(tmp_path).issue("client", alternative="DNS:client")
    with Transfers(cert=cert, private_key=key, **known) as transfers:
        error = transfers.fail(url)
    assert str(error) == "HTTP 400 Bad Request"
    assert "the file of --cert" in str(error.hint)
    cert, key = authority.issue("client", alternative="DNS:client")
    with Transfers(cert=cert, private_key=key, **known) as transfers:
        assert transfers.get(url)[1] == BODY


def test_over_http_a_malformed_request_has_nothing_to_do_with_certificates() -> None:
    with FaultServer() as plain, Transfers() as transfers:
        assert transfers.fail(plain.on("/a", refuse(400))).hint is None


def test_a_redirect_from_https_to_http_is_refused(
    server: FaultServer, authority: Authority
) -> None:
    with FaultServer() as plain:
        target = plain.on("/a", Answer(BODY))
        url = server.on("/b", redirect(target))
        with Transfers(cacert=authority.certificate) as transfers:
            error = transfers.fail(url)
        assert str(error) == "redirect from https to http refused"
        assert error.hint == "allow it with --allow-downgrade"
        assert plain.seen == []
        with Transfers(cacert=authority.certificate, allow_downgrade=True) as transfers:
            assert transfers.get(url)[1] == BODY


def test_the_systems_bundle_is_found_before_certifis() -> None:
    assert ca_bundle({}, lambda path: path == BUNDLES[2]) == BUNDLES[2]
    assert ca_bundle({}, lambda path: False).endswith("cacert.pem")


def test_a_bundle_named_in_the_environment_is_used_even_if_missing() -> None:
    assert ca_bundle({"SSL_CERT_FILE": "/x"}, lambda path: False) == "/x"


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have a store of their own")
def test_linux_has_no_store_besides_the_bundle() -> None:
    assert not system_store()
