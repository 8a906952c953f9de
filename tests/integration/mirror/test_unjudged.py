"""A run that is killed before it has judged all files, and files judged late: no hole is left."""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path

import pytest

from dashget.mirroring import clocks
from dashget.mirroring.outcomes import Outcomes
from dashget.mirroring.run import MirrorRun
from dashget.store import Mirror
from tests.integration.mirror.test_misplaced import COUNT, MP4, publish, segment
from tests.integration.mirror.test_odd_content import chunks, described, nameless
from tests.integration.mirror.test_odd_content import publish as publish_chunks
from tests.integration.mirror.test_off_time import MORE, Made, alone, off
from tests.support.builders import TIMESCALE, box, initialization, mpd
from tests.support.faultserver import Answer, FaultServer, refuse
from tests.support.running import mirror, verify

MANY = 300


class KilledError(BaseException):
    """Ends a run as a kill does, but for the lines that are written at its end."""


CASES: dict[str, Made] = {
    "one of no time": alone(5),
    "one in the place of another": lambda number: segment({5: 6}.get(number, number)),
    "two a segment early": off(range(5, 7), -2),
    "four late": off(range(3, 7), 3600),
    **{name: made for name, (made, _) in MORE.items()},
}


def kill(
    monkeypatch: pytest.MonkeyPatch, owner: type, method: str, run: Callable[[], object]
) -> None:
    """Run until a method is called."""

    def die(*_: object) -> None:
        raise KilledError

    with monkeypatch.context() as patch:
        patch.setattr(owner, method, die)
        with pytest.raises(KilledError):
            run()


def check(url: str, root: Path, *, accept_odd: bool = False) -> bool:
    """Mirror, and return if that is complete; ``verify`` says the same."""
    summary, _ = mirror(url, root, accept_odd=accept_odd)
    report, found = verify(root)
    assert summary.complete is report.sound, found.problems()
    return summary.complete


def last_lines(root: Path) -> bytes:
    """Return the valid line of each file."""
    lines = (root / ".dashget/record.jsonl").read_bytes().splitlines()
    return b"\n".join({line.partition(b",")[0]: line for line in lines}.values())


@pytest.mark.parametrize("case", CASES)
def test_a_kill_before_the_judgement_lets_nothing_pass(
    server: FaultServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, case: str
) -> None:
    url = publish(server, CASES[case])
    kill(monkeypatch, Outcomes, "check_times", lambda: mirror(url, tmp_path))
    kill(monkeypatch, Outcomes, "check_times", lambda: mirror(url, tmp_path))
    first = check(url, tmp_path)
    assert check(url, tmp_path) is first
    publish(server, (lambda number: segment(number, 3600)) if "among" in case else segment)
    assert first or check(url, tmp_path)


