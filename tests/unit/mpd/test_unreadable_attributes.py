"""Every number, duration and date of an MPD, with values that cannot be read or are odd.

In a manifest that needs none of them nothing changes. In one that does, the plan is that of the
value as it is read, or of the manifest without the attribute and with a warning, or the
Representation has a problem that names the attribute: a segment less is never passed over.
"""

from __future__ import annotations

import re
from fractions import Fraction

import pytest

from dashget.mpd.parse import parse_mpd
from dashget.mpd.resolve import resolve
from dashget.planning.tracks import iter_representations
from dashget.segments import address

VALUES = ("foo", "", "-1", "1e3", " 5 ")
NOW = Fraction(1767225660)
"""A minute after @availabilityStartTime."""
TOP = (
    'profiles="p" minBufferTime="PT1S" mediaPresentationDuration="PT12S" publishTime="2026-01-01T00:00:00Z"'
    ' availabilityStartTime="2026-01-01T00:00:00Z" availabilityEndTime="2027-01-01T00:00:00Z"'
    ' minimumUpdatePeriod="PT2S" timeShiftBufferDepth="PT60S" suggestedPresentationDelay="PT2S"'
    ' maxSegmentDuration="PT2S" maxSubsegmentDuration="PT2S"'
)
SET = (
    'minBandwidth="1" maxBandwidth="2" minWidth="1" maxWidth="2" minHeight="1" maxHeight="2" group="1"'
    ' minFrameRate="1" maxFrameRate="50" segmentAlignment="1" subsegmentStartsWithSAP="1"'
    ' bitstreamSwitching="false"'
)
COMMON = (
    'width="640" height="360" frameRate="25" audioSamplingRate="48000" maximumSAPPeriod="2"'
    ' startWithSAP="1" maxPlayoutRate="2" codingDependency="false" selectionPriority="1"'
)
SEGMENTS = (
    'timescale="10" presentationTimeOffset="10" presentationDuration="60" timeShiftBufferDepth="PT60S"'
    ' availabilityTimeOffset="1" availabilityTimeComplete="true" eptDelta="0" pdDelta="0"'
    ' indexRange="0-5" indexRangeExact="true" startNumber="1" duration="20"'
)
ROWS = "".join(f'<SegmentURL media="{n}" mediaRange="0-9"/>' for n in (1, 2, 3))
LISTED = f'<SegmentList endNumber="3" {SEGMENTS}>{ROWS}</SegmentList>'
SINGLE = f"<BaseURL>file.mp4</BaseURL><SegmentBase {SEGMENTS}/>"
NEEDY = {
    "number": f'<SegmentTemplate {SEGMENTS} media="$Number$"/>',
    "time": f'<SegmentTemplate {SEGMENTS} media="$Time$"/>',
    "number to the end": f'<SegmentTemplate {SEGMENTS} endNumber="3" media="$Number$"/>',
    "timeline": (
        f'<SegmentTemplate {SEGMENTS} endNumber="3" media="$Time$"><SegmentTimeline>'
        '<S t="10" d="20" n="1" k="1" r="2"/></SegmentTimeline></SegmentTemplate>'
    ),
    "timeline to the end": (
        f'<SegmentTemplate {SEGMENTS} media="$Number$-$Time$"><SegmentTimeline>'
        '<S t="10" d="20" r="-1"/></SegmentTimeline></SegmentTemplate>'
    ),
}
SPANS = ('start="PT0S" duration="PT6S"', 'start="PT6S" duration="PT6S"')
ATTRIBUTE = re.compile(r'(?<=\s)((?:dvb:)?[a-zA-Z]+)="([^"]*)"')
NO_NUMBERS = {"xmlns", "xmlns:dvb", "id", "mimeType", "profiles", "type", "media", "mediaRange"}
NO_NUMBERS |= {"schemeIdUri"}

Plan = list[tuple[str, object]]


