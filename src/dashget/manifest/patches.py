"""Fetch a patch of a manifest (ISO/IEC 23009-1, 5.15)."""

from __future__ import annotations

from typing import Final

from dashget.errors import FetchError
from dashget.manifest.document import decoded
from dashget.mpd.budget import Budget, WorkLimits
from dashget.mpd.patch import is_same
from dashget.transfer.contract import Fetched, Patience, Request, Transfers

_TOO_EARLY: Final = 425
_NO_CONTENT: Final = 204
_NOTHING_NEW: Final = (_NO_CONTENT, 304)
_PATIENCE: Final = Patience(attempts=1, missing_is_final=True)
"""The whole manifest is there as well: a patch is asked for once."""


def fetch_patch(
    url: str, engine: Transfers, limits: WorkLimits
) -> tuple[Fetched | None, bytes | None]:
    """Return a patch without content coding; None for the patch if there is nothing new.

    Raises FetchError; MPDError if the answer is not a patch.
    """
    request = Request((url,))
    try:
        fetched, data = engine.fetch(request, max_bytes=limits.max_bytes, patience=_PATIENCE)
    except FetchError as error:
        if error.status == _TOO_EARLY or error.status in _NOTHING_NEW:
            return None, None
        raise
    if fetched.head.status == _NO_CONTENT:
        return fetched, None
    patch = decoded(data, limits.max_bytes + 1, fetched.url)
    return fetched, None if is_same(patch, Budget(limits)) else patch
