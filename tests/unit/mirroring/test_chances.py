"""How many files are asked for once more at the end."""

from __future__ import annotations

import pytest

from dashget.mirroring.chances import SecondChances
from dashget.mirroring.ledger import Totals


@pytest.mark.parametrize(("complete", "most"), [(0, 100), (9, 100), (10, 101), (10_000, 1_100)])
def test_there_are_more_second_chances_where_more_files_are_complete(
    complete: int, most: int
) -> None:
    chances = SecondChances(Totals(files=complete))
    assert all(chances.take() for _ in range(most))
    assert not chances.left
    assert not chances.take()


def test_files_that_come_later_give_further_chances() -> None:
    totals = Totals()
    chances = SecondChances(totals)
    assert sum(chances.take() for _ in range(150)) == 100
    totals.files = 200
    assert chances.left
    assert sum(chances.take() for _ in range(150)) == 20
