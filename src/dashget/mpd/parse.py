"""Reading an MPD: bytes to model, each value typed once, each oddity noted at its place.

``parse_mpd`` does it all: it names what is no MPD, mends what has one possible meaning, and
builds one frozen object per element. It raises only for what cannot be read as an MPD at
all; breaches inside are collected in ``MPD.problems`` for ``resolve`` to raise together.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from dashget.errors import MPDSyntaxError
from dashget.mpd.attributes import Attributes
from dashget.mpd.issues import IssueLog
from dashget.mpd.malformed import looks_like, mended
from dashget.mpd.model import (
    MPD,
    AdaptationSet,
    BaseUrlElement,
    ContentProtection,
    DescriptorElement,
    EventStreamElement,
    Period,
    Representation,
    Source,
    UrlQuery,
    UtcTiming,
)
from dashget.mpd.segmentinfo import (
    read_offset,
    read_segment_base,
    read_segment_list,
    read_segment_template,
)
from dashget.mpd.xlink import MAX_REMOTE, find_remote, remove_resolved_to_zero
from dashget.mpd.xmltree import (
    CENC,
    DEFAULT_LIMITS,
    DVB,
    NAMESPACE,
    Element,
    ParseLimits,
    XmlError,
    read_tree,
)

_Built = TypeVar("_Built")

__all__ = ["DEFAULT_LIMITS", "ParseLimits", "build_mpd", "parse_mpd"]


def parse_mpd(data: bytes, *, url: str | None = None, limits: ParseLimits = DEFAULT_LIMITS) -> MPD:
    """Read an MPD; MPDSyntaxError for what is none, with what it looks like.

    ``url`` is where it came from, for those who resolve it later. What is odd but readable is
    in ``MPD.warnings``; what breaks the standard where it matters is in ``MPD.problems``, and
    ``resolve`` raises it together with its own.
    """
    log = IssueLog()
    root = read_document(data, log, limits)
    if root.name.rpartition("}")[2] != "MPD":
        raise MPDSyntaxError(
            f"the root element is {root.name.rpartition('}')[2]}, not MPD (line {root.line})",
            hint="this is XML, but no DASH manifest; check the URL",
        )
    return build_mpd(root, log, url)


def read_document(data: bytes, log: IssueLog, limits: ParseLimits = DEFAULT_LIMITS) -> Element:
    """Read any XML document of an MPD's kind; used for remote elements too."""
    if len(data) > limits.max_bytes:
        raise MPDSyntaxError(
            f"the document has {len(data):,} bytes, more than the limit of {limits.max_bytes:,}",
            hint="raise the limit if this manifest is meant to be that large",
        )
    appearance = looks_like(data)
    if appearance is not None:
        raise MPDSyntaxError(
            f"not an MPD: the document is {appearance}",
            hint="check that the URL is that of a DASH manifest (.mpd)",
        )
    try:
        return read_tree(data, log, limits)
    except XmlError as err:
        return _read_mended(data, err, log, limits)


def _read_mended(data: bytes, error: XmlError, log: IssueLog, limits: ParseLimits) -> Element:
    if not error.truncated:
        repaired, done = mended(data)
        if done:
            again = IssueLog()
            try:
                root = read_tree(repaired, again, limits)
            except XmlError as err:
                error = err
            else:
                log.extend(again.warnings, again.problems)
                log.warn(
                    f"not well-formed, and read with {', '.join(done)} mended", line=error.line
                )
                return root
    inside = f" inside {error.inside}" if error.inside else ""
    if error.truncated:
        raise MPDSyntaxError(
            f"the document breaks off in line {error.line}{inside}",
            hint="it is truncated: fetch it again",
        ) from error
    raise MPDSyntaxError(
        f"not well-formed XML: {error.reason} in line {error.line}, column {error.column}{inside}",
        hint="the document cannot be read in one way only, so it is not read at all",
    ) from error


