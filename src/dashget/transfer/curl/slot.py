"""One libcurl easy handle, which serves one request after the other.

libcurl appends what arrives to two lists, the lines of heads and the pieces of bodies (16 KiB
at most each), without a line of Python in between. When it has nothing more to read, the loop
looks at the lists.

A slot knows no task and no run. The fast path uses nothing but this: ``ask`` for a whole small
file, ``whole`` when libcurl has ended the request, ``fetched`` for the result.
"""

from __future__ import annotations

import _socket
import functools
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from dashget.transfer.contract import Fetched, Job, ResponseHead, Timing
from dashget.transfer.curl.easy import dress, new_handle, prepare
from dashget.transfer.curl.libcurl import pycurl
from dashget.transfer.curl.links import Links
from dashget.transfer.http.failure import Failure
from dashget.transfer.http.guard import private_refused
from dashget.transfer.http.head import Head, HeadReader
from dashget.transfer.http.origin import Origin, sendable
from dashget.transfer.settings.options import HttpVersion, TransferOptions

if TYPE_CHECKING:
    from collections.abc import Callable

_URL = pycurl.URL
_PATIENCE_SECONDS = 0.01
"""The longest time that received bytes wait in memory for the rest of a small file."""
_FIRST_BYTE = pycurl.STARTTRANSFER_TIME_T
_SECONDS = pycurl.TOTAL_TIME_T
_HOST = pycurl.PRIMARY_IP
_PORT = pycurl.PRIMARY_PORT
_MICRO = 1_000_000


