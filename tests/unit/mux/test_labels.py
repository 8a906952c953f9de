"""What a file says about a track, and what a kind of file can hold."""

from __future__ import annotations

from pathlib import PurePath

import pytest

import dashget
from dashget.mux.container import SUFFIXES, container_of
from dashget.mux.labels import label_of
from dashget.planning.languages import bibliographic, iso639_2

SET = """\
<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" mediaPresentationDuration="PT6S"><Period>
 <AdaptationSet mimeType="audio/mp4" lang="de-CH">{inside}
  <Representation id="a" bandwidth="1"><BaseURL>a.mp4</BaseURL></Representation>
 </AdaptationSet></Period></MPD>
"""


@pytest.mark.parametrize(
    ("tag", "terminology", "matroska"),
    [
        ("de", "deu", "ger"),
        ("ger", "deu", "ger"),
        ("fr-CA", "fra", "fre"),
        ("en", "eng", "eng"),
        ("zh-yue", "yue", "yue"),
        ("tl", "fil", "fil"),
        ("cmn", "zho", "chi"),
        ("qaa", "und", "und"),
        ("qtx", "und", "und"),
        ("", "und", "und"),
        (None, "und", "und"),
        ("x-private", "und", "und"),
        ("nonsense", "und", "und"),
    ],
)
def test_languages_have_the_codes_of_their_container(
    tag: str | None, terminology: str, matroska: str
) -> None:
    assert iso639_2(tag) == terminology
    assert bibliographic(iso639_2(tag)) == matroska


@pytest.mark.parametrize(
    ("inside", "purposes"),
    [
        ('<Role schemeIdUri="urn:mpeg:dash:role:2011" value="main"/>', set()),
        ('<Role schemeIdUri="urn:mpeg:dash:role:2011" value="dub"/>', {"dub"}),
        ('<Role schemeIdUri="urn:mpeg:dash:role:2011" value="commentary"/>', {"comment"}),
        ('<Role schemeIdUri="urn:example:other" value="dub"/>', set()),
        (
            '<Accessibility schemeIdUri="urn:tva:metadata:cs:AudioPurposeCS:2007" value="1"/>',
            {"visual_impaired"},
        ),
        (
            '<Accessibility schemeIdUri="urn:tva:metadata:cs:AudioPurposeCS:2007" value="2"/>',
            {"hearing_impaired"},
        ),
    ],
)
def test_roles_become_purposes(inside: str, purposes: set[str]) -> None:
    document = SET.format(inside=f"{inside}<Label> Deutsch </Label>").encode()
    presentation = dashget.resolve(dashget.parse_mpd(document, url="http://h.example/x.mpd"))
    (adaptation_set,) = presentation.periods[0].adaptation_sets
    label = label_of(adaptation_set.representations[0], adaptation_set)
    assert label.language == "deu"
    assert label.purposes == purposes


def test_the_kind_of_file_is_that_of_its_suffix() -> None:
    assert container_of(PurePath("a.b.MP4")).suffix == ".mp4"
    for name in ("show", "show.avi", "mp4"):
        with pytest.raises(dashget.UsageError) as caught:
            container_of(PurePath(name))
        assert all(suffix in str(caught.value.hint) for suffix in SUFFIXES)
