"""The manifest that plays from the mirror: ``NAME.local.mpd``.

It is the MPD as received, changed as little as playing from the mirror needs:

* what was not selected is taken out;
* where the document's own references would not lead to the mirror's files (absolute or
  foreign URLs, queries, names that had to be made safe), base URLs go and every
  Representation names its files itself;
* a snapshot of a dynamic presentation becomes static: its segments are listed, and the
  first one available is time zero;
* ``Location`` and its like, which would lead a player away, go.

Elements are found by their place in the document (``Representation.where``).
"""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from typing import Final
from urllib.parse import quote, unquote, urlsplit

from lxml import etree

from dashget.layout import Layout
from dashget.mpd.presentation import (
    ListAddressing,
    Presentation,
    Representation,
    Resource,
    SingleAddressing,
    TemplateAddressing,
)
from dashget.mpd.template import Address, UrlPattern
from dashget.mpd.xlink import HREF, MAX_NESTING, RESOLVE_TO_ZERO
from dashget.mpd.xmltree import NAMESPACE, XLINK
from dashget.planning import Track
from dashget.segments.segment import Segment, SegmentKind

_LEADS_AWAY: Final = (
    "Location",
    "PatchLocation",
    "UTCTiming",
    "ServiceDescription",
    "ContentSteering",
)
_LIVE_ATTRIBUTES: Final = (
    "availabilityStartTime",
    "availabilityEndTime",
    "minimumUpdatePeriod",
    "timeShiftBufferDepth",
    "suggestedPresentationDelay",
)
_ADDRESSING: Final = ("SegmentBase", "SegmentList", "SegmentTemplate")
_REFERENCES: Final = (
    "SegmentURL",
    "Initialization",
    "RepresentationIndex",
    "BitstreamSwitching",
)
_URL_ATTRIBUTES: Final = ("media", "initialization", "index", "bitstreamSwitching", "sourceURL")
_AFTER_BASE_URL: Final = ("SubRepresentation", *_ADDRESSING)
_XML_DECLARATION: Final = re.compile(rb"^(\xef\xbb\xbf)?\s*(<\?xml.*?\?>)?", re.DOTALL)
_KEEP_IN_PATH: Final = "/!$&'()*+,;=:@~"
_MARKERS: Final = re.compile("([\ue000-\uf8ff])")

_Element = etree._Element  # the only name lxml has for it


def make_local_mpd(
    data: bytes,
    presentation: Presentation,
    tracks: Sequence[Track],
    layout: Layout,
    *,
    remote: Mapping[str, bytes] | None = None,
) -> bytes:
    """Return the MPD that plays the tracks from the mirror's files.

    ``remote`` has the content of the document's remote elements, by reference as written.
    """
    root = _read(data)
    _include(root, remote or {})
    places = _Places(root)
    kept = {track.representation.where for track in tracks}
    _drop_unselected(places, kept)
    _drop_children(root, _LEADS_AWAY)
    if presentation.dynamic:
        _rewrite_addresses(root, places, tracks, layout)
        _make_static(root, places, tracks)
        return _written(root)
    if len(places.periods()) < len(presentation.periods):
        _close_ranks(root, places, tracks)
    if not _is_transparent(root, presentation.url, tracks, layout):
        _rewrite_addresses(root, places, tracks, layout)
    return _written(root)


def _written(root: _Element) -> bytes:
    return etree.tostring(root.getroottree(), xml_declaration=True, encoding="utf-8") + b"\n"


def _include(root: _Element, remote: Mapping[str, bytes]) -> None:
    """Put remote elements in their place, as ``mpd.remote.include_remote`` does in the model."""
    for _ in range(MAX_NESTING + 1):
        for element in [e for e in root.iter() if isinstance(e.tag, str) and e.get(HREF)]:
            href = str(element.get(HREF)).strip()
            if href == RESOLVE_TO_ZERO:
                _remove(element)
            elif (
                href in remote and (found := _read_remote(remote[href], _name(element))) is not None
            ):
                for child in found:
                    element.addprevious(child)
                _remove(element)
            else:
                _unset(element, HREF)


def _read_remote(data: bytes, name: str) -> list[_Element] | None:
    """Return the elements of an entity that may stand in; None if it holds others only."""
    body = _XML_DECLARATION.sub(b"", data, count=1)
    wrapped = f'<remote xmlns="{NAMESPACE}" xmlns:xlink="{XLINK}">'.encode() + body + b"</remote>"
    children = [child for child in _read(wrapped) if isinstance(child.tag, str)]
    fitting = [child for child in children if _name(child) == name]
    return None if children and not fitting else fitting


