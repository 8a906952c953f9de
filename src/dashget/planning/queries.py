"""Tell which URL patterns need no query in a name: those whose path tells the same values."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from dashget.common.url import Url
from dashget.mpd.markers import FIRST, MARKER
from dashget.mpd.template import Field, UrlPattern

_DIGITS: Final = frozenset("0123456789abcdefABCDEF")


def needless_queries(patterns: Iterable[UrlPattern]) -> frozenset[str]:
    """Return the marked URLs whose path alone tells the values of all fields in their query."""
    found: dict[str, set[tuple[Field, ...]]] = {}
    for pattern in patterns:
        found.setdefault(pattern.marked, set()).add(pattern.fields)
    return frozenset(marked for marked, fields in found.items() if _is_told(marked, *fields))


def _is_told(marked: str, fields: tuple[Field, ...], *others: tuple[Field, ...]) -> bool:
    """Return True if two URLs of a pattern never differ in their query alone.

    A path tells its values where something that is no digit stands between them. The same marker
    is the same text. Another one may be the same field in another format, which only counts if no
    other pattern is marked alike: ``others`` are the fields of those.
    """
    parts = Url.parse(marked)
    asked, told = (set(MARKER.findall(text)) for text in (parts.query or "", parts.path))
    between = MARKER.split(parts.path)[2:-1:2]
    if any(_DIGITS.issuperset(text) for text in between):
        return False
    if asked <= told:
        return True
    wanted, known = ({fields[ord(mark) - FIRST].name for mark in marks} for marks in (asked, told))
    return not others and wanted <= known
