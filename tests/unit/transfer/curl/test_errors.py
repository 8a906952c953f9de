"""libcurl's errors in words, with what another attempt may bring."""

from __future__ import annotations

import errno

import pycurl
import pytest

from dashget.errors import Retry
from dashget.transfer.curl.errors import curl_failure, may_be_shortage


@pytest.mark.parametrize(
    ("code", "text", "os_error", "message", "retry"),
    [
        (pycurl.E_COULDNT_CONNECT, "Failed to connect", errno.ECONNREFUSED, "connection refused", Retry.AGAIN),
        (pycurl.E_COULDNT_CONNECT, "", errno.EHOSTUNREACH, "cannot connect: no route to host", Retry.AGAIN),
        (pycurl.E_COULDNT_RESOLVE_HOST, "x", 0, "host name cannot be resolved", Retry.AGAIN),
        (pycurl.E_PEER_FAILED_VERIFICATION, "SSL certificate problem: self-signed certificate", 0,
         "certificate verify failed: self-signed certificate", Retry.ELSEWHERE),
        (pycurl.E_PEER_FAILED_VERIFICATION, "SSL certificate verification failed: certificate verify result: "
         "unable to get local issuer certificate (20)", 0,
         "certificate verify failed: unable to get local issuer certificate", Retry.ELSEWHERE),
        (pycurl.E_PEER_FAILED_VERIFICATION, "SSL: no alternative certificate subject name matches", 0,
         "certificate verify failed: the certificate is for another host name", Retry.ELSEWHERE),
        (pycurl.E_GOT_NOTHING, "Empty reply", 0, "the server closed the connection without an answer", Retry.AGAIN),
        (pycurl.E_RECV_ERROR, "x", errno.ECONNRESET, "connection reset by the server", Retry.AGAIN),
        (pycurl.E_UNSUPPORTED_PROTOCOL, "Received HTTP/0.9 when not allowed", 0, "not an HTTP answer", Retry.AGAIN),
        (61, "Unsolicited Transfer-Encoding (br) found", 0,
         "the server's answer is invalid: its transfer coding is unknown: br", Retry.AGAIN),
        (61, "A Transfer-Encoding (identity) was listed after chunked", 0,
         "the server's answer is invalid: a transfer coding after chunked: identity", Retry.AGAIN),
        (8, "Header without colon", 0, "the server's answer is invalid: a header line has no colon", Retry.AGAIN),
        (8, "Invalid Content-Length: value", 0,
         "the server's answer is invalid: its Content-Length is no number, or there are two", Retry.AGAIN),
        (8, "NUL byte in header", 0, "the server's answer is invalid: a header line has a NUL byte", Retry.AGAIN),
        (8, "anything else", 0, "not an HTTP answer", Retry.AGAIN),
        (1, "Unsupported HTTP version in response", 0,
         "the server's answer is invalid: its version of HTTP is unknown", Retry.AGAIN),
        (pycurl.E_RECV_ERROR, "chunk hex-length char not a hex digit: 0x7a", 0,
         "the server's answer is invalid: the length of a chunk cannot be read", Retry.AGAIN),
        (pycurl.E_UNSUPPORTED_PROTOCOL, "Protocol \"x\" not supported", 0, "not an http or https URL", Retry.ELSEWHERE),
        (pycurl.E_SSL_CACERT_BADFILE, "x", 0, "the CA certificates cannot be read", Retry.NEVER),
        (pycurl.E_BAD_FUNCTION_ARGUMENT, "unable to set private key file: 'k' type PEM", 0,
         "the client certificate cannot be used", Retry.NEVER),
        (pycurl.E_RECV_ERROR, "OpenSSL SSL_read: OpenSSL/3.6.5: error:0A00045C:SSL routines::tlsv13 alert "
         "certificate required, errno 0", 0, "the server requires a client certificate", Retry.ELSEWHERE),
        (pycurl.E_SEND_ERROR, "SSL_write() error: tlsv13 alert certificate required", 0,
         "the server requires a client certificate", Retry.ELSEWHERE),
        (pycurl.E_RECV_ERROR, "GnuTLS recv error (-12): A TLS fatal alert has been received: Certificate is "
         "required", 0, "the server requires a client certificate", Retry.ELSEWHERE),
        (pycurl.E_SSL_CONNECT_ERROR, "TLS connect error: error:0A000418:SSL routines::tlsv1 alert unknown ca", 0,
         "the server does not accept the client certificate", Retry.ELSEWHERE),
        (pycurl.E_RECV_ERROR, "SSL routines::ssl/tls alert certificate expired, errno 0", 0,
         "the server does not accept the client certificate", Retry.ELSEWHERE),
        (pycurl.E_SSL_CONNECT_ERROR, "SSL routines::ssl/tls alert handshake failure", 0, "TLS handshake failed",
         Retry.AGAIN),
        (pycurl.E_RECV_ERROR, "SSL routines::tlsv1 alert internal error", 0, "the connection broke", Retry.AGAIN),
        (92, "HTTP/2 stream 1 was not closed cleanly", 0, "HTTP/2 stream aborted by the server", Retry.AGAIN),
        (4711, "odd\x1b[2J thing.", 0, "odd [2J thing (libcurl 4711)", Retry.AGAIN),
    ],
)  # fmt: skip
def test_each_result_of_libcurl_has_a_message_and_a_retry_class(
    code: int, text: str, os_error: int, message: str, retry: Retry
) -> None:
    failure = curl_failure(code, text, os_error)
    assert (failure.message, failure.retry) == (message, retry)


@pytest.mark.parametrize(
    ("code", "text", "os_error", "expected"),
    [
        (pycurl.E_COULDNT_CONNECT, "Failed to connect", 0, True),
        (pycurl.E_COULDNT_CONNECT, "Failed to connect", errno.EMFILE, True),
        (pycurl.E_COULDNT_CONNECT, "Failed to connect", errno.ECONNREFUSED, False),
        (pycurl.E_SEND_ERROR, "Failed to connect to h", 0, True),
        (pycurl.E_SEND_ERROR, "Connection died", 0, False),
        (pycurl.E_COULDNT_RESOLVE_HOST, "", 0, True),
        (pycurl.E_SSL_CACERT_BADFILE, "", errno.ECONNREFUSED, True),
        (pycurl.E_GOT_NOTHING, "", 0, False),
    ],
)
def test_some_results_may_mean_a_lack_of_descriptors(
    code: int, text: str, os_error: int, expected: bool
) -> None:
    assert may_be_shortage(code, text, os_error) is expected