def test_what_has_come_in_the_meantime_is_taken_in_one_run(
    server: FaultServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = publish(server, MORE["two on time among others"][0])
    kill(monkeypatch, Outcomes, "check_times", lambda: mirror(url, tmp_path))
    publish(server, lambda number: segment(number, 3600))
    assert check(url, tmp_path)
    server.seen.clear()
    assert check(url, tmp_path)
    assert [seen.path for seen in server.seen] == ["/x.mpd"]


def test_what_was_judged_and_not_told_is_judged_by_what_is_there(
    server: FaultServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = publish(server, off(range(3, 7), 3600))
    kill(monkeypatch, Mirror, "note_judged", lambda: mirror(url, tmp_path))
    for number in range(1, COUNT + 1):
        server.on(f"/v/{number}.m4s", refuse(404))
    server.seen.clear()
    assert check(url, tmp_path)
    assert b'"unjudged"' not in last_lines(tmp_path)
    assert {seen.path for seen in server.seen} == {"/x.mpd"}


def test_a_file_that_is_perhaps_not_whole_is_fetched_after_a_kill(
    server: FaultServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = publish_chunks(server, "mp4")
    server.on("/show/i.mp4", Answer(described("rows")))
    server.on("/show/v/2.m4s", nameless(chunks(2)))
    kill(monkeypatch, MirrorRun, "_prove", lambda: mirror(url, tmp_path))
    assert (tmp_path / "v/2.m4s").read_bytes() == chunks(2)
    server.on("/show/v/2.m4s", Answer(chunks(4)))
    assert check(url, tmp_path)
    assert (tmp_path / "v/2.m4s").read_bytes() == chunks(4)


@pytest.mark.parametrize("case", ["one of no time", "one in the place of another"])
def test_an_initialization_segment_that_comes_last_has_all_judged(
    server: FaultServer, tmp_path: Path, case: str
) -> None:
    url = publish(server, CASES[case])
    server.on("/i.mp4", refuse(404), Answer(initialization()))
    summary, _ = mirror(url, tmp_path)
    assert [failure.path for failure in summary.failures] == ["v/5.m4s"]
    server.on("/v/5.m4s", Answer(segment(5)))
    assert check(url, tmp_path)


def timed(number: int, shift: int) -> bytes:
    """Return a segment of two seconds, one of very many."""
    ticks = ((number - 1) * 2 + shift) * TIMESCALE
    tfdt = box("tfdt", struct.pack(">IQ", 1 << 24, ticks))
    moof = box("moof", box("mfhd", bytes(8)), box("traf", box("tfhd", bytes(8)), tfdt))
    return moof + box("mdat", bytes(400 + number))


def publish_many(server: FaultServer, late: dict[int, int]) -> str:
    """Put very many segments on the server, some of which are late by so many seconds."""
    content = (
        f'<AdaptationSet {MP4}><SegmentTemplate duration="2" initialization="i.mp4"'
        f' media="v/$Number$.m4s" endNumber="{MANY}"/>'
        '<Representation id="v" bandwidth="8000"/></AdaptationSet>'
    )
    server.on("/i.mp4", Answer(initialization()))
    for number in range(1, MANY + 1):
        server.on(f"/v/{number}.m4s", Answer(timed(number, late.get(number, 0))))
    return server.on("/x.mpd", Answer(mpd(content, seconds=2 * MANY)))


def test_what_is_wrong_without_others_that_were_is_asked_for_too(
    server: FaultServer, tmp_path: Path
) -> None:
    late = {**dict.fromkeys(range(51, 55), 3600), 55: 500, **dict.fromkeys(range(58, 62), 3600)}
    url = publish_many(server, late)
    summary, _ = mirror(url, tmp_path)
    assert {failure.path for failure in summary.failures} == {"v/55.m4s", "v/56.m4s", "v/57.m4s"}
    assert not check(url, tmp_path)


def test_what_is_wrong_without_others_that_were_is_accepted_too(
    server: FaultServer, tmp_path: Path
) -> None:
    late = {**dict.fromkeys(range(51, 55), 3600), 55: 500, **dict.fromkeys(range(58, 62), 3600)}
    assert check(publish_many(server, late), tmp_path, accept_odd=True)


@pytest.mark.parametrize(("at", "remembered"), [(60, 9), (61, 9), (100, 9), (100, 0)])
def test_one_on_time_among_few_of_many_is_found(
    server: FaultServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    at: int,
    remembered: int,
) -> None:
    monkeypatch.setattr(clocks, "_REMEMBERED", remembered)
    late = dict.fromkeys(range(at - 4, at + 5), 3600)
    url = publish_many(server, late)
    wanted = timed(at, 3600)
    server.on(f"/v/{at}.m4s", refuse(404))
    assert not mirror(url, tmp_path)[0].complete
    server.on(f"/v/{at}.m4s", Answer(timed(at, 0)))
    assert not check(url, tmp_path)
    server.on(f"/v/{at}.m4s", Answer(wanted))
    assert check(url, tmp_path)
    assert (tmp_path / f"v/{at}.m4s").read_bytes() == wanted


def test_what_is_wrong_beside_what_has_come_is_asked_for_in_the_same_run(
    server: FaultServer, tmp_path: Path
) -> None:
    url = publish(server, lambda number: segment(number, 0 if number == 6 else 3600))
    server.on("/v/9.m4s", refuse(404))
    assert not mirror(url, tmp_path)[0].complete
    publish(server, lambda number: segment(number, 3600))
    summary, events = mirror(url, tmp_path)
    assert summary.complete
    assert len(events.outcomes()) == sum(summary.outcomes.values()) == COUNT + 1
    assert verify(tmp_path)[0].sound
