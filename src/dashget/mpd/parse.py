"""Parse an MPD: from bytes to the document model.

``parse_mpd`` recognises documents of other formats, decodes the bytes, mends mistakes with one
possible meaning, and builds one frozen object per element with typed values. It raises only if the
bytes cannot be read as an MPD at all. A value that cannot be read is kept as an issue beside the
values of its element, and matters only if a segment depends on it; ``MPD.problems`` has what spoils
the whole document, which ``resolve`` raises together.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final, TypeVar

from dashget.common.numbers import read_digits
from dashget.errors import MPDSyntaxError
from dashget.mpd.attributes import Attributes
from dashget.mpd.budget import RAISED_BY, Budget
from dashget.mpd.descriptors import (
    placed,
    read_base_urls,
    read_descriptors,
    read_events,
    read_protections,
    read_utc_timings,
)
from dashget.mpd.encoding import EncodingError, as_utf8
from dashget.mpd.issues import IssueLog
from dashget.mpd.model import (
    MPD,
    AdaptationSet,
    InitializationSet,
    PatchLocation,
    Period,
    Representation,
    SegmentBase,
    Source,
)
from dashget.mpd.names import NAMESPACE
from dashget.mpd.segmentinfo import (
    read_segment_base,
    read_segment_list,
    read_segment_template,
)
from dashget.mpd.xlink import find_imported, find_remote, forget_empty, remove_resolved_to_zero
from dashget.mpd.xmltree import Element, XmlError, read_tree, without_doctype

if TYPE_CHECKING:
    from dashget.mpd.knowntimelines import KnownTimelines

_Built = TypeVar("_Built")
_READERS: Final[Mapping[str, Callable[[Element, str, IssueLog], SegmentBase]]] = {
    "SegmentBase": read_segment_base,
    "SegmentList": read_segment_list,
    "SegmentTemplate": read_segment_template,
}


def parse_mpd(
    data: bytes,
    *,
    url: str | None = None,
    budget: Budget | None = None,
    known: KnownTimelines | None = None,
) -> MPD:
    """Parse an MPD; raise MPDSyntaxError for other documents, with the format they seem to be in.

    ``url`` is the URL that it came from, which ``resolve`` needs later; ``budget`` is what the
    document may cost, by default a new one. ``known`` has the timelines of the document before, and
    gets those of this one: it changes nothing but the time that it takes. Odd but usable parts
    are in ``MPD.warnings``; breaches of the standard that spoil the whole document are in
    ``MPD.problems``, which ``resolve`` raises.
    """
    log = IssueLog()
    budget = budget or Budget()
    root = read_document(data, log, budget, known)
    if root.name.rpartition("}")[2] != "MPD":
        raise MPDSyntaxError(
            f"the root element is {root.name.rpartition('}')[2]}, not MPD (line {root.line})",
            hint="this XML document is not a DASH manifest; check the URL",
        )
    return build_mpd(root, log, budget, url)


def read_document(
    data: bytes, log: IssueLog, budget: Budget, known: KnownTimelines | None = None
) -> Element:
    """Read an XML document into a tree; used for MPDs and for remote elements."""
    budget.spend_bytes(len(data))
    appearance = None if _begins_as_mpd(data) else _looks_like(data)
    if appearance is not None:
        from dashget.mpd.malformed import LIST_OF_URLS

        hint = "check that the URL leads to a DASH manifest (.mpd)"
        if appearance == LIST_OF_URLS:
            hint = "mirror what it names: xargs dashget < FILE"
        unlike = MPDSyntaxError(f"not an MPD: the document is {appearance}", hint=hint)
        unlike.truncated = appearance == "empty"
        raise unlike
    try:
        text, remark = as_utf8(data)
    except EncodingError as err:
        raise MPDSyntaxError(
            f"not well-formed XML: {err} in line 1",
            hint="save the document in UTF-8 and give that file, with its URL as --base-url",
        ) from err
    if remark is not None:
        log.warn(f"not well-formed; mended: {remark}", "MPD", 1, "XML 1.0")
    try:
        return read_tree(text, log, budget) if known is None else known.read(text, log, budget)
    except XmlError as err:
        return _read_mended(text, err, log, budget)


def accepted(data: bytes, read: Callable[[bytes], _Built], budget: Budget) -> _Built:
    """Return what ``read`` makes of the text that ``read_document`` reads.

    It is in UTF-8, mended, and without document type declaration; ``read`` raises XmlError for
    a text that is not well-formed. Raises MPDSyntaxError for a document that cannot be read.
    """
    try:
        text, _ = as_utf8(data)
        try:
            return read(without_doctype(text, IssueLog(), budget))
        except XmlError:
            from dashget.mpd.malformed import mended

            _spend_on_mending(text, budget)
            return read(without_doctype(mended(text)[0], IssueLog(), budget))
    except (EncodingError, XmlError) as err:
        raise MPDSyntaxError(f"not well-formed XML: {err}") from err


def _begins_as_mpd(data: bytes) -> bool:
    """Return True if the bytes begin like most MPDs; others may still be an MPD."""
    if data.startswith(b"<?xml"):
        end = data.find(b"?>", 0, 200) + 2
        data = data[end : end + 100].lstrip(b" \t\r\n")
    return data.startswith((b"<MPD ", b"<MPD\n", b"<MPD\r"))


def _looks_like(data: bytes) -> str | None:
    """Return the name of the format if the bytes are of a known one other than MPD."""
    # Loaded late, as above: most documents are MPDs, and well-formed.
    from dashget.mpd.malformed import looks_like

    return looks_like(data)


def _read_mended(data: bytes, error: XmlError, log: IssueLog, budget: Budget) -> Element:
    if not error.truncated:
        from dashget.mpd.malformed import mended

        _spend_on_mending(data, budget)
        repaired, done = mended(data)
        if done:
            again = IssueLog()
            try:
                root = read_tree(repaired, again, budget)
            except XmlError as err:
                error = err
            else:
                log.extend(again.warnings, again.problems)
                message = f"not well-formed; mended: {', '.join(done)}"
                log.warn(message, error.inside or "MPD", error.line, "XML 1.0")
                return root
    inside = f" inside {error.inside}" if error.inside else ""
    if error.truncated:
        cut = MPDSyntaxError(
            f"the document ends too early, in line {error.line}{inside}",
            hint="it is truncated: fetch it again",
        )
        cut.truncated = True
        raise cut from error
    raise MPDSyntaxError(
        f"not well-formed XML: {error.reason} in line {error.line}, column {error.column}{inside}",
        hint="the mistake has more than one possible meaning, so it cannot be mended",
    ) from error


def _spend_on_mending(data: bytes, budget: Budget) -> None:
    units = 8 * len(data) + 200 * data.count(b"&") + 1500 * data.count(b"<")
    budget.spend(units, "what is mended in the document")


def build_mpd(root: Element, log: IssueLog, budget: Budget, url: str | None = None) -> MPD:
    """Build the model of a whole document; ``log`` has the issues of its XML."""
    source = Source(root, log.warnings, log.problems, budget.work)
    remove_resolved_to_zero(root)
    forget_empty(root, log)
    _check_namespace(root, log)
    where = "MPD"
    read = Attributes(root, where, log)
    for name, clause in (("profiles", "5.3.1.2"), ("minBufferTime", "5.3.1.2")):
        if name not in root.attributes:
            read.warn(f"@{name} is missing", clause)
    remote = find_remote(root)
    most = budget.limits.max_requests
    if len(remote) > most:
        read.problem(f"{len(remote)} remote elements; the limit is {most}; {RAISED_BY}", "5.5")
        remote = ()
    programs = list(root.all("ProgramInformation"))
    urls = (info.attributes.get("moreInformationURL", "").strip() for info in programs)
    fields: dict[str, Any] = {
        "url": url,
        "type": _presentation_type(read),
        "id": read.text("id"),
        "profiles": _profiles(read),
        "media_presentation_duration": read.seconds("mediaPresentationDuration", vital=True),
        "availability_start_time": read.date_time("availabilityStartTime", vital=True),
        "availability_end_time": read.date_time("availabilityEndTime", vital=True),
        "publish_time": read.date_time("publishTime"),
        "minimum_update_period": read.seconds("minimumUpdatePeriod"),
        "min_buffer_time": read.seconds("minBufferTime"),
        "time_shift_buffer_depth": read.seconds("timeShiftBufferDepth"),
        "suggested_presentation_delay": read.seconds("suggestedPresentationDelay"),
        "max_segment_duration": read.seconds("maxSegmentDuration"),
        "title": _program(programs, "Title"),
        "copyright": _program(programs, "Copyright"),
        "information_url": next(filter(None, urls), None),
        "base_urls": read_base_urls(root, where, log),
        "locations": tuple(child.text for child in root.all("Location") if child.text),
        "patch_locations": _patch_locations(root),
        "initialization_sets": tuple(
            _initialization_set(*found, log) for found in placed(root, "InitializationSet", where)
        ),
        "periods": tuple(_period(*found, log) for found in placed(root, "Period", where)),
        "utc_timings": read_utc_timings(root, where, log),
        "essential": read_descriptors(root, "EssentialProperty", where, log),
        "supplemental": read_descriptors(root, "SupplementalProperty", where, log),
        "protections": read_protections(root, where, log),
        "remote": remote,
        "imported": find_imported(root),
        "source": source if remote else None,
        "invalid": read.invalid,
    }
    return MPD(where=where, line=root.line, warnings=log.warnings, problems=log.problems, **fields)


def _patch_locations(root: Element) -> tuple[PatchLocation, ...]:
    """Return where patches are; an invalid ``@ttl`` counts as missing, as only patches need it."""
    return tuple(
        PatchLocation(child.text, Attributes(child, "MPD/PatchLocation", IssueLog()).number("ttl"))
        for child in root.all("PatchLocation")
        if child.text
    )


def _check_namespace(root: Element, log: IssueLog) -> None:
    if root.namespace == NAMESPACE:
        return
    name = f"the namespace is {root.namespace!r}" if root.namespace else "no namespace is declared"
    log.warn(
        f"{name}, not {NAMESPACE!r}; read as if it had this namespace", "MPD", root.line, "5.2.2"
    )


def _presentation_type(read: Attributes) -> str:
    value = read.text("type")
    if value in (None, "static", "dynamic"):
        return value or "static"
    if value == "list":
        # One whose Periods may be other MPDs (6th edition); it is complete as it stands.
        return "static"
    assert value is not None  # noqa: S101 - narrowed by the line above
    if value.lower() in ("static", "dynamic"):
        read.warn(f"@type is {value!r}; read as {value.lower()}", "5.3.1.2")
        return value.lower()
    read.warn(f"@type is {value!r}, neither static nor dynamic; read as static", "5.3.1.2")
    return "static"


def _profiles(read: Attributes) -> tuple[str, ...]:
    return tuple(name.strip() for name in (read.text("profiles") or "").split(",") if name.strip())


def _program(programs: Iterable[Element], name: str) -> str | None:
    """Return the first text of a child of ProgramInformation (5.7)."""
    return next((child.text for info in programs for child in info.all(name)), None) or None


def _initialization_set(element: Element, where: str, log: IssueLog) -> InitializationSet:
    read = Attributes(element, where, log)
    return InitializationSet(
        where=where,
        line=element.line,
        id=read.text("id"),
        content_type=read.text("contentType"),
        mime_type=read.text("mimeType"),
        initialization=read.text("initialization"),
    )


def _period(element: Element, where: str, log: IssueLog) -> Period:
    read = Attributes(element, where, log)
    sets = tuple(_adaptation_set(*p, log) for p in placed(element, "AdaptationSet", where))
    return Period(
        where=where,
        line=element.line,
        id=read.text("id"),
        start=read.seconds("start", vital=True),
        duration=read.seconds("duration", vital=True),
        bitstream_switching=read.boolean("bitstreamSwitching"),
        supplemental=read_descriptors(element, "SupplementalProperty", where, log),
        essential=read_descriptors(element, "EssentialProperty", where, log),
        protections=read_protections(element, where, log),
        events=read_events(element, "EventStream", where, log),
        adaptation_sets=sets,
        invalid=read.invalid,
        **_addressing(element, where, log),
    )


def _adaptation_set(element: Element, where: str, log: IssueLog) -> AdaptationSet:
    read = Attributes(element, where, log)
    representations = tuple(
        _representation(*found, log) for found in placed(element, "Representation", where)
    )
    return AdaptationSet(
        id=read.text("id"),
        group=read.text("group"),
        lang=read.text("lang"),
        content_type=read.text("contentType"),
        par=read.text("par"),
        bitstream_switching=read.boolean("bitstreamSwitching"),
        initialization_sets=read.words("initializationSetRef"),
        initialization_principal=read.text("initializationPrincipal"),
        labels=tuple(child.text for child in element.all("Label") if child.text),
        roles=read_descriptors(element, "Role", where, log),
        accessibility=read_descriptors(element, "Accessibility", where, log),
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
        bandwidth=read.bandwidth(),
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
        "channels": read_descriptors(element, "AudioChannelConfiguration", where, log),
        "protections": read_protections(element, where, log),
        "essential": read_descriptors(element, "EssentialProperty", where, log),
        "supplemental": read_descriptors(element, "SupplementalProperty", where, log),
        "inband_events": read_events(element, "InbandEventStream", where, log),
    }


def _sampling_rate(read: Attributes) -> int | None:
    """Return ``@audioSamplingRate``; of a range, the higher rate."""
    words = read.words("audioSamplingRate")
    if not words:
        return None
    rates = [rate for word in words if (rate := read_digits(word)) is not None]
    if len(rates) != len(words):
        read.warn(f"@audioSamplingRate: not a number: {' '.join(words)!r}; ignored", "Annex B")
    return max(rates, default=None)


def _addressing(element: Element, where: str, log: IssueLog) -> dict[str, Any]:
    if not element.children:
        return {}
    return {
        "base_urls": read_base_urls(element, where, log),
        "doubled": tuple(_doubled(element, where, log)),
        "segment_base": _one(element, "SegmentBase", where, log, read_segment_base),
        "segment_list": _one(element, "SegmentList", where, log, read_segment_list),
        "segment_template": _one(element, "SegmentTemplate", where, log, read_segment_template),
    }


def _doubled(element: Element, where: str, log: IssueLog) -> Iterator[SegmentBase]:
    """Yield the segment information that stands beside one of its kind: some take the last."""
    counts = dict.fromkeys(_READERS, 0)
    for child in element.children:
        if child.name in counts:
            counts[child.name] += 1
            if counts[child.name] > 1:
                place = f"{where}/{child.name}[{counts[child.name]}]"
                yield _READERS[child.name](child, place, log)


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
        log.warn(f"{len(found)} {name} elements; the first is used", where, element.line, "5.3.9")
    return reader(found[0], f"{where}/{name}", log)
