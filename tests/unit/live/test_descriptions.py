"""Initialization segments that change behind one name."""

from __future__ import annotations

from fractions import Fraction

import pytest

from dashget.live.descriptions import Descriptions, folder_of, in_turn, reshaped
from dashget.live.listing import Axis, Listing, Once, PeriodMark, Version
from dashget.media.kind import SegmentKind
from dashget.mpd.template import Address, UrlPattern

TEMPLATE = '<SegmentTemplate media="$Time$.m4s" initialization="{}i.mp4"/>'
LIST = '<d:SegmentList><d:Initialization range="0-9" sourceURL="{}i.mp4"/></d:SegmentList>'


def listing(period: str, shape: str = TEMPLATE) -> Listing:
    init = Once("i.mp4", ("http://o/i",), SegmentKind.INITIALIZATION)
    media = Once("1.m4s", ("http://o/1",), SegmentKind.MEDIA, behind="i.mp4")
    return Listing(
        key="v", label="v", address=Address(()), place=UrlPattern.literal(""), axis=Axis.NAME,
        scale=1, origin=Fraction(0), once=(init, media), period=period, shape=shape.format(""),
    )  # fmt: skip


def version(*periods: str) -> Version:
    return Version(
        digest="",
        listings=tuple(map(listing, periods)),
        periods=tuple(PeriodMark(name, Fraction(0), None) for name in periods),
    )


def test_one_is_compared_once_for_each_new_period_and_never_for_the_first_ones() -> None:
    known, here = Descriptions(), set[str]()
    assert not list(known.looks(version("p", "q"), 1, here.__contains__))
    here.add("i.mp4")
    assert not list(known.looks(version("p", "q"), 1, here.__contains__))
    ((path, once),) = known.looks(version("q", "r"), 1, here.__contains__)
    assert (path, once.compare) == ("_again/1.2/i.mp4", "i.mp4")
    assert not list(known.looks(version("r"), 1, here.__contains__))
    assert [place.period for place in known.changed(path)] == ["r"]
    here.add(path)
    ((path, once),) = known.looks(version("s"), 1, here.__contains__)
    assert (path, once.compare) == ("_again/1.3/i.mp4", "_again/1.2/i.mp4")
    assert not list(known.looks(version("s"), 2, here.__contains__)), "another generation"


@pytest.mark.parametrize("shape", [TEMPLATE, LIST])
@pytest.mark.parametrize("prefix", ["", "_again/3/"])
def test_a_listing_has_the_newest_one(shape: str, prefix: str) -> None:
    made, generation = listing("p", shape), 3 if prefix else 1
    here = {f"{prefix}i.mp4"}
    assert in_turn(made, generation, here.__contains__) is made
    here.add(f"{prefix}_again/1.2/i.mp4")
    turned = in_turn(made, generation, here.__contains__)
    assert turned.shape == shape.format("_again/1.2/")
    assert [once.path for once in turned.once] == ["_again/1.2/i.mp4", "1.m4s"]
    assert turned.once[1].behind == "_again/1.2/i.mp4"
    assert reshaped(turned.shape, "_again/1.3/") == shape.format("_again/1.3/")
    assert reshaped(turned.shape, "") == made.shape
    assert folder_of(f"{prefix}_again/1.2/i.mp4") == "_again/1.2/"
