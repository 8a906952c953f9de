"""Facts of a resolved presentation that a plan does not contain."""

from __future__ import annotations

import base64
import struct
import uuid
from datetime import UTC, datetime
from fractions import Fraction

import pytest

from dashget.errors import MPDValidityError, SelectionError, UnsupportedMPDError, UsageError
from dashget.mpd.parse import parse_mpd
from dashget.mpd.presentation import (
    ContentType,
    Descriptor,
    Presentation,
    PresentationType,
    Tiles,
)
from dashget.mpd.resolve import resolve
from dashget.planning.tracks import require_sound
from dashget.segments import address
from dashget.segments.listing import iter_segments

WIDEVINE = "edef8ba9-79d6-4ace-a3c8-27dcd51d21ed"
KID = "10000000-1000-1000-1000-100000000001"


def present(body: str, attributes: str = 'mediaPresentationDuration="PT8S"') -> Presentation:
    text = (
        '<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" profiles="a, b" minBufferTime="PT2S" '
        f'xmlns:cenc="urn:mpeg:cenc:2013" {attributes}>{body}</MPD>'
    )
    return resolve(parse_mpd(text.encode()), url="https://h/d/m.mpd", now=Fraction(100))


def period(sets: str) -> str:
    return f"<Period>{sets}</Period>"


MARK = "\ue000"
"""A private-use character, of the kind that stands for fields in patterns."""
MARKED = "%EE%80%80"


@pytest.mark.parametrize(
    ("before", "inside", "url"),
    [
        (f"<BaseURL>{MARK}b/</BaseURL>", "", f"https://h/d/{MARKED}b/7.m4s"),
        ("", f"<BaseURL>b{MARK}/</BaseURL>", f"https://h/d/b{MARKED}/7.m4s"),
        (f"<BaseURL>b/?{MARK}</BaseURL>", "", "https://h/d/b/7.m4s"),
        (
            "",
            '<EssentialProperty schemeIdUri="urn:mpeg:dash:urlparam:2014"><UrlQueryInfo '
            f'queryTemplate="$querypart$" queryString="a={MARK}"/></EssentialProperty>',
            f"https://h/d/7.m4s?a={MARKED}",
        ),
    ],
)
def test_no_character_of_a_base_or_a_query_is_taken_for_a_field(
    before: str, inside: str, url: str
) -> None:
    shown = present(
        f'{before}<Period><AdaptationSet mimeType="video/mp4">{inside}<SegmentTemplate duration="8" '
        'startNumber="7" media="$Number$.m4s"/><Representation id="v" bandwidth="1"/>'
        "</AdaptationSet></Period>"
    )
    (segment,) = address(shown.periods[0].adaptation_sets[0].representations[0])
    assert segment.url == url


@pytest.mark.parametrize("where", ["BaseURL byteRange", "BaseURL", "url"])
def test_no_character_of_a_single_file_is_taken_for_a_field(where: str) -> None:
    base = {
        "BaseURL byteRange": f'<BaseURL byteRange="$base$?{MARK}$first$-$last$">a.mp4</BaseURL>',
        "BaseURL": f"<BaseURL>{MARK}.mp4</BaseURL>",
        "url": "<BaseURL>a.mp4</BaseURL>",
    }[where]
    text = (
        '<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" mediaPresentationDuration="PT8S"><Period>'
        f'<AdaptationSet mimeType="video/mp4"><Representation id="v" bandwidth="1">{base}'
        '<SegmentList duration="8"><SegmentURL mediaRange="0-9"/></SegmentList></Representation>'
        "</AdaptationSet></Period></MPD>"
    )
    url = f"https://h/{MARK}/m.mpd" if where == "url" else "https://h/d/m.mpd"
    shown = resolve(parse_mpd(text.encode()), url=url)
    (segment,) = address(shown.periods[0].adaptation_sets[0].representations[0])
    assert MARKED in segment.url
    assert MARK not in segment.url


