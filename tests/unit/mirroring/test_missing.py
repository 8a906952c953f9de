"""Rows of files that nobody has, before an engine whose transfers end in a chosen order."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

import dashget
from dashget.errors import Retry
from dashget.session.session import Session
from dashget.transfer.contract import Fetched, Hooks, Job, ResponseHead, TransferError
from tests.support.builders import mpd, numbered


class Engine:
    """Has the segments that ``has`` says. The first job of a run ends after all others."""

    def __init__(self, has: Callable[[int], bool]) -> None:
        self._has = has
        self.asked = 0

    def run(
        self, jobs: Iterable[Job], done: Callable[[Job, Any], object], *, hooks: Hooks | None = None
    ) -> None:
        late: list[Job] = []
        for job in jobs:
            self.asked += 1
            if late:
                self._end(job, done)
            else:
                late.append(job)
        for job in late:
            self._end(job, done)

    def _end(self, job: Job, done: Callable[[Job, Any], object]) -> None:
        url = job.request.url
        number = int(url.rpartition("/")[2].partition(".")[0])
        if not self._has(number):
            message = "HTTP 404 Not Found"
            failure = TransferError(
                message, retry=Retry.ELSEWHERE, url=url, status=404, attempts=1, requests=1
            )
            done(job, failure)
            return
        head = ResponseHead(url, 200, "1.1", 1, None, None, None, None)
        assert job.deliver is not None
        job.deliver(job, head, [b"x"])
        done(job, Fetched(head, 1, 1, 1, 1, 0.0, 0.0, None, False))


def outcomes(
    has: Callable[[int], bool], count: int, root: Path, monkeypatch: pytest.MonkeyPatch
) -> tuple[dict[str, int], Engine]:
    manifest = root / "x.mpd"
    manifest.write_bytes(mpd(numbered(extra=f'endNumber="{count}"'), seconds=2 * count))
    engine = Engine(has)
    with Session() as session:
        loaded = session.open(str(manifest), base_url="http://origin.example/")
        monkeypatch.setattr(session, "_engine_for", lambda *_: engine)
        summary = session.mirror(loaded, root / "m")
    assert sum(summary.outcomes.values()) == count
    assert {failure.path for failure in summary.failures} == {
        f"v/{number}.m4s" for number in range(1, count + 1) if not has(number)
    }
    return {outcome.value: files for outcome, files in summary.outcomes.items()}, engine


def test_a_file_that_comes_while_nothing_else_is_asked_for_ends_no_plan(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def has(number: int) -> bool:
        return number == 1 or number > 30

    found, _ = outcomes(has, 300, tmp_path, monkeypatch)
    assert found == {"downloaded": 271, "failed": 29}


@pytest.mark.parametrize("every", [2, 10, 20])
def test_scattered_files_are_all_found(
    every: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found, engine = outcomes(lambda number: number % every == 0, 4_000, tmp_path, monkeypatch)
    assert found == {"downloaded": 4_000 // every, "failed": 4_000 - 4_000 // every}
    assert engine.asked >= 4_000


def test_files_that_all_go_away_are_noticed_where_others_had_come(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found, engine = outcomes(lambda number: number <= 300, 4_000, tmp_path, monkeypatch)
    assert found == {"downloaded": 300, "failed": 3_700}
    assert engine.asked <= 300 + 2 * (24 + 24) + 100


def test_a_plan_that_was_not_worked_through_is_no_complete_mirror(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dashget.mirroring.run.MirrorRun._work_through", lambda *_: None)
    manifest = tmp_path / "x.mpd"
    manifest.write_bytes(mpd(numbered()))
    with Session() as session:
        loaded = session.open(str(manifest), base_url="http://origin.example/")
        summary = session.mirror(loaded, tmp_path / "m")
    assert summary.interrupted
    with pytest.raises(dashget.MirrorIncompleteError):
        summary.raise_for_failures()
