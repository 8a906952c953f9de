"""Tables and JSON of ``dashget list``."""

from __future__ import annotations

import io
import json
import re
from datetime import UTC, datetime

import msgspec
import pytest
from rich.cells import cell_len

from dashget.cli.printers.listing import PresentationRow, presentation_row
from dashget.cli.printers.tables import print_table
from dashget.mpd.parse import parse_mpd
from dashget.mpd.resolve import resolve
from dashget.planning.tracks import make_tracks

KID = "00112233-4455-6677-8899-aabbccddeeff"
DOCUMENT = f"""
<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" xmlns:cenc="urn:mpeg:cenc:2013" type="static"
     profiles="p" minBufferTime="PT1S" mediaPresentationDuration="PT10S">
 <ProgramInformation><Title>A &#155;31mShow</Title></ProgramInformation>
 <Period id="main">
  <EventStream schemeIdUri="urn:x:1" timescale="1"><Event presentationTime="0"/></EventStream>
  <AdaptationSet id="1" mimeType="video/mp4" frameRate="30000/1001">
   <Role schemeIdUri="urn:mpeg:dash:role:2011" value="main"/>
   <InbandEventStream schemeIdUri="urn:scte:scte35:2013:bin"/>
   <ContentProtection schemeIdUri="urn:mpeg:dash:mp4protection:2011" value="cenc"
     cenc:default_KID="{KID}"/>
   <SegmentTemplate timescale="1" media="$RepresentationID$/$Time$.m4s">
    <SegmentTimeline><S t="0" d="2"/><S t="4" d="2" r="2"/></SegmentTimeline>
   </SegmentTemplate>
   <Representation id="v1" width="1280" height="720" codecs="avc1.64001f" bandwidth="2400000"/>
  </AdaptationSet>
  <AdaptationSet id="2" mimeType="video/mp4">
   <EssentialProperty schemeIdUri="http://dashif.org/guidelines/trickmode" value="1"/>
   <SegmentTemplate duration="5" media="t/$Number$.m4s"/>
   <Representation id="t1" width="320" height="180" bandwidth="100000"/>
  </AdaptationSet>
  <AdaptationSet id="3" mimeType="audio/mp4" lang="fr">
   <Label>Commentaire</Label>
   <Accessibility schemeIdUri="urn:tva:metadata:cs:AudioPurposeCS:2007" value="1"/>
   <SegmentTemplate duration="5" media="a/$Number$.m4s"/>
   <Representation id="a1" bandwidth="128000" audioSamplingRate="48000"/>
  </AdaptationSet>
  <AdaptationSet id="4" mimeType="image/jpeg">
   <EssentialProperty schemeIdUri="http://dashif.org/guidelines/thumbnail_tile" value="5x4"/>
   <SegmentTemplate duration="10" media="i/$Number$.jpg"/>
   <Representation id="i1" bandwidth="1000" width="800" height="600"/>
  </AdaptationSet>
 </Period>
</MPD>"""


def row(document: str = DOCUMENT) -> PresentationRow:
    mpd = parse_mpd(document.strip().encode())
    shown = resolve(mpd, url="http://h/x.mpd", now=datetime(2026, 1, 1, tzinfo=UTC))
    return presentation_row(shown, make_tracks(shown))


def table(width: int | None = None, document: str = DOCUMENT) -> str:
    stream = io.StringIO()
    print_table(row(document), stream, width=width)
    return stream.getvalue()


def line_of(representation: str) -> str:
    return next(line for line in table().splitlines() if f" {representation} " in line)


def test_a_representation_is_one_line_with_its_facts() -> None:
    line = line_of("v1")
    for fact in ("video", "1280x720", "29.97", "avc1.64001f", "2.40 Mb/s", "main", "4", "10.0 s"):
        assert fact in line
    assert "~3.00 MB" in line


