"""Stretches of lines: what is written down when a document says something else of them."""

from __future__ import annotations

import msgspec

from dashget.live.facts import ShapeFact
from dashget.live.line import Line
from dashget.live.listing import Listing
from dashget.live.spans import Run
from dashget.live.stretches import Stretches
from tests.support.liveworld import Script, document


def listing(**changes: object) -> Listing:
    found = document(Script(form="time"), 60.0).listings[0]
    return msgspec.structs.replace(found, **changes)


def shapes_of(listings: list[Listing]) -> int:
    """Return how many shapes are kept of documents, each with a new segment."""
    line = Line(1, "t0", 1, listings[0])
    stretches, count = Stretches(), 0
    for at, each in enumerate(listings):
        line.listings = (each,)
        run = Run(at * 20, 20, 1, at + 1)
        count += sum(isinstance(fact, ShapeFact) for fact in stretches.describe(line, run))
        line.recorded.add(run)
    return count


def test_the_same_words_are_kept_once() -> None:
    assert shapes_of([listing()] * 100) == 1


def test_estimates_that_change_with_each_document_are_kept_seldom() -> None:
    text = listing().shape
    changing = [listing(shape=text.replace("8000", str(8000 + number))) for number in range(1000)]
    assert 5 <= shapes_of(changing) <= 10


def test_other_words_are_kept_at_once() -> None:
    text = listing().shape
    assert shapes_of([listing(), listing(shape=text.replace("init", "other"))]) == 2


def test_a_period_of_another_name_is_a_stretch_of_its_own() -> None:
    line, stretches = Line(1, "t0", 1, listing()), Stretches()
    for at, period in enumerate(("p0", "p0", "p1", "p1")):
        line.listings = (listing(period=period),)
        list(stretches.describe(line, Run(at * 20, 20, 1, at + 1)))
    assert [(each.time, each.period) for each in stretches.of[1]] == [(0, "p0"), (40, "p1")]
