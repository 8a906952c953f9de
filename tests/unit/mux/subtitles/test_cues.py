"""Cues that were cut are made whole, and times have no overlap where a file allows none."""

from __future__ import annotations

from fractions import Fraction

import pytest

from dashget.mux.subtitles.cues import Cue, in_milliseconds, joined, moved, parted
from dashget.mux.subtitles.limits import SubtitleError


def cue(start: float, end: float, text: str = "a", settings: str = "") -> Cue:
    return Cue(Fraction(start), Fraction(end), text, settings)


def test_a_cue_that_goes_on_in_the_next_sample_is_one() -> None:
    pieces = [[cue(0, 1)], [cue(1, 2)], [cue(2, 3), cue(2, 3, "b")], [cue(3, 4, "b")]]
    assert joined(pieces) == (cue(0, 3), cue(2, 4, "b"))


def test_a_cue_that_two_segments_have_whole_is_one() -> None:
    assert joined([[cue(1, 5)], [cue(1, 5), cue(6, 7)]]) == (cue(1, 5), cue(6, 7))


def test_cues_of_other_settings_or_after_a_gap_stay_apart() -> None:
    pieces = [[cue(0, 1)], [cue(1, 2, settings="line:0")], [cue(3, 4, settings="line:0")]]
    assert len(joined(pieces)) == 3


def test_two_cues_of_one_file_are_never_made_one() -> None:
    assert len(joined([[cue(0, 1), cue(1, 2)]])) == 2


def test_two_cues_of_the_same_text_go_on_as_two() -> None:
    pieces = [[cue(0, 2), cue(1, 2)], [cue(2, 3), cue(2, 4)]]
    assert [(one.start, one.end) for one in joined(pieces)] == [(0, 3), (1, 4)]


def test_moved_cues_are_cut_to_their_window() -> None:
    cues = [cue(0, 1), cue(1, 3), cue(3, 9), cue(9, 10)]
    window = (Fraction(0), Fraction(4))
    shown = [(one.start, one.end) for one in moved(cues, Fraction(-2), window)]
    assert shown == [(0, 1), (1, 4)]


def test_times_are_rounded_once_and_no_cue_gets_lost() -> None:
    cues = [Cue(Fraction(1, 3), Fraction(2, 3), "a"), Cue(Fraction(1), Fraction(10001, 10000), "b")]
    assert [one[:2] for one in in_milliseconds(cues)] == [(333, 667), (1000, 1001)]


def test_overlaps_are_parted_and_gaps_are_empty() -> None:
    a, b = cue(1, 4), cue(2, 3, "b")
    found = [(start, end, [one.payload for one in shown]) for start, end, shown in parted(
        ((1, 4, a), (2, 3, b), (6, 7, a))
    )]  # fmt: skip
    assert found == [
        (0, 1, []),
        (1, 2, ["a"]),
        (2, 3, ["a", "b"]),
        (3, 4, ["a"]),
        (4, 6, []),
        (6, 7, ["a"]),
    ]


def test_cues_that_all_overlap_have_a_limit() -> None:
    many = [(number, 10_000, cue(0, 1)) for number in range(3000)]
    with pytest.raises(SubtitleError, match="pieces of text"):
        list(parted(many))
