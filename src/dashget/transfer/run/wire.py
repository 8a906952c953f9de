"""One easy handle: serves one request after the other.

libcurl puts what arrives into two lists, the lines of heads and the pieces of bodies (16 KiB
at most), without a line of Python in between. When it has nothing more to read, the loop has
each wire take in what has come: the first bytes of a body make the head be judged; bytes of
a response that is not what was asked for are dropped, never written.

A wire starts out *alone*, with nothing but a job, where all of a resource is asked for and
nothing of it is there. The rest of what is small is waited for, for a hundredth of a second;
if all of it has come by then, that is all. Else the run makes a task of it, and it goes on like
any other.
"""

from __future__ import annotations

import functools
import math
from typing import TYPE_CHECKING, Any

from dashget.transfer.contract import Fetched, Job, LastAnswer, Method, ResponseHead
from dashget.transfer.curl.easy import dress, new_handle, prepare
from dashget.transfer.curl.libcurl import pycurl
from dashget.transfer.http.failure import (
    Failure,
    bad_body,
    policy_failure,
)
from dashget.transfer.http.head import Head
from dashget.transfer.http.judge import Accepted, Asked, Redirect, judge
from dashget.transfer.http.origin import Origin, sendable
from dashget.transfer.run.task import PLAIN, UNMARKED, Attempt, Led, Task
from dashget.transfer.settings.options import HttpVersion

if TYPE_CHECKING:
    import socket

    from dashget.transfer.run.loop import Loop

_HEAD, _BODY, _SKIP = range(3)
_URL = pycurl.URL
_NOTED_EVERY_BYTES = 128 * 1024
"""How much of a parallel range a kill may cost: on average half of it, per connection."""
_PATIENCE_SECONDS = 0.01
"""How much a kill may cost of what has begun to come and is not written yet."""
_SKIPPED_AT_MOST = 64 * 1024
"""A longer body that nobody wants is not read just to keep its connection."""


