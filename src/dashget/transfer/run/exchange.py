"""One attempt of a task: a request and its response, redirects included.

An exchange reads what its slot has received, and writes the body to the task's sink. It decides
nothing that concerns others: ``take_in`` returns a ``Step`` wherever the run has to decide first.
"""

from __future__ import annotations

import enum
import math
from collections.abc import Callable
from typing import Generic, TypeVar

import msgspec

from dashget.errors import Retry
from dashget.transfer.contract import Method, Request, Validators
from dashget.transfer.curl.slot import Slot
from dashget.transfer.http.failure import Failure, bad_body
from dashget.transfer.http.head import Head
from dashget.transfer.http.judge import Accepted, Asked, Redirect, judge
from dashget.transfer.http.origin import Origin, sendable
from dashget.transfer.pacing.crawl import Course

_BEGINNING_BYTES = 16
_HIDDEN_CODING = (
    "the server's answer is invalid: there is a blank before the colon of Transfer-Encoding"
)
DIFFERENT = "other bytes under the same size and time"
UNMARKED = 1 << 63
"""A position that no resource reaches."""
_HEAD, _BODY, _SKIP, _COMPARE = range(4)
_NOTED_EVERY_BYTES = 128 * 1024
"""How much of a parallel range a kill may cost: on average half of it, per connection."""
_SKIPPED_AT_MOST = 64 * 1024
"""A longer body that nobody wants is not read just to keep its connection."""


class Phase(enum.Enum):
    """The state of a task: OPEN -> RESTARTING -> OPEN, OPEN -> FAILED, OPEN -> DONE."""

    OPEN = enum.auto()
    RESTARTING = enum.auto()
    """All its exchanges are to end; then it begins from zero."""
    FAILED = enum.auto()
    DONE = enum.auto()


class Step(enum.Enum):
    """What the run has to do before an exchange goes on."""

    MORE = enum.auto()
    """Nothing: all that has arrived is taken in."""
    ENOUGH = enum.auto()
    """End the request: nothing more of it is wanted."""
    ACCEPT = enum.auto()
    """Accept or refuse a good response, whose head has come."""
    EXTEND = enum.auto()
    """Extend the claim, which is full, or end the request."""
    PROVED = enum.auto()
    """Record that the bytes which came again are those on disk."""
    NOTE = enum.auto()
    """Tell the sink which bytes of a divided resource have come."""


class Attempt(msgspec.Struct, frozen=True, gc=False):
    """What one attempt asks for, and the sink position at which its bytes begin.

    ``claim`` is where the claim of a divided task ends; None if one stream brings all.
    ``overlap`` is how many bytes before ``first`` are asked for as well, to be compared.
    """

    asked: Asked
    first: int = 0
    claim: int | None = None
    overlap: int = 0


PLAIN = Attempt(Asked())
"""All of a resource of which nothing is known."""


class Redirected(msgspec.Struct):
    """The URL to which a URL of a task (by its index) was redirected, and those in between."""

    index: int
    url: str
    origin: Origin
    hops: int
    visited: frozenset[str]
    until: float
    """Clock time until which other ranges of the same file may go there as well."""
    waits_until: float = -math.inf
    """Clock time until which the request that was redirected may wait for its turn."""


class Owner:
    """What an exchange needs of the task that it works for."""

    __slots__ = ("first_byte_seconds", "phase", "request", "write")

    request: Request
    write: Callable[[list[bytes], int], object]
    phase: Phase
    first_byte_seconds: float | None


TaskT = TypeVar("TaskT", bound=Owner)


