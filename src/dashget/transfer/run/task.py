"""One job under way: what is on disk, what was tried, and where to try next."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable

import msgspec

from dashget.common.byterange import ByteRange
from dashget.errors import GONE_STATUSES, Retry
from dashget.transfer.contract import (
    Fetched,
    Job,
    LastAnswer,
    MemorySink,
    Method,
    Request,
    ResponseHead,
    Sink,
    TransferError,
)
from dashget.transfer.http.failure import Failure, Scope
from dashget.transfer.http.head import Head
from dashget.transfer.http.judge import Accepted, Asked
from dashget.transfer.http.origin import Origin, shown
from dashget.transfer.run.bodyend import BodyEnd
from dashget.transfer.run.gaps import Gaps, finished_prefix
from dashget.transfer.settings.options import TransferOptions

_ENOUGH_PROGRESS_BYTES = 256 * 1024
_MUCH_BYTES = 1024 * 1024
_RESTARTS = 3
UNMARKED = sys.maxsize
"""A position that no resource reaches."""


class Attempt(msgspec.Struct, frozen=True, gc=False):
    """What one attempt asks for, and the sink position that its bytes begin at.

    ``claim`` is where the claim of a scattered task ends; None where one stream brings all.
    """

    asked: Asked
    first: int = 0
    claim: int | None = None


PLAIN = Attempt(Asked())
"""All of a resource, of which nothing is known."""
_PROBE = Attempt(Asked(range=ByteRange(0, 0), probe=True))


class Led(msgspec.Struct):
    """Where redirects have led from a URL of a task (by its index), and on which way."""

    index: int
    url: str
    origin: Origin
    hops: int
    visited: frozenset[str]
    until: float
    """Clock time until which other ranges of the same file may go there as well."""
    waits_until: float = -math.inf
    """Clock time until which the request that was redirected may wait for its turn."""


class Task:
    """State of one job. All but ``accept`` is called with the run's lock held."""

    __slots__ = (
        "answer",
        "asked_at",
        "asks_anew",
        "asks_probe",
        "base",
        "began",
        "closed",
        "cursor",
        "cut_off",
        "dead",
        "deadline",
        "end",
        "failure",
        "failures",
        "first_byte_seconds",
        "furthest",
        "gaps",
        "halted",
        "head",
        "in_one",
        "job",
        "led",
        "most_tries",
        "owner",
        "prefix",
        "proven",
        "queued",
        "received",
        "remote",
        "request",
        "requests",
        "restarts",
        "resumed",
        "seconds",
        "sink",
        "size",
        "succeeded",
        "tries",
        "urls",
        "validator",
        "why",
        "wires",
        "write",
    )  # fmt: skip

    def __init__(self, job: Job) -> None:
        self.job = job
        self.request: Request = job.request
        self.urls = job.request.urls
        self.sink: Sink | None = None
        self.write: Callable[[list[bytes], int], object] = _no_sink
        patience = job.patience
        self.most_tries = None if patience is None else patience.attempts
        """Attempts on each URL; None: as many as the options say."""
        self.deadline = math.inf
        """Clock time after which no attempt goes on."""
        self.base = 0 if job.request.range is None else job.request.range.first
        self.tries = [0] * len(self.urls)
        """Failed attempts per URL, less those that brought the resource forward."""
        self.dead: set[int] = set()
        self.why: dict[int, Failure] = {}
        self.cursor = 0
        """Index of the URL in use."""
        self.owner: int | None = None
        """Index of the URL that the bytes on disk came from; None while there are none."""
        self.furthest = 0
        """How far any attempt has come from the beginning."""
        self.failures = 0
        self.cut_off = False
        """Whether an attempt was under way when the run was stopped."""
        self.requests = 0
        self.received = 0
        self.restarts = 0
        self.size: int | None = None
        self.validator: str | None = None
        self.prefix = 0
        self.gaps: Gaps | None = None
        self.proven = False
        """Whether the server has answered a range of this resource with 206."""
        self.in_one = False
        """Whether the server has proved to know no ranges of it."""
        self.resumed = False
        self.began = False
        self.end = BodyEnd()
        self.asks_probe = False
        """Whether a HEAD was refused, and a range of one byte is asked instead."""
        self.led: Led | None = None
        self.asks_anew = False
        """Whether to begin with its own URL each time: where that led was no good later on."""
        self.head: ResponseHead | None = None
        self.asked_at: float | None = None
        """Clock time of its first request."""
        self.first_byte_seconds: float | None = None
        """How long the first response of all took to begin."""
        self.seconds = 0.0
        """From the first request until it was complete, pauses included."""
        self.remote: str | None = None
        self.answer: LastAnswer | None = None
        """The last response that was no good, if any came."""
        self.wires = 0
        self.queued = 0
        """How often it is in the backlog."""
        self.halted = False
        """Wires of this task are to stop: it failed, restarts, or another wire was faster."""
        self.failure: Failure | None = None
        self.closed = False
        self.succeeded = False

    def began_at(self, now: float) -> None:
        """Record the clock time of the first request."""
        self.asked_at = now
        patience = self.job.patience
        if patience is not None and patience.seconds is not None:
            self.deadline = now + patience.seconds

    @property
    def attempts(self) -> int:
        """How many tries were made so far, the present one included."""
        return self.failures + 1

    def open(self, options: TransferOptions) -> None:
        """Open the sink and take over what an earlier run left. May raise OSError."""
        if self.request.method is Method.HEAD:
            return
        self.sink = self.job.open_sink(self.job)
        self.write = _writer(self.sink)
        point = self.sink.resume_point()
        if point is None or self.request.range is not None:
            return
        if point.validator is None or point.validator.startswith("W/"):
            return
        source = self.urls[0] if point.source is None else point.source
        if source not in self.urls:
            return
        self.prefix = finished_prefix(point.finished)
        scattered = any(done.first > self.prefix for done in point.finished)
        if not self.prefix and not scattered:
            return
        self.size, self.validator, self.resumed = point.size, point.validator, True
        self.owner = self.urls.index(source)
        if scattered and point.size is not None:
            gaps = Gaps(point.size, point.finished)
            if gaps:
                self.gaps = gaps
            else:
                self.prefix = point.size

    def park(self) -> None:
        """Let the sink do without its file descriptor, while no wire brings anything."""
        park: Callable[[], object] | None = getattr(self.sink, "park", None)
        if park is not None:
            park()

    def _reopen(self) -> None:
        reopen: Callable[[], object] | None = getattr(self.sink, "reopen", None)
        if reopen is not None:
            reopen()

    def may_lack_its_end(self, *, marked: bool) -> bool:
        """Say whether a body that ended well may be all that came, and not all there is.

        Not where its end was ``marked``. Not asked of what is just read into memory: a manifest
        shows by itself that its end is missing.
        """
        return not self.end.known and self.prefix > 0 and self._has_no_end(marked=marked)

    def may_lack_all(self, *, marked: bool) -> bool:
        """Say whether an empty body may be all that came of one that is not."""
        return not self.end.empty_known and not self.prefix and self._has_no_end(marked=marked)

    def _has_no_end(self, *, marked: bool) -> bool:
        return (
            self.size is None
            and not marked
            and self.request.range is None
            and not isinstance(self.sink, MemorySink)
        )

    def has_its_end(self, head: Head, accepted: Accepted) -> bool:
        """Take the answer to the question for its end; say whether all is here, as far as told.

        False: more is there, or another version; the answer is to be taken like any other.
        """
        # A Content-Range without a total says how far it reaches, at least.
        size = accepted.end if head.status == 206 and accepted.total is None else accepted.total
        self.end.answered(size)
        if size is not None:
            return size == self.prefix
        return head.status == 200 and head.validator == self.validator

    def bytes_here(self, position: int, claim: int | None) -> int:
        """Return how much is here, while its only wire is at ``position`` of its ``claim``."""
        if self.gaps is None or self.size is None:
            return self.prefix
        asked = 0 if claim is None else claim - position
        return self.size - self.gaps.total - asked

    def forget(self) -> None:
        """Give up what is on disk: the next response starts from zero."""
        self.prefix = 0
        self.gaps = None
        self.validator = None
        self.size = None
        self.owner = None
        self.led = None
        self.resumed = self.began = self.proven = False
        self.end.dropped()

    def attempt(self) -> Attempt:
        """Return what to ask next, where one stream is to bring all of it."""
        if self.request.method is Method.HEAD:
            return _PROBE if self.asks_probe else PLAIN
        wanted = self.request.range
        if wanted is not None:
            return Attempt(Asked(range=wanted, whole=False))
        if self.end.asking:
            # From the last byte on: that is there, and tells with its Content-Range of any others.
            last = self.prefix - 1
            validator = self.validator if self.owner == self.cursor else None
            return Attempt(Asked(range=ByteRange(last), validator=validator), last)
        if self.prefix and (self.validator is None or self.owner != self.cursor):
            self.prefix = 0
        position = self.prefix
        if position == 0:
            return PLAIN
        if self.size is not None and position >= self.size:
            # All is here but the proof: ask for the last byte, so that a 206 confirms it.
            position = self.size - 1
        asked = Asked(range=ByteRange(position), total=self.size, validator=self.validator)
        return Attempt(asked, position)

    def attempt_at_piece(self, first: int, end: int) -> Attempt:
        """Return what to ask for the claim ``[first, end)`` of a scattered task."""
        asked = Asked(
            range=ByteRange(first, end - 1),
            whole=not self.began,
            total=self.size,
            validator=self.validator,
        )
        return Attempt(asked, first, end)

    def attempt_to_overtake(self, position: int) -> Attempt:
        """Return what to ask of a transfer that is to overtake one that is at ``position``."""
        if position == 0 or self.size is None or self.validator is None:
            return PLAIN
        asked = Asked(
            range=ByteRange(position), whole=False, total=self.size, validator=self.validator
        )
        return Attempt(asked, position)

    def same_version(self, head: Head, accepted: Accepted, index: int) -> bool:
        """Say whether a response surely has the bytes of the one that another wire brings."""
        return (
            self.validator is not None
            and self.owner == index
            and head.validator == self.validator
            and accepted.total == self.size
        )

    def accept(self, head: Head, accepted: Accepted, url: str, index: int) -> int:
        """Take note of an accepted response; return the sink position of its first byte."""
        position = accepted.first - self.base
        if self.began and self.gaps is not None:
            self._reopen()
            self.proven = True
            return position
        whole = self.request.range is None
        size = accepted.total if whole else (accepted.end or 0) - self.base
        info = head.describe(url, size, self.urls[index])
        if head.status == 206 and info.validator is None and self.validator is not None:
            # RFC 9110, 15.3.7: what the client must know already may be left out.
            info = msgspec.structs.replace(info, validator=self.validator)
        if self.gaps is not None and head.status == 200:
            self.gaps = None
        if self.gaps is None:
            # What lies behind the first byte of this response is dropped or overwritten.
            self.prefix = position
            self.resumed = self.resumed and position > 0
        self.proven = head.status == 206 and whole
        self.head, self.size, self.validator, self.owner = info, size, info.validator, index
        if self.sink is not None and self.request.method is Method.GET:
            self.sink.begin(info, position)
            self.began = True
        return position

    def failed(self, failure: Failure, index: int, progress: int) -> None:
        """Count an attempt on the URL ``index`` that failed after ``progress`` new bytes."""
        earlier = self.why.get(index)
        lasts = failure.lasting and earlier is not None and earlier.lasting and not self.began
        self.why[index] = failure
        self.failures += 1
        if lasts or failure.retry is not Retry.AGAIN:
            self.dead.add(index)
        if progress < _ENOUGH_PROGRESS_BYTES or self.validator is None:
            self.tries[index] += 1
        if failure.retry is Retry.NEVER:
            self.dead.update(range(len(self.urls)))

    def refused_head(self, failure: Failure, but: frozenset[int]) -> bool:
        """Say whether the server will not answer a HEAD, though perhaps a GET."""
        status = failure.status
        asked = self.request.method is Method.HEAD and not self.asks_probe
        return asked and status is not None and status >= 400 and status not in but

    def restart(self) -> None:
        """Let all its wires end, and begin anew after the last one."""
        self.halted = True

    def give_up(self) -> None:
        """Decide that it has failed; it is reported when its last wire has let go."""
        self.closed = self.halted = True

    def may_restart(self) -> bool:
        """Say whether starting from zero is still worth it; a resource may change for ever."""
        self.restarts += 1
        return self.restarts <= _RESTARTS

    @property
    def clings(self) -> bool:
        """Whether so much has come from one URL that another one is the last resort."""
        return self.owner is not None and (self.gaps is not None or self.prefix >= _MUCH_BYTES)

    @property
    def all_here(self) -> bool:
        """Whether a task that comes in parallel ranges has no gap left, if no wire has a claim."""
        return self.gaps is not None and self.began and not self.gaps

    def result(self, *, cancelled: bool = False) -> Fetched | TransferError:
        """Return what this task has come to."""
        head = self.head
        if cancelled or not self.succeeded or head is None:
            return self._error(cancelled=cancelled)
        size = self.size if self.request.method is Method.HEAD else self.prefix
        return Fetched(
            head, size or 0, self.failures + 1, self.requests, self.received,
            self.first_byte_seconds, self.seconds, self.remote, self.resumed,
        )  # fmt: skip

    def _error(self, *, cancelled: bool) -> TransferError:
        failure, index = self._telling()
        url = self.urls[index]
        if failure is None and not cancelled:
            failure = Failure("the transfer ended without an answer", Retry.AGAIN)
        if cancelled or failure is None:
            return TransferError(
                "stopped", retry=Retry.AGAIN, url=url, cancelled=True,
                attempts=self.failures + self.cut_off, requests=self.requests,
                transferred=self.received,
            )  # fmt: skip
        return TransferError(
            failure.message,
            retry=failure.retry,
            url=url,
            status=failure.status,
            hint=failure.hint,
            attempts=max(1, self.failures),
            requests=self.requests,
            transferred=self.received,
            answer=self.answer,
            gone=len(self.why) == len(self.urls)
            and all(why.status in GONE_STATUSES for why in self.why.values()),
            tried=tuple((shown(self.urls[i]), why.message) for i, why in sorted(self.why.items())),
        )

    def _telling(self) -> tuple[Failure | None, int]:
        """Return the failure that says most: an answer rather than silence, the first URL's."""
        if self.failure is not None:
            return self.failure, self.cursor
        if not self.why:
            return None, 0
        index = min(
            self.why,
            key=lambda i: (self.why[i].scope is Scope.BASE, self.why[i].status is None, i),
        )
        return self.why[index], index


def _no_sink(pieces: list[bytes], position: int) -> object:
    raise RuntimeError(f"{len(pieces)} pieces at {position} for a request without a body")


def _writer(sink: Sink) -> Callable[[list[bytes], int], object]:
    """Return what writes pieces that follow one another."""
    gathering: Callable[[list[bytes], int], object] | None = getattr(sink, "write_pieces", None)
    if gathering is not None:
        return gathering
    write = sink.write
    return lambda pieces, offset: write(pieces[0] if len(pieces) == 1 else b"".join(pieces), offset)


def bases_of(urls: tuple[str, ...]) -> tuple[str, ...]:
    """Return the base of each alternative: what is left without their common ending."""
    shortest = min(map(len, urls))
    common = 0
    first = urls[0]
    while common < shortest and all(url[-1 - common] == first[-1 - common] for url in urls):
        common += 1
    return tuple(url[: len(url) - common] for url in urls)