class _Places:
    """The elements of a document by their place, ``MPD/Period[2]/AdaptationSet[1]``."""

    def __init__(self, root: _Element) -> None:
        self._root = root
        self._known: dict[str, _Element] = {"MPD": root}
        self._index(root, "MPD", "Period")

    def __getitem__(self, where: str) -> _Element:
        return self._known[where]

    def representations(self) -> Iterator[tuple[str, _Element]]:
        """Yield every Representation with its place."""
        for where, element in list(self._known.items()):
            if _name(element) == "Representation":
                yield where, element

    def periods(self) -> list[_Element]:
        """Return the Periods that are left in the document."""
        return list(_children(self._root, "Period"))

    def _index(self, parent: _Element, where: str, name: str) -> None:
        below = {"Period": "AdaptationSet", "AdaptationSet": "Representation"}
        for number, child in enumerate(_children(parent, name), 1):
            place = f"{where}/{name}[{number}]"
            self._known[place] = child
            if name in below:
                self._index(child, place, below[name])


# What was not selected.


def _drop_unselected(places: _Places, kept: set[str]) -> None:
    for where, element in places.representations():
        if where in kept:
            continue
        adaptation_set = element.getparent()
        _remove(element)
        if adaptation_set is not None and not list(_children(adaptation_set, "Representation")):
            period = adaptation_set.getparent()
            _remove(adaptation_set)
            if period is not None and not list(_children(period, "AdaptationSet")):
                _remove(period)


def _close_ranks(root: _Element, places: _Places, tracks: Sequence[Track]) -> None:
    """Let the Periods that are left follow one another from zero."""
    start = Fraction(0)
    spans = {_period_of(t): t.representation.period for t in tracks}
    for where, span in spans.items():
        period = places[where]
        period.set("start", _iso_duration(start))
        if span.duration is not None:
            period.set("duration", _iso_duration(span.duration))
            start += span.duration
    root.set("mediaPresentationDuration", _iso_duration(start))


def _period_of(track: Track) -> str:
    """Return the place of a track's Period."""
    return track.representation.where.rpartition("/AdaptationSet")[0]


# Where the document may stay as it is.


def _is_transparent(root: _Element, url: str, tracks: Sequence[Track], layout: Layout) -> bool:
    """Whether the document's own references lead to the mirror's files, from anywhere."""
    if any(_is_absolute(reference) for reference in _iter_references(root)):
        return False
    parts = urlsplit(url)
    directory = f"{parts.scheme}://{parts.netloc}{parts.path.rsplit('/', 1)[0]}/"
    for track in tracks:
        for address in track.index.addresses():
            marked = address.patterns[0].marked
            if not marked.startswith(directory):
                return False
            if unquote(marked[len(directory) :]) != layout.pattern(address).marked:
                return False
    return True


def _iter_references(root: _Element) -> Iterator[str]:
    for element in root.iter():
        name = _name(element)
        if name == "BaseURL":
            yield (element.text or "").strip()
        elif name in _ADDRESSING or name in _REFERENCES:
            for attribute in (
                "media",
                "initialization",
                "index",
                "bitstreamSwitching",
                "sourceURL",
            ):
                yield (element.get(attribute) or "").strip()


def _is_absolute(reference: str) -> bool:
    return reference.startswith("/") or re.match(r"[A-Za-z][A-Za-z0-9+.-]*:", reference) is not None


# Where every Representation has to name its files itself.


def _rewrite_addresses(
    root: _Element, places: _Places, tracks: Sequence[Track], layout: Layout
) -> None:
    for track in tracks:
        element = places[track.representation.where]
        addressing = track.representation.addressing
        if isinstance(addressing, TemplateAddressing):
            _write_template(element, addressing, track.representation, layout)
        elif isinstance(addressing, ListAddressing):
            _write_list(element, track, layout)
        else:
            _write_single(element, addressing, track.representation, layout)
    _drop_everywhere(root, "BaseURL", keep=_OWN_BASE)
    for element in root.iter():
        if isinstance(element.tag, str):
            _unset(element, _OWN_BASE)


_OWN_BASE: Final = "dashget-own"
"""Marks, while the document is rewritten, the BaseURL elements that stay."""


