"""What a failed TLS handshake means: words and hints for the messages of OpenSSL and GnuTLS."""

from __future__ import annotations

from typing import Final, NamedTuple


class Meaning(NamedTuple):
    """Why a handshake failed, and what helps; it fails so again."""

    message: str
    hint: str


_OTHER_HINT: Final = (
    "give the issuing CA with --cacert FILE, or turn this check off with --insecure"
)
_CERTIFICATES: Final = (
    (
        ("has expired", "expiration date has passed"),
        "the server's certificate has to be renewed by its operator; check the date of this"
        " machine, too; --insecure turns this check off",
    ),
    (
        ("not yet valid", "not activated"),
        "check the date of this machine; --insecure turns this check off",
    ),
    (
        ("signed certificate in certificate chain",),
        "an authority that this machine does not know has issued it, such as that of a company's"
        " proxy: give its certificate with --cacert FILE, or turn this check off with --insecure",
    ),
    (
        ("self-signed certificate", "self signed certificate"),
        "if you know the server, give its own certificate with --cacert FILE, or turn this check"
        " off with --insecure",
    ),
    (
        ("subject name", "host name", "hostname", "ip address mismatch"),
        "use the host name for which the server has its certificate, or turn this check off with"
        " --insecure",
    ),
    (
        ("revoked",),
        "the certificate was withdrawn: the server may be somebody else's",
    ),
    (
        ("too weak", "too small"),
        "the server's certificate is of an old kind that can be forged: its operator has to renew"
        " it; --insecure turns this check off",
    ),
)
_OLD: Final = (
    "alert protocol version",
    "unsupported protocol",
    "version too low",
    "no protocols available",
    "unsupported version",
    "legacy renegotiation",
)
_HANDSHAKES: Final = (
    (
        _OLD,
        Meaning(
            "the server speaks only old versions of TLS",
            "TLS 1.2 or newer is needed: its operator has to update it, or try http://",
        ),
    ),
    (
        ("wrong version number", "unexpected tls packet", "http request", "packet length too long"),
        Meaning(
            "the server does not speak TLS on this port",
            "try http://, or check the port of the URL",
        ),
    ),
    (
        ("unrecognized name",),
        Meaning("the server does not know this host name", "check the host name of the URL"),
    ),
    (
        ("dh key too small", "key too small", "md too weak", "signature type"),
        Meaning(
            "the server's encryption is too weak",
            "its operator has to update it, or try http://",
        ),
    ),
)


def certificate_hint(text: str) -> str:
    """Return what helps against a certificate that was refused with a message."""
    told = text.lower()
    for signs, hint in _CERTIFICATES:
        if any(sign in told for sign in signs):
            return hint
    return _OTHER_HINT


def handshake_meaning(text: str) -> Meaning | None:
    """Return what a message about a handshake means; None if it may succeed the next time."""
    told = text.lower()
    for signs, meaning in _HANDSHAKES:
        if any(sign in told for sign in signs):
            return meaning
    return None
