"""Requests and jobs for the engine, its results, and the sinks that receive the bytes."""

from __future__ import annotations

import enum
import math
from collections.abc import Callable, Iterable
from typing import Any, Protocol, runtime_checkable

import msgspec

from dashget.common.byterange import ByteRange
from dashget.common.secrets import HidesSecrets
from dashget.errors import DashGetError, FetchError, Retry


class Method(enum.Enum):
    """The method of a request."""

    GET = "GET"
    HEAD = "HEAD"
    """Size and validators only. If HEAD is refused, ``Range: bytes=0-0`` is requested instead."""


class Validators(msgspec.Struct, frozen=True, gc=False):
    """What tells if a resource is still the same (RFC 9110, 8.8), as its server has told it."""

    etag: str | None = None
    last_modified: str | None = None


class Request(HidesSecrets, frozen=True, gc=False):
    """One resource: ``urls`` are its alternatives, the first choice first.

    ``range`` asks for a part of it; its ``last`` may be open. The bytes of a range go to
    the sink at offsets counted from the start of the *range*.
    """

    urls: tuple[str, ...]
    method: Method = Method.GET
    range: ByteRange | None = None
    plain: bool = False
    """True if the bytes are wanted without any content coding. Otherwise they come with gzip or
    deflate where a server insists on it, and ``ResponseHead.codings`` tells."""
    expects: int | None = None
    """The size that the caller has on record. If HEAD tells another one, or 0, a range is requested
    before that is believed: servers that make bodies as they go do not know it."""

    unless: Validators | None = None
    """Of what is known already: if it is still the same, the request fails with status 304."""

    @property
    def url(self) -> str:
        """The URL that is tried first."""
        return self.urls[0]


class ResponseHead(HidesSecrets, frozen=True, gc=False):
    """An accepted response (200 or 206), before its body.

    ``size`` is that of the whole resource, or of the requested range, even if the response
    holds only the rest of it; None if the server does not say.
    ``validator`` is fit for ``If-Range``: a strong ETag, else a Last-Modified that is at
    least a second older than the response (RFC 9110, 8.8.2.2 and 13.1.5), else None.
    """

    url: str
    status: int
    http_version: str
    size: int | None
    etag: str | None
    last_modified: str | None
    validator: str | None
    content_type: str | None
    cache: tuple[tuple[str, str], ...] = ()
    """``Age``, ``X-Cache``, ``Via`` and their like, as received."""
    digests: tuple[tuple[str, str], ...] = ()
    """``Repr-Digest``, ``Content-Digest``, ``Digest``, ``Content-MD5`` and those that object stores
    have names of their own for, with lower-case names."""
    date: str | None = None
    """The ``Date`` header as received."""
    asked: str = ""
    """The one of the request's URLs that was asked, before redirects: the source of the bytes."""
    kept: tuple[tuple[str, str], ...] = ()
    """The fields that are kept by choice (``TransferOptions.keep_headers``)."""
    codings: tuple[str, ...] = ()
    """The content codings of the whole body in the order of their application, of a response with
    its beginning. They are gzip and deflate; names that the body does not begin like are left
    out."""


class ResumePoint(msgspec.Struct, frozen=True):
    """The bytes that an earlier run left on disk: sorted, disjoint, closed ranges.

    ``size`` and ``validator`` are those of the ResponseHead that these bytes came under.
    Without a validator the bytes cannot be trusted, and the engine starts from zero.
    """

    finished: tuple[ByteRange, ...]
    size: int | None
    validator: str | None
    source: str | None = None
    """The URL that was asked for them (``ResponseHead.asked``); None: the request's first one. A
    validator holds for no other URL."""
    last_modified: str | None = None
    date: str | None = None
    """``Last-Modified`` and ``Date`` of that response: they may tell where its ETag does not."""
    moved: bool = False
    """True if the bytes came from a URL that is no longer among the request's, and the user says
    that the same resource is at the first one."""
    codings: tuple[str, ...] = ()
    """The content codings of the bytes: ``ResponseHead.codings``."""


class TooLargeError(OverflowError):
    """Raised by a sink for a resource that has more bytes than it takes."""

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.hint = hint