class Slot:
    """An easy handle, its two lists, and what it is dressed for."""

    __slots__ = (
        "arrived", "asked_at", "bodiless", "certified", "cookies", "dressed_for", "error", "fresh",
        "getinfo", "handle", "heads", "job", "lines", "links", "options", "origin", "patience_ends",
        "paused", "ready_for", "refusal", "set_option", "take_tokens", "url", "waits",
        "without_cookies",
    )  # fmt: skip

    origin: Origin
    url: str

    def __init__(
        self,
        links: Links,
        options: TransferOptions,
        cookies: Any,
        take_tokens: Callable[[int], bool] | None = None,
    ) -> None:
        """``take_tokens`` limits the rate: it is asked for a number of bytes, and may refuse."""
        self.links = links
        self.options = options
        self.cookies = cookies
        self.take_tokens = take_tokens
        self.handle: Any = new_handle(cookies)
        # Kept, as pycurl looks up its methods slowly.
        self.set_option = self.handle.setopt
        self.getinfo = self.handle.getinfo
        self.heads = HeadReader()
        self.lines: list[bytes] = []
        self.arrived: list[bytes] = []
        """Data that has come and was not looked at yet; empty while the slot is idle."""
        self.error: BaseException | None = None
        """What opening a socket raised."""
        self.refusal: Failure | None = None
        """Why an address was not connected to."""
        self.paused = False
        self.job: Job | None = None
        """The job of the fast path; None if an exchange uses the slot, or nothing does."""
        self.without_cookies = False
        """True while it shares no cookies with others."""
        self.asked_at = 0.0
        self.patience_ends = 0.0
        """Clock time until which the fast path waits for the rest of a body; 0: no data yet."""
        self._prepare()
        self.ready_for: Origin | None = None
        """The origin that a plain request could go to with only its URL set."""

    def _prepare(self) -> None:
        """Set what holds for all requests, on a handle that is new or was reset."""
        set_option = self.set_option
        prepare(self.handle, self.options)
        set_option(pycurl.HEADERFUNCTION, self.lines.append)
        paced = self.take_tokens is not None
        set_option(pycurl.WRITEFUNCTION, self._on_paced_data if paced else self.arrived.append)
        set_option(pycurl.SOCKOPTFUNCTION, self.links.note_socket)
        guard = self.links.guard
        if guard is not None and guard.public_only:
            set_option(pycurl.OPENSOCKETFUNCTION, self._on_socket)
        self.fresh = self.waits = self.bodiless = self.certified = False
        self.dressed_for: Origin | None = None

    # The fast path.

    def ask(self, job: Job, url: str, origin: Origin, now: float) -> None:
        """Prepare a request for a whole file, for a job that has no task."""
        self.url = url
        self.asked_at = now
        self.error = self.refusal = None
        self.paused = False
        self.patience_ends = 0.0
        self.lines.clear()
        if self.ready_for is not origin or self.links.distrusted:
            self._get_ready(origin, now)
        if origin.query or not url.isascii():
            url = sendable(url, origin.query)
        self.set_option(_URL, url)
        self.job = job

    def _get_ready(self, origin: Origin, now: float) -> None:
        """Set all that a plain request to an origin needs, except its URL."""
        self.origin = origin
        self._dress(origin)
        self._choose_connection(origin, now)
        if self.bodiless:
            self.set_option(pycurl.HTTPGET, 1)
            self.bodiless = False
        self.ready_for = None if self.fresh or self.links.streams > 1 else origin

    def whole(self, most: int) -> ResponseHead | None:
        """Return the head of a plain 200 whose body of ``most`` bytes at most is complete.

        None for anything else, which is judged for a task.
        """
        head = self.heads.read(self.lines)
        if head is None or head.status != 200 or "content-encoding" in head.fields:
            return None
        size = head.content_length
        if size != sum(map(len, self.arrived)) or size > most:
            return None
        url = self.url
        return head.describe(url, size, url, self.kept() if self.options.keep_headers else ())

    def kept(self) -> tuple[tuple[str, str], ...]:
        """Return the fields of the present response that are kept by choice."""
        # Loaded late: few runs want any.
        from dashget.transfer.http.keptfields import kept_fields

        return kept_fields(self.lines, self.options.keep_headers)

    def fetched(self, head: ResponseHead) -> Fetched:
        """Return the result of a request whose complete body has arrived."""
        ask, size = self.getinfo, head.size or 0
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
        """Return True if the rest of a body that has begun to arrive is worth waiting for."""
        if not self.patience_ends:
            head = self.heads.read(self.lines)
            size = None if head is None or head.status != 200 else head.content_length
            small = size is not None and size <= most
            self.patience_ends = now + _PATIENCE_SECONDS if small else now
        return now < self.patience_ends

    # The path of tasks.

    def point(
        self, url: str, origin: Origin, now: float, *, extra: Sequence[bytes], bodiless: bool
    ) -> None:
        """Prepare a request with ``extra`` lines in its head; ``url`` is ready to be sent.

        May raise what libcurl makes of an invalid URL: ``pycurl.error`` or ValueError.
        """
        self.origin = origin
        self.error = self.refusal = None
        self.paused = False
        self.lines.clear()
        self.arrived.clear()
        self.ready_for = None
        self._dress(origin)
        self._choose_connection(origin, now)
        if extra:
            self.set_option(pycurl.HTTPHEADER, [*origin.headers, *extra])
            self.dressed_for = None
        if bodiless is not self.bodiless:
            self.set_option(pycurl.NOBODY if bodiless else pycurl.HTTPGET, 1)
            self.bodiless = bodiless
        self.set_option(_URL, url)

    def _dress(self, origin: Origin) -> None:
        if self.dressed_for is not origin:
            if self.certified and not origin.trusted:
                self.handle.reset()
                self._prepare()
            dress(self.handle, self.options, origin)
            if origin.downgraded is not self.without_cookies:
                self.set_option(pycurl.SHARE, None if origin.downgraded else self.cookies)
                self.without_cookies = origin.downgraded
            self.certified = self.options.cert is not None and origin.trusted
            self.dressed_for = origin

    def _choose_connection(self, origin: Origin, now: float) -> None:
        """Take a new connection to an origin if one has stalled not long ago.

        If an origin has all its connections, wait until it is known that one can be shared
        before another is opened: libcurl knows that with the first answer on it.
        """
        links = self.links
        fresh = now < links.distrusted.get(origin, 0.0)
        if fresh is not self.fresh:
            self.set_option(pycurl.FRESH_CONNECT, int(fresh))
            self.fresh = fresh
        waits = links.streams > 1 and links.busy.get(origin, 0) >= links.connections
        if waits is not self.waits:
            self.set_option(pycurl.PIPEWAIT, int(waits))
            self.waits = waits

    @property
    def is_over(self) -> bool:
        """True if all of an answer has come that matters, though libcurl waits for more.

        Where it takes a body to end with the connection, there may be none. That of a redirect or
        a refusal is of no use.
        """
        lines = self.lines
        if self.arrived or not lines or lines[-1] not in (b"\r\n", b"\n"):
            return False
        head = Head.parse(lines)
        if head is None or not self.is_open_ended(head):
            return False
        # An informational answer, or a proxy's to CONNECT, is none.
        if head.status < 200 or self.getinfo(pycurl.RESPONSE_CODE) != head.status:
            return False
        return not head.content_length and (head.status >= 300 or head.content_length is not None)

    def is_open_ended(self, head: Head) -> bool:
        """Return True if libcurl takes the present body to end with the connection.

        It may stay open all the same. libcurl reads no length beside a transfer coding that
        changes nothing, and none whose name has a blank before the colon (RFC 9112, 5.1).
        """
        if self.bodiless or not head.version.startswith("1"):
            return False
        if "transfer-encoding" in head.fields:
            return head.is_coded_as_nothing
        return bool(self.getinfo(pycurl.CONTENT_LENGTH_DOWNLOAD_T) < 0)

    # The connection.

    def answered(self) -> None:
        """Trust an origin again that had gone silent: a new connection to it works."""
        if self.fresh:
            self.links.distrusted.pop(self.origin, None)

    @property
    def shares_connection(self) -> bool:
        """True if other requests may be on the same connection, as far as is known."""
        version = self.getinfo(pycurl.INFO_HTTP_VERSION)
        if version:
            return bool(version >= pycurl.CURL_HTTP_VERSION_2_0)
        return self.origin.scheme == "https" and self.options.http is not HttpVersion.HTTP_1_1

    def close_connection(self) -> None:
        """Have the connection closed with the request, because it has gone silent.

        One that carries other streams stays until they have ended: see ``Links.distrusted``.
        """
        self.set_option(pycurl.FORBID_REUSE, 1)

    def keep_connection(self) -> None:
        """Have the connections of the next requests kept again."""
        self.set_option(pycurl.FORBID_REUSE, 0)

    def resume(self) -> None:
        """Go on after a pause. May deliver data at once, and be paused again."""
        self.paused = False
        self.handle.pause(pycurl.PAUSE_CONT)

    def first_byte_seconds(self) -> float:
        """Return how long the first byte of the present response took."""
        return float(self.getinfo(_FIRST_BYTE) / _MICRO)

    def round_trip_seconds(self) -> float | None:
        """Return how long the connection of the last request took to open; None if it was open."""
        ask = self.getinfo
        if not ask(pycurl.NUM_CONNECTS):
            return None
        return float((ask(pycurl.CONNECT_TIME_T) - ask(pycurl.NAMELOOKUP_TIME_T)) / _MICRO)

    def measured(self) -> tuple[float, float, str | None]:
        """Return the seconds of the first byte and of the whole request, and the peer's address.

        From libcurl's microseconds, which are written down shorter than what a double makes of
        them.
        """
        ask = self.getinfo
        return ask(_FIRST_BYTE) / _MICRO, ask(_SECONDS) / _MICRO, _address(ask(_HOST), ask(_PORT))

    def timing(self, redirects: int = 0) -> Timing:
        """Return when the stages of the last request ended."""
        ask = self.getinfo
        tls = ask(pycurl.APPCONNECT_TIME_T)
        return Timing(
            ask(pycurl.NAMELOOKUP_TIME_T) / _MICRO,
            ask(pycurl.CONNECT_TIME_T) / _MICRO,
            tls / _MICRO if tls else None,
            ask(_FIRST_BYTE) / _MICRO,
            ask(_SECONDS) / _MICRO,
            not ask(pycurl.NUM_CONNECTS),
            redirects,
        )

    def _on_paced_data(self, data: bytes) -> int | None:
        take_tokens = self.take_tokens
        if take_tokens is not None and not take_tokens(len(data)):
            self.paused = True
            return int(pycurl.WRITEFUNC_PAUSE)
        self.arrived.append(data)
        return None

    def _on_socket(self, purpose: int, address: tuple[int, int, int, tuple[Any, ...]]) -> Any:
        """Open a socket, unless it leads where the host of the request may not."""
        family, kind, protocol, target = address
        try:
            guard = self.links.guard
            place, port = str(target[0]), target[1]
            if guard is not None and guard.address_refused(self.origin, place, port):
                self.refusal = private_refused(self.origin, place)
                return pycurl.SOCKET_BAD
            return _Lent(_socket.socket(family, kind, protocol))
        except Exception as error:  # noqa: BLE001  pycurl would print it and go on
            self.error = error
            return pycurl.SOCKET_BAD


class _Lent:
    """A socket for pycurl, which duplicates the descriptor: ours is closed with this."""

    def __init__(self, made: _socket.socket) -> None:
        self._socket = made

    def fileno(self) -> int:
        return self._socket.fileno()

    def __del__(self) -> None:
        self._socket.close()


@functools.lru_cache(maxsize=64)
def _address(host: str, port: int) -> str | None:
    """Join address and port of a peer; None if libcurl knows none."""
    if not host:
        return None
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
