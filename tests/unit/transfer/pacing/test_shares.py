"""How transfers, and the connections to a host, are shared out among loops."""

from __future__ import annotations

from typing import cast

import pytest

from dashget.transfer.http.origin import Origin
from dashget.transfer.pacing.concurrency import HOST_LIMIT, Concurrency
from dashget.transfer.pacing.shares import Busy, Shares
from dashget.transfer.settings.options import TransferOptions

HOST, ELSEWHERE = Origin("https", "example.com", 443), Origin("http", "b", 80)
AUTO = {"in_flight": "auto"}


class FakeLoop:
    def __init__(self) -> None:
        self.busy: dict[Origin, int] = {}


def shares(count: int, limit: int, **options: object) -> tuple[Shares, list[Busy]]:
    """Make the shares of ``count`` loops in ``limit`` transfers."""
    made = TransferOptions(**options)  # type: ignore[arg-type]  # keyword options of one struct
    concurrency = Concurrency(made, 0.0)
    concurrency.limit = limit
    loops = [cast("Busy", FakeLoop()) for _ in range(count)]
    return Shares(made, concurrency, tuple(loops)), loops


def test_one_loop_has_all_until_all_take_part() -> None:
    made, (first, second) = shares(2, 9, in_flight=9)
    assert (made.of(first), made.of(second)) == (9, 0)
    made.wide = True
    assert (made.of(first), made.of(second)) == (5, 4)


def test_a_host_has_no_limit_of_its_own_if_the_user_gave_the_number() -> None:
    made, (loop,) = shares(1, 100, in_flight=100)
    loop.busy[HOST] = 99
    assert made.has_room(HOST, loop)


def test_a_host_gets_sixteen_requests_if_nobody_gave_a_number() -> None:
    made, (loop,) = shares(1, 64, **AUTO)
    assert made.room(HOST, loop) == HOST_LIMIT
    loop.busy[HOST] = HOST_LIMIT
    assert made.room(HOST, loop) == 0
    assert not made.has_room(HOST, loop)


@pytest.mark.parametrize(("busy", "room"), [(0, 8), (7, 1), (8, 0), (16, 0)])
def test_each_loop_has_its_part_of_a_host(busy: int, room: int) -> None:
    made, (_, second) = shares(2, 64, **AUTO)
    made.wide = True
    second.busy[HOST] = busy
    assert made.room(HOST, second) == room


def test_requests_that_share_connections_are_not_connections() -> None:
    host = Origin("https", "h2.example.com", 443)
    host.multiplexes = True
    made, (loop,) = shares(1, 64, **AUTO)
    loop.busy[host] = HOST_LIMIT
    assert made.has_room(host, loop)


def test_a_limit_that_was_asked_for_counts_requests_whatever_they_share() -> None:
    host = Origin("https", "h2.example.com", 443)
    host.multiplexes = True
    made, (loop,) = shares(1, 64, in_flight="auto", max_per_host=4)
    loop.busy[host] = 4
    assert not made.has_room(host, loop)


@pytest.mark.parametrize(
    ("transfers", "streams"), [(1, 1), (16, 1), (17, 2), (32, 2), (64, 4), (1000, 63)]
)
def test_connections_are_shared_only_if_there_are_more_requests_than_connections(
    transfers: int, streams: int
) -> None:
    made, (loop,) = shares(1, transfers, in_flight=transfers)
    assert made.connections(loop) == 16
    assert made.streams(loop) == streams


def test_two_loops_open_no_more_connections_than_one() -> None:
    made, loops = shares(2, 64, **AUTO)
    made.wide = True
    assert sum(made.connections(loop) for loop in loops) == HOST_LIMIT
    assert [made.streams(loop) for loop in loops] == [4, 4]


def test_a_loop_without_transfers_has_one_connection_and_one_stream() -> None:
    made, (_, second) = shares(2, 4, in_flight=4)
    assert (made.connections(second), made.streams(second)) == (1, 1)


def asking(busy: int = 0) -> Busy:
    """Make what shares know of a loop that has so many requests at the host."""
    made = FakeLoop()
    made.busy[HOST] = busy
    return cast("Busy", made)


def auto(*loops: Busy, **options: int | None) -> Shares:
    made = TransferOptions(**{**AUTO, **options})  # type: ignore[arg-type]  # keyword options of one struct
    shared = Shares(made, Concurrency(made, 0.0), loops)
    shared.wide = True
    return shared


def test_a_host_has_16_unless_the_user_gives_a_number() -> None:
    nearly, full = asking(15), asking(16)
    assert auto(nearly).has_room(HOST, nearly)
    assert not auto(full).has_room(HOST, full)
    assert auto(full, max_per_host=17).has_room(HOST, full)
    assert auto(full, in_flight=20).has_room(HOST, full)


def test_loops_have_a_part_of_a_host_each() -> None:
    one, other = asking(8), asking(7)
    both = auto(one, other)
    assert [both.has_room(HOST, each) for each in (one, other)] == [False, True]


def test_requests_of_one_loop_count_when_another_joins() -> None:
    """Else a host would have 16 of the first one and 8 of the other."""
    first, second = asking(16), asking(0)
    assert not auto(first, second).has_room(HOST, second)
    first.busy[HOST] = 15
    assert auto(first, second).has_room(HOST, second)


def test_a_host_that_redirects_has_no_more_room_than_its_target() -> None:
    mine = asking(10)
    made = auto(mine)
    made.forecast.redirected(ELSEWHERE, HOST)
    mine.busy[ELSEWHERE] = 5
    assert made.has_room(ELSEWHERE, mine)
    mine.busy[ELSEWHERE] = 6
    assert not made.has_room(ELSEWHERE, mine)
    assert made.has_room(HOST, mine), "what is there counts, not what is to come"
    made.forecast.answered(ELSEWHERE)
    assert made.has_room(ELSEWHERE, mine)


@pytest.mark.parametrize("behind", [True, False])
def test_a_host_that_redirects_to_shared_connections_has_its_own_room(behind: bool) -> None:
    before, after = Origin("https", "a", 443), Origin("https", "b", 443)
    before.multiplexes, after.multiplexes = not behind, behind
    mine = asking()
    made = auto(mine)
    made.forecast.redirected(before, after)
    mine.busy[before] = HOST_LIMIT
    assert not made.has_room(before, mine)
    assert made.has_room(after, mine)


def test_a_host_far_away_may_have_more_for_short_requests_and_one_nearby_may_not() -> None:
    far, near = Origin("http", "far", 80), Origin("http", "near", 80)
    far.round_trip_seconds, near.round_trip_seconds = 0.15, 0.02
    made, (loop,) = shares(1, 64, **AUTO)
    assert [made.room(each, loop) for each in (far, near, HOST)] == [16, 16, 16]
    made._concurrency._raised = True
    assert [made.room(each, loop) for each in (far, near, HOST)] == [48, 16, 16]
    assert made.kept(loop) >= 48
    asked, (loop,) = shares(1, 64, in_flight="auto", max_per_host=16)
    asked._concurrency._raised = True
    assert asked.room(far, loop) == 16
    assert asked.kept(loop) == 16


def test_a_host_that_redirects_has_the_room_of_its_target() -> None:
    far, near = Origin("http", "far", 80), Origin("http", "near", 80)
    far.round_trip_seconds, near.round_trip_seconds = 0.15, 0.02
    made, (loop,) = shares(1, 64, **AUTO)
    made._concurrency._raised = True
    made.forecast.redirected(far, near)
    assert made.room(far, loop) == 16
