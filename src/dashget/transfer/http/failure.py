"""Why an attempt failed, in words for people, and what another attempt may bring."""

from __future__ import annotations

import enum
import errno
import os
import re

import msgspec

from dashget.common.lateregex import late
from dashget.errors import Retry, StoreError
from dashget.transfer.curl.libcurl import pycurl


class Scope(enum.Enum):
    """How far a failure reaches."""

    RESOURCE = enum.auto()
    """This resource; the next one may well be there."""
    BASE = enum.auto()
    """Whatever the same server offers: it cannot be reached, or is not to be trusted."""


class Failure(msgspec.Struct, frozen=True):
    """One attempt that did not succeed."""

    message: str
    retry: Retry
    scope: Scope = Scope.RESOURCE
    status: int | None = None
    hint: str | None = None
    retry_after_seconds: float | None = None
    restart: bool = False
    """The bytes received so far belong to another version: start from zero, at once."""
    lasting: bool = False
    """Whether another attempt that ends like that shows that all will."""


_SHORTAGE = (errno.EMFILE, errno.ENFILE)
_DISK_ERRORS = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO})
_AGAIN_4XX = frozenset({408, 425, 429})
_NOT_AGAIN_5XX = frozenset({501, 505, 511})
_STATUS_HINTS = {
    401: "give credentials with --user, --netrc or -H 'Authorization: ...'",
    403: "the server refuses this client; it may want a header (-H), a cookie or a token",
    407: "give the proxy's credentials in its URL: --proxy http://name:password@host:port",
    429: "lower the number of transfers with -t",
}


def status_failure(
    status: int, *, retry_after_seconds: float | None = None, server_speaks: bool = True
) -> Failure:
    """Return the failure that a response's status is, by the classes of RFC 9110, 15."""
    again = status in _AGAIN_4XX or (500 <= status < 600 and status not in _NOT_AGAIN_5XX)
    from http import HTTPStatus

    try:
        text = f"HTTP {status} {HTTPStatus(status).phrase}"
    except ValueError:
        text = f"HTTP {status}"
    return Failure(
        text,
        Retry.NEVER if status == 407 else Retry.AGAIN if again else Retry.ELSEWHERE,
        scope=Scope.BASE if status in (502, 503, 504) and server_speaks else Scope.RESOURCE,
        status=status,
        hint=_STATUS_HINTS.get(status),
        retry_after_seconds=retry_after_seconds if again else None,
    )


def bad_body(message: str, *, status: int | None = None) -> Failure:
    """Return the failure of a body that is not what was announced."""
    return Failure(message, Retry.AGAIN, status=status)


def wants_peace(seconds: float) -> Failure:
    """Return the failure of a request to a server that has asked for a longer pause than any."""
    return Failure(f"the server asked not to be asked again for {seconds:.0f} s", Retry.ELSEWHERE)


def policy_failure(message: str, hint: str | None = None) -> Failure:
    """Return the failure of a request that DashGet itself refuses to make."""
    return Failure(message, Retry.ELSEWHERE, hint=hint)


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
# Constants that pycurl does not name.
_E_HTTP2 = 16
_E_HTTP2_STREAM = 92
_E_HTTP3 = 95
_E_QUIC_CONNECT = 96
E_PROXY = 97
_E_TOO_LARGE = 100

