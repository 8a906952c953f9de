"""Resolve a document: Period times, inheritance, base URLs, availability.

One pass goes from the MPD down to each Representation. Breaches of the standard that segments
depend on are collected on the way, and raised together at the end.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator
from datetime import datetime
from fractions import Fraction

import msgspec

from dashget.common.url import Url, without_user
from dashget.errors import Issue
from dashget.mpd import model
from dashget.mpd.addressing import Located, Subject, listed_duration, locate, merged
from dashget.mpd.beside import InitializationSets, files_beside
from dashget.mpd.budget import ITEM, LEVEL, Budget
from dashget.mpd.context import Context, Place
from dashget.mpd.issues import IssueLog
from dashget.mpd.merging import spares_of
from dashget.mpd.model import MPD
from dashget.mpd.periods import TimedPeriod, availability_window, no_window, time_periods
from dashget.mpd.presentation import (
    AdaptationSet,
    Base,
    ContentType,
    Descriptor,
    EventStream,
    ListAddressing,
    Period,
    PeriodSpan,
    Presentation,
    PresentationType,
    Protection,
    Representation,
    Window,
)
from dashget.mpd.protection import protections_of, referable
from dashget.mpd.references import NamedFile, named_files
from dashget.mpd.template import escape_markers
from dashget.mpd.traits import (
    SWITCHING_SCHEMES,
    TRICK_MODE_SCHEMES,
    channels_of,
    content_type,
    plain,
    tiles_of,
    values_of,
)
from dashget.mpd.urlquery import RequestQuery, request_query
from dashget.mpd.urls import extend_bases, is_absolute, resolve_reference
from dashget.mpd.validity import check_essential, check_representations, validity_error


def resolve(
    mpd: MPD,
    *,
    url: str | None = None,
    base_url: str | None = None,
    now: datetime | Fraction | None = None,
    allow_downgrade: bool = False,
    budget: Budget | None = None,
) -> Presentation:
    """Resolve an MPD that was fetched from ``url`` (the final URL, after redirects).

    Without ``url``, the URL given to ``parse_mpd`` is used. ``base_url`` replaces ``url`` as the
    base of references (for a local file or standard input). ``now`` is the wall-clock time, an
    aware datetime or seconds since 1970; a dynamic MPD needs it. Raises MPDValidityError for what
    spoils the whole document; what spoils a part is in ``Representation.problems``, and odd but
    usable parts are in ``Presentation.warnings``. ``budget`` is what the document may cost, by
    default a new one; UnsupportedMPDError tells if that is not enough.
    """
    log = IssueLog()
    log.extend(mpd.warnings, mpd.problems)
    _warn_about_remote(mpd, log)
    url = url if url is not None else mpd.url or ""
    root = _root_base(mpd, url, base_url)
    root = escape_markers(resolve_reference(root, root))
    window = availability_window(mpd, now, log)
    dynamic = mpd.type == "dynamic"
    context = Context(
        log,
        budget or Budget(),
        url,
        root,
        allow_downgrade=allow_downgrade,
        dynamic=dynamic,
        no_window=no_window(mpd) if dynamic and window is None else None,
        whole_buffer=mpd.time_shift_buffer_depth is None,
    )
    timed, early = time_periods(mpd, log)
    resolver = _Resolver(mpd, context, window, root)
    periods = tuple(resolver.period(period) for period in timed)
    if not mpd.periods:
        log.problem("the MPD has no Period", mpd.where, mpd.line, "5.3.1.2")
    _warn_about_early(early, log)
    if log.problems:
        error = validity_error(log.problems)
        error.warnings = log.warnings
        raise error
    presentation = Presentation(
        type=PresentationType(mpd.type),
        url=root,
        periods=periods,
        duration=_duration(mpd, periods),
        title=mpd.title,
        copyright=mpd.copyright,
        information_url=mpd.information_url,
        profiles=mpd.profiles,
        window=window,
        early_periods=tuple(period.id or period.where for period in early),
    )
    _note_unneeded(mpd, timed, presentation.problems, log)
    return msgspec.structs.replace(presentation, warnings=log.warnings)


def _warn_about_remote(mpd: MPD, log: IssueLog) -> None:
    for remote in mpd.remote:
        log.warn(
            f"{remote.element} is at {without_user(remote.href)!r}, which was not fetched;"
            " its content is used",
            remote.where,
            remote.line,
            "5.5",
        )
    for imported in mpd.imported:
        log.warn(
            f"the Period is another MPD, {without_user(imported.href)!r}, which is not fetched",
            imported.where,
            imported.line,
            "5.3.2.6",
        )


def _warn_about_early(early: tuple[model.Period, ...], log: IssueLog) -> None:
    for period in early:
        log.warn_once(
            "an early available Period has no start yet; its segments are not fetched",
            period.where,
            period.line,
            "5.3.2.1",
        )


def _note_unneeded(
    mpd: MPD, timed: Iterable[TimedPeriod], spoiling: Container[Issue], log: IssueLog
) -> None:
    """Warn about invalid times that no segment depends on."""
    for issue in _time_issues(mpd, timed):
        if issue not in spoiling:
            log.unneeded(issue)


def _time_issues(mpd: MPD, timed: Iterable[TimedPeriod]) -> Iterator[Issue]:
    yield from mpd.invalid.values()
    for period in timed:
        yield from period.element.invalid.values()
        if period.start_issue is not None:
            yield period.start_issue


def _root_base(mpd: MPD, url: str, base_url: str | None) -> str:
    """Return the base of all references: Location for a local file without absolute BaseURL."""
    if base_url is not None:
        return resolve_reference(url, base_url)
    if Url.parse(url).scheme in ("http", "https") or not mpd.locations:
        return url
    if is_absolute(mpd.locations[0]) and not any(is_absolute(text) for text in _base_urls(mpd)):
        return mpd.locations[0].strip()
    return url


def _base_urls(mpd: MPD) -> Iterable[str]:
    yield from (base.url for base in mpd.base_urls)
    for period in mpd.periods:
        yield from (base.url for base in period.base_urls)
        for adaptation_set in period.adaptation_sets:
            yield from (base.url for base in adaptation_set.base_urls)
            for representation in adaptation_set.representations:
                yield from (base.url for base in representation.base_urls)


def _duration(mpd: MPD, periods: tuple[Period, ...]) -> Fraction | None:
    if mpd.media_presentation_duration is not None:
        return mpd.media_presentation_duration
    return periods[-1].span.end if periods else None


class _Inherited(msgspec.Struct, frozen=True):
    """The values that a level passes down to the next one."""

    bases: tuple[Base, ...]
    query: RequestQuery | None
    protections: tuple[tuple[model.ContentProtection, ...], ...]
    beside: tuple[NamedFile, ...] = ()
    """Files that are named outside of segment information."""


class _Shared(msgspec.Struct, frozen=True):
    """What all Representations of an AdaptationSet have from it."""

    roles: tuple[Descriptor, ...]
    descriptors: int
    """How many descriptors of the AdaptationSet each Representation looks at."""


class _Resolver:
    """Resolves one Period after the other."""

    def __init__(self, mpd: MPD, context: Context, window: Window | None, root: str) -> None:
        self._mpd = mpd
        self._context = context
        self._log = context.log
        self._budget = context.budget
        self._window = window
        self._referable = referable(mpd)
        self._protected: tuple[object, tuple[Protection, ...]] | None = None
        """The protections of all levels that were resolved last, and the result."""
        self._with_remote = {"/".join(r.where.split("/")[:2]) for r in (*mpd.remote, *mpd.imported)}
        self._top = _Inherited(
            extend_bases((Base(root),), mpd.base_urls, context.log, context.budget),
            self._query(mpd),
            (mpd.protections,),
        )
        self._sets = InitializationSets(mpd, self._top.bases, context.budget)

    def period(self, timed: TimedPeriod) -> Period:
        element = timed.element
        if timed.span.duration is None and self._mpd.type == "static":
            timed = self._with_listed_duration(timed)
        inherited = self._inherit(self._top, element)
        sets = tuple(
            self._adaptation_set(adaptation_set, index, timed, inherited)
            for index, adaptation_set in enumerate(element.adaptation_sets)
        )
        if not sets and element.where not in self._with_remote:
            self._log.warn(
                "the Period has no AdaptationSet", element.where, element.line, "5.3.2.2"
            )
        check_representations(element, self._log)
        return Period(
            span=timed.span,
            adaptation_sets=sets,
            events=_events(element.events),
            where=element.where,
            line=element.line,
        )

    def _with_listed_duration(self, timed: TimedPeriod) -> TimedPeriod:
        """Return the duration, if nothing else tells it that of the longest explicit list."""
        element, span = timed.element, timed.span
        ends = [
            listed_duration(merged((element, adaptation_set, representation), self._context))
            for adaptation_set in element.adaptation_sets
            for representation in adaptation_set.representations
        ]
        known = [end for end in ends if end is not None]
        if not known:
            return timed
        longest = PeriodSpan(span.index, span.id, span.start, max(known))
        return msgspec.structs.replace(timed, span=longest)

    def _adaptation_set(
        self, element: model.AdaptationSet, index: int, timed: TimedPeriod, above: _Inherited
    ) -> AdaptationSet:
        self._budget.spend(LEVEL, "AdaptationSets")
        inherited = self._inherit(above, element)
        beside = (*files_beside(element, inherited.bases), *self._sets.of(element))
        if beside:
            inherited = msgspec.structs.replace(inherited, beside=beside)
        check_essential(element, self._log)
        shared = _Shared(plain(element.roles), len(element.roles) + _descriptors(element))
        representations = tuple(
            self._representation(representation, number, element, index, timed, inherited, shared)
            for number, representation in enumerate(element.representations)
        )
        if not representations:
            self._log.warn(
                "the AdaptationSet has no Representation", element.where, element.line, "5.3.3.2"
            )
        properties = (*element.essential, *element.supplemental)
        first = representations[0] if representations else None
        # Representations without protections of their own share one tuple.
        lists = {id(r.protections): r.protections for r in representations}
        protections = {p: None for protections in lists.values() for p in protections}
        return AdaptationSet(
            index=index,
            id=element.id,
            content_type=first.content_type if first else ContentType.OTHER,
            representations=representations,
            mime_type=element.mime_type or (first.mime_type if first else None),
            codecs=element.codecs or (first.codecs if first else None),
            lang=_language(element),
            labels=element.labels,
            roles=plain(element.roles),
            accessibility=plain(element.accessibility),
            essential=plain(element.essential),
            supplemental=plain(element.supplemental),
            protections=tuple(protections),
            inband_events=_events(
                event
                for source in (element, *element.representations)
                for event in source.inband_events
            ),
            trick_mode_for=values_of(properties, TRICK_MODE_SCHEMES),
            switching_with=values_of(properties, SWITCHING_SCHEMES),
            tiles=first.tiles if first else tiles_of(properties),
            where=element.where,
            line=element.line,
        )

    def _representation(
        self,
        element: model.Representation,
        index: int,
        parent: model.AdaptationSet,
        set_index: int,
        timed: TimedPeriod,
        above: _Inherited,
        shared: _Shared,
    ) -> Representation:
        units = LEVEL + ITEM * (shared.descriptors + len(element.dependency_ids))
        self._budget.spend(units, "Representations, with what they inherit")
        inherited = self._inherit(above, element)
        check_essential(element, self._log)
        subject = self._subject(element, inherited)
        beside = (*files_beside(element, inherited.bases), *inherited.beside)
        located = self._locate(subject, element, parent, timed, beside)
        tiles = tiles_of(
            (*element.essential, *element.supplemental, *parent.essential, *parent.supplemental)
        )
        return Representation(
            id=element.id or f"unnamed-{set_index}-{index}",
            period=timed.span,
            adaptation_set=set_index,
            index=index,
            content_type=self._content_type(element, parent, located),
            addressing=located.addressing,
            bases=subject.bases,
            query=subject.query,
            initialization=located.initialization,
            representation_index=located.representation_index,
            bitstream_switching=located.bitstream_switching,
            others=located.others,
            spares=located.spares,
            window=self._window,
            mime_type=element.mime_type or parent.mime_type,
            codecs=element.codecs or parent.codecs,
            bandwidth=None if element.bandwidth is None else round(element.bandwidth),
            width=element.width or parent.width,
            height=element.height or parent.height,
            sar=element.sar or parent.sar,
            frame_rate=element.frame_rate or parent.frame_rate,
            audio_sampling_rate=element.audio_sampling_rate or parent.audio_sampling_rate,
            channels=channels_of((*element.channels, *parent.channels)),
            lang=_language(parent),
            quality_ranking=element.quality_ranking,
            dependency_ids=element.dependency_ids,
            roles=shared.roles,
            essential=plain(element.essential),
            supplemental=plain(element.supplemental),
            protections=self._protections(inherited),
            tiles=tiles,
            problems=located.problems,
            where=element.where,
            line=element.line,
        )

    def _subject(self, element: model.Representation, inherited: _Inherited) -> Subject:
        usable, refusal = self._usable(inherited.bases, element)
        return Subject(
            element.id,
            element.bandwidth,
            Place(element.where, element.line),
            usable,
            inherited.query,
            own_base=bool(element.base_urls),
            refusal=refusal,
        )

    def _locate(
        self,
        subject: Subject,
        element: model.Representation,
        parent: model.AdaptationSet,
        timed: TimedPeriod,
        beside: tuple[NamedFile, ...],
    ) -> Located:
        levels = (timed.element, parent, element)
        information = merged(levels, self._context)
        named = (*named_files(levels), *beside)
        spares = spares_of(information, levels)
        return locate(information, timed, subject, self._context, named, spares)

    def _inherit(
        self, above: _Inherited, element: model.Period | model.AdaptationSet | model.Representation
    ) -> _Inherited:
        return _Inherited(
            extend_bases(above.bases, element.base_urls, self._log, self._budget),
            self._query(element) or above.query,
            (element.protections, *above.protections) if element.protections else above.protections,
            above.beside,
        )

    def _query(
        self, element: MPD | model.Period | model.AdaptationSet | model.Representation
    ) -> RequestQuery | None:
        if not element.essential and not element.supplemental:
            return None
        properties = (*element.essential, *element.supplemental)
        return request_query(properties, self._context.manifest, self._log, self._budget)

    def _usable(
        self, bases: tuple[Base, ...], element: model.Representation
    ) -> tuple[tuple[Base, ...], str | None]:
        """Return the bases that the policy allows, or the reason why it allows none."""
        refusals = [self._context.refusal(base.url) for base in bases]
        usable = tuple(b for b, why in zip(bases, refusals, strict=True) if why is None)
        if not usable:
            return bases[:1], refusals[0]
        for refusal in refusals:
            if refusal is not None:
                self._log.warn_once(
                    f"{refusal}; another BaseURL is used", element.where, element.line, "5.6.5"
                )
        return usable, None

    def _protections(self, inherited: _Inherited) -> tuple[Protection, ...]:
        if not any(inherited.protections):
            return ()
        if self._protected is None or self._protected[0] is not inherited.protections:
            found = protections_of(inherited.protections, self._referable, self._log, self._budget)
            self._protected = inherited.protections, found
        return self._protected[1]

    def _content_type(
        self, element: model.Representation, parent: model.AdaptationSet, located: Located
    ) -> ContentType:
        mime_type = element.mime_type or parent.mime_type
        if mime_type is None:
            self._log.warn_once("@mimeType is missing", element.where, element.line, "5.3.7.2")
        properties = (
            *element.essential,
            *element.supplemental,
            *parent.essential,
            *parent.supplemental,
        )
        media = _media_name(located)
        found = content_type(parent, element, media, tiles_of(properties))
        if found is None:
            self._log.warn("unknown content type", element.where, element.line, "5.3.7.2")
        return found or ContentType.OTHER


def _descriptors(element: model.AdaptationSet) -> int:
    return sum(map(len, (element.essential, element.supplemental, element.channels)))


def _events(elements: Iterable[model.EventStreamElement]) -> tuple[EventStream, ...]:
    return tuple(
        EventStream(
            event.scheme,
            event.value,
            event.timescale,
            event.count,
            event.inband,
            tuple(
                (
                    Fraction(text.start, event.timescale),
                    None if text.duration is None else Fraction(text.duration, event.timescale),
                    text.text,
                )
                for text in event.texts
            ),
        )
        for event in elements
    )


def _language(element: model.AdaptationSet) -> str | None:
    if element.lang is not None:
        return element.lang
    languages = {lang for _, lang in element.content_components if lang}
    return languages.pop() if len(languages) == 1 else None


def _media_name(located: Located) -> str | None:
    addressing = located.addressing
    if isinstance(addressing, ListAddressing):
        return addressing.segments[0].media if addressing.segments else None
    return addressing.media.patterns[0].marked
