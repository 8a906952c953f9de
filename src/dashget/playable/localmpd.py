"""Make the local MPD, or recognise that the received one needs no change."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final

from dashget.common.lateregex import late
from dashget.mpd.budget import ITEM, Budget
from dashget.mpd.encoding import as_utf8
from dashget.mpd.issues import IssueLog
from dashget.mpd.presentation import Presentation
from dashget.planning.layout import Layout
from dashget.planning.tracks import Track, iter_representations
from dashget.playable.head import read_head
from dashget.playable.references import lead_to_mirror, may_lead_out

__all__ = ["LEADS_AWAY", "make_local_mpd"]

LEADS_AWAY: Final = (
    "Location",
    "PatchLocation",
    "UTCTiming",
    "ServiceDescription",
    "ContentSteering",
    "ImportedMPD",
)
_MAY_CHANGE: Final = late(
    rb"\bhref\s*=|<(?:[\w.-]+:)?(?:" + "|".join(LEADS_AWAY).encode() + rb")\b"
)
_NAMED: Final = (
    *("Initialization", "RepresentationIndex", "BitstreamSwitching", "SegmentList"),
    "InitializationSet",
)
_NAMES_FILES: Final = late(rb"<(?:[\w.-]+:)?(?:" + "|".join(_NAMED).encode() + rb")\b")
_BEHIND: Final = late(
    rb"(?:</(?:[\w.-]+:)?(?:Representation|AdaptationSet)\s*>|<(?:[\w.-]+:)?Representation\b[^<>]*/>)"
    rb"\s*<(?:[\w.-]+:)?Segment"
)
_TO_THE_END: Final = late(rb"\sr\s*=\s*[\"']\s*-")
_SAID_IN_WORDS: Final = (
    *("$Bandwidth%", "$RepresentationID%"),
    *("$SubNumber", "<Pattern", ":Pattern"),
)
"""All of these are in template-only documents that some players need written in another way."""
_BESIDE: Final = ("initializationPrincipal", "fontdownload")
_COUNTED_UNLIKE: Final = (b"$Number", b"$Time")
"""What a timeline is not read alike with: without any ``@startNumber``, and with one."""
_BASE: Final = late(rb"<(?:[\w.-]+:)?BaseURL\b")
_MAY_BE_ABSOLUTE_BASE: Final = late(
    rb"<(?:[\w.-]+:)?BaseURL\b[^<>]*+>(?:\s*+<!\[CDATA\[)?\s*(?:/|&|[A-Za-z][A-Za-z0-9+.-]*:)"
)
_MAY_BE_ABSOLUTE: Final = late(
    rb"\b(?:media|initialization|index|bitstreamSwitching|sourceURL)\s*=\s*[\"']\s*"
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
    log: IssueLog | None = None,
) -> bytes:
    """Return the MPD that plays the tracks from the mirror's files.

    ``remote`` has the content of the document's remote elements, by reference as written, and
    ``budget`` is what the document may cost, by default a new one; ``log`` gets warnings about what
    players may miss. A document without need for changes is returned byte for byte, but for a
    BaseURL, and parsed no further than its first Period: it may be large.
    """
    budget = budget or Budget()
    sizes = (len(a.patterns[0].marked) for track in tracks for a in track.index.addresses())
    budget.spend(sum(8 * size + ITEM for size in sizes), "the local MPD's references")
    if _stays_as_it_is(data, presentation, tracks, layout):
        kept = _with_base(data)
        if kept is not None:
            return kept
    from dashget.playable.rewriting import rewrite

    return rewrite(
        data, presentation, tracks, layout, LEADS_AWAY, remote or {}, budget, log or IssueLog()
    )


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
    if any(_may_have(data, *sought) for sought in _SOUGHT) or _has_any(
        data, (*_SAID_IN_WORDS, *_BESIDE)
    ):
        return False
    if b"SegmentTimeline" in data and _COUNTED_UNLIKE[b"startNumber" in data] in data:
        return False
    return lead_to_mirror(presentation.url, tracks, layout)


_SOUGHT: Final = (
    (("href", *LEADS_AWAY), _MAY_CHANGE),
    (("BaseURL",), _MAY_BE_ABSOLUTE_BASE),
    (("media", "ni", "index", "Switching", "sourceURL"), _MAY_BE_ABSOLUTE),
    (_NAMED, _NAMES_FILES),
    (("Segment",), _BEHIND),
    (("Timeline",), _TO_THE_END),
)
"""Patterns, each with words of which one is in whatever it matches."""


def _may_have(data: bytes, words: Sequence[str], pattern: re.Pattern[bytes]) -> bool:
    """Return True if a document has the pattern. Most lack its words: then it is not compiled."""
    return _has_any(data, words) and pattern.search(data) is not None


def _has_any(data: bytes, words: Sequence[str]) -> bool:
    return any(word.encode() in data for word in words)


def _with_base(data: bytes) -> bytes | None:
    """Return a document with exactly one BaseURL, that of the MPD; None if it needs more."""
    head = read_head(data)
    if head is None or not {"type", "mediaPresentationDuration"} <= head.attributes.keys():
        return None
    if len(head.bases) != (len(_BASE.findall(data)) if b"BaseURL" in data else 0):
        return None
    if not head.bases:
        return head.with_base(data)
    base, *more = head.bases
    plain = not more and base != "" and base == base.strip() and f">{base}<".encode() in data
    return data if plain else None
