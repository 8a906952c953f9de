"""Make the local MPD, or recognise that the received one needs no change."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from dashget.common.lateregex import late
from dashget.mpd.budget import ITEM, Budget
from dashget.mpd.encoding import as_utf8
from dashget.mpd.presentation import Presentation
from dashget.planning.layout import Layout
from dashget.planning.tracks import Track, iter_representations
from dashget.playable.head import read_head
from dashget.playable.references import lead_to_mirror, may_lead_out

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
_READ_UNLIKE: Final = late(
    rb"<(?:[\w.-]+:)?(?:Initialization|RepresentationIndex|BitstreamSwitching|SegmentList)\b"
    rb"|(?:</(?:[\w.-]+:)?(?:Representation|AdaptationSet)\s*>|<(?:[\w.-]+:)?Representation\b[^<>]*/>)"
    rb"\s*<(?:[\w.-]+:)?Segment"
    rb"|\$(?:Bandwidth|RepresentationID)%|\sr\s*=\s*[\"']\s*-"
)
"""What a template-only document has where some players need it written in another way."""
_COUNTED_UNLIKE: Final = (b"$Number", b"$Time")
"""What a timeline is not read alike with: without any ``@startNumber``, and with one."""
_BASE: Final = late(rb"<(?:[\w.-]+:)?BaseURL\b")
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
    budget: Budget | None = None,
) -> bytes:
    """Return the MPD that plays the tracks from the mirror's files.

    ``remote`` has the content of the document's remote elements, by reference as written, and
    ``budget`` is what the document may cost, by default a new one. A
    document without need for changes is returned byte for byte, but for a BaseURL, and parsed no
    further than its first Period: it may be large.
    """
    budget = budget or Budget()
    sizes = (len(a.patterns[0].marked) for track in tracks for a in track.index.addresses())
    budget.spend(sum(8 * size + ITEM for size in sizes), "the local MPD's references")
    if _stays_as_it_is(data, presentation, tracks, layout):
        kept = _with_base(data)
        if kept is not None:
            return kept
    from dashget.playable.rewriting import rewrite

    return rewrite(data, presentation, tracks, layout, _LEADS_AWAY, remote or {}, budget)


def _stays_as_it_is(
    data: bytes, presentation: Presentation, tracks: Sequence[Track], layout: Layout
) -> bool:
    """Return True if the document certainly needs no change.

    A document with warnings is rewritten, which also mends its XML, and so is one in another
    encoding than UTF-8: players may read it unlike us.
    """
    if presentation.dynamic or presentation.warnings or as_utf8(data)[0] is not data:
        return False
    if len(tracks) < sum(1 for _ in iter_representations(presentation)):
        return False
    if may_lead_out(data):
        return False
    if any(found.search(data) for found in (_MAY_CHANGE, _MAY_BE_ABSOLUTE, _READ_UNLIKE)):
        return False
    if b"SegmentTimeline" in data and _COUNTED_UNLIKE[b"startNumber" in data] in data:
        return False
    return lead_to_mirror(presentation.url, tracks, layout)


def _with_base(data: bytes) -> bytes | None:
    """Return a document with exactly one BaseURL, that of the MPD; None if it needs more."""
    head = read_head(data)
    if head is None or not {"type", "mediaPresentationDuration"} <= head.attributes.keys():
        return None
    if len(head.bases) != len(_BASE.findall(data)):
        return None
    if not head.bases:
        return head.with_base(data)
    base, *more = head.bases
    plain = not more and base != "" and base == base.strip() and f">{base}<".encode() in data
    return data if plain else None
