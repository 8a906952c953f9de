"""Make the local MPD, or recognise that the received one needs no change."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from dashget.common.lateregex import late
from dashget.mpd.presentation import Presentation
from dashget.planning.layout import Layout
from dashget.planning.tracks import Track, iter_representations
from dashget.playable.references import lead_to_mirror

__all__ = ["make_local_mpd"]

_LEADS_AWAY: Final = (
    "Location",
    "PatchLocation",
    "UTCTiming",
    "ServiceDescription",
    "ContentSteering",
)
_MAY_CHANGE: Final = late(
    rb"\bhref\s*=|<(?:[\w.-]+:)?(?:" + "|".join(_LEADS_AWAY).encode() + rb")\b"
)
_MAY_BE_ABSOLUTE: Final = late(
    rb"<(?:[\w.-]+:)?BaseURL\b[^>]*>(?:\s*<!\[CDATA\[)?\s*(?:/|&|[A-Za-z][A-Za-z0-9+.-]*:)"
    rb"|\b(?:media|initialization|index|bitstreamSwitching|sourceURL)\s*=\s*[\"']\s*"
    rb"(?:/|&|[A-Za-z][A-Za-z0-9+.-]*:)"
)


def make_local_mpd(
    data: bytes,
    presentation: Presentation,
    tracks: Sequence[Track],
    layout: Layout,
    *,
    remote: Mapping[str, bytes] | None = None,
) -> bytes:
    """Return the MPD that plays the tracks from the mirror's files.

    ``remote`` has the content of the document's remote elements, by reference as written. A
    document without need for changes is returned byte for byte, without being parsed: it may
    be large.
    """
    if _stays_as_it_is(data, presentation, tracks, layout):
        return data
    from dashget.playable.rewriting import rewrite

    return rewrite(data, presentation, tracks, layout, _LEADS_AWAY, remote or {})


def _stays_as_it_is(
    data: bytes, presentation: Presentation, tracks: Sequence[Track], layout: Layout
) -> bool:
    """Return True if the document certainly needs no change.

    A document with warnings is rewritten, which also mends its XML.
    """
    if presentation.dynamic or presentation.warnings or b"\0" in data[:64]:
        return False
    if len(tracks) < sum(1 for _ in iter_representations(presentation)):
        return False
    if _MAY_CHANGE.search(data) or _MAY_BE_ABSOLUTE.search(data):
        return False
    return lead_to_mirror(presentation.url, tracks, layout)
