"""Every errand of a recorder is reported, whatever a full disk does to the record meanwhile."""

from __future__ import annotations

import threading
from types import SimpleNamespace
from typing import Any

import pytest

from dashget.common.stopping import Stop
from dashget.errors import StoreError
from dashget.live.listing import Once
from dashget.live.policy import Answer
from dashget.live.world import FetchEnded, FetchOnce, UpkeepEnded
from dashget.media.events import SILENT
from dashget.media.kind import SegmentKind
from dashget.recording.world import RealWorld
from dashget.transfer.contract import Hooks, Job, Request


class Engine:
    """Takes jobs of a source, and gives each a result; it raises what that raises."""

    def __init__(self) -> None:
        self._woken = threading.Event()

    def run(self, jobs: Any, done: Any, *, hooks: Hooks | None = None) -> None:
        del hooks
        while (job := jobs.next(0.0)) is not None:
            if isinstance(job, Job):
                done(job, object())
            else:
                self._woken.wait()
                self._woken.clear()

    def wake(self) -> None:
        self._woken.set()


class Store:
    """A record whose disk is full for the first ``full`` times."""

    def __init__(self, full: int) -> None:
        self.full = full

    def write_lines(self) -> None:
        self.full -= 1
        if self.full >= 0:
            error = StoreError("no space left")
            error.is_full = True
            raise error


class Keeper:
    """Has nothing that could go at the first ``helpless`` times."""

    def __init__(self, helpless: int) -> None:
        self.helpless = helpless

    def make_room(self) -> float | None:
        self.helpless -= 1
        return None if self.helpless >= 0 else 0.0


class Files:
    """Takes each file as here."""

    def is_here(self, errand: FetchOnce) -> bool:
        return not errand.path

    def job(self, errand: FetchOnce) -> Job:
        return Job(Request(errand.once.urls), _no_sink, SimpleNamespace(errand=errand))

    def take(self, *_: object) -> tuple[Answer, Any, None]:
        return Answer(200, here=True), SILENT, None


def _no_sink(_: Job) -> Any:
    raise AssertionError


@pytest.mark.parametrize("helpless", [0, 1])
def test_an_errand_is_reported_though_its_line_could_not_be_written(helpless: int) -> None:
    """Another thread may have removed the last file that could make room."""
    given: dict[str, Any] = {"store": Store(1), "files": Files(), "keeper": Keeper(helpless)}
    errand = FetchOnce(Once("v", ("http://h/v",), SegmentKind.INITIALIZATION), "v")
    with RealWorld(
        lambda _: Engine(), lambda _: None, local=None, stop=Stop(), room=1, hooks=Hooks(),  # type: ignore[arg-type, return-value]
        writing=threading.Lock(), ledger=None, **given,  # type: ignore[arg-type]
    ) as world:  # fmt: skip
        world.start(errand)
        reports: list[object] = []
        while not any(isinstance(each, FetchEnded) for each in reports):
            came = world.wait(world.moment() + 20)
            assert came, "no report came"
            reports += came
    assert any(isinstance(each, UpkeepEnded) for each in reports)
    ended = next(each for each in reports if isinstance(each, FetchEnded))
    assert ended.errand is errand
    # What could not be written is asked for again.
    assert ended.answer == (Answer(200, here=True) if helpless == 0 else Answer(ours=True))
