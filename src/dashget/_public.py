"""The public names, once: where each is defined, for type checkers and for the running program.

Type checkers read the imports, the running program the table: nothing is loaded before it is used.
A test holds the two against each other.
"""

# ruff: noqa: I001  # one import a module

from __future__ import annotations

TYPE_CHECKING = False
"""As in ``typing``, which takes ten times as long to load as all of this."""
if TYPE_CHECKING:
    from dashget.api import (
        load as load,
        mirror as mirror,
        plan as plan,
        verify as verify,
    )
    from dashget.common.byterange import (
        ByteRange as ByteRange,
    )
    from dashget.common.stopping import (
        Bound as Bound,
        Stop as Stop,
    )
    from dashget.common.validation import (
        FieldError as FieldError,
    )
    from dashget.errors import (
        DashGetError as DashGetError,
        FetchError as FetchError,
        InUseError as InUseError,
        Issue as Issue,
        LimitReachedError as LimitReachedError,
        ManifestFetchError as ManifestFetchError,
        MPDError as MPDError,
        MPDSyntaxError as MPDSyntaxError,
        MPDValidityError as MPDValidityError,
        MirrorIncompleteError as MirrorIncompleteError,
        MuxError as MuxError,
        SelectionError as SelectionError,
        SessionClosedError as SessionClosedError,
        StoreError as StoreError,
        UnsupportedMPDError as UnsupportedMPDError,
        UsageError as UsageError,
    )
    from dashget.events import (
        BegunAnew as BegunAnew,
        ClockSet as ClockSet,
        Event as Event,
        Failure as Failure,
        FileFinished as FileFinished,
        FileStarted as FileStarted,
        GapFound as GapFound,
        LiveTrack as LiveTrack,
        ManifestAwaited as ManifestAwaited,
        ManifestLoaded as ManifestLoaded,
        ManifestRead as ManifestRead,
        Muxed as Muxed,
        Observer as Observer,
        OutageTold as OutageTold,
        Outcome as Outcome,
        Playback as Playback,
        PresentationChanged as PresentationChanged,
        PresentationLingers as PresentationLingers,
        Progressed as Progressed,
        Pruned as Pruned,
        RecordingBegan as RecordingBegan,
        RecordingEnded as RecordingEnded,
        RecordingProgressed as RecordingProgressed,
        RetryScheduled as RetryScheduled,
        SegmentLate as SegmentLate,
        SegmentsExpired as SegmentsExpired,
        Stage as Stage,
        Summary as Summary,
        TrackPlanned as TrackPlanned,
        Unfinished as Unfinished,
        Warned as Warned,
    )
    from dashget.live.options import (
        Wishes as Wishes,
    )
    from dashget.manifest.load import (
        LoadedManifest as LoadedManifest,
    )
    from dashget.media.kind import (
        SegmentKind as SegmentKind,
    )
    from dashget.mirroring.options import (
        MirrorOptions as MirrorOptions,
    )
    from dashget.mpd.model import (
        MPD as MPD,
    )
    from dashget.mpd.parse import (
        parse_mpd as parse_mpd,
    )
    from dashget.mpd.presentation import (
        AdaptationSet as AdaptationSet,
        ContentType as ContentType,
        Period as Period,
        Presentation as Presentation,
        Representation as Representation,
    )
    from dashget.mpd.resolve import (
        resolve as resolve,
    )
    from dashget.mux.options import (
        MuxOptions as MuxOptions,
    )
    from dashget.planning.plan import (
        PlanLine as PlanLine,
        PlannedSegment as PlannedSegment,
        plan_line as plan_line,
    )
    from dashget.planning.selection import (
        Selection as Selection,
        parse_selection as parse_selection,
        select as select,
    )
    from dashget.recording.run import (
        RecordOptions as RecordOptions,
    )
    from dashget.segments.listing import (
        iter_segments as iter_segments,
    )
    from dashget.segments.segment import (
        Segment as Segment,
    )
    from dashget.session.session import (
        Loaded as Loaded,
        Session as Session,
    )
    from dashget.session.stream import (
        EventStream as EventStream,
    )
    from dashget.transfer.settings.options import (
        HttpVersion as HttpVersion,
        OriginHeader as OriginHeader,
        TransferOptions as TransferOptions,
    )
    from dashget.verification.findings import (
        Finding as Finding,
        Problem as Problem,
        Report as Report,
    )
    from dashget.verification.verify import (
        VerifyOptions as VerifyOptions,
    )

HOMES = {
    "dashget.api": (
        "load",
        "mirror",
        "plan",
        "verify",
    ),
    "dashget.common.byterange": ("ByteRange",),
    "dashget.common.stopping": ("Bound", "Stop"),
    "dashget.common.validation": ("FieldError",),
    "dashget.errors": (
        "DashGetError",
        "FetchError",
        "InUseError",
        "Issue",
        "LimitReachedError",
        "ManifestFetchError",
        "MPDError",
        "MPDSyntaxError",
        "MPDValidityError",
        "MirrorIncompleteError",
        "MuxError",
        "SelectionError",
        "SessionClosedError",
        "StoreError",
        "UnsupportedMPDError",
        "UsageError",
    ),
    "dashget.events": (
        "BegunAnew",
        "ClockSet",
        "Event",
        "Failure",
        "FileFinished",
        "FileStarted",
        "GapFound",
        "LiveTrack",
        "ManifestAwaited",
        "ManifestLoaded",
        "ManifestRead",
        "Muxed",
        "Observer",
        "OutageTold",
        "Outcome",
        "Playback",
        "PresentationChanged",
        "PresentationLingers",
        "Progressed",
        "Pruned",
        "RecordingBegan",
        "RecordingEnded",
        "RecordingProgressed",
        "RetryScheduled",
        "SegmentLate",
        "SegmentsExpired",
        "Stage",
        "Summary",
        "TrackPlanned",
        "Unfinished",
        "Warned",
    ),
    "dashget.live.options": ("Wishes",),
    "dashget.manifest.load": ("LoadedManifest",),
    "dashget.media.kind": ("SegmentKind",),
    "dashget.mirroring.options": ("MirrorOptions",),
    "dashget.mpd.model": ("MPD",),
    "dashget.mpd.parse": ("parse_mpd",),
    "dashget.mpd.presentation": (
        "AdaptationSet",
        "ContentType",
        "Period",
        "Presentation",
        "Representation",
    ),
    "dashget.mpd.resolve": ("resolve",),
    "dashget.mux.options": ("MuxOptions",),
    "dashget.planning.plan": (
        "PlanLine",
        "PlannedSegment",
        "plan_line",
    ),
    "dashget.planning.selection": (
        "Selection",
        "parse_selection",
        "select",
    ),
    "dashget.recording.run": ("RecordOptions",),
    "dashget.segments.listing": ("iter_segments",),
    "dashget.segments.segment": ("Segment",),
    "dashget.session.session": ("Loaded", "Session"),
    "dashget.session.stream": ("EventStream",),
    "dashget.transfer.settings.options": (
        "HttpVersion",
        "OriginHeader",
        "TransferOptions",
    ),
    "dashget.verification.findings": (
        "Finding",
        "Problem",
        "Report",
    ),
    "dashget.verification.verify": ("VerifyOptions",),
}
HOME_OF = {name: home for home, names in HOMES.items() for name in names}
