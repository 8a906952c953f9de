"""``verify`` without the network: damage, missing files and notes."""

from __future__ import annotations

import errno
import os
import struct
from pathlib import Path
from typing import Any

import pytest

import dashget
from dashget.media import inspection as structure
from dashget.store import Mirror
from dashget.verification import offline
from tests.integration.verify.presentation import (
    FILES,
    MODIFIED,
    asked,
    flip,
    manifest,
    segment,
    serve,
    swap,
)
from tests.support.builders import box, initialization, mpd, numbered
from tests.support.faultserver import Answer, FaultServer, refuse
from tests.support.running import mirror, verify


def test_offline_nothing_is_asked_and_nothing_is_written(server: FaultServer, small: Path) -> None:
    (small / "v/2.m4s").unlink()
    before = {p: p.stat().st_mtime_ns for p in small.rglob("*")}
    report, _ = verify(small)
    assert not report.sound
    assert server.seen == []
    assert {p: p.stat().st_mtime_ns for p in small.rglob("*")} == before


def test_without_checksums_segments_of_one_size_that_were_swapped_are_found_by_their_time(
    server: FaultServer, small: Path
) -> None:
    swap(small, "v/1.m4s", "v/3.m4s")
    _, events = verify(small)
    assert events.problems() == {"v/1.m4s": {"time"}, "v/3.m4s": {"time"}}
    report, _ = verify(small, repair=True)
    assert report.sound
    assert asked(server, "GET") == {"v/1.m4s", "v/3.m4s"}


def test_two_segments_that_were_swapped_are_found_even_if_they_are_all_there_is(
    server: FaultServer, tmp_path: Path
) -> None:
    url = server.on("/show/x.mpd", manifest((1, 2)))
    mirror(url, tmp_path / "m")
    swap(tmp_path / "m", "v/1.m4s", "v/2.m4s")
    _, events = verify(tmp_path / "m")
    assert events.problems() == {"v/1.m4s": {"time"}, "v/2.m4s": {"time"}}


@pytest.mark.parametrize("name", ["x.local.mpd", "SHA256SUMS"])
def test_damage_to_files_that_dashget_wrote_itself_is_named(
    server: FaultServer, tmp_path: Path, name: str
) -> None:
    mirror(server.url("/show/x.mpd"), tmp_path, checksums=True)
    flip(tmp_path / name)
    report, events = verify(tmp_path)
    assert name in events.problems() | events.problems(notes=True)
    assert report.errors + report.notes == 1


def test_files_of_other_sizes_that_were_swapped_are_found_by_their_size(small: Path) -> None:
    swap(small, "init.mp4", "v/2.m4s")
    _, events = verify(small)
    assert events.problems() == {"init.mp4": {"size"}, "v/2.m4s": {"size"}}


@pytest.mark.parametrize(
    "body",
    [
        b"<?xml version='1.0'?><Error>Sorry</Error>",
        b"<!DOCTYPE html><html><body>Sorry</body></html>",
    ],
)
def test_text_in_place_of_media_is_named_though_the_server_has_nothing_else(
    server: FaultServer, tmp_path: Path, body: bytes
) -> None:
    serve(server, "v/2.m4s", body)
    assert not mirror(server.url("/show/x.mpd"), tmp_path)[0].complete
    _, events = verify(tmp_path)
    assert events.problems() == {"v/2.m4s": {"missing"}}
    assert mirror(server.url("/show/x.mpd"), tmp_path, accept_odd=True)[0].complete
    report, events = verify(tmp_path)
    assert report.sound
    assert events.problems(notes=True) == {"v/2.m4s": {"structure"}}


def test_a_page_of_html_that_an_earlier_version_has_stored_is_named(small: Path) -> None:
    page = b"<!DOCTYPE html><html><body>Sorry</body></html>"
    size = (small / "v/2.m4s").stat().st_size
    (small / "v/2.m4s").write_bytes(page.ljust(size))
    _, events = verify(small)
    assert "structure" in events.problems()["v/2.m4s"]