class Sink(Protocol):
    """Receives the bytes of one resource; the engine's only way to the disk.

    Calls for one sink never overlap, except that ``write`` may come from several threads
    at once after ``scatter``, at distinct offsets. Any of them may raise OSError, which
    fails the file, or stops the run if it concerns the whole disk (ENOSPC, EDQUOT, EROFS, EIO);
    or TooLargeError, which fails the file.

    A sink may also have these methods:

    - ``write_pieces(pieces: list[bytes], offset: int)`` writes pieces that follow one another with
      one system call, instead of ``write``. The list is the engine's, and used again.
    - ``park()`` lets go of what the sink holds open, while nothing is written; it may be called
      again and again. Before the next ``write`` comes ``begin``, or ``reopen``.
    - ``reopen()`` goes on with a parked resource that comes in parallel ranges.
    - ``read(offset: int, most: int) -> bytes`` returns what was written, to be compared.
    """

    def resume_point(self) -> ResumePoint | None:
        """Return what is on disk already. Called once, before the first request."""
        ...

    def begin(self, head: ResponseHead, offset: int) -> None:
        """Record an accepted response whose first byte belongs at ``offset``.

        Zero drops everything that is there; else bytes before ``offset`` stay, and ``head`` has
        the validator and size they came under. Called before each response's bytes, but
        once only for a resource that comes in parallel ranges (with 0, or with the
        offset of the first gap where finished ranges are kept).
        """
        ...

    def scatter(self) -> None:
        """Expect writes at any offset from now on: the resource comes in parallel ranges."""
        ...

    def write(self, data: bytes, offset: int, /) -> object:
        """Write all of ``data`` at ``offset``. The result is ignored."""
        ...

    def written(self, span: ByteRange) -> None:
        """Record that a parallel range is complete. Only after ``scatter``, one at a time."""
        ...


class Patience(msgspec.Struct, frozen=True, gc=False):
    """How much one job is worth: for resources that are of no use later, as in live streams."""

    attempts: int | None = None
    """Attempts on each URL, at most; None: as many as the options of the engine say."""
    seconds: float | None = None
    """The time for the job, from when a run takes it; None: no limit. Then its request is ended,
    and a pause that its host asked for is not waited for."""
    asking_seconds: float | None = None
    """The time for all requests of the job together, without the pauses between them; None: no
    limit. It ends what comes byte by byte."""
    missing_is_final: bool = False
    """True if 404, 410 and 425 are reported at once: the caller decides when to ask again."""


class Job(msgspec.Struct, frozen=True, gc=False, eq=False):
    """A request and the sink for its bytes; ``payload`` is the caller's, untouched.

    ``open_sink`` is called with the job when the transfer starts, on a thread of the engine.

    ``deliver`` may be given if nothing of the resource is on disk and all of it is wanted: a
    small file that arrives at once from its first URL is handed to it as one list of pieces, and
    no sink is opened. It may be called by several threads at once, for different jobs, and raise
    what a sink may raise. The list is the engine's, and used again.
    """

    request: Request
    open_sink: Callable[[Job], Sink]
    payload: Any = None
    deliver: Callable[[Job, ResponseHead, list[bytes]], object] | None = None
    patience: Patience | None = None
    """How often and how long to try; None: as the options of the engine say. A job that has one
    never takes the fast path: ``deliver`` is not called for it."""


class Timing(msgspec.Struct, frozen=True, gc=False):
    """When the stages of one request ended: seconds since it began, as libcurl measured them."""

    name_lookup_seconds: float
    connect_seconds: float
    tls_seconds: float | None
    """The end of the TLS handshake; None if the request made none."""
    first_byte_seconds: float
    total_seconds: float
    reused: bool
    """True if the request made no new connection: the first three are next to nothing then."""
    redirects: int
    """The number of redirects before this request."""


