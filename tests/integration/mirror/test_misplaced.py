"""One segment in the place of another: sound inside, and a hole all the same."""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dashget.media.glance import decode_time, glance
from tests.support.builders import TIMESCALE, box, initialization, mpd
from tests.support.faultserver import Answer, FaultServer
from tests.support.running import mirror, verify

COUNT = 12
MP4 = 'mimeType="video/mp4"'
WAYS: list[dict[str, Any]] = [{}, {"checksums": True}]
ROWS = f'<SegmentTimeline><S t="0" d="90000" r="{COUNT - 1}"/></SegmentTimeline>'
TEMPLATES = {
    "timeline": f'timescale="45000" media="v/$Number$.m4s" initialization="i.mp4">{ROWS}',
    "duration": 'duration="2" media="v/$Number$.m4s" initialization="i.mp4">',
    "offset": 'timescale="10" presentationTimeOffset="300" duration="20" media="v/$Number$.m4s"'
    ' initialization="i.mp4">',
}


def segment(number: int, shift: float = 0, *, wide: bool = True, more: int = 0) -> bytes:
    """Return a segment of two seconds; ``shift`` is how many seconds its time is off.

    ``more`` bytes make its size its own.
    """
    ticks = int(((number - 1) * 2 + shift) * TIMESCALE)
    tfdt = box("tfdt", struct.pack(">IQ", 1 << 24, ticks) if wide else struct.pack(">II", 0, ticks))
    moof = box("moof", box("mfhd", bytes(8)), box("traf", box("tfhd", bytes(8)), tfdt))
    return moof + box("mdat", bytes([number]) * (400 + more))


def publish(
    server: FaultServer,
    sent: Callable[[int], bytes] = segment,
    template: str = "timeline",
    bases: str = "",
) -> str:
    """Put the segments on the server as ``sent`` makes them by their number."""
    server.on("/i.mp4", Answer(initialization()))
    for number in range(1, COUNT + 1):
        server.on(f"/v/{number}.m4s", Answer(sent(number)))
    content = (
        f"<AdaptationSet {MP4}><SegmentTemplate {TEMPLATES[template]}</SegmentTemplate>"
        '<Representation id="v" bandwidth="8000"/></AdaptationSet>'
    )
    return server.on("/x.mpd", Answer(mpd(content, before=bases, seconds=2 * COUNT)))


PLACES: dict[str, dict[int, int]] = {
    "the next one": {5: 6},
    "the one before": {5: 4},
    "the first": {1: 2},
    "the last": {12: 11},
    "from far away": {3: 11},
    "two exchanged": {5: 6, 6: 5},
    "several": {2: 3, 6: 7, 10: 1},
}


@pytest.mark.parametrize("way", WAYS, ids=["whole", "part"])
@pytest.mark.parametrize("template", TEMPLATES)
@pytest.mark.parametrize("places", PLACES)
def test_another_segment_is_no_file(
    server: FaultServer, tmp_path: Path, places: str, template: str, way: dict[str, Any]
) -> None:
    shift = 30 if template == "offset" else 0
    taken = PLACES[places]
    url = publish(server, lambda number: segment(taken.get(number, number), shift), template)
    summary, events = mirror(url, tmp_path, **way)
    assert {failure.path for failure in summary.failures} == {f"v/{n}.m4s" for n in taken}
    assert all("another segment, that of v/" in failure.reason for failure in summary.failures)
    assert all("--accept-odd" in (failure.hint or "") for failure in summary.failures)
    assert len(events.outcomes()) == COUNT + 1
    for number in taken:
        assert not (tmp_path / f"v/{number}.m4s").exists()
        server.on(f"/v/{number}.m4s", Answer(segment(number, shift)))
    summary, _ = mirror(url, tmp_path, **way)
    assert summary.complete
    assert verify(tmp_path)[0].sound


def test_a_later_run_for_one_file_alone_is_not_deceived(
    server: FaultServer, tmp_path: Path
) -> None:
    url = publish(server)
    server.on("/v/5.m4s", Answer(status=404))
    assert not mirror(url, tmp_path)[0].complete
    server.on("/v/5.m4s", Answer(segment(6)))
    (failure,) = mirror(url, tmp_path)[0].failures
    assert failure.path == "v/5.m4s"


def test_what_is_asked_for_again_may_be_right(server: FaultServer, tmp_path: Path) -> None:
    url = publish(server)
    server.on("/v/5.m4s", Answer(segment(6)), Answer(segment(5)))
    assert mirror(url, tmp_path)[0].complete
    assert (tmp_path / "v/5.m4s").read_bytes() == segment(5)


def test_it_is_accepted_by_choice_and_is_no_error(server: FaultServer, tmp_path: Path) -> None:
    url = publish(server, lambda number: segment(6 if number == 5 else number))
    assert mirror(url, tmp_path, accept_odd=True)[0].complete
    assert (tmp_path / "v/5.m4s").read_bytes() == segment(6)
    assert verify(tmp_path)[0].sound


