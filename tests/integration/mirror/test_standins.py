"""A host that sends one and the same thing in place of every file is waited for."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

import dashget
from dashget.events import Progressed, Warned
from dashget.mirroring import standins
from tests.support.builders import initialization, media_segment, mpd
from tests.support.faultserver import Answer, FaultServer, Seen
from tests.support.running import Events

COUNT = 60
PAGE = b"<!DOCTYPE html><title>Maintenance</title><p>We are back soon"


class House(FaultServer):
    """Sends a page in place of files after ``good`` ones, until one of these was asked for
    again ``checks`` times.

    With ``flickers`` every second request for such a one is answered with it all the same. A path
    with ``/b/`` has the files at any time, one with ``/odd/`` never; a segment from ``broken`` on
    is a page for ever.
    """

    def __init__(
        self, good: int, checks: float, *, broken: int = COUNT + 1, flickers: bool = False
    ) -> None:
        super().__init__()
        self.flickers = flickers
        self.good, self.checks, self.broken = good, checks, broken
        self.came: set[str] = set()
        self.asked_again = 0
        self.lock = threading.Lock()

    def publish(self, *bases: str) -> str:
        template = (
            f'<SegmentTemplate timescale="1" duration="2" endNumber="{COUNT}"'
            ' initialization="i.mp4" media="v/$Number$.m4s"/>'
        )
        content = (
            f'<AdaptationSet mimeType="video/mp4">{template}'
            '<Representation id="v" bandwidth="8000"/></AdaptationSet>'
        )
        before = "".join(f"<BaseURL>{base}</BaseURL>" for base in bases)
        return self.on("/x.mpd", Answer(mpd(content, seconds=2 * COUNT, before=before)))

    def _choose(self, seen: Seen) -> Answer:
        if seen.path.endswith(".mpd"):
            return super()._choose(seen)
        name = seen.path.rpartition("/")[2].partition(".")[0]
        file = initialization() if name == "i" else media_segment(int(name), name.encode() * 9)
        if seen.path.startswith("/b/"):
            return Answer(file)
        if seen.path.startswith("/odd/") or (name != "i" and int(name) >= self.broken):
            return Answer(PAGE)
        with self.lock:
            if len(self.came) >= self.good and self.checks > 0:
                again = seen.path in self.came
                self.checks -= again
                self.asked_again += again
                shown = self.flickers and again and self.asked_again % 2 == 0
                return Answer(file if shown else PAGE)
            self.came.add(seen.path)
        return Answer(file)


def fetch(url: str, root: Path, **options: Any) -> tuple[dashget.Summary, list[str]]:
    events = Events()
    transfer = dashget.TransferOptions(in_flight=2, **options)
    summary = dashget.mirror(url, root=root, transfer=transfer, observer=events)
    waits = [each.message for each in events if isinstance(each, Warned)]
    return summary, [message for message in waits if "fails for every file" in message]


@pytest.mark.parametrize("good", [20, COUNT - 8], ids=["amid", "at the end"])
def test_a_page_for_a_while_costs_no_file(tmp_path: Path, good: int) -> None:
    with House(good, 3) as server:
        summary, waits = fetch(server.publish(), tmp_path)
        assert len(server.seen) <= COUNT + 2 + 16
    assert summary.complete
    assert len(waits) == 1


def test_the_wait_is_shown(tmp_path: Path) -> None:
    events = Events()
    with House(20, 3) as server:
        transfer = dashget.TransferOptions(in_flight=2)
        dashget.mirror(server.publish(), root=tmp_path, transfer=transfer, observer=events)
    begun = next(at for at, each in enumerate(events) if isinstance(each, Warned))
    told = [each for each in events[begun:] if isinstance(each, Progressed)]
    assert any(not each.in_flight and each.waiting_to_retry for each in told)
    assert [each.transferred for each in told] == sorted(each.transferred for each in told)


def test_after_the_patience_each_file_has_failed_by_name(tmp_path: Path) -> None:
    with House(20, float("inf")) as server:
        summary, waits = fetch(server.publish(), tmp_path, host_patience_seconds=0.5)
        assert len(server.seen) < 40
    assert len(waits) == 1
    assert len({failure.path for failure in summary.failures}) == COUNT + 1 - summary.files
    assert all("an HTML page titled 'Maintenance'" in each.reason for each in summary.failures)


def test_what_may_be_a_token_that_has_run_out_is_not_waited_for_long(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(standins, "_PATIENCE_SECONDS", 0.5)
    with House(20, float("inf")) as server:
        summary, waits = fetch(server.publish(), tmp_path, host_patience_seconds=3600)
    assert len(waits) == 1
    assert len(summary.failures) == COUNT + 1 - summary.files


def test_a_host_that_only_seems_to_come_back_is_given_up_at_last(tmp_path: Path) -> None:
    with House(20, float("inf"), flickers=True) as server:
        summary, waits = fetch(server.publish(), tmp_path, host_patience_seconds=1)
        assert len(server.seen) < 2 * COUNT
    assert len(waits) == 1
    assert len(summary.failures) == COUNT + 1 - summary.files


def test_the_wait_ends_when_the_time_is_up(tmp_path: Path) -> None:
    with House(20, float("inf")) as server:
        url = server.publish()
        summary = dashget.mirror(url, root=tmp_path, max_time_seconds=1)
    assert summary.interrupted
    assert not summary.complete


def test_pages_that_are_the_files_own_are_not_waited_for(tmp_path: Path) -> None:
    with House(10**6, 0, broken=COUNT - 9) as server:
        summary, waits = fetch(server.publish(), tmp_path)
        # Three for each, and some for a file that had come.
        assert len(server.seen) <= COUNT + 2 + 2 * 10 + 5
    assert not waits
    assert {failure.path for failure in summary.failures} == {
        f"v/{number}.m4s" for number in range(COUNT - 9, COUNT + 1)
    }


@pytest.mark.parametrize("bases", [("/", "/b/"), ("/", "/odd/", "/odd/a/", "/odd/c/", "/b/")])
def test_another_base_has_what_one_host_sends_pages_for(
    tmp_path: Path, bases: tuple[str, ...]
) -> None:
    with House(5, float("inf")) as server:
        summary, waits = fetch(server.publish(*bases), tmp_path)
    assert summary.complete, summary.failures
    assert not waits


def test_nothing_from_any_base_is_noticed(tmp_path: Path) -> None:
    with House(0, float("inf")) as server:
        summary, waits = fetch(server.publish("/", "/odd/"), tmp_path)
        assert len(server.seen) < 2 * COUNT
    assert len(summary.failures) == COUNT + 1
    assert not waits
