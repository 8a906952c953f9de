"""A resolved MPD: all values inherited, all times computed, all URLs absolute.

A ``Presentation`` is independent of the document it came from. Each ``Representation`` has the
span of its Period, its base URLs and its merged segment information, which is all that
``dashget.segments.address`` needs.
"""

from __future__ import annotations

import enum
from fractions import Fraction

import msgspec

from dashget.common.byterange import ByteRange
from dashget.common.secrets import HidesSecrets
from dashget.common.shortrepr import short_repr
from dashget.errors import Issue
from dashget.media.kind import SegmentKind
from dashget.mpd.model import ListedSegment
from dashget.mpd.template import Address, FieldName
from dashget.mpd.timeline import SegmentTimeline
from dashget.mpd.urlquery import RequestQuery


class ContentType(enum.Enum):
    """The type of content of a Representation; the values are those of the command line."""

    VIDEO = "video"
    AUDIO = "audio"
    TEXT = "text"
    IMAGE = "image"
    OTHER = "other"


class PresentationType(enum.Enum):
    """``MPD@type``."""

    STATIC = "static"
    DYNAMIC = "dynamic"


class Descriptor(msgspec.Struct, frozen=True, gc=False):
    """A descriptor of any kind (5.8.2): scheme, value, id."""

    scheme: str
    value: str | None = None
    id: str | None = None


class Pssh(msgspec.Struct, frozen=True, gc=False):
    """A ``pssh`` box: the id of its system, and the unchanged bytes of the box."""

    system_id: str
    data: bytes
    key_ids: tuple[str, ...] = ()


class Protection(msgspec.Struct, frozen=True, gc=False):
    """A ContentProtection descriptor. ``name`` is the system's common name, if known."""

    scheme: str
    name: str | None = None
    value: str | None = None
    default_kids: tuple[str, ...] = ()
    pssh: tuple[Pssh, ...] = ()


class EventStream(msgspec.Struct, frozen=True, gc=False):
    """Events of a Period (``count`` listed in the MPD) or carried in the media (``inband``).

    ``texts`` are those of the listed events that have text: seconds from the Period's start, the
    duration in seconds if it is given, and the text.
    """

    scheme: str
    value: str | None = None
    timescale: int = 1
    count: int = 0
    inband: bool = False
    texts: tuple[tuple[Fraction, Fraction | None, str], ...] = ()


class Tiles(msgspec.Struct, frozen=True, gc=False):
    """A grid of thumbnails in each image: ``columns`` x ``rows``."""

    columns: int
    rows: int


class Base(msgspec.Struct, frozen=True, gc=False):
    """One of the base URLs that a Representation's references are resolved against.

    ``availability_time_offset`` is in seconds, None for ``INF``; ``available_as_a_whole`` is False
    where segments are there that early only in part (``@availabilityTimeComplete``).
    """

    url: str
    service_location: str | None = None
    byte_range: str | None = None
    availability_time_offset: Fraction | None = Fraction(0)
    available_as_a_whole: bool = True


class PeriodSpan(msgspec.Struct, frozen=True, gc=False):
    """Start and duration of a Period. ``duration`` is None for an open Period.

    A Period that starts after the end of the presentation is ``beyond``: its duration is 0, but
    its first segment may exist.
    """

    index: int
    id: str | None
    start: Fraction
    duration: Fraction | None
    beyond: bool = False

    @property
    def end(self) -> Fraction | None:
        """Seconds on the presentation timeline; None for an open Period."""
        return None if self.duration is None else self.start + self.duration


class Window(msgspec.Struct, frozen=True, gc=False):
    """The window of available segments of a dynamic presentation (5.3.9.5.3, Annex A).

    ``now`` is seconds of wall-clock time since ``MPD@availabilityStartTime``, that is, the
    live edge on the presentation timeline. ``depth`` is the depth of the time-shift
    buffer, None if unlimited. ``begin`` is ``MPD@availabilityStartTime`` in seconds since 1970.
    """

    now: Fraction
    depth: Fraction | None = None
    begin: Fraction | None = None


