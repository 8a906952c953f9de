"""The loop's own order, with stubs for exchanges."""

from __future__ import annotations

from typing import Any

import pytest

from dashget.transfer.engine import Engine
from dashget.transfer.run.exchange import Step
from dashget.transfer.run.loop import Loop
from dashget.transfer.run.run import Run
from dashget.transfer.settings.options import TransferOptions


class Stub:
    """What the loop sees of a slot and its exchange that has something to take in."""

    def __init__(self, order: list[Stub], *, under_way: bool, arrived: bool = True) -> None:
        self._order = order
        self.under_way = under_way
        self.arrived = [b"x"] if arrived else []

    def take_in(self) -> Step:
        self._order.append(self)
        return Step.MORE


def taken_in(*exchanges: tuple[bool, bool]) -> list[bool]:
    """Return whether each exchange that took something in was under way, in their order."""
    order: list[Stub] = []
    with Engine(TransferOptions()) as engine:
        loop: Any = engine._free[0]
        assert isinstance(loop, Loop)
        stubs = [Stub(order, under_way=u, arrived=a) for u, a in exchanges]
        loop.active = {stub: stub for stub in stubs}
        loop._take_in()
        loop.active = {}
    return [stub.under_way for stub in order]


def test_answers_that_have_just_begun_are_looked_at_first() -> None:
    """Whether a range was answered decides what becomes of one that is at its end."""
    assert taken_in(*[(True, True), (False, True)] * 4) == [False] * 4 + [True] * 4


def test_exchanges_without_new_data_take_nothing_in() -> None:
    assert taken_in((True, False), (False, False), (True, True)) == [True]


def test_a_loop_wakes_in_time_for_a_body_that_is_not_complete() -> None:
    """A kill costs what came in a hundredth of a second, not what came until the next tick."""
    waits: list[float] = []

    class Multi:
        def timeout(self) -> int:
            return -1

        def select(self, seconds: float) -> int:
            waits.append(seconds)
            return 1

    now = [100.0]
    with Engine(TransferOptions(), clock=lambda: now[0]) as engine:
        loop: Any = engine._free[0]
        loop.run = Run(engine._shared, iter(()), lambda *_: None, (loop.links,))
        real, loop._multi = loop._multi, Multi()
        loop._wait()
        loop._impatient_at = 100.004
        loop._wait()
        now[0] = 101.0
        loop._wait()
        loop._multi = real
    assert waits == [0.1, pytest.approx(0.004), 0.0]