def pssh(system_id: str, *, key_id: str | None = None) -> str:
    body = bytes([0 if key_id is None else 1, 0, 0, 0]) + uuid.UUID(system_id).bytes
    if key_id is not None:
        body += struct.pack(">I", 1) + uuid.UUID(key_id).bytes
    body += struct.pack(">I", 2) + b"xy"
    return base64.b64encode(struct.pack(">I4s", 8 + len(body), b"pssh") + body).decode()


@pytest.mark.parametrize(
    ("attributes", "representation", "expected"),
    [
        ('contentType="video"', "", ContentType.VIDEO),
        ('contentType="application"', "", ContentType.OTHER),
        ('mimeType="audio/mp4"', "", ContentType.AUDIO),
        ('mimeType="application/ttml+xml"', "", ContentType.TEXT),
        ('mimeType="text/vtt"', "", ContentType.TEXT),
        ('mimeType="application/mp4" codecs="stpp.ttml.im1t"', "", ContentType.TEXT),
        ('mimeType="application/mp4"', 'codecs="wvtt"', ContentType.TEXT),
        ('mimeType="image/jpeg"', "", ContentType.IMAGE),
        ('mimeType="video/mp4" codecs="mp4a.40.2"', "", ContentType.AUDIO),
        ("", 'mimeType="video/webm"', ContentType.VIDEO),
        ("", 'codecs="avc1.64001f,mp4a.40.2"', ContentType.VIDEO),
        ("", 'codecs="ec-3"', ContentType.AUDIO),
        ('contentType="subtitle"', "", ContentType.TEXT),
        ('mimeType="application/octet-stream"', "", ContentType.OTHER),
    ],
)
def test_the_content_type_comes_from_the_most_explicit_attribute(
    attributes: str, representation: str, expected: ContentType
) -> None:
    body = f'<AdaptationSet {attributes}><Representation id="r" {representation}/></AdaptationSet>'
    assert present(period(body)).periods[0].adaptation_sets[0].content_type is expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [("a.vtt", ContentType.TEXT), ("a.m4a?x=1", ContentType.AUDIO), ("a.JPG", ContentType.IMAGE)],
)
def test_the_content_type_comes_from_the_file_extension_if_nothing_else_tells(
    name: str, expected: ContentType
) -> None:
    body = f'<AdaptationSet><Representation id="r"><BaseURL>{name}</BaseURL></Representation>'
    sets = present(period(f"{body}</AdaptationSet>")).periods[0].adaptation_sets
    assert sets[0].content_type is expected


def test_the_content_type_may_come_from_a_role_or_a_content_component() -> None:
    sets = (
        present(
            period(
                '<AdaptationSet><Role schemeIdUri="urn:mpeg:dash:role:2011" value="caption"/>'
                '<Representation id="a"/></AdaptationSet>'
                '<AdaptationSet><ContentComponent contentType="audio" lang="nl"/>'
                '<Representation id="b"/></AdaptationSet>'
            )
        )
        .periods[0]
        .adaptation_sets
    )
    assert [s.content_type for s in sets] == [ContentType.TEXT, ContentType.AUDIO]
    assert sets[1].lang == "nl"


def test_an_unknown_content_type_is_a_warning() -> None:
    presentation = present(period('<AdaptationSet><Representation id="r"/></AdaptationSet>'))
    assert any("unknown content type" in w.message for w in presentation.warnings)


def test_representations_inherit_common_attributes() -> None:
    representation = (
        present(
            period(
                '<AdaptationSet mimeType="video/mp4" codecs="avc1.1" width="640" height="360" '
                'frameRate="30000/1001" sar="1:1" lang="en"><Role schemeIdUri="s" value="main"/>'
                '<Representation id="r" bandwidth="5" height="720"/></AdaptationSet>'
            )
        )
        .periods[0]
        .adaptation_sets[0]
        .representations[0]
    )
    assert (representation.width, representation.height) == (640, 720)
    assert representation.frame_rate == Fraction(30000, 1001)
    assert (representation.codecs, representation.lang) == ("avc1.1", "en")
    assert representation.roles == (Descriptor("s", "main"),)


