"""The failures that libcurl reports: its codes and messages, in words for people."""

from __future__ import annotations

import errno
import os
import re

from dashget.common.foreigntext import one_line
from dashget.common.lateregex import late
from dashget.common.oserrors import DESCRIPTORS_EXHAUSTED
from dashget.errors import Retry
from dashget.transfer.curl.libcurl import pycurl
from dashget.transfer.http.failure import Failure, Scope, bad_body

_WORDS = {
    pycurl.E_UNSUPPORTED_PROTOCOL: "not an http or https URL",
    pycurl.E_URL_MALFORMAT: "not a valid URL",
    pycurl.E_COULDNT_RESOLVE_PROXY: "host name cannot be resolved",
    pycurl.E_COULDNT_RESOLVE_HOST: "host name cannot be resolved",
    pycurl.E_GOT_NOTHING: "the server closed the connection without an answer",
    pycurl.E_PARTIAL_FILE: "the connection was closed before the end of the body",
    pycurl.E_SSL_CONNECT_ERROR: "TLS handshake failed",
    pycurl.E_PEER_FAILED_VERIFICATION: "certificate verify failed",
    pycurl.E_SSL_CACERT_BADFILE: "the CA certificates cannot be read",
    pycurl.E_SSL_CERTPROBLEM: "the client certificate cannot be used",
    pycurl.E_TOO_MANY_REDIRECTS: "too many redirects",
    pycurl.E_INTERFACE_FAILED: "the local interface cannot be used",
    pycurl.E_SEND_ERROR: "the connection broke while the request was sent",
    pycurl.E_RECV_ERROR: "the connection broke",
    pycurl.E_FTP_WEIRD_SERVER_REPLY: "not an HTTP answer",
}
# Constants that pycurl lacks.
_E_HTTP2 = 16
_E_HTTP2_STREAM = 92
_E_HTTP3 = 95
_E_QUIC_CONNECT = 96
E_PROXY = 97
_E_TOO_LARGE = 100

_HINTS = {
    pycurl.E_SSL_CACERT_BADFILE: "check the file of --cacert",
    pycurl.E_SSL_CERTPROBLEM: "check the files of --cert and --private-key (not encrypted)",
    pycurl.E_INTERFACE_FAILED: "check --interface",
}
_NEVER = frozenset(
    {pycurl.E_SSL_CACERT_BADFILE, pycurl.E_SSL_CERTPROBLEM, pycurl.E_INTERFACE_FAILED}
)
_OPENS_FILES = frozenset(
    {
        pycurl.E_COULDNT_RESOLVE_HOST,
        pycurl.E_COULDNT_RESOLVE_PROXY,
        pycurl.E_SSL_CACERT_BADFILE,
        pycurl.E_SSL_CERTPROBLEM,
    }
)
_ELSEWHERE = frozenset(
    {pycurl.E_UNSUPPORTED_PROTOCOL, pycurl.E_URL_MALFORMAT, pycurl.E_PEER_FAILED_VERIFICATION}
)
_TLS_ALERTS = frozenset({pycurl.E_SSL_CONNECT_ERROR, pycurl.E_SEND_ERROR, pycurl.E_RECV_ERROR})
"""Since TLS 1.3 the handshake ends for a client before the server has seen its certificate."""
_BASE = frozenset(
    {
        pycurl.E_COULDNT_RESOLVE_HOST,
        pycurl.E_COULDNT_CONNECT,
        pycurl.E_SSL_CONNECT_ERROR,
        pycurl.E_PEER_FAILED_VERIFICATION,
        pycurl.E_GOT_NOTHING,
        _E_QUIC_CONNECT,
    }
)
_UNREACHABLE = frozenset(
    {
        pycurl.E_COULDNT_RESOLVE_PROXY,
        pycurl.E_COULDNT_RESOLVE_HOST,
        pycurl.E_COULDNT_CONNECT,
        _E_QUIC_CONNECT,
    }
)
_REFUSED_ANSWERS = frozenset(
    {
        pycurl.E_UNSUPPORTED_PROTOCOL,
        pycurl.E_FTP_WEIRD_SERVER_REPLY,
        pycurl.E_RECV_ERROR,
        pycurl.E_BAD_CONTENT_ENCODING,
    }
)
_CERTIFICATE = late(r"(?:certificate problem|verify result)\s*+:?\s*+(.+)$", re.IGNORECASE)
_CODE_BEHIND = late(r"\(\d+\)$")
_CLIENT_CERTIFICATE = late(
    r"alert .*certificate|alert unknown ca|certificate is required", re.IGNORECASE
)
"""Alerts about a client's certificate (RFC 8446, 6.2), in the words of OpenSSL and GnuTLS."""
_ANSWERS = (
    (late(r"Unsolicited Transfer-Encoding \((.{1,60})\)"), "its transfer coding is unknown: {}"),
    (late(r"Transfer-Encoding \((.{1,60})\) was listed"), "a transfer coding after chunked: {}"),
    (late(r"header without colon", re.IGNORECASE), "a header line has no colon"),
    (
        late(r"invalid content-length", re.IGNORECASE),
        "its Content-Length is no number, or there are two",
    ),
    (late(r"nul byte in header", re.IGNORECASE), "a header line has a NUL byte"),
    (late(r"unsupported HTTP version", re.IGNORECASE), "its version of HTTP is unknown"),
    (late(r"unsupported response code", re.IGNORECASE), "its status is no number from 100 to 999"),
    (late(r"chunk hex-length|hexadecimal"), "the length of a chunk cannot be read"),
)
"""What libcurl says of answers that it does not take, and what that means."""
_CERT_HINT = (
    "give one with --cert and --private-key; other hosts than the manifest's get it with"
    " --send-credentials-to"
)


