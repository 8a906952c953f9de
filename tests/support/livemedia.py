"""A live presentation of real media that is over in a moment, for recordings that are played.

It is made of the form ``number`` of ``media``: six seconds, a segment each second. The first answer
says that it is live, the next one that it is over; so a recorder has all of it at once. What is
``gone`` was announced, and is no more: that is a hole.
"""

from __future__ import annotations

import contextlib
import re
import threading
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path

from tests.support.liveorigin import LiveServer
from tests.support.media import SECONDS

NUMBERED, TIMED, DERIVED = "numbered", "timed", "derived"
"""A timeline with ``$Number$``, one with ``$Time$``, and ``@duration`` with ``$Number$``."""
LISTED, BESIDE = "listed", "beside"
"""SegmentLists; and single files of video and text, of the form ``ondemand``, beside templates."""
_SECOND = 1_000_000
_TEMPLATE = re.compile(r"<SegmentTemplate [^>]*>\s*</SegmentTemplate>")
_SET = re.compile(r"<AdaptationSet .*?</AdaptationSet>", re.DOTALL)
_SEGMENT = re.compile(r"chunk-stream(\d)-(\d+)\.m4s")


class LiveMedia:
    """The presentation and its server; ``gone`` has stream and number of segments."""

    def __init__(self, media: Path, form: str, gone: Collection[tuple[int, int]] = ()) -> None:
        self._folder = media / "number"
        self._single = media / "ondemand"
        self._form = form
        self._gone = frozenset(gone)
        self._reads = 0
        self._server = LiveServer(("127.0.0.1", 0), self._handler())

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}/live/manifest.mpd"

    @contextmanager
    def serving(self) -> Iterator[LiveMedia]:
        """Serve until the block ends."""
        thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self._server.shutdown()
            self._server.server_close()
            thread.join()

    def manifest(self) -> bytes:
        """Return the MPD of this read."""
        self._reads += 1
        text = (self._folder / "manifest.mpd").read_text()
        live = (
            'type="dynamic" availabilityStartTime="2026-01-01T00:00:00Z" minimumUpdatePeriod="PT0.2S"'
            ' publishTime="2026-01-01T00:00:00Z"'
        )
        over = (
            f'type="static" mediaPresentationDuration="PT{SECONDS}S"'
            ' availabilityStartTime="2026-01-01T00:00:00Z" publishTime="2026-01-01T00:00:09Z"'
        )
        head = live if self._reads == 1 else over
        text = re.sub(r'type="static"\s+mediaPresentationDuration="[^"]*"', head, text)
        text = re.sub(
            r"<Period [^>]*>", f'<Period id="p" start="PT0S" duration="PT{SECONDS}S">', text
        )
        streams = iter(range(9))
        text = _TEMPLATE.sub(lambda _: self._addressing(next(streams)), text)
        if self._form == BESIDE:
            sets = _SET.findall(text)
            others = _SET.findall((self._single / "manifest.mpd").read_text())
            alone = [each for each in others if ".vtt" in each or "large.mp4" in each]
            text = text.replace(sets[0], "\n".join(alone))
        return text.encode()

    def _addressing(self, stream: int) -> str:
        names = (
            f'timescale="{_SECOND}" initialization="init-stream{stream}.m4s"'
            f' media="chunk-stream{stream}-'
        )
        if self._form == LISTED:
            urls = "".join(
                f'<SegmentURL media="chunk-stream{stream}-{number:05}.m4s"/>'
                for number in range(1, SECONDS + 1)
            )
            init = f'<Initialization sourceURL="init-stream{stream}.m4s"/>'
            return f'<SegmentList duration="1">{init}{urls}</SegmentList>'
        rows = f'<SegmentTimeline><S t="0" d="{_SECOND}" r="{SECONDS - 1}"/></SegmentTimeline>'
        if self._form == DERIVED:
            return (
                f'<SegmentTemplate {names}$Number%05d$.m4s" startNumber="1" duration="{_SECOND}"/>'
            )
        if self._form in (NUMBERED, BESIDE):
            return f'<SegmentTemplate {names}$Number%05d$.m4s" startNumber="1">{rows}</SegmentTemplate>'
        return f'<SegmentTemplate {names}$Time$.m4s">{rows}</SegmentTemplate>'

    def answer(self, path: str) -> tuple[int, bytes, str]:
        """Return status, body and type of a request."""
        name = path.rpartition("/")[2]
        if name.endswith(".mpd"):
            return 200, self.manifest(), "application/dash+xml"
        found = _SEGMENT.fullmatch(name)
        if found is not None:
            stream, number = int(found[1]), int(found[2])
            if self._form == TIMED:
                number = number // _SECOND + 1
            if (stream, number) in self._gone:
                return 410, b"", "text/plain"
            name = f"chunk-stream{stream}-{number:05}.m4s"
        file = (self._folder if name.endswith(".m4s") else self._single) / name
        if not file.is_file():
            return 404, b"", "text/plain"
        return 200, file.read_bytes(), "video/mp4"

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        origin = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle(self) -> None:
                with contextlib.suppress(ConnectionError):
                    super().handle()

            def do_GET(self) -> None:
                status, body, kind = origin.answer(self.path)
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        return Handler


_SINGLES = 4
"""The single files of the form with some: two of video, two of text."""
_ALL = tuple((stream, number) for stream in range(4) for number in (3, 4))
_AUDIO = tuple((stream, number) for stream in (2, 3) for number in (3, 4))
RECORDINGS = {
    "recorded-whole": (DERIVED, ()),
    "recorded-hole-derived": (DERIVED, _ALL),
    "recorded-hole-numbered": (NUMBERED, _ALL),
    "recorded-hole-timed": (TIMED, _ALL),
    "recorded-audio-hole": (NUMBERED, _AUDIO),
    "recorded-audio-hole-timed": (TIMED, ((2, 3), (3, 3))),
    "recorded-turns": (NUMBERED, tuple((s, n) for s in range(4) for n in ((3, 5), (4, 5))[s // 2])),
    "recorded-video-hole": (NUMBERED, tuple((0, number) for number in range(2, 6))),
    "recorded-video-hole-timed": (TIMED, tuple((0, number) for number in range(2, 6))),
    "recorded-list": (LISTED, ()),
    "recorded-hole-list": (LISTED, _ALL),
    "recorded-beside": (BESIDE, _AUDIO),
}
"""Recordings of it: without a hole, with one in all tracks, with one in the audio alone, with holes
of video and audio in turn, and with one in one of two tracks of video."""


def make_recording(media: Path, name: str, root: Path) -> None:
    """Record one of ``RECORDINGS`` into a directory."""
    import dashget

    form, gone = RECORDINGS[name]
    with (
        LiveMedia(media, form, gone).serving() as origin,
        dashget.Session(allow_private=True) as session,
    ):
        ended = session.record(origin.url, root, wishes=dashget.Wishes(linger=0))
    assert isinstance(ended, dashget.RecordingEnded)
    assert ended.ended == "over"
    singles = 2 * SECONDS - _SINGLES if form == BESIDE else 0
    assert ended.recorded == 4 * SECONDS - len(gone) - singles, ended