@pytest.mark.parametrize(
    ("scheme", "value", "expected"),
    [
        ("urn:mpeg:dash:23003:3:audio_channel_configuration:2011", "6", 6),
        ("urn:mpeg:mpegB:cicp:ChannelConfiguration", "7", 8),
        ("tag:dolby.com,2014:dash:audio_channel_configuration:2011", "F801", 6),
        ("urn:example", "3", None),
    ],
)
def test_channels_are_counted_for_known_schemes(
    scheme: str, value: str, expected: int | None
) -> None:
    body = (
        '<AdaptationSet mimeType="audio/mp4" audioSamplingRate="44100 48000">'
        f'<AudioChannelConfiguration schemeIdUri="{scheme}" value="{value}"/>'
        '<Representation id="r" bandwidth="1"/></AdaptationSet>'
    )
    representation = present(period(body)).periods[0].adaptation_sets[0].representations[0]
    assert representation.channels == expected
    assert representation.audio_sampling_rate == 48000


def test_thumbnails_trick_modes_and_switching_sets_are_named() -> None:
    sets = (
        present(
            period(
                '<AdaptationSet id="1" mimeType="video/mp4"><SupplementalProperty '
                'schemeIdUri="urn:mpeg:dash:adaptation-set-switching:2016" value="2,3"/>'
                '<Label>Main</Label><Representation id="a" bandwidth="1"/></AdaptationSet>'
                '<AdaptationSet id="2" mimeType="video/mp4"><EssentialProperty '
                'schemeIdUri="http://dashif.org/guidelines/trickmode" value="1"/>'
                '<Representation id="b" bandwidth="1"/></AdaptationSet>'
                '<AdaptationSet id="3" mimeType="image/jpeg"><Representation id="c" bandwidth="1">'
                '<EssentialProperty schemeIdUri="http://dashif.org/thumbnail_tile" value="10x4"/>'
                "</Representation></AdaptationSet>"
            )
        )
        .periods[0]
        .adaptation_sets
    )
    assert sets[0].switching_with == ("2", "3")
    assert sets[0].labels == ("Main",)
    assert sets[1].trick_mode_for == ("1",)
    assert sets[2].tiles == Tiles(10, 4)


def test_events_in_the_mpd_and_in_the_media_are_named() -> None:
    presentation = present(
        '<Period><EventStream schemeIdUri="urn:scte" timescale="10"><Event/><Event/></EventStream>'
        '<AdaptationSet mimeType="video/mp4"><InbandEventStream schemeIdUri="urn:id3" value="1"/>'
        '<Representation id="r" bandwidth="1"/></AdaptationSet></Period>'
    )
    events = presentation.periods[0].events[0]
    assert (events.scheme, events.timescale, events.count, events.inband) == (
        "urn:scte",
        10,
        2,
        False,
    )
    inband = presentation.periods[0].adaptation_sets[0].inband_events[0]
    assert (inband.scheme, inband.value, inband.inband) == ("urn:id3", "1", True)


def test_protection_is_reported_with_schemes_keys_and_pssh() -> None:
    presentation = present(
        period(
            '<AdaptationSet mimeType="video/mp4">'
            '<ContentProtection schemeIdUri="urn:mpeg:dash:mp4protection:2011" value="cbcs" '
            f'cenc:default_KID="{KID.upper()}"/>'
            f'<ContentProtection schemeIdUri="urn:uuid:{WIDEVINE.upper()}">'
            f"<cenc:pssh> {pssh(WIDEVINE, key_id=KID)}\n</cenc:pssh></ContentProtection>"
            '<Representation id="r" bandwidth="1"/></AdaptationSet>'
        )
    )
    first, second = presentation.periods[0].adaptation_sets[0].protections
    assert (first.name, first.value, first.default_kids) == (
        "MP4 common encryption",
        "cbcs",
        (KID,),
    )
    assert second.name == "Widevine"
    assert [(p.system_id, p.key_ids) for p in second.pssh] == [(WIDEVINE, (KID,))]


def test_a_protection_may_refer_to_another() -> None:
    presentation = present(
        '<ContentProtection schemeIdUri="urn:mpeg:dash:mp4protection:2011" refId="k" '
        f'cenc:default_KID="{KID}"/>'
        + period(
            '<AdaptationSet mimeType="video/mp4"><Representation id="r" bandwidth="1">'
            '<ContentProtection ref="k" schemeIdUri="urn:mpeg:dash:mp4protection:2011"/>'
            "</Representation></AdaptationSet>"
        )
    )
    protections = presentation.periods[0].adaptation_sets[0].representations[0].protections
    assert [p.default_kids for p in protections] == [(KID,)]


