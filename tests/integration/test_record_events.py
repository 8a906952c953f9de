"""Recording by what segments say: events that end manifests, and last segments."""

from __future__ import annotations

import struct
import time
from collections.abc import Callable
from pathlib import Path

import pytest

import dashget
from tests.integration.test_record import check_whole, numbers, recording, versions_of
from tests.integration.test_record_patches import listed
from tests.support.builders import box
from tests.support.liveorigin import STEP, LiveOrigin

pytestmark = pytest.mark.slow

SCHEME = "urn:mpeg:dash:event:2012"
ANNOUNCED = f'<InbandEventStream schemeIdUri="{SCHEME}" value="1"/>'


def emsg(value: str, data: bytes = b"", *, duration: int = 0xFFFFFFFF, version: int = 0) -> bytes:
    names = f"{SCHEME}\0{value}\0".encode()
    if version == 0:
        inner = names + struct.pack(">IIII", 10, 0, duration, 1) + data
    else:
        inner = struct.pack(">IQII", 10, 0, duration, 1) + names + data
    return box("emsg", bytes([version, 0, 0, 0]), inner)


def seldom(**more: object) -> LiveOrigin:
    """Return an origin whose manifest is read every three seconds."""
    origin = LiveOrigin(form="time", update="PT30S", depth=60.0, **more)  # type: ignore[arg-type]
    origin.inside = ANNOUNCED
    origin.marked = 'id="live"'
    return origin


@pytest.mark.parametrize("version", [0, 1])
def test_an_event_has_the_manifest_read_at_once(version: int, tmp_path: Path) -> None:
    with seldom().serving() as origin:
        number = origin.edge()
        origin.events[number] = emsg("1", version=version)
        with recording(origin, tmp_path / "r") as run:
            origin.wait_for(lambda: len(origin.manifests) >= 2)
            run.end()
        times = [at for at, path in origin.seen_at if path.endswith(".mpd")]
        assert times[1] - times[0] < 1.2


def test_without_the_announcement_no_event_is_looked_for(tmp_path: Path) -> None:
    with seldom().serving() as origin:
        origin.inside = ""
        origin.events[origin.edge()] = emsg("1")
        with recording(origin, tmp_path / "r") as run:
            origin.wait_for(lambda: sum(p.endswith(".mpd") for p, _ in origin.requests) >= 2)
            run.end()
        times = [at for at, path in origin.seen_at if path.endswith(".mpd")]
        assert times[1] - times[0] > 1.2


def test_a_manifest_in_an_event_takes_the_place_of_the_next_one(tmp_path: Path) -> None:
    root = tmp_path / "r"
    with seldom().serving() as origin:
        number = origin.edge()
        origin.hidden.add(number)
        with recording(origin, root) as run:
            origin.wait_for(lambda: any(status == 404 for _, status in origin.requests))
            newer = origin.manifest()
            origin.events[number] = emsg("3", b"\0" + newer)
            origin.hidden.clear()
            origin.wait_for(lambda: origin.served(number))
            count = len(origin.manifests)
            origin.wait_for(lambda: len(origin.manifests) > count)
            assert run.end().lost == 0
        check_whole(origin, root, least=10)
        assert [each.how for each in listed(root) if each.how != "same"][1:2] == ["event"]
        assert versions_of(root)[1] == newer


@pytest.mark.parametrize(
    "spoiled",
    [
        lambda data: data.replace(b'id="live"', b'id="other"'),
        lambda data: data.replace(b'publishTime="2', b'publishTime="1'),
        lambda data: data[:200],
        lambda _: b"<Patch/>",
    ],
    ids=["another id", "older", "cut", "a patch"],
)
@pytest.mark.parametrize("value", ["2", "3"])
def test_what_does_not_fit_is_not_believed(
    value: str, spoiled: Callable[[bytes], bytes], tmp_path: Path
) -> None:
    root = tmp_path / "r"
    with seldom().serving() as origin:
        number = origin.edge()
        origin.events[number] = emsg(value, b"\0" + spoiled(origin.manifest()))
        with recording(origin, root) as run:
            origin.wait_for(lambda: len(origin.manifests) >= 3)
            assert run.end().lost == 0
            warned = [e.message for e in run.events if isinstance(e, dashget.Warned)]
            assert len([text for text in warned if "in an event cannot be used" in text]) == 1
        assert "event" not in {each.how for each in listed(root)}


@pytest.mark.parametrize("form", ["number", "time"])
@pytest.mark.parametrize("by", ["lmsg", "event"])
def test_the_last_segment_ends_a_recording_whose_manifest_stays_dynamic(
    by: str, form: str, tmp_path: Path
) -> None:
    root = tmp_path / "r"
    origin = LiveOrigin(form=form, depth=60.0)
    origin.inside = ANNOUNCED
    wishes = dashget.Wishes(linger=0.5)
    with origin.serving(), recording(origin, root, wishes=wishes) as run:
        origin.wait_for(lambda: origin.served_count() >= 40)
        last = origin.edge() + 8
        origin.events[last] = (
            box("styp", b"msdh\0\0\0\0msdhlmsg") if by == "lmsg" else emsg("1", duration=0)
        )
        origin.stopped = origin.began + last * STEP + 0.01
        ended = run.wait()
        assert ended.ended == "over"
        assert ended.lost == 0
        assert time.time() - origin.stopped < 20
        assert max(numbers(root)) == (last if form == "number" else (last - 1) * 2)
        check_whole(origin, root)
