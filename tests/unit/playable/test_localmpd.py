"""The local MPD: its plan consists of the mirror's files."""

from __future__ import annotations

import base64
import itertools
import re
from datetime import UTC, datetime
from fractions import Fraction

import pytest
from lxml import etree

from dashget.errors import MPDError
from dashget.events import Playback
from dashget.media.kind import SegmentKind
from dashget.mpd.names import NAMESPACE
from dashget.mpd.parse import parse_mpd
from dashget.mpd.presentation import Presentation
from dashget.mpd.resolve import resolve
from dashget.planning.plan import iter_plan, make_layout
from dashget.planning.selection import parse_selection, select
from dashget.planning.tracks import make_tracks
from dashget.playable.localmpd import make_local_mpd
from dashget.playable.opening import how_it_opens
from tests.support.ffmpegdash import asked_for

URL = "https://h.example/vod/x.mpd"
NOW = datetime(2026, 1, 1, 0, 1, tzinfo=UTC)


def document(
    body: str, attributes: str = 'type="static" mediaPresentationDuration="PT8S"'
) -> bytes:
    return (
        '<?xml version="1.0"?>\n<!-- kept -->\n'
        f'<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" xmlns:cenc="urn:mpeg:cenc:2013" '
        f'profiles="p" minBufferTime="PT1S" {attributes}>{body}</MPD>\n'
    ).encode()


def resolved(data: bytes, url: str = URL) -> Presentation:
    return resolve(parse_mpd(data), url=url, now=NOW)


def localized(data: bytes, **rules: str) -> bytes:
    shown = resolved(data)
    tracks = make_tracks(select(shown, parse_selection(**rules)))
    return make_local_mpd(data, shown, tracks, make_layout(shown))


def mirror_paths(data: bytes, **rules: str) -> list[str]:
    shown = resolved(data)
    tracks = make_tracks(select(shown, parse_selection(**rules)))
    planned = iter_plan(tracks, make_layout(shown))
    return [p.path for p in planned if p.segment.kind is not SegmentKind.SPARE]


def played_paths(local: bytes) -> list[str]:
    """Return the files that a player requests from a static server for the local MPD."""
    from urllib.parse import unquote, urlsplit

    base = "http://mirror.example/any/where/"
    shown = resolved(local, base + "x.local.mpd")
    urls = [p.segment.url for p in iter_plan(make_tracks(shown), make_layout(shown))]
    assert all(url.startswith(base) for url in urls)
    assert all(not urlsplit(url).query for url in urls)
    return [unquote(url[len(base) :]) for url in urls]


def representation(content: str = "", name: str = "v1") -> str:
    return f'<Representation id="{name}" bandwidth="8000">{content}</Representation>'


def video(content: str) -> str:
    return f'<AdaptationSet mimeType="video/mp4">{content}</AdaptationSet>'


NUMBER = (
    '<SegmentTemplate timescale="1" duration="4" startNumber="5" '
    'initialization="$RepresentationID$/init.mp4" media="$RepresentationID$/$Number%05d$.m4s"/>'
)
TIMELINE = (
    '<SegmentTemplate timescale="1" initialization="i-$Bandwidth$.mp4" media="t-$Time$.m4s">'
    '<SegmentTimeline><S t="0" d="4" r="1"/></SegmentTimeline></SegmentTemplate>'
)
LIST = (
    '<SegmentList timescale="1" duration="4"><Initialization sourceURL="i.mp4"/>'
    '<SegmentURL media="1.m4s"/><SegmentURL media="2.m4s"/></SegmentList>'
)
RANGES = (
    '<BaseURL>v.mp4</BaseURL><SegmentList timescale="1" duration="4">'
    '<Initialization range="0-9"/><SegmentURL mediaRange="10-19"/>'
    '<SegmentURL mediaRange="20-29"/></SegmentList>'
)
SINGLE = '<BaseURL>v.mp4</BaseURL><SegmentBase indexRange="10-19"><Initialization range="0-9"/></SegmentBase>'
REPLACED = video(
    '<SegmentTemplate duration="4" media="$Number$.m4s"><Initialization sourceURL="i.mp4"/>'
    "</SegmentTemplate>"
    + representation('<SegmentTemplate initialization="v1.mp4"/>')
    + representation('<SegmentTemplate initialization="v2.mp4"/>', name="v2")
)
FONT = 'schemeIdUri="urn:dvb:dash:fontdownload:2014" value="1"'
CASES = {
    "number": video(NUMBER + representation() + representation(name="v2")),
    "timeline": video(TIMELINE + representation()),
    "list in the set": video(LIST + representation()),
    "list in the representation": video(representation(LIST)),
    "ranges of one file": video(representation(RANGES)),
    "single file": video(representation(SINGLE)),
    "bare file": video(representation("<BaseURL>v.mp4</BaseURL>")),
    "initialization of another kind": video(
        representation(
            '<SegmentBase><Initialization sourceURL="i.mp4"/></SegmentBase>'
            '<SegmentList duration="4"><SegmentURL media="1.m4s"/><SegmentURL media="2.m4s"/></SegmentList>'
        )
    ),
    "query for each representation": video(
        '<SegmentTemplate duration="4" media="$Number$.m4s?rep=$RepresentationID$" '
        'initialization="init.mp4?rep=$RepresentationID$"/>'
        + representation()
        + representation(name="v2")
    ),
    "index of its own": video(
        '<SegmentTemplate duration="4" media="$Number$.m4s" index="all.sidx"/>' + representation()
    ),
    "list of two levels": video(
        '<SegmentList timescale="10" duration="40"><RepresentationIndex sourceURL="s.sidx"/>'
        "</SegmentList>"
        + representation(
            '<SegmentList><SegmentURL media="1"/><SegmentURL media="2"/></SegmentList>'
        )
    ),
    "initialization elsewhere": video(
        representation(
            '<BaseURL>v.mp4</BaseURL><SegmentBase><Initialization sourceURL="i.mp4"/></SegmentBase>'
        )
    ),
    "initialization of the set": (
        '<AdaptationSet mimeType="video/mp4" initializationPrincipal="p/all.mp4">'
        f"{NUMBER}{representation('<BaseURL>deep/</BaseURL>')}</AdaptationSet>"
    ),
    "no initialization but that of the set": (
        '<AdaptationSet mimeType="video/mp4" initializationPrincipal="p/all.mp4">'
        '<SegmentTemplate duration="4" media="$Number$.m4s"/>'
        f"{representation()}</AdaptationSet>"
    ),
    "fonts": (
        '<AdaptationSet mimeType="application/mp4" xmlns:dvb="urn:dvb:dash:dash-extensions:2014-1">'
        f'<SupplementalProperty {FONT} dvb:url="fonts/S.woff"/>'
        f'<EssentialProperty {FONT} dvb:url="https://fonts.example/T.woff?v=1"/>'
        f"{representation('<BaseURL>t.mp4</BaseURL>')}</AdaptationSet>"
    ),
}
BASES = {
    "no base": "",
    "relative base": "<BaseURL>media/</BaseURL>",
    "absolute base below": "<BaseURL>https://h.example/vod/deep/</BaseURL>",
    "root-relative base": "<BaseURL>/vod/deep/</BaseURL>",
    "foreign base": "<BaseURL>https://cdn.example:8443/a%20b/</BaseURL>",
    "two bases": "<BaseURL>https://one.example/</BaseURL><BaseURL>https://two.example/</BaseURL>",
    "upward base": "<BaseURL>../up/</BaseURL>",
}


