"""A live origin on loopback whose presentation runs in real time, with segments of 0.2 s.

Its begin is the time at which it was made, less a head start. A test takes it down, hides
segments, starts its encoder again or ends it, and waits for what was asked of it: nothing sleeps.
"""

from __future__ import annotations

import contextlib
import gzip
import math
import ssl
import struct
import threading
import time
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from email.utils import formatdate
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tests.support.builders import box, initialization

MPD = "urn:mpeg:dash:schema:mpd:2011"

STEP = 0.2
SCALE = 10
TICKS = 2
_DEADLINE_SECONDS = 60.0
_TYPE = 'contentType="video" mimeType="video/mp4" codecs="avc1.4d401e"'


def segment(number: int, text: str) -> bytes:
    """Return a media segment with its decode time."""
    tfdt = box("tfdt", struct.pack(">IQ", 1 << 24, (number - 1) * TICKS))
    moof = box("moof", box("mfhd", b"\0" * 8), box("traf", box("tfhd", b"\0" * 8), tfdt))
    return moof + box("mdat", text.encode())


class LiveServer(ThreadingHTTPServer):
    """Takes many connections at once: one that has to wait would be made again after a second."""

    daemon_threads = True
    request_queue_size = 128


class LiveOrigin:
    """The presentation and its server. All times are those of this computer."""

    def __init__(
        self,
        *,
        form: str = "number",
        depth: float | None = 6.0,
        head_start: float = 3.0,
        update: str | None = "PT0.4S",
        tracks: int = 2,
        grace: int = 25,
        behind: float | None = None,
        dated: bool = True,
    ) -> None:
        """``grace`` is how many segments it keeps beyond its window. ``form`` is ``number``, ``time`` (a timeline with ``$Time$``), ``open`` (``@r=-1``) or
        ``list``. With ``behind`` it is of low latency: its encoder is so many seconds late, writes
        a segment in two pieces, and the server has what is there so far. ``dated`` is False if the
        server does not say since when."""
        self.form = form
        self.depth = depth
        self.update = update
        self.tracks = tracks
        self.grace = grace
        self.behind = behind
        self.dated = dated
        self.began = math.floor(time.time() * 10) / 10 - head_start
        self.generation = 1
        self.up = True
        self.ended: float | None = None
        self.hidden: set[int] = set()
        """Numbers of segments that are not found."""
        self.events: dict[int, bytes] = {}
        """Boxes before the fragment of a segment, by its number."""
        self.odd: set[int] = set()
        """Numbers of segments in whose place a page comes."""
        self.coded = False
        """True: segments come in gzip, which nobody asked for."""
        self.stuck = False
        """True: a request for a segment gets no answer before the server ends."""
        self.stuck_after = math.inf
        """So many segments are served before that."""
        self.waiting = 0
        """How many requests got no answer so."""
        self._over = threading.Event()
        self.requests: list[tuple[str, int]] = []
        """Each path that was asked for, and the status."""
        self.seen_at: list[tuple[float, str]] = []
        """When each path was asked for."""
        self.manifest_status = 200
        self.manifests: list[bytes] = []
        """Each version that was served, without repeats of the one before."""
        self.token: str | None = None
        """What the addresses of segments have to have in their query; others are refused."""
        self.scale = SCALE
        """The ``@timescale`` of the manifest: a multiple of ``SCALE``."""
        self.more = ""
        """More AdaptationSets."""
        self.streams = ""
        """What its Period begins with."""
        self.inside = ""
        """More elements of each AdaptationSet."""
        self.stopped: float | None = None
        """When the encoder stopped, of which the manifest says nothing."""
        self.rewrite: Callable[[bytes], bytes] = bytes
        """What becomes of the MPD before it is sent."""
        self.gone: set[str] = set()
        """Paths that are not found."""
        self.pause = 0
        """The pause in seconds that it asks for when it refuses a request for now."""
        self.moved: dict[str, str] = {}
        """Where requests for paths are sent to."""
        self.session: str | None = None
        """The folder in which alone segments are found."""
        self.before = ""
        """More elements before the Period."""
        self.marked = ""
        """More attributes of the MPD."""
        self.patches = False
        """True if the manifest names where patches of it are."""
        self.patch_status = 200
        self.spoiled: Callable[[bytes], bytes] = bytes
        """What becomes of each patch before it is sent."""
        self.patched: list[bytes] = []
        """The patches that were sent."""
        self.published: dict[str, bytes] = {}
        """Each MPD with patches, by its time."""
        self.validators = ""
        """How it tells that the MPD is the same: by ``etag``, ``weak`` (one), ``date``; ``stuck``:
        it is said to be the same whatever it is."""
        self.scheme = "http"
        self.frozen: bytes | None = None
        """The MPD that stays the newest one."""
        self._versions: dict[bytes, float] = {}
        self._query = ""
        self._changed = threading.Condition()
        self._server = LiveServer(("127.0.0.1", 0), self._handler())

    @property
    def url(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self._server.server_port}/live/manifest.mpd"

    def secure(self, context: ssl.SSLContext) -> None:
        """Serve over https from now on; to be called before it serves."""
        self.scheme = "https"
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)

    @contextmanager
    def serving(self) -> Iterator[LiveOrigin]:
        """Serve until the block ends."""
        thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self._over.set()
            self._server.shutdown()
            self._server.server_close()
            thread.join()

    def edge(self) -> int:
        """Return the number of the newest complete segment."""
        now = min(
            time.time(), *(at for at in (self.ended, self.stopped) if at is not None), math.inf
        )
        return math.floor((now - self.began) / STEP + 1e-6)

    def oldest(self) -> int:
        """Return the number of the oldest segment that is there."""
        if self.depth is None or self.ended is not None:
            return 1
        return max(1, math.ceil((time.time() - self.began - self.depth) / STEP) - 1)

    def restart(self) -> None:
        """Begin again, with other segments under the same names."""
        with self._changed:
            self.generation += 1
            self.began = math.floor(time.time() * 10) / 10

    def end(self) -> None:
        """End the presentation: the manifest is static from now on."""
        self.ended = time.time()

    def wait_for(self, happened: Callable[[], bool]) -> None:
        """Wait until something is true, which is looked at after each request."""
        with self._changed:
            assert self._changed.wait_for(happened, _DEADLINE_SECONDS), "it did not happen in time"

    def served(self, number: int) -> bool:
        """Return True if a segment, or one after it, was served."""
        return any(
            status == 200 and ".m4s" in path and self._number(path) >= number
            for path, status in tuple(self.requests)
        )

    def served_count(self) -> int:
        """Return how many requests for segments were answered with one."""
        return sum(s == 200 and ".m4s" in path for path, s in tuple(self.requests))

    def _is_stuck(self) -> bool:
        return self.stuck or self.served_count() >= self.stuck_after

    def content(self, path: str) -> bytes:
        """Return what a segment of the present generation has."""
        number = self._number(path)
        if self.behind is not None:
            return segment(number, path) * 2
        text = f"{path} generation {self.generation}"
        return self.events.get(number, b"") + segment(number, text)

    def _number(self, path: str) -> int:
        name = path.partition("?")[0].rpartition("/")[2]
        value = int(name.removesuffix(".m4s"))
        return value // TICKS + 1 if self.form in ("time", "open") else value

    def manifest(self) -> bytes:
        """Return the MPD as of now."""
        if self.frozen is not None:
            return self.frozen
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(self.began))
        tenth = round(self.began % 1 * 10)
        stamp += f".{tenth}Z"
        edge, oldest = self.edge(), self.oldest()
        self._query = "" if self.token is None else f"?{self.token}"
        kind = "dynamic" if self.ended is None else "static"
        head = f'type="{kind}" availabilityStartTime="{stamp}"'
        if self.form != "number" or self.ended is not None:
            now = time.time()
            published = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now))
            head += f' publishTime="{published}.{int(now % 1 * 1000):03d}Z"'
        if self.ended is None and self.update is not None:
            head += f' minimumUpdatePeriod="{self.update}"'
        if self.ended is None and self.depth is not None:
            head += f' timeShiftBufferDepth="PT{self.depth}S"'
        if self.ended is not None:
            head += f' mediaPresentationDuration="PT{edge * STEP:.1f}S"'
        sets = "".join(self._set(track, oldest, edge) for track in range(self.tracks)) + self.more
        head += f" {self.marked}"
        if self.patches and self.ended is None:
            head += ' id="live"'
        made = (
            f'<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" profiles="p" minBufferTime="PT1S" {head}>'
            f'{self.before}<Period id="p" start="PT0S">{self.streams}{sets}</Period></MPD>'
        ).encode()
        if not self.patches or self.ended is not None:
            return made
        text = made.decode()
        stamp = text.partition('publishTime="')[2].partition('"')[0]
        location = f'<PatchLocation ttl="60">manifest.mpp?{stamp}</PatchLocation><Period'
        made = text.replace("<Period", location, 1).encode()
        self.published[stamp] = made
        return made

    def _patch(self, since: str) -> tuple[int, bytes, str]:
        """Return what makes the MPD of now of an earlier one: its rows, its time, its patches."""
        before, after = self.published.get(since), self.manifest()
        if self.patch_status != 200 or before is None:
            return self.patch_status if before is not None else 410, b"", "text/plain"
        old, new = ET.fromstring(before), ET.fromstring(after)
        now = new.attrib["publishTime"]
        if now == since:
            return 425, b"", "text/plain"
        operations = [f'<replace sel="/MPD/@publishTime">{now}</replace>']
        operations.append(f'<replace sel="/MPD/PatchLocation/text()">manifest.mpp?{now}</replace>')
        for index, timeline in enumerate(new.iter(f"{{{MPD}}}SegmentTimeline"), 1):
            place = f"/MPD/Period[@id='p']/AdaptationSet[{index}]/SegmentTemplate"
            rows = "".join(
                f'<S t="{row.attrib["t"]}" d="{row.attrib["d"]}" r="{row.attrib["r"]}"/>'
                for row in timeline
            )
            operations.append(
                f'<replace sel="{place}/SegmentTimeline">'
                f"<SegmentTimeline>{rows}</SegmentTimeline></replace>"
            )
        for index, template in enumerate(new.iter(f"{{{MPD}}}SegmentTemplate"), 1):
            place = f"/MPD/Period[@id='p']/AdaptationSet[{index}]/SegmentTemplate/@startNumber"
            operations.append(f'<replace sel="{place}">{template.attrib["startNumber"]}</replace>')
        assert len(old) == len(new)
        patch = self.spoiled(
            f'<Patch xmlns="urn:mpeg:dash:schema:mpd-patch:2020" mpdId="live"'
            f' originalPublishTime="{since}" publishTime="{now}">{"".join(operations)}</Patch>'.encode()
        )
        self.patched.append(patch)
        return 200, patch, "application/dash-patch+xml"

    def _set(self, track: int, oldest: int, edge: int) -> str:
        names = f'initialization="t{track}/init.mp4{self._query}"'
        if self.form == "list":
            urls = "".join(
                f'<SegmentURL media="t{track}/{n}.m4s"/>' for n in range(oldest, edge + 1)
            )
            inner = (
                f'<SegmentList timescale="{SCALE}" duration="{TICKS}" startNumber="{oldest}">'
                f'<Initialization sourceURL="t{track}/init.mp4"/>{urls}</SegmentList>'
            )
        elif self.form == "number":
            early = ' availabilityTimeOffset="0.1" availabilityTimeComplete="false"'
            early = early if self.behind is not None else ""
            inner = (
                f'<SegmentTemplate timescale="{self.scale}" startNumber="1" {names}'
                f' duration="{TICKS * self.scale // SCALE}"{early}'
                f' media="t{track}/$Number$.m4s{self._query}"/>'
            )
        else:
            first = (oldest - 1) * TICKS
            repeats = -1 if self.form == "open" and self.ended is None else edge - oldest
            rows = "" if edge < oldest else f'<S t="{first}" d="{TICKS}" r="{repeats}"/>'
            inner = (
                f'<SegmentTemplate timescale="{SCALE}" startNumber="{oldest}" {names}'
                f' media="t{track}/$Time$.m4s"><SegmentTimeline>{rows}</SegmentTimeline>'
                "</SegmentTemplate>"
            )
        return f'<AdaptationSet {_TYPE}>{self.inside}{inner}<Representation id="t{track}" bandwidth="8000"/></AdaptationSet>'

    def answer(self, path: str) -> tuple[int, bytes, str]:
        """Return status, body and type of a request."""
        if path in self.gone:
            return 404, b"", "text/plain"
        if path in self.moved:
            return 302, b"", "text/plain"
        if self.session is not None and ".m4s" in path:
            head, found, tail = path.partition(f"/{self.session}/")
            if not found:
                return 410, b"", "text/plain"
            path = f"{head}/{tail}"
        elif self.session is not None:
            path = path.replace(f"/{self.session}/", "/")
        if path.endswith(".mpd"):
            if self.manifest_status != 200:
                return self.manifest_status, b"", "text/plain"
            served = self.rewrite(self.manifest())
            if self.manifests[-1:] != [served]:
                self.manifests.append(served)
            return 200, served, "application/dash+xml"
        if ".mpp" in path:
            return self._patch(path.partition("?")[2])
        path, _, query = path.partition("?")
        if self.token is not None and query != self.token:
            return 403, b"", "text/plain"
        name = path.removeprefix("/live/")
        if name.endswith("init.mp4"):
            return 200, initialization(), "video/mp4"
        number = self._number(name)
        if self.behind is not None:
            return self._piece(name, number, self.behind)
        if number in self.odd:
            return 200, b"<!DOCTYPE html><html><body>no</body></html>", "text/html"
        if number > self.edge() or number in self.hidden or number < 1:
            return 404, b"", "text/plain"
        if number < self.oldest() - self.grace:
            return 410, b"", "text/plain"
        return 200, self.content(name), "video/mp4"

    def validate(self, path: str, status: int, body: bytes) -> dict[str, str]:
        """Return the fields of an answer that tell if the MPD is still the same."""
        if status != 200 or ".mpd" not in path or not self.validators:
            return {}
        if self.validators == "date":
            published = self._versions.setdefault(body, time.time())
            return {"Last-Modified": formatdate(published, usegmt=True)}
        tag = "same" if self.validators == "stuck" else sha256(body).hexdigest()[:16]
        return {"ETag": f'W/"{tag}"' if self.validators == "weak" else f'"{tag}"'}

    def knows(self, fields: dict[str, str], asked: dict[str, str]) -> bool:
        """Return True if a request tells that the asker has the same already."""
        return fields.get("ETag") == asked.get("If-None-Match", "") or (
            "Last-Modified" in fields
            and fields["Last-Modified"] == asked.get("If-Modified-Since", "")
        )

    def _piece(self, name: str, number: int, behind: float) -> tuple[int, bytes, str]:
        """Return what is there so far of a segment, of which half comes half a segment late."""
        age = time.time() - self.began - number * STEP - behind
        if age < -STEP / 2:
            return 404, b"", "text/plain"
        whole = self.content(name)
        return 200, whole if age >= 0 else whole[: len(whole) // 2], "video/mp4"

    def _changed_at(self, path: str) -> float | None:
        """Return when a segment was last written to; None if that is not told."""
        name = path.partition("?")[0]
        if self.behind is None or not self.dated or not name.endswith(".m4s"):
            return None
        whole = self.began + self._number(name) * STEP + self.behind
        return whole if whole <= time.time() else whole - STEP / 2

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        origin = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle(self) -> None:
                with contextlib.suppress(ConnectionError):  # a recorder that was killed
                    super().handle()

            def do_GET(self) -> None:
                if ".m4s" in self.path and origin._is_stuck():
                    with origin._changed:
                        origin.waiting += 1
                        origin._changed.notify_all()
                    origin._over.wait()
                if not origin.up or origin._over.is_set():
                    self.close_connection = True
                    status = 0
                else:
                    status, body, kind = origin.answer(self.path)
                    fields = origin.validate(self.path, status, body)
                    if fields and origin.knows(fields, dict(self.headers)):
                        status, body = 304, b""
                    self.send_response(status)
                    if status == 302:
                        self.send_header("Location", origin.moved[self.path])
                    if status in (429, 503) and origin.pause:
                        self.send_header("Retry-After", str(origin.pause))
                    for name, value in fields.items():
                        self.send_header(name, value)
                    self.send_header("Content-Type", kind)
                    changed = origin._changed_at(self.path)
                    if changed is not None:
                        self.send_header("Last-Modified", formatdate(changed, usegmt=True))
                    if origin.coded and ".m4s" in self.path:
                        body = gzip.compress(body)
                        self.send_header("Content-Encoding", "gzip")
                    self.send_header("Content-Length", str(len(body)))
                    self.end_headers()
                    self.wfile.write(body)
                with origin._changed:
                    origin.requests.append((self.path, status))
                    origin.seen_at.append((time.time(), self.path))
                    origin._changed.notify_all()

            def log_message(self, *_: object) -> None:
                pass

        return Handler
