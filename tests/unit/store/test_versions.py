"""Every version of a manifest comes back byte for byte, whatever happened to others."""

from __future__ import annotations

import io
import math
import os
import random
import struct
import threading
import zlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashget.planning.layout import SafePath
from dashget.recording.manifests import Manifests
from dashget.store import RECORD_VERSION, Header, Mirror
from dashget.store.delta import apply_delta, make_delta
from dashget.store.versions import (
    LOG,
    Damage,
    Entry,
    Facts,
    How,
    Oldest,
    VersionLog,
    VersionReader,
    _encode,
    read_entries,
    read_patch,
)


def written(*documents: bytes, patch: bytes = b"") -> bytes:
    pieces: list[bytes] = []
    log = VersionLog(pieces.append)
    for second, document in enumerate(documents):
        log.add(document, float(second), How.PATCH if patch else How.FULL, second + 0.5, patch)
    log.close()
    return b"".join(pieces)


def sound(data: bytes) -> list[Entry]:
    return [each for each in read_entries(io.BytesIO(data)) if isinstance(each, Entry)]


def damages(data: bytes) -> list[Damage]:
    return [each for each in read_entries(io.BytesIO(data)) if isinstance(each, Damage)]


def texts(data: bytes) -> list[bytes]:
    reader = VersionReader(io.BytesIO(data))
    found = []
    for entry in sound(data):
        reader.take(entry)
        if entry.facts.how is not How.SAME and not entry.lost:
            found.append(reader.text(reader.chain()))
    return found


def texts_in_one_pass(data: bytes) -> list[bytes]:
    """The same of a log that is not damaged, each made of the one before it."""
    reader, found = VersionReader(io.BytesIO(data)), [b""]
    for entry in sound(data):
        found.append(reader.next(found[-1], entry))
    return found[1:]


def manifest(second: int, rows: int = 30) -> bytes:
    """A window of a timeline that moves on, as a packager writes it."""
    lines = "".join(
        f'<S t="{1_000_000 + at * 96_256}" d="96256"/>\n' for at in range(second, second + rows)
    )
    return (
        f'<MPD publishTime="2026-01-01T00:{second // 60:02}:{second % 60:02}Z" id="a">\n{lines}</MPD>\n'
    ).encode()


@given(st.lists(st.binary(max_size=200), max_size=2), st.lists(st.integers(0, 9), max_size=12))
def test_a_delta_makes_the_second_text_of_the_first(parts: list[bytes], order: list[int]) -> None:
    pool = [*parts, bytes(range(200)), b"abc" * 40, b""]
    before = b"".join(pool)
    after = b"".join(pool[at % len(pool)][: 20 * at + 3] for at in order)
    delta = make_delta(before, after)
    assert delta is not None
    assert apply_delta(before, delta, len(after)) == after


def test_texts_that_have_little_in_common_have_no_delta() -> None:
    assert make_delta(bytes(1000), os.urandom(1000), 500) is None


@given(st.binary(max_size=40))
def test_a_delta_from_a_stranger_makes_no_more_than_it_may(delta: bytes) -> None:
    try:
        made = apply_delta(b"0123456789", delta, 100)
    except ValueError:
        return
    assert len(made) <= 100


@given(st.lists(st.binary(max_size=300), min_size=1, max_size=8))
def test_each_version_comes_back(documents: list[bytes]) -> None:
    different = [d for at, d in enumerate(documents) if at == 0 or documents[at - 1] != d]
    assert texts(written(*documents)) == different


def test_a_thousand_versions_take_little_space_and_come_back() -> None:
    documents = [manifest(second) for second in range(1000)]
    data = written(*documents)
    assert texts(data) == documents
    assert len(data) < 200 * len(documents)
    assert sum(entry.facts.whole for entry in sound(data)) == 4


def test_a_patch_is_kept_beside_what_it_made() -> None:
    data = written(manifest(0), manifest(1), patch=b"<Patch/>")
    assert texts(data) == [manifest(0), manifest(1)]
    assert [read_patch(io.BytesIO(data), each) for each in sound(data)] == [b"<Patch/>"] * 2


def test_reads_of_the_same_are_counted_by_the_minute() -> None:
    pieces: list[bytes] = []
    log = VersionLog(pieces.append)
    for second in range(150):
        log.add(b"<MPD/>", float(second), How.FULL, None)
    log.close()
    facts = [each.facts for each in sound(b"".join(pieces))]
    assert [(each.how, each.count) for each in facts] == [
        (How.FULL, 1), (How.SAME, 60), (How.SAME, 60), (How.SAME, 29),
    ]  # fmt: skip


@pytest.mark.parametrize("cut", range(1, 60))
def test_an_entry_that_was_cut_off_costs_only_itself(cut: int) -> None:
    data = written(manifest(0), manifest(1))[:-cut]
    assert texts(data) == [manifest(0)]
    more = data + written(manifest(2), manifest(3))
    assert texts(more) == [manifest(0), manifest(2), manifest(3)]
    (damage,) = damages(more)
    assert damage.cut_off


@given(st.data())
def test_damage_costs_what_was_made_of_it_and_never_gives_another_text(data: st.DataObject) -> None:
    documents = [manifest(second, 4) for second in range(6)]
    log = bytearray(written(*documents[:3]) + written(*documents[3:]))
    at = data.draw(st.integers(0, len(log) - 1))
    log[at] ^= data.draw(st.integers(1, 255))
    got = texts(bytes(log))
    assert set(got) <= set(documents)
    assert got[-3:] == documents[3:] or got[:3] == documents[:3]