@pytest.mark.skipif(os.name == "nt", reason="needs a device that is a file")
def test_a_manifest_that_is_not_a_regular_file_is_not_read(
    server: FaultServer, tmp_path: Path
) -> None:
    mirror(server.url("/show/x.mpd"), tmp_path)
    (tmp_path / "x.mpd").unlink()
    (tmp_path / "x.mpd").symlink_to(os.devnull)
    with pytest.raises(dashget.StoreError, match=r"x\.mpd: not a regular file"):
        verify(tmp_path)


@pytest.mark.parametrize(
    "answer", [Answer(b"", etag='"e"'), Answer(b"", chunked=True)], ids=["length", "chunked"]
)
def test_a_file_that_is_empty_on_the_server_is_a_warning_and_a_note(
    server: FaultServer, tmp_path: Path, answer: Answer
) -> None:
    for name in ("v/2.m4s", "w/3.m4s"):
        server.on(f"/show/{name}", answer)
    for _ in range(2):
        summary, events = mirror(server.url("/show/x.mpd"), tmp_path, accept_odd=True)
        assert summary.complete
        (warning,) = events.warnings()
        assert warning.startswith("empty on the server: ")
        assert " and 1 more (0 bytes)" in warning
    report, events = verify(tmp_path)
    assert report.sound
    assert events.problems() == {}
    assert events.problems(notes=True) == {"v/2.m4s": {"structure"}, "w/3.m4s": {"structure"}}
    record = tmp_path / ".dashget/record.jsonl"
    lines = record.read_text().splitlines(keepends=True)
    record.write_text("".join(line for line in lines if '"v/2.m4s"' not in line))
    assert verify(tmp_path)[1].problems() == {"v/2.m4s": {"unrecorded", "structure"}}


def test_files_that_the_manifest_does_not_name_are_a_note(server: FaultServer, small: Path) -> None:
    (small / "notes.txt").write_text("mine")
    (small / "v/.hidden").write_text("mine")
    report, events = verify(small)
    assert report.sound
    assert events.problems() == {}
    assert events.problems(notes=True) == {"notes.txt": {"stray"}, "v/.hidden": {"stray"}}
    verify(small, repair=True, prune=True)
    assert (small / "notes.txt").read_text() == "mine"
    assert server.seen == []


def test_an_unfinished_part_is_a_note_and_its_file_is_missing(
    server: FaultServer, tmp_path: Path
) -> None:
    data = segment(2)
    broken = Answer(data, etag='"2"', last_modified=MODIFIED, cut=700)
    server.on("/show/v/2.m4s", broken, refuse(404))
    mirror(server.url("/show/x.mpd"), tmp_path)
    report, events = verify(tmp_path)
    assert events.problems() == {"v/2.m4s": {"missing"}}
    assert events.problems(notes=True) == {"v/2.m4s": {"part"}}
    serve(server, "v/2.m4s", data, etag='"2"')
    report, _ = verify(tmp_path, repair=True)
    assert report.sound
    assert report.notes == 0
    assert server.asked("/show/v/2.m4s")[-1].headers["range"] == "bytes=700-"


def test_unselected_files_are_not_missing(server: FaultServer, tmp_path: Path) -> None:
    video = dashget.parse_selection(video="worst")
    mirror(server.url("/show/x.mpd"), tmp_path, selection=video)
    report, events = verify(tmp_path)
    assert events.problems() == {}
    assert report.files == 4


def test_a_file_that_cannot_be_repaired_is_named_with_the_reason(
    server: FaultServer, small: Path
) -> None:
    (small / "v/2.m4s").unlink()
    server.on("/show/v/2.m4s", refuse(404))
    report, events = verify(small, repair=True)
    assert not report.sound
    assert events.problems() == {"v/2.m4s": {"missing"}}
    (finding,) = [event for event in events if isinstance(event, dashget.Finding)]
    assert "repair failed" in finding.message
    assert "404" in finding.message


def test_an_error_names_the_broken_manifest(small: Path) -> None:
    (small / "x.mpd").write_bytes(b"<MPD")
    with pytest.raises(dashget.MPDError, match=r"x\.mpd"):
        verify(small)


