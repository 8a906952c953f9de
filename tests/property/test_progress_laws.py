"""Laws of progress for any sequence of events."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from dashget.cli.printers import text
from dashget.cli.printers.meter import Meter
from dashget.events import Event, FileFinished, Outcome, Progressed, TrackPlanned, Unfinished

sizes = st.one_of(st.none(), st.integers(0, 10_000))
tracks = st.integers(0, 2)
planned = st.builds(
    TrackPlanned,
    track=tracks,
    period_index=st.just(0),
    representation=st.just("v"),
    content_type=st.sampled_from(["video", "audio"]),
    label=st.just(""),
    bytes_estimated=sizes,
    files=st.one_of(st.none(), st.integers(0, 5)),
)
finished = st.builds(
    FileFinished,
    path=st.sampled_from("abcde"),
    url=st.just(""),
    outcome=st.sampled_from(Outcome),
    size=sizes,
    track=st.one_of(st.none(), tracks),
)
readings = st.builds(
    Progressed,
    transferred=st.integers(0, 100_000),
    files_done=st.integers(0, 5),
    files_planned=st.integers(0, 5),
    planning_done=st.booleans(),
    in_flight=st.just(1),
    waiting_to_retry=st.just(0),
    unfinished=st.lists(
        st.builds(
            Unfinished,
            path=st.sampled_from("abcde"),
            track=tracks,
            bytes=st.integers(0, 10_000),
            size=sizes,
        ),
        max_size=4,
    ).map(tuple),
    files_total=st.one_of(st.none(), st.integers(0, 10)),
    bytes_total=sizes,
)


@given(st.lists(st.one_of(planned, finished, readings)))
def test_progress_never_goes_back_or_past_the_end(events: list[Event]) -> None:
    now = 0.0
    meter = Meter(lambda: now)
    fraction, count = 0.0, 0
    for event in events:
        meter.update(event)
        now += 1
        share = meter.fraction
        assert all(0 <= each <= 1 for each in [share, *shares(meter)] if each is not None)
        left, expected = meter.seconds_left, meter.bytes_expected
        assert left is None or left > 0
        assert expected is None or expected >= meter.bytes_here
        written = text.percent(share, complete=meter.complete, guessed=meter.is_guessed)
        assert (written == "100%") is meter.complete
        if isinstance(event, Progressed):
            assert share is None or share >= fraction
            assert meter.bytes_here >= count
            fraction, count = share or fraction, meter.bytes_here


def shares(meter: Meter) -> list[float | None]:
    return [track.fraction for track in meter.tracks]