@pytest.fixture(scope="module")
def log_of_900() -> tuple[list[bytes], bytes]:
    documents = [manifest(second) for second in range(900)]
    return documents, written(*documents)


@given(first=st.integers(0, 900), second=st.integers(0, 900))
def test_versions_since_a_time_stay_when_older_ones_go(
    log_of_900: tuple[list[bytes], bytes], first: int, second: int
) -> None:
    documents, data = log_of_900
    oldest = Oldest()
    for time in sorted((first, second)):
        count = oldest.before(io.BytesIO(data), float(time))
        data = data[count:]
        oldest.cut(count)
        left = texts_in_one_pass(data)
        assert left == documents[len(documents) - len(left) :]
        assert len(left) >= len(documents) - time
        # No more than what the oldest one is made of.
        assert len(left) <= len(documents) - time + 256
        assert not damages(data)
        more = data + written(manifest(1000))
        assert texts_in_one_pass(more) == [*left, manifest(1000)]


def test_noise_is_damage() -> None:
    entries = list(read_entries(io.BytesIO(os.urandom(1000))))
    assert [type(each) for each in entries] == [Damage]
    assert [each.size for each in entries if isinstance(each, Damage)] == [1000]


def test_entries_that_claim_each_others_bytes_cost_no_more_than_their_own() -> None:
    """A log of somebody else: each of its marks claims all that follows it."""

    class Counting(io.BytesIO):
        count = 0

        def read(self, size: int | None = -1, /) -> bytes:
            data = super().read(size)
            self.count += len(data)
            return data

    heads = [struct.pack(">4sIIH", b"\0\xd5MV", 0, (4000 - at - 1) * 14, 0) for at in range(4000)]
    log = Counting(b"".join(heads))
    assert [type(each) for each in read_entries(log)] == [Damage] * 3
    assert log.count < 20 * 4000 * 14


def test_what_is_made_of_one_version_is_no_more_than_a_recorder_writes() -> None:
    """A log of somebody else: its short entries stand for 64 MiB each, for ever."""
    whole = Facts(1.0, How.FULL, None, 3, zlib.crc32(b"abc"), 11)
    made = Facts(2.0, How.FULL, None, 64 << 20, 0, 3, whole=False)
    log = _encode(whole, zlib.compress(b"abc")) + _encode(made, b"xyz") * 200
    entries = [each for each in read_entries(io.BytesIO(log)) if isinstance(each, Entry)]
    assert [each.lost for each in entries] == [False] * 3 + [True] * 198


@pytest.mark.parametrize("time", [math.nan, math.inf, -math.inf, 1e300, -1e12])
def test_a_time_that_no_clock_tells_is_damage(time: float) -> None:
    for facts in (Facts(time, How.SAME), Facts(1.0, How.SAME, time)):
        (damage,) = read_entries(io.BytesIO(_encode(facts, b"")))
        assert isinstance(damage, Damage)


def test_a_changed_byte_is_no_kill() -> None:
    data = bytearray(written(manifest(0), manifest(1)))
    data[-3] ^= 1
    assert [each.cut_off for each in damages(bytes(data))] == [False]
    assert texts(bytes(data)) == [manifest(0)]


def test_a_rolling_recording_lets_old_versions_go(tmp_path: Path) -> None:
    """Only if it is worth the trouble: the log is written anew aside, and renamed."""
    path, wall = tmp_path / "r/.dashget" / LOG, [0.0]
    noise = random.Random(1).randbytes(3000).hex().encode()
    with Mirror.at(tmp_path / "r") as store:
        store.claim(Header(RECORD_VERSION, "http://h/x.mpd", "http://h/x.mpd", "x.mpd"))
        kept = Manifests(store, SafePath("x.mpd"), threading.Lock(), lambda: wall[0])
        log = VersionLog(lambda data: store.append_to(LOG, data))
        for second in range(0, 30_000, 30):
            # Nothing of one is in the next.
            text = noise[second % 3000 :: 7] + random.Random(second).randbytes(2000)
            log.add(text, float(second), How.FULL, None)
        size = path.stat().st_size
        kept.forget(10_000.0)
        assert path.stat().st_size == size
        kept.forget(20_000.0)
        assert size / 4 < path.stat().st_size < size * 0.4
        log.add(b"<MPD/>", 30_000.0, How.FULL, None)
        entries = sound(path.read_bytes())
        assert 19_000 < entries[0].facts.time <= 20_000 - 600
        assert texts(path.read_bytes())[-1] == b"<MPD/>"
        kept.forget(20_000.0)
        assert len(sound(path.read_bytes())) == len(entries)


def test_a_log_without_an_end_is_given_up() -> None:
    """A file with a hole of a terabyte takes no room, and would be read for many minutes."""

    class Endless(io.BytesIO):
        """Nothing but zeros behind what there is; counts what was read of it."""

        size = 1 << 40
        count = 0

        def seek(self, at: int, whence: int = 0, /) -> int:
            return super().seek(self.size if whence else at)

        def read(self, size: int | None = -1, /) -> bytes:
            assert size is not None
            data = super().read(size)
            self.seek(self.tell() + size - len(data))
            self.count += size
            return data + bytes(size - len(data))

    log = Endless(written(manifest(0)))
    first, second = read_entries(log)
    assert isinstance(first, Entry)
    assert second == Damage(log.size - first.at - first.length, False)
    assert log.count < 300 << 20
