"""Selecting Representations and Periods of a presentation."""

from __future__ import annotations

import pytest

from dashget.errors import MPDError, SelectionError, UsageError
from dashget.mpd.parse import parse_mpd
from dashget.mpd.presentation import Presentation
from dashget.mpd.resolve import resolve
from dashget.planning.selection import parse_selection, select
from tests.support.builders import mpd

DOCUMENT = """
<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" profiles="p" minBufferTime="PT2S"
     mediaPresentationDuration="PT20S">
<Period id="intro" duration="PT10S">
  <AdaptationSet id="1" mimeType="video/mp4" codecs="avc1.64001f" frameRate="30000/1001">
    <Representation id="v1" bandwidth="1000000" width="640" height="360"/>
    <Representation id="v2" bandwidth="2500000" width="1280" height="720"/>
    <Representation id="v3" bandwidth="5000000" width="1920" height="1080"/>
    <Representation id="v4" bandwidth="6000000" width="1920" height="1080"/>
  </AdaptationSet>
  <AdaptationSet mimeType="video/mp4" codecs="hvc1.1.6.L93">
    <Role schemeIdUri="urn:mpeg:dash:role:2011" value="sign"/>
    <Representation id="s1" bandwidth="300000" width="320" height="180"/>
  </AdaptationSet>
  <AdaptationSet mimeType="video/mp4" codecs="avc1.42c01e">
    <EssentialProperty schemeIdUri="http://dashif.org/guidelines/trickmode" value="1"/>
    <Representation id="t1" bandwidth="9000000" width="3840" height="2160"/>
  </AdaptationSet>
  <AdaptationSet mimeType="audio/mp4" lang="en" codecs="mp4a.40.2">
    <Representation id="a1" bandwidth="64000" audioSamplingRate="44100"/>
    <Representation id="a2" bandwidth="128000" audioSamplingRate="48000"/>
  </AdaptationSet>
  <AdaptationSet mimeType="audio/mp4" lang="fr-CA" codecs="ec-3">
    <Representation id="a3" bandwidth="192000"/>
  </AdaptationSet>
  <AdaptationSet mimeType="text/vtt" lang="de"><Representation id="x1" bandwidth="100"/>
  </AdaptationSet>
</Period>
<Period duration="PT10S">
  <AdaptationSet mimeType="video/mp4">
    <Representation id="v1" bandwidth="1000000" width="640" height="360"/>
    <Representation id="e1" bandwidth="10" dependencyId="v1" width="1280" height="720"/>
  </AdaptationSet>
</Period>
</MPD>
"""


@pytest.fixture(scope="module")
def presentation() -> Presentation:
    return resolve(parse_mpd(DOCUMENT.encode()), url="http://h/m.mpd")


def chosen(presentation: Presentation, **options: str) -> list[str]:
    """Return the ids selected in the first Period; content types without a rule are left out."""
    rules = {"video": "none", "audio": "none", "text": "none", "image": "none", **options}
    narrowed = select(presentation, parse_selection(**rules))
    return [r.id for s in narrowed.periods[0].adaptation_sets for r in s.representations]


def test_the_default_is_everything(presentation: Presentation) -> None:
    assert select(presentation, parse_selection()) == presentation


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("best", ["v4", "s1"]),
        ("worst", ["v1", "s1"]),
        ("none,", None),
        ("height<=720", ["v1", "v2", "s1"]),
        ("height<=720,best", ["v2", "s1"]),
        ("best,height<=720", ["v2", "s1"]),
        ("best & height <= 720 & role=main", ["v2"]),
        ("bandwidth<2M", ["v1", "s1"]),
        ("bandwidth<=1000k,role=main", ["v1"]),
        ("bandwidth>5.5M", ["v4", "t1"]),
        ("height=360,1080", ["v1", "v3", "v4"]),
        ("height=720p", ["v2"]),
        ("height!=1080,trick=no", ["v1", "v2", "s1"]),
        ("codecs=avc1", ["v1", "v2", "v3", "v4", "t1"]),
        ("codecs=avc1.64001F", ["v1", "v2", "v3", "v4"]),
        ("codecs=hvc1,hev1", ["s1"]),
        ("role=sign", ["s1"]),
        ("id=v1,s1", ["v1", "s1"]),
        ("id=v*,height>360", ["v2", "v3", "v4"]),
        ("fps=29.97", ["v1", "v2", "v3", "v4"]),
        ("fps>=29.97", ["v1", "v2", "v3", "v4"]),
        ("fps!=29.97", ["s1", "t1"]),
        ("trick=yes", ["t1"]),
        ("trick=yes,best", ["t1"]),
        ("set=1,best", ["v4"]),
        ("set=#1,best", ["s1"]),
        ("set=5", None),
        ("width>=1920,bandwidth<=5M", ["v3"]),
    ],
)
def test_video_rules(presentation: Presentation, rule: str, expected: list[str] | None) -> None:
    if expected is None:
        with pytest.raises((UsageError, SelectionError)):
            chosen(presentation, video=rule)
    else:
        assert chosen(presentation, video=rule) == expected


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("all", ["a1", "a2", "a3"]),
        ("best", ["a2", "a3"]),
        ("worst", ["a1", "a3"]),
        ("lang=en,fr", ["a1", "a2", "a3"]),
        ("lang=fr", ["a3"]),
        ("lang=fr-ca", ["a3"]),
        ("lang!=en", ["a3"]),
        ("lang=en,best", ["a2"]),
        ("best,lang=en,fr", ["a2", "a3"]),
        ("samplerate>=48k", ["a2"]),
        ("mime=audio/*,codecs=ec-3", ["a3"]),
    ],
)
def test_audio_rules(presentation: Presentation, rule: str, expected: list[str]) -> None:
    assert chosen(presentation, audio=rule) == expected


