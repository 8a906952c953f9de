"""Dates in HTTP headers (RFC 9110, 5.6.7)."""

from __future__ import annotations

import datetime


def read_http_date(text: str | None) -> int | None:
    """Return an HTTP date as seconds since 1970; None if it is missing or invalid."""
    # Loaded late: it takes long, and few responses need it.
    from email.utils import parsedate_tz

    fields = parsedate_tz(text) if text else None
    if fields is None:
        return None
    try:
        moment = datetime.datetime(*fields[:6], tzinfo=datetime.UTC)
    except ValueError:
        return None
    return int(moment.timestamp()) - (fields[9] or 0)