class Resource(msgspec.Struct, frozen=True, gc=False):
    """A resource with its own URL, such as an initialization segment."""

    address: Address
    range: ByteRange | None = None


class FileType(msgspec.Struct, frozen=True, gc=False):
    """The type of a file that may belong to others than the Representation, as far as known."""

    mime_type: str | None = None
    content_type: ContentType = ContentType.OTHER


class OtherFile(msgspec.Struct, frozen=True, gc=False):
    """A file that is named beside the segment information in use.

    One that segment information of another kind or level names may be missing. One that an
    attribute of its own names is ``required``; ``where`` is the place of the element then.
    ``type`` is None for one of the Representation's own type.
    """

    kind: SegmentKind
    resource: Resource
    required: bool = False
    where: str = ""
    type: FileType | None = None


class TemplateAddressing(msgspec.Struct, frozen=True, gc=False):
    """SegmentTemplate: ``media``, and ``index`` if there is one, are expanded once per segment.

    If the manifest has fractions of ticks, times and timescale are in ``1 / tick_parts`` of them.
    ``parts`` is ``@k``; it matters if ``media`` has ``$SubNumber$``. ``available_as_a_whole`` is
    ``@availabilityTimeComplete``.
    """

    media: Address
    timescale: int
    presentation_time_offset: int
    start_number: int
    end_number: int | None
    duration: int | None
    timeline: SegmentTimeline | None
    index: Address | None = None
    availability_time_offset: Fraction | None = Fraction(0)
    tick_parts: int = 1
    parts: int = 1
    available_as_a_whole: bool = True

    @property
    def sequence(self) -> int:
        """The number of segments that share one number: they differ in ``$SubNumber$``."""
        return self.parts if self.has_sub_numbers else 1

    @property
    def early_seconds(self) -> Fraction | None:
        """How long before its end a segment is there with all its bytes; None for at once.

        What ``availability_time_offset`` offers earlier may still be written if
        ``available_as_a_whole`` is False: a server may send what it has of it as if it were all.
        """
        offset = self.availability_time_offset
        return offset if offset is None or self.available_as_a_whole else Fraction(0)

    @property
    def has_sub_numbers(self) -> bool:
        """True if the media segments are parts of sequences."""
        fields = self.media.patterns[0].fields if self.media.patterns else ()
        return any(field.name is FieldName.SUB_NUMBER for field in fields)


class ListAddressing(msgspec.Struct, frozen=True, gc=False):
    """SegmentList: one segment per SegmentURL, resolved against ``bases`` during iteration.

    ``without_media`` has the positions of those that name no media.
    """

    __repr__ = short_repr

    segments: tuple[ListedSegment, ...]
    timescale: int
    presentation_time_offset: int
    start_number: int
    duration: int | None
    timeline: SegmentTimeline | None
    without_media: frozenset[int] = frozenset()


class SingleAddressing(msgspec.Struct, frozen=True, gc=False):
    """SegmentBase, or a bare BaseURL: the resource is one file.

    ``index_range`` is the range of the file's ``sidx`` or Cues; ``index`` is a separate file
    with them.
    """

    media: Address
    timescale: int
    presentation_time_offset: int
    index_range: ByteRange | None = None
    index: Resource | None = None
    initialization_range: ByteRange | None = None


Addressing = TemplateAddressing | ListAddressing | SingleAddressing