class Wire:
    """A handle, what it is asked for at the moment, and how far that has come."""

    __slots__ = (
        "aimed", "arrived", "asked", "bodiless", "certified", "claim", "dropped", "end",
        "error", "fence", "fresh", "handle", "hops", "index", "job", "led_until", "lines",
        "loop", "mark", "moved", "noted", "origin", "patience", "paused", "position", "raced",
        "ready_for", "received", "seen", "set_option", "skipped", "start", "state", "stopped",
        "straight", "task", "url", "verdict", "visited", "waits", "worn",
    )  # fmt: skip

    task: Task
    origin: Origin

    def __init__(self, loop: Loop) -> None:
        self.loop = loop
        self.handle: Any = new_handle(loop.shared.cookies)
        self.handle.wire = self
        self.set_option = self.handle.setopt
        self.lines: list[bytes] = []
        self.arrived: list[bytes] = []
        """Data that has come and was not looked at yet; none while the wire is idle."""
        self.error: BaseException | None = None
        self.verdict: Failure | Redirect | None = None
        self.job: Job | None = None
        """What it works for while it is alone; there is no ``task`` then."""
        self.patience = 0.0
        """Until when, while alone, it waits for the rest of what has begun to come."""
        self._prepare()
        self.ready_for: Origin | None = None
        """Which origin a plain request could go to with nothing but its URL set."""

    def _prepare(self) -> None:
        """Set what holds for all requests, on a handle that has nothing yet."""
        set_option, loop = self.set_option, self.loop
        prepare(self.handle, loop.options)
        set_option(pycurl.HEADERFUNCTION, self.lines.append)
        paced = loop.pacer is not None
        set_option(pycurl.WRITEFUNCTION, self._on_paced_data if paced else self.arrived.append)
        if loop.guard is not None and loop.guard.public:
            set_option(pycurl.OPENSOCKETFUNCTION, self._on_socket)
        self.fresh = self.waits = self.bodiless = self.certified = False
        self.worn: Origin | None = None

    def ask(self, job: Job, url: str, origin: Origin, now: float) -> None:
        """Prepare to ask for all of a resource, for a job alone."""
        self.url = url
        self.aimed = now
        self.error = self.verdict = None
        self.paused = False
        self.patience = 0.0
        self.lines.clear()
        if self.ready_for is not origin or self.loop.distrusted:
            self._get_ready(origin, now)
        if origin.query or not url.isascii():
            url = sendable(url, origin.query)
        self.set_option(_URL, url)
        self.job = job

    def _get_ready(self, origin: Origin, now: float) -> None:
        """Set all that a plain request to an origin needs, but for its URL."""
        self.origin = origin
        self._dress(origin)
        self._choose_connection(origin, now)
        if self.bodiless:
            self.set_option(pycurl.HTTPGET, 1)
            self.bodiless = False
        self.ready_for = None if self.fresh or self.loop.streams > 1 else origin

    def _dress(self, origin: Origin) -> None:
        if self.worn is not origin:
            if self.certified and not origin.trusted:
                self.handle.reset()
                self._prepare()
            dress(self.handle, self.loop.options, origin)
            self.certified = self.loop.options.cert is not None and origin.trusted
            self.worn = origin

    def whole(self, most: int) -> ResponseHead | None:
        """Return the head of a plain 200 whose body of ``most`` bytes at most is all here.

        None for anything else, which is to be judged for a task.
        """
        head = Head.parse(self.lines)
        if head is None or head.status != 200 or "content-encoding" in head.fields:
            return None
        size = head.content_length
        if size != sum(map(len, self.arrived)) or size > most:
            return None
        url = self.url
        return head.describe(url, size, url)

    def fetched(self, head: ResponseHead) -> Fetched:
        """Return the result of what has come whole while alone."""
        ask, size = self.handle.getinfo, head.size or 0
        return Fetched(
            head,
            size,
            1,
            1,
            size,
            ask(_FIRST_BYTE) / _MICRO,
            ask(_SECONDS) / _MICRO,
            _address(ask(_HOST), ask(_PORT)),
            False,
        )

    def may_be_whole(self, most: int, now: float) -> bool:
        """Say, of a wire that is alone and has got something, whether to wait for the rest."""
        if not self.patience:
            head = Head.parse(self.lines)
            size = None if head is None or head.status != 200 else head.content_length
            small = size is not None and size <= most
            self.patience = now + _PATIENCE_SECONDS if small else now
        return now < self.patience

    def join(self, task: Task) -> None:
        """Go on for a task with what was asked for a job alone."""
        self.job = None
        self._begin(task, 0, PLAIN)
        self._reset(self.aimed)
        if self.lines:
            self.note_first_byte()

    def aim(self, task: Task, index: int, attempt: Attempt, now: float) -> None:
        """Prepare a task's next attempt, on its URL ``index``."""
        self.aimed = now
        self._begin(task, index, attempt)

    def _begin(self, task: Task, index: int, attempt: Attempt) -> None:
        self.task = task
        if task.asked_at is None:
            task.began_at(self.aimed)
        self.index = index
        self.asked = attempt.asked
        self.start = self.position = self.noted = attempt.first
        self.claim = attempt.claim
        self.raced = False
        """Whether another wire was sent after the same bytes."""
        self.dropped = False
        """Whether its claim was taken back: what it still brings is not wanted."""
        self.hops = 0
        self.visited: set[str] = set()
        self.led_until = math.inf
        """Until when others may go where this attempt was led."""
        self.straight = False
        """Whether the attempt began where an earlier one was led."""

    def go_straight(self, led: Led) -> None:
        """Begin the attempt where an earlier one, or this one before it had to wait, was led."""
        self.hops = led.hops
        self.visited = set(led.visited)
        self.led_until = led.until
        self.straight = True

    def point(self, url: str, origin: Origin, now: float) -> None:
        """Prepare one request of the attempt; more than one where redirects are followed."""
        self.url = url
        self.origin = origin
        self._reset(now)
        self.error = self.verdict = None
        self.paused = False
        self.lines.clear()
        self.arrived.clear()
        handle, asked = self.handle, self.asked
        self.ready_for = None
        self._dress(origin)
        self._choose_connection(origin, now)
        if asked.range is not None:
            handle.setopt(pycurl.HTTPHEADER, [*origin.headers, *_range_lines(asked)])
            self.worn = None
        bodiless = self.task.request.method is Method.HEAD and not self.task.asks_probe
        if bodiless is not self.bodiless:
            handle.setopt(pycurl.NOBODY if bodiless else pycurl.HTTPGET, 1)
            self.bodiless = bodiless
        handle.setopt(_URL, sendable(url, None if self.hops else origin.query))

    def _choose_connection(self, origin: Origin, now: float) -> None:
        """Take a new connection to an origin where one has stalled not long ago.

        Where an origin has all its connections, see whether one can be shared before another
        one is opened: libcurl knows when the first answer on it has come.
        """
        loop = self.loop
        fresh = now < loop.distrusted.get(origin, 0.0)
        if fresh is not self.fresh:
            self.handle.setopt(pycurl.FRESH_CONNECT, int(fresh))
            self.fresh = fresh
        waits = loop.streams > 1 and loop.busy.get(origin, 0) >= loop.connections
        if waits is not self.waits:
            self.handle.setopt(pycurl.PIPEWAIT, int(waits))
            self.waits = waits

    def trust(self) -> None:
        """Take note of an answer: a new connection to where one had gone silent works."""
        if self.fresh:
            self.loop.distrusted.pop(self.origin, None)

    @property
    def shares_connection(self) -> bool:
        """Whether other requests may be on the same connection, as far as anybody knows."""
        version = self.handle.getinfo(pycurl.INFO_HTTP_VERSION)
        if version:
            return bool(version >= pycurl.CURL_HTTP_VERSION_2_0)
        options = self.loop.options
        return self.origin.scheme == "https" and options.http is not HttpVersion.HTTP_1_1

    def give_up_connection(self) -> None:
        """Have the connection closed with the request: it has gone silent.

        One that carries other streams stays until they have ended: see ``Loop.distrusted``.
        """
        self.handle.setopt(pycurl.FORBID_REUSE, 1)

    def _reset(self, now: float) -> None:
        """Forget what an earlier response has left."""
        self.fence = self.mark = UNMARKED
        self.end: int | None = None
        self.state = _HEAD
        self.skipped = self.received = 0
        self.seen = self.position
        self.moved = now
        self.stopped = False

    def _on_paced_data(self, data: bytes) -> int | None:
        pacer = self.loop.pacer
        if pacer is not None and not pacer.take(len(data)):
            self.paused = True
            return int(pycurl.WRITEFUNC_PAUSE)
        self.arrived.append(data)
        return None

    def take_in(self) -> bool:
        """Look at what has arrived; False if nothing more of it is wanted.

        May raise what the sink raises.
        """
        arrived = self.arrived
        size = sum(map(len, arrived))
        if self.state != _BODY and not self.open_body():
            arrived.clear()
            self.skipped += size
            return self.skipped <= _SKIPPED_AT_MOST and not self.stopped
        self.received += size
        if self.task.halted:
            return False
        end = self.position + size
        if end > self.fence:
            self.loop.received += size
            data = b"".join(arrived)
            arrived.clear()
            return self._take_past_fence(data)
        if arrived:
            self.task.write(arrived, self.position)
            arrived.clear()
        self.position = end
        self.loop.received += size
        if end >= self.mark:
            self._note()
        return True

    def open_body(self) -> bool:
        """Judge the head, once; say whether the body is wanted."""
        if self.state == _SKIP:
            return False
        self.state = _SKIP
        self.verdict = self.error = None
        head = Head.parse(self.lines)
        if head is None:
            self.verdict = bad_body("not an HTTP answer")
            return False
        self.note_first_byte()
        self.trust()
        verdict = judge(head, self.asked, self.loop.wall_clock)
        if not isinstance(verdict, Accepted):
            if isinstance(verdict, Failure):
                # Loaded late: few runs meet a refusal.
                from dashget.transfer.http.hints import with_hint

                options = self.loop.options
                verdict = with_hint(
                    verdict, self.url, self.origin, options, certified=self.certified
                )
            self.verdict = verdict
            return False
        wanted = self.loop.run.accept(self, head, verdict)
        if not wanted or self.task.request.method is Method.HEAD:
            self.state = _SKIP
            self.stopped = True
            return False
        return True

    def note_first_byte(self) -> None:
        """Keep how long the first response of the task's resource took to begin."""
        if self.task.first_byte_seconds is None:
            self.task.first_byte_seconds = self.handle.getinfo(_FIRST_BYTE) / _MICRO

    def expect(self, position: int, end: int | None, *, noting: bool) -> None:
        """Take the body to be the bytes from ``position`` up to ``end``, if that is known."""
        self.start = self.position = self.noted = position
        self.end = end
        self.mark = position + _NOTED_EVERY_BYTES if noting else UNMARKED
        self._set_fence()
        # With the run's lock held: another transfer of the same resource asks for it.
        self.state = _BODY

    def _set_fence(self) -> None:
        end = UNMARKED if self.end is None else self.end
        claim = UNMARKED if self.claim is None else self.claim
        self.fence = min(end, claim)

    def _take_past_fence(self, data: bytes) -> bool:
        """Take in data that reaches past a position where there is something to do."""
        task = self.task
        offset = 0
        while offset < len(data):
            if task.halted:
                return False
            if self.end is not None and self.position >= self.end:
                self.verdict = bad_body(f"the body is longer than the {self.end} bytes announced")
                return False
            if self.position >= self.fence and not self.loop.run.extend(self):
                self.stopped = True
                return False
            self._set_fence()
            part = data[offset : offset + self.fence - self.position]
            task.write([part], self.position)
            self.position += len(part)
            offset += len(part)
        if self.position >= self.mark:
            self._note()
        return True

    def _note(self) -> None:
        """Have the store told what has come of a scattered resource."""
        self.loop.run.note(self)
        self.mark = self.position + _NOTED_EVERY_BYTES

    def shorten(self, claim: int) -> None:
        """Give up the end of the claim. Another thread may be writing up to the old one."""
        self.claim = claim
        self.fence = min(self.fence, claim)

    @property
    def awaits_head(self) -> bool:
        """Whether no head was judged yet."""
        return self.state == _HEAD

    @property
    def under_way(self) -> bool:
        """Whether an accepted body is coming."""
        return self.state == _BODY

    def _on_socket(self, purpose: int, address: tuple[int, int, int, tuple[Any, ...]]) -> Any:
        """Open a socket, unless it leads where this host may not send us."""
        family, kind, protocol, target = address
        try:
            guard = self.loop.guard
            host, place, port = self.origin.host, str(target[0]), target[1]
            if guard is not None and guard.address_refused(host, place, port):
                self.verdict = policy_failure(
                    f"{host} leads to the private address {place}, which a public manifest may not",
                    "allow it with --allow-private",
                )
                return pycurl.SOCKET_BAD
            import socket

            return _Lent(socket.socket(family, kind, protocol))
        except Exception as error:  # noqa: BLE001  pycurl would print it and go on
            self.error = error
            return pycurl.SOCKET_BAD

    def seconds_left(self, now: float) -> float:
        """Return how long the rest takes at the present rate; infinite if that is unknown."""
        stop = self.end if self.claim is None else self.claim
        if stop is None or not self.received:
            return math.inf
        return (stop - self.position) * (now - self.aimed) / self.received

    def stalled(self, now: float, limit: float) -> bool:
        """Say whether nothing has come for ``limit`` seconds. To be asked again and again."""
        seen = self.position + self.skipped + len(self.lines) + len(self.arrived)
        if seen != self.seen or self.paused:
            self.seen, self.moved = seen, now
        return now - self.moved > limit

    @property
    def marks_end(self) -> bool:
        """Whether a body of unknown length ends with a mark of its own (RFC 9112, 7.1)."""
        head = Head.parse(self.lines)
        if head is None or not head.version.startswith("1"):
            return False
        return "chunked" in head.fields.get("transfer-encoding", "").lower()

    def last_answer(self) -> LastAnswer | None:
        """Tell what came in answer to a request that has failed; None where nothing did."""
        head = Head.parse(self.lines)
        if head is None:
            return None
        first_byte, seconds, remote = measured(self.handle)
        return LastAnswer(head.version, remote, head.cache, first_byte, seconds)


