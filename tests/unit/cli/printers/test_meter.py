"""Progress of a run: percent, bytes and remaining time while files are in progress."""

from __future__ import annotations

import pytest

from dashget.cli.printers import text
from dashget.cli.printers.meter import Meter
from dashget.events import FileFinished, Outcome, Progressed, TrackPlanned, Unfinished


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def planned(files: int | None = 1, estimate: int | None = 1000, track: int = 0) -> TrackPlanned:
    label = f"({track})"
    return TrackPlanned(track, 0, f"v{track}", "video", label, None, estimate, files)


def reading(transferred: int, *unfinished: Unfinished) -> Progressed:
    return Progressed(transferred, 0, 0, False, 1, 0, unfinished)


def ended(done: int, files: int, *, all_planned: bool = True) -> Progressed:
    return Progressed(0, done, files, all_planned, 0, 0)


def under_way(
    count: int, size: int | None = None, path: str = "v.mp4", track: int = 0
) -> Unfinished:
    return Unfinished(path, track, count, size)


def finished(size: int | None, path: str = "v.mp4", outcome: Outcome | None = None) -> FileFinished:
    return FileFinished(path, "http://h/" + path, outcome or Outcome.DOWNLOADED, size, track=0)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def meter(clock: Clock) -> Meter:
    return Meter(clock)


def test_a_single_file_moves_percent_bytes_and_time_left(meter: Meter, clock: Clock) -> None:
    meter.update(planned(estimate=5000))
    left = []
    for step in range(5):
        meter.update(reading(step * 100, under_way(step * 100, 1000)))
        clock.now += 1
        left.append(meter.seconds_left)
        assert meter.fraction == pytest.approx(step / 10)
        assert meter.bytes_here == step * 100
    assert left == [None, *map(pytest.approx, (9.0, 8.0, 7.0, 6.0))]
    assert meter.tracks[0].fraction == pytest.approx(0.4)
    assert meter.bytes_expected == 1000


def test_the_estimate_holds_until_the_size_is_known(meter: Meter) -> None:
    meter.update(planned(estimate=5000))
    meter.update(reading(0))
    assert meter.bytes_expected == 5000
    meter.update(reading(500, under_way(500)))
    assert meter.fraction == pytest.approx(0.1)
    meter.update(reading(500, under_way(500, 2000)))
    assert meter.bytes_expected == 2000


def test_a_bandwidth_that_is_exceeded_tells_nothing_any_more(meter: Meter, clock: Clock) -> None:
    meter.update(planned(estimate=1000))
    meter.update(reading(0))
    clock.now += 1
    meter.update(reading(930, under_way(930)))
    assert shown(meter) == "~93%"
    clock.now += 1
    meter.update(reading(1000, under_way(1000)))
    assert (shown(meter), meter.bytes_expected, meter.seconds_left) == ("", None, None)
    assert meter.tracks[0].fraction is None
    meter.update(reading(1500, under_way(1500, 3000)))
    assert shown(meter) == " 93%"
    assert meter.bytes_expected == 3000


def test_a_small_estimate_of_many_files_does_not_run_ahead_of_them(meter: Meter) -> None:
    meter.update(planned(100, estimate=1000))
    meter.update(finished(400, "1"))
    meter.update(reading(800, under_way(400, 400, "2")))
    assert meter.fraction == pytest.approx(0.02)


def test_progress_never_goes_back_when_a_file_starts_again(meter: Meter, clock: Clock) -> None:
    meter.update(planned())
    shown = []
    for step, here in enumerate((100, 500, 0, 300, 600, 1000)):
        meter.update(reading(step * 300, under_way(here, 1000)))
        clock.now += 1
        shown.append((meter.fraction, meter.bytes_here))
    assert shown == sorted(shown)
    assert shown[2] == (0.5, 500)
    assert shown[-1] == (1.0, 1000)


def test_bytes_received_twice_count_as_traffic_only(meter: Meter, clock: Clock) -> None:
    meter.update(planned())
    meter.update(reading(0, under_way(0, 1000)))
    clock.now += 1
    meter.update(reading(900, under_way(100, 1000)))
    assert meter.fraction == pytest.approx(0.1)
    assert meter.rate == 900
    assert meter.seconds_left == pytest.approx(1)


def test_bytes_of_an_earlier_run_count_as_progress_only(meter: Meter, clock: Clock) -> None:
    meter.update(planned())
    meter.update(reading(0, under_way(600, 1000)))
    clock.now += 1
    meter.update(reading(100, under_way(700, 1000)))
    assert meter.fraction == pytest.approx(0.7)
    assert meter.seconds_left == pytest.approx(3)


def test_a_finished_file_is_not_counted_as_unfinished_too(meter: Meter) -> None:
    meter.update(planned(2, estimate=2000))
    meter.update(reading(900, under_way(900, 1000, "a"), under_way(10, 1000, "b")))
    meter.update(finished(1000, "a"))
    assert meter.bytes_here == 1010


