"""Read the elements beside segment information: base URLs, descriptors, protection, events."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from dashget.mpd.attributes import Attributes
from dashget.mpd.issues import IssueLog
from dashget.mpd.model import (
    BaseUrlElement,
    ContentProtection,
    DescriptorElement,
    EventStreamElement,
    EventText,
    UrlQuery,
    UtcTiming,
)
from dashget.mpd.names import CENC, DVB
from dashget.mpd.segmentinfo import read_offset
from dashget.mpd.xmltree import Element

FONT_SCHEME: Final = "urn:dvb:dash:fontdownload:2014"
_LONGEST_TEXT: Final = 200
"""The characters of an event's text up to which it is kept: longer ones are data."""


def placed(element: Element, name: str, where: str) -> list[tuple[Element, str]]:
    """Yield the children of a name, each with its place."""
    found = [child for child in element.children if child.name == name]
    return [(child, f"{where}/{name}[{index}]") for index, child in enumerate(found, 1)]


def read_base_urls(element: Element, where: str, log: IssueLog) -> tuple[BaseUrlElement, ...]:
    """Read the BaseURLs of an element."""
    return tuple(_base_url(*found, log) for found in placed(element, "BaseURL", where))


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


def read_descriptors(
    element: Element, name: str, where: str, log: IssueLog
) -> tuple[DescriptorElement, ...]:
    """Read all descriptors of a name (5.8.2)."""
    found = []
    for child, place in placed(element, name, where):
        read = Attributes(child, place, log)
        scheme = read.text("schemeIdUri") or ""
        found.append(
            DescriptorElement(
                where=place,
                line=child.line,
                scheme=scheme,
                value=read.text("value"),
                id=read.text("id"),
                url_query=_url_query(child, place, log),
                font=_font(child) if scheme == FONT_SCHEME else None,
            )
        )
    return tuple(found)


def _font(element: Element) -> str | None:
    """Return ``dvb:url`` (ETSI TS 103 285, 7.2), in whichever namespace it is written."""
    values = (v for name, v in element.attributes.items() if name.rpartition("}")[2] == "url")
    return next((value.strip() for value in values if value.strip()), None)


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


def read_protections(element: Element, where: str, log: IssueLog) -> tuple[ContentProtection, ...]:
    """Read ContentProtection (5.8.4.1)."""
    found = []
    for child, place in placed(element, "ContentProtection", where):
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


def read_events(
    element: Element, name: str, where: str, log: IssueLog
) -> tuple[EventStreamElement, ...]:
    """Read EventStream or InbandEventStream (5.10)."""
    return tuple(
        EventStreamElement(
            where=place,
            line=child.line,
            scheme=child.attributes.get("schemeIdUri", "").strip(),
            value=child.attributes.get("value"),
            timescale=Attributes(child, place, log).integer("timescale", least=1) or 1,
            count=sum(1 for _ in child.all("Event")),
            inband=name == "InbandEventStream",
            texts=tuple(_iter_texts(child, place, log)),
        )
        for child, place in placed(element, name, where)
    )


def _iter_texts(stream: Element, where: str, log: IssueLog) -> Iterator[EventText]:
    """Yield the events that have text, plain and not too long for a title (5.10.2.2)."""
    offset: int | None = None
    for event in stream.all("Event"):
        text = event.text or event.attributes.get("messageData", "")
        if not text or len(text) > _LONGEST_TEXT or "contentEncoding" in event.attributes:
            continue
        if offset is None:
            offset = Attributes(stream, where, log).integer("presentationTimeOffset") or 0
        read = Attributes(event, where, log)
        start = read.integer("presentationTime") or 0
        yield EventText(start - offset, read.integer("duration"), " ".join(text.split()))


def read_utc_timings(root: Element, where: str, log: IssueLog) -> tuple[UtcTiming, ...]:
    """Read UTCTiming (5.8.4.11)."""
    return tuple(
        UtcTiming(
            where=place,
            line=child.line,
            scheme=child.attributes.get("schemeIdUri", "").strip(),
            value=child.attributes.get("value", "").strip(),
        )
        for child, place in placed(root, "UTCTiming", where)
    )