def document(segments: str, kind: str) -> str:
    content = (
        f'<EventStream schemeIdUri="urn:x" timescale="1" presentationTimeOffset="0"><Event '
        f'presentationTime="0" duration="1">hi</Event></EventStream>'
        f'<AdaptationSet mimeType="video/mp4" {SET} {COMMON}><BaseURL availabilityTimeOffset="0" '
        f'availabilityTimeComplete="true" dvb:priority="1" dvb:weight="1">b/</BaseURL>'
        f'<Representation id="v" bandwidth="100" qualityRanking="1" {COMMON}>{segments}'
        f'<SubRepresentation level="1" bandwidth="3"/></Representation></AdaptationSet>'
    )
    periods = "".join(f"<Period {span}>{content}</Period>" for span in SPANS)
    return (
        '<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" xmlns:dvb="urn:dvb:dash:dash-extensions:2014-1" '
        f'type="{kind}" {TOP}>{periods}</MPD>'
    )


def plan(text: str) -> tuple[Plan, str]:
    """Return the URLs of each Representation, or its problems, and all warnings."""
    found: Plan = []
    shown = resolve(parse_mpd(text.encode()), url="https://h/x/m.mpd", now=NOW)
    for each in iter_representations(shown):
        if each.problems:
            found.append(("problems", " ".join(map(str, each.problems))))
        else:
            found.append(("urls", tuple((s.url, s.range) for s in address(each, limit=5000))))
    return found, " ".join(map(str, shown.warnings))


@pytest.mark.parametrize("kind", ["static", "dynamic"])
@pytest.mark.parametrize("segments", [LISTED, SINGLE], ids=["list", "single file"])
def test_no_value_matters_that_no_segment_depends_on(segments: str, kind: str) -> None:
    text = document(segments, kind)
    whole, _ = plan(text)
    assert {what for what, _ in whole} == {"urls"}
    for match in ATTRIBUTE.finditer(text):
        for value in () if match[1] in NO_NUMBERS else VALUES:
            changed = f"{text[: match.start(2)]}{value}{text[match.end(2) :]}"
            assert plan(changed)[0] == whole, (match[1], value)


@pytest.mark.parametrize("kind", ["static", "dynamic"])
@pytest.mark.parametrize("segments", NEEDY.values(), ids=NEEDY)
def test_a_value_that_cannot_be_read_counts_as_missing_or_is_named(
    segments: str, kind: str
) -> None:
    text = document(segments, kind)
    whole, _ = plan(text)
    for match in ATTRIBUTE.finditer(text):
        if match[1] in NO_NUMBERS:
            continue
        without = text[: match.start()] + text[match.end() :]
        for value in ("foo", "", "-1"):
            changed = f"{text[: match.start(2)]}{value}{text[match.end(2) :]}"
            found, warnings = plan(changed)
            name = f"@{match[1].removeprefix('dvb:')}"
            named = any(what == "problems" and name in str(told) for what, told in found)
            if found == whole or named:
                continue
            assert name in warnings, (match[1], value)
            assert found == plan(without)[0], (match[1], value)


@pytest.mark.parametrize("value", ["foo", " ", "-1"])
@pytest.mark.parametrize("element", ["SegmentBase", "SegmentList", "SegmentTemplate"])
def test_a_value_that_cannot_be_read_is_inherited_with_its_issue(element: str, value: str) -> None:
    names = [name for name, _ in ATTRIBUTE.findall(f" {SEGMENTS}")]
    for name in (*names, "endNumber", "k"):
        for levels in (("", f'{name}="{value}"'), (f'{name}="{value}"', "")):
            outer, inner = (f'<{element} media="$Number$" {level}/>' for level in levels)
            text = document(inner, "static").replace("<Representation ", f"{outer}<Representation ")
            found, warnings = plan(text)
            alone = plan(text.replace(f'{name}="{value}"', ""))[0]
            assert found == alone or f"@{name}" in f"{found}{warnings}", name


@pytest.mark.parametrize("segments", NEEDY.values(), ids=NEEDY)
def test_odd_spellings_are_read_as_the_numbers_that_they_are(segments: str) -> None:
    text = document(segments, "static")
    for name, plain in (("timescale", "1000"), ("duration", "1000"), ("startNumber", "1000")):
        for odd in (f" {plain} ", "1e3", "1E+3"):
            expected = plan(re.sub(rf'(?<= {name}=)"\d+"', f'"{plain}"', text))[0]
            assert plan(re.sub(rf'(?<= {name}=)"\d+"', f'"{odd}"', text))[0] == expected
