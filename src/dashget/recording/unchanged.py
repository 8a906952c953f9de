"""Whether the server may answer that the manifest is still the same (RFC 9110, 13.1.2 and 13.1.3).

Validators of many servers are worth little: a cache repeats that for as long as its copy is old,
an ETag is that of the program that makes the manifest, a date has whole seconds. So the whole
document is asked for now and then, at once where it should have more by now, and wherever anything
else tells that there is another one.
"""

from __future__ import annotations

import math
from typing import Final

from dashget.live.listing import Version
from dashget.live.world import Read
from dashget.transfer.contract import Fetched, Validators

_LONGEST_SECONDS: Final = 60.0
_SHARE_OF_WINDOW: Final = 4


class Unless:
    """Remembers the validators of the newest manifest. Times are the server's."""

    def __init__(self) -> None:
        self._url: str | None = None
        self._validators: Validators | None = None
        self._read = -math.inf
        """When all of it was read last."""

    def came(self, fetched: Fetched | None, server: float) -> None:
        """Take how a document came as a whole; None: what is known has not come so."""
        self._validators, self._read = None, server
        head = None if fetched is None else fetched.head
        if head is None or head.url != head.asked:
            # A redirect may lead elsewhere the next time.
            return
        # A date tells nothing of changes within its second.
        date = head.last_modified if head.validator == head.last_modified else None
        if head.etag is not None or date is not None:
            self._validators = Validators(head.etag, None if head.etag is not None else date)
            self._url = head.asked

    def of(self, errand: Read, url: str | None, version: Version | None) -> Validators | None:
        """Return with what a read may be answered without a document."""
        if self._validators is None or version is None or url != self._url:
            return None
        if errand.fresh or errand.clock or version.is_overdue(errand.server):
            return None
        longest = _LONGEST_SECONDS
        if version.depth is not None:
            longest = min(longest, version.depth / _SHARE_OF_WINDOW)
        return self._validators if errand.server - self._read < longest else None