class Answer(msgspec.Struct, frozen=True, gc=False):
    """The facts about the last response of a transfer, whether it was good or not."""

    status: int
    http_version: str
    remote: str | None
    """Address and port of the peer."""
    cache: tuple[tuple[str, str], ...]
    """``Age``, ``X-Cache``, ``Via`` and their like, as received."""
    first_byte_seconds: float | None
    seconds: float
    timing: Timing | None = None
    """The stages of the request; None unless ``Hooks.wants_timings``."""
    kept: tuple[tuple[str, str], ...] = ()
    """The fields that are kept by choice (``TransferOptions.keep_headers``)."""


class Wait(msgspec.Struct, frozen=True, gc=False):
    """The answer of a job source that has no job at the moment, and may have one later."""

    until: float = math.inf
    """The engine's clock time at which to ask again; ``Engine.wake`` has it asked earlier."""


@runtime_checkable
class JobSource(Protocol):
    """Yields the jobs of a run, and may have a run wait for more: for feeds that never end.

    An iterable is a source that never waits.
    """

    def next(self, now: float) -> Job | Wait | None:
        """Return the next job, how long there is none, or None after the last one.

        ``now`` is the engine's clock time. Called on the engine's threads, one at a time; it
        must return soon. An error that it raises ends the run.
        """
        ...


class Fetched(msgspec.Struct, frozen=True, gc=False):
    """The result of a complete transfer: every byte announced has reached the sink.

    ``head`` is the accepted response's, of the last attempt. ``size`` counts the bytes of
    the resource (or requested range). ``transferred`` counts body bytes received for it, also
    in attempts that failed. ``attempts`` counts tries (1: the first succeeded), ``requests``
    every request including redirects and ranges. ``first_byte_seconds`` is how long the very
    first response took to begin, good or not; ``seconds`` the time from the first request
    until the resource was complete, over all attempts, ranges and pauses of this run.
    """

    head: ResponseHead
    size: int
    attempts: int
    requests: int
    transferred: int
    first_byte_seconds: float | None
    seconds: float
    remote: str | None
    """Address and port of the peer."""
    resumed: bool
    """True if bytes of an earlier run are part of it."""
    timing: Timing | None = None
    """The stages of the last request; None unless ``Hooks.wants_timings``."""
    proved: bool = True
    """False if nothing tells that the end has come: neither a length nor a range."""

    @property
    def answer(self) -> Answer:
        """The facts about the last response, with the times of the whole transfer."""
        head = self.head
        return Answer(
            head.status, head.http_version, self.remote, head.cache,
            self.first_byte_seconds, self.seconds, self.timing, head.kept,
        )  # fmt: skip

    @property
    def url(self) -> str:
        """The URL of the response, after redirects."""
        return self.head.url

    @property
    def status(self) -> int:
        """The response's status code."""
        return self.head.status


class TransferError(FetchError):
    """A resource that could not be fetched, with the reasons.

    ``url``, ``status`` and the message are those of the attempt that says most; ``tried`` has the
    last reason for each URL. ``cancelled`` is True if only the end of the run kept it from being
    fetched, ``gone`` if every URL was answered with 404 or 410, ``barred`` if DashGet itself
    refuses to ask any of them, as at a private address.
    """

    def __init__(
        self,
        message: str,
        *,
        retry: Retry,
        url: str,
        status: int | None = None,
        hint: str | None = None,
        attempts: int = 0,
        requests: int = 0,
        transferred: int = 0,
        tried: tuple[tuple[str, str], ...] = (),
        cancelled: bool = False,
        answer: Answer | None = None,
        gone: bool = False,
        barred: bool = False,
        retry_after_seconds: float | None = None,
    ) -> None:
        super().__init__(
            message, retry=retry, url=url, status=status, hint=hint,
            retry_after_seconds=retry_after_seconds,
        )  # fmt: skip
        self.attempts = attempts
        self.requests = requests
        self.transferred = transferred
        self.tried = tried
        self.cancelled = cancelled
        self.answer = answer
        self.gone = gone
        self.barred = barred


class UnderWay(msgspec.Struct, frozen=True):
    """A job in progress, with its bytes on disk, those of earlier runs included.

    ``size`` is None until the server has told it.
    """

    job: Job
    bytes: int
    size: int | None


