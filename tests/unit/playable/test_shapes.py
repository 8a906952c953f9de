"""The shapes of Representations: each is looked for once, however many there are."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from dashget.mirroring.expectation import expected_of
from dashget.mpd.budget import Budget
from dashget.mpd.parse import parse_mpd
from dashget.mpd.resolve import resolve
from dashget.planning.layout import SafePath
from dashget.planning.limits import Limits
from dashget.planning.selection import Selection
from dashget.playable.shapes import shapes_of
from dashget.playable.tree import Element

HEAD = '<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" mediaPresentationDuration="PT4S">'
NEEDED = '<EssentialProperty schemeIdUri="urn:x"/>'
ONE = (
    '<Representation id="{0}" bandwidth="1"><SegmentTemplate media="{0}/$Number$" duration="2"/>'
    "</Representation>"
)
SET = '<AdaptationSet mimeType="video/mp4">{}</AdaptationSet>'


def document(count: int, *, periods: int = 1, sets: int = 1) -> bytes:
    """Return an MPD with so many Representations in each of so many Periods and sets."""
    text, made = HEAD + NEEDED, 0
    for number in range(periods):
        text += f'<Period id="{number}" duration="PT4S">{NEEDED}'
        for _ in range(sets):
            text += SET.format("".join(ONE.format(f"r{made + k}") for k in range(count)))
            made += count
        text += "</Period>"
    return (text + "</MPD>").encode()


def shapes(data: bytes) -> dict[str, str]:
    presentation = resolve(parse_mpd(data), url="http://h/m.mpd")
    limits = Limits(None, None)
    expected = expected_of(presentation, SafePath("m.mpd"), Selection(), limits, 255, Budget())
    return shapes_of(data, presentation, expected.selected_tracks(), expected.layout)


@pytest.mark.parametrize(
    "many",
    [lambda n: document(n), lambda n: document(1, periods=n), lambda n: document(1, sets=n)],
    ids=["Representations", "Periods", "sets"],
)
def test_twice_as_many_representations_are_twice_the_work(
    many: Callable[[int], bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    steps = 0
    each = Element.__iter__

    def counted(element: Element) -> Iterator[Element]:
        nonlocal steps
        for child in each(element):
            steps += 1
            yield child

    monkeypatch.setattr(Element, "__iter__", counted)
    taken = []
    for count in (50, 100):
        steps = 0
        assert len(shapes(many(count))) == count
        taken.append(steps)
    assert taken[1] < 2.2 * taken[0]


def test_a_shape_has_what_is_around_its_representation_and_no_other() -> None:
    found = list(shapes(document(2, periods=2)).values())
    assert len(found) == 4
    for number, text in enumerate(found):
        assert text.count("<Representation") == text.count("<AdaptationSet") == 1
        assert text.count("<Period") == 1
        assert text.count('"urn:x"') == 2
        assert f'id="r{number}"' in text
