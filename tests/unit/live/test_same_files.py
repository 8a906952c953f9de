"""A recorder that reads a manifest once names the files that planning names, for every feature."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from fractions import Fraction

import pytest

from dashget.errors import MPDError
from dashget.live.line import Line
from dashget.live.listing import Version
from dashget.live.reading import read_version
from dashget.media.kind import SegmentKind
from dashget.mpd.model import MPD
from dashget.mpd.parse import parse_mpd
from dashget.mpd.presentation import Presentation, TemplateAddressing
from dashget.mpd.resolve import resolve
from dashget.planning.limits import Limits, require_countable
from dashget.planning.plan import iter_plan, make_layout
from dashget.planning.tracks import Track, make_tracks, split_sound
from tests.corpus.test_corpus import BASE, CASES, HERE, document_of, load, presentation_of

_LIMITS = Limits(segments=10_000)

Named = tuple[str, tuple[str, ...]]


def planned(tracks: tuple[Track, ...], presentation: Presentation) -> set[Named]:
    layout = make_layout(presentation)
    all_of_them = iter_plan(tracks, layout)
    in_use = (each for each in all_of_them if each.segment.kind is not SegmentKind.SPARE)
    return {(str(each.path), each.urls) for each in in_use}


def recorded(version: Version, at: Fraction) -> Iterator[Named]:
    """Yield the files that a recorder asks for that reads a document at a server time."""
    for listing in version.listings:
        for once in listing.once:
            yield once.path, once.urls
        for run in listing.runs(float(at)):
            for k in range(run.count):
                time, number = run.time + k * run.duration, run.number + k
                yield listing.path(time, number), listing.urls(time, number)


def listed(version: Version) -> Iterator[tuple[Named, float]]:
    """Yield the segments that lists have which grow, with the server times of their ends."""
    for listing in version.listings:
        for run in listing.rows if listing.grows else ():
            for k in range(run.count):
                time, number = run.time + k * run.duration, run.number + k
                named = listing.path(time, number), listing.urls(time, number)
                yield named, listing.wall(time + run.duration)


def offset_of(tracks: tuple[Track, ...]) -> Fraction:
    """Return how much earlier segments are there than they are complete, if some are."""
    found = Fraction(0)
    for track in tracks:
        addressing = track.representation.addressing
        if isinstance(addressing, TemplateAddressing):
            found = max(found, addressing.availability_time_offset or Fraction(0))
    return found


def read(mpd: MPD, presentation: Presentation, tracks: tuple[Track, ...]) -> Version:
    return read_version(mpd, presentation, tracks, make_layout(presentation), "digest")


def compare(mpd: MPD, presentation: Presentation) -> None:
    sound, _ = split_sound(presentation)
    tracks = make_tracks(sound)
    require_countable(tracks, _LIMITS)
    version = read(mpd, presentation, tracks)
    window = presentation.window
    now = Fraction(0) if window is None else (window.begin or Fraction(0)) + window.now
    expected = planned(tracks, presentation)
    early = offset_of(tracks)
    if not early:
        assert set(recorded(version, now)) == expected
        return
    # It waits for whole segments: those that are there earlier, it names later. What a list has
    # while it is still written is asked for at once, and believed once it grows no more.
    written = {named for named, end in listed(version) if end > now}
    assert set(recorded(version, now)) <= expected | written
    assert expected <= set(recorded(version, now)) | set(recorded(version, now + early))


@pytest.mark.parametrize("name", CASES)
def test_a_recorder_that_reads_once_names_the_files_of_the_plan(name: str) -> None:
    case = load(name)
    try:
        presentation = presentation_of(name, case)
        require_countable(make_tracks(split_sound(presentation)[0]), _LIMITS)
    except MPDError:
        return
    compare(document_of(name, case), presentation)


_LIVE = b'type="dynamic" availabilityStartTime="2026-01-01T00:00:00Z"'
_TOTAL = re.compile(rb'type="static" +mediaPresentationDuration="[^"]*"')
_BEGIN = 1_767_225_600
_AS_LIVE = [
    name
    for name in CASES
    if "problems" not in load(name)
    and "remote" not in load(name)
    and _TOTAL.search((HERE / f"{name}.mpd").read_bytes())
    and b"SegmentTemplate" in (HERE / f"{name}.mpd").read_bytes()
]


@pytest.mark.parametrize("depth", [b"", b' timeShiftBufferDepth="PT3S"'])
@pytest.mark.parametrize("name", _AS_LIVE)
def test_so_does_one_that_reads_it_as_a_live_presentation_at_any_time(
    name: str, depth: bytes
) -> None:
    data = _TOTAL.sub(_LIVE + depth, (HERE / f"{name}.mpd").read_bytes(), count=1)
    try:
        mpd = parse_mpd(data)
        for quarters in (0, 3, 7, 8, 11, 16, 25, 40, 99):
            now = _BEGIN + Fraction(quarters, 4)
            compare(mpd, resolve(mpd, url=f"{BASE}manifest.mpd", now=now))
    except MPDError:
        return


@pytest.mark.parametrize("name", _AS_LIVE)
def test_one_document_is_enough_for_all_that_follows_from_it(name: str) -> None:
    data = _TOTAL.sub(_LIVE, (HERE / f"{name}.mpd").read_bytes(), count=1)
    url = f"{BASE}manifest.mpd"
    try:
        mpd = parse_mpd(data)
        first, last = (resolve(mpd, url=url, now=_BEGIN + Fraction(at)) for at in (1, 50))
        tracks = make_tracks(split_sound(first)[0])
        later = make_tracks(split_sound(last)[0])
        require_countable(later, _LIMITS)
    except MPDError:
        return
    version = read(mpd, first, tracks)
    lines = [Line(k, each.key, 1, each) for k, each in enumerate(version.listings)]
    found = {(once.path, once.urls) for each in version.listings for once in each.once}
    for line in lines:
        asked = [named for quarters in (4, 7, 9, 30, 200) for named in learned(line, quarters)]
        assert len(asked) == len(set(asked))
        found.update(asked)
    assert found == planned(later, last)


def learned(line: Line, quarters: int) -> Iterator[Named]:
    for run in line.learn(_BEGIN + quarters / 4, -math.inf, math.inf):
        for k in range(run.count):
            time, number = run.time + k * run.duration, run.number + k
            yield line.listing.path(time, number), line.listing.urls(time, number)
