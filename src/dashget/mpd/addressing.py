"""Merge the segment information of all levels, and make its references absolute (5.3.9).

The most specific level with segment information decides the kind. Attributes of that kind are
merged one by one; child elements are taken as a whole from the nearest level that has them.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any, TypeVar

import msgspec

from dashget.common.url import Url
from dashget.mpd.bases import add_offsets
from dashget.mpd.context import Context, Place, shown
from dashget.mpd.locate import address_literal, address_marked
from dashget.mpd.model import (
    AdaptationSet,
    MultipleSegmentBase,
    Period,
    Representation,
    SegmentBase,
    SegmentList,
    SegmentTemplate,
    UrlReference,
)
from dashget.mpd.presentation import (
    Addressing,
    Base,
    ListAddressing,
    Resource,
    SingleAddressing,
    TemplateAddressing,
)
from dashget.mpd.template import Address, FieldName, Template
from dashget.mpd.urlquery import RequestQuery
from dashget.mpd.urls import is_absolute

_Kind = TypeVar("_Kind", bound=SegmentBase)
_Level = Period | AdaptationSet | Representation


class Subject(msgspec.Struct, frozen=True):
    """The Representation whose segments are located, and its bases."""

    id: str | None
    bandwidth: int | None
    place: Place
    bases: tuple[Base, ...]
    query: RequestQuery | None
    own_base: bool = False
    """True if the Representation has its own BaseURL."""
    refusal: str | None = None
    """The reason if relative references cannot be resolved."""


class Located(msgspec.Struct, frozen=True):
    """The absolute addresses of all resources of a Representation."""

    addressing: Addressing
    initialization: Resource | None = None
    representation_index: Resource | None = None
    bitstream_switching: Resource | None = None


def merged(levels: tuple[_Level, ...], context: Context) -> SegmentBase | None:
    """Merge the segment information of Period, AdaptationSet and Representation."""
    for level in reversed(levels):
        kinds = [
            kind
            for kind in (level.segment_template, level.segment_list, level.segment_base)
            if kind is not None
        ]
        if len(kinds) > 1:
            names = " and ".join(type(kind).__name__ for kind in kinds)
            context.log.warn(
                f"{names} side by side; {type(kinds[0]).__name__} is used",
                level.where,
                level.line,
                "5.3.9.1",
            )
        if kinds:
            return _merge_kind(type(kinds[0]), levels)
    return None


def locate(information: SegmentBase | None, subject: Subject, context: Context) -> Located:
    """Resolve all references of the merged segment information."""
    locator = _Locator(subject, context)
    if isinstance(information, SegmentTemplate):
        return locator.template(information)
    if isinstance(information, SegmentList):
        return locator.list(information)
    return locator.single(information)


def listed_duration(information: SegmentBase | None) -> Fraction | None:
    """Return the time from the Period's start to the end of an explicit list, if there is one."""
    if not isinstance(information, MultipleSegmentBase):
        return None
    timescale = information.timescale or 1
    if information.timeline is not None:
        end = information.timeline.end
        if end is None:
            return None
        return Fraction(end - (information.presentation_time_offset or 0), timescale)
    if isinstance(information, SegmentList) and information.duration and information.segments:
        return Fraction(information.duration * len(information.segments), timescale)
    return None


def _merge_kind(kind: type[_Kind], levels: tuple[_Level, ...]) -> _Kind:
    """Take each field from the nearest level that has it."""
    attribute = {
        SegmentTemplate: "segment_template",
        SegmentList: "segment_list",
        SegmentBase: "segment_base",
    }[kind]
    found = [getattr(level, attribute) for level in reversed(levels)]
    present = [information for information in found if information is not None]
    if len(present) == 1:
        return present[0]  # type: ignore[no-any-return]  # getattr by the table above
    fields: dict[str, Any] = {}
    for name in kind.__struct_fields__:
        values = (getattr(information, name) for information in present)
        fields[name] = next((value for value in values if value is not None), None)
    return kind(**fields)


