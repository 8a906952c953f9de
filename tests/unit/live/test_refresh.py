"""When the manifest is read again."""

from __future__ import annotations

from fractions import Fraction

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashget.live.listing import Axis, Listing, Version
from dashget.live.refresh import Refresh, least
from dashget.live.spans import Run
from dashget.mpd.template import Address, UrlPattern


def version(*, step: float = 2.0, explicit: bool = True, **fields: object) -> Version:
    place = UrlPattern.literal("x")
    ticks = round(step * 10)
    listing = Listing(
        key="x", label="x", address=Address((place,)), place=place, axis=Axis.TIME, scale=10,
        origin=Fraction(0),
    )  # fmt: skip
    if explicit:
        listing = msgspec.structs.replace(listing, rows=(Run(0, ticks, 3),))
    else:
        listing = msgspec.structs.replace(listing, step=ticks)
    return Version(digest="d", listings=(listing,), **fields)  # type: ignore[arg-type]


def interval(read: Version, *, new: bool = True, times: int = 1) -> float:
    refresh = Refresh()
    at = began = 0.0
    for _ in range(times):
        began = at
        refresh.began(began)
        refresh.read(began + 0.1, read, new=new, stale=False)
        at = refresh.next_at(read)
    return at - began


SECONDS = st.sampled_from([None, 0.0, 0.001, 0.5, 2.0, 30.0, 500.0, 1e9, 1e300])


@given(
    SECONDS,
    st.sampled_from([None, 0.1, 1.0, 6.0, 40.0, 14_400.0]),
    st.sampled_from([0.1, 0.2, 2.0, 10.0, 600.0]),
    st.booleans(),
    st.lists(
        st.tuples(
            st.sampled_from(["read", "read", "failed", "want", "doubt", "expire"]),
            st.booleans(),
            st.booleans(),
            st.floats(0, 5),
        ),
        max_size=30,
    ),
)
def test_no_update_period_makes_a_busy_loop_or_lets_a_list_come_and_go_unseen(
    update: float | None,
    depth: float | None,
    step: float,
    explicit: bool,
    turns: list[tuple[str, bool, bool, float]],
) -> None:
    document = version(update=update, depth=depth, step=step, explicit=explicit, publish=1.0)
    refresh = Refresh()
    now, failed = 0.0, 0
    refresh.began(now)
    refresh.read(now, document, new=True, stale=False)
    for what, new, stale, seconds in turns:
        if what == "want":
            refresh.want()
        elif what == "doubt":
            refresh.doubt()
        elif what == "expire":
            refresh.expire(1.0)
        began, now = now, refresh.next_at(document)
        # The pause after a failed read counts from its end, up to 0.1 s later.
        pause = now - began - (0.1 if failed else 0.0)
        assert now - began >= 0.05 * 0.99
        if explicit and depth is not None:
            assert pause <= max(depth / 2, least(document)) + 0.01
        if explicit:
            # Or ten seconds where the server does not answer.
            assert pause <= max(max(step, least(document)) * 8, 10.0 if failed else 0.0) + 0.01
        assert pause <= 3600.0 + 0.01
        refresh.began(now)
        if what == "failed":
            failed += 1
            refresh.failed(now + min(seconds, 0.1), document)
        else:
            failed = 0
            refresh.read(now + min(seconds, pause / 4), document, new=new, stale=stale)


@pytest.mark.parametrize(
    ("update", "seconds"),
    [(2.0, 2.0), (7.0, 7.0), (0.5, 1.0), (0.0, 2.0), (0.001, 1.0)],
)
def test_it_counts_from_the_begin_of_the_last_read_and_is_no_busy_loop(
    update: float, seconds: float
) -> None:
    assert interval(version(update=update)) == pytest.approx(seconds)


def test_an_explicit_list_is_read_twice_in_a_window_at_least() -> None:
    assert interval(version(update=500.0, depth=20.0)) == pytest.approx(10.0)
    assert interval(version(update=500.0)) == pytest.approx(16.0)


def test_a_document_that_says_nothing_is_read_ever_more_seldom() -> None:
    silent = version(explicit=False)
    assert interval(silent) == pytest.approx(5.0)
    assert interval(silent, new=False, times=6) == pytest.approx(60.0)


def test_after_much_work_nothing_hurries_the_next_read() -> None:
    document, refresh = version(update=0.1, depth=4.0, step=0.2, publish=1.0), Refresh()
    refresh.began(0.0)
    refresh.read(5.0, document, new=True, stale=True)
    refresh.worked(5.0, 4.0)
    refresh.want()
    refresh.doubt()
    refresh.expire(1.0)
    assert refresh.next_at(document) == refresh.soon(document) == 9.0
    refresh.began(9.0)
    refresh.failed(13.0, document)
    refresh.worked(13.0, 4.0)
    assert refresh.next_at(document) == 17.0


def test_failures_are_backed_off_from() -> None:
    refresh, known = Refresh(), version(update=2.0, depth=400.0)
    pauses = []
    for _ in range(6):
        refresh.began(0.0)
        refresh.failed(0.0, known)
        pauses.append(refresh.next_at(known))
    assert pauses == [0.25, 0.5, 1.0, 2.0, 2.0, 2.0]


def test_a_pause_that_the_server_asks_for_is_kept_while_the_window_allows_it() -> None:
    for depth, asked, pause in ((None, 30.0, 30.0), (400.0, 1e9, 60.0), (20.0, 30.0, 5.0)):
        refresh, known = Refresh(), version(update=2.0, depth=depth)
        refresh.began(0.0)
        refresh.failed(0.0, known, asked)
        assert refresh.next_at(known) == pause
    refresh = Refresh()
    refresh.failed(0.0, None, 30.0)
    assert refresh.next_at(None) == 30.0


def test_a_static_document_is_read_slowly() -> None:
    assert interval(version(dynamic=False)) == 4.0
    assert interval(version(dynamic=False, step=0.2)) == 2.0
    assert interval(version(dynamic=False, step=60.0)) == 10.0


def test_a_refused_segment_has_it_read_soon() -> None:
    refresh, known = Refresh(), version(update=60.0)
    refresh.began(0.0)
    refresh.read(0.1, known, new=True, stale=False)
    refresh.want()
    assert refresh.next_at(known) == 1.0


def test_an_old_answer_has_it_read_soon() -> None:
    refresh, known = Refresh(), version(update=60.0)
    refresh.began(0.0)
    refresh.read(0.1, known, new=False, stale=True)
    assert refresh.next_at(known) == 1.0
