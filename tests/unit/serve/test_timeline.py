"""What the page is told about a mirror: Periods, rows of segments, what is missing or damaged."""

from __future__ import annotations

from typing import Any

import msgspec

from dashget.mpd.parse import parse_mpd
from dashget.mpd.resolve import resolve
from dashget.planning.plan import iter_plan, make_layout
from dashget.planning.tracks import make_tracks
from dashget.serve.timeline import MOST_TROUBLES, Run, State, Timeline, draw
from tests.support.builders import mpd, numbered

HERE, MISSING, DAMAGED = State.HERE, State.MISSING, State.DAMAGED


def drawn(
    body: str, files: dict[str, int] | set[str], *, seconds: int = 8, **damaged: Any
) -> Timeline:
    sizes = files if isinstance(files, dict) else dict.fromkeys(files, 1)
    document = mpd(body, seconds=seconds)
    presentation = resolve(parse_mpd(document), url="http://mirror.invalid/")
    plan = iter_plan(make_tracks(presentation), make_layout(presentation))
    return draw(presentation, plan, sizes.get, damaged.get("damaged", {}))


def names(*numbers: int) -> set[str]:
    return {f"v/{number}.m4s" for number in numbers}


def test_segments_of_one_state_are_one_run() -> None:
    found = drawn(numbered(), names(1, 2, 3, 4))
    (row,) = found.rows
    assert row.runs == (Run(0.0, 8.0, HERE, 4),)
    assert found.troubles == ()
    assert found.duration == 8.0


def test_a_missing_and_a_damaged_segment_are_drawn_at_their_time() -> None:
    found = drawn(numbered(), names(1, 3, 4), damaged={"v/4.m4s": "other checksum"})
    (row,) = found.rows
    assert row.runs == (
        Run(0.0, 2.0, HERE, 1),
        Run(2.0, 4.0, MISSING, 1),
        Run(4.0, 6.0, HERE, 1),
        Run(6.0, 8.0, DAMAGED, 1),
    )
    assert [(t.path, t.state, t.start) for t in found.troubles] == [
        ("v/2.m4s", MISSING, 2.0),
        ("v/4.m4s", DAMAGED, 6.0),
    ]


def test_a_last_segment_that_may_be_missing_is_no_trouble() -> None:
    found = drawn(numbered(), names(1, 2, 3))
    assert found.troubles == ()
    assert found.rows[0].runs == (Run(0.0, 6.0, HERE, 3),)


def test_a_file_that_no_segment_names_is_told_as_well() -> None:
    found = drawn(numbered(), names(1, 2, 3, 4), damaged={"manifest.mpd": "other checksum"})
    assert [(t.path, t.start) for t in found.troubles] == [("manifest.mpd", None)]


def test_many_troubles_are_counted() -> None:
    found = drawn(numbered(), set(), seconds=1000)
    assert len(found.troubles) == MOST_TROUBLES
    assert found.troubles_hidden > 200
    assert len(found.rows[0].runs) == 1


def test_a_range_behind_the_end_of_its_file_is_missing() -> None:
    body = (
        '<AdaptationSet mimeType="video/mp4"><Representation id="a b" bandwidth="1"><BaseURL>a%20b.mp4</BaseURL>'
        '<SegmentList duration="2"><Initialization range="0-9"/><SegmentURL mediaRange="10-19"/>'
        '<SegmentURL mediaRange="20-29"/></SegmentList></Representation></AdaptationSet>'
    )
    found = drawn(body, {"a b.mp4": 20}, seconds=4)
    assert [run.state for run in found.rows[0].runs] == [HERE, MISSING]


def test_a_track_in_one_file_lasts_as_long_as_its_period() -> None:
    body = (
        '<AdaptationSet mimeType="text/vtt" lang="en"><Representation id="t" bandwidth="1">'
        "<BaseURL>t.vtt</BaseURL></Representation></AdaptationSet>"
    )
    found = drawn(body, {"t.vtt"})
    assert found.rows[0].runs == (Run(0.0, 8.0, HERE, 1),)
    assert (found.rows[0].kind, found.rows[0].label) == ("text", "en")


def test_no_path_of_a_local_mpd_from_somebody_else_is_looked_for_outside_of_the_mirror() -> None:
    asked: list[str] = []
    document = mpd(numbered("%2e%2e/%2e%2e/etc/$Number$"), seconds=4)
    presentation = resolve(parse_mpd(document), url="http://mirror.invalid/")
    plan = iter_plan(make_tracks(presentation), make_layout(presentation))
    found = draw(presentation, plan, lambda path: asked.append(path), {})
    assert asked == []
    assert [trouble.state for trouble in found.troubles] == [MISSING]


def test_a_path_that_is_no_text_is_told_as_one() -> None:
    found = drawn(numbered("%ff$Number$"), set(), seconds=4)
    assert found.troubles[0].path == "\ufffd1"
    assert msgspec.json.encode(found)
