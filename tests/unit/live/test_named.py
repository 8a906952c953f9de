"""Recordings of lists and of single files: which file follows which, and their local MPD."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from fractions import Fraction

import msgspec
import pytest

from dashget.live.facts import Fact, FileFact, NamesFact, ShapeFact, StretchFact
from dashget.live.listing import Axis, Listing, Once
from dashget.live.localmpd import Coverage, local_mpd
from dashget.live.named import Named, reused_name, stored_name
from dashget.live.names import Rows, Series, split_name
from dashget.live.snapshot import facts_of
from dashget.live.state import State
from dashget.media.kind import SegmentKind
from dashget.mpd.names import NAMESPACE
from dashget.mpd.parse import parse_mpd
from dashget.mpd.presentation import ListAddressing, SingleAddressing
from dashget.mpd.resolve import resolve
from dashget.mpd.template import Address, UrlPattern
from tests.support.played import initializations, played_files
from tests.unit.live.test_localmpd import BEGIN, begins, line, played, starts, steps


def shape(track: str, inside: str, kind: str = "video") -> str:
    return (
        f'<MPD xmlns="{NAMESPACE}" profiles="p" minBufferTime="PT2S" type="static">'
        f'<BaseURL>./</BaseURL><Period><AdaptationSet contentType="{kind}" mimeType="{kind}/mp4">'
        f'<Representation id="{track}" bandwidth="8000">{inside}</Representation>'
        "</AdaptationSet></Period></MPD>"
    )


def names(
    number: int,
    *files: tuple[int, int | None],
    step: int = 2,
    scale: int = 1,
    kind: str = "video",
    period: str = "p",
    start: int = 0,
    offset: int = 0,
    init: str = "init.mp4",
    first: int = 0,
) -> list[Fact]:
    """Return a list of files, each an order number and a time in ticks; the Period starts there."""
    track = f"{kind[0]}{number}"
    inside = f'<SegmentList><Initialization sourceURL="{track}/{init}"/></SegmentList>'
    origin = BEGIN + Fraction(start) - Fraction(offset, scale)
    return [
        NamesFact(number, f"{period} {track} name", track=track),
        ShapeFact(number * 10 + first, shape(track, inside, kind)),
        StretchFact(
            number, first, number * 10 + first, str(BEGIN + start), str(origin), period=period
        ),
        *(
            FileFact(
                f"{track}/{n}.m4s", 9, BEGIN + 9, number, n, t, step, scale,
                None if t is None else float(origin) + t / scale,
            )
            for n, t in files
        ),
    ]  # fmt: skip


def single(
    number: int,
    time: int | None = 0,
    seconds: int = 0,
    inside: str = "<SegmentBase/>",
    period: str = "p",
    start: int = 0,
) -> list[Fact]:
    track = f"s{number}"
    return [
        NamesFact(number, f"{period} {track} name", track=track, single=True),
        ShapeFact(number * 10, shape(track, f"<BaseURL>{track}/all.mp4</BaseURL>{inside}", "text")),
        StretchFact(number, 0, number * 10, str(BEGIN + start), str(BEGIN + start), period=period),
        FileFact(f"{track}/all.mp4", 9, BEGIN + 9, number, 0, time, seconds * 10, 10, BEGIN + 9),
    ]


def numbered(first: int, last: int, step: int = 2) -> list[tuple[int, int | None]]:
    return [(n, n * step) for n in range(first, last + 1)]


def written(*facts: list[Fact]) -> bytes:
    local = local_mpd(Coverage.of(State.of(fact for each in facts for fact in each)))
    assert local is not None
    return local


def test_the_files_of_a_list_follow_one_another() -> None:
    files = played(names(1, *numbered(5, 7)))
    assert begins(files, "v1") == [(0, "v1/5.m4s", 0), (2, "v1/6.m4s", 0), (4, "v1/7.m4s", 0)]
    assert [file.media for file in files] == [10, 12, 14]
    assert initializations(written(names(1, *numbered(5, 7)))) == {"v1/init.mp4"}


def test_a_hole_of_a_list_ends_the_period_where_it_ends() -> None:
    lists = names(1, *numbered(0, 4), *numbered(8, 9))
    assert starts(lists) == [0, 16]
    assert [b for b, _, _ in begins(played(lists), "v1")] == [0, 2, 4, 6, 8, 16, 18]


def test_a_hole_of_one_list_alone_is_cut_as_well() -> None:
    """Players count the files."""
    video, audio = line(1, *steps(0, 9)), names(2, *numbered(0, 3), *numbered(7, 9), kind="audio")
    assert starts(video, audio) == [0, 14]
    files = played(video, audio)
    assert [b for b, _, _ in begins(files, "a2")] == [0, 2, 4, 6, 14, 16, 18]
    assert [b for b, _, _ in begins(files, "v1")] == [0, 2, 4, 6, 14, 16, 18]


def test_files_without_times_follow_one_another_also_over_what_is_unknown() -> None:
    files = played(names(1, (0, None), (1, None), (5, None)))
    assert [b for b, _, _ in begins(files, "v1")] == [0, 2, 4]


def test_times_that_go_back_are_those_of_an_encoder_that_has_begun_again() -> None:
    lists = names(1, *numbered(0, 3), (4, 0), (5, 2))
    assert starts(lists) == [0, 8]
    files = played(lists)
    assert [b for b, _, _ in begins(files, "v1")] == [0, 2, 4, 6, 8, 10]
    assert [file.media for file in files] == [0, 2, 4, 6, 0, 2]


def test_times_that_leap_between_neighbours_are_no_hole() -> None:
    lists = names(1, *numbered(0, 3), (4, 90_000), (5, 90_002))
    assert starts(lists) == [0, 8]
    assert [b for b, _, _ in begins(played(lists), "v1")] == [0, 2, 4, 6, 8, 10]


def test_times_that_leap_over_what_is_unknown_are_a_hole() -> None:
    lists = names(1, *numbered(0, 3), (9, 90_000))
    assert starts(lists) == [0, 90_000]


def test_another_initialization_of_a_list_begins_a_new_period() -> None:
    lists = names(1, *numbered(0, 2)) + names(1, *numbered(3, 5), init="new.mp4", first=3)
    assert starts(lists) == [0, 6]
    assert initializations(written(lists)) == {"v1/init.mp4", "v1/new.mp4"}


def test_ticks_that_get_finer_begin_a_new_clock() -> None:
    lists = names(1, *numbered(0, 2))
    lists += [
        FileFact(f"v1/{n}.m4s", 9, BEGIN, 1, n, n * 20, 20, 10, BEGIN + n * 2) for n in (3, 4)
    ]
    assert [b for b, _, _ in begins(played(lists), "v1")] == [0, 2, 4, 6, 8]


def test_files_that_came_in_another_order_are_played_in_that_of_the_list() -> None:
    head, files = names(1)[:3], names(1, *numbered(0, 4))[3:]
    for order in itertools.permutations(files):
        assert [f.path for f in played([*head, *order])] == [f"v1/{n}.m4s" for n in range(5)]


def test_a_list_beside_a_template_is_played_at_its_time() -> None:
    files = played(line(1, *steps(5, 9)), names(2, *numbered(6, 9), kind="audio"))
    assert begins(files, "a2")[0] == (0, "a2/6.m4s", 0)
    assert begins(files, "v1")[0] == (0, "v1/6.m4s", 0), "what is alone is left out"


def test_a_single_file_begins_where_its_period_did() -> None:
    local = written(line(1, *steps(5, 9)), single(2, seconds=30))
    presentation = resolve(parse_mpd(local), url="http://m/")
    (period,) = presentation.periods
    (found,) = (r for s in period.adaptation_sets for r in s.representations if r.id == "s2")
    assert isinstance(found.addressing, SingleAddressing)
    offset = Fraction(found.addressing.presentation_time_offset, found.addressing.timescale)
    assert offset == 10
    assert presentation.duration == 10, "the file goes on, the recording does not"


def test_a_single_file_is_in_each_period_that_it_runs_through() -> None:
    video = line(1, *steps(0, 4), *steps(8, 9), *steps(12, 14))
    local = written(video, single(2, seconds=20), single(3, None))
    presentation = resolve(parse_mpd(local), url="http://m/")
    shown = [
        {r.id for s in period.adaptation_sets for r in s.representations}
        for period in presentation.periods
    ]
    assert shown == [{"v1", "s2", "s3"}, {"v1", "s2", "s3"}, {"v1", "s3"}]


def test_a_single_file_without_a_place_for_a_clock_gets_none() -> None:
    local = written(line(1, *steps(5, 9)), single(2, None, inside=""))
    assert b"SegmentBase" not in local


def test_single_files_alone_play_for_as_long_as_they_last() -> None:
    presentation = resolve(parse_mpd(written(single(1, seconds=30))), url="http://m/")
    assert presentation.duration == 30
    assert local_mpd(Coverage.of(State.of(single(1, None)))) is not None


def test_single_files_of_periods_without_id_are_in_theirs() -> None:
    video = line(1, *steps(0, 4), period="") + line(2, *steps(0, 4), period="", start=10)
    presentation = resolve(
        parse_mpd(written(video, single(3, None, period="", start=10))), url="http://m/"
    )
    shown = [
        {r.id for s in period.adaptation_sets for r in s.representations}
        for period in presentation.periods
    ]
    assert shown == [{"v1"}, {"v2", "s3"}]


def test_a_segment_that_runs_through_several_periods_is_in_each() -> None:
    video = line(1, (0, 0), step=60)
    audio = line(2, *steps(0, 9), *steps(11, 18), *steps(20, 29), kind="audio")
    assert starts(video, audio) == [0, 22, 40]
    assert [p for _, _, p in begins(played(video, audio), "v1")] == [0, 1, 2]


@pytest.mark.parametrize(
    "path", ["v/1.m4s", "v/seg-0099.m4s", "a1/b", "t.0/007", "x.mp4", "v/1/", "v/12a", "m4s"]
)
def test_a_name_is_that_of_its_series(path: str) -> None:
    series, number = split_name(path)
    assert series.name(number) == path


def test_names_that_count_are_one_row() -> None:
    rows = Rows()
    for n in range(10_000):
        rows.add(FileFact(f"v/{n + 90_000}.m4s", 9, BEGIN, 1, n, n * 2, 2, 1, BEGIN + n * 2.0))
    assert len(rows.rows) == 1
    assert rows.count == 10_000
    rows.forget(BEGIN + 100.5)
    assert rows.count == 9_949
    assert next(rows.names()) == ("v/90051.m4s", 51)
    assert split_name("v/090.m4s") == (Series("v/", 3, ".m4s"), 90)


def listing(*paths: str, track: str = "v", period: str = "p") -> Listing:
    once = tuple(Once(path, (path,), SegmentKind.MEDIA) for path in paths)
    return Listing(
        key=f"{period} {track} name", label=track, address=Address(()),
        place=UrlPattern.literal(""), axis=Axis.NAME, scale=1, origin=Fraction(BEGIN), once=once,
        named=True, shape=shape("v", "<SegmentList/>"), period=period,
    )  # fmt: skip


def learnt(named: Named, *lists: Listing) -> list[list[tuple[str, int]]]:
    numbers = itertools.count(len(named.by_id) + 1)
    found = named.learn(lists, 1, lambda: next(numbers))
    return [[(path, once.n) for path, once in each.files] for _, each in found]


def test_neighbours_of_a_list_have_numbers_that_follow_one_another() -> None:
    named = Named()
    ((_, first), *_), *_ = learnt(named, listing("a", "b"))
    assert learnt(named, listing("b", "c")) == [[("b", first + 1), ("c", first + 2)]]
    (((_, later), *_),) = learnt(named, listing("e", "f"))
    assert later > first + 3, "after an outage: nobody knows what was between"
    assert learnt(named, listing("d", "e", "f")) == [
        [("d", later - 1), ("e", later), ("f", later + 1)]
    ], "from a cache with a longer window"
    assert len(named.by_id) == 1


def test_a_file_that_did_not_come_has_its_place_also_for_the_next_recorder() -> None:
    named = Named()
    files = learnt(named, listing("v/1", "v/2", "v/3", "v/4"))[0]
    again = Named()
    for fact in named.facts():
        again.take(fact)
    for path, n in (files[0], files[2]):
        again.take(FileFact(path, 9, BEGIN, 1, n, n * 2, 2, 1, BEGIN + n * 2.0))
    more = [f"v/{n}" for n in range(1, 6)]
    assert [n - files[0][1] for _, n in learnt(again, listing(*more))[0]] == [0, 1, 2, 3, 4]


def test_names_in_another_order_are_all_there() -> None:
    named = Named()
    learnt(named, listing("a", "b", "c"))
    found = learnt(named, listing("c", "x", "a", "y", "b"))[0]
    assert len({n for _, n in found}) == 5


def come(named: Named, files: list[tuple[str, int]]) -> None:
    """Have files come that a document has named."""
    for path, n in files:
        named.take(FileFact(path, 9, BEGIN, 1, n, None, 2, 1, BEGIN + 9))


def restored(named: Named) -> Named:
    again = Named()
    for fact in named.facts():
        again.take(fact)
    return again


def test_a_name_that_comes_again_behind_later_ones_is_another_file() -> None:
    named = Named()
    come(named, learnt(named, listing("v/0", "v/1", "v/2"))[0])
    found = learnt(named, listing("v/1", "v/2", "v/0"))[0]
    assert [path for path, _ in found] == ["v/1", "v/2", "_again/1.2/v/0"]
    assert [n for _, n in found] == sorted({n for _, n in found})
    come(named, found[2:])
    assert learnt(named, listing("v/1", "v/2", "v/0"))[0] == found, "once"
    assert [path for path, _ in learnt(named, listing("v/2", "v/0", "v/1"))[0]] == [
        "v/2", "_again/1.2/v/0", "_again/1.2/v/1",
    ]  # fmt: skip


def test_a_name_that_had_left_the_list_is_another_file_behind_later_ones() -> None:
    for again in (lambda named: named, restored):
        named = Named()
        for first in range(3):
            paths = [f"v/{k % 4}" for k in range(first, first + 2)]
            come(named, learnt(named, listing(*paths))[0])
        named = again(named)
        come(named, learnt(named, listing("v/2", "v/3"))[0])
        found = learnt(named, listing("v/3", "v/0"))[0]
        assert [path for path, _ in found] == ["v/3", "_again/1.2/v/0"]
        come(named, found[1:])
        named = again(named)
        found = learnt(named, listing("v/0", "v/1"))[0]
        assert [path for path, _ in found] == ["_again/1.2/v/0", "_again/1.2/v/1"]


def test_a_list_of_names_that_had_all_left_it_is_one_of_other_files() -> None:
    named = Named()
    come(named, learnt(named, listing("v/0", "v/1"))[0])
    come(named, learnt(named, listing("v/2", "v/3"))[0])
    found = learnt(named, listing("v/0", "v/1"))[0]
    assert [path for path, _ in found] == ["_again/1.2/v/0", "_again/1.2/v/1"]
    come(named, found)
    found = learnt(restored(named), listing("v/2", "v/3"))[0]
    assert [path for path, _ in found] == ["_again/1.2/v/2", "_again/1.2/v/3"]


def test_a_document_of_a_cache_names_no_other_files() -> None:
    """They are before what came later, so they are what they were."""
    named = Named()
    come(named, learnt(named, listing("a", "b", "c"))[0])
    files = learnt(named, listing("b", "c", "d"))[0]
    come(named, files)
    assert learnt(named, listing("a", "b", "c"))[0][1:] == files[:2]
    assert learnt(named, listing("b", "c", "d"))[0] == files
    found = learnt(named, listing(period="p"), listing("a", "b", track="w"))
    assert [path for path, _ in found[0]] == ["a", "b"]


def test_a_name_with_a_later_time_in_a_timeline_is_another_file() -> None:
    def timed(*times: int) -> Listing:
        made = listing("v/0", "v/1")
        once = [
            msgspec.structs.replace(each, time=time, duration=2, timed=True)
            for each, time in zip(made.once, times, strict=True)
        ]
        return msgspec.structs.replace(made, once=tuple(once))

    named = Named()
    come(named, learnt(named, timed(0, 2))[0])
    assert [path for path, _ in learnt(named, timed(0, 2))[0]] == ["v/0", "v/1"]
    found = learnt(named, timed(4, 6))[0]
    assert [path for path, _ in found] == ["_again/1.2/v/0", "_again/1.2/v/1"]


@pytest.mark.parametrize(
    ("path", "turn", "stored"),
    [
        ("v/1", 1, "v/1"),
        ("v/1", 2, "_again/1.2/v/1"),
        ("_again/3/v/1", 1, "_again/3/v/1"),
        ("_again/3/v/1", 12, "_again/3.12/v/1"),
    ],
)
def test_a_name_is_told_from_its_later_turns(path: str, turn: int, stored: str) -> None:
    assert stored_name(path, turn) == stored
    assert reused_name(stored) == (path, turn)


def test_another_period_is_another_line() -> None:
    named = Named()
    learnt(named, listing("a", "b"))
    found = learnt(named, listing("a", "b", "c"), listing("a", period="q"))
    assert [[path for path, _ in each] for each in found] == [["a", "b", "c"], ["a"]]
    assert len(named.by_id) == 2


def test_a_period_whose_start_moves_is_one_line() -> None:
    named = Named()
    learnt(named, listing("a", "b", period="#1"))
    learnt(named, listing("b", "c", period="#2"))
    assert len(named.by_id) == 1


def test_what_was_recorded_is_known_again_from_the_facts() -> None:
    facts = [*names(1, *numbered(0, 40)), *single(2)]
    state = State.of(facts)
    again = State.of(facts_of(state))
    assert local_mpd(Coverage.of(again)) == local_mpd(Coverage.of(state))
    assert list(State.of([*facts_of(state), *facts]).named.facts()) == list(state.named.facts())


def test_what_is_forgotten_is_named_no_more() -> None:
    state = State.of(names(1, *numbered(0, 9)))
    state.forget(BEGIN + 7.0)
    local = local_mpd(Coverage.of(state))
    assert local is not None
    assert [file.path for file in played_files(local)] == [f"v1/{n}.m4s" for n in range(4, 10)]


def test_durations_that_differ_have_their_mean_for_players_that_read_no_timeline() -> None:
    files: Sequence[tuple[int, int]] = [(0, 20), (20, 21), (41, 20), (61, 21)]
    lists = names(1)[:3]
    lists += [
        FileFact(f"v1/{n}.m4s", 9, BEGIN, 1, n, t, d, 10, BEGIN + t / 10)
        for n, (t, d) in enumerate(files)
    ]
    presentation = resolve(parse_mpd(written(lists)), url="http://m/")
    (found,) = (r for s in presentation.periods[0].adaptation_sets for r in s.representations)
    assert isinstance(found.addressing, ListAddressing)
    assert found.addressing.duration == 20
    assert [float(f.begin) for f in played(lists)] == [0, 2, 4.1, 6.1]
