"""Notice that the servers have nothing of what a manifest names, before all of it is asked for.

A wrong base URL, or a presentation that has moved, is a 404 for each of ten thousand files. So is
a live manifest of which only the oldest segments are gone, for a while. The rule that tells them
apart:

1. Files *in a row* are refused, by any status at every URL, or redirected to nowhere, or something
   else comes in place of each. Whatever comes in between begins a new row.
2. After 24 of them *samples* are asked for: 24 files that nobody has asked for yet, from all over
   the presentation, its end included. They are planned files, so none of them is asked in vain.
   Where files have come, the row must be eight times as long as the mean row between two of them:
   one file in twenty is no reason to stop.
3. If one of the samples comes, the run goes on, and the next row may be twice as long. If none
   does, nothing else is asked for: every file that is left fails.

So a run stops only if nothing comes from anywhere in the presentation: what a server has for a
twentieth of its time, or at its end, is found.

Where something else comes in place of a file that other base URLs may have, they are asked for
the files of the row before any sample. And a few files in a row in place of which one and the same
thing comes are looked into sooner: their host may be at fault (see ``standins``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import Final, TypeVar

from dashget.errors import GONE_STATUSES
from dashget.media.kind import SegmentKind
from dashget.planning.layout import Layout
from dashget.planning.plan import PlannedSegment, iter_plan
from dashget.planning.tracks import Track
from dashget.transfer.contract import TransferError

_IN_A_ROW: Final = 24
_ALIKE_IN_A_ROW: Final = 3
_SAMPLES: Final = 24
_MEAN_ROWS: Final = 8
"""Rows as long as this many usual ones are by chance once in three thousand times."""
_REFUSED: Final = frozenset({401, 402, 403, 407, 451, 511})
"""Statuses whose own hint says more, as that of redirects does."""
_HINT: Final = (
    "the presentation may have moved, or its manifest be of another place or time: load the"
    " manifest again; for a local file, check --base-url"
)
_TURNED_AWAY: Final = (
    "files had come before, so the host may refuse this client for a while: run the same command"
    " again later, perhaps with a lower -t"
)
_Item = TypeVar("_Item")


class Missing:
    """Counts the files of a run that nobody has. One call at a time."""

    def __init__(self, came: Callable[[], int]) -> None:
        """``came`` tells how many files of the run have come."""
        self.came = came
        self.row = 0
        """How many files in a row have not come; set to zero by each one that comes."""
        self.reason: str | None = None
        """Why nothing else is asked for; None if it is."""
        self.hint: str | None = None
        self.least = _IN_A_ROW
        """The length of a row that makes suspicious."""
        self.alarm = False
        """True if a row has become so long that somebody is to look at it."""
        self.alike = 0
        """How many of the last files in a row had one and the same thing in their place."""
        self.least_alike = _ALIKE_IN_A_ROW
        """How many of them make their host suspicious."""
        self._lost = 0
        self._answered = 0
        self.last = ""
        """Why the last of them has not come."""
        self._last_hint: str | None = None
        self._gone = False
        """True if the last of them is not there, as its server says."""

    @property
    def suspects(self) -> bool:
        """True if samples are to be asked for."""
        if self.row < self.least or self.reason is not None:
            return False
        came = self.came()
        return not came or self.row * came >= _MEAN_ROWS * (self._lost - self.row)

    @property
    def is_alarmed(self) -> bool:
        """True if the plan is to pause, for samples or for a look at a host."""
        self.alarm = self.suspects or self.suspects_host
        return self.alarm

    @property
    def suspects_host(self) -> bool:
        """True if a host may send one and the same thing in place of every file."""
        return bool(self.row) and self.alike >= self.least_alike and self.reason is None

    def lost(self, error: TransferError) -> None:
        """Count a file that no server has; not one that could not be asked for."""
        if error.requests and error.status is not None and error.status >= 300:
            told = error.status in _REFUSED or error.status < 400
            self._count(error.message, error.hint if told else None)
            self.alike = 0
            self._gone = error.status in GONE_STATUSES

    def replaced(
        self, reason: str, hint: str | None, *, again: bool = False, alike: bool = False
    ) -> None:
        """Count a file in place of which something else has come, ``again`` if not the first time.

        ``alike`` tells that it may be what its host sends in place of every file.
        """
        before = self.alike if self.row and kind_of(reason) == kind_of(self.last) else 0
        if not again:
            self._count(reason, hint)
        self.alike = before + 1 if alike else 0
        self.alarm = self.alarm or self.alike >= self.least_alike

    def clear_host(self) -> None:
        """Take the files as odd themselves: their host has sent another one."""
        self.least_alike = 2 * self.alike
        self.alike = 0

    def forget_row(self) -> None:
        """Begin anew: the host is at work again, and its files will be asked for."""
        self._lost -= self.row
        self.row = self.alike = 0

    def give_up(self, reason: str) -> None:
        """Ask for nothing else: the host was waited for long enough."""
        self.reason, self.hint = f"not requested: {reason}", self._last_hint

    def begin_samples(self) -> None:
        """Have what comes from now on decide."""
        self._answered = self.row

    def decide(self) -> None:
        """Decide by what has come of the samples, if any could be asked for at all."""
        asked = self.row - self._answered
        if self.row < self._answered or not asked:
            # Something came; or its host was given up, which says more.
            self.row = 0
            self.least *= 2
            return
        self.reason = (
            f"not requested: none of {self.row:,} files has come, from all over the"
            f" presentation; the last one: {self.last}"
        )
        self.hint = self._last_hint or (_HINT if self._gone or not self.came() else _TURNED_AWAY)

    def _count(self, reason: str, hint: str | None) -> None:
        self.row += 1
        self._lost += 1
        self.last, self._last_hint = reason, hint
        self.alarm = self.alarm or self.row >= self.least


def kind_of(reason: str) -> str:
    """Return what came, without what may differ each time: a title, or a text in quotes."""
    return reason.partition("'")[0].partition('"')[0]


def until_pause(items: Iterator[_Item | None]) -> Iterator[_Item]:
    """Yield items up to a pause, which is None; the next call over the same items goes on.

    Takes no Python for an item: the jobs of all files come through this.
    """
    return iter(items.__next__, None)


def sample(
    tracks: Sequence[Track], layout: Layout, is_asked: Callable[[str], bool]
) -> list[PlannedSegment]:
    """Return some planned media segments from all over a presentation that nobody has asked for.

    The tracks share its time, so that many times are looked at where there are many tracks.
    """
    step = max(1, len(tracks) // _SAMPLES)
    chosen = tracks[::-1][::step][:_SAMPLES]
    each = max(1, _SAMPLES // max(1, len(chosen)))
    times = each * len(chosen)
    found: dict[str, PlannedSegment] = {}
    for place, track in enumerate(chosen):
        count = track.index.count()
        # The last segment may be a derived one, which need not be there.
        last = max(0, count - 2)
        ends = (times - place - turn * len(chosen) for turn in range(each))
        wanted = {min(last, count * end // times) for end in ends} if count else set[int]()
        for planned in _at(track, layout, sorted(wanted)):
            if not is_asked(planned.path):
                found.setdefault(planned.path, planned)
    return list(found.values())


def _at(track: Track, layout: Layout, positions: Sequence[int]) -> Iterator[PlannedSegment]:
    """Yield the media segments of a track at some positions, in order."""
    media = (p for p in iter_plan((track,), layout) if p.segment.kind is SegmentKind.MEDIA)
    passed = 0
    for position in positions:
        yield from islice(media, position - passed, position - passed + 1)
        passed = position + 1
