"""``list`` and ``plan`` look at the manifest that a mirror has stored."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.integration.mirror.presentation import manifest, publish
from tests.support.builders import mpd, numbered
from tests.support.faultserver import Answer, FaultServer, refuse
from tests.support.program import run

AUDIO = (
    '<AdaptationSet contentType="audio" lang="en"><SegmentTemplate duration="2" media="a/$Number$"/>'
    '<Representation id="a" bandwidth="1"/></AdaptationSet>'
)


@pytest.fixture
def url(server: FaultServer, tmp_path: Path) -> str:
    """A presentation of which a mirror is in ``m``; then its server forgets the manifest."""
    url = publish(server, numbered() + AUDIO)
    made = run(url, "-o", "m", "--audio", "none", cwd=tmp_path)
    assert made.code == 0, made.err
    server.on("/show/x.mpd", refuse(404))
    server.seen.clear()
    return url


def test_without_a_request_and_with_the_selection_of_the_mirror(
    server: FaultServer, tmp_path: Path, url: str
) -> None:
    base = url.removesuffix("x.mpd")
    planned = run("plan", "m", cwd=tmp_path)
    assert planned.code == 0, planned.err
    assert planned.out.split() == [f"{base}v/{number}.m4s" for number in (1, 2, 3)]
    other = run("plan", "m", "--audio", "all", cwd=tmp_path)
    assert f"{base}a/1" in other.out
    listed = run("list", "m", "--json", cwd=tmp_path)
    assert listed.code == 0, listed.err
    assert json.loads(listed.out)["url"] == url
    assert "a" in run("list", "m", cwd=tmp_path).out
    assert server.seen == []


def test_a_live_presentation_is_seen_as_of_the_run(server: FaultServer, tmp_path: Path) -> None:
    live = 'availabilityStartTime="2026-01-01T00:00:00Z"'
    for number in (1, 2, 3):
        server.on(f"/v/{number}.m4s", Answer(bytes([number])))
    url = server.on("/x.mpd", Answer(mpd(numbered(), kind="dynamic", more=live, seconds=60)))
    now = ("--now", "2026-01-01T00:00:04Z")
    assert run(url, "-o", "m", *now, cwd=tmp_path).code == 0
    assert len(run("plan", "m", cwd=tmp_path).out.split()) == 2
    later = run("plan", "m", "--now", "2026-01-01T00:00:06Z", cwd=tmp_path)
    assert len(later.out.split()) == 3


def test_what_is_no_mirror_is_refused_with_a_hint(tmp_path: Path, url: str) -> None:
    (tmp_path / "empty").mkdir()
    for command in ("list", "plan"):
        refused = run(command, "empty", cwd=tmp_path)
        assert (refused.code, "'empty' is a directory" in refused.err) == (2, True)
        given = run(command, "m", "--base-url", url, cwd=tmp_path)
        assert (given.code, "--base-url: 'm' is a mirror" in given.err) == (2, True)
    (tmp_path / "m/x.mpd").unlink()
    for command in ("list", "plan"):
        missing = run(command, "m", cwd=tmp_path)
        assert missing.code == 2
        assert "the manifest of this mirror is missing: m/x.mpd" in missing.err
        assert "dashget m" in missing.err


def test_the_mirror_of_a_local_file_is_seen_with_its_addresses(
    server: FaultServer, tmp_path: Path
) -> None:
    publish(server)
    (tmp_path / "saved.mpd").write_bytes(manifest(numbered()).body)
    base = server.url("/show/x.mpd")
    made = run("saved.mpd", "--base-url", base, "-o", "m", cwd=tmp_path)
    assert made.code == 0, made.err
    (tmp_path / "saved.mpd").unlink()
    planned = run("plan", "m", cwd=tmp_path)
    assert planned.out.split()[0] == server.url("/show/v/1.m4s")
