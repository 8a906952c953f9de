"""The samples of movie fragments of every form."""

from __future__ import annotations

import pytest

from dashget.mux.direct.fragments import (
    Run,
    UnknownMediaError,
    decode_times,
    read_defaults,
    read_runs,
)
from tests.support.builders import box
from tests.support.fragments import TRACK, beginning, fragment, full, header, run, time

KEY, OTHER = 0x02000000, 0x01010000
START = 1000
"""Where the fragment begins."""


def runs(*trafs: list[bytes], absolute: int = 0, **defaults: int | str) -> list[Run]:
    known = read_defaults(beginning(**{"duration": 10, "size": 5, **defaults}))  # type: ignore[arg-type]  # mixed
    return read_runs(fragment(*trafs), START, absolute, known)


def test_samples_have_the_defaults_of_the_initialization_segment() -> None:
    (found,) = runs([header(), time(70), run(3, offset=200)], flags=OTHER)
    assert (found.time, found.position, found.count) == (70, START + 200, 3)
    assert (list(found.sizes), found.size, found.durations) == ([5, 5, 5], 15, 10)
    assert (found.compositions, list(found.keys or ())) == (None, [])


def test_the_header_of_a_track_fragment_comes_before_these_defaults() -> None:
    own = header(duration=4, size=7, sample_flags=KEY, description=1)
    (found,) = runs([own, time(0, version=0), run(2)], flags=OTHER)
    assert (list(found.sizes), found.durations, list(found.keys or ())) == ([7, 7], 4, [0, 1])


def test_each_sample_comes_before_the_header() -> None:
    own = header(duration=4, size=7, sample_flags=OTHER)
    columns = run(
        3,
        durations=[1, 2, 3],
        sizes=[9, 8, 7],
        sample_flags=[KEY, OTHER, 0],
        compositions=[0, 5, -5],
    )
    (found,) = runs([own, time(0), columns])
    assert isinstance(found.durations, object)
    assert list(found.sizes) == [9, 8, 7]
    assert list(decode_times(found, 20)) == [20, 21, 23]
    assert list(found.keys or ()) == [0, 2]
    assert list(found.compositions or ()) == [0, 5, -5]


@pytest.mark.parametrize("version", [0, 1])
def test_compositions_have_a_sign_in_both_versions(version: int) -> None:
    (found,) = runs([header(), time(0), run(2, compositions=[-512, 512], version=version)])
    assert list(found.compositions or ()) == [-512, 512]


def test_the_first_sample_may_have_flags_of_its_own() -> None:
    (found,) = runs([header(sample_flags=OTHER), time(0), run(3, first_flags=KEY)])
    assert list(found.keys or ()) == [0]
    (found,) = runs([header(sample_flags=KEY), time(0), run(3, first_flags=OTHER)])
    assert list(found.keys or ()) == [1, 2]


def test_every_sample_of_audio_is_a_key() -> None:
    (found,) = runs([header(sample_flags=OTHER), time(0), run(3)], handler="soun")
    assert found.keys is None


def test_runs_without_an_offset_follow_one_another() -> None:
    found = runs([header(), time(0), run(2, offset=100), run(3), run(1, offset=500), run(1)])
    positions = [each.position - START for each in found]
    assert positions == [100, 110, 500, 505]
    assert [each.time for each in found] == [0, None, None, None]


@pytest.mark.parametrize(
    ("from_moof", "second"),
    [(True, START + 300), (False, START + 110 + 300)],
)
def test_a_second_track_fragment_counts_from_the_fragment_or_from_the_first_ones_end(
    from_moof: bool, second: int
) -> None:
    found = runs(
        [header(from_moof=from_moof), time(0), run(2, offset=100)],
        [header(from_moof=from_moof), run(2, offset=300)],
    )
    assert [each.position for each in found] == [START + 100, second]


def test_offsets_may_count_from_the_begin_of_the_file() -> None:
    found = runs(
        [header(base=600, from_moof=False), time(0), run(2, offset=8), run(1)], absolute=50
    )
    assert [each.position for each in found] == [658, 668]


def test_empty_runs_are_passed() -> None:
    (found,) = runs([header(), time(7), run(0), run(1, offset=100)])
    assert (found.time, found.position) == (7, START + 100)


UNKNOWN = {
    "another track": [header(track=TRACK + 1), time(0), run(1)],
    "no header": [time(0), run(1)],
    "nothing": [],
    "encrypted": [header(), time(0), run(1), full("senc", 1)],
    "sizes of encrypted samples": [header(), time(0), run(1), full("saiz", 1)],
    "keys in groups": [header(), time(0), full("sbgp", rest=b"seig"), run(1)],
    "descriptions of keys": [header(), time(0), full("sgpd", rest=b"seig"), run(1)],
    "encrypted by PIFF": [
        header(), time(0), run(1), box("uuid", bytes.fromhex("a2394f525a9b4f14a2446c427c648df4")),
    ],
    "flags twice": [header(), time(0), run(1, first_flags=KEY, sample_flags=[KEY])],
    "an empty sample": [header(), time(0), run(2, sizes=[4, 0])],
    "too many samples": [header(), time(0), full("trun", 1 << 31)],
    "a run that ends too early": [header(), time(0), full("trun", 3, 1, flags=0x100)],
    "a header that ends too early": [full("tfhd", TRACK, flags=1), time(0), run(1)],
}  # fmt: skip


@pytest.mark.parametrize("traf", UNKNOWN.values(), ids=UNKNOWN.keys())
def test_what_is_not_known_is_left_to_libavformat(traf: list[bytes]) -> None:
    with pytest.raises(UnknownMediaError):
        runs(traf)


def test_groups_and_boxes_of_other_uses_change_nothing() -> None:
    others = [
        full("sgpd", rest=b"roll"), full("sbgp", rest=b"rap "), full("subs"), full("sdtp"),
        box("uuid", bytes.fromhex("6d1d9b0542d544e680e2141daff757b2")),
    ]  # fmt: skip
    (found,) = runs([header(), time(0), *others, run(1)])
    assert found.count == 1


@pytest.mark.parametrize(
    "moov",
    [
        beginning(samples=3),
        box("moov", box("mvex", full("trex", 1, 1, 0, 0, 0))),
        box("moov", box("trak", box("mdia")), box("mvex", full("trex", 1, 1, 0, 0, 0))),
        beginning()[:-60],
    ],
    ids=["samples outside fragments", "no track", "no handler", "no fragments"],
)
def test_other_initialization_segments_are_left_to_libavformat(moov: bytes) -> None:
    with pytest.raises(UnknownMediaError):
        read_defaults(moov)
