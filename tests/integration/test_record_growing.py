"""Recording media in one file that grows, or is replaced, while it is recorded."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import dashget
from tests.support.builders import initialization, media_segment
from tests.support.faultserver import Answer, FaultServer, refuse
from tests.support.running import Events, verify

pytestmark = pytest.mark.slow

FIRST = initialization() + media_segment(1, b"a" * 70_000)
MORE = media_segment(2, b"b" * 70_000)
ALL = FIRST + MORE + media_segment(3, b"c" * 9)
ONE_FILE = "<BaseURL>v.mp4</BaseURL>"
DEADLINE = 60


def ranges(*ends: int) -> str:
    """Return a list of parts of the file that end at these bytes."""
    head = len(initialization())
    begins = (head, *ends)
    urls = "".join(
        f'<SegmentURL mediaRange="{begin}-{end - 1}"/>'
        for begin, end in zip(begins, ends, strict=False)
    )
    return (
        f'<BaseURL>v.mp4</BaseURL><SegmentList duration="2"><Initialization range="0-{head - 1}"/>'
        f"{urls}</SegmentList>"
    )


def document(media: str, *, live: bool) -> bytes:
    kind = (
        'type="dynamic" availabilityStartTime="2020-01-01T00:00:00Z" minimumUpdatePeriod="PT0.2S"'
        if live
        else 'type="static" mediaPresentationDuration="PT6S"'
    )
    return (
        f'<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" {kind} profiles="p" minBufferTime="PT1S">'
        '<Period id="p" start="PT0S"><AdaptationSet mimeType="video/mp4"><Representation id="v"'
        f' bandwidth="1">{media}</Representation></AdaptationSet></Period></MPD>'
    ).encode()


class Origin:
    """A server with one manifest and one file, which are changed as a recorder asks for them."""

    def __init__(self, server: FaultServer, root: Path) -> None:
        self.server, self.root = server, root
        self.url = server.url("/m.mpd")

    def serve(self, media: str, file: Answer, *, live: bool) -> None:
        """Serve these from now on."""
        self.server.on("/v.mp4", file)
        self.server.on("/m.mpd", Answer(document(media, live=live)))

    def record(
        self, after: Callable[[], object] | None = None, **wishes: Any
    ) -> tuple[dashget.RecordingEnded, Events]:
        """Record to the end; ``after`` is called once the file has come."""
        events, stop = Events(), dashget.Stop()

        def watch(event: dashget.Event, /) -> None:
            events(event)
            if isinstance(event, dashget.FileFinished) and after is not None:
                threading.Thread(target=once).start()

        done = threading.Lock()

        def once() -> None:
            if after is not None and done.acquire(blocking=False):
                after()

        with dashget.Session(allow_private=True, observer=watch) as session:
            ended = session.record(
                self.url, self.root, stop=stop, wishes=dashget.Wishes(linger=0, **wishes)
            )
        assert isinstance(ended, dashget.RecordingEnded)
        return ended, events

    @property
    def content(self) -> bytes:
        return (self.root / "v.mp4").read_bytes()

    def gaps(self) -> set[str]:
        """Return the problems that ``verify`` finds: reasons of gaps, and others by their names."""
        _, found = verify(self.root)
        return {
            event.message.rpartition(" ")[2] if event.problem is dashget.Problem.GAP
            else event.problem.value
            for event in found
            if isinstance(event, dashget.Finding) and not event.note
        }  # fmt: skip


@pytest.fixture
def origin(server: FaultServer, tmp_path: Path) -> Origin:
    return Origin(server, tmp_path / "r")


@pytest.mark.parametrize("media", [ONE_FILE, ranges(len(FIRST))], ids=["one file", "ranges"])
@pytest.mark.parametrize("etag", ['"1"', None], ids=["etag", "no etag"])
def test_a_file_that_grows_is_recorded_to_its_end(
    media: str, etag: str | None, origin: Origin
) -> None:
    origin.serve(media, Answer(FIRST, etag=etag), live=True)
    later = '"2"' if etag else None
    ended, events = origin.record(lambda: origin.serve(media, Answer(ALL, etag=later), live=False))
    assert origin.content == ALL
    assert not ended.gaps
    assert not ended.lost
    assert not events.warnings()
    assert not origin.gaps()
    # The beginning is not fetched twice.
    asked = [seen.headers.get("range") for seen in origin.server.asked("/v.mp4")]
    assert asked[0] is None
    assert None not in asked[1:]


def test_a_server_without_ranges_is_asked_for_all_of_a_file_that_has_grown(origin: Origin) -> None:
    origin.serve(ONE_FILE, Answer(FIRST, ranges=False), live=True)
    ended, _ = origin.record(lambda: origin.serve(ONE_FILE, Answer(ALL, ranges=False), live=False))
    assert origin.content == ALL
    assert not ended.gaps
    assert not origin.gaps()


@pytest.mark.parametrize(
    "other",
    [
        b"other" + ALL[5:],
        ALL[: len(FIRST) - 5] + b"other" + ALL[len(FIRST) :],
        FIRST[:-5],
    ],
    ids=["another beginning", "another end", "shorter"],
)
@pytest.mark.parametrize("has_ranges", [True, False], ids=["ranges", "no ranges"])
def test_a_file_that_was_replaced_stays_and_is_a_gap(
    other: bytes, origin: Origin, *, has_ranges: bool
) -> None:
    origin.serve(ONE_FILE, Answer(FIRST, ranges=has_ranges), live=True)
    ended, events = origin.record(
        lambda: origin.serve(ONE_FILE, Answer(other, ranges=has_ranges), live=False)
    )
    assert origin.content == FIRST
    assert ended.gaps == 1
    assert [e.reason for e in events if isinstance(e, dashget.GapFound)] == ["replaced"]
    assert origin.gaps() == {"replaced"}


def test_a_file_whose_rest_is_refused_is_a_gap_until_it_comes(origin: Origin) -> None:
    origin.serve(ONE_FILE, Answer(FIRST), live=True)
    ended, _ = origin.record(lambda: origin.serve(ONE_FILE, refuse(403), live=False))
    assert ended.gaps == 1
    assert origin.gaps() == {"refused"}
    assert origin.content == FIRST
    origin.serve(ONE_FILE, Answer(ALL), live=False)
    ended, _ = origin.record()
    assert not ended.gaps
    assert not origin.gaps()
    assert origin.content == ALL


def test_a_file_that_stays_the_same_is_no_gap_and_no_warning(origin: Origin) -> None:
    origin.serve(ONE_FILE, Answer(FIRST, etag='"1"'), live=True)
    ended, events = origin.record(
        lambda: origin.serve(ONE_FILE, Answer(FIRST, etag='"1"'), live=False)
    )
    assert not ended.gaps
    assert not events.warnings()
    assert not origin.gaps()


def test_ranges_behind_the_end_of_the_file_are_a_gap(origin: Origin) -> None:
    origin.serve(ranges(len(FIRST)), Answer(FIRST), live=True)
    short, announced = ALL[: len(FIRST) + 10], ranges(len(FIRST), len(ALL))
    ended, _ = origin.record(lambda: origin.serve(announced, Answer(short), live=False))
    assert origin.content == short
    assert ended.gaps == 1
    assert "not-there" in origin.gaps()


def test_bytes_that_a_kill_has_left_behind_the_recorded_ones_are_replaced(origin: Origin) -> None:
    origin.serve(ONE_FILE, Answer(FIRST), live=True)
    origin.record(seconds=1.0)
    with (origin.root / "v.mp4").open("ab") as file:
        file.write(b"torn")
    # It is known that there may be more of this file than its line says.
    assert not origin.gaps()
    origin.serve(ONE_FILE, Answer(ALL), live=False)
    ended, _ = origin.record()
    assert origin.content == ALL
    assert not ended.gaps
    assert not origin.gaps()


def test_a_torn_end_goes_also_if_the_file_has_not_grown(origin: Origin) -> None:
    origin.serve(ONE_FILE, Answer(FIRST), live=True)
    origin.record(seconds=1.0)
    with (origin.root / "v.mp4").open("ab") as file:
        file.write(b"torn")
    origin.serve(ONE_FILE, Answer(FIRST), live=False)
    origin.record()
    assert origin.content == FIRST


def test_a_file_with_another_name_elsewhere_is_replaced_as_a_whole(
    origin: Origin, tmp_path: Path
) -> None:
    """Nothing is added to it in its place: who has made the other name has the file as it was."""
    other = tmp_path / "other.mp4"
    origin.serve(ONE_FILE, Answer(FIRST), live=True)

    def grow() -> None:
        other.hardlink_to(origin.root / "v.mp4")
        origin.serve(ONE_FILE, Answer(ALL), live=False)

    ended, _ = origin.record(grow)
    assert origin.content == ALL
    assert other.read_bytes() == FIRST
    assert not ended.gaps
