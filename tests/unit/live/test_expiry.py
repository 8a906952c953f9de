"""Events that end the validity of manifests: each counts once, and only for those it is about."""

from __future__ import annotations

import pytest

from dashget.live.expiry import Expiries, Expiry, Given, begin_of
from dashget.live.line import Line
from dashget.live.spans import Run
from dashget.media.events import EventMessage

TIME = b"2026-01-01T00:00:00Z"
SECONDS = 1_767_225_600.0


def event(value: str = "1", data: bytes = TIME, id: int = 1, **more: int) -> EventMessage:  # noqa: A002
    return EventMessage(value, 10, more.get("time", 0), None, id, data, is_delta="delta" in more)


def test_the_same_event_counts_once_whatever_segment_it_comes_in() -> None:
    expiries = Expiries()
    assert expiries.take(event(), SECONDS) == Expiry(SECONDS)
    assert expiries.take(event(id=2), SECONDS) is None
    assert expiries.take(event(data=b""), SECONDS) == Expiry(None)
    assert expiries.take(event(data=b"", id=1), SECONDS) is None
    assert expiries.take(event(data=b"", id=2), SECONDS) == Expiry(None)


def test_one_about_an_older_manifest_is_over() -> None:
    assert Expiries().take(event(), SECONDS + 1) is None
    assert Expiries().take(event(), SECONDS - 1) == Expiry(SECONDS)
    assert Expiries().take(event(), None) == Expiry(SECONDS)


@pytest.mark.parametrize(
    ("value", "data", "given"),
    [
        ("2", TIME + b"\0<Patch/>", Given(b"<Patch/>", True)),
        ("3", TIME + b"\0<MPD/>\0", Given(b"<MPD/>", False)),
        ("1", TIME + b"\0<MPD/>", None),
        ("2", TIME, None),
    ],
)
def test_two_and_three_bring_what_takes_the_manifests_place(
    value: str, data: bytes, given: Given | None
) -> None:
    assert Expiries().take(event(value, data), SECONDS) == Expiry(SECONDS, given)


def test_other_values_and_odd_times() -> None:
    assert Expiries().take(event("4"), SECONDS) is None
    assert Expiries().take(event(data=b"yesterday"), SECONDS) == Expiry(None)
    assert Expiries().take(event(data=b"\xff" * 10_000), SECONDS) == Expiry(None)


def test_what_is_remembered_is_bounded() -> None:
    expiries = Expiries()
    for number in range(10_000):
        expiries.take(event(data=b"", id=number), SECONDS)
    assert len(expiries._seen) <= 256


def test_an_event_begins_at_its_time_and_not_before_its_segment_ends() -> None:
    line = Line(1, "k", 1, None)
    line.scale, line.shift = 10, 50
    run = Run(20, 20, 1, 1)
    assert begin_of(event(delta=1, time=30), line, run) == 5.0
    assert begin_of(event(delta=1, time=0), line, run) == 4.0
    assert begin_of(event(time=120), line, run) == 7.0
    assert begin_of(event(time=0), line, run) == 4.0