class Reading(msgspec.Struct, frozen=True, gc=False):
    """The state of a run at one moment."""

    transferred: int
    in_flight: int
    waiting: int
    """Transfers that pause before their next attempt."""
    limit: int = 0
    """How many may be in flight at the moment."""
    under_way: tuple[UnderWay, ...] = ()
    """Jobs of which bytes or the size are here; small files come and go between two readings."""


class Hooks:
    """Receives what happens during a run; override the methods that matter.

    The engine calls these, and ``done``, one at a time, on its own threads. They must return
    soon, and raise only to stop the run.
    """

    wants_starts = True
    """True if ``on_started`` is called at all."""
    given_up: dict[str, Any] | None = None
    """The hosts that later runs with these hooks need not ask either, if that is a dictionary."""
    wants_timings = False
    """True if answers are to have a ``Timing``: libcurl is asked for it only then."""

    def on_started(self, job: Job, offset: int) -> None:
        """Receive the first request of a job; ``offset`` is where it resumes."""

    def on_retry(self, job: Job, url: str, attempt: int, delay_seconds: float, reason: str) -> None:
        """Receive a failed attempt (from 1) that another one follows after a delay."""

    def on_anew(self, job: Job, url: str, dropped: int, reason: str) -> None:
        """Receive that a job begins from zero, and drops so many bytes that were on disk."""

    def on_retagged(self, job: Job, url: str) -> None:
        """Receive that a host's ETags differ for the same bytes; once for each host and engine."""

    def on_warning(self, message: str) -> None:
        """Receive what the user should know about the run, such as a host that is waited for."""

    def on_reported(self) -> None:
        """Receive that ``done`` was called for all that has ended in this moment, once or often."""

    def on_tick(self, reading: Reading) -> None:
        """Receive a reading, at most ten times a second."""


class Transfers(Protocol):
    """Makes requests: an ``Engine``, or an ``EngineFor`` one manifest."""

    @property
    def host_patience_seconds(self) -> float:
        """How long a host is waited for that fails for every file."""
        ...

    def run(
        self,
        jobs: Iterable[Job] | JobSource,
        done: Callable[[Job, Fetched | TransferError], object],
        *,
        hooks: Hooks | None = None,
    ) -> None:
        """Fetch all jobs; see ``Engine.run``."""
        ...

    def fetch(
        self,
        request: Request,
        *,
        max_bytes: int,
        hooks: Hooks | None = None,
        patience: Patience | None = None,
    ) -> tuple[Fetched, bytes]:
        """Fetch one small resource into memory; see ``Engine.fetch``."""
        ...

    def wake(self) -> None:
        """Have job sources that wait asked at once; see ``Engine.wake``."""
        ...


class MemorySink:
    """A sink in memory for one small resource of ``max_bytes`` at most."""

    def __init__(self, max_bytes: int) -> None:
        self.data = bytearray()
        self.max_bytes = max_bytes

    def resume_point(self) -> ResumePoint | None:
        """Return None: memory does not outlive a run."""
        return None

    def begin(self, head: ResponseHead, offset: int) -> None:
        """Drop the bytes from ``offset`` on; TooLargeError if more is announced than fits."""
        if head.size is not None and head.size > self.max_bytes:
            raise TooLargeError(f"{head.size} bytes announced, at most {self.max_bytes} wanted")
        del self.data[offset:]

    def scatter(self) -> None:
        """Accept pieces in any order."""

    def write(self, data: bytes, offset: int, /) -> object:
        """Write the bytes; TooLargeError past the limit."""
        end = offset + len(data)
        if end > self.max_bytes:
            raise TooLargeError(f"more than the {self.max_bytes} bytes wanted")
        if offset > len(self.data):
            self.data.extend(bytes(offset - len(self.data)))
        self.data[offset:end] = data
        return None

    def written(self, span: ByteRange) -> None:
        """Record nothing."""


def told(error: DashGetError) -> str:
    """Return the message of an error; where DashGet itself refuses, also which option allows it."""
    refused = error if isinstance(error, TransferError) else error.__cause__
    if isinstance(refused, TransferError) and refused.barred and error.hint:
        return f"{error.message}; {error.hint}"
    return error.message
