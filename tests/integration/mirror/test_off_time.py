"""Segments that are off their time: ``get`` and ``verify`` decide by all of a Representation."""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import dashget
from tests.integration.mirror.test_misplaced import COUNT, WAYS, publish, segment
from tests.support.builders import TIMESCALE, box, initialization
from tests.support.faultserver import Answer, FaultServer, Seen
from tests.support.running import mirror, verify

Made = Callable[[int], bytes]


def off(numbers: range, shift: float) -> Made:
    """Return what makes segments of which some are off their time by so many seconds."""

    def made(number: int) -> bytes:
        there = shift if number in numbers and (number - 1) * 2 + shift >= 0 else 0
        return segment(number, there, more=number)

    return made


def alone(number: int, shift: float = 500) -> Made:
    return off(range(number, number + 1), shift)


def agree(url: str, root: Path, **options: Any) -> dashget.Summary:
    """Mirror, and return the summary; ``verify`` says the same, and another run, too."""
    summary, events = mirror(url, root, **options)
    report, found = verify(root)
    assert summary.complete is report.sound, found.problems()
    assert sum(summary.outcomes.values()) == len(events.outcomes()) == COUNT + 1
    assert {each.path for each in summary.failures} == found.problems().keys()
    return summary


@pytest.mark.parametrize("shift", [2, -2, 5, 7.3, 500, 3600])
@pytest.mark.parametrize("count", [1, 2, 3, 4])
@pytest.mark.parametrize("place", ["begin", "middle", "end"])
def test_both_commands_judge_alike(
    server: FaultServer, tmp_path: Path, place: str, count: int, shift: float
) -> None:
    first = {"begin": 1, "middle": 5, "end": COUNT + 1 - count}[place]
    url = publish(server, off(range(first, first + count), shift))
    complete = agree(url, tmp_path).complete
    assert agree(url, tmp_path).complete is complete


MORE: dict[str, tuple[Made, bool]] = {
    "one on time among others": (lambda n: segment(n, 0 if n == 6 else 3600), False),
    "two on time among others": (lambda n: segment(n, 0 if n in (6, 7) else 3600), False),
    "every other one late": (lambda n: segment(n, 3600 * (n % 2), more=n), False),
    "every other one a segment late": (lambda n: segment(n, 2 * (n % 2), more=n), False),
    "one segment for all": (lambda _: segment(1), False),
    "one time for all": (lambda n: segment(1, more=n), True),
    "four late, and one of them again": (
        lambda n: segment(n, 3600 if n < 6 or n == 9 else 0, more=n), False,
    ),
}  # fmt: skip


@pytest.mark.parametrize("way", WAYS, ids=["whole", "part"])
@pytest.mark.parametrize("case", MORE)
def test_what_is_beside_others_decides(
    server: FaultServer, tmp_path: Path, case: str, way: dict[str, Any]
) -> None:
    made, complete = MORE[case]
    url = publish(server, made)
    for _ in range(3):
        assert agree(url, tmp_path, **way).complete is complete
    publish(server, (lambda number: segment(number, 3600)) if "among" in case else segment)
    assert mirror(url, tmp_path, **way)[0].complete
    assert agree(url, tmp_path, **way).complete


@pytest.mark.parametrize("way", WAYS, ids=["whole", "part"])
def test_a_segment_of_no_time_is_asked_for_again_and_is_no_file(
    server: FaultServer, tmp_path: Path, way: dict[str, Any]
) -> None:
    url = publish(server, alone(5))
    summary = agree(url, tmp_path, **way)
    (failure,) = summary.failures
    assert failure.reason == "the media time differs from the manifest's by +500.000 s"
    assert (failure.path, failure.attempts) == ("v/5.m4s", 3)
    assert "--accept-odd" in (failure.hint or "")
    assert not (tmp_path / "v/5.m4s").exists()
    server.on("/v/5.m4s", Answer(alone(5)(5)), Answer(segment(5)))
    assert agree(url, tmp_path, **way).complete
    assert (tmp_path / "v/5.m4s").read_bytes() == segment(5)


def test_another_base_is_asked_first(server: FaultServer, tmp_path: Path) -> None:
    url = publish(server, bases="<BaseURL>/</BaseURL><BaseURL>/b/</BaseURL>")
    server.on("/v/5.m4s", Answer(alone(5)(5)))
    server.on("/b/v/5.m4s", Answer(segment(5)))
    assert agree(url, tmp_path).complete
    assert len(server.asked("/v/5.m4s")) == len(server.asked("/b/v/5.m4s")) == 1


@pytest.mark.parametrize("before", [False, True])
@pytest.mark.parametrize("made", [alone(5), MORE["two on time among others"][0]])
def test_it_is_accepted_by_choice(
    server: FaultServer, tmp_path: Path, made: Made, *, before: bool
) -> None:
    url = publish(server, made)
    if before:
        assert not agree(url, tmp_path).complete
    assert agree(url, tmp_path, accept_odd=True).complete
    assert agree(url, tmp_path).complete


