"""What a local MPD plays, read again as any MPD is: each file, and when."""

from __future__ import annotations

from fractions import Fraction
from urllib.parse import unquote

import msgspec

from dashget.media.kind import SegmentKind
from dashget.mpd.parse import parse_mpd
from dashget.mpd.presentation import SingleAddressing
from dashget.mpd.resolve import resolve
from dashget.planning.plan import iter_plan, make_layout
from dashget.planning.tracks import make_tracks

URL = "https://m.example/any/x.local.mpd"


class PlayedFile(msgspec.Struct, frozen=True):
    """A media segment of a local MPD, in seconds of its time line, and of its media."""

    path: str
    track: str
    period: int
    begin: Fraction
    length: Fraction
    media: Fraction


def played_files(local: bytes) -> list[PlayedFile]:
    """Return all media segments in order."""
    presentation = resolve(parse_mpd(local, url=URL), url=URL)
    assert not presentation.dynamic
    told = [issue.message for issue in presentation.warnings]
    # Packagers write times that are some ticks apart from the ends before them.
    # A list has both ways of times, since players read one each.
    known = ("gap", "overlap", "@duration beside a SegmentTimeline")
    told = [text for text in told if not any(each in text for each in known)]
    assert not told, (told, local)
    found = []
    for planned in iter_plan(make_tracks(presentation), make_layout(presentation)):
        segment, representation = planned.segment, planned.track.representation
        if segment.kind is not SegmentKind.MEDIA:
            continue
        addressing = representation.addressing
        assert not isinstance(addressing, SingleAddressing)
        assert segment.start is not None
        assert segment.duration is not None
        scale = addressing.timescale
        offset = Fraction(addressing.presentation_time_offset, scale)
        path = unquote(planned.urls[0].removeprefix(URL.rpartition("/")[0] + "/"))
        found.append(
            PlayedFile(
                path,
                representation.id or "",
                representation.period.index,
                segment.start,
                Fraction(segment.duration, scale),
                segment.start - representation.period.start + offset,
            )
        )
    return found


def initializations(local: bytes) -> set[str]:
    """Return the paths of all initialization segments."""
    presentation = resolve(parse_mpd(local, url=URL), url=URL)
    plan = iter_plan(make_tracks(presentation), make_layout(presentation))
    return {
        unquote(each.urls[0].removeprefix(URL.rpartition("/")[0] + "/"))
        for each in plan
        if each.segment.kind is SegmentKind.INITIALIZATION
    }


def played_events(local: bytes) -> list[tuple[Fraction, str]]:
    """Return the events with text of the MPD: when each begins on its time line."""
    presentation = resolve(parse_mpd(local, url=URL), url=URL)
    return [
        (period.start + start, text)
        for period in presentation.periods
        for stream in period.events
        for start, _, text in stream.texts
    ]
