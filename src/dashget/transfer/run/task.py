"""A job under way: its URLs, its tries, its phase, and its exchanges."""

from __future__ import annotations

import enum
import math
from collections.abc import Callable
from typing import Protocol

from dashget.errors import GONE_STATUSES, Retry
from dashget.transfer.contract import (
    Answer,
    Fetched,
    Job,
    Method,
    ResponseHead,
    Sink,
    Timing,
    TransferError,
)
from dashget.transfer.http.failure import Failure, Scope
from dashget.transfer.http.head import Head, Identity
from dashget.transfer.http.judge import Accepted
from dashget.transfer.http.origin import shown
from dashget.transfer.run.bodyend import BodyEnd
from dashget.transfer.run.exchange import Attempt, Exchange, Owner, Phase, Redirected

OVERLAP_BYTES = 64 * 1024
"""So many bytes before those that are missing come again where nothing else proves the version."""
_ENOUGH_PROGRESS_BYTES = 256 * 1024
_SLIGHT_AT_MOST = 256
_SLIGHT_BYTES = 4096
_RESTARTS = 3


class Taken(enum.Enum):
    """How a good response is taken."""

    FIRST = enum.auto()
    """The sink begins, or goes on, with it."""
    JOINS = enum.auto()
    """It brings one more range."""
    RACES = enum.auto()
    """It brings bytes that another exchange brings, too."""
    UNWANTED = enum.auto()
    COMPLETES = enum.auto()
    """It proves that the resource is complete; its body is not wanted."""


Signs = tuple[str | None, str | None, int | None]
"""ETag, Last-Modified and size, as a response states them."""


class Doubt(enum.Enum):
    """Why the ETag of the bytes on disk is not relied on; see resumption.py."""

    NONE = enum.auto()
    TAGS = enum.auto()
    """Another ETag came for the same size and time."""
    SIGNS = enum.auto()
    """ETags or times come and go: one that had been replaced came back."""
    ADDRESS = enum.auto()
    """The bytes came from another URL."""


class Silence(enum.Enum):
    """What did not come of an answer."""

    NONE = enum.auto()
    """An answer has come, whatever it says."""
    ANSWER = enum.auto()
    """There was none."""
    BODY = enum.auto()
    """The head came, and nothing new of the body."""


class Landing(enum.Enum):
    """What follows a complete response."""

    COMPLETE = enum.auto()
    """The resource is complete."""
    AGAIN = enum.auto()
    """The same slot asks again if the task has no other exchange."""
    NEXT_RANGE = enum.auto()
    """The same slot asks for another range."""
    NOTHING = enum.auto()


class Way(Protocol):
    """How a task gets its bytes: ``InOne``, ``InRanges`` or ``Look``; see ways.py."""

    in_ranges: bool
    """True if several exchanges bring different bytes of the resource."""

    def attempt(self, task: Task, index: int) -> Attempt | None:
        """Return the next request to the URL ``index``; None if another one is of no use."""

    def accept(self, task: Task, exchange: Exchange[Task], head: Head, accepted: Accepted) -> Taken:
        """Decide how to take a good response."""

    def begin(self, task: Task, head: Head, position: int) -> None:
        """Take the first body of a response: it begins at ``position``."""

    def landed(self, task: Task, exchange: Exchange[Task]) -> Landing | Failure:
        """Take a response that is complete, and return what follows."""

    def broken(self, task: Task, exchange: Exchange[Task]) -> int:
        """Keep what a broken request has brought; return how many bytes are new."""

    def bytes_here(self, exchange: Exchange[Task] | None = None) -> int:
        """Return how many bytes are on disk, while ``exchange`` is the only one."""

    @property
    def holds_much(self) -> bool:
        """True if so much has come from one URL that another one is the last resort."""

    def may_race(self, task: Task) -> bool:
        """Return True if another exchange may go after the bytes of a slow one."""