@pytest.mark.parametrize(
    ("more", "hint"), [(b"", "--document-limits"), (b" ", "--repair fetches it again")]
)
def test_a_manifest_beyond_a_limit_needs_a_higher_one_if_it_is_as_it_came(
    small: Path, monkeypatch: pytest.MonkeyPatch, more: bytes, hint: str
) -> None:
    def refuse_size(*_: object) -> bytes:
        raise OSError(errno.EFBIG, "no document's size")

    with (small / "x.mpd").open("ab") as file:
        file.write(more)
    monkeypatch.setattr(Mirror, "read", refuse_size)
    with pytest.raises(dashget.StoreError) as caught:
        verify(small)
    assert hint in (caught.value.hint or "")


def test_a_manifest_whose_record_line_was_lost_is_recorded_the_next_time(
    server: FaultServer, small: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Of the same size, as with another publishTime.
    server.on("/show/x.mpd", Answer(manifest().body.replace(b'"8000"', b'"9000"')))

    def die(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(Mirror, "note", die)
        with pytest.raises(KeyboardInterrupt):
            mirror(server.url("/show/x.mpd"), small)
    mirror(server.url("/show/x.mpd"), small)
    _, events = verify(small)
    assert events.problems() == {}


def test_a_last_segment_that_was_never_fetched_is_mentioned(
    server: FaultServer, tmp_path: Path
) -> None:
    url = server.on("/show/x.mpd", Answer(manifest().body.replace(b' endNumber="3"', b"")))
    server.on("/show/v/3.m4s", refuse(500))
    summary, _ = mirror(url, tmp_path / "m")
    assert len(summary.failures) == 1
    _, events = verify(tmp_path / "m")
    assert "v/3.m4s" in events.problems() or "v/3.m4s" in events.problems(notes=True)


def test_a_file_that_cannot_be_read_is_one_finding_among_others(
    server: FaultServer, small: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (small / "w/3.m4s").unlink()
    read = structure.check

    def rotten(*arguments: Any) -> tuple[str, ...]:
        found = read(*arguments)
        if asked_of.pop(0) == 2:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return found

    asked_of = list(range(len(FILES)))
    with monkeypatch.context() as patched:
        patched.setattr(offline, "check", rotten)
        report, events = verify(small)
    assert report.errors == 2
    assert {"missing"} in events.problems().values()


def test_a_file_that_failed_is_missed_although_something_unselected_shares_it(
    server: FaultServer, tmp_path: Path
) -> None:
    server.on("/show/init.mp4", refuse(503))
    chosen = dashget.parse_selection(video="id=w")
    summary, _ = mirror(server.url("/show/x.mpd"), tmp_path / "m", selection=chosen)
    assert [failure.path for failure in summary.failures] == ["init.mp4"]
    _, events = verify(tmp_path / "m")
    assert events.problems() == {"init.mp4": {"missing"}}


def test_a_last_segment_that_failed_is_missed_where_another_period_needs_it(
    server: FaultServer, tmp_path: Path
) -> None:
    body = manifest().body
    period = body[body.index(b"<Period>") : body.index(b"</MPD>")]
    period = period.replace(b"<Period>", b'<Period duration="PT6S">')
    first = period.replace(b' endNumber="3"', b"")
    url = server.on(
        "/show/x.mpd", Answer(body.replace(body[body.index(b"<Period>") : -6], first + period))
    )
    server.on("/show/v/3.m4s", refuse(404))
    summary, _ = mirror(url, tmp_path / "m")
    assert [failure.path for failure in summary.failures] == ["v/3.m4s"]
    _, events = verify(tmp_path / "m")
    assert events.problems()["v/3.m4s"] == {"missing"}


def test_a_manifest_that_could_not_be_written_is_recorded_in_its_old_version(
    server: FaultServer, small: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = server.on("/show/x.mpd", Answer(manifest().body.replace(b'"8000"', b'"9000"')))
    write = Mirror.write

    def fail(store: Mirror, path: str, data: bytes) -> None:
        if path == "x.mpd":
            raise dashget.StoreError("the disk is full")
        write(store, path, data)

    with monkeypatch.context() as patched:
        patched.setattr(Mirror, "write", fail)
        with pytest.raises(dashget.StoreError):
            mirror(url, small)
    server.on("/show/x.mpd", manifest())
    mirror(url, small)
    _, events = verify(small)
    assert events.problems() == {}


def test_a_note_is_reported_once_even_after_a_repair(server: FaultServer, tmp_path: Path) -> None:
    url = server.on("/show/x.mpd", Answer(manifest().body.replace(b' endNumber="3"', b"")))
    server.on("/show/v/3.m4s", refuse(404))
    summary, _ = mirror(url, tmp_path / "m")
    assert summary.complete
    (tmp_path / "m/w/1.m4s").unlink()
    report, events = verify(tmp_path / "m", repair=True)
    notes = [e.path for e in events if isinstance(e, dashget.Finding) and e.note]
    assert report.sound
    assert notes == ["v/3.m4s"]


def test_media_that_no_file_describes_is_named(server: FaultServer, tmp_path: Path) -> None:
    server.on("/show/x.mpd", Answer(mpd(numbered())))
    for number in (1, 2, 3):
        serve(server, f"v/{number}.m4s", segment(number))
    root = tmp_path / "m"
    mirror(server.url("/show/x.mpd"), root)
    report, found = verify(root)
    assert not report.sound
    assert "no file of Representation v has a moov box" in str(found)
    serve(server, "v/1.m4s", initialization() + segment(1))
    described = tmp_path / "described"
    mirror(server.url("/show/x.mpd"), described)
    assert verify(described)[0].sound


def test_an_index_that_is_wrong_as_served_is_a_note(server: FaultServer, tmp_path: Path) -> None:
    reference = struct.pack(">III", 999, 100, 0x90000000)
    index = box("sidx", struct.pack(">IIIIIHH", 0, 1, 1000, 0, 0, 0, 1), reference)
    content = '<AdaptationSet mimeType="video/mp4"><Representation id="v"><BaseURL>v.mp4</BaseURL>'
    server.on("/show/x.mpd", Answer(mpd(f"{content}</Representation></AdaptationSet>")))
    serve(server, "v.mp4", initialization() + index + segment(1))
    root = tmp_path / "m"
    mirror(server.url("/show/x.mpd"), root)
    report, found = verify(root)
    assert report.sound
    assert "the sidx refers to bytes up to" in str(found)
    assert "as on the server" in str(found)
    with (root / "v.mp4").open("ab") as file:
        file.write(b"more")
    assert not verify(root)[0].sound


def findings(events: list[dashget.Event]) -> list[dashget.Finding]:
    return [event for event in events if isinstance(event, dashget.Finding)]


def test_a_last_segment_that_failed_is_missing_until_a_run_finds_it_absent(
    server: FaultServer, tmp_path: Path
) -> None:
    """The manifest may not mean the last segment; but a server that refuses it has it perhaps."""
    url, root = server.url("/x.mpd"), tmp_path / "show"
    server.on("/x.mpd", Answer(mpd(numbered())))
    for number in (1, 2):
        server.on(f"/v/{number}.m4s", Answer(bytes([number]) * 2000))
    server.on("/v/3.m4s", refuse(403))
    for _ in range(2):
        assert not mirror(url, root)[0].complete
        report, events = verify(root)
        (finding,) = findings(events)
        assert not report.sound
        assert (finding.path, finding.problem.value) == ("v/3.m4s", "missing")
        assert finding.message == "never fetched: HTTP 403 Forbidden"
    server.on("/v/3.m4s", refuse(404))
    lines = []
    for _ in range(2):
        assert mirror(url, root)[0].complete
        report, events = verify(root)
        assert report.sound
        assert [each.path for each in findings(events)] == ["v/3.m4s"]
        lines.append((root / ".dashget/record.jsonl").read_bytes().count(b'"absent":true'))
    assert lines == [1, 1]
    server.on("/v/3.m4s", refuse(500))
    assert not mirror(url, root)[0].complete
    assert not verify(root)[0].sound
    server.on("/v/3.m4s", Answer(b"3" * 2000))
    assert mirror(url, root)[0].complete
    assert findings(verify(root)[1]) == []
