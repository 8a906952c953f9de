"""Merge the segment information of all levels, and make its references absolute (5.3.9).

The most specific level with segment information decides the kind. Attributes of that kind are
merged one by one; child elements are taken as a whole from the nearest level that has them.
"""

from __future__ import annotations

from fractions import Fraction
from itertools import islice
from typing import Final

import msgspec

from dashget.common.url import Url
from dashget.errors import Issue
from dashget.media.kind import SegmentKind
from dashget.mpd.budget import COMMON, ITEM, LEVEL, LISTED, RAISED_BY
from dashget.mpd.context import Context, Place, shown
from dashget.mpd.issues import MAX_ISSUES
from dashget.mpd.merging import merge
from dashget.mpd.model import (
    ListedSegment,
    MultipleSegmentBase,
    SegmentBase,
    SegmentList,
    SegmentTemplate,
    UrlReference,
)
from dashget.mpd.periods import TimedPeriod
from dashget.mpd.presentation import (
    Addressing,
    Base,
    ListAddressing,
    OtherFile,
    Resource,
    SingleAddressing,
    TemplateAddressing,
)
from dashget.mpd.references import Level, NamedFile, address_literal, address_marked
from dashget.mpd.template import Address, FieldName, Template
from dashget.mpd.ticks import whole_ticks
from dashget.mpd.urlquery import RequestQuery
from dashget.mpd.urls import add_offsets, is_absolute
from dashget.mpd.validity import template_issues, time_issue

_NOTHING: Final = ListAddressing((), 1, 0, 1, None, None)
"""No media segments."""
_EMPTY: Final = Template("", (), ())
_TIMES: Final = ("timescale", "presentationTimeOffset", "duration")


class Subject(msgspec.Struct, frozen=True):
    """The Representation whose segments are located, and its bases."""

    id: str | None
    bandwidth: int | Fraction | None
    place: Place
    bases: tuple[Base, ...]
    query: RequestQuery | None
    own_base: bool = False
    """True if the Representation has its own BaseURL."""
    refusal: str | None = None
    """The reason if relative references cannot be resolved."""


class Located(msgspec.Struct, frozen=True):
    """The absolute addresses of all resources of a Representation, as far as they are known.

    ``problems`` tell what is missing: a resource is None then, and a list of segments is empty.
    """

    addressing: Addressing
    problems: tuple[Issue, ...]
    initialization: Resource | None = None
    representation_index: Resource | None = None
    bitstream_switching: Resource | None = None
    others: tuple[OtherFile, ...] = ()
    spares: tuple[Addressing, ...] = ()


def merged(levels: tuple[Level, ...], context: Context) -> SegmentBase | None:
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
                f"{names} side by side; {type(kinds[0]).__name__} is used,"
                " and the files of the others may be missing",
                level.where,
                level.line,
                "5.3.9.1",
            )
        if kinds:
            return merge(type(kinds[0]), levels)
    return None


def locate(
    information: SegmentBase | None,
    timed: TimedPeriod,
    subject: Subject,
    context: Context,
    named: tuple[NamedFile, ...] = (),
    spares: tuple[SegmentBase, ...] = (),
) -> Located:
    """Resolve all references of the merged segment information.

    ``named`` are the single files of all kinds and levels, ``spares`` the segment information
    that is not in use.
    """
    locator = _Locator(subject, timed, context)
    if isinstance(information, SegmentTemplate):
        found = locator.template(information)
    elif isinstance(information, SegmentList):
        found = locator.list(information)
    else:
        found = locator.single(information)
    if information is not None:
        locator.ignore_others(information)
    whole = not isinstance(information, MultipleSegmentBase)
    found = locator.with_others(found, named, whole=whole)
    return locator.with_spares(found, spares) if spares else found