@pytest.mark.parametrize("base", BASES.values(), ids=BASES)
@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_the_local_mpd_refers_only_to_files_of_the_mirror(case: str, base: str) -> None:
    data = document(f"{base}<Period>{case}</Period>")
    assert played_paths(localized(data)) == mirror_paths(data)


@pytest.mark.parametrize("base", BASES.values(), ids=BASES)
def test_bases_at_every_level_are_honoured(base: str) -> None:
    for body in (
        f"<Period>{base}{CASES['number']}</Period>",
        f"<Period>{video(base + NUMBER + representation())}</Period>",
        f"<Period>{video(NUMBER + representation(base))}</Period>",
    ):
        data = document(body)
        assert played_paths(localized(data)) == mirror_paths(data)


def element_count(local: bytes, name: str) -> int:
    return len(etree.fromstring(local).findall(f".//{{*}}{name}"))


@pytest.mark.parametrize("base", BASES.values(), ids=BASES)
@pytest.mark.parametrize("where", ["common/i.mp4", "https://cdn.example/i.mp4", "../i.mp4"])
def test_an_initialization_set_leads_to_its_file_or_to_none(where: str, base: str) -> None:
    sets = (
        f'<InitializationSet id="1" initialization="{where}"/>'
        '<InitializationSet id="2" contentType="audio" initialization="a.mp4"/>'
    )
    video_set = video(NUMBER + representation())
    audio_set = (
        f'<AdaptationSet mimeType="audio/mp4">{NUMBER}{representation(name="a")}</AdaptationSet>'
    )
    data = document(f"{base}{sets}<Period>{video_set}{audio_set}</Period>")
    for rules in ({}, {"audio": "none"}, {"video": "none"}):
        local = localized(data, **rules)
        assert played_paths(local) == mirror_paths(data, **rules)
        assert (b"a.mp4" in local) == ("audio" not in rules)


def test_a_template_that_representations_share_stays_at_the_set() -> None:
    for template in (NUMBER, TIMELINE):
        content = template + representation() + representation(name="v2").replace("8000", "9000")
        data = document(
            f"<BaseURL>https://cdn.example/a/</BaseURL><Period>{video(content)}</Period>"
        )
        local = localized(data)
        assert element_count(local, "SegmentTemplate") == 1
        assert element_count(local, "AdaptationSet/{*}SegmentTemplate") == 1
        assert played_paths(local) == mirror_paths(data)


def test_what_a_nearer_level_replaces_is_left_out() -> None:
    base = "<BaseURL>https://cdn.example/a/</BaseURL>"
    for case in (REPLACED, CASES["query for each representation"]):
        data = document(f"{base}<Period>{case}</Period>")
        local = localized(data)
        assert b"i.mp4" not in local
        assert b"?" not in local.partition(b"<MPD")[2]
        assert element_count(local, "Initialization") == 0
        assert set(played_paths(local)) <= set(mirror_paths(data))
    other = localized(document(f"{base}<Period>{CASES['initialization of another kind']}</Period>"))
    assert element_count(other, "SegmentBase") == 0
    assert element_count(other, "Initialization") == 1


def test_a_snapshot_has_no_duration_of_the_set_beside_its_timeline() -> None:
    data = document(
        f"<Period start='PT0S'>{CASES['number']}</Period>",
        'type="dynamic" availabilityStartTime="2026-01-01T00:00:00Z" timeShiftBufferDepth="PT20S"',
    )
    local = localized(data)
    assert b' duration="4"' not in local
    assert element_count(local, "AdaptationSet/{*}SegmentTemplate") == 0


def test_a_document_whose_references_are_valid_in_the_mirror_is_kept_unchanged() -> None:
    for base in ("<BaseURL>media/</BaseURL>", "<BaseURL>./</BaseURL>"):
        data = document(f"{base}<Period>{CASES['number']}</Period>")
        assert localized(data) == data


def opening(data: bytes) -> Playback:
    shown = resolved(data)
    return how_it_opens(make_tracks(shown), make_layout(shown))


def media_paths(data: bytes) -> list[list[str]]:
    """Return the files that each track is played from, without those that are named beside."""
    shown, kinds = resolved(data), (SegmentKind.INITIALIZATION, SegmentKind.MEDIA)
    beside = {o.resource.address for t in make_tracks(shown) for o in t.representation.others}
    return [
        [
            p.path
            for p in iter_plan((track,), make_layout(shown))
            if p.segment.kind in kinds and p.segment.address not in beside
        ]
        for track in make_tracks(shown)
    ]


def assert_ffmpeg_opens(data: bytes) -> None:
    """Check that FFmpeg asks for every file, and for others behind derived segments only."""
    asked = asked_for(localized(data))
    held = media_paths(data)
    for names, paths in zip(asked, held, strict=True):
        assert [name for name in names if name in paths] == paths
        assert b" duration=" in data or names == paths


BELOW = {
    "no base below": "{}",
    "base of the period": "<BaseURL>p/</BaseURL>{}",
    "two bases of the period": "<BaseURL>p/</BaseURL><BaseURL>q/</BaseURL>{}",
}
OTHERS = {
    "timeline without a number": video(
        '<SegmentTemplate media="$Number$.m4s"><SegmentTimeline><S d="4" r="1"/></SegmentTimeline>'
        "</SegmentTemplate>" + representation()
    ),
    "times and a number": video(
        '<SegmentTemplate startNumber="1" media="$Time$.m4s"><SegmentTimeline>'
        '<S t="7" d="4" r="1"/></SegmentTimeline></SegmentTemplate>'
        + representation()
        + representation(name="v2")
    ),
    "open row": video(
        '<SegmentTemplate media="$Time$.m4s"><SegmentTimeline><S t="0" d="2"/><S d="3" r="-1"/>'
        "</SegmentTimeline></SegmentTemplate>" + representation()
    ),
    "list with a number": video(
        LIST.replace("timescale", 'startNumber="1" timescale', 1) + representation()
    ),
    "initialization as an element": video(
        '<SegmentTemplate duration="4" media="$Number$.m4s"><Initialization sourceURL="i.mp4"/>'
        "</SegmentTemplate>" + representation()
    ),
    "single file of the set": video("<BaseURL>v.mp4</BaseURL>" + representation()),
    "width of the bandwidth": video(
        '<SegmentTemplate duration="4" media="$Bandwidth%06d$/$Number$.m4s"/>' + representation()
    ),
    "template of the period": NUMBER.replace("$RepresentationID$/init", "init")
    + video(representation('<SegmentTemplate media="own/$Number$.m4s"/>'))
    + video(representation(name="v2")),
    "template behind": video(representation() + NUMBER),
    "template of the period behind": video(representation()) + TIMELINE,
    "base behind": video(representation() + "<BaseURL>behind/</BaseURL>" + NUMBER),
    "no type of content": "<AdaptationSet>"
    + representation("<BaseURL>v.mp4</BaseURL>").replace(
        "bandwidth", 'codecs="avc1.42c00d" bandwidth'
    )
    + "</AdaptationSet>",
}


