"""The failure of an attempt: its reason in words for people, and where to try again."""

from __future__ import annotations

import enum

import msgspec

from dashget.common.oserrors import disk_error, hint_for, is_disk_failure, reason_of
from dashget.errors import Retry, StoreError
from dashget.transfer.contract import TooLargeError


class Scope(enum.Enum):
    """The resources that a failure concerns."""

    RESOURCE = enum.auto()
    """One resource; others of the server may be available."""
    BASE = enum.auto()
    """All resources of the server: it is unreachable, overloaded or not trustworthy."""


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
    """True if a second failure of this kind is final: further attempts would end the same."""
    uncounted: bool = False
    """True if it uses up no attempt: what is left is requested again, at once."""
    unreachable: bool = False
    """True if there was no connection: the host's name is unknown, or nobody answers there."""
    barred: bool = False
    """True if DashGet itself refuses to send the request: it says nothing of a server."""

    @property
    def is_trouble(self) -> bool:
        """True for what a host answers that is not at work, whatever it is asked for."""
        return is_trouble(self.status, self.retry_after_seconds)


TOO_LARGE = "too large"
"""How the message begins if there is more than the sink takes."""
BUSY_STATUSES = frozenset({408, 425, 429})
"""Below 500, and none of them says anything about the file: ask later."""
_AGAIN = BUSY_STATUSES | {202}
_NOT_AGAIN_5XX = frozenset({501, 505, 511})
_OF_THE_REQUEST = frozenset(
    {
        *(401, 402, 407, 511),  # a login, a payment
        *(404, 410, 416, 451),  # the file is not there
        *(400, 405, 406, 411, 412, 414, 415, 417, 421, 422, 424, 426, 428, 431, 501, 505),
    }
)
"""Statuses that no pause changes, whatever ``Retry-After`` says; with it, all others are a pause:
403, 413, 420, 423, 430 and unknown ones as well, which limit the requests of some servers."""
_LATER_HINT = "the server limits requests: run the same command again later, or lower -t"
_LIMITS = frozenset(range(400, 500)) - BUSY_STATUSES
_STATUS_HINTS = {
    401: "give credentials with --user, --netrc or -H 'Authorization: ...'",
    402: "the server wants a payment, or a token or an account that is paid for",
    403: "the server refuses this client; it may want a header (-H), a cookie or a token",
    407: "give the proxy's credentials in its URL: --proxy http://name:password@host:port",
    429: "lower the number of transfers with -t",
    451: "the server may not send this here, for reasons of law; often it may in other countries",
    511: "the network wants a login first: open any page in a browser, and log in there",
}
_REDIRECT_HINT = (
    "open the URL in a browser: the server or a portal may require a login or a new token"
)


def status_failure(
    status: int, *, retry_after_seconds: float | None = None, server_speaks: bool = True
) -> Failure:
    """Return the failure of a response by its status (RFC 9110, 15).

    ``server_speaks`` is False if a proxy may have answered in the place of the server.
    """
    again = status in _AGAIN or (500 <= status < 600 and status not in _NOT_AGAIN_5XX)
    again = again or asks_for_pause(status, retry_after_seconds)
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
        hint=_LATER_HINT if again and status in _LIMITS else _STATUS_HINTS.get(status),
        retry_after_seconds=retry_after_seconds if again else None,
    )


def asks_for_pause(status: int | None, retry_after_seconds: float | None) -> bool:
    """Return True if ``Retry-After`` makes a pause of a status."""
    if retry_after_seconds is None or status is None or status < 400:
        return False
    return status not in _OF_THE_REQUEST


def is_trouble(status: int | None, retry_after_seconds: float | None) -> bool:
    """Return True for a status of a host that is not at work, whatever it is asked for."""
    return status is not None and (
        status >= 500
        or status == 202
        or status in BUSY_STATUSES
        or asks_for_pause(status, retry_after_seconds)
    )


def bad_body(message: str, *, status: int | None = None) -> Failure:
    """Return the failure of a body that differs from its announcement."""
    return Failure(message, Retry.AGAIN, status=status)


def pause_too_long(seconds: float) -> Failure:
    """Return the failure of a request to a server that wants a longer pause than allowed."""
    return Failure(
        f"the server wants a pause of {seconds:.0f} s, longer than allowed",
        Retry.ELSEWHERE,
        hint="run the same command again after that pause, perhaps with a lower -t",
    )


def leads_nowhere(message: str, status: int) -> Failure:
    """Return the failure of a request by a redirect that is not followed any further."""
    return Failure(message, Retry.ELSEWHERE, status=status, hint=_REDIRECT_HINT)


def policy_failure(message: str, hint: str | None = None) -> Failure:
    """Return the failure of a request that DashGet refuses to send."""
    return Failure(message, Retry.ELSEWHERE, hint=hint, barred=True)


def unknown_name(host: str) -> Failure:
    """Return the failure of a request to a host that has no address."""
    return Failure(
        f"host name cannot be resolved: {host}", Retry.AGAIN, Scope.BASE, unreachable=True
    )


def timeout_failure(message: str, *, connecting: bool) -> Failure:
    """Return the failure of a transfer without progress."""
    scope = Scope.BASE if connecting else Scope.RESOURCE
    return Failure(f"timed out: {message}", Retry.AGAIN, scope, unreachable=connecting)


def below_speed_limit(limit: float, seconds: float) -> Failure:
    """Return the failure of a connection that brought less than the user wants."""
    text = f"timed out: less than {limit:.0f} bytes/s for {seconds:g} s"
    return Failure(text, Retry.AGAIN, hint="a lower --speed-limit lets slow connections go on")


def too_slow(rate: float, usual: float) -> Failure:
    """Return the reason to replace a connection that is slow beside others; bytes a second."""
    text = f"slow: {rate:.0f} bytes/s, where {usual:.0f} are usual"
    return Failure(text, Retry.AGAIN, uncounted=True)


def sink_failure(error: BaseException) -> Failure | StoreError | None:
    """Return the failure of one file, or the error of the whole disk; None for a bug.

    ``error`` is the exception that a sink has raised.
    """
    if isinstance(error, TooLargeError):
        return Failure(f"{TOO_LARGE}: {error}", Retry.NEVER, hint=error.hint)
    if not isinstance(error, OSError):
        return None
    if is_disk_failure(error):
        return disk_error(error)
    return Failure(f"cannot write: {reason_of(error)}", Retry.NEVER, hint=hint_for(error))
