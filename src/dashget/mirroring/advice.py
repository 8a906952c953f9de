"""Decide what to advise after a run with failures: by their kind, and by what had come before.

A status alone tells little. A 403 after hundreds of files is a token that has run out; the same
403 for the first file is a missing header. All hints of a run are chosen here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

import msgspec

from dashget.common.stopping import Bound
from dashget.common.url import Url, UrlError
from dashget.errors import GONE_STATUSES
from dashget.events import Failure
from dashget.media.kind import SegmentKind
from dashget.planning.plan import PlannedSegment

REFUSALS: Final = frozenset({401, 403})
TOKEN_STATUSES: Final = REFUSALS | {410}
"""Statuses for tokens that have run out; 410 is that of nginx (secure_link)."""
_WINDOW_STATUSES: Final = GONE_STATUSES | {403}
"""Statuses for segments that are gone; stores of objects hide by 403 what they lack."""
_FEW: Final = 4
"""So many refusals outweigh one file that came in between, from a request that was under way."""

_AGAIN: Final = "run the same command again; it fetches only what is missing"
_MORE: Final = "the same command with a higher --max-total-size goes on"
_FAULTY: Final = (
    "the server refuses these files, although the manifest names them; it may be faulty"
)
_MOVED_ON: Final = (
    "the live window has moved on, and these segments are gone from the server; the same command"
    " adds what is there now"
)
_HIDDEN: Final = (
    "the server sends other files of the same Representations; a store such as S3 answers 403 for"
    " a file that it does not have, so these may be missing there"
)
_HIDDEN_TAIL: Final = (
    "only last segments are refused, whose number follows from a duration; a store such as S3"
    " answers 403 for a file that it does not have, so they may not exist. A token may have"
    " run out, too: then the same command with a fresh URL and --moved gets them"
)
_NOT_YET: Final = (
    "the newest segments of a live presentation may come a moment later; the same command adds them"
)


class Advice(msgspec.Struct, frozen=True):
    """What to advise after a run, and its failures with their hints."""

    hint: str
    failures: tuple[Failure, ...]


class History(msgspec.Struct, frozen=True):
    """What is known about a run when it is over."""

    root: str
    """The name of the mirror's directory."""
    dynamic: bool
    plan: Callable[[], Iterable[PlannedSegment]]
    """Returns the planned files, in the order in which they were requested."""
    is_there: Callable[[str], bool]
    """Returns True if a file has come, in this run or an earlier one."""
    interrupted: bool = False
    ended_by: Bound | None = None


def advise(failures: Sequence[Failure], history: History) -> Advice:
    """Return the hint for a run that left files missing."""
    told = tuple(failures)
    if history.interrupted:
        return Advice(_MORE if history.ended_by is Bound.SIZE else _AGAIN, told)
    statuses = {failure.status for failure in told if _is_answer(failure)}
    if statuses & (TOKEN_STATUSES | _WINDOW_STATUSES):
        for applies, hint, covered in (
            (_window_moved_on, _MOVED_ON, _WINDOW_STATUSES),
            (_are_refused_tails, _HIDDEN_TAIL, frozenset({403})),
            (_token_ran_out, fresh_url_hint(history.root), TOKEN_STATUSES),
            (_is_early, _NOT_YET, GONE_STATUSES),
            (_are_among_others, _HIDDEN, frozenset({403})),
        ):
            concerned = frozenset(f.path for f in told if _is_answer(f) and f.status in covered)
            if concerned and applies(concerned, history):
                return Advice(hint, tuple(_with_hint(each, covered, hint) for each in told))
    left = [failure for failure in told if not failure.attempts and failure.hint]
    # Where a host was given up, the failures before led to that.
    hints = {failure.hint for failure in (left if 2 * len(left) > len(told) else told)}
    same = hints.pop() if len(hints) == 1 else None
    if same is not None:
        return Advice(same, told)
    faulty = bool(statuses) and statuses <= {403, *GONE_STATUSES}
    return Advice(_FAULTY if faulty else _AGAIN, told)