@pytest.mark.parametrize("below", BELOW.values(), ids=BELOW)
@pytest.mark.parametrize("base", BASES.values(), ids=BASES)
@pytest.mark.parametrize("case", (CASES | OTHERS).values(), ids=CASES | OTHERS)
def test_ffmpeg_finds_every_file_in_a_mirror_that_opens_from_disk(
    case: str, base: str, below: str
) -> None:
    data = document(f"{base}<Period>{below.format(case)}</Period>")
    local = localized(data)
    assert set(played_paths(local)) <= set(mirror_paths(data))
    assert element_count(local, "MPD/{*}BaseURL") == 0
    assert len(etree.fromstring(local).findall("{*}BaseURL")) == 1
    if opening(data) is not Playback.SERVER:
        assert_ffmpeg_opens(data)


@pytest.mark.parametrize(
    "case", ["number", "timeline", "times and a number", "single file of the set"]
)
@pytest.mark.parametrize("missing", ['type="static" ', ' mediaPresentationDuration="PT8S"'])
def test_what_ffmpeg_needs_of_the_mpd_is_said(case: str, missing: str) -> None:
    data = document(f"<Period>{(CASES | OTHERS)[case]}</Period>").replace(missing.encode(), b"")
    data = data.replace(b"<Period>", b'<Period duration="PT8S">')
    assert opening(data) is Playback.FILE
    assert_ffmpeg_opens(data)


@pytest.mark.parametrize(
    ("case", "how"),
    [
        (CASES["number"], Playback.FILE),
        (CASES["single file"], Playback.FILE),
        (CASES["list in the set"], Playback.FILE),
        (CASES["ranges of one file"], Playback.SERVER),
        (CASES["initialization elsewhere"], Playback.SERVER),
        (CASES["number"].replace(".m4s", ".cmfv"), Playback.FILE_OF_ANY_NAME),
        (CASES["number"].replace("$Number%05d$", "$Number%05x$"), Playback.SERVER),
        (CASES["number"].replace("$Number%05d$", "a%20b-$Number$"), Playback.SERVER),
        (CASES["number"].replace("$Number%05d$", "\u00e9-$Number$"), Playback.SERVER),
        (CASES["number"] + CASES["bare file"].replace("v.mp4", "v.vtt"), Playback.FILE_OF_ANY_NAME),
        (
            CASES["number"]
            + CASES["bare file"].replace("video/mp4", "image/jpeg").replace("v.mp4", "t.jpg"),
            Playback.FILE,
        ),
        ("</Period><Period>".join((CASES["number"], CASES["timeline"])), Playback.SERVER),
    ],
)
def test_how_a_mirror_opens_on_its_own_machine(case: str, how: Playback) -> None:
    body = f"<Period>{case}</Period>".replace("<Period>", '<Period duration="PT8S">')
    assert opening(document(body)) is how


@pytest.mark.parametrize("name", ["", "mpd:"])
@pytest.mark.parametrize(
    "before",
    ["", "<!-- <Period> -->", "<ProgramInformation><Title>a &gt; b</Title></ProgramInformation>"],
)
def test_the_base_url_stands_where_the_schema_has_it(before: str, name: str) -> None:
    data = document(f"{before}\n  <Period>\n{CASES['number']}</Period>")
    data = re.sub(rb"<(/?)(?=[A-Z])", rb"<\1" + name.encode(), data)
    data = data.replace(b"xmlns=", b"xmlns:mpd=") if name else data
    local = localized(data)
    at = local.index(f"\n  <{name}BaseURL>./</{name}BaseURL>\n  <{name}Period>".encode())
    assert local.replace(f"  <{name}BaseURL>./</{name}BaseURL>\n".encode(), b"") == data
    assert at > 0


def test_comments_and_cdata_around_base_urls_mislead_nobody() -> None:
    for base, count in (
        ("<!-- <BaseURL>https://h.example/</BaseURL> -->", 1),
        ("<BaseURL><![CDATA[media/]]></BaseURL>", 1),
        ("<BaseURL>\n media/ \n</BaseURL>", 1),
        ("<BaseURL>media/</BaseURL><BaseURL>b/</BaseURL>", 1),
        ("<BaseURL/>", 1),
        ("<BaseURL> </BaseURL>", 1),
    ):
        data = document(f"{base}<Period>{CASES['number']}</Period>")
        local = localized(data)
        assert len(etree.fromstring(local).findall("{*}BaseURL")) == count
        assert b"CDATA" not in local
        assert_ffmpeg_opens(data)


def test_a_document_with_mended_xml_is_rewritten() -> None:
    data = document(f"<Period>{CASES['number']}</Period>").replace(
        b'profiles="p" minBufferTime', b'profiles="p"minBufferTime'
    )
    local = localized(data)
    assert b'"p"minBufferTime' not in local
    assert etree.fromstring(local) is not None
    assert played_paths(local) == mirror_paths(data)


def test_references_with_queries_and_unsafe_names_lead_to_their_files() -> None:
    template = (
        '<SegmentTemplate timescale="1" duration="4" media="./a:b/$Number$.m4s?t=1&amp;r=$RepresentationID$" '
        'initialization="CON?x=1"/>'
    )
    data = document(
        f"<Period>{video(template + representation() + representation(name='v2'))}</Period>"
    )
    assert played_paths(localized(data)) == mirror_paths(data)
    assert len(set(mirror_paths(data))) == 5


def test_a_dollar_in_a_path_is_not_read_as_an_identifier() -> None:
    template = '<SegmentTemplate timescale="1" duration="4" media="$$Number$$/$Number$.m4s"/>'
    data = document(
        f"<BaseURL>https://cdn.example/</BaseURL><Period>{video(template + representation())}</Period>"
    )
    assert played_paths(localized(data)) == mirror_paths(data)


def test_periods_with_different_base_urls_lead_to_their_files() -> None:
    data = document(
        "".join(
            f'<Period id="{name}" duration="PT4S"><BaseURL>https://{name}.example/</BaseURL>'
            f"{CASES['timeline']}{CASES['bare file']}</Period>"
            for name in ("a", "b")
        )
    )
    assert played_paths(localized(data)) == mirror_paths(data)


def test_unselected_representations_are_removed_with_empty_parents() -> None:
    audio = video(NUMBER + representation(name="a1")).replace("video", "audio")
    data = document(
        f'<Period id="both" duration="PT4S">{CASES["number"]}{audio}</Period>'
        f'<Period id="sound" duration="PT4S">{audio}</Period>'
    )
    local = localized(data, video="id=v2", audio="none")
    tree = etree.fromstring(local)
    ids = [element.get("id") for element in tree.iter("{*}Representation", "{*}Period")]
    assert ids == ["both", "v2"]
    assert played_paths(local) == mirror_paths(data, video="id=v2", audio="none")


def test_periods_keep_their_references_when_earlier_ones_are_removed() -> None:
    data = document(
        f'<Period id="a" duration="PT4S">{CASES["number"]}</Period>'
        f'<Period id="b" duration="PT4S">{CASES["timeline"]}</Period>'
    )
    local = localized(data, period="1")
    assert [p.id for p in resolved(local).periods] == ["b"]
    assert len(played_paths(local)) == 3


