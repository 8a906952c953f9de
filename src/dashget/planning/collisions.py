"""Find URL patterns whose resources would share a path, before any path is used.

A pattern stands for all URLs that it can expand to, so two patterns are compared by running both
as automata (``sharing``). The result is a short list of exceptions. Patterns have their fields as
private-use characters (``UrlPattern.marked``). Those whose path tells all values need no query in
a name.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import combinations
from typing import Final, NamedTuple, Protocol

from dashget.common.filenames import fold
from dashget.common.url import Url
from dashget.mpd.budget import STEP, Budget
from dashget.mpd.markers import FIRST, MARKER, is_marker, literals
from dashget.mpd.template import Field, UrlPattern

_NAMES: Final = "the names of files"
_ROUNDS: Final = 4
_TAG: Final = 2
"""The last of the levels: a plain name, one with its query, one with a tag made from the URL."""
_TWO_FIELDS: Final = 2
"""A path with so many fields has more pieces between them."""


class PathRule(Protocol):
    """The rule for the path of a marked URL, regardless of other URLs."""

    def __call__(
        self, marked: str, *, keep_query: bool = False, tag: str = "", own: str = ""
    ) -> str: ...


class Name(NamedTuple):
    """A marked URL, with the radices of its fields if some have digits that are letters."""

    url: str
    radices: str = ""

    @classmethod
    def of(cls, pattern: UrlPattern) -> Name:
        """Return the name of a pattern: two patterns with one name have the same path."""
        if all(field.radix not in "xX" for field in pattern.fields):
            return cls(pattern.marked)
        return cls(pattern.marked, "".join(field.radix for field in pattern.fields))


def resolve_collisions(
    rule: PathRule, names: Iterable[Name], taken: tuple[str, ...], budget: Budget
) -> dict[Name, str]:
    """Return another path for each URL whose plain path may be that of another resource too.

    First the query is added to the path; if it still collides, a tag made from the URL. Where even
    that is the path of another resource, which only somebody who wants it can bring about, every
    file gets a name that is made from its whole URL.
    """
    plain = {name: rule(name.url) for name in dict.fromkeys(names)}
    paths, levels = dict(plain), dict.fromkeys(plain, 0)
    for _ in range(_ROUNDS):
        clashing = _clashes(paths, levels, taken, budget)
        if not clashing:
            return {name: path for name, path in paths.items() if path != plain[name]}
        if all(levels[name] == _TAG for name in clashing):
            break
        for name in clashing:
            levels[name] = min(levels[name] + 1, _TAG)
            tag = _tag(name, plain[name]) if levels[name] == _TAG else ""
            paths[name] = rule(name.url, keep_query=True, tag=tag)
    return {name: rule(name.url, own=_whole_tag(name)) for name in plain}


def _may_meet_itself(name: Name, path: str) -> bool:
    """Return True if different values may give paths that some disk takes for one."""
    if path.isascii():
        return False
    pieces = literals(path)
    return len(pieces) > _TWO_FIELDS and (bool(name.radices) or not all(map(str.isascii, pieces)))


def _tag(name: Name, path: str) -> str:
    """Return a tag of the URL; where the path may not tell the values, the tag tells each."""
    if not (name.radices or _may_meet_itself(name, path)):
        return digest(name.url)
    return "-".join((*dict.fromkeys(MARKER.findall(name.url)), digest("".join(name))))


def _whole_tag(name: Name) -> str:
    """Return a tag that no other URL has, even if somebody looks for one."""
    return "-".join((*dict.fromkeys(MARKER.findall(name.url)), _sha256("\n".join(name))))


def _clashes(
    paths: dict[Name, str], levels: dict[Name, int], taken: tuple[str, ...], budget: Budget
) -> set[Name]:
    """Return the URLs whose path may be a path or a directory of another resource."""
    groups: dict[str, list[Name]] = {}
    for name, path in paths.items():
        budget.spend(len(path) * (1 + path.count("/")), _NAMES)
        groups.setdefault(fold(path), []).append(name)
    for own in taken:
        groups.setdefault(fold(own), []).append(_TAKEN)
    found: set[Name] = set()

    def compare(one: Name, other: Name) -> None:
        if _may_clash(one, other, paths, levels, budget):
            found.update((one, other))

    for group in groups.values():
        if len(group) > 1:
            if len({name.url for name in group}) > 1:
                found.update(group)
            else:
                for one, other in combinations(group, 2):
                    compare(one, other)
        for name in group:
            if name is not _TAKEN and levels[name] < _TAG and _may_meet_itself(name, paths[name]):
                compare(name, name)
    directories = {folder for path in groups for folder in _folders(path)}
    found |= {name for folder in directories & groups.keys() for name in groups[folder]}
    for key, beside in _overlapping(groups.keys() | directories, budget):
        for first in groups.get(key, ()):
            for second in groups.get(beside, ()):
                compare(first, second)
        found.update(groups.get(key, ()) if beside in directories else ())
        found.update(groups.get(beside, ()) if key in directories else ())
    return found - {_TAKEN}


_TAKEN: Final = Name("")
"""In place of the URL of a name that is the mirror's own."""


def _may_clash(
    first: Name, second: Name, paths: dict[Name, str], levels: dict[Name, int], budget: Budget
) -> bool:
    """Return True unless equal paths, the case of letters aside, only come from equal URLs."""
    from dashget.planning.sharing import sharing

    budget.spend(5 * STEP + len(first.url) + len(second.url), _NAMES)
    if _TAKEN in (first, second):
        return True
    found = sharing(paths[first], first.radices, paths[second], second.radices, budget)
    if found.spelling:
        return True
    if not found.same or first == second:
        return False
    beside = _beside_path(first.url)
    # Two patterns may read one path as different values, and so have different queries.
    kept = levels[first] and levels[second]
    told = kept or not MARKER.search(beside[2] or "")
    return not (told and beside == _beside_path(second.url))


def _beside_path(url: str) -> tuple[str | None, str | None, str | None]:
    parts = Url.parse(url)
    return parts.scheme, parts.authority, parts.query


def _folders(path: str) -> Iterator[str]:
    end = path.find("/")
    while end >= 0:
        yield path[:end]
        end = path.find("/", end + 1)


def _overlapping(keys: Iterable[str], budget: Budget) -> Iterator[tuple[str, str]]:
    """Yield pairs of different path patterns that can expand to the same path."""
    for pattern, key in _resembling(sorted(keys), budget):
        # Loaded late: most presentations have no names that resemble each other.
        from dashget.planning.sharing import overlap

        if overlap(pattern, key, budget):
            yield pattern, key


def _resembling(keys: list[str], budget: Budget) -> Iterator[tuple[str, str]]:
    """Yield pairs of different path patterns that begin and end alike, as far as they are known."""
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
        budget.spend(STEP * len(lengths), _NAMES)
        end = key[len(key) - tail :]
        for length in lengths:
            if length > len(key):
                break
            for pattern in by_ends.get((key[:length], end), ()):
                if pattern != key:
                    yield pattern, key


def digest(text: str) -> str:
    """Return 16 digits that tell texts apart, which nobody has chosen to be alike."""
    return _sha256(text)[:16]


def _sha256(text: str) -> str:
    from hashlib import sha256

    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


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