def build_mpd(root: Element, log: IssueLog, url: str | None = None) -> MPD:
    """Build the model of a whole document; ``log`` has what was said about its XML."""
    source = Source(root, log.warnings, log.problems)
    remove_resolved_to_zero(root)
    _check_namespace(root, log)
    where = "MPD"
    read = Attributes(root, where, log)
    for name, clause in (("profiles", "5.3.1.2"), ("minBufferTime", "5.3.1.2")):
        if name not in root.attributes:
            read.warn(f"@{name} is missing", clause)
    remote = find_remote(root)
    if len(remote) > MAX_REMOTE:
        read.problem(f"{len(remote)} remote elements; the limit is {MAX_REMOTE}", "5.5")
        remote = ()
    title = next((t.text for info in root.all("ProgramInformation") for t in info.all("Title")), "")
    fields: dict[str, Any] = {
        "url": url,
        "type": _presentation_type(read),
        "id": read.text("id"),
        "profiles": _profiles(read),
        "media_presentation_duration": read.seconds("mediaPresentationDuration", vital=True),
        "availability_start_time": read.date_time("availabilityStartTime", vital=True),
        "availability_end_time": read.date_time("availabilityEndTime"),
        "publish_time": read.date_time("publishTime"),
        "minimum_update_period": read.seconds("minimumUpdatePeriod"),
        "min_buffer_time": read.seconds("minBufferTime"),
        "time_shift_buffer_depth": read.seconds("timeShiftBufferDepth"),
        "suggested_presentation_delay": read.seconds("suggestedPresentationDelay"),
        "max_segment_duration": read.seconds("maxSegmentDuration"),
        "title": title or None,
        "base_urls": _base_urls(root, where, log),
        "locations": tuple(child.text for child in root.all("Location") if child.text),
        "patch_locations": tuple(child.text for child in root.all("PatchLocation") if child.text),
        "periods": tuple(_period(*placed, log) for placed in _placed(root, "Period", where)),
        "utc_timings": _utc_timings(root, where, log),
        "essential": _descriptors(root, "EssentialProperty", where, log),
        "supplemental": _descriptors(root, "SupplementalProperty", where, log),
        "protections": _protections(root, where, log),
        "remote": remote,
        "source": source if remote else None,
    }
    return MPD(where=where, line=root.line, warnings=log.warnings, problems=log.problems, **fields)


def _check_namespace(root: Element, log: IssueLog) -> None:
    if root.namespace == NAMESPACE:
        return
    name = f"the namespace is {root.namespace!r}" if root.namespace else "no namespace is declared"
    log.warn(f"{name}, not {NAMESPACE!r}; read as if it were", "MPD", root.line, "5.2.2")


def _presentation_type(read: Attributes) -> str:
    value = read.text("type")
    if value in (None, "static", "dynamic"):
        return value or "static"
    assert value is not None  # noqa: S101 - narrowed by the line above
    if value.lower() in ("static", "dynamic"):
        read.warn(f"@type is {value!r}; read as {value.lower()}", "5.3.1.2")
        return value.lower()
    read.problem(f"@type is {value!r}, neither static nor dynamic", "5.3.1.2")
    return "static"


def _profiles(read: Attributes) -> tuple[str, ...]:
    return tuple(name.strip() for name in (read.text("profiles") or "").split(",") if name.strip())


def _placed(element: Element, name: str, where: str) -> list[tuple[Element, str]]:
    found = [child for child in element.children if child.name == name]
    return [(child, f"{where}/{name}[{index}]") for index, child in enumerate(found, 1)]


def _period(element: Element, where: str, log: IssueLog) -> Period:
    read = Attributes(element, where, log)
    sets = tuple(_adaptation_set(*p, log) for p in _placed(element, "AdaptationSet", where))
    return Period(
        where=where,
        line=element.line,
        id=read.text("id"),
        start=read.seconds("start", vital=True),
        duration=read.seconds("duration", vital=True),
        bitstream_switching=read.boolean("bitstreamSwitching"),
        supplemental=_descriptors(element, "SupplementalProperty", where, log),
        essential=_descriptors(element, "EssentialProperty", where, log),
        protections=_protections(element, where, log),
        events=_events(element, "EventStream", where, log),
        adaptation_sets=sets,
        **_addressing(element, where, log),
    )


