"""The manifest that plays from the mirror: ``NAME.local.mpd``.

It is the MPD as received, changed as little as playing from the mirror needs:

* what was not selected is taken out;
* where the document's own references would not lead to the mirror's files (absolute or
  foreign URLs, queries, names that had to be made safe), base URLs go and every
  Representation names its files itself;
* a snapshot of a dynamic presentation becomes static: its segments are listed, and the
  first one available is time zero;
* ``Location`` and its like, which would lead a player away, go.

Elements are found by their place in the document (``Representation.where``).
"""

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

    ``remote`` has the content of the document's remote elements, by reference as written.
    A document that holds in the mirror as it is comes back byte for byte, and is not even
    read: it may be large.
    """
    if _stays_as_it_is(data, presentation, tracks, layout):
        return data
    from dashget.playable.rewriting import rewrite

    return rewrite(data, presentation, tracks, layout, _LEADS_AWAY, remote or {})


def _stays_as_it_is(
    data: bytes, presentation: Presentation, tracks: Sequence[Track], layout: Layout
) -> bool:
    """Whether surely nothing has to be changed.

    A document that was odd to read is not sure: written anew, it is odd no more.
    """
    if presentation.dynamic or presentation.warnings or b"\0" in data[:64]:
        return False
    if len(tracks) < sum(1 for _ in iter_representations(presentation)):
        return False
    if _MAY_CHANGE.search(data) or _MAY_BE_ABSOLUTE.search(data):
        return False
    return lead_to_mirror(presentation.url, tracks, layout)
