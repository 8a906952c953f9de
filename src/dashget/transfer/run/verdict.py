"""How a request ended, from libcurl's result and from what was seen on the way."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from dashget.transfer.curl.descriptors import find_shortage
from dashget.transfer.curl.libcurl import pycurl
from dashget.transfer.http.failure import Failure, bad_body, timeout_failure
from dashget.transfer.http.head import Head
from dashget.transfer.http.judge import Accepted, Redirect, judge
from dashget.transfer.run.exchange import Exchange
from dashget.transfer.run.task import Task

if TYPE_CHECKING:
    from dashget.transfer.settings.proxies import Proxy

Verdict = Failure | Redirect | BaseException | None
"""How a request ended; None: all bytes that it was for have reached the sink."""


def conclude(exchange: Exchange[Task], code: int, text: str) -> Verdict:
    """Return the verdict on a request that libcurl has ended with ``code`` and ``text``.

    A response without a body, if it is complete (``code`` 0), was taken in before.
    """
    slot = exchange.slot
    if slot.error is not None:
        return slot.error
    earlier = exchange.verdict or slot.refusal
    if earlier is not None:
        return earlier
    late = _late_head(exchange) if code else None
    if late is not None:
        return late
    if exchange.stopped:
        return None
    if code:
        return _broken(exchange, code, text)
    if not exchange.under_way:
        return bad_body("not an HTTP answer")
    if exchange.end is not None and exchange.position < exchange.end:
        return _short(exchange)
    if exchange.compares:
        return bad_body("it ended before the bytes that are on disk were compared")
    return None


def conclude_stalled(exchange: Exchange[Task], limit: float) -> Verdict:
    """Return the verdict on a request to which nothing more has come for ``limit`` seconds."""
    told = f"no data for {limit:g} s"
    if exchange.under_way and exchange.open_ended and exchange.end is None:
        told += "; no length was announced, and the connection stays open"
    stalled = timeout_failure(told, connecting=False)
    return conclude_given_up(exchange, stalled)


def conclude_late(exchange: Exchange[Task], limit: float) -> Verdict:
    """Return the verdict on a request without the head of an answer after ``limit`` seconds.

    It may come byte by byte, or as one informational answer (1xx) after another.
    """
    late = timeout_failure(f"no complete answer within {limit:g} s", connecting=False)
    return conclude_given_up(exchange, late)


def conclude_overlong(exchange: Exchange[Task], seconds: float) -> Verdict:
    """Return the verdict on a request whose connection was shut while libcurl read from it.

    What the server sends has kept libcurl in one call for so long.
    """
    overlong = timeout_failure(f"frames without a pause for {seconds:g} s", connecting=False)
    return conclude_given_up(exchange, overlong)


def conclude_given_up(exchange: Exchange[Task], failure: Failure) -> Verdict:
    """Return the verdict on a request that is broken off here because of ``failure``.

    A refusal or a redirect may have come, though not its body.
    """
    return exchange.verdict or exchange.slot.refusal or _late_head(exchange) or failure


def _late_head(exchange: Exchange[Task]) -> Failure | Redirect | None:
    """Judge a head whose body broke off before a byte came; None if it is no refusal."""
    if not exchange.awaits_head or not exchange.has_head:
        return None
    slot, wall_clock = exchange.slot, exchange.wall_clock
    head = Head.parse(slot.lines)
    if head is None or head.status < 300:
        # A 1xx, or a proxy's answer to CONNECT, is none; of a good one too little has come.
        return None
    exchange.note_first_byte()
    if head.status == slot.handle.getinfo(pycurl.HTTP_CONNECTCODE):
        from dashget.transfer.curl.proxy import tunnel_failure

        after = head.retry_after_seconds(wall_clock)
        return tunnel_failure(_proxy(exchange), head.status, after)
    verdict = judge(head, exchange.asked, wall_clock)
    return None if isinstance(verdict, Accepted) else verdict


def _broken(exchange: Exchange[Task], code: int, text: str) -> Failure | OSError:
    if code == pycurl.E_PARTIAL_FILE and exchange.end is not None:
        return _short(exchange)
    if code == pycurl.E_OPERATION_TIMEDOUT:
        limit = exchange.slot.options.connect_timeout_seconds
        slow = timeout_failure(f"no connection within {limit:g} s", connecting=True)
        return _proxy_failure(exchange, code, text) or slow
    try:
        from dashget.transfer.curl.errors import curl_failure, may_be_shortage
    except OSError as error:
        # No descriptor is left even to load the words for it.
        return error
    os_error = int(exchange.slot.handle.getinfo(pycurl.OS_ERRNO))
    if may_be_shortage(code, text, os_error):
        shortage = find_shortage()
        if shortage is not None:
            return shortage
    return _proxy_failure(exchange, code, text, os_error) or curl_failure(code, text, os_error)


def _proxy_failure(
    exchange: Exchange[Task], code: int, text: str, os_error: int = 0
) -> Failure | None:
    """Return the failure of the proxy, if one was used and it was that."""
    from dashget.transfer.curl.proxy import ProxyStage, proxy_failure

    stage = ProxyStage.of(exchange.slot.handle, code, text)
    if stage is None:
        return None
    limit = exchange.slot.options.connect_timeout_seconds
    return proxy_failure(_proxy(exchange), stage, code, text, os_error, limit)


def _proxy(exchange: Exchange[Task]) -> Proxy | None:
    """Return the proxy of the present request, if it has one and it is known which."""
    from dashget.transfer.settings.proxies import proxy_of

    return proxy_of(exchange.origin.scheme, exchange.slot.options.proxy, os.environ)


def _short(exchange: Exchange[Task]) -> Failure:
    return bad_body(f"body is {exchange.position} bytes, announced {exchange.end}")
