"""Tables of samples in a file, the pieces of several tracks, and how bytes are copied."""

from __future__ import annotations

import errno
import io
import itertools
import os
import random
from array import array
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from dashget.mux.contents import Span
from dashget.mux.description import Configuration
from dashget.mux.direct.copying import Source
from dashget.mux.direct.fragments import Run, UnknownMediaError
from dashget.mux.direct.index import Chunks, Index
from dashget.mux.direct.rolls import Roll, opus_rolls
from dashget.mux.direct.tables import Repeats, Table
from dashget.mux.direct.tracks import DirectTrack, Part
from tests.support.builders import box


def repeats(values: list[int]) -> Repeats:
    found = Repeats("i")
    found.put_all(values)
    return found


def test_equal_values_are_counted() -> None:
    found = repeats([1, 1, 2, 2, 2, 1])
    found.put(3, 1)
    found.put(0, 9)
    assert list(found) == [(2, 1), (3, 2), (4, 1)]


def test_a_time_that_has_no_room_is_left_to_libavformat() -> None:
    with pytest.raises(UnknownMediaError):
        repeats([1 << 31])


def slow_rolls(durations: list[int]) -> list[int]:
    """Return how many packets before each one last for 80 ms, by counting all of them."""
    distances = []
    for number in range(len(durations)):
        left, distance = 3840, 0
        while left > 0 and distance < number:
            distance += 1
            left -= durations[number - distance]
        distances.append(-distance if left <= 0 else 0)
    return distances


def test_opus_begins_80_ms_before_each_packet() -> None:
    numbers = random.Random(5)
    for _ in range(200):
        durations = []
        for _ in range(numbers.randrange(1, 6)):
            durations += [numbers.choice([480, 960, 1920, 2880])] * numbers.randrange(1, 40)
        found = opus_rolls(repeats(durations))
        assert [roll.distance for roll in found for _ in range(roll.count)] == slow_rolls(durations)
        assert all(a.distance != b.distance for a, b in itertools.pairwise(found))


def test_equal_packets_of_opus_are_two_groups() -> None:
    assert opus_rolls(repeats([960] * 1000 + [312])) == [Roll(4, 0), Roll(997, -4)]


@pytest.mark.parametrize("refusal", [None, errno.EINVAL, errno.ENOSYS])
@pytest.mark.parametrize("buffered", [True, False])
def test_bytes_are_copied_by_the_system_or_through_a_buffer(
    refusal: int | None, buffered: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = random.Random(1).randbytes(400_000)
    source, target = tmp_path / "source", tmp_path / "target"
    source.write_bytes(data)
    if refusal is not None:

        def refuse(*_: int) -> int:
            raise OSError(refusal, "no")

        monkeypatch.setattr(os, "sendfile", refuse)
    spans = (Span("a", 100, 300_000), Span("b", 0, 50_000))
    with io.FileIO(target, "w") as output:
        copied = Source(lambda _: source.open("rb") if buffered else io.BytesIO(data), spans)
        copied.copy(10, 250_000, output, None)
        copied.copy(300_000, 50_000, output, None)
        copied.close()
    assert target.read_bytes() == data[110:250_110] + data[:50_000]


def test_a_file_that_has_become_shorter_is_named(tmp_path: Path) -> None:
    with io.FileIO(tmp_path / "target", "w") as output:
        source = Source(lambda _: io.BytesIO(bytes(10)), (Span("v/1.m4s", 0, 20),))
        with pytest.raises(OSError, match=r"v/1\.m4s has become shorter"):
            source.copy(0, 20, output, None)


def test_a_full_disk_is_no_reason_to_copy_otherwise(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "source").write_bytes(bytes(100))

    def full(*_: int) -> int:
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr(os, "sendfile", full)
    with io.FileIO(tmp_path / "target", "w") as output:
        source = Source(lambda _: (tmp_path / "source").open("rb"), (Span("a", 0, 100),))
        with pytest.raises(OSError, match="full"):
            source.copy(0, 100, output, None)
        source.close()


@pytest.mark.parametrize("short", range(0, 80_000, 4_000))
def test_offsets_fit_right_at_4_gib(short: int) -> None:
    """Each sample has a row of its own in every table, and each is a chunk."""
    count = 2_000
    table, position = Table(1), 0
    for number in range(count):
        size = 4 + number % 2 if number else (1 << 32) - 1 - short
        each = (array("I", [size]), 1 + number % 2, array("i", [number % 2]))
        table.append(Run(None if number else 0, position, 1, size, *each, keys=range(number % 2)))
        position += size
    configuration = Configuration("h264", "avc1", b"", ())
    described = SimpleNamespace(kind="video", configuration=configuration)
    stretch: Any = SimpleNamespace(description=described)
    track = DirectTrack([Part(stretch, table, 1, 0)], 1000)
    moov = box("stsd", bytes(8), box("avc1", bytes(78)))
    for name in ("stbl", "minf", "mdia", "trak", "moov"):
        moov = box(name, moov)
    offsets = array("Q", itertools.accumulate(table.sizes[:-1], initial=0))
    chunks = Chunks(offsets, array("I", [1]) * count)
    index = Index(moov, [track], [chunks], position)
    index.place(48 + index.size)
    wide = any(bytes(part)[4:8] == b"co64" for part in index.parts)
    assert wide or 48 + index.size + offsets[-1] < 1 << 32
