"""One bad element costs its own part: the rest is fetched, and what is missing is named."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import dashget
from tests.support.builders import initialization, media_segment, mpd, numbered
from tests.support.faultserver import Answer, FaultServer, refuse
from tests.support.program import run
from tests.support.running import mirror, verify

BAD = (
    '<AdaptationSet mimeType="text/vtt"><SegmentTemplate duration="2" timescale="0" media="t$Number$"/>'
    '<Representation id="t" bandwidth="1"/></AdaptationSet>'
)


def publish(server: FaultServer, content: str) -> str:
    for number in (1, 2, 3):
        data = initialization() + media_segment(number, b"x" * 100)
        server.on(f"/show/v/{number}.m4s", Answer(data))
    return server.on("/show/x.mpd", Answer(mpd(content)))


def test_a_set_that_cannot_be_planned_is_a_failure_beside_files_that_come(
    server: FaultServer, tmp_path: Path
) -> None:
    url = publish(server, numbered() + BAD)
    summary, events = mirror(url, tmp_path / "m")
    assert events.outcomes()["v/1.m4s"] == "downloaded"
    assert [f.reason for f in summary.failures if "'t' cannot be planned" in f.reason]
    assert not summary.complete
    assert summary.hint is not None
    assert "the same command ends the same" in summary.hint
    report, found = verify(tmp_path / "m")
    assert "cannot be planned" in str(found)
    assert report.errors == 1


@pytest.mark.parametrize("missing", [(), (2,)])
def test_a_part_that_cannot_be_planned_is_no_file_that_failed(
    server: FaultServer, tmp_path: Path, missing: tuple[int, ...]
) -> None:
    url = publish(server, numbered() + BAD + BAD.replace('"t"', '"u"'))
    for number in missing:
        server.on(f"/show/v/{number}.m4s", refuse(404))
    shown = run(url, "-o", "m", cwd=tmp_path)
    failed = "1 of 3 files failed, and " if missing else ""
    told = f"Incomplete: {failed}2 parts of the presentation are missing; "
    assert told + f"{3 - len(missing)} files, " in shown.err
    assert shown.err.count("  missing: Representation ") == 2
    told = run(url, "-o", "m", "--json", cwd=tmp_path)
    summary = json.loads(told.out.splitlines()[-1])
    assert [one["unplanned"] for one in summary["failures"]].count(True) == 2
    assert summary["outcomes"].get("failed", 0) == len(missing)
    lines = (tmp_path / "m/.dashget/record.jsonl").read_text().splitlines()
    failures = [entry for entry in map(json.loads, lines) if "failed" in entry]
    parts = [entry for entry in failures if entry.get("unplanned")]
    assert {entry["failed"] for entry in parts} == {"x.mpd"}
    assert len(failures) - len(parts) == 2 * len(missing)


def test_the_error_of_the_library_names_files_and_counts_parts(
    server: FaultServer, tmp_path: Path
) -> None:
    url = publish(server, numbered() + BAD)
    server.on("/show/v/2.m4s", refuse(404))
    summary, _ = mirror(url, tmp_path / "m")
    assert summary.unplanned == 1
    with pytest.raises(dashget.MirrorIncompleteError) as raised:
        summary.raise_for_failures()
    assert str(raised.value).startswith(
        "1 file is missing and 1 part of the presentation is missing in "
    )
    assert raised.value.paths == ("v/2.m4s",)


def test_every_command_names_what_cannot_be_planned(server: FaultServer, tmp_path: Path) -> None:
    url = publish(server, numbered() + BAD)
    for command in (["plan", url], ["list", url], [url, "-o", str(tmp_path / "m")]):
        ended = run(*command, cwd=tmp_path)
        assert ended.code == 1
        assert "'t' cannot be planned" in ended.err
    assert run("plan", url, "--text", "none", cwd=tmp_path).code == 0


def test_nothing_that_can_be_planned_is_an_error_after_its_warnings(
    server: FaultServer, tmp_path: Path
) -> None:
    warnings: list[str] = []

    def observer(event: dashget.Event, /) -> None:
        if isinstance(event, dashget.Warned):
            warnings.append(event.message)

    content = BAD.replace('mimeType="text/vtt"', 'contentType="text"')
    server.on("/show/x.mpd", Answer(mpd(content)))
    with dashget.Session(observer=observer) as session:
        loaded = session.open(server.url("/show/x.mpd"))
        with pytest.raises(dashget.MPDValidityError):
            loaded.mirror(tmp_path / "m")
        assert any("@mimeType is missing" in message for message in warnings)
        warnings.clear()
        document = b'<MPD xmlns="urn:x" mediaPresentationDuration="PT1S"/>'
        server.on("/show/y.mpd", Answer(document))
        with pytest.raises(dashget.MPDValidityError, match="no Period"):
            session.open(server.url("/show/y.mpd"))
    assert any("the namespace is 'urn:x'" in message for message in warnings)


def test_a_remote_period_that_is_gone_is_a_failure_unless_it_has_content(
    server: FaultServer, tmp_path: Path
) -> None:
    publish(server, numbered())
    server.on("/show/none", refuse(404))
    remote = '<Period xmlns:xlink="http://www.w3.org/1999/xlink" xlink:href="none">{}</Period>'
    for content, complete in (("", False), (numbered(), True)):
        data = mpd(numbered()).replace(b"</MPD>", remote.format(content).encode() + b"</MPD>")
        data = data.replace(b"<Period>", b'<Period duration="PT6S">', 1)
        root = tmp_path / str(complete)
        summary, events = mirror(server.on("/show/x.mpd", Answer(data)), root)
        assert events.outcomes()["v/1.m4s"] == "downloaded"
        assert summary.complete is complete
        assert verify(root)[0].sound is complete


def test_a_period_that_is_another_mpd_is_a_named_failure(
    server: FaultServer, tmp_path: Path
) -> None:
    url = publish(server, numbered())
    imported = '<Period><ImportedMPD earliestResolutionTimeOffset="5">ad.mpd</ImportedMPD></Period>'
    document = mpd(numbered()).replace(b"<Period>", b'<Period duration="PT6S">')
    server.on("/show/x.mpd", Answer(document.replace(b"</MPD>", imported.encode() + b"</MPD>")))
    summary, events = mirror(url, tmp_path / "m")
    assert events.outcomes()["v/1.m4s"] == "downloaded"
    assert "mirror it by its own URL" in str(summary.failures)
    assert not summary.complete
    assert not server.asked("/show/ad.mpd")
    report, found = verify(tmp_path / "m")
    assert report.errors == 1, found
    assert "ad.mpd" not in (tmp_path / "m" / "x.local.mpd").read_text()


@pytest.mark.parametrize("name", ["AdaptationSet", "SegmentList", "Period"])
def test_a_remote_element_that_leads_back_to_itself_costs_only_its_own_part(
    server: FaultServer, tmp_path: Path, name: str
) -> None:
    link = 'xmlns:xlink="http://www.w3.org/1999/xlink" xlink:href="loop.xml"'
    element = f"<{name} {link}/>"
    server.on("/show/loop.xml", Answer(element.encode()))
    if name == "SegmentList":
        element = f'<AdaptationSet>{element}<Representation id="l" bandwidth="1"/></AdaptationSet>'
    url = publish(server, numbered() + (element if name != "Period" else ""))
    if name == "Period":
        document = mpd(numbered()).replace(b"</MPD>", element.encode() + b"</MPD>")
        server.on("/show/x.mpd", Answer(document))
    summary, events = mirror(url, tmp_path / "m")
    assert [events.outcomes()[f"v/{n}.m4s"] for n in (1, 2, 3)] == ["downloaded"] * 3
    assert [failure.reason for failure in summary.failures] == [
        "a remote part of the manifest: leads back to itself"
    ]
    report, found = verify(tmp_path / "m")
    assert report.errors == 1
    assert "leads back to itself" in str(found)
    assert "loop.xml" not in (tmp_path / "m" / "x.local.mpd").read_text()
