"""What messages about TLS mean, in the words of OpenSSL and GnuTLS."""

from __future__ import annotations

import pytest

from dashget.transfer.curl.tlswords import certificate_hint, handshake_meaning


@pytest.mark.parametrize(
    ("text", "advice"),
    [
        ("SSL certificate problem: certificate has expired", "renewed by its operator"),
        ("server certificate expiration date has passed.", "renewed by its operator"),
        ("SSL certificate OpenSSL verify result: certificate has expired (10)", "renewed"),
        ("server certificate not activated yet.", "check the date"),
        ("verify result: certificate is not yet valid or the system clock is incorrect", "date"),
        ("self signed certificate in certificate chain", "company's"),
        ("verify result: self-signed certificate in certificate chain (19)", "company's"),
        ("SSL certificate problem: self signed certificate", "its own certificate"),
        ("certificate subject name 'a' does not match target hostname 'b'", "host name"),
        ("no alternative certificate subject name matches target IPv4 address", "host name"),
        ("verify result: EE certificate key too weak (66)", "old kind"),
        ("verify result: CA signature digest algorithm too weak (68)", "old kind"),
        ("verify result: certificate revoked (23)", "withdrawn"),
        ("unable to get local issuer certificate", "the issuing CA"),
        ("server certificate verification failed. CAfile: x CRLfile: none", "the issuing CA"),
        ("", "the issuing CA"),
    ],
)
def test_each_refused_certificate_has_a_hint_of_its_own(text: str, advice: str) -> None:
    assert advice in certificate_hint(text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("error:0A00042E:SSL routines::tlsv1 alert protocol version", "only old versions"),
        ("error:0A000102:SSL routines::unsupported protocol", "only old versions"),
        ("error:1407742E:SSL routines:SSL23_GET_SERVER_HELLO:version too low", "only old versions"),
        ("error:0A000152:SSL routines::unsafe legacy renegotiation disabled", "only old versions"),
        ("gnutls_handshake() failed: A packet with illegal or unsupported version was", "old"),
        ("error:0A00010B:SSL routines::wrong version number", "does not speak TLS"),
        ("gnutls_handshake() failed: An unexpected TLS packet was received.", "does not speak"),
        ("error:0A000458:SSL routines::tlsv1 unrecognized name", "does not know this host name"),
        ("error:0A00018A:SSL routines::dh key too small", "too weak"),
    ],
)
def test_a_handshake_that_never_succeeds_is_named(text: str, message: str) -> None:
    meaning = handshake_meaning(text)
    assert meaning is not None
    assert message in meaning.message
    assert meaning.hint


@pytest.mark.parametrize(
    "text", ["Recv failure: Connection reset by peer", "unexpected eof while reading", ""]
)
def test_a_handshake_that_broke_off_may_succeed_the_next_time(text: str) -> None:
    assert handshake_meaning(text) is None
