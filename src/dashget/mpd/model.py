"""The document model: one frozen type per MPD element, as written, without inheritance.

Values are typed (seconds as ``Fraction``, ticks as ``int``), references are text. None is an
absent attribute. Every node knows its ``where`` (an XPath such as ``MPD/Period[2]``) and its
source ``line``, for messages.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction

import msgspec

from dashget.common.byterange import ByteRange
from dashget.common.secrets import HidesSecrets
from dashget.errors import Issue
from dashget.mpd.timeline import SegmentTimeline
from dashget.mpd.xmltree import Element


class Node(HidesSecrets, frozen=True, kw_only=True, gc=False):
    """The place of an element in the source."""

    where: str = ""
    line: int | None = None


class DescriptorElement(Node, frozen=True, kw_only=True):
    """DescriptorType (5.8.2), with the names and attributes of its child elements."""

    scheme: str
    value: str | None = None
    id: str | None = None
    url_query: UrlQuery | None = None
    font: str | None = None
    """The URL of a font to download (DVB)."""


class UrlQuery(Node, frozen=True, kw_only=True):
    """``UrlQueryInfo`` or ``ExtUrlQueryInfo`` of Annex I."""

    query_template: str | None = None
    use_mpd_url_query: bool = False
    query_string: str | None = None
    header_param_source: str | None = None
    include_in_requests: tuple[str, ...] = ("segment",)
    same_origin_only: bool = False
    url_params: bool = False


class ContentProtection(Node, frozen=True, kw_only=True):
    """ContentProtection (5.8.4.1); ``pssh`` and ``pro`` as Base64 text."""

    scheme: str
    value: str | None = None
    id: str | None = None
    ref: str | None = None
    ref_id: str | None = None
    default_kid: str | None = None
    pssh: tuple[str, ...] = ()
    pro: tuple[str, ...] = ()


class BaseUrlElement(Node, frozen=True, kw_only=True):
    """BaseURL (5.6). ``availability_time_offset`` is text: a number or ``INF``."""

    url: str
    service_location: str | None = None
    byte_range: str | None = None
    availability_time_offset: Offset | None = None
    availability_time_complete: bool | None = None
    priority: int | None = None
    weight: int | None = None


class Offset(msgspec.Struct, frozen=True):
    """``@availabilityTimeOffset``: seconds, None for ``INF``."""

    seconds: Fraction | None


class UrlReference(Node, frozen=True, kw_only=True):
    """URLType (5.3.9.2.2): ``@sourceURL`` and ``@range``."""

    source_url: str | None = None
    range: ByteRange | None = None
    invalid: Issue | None = None
    """What is wrong with ``@range``."""


class SegmentBase(Node, frozen=True, kw_only=True):
    """SegmentBase (5.3.9.2), and what SegmentList and SegmentTemplate share with it.

    ``invalid`` has the issues of attributes whose values cannot be read, by name of the attribute.
    ``more`` has the elements that stand beside one of their name, which no player should read.
    """

    timescale: int | Fraction | None = None
    presentation_time_offset: int | Fraction | None = None
    presentation_duration: Fraction | None = None
    time_shift_buffer_depth: Fraction | None = None
    index_range: ByteRange | None = None
    index_range_exact: bool | None = None
    availability_time_offset: Offset | None = None
    availability_time_complete: bool | None = None
    ept_delta: Fraction | None = None
    pd_delta: Fraction | None = None
    initialization: UrlReference | None = None
    representation_index: UrlReference | None = None
    more: tuple[tuple[str, UrlReference], ...] = ()
    invalid: Mapping[str, Issue] = {}


class MultipleSegmentBase(SegmentBase, frozen=True, kw_only=True):
    """MultipleSegmentBaseType: the attributes that SegmentList and SegmentTemplate share."""

    duration: int | Fraction | None = None
    start_number: int | None = None
    end_number: int | None = None
    timeline: SegmentTimeline | None = None
    bitstream_switching: UrlReference | None = None


class ListedSegment(msgspec.Struct, frozen=True, gc=False):
    """One SegmentURL (5.3.9.3)."""

    media: str | None = None
    media_range: ByteRange | None = None
    index: str | None = None
    index_range: ByteRange | None = None
    invalid: Issue | None = None
    """What is wrong with one of the ranges."""


class SegmentList(MultipleSegmentBase, frozen=True, kw_only=True):
    """SegmentList (5.3.9.3)."""

    segments: tuple[ListedSegment, ...] | None = None


class SegmentTemplate(MultipleSegmentBase, frozen=True, kw_only=True):
    """SegmentTemplate (5.3.9.4); the templates as text.

    ``parts`` is ``@k``: the number of segments in each sequence (5.3.9.7).
    """

    parts: int | None = None
    media: str | None = None
    index: str | None = None
    initialization_template: str | None = None
    bitstream_switching_template: str | None = None


class EventText(msgspec.Struct, frozen=True, gc=False):
    """An Event with text; its times are ticks of its EventStream, without the offset there."""

    start: int
    duration: int | None
    text: str


class EventStreamElement(Node, frozen=True, kw_only=True):
    """EventStream or InbandEventStream (5.10)."""

    scheme: str
    value: str | None = None
    timescale: int = 1
    count: int = 0
    inband: bool = False
    texts: tuple[EventText, ...] = ()


class Common(Node, frozen=True, kw_only=True):
    """The attributes that AdaptationSet, Representation and SubRepresentation share (5.3.7)."""

    profiles: str | None = None
    mime_type: str | None = None
    codecs: str | None = None
    width: int | None = None
    height: int | None = None
    sar: str | None = None
    frame_rate: Fraction | None = None
    audio_sampling_rate: int | None = None
    scan_type: str | None = None
    segment_profiles: str | None = None
    container_profiles: str | None = None
    channels: tuple[DescriptorElement, ...] = ()
    protections: tuple[ContentProtection, ...] = ()
    essential: tuple[DescriptorElement, ...] = ()
    supplemental: tuple[DescriptorElement, ...] = ()
    inband_events: tuple[EventStreamElement, ...] = ()


class Representation(Common, frozen=True, kw_only=True):
    """Representation (5.3.5)."""

    id: str | None = None
    bandwidth: int | Fraction | None = None
    quality_ranking: int | None = None
    dependency_ids: tuple[str, ...] = ()
    base_urls: tuple[BaseUrlElement, ...] = ()
    segment_base: SegmentBase | None = None
    segment_list: SegmentList | None = None
    segment_template: SegmentTemplate | None = None
    doubled: tuple[SegmentBase, ...] = ()
    sub_representations: int = 0


class AdaptationSet(Common, frozen=True, kw_only=True):
    """AdaptationSet (5.3.3)."""

    id: str | None = None
    group: str | None = None
    lang: str | None = None
    content_type: str | None = None
    par: str | None = None
    bitstream_switching: bool | None = None
    initialization_sets: tuple[str, ...] = ()
    """``@initializationSetRef``."""
    initialization_principal: str | None = None
    """The URL of an initialization segment that suffices for the whole set."""
    labels: tuple[str, ...] = ()
    roles: tuple[DescriptorElement, ...] = ()
    accessibility: tuple[DescriptorElement, ...] = ()
    content_components: tuple[tuple[str | None, str | None], ...] = ()
    base_urls: tuple[BaseUrlElement, ...] = ()
    segment_base: SegmentBase | None = None
    segment_list: SegmentList | None = None
    segment_template: SegmentTemplate | None = None
    doubled: tuple[SegmentBase, ...] = ()
    representations: tuple[Representation, ...] = ()


class InitializationSet(Node, frozen=True, kw_only=True):
    """InitializationSet (5.3.12), as far as it names a file."""

    id: str | None = None
    content_type: str | None = None
    mime_type: str | None = None
    initialization: str | None = None


class Period(Node, frozen=True, kw_only=True):
    """Period (5.3.2). ``invalid`` has the issues of ``@start`` and ``@duration``."""

    id: str | None = None
    start: Fraction | None = None
    duration: Fraction | None = None
    bitstream_switching: bool | None = None
    base_urls: tuple[BaseUrlElement, ...] = ()
    segment_base: SegmentBase | None = None
    segment_list: SegmentList | None = None
    segment_template: SegmentTemplate | None = None
    doubled: tuple[SegmentBase, ...] = ()
    supplemental: tuple[DescriptorElement, ...] = ()
    essential: tuple[DescriptorElement, ...] = ()
    protections: tuple[ContentProtection, ...] = ()
    events: tuple[EventStreamElement, ...] = ()
    adaptation_sets: tuple[AdaptationSet, ...] = ()
    invalid: Mapping[str, Issue] = {}


class UtcTiming(Node, frozen=True, kw_only=True):
    """UTCTiming (5.8.4.11): how to get the wall-clock time."""

    scheme: str
    value: str


class RemoteElement(Node, frozen=True, kw_only=True):
    """An element in another document (``xlink:href``, 5.5); ``href`` as written."""

    href: str
    element: str
    lacking: bool = False
    """True if it may name segments, and has no content of its own to be used instead."""
    reason: str = "was never fetched"
    """Why its content is missing, for messages."""


class Source(msgspec.Struct, frozen=True, eq=False):
    """The tree that a document was built from, and the issues of its XML."""

    root: Element
    warnings: tuple[Issue, ...] = ()
    problems: tuple[Issue, ...] = ()
    work: int = 0
    """The units (see ``budget``) that were spent on it."""


class PatchLocation(msgspec.Struct, frozen=True):
    """PatchLocation (5.15): where to ask for what has changed since this document."""

    url: str
    """As written."""
    ttl: Fraction | None = None
    """How many seconds after ``@publishTime`` it is there; None: nobody says."""


class MPD(Node, frozen=True, kw_only=True):
    """The MPD element (5.3.1). ``url`` is the URL that it came from, if known.

    ``remote`` lists the remote elements that must be fetched to complete the document; ``source``
    is then the tree that they are put into (see the module ``remote``). ``problems`` are
    breaches of the standard that spoil the whole document; ``resolve`` raises them. ``invalid`` has
    the issues of attributes that some segments depend on, by name.
    """

    url: str | None = None
    type: str = "static"
    id: str | None = None
    profiles: tuple[str, ...] = ()
    media_presentation_duration: Fraction | None = None
    availability_start_time: Fraction | None = None
    availability_end_time: Fraction | None = None
    publish_time: Fraction | None = None
    minimum_update_period: Fraction | None = None
    min_buffer_time: Fraction | None = None
    time_shift_buffer_depth: Fraction | None = None
    suggested_presentation_delay: Fraction | None = None
    max_segment_duration: Fraction | None = None
    title: str | None = None
    copyright: str | None = None
    information_url: str | None = None
    base_urls: tuple[BaseUrlElement, ...] = ()
    locations: tuple[str, ...] = ()
    patch_locations: tuple[PatchLocation, ...] = ()
    initialization_sets: tuple[InitializationSet, ...] = ()
    periods: tuple[Period, ...] = ()
    utc_timings: tuple[UtcTiming, ...] = ()
    essential: tuple[DescriptorElement, ...] = ()
    supplemental: tuple[DescriptorElement, ...] = ()
    protections: tuple[ContentProtection, ...] = ()
    remote: tuple[RemoteElement, ...] = ()
    imported: tuple[RemoteElement, ...] = ()
    """The other MPDs that Periods of this one stand for (6th edition, 5.3.2.6)."""
    endless: tuple[RemoteElement, ...] = ()
    """Remote elements that lead back to themselves, or are nested too deep: never fetched."""
    source: Source | None = None
    invalid: Mapping[str, Issue] = {}
    warnings: tuple[Issue, ...] = ()
    problems: tuple[Issue, ...] = ()
