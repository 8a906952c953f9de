"""No public object fills a screen when it is shown, however much it holds."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

import dashget
from dashget.common.shortrepr import short_repr
from tests.support.builders import mpd

STRUCTS = [
    name
    for name in dashget.__all__
    if isinstance(kind := getattr(dashget, name), type)
    and issubclass(kind, msgspec.Struct)
    # What was loaded is described by its source and its presentation.
    and not issubclass(kind, dashget.LoadedManifest)
    # These hold a sentence, and two numbers.
    and kind not in (dashget.Issue, dashget.ByteRange)
]
HUGE: tuple[Any, ...] = (
    "x" * 50_000,
    b"x" * 50_000,
    tuple(range(50_000)),
    dict.fromkeys(range(50_000), "x" * 9),
    tuple(["x" * 50_000] * 3),
    frozenset(map(str, range(50_000))),
)
MANY = "".join(f'<SegmentURL media="{number}.mp4"/>' for number in range(2000))
LINES = "".join(f'<S t="{number * 9}" d="{5 + number % 2}"/>' for number in range(2000))


@pytest.mark.parametrize("name", STRUCTS)
def test_a_public_struct_is_short_whatever_its_fields_hold(name: str) -> None:
    kind = getattr(dashget, name)
    fields = kind.__struct_fields__
    for value in HUGE:
        if hasattr(kind, "__post_init__"):
            made = kind()  # options, which are checked
            for field in fields:
                if field != "headers":  # these are pairs
                    msgspec.structs.force_setattr(made, field, value)
        else:
            made = kind(**dict.fromkeys(fields, value))
        assert len(repr(made)) <= 80 + 160 * len(fields), name


def test_what_a_large_manifest_holds_is_short() -> None:
    single = f'<Representation id="l" bandwidth="1"><SegmentList duration="1">{MANY}</SegmentList></Representation>'
    timed = (
        f'<SegmentTemplate media="$RepresentationID$-$Time$.m4s"><SegmentTimeline>{LINES}'
        "</SegmentTimeline></SegmentTemplate>"
        + "".join(f'<Representation id="v{n}" bandwidth="{n + 1}"/>' for n in range(90))
    )
    content = "".join(
        f'<AdaptationSet mimeType="video/mp4">{each}</AdaptationSet>' for each in (single, timed)
    )
    document = dashget.parse_mpd(mpd(content))
    presentation = dashget.resolve(document, url="http://h/x.mpd")
    for thing in every_struct(document) | every_struct(presentation):
        assert len(thing) <= 700, thing
    assert repr(document).startswith("MPD(")
    assert "2 items" not in repr(presentation)


def every_struct(value: Any) -> set[str]:
    """Return the text of a struct and of all structs in it."""
    if isinstance(value, msgspec.Struct):
        inside = [getattr(value, name) for name in value.__struct_fields__]
        return {repr(value)}.union(*map(every_struct, inside)) if is_public(value) else set()
    return set().union(*map(every_struct, value)) if isinstance(value, tuple) else set()


def is_public(value: msgspec.Struct) -> bool:
    return type(value).__name__ in STRUCTS


class Pair(msgspec.Struct):
    first: Any
    second: Any = None

    __repr__ = short_repr


def test_small_things_are_shown_as_they_are() -> None:
    assert repr(Pair(1)) == "Pair(first=1)"
    assert repr(Pair("a", (1, 2))) == "Pair(first='a', second=(1, 2))"
    assert repr(Pair(Pair(3), {"k": "v"})) == "Pair(first=Pair(first=3), second={'k': 'v'})"


def test_large_things_are_counted() -> None:
    assert repr(Pair((1,) * 5, b"x" * 1500)) == "Pair(first=<5 items>, second=<1,500 bytes>)"
    assert repr(Pair("x" * 1500)).endswith("xxx'... (1,500 characters))")
    assert repr(Pair((Pair("x" * 90), Pair("y" * 90)))) == "Pair(first=<2 Pair>)"
    assert repr(Pair(Pair("x" * 90, "y" * 90))) == "Pair(first=<Pair>)"
