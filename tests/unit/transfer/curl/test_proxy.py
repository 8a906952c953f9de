"""The failures of proxies are told apart from those of servers."""

from __future__ import annotations

import errno

import pycurl
import pytest

from dashget.transfer.curl.proxy import ProxyStage, proxy_failure
from dashget.transfer.settings.proxies import Proxy

FRESH = ProxyStage(connected=False, tunnelled=False)
CONNECTED = ProxyStage(connected=True, tunnelled=False)
TUNNELLED = ProxyStage(connected=True, tunnelled=True)
PLAIN = Proxy("http", "p.example", 3128)
SECURE = Proxy("https", "p.example", 3128)


@pytest.mark.parametrize(
    ("proxy", "stage", "code", "message"),
    [
        (PLAIN, FRESH, pycurl.E_OPERATION_TIMEDOUT,
         "the proxy p.example:3128 cannot be reached: timed out: no connection within 9 s"),
        (PLAIN, CONNECTED, pycurl.E_OPERATION_TIMEDOUT,
         "timed out: no connection through the proxy p.example:3128 within 9 s"),
        (PLAIN, TUNNELLED, pycurl.E_OPERATION_TIMEDOUT, None),
        (PLAIN, FRESH, pycurl.E_COULDNT_CONNECT,
         "the proxy p.example:3128 cannot be reached: connection refused"),
        (None, FRESH, pycurl.E_COULDNT_CONNECT, "the proxy cannot be reached: connection refused"),
        (PLAIN, CONNECTED, pycurl.E_SSL_CONNECT_ERROR, None),
        (None, CONNECTED, pycurl.E_SSL_CONNECT_ERROR, None),
        (SECURE, CONNECTED, pycurl.E_SSL_CONNECT_ERROR,
         "the proxy p.example:3128 cannot be reached: TLS handshake failed"),
        (SECURE, TUNNELLED, pycurl.E_SSL_CONNECT_ERROR, None),
        (SECURE, TUNNELLED, pycurl.E_PEER_FAILED_VERIFICATION, None),
        (SECURE, CONNECTED, pycurl.E_RECV_ERROR, None),
        (PLAIN, CONNECTED, pycurl.E_COULDNT_RESOLVE_HOST, None),
        (PLAIN, CONNECTED, pycurl.E_GOT_NOTHING, None),
    ],
)  # fmt: skip
def test_the_proxy_is_blamed_if_the_request_did_not_get_past_it(
    proxy: Proxy | None, stage: ProxyStage, code: int, message: str | None
) -> None:
    failure = proxy_failure(proxy, stage, code, "", errno.ECONNREFUSED, 9.0)
    assert (None if failure is None else failure.message) == message
    assert failure is None or (failure.hint or "").startswith("check --proxy")