def test_a_broken_pssh_is_a_warning() -> None:
    presentation = present(
        period(
            '<AdaptationSet mimeType="video/mp4"><ContentProtection schemeIdUri="urn:uuid:x">'
            "<cenc:pssh>!!</cenc:pssh><cenc:pssh>AAAA</cenc:pssh><cenc:pssh>Pß²é</cenc:pssh></ContentProtection>"
            '<Representation id="r" bandwidth="1"/></AdaptationSet>'
        )
    )
    assert sum(w.message.startswith("cenc:pssh") for w in presentation.warnings) == 3


def test_the_presentation_has_title_profiles_type_and_duration() -> None:
    presentation = present(period('<AdaptationSet mimeType="video/mp4"/>'))
    assert presentation.type is PresentationType.STATIC
    assert not presentation.dynamic
    assert presentation.profiles == ("a", "b")
    assert presentation.duration == 8
    assert presentation.url == "https://h/d/m.mpd"


def test_odd_identifiers_and_empty_sets_are_warnings() -> None:
    presentation = present(
        '<Period id="p" duration="PT4S"><AdaptationSet mimeType="video/mp4">'
        '<Representation id="r" bandwidth="1"/><Representation id="r" bandwidth="1"/>'
        '</AdaptationSet></Period><Period id="p"><AdaptationSet mimeType="video/mp4"/></Period>'
    )
    text = "\n".join(map(str, presentation.warnings))
    assert "duplicate Period id: 'p'" in text
    assert "duplicate Representation id in one Period: 'r'" in text
    assert "the AdaptationSet has no Representation" in text


def test_every_warning_and_problem_has_a_place_and_a_clause() -> None:
    presentation = present(
        period(
            '<AdaptationSet mimeType="video/mp4"><SegmentTemplate duration="x" media="$foo$-$Number$"/>'
            '<Representation bandwidth="y"/></AdaptationSet>'
        )
    )
    with pytest.raises(MPDValidityError) as caught:
        require_sound(presentation)
    issues = (*caught.value.issues, *presentation.warnings)
    assert all(issue.where and issue.line and issue.clause for issue in issues)


def test_several_problems_are_counted_in_the_message() -> None:
    body = '<AdaptationSet mimeType="video/mp4"><SegmentTemplate duration="0" startNumber="x" media="$Number$"/>'
    presentation = present(period(f'{body}<Representation id="r" bandwidth="1"/></AdaptationSet>'))
    with pytest.raises(MPDValidityError, match="in 2 places; the first: MPD/Period"):
        require_sound(presentation)


def test_problems_belong_to_the_representations_that_they_spoil() -> None:
    presentation = present(
        period(
            '<AdaptationSet mimeType="video/mp4"><SegmentTemplate duration="1" media="$Number$"/>'
            '<Representation id="a" bandwidth="1"><SegmentTemplate timescale="0"/></Representation>'
            '<Representation id="b" bandwidth="1"/></AdaptationSet>'
        )
    )
    spoiled, sound = presentation.periods[0].adaptation_sets[0].representations
    assert [problem.message.split(",")[0] for problem in spoiled.problems] == ["@timescale is 0"]
    assert sound.problems == ()
    with pytest.raises(MPDValidityError):
        list(address(spoiled))
    assert len(list(address(sound))) == 8


def test_a_nearer_valid_attribute_replaces_an_invalid_one() -> None:
    presentation = present(
        period(
            '<AdaptationSet mimeType="video/mp4"><SegmentTemplate timescale="0" duration="2"'
            ' media="$Number$"/><Representation id="a" bandwidth="1">'
            '<SegmentTemplate timescale="1"/></Representation></AdaptationSet>'
        )
    )
    found = presentation.periods[0].adaptation_sets[0].representations[0]
    assert found.problems == ()
    assert len(list(address(found))) == 4


