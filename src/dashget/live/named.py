"""The lines of names that documents have: which files follow which, in which order.

A file is known by its path alone. Its *order number* tells its place: two files with numbers that
follow one another were neighbours in a document. Where a list has nothing in common with the ones
before, numbers are left out, since nobody knows what was between.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, Final

import msgspec

from dashget.common.numbers import is_digits, read_digits
from dashget.live.agenda import AGAIN
from dashget.live.facts import FileFact, LossFact, NamedFact, NamesFact, Reason, ShortFact
from dashget.live.listing import Listing, Once
from dashget.live.names import Row, Rows, Series
from dashget.media.kind import SegmentKind

if TYPE_CHECKING:
    from dashget.media.extent import Extent

_FIRST: Final = 1_000_000
"""The order number of the first file that is known; others may turn out to be before it."""
UNKNOWN: Final = 1000
"""So many order numbers are left out where nobody knows what was between."""
_MOST_LOST: Final = 100_000
_DAY: Final = 86_400.0
_SLACK_SECONDS: Final = 60.0


class NamedLine:
    """The files of a list, or a single one, over all documents."""

    def __init__(self, fact: NamesFact) -> None:
        self.id = fact.names
        self.fact = fact
        self.rows = Rows()
        self.lost: dict[int, Reason] = {}
        """Why files never came, by their order numbers."""
        self.short: dict[int, tuple[Reason, float]] = {}
        """Why the end of files is missing, and up to which server time that is known."""
        self.last: int | None = None
        """The last order number that was given."""
        self.window: dict[str, int] | None = None
        """The order numbers of the files of the newest document that has it, in its order, by
        their names there; None: of all."""
        self.times: dict[str, Fraction] = {}
        """The media times of these in seconds, where a timeline tells them."""
        self.turns: dict[str, int] = {}
        """How often names stood for other media, if they did more than once."""
        self.is_restored = False
        """True while only an earlier recorder has read a document that has it."""

    def numbers(self) -> dict[str, int]:
        """Return the order numbers of the files that a new document may have."""
        if self.window is None:
            self.window, self.is_restored = {}, True
            for stored, n in self.rows.names():
                path, turn = reused_name(stored)
                if turn > 1:
                    self.turns[path] = max(turn, self.turns.get(path, 1))
                    self.window.pop(path, None)
                self.window[path] = n
        return self.window

    def stored(self, path: str) -> str:
        """Return the name under which a file is stored, by its name in documents."""
        return stored_name(path, self.turns.get(path, 1))

    def find_reused(self, files: Mapping[str, Once]) -> set[str]:
        """Return the names that stand for other media in a new document than before.

        One that is behind others, which were behind it before, or came after it, is announced
        anew; and so is one of a later time, where the list has a timeline, and so are all of a
        document that has none but those that had left the list.
        """
        known = self.numbers()
        recorded = {
            path: n
            for path, once in files.items()
            if not once.in_one and (n := self.rows.number_of(self.stored(path))) is not None
        }
        common = [known[path] for path in files if path in known]
        past = known and not common
        if self.is_restored and self.turns:
            past = self.rows.last not in common
        if past and len(recorded) == len(files):
            return set(recorded)
        places = {path: place for place, path in enumerate(known)}
        reused: set[str] = set()
        furthest, last = -1, -1
        for path, once in files.items():
            time, before = _time_of(once), self.times.get(path)
            if time is not None and before is not None:
                moved = 2 * (time - before) >= Fraction(max(once.duration, 1), once.scale)
            elif path in known:
                moved = places[path] < furthest
            else:
                moved = recorded.get(path, last) < last
            if moved and not once.in_one:
                reused.add(path)
            elif path in known:
                furthest, last = max(furthest, places[path]), max(last, known[path])
        return reused


class Learnt(msgspec.Struct, frozen=True):
    """What a document says of one line of names."""

    line: NamedLine
    is_new: bool
    files: tuple[tuple[str, Once], ...]
    """Path and file, in the order of the document."""
    first_new: int | None
    """The order number of the first file that is new; None: none is."""
    reused: frozenset[str] = frozenset()
    """The paths of files whose names stood for other media before."""


class Named:
    """All lines of names."""

    def __init__(self) -> None:
        self.by_id: dict[int, NamedLine] = {}

    def __iter__(self) -> Iterator[NamedLine]:
        return iter(self.by_id.values())

    @property
    def count(self) -> int:
        """How many files are recorded."""
        return sum(line.rows.count for line in self)

    def take(self, fact: NamesFact | NamedFact | FileFact | LossFact | ShortFact) -> None:
        """Take what a recorder has written down. The same fact may come again."""
        if isinstance(fact, ShortFact):
            self._cut_short(fact)
            return
        if isinstance(fact, LossFact):
            self._lose(fact)
            return
        if isinstance(fact, NamesFact):
            self.by_id.setdefault(fact.names, NamedLine(fact))
            return
        line = self.by_id.get(fact.named if isinstance(fact, NamedFact) else fact.line)
        if line is None:
            return
        if isinstance(fact, NamedFact):
            _fill(line, fact)
        else:
            line.rows.add(fact)
            line.lost.pop(fact.n, None)
            line.short.pop(fact.n, None)
        last = line.rows.last
        if last is not None:
            line.last = max(last, -1 if line.last is None else line.last)

    def facts(self) -> Iterator[NamesFact | NamedFact]:
        """Yield all that is known, as facts."""
        for line in self:
            yield line.fact
            series = tuple((each.before, each.width, each.after) for each in line.rows.series)
            rows = tuple(
                (r.n, r.t, r.d, r.scale, r.at, r.series, r.number, r.count, r.step)
                for r in line.rows
            )
            missing: dict[Reason, list[int]] = {}
            for n, reason in sorted(line.lost.items()):
                missing.setdefault(reason, []).append(n)
            found = {reason: tuple(numbers) for reason, numbers in missing.items()}
            cut = tuple((n, until, why) for n, (why, until) in sorted(line.short.items()))
            yield NamedFact(line.id, series, rows, found, line.rows.forgotten, cut)

    def forget(self, time: float) -> None:
        """Forget the files that begin before a server time, and what was lost before them."""
        for line in self:
            if line.rows.forget(time):
                first = line.rows.first
                lost = line.lost.items()
                line.lost = {n: why for n, why in lost if first is not None and n > first}
                line.short = {n: why for n, why in line.short.items() if line.rows.has(n)}

    def _lose(self, fact: LossFact) -> None:
        line = self.by_id.get(fact.lost)
        if line is None or fact.reason is None or fact.count > _MOST_LOST:
            return
        for n in range(fact.n, fact.n + fact.count):
            if not line.rows.has(n):
                line.lost[n] = fact.reason

    def _cut_short(self, fact: ShortFact) -> None:
        line = self.by_id.get(fact.short)
        if line is None or not line.rows.has(fact.n):
            return
        if fact.reason is None:
            line.short.pop(fact.n, None)
        else:
            line.short[fact.n] = fact.reason, fact.until

    def learn(
        self, listings: Sequence[Listing], generation: int, new_id: Callable[[], int]
    ) -> Iterator[tuple[Listing, Learnt]]:
        """Learn what a document has of each line of names."""
        taken: set[int] = set()
        for listing in listings:
            prefix = f"{AGAIN}/{generation}/" if generation > 1 else ""
            media = [each for each in listing.once if each.kind is SegmentKind.MEDIA]
            if not listing.named or not media:
                continue
            paths = [f"{prefix}{each.path}" for each in media]
            line, is_new = self._line_of(listing, generation, paths, taken, new_id)
            taken.add(line.id)
            yield listing, _learn(line, is_new, paths, media, prefix)
        for line in self:
            if line.id not in taken and line.window:
                line.window = {}

    def _line_of(
        self,
        listing: Listing,
        generation: int,
        paths: Sequence[str],
        taken: set[int],
        new_id: Callable[[], int],
    ) -> tuple[NamedLine, bool]:
        """Return the line that has one of these files; else the one of the same Period and id."""
        track = "" if listing.representation is None else listing.representation.id or ""
        known = [
            line
            for line in self
            if line.id not in taken
            and (line.fact.generation, line.fact.track, line.fact.single)
            == (generation, track, listing.single)
        ]
        for line in reversed(known):
            numbers = line.numbers()
            if any(path in numbers for path in paths):
                return line, False
        for line in reversed(known):
            if line.fact.key == listing.key:
                return line, False
        fact = NamesFact(
            new_id(), listing.key, generation, listing.label, track, single=listing.single
        )
        made = self.by_id[fact.names] = NamedLine(fact)
        return made, True


def _learn(
    line: NamedLine, is_new: bool, paths: Sequence[str], media: Sequence[Once], prefix: str
) -> Learnt:
    known, numbers = line.numbers(), _Numbers(line)
    named = dict(zip(reversed(paths), reversed(media), strict=True))
    named = dict(reversed(named.items()))
    reused = line.find_reused(named)
    for path in reused:
        if line.rows.number_of(line.stored(path)) is not None:
            line.turns[path] = line.turns.get(path, 1) + 1
    line.times = {p: time for p, once in named.items() if (time := _time_of(once)) is not None}
    back = {path: line.rows.number_of(line.stored(path)) for path in named if path not in reused}
    window = {path: n for path, was in back.items() if (n := known.get(path, was)) is not None}
    first_new: int | None = None
    for group, before, after in _new_ones(paths, window):
        given = numbers.give(len(group), before, after)
        window.update(zip(group, given, strict=True))
        first_new = given[0] if first_new is None else min(first_new, given[0])
    line.window, line.is_restored = {path: window[path] for path in named}, False
    files: list[tuple[str, Once]] = []
    for path, once in zip(paths, media, strict=True):
        behind = f"{prefix}{once.behind}" if once.behind else ""
        placed = msgspec.structs.replace(once, line=line.id, n=window[path], behind=behind)
        files.append((line.stored(path), placed))
    return Learnt(line, is_new, tuple(files), first_new, frozenset(map(line.stored, reused)))


def _time_of(once: Once) -> Fraction | None:
    """Return the media time that a timeline has for a file, in seconds."""
    return Fraction(once.time, once.scale) if once.timed and once.time is not None else None


def stored_name(path: str, turn: int) -> str:
    """Return the name under which a file is stored whose name was given to others before.

    It is in a folder of its generation and of its turn, as ``_again/1.2/``.
    """
    if turn == 1:
        return path
    above, _, rest = path.partition("/")
    number, _, inner = rest.partition("/")
    if above == AGAIN and is_digits(number) and inner:
        return f"{AGAIN}/{number}.{turn}/{inner}"
    return f"{AGAIN}/1.{turn}/{path}"


def reused_name(stored: str) -> tuple[str, int]:
    """Return the name of a file in documents, and its turn, by the name under which it is."""
    above, _, rest = stored.partition("/")
    place, _, inner = rest.partition("/")
    generation, _, turn = place.partition(".")
    if above != AGAIN or not inner or not (is_digits(generation) and is_digits(turn)):
        return stored, 1
    path = inner if generation == "1" else f"{AGAIN}/{generation}/{inner}"
    return path, read_digits(turn) or 1


def _new_ones(
    paths: Sequence[str], known: Mapping[str, int]
) -> Iterator[tuple[list[str], int | None, int | None]]:
    """Yield the new paths in a row, with the order numbers of the known ones around them."""
    group: dict[str, None] = {}
    before: int | None = None
    for path in paths:
        n = known.get(path)
        if n is None:
            group[path] = None
            continue
        if group:
            yield list(group), before, n
            group = {}
        before = n
    if group:
        yield list(group), before, None


class _Numbers:
    """The order numbers that a line has not given yet."""

    def __init__(self, line: NamedLine) -> None:
        self._line = line
        self._given = set(line.numbers().values())

    def give(self, count: int, before: int | None, after: int | None) -> range:
        """Return numbers for new files, between those of their neighbours if there is room."""
        last = self._line.last
        if last is None:
            first = _FIRST
        elif before is None and after is not None:
            first = after - count
        else:
            first = last + UNKNOWN if before is None else before + 1
        given = range(first, first + count)
        if after is not None and after < given.stop:
            given = range(0)
        if not given or given.start < 0 or any(map(self._is_taken, given)):
            first = (last or 0) + UNKNOWN
            given = range(first, first + count)
        self._given.update(given)
        self._line.last = given.stop - 1 if last is None else max(last, given.stop - 1)
        return given

    def _is_taken(self, n: int) -> bool:
        return n in self._given or self._line.rows.has(n)


def fact_of(
    once: Once, path: str, size: int, came: float, extent: Extent | None = None
) -> FileFact:
    """Return the fact about a file that has come; ``extent`` is what it says of its times itself.

    When it begins, by the server's time, is believed if it can be.
    """
    if not once.line:
        return FileFact(path, size, came if once.kind is SegmentKind.MEDIA else None)
    time, duration, scale = once.time, once.duration, once.scale
    if extent is not None:
        length = extent.duration or once.duration * extent.scale // max(once.scale, 1)
        time, duration, scale = extent.time, length, extent.scale
    at = came
    if time is not None:
        depth = _DAY if once.depth is None else once.depth
        found = float(once.origin) + time / scale
        at = min(max(found, came - depth - _SLACK_SECONDS), came + _SLACK_SECONDS)
    return FileFact(path, size, came, once.line, once.n, time, duration, scale, at)


def _fill(line: NamedLine, fact: NamedFact) -> None:
    series = tuple(Series(*each) for each in fact.series)
    made = (
        Row(n, t, d, scale, at, name, number, count, step)
        for n, t, d, scale, at, name, number, count, step in fact.rows
    )
    line.rows.fill(series, tuple(made), fact.expired)
    for reason, numbers in fact.missing.items():
        for n in numbers:
            if not line.rows.has(n):
                line.lost[n] = reason
    for n, until, why in fact.cut:
        if line.rows.has(n):
            line.short[n] = why, until