def test_elements_that_lead_a_player_to_other_servers_are_removed() -> None:
    data = document(
        "<Location>https://h.example/next.mpd</Location>"
        f"<Period>{CASES['number']}</Period>"
        '<UTCTiming schemeIdUri="urn:mpeg:dash:utc:http-iso:2014" value="https://t.example/"/>'
    )
    local = localized(data)
    assert b"next.mpd" not in local
    assert b"UTCTiming" not in local


def test_entities_and_namespace_prefixes_are_kept() -> None:
    protection = (
        '<ContentProtection schemeIdUri="urn:mpeg:dash:mp4protection:2011" value="cenc" '
        'cenc:default_KID="00000000-0000-0000-0000-000000000001"/>'
    )
    data = document(f"<Period>{video(protection + NUMBER + representation())}</Period>")
    assert b'cenc:default_KID="00000000' in localized(data)


LIVE = (
    'type="dynamic" availabilityStartTime="2026-01-01T00:00:00Z" timeShiftBufferDepth="PT12S" '
    'minimumUpdatePeriod="PT2S"'
)


@pytest.mark.parametrize(
    "template",
    [
        NUMBER,
        '<SegmentTemplate timescale="1" presentationTimeOffset="100" media="$Time$.m4s">'
        '<SegmentTimeline><S t="140" d="4" r="2"/><S d="3"/></SegmentTimeline></SegmentTemplate>',
    ],
)
def test_a_snapshot_of_a_live_presentation_plays_as_a_static_one(template: str) -> None:
    data = document(
        f'<Period id="1" start="PT0S">{video(template + representation())}</Period>', LIVE
    )
    local = localized(data)
    shown = resolved(local)
    assert not shown.dynamic
    assert played_paths(local) == mirror_paths(data)
    media = [
        p for p in iter_plan(make_tracks(shown), make_layout(shown)) if p.segment.time is not None
    ]
    assert media[0].segment.start == 0
    last = media[-1].segment
    assert last.start is not None
    assert last.duration is not None
    assert shown.duration == last.start + last.duration


def _both(name: str, start: int, length: int, *kinds: str) -> str:
    """Return a Period of two-second segments of video and of ten-second ones of audio."""
    steps = {"video": 2, "audio": 10}
    sets = "".join(
        f'<AdaptationSet contentType="{kind}" mimeType="{kind}/mp4"><SegmentTemplate timescale="1"'
        f' media="{name}-{kind}-$Number$.m4s" duration="{steps[kind]}"/>{representation(name=kind)}'
        "</AdaptationSet>"
        for kind in kinds
    )
    return f'<Period id="{name}" start="PT{start}S" duration="PT{length}S">{sets}</Period>'


@pytest.mark.parametrize(
    ("periods", "kept"),
    [
        # The window is from 48 s on: of the first Period a segment of audio runs into it.
        ((_both("a", 30, 14, "video", "audio"), _both("b", 44, 60, "video", "audio")), "b"),
        ((_both("a", 30, 23, "video", "audio"), _both("b", 53, 60, "video", "audio")), "a"),
        ((_both("a", 30, 23, "video"), _both("b", 53, 60, "video")), "ab"),
        ((_both("a", 30, 20, "video"), _both("b", 50, 60, "video", "audio")), "ab"),
        ((_both("b", 53, 60, "video", "audio"),), "b"),
    ],
)
def test_a_period_of_a_snapshot_that_lacks_its_video_or_its_audio_is_left_out(
    periods: tuple[str, ...], kept: str
) -> None:
    shown = resolved(localized(document("".join(periods), LIVE)))
    assert "".join(period.id or "" for period in shown.periods) == kept


def test_one_file_of_a_live_presentation_keeps_its_template() -> None:
    template = '<SegmentTemplate duration="4" media="all.mp4"/>'
    data = document(
        f'<Period id="1" start="PT0S">{video(template + representation())}</Period>', LIVE
    )
    local = localized(data)
    assert played_paths(local) == mirror_paths(data) == ["all.mp4"]
    assert b'<S t="0" d="0"/>' not in local
    assert b'"PT0S" minBuffer' not in local
    assert b"mediaPresentationDuration" not in local


THREE = "".join(
    f'<Period id="{n}" duration="PT8S"><BaseURL>{n}/</BaseURL>{CASES["number"]}</Period>'
    for n in range(3)
)


@pytest.mark.parametrize("chosen", ["0", "1", "2", "0-1", "0,2"])
@pytest.mark.parametrize("starts", [False, True])
def test_chosen_periods_follow_one_another_from_zero(chosen: str, starts: bool) -> None:
    body = THREE
    if starts:
        for n in range(3):
            body = body.replace(f'id="{n}" duration="PT8S"', f'id="{n}" start="PT{8 * n}S"')
    data = document(body, 'type="static" mediaPresentationDuration="PT24S"')
    local = localized(data, period=chosen)
    assert played_paths(local) == mirror_paths(data, period=chosen)
    shown = resolved(local)
    assert [p.start for p in shown.periods] == [8 * n for n in range(len(shown.periods))]
    assert shown.duration == 8 * len(shown.periods)


def test_events_of_a_period_that_has_lost_its_begin_keep_their_time() -> None:
    """Ticks are cut where the new begin is between two."""
    streams = (
        '<EventStream schemeIdUri="urn:a" timescale="10" presentationTimeOffset="7">'
        '<Event presentationTime="257" duration="5">a</Event></EventStream>'
        '<EventStream schemeIdUri="urn:b"><Event presentationTime="25">b</Event></EventStream>'
        '<EventStream schemeIdUri="urn:c" timescale="x"><Event presentationTime="25"/></EventStream>'
    )
    data = (
        f'<MPD xmlns="{NAMESPACE}" type="dynamic" availabilityStartTime="2026-01-01T00:00:00Z" '
        'timeShiftBufferDepth="PT5S" minBufferTime="PT2S" profiles="p"><Period id="p" start="PT0S">'
        f'{streams}<AdaptationSet mimeType="video/mp4"><Representation id="v" bandwidth="1">'
        '<SegmentTemplate timescale="2" duration="3" media="$Number$.m4s"/></Representation>'
        "</AdaptationSet></Period></MPD>"
    ).encode()
    now = datetime(2026, 1, 1, 0, 0, 30, tzinfo=UTC)
    presentation = resolve(parse_mpd(data), url=URL, now=now)
    tracks = make_tracks(presentation)
    begin = min(segment.start for segment in tracks[0].index if segment.start is not None)
    local = make_local_mpd(data, presentation, tracks, make_layout(presentation))
    (period,) = resolve(parse_mpd(local), url=URL).periods
    assert begin == Fraction(45, 2)
    assert [start for stream in period.events for start, _, _ in stream.texts][:2] == [
        25 - begin, 25 - begin,
    ]  # fmt: skip
    assert b'timescale="x"' in local


def test_a_live_snapshot_with_segment_number_zero_keeps_its_numbers() -> None:
    template = '<SegmentTemplate duration="4" startNumber="0" media="$Number$.m4s"/>'
    live = LIVE.replace("PT12S", "PT10M")
    data = document(
        f'<Period id="1" start="PT0S">{video(template + representation())}</Period>', live
    )
    assert played_paths(localized(data)) == mirror_paths(data)
    assert mirror_paths(data)[0] == "0.m4s"


