"""The local MPD of any live snapshot tells the same media times as the manifest that was read."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from fractions import Fraction
from urllib.parse import unquote

import msgspec
from hypothesis import example, given
from hypothesis import strategies as st

from dashget.media.kind import SegmentKind
from dashget.mpd.names import NAMESPACE
from dashget.mpd.parse import parse_mpd
from dashget.mpd.presentation import Presentation, SingleAddressing
from dashget.mpd.resolve import resolve
from dashget.planning.plan import iter_plan, make_layout
from dashget.planning.tracks import make_tracks
from dashget.playable.localmpd import make_local_mpd

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
URL = "https://h.example/live/x.mpd"
LOCAL = "https://m.example/any/x.local.mpd"


class Track(msgspec.Struct, frozen=True):
    """A Representation of one Period: ``form`` is how its segments are told.

    Each lasts so many ``thirds`` of a second, or a tick less.
    """

    form: str
    scale: int
    thirds: int
    offset: int

    @property
    def ticks(self) -> int:
        """The duration of a segment in ticks."""
        return max(self.thirds * self.scale // 3, 1)


class Period(msgspec.Struct, frozen=True):
    """Its length in milliseconds, 0 for the last one, which is open."""

    milliseconds: int
    tracks: tuple[Track, ...]


TRACKS = st.builds(
    Track,
    st.sampled_from(["number", "time", "timeline", "numbered-timeline", "list", "sliding-list"]),
    st.sampled_from([1, 3, 10, 1000, 48000, 90000, 10_000_000]),
    st.integers(1, 12),
    st.sampled_from([0, 1, 7, 1_795_869_180]),
)
PERIODS = st.lists(
    st.builds(Period, st.integers(1, 20_000), st.lists(TRACKS, min_size=1, max_size=3).map(tuple)),
    min_size=1,
    max_size=3,
)


def manifest(periods: list[Period], depth: int) -> str:
    """Return a live presentation."""
    body = ""
    for index, period in enumerate(periods):
        last = index + 1 == len(periods)
        length = "" if last else f' duration="PT{period.milliseconds / 1000}S"'
        sets = "".join(
            adaptation_set(f"{index}-{at}", track, period.milliseconds, is_open=last)
            for at, track in enumerate(period.tracks)
        )
        body += f'<Period id="p{index}"{" start=" + chr(34) + "PT0S" + chr(34) if not index else ""}{length}>{sets}</Period>'
    return (
        f'<MPD xmlns="{NAMESPACE}" type="dynamic" availabilityStartTime="2026-01-01T00:00:00Z" '
        f'timeShiftBufferDepth="PT{depth}S" minimumUpdatePeriod="PT2S">{body}</MPD>'
    )


def adaptation_set(name: str, track: Track, milliseconds: int, *, is_open: bool) -> str:
    """Return a set of one Representation."""
    scale, ticks = track.scale, track.ticks
    offset = track.offset * scale + track.offset % 7
    clock = f'timescale="{scale}" presentationTimeOffset="{offset}"'
    count = max(milliseconds * scale // (1000 * ticks), 1)
    row = f'<SegmentTimeline><S t="{offset}" d="{ticks}" r="{count - 1}"/></SegmentTimeline>'
    files = f'media="{name}/{"$Time$" if track.form in ("time", "timeline") else "$Number$"}.m4s"'
    if track.form == "list":
        urls = "".join(f'<SegmentURL media="{name}/{n}.m4s"/>' for n in range(count))
        information = f"<SegmentList {clock}>{row}{urls}</SegmentList>"
    elif track.form == "sliding-list":
        # It has slid by four files: those of a Period that is closed begin before its end. A file
        # behind that would be at one time by its list, and at another by the next Period.
        by = 4 if is_open else min(4, count - 1)
        files_end = count + 4 if is_open else count
        urls = "".join(f'<SegmentURL media="{name}/{n}.m4s"/>' for n in range(by, files_end))
        slid = f'duration="{ticks}" startNumber="{by + 1}"'
        information = f"<SegmentList {clock} {slid}>{urls}</SegmentList>"
    elif track.form in ("number", "time"):
        information = f'<SegmentTemplate {clock} {files} duration="{ticks}" startNumber="3"/>'
    else:
        information = f"<SegmentTemplate {clock} {files}>{row}</SegmentTemplate>"
    return (
        '<AdaptationSet mimeType="video/mp4">'
        f'<Representation id="r{name}" bandwidth="1">{information}</Representation></AdaptationSet>'
    )


def times(presentation: Presentation, folder: str) -> dict[str, tuple[Fraction, Fraction]]:
    """Return the time of each file on the time line, and in its media, by path in the mirror."""
    tracks = make_tracks(presentation)
    found = {}
    for planned in iter_plan(tracks, make_layout(presentation)):
        segment, representation = planned.segment, planned.track.representation
        if segment.kind is not SegmentKind.MEDIA or segment.start is None:
            continue
        addressing = representation.addressing
        assert not isinstance(addressing, SingleAddressing)
        offset = Fraction(addressing.presentation_time_offset, addressing.timescale)
        media = segment.start - representation.period.start + offset
        path = unquote(planned.urls[0].removeprefix(folder))
        found[path] = segment.start, media
    return found


@given(PERIODS, st.integers(1, 30), st.integers(0, 60_000))
@example([Period(0, (Track("number", 1, 6, 1_795_869_180),))], 10, 20_000)
@example([Period(0, (Track("sliding-list", 10, 4, 0), Track("list", 48000, 5, 7)))], 1, 5500)
@example([Period(0, (Track("number", 10, 4, 0), Track("time", 48000, 5, 7)))], 1, 5500)
def test_times_of_the_local_mpd_are_those_of_the_files(
    periods: list[Period], depth: int, milliseconds: int
) -> None:
    data = manifest(periods, depth).encode()
    now = BEGIN + timedelta(milliseconds=milliseconds)
    presentation = resolve(parse_mpd(data), url=URL, now=now)
    tracks = make_tracks(presentation)
    received = times(presentation, URL.rpartition("/")[0] + "/")
    local = make_local_mpd(data, presentation, tracks, make_layout(presentation))
    if not received:
        return
    shown = resolve(parse_mpd(local, url=LOCAL), url=LOCAL)
    assert not shown.dynamic
    played = times(shown, LOCAL.rpartition("/")[0] + "/")
    assert played.keys() == received.keys()
    first = min(received, key=lambda path: received[path][0])
    moved = received[first][0] - played[first][0]
    assert 0 <= played[first][0] < 1, "the first segment begins at zero, as far as ticks allow"
    for path, (start, media) in received.items():
        assert played[path] == (start - moved, media), path
