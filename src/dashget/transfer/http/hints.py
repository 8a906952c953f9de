"""Hints for refusals whose status alone does not tell the reason."""

from __future__ import annotations

import msgspec

from dashget.transfer.http.failure import Failure
from dashget.transfer.http.origin import Origin
from dashget.transfer.settings.options import TransferOptions

_NO_CERTIFICATE = (
    "check the URL; some servers answer so if they require a client certificate"
    " (--cert, --private-key)"
)
_OTHER_CERTIFICATE = (
    "check the URL and the file of --cert; some servers answer so to an unaccepted certificate"
)
_QUERY = (
    "the query of the manifest's URL is not sent with its files; if it contains a token that the"
    " server requires, repeat it with --append-query"
)
_CREDENTIALS = (
    "the server does not accept the credentials that were given: check --user, --netrc or"
    " -H 'Authorization: ...'"
)


def with_hint(
    failure: Failure, url: str, origin: Origin, options: TransferOptions, *, certified: bool
) -> Failure:
    """Return a refusal with a hint; ``certified`` is True if a client certificate was offered.

    nginx completes the handshake with any client, and answers 400 if it requires a certificate
    (``ssl_verify_client on``) and got none, or a wrong one.

    Who has given credentials is not to be told to give some.

    A token in the query of the manifest's URL is not in those of its files (RFC 3986, 5.2.2).
    """
    hint = None
    if failure.status == 400 and origin.scheme == "https":
        hint = _OTHER_CERTIFICATE if certified else _NO_CERTIFICATE
    elif (
        failure.status in (401, 403)
        and not failure.is_trouble
        and origin.home
        and _lacks_query(url, origin, options)
    ):
        hint = _QUERY
    elif failure.status == 401 and _has_credentials(origin):
        hint = _CREDENTIALS
    return failure if hint is None else msgspec.structs.replace(failure, hint=hint)


def _lacks_query(url: str, origin: Origin, options: TransferOptions) -> bool:
    """Return True if a request went without any query, while the manifest's URL has one."""
    return options.append_query is None and "?" not in url and origin.home_has_query


def _has_credentials(origin: Origin) -> bool:
    """Return True if requests carry a name and a password, or an Authorization of the user's."""
    return origin.login is not None or any(
        line.lower().startswith("authorization:") for line in origin.headers
    )