def test_jumps_of_numbers_in_a_live_timeline_are_kept() -> None:
    template = (
        '<SegmentTemplate media="$Number$.m4s"><SegmentTimeline><S t="30" n="10" d="4" r="1"/>'
        '<S t="38" n="50" d="4" r="2"/></SegmentTimeline></SegmentTemplate>'
    )
    live = LIVE.replace("PT12S", "PT10M")
    data = document(
        f'<Period id="1" start="PT0S">{video(template + representation())}</Period>', live
    )
    assert mirror_paths(data) == ["10.m4s", "11.m4s", "50.m4s", "51.m4s", "52.m4s"]
    assert played_paths(localized(data)) == mirror_paths(data)


def test_a_live_period_without_available_segments_is_removed() -> None:
    template = '<SegmentTemplate duration="4" media="$RepresentationID$/$Number$.m4s"/>'
    body = (
        f'<Period id="a" start="PT0S">{video(template + representation())}</Period>'
        f'<Period id="b" start="PT2H">{video(template + representation(name="later"))}</Period>'
    )
    data = document(body, LIVE)
    assert [p.id for p in resolved(localized(data)).periods] == ["a"]
    assert played_paths(localized(data)) == mirror_paths(data)


@pytest.mark.parametrize("base", BASES.values(), ids=BASES)
def test_a_segment_list_may_be_split_over_levels(base: str) -> None:
    upper = (
        '<SegmentList duration="4"><SegmentURL media="1.m4s" index="1.sidx"/>'
        '<SegmentURL media="2.m4s" index="2.sidx"/></SegmentList>'
    )
    own = '<SegmentList><Initialization sourceURL="i.mp4"/></SegmentList>'
    data = document(f"{base}<Period>{video(upper + representation(own))}</Period>")
    assert sorted(played_paths(localized(data))) == sorted(mirror_paths(data))


@pytest.mark.parametrize("base", BASES.values(), ids=BASES)
def test_bitstream_switching_and_initialization_with_a_range_lead_to_their_files(base: str) -> None:
    template = (
        '<SegmentTemplate duration="4" media="$Number$.m4s" index="$Number$.sidx" '
        'bitstreamSwitching="bs.mp4"><Initialization sourceURL="all.mp4" range="0-99"/>'
        "</SegmentTemplate>"
    )
    data = document(f"{base}<Period>{video(template + representation())}</Period>")
    local = localized(data)
    assert sorted(played_paths(local)) == sorted(mirror_paths(data))
    shown = make_tracks(resolved(local))[0].representation.initialization
    assert shown is not None
    assert str(shown.range) == "0-99"


def test_templates_that_differ_only_in_an_identifier_lead_to_their_own_files() -> None:
    bodies = [
        video(f'<SegmentTemplate duration="4" media="{media}"/>{representation()}')
        for media in ("$Number$.m4s", "$Time$.m4s", "$Number%05d$.m4s")
    ]
    data = document(
        "<BaseURL>https://cdn.example/</BaseURL>"
        + "".join(f'<Period duration="PT8S">{body}</Period>' for body in bodies)
    )
    assert played_paths(localized(data)) == mirror_paths(data)


@pytest.mark.parametrize(
    "name", ["", "http://www.w3.org/1999/xhtml", "urn:mpeg:DASH:schema:MPD:2011"]
)
def test_elements_in_other_namespaces_get_that_of_the_document(name: str) -> None:
    data = document(f"<Period>{CASES['number']}</Period>")
    odd = data.replace(b"<AdaptationSet", f'<AdaptationSet xmlns="{name}"'.encode())
    local = localized(odd)
    assert f'xmlns="{name}"'.encode() not in local
    assert resolved(local).warnings == ()
    assert played_paths(local) == mirror_paths(odd)


def test_a_document_type_declaration_is_left_out() -> None:
    data = document(f"<Period>{CASES['number']}</Period>").replace(
        b"<MPD", b"<!DOCTYPE MPD>\n<MPD", 1
    )
    assert b"DOCTYPE" not in localized(data)


WAYS_OUT = {
    "licence": '<ContentProtection schemeIdUri="urn:x"><m:laurl xmlns:m="urn:m" licenseUrl="{}"/></ContentProtection>',
    "Laurl": '<ContentProtection schemeIdUri="urn:x"><d:Laurl xmlns:d="urn:d">{}</d:Laurl></ContentProtection>',
    "callback": '<InbandEventStream schemeIdUri="urn:mpeg:dash:event:callback:2015" value="{}"/>',
    "chain": '<SupplementalProperty schemeIdUri="urn:mpeg:dash:mpd-chaining:2016" value="{}"/>',
    "fallback": '<EssentialProperty schemeIdUri="urn:mpeg:dash:fallback:2016" value="a {}"/>',
    "clock": '<ProducerReferenceTime><UTCTiming schemeIdUri="urn:u" value="{}"/></ProducerReferenceTime>',
    "style sheet": '<?xml-stylesheet href="{}"?>',
    "text behind": "<Label/>{}",
    "text behind an instruction": "<?x?><UTCTiming/>{}",
    "text around a comment": '<d:Laurl xmlns:d="urn:d">a<!-- x --> {}</d:Laurl>',
    "property of a descriptor": '<SupplementalProperty schemeIdUri="urn:x" q:url="{}" xmlns:q="urn:q"/>',
    "text in a descriptor": '<EssentialProperty schemeIdUri="urn:x"><q:a xmlns:q="urn:q"><q:b>{}</q:b></q:a></EssentialProperty>',
    "steering of a service": '<ServiceDescription id="0"><ContentSteering proxyServerURL="{0}">{0}</ContentSteering></ServiceDescription>',
    "steering elsewhere": '<q:ContentSteering xmlns:q="urn:q">{}</q:ContentSteering>',
    "splice": '<EventStream schemeIdUri="urn:scte:scte35:2013:xml"><Event><s:SegmentationUpid formatIdentifier="{0}" xmlns:s="urn:s">{0}</s:SegmentationUpid></Event></EventStream>',
    "data of a message": '<EventStream schemeIdUri="urn:x"><Event messageData="{}"/></EventStream>',
    "callback in capitals": '<EventStream schemeIdUri="URN:MPEG:dash:EVENT:callback:2015"><Event>{}</Event></EventStream>',
    "another presentation": '<EventStream schemeIdUri="urn:mpeg:dash:event:alternativeMPD:insert:2025"><Event><InsertPresentation url="{}"/></Event></EventStream>',
    "imported presentation": '<ImportedMPD uri="{0}">{0}</ImportedMPD>',
    "preselection": '<Preselection id="1" preselectionComponents="{0}" tag="{0}"/>',
    "property of a preselection": '<Preselection id="1"><Accessibility schemeIdUri="urn:x" value="{}"/></Preselection>',
    "link of a label": '<Label q:href="{}" xmlns:q="http://www.w3.org/1999/xlink">a</Label>',
    "dashif:laurl": '<ContentProtection schemeIdUri="urn:x"><d:laurl xmlns:d="https://dashif.org/CPS">{}</d:laurl></ContentProtection>',
    "dashif:authzurl": '<ContentProtection schemeIdUri="urn:x"><d:authzurl xmlns:d="https://dashif.org/CPS">{}</d:authzurl></ContentProtection>',
    "ck:Laurl": '<ContentProtection schemeIdUri="urn:x"><c:Laurl Lic_type="EME-1.0" xmlns:c="http://dashif.org/guidelines/clearKey">{}</c:Laurl></ContentProtection>',
    "ms:laurl": '<ContentProtection schemeIdUri="urn:x"><ms:laurl licenseUrl="{}" xmlns:ms="urn:microsoft"/></ContentProtection>',
    "xml:base": '<q:a xmlns:q="urn:q" xml:base="{}"><q:b src="x"/></q:a>',
    "xsi:type": '<q:a xmlns:q="urn:q" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="{}"/>',
    "query of a URL": '<SupplementalProperty schemeIdUri="urn:x"><u:UrlQueryInfo xmlns:u="urn:u" queryString="{}"/></SupplementalProperty>',
    "report": '<Metrics><Reporting x:reportingUrl="{}" xmlns:x="urn:dvb"/></Metrics>',
}


