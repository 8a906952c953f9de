"""The number of transfers that is found by measuring, on links that are made of arithmetic."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from dashget.errors import Retry
from dashget.transfer.http.failure import Failure, Scope, status_failure
from dashget.transfer.pacing.concurrency import Concurrency, Pacer
from dashget.transfer.settings.options import TransferOptions

ADAPTIVE = TransferOptions(in_flight="auto")


class Link:
    """A link of ``mbit`` and ``rtt``, where one connection alone gets ``each`` Mbit/s."""

    def __init__(self, mbit: float, rtt: float, each: float) -> None:
        self.mbit = mbit
        self.rtt = rtt
        self.each = each

    def rate(self, transfers: int) -> float:
        return min(self.mbit, transfers * self.each) * 125_000

    def latency(self, transfers: int) -> float:
        """Return the time to the first byte: a full link has a queue."""
        load = transfers * self.each / self.mbit
        return self.rtt * (1 + min(1.0, max(0.0, load - 1)))


def drive(found: Concurrency, link: Link, seconds: float, *, start: float = 0.0) -> list[int]:
    """Let time go by on a link; return the limit at every tenth of a second."""
    limits, received = [], int(start * 1e6)
    for tick in range(round(seconds * 10)):
        now = start + tick / 10
        received += round(link.rate(found.limit) / 10)
        found.arrived(link.latency(found.limit), 2 * link.latency(found.limit) + 0.5)
        found.observe(now, received, found.limit)
        limits.append(found.limit)
    return limits


@pytest.mark.parametrize(
    "link",
    [
        Link(200, 0.04, 100),
        Link(100, 0.1, 50),
        Link(50, 0.3, 4),
        Link(1000, 0.01, 17),
        Link(8, 0.05, 8),
    ],
    ids=lambda link: f"{link.mbit}Mbit",
)
def test_most_of_the_time_is_spent_near_the_best(link: Link) -> None:
    limits = drive(Concurrency(ADAPTIVE, 0.0), link, 60)
    best = max(link.rate(n) for n in range(1, 65))
    assert sum(link.rate(limit) for limit in limits) / len(limits) > 0.93 * best
    assert sum(link.rate(limit) for limit in limits[200:]) / len(limits[200:]) > 0.97 * best


def test_more_transfers_that_bring_nothing_are_given_up() -> None:
    limits = drive(Concurrency(ADAPTIVE, 0.0), Link(100, 0.05, 25), 60)
    assert sum(limit <= 8 for limit in limits) > 0.8 * len(limits)


def test_the_users_cap_is_kept() -> None:
    options = TransferOptions(in_flight="auto", max_in_flight=12)
    assert max(drive(Concurrency(options, 0.0), Link(10_000, 0.05, 1), 30)) == 12


def test_a_fixed_number_stays() -> None:
    found = Concurrency(TransferOptions(in_flight=5), 0.0)
    found.failed(Failure("connection refused", Retry.AGAIN, Scope.BASE), 1.0)
    assert set(drive(found, Link(1000, 0.05, 1), 30)) == {5}


@pytest.mark.parametrize(
    "failure",
    [status_failure(429), status_failure(503), Failure("refused", Retry.AGAIN, Scope.BASE)],
    ids=lambda failure: failure.message,
)
def test_overload_halves_the_number_once_in_a_while(failure: Failure) -> None:
    found = Concurrency(ADAPTIVE, 0.0)
    found.failed(failure, 10.0)
    found.failed(failure, 10.1)
    assert found.limit == 4
    found.failed(failure, 14.0)
    assert found.limit == 2
    found.failed(status_failure(404), 20.0)
    assert found.limit == 2


def test_after_overload_the_number_grows_again() -> None:
    found = Concurrency(ADAPTIVE, 0.0)
    found.failed(status_failure(429), 0.5)
    assert drive(found, Link(1000, 0.05, 20), 60, start=1.0)[-1] > 8


def test_rising_latency_lowers_the_number() -> None:
    found = Concurrency(ADAPTIVE, 0.0)
    drive(found, Link(100, 0.05, 12.5), 20)
    settled = found.limit

    class Clogged(Link):
        def latency(self, transfers: int) -> float:
            return 0.1 * transfers

    drive(found, Clogged(90, 0.05, 12.5), 10, start=20.0)
    assert found.limit < settled


def test_an_idle_engine_learns_nothing() -> None:
    found = Concurrency(ADAPTIVE, 0.0)
    for tick in range(300):
        found.observe(tick / 10, tick * 1000, 2)
    assert found.limit == 8


def test_more_transfers_than_the_hosts_take_are_not_tried() -> None:
    found = Concurrency(ADAPTIVE, 0.0)
    drive(found, Link(10_000, 0.05, 1), 5)
    assert found.limit > 16
    found.settle_at(16)
    assert found.limit == 16


def test_a_fixed_number_comes_back_after_a_shortage() -> None:
    found = Concurrency(TransferOptions(in_flight=8), 0.0)
    found.ran_short(3, 1.0)
    assert found.limit == 3
    limits = drive(found, Link(1000, 0.05, 1), 10, start=1.0)
    assert sorted(limits) == limits
    assert set(limits) == {3, 4, 5, 6, 7, 8}


def test_a_number_that_is_found_stays_within_what_the_machine_allows() -> None:
    found = Concurrency(ADAPTIVE, 0.0)
    drive(found, Link(10_000, 0.05, 1), 10)
    assert found.limit > 32
    found.ran_short(5, 10.0)
    assert found.limit == 5
    for limit in drive(found, Link(10_000, 0.05, 1), 5, start=10.0):
        assert limit <= 5 + 10
    assert max(drive(found, Link(10_000, 0.05, 1), 60, start=15.0)) > 32


def test_a_number_that_is_found_comes_back_from_none() -> None:
    found = Concurrency(ADAPTIVE, 0.0)
    found.ran_short(0, 0.0)
    assert found.limit == 0
    assert max(drive(found, Link(10_000, 0.05, 1), 60)) > 16


def test_the_pacer_gives_out_no_more_than_its_rate() -> None:
    now = [0.0]
    clock: Callable[[], float] = lambda: now[0]  # noqa: E731  a clock in one line
    pacer = Pacer(1000, clock)
    taken = 0
    for tick in range(1000):
        now[0] = tick / 100
        while pacer.take(100):
            taken += 100
    assert 9_800 <= taken <= 10_200


def test_the_pacer_says_how_long_to_wait() -> None:
    now = [0.0]
    pacer = Pacer(1000, lambda: now[0])
    assert pacer.take(500)
    assert not pacer.take(1)
    assert pacer.wait_seconds() == pytest.approx(0.5)
    now[0] = 0.51
    assert pacer.take(1)


def test_at_the_start_the_number_doubles_at_once_while_the_rate_grows() -> None:
    """Connections take seconds to get up to speed over a long link; nobody waits for them."""
    found = Concurrency(ADAPTIVE, 0.0)
    received = 0
    for tick in range(8):
        received += tick * 100_000
        found.arrived(0.15, 1.5)
        found.observe(tick / 10, received, found.limit)
    assert found.limit == 16


def test_the_first_doubling_goes_no_further_than_one_host_may_be_asked() -> None:
    found = Concurrency(ADAPTIVE, 0.0)
    received = 0
    for tick in range(14):
        received += tick * tick * 100_000
        found.arrived(0.15, 1.5)
        found.observe(tick / 10, received, found.limit)
    assert found.limit == 16


def test_overload_ends_the_doubling() -> None:
    found = Concurrency(ADAPTIVE, 0.0)
    found.failed(status_failure(503), 0.1)
    assert found.limit == 4
    received = 0
    for tick in range(28):
        received += tick * 100_000
        found.arrived(0.15, 1.5)
        found.observe(tick / 10, received, found.limit)
    assert found.limit == 4


@pytest.mark.parametrize(
    ("seconds", "first"), [(None, 8), (0.05, 8), (0.19, 8), (0.3, 16), (5.0, 16)]
)
def test_over_a_long_link_the_search_begins_with_what_a_host_may_be_asked_for(
    seconds: float | None, first: int
) -> None:
    assert Concurrency(ADAPTIVE, 0.0, seconds).limit == first
    capped = TransferOptions(in_flight="auto", max_in_flight=6)
    assert Concurrency(capped, 0.0, seconds).limit == 6
    assert Concurrency(TransferOptions(in_flight=3), 0.0, seconds).limit == 3


def test_a_number_that_fell_to_zero_is_not_the_best_one() -> None:
    """No descriptor was left for a moment, in an interval that had brought something."""
    found = Concurrency(TransferOptions(in_flight="auto", max_in_flight=16), 0.0)
    found.ran_short(0, 0.05)
    received = 100_000
    for tick in range(1, 600):
        received += 1000 * found.limit
        if found.limit:
            found.arrived(0.01, 0.02)
        found.observe(tick / 10, received, found.limit)
    assert found.allowance.most == 16
    assert found.limit > 0


class Waiting:
    """Short requests over a link of 50 Mbit/s: each takes ``trips`` round trips.

    ``rtt`` is the time that a connection takes to open; the first byte takes ``first_byte``.
    """

    def __init__(self, rtt: float, *, trips: float = 1.4, first_byte: float | None = None) -> None:
        self.rtt = rtt
        self.first_byte = first_byte or rtt
        self.seconds = max(trips * rtt, self.first_byte)

    def rate(self, transfers: int) -> float:
        return min(50 * 125_000, transfers * 48 * 1024 / self.seconds)

    def drive(self, found: Concurrency, seconds: float, *, start: float = 0.0) -> list[int]:
        """Let time go by; return the number in flight, within what the host may have."""
        numbers, received = [], start * 1e6
        for tick in range(round(seconds * 10)):
            now = start + tick / 10
            number = min(found.limit, found.host_limit(self.rtt))
            if number < found.limit:
                found.settle_at(number)
            received += self.rate(number) / 10
            for _ in range(round(number / self.seconds / 10)):
                found.arrived(self.first_byte, self.seconds, self.rtt)
            found.observe(now, round(received), number)
            numbers.append(number)
        return numbers


def test_short_requests_over_a_long_link_get_more_connections_to_a_host() -> None:
    link = Waiting(0.15)
    numbers = link.drive(Concurrency(ADAPTIVE, 0.0, 0.3), 12)
    brought = sum(link.rate(number) for number in numbers) / len(numbers)
    assert brought > 0.95 * max(link.rate(n) for n in range(1, 65))


@pytest.mark.parametrize(
    ("rtt", "most"), [(0.01, 16), (0.025, 16), (0.05, 32), (0.075, 48), (0.6, 48)]
)
def test_how_many_depends_on_the_round_trip(rtt: float, most: int) -> None:
    link = Waiting(rtt)
    link.rate = lambda n: n * 48 * 1024 / link.seconds  # type: ignore[method-assign]  # no end
    assert max(link.drive(Concurrency(ADAPTIVE, 0.0), 60)) == most


def test_long_requests_get_no_more() -> None:
    assert max(Waiting(0.15, trips=12).drive(Concurrency(ADAPTIVE, 0.0, 0.3), 60)) == 16


def test_a_server_that_thinks_for_long_gets_no_more() -> None:
    assert max(Waiting(0.01, first_byte=0.5).drive(Concurrency(ADAPTIVE, 0.0, 0.5), 60)) == 16


def test_more_that_bring_nothing_are_given_back() -> None:
    link = Waiting(0.15)
    link.rate = lambda n: min(n, 16) * 30_000.0  # type: ignore[method-assign]  # a server's limit
    numbers = link.drive(Concurrency(ADAPTIVE, 0.0, 0.3), 120)
    assert max(numbers) <= 32
    assert sum(number <= 16 for number in numbers) > 0.85 * len(numbers)


@pytest.mark.parametrize(
    "failure",
    [
        status_failure(429),
        status_failure(503),
        Failure("connection refused", Retry.AGAIN, Scope.BASE),
        Failure("connection reset by the server", Retry.AGAIN),
    ],
    ids=lambda failure: failure.message,
)
def test_a_host_that_cannot_stand_more_gets_16_again_for_good(failure: Failure) -> None:
    link = Waiting(0.15)
    found = Concurrency(ADAPTIVE, 0.0, 0.3)
    assert link.drive(found, 10)[-1] > 16
    found.failed(failure, 10.0)
    assert found.host_limit(0.15) == 16
    assert max(link.drive(found, 60, start=10.0)) == 16


def test_a_missing_file_says_nothing_about_the_number() -> None:
    link = Waiting(0.15)
    found = Concurrency(ADAPTIVE, 0.0, 0.3)
    link.drive(found, 10)
    found.failed(status_failure(404), 10.0)
    assert found.host_limit(0.15) == 48


def test_long_requests_after_short_ones_get_16_again() -> None:
    found = Concurrency(ADAPTIVE, 0.0, 0.3)
    assert Waiting(0.15).drive(found, 10)[-1] > 16
    assert Waiting(0.15, trips=12).drive(found, 20, start=10.0)[-1] == 16


def test_one_short_file_does_not_tell_that_all_are_short() -> None:
    """As an initialization segment before large media segments."""
    found = Concurrency(ADAPTIVE, 0.0, 0.3)
    found.arrived(0.15, 0.3, 0.15)
    for tick in range(1, 9):
        found.observe(tick / 10, 100_000 * tick * tick, 16)
    assert found.host_limit(0.15) == 16


def test_a_halt_of_the_link_during_a_trial_does_not_end_it() -> None:
    link = Waiting(0.15)
    halted = Waiting(0.15)
    halted.rate = lambda n: 0.0  # type: ignore[method-assign]  # nothing comes for a moment
    found = Concurrency(ADAPTIVE, 0.0, 0.3)
    numbers: list[int] = []
    while not numbers or numbers[-1] == 16:
        numbers += link.drive(found, 0.1, start=len(numbers) / 10)
    numbers += halted.drive(found, 0.4, start=len(numbers) / 10)
    assert link.drive(found, 8, start=len(numbers) / 10)[-1] > 16
