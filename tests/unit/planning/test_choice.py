"""``best``, ``best1`` and the like, and which languages a rule takes."""

from __future__ import annotations

import pytest

from dashget.errors import SelectionError
from dashget.mpd.parse import parse_mpd
from dashget.mpd.presentation import Presentation
from dashget.mpd.resolve import resolve
from dashget.planning.selection import explain, parse_selection, select

Audio = tuple[str | None, str, str, int]
"""An AdaptationSet of one Representation: language, id, role, kbit/s."""


def presentation(*periods: list[Audio]) -> Presentation:
    """Return a presentation of audio alone."""
    text = ""
    for sets in periods:
        text += '<Period duration="PT10S">'
        for lang, name, role, rate in sets:
            attribute = "" if lang is None else f' lang="{lang}"'
            text += f'<AdaptationSet mimeType="audio/mp4"{attribute}>'
            if role:
                text += f'<Role schemeIdUri="urn:mpeg:dash:role:2011" value="{role}"/>'
            text += f'<Representation id="{name}" bandwidth="{rate}000"/></AdaptationSet>'
        text += "</Period>"
    document = (
        '<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" profiles="p" minBufferTime="PT2S"'
        f' mediaPresentationDuration="PT20S">{text}</MPD>'
    )
    return resolve(parse_mpd(document.encode()), url="http://h/m.mpd")


def taken(whole: Presentation, audio: str) -> list[list[str]]:
    """Return the ids that a rule takes, Period by Period."""
    narrowed = select(whole, parse_selection(audio=audio))
    return [
        [r.id for adaptation_set in period.adaptation_sets for r in adaptation_set.representations]
        for period in narrowed.periods
    ]


MANY: list[Audio] = [
    ("eng", "e1", "main", 64),
    ("en", "e2", "main", 128),
    ("en-GB", "gb", "main", 96),
    ("en", "ec", "commentary", 256),
    ("fre", "f1", "main", 192),
    ("pt_BR", "br", "main", 32),
    ("pt-PT", "pt", "main", 32),
    (None, "none", "main", 16),
    ("", "empty", "main", 8),
]


@pytest.mark.parametrize(
    ("rule", "ids"),
    [
        ("lang=en", ["e1", "e2", "gb", "ec"]),
        ("lang=eng", ["e1", "e2", "gb", "ec"]),
        ("lang=EN-gb", ["gb"]),
        ("lang=fr", ["f1"]),
        ("lang=fra,por-BR", ["f1", "br"]),
        ("lang=pt", ["br", "pt"]),
        ("lang=pt-*", ["br", "pt"]),
        ("lang=por-*", []),
        ("lang=und", ["none", "empty"]),
        ("lang!=en,lang!=pt", ["f1", "none", "empty"]),
        ("lang=english,role=main", ["e1", "e2", "gb"]),
    ],
)
def test_a_language_is_matched_in_every_spelling(rule: str, ids: list[str]) -> None:
    if ids:
        assert taken(presentation(MANY), rule) == [ids]
    else:
        with pytest.raises(SelectionError):
            taken(presentation(MANY), rule)


@pytest.mark.parametrize(
    ("rule", "ids"),
    [
        ("best", ["e2", "gb", "ec", "f1", "br", "pt", "none"]),
        ("worst", ["e1", "gb", "ec", "f1", "br", "pt", "empty"]),
        ("best1", ["f1"]),
        ("worst1", ["empty"]),
        ("lang=en,best1", ["e2"]),
        ("lang=en,worst1", ["e1"]),
        ("lang=de,pt,fr,best1", ["br"]),
        ("BEST1,role=commentary", ["ec"]),
    ],
)
def test_best_takes_one_for_each_language_and_role_and_best1_one_alone(
    rule: str, ids: list[str]
) -> None:
    assert taken(presentation(MANY), rule) == [ids]


def test_best1_stays_with_the_language_of_the_periods_before() -> None:
    first: list[Audio] = [("en", "e1", "main", 128), ("de", "d1", "main", 96)]
    advert: list[Audio] = [(None, "ad", "main", 64)]
    last: list[Audio] = [("de", "d2", "main", 256), ("eng", "e2", "main", 64)]
    whole = presentation(first, advert, last)
    assert taken(whole, "best1") == [["e1"], ["ad"], ["e2"]]
    assert taken(whole, "lang=de,en,und,best1") == [["d1"], ["ad"], ["d2"]]


def test_best_that_takes_several_is_explained() -> None:
    whole = presentation(MANY)

    def explained(rule: str) -> tuple[str, ...]:
        selection = parse_selection(audio=rule)
        return explain(select(whole, selection), selection)

    assert explained("best") == (
        "audio best: one for each language and role (en, en (commentary), en-gb, fr, pt-br, pt-pt,"
        " und); best1 takes only one",
    )
    assert explained("lang=fr,worst") == ()
    assert explained("best1") == explained("all") == ()


def test_an_error_about_a_language_lists_all_there_are_up_to_twenty() -> None:
    codes = [f"q{chr(97 + at)}a" for at in range(23)]
    sets: list[Audio] = [(code, code, "main", 1) for code in codes]
    with pytest.raises(SelectionError) as caught:
        taken(presentation(sets), "lang=en")
    assert caught.value.hint == f"there is: lang {', '.join(codes[:20])}, ... (23 in all)"