def _adaptation_set(element: Element, where: str, log: IssueLog) -> AdaptationSet:
    read = Attributes(element, where, log)
    representations = tuple(
        _representation(*placed, log) for placed in _placed(element, "Representation", where)
    )
    return AdaptationSet(
        id=read.text("id"),
        group=read.text("group"),
        lang=read.text("lang"),
        content_type=read.text("contentType"),
        par=read.text("par"),
        bitstream_switching=read.boolean("bitstreamSwitching"),
        labels=tuple(child.text for child in element.all("Label") if child.text),
        roles=_descriptors(element, "Role", where, log),
        accessibility=_descriptors(element, "Accessibility", where, log),
        content_components=tuple(
            (child.attributes.get("contentType"), child.attributes.get("lang"))
            for child in element.all("ContentComponent")
        ),
        representations=representations,
        **_common(read),
        **_addressing(element, where, log),
    )


def _representation(element: Element, where: str, log: IssueLog) -> Representation:
    read = Attributes(element, where, log)
    return Representation(
        id=read.text("id"),
        bandwidth=read.integer("bandwidth"),
        quality_ranking=read.integer("qualityRanking"),
        dependency_ids=read.words("dependencyId"),
        sub_representations=sum(1 for _ in element.all("SubRepresentation")),
        **_common(read),
        **_addressing(element, where, log),
    )


def _common(read: Attributes) -> dict[str, Any]:
    element, where = read.element, read.where
    return {
        "where": where,
        "line": element.line,
        "profiles": read.text("profiles"),
        "mime_type": read.text("mimeType"),
        "codecs": read.text("codecs"),
        "width": read.integer("width"),
        "height": read.integer("height"),
        "sar": read.text("sar"),
        "frame_rate": read.rate("frameRate"),
        "audio_sampling_rate": _sampling_rate(read),
        "scan_type": read.text("scanType"),
        "segment_profiles": read.text("segmentProfiles"),
        "container_profiles": read.text("containerProfiles"),
        **(_common_children(element, where, read.log) if element.children else {}),
    }


def _common_children(element: Element, where: str, log: IssueLog) -> dict[str, Any]:
    return {
        "channels": _descriptors(element, "AudioChannelConfiguration", where, log),
        "protections": _protections(element, where, log),
        "essential": _descriptors(element, "EssentialProperty", where, log),
        "supplemental": _descriptors(element, "SupplementalProperty", where, log),
        "inband_events": _events(element, "InbandEventStream", where, log),
    }


def _sampling_rate(read: Attributes) -> int | None:
    """Read ``@audioSamplingRate``, which may be a range of two; the higher one counts."""
    words = read.words("audioSamplingRate")
    if not words:
        return None
    rates = [int(word) for word in words if word.isascii() and word.isdigit()]
    if len(rates) != len(words):
        read.warn(f"@audioSamplingRate: not a number: {' '.join(words)!r}; ignored", "Annex B")
    return max(rates, default=None)


def _addressing(element: Element, where: str, log: IssueLog) -> dict[str, Any]:
    if not element.children:
        return {}
    return {
        "base_urls": _base_urls(element, where, log),
        "segment_base": _one(element, "SegmentBase", where, log, read_segment_base),
        "segment_list": _one(element, "SegmentList", where, log, read_segment_list),
        "segment_template": _one(element, "SegmentTemplate", where, log, read_segment_template),
    }


def _one(
    element: Element,
    name: str,
    where: str,
    log: IssueLog,
    reader: Callable[[Element, str, IssueLog], _Built],
) -> _Built | None:
    found = [child for child in element.children if child.name == name]
    if not found:
        return None
    if len(found) > 1:
        log.warn(f"{len(found)} {name} elements; the first counts", where, element.line, "5.3.9")
    return reader(found[0], f"{where}/{name}", log)