class Representation(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One encoding of one content component, in one Period (5.3.5), with inherited values.

    If the document has no ``id``, it is derived from the position (``unnamed-0-2``). ``problems``
    tell which of its segments cannot be worked out; the others are there.
    """

    __repr__ = short_repr

    id: str
    period: PeriodSpan
    adaptation_set: int
    index: int
    content_type: ContentType
    addressing: Addressing
    bases: tuple[Base, ...]
    query: RequestQuery | None = None
    initialization: Resource | None = None
    representation_index: Resource | None = None
    bitstream_switching: Resource | None = None
    others: tuple[OtherFile, ...] = ()
    spares: tuple[Addressing, ...] = ()
    """Segment information beside the one in use; what it names may be missing."""
    window: Window | None = None
    mime_type: str | None = None
    codecs: str | None = None
    bandwidth: int | None = None
    width: int | None = None
    height: int | None = None
    sar: str | None = None
    frame_rate: Fraction | None = None
    audio_sampling_rate: int | None = None
    channels: int | None = None
    lang: str | None = None
    quality_ranking: int | None = None
    dependency_ids: tuple[str, ...] = ()
    roles: tuple[Descriptor, ...] = ()
    essential: tuple[Descriptor, ...] = ()
    supplemental: tuple[Descriptor, ...] = ()
    protections: tuple[Protection, ...] = ()
    tiles: Tiles | None = None
    problems: tuple[Issue, ...] = ()
    where: str = ""
    line: int | None = None

    @property
    def gaps(self) -> int:
        """The number of gaps in the SegmentTimeline: stretches without a listed segment."""
        timeline = getattr(self.addressing, "timeline", None)
        return 0 if timeline is None else int(timeline.gaps)


class AdaptationSet(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A set of interchangeable Representations (5.3.3)."""

    __repr__ = short_repr

    index: int
    id: str | None
    content_type: ContentType
    representations: tuple[Representation, ...]
    mime_type: str | None = None
    codecs: str | None = None
    lang: str | None = None
    labels: tuple[str, ...] = ()
    roles: tuple[Descriptor, ...] = ()
    accessibility: tuple[Descriptor, ...] = ()
    essential: tuple[Descriptor, ...] = ()
    supplemental: tuple[Descriptor, ...] = ()
    protections: tuple[Protection, ...] = ()
    inband_events: tuple[EventStream, ...] = ()
    trick_mode_for: tuple[str, ...] = ()
    switching_with: tuple[str, ...] = ()
    tiles: Tiles | None = None
    where: str = ""
    line: int | None = None


class Period(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A stretch of the presentation (5.3.2)."""

    __repr__ = short_repr

    span: PeriodSpan
    adaptation_sets: tuple[AdaptationSet, ...]
    events: tuple[EventStream, ...] = ()
    where: str = ""
    line: int | None = None

    @property
    def index(self) -> int:
        """The Period's position in the presentation, from 0."""
        return self.span.index

    @property
    def id(self) -> str | None:
        """``Period@id``."""
        return self.span.id

    @property
    def start(self) -> Fraction:
        """Seconds on the presentation timeline."""
        return self.span.start

    @property
    def duration(self) -> Fraction | None:
        """Seconds; None for an open Period."""
        return self.span.duration


class Presentation(HidesSecrets, frozen=True, kw_only=True, gc=False):
    """A resolved MPD. ``duration`` is in seconds, None if it is open.

    ``url`` is the base of all references before any BaseURL: the manifest's own URL, or
    ``base_url`` if that was given.
    """

    type: PresentationType
    url: str
    periods: tuple[Period, ...]
    duration: Fraction | None = None
    title: str | None = None
    copyright: str | None = None
    information_url: str | None = None
    profiles: tuple[str, ...] = ()
    window: Window | None = None
    early_periods: tuple[str, ...] = ()
    warnings: tuple[Issue, ...] = ()

    @property
    def problems(self) -> tuple[Issue, ...]:
        """The problems of all Representations, each once."""
        found = {
            problem: None
            for period in self.periods
            for adaptation_set in period.adaptation_sets
            for representation in adaptation_set.representations
            for problem in representation.problems
        }
        return tuple(found)

    @property
    def dynamic(self) -> bool:
        """True if the presentation is live, or was when the MPD was written."""
        return self.type is PresentationType.DYNAMIC
