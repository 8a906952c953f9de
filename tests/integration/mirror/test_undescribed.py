"""Media of which no file tells how to decode it: `get` calls it no complete download, either."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import dashget
from tests.integration.mirror.presentation import manifest
from tests.support.builders import box, initialization, media_segment, numbered
from tests.support.faultserver import Answer, FaultServer
from tests.support.program import run
from tests.support.running import mirror, verify

MP4 = 'mimeType="video/mp4"'
WEBM = 'mimeType="video/webm"'
INIT = initialization()
HEADER = b"\x1a\x45\xdf\xa3\x80"
CLUSTER = b"\x1f\x43\xb6\x75\x41\x2c" + bytes(300)
ONE, TWO = media_segment(1, bytes(9)), media_segment(2, bytes(18))
FREE = box("free", bytes(len(INIT) - 8))
JSON = b'{"error": "token expired"}'
VTT = b"WEBVTT\n\n00:01.000 --> 00:02.000\nhello\n"
TEMPLATE = '<SegmentTemplate media="v/$Number$.m4s" duration="3" {}/>'
LISTED = (
    '<SegmentBase>{}</SegmentBase><SegmentList duration="3"><SegmentURL media="v/1.m4s"/>'
    '<SegmentURL media="v/2.m4s"/></SegmentList>'
)
SPAN = f"{len(INIT)}-{len(INIT + ONE) - 1}"
RANGES = (
    f'<SegmentList duration="3">{{}}<SegmentURL media="v/1.m4s" mediaRange="{SPAN}"/></SegmentList>'
)
NAMED = '<Initialization sourceURL="i.mp4"/>'
SWITCHING = 'bitstreamSwitching="s.mp4"'


def show(inside: str, kind: str = MP4, attributes: str = "") -> str:
    named = f'<Representation id="v" {attributes}>{inside}</Representation>'
    return f"<AdaptationSet {kind}>{named}</AdaptationSet>"


ALONE = show(TEMPLATE.format(""))
BASE = f'<AdaptationSet {MP4}><Representation id="base">{{}}</Representation></AdaptationSet>'
BASE = BASE.format('<SegmentTemplate initialization="i.mp4" media="b/$Number$.m4s" duration="3"/>')
UNDESCRIBED: dict[str, tuple[str, bytes, bytes]] = {
    "a template": (ALONE, ONE, TWO),
    "a list": (show(LISTED.format("")), ONE, TWO),
    "a range": (show(RANGES.format("")), FREE + ONE, b""),
    "text in a container": (show(TEMPLATE.format(""), 'mimeType="application/mp4"'), ONE, TWO),
    "of another type": (show(TEMPLATE.format(""), 'mimeType="video/quicktime"'), ONE, TWO),
    "without a type": (show(TEMPLATE.format(""), 'contentType="video"'), ONE, TWO),
    "beside one that is described": (
        ALONE.replace('"v"', '"w"').replace('duration="3"', 'duration="3" initialization="i.mp4"')
        + ALONE, ONE, TWO,
    ),
    "twice": (ALONE + ALONE.replace('"v"', '"w"'), ONE, TWO),
    "WebM": (show(TEMPLATE.format(""), WEBM), CLUSTER, CLUSTER + CLUSTER),
}  # fmt: skip
DESCRIBED: dict[str, tuple[str, bytes, bytes]] = {
    "by name": (show(TEMPLATE.format('initialization="i.mp4"')), ONE, TWO),
    "by other segment information": (show(LISTED.format(NAMED)), ONE, TWO),
    "in each": (ALONE, INIT + ONE, INIT + TWO),
    "in the first": (ALONE, INIT + ONE, TWO),
    "in a later one": (ALONE, ONE, INIT + TWO),
    "in a range of the file": (
        show(RANGES.format(f'<Initialization range="0-{len(INIT) - 1}"/>')), INIT + ONE, b"",
    ),
    "in the file of a range": (show(RANGES.format("")), INIT + ONE, b""),
    "in one file": (show("<BaseURL>v/1.m4s</BaseURL><SegmentBase/>"), INIT + ONE, b""),
    "for switching": (show(TEMPLATE.format(SWITCHING)), ONE, TWO),
    "by what it depends on": (
        BASE + show(TEMPLATE.format(""), attributes='dependencyId="base"'), ONE, TWO,
    ),
    "WebM in each": (show(TEMPLATE.format(""), WEBM), HEADER + CLUSTER, HEADER + CLUSTER),
    "WebM in the first": (show(TEMPLATE.format(""), WEBM), HEADER + CLUSTER, CLUSTER),
    "text": (show(TEMPLATE.format(""), 'mimeType="text/vtt"'), VTT, VTT),
    "pictures": (
        show(TEMPLATE.format(""), 'contentType="image" mimeType="image/jpeg"'),
        b"\xff\xd8\xff\xe0" + bytes(90), b"\xff\xd8\xff\xe0" + bytes(80),
    ),
    "audio without a container": (
        show(TEMPLATE.format(""), 'mimeType="audio/mpeg"'), b"\xff\xfb\x90" + bytes(200),
        b"\xff\xfb\x90" + bytes(100),
    ),
}  # fmt: skip


def publish(server: FaultServer, case: tuple[str, bytes, bytes]) -> str:
    content, *segments = case
    for number, data in enumerate(segments, 1):
        server.on(f"/show/v/{number}.m4s", Answer(data))
        server.on(f"/show/b/{number}.m4s", Answer(media_segment(number, bytes(9))))
    for name in "is":
        server.on(f"/show/{name}.mp4", Answer(INIT))
    return server.on("/show/x.mpd", manifest(content))


@pytest.mark.parametrize("case", [*UNDESCRIBED, *DESCRIBED])
def test_media_is_complete_if_something_describes_it(
    server: FaultServer, tmp_path: Path, case: str
) -> None:
    described = case in DESCRIBED
    url = publish(server, (UNDESCRIBED | DESCRIBED)[case])
    for _ in range(2):
        summary, _ = mirror(url, tmp_path)
        told = [each.reason for each in summary.failures]
        assert all(reason.startswith("no file of Representation ") for reason in told), told
        assert (len(told) == summary.unplanned == 0) is described
        assert summary.complete is verify(tmp_path)[0].sound is described
    assert set(summary.outcomes) == {dashget.Outcome.PRESENT}


@pytest.mark.parametrize("before", [False, True])
@pytest.mark.parametrize("case", UNDESCRIBED)
def test_it_is_accepted_by_choice_and_is_a_note(
    server: FaultServer, tmp_path: Path, case: str, *, before: bool
) -> None:
    url = publish(server, UNDESCRIBED[case])
    if before:
        mirror(url, tmp_path)
    summary, events = mirror(url, tmp_path, accept_odd=True)
    assert summary.complete
    assert any(text.startswith("no file of Representation ") for text in events.warnings())
    for _ in range(2):
        report, found = verify(tmp_path)
        assert (report.sound, found.problems()) == (True, {})
        assert {"structure"} in found.problems(notes=True).values()
        assert mirror(url, tmp_path)[0].complete


@pytest.mark.parametrize("accept_odd", [False, True])
@pytest.mark.parametrize("second", [TWO, TWO[:-9], JSON, b""])
@pytest.mark.parametrize("first", [ONE[:-9], JSON])
@pytest.mark.parametrize("found", [False, True])
def test_beside_files_that_are_odd_themselves_both_commands_agree(
    server: FaultServer, tmp_path: Path, first: bytes, second: bytes, found: bool, accept_odd: bool
) -> None:
    url = publish(server, (ALONE, first, second))
    if found:
        (tmp_path / "v").mkdir()
        (tmp_path / "v/1.m4s").write_bytes(first)
    summary, _ = mirror(url, tmp_path, accept_odd=accept_odd)
    assert summary.complete is verify(tmp_path)[0].sound is accept_odd


def test_the_program_says_what_is_missing_and_what_helps(
    server: FaultServer, tmp_path: Path
) -> None:
    url = publish(server, UNDESCRIBED["a template"])
    said = "no file of Representation v has a moov box: its media cannot be decoded"
    shown = run(url, "-o", "m", cwd=tmp_path)
    assert shown.code == 1
    assert "Incomplete: 1 part of the presentation is missing; 2 files, " in shown.err
    assert f"  missing: {said}" in shown.err
    assert shown.err.count("hint: ") == 1
    assert "--accept-odd" in shown.err
    told = run(url, "-o", "m", "--json", cwd=tmp_path)
    (failure,) = json.loads(told.out.splitlines()[-1])["failures"]
    assert (failure["unplanned"], failure["path"]) == (True, "x.mpd")
    checked = run("verify", "m", cwd=tmp_path)
    assert checked.code == told.code == 1
    assert said in checked.out
    assert "--accept-odd" in checked.out + checked.err
    assert "--repair" not in checked.out + checked.err
    assert run("m", "--accept-odd", cwd=tmp_path).code == 0
    assert run("verify", "m", cwd=tmp_path).code == 0


@pytest.mark.parametrize("case", ["a template", "WebM"])
def test_no_file_is_made_of_it(server: FaultServer, tmp_path: Path, case: str) -> None:
    assert run(publish(server, UNDESCRIBED[case]), "-o", "m", cwd=tmp_path).code == 1
    made = run("mux", "m", "made.mkv", cwd=tmp_path)
    assert made.code == 8, made.err
    assert "video v of Period 0 cannot be decoded: its media begins without a moov box" in made.err


def test_a_repair_does_not_fetch_what_it_cannot_mend(server: FaultServer, tmp_path: Path) -> None:
    mirror(publish(server, UNDESCRIBED["a template"]), tmp_path)
    server.seen.clear()
    report, found = verify(tmp_path, repair=True)
    assert (report.errors, found.problems()) == (1, {"Representation v": {"structure"}})
    assert server.seen == []


def test_a_selection_without_it_is_complete(server: FaultServer, tmp_path: Path) -> None:
    audio = numbered("b/$Number$.m4s", 'initialization="i.mp4"', 'mimeType="audio/mp4"')
    content = ALONE + audio.replace('duration="2"', 'duration="3"').replace('"v"', '"w"')
    url = publish(server, (content, ONE, TWO))
    assert not mirror(url, tmp_path / "all")[0].complete
    selection = dashget.parse_selection(video="none")
    assert mirror(url, tmp_path / "one", selection=selection)[0].complete
    assert verify(tmp_path / "one")[0].sound


def test_a_dry_run_knows_nothing_of_it(server: FaultServer, tmp_path: Path) -> None:
    url = publish(server, UNDESCRIBED["a template"])
    assert mirror(url, tmp_path, dry_run=True)[0].complete
