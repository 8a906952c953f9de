"""DashGet mirrors MPEG-DASH presentations exactly.

::

    import dashget

    loaded = dashget.load("https://example.com/show/manifest.mpd")
    for planned in dashget.plan(loaded):
        print(planned.segment.url, planned.path)

    summary = dashget.mirror("https://example.com/show/manifest.mpd")
    assert summary.complete

``load``, ``plan``, ``mirror`` and ``verify`` do what the commands do. Everything raised on
purpose is a ``DashGetError``. The names in ``__all__`` are the public interface.
"""

from __future__ import annotations

from dashget.version import __version__

TYPE_CHECKING = False
"""As in ``typing``, which takes ten times as long to load as all of this."""
if TYPE_CHECKING:
    from typing import Any

    from dashget.api import MirrorOptions, load, mirror, plan, verify
    from dashget.common.byterange import ByteRange
    from dashget.common.stopping import Stop
    from dashget.errors import (
        DashGetError,
        FetchError,
        Issue,
        ManifestFetchError,
        MPDError,
        MPDSyntaxError,
        MPDValidityError,
        SelectionError,
        StoreError,
        UnsupportedMPDError,
        UsageError,
    )
    from dashget.events import (
        BegunAnew,
        Event,
        Failure,
        FileFinished,
        FileStarted,
        ManifestLoaded,
        Observer,
        Outcome,
        Progressed,
        RetryScheduled,
        Summary,
        TrackPlanned,
        Unfinished,
        Warned,
    )
    from dashget.manifest.load import Loaded
    from dashget.media.kind import SegmentKind
    from dashget.mpd.presentation import (
        AdaptationSet,
        ContentType,
        Period,
        Presentation,
        Representation,
    )
    from dashget.planning.plan import PlanLine, PlannedSegment, plan_line
    from dashget.planning.selection import Selection, parse_selection
    from dashget.segments.listing import iter_segments
    from dashget.segments.segment import Segment
    from dashget.transfer.settings.options import HttpVersion, OriginHeader, TransferOptions
    from dashget.verification.checks import Finding, Problem, Report
    from dashget.verification.verify import VerifyOptions

_HOMES = {
    "dashget.api": ("MirrorOptions", "load", "mirror", "plan", "verify"),
    "dashget.verification.checks": ("Finding", "Problem", "Report"),
    "dashget.common.byterange": ("ByteRange",),
    "dashget.errors": (
        "DashGetError",
        "FetchError",
        "Issue",
        "MPDError",
        "MPDSyntaxError",
        "MPDValidityError",
        "ManifestFetchError",
        "SelectionError",
        "StoreError",
        "UnsupportedMPDError",
        "UsageError",
    ),
    "dashget.events": (
        "BegunAnew",
        "Event",
        "Failure",
        "FileFinished",
        "FileStarted",
        "ManifestLoaded",
        "Observer",
        "Outcome",
        "Progressed",
        "Pruned",
        "RetryScheduled",
        "Summary",
        "TrackPlanned",
        "Unfinished",
        "Warned",
    ),
    "dashget.manifest.load": ("Loaded",),
    "dashget.common.stopping": ("Stop",),
    "dashget.mpd.presentation": (
        "AdaptationSet",
        "ContentType",
        "Period",
        "Presentation",
        "Representation",
    ),
    "dashget.planning.plan": ("PlanLine", "PlannedSegment", "plan_line"),
    "dashget.segments.listing": ("iter_segments",),
    "dashget.media.kind": ("SegmentKind",),
    "dashget.segments.segment": ("Segment",),
    "dashget.planning.selection": ("Selection", "parse_selection"),
    "dashget.transfer.settings.options": ("HttpVersion", "OriginHeader", "TransferOptions"),
    "dashget.verification.verify": ("VerifyOptions",),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
    "AdaptationSet",
    "BegunAnew",
    "ByteRange",
    "ContentType",
    "DashGetError",
    "Event",
    "Failure",
    "FetchError",
    "FileFinished",
    "FileStarted",
    "Finding",
    "HttpVersion",
    "Issue",
    "Loaded",
    "MPDError",
    "MPDSyntaxError",
    "MPDValidityError",
    "ManifestFetchError",
    "ManifestLoaded",
    "MirrorOptions",
    "Observer",
    "OriginHeader",
    "Outcome",
    "Period",
    "PlanLine",
    "PlannedSegment",
    "Presentation",
    "Problem",
    "Progressed",
    "Pruned",
    "Report",
    "Representation",
    "RetryScheduled",
    "Segment",
    "SegmentKind",
    "Selection",
    "SelectionError",
    "Stop",
    "StoreError",
    "Summary",
    "TrackPlanned",
    "TransferOptions",
    "Unfinished",
    "UnsupportedMPDError",
    "UsageError",
    "VerifyOptions",
    "Warned",
    "__version__",
    "iter_segments",
    "load",
    "mirror",
    "parse_selection",
    "plan",
    "plan_line",
    "verify",
]


def __getattr__(name: str) -> Any:
    """Load public names when they are first used: start-up time is part of the interface."""
    home = _HOME_OF.get(name)
    if home is None:
        raise AttributeError(f"module 'dashget' has no attribute {name!r}")
    import importlib

    value = getattr(importlib.import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