def _write_template(
    element: _Element,
    addressing: TemplateAddressing,
    representation: Representation,
    layout: Layout,
) -> None:
    template = _own(element, "SegmentTemplate")
    template.set("media", _reference(addressing.media, layout))
    if addressing.index is not None:
        template.set("index", _reference(addressing.index, layout))
    _drop_children(template, ("Initialization", "BitstreamSwitching"))
    switching = representation.bitstream_switching
    if switching is not None:
        template.set("bitstreamSwitching", _reference(switching.address, layout))
    initialization = representation.initialization
    if initialization is not None and initialization.range is not None:
        _unset(template, "initialization")
        _write_initialization(template, initialization, layout)
    elif initialization is not None:
        template.set("initialization", _reference(initialization.address, layout))


def _write_list(element: _Element, track: Track, layout: Layout) -> None:
    own = _own(element, "SegmentList")
    listed = _nearest_listed(element)
    if listed and listed[0].getparent() is not own:
        own.extend(copy.deepcopy(child) for child in listed)
    segments = list(track.index)
    for attribute, kind in (("media", SegmentKind.MEDIA), ("index", SegmentKind.INDEX)):
        urls = [
            u for u in _children(own, "SegmentURL") if kind is SegmentKind.MEDIA or u.get("index")
        ]
        of_kind = [s for s in segments if s.kind is kind]
        for url, segment in zip(urls, of_kind[len(of_kind) - len(urls) :], strict=False):
            url.set(attribute, _path_reference(segment, layout))
    _write_initialization(own, track.representation.initialization, layout)


def _nearest_listed(element: _Element) -> list[_Element]:
    """Return the SegmentURLs of the nearest SegmentList that has any."""
    at: _Element | None = element
    while at is not None:
        for child in _children(at, "SegmentList"):
            if found := list(_children(child, "SegmentURL")):
                return found
        at = at.getparent()
    return []


def _write_single(
    element: _Element,
    addressing: SingleAddressing,
    representation: Representation,
    layout: Layout,
) -> None:
    base = etree.Element(f"{_namespace(element)}BaseURL")
    base.text = _reference(addressing.media, layout)
    base.set(_OWN_BASE, "1")
    following = next((c for c in element if _name(c) in _AFTER_BASE_URL), None)
    if following is None:
        element.append(base)
    else:
        following.addprevious(base)
    if representation.initialization is not None:
        resource = representation.initialization
        _write_initialization(_own(element, "SegmentBase"), resource, layout, beside=base.text)


def _write_initialization(
    parent: _Element, resource: Resource | None, layout: Layout, *, beside: str = ""
) -> None:
    """Name an initialization segment, relative to the BaseURL ``beside`` which it stands."""
    if resource is None:
        return
    found = next(_children(parent, "Initialization"), None)
    if found is None:
        found = etree.Element(f"{_namespace(parent)}Initialization")
        parent.insert(0, found)
        if resource.range is not None:
            found.set("range", str(resource.range))
    found.set("sourceURL", "../" * beside.count("/") + _reference(resource.address, layout))


def _reference(address: Address, layout: Layout) -> str:
    """Write the mirror's path of an address as a relative URL, fields as identifiers."""
    pattern = layout.pattern(address)
    pieces = _MARKERS.split(pattern.marked)
    pieces[::2] = [quote(piece, safe=_KEEP_IN_PATH) for piece in pieces[::2]]
    return UrlPattern.from_marked("".join(pieces), pattern.fields).text


def _path_reference(segment: Segment, layout: Layout) -> str:
    path = layout.path(segment.address, segment.number, segment.time, segment.sub_number)
    return quote(path, safe=_KEEP_IN_PATH)


# From a snapshot of a live presentation to a static one.


def _make_static(root: _Element, places: _Places, tracks: Sequence[Track]) -> None:
    media = {
        track.key: [s for s in track.index if s.kind is SegmentKind.MEDIA and s.time is not None]
        for track in tracks
    }
    starts = [s.start for segments in media.values() for s in segments[:1] if s.start is not None]
    origin = min(starts, default=Fraction(0))
    root.set("type", "static")
    for attribute in _LIVE_ATTRIBUTES:
        _unset(root, attribute)
    end = origin
    for track in tracks:
        segments = media[track.key]
        _list_snapshot(places, track, segments, origin)
        if segments:
            last = segments[-1]
            ticks = Fraction(last.duration or 0, last.timebase.timescale)
            end = max(end, (last.start or origin) + ticks)
    for where in dict.fromkeys(_period_of(track) for track in tracks):
        own = [track for track in tracks if _period_of(track) == where]
        if any(media[track.key] or _is_single(track) for track in own):
            _place_period(places[where], own[0], origin)
        else:
            _remove(places[where])
    root.set("mediaPresentationDuration", _iso_duration(end - origin))


