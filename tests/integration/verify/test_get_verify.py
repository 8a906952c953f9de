"""``get --verify``: a mirror is compared with its server and updated."""

from __future__ import annotations

from pathlib import Path

from tests.integration.verify.presentation import (
    FILES,
    asked,
    segment,
    serve,
)
from tests.support.builders import mpd, numbered
from tests.support.faultserver import Answer, FaultServer, refuse
from tests.support.program import run
from tests.support.running import mirror


def test_get_verify_fetches_exactly_the_changed_files(server: FaultServer, small: Path) -> None:
    changed = segment(2, b"n" * 2000)
    serve(server, "v/2.m4s", changed, etag='"new"')
    summary, events = mirror(server.url("/show/x.mpd"), small, recheck=True)
    assert summary.complete
    outcomes = events.outcomes()
    assert outcomes.pop("v/2.m4s") == "updated"
    assert set(outcomes.values()) == {"present"}
    assert asked(server, "HEAD") == FILES
    assert asked(server, "GET") == {"x.mpd", "v/2.m4s"}
    assert (small / "v/2.m4s").read_bytes() == changed
    server.seen.clear()
    assert mirror(server.url("/show/x.mpd"), small)[0].complete
    assert len(server.seen) == 1


def test_get_verify_keeps_a_file_that_the_server_no_longer_has(
    server: FaultServer, small: Path
) -> None:
    server.on("/show/v/2.m4s", refuse(404))
    summary, events = mirror(server.url("/show/x.mpd"), small, recheck=True)
    assert summary.complete
    assert events.outcomes()["v/2.m4s"] == "present"
    assert (small / "v/2.m4s").read_bytes() == segment(2)
    assert summary.warnings == 1
    assert events.warnings() == [
        "gone from the server: v/2.m4s (HTTP 404 Not Found); it is kept unchanged"
    ]


def test_get_verify_lists_the_files_that_it_could_not_compare(
    server: FaultServer, small: Path
) -> None:
    for path in ("v/2.m4s", "w/3.m4s"):
        server.on(f"/show/{path}", refuse(403))
    summary, events = mirror(server.url("/show/x.mpd"), small, recheck=True)
    assert summary.complete
    (warning,) = events.warnings()
    assert warning.startswith("not compared with the server: ")
    assert " and 1 more (HTTP 403 Forbidden); they are kept unchanged" in warning


def test_a_dry_run_warns_that_it_compares_nothing(
    server: FaultServer, small: Path, tmp_path: Path
) -> None:
    url = server.url("/show/x.mpd")
    ended = run("get", url, "-o", small, "--verify", "--dry-run", cwd=tmp_path)
    assert ended.code == 0
    assert "warning: a dry run does not compare files with the server" in ended.err
    assert [seen.path for seen in server.seen] == ["/show/x.mpd"]


def test_a_manifest_that_is_only_an_ending_is_verified(server: FaultServer, tmp_path: Path) -> None:
    """Some packagers serve every MPD as ``NAME.ism/.mpd``."""
    server.on("/v.ism/.mpd", Answer(mpd(numbered())))
    for number in (1, 2, 3):
        server.on(f"/v.ism/v/{number}.m4s", Answer(b"x" * 100))
    for command in (("get", server.url("/v.ism/.mpd"), "--allow-private"), ("verify", "v.ism")):
        ended = run(*command, cwd=tmp_path)
        assert ended.code == 0, ended.err
    assert (tmp_path / "v.ism/.local.mpd").is_file()