SOUND: dict[str, Callable[[int], bytes]] = {
    "in its place": segment,
    "with 32 bits": lambda number: segment(number, wide=False),
    "all off by a segment": lambda number: segment(number, 2),
    "all off by an hour": lambda number: segment(number, 3600),
    "from zero again half way": lambda number: segment(number if number < 7 else number - 6),
    "half way an hour on": lambda number: segment(number, 0 if number < 7 else 3600),
    "a gap": lambda number: segment(number, 0 if number < 7 else 2),
    "slower and slower": lambda number: segment(number, 0.3 * number),
    "a little off": lambda number: segment(number, 0.9 * (number % 2)),
    "all at zero": lambda number: segment(1, more=number),
    "all at zero from the seventh on": lambda number: segment(min(number, 7), more=number),
    "the last two a segment late": lambda number: segment(number, 2 if number > COUNT - 2 else 0),
    "the last three an hour late": lambda number: segment(number, 3600 if number > 9 else 0),
    "the first two before the beginning": lambda number: segment(max(number, 3), more=number),
}


@pytest.mark.parametrize("template", ["timeline", "duration"])
@pytest.mark.parametrize("sound", SOUND)
def test_what_is_not_sure_is_taken(
    server: FaultServer, tmp_path: Path, sound: str, template: str
) -> None:
    url = publish(server, SOUND[sound], template)
    summary, _ = mirror(url, tmp_path)
    assert summary.complete
    assert summary.requests == COUNT + 2
    assert verify(tmp_path)[0].sound


@pytest.mark.parametrize("ticks", [45 * 267, 45 * 200, 45 * 40, 45 * 5])
@pytest.mark.parametrize("places", PLACES)
def test_short_segments_are_told_apart_by_their_own_duration(
    server: FaultServer, tmp_path: Path, places: str, ticks: int
) -> None:
    taken = PLACES[places]

    def short(number: int) -> bytes:
        place = taken.get(number, number) - 1
        return segment(1, place * ticks / TIMESCALE)

    rows = TEMPLATES["timeline"].replace('d="90000"', f'd="{ticks}"')
    url = publish(server, short)
    server.on(
        "/x.mpd",
        Answer(
            mpd(
                f"<AdaptationSet {MP4}><SegmentTemplate {rows}</SegmentTemplate>"
                '<Representation id="v" bandwidth="8000"/></AdaptationSet>'
            )
        ),
    )
    mdhd = box("mdhd", struct.pack(">IIIII", 0, 0, 0, 45000, 0), bytes(4))
    server.on("/i.mp4", Answer(box("moov", box("trak", box("mdia", mdhd)))))
    mirrored, _ = mirror(url, tmp_path)
    assert {failure.path for failure in mirrored.failures} == {f"v/{n}.m4s" for n in taken}


def off(*shifts: tuple[int, int, float]) -> Callable[[int], bytes]:
    """Return what makes segments; each shift holds for the numbers from one to another."""
    return lambda number: segment(
        number, next((by for first, last, by in shifts if first <= number <= last), 0)
    )


CLOCKS: dict[str, tuple[Callable[[int], bytes], set[int], int]] = {
    "a reset near the end": (off((9, 12, 2)), set(), 1),
    "a reset to zero": (off((8, 12, -14)), set(), 1),
    "an insertion half way": (off((4, 8, 500)), set(), 1),
    "two insertions": (off((1, 4, 90), (7, 10, 70)), set(), 1),
    "all": (off((1, 12, 500)), set(), 1),
    "all, and one of them more": (off((5, 5, 504), (1, 12, 500)), {5}, 1),
    "most": (off((1, 8, 500)), set(), 1),
    "one": (off((5, 5, 2)), {5}, 0),
    "two": (off((5, 6, 2)), {5, 6}, 0),
    "three": (off((5, 7, -6)), {5, 6, 7}, 0),
    "the last": (off((12, 12, 2)), {12}, 0),
    "the last two, late": (off((11, 12, 2)), set(), 1),
    "the last two, early": (off((11, 12, -2)), {11, 12}, 0),
    "four by different times": (off((5, 5, 2), (6, 6, -2), (7, 7, 8), (8, 8, 3)), {5, 6, 7, 8}, 0),
    "one in its place among late ones": (off((1, 2, 0), (9, 9, 0), (3, 12, 2)), {9}, 1),
    "one later among late ones": (off((9, 9, 6), (5, 12, 2)), {9}, 1),
    "three quarters": (off((5, 5, 1.5)), set(), 0),
}


@pytest.mark.parametrize("clock", CLOCKS)
def test_verify_takes_a_row_of_segments_for_a_discontinuity_and_a_single_one_for_damage(
    server: FaultServer, tmp_path: Path, clock: str
) -> None:
    made, wrong, notes = CLOCKS[clock]
    url = publish(server, lambda number: segment(number, 500))
    assert mirror(url, tmp_path)[0].complete
    for number in range(1, COUNT + 1):
        (tmp_path / f"v/{number}.m4s").write_bytes(made(number))
    report, events = verify(tmp_path)
    assert events.problems() == {f"v/{number}.m4s": {"time"} for number in wrong}
    assert report.notes == notes


