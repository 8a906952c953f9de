"""The URL references of a manifest: resolved by RFC 3986, and made fit to be sent.

``extend_bases`` does that with the base URLs of all levels, and their alternatives (5.6). Text may
hold the private-use characters that stand for template fields: they pass through as they are.
Other characters that are invalid in a URL are percent-encoded; encoded ones stay.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from fractions import Fraction
from typing import Final

from dashget.common.lateregex import late
from dashget.common.url import Url, tidy
from dashget.mpd.budget import Budget
from dashget.mpd.issues import IssueLog
from dashget.mpd.markers import RANGE, is_marker
from dashget.mpd.model import BaseUrlElement, Offset
from dashget.mpd.presentation import Base
from dashget.mpd.template import escape_markers

_IN_PATHS: Final = frozenset(
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!$&'()*+,;=@_~-./"
)
_AT_BEGINNING: Final = ("", ".", "/")
_LEGAL: Final = _IN_PATHS | frozenset("#:?")
_ILLEGAL: Final = late(rf"%(?![0-9A-Fa-f]{{2}})|(?![{RANGE}])[^!#$%&'()*+,\-./0-9:;=?@A-Z_a-z~]")
MAX_ALTERNATIVES: Final = 16
"""The maximum of combinations of BaseURLs; four levels of a hundred would be 10^8."""


def resolve_reference(base: str, reference: str) -> str:
    """Resolve a reference against an absolute URL, and encode invalid characters.

    The fragment is dropped: it is never sent. ``data:`` URLs stay as they are. The base has to
    be encoded already, as every result of this function is.
    """
    if _is_plain(reference):
        directory = _directory(base)
        if directory is not None:
            return directory + reference
    text = tidy(reference)
    parsed = Url.parse(text)
    if parsed.scheme == "data":
        return text
    return encode(str(Url.parse(base).join(parsed)))


def encode(url: str) -> str:
    """Percent-encode, as UTF-8, the invalid characters of path and query.

    A host ends before white space, as at the end of a reference: a fragment may have been there.
    """
    parts = Url.parse(url)
    authority = parts.authority and parts.authority.rstrip()
    path = _legal(parts.path)
    query = None if parts.query is None else _legal(parts.query)
    return str(Url(parts.scheme, authority, path, query))


def is_absolute(reference: str) -> bool:
    """Return True for a reference with a scheme, which needs no base."""
    return Url.parse(reference.strip()).scheme is not None


def extend_bases(
    bases: tuple[Base, ...], elements: tuple[BaseUrlElement, ...], log: IssueLog, budget: Budget
) -> tuple[Base, ...]:
    """Resolve a level's BaseURLs against every alternative of the level above.

    The level is first ordered by ``ordered``. Combinations follow in that order; the upper
    level changes last.
    """
    if not elements:
        return bases
    chosen = ordered(elements)[:MAX_ALTERNATIVES]
    budget.spend(
        3 * sum(len(base.url) + len(element.url) for base in bases for element in chosen),
        "base URLs",
    )
    combined = [_combine(base, element) for base in bases for element in chosen]
    count = len(bases) * len(elements)
    if count > MAX_ALTERNATIVES:
        first = elements[0]
        log.warn(
            f"{count} combinations of base URLs; the first {MAX_ALTERNATIVES} are used",
            first.where,
            first.line,
            "5.6.5",
        )
    return tuple(dict.fromkeys(combined[:MAX_ALTERNATIVES]))


def ordered(elements: Iterable[BaseUrlElement]) -> tuple[BaseUrlElement, ...]:
    """Order a level's alternatives: lower ``dvb:priority`` first, then higher ``dvb:weight``.

    Among equals, document order; but an element that repeats a ``@serviceLocation`` comes after
    those at other locations, because both probably fail together (5.6.5). DVB asks players to
    choose by weight at random; a mirror must be repeatable.
    """
    ranked = sorted(elements, key=lambda e: (_default(e.priority), -_default(e.weight)))
    seen: set[tuple[int, str]] = set()
    keyed = []
    for position, element in enumerate(ranked):
        location = (_default(element.priority), element.service_location or f"\0{position}")
        keyed.append((_default(element.priority), location in seen, position, element))
        seen.add(location)
    keyed.sort(key=lambda row: row[:3])
    return tuple(row[3] for row in keyed)


def add_offsets(first: Fraction | None, second: Offset | None) -> Fraction | None:
    """Add two ``@availabilityTimeOffset``s; None is ``INF``, and so is its sum with any other."""
    if second is None:
        return first
    if first is None or second.seconds is None:
        return None
    return first + second.seconds


def _is_plain(reference: str) -> bool:
    """Return True for a path without a dot segment, to be appended to a directory as it is.

    No regular expression: most manifests have fewer references than compiling one would take.
    """
    return (
        reference[:1] not in _AT_BEGINNING
        and "/." not in reference
        and all(map(is_marker, set(reference) - _IN_PATHS))
    )


def _legal(text: str) -> str:
    """Percent-encode the characters that are invalid in a path or query."""
    if "%" not in text and all(map(is_marker, set(text) - _LEGAL)):
        return text
    return _ILLEGAL.sub(_percent, text)


def _directory(base: str) -> str | None:
    """Return a URL up to the last slash of its path; None if it has no authority or path."""
    end = base.find("?")
    begin = base.find("//") + 2
    last = base.rfind("/", begin, len(base) if end < 0 else end)
    return base[: last + 1] if begin > 1 and last >= 0 else None


def _percent(match: re.Match[str]) -> str:
    return "".join(f"%{byte:02X}" for byte in match[0].encode("utf-8", "surrogatepass"))


def _combine(base: Base, element: BaseUrlElement) -> Base:
    return Base(
        # No text of a base is a field, whatever it looks like.
        url=resolve_reference(base.url, escape_markers(element.url)),
        service_location=element.service_location or base.service_location,
        byte_range=escape_markers(element.byte_range or "") or base.byte_range,
        availability_time_offset=add_offsets(
            base.availability_time_offset, element.availability_time_offset
        ),
        available_as_a_whole=base.available_as_a_whole
        and element.availability_time_complete is not False,
    )


def _default(value: int | None) -> int:
    return 1 if value is None else value