@pytest.mark.parametrize("way", WAYS_OUT)
@pytest.mark.parametrize(
    "url",
    ["http://evil.example/x", "//evil.example/x", " HTTPS://evil.example", "wss://evil.example/",
     "ftp://evil.example/", "http:&#47;&#47;evil.example/", "&#x2f;/evil.example/", "https:evil.example",
     "/\\evil.example/x", "ht\ntp://evil.example", "x //evilevilevilevilevil/evil"],
)  # fmt: skip
def test_nothing_in_a_local_mpd_leads_to_another_host(way: str, url: str) -> None:
    data = document(f"<Period>{CASES['number']}</Period>")
    inside = WAYS_OUT[way].format(url).encode()
    odd = re.sub(rb"(<AdaptationSet[^>]*>)", lambda match: match[1] + inside, data)
    local = localized(odd)
    assert b"evil" not in local
    assert played_paths(local) == mirror_paths(data)


@pytest.mark.parametrize(
    "path", ["/evil/x", "../evil", "a/../../evil", "\\evil", "..\\evil", "https:evil"]
)
@pytest.mark.parametrize(
    "element",
    [
        '<Novelty><BaseURL dashget-own="1">{}</BaseURL></Novelty>',
        "<SubRepresentation><BaseURL>{}</BaseURL></SubRepresentation>",
        '<Novelty><SegmentTemplate media="{}"/></Novelty>',
        '<Novelty><Initialization sourceURL="{}"/></Novelty>',
        '<x:SegmentList xmlns:x="urn:x"><SegmentURL media="{}"/></x:SegmentList>',
        '<InitializationSet initialization="{}"/>',
    ],
)
def test_no_reference_leads_out_of_the_directory(element: str, path: str) -> None:
    data = document(f"<Period>{CASES['number']}</Period>")
    odd = re.sub(rb"(<AdaptationSet[^>]*>)", lambda m: m[1] + element.format(path).encode(), data)
    assert b"evil" not in localized(odd)


def test_identifiers_that_look_like_urls_stay() -> None:
    data = document(f"<Period>{CASES['number']}</Period>")
    scheme = b'<Role schemeIdUri="http://dashif.org/guidelines/x" value="main"/>'
    odd = re.sub(rb"(<AdaptationSet[^>]*>)", rb"\1" + scheme, data)
    assert scheme in localized(odd)


def test_base64_with_slashes_is_no_way_out() -> None:
    data = document(f"<Period>{CASES['number']}</Period>")
    box = b"<cenc:pssh>AAAAAAAAAAAAAAAAAAAAAA\n//AAAAAAAAAAAAAA</cenc:pssh>"
    protection = b'<ContentProtection schemeIdUri="urn:x">' + box + b"</ContentProtection>"
    odd = re.sub(rb"(<AdaptationSet[^>]*>)", lambda match: match[1] + protection, data)
    assert box in localized(odd)


HEADER = (
    '<WRMHEADER xmlns="http://schemas.microsoft.com/DRM/2007/03/PlayReadyHeader" version="4.0.0.0">'
    "<DATA><KID>AAAA</KID>{}</DATA></WRMHEADER>"
)


def protected(name: str, payload: bytes, *, wrap: int = 0) -> bytes:
    """Return a document with a box of protection."""
    text = base64.b64encode(payload).decode()
    if wrap:
        text = "\n".join(text[at : at + wrap] for at in range(0, len(text), wrap))
    box = f'<ContentProtection schemeIdUri="urn:x"><p:{name} xmlns:p="urn:p">{text}</p:{name}></ContentProtection>'
    data = document(f"<Period>{CASES['number']}</Period>")
    return re.sub(rb"(<AdaptationSet[^>]*>)", lambda match: match[1] + box.encode(), data)


@pytest.mark.parametrize("name", ["pro", "pssh", "MarlinContentIds"])
@pytest.mark.parametrize("wrap", [0, 19])
@pytest.mark.parametrize(
    "payload",
    [
        b"xx" + HEADER.format("<LA_URL>https://evil.example/x</LA_URL>").encode("utf-16-le"),
        b"x" + HEADER.format("<LUI_URL>http://evil.example/x</LUI_URL>").encode("utf-16-le"),
        HEADER.format("<LA_URL>&#104;ttps://evil.example</LA_URL>").encode("utf-16-le"),
        HEADER.format("<a:LA_URL b='c'><![CDATA[//evil.example]]></a:LA_URL>").encode("utf-16-be"),
        b"\x08\x01\x12\x10\xff\xfe0123456789abcdef\x22\x14HTTPS://evil.example/",
    ],
)
def test_no_box_of_protection_tells_where_to_ask_for_a_licence(
    payload: bytes, wrap: int, name: str
) -> None:
    data = protected(name, payload, wrap=wrap)
    local = localized(data)
    assert base64.b64encode(payload)[:12] not in local
    assert b"<ContentProtection" in local
    assert played_paths(local) == mirror_paths(data)


def test_a_box_in_several_pieces_tells_no_server_either() -> None:
    url = b"https://evil.example/"
    data = protected("pssh", url + b"0123456789")
    start = base64.b64encode(url)[:9]
    split = data.replace(start, start[:5] + b"<!-- x -->" + start[5:])
    assert split != data
    assert start[5:] not in localized(split)


@pytest.mark.parametrize("content", ["", "<LA_URL></LA_URL>", "<LA_URL />", "<LA_URL> </LA_URL>"])
@pytest.mark.parametrize("name", ["pro", "pssh"])
def test_a_box_of_protection_without_a_server_stays(name: str, content: str) -> None:
    payload = HEADER.format(content).encode("utf-16-le")
    assert base64.b64encode(payload) in localized(protected(name, payload))


def test_a_message_of_an_event_in_base64_names_no_host() -> None:
    message = base64.b64encode(b"go to https://evil.example/ now").decode()
    events = (
        f'<EventStream schemeIdUri="urn:x"><Event contentEncoding="base64" messageData="{message}"/>'
        f'<Event contentEncoding="base64">{message}</Event></EventStream>'
    )
    data = document(f"<Period>{events}{CASES['number']}</Period>")
    assert message.encode() not in localized(data)


def test_an_empty_timeline_is_written_as_one() -> None:
    """The fuzzer found this: a row without an end was written."""
    timeline = "<SegmentTimeline><x:y/></SegmentTimeline>"
    data = document(
        '<Period><AdaptationSet mimeType="video/mp4"><SegmentTemplate media="$Number$-$SubNumber$.m4s"'
        f' k="2">{timeline}</SegmentTemplate><Representation id="v" bandwidth="1"/></AdaptationSet></Period>'
    )
    assert b"<S<" not in localized(data)