@pytest.mark.parametrize("clock", [name for name, (_, wrong, _) in CLOCKS.items() if not wrong])
def test_get_takes_what_verify_finds_sound(server: FaultServer, tmp_path: Path, clock: str) -> None:
    made, _, notes = CLOCKS[clock]
    summary, _ = mirror(publish(server, made), tmp_path)
    assert summary.complete
    assert summary.requests == COUNT + 2
    assert (verify(tmp_path)[0].errors, verify(tmp_path)[0].notes) == (0, notes)


def test_a_track_whose_initialization_segment_never_comes_is_taken(
    server: FaultServer, tmp_path: Path
) -> None:
    url = publish(server, lambda number: segment(6 if number == 5 else number))
    server.on("/i.mp4", Answer(status=404))
    (failure,) = mirror(url, tmp_path)[0].failures
    assert failure.path == "i.mp4"


@pytest.mark.parametrize("turned", [False, True])
def test_tracks_of_other_timescales_in_one_segment_are_taken(
    server: FaultServer, tmp_path: Path, turned: bool
) -> None:
    """The first fragment of a segment may be that of the second track."""

    def track(scale: int) -> bytes:
        mdhd = box("mdhd", struct.pack(">IIIII", 0, 0, 0, scale, 0), bytes(4))
        return box("trak", box("mdia", mdhd))

    scales = (TIMESCALE - 1, TIMESCALE)
    url = publish(server)
    tracks = map(track, scales[::-1] if turned else scales)
    server.on("/i.mp4", Answer(box("moov", *tracks)))
    assert mirror(url, tmp_path)[0].complete
    assert verify(tmp_path)[0].sound
    assert not verify(tmp_path)[0].notes


def test_a_later_run_compares_a_segment_with_those_beside_it(
    server: FaultServer, tmp_path: Path
) -> None:
    """From the fifth on, all segments are a segment late; one of them and some others come later."""
    seldom = (1, 2, 3, 9)

    def late(number: int) -> bytes:
        return segment(number, 2 if number > 4 else 0)

    url = publish(server, late)
    for number in seldom:
        server.on(f"/v/{number}.m4s", Answer(status=404))
    assert len(mirror(url, tmp_path)[0].failures) == len(seldom)
    for number in seldom:
        server.on(f"/v/{number}.m4s", Answer(late(number)))
    assert mirror(url, tmp_path)[0].complete
    server.on("/v/9.m4s", Answer(segment(3)))
    (tmp_path / "v/9.m4s").unlink()
    (failure,) = mirror(url, tmp_path)[0].failures
    assert failure.path == "v/9.m4s"


def test_a_packager_that_writes_no_times_is_believed_in_later_runs_too(
    server: FaultServer, tmp_path: Path
) -> None:
    def frozen(number: int) -> bytes:
        return segment(1, more=number)

    url = publish(server, frozen)
    server.on("/v/2.m4s", Answer(status=404))
    server.on("/v/8.m4s", Answer(status=404))
    assert len(mirror(url, tmp_path)[0].failures) == 2
    for number in (2, 8):
        server.on(f"/v/{number}.m4s", Answer(frozen(number)))
    server.on("/v/8.m4s", Answer(status=404))
    (failure,) = mirror(url, tmp_path)[0].failures
    assert failure.path == "v/8.m4s"
    server.on("/v/8.m4s", Answer(frozen(8)))
    assert mirror(url, tmp_path)[0].complete


def test_one_segment_in_the_place_of_all_others_is_no_file(
    server: FaultServer, tmp_path: Path
) -> None:
    url = publish(server, lambda number: segment(number if number < 6 else 5))
    summary, _ = mirror(url, tmp_path)
    assert {failure.path for failure in summary.failures} == {
        f"v/{number}.m4s" for number in range(6, COUNT + 1)
    }


def test_the_decode_time_is_looked_for_in_the_first_fragment_only() -> None:
    whole = box("styp", bytes(8)) + segment(4)
    seen = 0
    for size in range(1, len(whole) + 1):
        pieces = [whole[at : at + size] for at in range(0, len(whole), size)]
        assert decode_time(pieces) == 6 * TIMESCALE
        sound = glance(pieces, len(whole))
        # The header of a box may be in two pieces, which is none of a glance.
        if sound is not None:
            seen += 1
            assert sound.ticks == 6 * TIMESCALE
    assert seen > len(whole) // 2
    tfdt = box("tfdt", struct.pack(">IQ", 1 << 24, 9))
    moof, mdat = box("moof", bytes(8)), box("mdat", tfdt)
    for pieces in ([moof, mdat], [moof + mdat]):
        assert decode_time(pieces) is None
        sound = glance(pieces, len(moof + mdat))
        assert sound is not None
        assert sound.ticks is None


def test_a_glance_sees_the_index_of_a_segment() -> None:
    for index in (b"", box("sidx", bytes(24))):
        whole = index + segment(4)
        sound = glance([whole], len(whole))
        assert sound is not None
        assert sound.indexed == bool(index)
        assert sound.ticks == 6 * TIMESCALE
