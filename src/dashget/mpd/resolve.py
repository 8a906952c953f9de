"""From the document to what it means: inheritance, Period times, base URLs."""

from __future__ import annotations

from datetime import datetime
from fractions import Fraction

from dashget.mpd.model import MPD
from dashget.mpd.presentation import Presentation


def resolve(
    mpd: MPD,
    *,
    url: str,
    base_url: str | None = None,
    now: datetime | Fraction | None = None,
    allow_downgrade: bool = False,
) -> Presentation:
    """Resolve an MPD that was fetched from ``url`` (the final URL, after redirects).

    ``base_url`` replaces ``url`` as the base of references (a local file, stdin). ``now`` is the
    wall-clock time, an aware datetime or seconds since 1970; a dynamic MPD needs it. Raises
    MPDValidityError with every issue; what is merely odd is in ``Presentation.warnings``.
    """
    raise NotImplementedError
