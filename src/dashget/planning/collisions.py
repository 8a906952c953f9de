"""Find URL patterns whose resources would share a path, before any path is used.

A pattern stands for all URLs that it can expand to, so two patterns are compared by running both
as automata. The result is a short list of exceptions. Patterns have their fields as private-use
characters (``UrlPattern.marked``). Those whose path tells all values need no query in a name.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator, Set
from typing import Final, Protocol

from dashget.common.url import Url
from dashget.mpd.budget import Budget
from dashget.mpd.markers import FIRST, MARKER, is_marker, literals
from dashget.mpd.template import Field, UrlPattern

_STEP: Final = 150
"""The units of one step of a comparison, about 1.5 microseconds."""
_NAMES: Final = "the names of files"


class PathRule(Protocol):
    """The rule for the path of a marked URL, regardless of other URLs."""

    def __call__(self, marked: str, *, keep_query: bool = False, tag: str = "") -> str: ...


def resolve_collisions(
    rule: PathRule,
    marked_urls: Iterable[str],
    taken: tuple[str, ...],
    budget: Budget,
    *,
    lettered: Set[str] = frozenset(),
) -> dict[str, str]:
    """Return another path for each URL whose plain path may be that of another resource too.

    First the query is added to the path; if it still collides, a tag made from the URL.
    ``lettered`` has the URLs with fields whose digits may be letters (``%x``).
    """
    plain = {url: rule(url) for url in dict.fromkeys(marked_urls)}
    clashing = _clashes(plain, taken, budget, lettered)
    if not clashing:
        return {}
    renamed = {url: rule(url, keep_query=True) for url in clashing}
    rest = _clashes({**plain, **renamed}, taken, budget, lettered, kept=clashing)
    renamed |= {url: rule(url, keep_query=True, tag=digest(url)) for url in rest}
    return {url: path for url, path in renamed.items() if path != plain[url]}


def _clashes(
    paths: dict[str, str],
    taken: tuple[str, ...],
    budget: Budget,
    lettered: Set[str],
    *,
    kept: Set[str] = frozenset(),
) -> set[str]:
    """Return the URLs whose path may be a path or a directory of another resource.

    Those of ``kept`` have their query in the path.
    """
    groups: dict[str, list[str]] = {}
    for url, path in paths.items():
        budget.spend(len(path) * (1 + path.count("/")), _NAMES)
        groups.setdefault(fold(path), []).append(url)
    for name in taken:
        groups.setdefault(fold(name), []).append("")
    found = {url for group in groups.values() if len(group) > 1 for url in group}
    directories = {folder for path in groups for folder in _folders(path)}
    found |= {url for path in directories & groups.keys() for url in groups[path]}
    for one, other in _overlapping(groups.keys() | directories, budget):
        for first in groups.get(one, ()):
            for second in groups.get(other, ()):
                if lettered and not lettered.isdisjoint((first, second)) and first and second:
                    # The same name but for the case of a letter is that of another URL.
                    told = not overlap(paths[first], paths[second], budget, letters_only=True)
                else:
                    told = True
                found.update(_pair(first, second, paths, kept, budget) if told else (first, second))
        found.update(groups.get(one, ()) if other in directories else ())
        found.update(groups.get(other, ()) if one in directories else ())
    return found - {""}


def _pair(
    first: str, second: str, paths: dict[str, str], kept: Set[str], budget: Budget
) -> tuple[str, ...]:
    """Return both URLs, or none if equal paths can only come from equal URLs."""
    budget.spend(5 * _STEP + len(first) + len(second), _NAMES)
    if not first or not second:
        return (first, second)
    beside = _beside_path(first)
    same_form = beside == _beside_path(second)
    # Two patterns may read one path as different values, and so have different queries.
    told = {first, second} <= kept or not MARKER.search(beside[2] or "")
    if same_form and told and overlap(paths[first], paths[second], budget):
        return ()
    return (first, second)


def _beside_path(url: str) -> tuple[str | None, str | None, str | None]:
    parts = Url.parse(url)
    return parts.scheme, parts.authority, parts.query


def fold(path: str) -> str:
    """Return a key that is equal for two paths that some file systems treat as the same."""
    if path.isascii():
        return path.lower()
    return unicodedata.normalize("NFC", path).casefold()


def _folders(path: str) -> Iterator[str]:
    end = path.find("/")
    while end >= 0:
        yield path[:end]
        end = path.find("/", end + 1)


def _overlapping(keys: Iterable[str], budget: Budget) -> Iterator[tuple[str, str]]:
    """Yield pairs of different path patterns that can expand to the same path."""
    keys = sorted(keys)
    patterns = [key for key in keys if not key.isascii() and any(map(is_marker, key))]
    if not patterns:
        return
    tail = min(len(literals(pattern)[-1]) for pattern in patterns)
    by_ends: dict[tuple[str, str], list[str]] = {}
    for pattern in patterns:
        prefix = literals(pattern)[0]
        by_ends.setdefault((prefix, pattern[len(pattern) - tail :]), []).append(pattern)
    lengths = sorted({len(prefix) for prefix, _ in by_ends})
    for key in keys:
        budget.spend(_STEP * len(lengths), _NAMES)
        end = key[len(key) - tail :]
        for length in lengths:
            if length > len(key):
                break
            for pattern in by_ends.get((key[:length], end), ()):
                if pattern != key and overlap(pattern, key, budget):
                    yield pattern, key


def overlap(one: str, other: str, budget: Budget, *, letters_only: bool = False) -> bool:
    """Return True if two patterns can expand to the same text; a field is any run of digits.

    With ``letters_only``: to texts in which a letter of one is a digit of the other's field,
    apart from the case of all letters.
    """
    budget.spend(_STEP * (len(one) + len(other)) // 4, _NAMES)
    if letters_only:
        one, other = fold(one), fold(other)
    a, b = _tokens(one), _tokens(other)
    seen: set[tuple[int, int, bool]] = set()
    todo = [(0, 0, not letters_only)]
    while todo:
        i, j, told = state = todo.pop()
        if state in seen:
            continue
        seen.add(state)
        budget.spend(_STEP, _NAMES)
        if told and i == len(a) and j == len(b):
            return True
        if i < len(a) and a[i] == "*":
            todo.append((i + 1, j, told))
        if j < len(b) and b[j] == "*":
            todo.append((i, j + 1, told))
        if i < len(a) and j < len(b) and _compatible(a[i], b[j]):
            letter = told or (a[i] != b[j] and (a[i].isalpha() or b[j].isalpha()))
            todo.append((i if a[i] == "*" else i + 1, j if b[j] == "*" else j + 1, letter))
    return False


def _tokens(text: str) -> list[str]:
    """Split a pattern into tokens: characters, ``+`` for one digit, ``*`` for more digits."""
    tokens: list[str] = []
    for char in text:
        if is_marker(char):
            tokens += ("+", "*")
        else:
            tokens.append("\\" + char if char in "+*" else char)
    return tokens


def _compatible(one: str, other: str) -> bool:
    if one in "+*":
        return other in "+*" or other in "0123456789abcdefABCDEF"
    return one == other or (other in "+*" and one in "0123456789abcdefABCDEF")


def digest(text: str) -> str:
    from hashlib import sha256

    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]


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
