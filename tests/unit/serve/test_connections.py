"""Connections have a number and a time, and who makes progress keeps theirs."""

from __future__ import annotations

import pytest

from dashget.serve.connections import Connections, Limits, source_of


class Place:
    """Connections at a clock that stands still, with the keys of those that were closed."""

    def __init__(self, **limits: float) -> None:
        self.now = 0.0
        self.ended: list[int] = []
        self.open = Connections(Limits(**limits), lambda: self.now)  # type: ignore[arg-type]  # numbers

    def begin(self, *keys: int, address: str = "127.0.0.1") -> None:
        for key in keys:
            self.now += 1
            self.open.opened(key, address, lambda key=key: self.ended.append(key))  # type: ignore[misc]  # of this one


def test_the_one_without_progress_for_the_longest_time_makes_room() -> None:
    place = Place(most=3)
    place.begin(1, 2, 3)
    place.now += 1
    place.open.went_on(1)
    place.begin(4, 5)
    assert place.ended == [2, 3]
    assert len(place.open) == 3


def test_an_answer_that_nobody_reads_makes_room_as_well() -> None:
    place = Place(most=2)
    place.begin(1)
    with place.open.answering(1):
        place.begin(2, 3)
        assert place.ended == [1]
    assert len(place.open) == 2


def test_one_address_never_has_all_connections() -> None:
    place = Place(most=100, most_of_one=2)
    place.begin(1, address="192.0.2.1")
    place.begin(2, 3, 4, address="192.0.2.2")
    place.begin(5, 6, 7, address="2001:db8::1")
    place.begin(8, address="2001:db8::2:1")
    place.begin(9, 10, 11)
    assert place.ended == [2, 5, 6]


def test_who_has_most_connections_makes_room_for_others() -> None:
    place = Place(most=4, most_of_one=3)
    place.begin(1, address="192.0.2.1")
    place.begin(2, 3, 4, address="192.0.2.2")
    place.begin(5, address="192.0.2.3")
    assert place.ended == [2]


def test_a_request_has_to_be_whole_in_time() -> None:
    place = Place(waiting_seconds=10)
    place.begin(1, 2)
    with place.open.answering(2):
        place.now += 60
        place.open.close_waiting()
        assert place.ended == [1]
    place.now += 9
    place.open.close_waiting()
    assert place.ended == [1]
    place.now += 1
    place.open.close_waiting()
    assert place.ended == [1, 2]
    place.open.closed(2)
    assert len(place.open) == 0


@pytest.mark.parametrize(
    ("address", "source"),
    [
        ("127.0.0.9", ""),
        ("::1", ""),
        ("::ffff:127.0.0.1", ""),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("192.0.2.1", "192.0.2.1"),
        ("fe80::1:2%eth0", "fe80::/64"),
        ("2001:db8:1:2:3::4", "2001:db8:1:2::/64"),
        ("", ""),
    ],
)
def test_who_is_behind_an_address(address: str, source: str) -> None:
    assert source_of(address) == source