class _Locator:
    """Makes the addresses of one Representation; reports URLs that the document may not contain."""

    def __init__(self, subject: Subject, context: Context) -> None:
        self._subject = subject
        self._context = context

    def template(self, info: SegmentTemplate) -> Located:
        place = Place(info.where, info.line)
        if info.media is None:
            self._problem("SegmentTemplate has no @media", place, "5.3.9.4.2")
        self._check_numbers(info, place)
        index, single_index = self._index(info, place)
        addressing = TemplateAddressing(
            media=self._media(info.media or "", info, place),
            timescale=info.timescale or 1,
            presentation_time_offset=info.presentation_time_offset or 0,
            start_number=1 if info.start_number is None else info.start_number,
            end_number=info.end_number,
            duration=info.duration,
            timeline=info.timeline,
            index=index,
            availability_time_offset=self._offset(info),
        )
        return Located(
            addressing,
            initialization=self._constant(info.initialization_template, place)
            or self._resource(info.initialization),
            representation_index=single_index or self._resource(info.representation_index),
            bitstream_switching=self._constant(info.bitstream_switching_template, place)
            or self._resource(info.bitstream_switching),
        )

    def list(self, info: SegmentList) -> Located:
        place = Place(info.where, info.line)
        self._check_numbers(info, place)
        if not info.segments:
            self._context.log.warn("SegmentList has no SegmentURL", *_at(place), "5.3.9.3.2")
        for number, segment in enumerate(info.segments or (), 1):
            for reference in (segment.media, segment.index):
                if reference is not None or segment.index is None:
                    row = Place(f"{place.where}/SegmentURL[{number}]", place.line)
                    self._check(reference or "", row)
        addressing = ListAddressing(
            segments=info.segments or (),
            timescale=info.timescale or 1,
            presentation_time_offset=info.presentation_time_offset or 0,
            start_number=1 if info.start_number is None else info.start_number,
            duration=info.duration,
            timeline=info.timeline,
        )
        return Located(
            addressing,
            initialization=self._resource(info.initialization),
            representation_index=self._resource(info.representation_index),
            bitstream_switching=self._resource(info.bitstream_switching),
        )

    def single(self, info: SegmentBase | None) -> Located:
        """Locate a single file; it contains its initialization and index unless they have URLs."""
        subject = self._subject
        if not subject.own_base and self._names_no_file(subject.bases[0].url):
            self._context.log.warn(
                "no segments: neither segment information nor the BaseURL of a file",
                *_at(subject.place),
                "5.3.9.1",
            )
            return Located(ListAddressing((), 1, 0, 1, None, None))
        self._check("", subject.place)
        media, _ = address_literal("", None, subject.bases, subject.query)
        if info is None:
            return Located(SingleAddressing(media, 1, 0))
        initialization, index = info.initialization, info.representation_index
        inner = None if initialization is None or initialization.source_url else initialization
        inner_index = None if index is None or index.source_url else index
        index_range = info.index_range or (inner_index.range if inner_index else None)
        addressing = SingleAddressing(
            media,
            timescale=info.timescale or 1,
            presentation_time_offset=info.presentation_time_offset or 0,
            index_range=index_range,
            initialization_range=None if inner is None else inner.range,
        )
        return Located(
            addressing,
            initialization=None if inner else self._resource(initialization),
            representation_index=None if inner_index else self._resource(index),
        )

    def _names_no_file(self, url: str) -> bool:
        """Return True if a base URL is a directory, or the manifest itself."""
        return url == self._context.document or Url.parse(url).path.endswith("/")

    def _offset(self, info: SegmentBase) -> Fraction | None:
        base = self._subject.bases[0].availability_time_offset
        return add_offsets(base, info.availability_time_offset)

    def _media(self, text: str, info: SegmentTemplate, place: Place) -> Address:
        template = self._context.template(text, place)
        if template.has(FieldName.TIME) and info.timeline is None and info.duration is None:
            self._context.log.warn(
                "$Time$ without @duration or SegmentTimeline is 0", *_at(place), "5.3.9.4.4"
            )
        single = info.timeline is None and info.duration is None and info.end_number is None
        varies = template.has(FieldName.NUMBER) or template.has(FieldName.TIME)
        if not varies and not single and info.media is not None:
            self._context.log.warn(
                f"the template {shown(text)} names the same URL for every segment",
                *_at(place),
                "5.3.9.4.4",
            )
        return self._expand(template, place)

    def _index(self, info: SegmentTemplate, place: Place) -> tuple[Address | None, Resource | None]:
        """Locate SegmentTemplate@index: one per media segment, or one in all if it has no field."""
        if info.index is None:
            return None, None
        template = self._context.template(info.index, place)
        address = self._expand(template, place)
        return (address, None) if template.fields else (None, Resource(address))

    def _constant(self, text: str | None, place: Place) -> Resource | None:
        if text is None:
            return None
        template = self._context.template(text, place)
        if template.fields:
            names = ", ".join(str(field) for field in template.fields)
            self._problem(f"{names} in the template of a single segment", place, "5.3.9.4.2")
            return None
        return Resource(self._expand(template, place))

    def _expand(self, template: Template, place: Place) -> Address:
        subject = self._subject
        if subject.bandwidth is None and template.names("Bandwidth"):
            self._problem(
                "$Bandwidth$ is used, and @bandwidth is missing", subject.place, "5.3.5.2"
            )
        if subject.id is None and template.names("RepresentationID"):
            self._problem(
                "$RepresentationID$ is used, and @id is missing", subject.place, "5.3.5.2"
            )
        marked = template.marked(subject.id or "", subject.bandwidth)
        self._check(marked, place)
        return address_marked(marked, template.fields, subject.bases, subject.query)

    def _resource(self, reference: UrlReference | None) -> Resource | None:
        if reference is None:
            return None
        text = reference.source_url or ""
        self._check(text, Place(reference.where, reference.line))
        return Resource(
            *address_literal(text, reference.range, self._subject.bases, self._subject.query)
        )

    def _check(self, reference: str, place: Place) -> None:
        """Record a problem if the policy refuses the URL that a reference leads to."""
        if ":" in reference and is_absolute(reference):
            refusal = self._context.refusal(reference.strip())
        else:
            refusal = self._subject.refusal
        if refusal is not None:
            self._problem(refusal, place, "RFC 3986")

    def _check_numbers(self, info: MultipleSegmentBase, place: Place) -> None:
        start = 1 if info.start_number is None else info.start_number
        if info.end_number is not None and info.end_number < start:
            self._context.log.warn(
                f"@endNumber {info.end_number} is below @startNumber {start}: no segments",
                *_at(place),
                "5.3.9.2.2",
            )
        if info.duration is not None and info.timeline is not None:
            self._context.log.warn(
                "@duration beside a SegmentTimeline; the timeline is used", *_at(place), "5.3.9.2.1"
            )

    def _problem(self, message: str, place: Place, clause: str) -> None:
        self._context.log.problem(message, *_at(place), clause)


def _at(place: Place) -> tuple[str, int | None]:
    return place.where, place.line
