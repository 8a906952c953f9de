"""What may help against a refusal: its status alone does not tell that."""

from __future__ import annotations

import msgspec

from dashget.transfer.failure import Failure
from dashget.transfer.origin import Origin

_NO_CERTIFICATE = (
    "check the URL; some servers answer so where they want a client certificate (--cert, --key)"
)
_OTHER_CERTIFICATE = (
    "check the URL and the file of --cert; some servers answer so to one that they do not accept"
)


def with_hint(failure: Failure, origin: Origin, *, certified: bool) -> Failure:
    """Give a refusal the hint that fits; ``certified`` says that a client certificate was offered.

    nginx ends the handshake whatever a client shows, and answers 400 where it wanted a
    certificate (``ssl_verify_client on``) and got none, or another one.
    """
    if failure.status == 400 and origin.scheme == "https":
        hint = _OTHER_CERTIFICATE if certified else _NO_CERTIFICATE
        return msgspec.structs.replace(failure, hint=hint)
    return failure
