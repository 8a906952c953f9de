"""The references of segment information: the files that it names, and their addresses.

The kind that is used, and the nearest level, decide what a player begins with. The single files
that other kinds and levels name are fetched too: players differ in what they ask for.

An ``Address`` has the alternatives of a reference: base URLs, query parameters, ranges. The policy
for URLs is not checked here; ``addressing`` does that before it makes one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

import msgspec

from dashget.common.byterange import ByteRange
from dashget.common.lateregex import late
from dashget.media.kind import SegmentKind
from dashget.mpd.context import Place
from dashget.mpd.model import (
    AdaptationSet,
    MultipleSegmentBase,
    Period,
    Representation,
    SegmentBase,
    SegmentTemplate,
    UrlReference,
)
from dashget.mpd.presentation import Base, FileType
from dashget.mpd.template import Address, Field, UrlPattern, escape_markers
from dashget.mpd.urlquery import RequestQuery
from dashget.mpd.urls import encode, resolve_reference

Level = Period | AdaptationSet | Representation
_PART: Final = late(r"([?&]?)\$(base|query|first|last)\$")


_KINDS: Final = {
    "Initialization": SegmentKind.INITIALIZATION,
    "RepresentationIndex": SegmentKind.INDEX,
    "BitstreamSwitching": SegmentKind.BITSTREAM_SWITCHING,
}


class NamedFile(msgspec.Struct, frozen=True):
    """A reference to a file: the text of a template, or an element with ``@sourceURL``.

    One outside of segment information has the ``bases`` of its own level. ``in_use`` is False for
    one that is never the initialization segment of a Representation, even if no other one is.
    ``type`` is None for one that has the type of the Representation.
    """

    kind: SegmentKind
    place: Place
    template: str | None = None
    reference: UrlReference | None = None
    bases: tuple[Base, ...] | None = None
    in_use: bool = True
    type: FileType | None = None


def named_files(levels: tuple[Level, ...]) -> tuple[NamedFile, ...]:
    """Return the files that a Representation's levels name, those of the nearest level first."""
    return tuple(
        found
        for level in reversed(levels)
        for information in (
            level.segment_template,
            level.segment_list,
            level.segment_base,
            *level.doubled,
        )
        if information is not None
        for found in _of(information, FileType() if isinstance(level, Period) else None)
    )


def address_marked(
    marked: str,
    fields: tuple[Field, ...],
    bases: tuple[Base, ...],
    query: RequestQuery | None,
) -> Address:
    """Return the address of a template whose fields are marked."""
    urls = (resolve_reference(base.url, marked) for base in bases)
    if query is not None:
        urls = (query.add_to(url) for url in urls)
    return Address(tuple(UrlPattern.from_marked(url, fields) for url in dict.fromkeys(urls)))


def address_literal(
    reference: str,
    byte_range: ByteRange | None,
    bases: tuple[Base, ...],
    query: RequestQuery | None,
) -> tuple[Address, ByteRange | None]:
    """Return the address of a reference, and the range that is still to be requested.

    With BaseURL@byteRange the range becomes part of the URL instead (5.6.3, Annex E).
    """
    text = escape_markers(reference)
    turned = byte_range is not None and byte_range.last is not None
    if not turned or bases[0].byte_range is None:
        return address_marked(text, (), bases, query), byte_range
    assert byte_range is not None  # noqa: S101 - turned says so
    urls = []
    for base in bases:
        if base.byte_range is None:
            continue
        url = resolve_reference(base.url, text)
        if query is not None:
            url = query.add_to(url)
        urls.append(range_url(base.byte_range, url, byte_range))
    return Address(tuple(UrlPattern.from_marked(url, ()) for url in dict.fromkeys(urls))), None


def range_url(template: str, url: str, byte_range: ByteRange) -> str:
    """Expand BaseURL@byteRange for a resource: ``$base$?$query$&range=$first$-$last$``.

    If the URL has no query, ``$query$`` is removed with the ``?`` or ``&`` before it, and the
    next ``&`` becomes ``?``.
    """
    base, mark, query = url.partition("?")
    values = {
        "base": base,
        "query": query,
        "first": str(byte_range.first),
        "last": str(byte_range.last),
    }

    def fill(match: re.Match[str]) -> str:
        separator, name = match.groups()
        if name == "query" and not mark:
            return ""
        return separator + values[name]

    text = _PART.sub(fill, template)
    if "?" not in text and "&" in text:
        text = text.replace("&", "?", 1)
    return encode(text)


def _of(info: SegmentBase, type_: FileType | None) -> Iterator[NamedFile]:
    place = Place(info.where, info.line)
    templates: tuple[tuple[SegmentKind, str | None], ...] = ()
    if isinstance(info, SegmentTemplate):
        templates = (
            (SegmentKind.INITIALIZATION, info.initialization_template),
            (SegmentKind.BITSTREAM_SWITCHING, info.bitstream_switching_template),
            (SegmentKind.INDEX, info.index),
        )
    references = (
        (SegmentKind.INITIALIZATION, info.initialization),
        (SegmentKind.INDEX, info.representation_index),
        (
            SegmentKind.BITSTREAM_SWITCHING,
            info.bitstream_switching if isinstance(info, MultipleSegmentBase) else None,
        ),
    )
    for kind, template in templates:
        if template is not None:
            yield NamedFile(kind, place, template=template, type=type_)
    for kind, reference in references:
        if reference is not None:
            yield NamedFile(kind, place, reference=reference, type=type_)
    for name, reference in info.more:
        yield NamedFile(_KINDS[name], place, reference=reference, in_use=False, type=type_)