_FIRST_BYTE = pycurl.STARTTRANSFER_TIME_T
_SECONDS = pycurl.TOTAL_TIME_T
_HOST = pycurl.PRIMARY_IP
_PORT = pycurl.PRIMARY_PORT
_MICRO = 1_000_000


def measured(handle: Any) -> tuple[float, float, str | None]:
    """Return how many seconds the first byte and all of a transfer took, and the peer's address.

    From libcurl's microseconds, which are written down shorter than what a double makes of
    them.
    """
    ask = handle.getinfo
    host, port = ask(_HOST), ask(_PORT)
    return ask(_FIRST_BYTE) / _MICRO, ask(_SECONDS) / _MICRO, _address(host, port)


@functools.lru_cache(maxsize=64)
def _address(host: str, port: int) -> str | None:
    """Join address and port of a peer; None where libcurl knows none."""
    if not host:
        return None
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


class _Lent:
    """A socket for pycurl, which duplicates the descriptor: ours is closed with this."""

    def __init__(self, made: socket.socket) -> None:
        self._socket = made

    def fileno(self) -> int:
        return self._socket.fileno()

    def __del__(self) -> None:
        self._socket.close()


def _range_lines(asked: Asked) -> list[bytes]:
    lines = [f"Range: bytes={asked.range}"]
    if asked.validator is not None:
        lines.append(f"If-Range: {asked.validator}")
    # As heads are read: pycurl takes ASCII only of what is no bytes.
    return [line.encode("latin-1") for line in lines]