def test_a_remote_element_that_names_itself_many_times_is_put_in_once() -> None:
    """The fuzzer found this: 3,000 bytes asked for millions of elements in the local MPD."""
    again = '<AdaptationSet xmlns:xlink="http://www.w3.org/1999/xlink" xlink:href="g.xml"/>'
    data = document(f"<Period>{CASES['number']}{again}</Period>")
    shown = resolved(data)
    tracks, remote = make_tracks(shown), {"g.xml": 40 * again.encode()}
    local = make_local_mpd(data, shown, tracks, make_layout(shown), remote=remote)
    assert local.count(b"<AdaptationSet") < 50


FOREIGN = [
    '<x:Period xmlns:x="urn:f"><AdaptationSet/></x:Period>',
    '<Period xmlns="urn:f"><AdaptationSet/></Period>',
    "<x:Period/>",
    '<x:Period xmlns:x="a b%zz"/>',
    '<Period xmlns="a b"/>',
    '<Period xmlns=""/>',
    '<d:Period xmlns:d="urn:mpeg:DASH:schema:mpd:2017"/>',
    '<Period xmlns=" urn:mpeg:dash:schema:mpd:2011 "/>',
    '<x:Period xmlns:x="urn:mpeg:dash:schema:mpd:2011 "/>',
    '<x:Period xmlns:x=""/>',
    "<xmlns:Period/>",
    "<xml:Period/>",
    "<a:b:Period/>",
    "<cenc:Period/>",
    '<x:Other xmlns:x="urn:f"><Period/></x:Other>',
]
ROOTS = ["urn:mpeg:dash:schema:mpd:2011", "urn:f", "", " urn:mpeg:dash:schema:mpd:2011 ", "a b",
         "a&amp;b c", "http://[", "%zz", "urn:mpeg:DASH:schema:MPD:2011"]  # fmt: skip


@pytest.mark.parametrize("before", FOREIGN)
@pytest.mark.parametrize("namespace", ROOTS)
def test_both_parsers_find_the_same_periods_in_any_namespaces(before: str, namespace: str) -> None:
    data = document(f"{before}<Period>{CASES['number']}</Period>")
    usual = b'xmlns="urn:mpeg:dash:schema:mpd:2011" xmlns:cenc'
    odd = data.replace(usual, f'xmlns="{namespace}" xmlns:cenc'.encode())
    try:
        paths = mirror_paths(odd)
    except MPDError:
        return
    assert played_paths(localized(odd)) == paths


@pytest.mark.parametrize(
    "rows",
    [
        '<SegmentTemplate media="$Time$.m4s"><SegmentTimeline><S t="0" d="4" dvb:x="1"/></SegmentTimeline></SegmentTemplate>',
        '<SegmentTemplate media="$Time$.m4s"><SegmentTimeline><S d="4"/><S foo:t="9" d="4"/></SegmentTimeline></SegmentTemplate>',
        '<SegmentList duration="4"><SegmentURL media="1.m4s" scte35:y="1"/><SegmentURL media="2.m4s"/></SegmentList>',
    ],
)
def test_prefixes_that_only_rows_use_are_declared(rows: str) -> None:
    data = document(
        f'<Period><AdaptationSet mimeType="video/mp4">{rows}<Representation id="v" bandwidth="1"/>'
        "</AdaptationSet></Period>"
    )
    (warning,) = resolved(data).warnings
    assert "undeclared prefix" in str(warning)
    local = localized(data)
    assert etree.fromstring(local) is not None
    assert played_paths(local) == mirror_paths(data)


def test_only_the_first_list_of_a_level_is_played() -> None:
    data = document(
        '<Period><AdaptationSet mimeType="video/mp4"><SegmentList duration="8"><Initialization sourceURL="i.mp4"/>'
        '</SegmentList><SegmentList duration="8"><SegmentURL media="a.m4s"/></SegmentList>'
        '<Representation id="v" bandwidth="1"/></AdaptationSet></Period>'
    )
    assert played_paths(localized(data)) == mirror_paths(data) == ["i.mp4"]


@pytest.mark.parametrize(
    "inside",
    [
        "<BaseURL>a$b.mp4?c</BaseURL>",
        "<BaseURL>$$Number$.mp4?c</BaseURL><SegmentBase/>",
        '<BaseURL>a$/$.mp4</BaseURL><SegmentBase><Initialization sourceURL="i$Time$.mp4?c"/></SegmentBase>',
        '<SegmentList duration="8"><Initialization sourceURL="$i$.mp4?c"/><SegmentURL media="$1$"/></SegmentList>',
        '<SegmentTemplate media="v$$$Number$" duration="8"><Initialization sourceURL="$$i?c" range="0-9"/></SegmentTemplate>',
        '<SegmentTemplate media="v$Number$" initialization="$$i?c" duration="8"/>',
    ],
)
def test_a_dollar_sign_in_a_name_stays_what_it_is(inside: str) -> None:
    data = document(
        '<BaseURL>https://h.example/vod/</BaseURL><Period><AdaptationSet mimeType="video/mp4">'
        f'<Representation id="v" bandwidth="1">{inside}</Representation></AdaptationSet></Period>'
    )
    assert "$" in mirror_paths(data)[0] + mirror_paths(data)[-1]
    assert played_paths(localized(data)) == mirror_paths(data)


def test_no_prefix_is_declared_for_no_namespace() -> None:
    data = (
        b'<MPD mediaPresentationDuration="PT4S"><Period><AdaptationSet mimeType="video/mp4"><SegmentTemplate '
        b'xmlns:d="urn:mpeg:dash:schema:mpd:2011" duration="2" d:media="v$Number$"/>'
        b'<Representation id="v" bandwidth="1"/></AdaptationSet></Period></MPD>'
    )
    local = localized(data)
    assert etree.fromstring(local) is not None
    assert played_paths(local) == mirror_paths(data) == ["v1", "v2"]


@pytest.mark.parametrize("media", ["", "x.mpd", "?a"])
def test_a_list_beside_a_template_that_is_ignored_is_not_played(media: str) -> None:
    data = document(
        '<Period><AdaptationSet mimeType="video/mp4"><Representation id="v" bandwidth="1">'
        f'<SegmentTemplate duration="2" initialization="i.mp4" media="{media}"/><SegmentList duration="2">'
        '<SegmentURL media="a.m4s"/><SegmentURL index="b"/></SegmentList></Representation>'
        "</AdaptationSet></Period>"
    )
    assert played_paths(localized(data)) == mirror_paths(data) == ["i.mp4"]


@pytest.mark.parametrize("base", ["", "<BaseURL>https://elsewhere.example/d/</BaseURL>"])
def test_of_elements_that_stand_twice_the_first_one_stays(base: str) -> None:
    """Of two, dash.js takes the last, Shaka none, and FFmpeg the first or the last."""
    doubled = (
        '<SegmentList duration="4"><Initialization sourceURL="i"/><Initialization sourceURL="j"/>'
        '<SegmentURL media="1"/></SegmentList><SegmentList><SegmentURL media="2"/></SegmentList>'
    )
    local = localized(document(f"{base}<Period>{video(representation(doubled))}</Period>")).decode()
    assert local.count("<Initialization") == local.count("<SegmentList") == 1
    assert 'sourceURL="j"' not in local
    assert 'media="2"' not in local