def fresh_url_hint(root: str) -> str:
    """Return what to do when the token in a presentation's URL has run out."""
    return (
        "files had come before, so the token in the URL has probably run out; get a fresh URL, and"
        f" go on with: dashget FRESH-URL -o {root} --moved"
    )


def _with_hint(failure: Failure, covered: frozenset[int], hint: str) -> Failure:
    """Return a failure with a hint, if it has one of the statuses or was not attempted at all."""
    covers = failure.status in covered and _is_answer(failure)
    if not failure.unplanned and (covers or not failure.attempts):
        return msgspec.structs.replace(failure, hint=hint)
    return failure


def _is_answer(failure: Failure) -> bool:
    """Return True unless a file was not asked for, or the server only asked for a pause."""
    return bool(failure.attempts) and failure.retry_after_seconds is None


def _token_ran_out(refused: frozenset[str], history: History) -> bool:
    """Return True if files came from a host first, and then it refused what it was asked for.

    If it refuses some files only, such as those of one Representation, others come in between.
    """
    refusals: dict[str | None, int] = {}
    came: dict[str | None, dict[int, int]] = {}
    """How many files came of each host after so many refusals."""
    left = set(refused)
    for planned in history.plan():
        path = planned.path
        host = _host(planned.urls[0])
        if path in left:
            left.discard(path)
            refusals[host] = refusals.get(host, 0) + 1
        elif path not in refused and history.is_there(path):
            counts = came.setdefault(host, {})
            after = refusals.get(host, 0)
            counts[after] = counts.get(after, 0) + 1
    return any(
        came.get(host, {}).get(0, 0) and _between(came[host], count) * _FEW <= count
        for host, count in refusals.items()
    )


def _between(came: Mapping[int, int], refusals: int) -> int:
    """Return how many files came in between, but after a few refusals.

    The plan is not the order of the answers: a request that took long may be the first one that
    was refused, though it was made long before.
    """
    return sum(count for after, count in came.items() if after * _FEW > refusals)


def _are_refused_tails(refused: frozenset[str], history: History) -> bool:
    """Return True if nothing but last derived segments is refused, at URLs without a token."""
    for planned in history.plan():
        if planned.path in refused and not (
            planned.segment.last_derived and "?" not in planned.urls[0]
        ):
            return False
    return _are_among_others(refused, history)


def _are_among_others(refused: frozenset[str], history: History) -> bool:
    """Return True if other files have come of each Representation of which some are refused."""
    wanted: set[object] = set()
    came: set[object] = set()
    for planned in history.plan():
        if planned.path in refused:
            wanted.add(planned.track.key)
        elif history.is_there(planned.path):
            came.add(planned.track.key)
    return bool(wanted) and wanted <= came


def _window_moved_on(gone: frozenset[str], history: History) -> bool:
    """Return True if the missing segments of a live presentation are the oldest of their track."""
    return history.dynamic and _any_before(lambda path: path in gone, history.is_there, history)


def _is_early(gone: frozenset[str], history: History) -> bool:
    """Return True if the missing segments of a live presentation are the newest of their track."""
    return history.dynamic and _any_before(history.is_there, lambda path: path in gone, history)


def _any_before(
    earlier: Callable[[str], bool], later: Callable[[str], bool], history: History
) -> bool:
    """Return True if, in some track, a file of one kind is older than one of the other kind."""
    seen: set[int] = set()
    for planned in history.plan():
        if planned.segment.kind is not SegmentKind.MEDIA:
            continue
        key = planned.track.key
        if key in seen and later(planned.path):
            return True
        if earlier(planned.path):
            seen.add(key)
    return False


def _host(url: str) -> str | None:
    try:
        return Url.parse(url).host
    except UrlError:
        return None
