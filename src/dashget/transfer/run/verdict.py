"""How a request ended, from libcurl's result and from what was seen on the way."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from dashget.errors import Retry
from dashget.transfer.curl.descriptors import find_shortage
from dashget.transfer.curl.errors import curl_failure, may_be_shortage
from dashget.transfer.curl.libcurl import pycurl
from dashget.transfer.http.failure import Failure, bad_body, timeout_failure
from dashget.transfer.http.head import Head, retry_after_seconds
from dashget.transfer.http.judge import Accepted, Redirect, judge

if TYPE_CHECKING:
    from dashget.transfer.run.wire import Wire
    from dashget.transfer.settings.proxies import Proxy

Verdict = Failure | Redirect | BaseException | None
"""How a request ended; None: all bytes that it was for have reached the sink."""


def conclude(wire: Wire, code: int, text: str) -> Verdict:
    """Return the verdict on a request that libcurl has ended with ``code`` and ``text``."""
    if wire.awaits_head and code == 0:
        # What became of one address does not matter where another one has answered.
        wire.verdict = wire.error = None
    if wire.error is not None:
        return wire.error
    if wire.verdict is not None:
        return wire.verdict
    late = _late_head(wire, code)
    if late is not None:
        return late
    if wire.stopped:
        return None
    if code != 0:
        return _broken(wire, code, text)
    if not wire.under_way:
        return bad_body("not an HTTP answer")
    if wire.end is not None and wire.position < wire.end:
        return _short(wire)
    return None


def conclude_stalled(wire: Wire, limit: float) -> Verdict:
    """Return the verdict on a request to which nothing more has come for ``limit`` seconds.

    A refusal or a redirect may have come, though not its body.
    """
    if wire.verdict is not None:
        return wire.verdict
    late = _late_head(wire, pycurl.E_OPERATION_TIMEDOUT)
    return late or timeout_failure(f"no data for {limit:g} s", connecting=False)


def late_failure(wire: Wire) -> Failure:
    """Return the failure of a request whose job has no time left."""
    patience = wire.task.job.patience
    seconds = 0.0 if patience is None else patience.seconds or 0.0
    return Failure(f"not complete within {seconds:g} s", Retry.NEVER)


def _late_head(wire: Wire, code: int) -> Verdict:
    """Judge a head that no body followed."""
    if not wire.awaits_head or not (b"\r\n" in wire.lines or b"\n" in wire.lines):
        return None
    try:
        if code == 0:
            wire.open_body()
            return wire.verdict
    except Exception as error:  # noqa: BLE001  the sink's, handled with the others
        return error
    # An answer that says no counts, though its body broke off.
    head = Head.parse(wire.lines)
    if head is None or head.status < 300:
        # A 1xx, or a proxy's answer to CONNECT, is none; of a good one too little has come.
        return None
    wire.note_first_byte()
    wall_clock = wire.loop.wall_clock
    if head.status == wire.handle.getinfo(pycurl.HTTP_CONNECTCODE):
        from dashget.transfer.curl.proxy import tunnel_failure

        after = retry_after_seconds(head.text("retry-after"), wall_clock())
        return tunnel_failure(_proxy(wire), head.status, after)
    verdict = judge(head, wire.asked, wall_clock)
    return None if isinstance(verdict, Accepted) else verdict


def _broken(wire: Wire, code: int, text: str) -> Failure | OSError:
    if code == pycurl.E_PARTIAL_FILE and wire.end is not None:
        return _short(wire)
    if code == pycurl.E_OPERATION_TIMEDOUT:
        limit = wire.loop.options.connect_timeout_seconds
        slow = timeout_failure(f"no connection within {limit:g} s", connecting=True)
        return _proxy_failure(wire, code, text) or slow
    os_error = int(wire.handle.getinfo(pycurl.OS_ERRNO))
    if may_be_shortage(code, text, os_error):
        shortage = find_shortage()
        if shortage is not None:
            return shortage
    return _proxy_failure(wire, code, text, os_error) or curl_failure(code, text, os_error)


def _proxy_failure(wire: Wire, code: int, text: str, os_error: int = 0) -> Failure | None:
    """Return what went wrong with the proxy, if one was used and it was that."""
    from dashget.transfer.curl.proxy import ProxyStage, proxy_failure

    stage = ProxyStage.of(wire.handle, code, text)
    if stage is None:
        return None
    limit = wire.loop.options.connect_timeout_seconds
    return proxy_failure(_proxy(wire), stage, code, text, os_error, limit)


def _proxy(wire: Wire) -> Proxy | None:
    """Return the proxy of the present request, if it has one and which one can be told."""
    from dashget.transfer.settings.proxies import proxy_of

    return proxy_of(wire.origin.scheme, wire.loop.options.proxy, os.environ)


def _short(wire: Wire) -> Failure:
    return bad_body(f"body is {wire.position} bytes, announced {wire.end}")