def test_gaps_of_the_timeline_are_counted() -> None:
    presentation = present(
        period(
            '<AdaptationSet mimeType="video/mp4"><SegmentTemplate media="$Time$"><SegmentTimeline>'
            '<S t="0" d="1"/><S t="5" d="1"/><S t="9" d="1"/></SegmentTimeline></SegmentTemplate>'
            '<Representation id="r" bandwidth="1"/></AdaptationSet>'
        )
    )
    assert presentation.periods[0].adaptation_sets[0].representations[0].gaps == 2
    assert "a gap of 4 ticks before S[2], and 1 more" in str(presentation.warnings[0])


LIVE = 'type="dynamic" availabilityStartTime="1970-01-01T00:00:00Z"'
TEMPLATE = (
    '<Period id="p" start="PT0S"><AdaptationSet mimeType="video/mp4">'
    '<SegmentTemplate duration="2" media="$Number$"/>'
    '<Representation id="r" bandwidth="1"/></AdaptationSet></Period>'
)


def test_a_dynamic_presentation_needs_the_time() -> None:
    text = f'<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" {LIVE}>{TEMPLATE}</MPD>'
    mpd = parse_mpd(text.encode(), url="https://h/m.mpd")
    with pytest.raises(UsageError, match="needs the wall-clock time"):
        resolve(mpd)
    with pytest.raises(UsageError, match="without a time zone"):
        resolve(mpd, now=datetime(1970, 1, 1))  # noqa: DTZ001 - that is the point
    moment = datetime(1970, 1, 1, 0, 0, 4, 500_000, tzinfo=UTC)
    presentation = resolve(mpd, now=moment)
    assert presentation.window is not None
    assert presentation.window.now == Fraction(9, 2)


def test_iter_segments_needs_only_the_document() -> None:
    text = f'<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" {LIVE}>{TEMPLATE}</MPD>'
    mpd = parse_mpd(text.encode(), url="https://h/d/m.mpd")
    assert [s.url for s in iter_segments(mpd, "r", now=Fraction(4))] == [
        "https://h/d/1",
        "https://h/d/2",
    ]
    presentation = resolve(mpd, now=Fraction(2))
    representation = presentation.periods[0].adaptation_sets[0].representations[0]
    assert [s.number for s in iter_segments(presentation, representation)] == [1]
    assert [s.number for s in iter_segments(presentation, "r")] == [1]
    with pytest.raises(SelectionError, match="unknown Representation id: 'x'"):
        next(iter_segments(presentation, "x"))


def test_a_list_longer_than_the_limit_raises_before_the_first_segment() -> None:
    representation = (
        present(
            period(
                '<AdaptationSet mimeType="video/mp4"><SegmentTemplate media="$Number$">'
                '<SegmentTimeline><S d="1" r="2000000000"/></SegmentTimeline></SegmentTemplate>'
                '<Representation id="r" bandwidth="1"/></AdaptationSet>'
            )
        )
        .periods[0]
        .adaptation_sets[0]
        .representations[0]
    )
    index = address(representation, limit=3)
    assert index.count() == 2_000_000_001
    with pytest.raises(UnsupportedMPDError, match="'r' has more than 3 segments: 2,000,000,001 in"):
        next(iter(index))


def test_combinations_of_base_urls_are_limited() -> None:
    bases = "".join(f"<BaseURL>{i}/</BaseURL>" for i in range(10))
    presentation = present(
        bases + f"<Period>{bases}{TEMPLATE.partition('>')[2]}",
    )
    representation = presentation.periods[0].adaptation_sets[0].representations[0]
    assert len(representation.bases) == 16
    assert any("100 combinations of base URLs" in w.message for w in presentation.warnings)


def test_the_error_for_a_template_url_shows_its_fields_as_dollar_signs() -> None:
    body = period(
        '<AdaptationSet mimeType="video/mp4"><SegmentTemplate duration="2" '
        'media="ftp://h/$Number$-$Time$.m4s"/><Representation id="v" bandwidth="1"/></AdaptationSet>'
    )
    with pytest.raises(MPDValidityError, match=r"'ftp://h/\$-\$\.m4s' has an unsupported scheme"):
        require_sound(present(body))
