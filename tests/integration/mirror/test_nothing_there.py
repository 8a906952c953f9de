"""A presentation of which the server has nothing: it is noticed before all of it is asked for."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from dashget.events import Summary
from tests.support.builders import FILLER, mpd
from tests.support.faultserver import Answer, FaultServer, Seen, redirect, refuse
from tests.support.program import run
from tests.support.running import mirror

FILES = 2_000
FEW = 90
"""So many requests at most: 24 in a row, 24 samples, what is under way, and the manifest."""


class Shelf(FaultServer):
    """Has the segments that ``has`` says, by Representation and number, and nothing else."""

    def __init__(self, has: Callable[[str, int], bool], otherwise: Answer | None = None) -> None:
        super().__init__()
        self._has = has
        self._otherwise = otherwise or refuse(404)

    def publish(self, representations: str, count: int, bases: str = "") -> str:
        template = (
            f'<SegmentTemplate duration="1" endNumber="{count}"'
            ' media="$RepresentationID$/$Number$.bin"/>'
        )
        sets = "".join(
            f'<AdaptationSet {FILLER}>{template}<Representation id="{one}" bandwidth="8"/>'
            "</AdaptationSet>"
            for one in representations
        )
        return self.on("/x.mpd", Answer(mpd(sets, seconds=count, before=bases)))

    def _choose(self, seen: Seen) -> Answer:
        if seen.path.endswith(".mpd"):
            return super()._choose(seen)
        *_, name, file = seen.path.split("/")
        number = int(file.partition(".")[0])
        return Answer(file.encode()) if self._has(name, number) else self._otherwise


def ends(summary: Summary) -> dict[str, int]:
    return {outcome.value: count for outcome, count in summary.outcomes.items()}


OTHERS = {
    "404": refuse(404),
    "410": refuse(410),
    "400": refuse(400),
    "403": refuse(403),
    "401": refuse(401),
    "304": Answer(status=304),
    "302": redirect("/v/1.bin"),
    "a page": Answer(b"<!DOCTYPE html><title>Not found</title>"),
}


@pytest.mark.parametrize("other", OTHERS)
@pytest.mark.parametrize("representations", ["v", "vwxyz"])
def test_nothing_at_all_costs_some_dozens_of_requests(
    other: str, representations: str, tmp_path: Path
) -> None:
    with Shelf(lambda *_: False, OTHERS[other]) as server:
        count = FILES // len(representations)
        summary, events = mirror(server.publish(representations, count), tmp_path)
        # A redirect is followed.
        assert len(server.seen) <= (2 * FEW if other == "302" else FEW)
    assert ends(summary) == {"failed": FILES}
    assert len({failure.path for failure in summary.failures}) == FILES
    unasked = [failure for failure in summary.failures if not failure.attempts]
    assert len(unasked) >= FILES - FEW
    assert all("none of " in failure.reason for failure in unasked)
    assert all(failure.hint for failure in unasked)
    assert len(events.outcomes()) == FILES


def test_the_command_says_what_it_looks_like(tmp_path: Path) -> None:
    with Shelf(lambda *_: False) as server:
        ended = run(server.publish("v", FILES), "-o", "m", cwd=tmp_path)
    assert ended.code == 1
    assert "HTTP 404" in ended.err
    assert "hint: the presentation may have moved" in ended.err


SOME: dict[str, Callable[[str, int], bool]] = {
    "all but the first 30": lambda _, number: number > 30,
    "the last tenth": lambda _, number: number > 360,
    "the last two": lambda _, number: number > 398,
    "the last two of one": lambda name, number: name == "z" and number > 398,
    "the first ten": lambda _, number: number <= 10,
    "a twentieth in the middle": lambda _, number: 180 < number <= 200,
    "one Representation of five": lambda name, _: name == "x",
}


@pytest.mark.parametrize("some", SOME)
def test_what_is_there_is_fetched(some: str, tmp_path: Path) -> None:
    has, names, count = SOME[some], "vwxyz", 400
    there = sum(has(name, number) for name in names for number in range(1, count + 1))
    with Shelf(has) as server:
        summary, _ = mirror(server.publish(names, count), tmp_path)
    assert ends(summary) == {"downloaded": there, "failed": 5 * count - there}


def test_a_presentation_that_goes_away_part_way_is_noticed(tmp_path: Path) -> None:
    with Shelf(lambda _, number: number <= 300) as server:
        summary, _ = mirror(server.publish("v", FILES), tmp_path)
        # More are under way by then.
        assert len(server.seen) <= 300 + 2 * FEW
    assert ends(summary) == {"downloaded": 300, "failed": FILES - 300}


HINTS = {
    404: "the presentation may have moved",
    418: "the host may refuse this client for a while",
    302: "open the URL in a browser",
    451: "for reasons of law",
    511: "the network wants a login first",
}


@pytest.mark.parametrize("status", HINTS)
def test_the_hint_follows_what_came_before(status: int, tmp_path: Path) -> None:
    otherwise = redirect("/v/300.bin") if status == 302 else refuse(status)
    with Shelf(lambda _, number: number <= 60, otherwise) as server:
        summary, _ = mirror(server.publish("v", 300), tmp_path)
    assert HINTS[status] in (summary.hint or "")


def test_another_base_that_has_the_files_is_all_that_counts(tmp_path: Path) -> None:
    with Shelf(lambda name, _: True) as server:
        bases = "<BaseURL>gone/</BaseURL><BaseURL>here/</BaseURL>"
        server._has = lambda name, number: server.seen[-1].path.startswith("/here/")
        summary, _ = mirror(server.publish("v", 200, bases), tmp_path)
    assert summary.complete


def test_a_later_run_completes_what_has_come_back(tmp_path: Path) -> None:
    there = [False]
    with Shelf(lambda *_: there[0]) as server:
        url = server.publish("v", 200)
        assert not mirror(url, tmp_path)[0].complete
        there[0] = True
        summary, _ = mirror(url, tmp_path)
        assert ends(summary) == {"downloaded": 200}