def test_an_error_about_a_rule_without_matches_lists_the_existing_values(
    presentation: Presentation,
) -> None:
    with pytest.raises(SelectionError, match="no video Representation matches height<=100") as err:
        chosen(presentation, video="height<=100")
    assert err.value.hint == "there is: height 180, 360, 720, 1080, 2160"
    with pytest.raises(SelectionError) as err:
        chosen(presentation, image="height<=100")
    assert err.value.hint == "there is no image; there is: 8 video, 3 audio, 1 text"


def test_an_error_about_a_rule_names_attributes_that_no_representation_has(
    presentation: Presentation,
) -> None:
    for rule, hint in (
        ("label=x", "no Representation has label"),
        ("label=x,channels=2", "no Representation has label; no Representation has channels"),
        (
            "label=x,height<=100",
            "there is: height 180, 360, 720, 1080, 2160; no Representation has label",
        ),
    ):
        with pytest.raises(SelectionError) as err:
            chosen(presentation, video=rule)
        assert err.value.hint == hint


def test_a_missing_language_is_listed_as_und_where_none_is_given(
    presentation: Presentation,
) -> None:
    for kind, hint in (
        ("video", "there is: lang und (where none is given)"),
        ("audio", "there is: lang en, fr-CA"),
    ):
        with pytest.raises(SelectionError) as err:
            chosen(presentation, **{kind: "lang=it"})
        assert err.value.hint == hint


def test_a_keyword_for_a_missing_content_type_is_accepted(presentation: Presentation) -> None:
    assert chosen(presentation, image="best", text="all") == ["x1"]


def test_an_empty_selection_is_an_error(presentation: Presentation) -> None:
    with pytest.raises(SelectionError, match="leaves nothing to fetch") as caught:
        chosen(presentation)
    assert caught.value.hint == "there is: 8 video, 3 audio, 1 text"


@pytest.mark.parametrize("content", ["", "<AdaptationSet mimeType='video/mp4'/>"])
def test_a_presentation_without_representations_is_not_a_matter_of_the_selection(
    content: str,
) -> None:
    data = mpd(content)
    empty = resolve(parse_mpd(data), url="https://h.example/x.mpd")
    with pytest.raises(MPDError, match="the MPD names nothing to fetch") as caught:
        select(empty, parse_selection())
    assert caught.value.hint is not None


def test_representations_that_a_selected_one_depends_on_are_kept(
    presentation: Presentation,
) -> None:
    rules = parse_selection(video="id=e1", audio="none", text="none", period="last")
    narrowed = select(presentation, rules)
    assert [r.id for r in narrowed.periods[0].adaptation_sets[0].representations] == ["v1", "e1"]


@pytest.mark.parametrize(
    ("period", "expected"),
    [
        ("0", [0]),
        ("1", [1]),
        ("0-1", [0, 1]),
        ("0-9", [0, 1]),
        ("1-", [1]),
        ("first", [0]),
        ("last", [1]),
        ("intro", [0]),
        ("id=intro", [0]),
        ("1,intro", [0, 1]),
    ],
)
def test_periods_by_position_range_or_id(
    presentation: Presentation, period: str, expected: list[int]
) -> None:
    narrowed = select(presentation, parse_selection(period=period))
    assert [p.index for p in narrowed.periods] == expected


@pytest.mark.parametrize("period", ["7", "outro", "id=outro"])
def test_an_unknown_period_is_a_selection_error(presentation: Presentation, period: str) -> None:
    with pytest.raises(SelectionError, match="there is no Period with") as caught:
        select(presentation, parse_selection(period=period))
    assert caught.value.hint == "there is: 0 (id 'intro'), 1"