def test_what_is_found_in_place_is_judged_too(server: FaultServer, tmp_path: Path) -> None:
    url = publish(server, alone(5))
    (tmp_path / "v").mkdir()
    for number in range(1, COUNT + 1):
        (tmp_path / f"v/{number}.m4s").write_bytes(alone(5)(number))
    for _ in range(2):
        summary, events = mirror(url, tmp_path)
        assert [each.path for each in summary.failures] == ["v/5.m4s"]
        assert not verify(tmp_path)[0].sound
    assert events.outcomes()["v/4.m4s"] == "present"
    server.on("/v/5.m4s", Answer(segment(5)))
    assert mirror(url, tmp_path)[0].complete
    assert verify(tmp_path)[0].sound
    assert (tmp_path / ".dashget/replaced/v/5.m4s").read_bytes() == alone(5)(5)


def test_all_that_is_found_in_place_may_be_late(server: FaultServer, tmp_path: Path) -> None:
    url = publish(server, off(range(1, COUNT + 1), 3600))
    (tmp_path / "v").mkdir()
    for number in range(1, COUNT + 1):
        (tmp_path / f"v/{number}.m4s").write_bytes(off(range(1, COUNT + 1), 3600)(number))
    summary = agree(url, tmp_path)
    assert summary.complete
    assert summary.outcomes[dashget.Outcome.ADOPTED] == COUNT


def test_a_description_that_comes_in_a_later_run_shows_it(
    server: FaultServer, tmp_path: Path
) -> None:
    url = publish(server, alone(5))
    server.on("/i.mp4", Answer(status=404))
    (failure,) = mirror(url, tmp_path)[0].failures
    assert failure.path == "i.mp4"
    server.on("/i.mp4", Answer(initialization()))
    for _ in range(2):
        summary, _ = mirror(url, tmp_path)
        assert [each.path for each in summary.failures] == ["v/5.m4s"]
        assert not verify(tmp_path)[0].sound
    server.on("/v/5.m4s", Answer(segment(5)))
    assert mirror(url, tmp_path)[0].complete
    assert verify(tmp_path)[0].sound


def odd_description() -> bytes:
    """Return an initialization segment of which one box is longer than it needs to be."""
    mdhd = box("mdhd", struct.pack(">IIIII", 0, 0, 0, TIMESCALE, 0), bytes(12))
    return box("ftyp", b"iso6", bytes(4)) + box("moov", box("trak", box("mdia", mdhd)))


def odd_segment(number: int, shift: float = 0) -> bytes:
    """Return a segment whose time stands in a box that is longer than it needs to be."""
    ticks = int(((number - 1) * 2 + shift) * TIMESCALE)
    tfdt = box("tfdt", struct.pack(">IQ", 1 << 24, ticks), bytes(4))
    moof = box("moof", box("mfhd", bytes(8)), box("traf", box("tfhd", bytes(8)), tfdt))
    return moof + box("mdat", bytes([number]) * (400 + number))


@pytest.mark.parametrize("description", [initialization(), odd_description()])
@pytest.mark.parametrize("made", [segment, odd_segment])
def test_boxes_of_unusual_sizes_hide_no_time(
    server: FaultServer, tmp_path: Path, description: bytes, made: Callable[..., bytes]
) -> None:
    url = publish(server, lambda number: made(number, 500 if number == 5 else 0))
    server.on("/i.mp4", Answer(description))
    assert not agree(url, tmp_path).complete
    server.on("/v/5.m4s", Answer(made(5)))
    assert agree(url, tmp_path).complete


def test_an_interrupted_run_leaves_the_question_to_the_next_one(
    server: FaultServer, tmp_path: Path
) -> None:
    url = publish(server, alone(5))
    stop = dashget.Stop()

    def note(_: Seen) -> None:
        stop.request()

    last = segment(COUNT, more=COUNT)
    server.on(f"/v/{COUNT}.m4s", Answer(last, note=note), Answer(last))
    one = dashget.TransferOptions(retries=1, backoff_seconds=0.01, allow_private=True, in_flight=1)
    assert mirror(url, tmp_path, stop=stop, transfer=one)[0].interrupted
    for _ in range(2):
        summary, _ = mirror(url, tmp_path)
        assert [each.path for each in summary.failures] == ["v/5.m4s"]
        assert not verify(tmp_path)[0].sound


def test_a_repair_asks_for_it_again(server: FaultServer, tmp_path: Path) -> None:
    url = publish(server, alone(5))
    assert mirror(url, tmp_path, accept_odd=True)[0].complete
    record = tmp_path / ".dashget/record.jsonl"
    record.write_bytes(record.read_bytes().replace(b',"odd":true', b""))
    assert verify(tmp_path)[1].problems() == {"v/5.m4s": {"time"}}
    assert not verify(tmp_path, repair=True)[0].sound
    server.on("/v/5.m4s", Answer(segment(5)))
    assert verify(tmp_path, repair=True)[0].sound
