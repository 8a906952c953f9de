"""The selection's grammar and its choices."""

from __future__ import annotations

import pytest

from dashget.errors import SelectionError, UsageError
from dashget.mpd.parse import parse_mpd
from dashget.mpd.presentation import Presentation
from dashget.mpd.resolve import resolve
from dashget.planning.selection import Choice, Test, parse_rule, parse_selection, select

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
    """The ids in the first Period (video, audio and text as asked, the others none)."""
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


def test_a_value_after_a_comma_belongs_to_the_test_before_it() -> None:
    rule = parse_rule("lang=en,fr,height<=720,best")
    assert rule.choice is Choice.BEST
    assert rule.tests == (Test("lang", "=", ("en", "fr")), Test("height", "<=", ("720",)))
    assert str(rule) == "lang=en,fr,height<=720,best"


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ("hight<=720", "'hight' is no attribute to test"),
        ("height<=tall", "'tall' is not a number"),
        ("lang<en", "lang is text; < compares numbers"),
        ("height<=", "has no value"),
        ("720", "'720' is neither a keyword nor a test"),
        ("", "has an empty part"),
        ("best,worst", "exclude each other"),
        ("none,height<=720", "leaves nothing to test"),
        ("height<=720,480", "'480' is neither a keyword nor a test"),
    ],
)
def test_malformed_rules_are_usage_errors_that_list_what_is_valid(rule: str, message: str) -> None:
    with pytest.raises(UsageError, match="video: ") as caught:
        parse_selection(video=rule)
    assert message in caught.value.message
    assert "samplerate" in str(caught.value.hint)


def test_a_rule_that_matches_nothing_names_what_is_there(presentation: Presentation) -> None:
    with pytest.raises(SelectionError, match="no video Representation matches height<=100") as err:
        chosen(presentation, video="height<=100")
    assert err.value.hint == "there is: height 180, 360, 720, 1080, 2160"
    with pytest.raises(SelectionError) as err:
        chosen(presentation, image="height<=100")
    assert err.value.hint == "there is no image; there is: 8 video, 3 audio, 1 text"


def test_what_nothing_has_is_said_so(presentation: Presentation) -> None:
    for rule, hint in (
        ("label=x", "none has any label"),
        ("label=x,channels=2", "none has any label; none has any channels"),
        ("label=x,height<=100", "there is: height 180, 360, 720, 1080, 2160; none has any label"),
    ):
        with pytest.raises(SelectionError) as err:
            chosen(presentation, video=rule)
        assert err.value.hint == hint


def test_a_language_that_is_not_given_is_not_shown_as_one_that_is(
    presentation: Presentation,
) -> None:
    for kind, hint in (
        ("video", "there is: lang und (where none is given)"),
        ("audio", "there is: lang en, fr-CA"),
    ):
        with pytest.raises(SelectionError) as err:
            chosen(presentation, **{kind: "lang=it"})
        assert err.value.hint == hint


def test_a_keyword_for_content_that_is_not_there_is_no_error(presentation: Presentation) -> None:
    assert chosen(presentation, image="best", text="all") == ["x1"]


def test_nothing_selected_at_all_is_an_error(presentation: Presentation) -> None:
    with pytest.raises(SelectionError, match="leaves nothing to fetch") as caught:
        chosen(presentation)
    assert caught.value.hint == "there is: 8 video, 3 audio, 1 text"


def test_what_a_representation_depends_on_is_kept_with_it(presentation: Presentation) -> None:
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


@pytest.mark.parametrize("period", ["", "3-1", "1--2", ",", "-"])
def test_malformed_periods_are_usage_errors(period: str) -> None:
    with pytest.raises(UsageError, match="period: "):
        parse_selection(period=period)


def test_a_position_behind_a_minus_is_the_first_ones_or_counted_from_the_end() -> None:
    for period in ("-1", "0,-1", "- 1"):
        with pytest.raises(UsageError, match="can be read in two ways") as caught:
            parse_selection(period=period)
        hint = "write 0-1 for the first ones; the last one is called last"
        assert caught.value.hint == hint


@pytest.mark.parametrize("period", ["7", "outro", "id=outro"])
def test_a_period_that_is_not_there_is_a_selection_error(
    presentation: Presentation, period: str
) -> None:
    with pytest.raises(SelectionError, match="there is no Period with") as caught:
        select(presentation, parse_selection(period=period))
    assert caught.value.hint == "there is: 0 (id 'intro'), 1"
