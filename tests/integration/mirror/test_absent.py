"""Last segments that a presentation may lack, and those that it may not."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.integration.mirror.presentation import manifest, periods, publish, segment
from tests.support.builders import numbered
from tests.support.faultserver import Answer, FaultServer, refuse
from tests.support.running import mirror


def test_the_very_last_derived_segment_may_be_absent(server: FaultServer, tmp_path: Path) -> None:
    url = publish(server)
    server.on("/show/v/3.m4s", refuse(404))
    summary, events = mirror(url, tmp_path)
    assert events.outcomes()["v/3.m4s"] == "absent"
    assert summary.complete


def test_a_last_segment_with_a_number_in_the_manifest_may_not_be_absent(
    server: FaultServer, tmp_path: Path
) -> None:
    url = publish(server, numbered(extra='endNumber="3"'))
    server.on("/show/v/3.m4s", refuse(404))
    summary, events = mirror(url, tmp_path)
    assert events.outcomes()["v/3.m4s"] == "failed"
    assert not summary.complete


def test_any_other_error_on_the_last_segment_is_a_failure(
    server: FaultServer, tmp_path: Path
) -> None:
    url = publish(server)
    server.on("/show/v/3.m4s", refuse(403))
    summary, _ = mirror(url, tmp_path)
    assert not summary.complete


@pytest.mark.parametrize("extra", ["", 'endNumber="3"'])
def test_a_last_segment_that_another_period_needs_may_not_be_absent(
    server: FaultServer, tmp_path: Path, extra: str
) -> None:
    for number in (1, 2, 4):
        server.on(f"/show/v/{number}.m4s", segment(number))
    later = 8 if not extra else 6
    both = periods(numbered(), numbered(extra=extra), durations=(6, later))
    summary, events = mirror(server.on("/show/x.mpd", both), tmp_path)
    assert events.outcomes()["v/3.m4s"] == "failed"
    assert not summary.complete


@pytest.mark.usefixtures("few_and_many_files")
@pytest.mark.parametrize("damage", ["gone", "cut", "another version"])
def test_a_last_segment_that_was_there_once_is_not_absent(
    server: FaultServer, tmp_path: Path, damage: str
) -> None:
    url = publish(server)
    mirror(url, tmp_path)
    last = tmp_path / "v/3.m4s"
    if damage == "gone":
        last.unlink()
    elif damage == "cut":
        last.write_bytes(b"cut")
    else:
        for number in (1, 2):
            server.on(f"/show/v/{number}.m4s?v=2", segment(number))
        server.on("/show/x.mpd", manifest(numbered("v/$Number$.m4s?v=2")))
    server.on("/show/v/3.m4s", refuse(404))
    summary, events = mirror(url, tmp_path)
    assert events.outcomes()["v/3.m4s"] == "failed"
    assert not summary.complete


@pytest.mark.parametrize("second", [refuse(503), refuse(403), Answer(drop="close")])
def test_a_last_segment_is_absent_only_where_every_server_says_so(
    server: FaultServer, tmp_path: Path, second: Answer
) -> None:
    with FaultServer() as other:
        for number in (1, 2):
            server.on(f"/show/v/{number}.m4s", segment(number))
        other.on("/show/v/3.m4s", second)
        bases = "".join(f"<BaseURL>{s.url('/show/')}</BaseURL>" for s in (server, other))
        summary, events = mirror(server.on("/show/x.mpd", manifest(bases + numbered())), tmp_path)
    assert events.outcomes()["v/3.m4s"] == "failed"
    assert not summary.complete


def test_the_only_segment_of_a_representation_is_not_absent(
    server: FaultServer, tmp_path: Path
) -> None:
    document = Answer(manifest(numbered()).body.replace(b"PT6S", b"PT1S"))
    summary, events = mirror(server.on("/show/x.mpd", document), tmp_path)
    assert events.outcomes() == {"v/1.m4s": "failed"}
    assert not summary.complete


def test_a_last_segment_of_less_than_a_millisecond_is_asked_for(
    server: FaultServer, tmp_path: Path
) -> None:
    url = publish(server)
    body = manifest(numbered()).body.replace(b'"PT6S"', b'"PT6.0004S"')
    server.on("/show/x.mpd", Answer(body))
    summary, events = mirror(url, tmp_path)
    assert events.outcomes()["v/4.m4s"] == "absent"
    assert summary.complete


@pytest.mark.parametrize("status", [200, 404])
def test_of_a_period_after_the_end_one_segment_is_asked_for_and_may_be_absent(
    status: int, server: FaultServer, tmp_path: Path
) -> None:
    publish(server)
    server.on("/show/w/1.m4s", segment(1) if status == 200 else refuse(status))
    before = f'<Period id="0" duration="PT6S">{numbered()}</Period>'
    beyond = f'<Period id="1" start="PT7S">{numbered("w/$Number$.m4s")}</Period>'
    body = manifest("").body.replace(b"<Period></Period>", f"{before}{beyond}".encode())
    summary, events = mirror(server.on("/show/x.mpd", Answer(body)), tmp_path)
    assert events.outcomes()["w/1.m4s"] == ("downloaded" if status == 200 else "absent")
    assert summary.complete
    assert len(events.outcomes()) == 4


def test_a_last_segment_by_a_negative_repeat_of_less_than_a_millisecond_may_be_absent(
    server: FaultServer, tmp_path: Path
) -> None:
    publish(server)
    rows = '<SegmentTimeline><S t="1" d="2" r="-1"/></SegmentTimeline>'
    content = (
        '<AdaptationSet contentType="application" mimeType="application/x-filler"><SegmentTemplate media="v/$Number$.m4s" '
        f'presentationTimeOffset="1">{rows}</SegmentTemplate>'
        '<Representation id="v" bandwidth="8000"/></AdaptationSet>'
    )
    body = manifest(content).body.replace(b'"PT6S"', b'"PT6.0004S"')
    summary, events = mirror(server.on("/show/x.mpd", Answer(body)), tmp_path)
    assert events.outcomes()["v/4.m4s"] == "absent"
    assert summary.complete


def test_a_file_that_only_a_replaced_template_names_may_be_absent(
    server: FaultServer, tmp_path: Path
) -> None:
    content = numbered(extra='initialization="old.mp4"').replace(
        "/></AdaptationSet>",
        '><SegmentTemplate initialization="new.mp4"/></Representation></AdaptationSet>',
    )
    url = publish(server, content)
    server.on("/show/new.mp4", Answer(b"new"))
    summary, events = mirror(url, tmp_path)
    assert events.outcomes()["old.mp4"] == "absent"
    assert summary.complete
    server.on("/show/old.mp4", Answer(b"old"))
    server.on("/show/new.mp4", refuse(404))
    summary, events = mirror(url, tmp_path / "again")
    assert events.outcomes()["old.mp4"] == "downloaded"
    assert events.outcomes()["new.mp4"] == "failed"
    assert not summary.complete
