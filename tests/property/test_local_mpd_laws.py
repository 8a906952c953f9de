"""Whatever a manifest holds, its local MPD is well-formed and leads to nothing but the mirror."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import islice
from urllib.parse import unquote
from xml.sax.saxutils import escape, quoteattr

from hypothesis import example, given
from hypothesis import strategies as st
from lxml import etree

from dashget.errors import MPDError
from dashget.media.kind import SegmentKind
from dashget.mpd.budget import Budget
from dashget.mpd.names import NAMESPACE
from dashget.mpd.parse import parse_mpd
from dashget.mpd.resolve import resolve
from dashget.planning.plan import PlannedSegment, iter_plan, make_layout
from dashget.planning.tracks import make_tracks, split_sound
from dashget.playable.localmpd import make_local_mpd
from dashget.playable.reading import read
from dashget.playable.waysout import IDENTIFIERS
from dashget.playable.writing import write

NOW = datetime(2026, 1, 1, tzinfo=UTC)
HOSTS = ["evil.example", "intranet", "[::1]", "127.0.0.1"]
FORMS = [
    "http://{}/x", "//{}/x", " https://{}/", "HTTPS:{}", "http:/{}", "/\\{}/x", "\\\\{}", "ht\ntp://{}",
    "/\t/{}/x", "a //{}/bbbbbbbbbbbbbbbbbbbbbbbbbbbbbb", "//{}aaaaaaaaaaaaaaaaaaaaaaaaaa/b", "x,wss://{}",
    '{{"u":"ftp://{}"}}', "<a>file://{}/etc</a>", "javascript:'//{}'", "u=//{}&t", "rtmp://{}",
]  # fmt: skip
PATHS = ["/x", "../x", "a/../../x", "..", "\\x", " /x", "./../x", "/", "..\\x"]
PLAIN = [
    "",
    "a",
    "a/b.mp4",
    "$Number$.m4s",
    "$RepresentationID$-$Time$",
    "1",
    "PT4S",
    "urn:x:y",
    "é &<>\"'",
]
VALUES = st.one_of(
    st.sampled_from(PLAIN),
    st.sampled_from(PATHS),
    st.builds(str.format, st.sampled_from(FORMS), st.sampled_from(HOSTS)),
)
PREFIXES = ["", "", "", "x:", "y:", "cenc:", "mpd:", "a:b:", "xlink:", "xmlns:", "xml:"]
ELEMENTS = [
    "Period", "AdaptationSet", "Representation", "SubRepresentation", "BaseURL", "SegmentTemplate",
    "SegmentList", "SegmentBase", "SegmentURL", "Initialization", "RepresentationIndex",
    "BitstreamSwitching", "SegmentTimeline", "S", "EventStream", "Event", "ContentProtection", "pssh",
    "EssentialProperty", "SupplementalProperty", "UTCTiming", "Location", "PatchLocation",
    "ContentSteering", "ServiceDescription", "Metrics", "Reporting", "Laurl", "InitializationSet",
    "ProducerReferenceTime", "Title", "Novelty",
]  # fmt: skip
ATTRIBUTES = [
    "media", "initialization", "index", "bitstreamSwitching", "sourceURL", "href", "value", "schemeIdUri",
    "id", "duration", "t", "d", "r", "k", "range", "xmlns", "xmlns:x", "xmlns:mpd", "licenseUrl",
    "dashget-own", "messageData", "queryTemplate", "defaultServiceLocation", "moreInformationURL",
]  # fmt: skip
FILES = {"media", "initialization", "index", "bitstreamSwitching", "sourceURL"}
GOOD = (
    '<Period><AdaptationSet mimeType="video/mp4">{}<Representation id="v" bandwidth="1">{}'
    "</Representation></AdaptationSet></Period>"
)


@st.composite
def attributes(draw: st.DrawFn) -> str:
    """Return some attributes, each name once."""
    names = st.tuples(st.sampled_from(PREFIXES), st.sampled_from(ATTRIBUTES)).map("".join)
    found = draw(st.dictionaries(names, VALUES, max_size=3))
    return "".join(f" {name}={quoteattr(value)}" for name, value in found.items())


@st.composite
def elements(draw: st.DrawFn, depth: int = 3) -> str:
    """Return one node: mostly an element with whatever inside."""
    kind = draw(st.integers(0, 12))
    value = draw(VALUES)
    if kind == 0:
        return f"{escape(value[:1])}<!-- {value.replace('-', '')} -->{escape(value[1:])}"
    if kind == 1:
        return f"<?xml-stylesheet {value.replace('?>', '')}?>"
    name = draw(st.sampled_from(PREFIXES)) + draw(st.sampled_from(ELEMENTS))
    inside = "".join(draw(st.lists(elements(depth - 1), max_size=3))) if depth else ""
    return f"<{name}{draw(attributes())}>{escape(value) if kind > 4 else ''}{inside}</{name}>{escape(value) if kind == 5 else ''}"


@st.composite
def documents(draw: st.DrawFn) -> bytes:
    """Return a manifest of a Representation among whatever else."""
    some = st.lists(elements(), max_size=3).map("".join)
    addressing = draw(
        st.sampled_from(
            [
                '<SegmentTemplate media="$Number$.m4s" duration="4" timescale="1"/>',
                '<SegmentList duration="4"><SegmentURL media="a/1.m4s"/><SegmentURL media="2"/></SegmentList>',
                "<BaseURL>a/v.mp4</BaseURL><SegmentBase><Initialization sourceURL='i.mp4'/></SegmentBase>",
                "<BaseURL>https://cdn.example/v.mp4</BaseURL>",
            ]
        )
    )
    head = draw(st.sampled_from(["", "<?xml-stylesheet href='//evil.example/x'?>", "<!-- //a -->"]))
    kind = draw(
        st.sampled_from(
            [
                'type="static" mediaPresentationDuration="PT8S"',
                'type="dynamic" availabilityStartTime="2025-01-01T00:00:00Z" timeShiftBufferDepth="PT9S"',
            ]
        )
    )
    body = draw(some) + GOOD.format(draw(some), draw(some) + addressing) + draw(some)
    more = draw(attributes())
    if "xmlns=" in more or "duration=" in more:
        more = ""
    return (
        f'{head}<MPD xmlns="{NAMESPACE}" xmlns:mpd="{NAMESPACE}" {kind}{more}>{body}</MPD>'.encode()
    )


def values_of(root: etree._Element) -> Iterator[tuple[str, str]]:
    """Yield every attribute and text of a document with the local name of its place."""
    for node in root.iter():
        if not isinstance(node.tag, str):
            if isinstance(node, etree._ProcessingInstruction):
                yield "instruction", f"//{node.text}"
            continue
        local = node.tag.rpartition("}")[2]
        yield local, (node.text or "") + "".join(child.tail or "" for child in node)
        for name, value in node.attrib.items():
            yield str(name).rpartition("}")[2], str(value)


def leads_to_a_host(text: str) -> bool:
    """Return True if a browser may find a URL with a host in a text."""
    text = re.sub(r"[\t\r\n]", "", text).replace("\\", "/")
    words = re.split(r"[\s,;=|\"'()<>{}\[\]&]+", text)
    return any(
        re.match(
            r"(?:[A-Za-z][A-Za-z0-9+.-]*:)?//|(?:https?|wss?|ftp|file|rtmp):", w, re.IGNORECASE
        )
        for w in words
    )


def climbs(reference: str) -> bool:
    """Return True if a reference leads out of the directory of a base that is in it."""
    return reference.strip().replace("\\", "/").startswith("/") or ".." in re.split(
        r"[\\/]", reference
    )


Named = tuple[str, str | None]
MOST = 300
"""The files of a plan that are compared."""
OWN_MARK = GOOD.format(
    "<BaseURL dashget-own='1'>../</BaseURL>",
    "<SegmentTemplate media='$Number$' duration='4'/>",
)


@example(
    f'<MPD xmlns="{NAMESPACE}" type="static" mediaPresentationDuration="PT8S">{OWN_MARK}</MPD>'.encode()
)
@given(documents())
def test_nothing_in_a_local_mpd_leads_out_of_the_mirror(data: bytes) -> None:
    try:
        presentation = resolve(parse_mpd(data), url="https://h.example/vod/x.mpd", now=NOW)
        tracks = make_tracks(split_sound(presentation)[0])
        layout = make_layout(presentation)
        local = make_local_mpd(data, presentation, tracks, layout)
    except MPDError:
        return
    root = etree.fromstring(local)
    assert b"<?" not in local[5:].partition(b"<!--")[0]
    for name, value in values_of(root):
        if name in IDENTIFIERS or name in ("Title", "pssh"):
            continue
        assert not leads_to_a_host(value), (name, value)
        if name in FILES - {"sourceURL"} or name == "BaseURL":
            assert not climbs(value), (name, value)
    plan = list(islice(iter_plan(tracks, layout), MOST))
    media = any(file.segment.kind is SegmentKind.MEDIA for file in plan)
    if media or (plan and not presentation.dynamic):
        # Else nothing has a time: a snapshot then has no Period.
        assert played(local) == set(map(named, plan))


def played(local: bytes) -> set[Named]:
    """Return the files that a local MPD plays, read again from another place."""
    url = "https://m.example/any/x.local.mpd"
    presentation = resolve(parse_mpd(local, url=url), url=url, now=NOW)
    tracks = make_tracks(split_sound(presentation)[0])
    plan = iter_plan(tracks, make_layout(presentation))
    return {played_at(url, file) for file in islice(plan, MOST)}


def played_at(url: str, file: PlannedSegment) -> Named:
    """Return what a planned file of the local MPD is in the mirror."""
    folder = url.rpartition("/")[0] + "/"
    assert file.urls[0].startswith(folder), file.urls
    path = unquote(file.urls[0].removeprefix(folder))
    return path, named(file)[1]


def named(file: PlannedSegment) -> Named:
    """Return the path of a planned file, and which bytes of it."""
    return str(file.path), None if file.segment.range is None else str(file.segment.range)


@given(documents())
def test_what_is_written_is_read_alike_by_every_parser(data: bytes) -> None:
    try:
        parse_mpd(data)
    except MPDError:
        return
    document = read(data, Budget())
    written = write(document.root, document.namespace, Budget())
    assert etree.fromstring(written) is not None, written
    again = read(written, Budget())
    assert write(again.root, again.namespace, Budget()) == written