class Exchange(Generic[TaskT]):
    """A request of a task on a slot, and how far its response has come."""

    __slots__ = (
        "_ends_by_length", "_noting", "_skipped_at_most",
        "accepted", "asked", "asked_at", "began_at", "bodiless", "claim", "course", "crawls",
        "dropped", "end", "fence", "from_saved_redirect", "head",
        "hops", "index", "left_over", "mark", "moved_at", "noted", "on_disk", "open_ended",
        "origin", "overlap", "position", "raced",
        "received", "redirect_holds_until", "seen", "skipped", "slot", "start", "state", "stopped",
        "task", "url", "verdict", "visited", "wall_clock",
    )  # fmt: skip

    head: Head
    """The head of a good response; set before ``Step.ACCEPT``."""
    accepted: Accepted

    def __init__(
        self,
        task: TaskT,
        slot: Slot,
        index: int,
        attempt: Attempt,
        now: float,
        wall_clock: Callable[[], float],
    ) -> None:
        self.task = task
        self.slot = slot
        self.index = index
        """Index of the task's URL that is asked."""
        self.asked = attempt.asked
        self.asked_at = now
        self.wall_clock = wall_clock
        self.start = self.position = self.noted = attempt.first
        self.overlap = attempt.overlap
        self.on_disk = b""
        """What the first bytes of the body are to be: they come again, to be compared."""
        self.claim = attempt.claim
        """Where the claim of this exchange on a divided resource ends."""
        self.raced = False
        """True if another exchange was sent after the same bytes."""
        self.dropped = False
        """True if its claim was taken back: what it still brings is not wanted."""
        self.course: Course | None = None
        """How fast it has been; None until somebody looks."""
        self.crawls: Failure | None = None
        """Why it is to be ended: it is too slow."""
        self.hops = 0
        self.visited: set[str] = set()
        self.redirect_holds_until = math.inf
        """Clock time until which others may go where this attempt was redirected."""
        self.from_saved_redirect = False
        """True if the attempt began where an earlier one was redirected."""
        self.bodiless = self._ends_by_length = self.open_ended = False
        self.verdict: Failure | Redirect | None = None
        self.left_over = 0
        """Bytes of ``slot.arrived`` that are counted as received, but wait for a decision."""

    # Before the response.

    def begin_from_saved_redirect(self, redirected: Redirected) -> None:
        """Begin where an earlier attempt, or this one before it had to wait, was redirected."""
        self.hops = redirected.hops
        self.visited = set(redirected.visited)
        self.redirect_holds_until = redirected.until
        self.from_saved_redirect = True

    def point(self, url: str, origin: Origin, now: float) -> None:
        """Prepare one request of the attempt; more than one if redirects are followed.

        May raise what libcurl makes of an invalid URL: ``pycurl.error`` or ValueError.
        """
        self.url = url
        self.origin = origin
        self.reset(now)
        self.verdict = None
        self.slot.point(
            sendable(url, None if self.hops else origin.query),
            origin,
            now,
            extra=_range_lines(self.asked) + self._unless_lines(),
            bodiless=self.bodiless,
        )

    def _unless_lines(self) -> list[bytes]:
        """Return what has the resource come only if it is another one; not for the rest of it."""
        request = self.task.request
        if request.unless is None or self.asked.range != request.range:
            return []
        return _lines_of(request.unless)

    def reset(self, now: float) -> None:
        """Forget what an earlier response has left."""
        self.fence = self.mark = UNMARKED
        self._noting = self._ends_by_length = self.open_ended = False
        self.end: int | None = None
        self.state = _HEAD
        self.skipped = self.received = 0
        self._skipped_at_most = _SKIPPED_AT_MOST
        self.seen = self.position
        self.moved_at = self.began_at = now
        self.stopped = False

    # The response.

    def take_in(self) -> Step:
        """Read what has arrived, up to the end or to the next decision of the run.

        May raise what the sink raises.
        """
        arrived = self.slot.arrived
        if self.state != _BODY:
            if self.state == _COMPARE:
                return self._compare(arrived)
            return self._take_in_bodiless(arrived)
        size = sum(map(len, arrived))
        new = size - self.left_over
        self.received += new
        task = self.task
        if task.phase is not _OPEN:
            return Step.ENOUGH
        self.slot.links.received += new
        end = self.position + size
        if end > self.fence:
            return self._take_in_up_to_fence(arrived, size)
        if arrived:
            task.write(arrived, self.position)
            arrived.clear()
        self.left_over = 0
        self.position = end
        return _MORE if end < self.mark else self._at_mark()

    def _take_in_bodiless(self, arrived: list[bytes]) -> Step:
        if self.state == _HEAD and self._read_head():
            return Step.ACCEPT
        self.skipped += sum(map(len, arrived))
        arrived.clear()
        return _MORE if self.skipped <= self._skipped_at_most and not self.stopped else Step.ENOUGH

    def _at_mark(self) -> Step:
        """Tell that bytes have come; or that all have, where the connection does not tell."""
        if not self._ends_by_length or self.position != self.end:
            return Step.NOTE
        self.stopped = True
        return Step.ENOUGH

    def _compare(self, arrived: list[bytes]) -> Step:
        """Compare the beginning of the body with the bytes on disk, once all of it has come."""
        size = sum(map(len, arrived))
        new = size - self.left_over
        self.received += new
        self.slot.links.received += new
        self.left_over = size
        known = self.on_disk
        if size < len(known) and known.startswith(b"".join(arrived)):
            return _MORE
        data = b"".join(arrived)
        arrived.clear()
        if not data.startswith(known):
            self.verdict = Failure(DIFFERENT, Retry.AGAIN, status=206, restart=True)
            return Step.ENOUGH
        rest = data[len(known) :]
        if rest:
            arrived.append(rest)
        self.left_over = len(rest)
        self.state = _BODY
        return Step.PROVED

    def _take_in_up_to_fence(self, arrived: list[bytes], size: int) -> Step:
        """Write what lies before a position at which there is something to decide."""
        # Another thread may lower the fence at any time.
        room = self.fence - self.position
        if room > 0:
            data = b"".join(arrived)
            arrived.clear()
            self.task.write([data[:room]], self.position)
            self.position += room
            size -= room
            arrived.append(data[room:])
        self.left_over = size
        if self.end is not None and self.position >= self.end:
            self.verdict = bad_body(f"the body is longer than the {self.end} bytes announced")
            return Step.ENOUGH
        return Step.EXTEND

    def _read_head(self) -> bool:
        """Judge the head, once; return True if the response is good."""
        self.state = _SKIP
        slot = self.slot
        # A refused address does not matter if another one has answered.
        self.verdict = slot.error = slot.refusal = None
        head = Head.parse(slot.lines)
        if head is None:
            self.verdict = bad_body("not an HTTP answer")
            return False
        self.open_ended = slot.is_open_ended(head)
        if self.open_ended:
            self._ends_by_length = head.content_length is not None
            self._skipped_at_most = min((head.content_length or 0) - 1, _SKIPPED_AT_MOST)
        self.note_first_byte()
        slot.answered()
        if head.has_hidden_coding(slot.lines):
            self._skipped_at_most = -1
            self.verdict = bad_body(_HIDDEN_CODING)
            return False
        verdict = judge(head, self.asked, self.wall_clock, self._beginning(head))
        if isinstance(verdict, Accepted):
            self.head, self.accepted = head, verdict
            return True
        if isinstance(verdict, Failure):
            # Loaded late: few runs meet a refusal.
            from dashget.transfer.http.hints import with_hint

            verdict = with_hint(
                verdict, self.url, self.origin, slot.options, certified=slot.certified
            )
        self.verdict = verdict
        return False

    def _beginning(self, head: Head) -> bytes | None:
        """Return what has come of the body, for a coding's sake; None if any will do."""
        if "content-encoding" not in head.fields:
            return b""
        if not self.task.request.plain and head.is_decodable:
            return None
        return self._first_bytes()

    def _first_bytes(self) -> bytes:
        arrived = self.slot.arrived
        return arrived[0][:_BEGINNING_BYTES] if arrived else b""

    @property
    def codings(self) -> tuple[str, ...]:
        """The codings of a body that has begun to come, unless it begins otherwise."""
        codings = self.head.codings
        if not codings:
            return ()
        from dashget.transfer.http.coding import begins_plain

        return () if begins_plain(codings[-1], self._first_bytes()) else codings

    def note_first_byte(self) -> None:
        """Keep how long the first response of the task's resource took to begin."""
        if self.task.first_byte_seconds is None:
            self.task.first_byte_seconds = self.slot.first_byte_seconds()

    def expect(self, position: int, end: int | None, *, noting: bool) -> None:
        """Take the body to be the bytes from ``position`` to ``end``, if that is known."""
        self.start = self.position = self.noted = position
        self.end = end
        self._noting = noting
        self.mark = position + _NOTED_EVERY_BYTES if noting else UNMARKED
        if end is not None and self._ends_by_length:
            self.mark = min(self.mark, end)
        self._set_fence()
        # With the run's lock held: another transfer of the same resource reads it.
        self.state = _BODY

    def compare(self, on_disk: bytes) -> None:
        """Take the body to begin with these bytes, which lie before its position."""
        self.on_disk = on_disk
        self.state = _COMPARE

    def refuse(self) -> None:
        """Take no body, and end the request."""
        self.state = _SKIP
        self.stopped = True

    def extend(self, claim: int) -> None:
        """Go on to the end of a longer claim."""
        self.claim = claim
        self._set_fence()

    def shorten(self, claim: int) -> None:
        """Give up the end of the claim. Another thread may be writing up to the old one."""
        self.claim = claim
        self.fence = min(self.fence, claim)

    def was_noted(self) -> None:
        """Note the next bytes only when enough of them have come."""
        self.mark = self.position + _NOTED_EVERY_BYTES
        if self.end is not None and self._ends_by_length:
            self.mark = min(self.mark, self.end)

    def _set_fence(self) -> None:
        end = UNMARKED if self.end is None else self.end
        claim = UNMARKED if self.claim is None else self.claim
        self.fence = min(end, claim)

    # How far it has come.

    @property
    def held_back(self) -> bool:
        """True if the user's rate holds it back."""
        return self.slot.paused

    @property
    def awaits_head(self) -> bool:
        """True until a head is judged."""
        return self.state == _HEAD

    @property
    def has_head(self) -> bool:
        """True if a head has come, with or without a body."""
        lines = self.slot.lines
        return b"\r\n" in lines or b"\n" in lines

    @property
    def under_way(self) -> bool:
        """True while an accepted body is coming."""
        return self.state == _BODY or self.state == _COMPARE

    @property
    def compares(self) -> bool:
        """True while the beginning of the body is compared with the bytes on disk."""
        return self.state == _COMPARE

    @property
    def notes(self) -> bool:
        """True if the sink is told which bytes have come."""
        return self._noting

    def seconds_left(self, now: float) -> float:
        """Return how long the rest takes at the present rate; infinite if that is unknown."""
        stop = self.end if self.claim is None else self.claim
        if stop is None or not self.received:
            return math.inf
        return (stop - self.position) * (now - self.asked_at) / self.received

    def stalled(self, now: float, limit: float) -> bool:
        """Return True if nothing has come for ``limit`` seconds. To be called regularly."""
        slot = self.slot
        seen = self.position + self.skipped + len(slot.lines) + len(slot.arrived)
        if seen != self.seen or slot.paused:
            self.seen, self.moved_at = seen, now
        return now - self.moved_at > limit

    def awaits_answer(self, now: float, limit: float) -> bool:
        """Return True if the request has no good answer after ``limit`` seconds.

        A refusal or redirect whose body is still coming counts as none.
        """
        if self.slot.paused:
            self.began_at = now
        return not self.under_way and now - self.began_at > limit

    @property
    def marks_end(self) -> bool:
        """True if a body of unknown length ends with a mark of its own (RFC 9112, 7.1)."""
        head = Head.parse(self.slot.lines)
        if head is None or not head.version.startswith("1"):
            return False
        return "chunked" in head.fields.get("transfer-encoding", "").lower()

    @property
    def is_look(self) -> bool:
        """True if no body is wanted, only what the head says."""
        return self.task.request.method is Method.HEAD


_OPEN = Phase.OPEN
_MORE = Step.MORE


def _lines_of(known: Validators) -> list[bytes]:
    lines = []
    if known.etag is not None:
        lines.append(f"If-None-Match: {known.etag}")
    if known.last_modified is not None:
        lines.append(f"If-Modified-Since: {known.last_modified}")
    return [line.encode("latin-1") for line in lines]


def _range_lines(asked: Asked) -> list[bytes]:
    if asked.range is None:
        return []
    lines = [f"Range: bytes={asked.range}"]
    if asked.validator is not None:
        lines.append(f"If-Range: {asked.validator}")
    # As heads are read: pycurl takes text only if it is ASCII.
    return [line.encode("latin-1") for line in lines]