_HINTS = {
    pycurl.E_SSL_CACERT_BADFILE: "check the file of --cacert",
    pycurl.E_SSL_CERTPROBLEM: "check the files of --cert and --key; an encrypted key is not read",
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
"""Since TLS 1.3 a client takes the handshake to be over before the server has its certificate."""
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
_CERTIFICATE = late(
    r"(?:certificate problem|verify result)\s*:?\s*(.+?)(?:\s*\(\d+\))?$", re.IGNORECASE
)
_CLIENT_CERTIFICATE = late(
    r"alert .*certificate|alert unknown ca|certificate is required", re.IGNORECASE
)
"""What a server says of a client's certificate (RFC 8446, 6.2), in OpenSSL's and GnuTLS' words."""
_CERT_HINT = (
    "give one with --cert and --key; other hosts than the manifest's get it with"
    " --send-credentials-to"
)
_INSECURE_HINT = "give the issuing CA with --cacert FILE, or go without this check with --insecure"


def curl_failure(code: int, text: str, os_error: int = 0) -> Failure:
    """Return the failure that libcurl's result ``code`` and message stand for."""
    hint = None
    if is_about_proxy_url(text):
        # What libcurl says quotes the URL, and so a password in it.
        return Failure("what is given for it is not the URL of a proxy", Retry.NEVER, Scope.BASE)
    if is_about_certificates(code, text):
        return _client_certificate_failure(text)
    if code == pycurl.E_SEND_ERROR and text.startswith("Failed to connect"):
        # What libcurl makes of a host where neither QUIC nor TCP is answered.
        code = pycurl.E_COULDNT_CONNECT
    if code == pycurl.E_BAD_FUNCTION_ARGUMENT and "private key" in text:
        code = pycurl.E_SSL_CERTPROBLEM
    if code == pycurl.E_UNSUPPORTED_PROTOCOL and "HTTP/" in text:
        return bad_body("not an HTTP answer")
    if code == pycurl.E_COULDNT_CONNECT:
        message = _connect_words(text, os_error)
    elif code == pycurl.E_PEER_FAILED_VERIFICATION:
        message, hint = _certificate_words(text), _INSECURE_HINT
    elif code in (_E_HTTP2, _E_HTTP2_STREAM):
        message = "HTTP/2 stream broken off by the server"
    elif code in (_E_HTTP3, _E_QUIC_CONNECT):
        message = "HTTP/3 connection failed"
    elif code == E_PROXY:
        message = f"the proxy refused: {clean(text)}"
    elif code == _E_TOO_LARGE:
        message = "the answer's header is too large"
    elif code == pycurl.E_RECV_ERROR and os_error == errno.ECONNRESET:
        message = "connection reset by the server"
    else:
        message = _WORDS.get(code) or f"{clean(text) or 'transfer failed'} (libcurl {code})"
        hint = _HINTS.get(code)
        if code == pycurl.E_SSL_CONNECT_ERROR and "alert handshake failure" in text:
            hint = "the server may want a client certificate (--cert), or other versions of TLS"
    retry = (
        Retry.NEVER if code in _NEVER else Retry.ELSEWHERE if code in _ELSEWHERE else Retry.AGAIN
    )
    return Failure(message, retry, Scope.BASE if code in _BASE else Scope.RESOURCE, hint=hint)


def timeout_failure(message: str, *, connecting: bool) -> Failure:
    """Return the failure of a transfer that took too long to get on."""
    scope = Scope.BASE if connecting else Scope.RESOURCE
    return Failure(f"timed out: {message}", Retry.AGAIN, scope)


def sink_failure(error: BaseException) -> Failure | StoreError | None:
    """Sort out what a sink raised: this file's trouble, the whole disk's, or (None) a bug."""
    if isinstance(error, OverflowError):
        return Failure(f"too large: {error}", Retry.NEVER)
    if not isinstance(error, OSError):
        return None
    reason = (error.strerror or str(error)).lower()
    if error.errno in _DISK_ERRORS:
        place = f": {error.filename}" if error.filename else ""
        return StoreError(f"cannot write: {reason}{place}")
    return Failure(f"cannot write: {reason}", Retry.NEVER)


def is_shortage(error: BaseException) -> bool:
    """Say whether this process or machine has run out of file descriptors, which may pass."""
    return isinstance(error, OSError) and error.errno in _SHORTAGE


def may_be_shortage(code: int, text: str, os_error: int) -> bool:
    """Say whether libcurl's result could stand for a lack of descriptors in this process.

    It does not tell that from a server that cannot be reached, a name that is not known, or
    certificates that cannot be read.
    """
    if code == pycurl.E_COULDNT_CONNECT or (
        code == pycurl.E_SEND_ERROR and text.startswith("Failed to connect")
    ):
        return os_error in (0, *_SHORTAGE)
    return code in _OPENS_FILES


def clean(text: str) -> str:
    """Drop what a terminal might act upon; servers have a say in libcurl's messages."""
    return "".join(c if c.isprintable() else " " for c in text).strip().rstrip(".")[:200]


def _connect_words(text: str, os_error: int) -> str:
    if os_error == errno.ECONNREFUSED or "refused" in text:
        return "connection refused"
    if os_error:
        return f"cannot connect: {os.strerror(os_error).lower()}"
    return f"cannot connect: {clean(text)}"


def is_about_proxy_url(text: str) -> bool:
    """Say whether libcurl could make nothing of the URL of a proxy."""
    return text.startswith("Unsupported proxy")


def is_about_certificates(code: int, text: str) -> bool:
    """Say whether the other end of a connection wants another certificate, or one at all."""
    return code in _TLS_ALERTS and _CLIENT_CERTIFICATE.search(text) is not None


def _client_certificate_failure(text: str) -> Failure:
    """Return the failure that is meant where a server wants another certificate, or one at all."""
    if "required" in text.lower():
        message, hint = "the server wants a client certificate", _CERT_HINT
    else:
        message = "the server does not accept the client certificate"
        hint = "check the file of --cert"
    return Failure(message, Retry.ELSEWHERE, Scope.BASE, hint=hint)


def _certificate_words(text: str) -> str:
    match = _CERTIFICATE.search(text)
    if match is not None:
        return f"certificate verify failed: {clean(match.group(1))}"
    if "subject" in text or "name" in text:
        return "certificate verify failed: it is for another host name"
    return "certificate verify failed"
