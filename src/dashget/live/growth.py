"""Tell a segment that is complete from one that its origin still writes.

With low latency an encoder writes a segment piece by piece. A server of plain files answers with
what is there so far, and its length: nothing in that answer is wrong, and a piece of a segment has
sound boxes. So, on lines whose document announces that (``@availabilityTimeComplete="false"``), and
where a segment at the edge is shorter than announced, it is believed once its file has not changed
for longer than a segment lasts, or a later one is there.
"""

from __future__ import annotations

from typing import Final

from dashget.common.numbers import read_http_date

_COARSE_SECONDS: Final = 1.0
"""Dates of HTTP have whole seconds."""


def settling_seconds(length: float) -> float:
    """Return how long a file of a segment has to be unchanged, so that it is complete."""
    return length + _COARSE_SECONDS


def seconds_to_wait(
    length: float,
    *,
    size: int,
    date: str | None,
    last_modified: str | None,
    seen: int | None,
    followed: bool,
) -> float:
    """Return after how many seconds a segment may be complete; 0: it is.

    ``length`` is its duration in seconds, ``size`` that of the answer, ``date`` and
    ``last_modified`` its headers. ``seen`` is the size at a look that was long enough ago, if there
    was one; ``followed`` is True if a later segment was there before this one was asked for.
    """
    settling = settling_seconds(length)
    if followed or seen == size:
        return 0.0
    now, changed = read_http_date(date), read_http_date(last_modified)
    if now is None or changed is None:
        return settling
    return max(0.0, settling - float(now - changed))
