"""What segments say: events of expiry in both versions of their box, and the last one's brand."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashget.media.events import EXPIRY, SILENT, EventMessage, Notices, read_notices
from tests.support.builders import box

MOOF = box("moof", b"\0" * 8) + box("mdat", b"x" * 40)


def emsg(
    version: int = 0,
    *,
    scheme: str = EXPIRY,
    value: str = "1",
    time: int = 4,
    duration: int = 0xFFFF,
    data: bytes = b"2026-01-01T00:00:00Z",
) -> bytes:
    names = f"{scheme}\0{value}\0".encode()
    if version == 0:
        inner = names + struct.pack(">IIII", 10, time, duration, 7) + data
    else:
        inner = struct.pack(">IQII", 10, time, duration, 7) + names + data
    return box("emsg", bytes([version, 0, 0, 0]), inner)


def notices(data: bytes, *, events: bool = True) -> Notices:
    return read_notices(lambda at, most: data[at : at + most], len(data), events=events)


@pytest.mark.parametrize("version", [0, 1])
def test_an_event_is_read_before_and_between_fragments(version: int) -> None:
    data = box("styp", b"msdh\0\0\0\0msdh") + emsg(version) + MOOF + emsg(version, time=9) + MOOF
    first, second = notices(data).events
    assert first == EventMessage(
        "1", 10, 4, None, 7, b"2026-01-01T00:00:00Z", is_delta=version == 0
    )
    assert second.time == 9
    assert first.words == ("2026-01-01T00:00:00Z", b"")
    assert notices(data, events=False) == SILENT


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", ("", b"")),
        (b"2026-01-01T00:00:00Z\0", ("2026-01-01T00:00:00Z", b"")),
        (b"2026-01-01T00:00:00Z\0<MPD/>\0", ("2026-01-01T00:00:00Z", b"<MPD/>")),
        (b"2026-01-01T00:00:00Z<Patch/>", ("2026-01-01T00:00:00Z", b"<Patch/>")),
        (b"<MPD/>", ("", b"<MPD/>")),
    ],
)
def test_a_message_is_a_time_and_a_document(data: bytes, words: tuple[str, bytes]) -> None:
    (event,) = notices(emsg(data=data) + MOOF).events
    assert event.words == words


@pytest.mark.parametrize(
    ("duration", "ends"), [(0, True), (1, False), (0xFFFF, False), (0xFFFFFFFF, False)]
)
def test_an_event_without_duration_is_the_end(duration: int, *, ends: bool) -> None:
    (event,) = notices(emsg(duration=duration) + MOOF).events
    assert event.ends == ends


@pytest.mark.parametrize(
    "data",
    [
        emsg(scheme="urn:scte:scte35:2013:bin") + MOOF,
        emsg(2) + MOOF,
        box("emsg", b"") + MOOF,
        box("emsg", b"\0\0\0\0" + EXPIRY.encode()) + MOOF,
        box("emsg", b"\1\0\0\0" + b"\0" * 20 + EXPIRY.encode()) + MOOF,
        b"no boxes at all",
        b"",
    ],
)
def test_others_and_damaged_ones_say_nothing(data: bytes) -> None:
    assert notices(data) == SILENT


def test_the_brand_of_a_last_segment_is_seen() -> None:
    for brands in (b"msdh\0\0\0\0msdhlmsg", b"lmsg\0\0\0\0", b"msdh\0\0\0\0lmsgmsdh"):
        assert notices(box("styp", brands) + MOOF, events=False).last
    assert not notices(box("styp", b"msdhlmsgmsdh") + MOOF).last
    assert not notices(box("styp", b"") + MOOF).last


@given(st.binary(max_size=400), st.integers(0, 60))
def test_no_bytes_are_too_odd(noise: bytes, at: int) -> None:
    whole = box("styp", b"msdh\0\0\0\0msdh") + emsg(1) + MOOF
    notices(whole[:at] + noise + whole[at:])
    notices(noise)
