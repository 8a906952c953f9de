"""A verification tells how far it has come, offline, with the server, and while it repairs."""

from __future__ import annotations

from pathlib import Path

import pytest

import dashget
from dashget.events import Event, Progressed, Stage
from tests.integration.verify.presentation import FILES, truncate
from tests.support.faultserver import FaultServer
from tests.support.program import run
from tests.support.running import TRANSFER, Events, mirror


@pytest.fixture
def summed(server: FaultServer, tmp_path: Path) -> Path:
    """A mirror with checksums."""
    root = tmp_path / "summed"
    mirror(server.url("/show/x.mpd"), root, checksums=True)
    return root


def size_of(root: Path) -> int:
    return sum((root / name).stat().st_size for name in FILES)


def last(events: list[Event], stage: Stage) -> Progressed:
    return [e for e in events if isinstance(e, Progressed) and e.stage is stage][-1]


class EveryReading(Events):
    """An observer for which no reading comes too early: time passes with each of them."""

    now = 0.0

    def clock(self) -> float:
        self.now += 1
        return self.now


@pytest.fixture
def events(monkeypatch: pytest.MonkeyPatch) -> EveryReading:
    found = EveryReading()
    monkeypatch.setattr("dashget.verification.progress._EVERY_SECONDS", 0.0)
    return found


def test_an_offline_check_counts_its_files_and_the_bytes_that_it_reads(
    summed: Path, events: EveryReading
) -> None:
    dashget.verify(summed, observer=events)
    told = last(events, Stage.CHECKING)
    assert (told.files_done, told.files_total) == (len(FILES), len(FILES))
    assert (told.bytes_done, told.bytes_total) == (size_of(summed), size_of(summed))
    shown = [e.bytes_done for e in events if isinstance(e, Progressed)]
    assert shown == sorted(shown)
    assert len(set(shown)) >= len(FILES)


def test_without_checksums_there_are_no_bytes_to_read(small: Path, events: EveryReading) -> None:
    dashget.verify(small, observer=events)
    told = last(events, Stage.CHECKING)
    assert (told.files_done, told.files_total, told.bytes_total) == (len(FILES), len(FILES), 0)


def test_a_comparison_and_a_repair_have_stages_of_their_own(
    small: Path, events: EveryReading
) -> None:
    truncate(small / "v/2.m4s")
    dashget.verify(small, remote=True, repair=True, observer=events, transfer=TRANSFER)
    compared = last(events, Stage.COMPARING)
    assert compared.files_total == len(FILES) - 1
    assert last(events, Stage.CHECKING).files_done == len(FILES)
    order = [e.stage for e in events if isinstance(e, Progressed)]
    assert list(dict.fromkeys(order))[:2] == [Stage.CHECKING, Stage.COMPARING]
    fetched = [e for e in events if isinstance(e, Progressed) and e.stage is Stage.FETCHING]
    assert all(e.files_total == 1 for e in fetched)


def test_a_stop_is_answered_within_a_file(summed: Path) -> None:
    stop = dashget.Stop()
    seen: list[Event] = []

    def observe(event: Event) -> None:
        seen.append(event)
        stop.request()

    report = dashget.verify(summed, observer=observe, stop=stop)
    assert report.interrupted
    assert report.files <= 2


def test_an_observer_that_ignores_progress_gets_none(small: Path) -> None:
    class Deaf(Events):
        ignores = frozenset({Progressed})

    events = Deaf()
    dashget.verify(small, observer=events)
    assert not [event for event in events if isinstance(event, Progressed)]


def test_json_has_it_for_each_of_several_and_people_on_a_pipe_only_after_seconds(
    small: Path, summed: Path, tmp_path: Path
) -> None:
    told = run("verify", small, summed, "--json", cwd=tmp_path).events
    kinds = [event["event"] for event in told]
    assert kinds == ["progress", "report", "progress", "report"]
    assert [event["stage"] for event in told[::2]] == ["checking"] * 2
    assert told[2]["bytes_total"] == size_of(summed)
    for words in ((), ("-q",), ("--no-progress",)):
        assert run("verify", small, *words, cwd=tmp_path).err == ""