def curl_failure(code: int, text: str, os_error: int = 0) -> Failure:
    """Return the failure for a result of libcurl: ``code`` and message."""
    hint = None
    if is_about_proxy_url(text):
        # The message of libcurl quotes the URL, and so a password in it.
        return Failure("its URL is invalid", Retry.NEVER, Scope.BASE)
    if is_about_certificates(code, text):
        return _client_certificate_failure(text)
    if code in (pycurl.E_SSL_CONNECT_ERROR, pycurl.E_PEER_FAILED_VERIFICATION):
        # Loaded late: few runs meet such a server.
        from dashget.transfer.curl.tlswords import certificate_hint, handshake_meaning

        if code == pycurl.E_PEER_FAILED_VERIFICATION:
            hint = certificate_hint(text)
        elif (meaning := handshake_meaning(text)) is not None:
            return Failure(meaning.message, Retry.ELSEWHERE, Scope.BASE, hint=meaning.hint)
    if code == pycurl.E_SEND_ERROR and text.startswith("Failed to connect"):
        # The code for a host that answers neither QUIC nor TCP.
        code = pycurl.E_COULDNT_CONNECT
    if code == pycurl.E_BAD_FUNCTION_ARGUMENT and "private key" in text:
        code = pycurl.E_SSL_CERTPROBLEM
    if code in _REFUSED_ANSWERS and (fault := _fault_of_answer(text)) is not None:
        return bad_body(f"the server's answer is invalid: {fault}")
    if code == pycurl.E_UNSUPPORTED_PROTOCOL and "HTTP/" in text:
        return bad_body("not an HTTP answer")
    if code == pycurl.E_COULDNT_CONNECT:
        message = _connect_words(text, os_error)
    elif code == pycurl.E_PEER_FAILED_VERIFICATION:
        message = _certificate_words(text)
    elif code in (_E_HTTP2, _E_HTTP2_STREAM):
        message = "HTTP/2 stream aborted by the server"
    elif code in (_E_HTTP3, _E_QUIC_CONNECT):
        message = "HTTP/3 connection failed"
    elif code == E_PROXY:
        message = f"the proxy refused: {one_line(text)}"
    elif code == _E_TOO_LARGE:
        message = "the answer's header is too large"
    elif code == pycurl.E_RECV_ERROR and os_error == errno.ECONNRESET:
        message = "connection reset by the server"
    else:
        message = _WORDS.get(code) or f"{one_line(text) or 'transfer failed'} (libcurl {code})"
        hint = _HINTS.get(code)
        if code == pycurl.E_SSL_CONNECT_ERROR and "alert handshake failure" in text:
            hint = "the server may require a client certificate (--cert), or other versions of TLS"
    retry = (
        Retry.NEVER if code in _NEVER else Retry.ELSEWHERE if code in _ELSEWHERE else Retry.AGAIN
    )
    return Failure(
        message,
        retry,
        Scope.BASE if code in _BASE else Scope.RESOURCE,
        hint=hint,
        unreachable=code in _UNREACHABLE,
    )


def may_be_shortage(code: int, text: str, os_error: int) -> bool:
    """Return True if a result of libcurl could mean that this process lacks descriptors.

    libcurl reports that like an unreachable server, an unknown name or unreadable certificates.
    """
    if code == pycurl.E_COULDNT_CONNECT or (
        code == pycurl.E_SEND_ERROR and text.startswith("Failed to connect")
    ):
        return os_error in (0, *DESCRIPTORS_EXHAUSTED)
    return code in _OPENS_FILES


def _fault_of_answer(text: str) -> str | None:
    """Return what is wrong with an answer that libcurl did not take; None if that is unknown."""
    for pattern, words in _ANSWERS:
        match = pattern.search(text)
        if match is not None:
            return words.format(*map(one_line, match.groups()))
    return None


def _connect_words(text: str, os_error: int) -> str:
    if os_error == errno.ECONNREFUSED or "refused" in text:
        return "connection refused"
    if os_error:
        return f"cannot connect: {os.strerror(os_error).lower()}"
    return f"cannot connect: {one_line(text)}"


def is_about_proxy_url(text: str) -> bool:
    """Return True if libcurl could not read the URL of a proxy."""
    return text.startswith("Unsupported proxy")


def is_about_certificates(code: int, text: str) -> bool:
    """Return True if the peer requires a client certificate, or refuses the one it got."""
    return code in _TLS_ALERTS and _CLIENT_CERTIFICATE.search(text) is not None


def _client_certificate_failure(text: str) -> Failure:
    """Return the failure of a connection without an accepted client certificate."""
    if "required" in text.lower():
        message, hint = "the server requires a client certificate", _CERT_HINT
    else:
        message = "the server does not accept the client certificate"
        hint = "check the file of --cert"
    return Failure(message, Retry.ELSEWHERE, Scope.BASE, hint=hint)


def _certificate_words(text: str) -> str:
    match = _CERTIFICATE.search(text)
    if match is not None:
        words = _CODE_BEHIND.sub("", match.group(1)).rstrip()
        return f"certificate verify failed: {one_line(words)}"
    if "subject" in text or "name" in text:
        return "certificate verify failed: the certificate is for another host name"
    return "certificate verify failed"