def _is_single(track: Track) -> bool:
    return isinstance(track.representation.addressing, SingleAddressing)


def _place_period(period: _Element, track: Track, origin: Fraction) -> None:
    start = max(track.representation.period.start - origin, Fraction(0))
    period.set("start", _iso_duration(start))
    _unset(period, "duration")


def _list_snapshot(
    places: _Places, track: Track, segments: Sequence[Segment], origin: Fraction
) -> None:
    """Give a Representation the list of what was available, counted from ``origin``."""
    addressing = track.representation.addressing
    if not isinstance(addressing, TemplateAddressing) or not segments:
        return
    template = _own(places[track.representation.where], "SegmentTemplate")
    for attribute in ("duration", "endNumber", "availabilityTimeOffset"):
        _unset(template, attribute)
    _drop_children(template, ("SegmentTimeline",))
    scale = addressing.timescale
    skipped = max(origin - track.representation.period.start, Fraction(0))
    offset = addressing.presentation_time_offset + int(skipped * scale)
    template.set("timescale", str(scale))
    template.set("presentationTimeOffset", str(offset))
    first_number = segments[0].number
    template.set("startNumber", str(1 if first_number is None else first_number))
    timeline = etree.SubElement(template, f"{_namespace(template)}SegmentTimeline")
    for run in _runs(segments):
        etree.SubElement(timeline, f"{_namespace(template)}S", run)


def _runs(segments: Sequence[Segment]) -> Iterator[dict[str, str]]:
    """Fold segments into ``S`` rows; one whose number does not run on says so with ``@n``."""
    first = 0
    for index in range(1, len(segments) + 1):
        if index < len(segments) and _runs_on(segments[index - 1], segments[index]):
            continue
        row = {"t": str(segments[first].time or 0)}
        before = segments[first - 1].number if first else None
        number = segments[first].number
        if before is not None and number is not None and number != before + 1:
            row["n"] = str(number)
        row["d"] = str(segments[first].duration or 0)
        if index - first > 1:
            row["r"] = str(index - first - 1)
        yield row
        first = index


def _runs_on(one: Segment, following: Segment) -> bool:
    numbered = one.number is None or following.number == one.number + 1
    return (
        numbered
        and one.duration == following.duration
        and following.time == (one.time or 0) + (one.duration or 0)
    )


def _iso_duration(seconds: Fraction) -> str:
    text = f"{float(seconds):.6f}".rstrip("0").rstrip(".")
    return f"PT{text}S"


# The tree.


def _read(data: bytes) -> _Element:
    """Read what ``parse_mpd`` has accepted; no entities, no network, forgiving where it was."""
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, huge_tree=True, recover=True
    )
    return etree.fromstring(data, parser)


def _name(element: _Element) -> str:
    tag = element.tag
    return tag.rpartition("}")[2] if isinstance(tag, str) else ""


def _namespace(element: _Element) -> str:
    tag = str(element.tag)
    return tag[: tag.index("}") + 1] if tag.startswith("{") else ""


def _children(element: _Element, name: str) -> Iterator[_Element]:
    return (child for child in element if _name(child) == name)


def _own(element: _Element, name: str) -> _Element:
    """Return the element's own child ``name``; a new last one inherits the rest."""
    for child in _children(element, name):
        return child
    return etree.SubElement(element, f"{_namespace(element)}{name}")


def _unset(element: _Element, attribute: str) -> None:
    if attribute in element.attrib:
        del element.attrib[attribute]


def _drop_children(element: _Element, names: Sequence[str]) -> None:
    for child in list(element):
        if _name(child) in names:
            _remove(child)


def _drop_everywhere(root: _Element, name: str, *, keep: str) -> None:
    for element in list(root.iter()):
        if _name(element) == name and element.get(keep) is None:
            _remove(element)


def _remove(element: _Element) -> None:
    """Take an element out, but leave the text that follows it."""
    parent = element.getparent()
    if parent is None:
        return
    if element.tail:
        previous = element.getprevious()
        if previous is not None:
            previous.tail = (previous.tail or "") + element.tail
        else:
            parent.text = (parent.text or "") + element.tail
    parent.remove(element)