@pytest.mark.parametrize(
    "nothing",
    ['<SegmentTemplate media="" duration="2"/>', "<BaseURL></BaseURL><SegmentBase/>",
     '<SegmentList duration="2"><SegmentURL/><SegmentURL media=""/></SegmentList>'],
)  # fmt: skip
def test_a_representation_that_names_no_file_is_not_in_the_local_mpd(nothing: str) -> None:
    """A player would take the manifest, or its directory, for media."""
    sets = video(NUMBER + representation()) + video(representation(nothing, name="w"))
    local = localized(document(f"<Period>{sets}</Period>")).decode()
    assert 'id="w"' not in local
    assert local.count("<AdaptationSet") == 1


SEQUENCES = {
    "of a template": '<SegmentTemplate media="$Number$-$SubNumber$.m4s" duration="4" k="2"/>',
    "of a template's rows": '<SegmentTemplate media="$Time$-$SubNumber$.m4s" k="2">'
    '<SegmentTimeline><S d="4" r="1"/></SegmentTimeline></SegmentTemplate>',
    "without a row": '<SegmentTemplate media="$Number$-$SubNumber$.m4s" k="3" duration="3"/>',
    "of a pattern": '<SegmentTemplate media="$Number$-$SubNumber$.m4s"><SegmentTimeline>'
    '<Pattern id="1"><P d="3"/><P d="1"/></Pattern><S p="1" pE="1" r="3" k="2"/>'
    "</SegmentTimeline></SegmentTemplate>",
    "a pattern": '<SegmentTemplate media="$Time$.m4s" startNumber="7"><SegmentTimeline>'
    '<Pattern id="1"><P d="3" r="1"/><P d="2"/></Pattern><S p="1" r="-1"/>'
    "</SegmentTimeline></SegmentTemplate>",
}


@pytest.mark.parametrize("named", SEQUENCES)
def test_sequences_and_patterns_become_plain_rows_that_name_the_same_files(named: str) -> None:
    sets = (
        '<AdaptationSet mimeType="video/mp4"><EssentialProperty '
        f'schemeIdUri="urn:mpeg:dash:pattern:2024"/>{SEQUENCES[named]}'
        '<Representation id="a" bandwidth="1"/></AdaptationSet>'
    )
    data = document(f"<Period>{sets}</Period>")
    local = localized(data)
    root = etree.fromstring(local)
    own = root.find(".//{*}Representation/{*}SegmentTemplate")
    assert own is not None
    assert "k" not in own.attrib
    assert "duration" not in own.attrib
    assert own.find("{*}SegmentTimeline/{*}Pattern") is None
    assert root.find(".//{*}EssentialProperty") is None
    rows = own.findall("{*}SegmentTimeline/{*}S")
    assert all("d" in row.attrib and "p" not in row.attrib for row in rows)
    shown = resolved(data)
    inside = [
        p.path
        for p in iter_plan(make_tracks(shown), make_layout(shown))
        if (p.segment.start or 0) < 8
    ]
    assert played_paths(local) == inside


def test_a_snapshot_joins_the_parts_of_sequences() -> None:
    data = document(
        '<Period id="1" start="PT0S"><AdaptationSet mimeType="video/mp4">'
        '<SegmentTemplate media="$Number$-$SubNumber$.m4s" duration="4" k="4"/>'
        '<Representation id="a" bandwidth="1"/></AdaptationSet></Period>',
        'type="dynamic" availabilityStartTime="2026-01-01T00:00:05Z" timeShiftBufferDepth="PT8S"',
    )
    local = localized(data)
    rows = etree.fromstring(local).findall(".//{*}S")
    assert [dict(row.attrib) for row in rows] == [
        {"t": "40", "d": "4", "r": "2", "k": "4"},
        {"t": "52", "d": "3", "k": "3"},
    ]
    assert played_paths(local) == mirror_paths(data)


def test_rows_of_sequences_stay_as_they_are() -> None:
    data = document(
        '<Period><AdaptationSet mimeType="video/mp4">'
        '<SegmentTemplate media="$Time$-$SubNumber$.m4s" presentationTimeOffset="5">'
        '<SegmentTimeline><S t="5" d="4" k="2" r="1"/></SegmentTimeline></SegmentTemplate>'
        '<Representation id="a" bandwidth="1"/></AdaptationSet></Period>'
    )
    local = localized(data)
    rows = etree.fromstring(local).findall(".//{*}S")
    assert [dict(row.attrib) for row in rows] == [{"t": "5", "d": "4", "k": "2", "r": "1"}]
    assert played_paths(local) == mirror_paths(data)


@pytest.mark.parametrize(
    ("kind", "template"),
    [
        *itertools.product(
            ("static", "dynamic"),
            (
                'media="$Time$-$SubNumber$.m4s" duration="4" k="2" presentationTimeOffset="8"',
                'media="$Time$-$SubNumber$.m4s" duration="4.5" k="2"',
                'media="$Number$-$SubNumber$.m4s" duration="4.5" k="2"',
                'media="$Number$-$SubNumber$.m4s" duration="3" k="4" presentationTimeOffset="5"',
            ),
        ),
        ("static", 'media="$Number$-$SubNumber$.m4s" duration="5" k="3" endNumber="4"'),
    ],
)
def test_the_local_mpd_of_sequences_tells_their_exact_times(kind: str, template: str) -> None:
    live = 'type="dynamic" availabilityStartTime="2026-01-01T00:00:00Z" timeShiftBufferDepth="PT9S"'
    own = f'<SegmentTemplate initialization="i.mp4" {template}/>'
    head = live if kind == "dynamic" else 'type="static" mediaPresentationDuration="PT16S"'
    data = document(f'<Period start="PT0S">{video(own + representation())}</Period>', head)
    shown = resolved(data)
    files = list(iter_plan(make_tracks(shown), make_layout(shown)))
    timed = [(f.path, f.segment.start) for f in files if f.segment.kind is SegmentKind.MEDIA]
    first = timed[0][1] if kind == "dynamic" else 0
    local = resolved(localized(data), "http://m.example/x.local.mpd")
    again = list(iter_plan(make_tracks(local), make_layout(local)))
    assert again[0].path == "i.mp4"
    found = [(f.path, f.segment.start) for f in again if f.segment.kind is SegmentKind.MEDIA]
    assert [path for path, _ in found] == [
        path for path, start in timed if kind == "dynamic" or start < 16
    ]
    if "$Time$" not in template:
        assert [start for _, start in found] == [start - first for _, start in timed[: len(found)]]


def test_a_row_of_one_segment_among_sequences_is_one_segment() -> None:
    rows = '<S d="4"/><S d="4" k="1"/>'
    other = representation('<SegmentTemplate media="b-$Number$.m4s"/>', name="b")
    data = document(
        "<Period>"
        + video(
            '<SegmentTemplate media="$Number$-$SubNumber$.m4s" k="2"><SegmentTimeline>'
            f"{rows}</SegmentTimeline></SegmentTemplate>{representation()}{other}"
        )
        + "</Period>"
    )
    assert sorted(mirror_paths(data)) == ["1-0.m4s", "1-1.m4s", "2-0.m4s", "b-1.m4s", "b-2.m4s"]
    assert played_paths(localized(data)) == mirror_paths(data)
