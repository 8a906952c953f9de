"""The gap report: losses, holes, what is still to come; and how much of each."""

from __future__ import annotations

from fractions import Fraction

from dashget.live.facts import (
    Fact,
    HoleFact,
    LineFact,
    LossFact,
    OutageFact,
    Reason,
    SegmentFact,
    SessionFact,
)
from dashget.live.gaps import find_gaps, has_losses, totals_of
from dashget.live.state import State

BEGIN = 1_700_000_000.0
LINE = LineFact(1, "v/$Number$ number/1/2", label="v", scale=1, origin=BEGIN)
RUN = (SessionFact("begin", BEGIN), LINE)


def segments(*numbers: int) -> list[Fact]:
    return [SegmentFact(1, number * 2, 2, number) for number in numbers]


def gaps(*facts: Fact) -> list[tuple[float, float, int | None, Reason]]:
    state = State.of((*RUN, *facts))
    found = find_gaps(state.lines, state.outages, state.runs)
    return [(gap.begin - BEGIN, gap.end - BEGIN, gap.segments, gap.reason) for gap in found]


def test_without_a_hole_there_is_none() -> None:
    assert gaps(*segments(0, 1, 2)) == []


def test_losses_that_touch_and_have_one_reason_are_one_gap() -> None:
    lost = [
        LossFact(1, 4, 2, 2, 2, Reason.OUTAGE),
        LossFact(1, 8, 2, 4, 1, Reason.OUTAGE),
        LossFact(1, 10, 2, 5, 1, Reason.NOT_THERE),
    ]
    assert gaps(*segments(0, 1), *lost, *segments(6)) == [
        (4, 10, 3, Reason.OUTAGE),
        (10, 12, 1, Reason.NOT_THERE),
    ]


def test_what_is_withdrawn_is_no_gap() -> None:
    facts = (*segments(0), LossFact(1, 2, 2, 1), *segments(2))
    assert gaps(*facts) == []
    totals = totals_of(State.of((*RUN, *facts)).lines)
    assert (totals.announced, totals.recorded, totals.withdrawn) == (3, 2, 1)


def test_a_hole_that_nobody_has_explained_is_a_gap() -> None:
    """It was announced, and the recorder was killed before it came."""
    found = gaps(*segments(0, 1, 4))
    assert found == [(4, 8, None, Reason.PENDING)]


def test_a_hole_of_the_presentation_is_no_loss() -> None:
    alive = SessionFact("alive", BEGIN + 100)
    facts = (*segments(0, 1), HoleFact(1, 4, 8), *segments(4), alive)
    assert gaps(*facts) == [(4, 8, None, Reason.ANNOUNCED)]
    state = State.of((*RUN, *facts))
    assert not has_losses(find_gaps(state.lines, state.outages, state.runs))


def test_a_hole_in_an_outage_or_without_a_recorder_is_a_loss() -> None:
    hole = (*segments(0, 1), HoleFact(1, 4, 8), *segments(4))
    alive = SessionFact("alive", BEGIN + 100)
    assert gaps(*hole, OutageFact(BEGIN + 5, BEGIN + 6), alive)[0][3] is Reason.OUTAGE
    dead = (SessionFact("alive", BEGIN + 5), SessionFact("begin", BEGIN + 7), alive)
    assert gaps(*hole, *dead)[0][3] is Reason.NOT_RUNNING


def test_a_recorded_segment_voids_an_earlier_loss_only_if_it_came_first() -> None:
    """A loss is final: the recorder asks no more."""
    state = State.of((*RUN, *segments(0), LossFact(1, 2, 2, 1, 1, Reason.ODD), *segments(1)))
    totals = totals_of(state.lines)
    assert (totals.recorded, totals.lost) == (1, 1)


def test_facts_about_lines_that_nobody_knows_are_passed_over() -> None:
    facts = [SegmentFact(9, 0, 2, 0), LossFact(9, 0, 2, 0), HoleFact(9, 0, 2)]
    assert totals_of(State.of(facts).lines).announced == 0


def test_a_line_is_restored_with_its_place_in_time() -> None:
    line = State.of(RUN).lines.by_id[1]
    assert line.wall(10) == BEGIN + 10
    assert line.origins == (Fraction(BEGIN),)