def listed_duration(information: SegmentBase | None) -> Fraction | None:
    """Return the time from the Period's start to the end of an explicit list, if there is one."""
    if not isinstance(information, MultipleSegmentBase):
        return None
    if any(name in information.invalid for name in _TIMES):
        return None
    timescale = information.timescale or 1
    if information.timeline is not None:
        end = information.timeline.end
        if end is None or information.timeline.invalid:
            return None
        end_ticks = Fraction(end, information.timeline.scale)
        return (end_ticks - (information.presentation_time_offset or 0)) / Fraction(timescale)
    if isinstance(information, SegmentList) and information.duration and information.segments:
        return Fraction(information.duration * len(information.segments)) / Fraction(timescale)
    return None


class _Locator:
    """Makes the addresses of one Representation; reports URLs that the document may not contain."""

    def __init__(self, subject: Subject, timed: TimedPeriod, context: Context) -> None:
        self._subject = subject
        self._timed = timed
        self._context = context
        self._problems: dict[Issue, None] = {}

    def template(self, info: SegmentTemplate) -> Located:
        place = Place(info.where, info.line)
        if info.media is None:
            self._problem("SegmentTemplate has no @media", place, "5.3.9.4.2")
        self._check_numbers(info, place)
        index, single_index = self._index(info, place)
        if info.timeline is not None:
            rows = len(info.timeline) + info.timeline.pattern_size
            self._context.budget.spend(
                rows if info.timeline.is_plain else ITEM * rows,
                "the rows of timelines, which Representations inherit",
            )
        clock = whole_ticks(info)
        media = self._media(info.media or "", info, place)
        named = info.media is None or self._named(media, place, "media")
        alone = _is_one_file(info, media, index)
        addressing = TemplateAddressing(
            media=named if isinstance(named, Address) else media,
            timescale=clock.timescale,
            presentation_time_offset=clock.offset,
            start_number=1 if info.start_number is None else info.start_number,
            end_number=None if alone else info.end_number,
            duration=None if alone else clock.duration,
            timeline=None if alone else clock.timeline,
            index=index,
            availability_time_offset=self._offset(info),
            tick_parts=1 if alone else clock.parts,
            parts=max(info.parts or 1, 1),
            available_as_a_whole=self._subject.bases[0].available_as_a_whole
            and info.availability_time_complete is not False,
        )
        if named and not alone:
            self._check_needs(info, addressing)
        return self._located(
            _NOTHING if self._problems or not named else addressing,
            initialization=self._constant(info.initialization_template, place)
            or self._resource(info.initialization),
            representation_index=single_index or self._resource(info.representation_index),
            bitstream_switching=self._constant(info.bitstream_switching_template, place)
            or self._resource(info.bitstream_switching),
        )

    def list(self, info: SegmentList) -> Located:
        place = Place(info.where, info.line)
        self._check_numbers(info, place)
        rows = info.segments or ()
        self._context.budget.spend(LISTED * len(rows), "SegmentURLs, which Representations inherit")
        if not info.segments:
            self._context.log.warn("SegmentList has no SegmentURL", *_at(place), "5.3.9.3.2")
        for invalid in (s.invalid for s in info.segments or () if s.invalid):
            self._note_range(invalid)
        for number, segment in enumerate(info.segments or (), 1):
            for reference in (segment.media, segment.index):
                if reference is not None or segment.index is None:
                    row = Place(f"{place.where}/SegmentURL[{number}]", place.line)
                    self._check(reference or "", row)
        clock = whole_ticks(info)
        segments, without_media = self._rows(info.segments or (), place)
        addressing = ListAddressing(
            segments=segments,
            timescale=clock.timescale,
            presentation_time_offset=clock.offset,
            start_number=1 if info.start_number is None else info.start_number,
            duration=clock.duration,
            timeline=clock.timeline,
            without_media=without_media,
        )
        return self._located(
            _NOTHING if self._problems else addressing,
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
            return self._located(_NOTHING)
        self._check("", subject.place)
        named = self._named(
            address_literal("", None, subject.bases, subject.query)[0], subject.place, "BaseURL"
        )
        media = named or Address(())
        sound = named is not None and not self._problems
        if info is None:
            return self._located(SingleAddressing(media, 1, 0) if sound else _NOTHING)
        initialization, index = info.initialization, info.representation_index
        inner = None if initialization is None or initialization.source_url else initialization
        inner_index = None if index is None or index.source_url else index
        index_range = info.index_range or (inner_index.range if inner_index else None)
        clock = whole_ticks(info)
        addressing = SingleAddressing(
            media,
            timescale=clock.timescale,
            presentation_time_offset=clock.offset,
            index_range=index_range,
            initialization_range=None if inner is None else inner.range,
        )
        for unneeded in (inner, inner_index):
            if unneeded is not None and unneeded.invalid is not None:
                self._context.log.unneeded(unneeded.invalid)
        return self._located(
            addressing if sound else _NOTHING,
            initialization=None if inner else self._resource(initialization),
            representation_index=None if inner_index else self._resource(index),
        )

    def ignore_others(self, info: SegmentBase) -> None:
        """Warn about invalid values that no segment of this Representation depends on."""
        issues = list(info.invalid.values())
        if isinstance(info, MultipleSegmentBase) and info.timeline is not None:
            self._context.budget.spend(
                COMMON * len(info.timeline.invalid), "invalid rows, which Representations inherit"
            )
            for row in info.timeline.invalid.values():
                issues.extend(row.values())
        for issue in issues:
            if issue not in self._problems:
                self._context.log.unneeded(issue)

    def with_others(self, found: Located, named: tuple[NamedFile, ...], *, whole: bool) -> Located:
        """Add the files that other kinds of segment information, and other levels, name.

        Where nothing else tells the initialization segment, that of another kind is it; a file
        that is ``whole`` needs none.
        """
        known: dict[SegmentKind, Resource | None] = {
            SegmentKind.INITIALIZATION: found.initialization,
            SegmentKind.INDEX: found.representation_index,
            SegmentKind.BITSTREAM_SWITCHING: found.bitstream_switching,
        }
        others: dict[Resource, OtherFile] = {}
        for file in named:
            resource = self._tried(file, whole=whole)
            if resource is None or resource in known.values():
                continue
            kind, needed = file.kind, file.bases is not None
            if kind in known and known[kind] is None and not whole and file.in_use:
                known[kind] = resource
            elif needed or resource not in others:
                others[resource] = OtherFile(kind, resource, needed, file.place.where, file.type)
        return msgspec.structs.replace(
            found,
            initialization=known[SegmentKind.INITIALIZATION],
            representation_index=known[SegmentKind.INDEX],
            bitstream_switching=known[SegmentKind.BITSTREAM_SWITCHING],
            others=tuple(others.values()),
        )

    def with_spares(self, found: Located, spares: tuple[SegmentBase, ...]) -> Located:
        """Add the segments of segment information that is not in use.

        What is wrong with it is a warning: none of the segments in use depends on it.
        """
        before, known = self._problems, dict.fromkeys([found.addressing])
        self._context.budget.spend(LEVEL * len(spares), "segment information that is not in use")
        for info in spares:
            self._problems = {}
            addressing = self._spare(info)
            issues = {**self._problems, **dict.fromkeys(info.invalid.values())}
            for issue in issues:
                if issue not in before:
                    message = f"{issue.message}; its files are not asked for: it is not in use"
                    self._context.log.warn(message, issue.where, issue.line, issue.clause)
            if addressing is None or self._problems:
                continue
            if not _says_the_same(addressing, found.addressing):
                known[addressing] = None
        self._problems = before
        return msgspec.structs.replace(found, spares=tuple(known)[1:])

    def _spare(self, info: SegmentBase) -> Addressing | None:
        """Locate segments that may not be needed; None if no file is named."""
        if isinstance(info, SegmentTemplate):
            found = None if info.media is None else self.template(info)
        elif isinstance(info, SegmentList):
            found = self.list(info) if info.segments else None
        else:
            base = self._subject.bases[0].url
            found = None if self._names_no_file(base) else self.single(info)
        return None if found is None or found.addressing is _NOTHING else found.addressing

    def _tried(self, file: NamedFile, *, whole: bool) -> Resource | None:
        """Locate a file that may not be needed; None if there is none."""
        before, reference = self._problems, file.reference
        if file.template is not None and self._context.template(file.template, file.place).fields:
            return None
        if reference is not None and reference.source_url is None:
            # A part of the single file, if there is one.
            base = self._subject.bases[0].url
            if whole or self._names_no_file(base):
                return None
        if reference is not None and reference.invalid is not None:
            self._context.log.unneeded(reference.invalid)
            reference = msgspec.structs.replace(reference, invalid=None)
        subject = self._subject
        if file.bases is not None:
            usable = tuple(b for b in file.bases if self._context.refusal(b.url) is None)
            bases = usable or file.bases[:1]
            refusal = None if usable else self._context.refusal(bases[0].url)
            self._subject = msgspec.structs.replace(subject, bases=bases, refusal=refusal)
        self._problems = {}
        found = self._constant(file.template, file.place) or self._resource(reference)
        for issue in self._problems:
            if issue not in before:
                self._context.log.unneeded(issue)
        self._problems, self._subject = before, subject
        return found

    def _note_range(self, invalid: Issue) -> bool:
        """Record a range that cannot be read; True if the URL of the file depends on it.

        Files are fetched as a whole, unless BaseURL@byteRange makes a URL of each range.
        """
        if self._subject.bases[0].byte_range is None:
            self._context.log.unneeded(invalid)
            return False
        self._problems[invalid] = None
        return True

    def _located(
        self,
        addressing: Addressing,
        *,
        initialization: Resource | None = None,
        representation_index: Resource | None = None,
        bitstream_switching: Resource | None = None,
    ) -> Located:
        return Located(
            addressing,
            tuple(islice(self._problems, MAX_ISSUES)),
            initialization,
            representation_index,
            bitstream_switching,
        )

    def _check_needs(self, info: SegmentTemplate, addressing: TemplateAddressing) -> None:
        """Record the issues of values that the list of media segments depends on."""
        dynamic = self._context.dynamic
        patterns = [addressing.media.patterns[0]]
        if addressing.index is not None:
            patterns.append(addressing.index.patterns[0])
        fields = {field.name for pattern in patterns for field in pattern.fields}
        for issue in template_issues(info, self._timed, fields, dynamic=dynamic):
            self._problems[issue] = None
        end, timeline = info.invalid.get("endNumber"), info.timeline
        if end is not None and end not in self._problems and (timeline is None or timeline.runs_on):
            self._context.log.assumed(end)
        late = time_issue(
            addressing,
            self._timed,
            self._context.no_window,
            dynamic=dynamic,
            whole_buffer=self._context.whole_buffer,
        )
        if late is not None:
            self._problems[late] = None

    def _names_no_file(self, url: str) -> bool:
        """Return True if a base URL is a directory, or the manifest itself."""
        return self._context.itself.is_at(url) or Url.parse(url).path.endswith("/")

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
        address = self._named(self._expand(template, place), place, "index")
        if address is None:
            return None, None
        return (address, None) if template.fields else (None, Resource(address))

    def _constant(self, text: str | None, place: Place) -> Resource | None:
        """Locate a file that a template names once; a number in it stays text, as in players."""
        if text is None:
            return None
        template = self._context.template(text, place)
        if template.fields:
            names = ", ".join(str(field) for field in template.fields)
            self._context.log.warn(
                f"{names} in the template of a single segment has no value; asked for as it is",
                *_at(place),
                "5.3.9.4.2",
            )
            template = template.without_fields()
        before = len(self._problems)
        address = self._named(self._expand(template, place), place, repr(text))
        return Resource(address) if address and len(self._problems) == before else None

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
        template = self._affordable(template, place)
        marked = template.marked(subject.id or "", subject.bandwidth)
        self._check(marked, place)
        self._spend(len(marked))
        return address_marked(marked, template.fields, subject.bases, subject.query)

    def _affordable(self, template: Template, place: Place) -> Template:
        """Return a template; an empty one, and a problem, if each segment would cost too much."""
        limits = self._context.budget.limits
        size, count = len(template.source), template.identifiers
        size += count * len(self._subject.id or "")
        if count > limits.max_identifiers:
            message = f"the template has {count:,} identifiers; the limit is"
            self._problem(f"{message} {limits.max_identifiers}; {RAISED_BY}", place, "5.3.9.4.4")
        elif template.fields and size > limits.max_url:
            message = f"the template has {size:,} characters; the limit is"
            self._problem(f"{message} {limits.max_url:,}; {RAISED_BY}", place, "5.3.9.4.4")
        else:
            return template
        return _EMPTY

    def _spend(self, size: int) -> None:
        """Spend what it costs to put a reference of this size on every base."""
        subject = self._subject
        query = 0 if subject.query is None else len(subject.query.text)
        units = sum(len(base.url) + size + query + ITEM for base in subject.bases)
        self._context.budget.spend(3 * units, "URLs")

    def _resource(self, reference: UrlReference | None) -> Resource | None:
        if reference is None:
            return None
        if reference.invalid is not None and self._note_range(reference.invalid):
            return None
        text, subject = reference.source_url or "", self._subject
        place = Place(reference.where, reference.line)
        if self._check(text, place):
            return None
        self._spend(len(text))
        address, span = address_literal(text, reference.range, subject.bases, subject.query)
        named = self._named(address, place, reference.where.rpartition("/")[2])
        return None if named is None else Resource(named, span)

    def _rows(
        self, rows: tuple[ListedSegment, ...], place: Place
    ) -> tuple[tuple[ListedSegment, ...], frozenset[int]]:
        """Leave out what a SegmentURL asks of the manifest; return the rows without media too."""
        subject, found, without = self._subject, list(rows), set[int]()
        for position, row in enumerate(rows):
            where = Place(f"{place.where}/SegmentURL[{position + 1}]", place.line)
            for name, text in (("media", row.media or ""), ("index", row.index)):
                if text is None or not self._context.itself.may_be(text):
                    continue
                address, _ = address_literal(text, None, subject.bases, subject.query)
                if self._named(address, where, name) is not None:
                    continue
                if name == "index":
                    found[position] = msgspec.structs.replace(row, index=None)
                else:
                    without.add(position)
        return tuple(found), frozenset(without)

    def _named(self, address: Address, place: Place, name: str) -> Address | None:
        """Leave out URLs that lead to the manifest itself; None, and a warning, if all do."""
        named = self._context.itself.leave_out(address)
        if named is None:
            self._context.log.warn(
                f"{name} leads to the manifest itself, which is not fetched as a segment",
                *_at(place),
                "5.3.9.1",
            )
        return named

    def _check(self, reference: str, place: Place) -> bool:
        """Record a problem if the policy refuses the URL that a reference leads to; return True."""
        if ":" in reference and is_absolute(reference):
            refusal = self._context.refusal(reference.strip())
        else:
            refusal = self._subject.refusal
        if refusal is not None:
            self._problem(refusal, place, "RFC 3986")
        return refusal is not None

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
        self._problems[Issue(message, *_at(place), clause)] = None


def _is_one_file(info: SegmentTemplate, media: Address, index: Address | None) -> bool:
    """Return True if all media segments have one URL: their number and times do not matter.

    A template that names no segment at all names no file either.
    """
    if index is not None or not media.patterns or media.patterns[0].fields:
        return False
    if info.timeline is not None and not len(info.timeline):
        return False
    start = 1 if info.start_number is None else info.start_number
    return info.end_number is None or info.end_number >= start


def _says_the_same(spare: Addressing, used: Addressing) -> bool:
    """Return True if segment information with timelines names the same segments."""
    if not (isinstance(spare, TemplateAddressing) and isinstance(used, TemplateAddressing)):
        return False
    if spare.timeline is None or used.timeline is None:
        return False
    if msgspec.structs.replace(spare, timeline=used.timeline) != used:
        return False
    return (
        spare.timeline.is_plain and used.timeline.is_plain and [*spare.timeline] == [*used.timeline]
    )


def _at(place: Place) -> tuple[str, int | None]:
    return place.where, place.line
