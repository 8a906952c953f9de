"""Rows of a timeline, which are read a million at a time: no number is what only Python takes."""

from __future__ import annotations

import time

import pytest

from dashget.mpd.parse import parse_mpd
from dashget.mpd.resolve import resolve
from dashget.mpd.xmltree import has_odd_numbers
from tests.support.builders import FILLER, mpd

SOUND = '<S t="0" d="2"/>'
ODD = (
    "1_0",
    "1_000",
    "\uff12",
    "\u0663",
    "1\u0660",
    "&#x664;",
    "1&#95;0",
    " 1_0 ",
    f"{'0' * 300}1_0",
)


def problems(row: str, media: str = "$Time$.m4s") -> str:
    """Return what is said about a manifest whose second row of a timeline is this."""
    document = mpd(
        f'<AdaptationSet {FILLER}><SegmentTemplate timescale="1" media="{media}"><SegmentTimeline>'
        f'{SOUND}{row}</SegmentTimeline></SegmentTemplate><Representation id="v" bandwidth="8"/>'
        "</AdaptationSet>"
    )
    found = resolve(parse_mpd(document), url="http://h/m.mpd", now=None)
    representation = found.periods[0].adaptation_sets[0].representations[0]
    return " ".join(issue.message for issue in (*found.warnings, *representation.problems))


@pytest.mark.parametrize("value", ODD)
@pytest.mark.parametrize("name", ["t", "d", "r", "n", "k"])
@pytest.mark.parametrize("row", ['NAME="VALUE"', "NAME = 'VALUE'", f'\nNAME{" " * 300}= "VALUE"'])
def test_a_number_for_python_only_is_named(row: str, name: str, value: str) -> None:
    before = "" if name == "d" else 'd="2" '
    text = row.replace("NAME", name).replace("VALUE", value)
    assert f"@{name}: not a number: " in problems(f"<S {before}{text}/>")


@pytest.mark.parametrize("media", ["a_1_2_$Time$.m4s", "\u00e4_$Time$.m4s", "&#228;$Time$.m4s"])
def test_such_characters_elsewhere_change_nothing(media: str) -> None:
    assert problems('<S d="2"/><S t="4" d=" 2 "/>', media) == ""


@pytest.mark.parametrize("rest", ["_", "\u00e4", "&#95;", "_" * 5000])
@pytest.mark.parametrize("piece", [' t="', " t", " t =", " t='1\"", "_", "<S "])
def test_they_are_looked_for_in_linear_time(piece: str, rest: str) -> None:
    text = f"<MPD>{piece * 100_000}{rest}{piece * 100_000}".encode()
    started = time.process_time()
    has_odd_numbers(text)
    assert time.process_time() - started < 2