class Task(Owner):
    """State of one job. All is called with the run's lock held."""

    __slots__ = (
        "answer", "asked_at", "base", "codings", "cursor", "cut_off", "deadline", "doubt",
        "end", "exchanges", "exhausted", "failure", "failures", "former", "furthest",
        "given_up_at", "head", "identity",
        "ignores_saved_redirect", "job",
        "last_failures", "most_tries", "queued", "received", "redirected", "remote",
        "replaced", "requests", "restarts", "resumed", "seconds", "single_stream", "sink",
        "sink_begun", "size", "slight", "slight_bytes", "source_index", "spent_seconds", "timing",
        "to_drop", "tries", "urls", "vain", "validator", "wavers", "way",
    )  # fmt: skip

    def __init__(self, job: Job, way: Way) -> None:
        self.job = job
        self.way = way
        self.phase = Phase.OPEN
        self.exchanges: list[Exchange[Task]] = []
        self.queued = 0
        """How often it is in the backlog."""
        self.request = job.request
        self.urls = job.request.urls
        self.base = 0 if job.request.range is None else job.request.range.first
        self.sink: Sink | None = None
        self.write = _no_sink
        self.sink_begun = False
        # What was tried.
        patience = job.patience
        self.most_tries = None if patience is None else patience.attempts
        """Attempts on each URL; None: as many as the options say."""
        self.deadline = math.inf
        """Clock time after which no attempt goes on."""
        self.spent_seconds = 0.0
        """How long the attempts that have ended took."""
        self.tries = [0] * len(self.urls)
        """Failed attempts per URL, less those that brought the resource forward."""
        self.exhausted: set[int] = set()
        """Indexes of the URLs that are not tried any more."""
        self.last_failures: dict[int, Failure] = {}
        self.cursor = 0
        """Index of the URL in use."""
        self.failures = 0
        self.restarts = 0
        self.replaced = False
        """True if a connection was given up because it crawled."""
        self.vain = 0
        """Resumptions in a row that were answered and brought nothing; see resumption.py."""
        self.slight = self.slight_bytes = 0
        """Answers with less than was asked for, and the bytes that they have brought."""
        self.given_up_at = -1
        """``furthest`` when what was on disk was last given up; -1 before."""
        self.to_drop: tuple[int, str] | None = None
        """The bytes on disk that the next good response replaces, and the reason."""
        self.cut_off = False
        """True if an attempt was under way when the run was stopped."""
        self.failure: Failure | None = None
        """The failure to report, if it is not one of ``last_failures``."""
        self.redirected: Redirected | None = None
        self.ignores_saved_redirect = False
        """True if it begins with its own URL each time, because a saved redirect failed later."""
        # What has come.
        self.source_index: int | None = None
        """Index of the URL that the bytes on disk came from; None while there are none."""
        self.size: int | None = None
        self.validator: str | None = None
        self.codings: tuple[str, ...] = ()
        """The content codings of the bytes on disk."""
        self.identity: Identity | None = None
        """See ``known_identity``."""
        self.doubt = Doubt.NONE
        self.former: frozenset[Signs] = frozenset()
        """What the heads of bodies said that others have replaced."""
        self.wavers = False
        """True if one of those came back; see ``resumption.note_signs``."""
        self.furthest = 0
        """How far any attempt has come from the beginning."""
        self.end = BodyEnd()
        self.single_stream = False
        """True if the server has proved to ignore ranges of it."""
        self.resumed = False
        self.head: ResponseHead | None = None
        # What is reported.
        self.requests = 0
        self.received = 0
        self.asked_at: float | None = None
        """Clock time of its first request."""
        self.first_byte_seconds = None
        """How long the first response of all took to begin."""
        self.seconds = 0.0
        """From the first request until it was complete, pauses included."""
        self.remote: str | None = None
        self.timing: Timing | None = None
        self.answer: Answer | None = None
        """The last response that was not accepted, if any came."""

    def take(self, now: float) -> None:
        """Record when the run has taken the job, if its time is limited."""
        patience = self.job.patience
        if patience is not None and patience.seconds is not None:
            self.deadline = now + patience.seconds

    def ask_first(self, now: float) -> None:
        """Record the clock time of the first request."""
        if self.asked_at is None:
            self.asked_at = now

    # Phases.

    def restart(self) -> None:
        """Let all its exchanges end, and begin from zero after the last one."""
        if self.phase is Phase.OPEN:
            self.phase = Phase.RESTARTING

    def is_late(self, now: float, asked_at: float | None = None) -> Failure | None:
        """Return a failure if the job has no time left; ``asked_at`` is when its attempt began."""
        patience = self.job.patience
        if patience is None:
            return None
        if now > self.deadline:
            return Failure(f"not complete within {patience.seconds:g} s", Retry.NEVER)
        spent = self.spent_seconds + (0.0 if asked_at is None else now - asked_at)
        if patience.asking_seconds is None or spent <= patience.asking_seconds:
            return None
        return Failure(
            f"not complete within {patience.asking_seconds:g} s of requests",
            Retry.NEVER,
            hint="allow more with --document-timeout SECONDS",
        )

    def give_up(self) -> None:
        """Decide that it has failed; it is reported when its last exchange has ended."""
        if self.phase is not Phase.DONE:
            self.phase = Phase.FAILED

    @property
    def closed(self) -> bool:
        """True if it is decided how it ends."""
        return self.phase is Phase.FAILED or self.phase is Phase.DONE

    # Sinks.

    def open_sink(self) -> None:
        """Open the sink. May raise OSError."""
        self.sink = self.job.open_sink(self.job)
        self.write = _writer(self.sink)

    @property
    def is_comparable(self) -> bool:
        """True if what is on disk can be read again."""
        return hasattr(self.sink, "read") and self.request.range is None

    def goes_on_from(self, position: int) -> bool:
        """Return True if an answer can prove that it continues the first bytes on disk.

        With a validator; without one by bytes that come again, in the run that they came in.
        """
        return self.validator is not None or (
            position > OVERLAP_BYTES and self.size is not None and self.is_comparable
        )

    def known_identity(self) -> Identity | None:
        """Return what tells the version of which bytes are on disk; None if they cannot be read."""
        if self.identity is None and self.head is not None and self.is_comparable:
            self.identity = Identity.of_head(self.head)
        return self.identity

    def park_sink(self) -> None:
        """Let the sink do without its file descriptor, while no exchange brings anything."""
        park: Callable[[], object] | None = getattr(self.sink, "park", None)
        if park is not None:
            park()

    def reopen_sink(self) -> None:
        """Have a parked sink go on."""
        reopen: Callable[[], object] | None = getattr(self.sink, "reopen", None)
        if reopen is not None:
            reopen()

    # Tries.

    def failed(self, failure: Failure, index: int, progress: int) -> None:
        """Count an attempt on the URL ``index`` that failed after ``progress`` new bytes."""
        earlier = self.last_failures.get(index)
        lasts = failure.lasting and earlier is not None and earlier.lasting and not self.sink_begun
        self.last_failures[index] = failure
        self.failures += 1
        if lasts or failure.retry is not Retry.AGAIN:
            self.exhausted.add(index)
        if progress < _ENOUGH_PROGRESS_BYTES or not self.goes_on_from(self.way.bytes_here()):
            self.tries[index] += 1
        if failure.retry is Retry.NEVER:
            self.exhausted.update(range(len(self.urls)))

    def grant(self, index: int) -> None:
        """Allow one more attempt on a URL."""
        self.exhausted.discard(index)
        self.tries[index] -= 1

    def got_on(self, exchange: Exchange[Task]) -> None:
        """Record that a range brought new bytes: what failed before was not in a row."""
        self.tries[exchange.index] = self.vain = 0

    def gets_nowhere(self, exchange: Exchange[Task]) -> bool:
        """Count an answer with less than was asked for; return True if that has no end.

        It has none after hundreds of them with less than 4 KiB each, as an average.
        """
        self.slight += 1
        self.slight_bytes += exchange.position - exchange.start
        return self.slight_bytes < _SLIGHT_BYTES * (self.slight - _SLIGHT_AT_MOST)

    def may_restart(self) -> bool:
        """Count a start from zero; return False after too many: a resource may change for ever."""
        self.restarts += 1
        return self.restarts <= _RESTARTS

    @property
    def sticks_to_source(self) -> bool:
        """True if so much has come from one URL that another one is the last resort."""
        return self.source_index is not None and self.way.holds_much

    # The result.

    def result(self, *, cancelled: bool = False) -> Fetched | TransferError:
        """Return the result that is reported."""
        head = self.head
        if cancelled or self.phase is not Phase.DONE or head is None:
            return self._error(cancelled=cancelled)
        size = self.size if self.request.method is Method.HEAD else self.way.bytes_here()
        return Fetched(
            head, size or 0, self.failures + 1, self.requests, self.received,
            self.first_byte_seconds, self.seconds, self.remote, self.resumed, self.timing,
            self.size is not None or self.end.proved,
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
        failures = self.last_failures
        return TransferError(
            failure.message,
            retry=failure.retry,
            url=url,
            status=failure.status,
            hint=failure.hint,
            attempts=max(1, self.failures) if self.requests else 0,
            requests=self.requests,
            transferred=self.received,
            answer=self.answer,
            gone=len(failures) == len(self.urls)
            and all(each.status in GONE_STATUSES for each in failures.values()),
            barred=len(failures) == len(self.urls)
            and all(each.barred for each in failures.values()),
            retry_after_seconds=failure.retry_after_seconds,
            tried=tuple((shown(self.urls[i]), failures[i].message) for i in sorted(failures)),
        )

    def _telling(self) -> tuple[Failure | None, int]:
        """Return the failure that says most: an answer rather than silence, the first URL's."""
        if self.failure is not None:
            return self.failure, self.cursor
        failures = self.last_failures
        if not failures:
            return None, 0
        index = min(
            failures,
            key=lambda i: (failures[i].scope is Scope.BASE, failures[i].status is None, i),
        )
        return failures[index], index


def _no_sink(pieces: list[bytes], position: int) -> object:
    raise RuntimeError(f"{len(pieces)} pieces at {position} for a request without a body")


def _writer(sink: Sink) -> Callable[[list[bytes], int], object]:
    """Return the function that writes pieces which follow one another."""
    gathering: Callable[[list[bytes], int], object] | None = getattr(sink, "write_pieces", None)
    if gathering is not None:
        return gathering
    write = sink.write
    return lambda pieces, offset: write(pieces[0] if len(pieces) == 1 else b"".join(pieces), offset)


def bases_of(urls: tuple[str, ...]) -> tuple[str, ...]:
    """Return the base of each alternative: its URL without the ending common to all."""
    shortest = min(map(len, urls))
    common = 0
    first = urls[0]
    while common < shortest and all(url[-1 - common] == first[-1 - common] for url in urls):
        common += 1
    return tuple(url[: len(url) - common] for url in urls)