def test_without_an_estimate_unfinished_files_count_by_their_share(meter: Meter) -> None:
    meter.update(planned(1, estimate=None))
    meter.update(planned(3, estimate=None, track=1))
    meter.update(reading(500, under_way(500, 1000)))
    assert meter.bytes_expected is None
    assert meter.fraction == pytest.approx(0.5 / 4)
    assert meter.seconds_left is None


def test_a_single_file_of_unknown_size_shows_its_bytes(meter: Meter) -> None:
    meter.update(planned(1, estimate=None))
    meter.update(reading(500, under_way(500)))
    assert meter.bytes_here == 500
    assert meter.bytes_expected is None
    assert meter.fraction is None
    assert shown(meter) == ""


def shown(meter: Meter) -> str:
    return text.percent(meter.fraction, complete=meter.complete, guessed=meter.is_guessed)


def test_a_share_by_known_sizes_is_no_guess(meter: Meter) -> None:
    meter.update(planned(estimate=5000))
    meter.update(reading(400, under_way(400)))
    assert shown(meter) == " ~8%"
    meter.update(reading(400, under_way(400, 1000)))
    assert shown(meter) == " 40%"


def test_an_unknown_length_beside_many_files_is_no_share_of_the_files(meter: Meter) -> None:
    meter.update(planned(9, estimate=None))
    meter.update(planned(1, estimate=None, track=1))
    for number in range(9):
        meter.update(finished(10, str(number)))
    meter.update(reading(5000, under_way(4910, track=1)))
    assert (shown(meter), meter.seconds_left) == ("", None)


def test_a_track_whose_files_all_belong_to_another_expects_no_bytes(meter: Meter) -> None:
    meter.update(planned(1))
    meter.update(planned(0, estimate=5000, track=1))
    meter.update(reading(500, under_way(500, 1000)))
    assert (meter.bytes_expected, meter.files, shown(meter)) == (1000, 1, " 50%")


def test_absent_and_failed_files_bring_no_bytes(meter: Meter) -> None:
    meter.update(planned(10, estimate=None))
    meter.update(finished(None, "0", Outcome.ABSENT))
    meter.update(finished(None, "1", Outcome.FAILED))
    for number in range(2, 6):
        meter.update(finished(100, str(number)))
    assert meter.bytes_expected == 800
    assert shown(meter) == " 50%"


def test_files_that_are_there_already_count_with_their_sizes(meter: Meter, clock: Clock) -> None:
    meter.update(planned(10, estimate=10**6))
    for number in range(8):
        meter.update(finished(100, str(number), Outcome.PRESENT if number else Outcome.ADOPTED))
    meter.update(reading(0))
    clock.now += 1
    meter.update(reading(100, under_way(100, 100)))
    assert (shown(meter), meter.seconds_left) == (" 90%", pytest.approx(1))


def test_the_total_that_the_run_knows_counts(meter: Meter) -> None:
    meter.update(planned(10, estimate=10**6))
    meter.update(planned(10, estimate=10**6, track=1))
    meter.update(finished(100, "1"))
    known = Progressed(300, 1, 3, True, 2, 0, (), files_total=3, bytes_done=100, bytes_total=400)
    meter.update(known)
    assert (meter.files, meter.bytes_expected, shown(meter)) == (3, 400, " 25%")


def test_the_end_leaves_no_track_open_whose_files_another_one_has(meter: Meter) -> None:
    meter.update(planned(2))
    meter.update(planned(2, track=1))
    for name in "ab":
        meter.update(finished(1000, name))
    meter.update(ended(2, 2))
    assert [track.files for track in meter.tracks] == [2, 0]


def test_only_a_complete_run_shows_a_hundred_percent(meter: Meter) -> None:
    meter.update(planned(500, estimate=10))
    for number in range(499):
        meter.update(finished(1000, str(number)))
    meter.update(ended(499, 500))
    assert shown(meter) == " 99%"
    meter.update(finished(1000, "499"))
    meter.update(ended(500, 500, all_planned=False))
    assert shown(meter) == " 99%"
    meter.update(ended(500, 500))
    assert shown(meter) == "100%"


def test_failed_files_keep_the_run_below_a_hundred_percent(meter: Meter) -> None:
    meter.update(planned(1000, estimate=10))
    for number in range(999):
        meter.update(finished(1000, str(number)))
    meter.update(finished(None, "999", Outcome.FAILED))
    meter.update(ended(1000, 1000))
    assert shown(meter) == " 99%"


def test_a_file_shared_by_two_tracks_still_leads_to_a_hundred_percent(meter: Meter) -> None:
    meter.update(planned(2))
    meter.update(planned(2, track=1))
    for name in "abc":
        meter.update(finished(1000, name))
    meter.update(ended(3, 3))
    assert shown(meter) == "100%"


@pytest.mark.parametrize(
    ("share", "written"), [(0.0, "  0%"), (0.07, "  7%"), (0.999, " 99%"), (1.0, " 99%")]
)
def test_a_share_is_never_rounded_up(share: float, written: str) -> None:
    assert text.percent(share, complete=False) == written
