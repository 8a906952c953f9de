"""How many transfers there may be after descriptors ran out, with a clock that is turned by hand."""

from __future__ import annotations

import itertools

from dashget.transfer.pacing.allowance import Allowance


class Machine:
    """Has descriptors for so many transfers, all of which are wanted."""

    def __init__(self, fits: int, wanted: int = 16) -> None:
        self.fits = fits
        self.allowance = Allowance(wanted)
        self.failures: list[float] = []
        self._ticks = 0
        self.now = 0.0

    def run(self, seconds: float) -> list[int]:
        """Let time go by; return how many transfers were allowed, ten times a second."""
        seen = []
        for _ in range(round(seconds * 10)):
            self._ticks += 1
            self.now = self._ticks / 10
            self.allowance.recover(self.now)
            for active in range(self.allowance.most, self.fits, -1):
                self.allowance.ran_short(active - 1, self.now)
                self.failures.append(self.now)
            seen.append(self.allowance.most)
        return seen


def test_without_a_shortage_all_transfers_are_allowed() -> None:
    machine = Machine(16)
    assert set(machine.run(10)) == {16}
    assert not machine.allowance.is_short


def test_a_shortage_leaves_the_transfers_that_have_descriptors() -> None:
    machine = Machine(7)
    assert machine.run(0.1) == [7]
    assert machine.allowance.is_short


def test_after_a_temporary_shortage_the_number_grows_by_one() -> None:
    machine = Machine(3)
    machine.run(1)
    machine.fits = 16
    seen = machine.run(20)
    assert all(after - before in (0, 1) for before, after in itertools.pairwise(seen))
    assert seen[-1] == 16
    assert seen.index(16) < 100
    assert not machine.allowance.is_short


def test_a_lasting_shortage_is_tried_less_and_less_often() -> None:
    machine = Machine(7)
    machine.run(0.1)
    machine.failures.clear()
    seen = machine.run(200)
    assert seen.count(7) == len(seen)
    pauses = [b - a for a, b in itertools.pairwise(machine.failures)]
    assert all(later > pause - 0.05 for pause, later in itertools.pairwise(pauses))
    assert 29 < pauses[-1] < 31
    assert len(machine.failures) < 15


def test_a_number_below_the_one_that_failed_is_soon_reached_again() -> None:
    machine = Machine(7)
    machine.run(100)
    machine.fits = 2
    machine.allowance.ran_short(2, machine.now)
    machine.fits = 7
    assert machine.run(4)[-1] == 7


def test_transfers_that_fail_together_have_met_one_shortage() -> None:
    """Three that fail at once do not make the next try three times as late."""
    alone, together = Allowance(8), Allowance(8)
    alone.ran_short(7, 1.0)
    for left in (7, 6, 5):
        together.ran_short(left, 1.0)
    assert (alone.most, together.most) == (7, 5)
    assert alone.recover(1.6)
    assert together.recover(1.6)


def test_no_transfer_is_allowed_for_a_moment_only() -> None:
    machine = Machine(0, wanted=4)
    assert machine.run(0.1) == [0]
    machine.run(60)
    late = [b - a for a, b in itertools.pairwise(machine.failures[4:])]
    assert max(late) < 2.2
    machine.fits = 4
    assert machine.run(10)[-1] == 4


def test_the_number_is_never_below_zero() -> None:
    allowance = Allowance(1)
    allowance.ran_short(-1, 0.0)
    assert allowance.most == 0


def test_it_is_hopeless_after_ten_seconds_without_progress() -> None:
    allowance = Allowance(2)
    allowance.ran_short(0, 0.0)
    assert not allowance.is_hopeless(5, 0.0)
    assert not allowance.is_hopeless(5, 9.9)
    assert allowance.is_hopeless(5, 10.1)


def test_it_is_not_hopeless_after_progress() -> None:
    allowance = Allowance(2)
    allowance.ran_short(0, 0.0)
    assert not allowance.is_hopeless(5, 0.0)
    assert not allowance.is_hopeless(6, 30.0)


def test_it_is_not_hopeless_while_another_is_at_work() -> None:
    allowance = Allowance(3)
    allowance.ran_short(1, 0.0)
    assert not allowance.is_hopeless(5, 0.0)
    assert not allowance.is_hopeless(5, 30.0)
