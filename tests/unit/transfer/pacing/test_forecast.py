"""Where redirects will lead, and how many requests a host will have."""

from __future__ import annotations

import pytest

from dashget.transfer.http.origin import Origin
from dashget.transfer.pacing.shares import Forecast


def origins(names: str) -> tuple[Origin, ...]:
    return tuple(Origin("http", name, 80) for name in names)


def test_before_any_redirect_only_requests_in_flight_are_expected() -> None:
    a, b = origins("ab")
    forecast = Forecast()
    assert not forecast.targets
    assert list(forecast.iter_ahead(a)) == []
    assert forecast.expected(b, {a: 3, b: 2}) == 2


def test_requests_to_hosts_that_redirect_are_expected_at_their_target() -> None:
    a, b, c, d = origins("abcd")
    forecast = Forecast()
    forecast.redirected(a, c)
    forecast.redirected(b, c)
    forecast.redirected(c, d)
    assert list(forecast.iter_ahead(a)) == [c, d]
    busy = {a: 1, b: 2, c: 4, d: 8}
    assert [forecast.expected(target, busy) for target in (a, b, c, d)] == [1, 2, 7, 15]


def test_the_last_redirect_counts() -> None:
    a, b, c = origins("abc")
    forecast = Forecast()
    forecast.redirected(a, b)
    forecast.redirected(a, c)
    assert list(forecast.iter_ahead(a)) == [c]
    assert [forecast.expected(target, {a: 1}) for target in (b, c)] == [0, 1]


def test_a_host_that_answers_itself_has_no_target() -> None:
    a, b = origins("ab")
    forecast = Forecast()
    forecast.redirected(a, b)
    forecast.answered(a)
    forecast.answered(b)
    assert not forecast.targets
    assert forecast.expected(b, {a: 1}) == 0


def test_a_redirect_within_a_host_gives_no_target() -> None:
    (a,) = origins("a")
    forecast = Forecast()
    forecast.redirected(a, a)
    assert not forecast.targets


@pytest.mark.parametrize("start", [0, 1, 2])
def test_hosts_that_redirect_in_a_circle_are_counted_once(start: int) -> None:
    around = origins("abc")
    forecast = Forecast()
    for i in range(3):
        forecast.redirected(around[i], around[(i + 1) % 3])
    ahead = list(forecast.iter_ahead(around[start]))
    assert ahead == [around[(start + 1) % 3], around[(start + 2) % 3]]
    assert forecast.expected(around[start], dict.fromkeys(around, 5)) == 15