def test_protection_gaps_events_and_labels_are_shown() -> None:
    assert KID in line_of("v1")
    assert "1 gap" in line_of("v1")
    assert "events urn:scte:scte35:2013:bin" in line_of("v1")
    assert "trick mode of 1" in line_of("t1")
    assert "Commentaire" in line_of("a1")
    assert "accessibility 1" in line_of("a1")
    assert "tiles 5x4" in line_of("i1")


def test_the_period_and_the_presentation_have_headings() -> None:
    shown = table()
    assert "static presentation, 1 period, 10.0 s" in shown
    assert "Period 0 (main): at 0.00 s, 10.0 s long, 1 event" in shown


def test_foreign_control_characters_never_reach_the_terminal() -> None:
    assert "\x9b" not in table()


def test_on_a_pipe_nothing_is_wrapped_or_cut() -> None:
    assert len([line for line in table().splitlines() if "avc1.64001f" in line]) == 1
    assert "…" not in table()


def test_the_json_form_has_the_same_facts() -> None:
    shown = json.loads(msgspec.json.encode(row()))
    assert (shown["type"], shown["duration"]) == ("static", 10.0)
    sets = shown["periods"][0]["adaptation_sets"]
    assert [s["content_type"] for s in sets] == ["video", "video", "audio", "image"]
    assert sets[0]["protection"][0]["default_kids"] == [KID]
    assert sets[0]["inband_events"] == ["urn:scte:scte35:2013:bin"]
    assert sets[1]["trick_mode_for"] == ["1"]
    assert sets[3]["tiles"] == "5x4"
    video = sets[0]["representations"][0]
    assert (video["segments"], video["gaps"], video["size_estimated"]) == (4, 1, 3_000_000)
    assert sets[2]["representations"][0]["audio_sampling_rate"] == 48000


WIDTHS = (240, 160, 120, 80, 60, 40, 24, 20)


@pytest.mark.parametrize("width", WIDTHS)
def test_a_narrow_table_has_all_facts_of_a_wide_one(width: int) -> None:
    lines = table(width).splitlines()[4:]
    assert lines[0].split()[:2] == ["type", "id"]
    assert [line.split()[1] for line in lines[2:] if line[0] != " "] == ["v1", "t1", "a1", "i1"]
    assert all(cell_len(line) <= width for line in lines)
    said = "".join("".join(lines).split())
    for line in table().splitlines()[6:]:
        for fact in line.split("  "):
            assert fact.replace(" ", "") in said


@pytest.mark.parametrize("width", WIDTHS)
def test_columns_without_room_are_shown_below_the_row_with_their_names(width: int) -> None:
    rows = re.split(r"(?m)^(?=\S)", table(width))
    video = next(row for row in rows if re.match(r"video +v1\b", row))
    header = next(row for row in rows if row.startswith("type "))
    for name in ("segments", "duration", "size", "protection", "notes", "codecs"):
        assert (f"{name}:" in video) is not (name in header.split())


def test_long_words_are_broken_by_their_width_in_cells() -> None:
    wide = "\u65e5\u672c" * 20
    shown = "".join(table(21, DOCUMENT.replace("Commentaire", wide)).split())
    assert wide in shown


@pytest.mark.parametrize(
    "content", ["", "<AdaptationSet/>", '<AdaptationSet mimeType="video/mp4"/>']
)
def test_a_period_without_representations_is_shown(content: str) -> None:
    document = f'<MPD mediaPresentationDuration="PT4S"><Period id="p">{content}</Period></MPD>'
    assert "Period 0 (p)" in table(document=document)


def test_a_representation_that_cannot_be_planned_is_marked() -> None:
    content = (
        '<SegmentTemplate media="$Number$" duration="2" timescale="0"/><Representation id="v"/>'
    )
    document = (
        '<MPD mediaPresentationDuration="PT4S"><Period><AdaptationSet mimeType="text/vtt">'
        f"{content}</AdaptationSet></Period></MPD>"
    )
    assert "cannot be planned" in table(document=document)
    assert "@timescale" in str(
        row(document).periods[0].adaptation_sets[0].representations[0].problems
    )
