"""The number of files is known before the first one: the plan names as many, in every case."""

from __future__ import annotations

import pytest

from dashget.errors import MPDError
from dashget.mpd.parse import parse_mpd
from dashget.mpd.presentation import Presentation
from dashget.mpd.resolve import resolve
from dashget.planning.limits import count_files, is_counted_again
from dashget.planning.plan import iter_plan, make_layout
from dashget.planning.tracks import make_tracks, split_sound
from tests.corpus.test_corpus import CASES, load, presentation_of
from tests.support.builders import mpd

FEW = 10_000


def counted(presentation: Presentation) -> tuple[int, ...]:
    """Count the files of each track, and check that the plan names as many different ones."""
    tracks = make_tracks(presentation)
    counts = count_files(tracks)
    paths: set[str] = set()
    again = 0
    for planned in iter_plan(tracks, make_layout(presentation)):
        again += planned.path in paths and is_counted_again(planned.segment.address)
        paths.add(planned.path)
    assert sum(counts) - again == len(paths)
    return counts


def read(content: str) -> tuple[int, ...]:
    return counted(resolve(parse_mpd(mpd(content)), url="http://h/x.mpd"))


@pytest.mark.parametrize("name", CASES)
def test_the_plan_of_every_case_names_as_many_files_as_were_counted(name: str) -> None:
    try:
        presentation, _ = split_sound(presentation_of(name, load(name)))
    except MPDError:
        return
    if sum(track.index.count() for track in make_tracks(presentation)) <= FEW:
        counted(presentation)


def ranges(file: str, count: int = 40) -> str:
    return "".join(
        f'<SegmentURL media="{file}" mediaRange="{n * 100}-{n * 100 + 99}"/>' for n in range(count)
    )


def in_set(*representations: str) -> str:
    return f'<AdaptationSet mimeType="video/mp4">{"".join(representations)}</AdaptationSet>'


def of_list(name: str, content: str, *, initialization: str = "") -> str:
    return (
        f'<Representation id="{name}" bandwidth="8000"><SegmentList duration="1">'
        f"{initialization}{content}</SegmentList></Representation>"
    )


def test_ranges_of_one_file_are_one_file() -> None:
    whole = '<Initialization sourceURL="a.mp4" range="0-99"/>'
    other = '<Initialization sourceURL="init.mp4"/>'
    assert read(in_set(of_list("v", ranges("a.mp4")))) == (1,)
    assert read(in_set(of_list("v", ranges("a.mp4"), initialization=whole))) == (1,)
    assert read(in_set(of_list("v", ranges("a.mp4"), initialization=other))) == (2,)


def test_ranges_of_three_files_by_turns_are_three_files() -> None:
    assert read(in_set(of_list("v", "".join(ranges(f"{n % 3}.mp4", 2) for n in range(9))))) == (3,)


def test_the_index_of_every_segment_is_counted_unless_it_is_in_the_same_file() -> None:
    apart = "".join(f'<SegmentURL media="{n}.mp4" index="{n}.sidx"/>' for n in range(5))
    inside = "".join(f'<SegmentURL media="{n}.mp4" indexRange="0-99"/>' for n in range(5))
    assert read(in_set(of_list("v", apart))) == (10,)
    assert read(in_set(of_list("v", inside))) == (5,)
    template = (
        '<AdaptationSet mimeType="video/mp4"><SegmentTemplate duration="2" media="$Number$.m4s"'
        ' index="$Number$.sidx" initialization="i.mp4"/><Representation id="v" bandwidth="1"/>'
        "</AdaptationSet>"
    )
    assert read(template) == (7,)


def test_tracks_that_share_a_file_count_it_once() -> None:
    shared = in_set(of_list("v", ranges("a.mp4")), of_list("w", ranges("a.mp4")))
    assert read(shared) == (1, 0)
    single = (
        '<Representation id="{}" bandwidth="8000"><BaseURL>all.mp4</BaseURL>'
        '<SegmentBase indexRange="100-199"><Initialization range="0-99"/></SegmentBase>'
        "</Representation>"
    )
    assert read(in_set(single.format("v"), single.format("w"))) == (1, 0)


def test_a_track_without_segments_has_no_files() -> None:
    assert read(in_set(of_list("v", ""))) == (0,)
