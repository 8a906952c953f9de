"""The manifest of a mirror: newer versions, other presentations, live, standard input."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

import dashget
from tests.integration.mirror.presentation import manifest, publish, segment
from tests.support.builders import numbered
from tests.support.faultserver import Answer, FaultServer, refuse
from tests.support.running import mirror, verify


def test_a_live_presentation_whose_first_period_has_no_start_begins_at_once(
    server: FaultServer, tmp_path: Path
) -> None:
    document = manifest(numbered(), attributes='availabilityStartTime="2020-01-01T00:00:00Z"')
    body = document.body.replace(b'"static"', b'"dynamic"')
    publish(server)
    summary, events = mirror(server.on("/show/x.mpd", Answer(body)), tmp_path)
    assert summary.complete
    assert any("no @start" in e.message for e in events if isinstance(e, dashget.Warned))


def test_a_live_presentation_is_a_snapshot_and_says_so(server: FaultServer, tmp_path: Path) -> None:
    document = manifest(numbered(), attributes='availabilityStartTime="2020-01-01T00:00:00Z"')
    body = document.body.replace(b'"static"', b'"dynamic"').replace(
        b"<Period>", b'<Period start="PT0S">'
    )
    publish(server)
    summary, events = mirror(server.on("/show/x.mpd", Answer(body)), tmp_path)
    assert summary.complete
    assert any("snapshot" in e.message for e in events if isinstance(e, dashget.Warned))


def test_a_changed_manifest_is_reported_and_the_earlier_one_kept(
    server: FaultServer, tmp_path: Path
) -> None:
    url = publish(server)
    mirror(url, tmp_path)
    server.on("/show/x.mpd", manifest(numbered(), attributes='id="new"'))
    _, events = mirror(url, tmp_path)
    assert any("changed" in e.message for e in events if isinstance(e, dashget.Warned))
    assert len(list((tmp_path / ".dashget/manifests").iterdir())) == 1


def test_a_foreign_manifest_is_not_an_earlier_version(server: FaultServer, tmp_path: Path) -> None:
    (tmp_path / "x.mpd").write_bytes(b"somebody else's")
    summary, events = mirror(publish(server), tmp_path)
    (warning,) = [event.message for event in events if isinstance(event, dashget.Warned)]
    assert warning.startswith("an unrecorded x.mpd was replaced")
    assert summary.complete
    assert (tmp_path / ".dashget/replaced/x.mpd").read_bytes() == b"somebody else's"
    assert (tmp_path / "x.mpd").read_bytes() == manifest(numbered()).body


def test_another_presentation_is_refused_before_anything_is_fetched(
    server: FaultServer, tmp_path: Path
) -> None:
    mirror(publish(server), tmp_path)
    other = server.on("/show/y.mpd", manifest(numbered("w/$Number$.m4s")))
    with pytest.raises(dashget.StoreError, match="another presentation"):
        mirror(other, tmp_path)
    assert not (tmp_path / "y.mpd").exists()
    summary, _ = mirror(publish(server), tmp_path)
    assert summary.complete


@pytest.mark.usefixtures("few_and_many_files")
def test_a_moved_presentation_keeps_its_files(server: FaultServer, tmp_path: Path) -> None:
    url = publish(server)
    mirror(url, tmp_path)
    server.on("/show/x.mpd?token=2", manifest(numbered()))
    server.seen.clear()
    summary, _ = mirror(f"{url}?token=2", tmp_path, moved=True)
    assert summary.complete
    assert len(server.seen) == 1


@pytest.mark.usefixtures("few_and_many_files")
def test_a_damaged_record_does_not_mix_two_presentations(
    server: FaultServer, tmp_path: Path
) -> None:
    mirror(publish(server), tmp_path)
    record = tmp_path / ".dashget/record.jsonl"
    lines = record.read_bytes().splitlines(keepends=True)
    record.write_bytes(b"".join([b"garbage\n", *lines[1:]]))
    for number in (1, 2, 3):
        server.on(f"/other/v/{number}.m4s", Answer(b"z" * 2000, etag='"z"'))
    summary, _ = mirror(server.on("/other/x.mpd", manifest(numbered())), tmp_path)
    assert summary.complete
    assert (tmp_path / "v/1.m4s").read_bytes() == b"z" * 2000


@pytest.mark.usefixtures("few_and_many_files")
def test_nothing_is_pruned_by_a_run_in_which_files_have_failed(
    server: FaultServer, tmp_path: Path
) -> None:
    url = publish(server)
    mirror(url, tmp_path)
    server.on("/show/x.mpd", manifest(numbered("w/$Number$.m4s")))
    server.unknown = refuse(503)
    summary, _ = mirror(url, tmp_path, prune=True)
    assert not summary.complete
    assert (tmp_path / "v/1.m4s").read_bytes() == bytes([1]) * 2000


def with_remote_period(server: FaultServer) -> str:
    """Publish a presentation whose second Period is a remote one."""
    namespace = 'xmlns="urn:mpeg:dash:schema:mpd:2011" duration="PT6S"'
    remote = f"<Period {namespace}>{numbered('w/$Number$.m4s')}</Period>"
    server.on("/show/p.xml", Answer(remote.encode()))
    for number in (1, 2, 3):
        server.on(f"/show/w/{number}.m4s", segment(number))
    publish(server)
    link = b'</Period><Period xmlns:xlink="http://www.w3.org/1999/xlink" xlink:href="p.xml"/></MPD>'
    body = manifest(numbered()).body.replace(b"</Period></MPD>", link)
    return server.on("/show/x.mpd", Answer(body.replace(b"<Period>", b'<Period duration="PT6S">')))


@pytest.mark.parametrize("answer", [refuse(503), Answer(b"<html>Come back later</html>")])
def test_nothing_is_pruned_while_a_remote_period_is_unavailable(
    server: FaultServer, tmp_path: Path, answer: Answer
) -> None:
    url = with_remote_period(server)
    first, _ = mirror(url, tmp_path)
    assert first.files == 6
    server.on("/show/p.xml", answer)
    mirror(url, tmp_path, prune=True)
    assert (tmp_path / "w/1.m4s").exists()


OTHERS = {
    "page": b"<html>Come back later</html>",
    "json": b'{"error": "token expired"}',
    "text": b"Forbidden",
    "error": b"<?xml version='1.0'?><Error><Code>AccessDenied</Code></Error>",
    "another element": b"<AdaptationSet/>",
    "cut": b'<Period duration="PT6S"><AdaptationSet>',
    "nothing": b"",
    "blanks": b" \r\n",
    "zeros": bytes(100),
}


@pytest.mark.parametrize("other", OTHERS)
def test_something_else_in_place_of_a_remote_period_is_asked_for_again_and_is_a_failure(
    server: FaultServer, tmp_path: Path, other: str
) -> None:
    url = with_remote_period(server)
    (good,) = server._scripts["/show/p.xml"]
    server.on("/show/p.xml", Answer(OTHERS[other]))
    summary, _ = mirror(url, tmp_path / "lasting")
    (failure,) = summary.failures
    assert failure.url == server.url("/show/p.xml")
    assert "remote part of the manifest: the " in failure.reason
    assert len(server.asked("/show/p.xml")) == 3
    assert not verify(tmp_path / "lasting")[0].sound
    server.on("/show/p.xml", Answer(OTHERS[other]), good)
    summary, _ = mirror(url, tmp_path / "moment")
    assert (summary.complete, summary.files) == (True, 6)


@pytest.mark.parametrize("cut", [5, 60, -8, -1])
def test_a_compressed_manifest_that_is_not_whole_is_asked_for_again(
    server: FaultServer, tmp_path: Path, cut: int
) -> None:
    url = publish(server)
    data = gzip.compress(manifest(numbered()).body)
    part, good = Answer(data[:cut], coding="gzip"), Answer(data, coding="gzip")
    server.on("/show/x.mpd", part, part, good)
    assert mirror(url, tmp_path)[0].complete
    server.on("/show/x.mpd", part)
    with pytest.raises(dashget.ManifestFetchError, match="compressed data ends early"):
        mirror(url, tmp_path)


@pytest.mark.parametrize("other", ["cut", "nothing", "blanks", "zeros"])
def test_a_manifest_that_is_not_whole_is_asked_for_again(
    server: FaultServer, tmp_path: Path, other: str
) -> None:
    url = publish(server)
    good = manifest(numbered())
    part = {**OTHERS, "cut": good.body[:100]}[other]
    server.on("/show/x.mpd", Answer(part), Answer(part), good)
    assert mirror(url, tmp_path)[0].complete
    server.on("/show/x.mpd", Answer(part))
    server.seen.clear()
    with pytest.raises(dashget.MPDSyntaxError):
        mirror(url, tmp_path)
    assert len(server.seen) == 3


def test_a_manifest_that_is_something_else_is_an_error_at_once(
    server: FaultServer, tmp_path: Path
) -> None:
    url = server.on("/show/x.mpd", Answer(OTHERS["page"]))
    with pytest.raises(dashget.MPDSyntaxError, match="HTML page"):
        mirror(url, tmp_path)
    assert len(server.seen) == 1


def test_a_remote_period_that_is_on_no_server_is_a_failure(
    server: FaultServer, tmp_path: Path
) -> None:
    url = with_remote_period(server)
    body = server._scripts["/show/x.mpd"][0].body.replace(b'"p.xml"', b'"file:///p.xml"')
    server.on("/show/x.mpd", Answer(body))
    (failure,) = mirror(url, tmp_path)[0].failures
    assert "not on an http server" in failure.reason


def test_a_mirror_is_incomplete_while_a_remote_period_is_unavailable(
    server: FaultServer, tmp_path: Path
) -> None:
    url = with_remote_period(server)
    server.on("/show/p.xml", refuse(503))
    summary, _ = mirror(url, tmp_path)
    assert not summary.complete
    (failure,) = summary.failures
    assert failure.path == "x.mpd"
    assert failure.url == server.url("/show/p.xml")
    assert "503" in failure.reason
    assert summary.outcomes == {dashget.Outcome.DOWNLOADED: 3}
    server.on("/show/p.xml", refuse(404))
    assert not mirror(url, tmp_path)[0].complete, "it has no content of its own to be used instead"


@pytest.mark.usefixtures("few_and_many_files")
def test_a_renamed_file_is_not_pruned_under_its_old_name(
    server: FaultServer, tmp_path: Path
) -> None:
    publish(server)
    for number in (1, 2, 3):
        server.on(f"/show/V/{number}.m4s", segment(number))
    url = server.on("/show/x.mpd", manifest(numbered("V/$Number$.m4s")))
    mirror(url, tmp_path)
    server.on("/show/x.mpd", manifest(numbered("v/$Number$.m4s")))
    # As on a file system that folds case: both names are those of one directory.
    (tmp_path / "v").symlink_to("V")
    mirror(url, tmp_path)
    summary, _ = mirror(url, tmp_path, prune=True)
    assert summary.complete
    assert (tmp_path / "v/1.m4s").exists()


def piped(monkeypatch: pytest.MonkeyPatch, server: FaultServer, content: str) -> None:
    """Have standard input hold a manifest whose files are at the server."""
    base = f"<BaseURL>{server.url('/show/')}</BaseURL>"
    data = manifest(content, period=base).body
    monkeypatch.setattr("dashget.manifest.load.read_stdin", lambda _: data)


@pytest.mark.parametrize("base", [None, "/show/", ""])
def test_another_manifest_from_standard_input_is_another_presentation(
    server: FaultServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, base: str | None
) -> None:
    publish(server)
    options = {} if base is None else {"base_url": server.url(base)}
    piped(monkeypatch, server, numbered())
    mirror("-", tmp_path, **options)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    assert mirror("-", tmp_path, **options)[0].complete, "the same one goes on"
    piped(monkeypatch, server, numbered("w/$Number$.m4s"))
    server.seen.clear()
    for dry_run in (False, True):
        with pytest.raises(dashget.StoreError, match="another manifest") as caught:
            mirror("-", tmp_path, prune=True, dry_run=dry_run, **options)
        assert "--moved" in str(caught.value.hint)
    assert not server.seen
    after = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    assert {**before, tmp_path / ".dashget/lock": b""} == {
        **after,
        tmp_path / ".dashget/lock": b"",
    }


def test_another_manifest_from_standard_input_may_be_a_newer_one(
    server: FaultServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(server)
    piped(monkeypatch, server, numbered())
    mirror("-", tmp_path)
    piped(monkeypatch, server, numbered(extra='startNumber="1"'))
    summary, events = mirror("-", tmp_path, moved=True)
    assert summary.complete
    assert any(
        "the earlier one is kept" in e.message for e in events if isinstance(e, dashget.Warned)
    )
    assert mirror("-", tmp_path)[0].complete, "and from then on it is the one that is known"


def test_a_manifest_from_standard_input_with_its_own_url_may_change_like_any_other(
    server: FaultServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(server)
    for extra in ("", 'startNumber="1"'):
        piped(monkeypatch, server, numbered(extra=extra))
        summary, _ = mirror("-", tmp_path, base_url=server.url("/show/x.mpd"))
        assert summary.complete