def _base_urls(element: Element, where: str, log: IssueLog) -> tuple[BaseUrlElement, ...]:
    return tuple(_base_url(*placed, log) for placed in _placed(element, "BaseURL", where))


def _base_url(element: Element, where: str, log: IssueLog) -> BaseUrlElement:
    read = Attributes(element, where, log)
    return BaseUrlElement(
        where=where,
        line=element.line,
        url=element.text,
        service_location=read.text("serviceLocation"),
        byte_range=read.text("byteRange"),
        availability_time_offset=read_offset(read),
        availability_time_complete=read.boolean("availabilityTimeComplete"),
        priority=read.integer(f"{{{DVB}}}priority"),
        weight=read.integer(f"{{{DVB}}}weight"),
    )


def _descriptors(
    element: Element, name: str, where: str, log: IssueLog
) -> tuple[DescriptorElement, ...]:
    found = []
    for child, place in _placed(element, name, where):
        read = Attributes(child, place, log)
        found.append(
            DescriptorElement(
                where=place,
                line=child.line,
                scheme=read.text("schemeIdUri") or "",
                value=read.text("value"),
                id=read.text("id"),
                url_query=_url_query(child, place, log),
            )
        )
    return tuple(found)


def _url_query(element: Element, where: str, log: IssueLog) -> UrlQuery | None:
    """Read Annex I's ``UrlQueryInfo`` or ``ExtUrlQueryInfo`` inside a descriptor."""
    for child in element.children:
        name = child.name.rpartition("}")[2]
        if name not in ("UrlQueryInfo", "ExtUrlQueryInfo"):
            continue
        read = Attributes(child, f"{where}/{name}", log)
        return UrlQuery(
            where=read.where,
            line=child.line,
            query_template=read.raw("queryTemplate"),
            use_mpd_url_query=bool(read.boolean("useMPDUrlQuery")),
            query_string=read.text("queryString"),
            header_param_source=read.text("headerParamSource"),
            include_in_requests=read.words("includeInRequests") or ("segment",),
            same_origin_only=bool(read.boolean("sameOriginOnly")),
        )
    return None


def _protections(element: Element, where: str, log: IssueLog) -> tuple[ContentProtection, ...]:
    found = []
    for child, place in _placed(element, "ContentProtection", where):
        read = Attributes(child, place, log)
        texts: dict[str, list[str]] = {"pssh": [], "pro": []}
        for part in child.children:
            texts.get(part.name.rpartition("}")[2], []).append(part.text)
        found.append(
            ContentProtection(
                where=place,
                line=child.line,
                scheme=(read.text("schemeIdUri") or "").lower(),
                value=read.text("value"),
                ref=read.text("ref"),
                ref_id=read.text("refId"),
                default_kid=read.text(f"{{{CENC}}}default_KID") or read.text("default_KID"),
                pssh=tuple(texts["pssh"]),
                pro=tuple(texts["pro"]),
            )
        )
    return tuple(found)


def _events(
    element: Element, name: str, where: str, log: IssueLog
) -> tuple[EventStreamElement, ...]:
    return tuple(
        EventStreamElement(
            where=place,
            line=child.line,
            scheme=child.attributes.get("schemeIdUri", "").strip(),
            value=child.attributes.get("value"),
            timescale=Attributes(child, place, log).integer("timescale", least=1) or 1,
            count=sum(1 for _ in child.all("Event")),
            inband=name == "InbandEventStream",
        )
        for child, place in _placed(element, name, where)
    )


def _utc_timings(root: Element, where: str, log: IssueLog) -> tuple[UtcTiming, ...]:
    return tuple(
        UtcTiming(
            where=place,
            line=child.line,
            scheme=child.attributes.get("schemeIdUri", "").strip(),
            value=child.attributes.get("value", "").strip(),
        )
        for child, place in _placed(root, "UTCTiming", where)
    )
