"""Mirrors over several runs: resume, adoption, losses, interruption."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import re
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from tests.support.builders import mpd, numbered
from tests.support.faultserver import Answer, FaultServer, refuse
from tests.support.origin import Certificate, Origin
from tests.support.program import DEADLINE_SECONDS, run, start, tree

pytestmark = pytest.mark.system

LIST_FILES = 4 * 7 + 2
"""Files that the ``list`` form names beside its manifest."""


@pytest.fixture
def root(media: Path, tmp_path: Path) -> Path:
    """A copy of the ``list`` form that a test may damage."""
    return Path(shutil.copytree(media / "list", tmp_path / "origin"))


def same_as_origin(mirror: Path, origin: Path) -> bool:
    held = tree(mirror)
    held.pop("manifest.local.mpd")
    return held == tree(origin)


def asked(origin: Origin) -> list[str]:
    return [f"{entry.method} {entry.uri}" for entry in origin.requests()]


def test_only_a_removed_file_is_fetched_again(
    root: Path, nginx: Callable[..., Origin], tmp_path: Path
) -> None:
    origin = nginx(root)
    command = (origin.url("manifest.mpd"), "-o", "mirror")
    assert run(*command, cwd=tmp_path).code == 0
    (tmp_path / "mirror" / "chunk-stream1-00004.m4s").unlink()
    origin.forget()
    assert run(*command, cwd=tmp_path).code == 0
    assert asked(origin) == ["GET /manifest.mpd", "GET /chunk-stream1-00004.m4s"]
    assert same_as_origin(tmp_path / "mirror", root)


def test_a_file_whose_size_is_not_as_recorded_is_fetched_again(
    root: Path, nginx: Callable[..., Origin], tmp_path: Path
) -> None:
    origin = nginx(root)
    command = (origin.url("manifest.mpd"), "-o", "mirror")
    assert run(*command, cwd=tmp_path).code == 0
    damaged = tmp_path / "mirror" / "chunk-stream1-00004.m4s"
    damaged.write_bytes(damaged.read_bytes()[:-1])
    origin.forget()
    assert run(*command, cwd=tmp_path).code == 0
    assert "GET /chunk-stream1-00004.m4s" in asked(origin)
    assert {line for line in asked(origin) if line.startswith("GET")} == {
        "GET /manifest.mpd",
        "GET /chunk-stream1-00004.m4s",
    }
    assert same_as_origin(tmp_path / "mirror", root)


def test_files_without_a_record_are_adopted_when_the_server_has_the_same_size(
    root: Path, nginx: Callable[..., Origin], tmp_path: Path
) -> None:
    origin = nginx(root)
    mirror = tmp_path / "mirror"
    shutil.copytree(root, mirror)
    (mirror / "chunk-stream0-00002.m4s").write_bytes(b"of another size")
    ended = run(origin.url("manifest.mpd"), "-o", mirror, "--json", cwd=tmp_path)
    assert ended.code == 0, ended.err
    outcomes = ended.events[-1]["outcomes"]
    assert outcomes == {"adopted": LIST_FILES - 1, "downloaded": 1}
    gets = [line for line in asked(origin) if line.startswith("GET")]
    # A HEAD that tells another size is not believed before one byte was requested.
    assert sorted(gets) == 2 * ["GET /chunk-stream0-00002.m4s"] + ["GET /manifest.mpd"]
    assert same_as_origin(mirror, root)
    origin.forget()
    assert run(origin.url("manifest.mpd"), "-o", mirror, cwd=tmp_path).code == 0
    assert asked(origin) == ["GET /manifest.mpd"]


def test_a_missing_middle_segment_is_a_failure_that_is_named_and_all_else_is_there(
    root: Path, nginx: Callable[..., Origin], tmp_path: Path
) -> None:
    origin = nginx(root)
    hidden = root / "chunk-stream0-00003.m4s"
    data = hidden.read_bytes()
    hidden.unlink()
    command = (origin.url("manifest.mpd"), "-o", "mirror")
    ended = run(*command, cwd=tmp_path)
    assert ended.code == 1
    assert origin.url("chunk-stream0-00003.m4s") in ended.err
    assert "404" in ended.err
    # A cache may lack it for a moment: it is asked for once more at the end.
    assert asked(origin).count("GET /chunk-stream0-00003.m4s") == 2
    assert asked(origin)[-1] == "GET /chunk-stream0-00003.m4s"
    assert same_as_origin(tmp_path / "mirror", root)
    hidden.write_bytes(data)
    origin.forget()
    assert run(*command, cwd=tmp_path).code == 0
    assert asked(origin) == ["GET /manifest.mpd", "GET /chunk-stream0-00003.m4s"]
    assert same_as_origin(tmp_path / "mirror", root)


def test_the_last_segment_of_a_duration_may_be_absent_and_is_mentioned(
    media: Path, nginx: Callable[..., Origin], tmp_path: Path
) -> None:
    root = Path(shutil.copytree(media / "number", tmp_path / "origin"))
    (root / "chunk-stream3-00006.m4s").unlink()
    origin = nginx(root)
    ended = run(origin.url("manifest.mpd"), "-o", "mirror", cwd=tmp_path)
    assert ended.code == 0, ended.err
    assert "1 absent" in ended.err
    assert "  absent on the server: chunk-stream3-00006.m4s\n" in ended.err
    (root / "chunk-stream2-00005.m4s").unlink()
    (tmp_path / "mirror" / "chunk-stream2-00005.m4s").unlink()
    assert run(origin.url("manifest.mpd"), "-o", "mirror", cwd=tmp_path).code == 1


@pytest.mark.slow
@pytest.mark.parametrize("form", ["list", "single", "ondemand"])
def test_a_run_that_was_killed_leaves_only_whole_files_and_the_next_one_completes_it(
    media: Path, nginx: Callable[..., Origin], tmp_path: Path, form: str
) -> None:
    origin = nginx(media / form, limit_rate="100k")
    mirror = tmp_path / "mirror"
    command = ("get", origin.url("manifest.mpd"), "-o", mirror, "-t", "2", "--json")
    with start(*command, cwd=tmp_path) as process:
        read_until(process, "file")
        process.kill()
        process.communicate()
    assert process.returncode == -signal.SIGKILL
    served = tree(media / form)
    held = tree(mirror)
    held.pop("manifest.local.mpd", None)
    assert held.keys() < served.keys()
    assert all(held[name] == served[name] for name in held)
    ended = run(*command, cwd=tmp_path)
    assert ended.code == 0, ended.err
    # One that has its name already, but no line in the record yet, is compared with the server's.
    outcomes = ended.events[-1]["outcomes"]
    assert outcomes.get("present", 0) + outcomes.get("adopted", 0) >= 1
    assert same_as_origin(mirror, media / form)


def test_ctrl_c_ends_a_run_in_order_and_the_same_command_goes_on(
    root: Path, nginx: Callable[..., Origin], tmp_path: Path
) -> None:
    origin = nginx(root, limit_rate="100k")
    command = (origin.url("manifest.mpd"), "-o", "mirror", "-t", "2", "-v", "--no-progress")
    with start(*command, cwd=tmp_path) as process:
        assert process.stderr is not None
        line = next(line for line in process.stderr if line.startswith("downloaded: "))
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=DEADLINE_SECONDS)
    assert process.returncode == -signal.SIGINT
    assert line.split()[1] in tree(tmp_path / "mirror")
    assert "Interrupted: " in err
    assert "hint: run the same command again; it fetches only what is missing" in err
    ended = run(*command, cwd=tmp_path)
    assert ended.code == 0, ended.err
    assert same_as_origin(tmp_path / "mirror", root)


def test_a_certificate_of_an_unknown_issuer_is_a_clear_error(
    root: Path, nginx: Callable[..., Origin], certificate: Certificate, tmp_path: Path
) -> None:
    origin = nginx(root, certificate=certificate)
    ended = run(origin.url("manifest.mpd"), "-o", "mirror", cwd=tmp_path)
    assert ended.code == 5
    assert ended.err.startswith("dashget: error: ")
    assert "certificate" in ended.err
    assert "\nhint: " in ended.err
    assert not (tmp_path / "mirror").exists()
    trusting = {"SSL_CERT_FILE": str(certificate.certificate)}
    ended = run(origin.url("manifest.mpd"), "-o", "mirror", cwd=tmp_path, more=trusting)
    assert ended.code == 0, ended.err
    assert same_as_origin(tmp_path / "mirror", root)


def test_a_terminal_shows_live_progress_and_then_the_summary(
    root: Path, nginx: Callable[..., Origin], tmp_path: Path
) -> None:
    origin = nginx(root, limit_rate="200k")
    code, screen = run_on_a_terminal(
        origin.url("manifest.mpd"), "-o", "mirror", "-t", "2", cwd=tmp_path
    )
    assert code == 0, screen
    assert re.search(r"\d+/30 files", screen)
    assert "\x1b[2K" in screen
    assert "video " in screen
    summary = screen[screen.rindex("Complete: ") :]
    assert "\x1b[2K" not in summary
    assert f"{LIST_FILES} downloaded" in summary


def test_a_pipe_gets_whole_plain_lines(
    root: Path, nginx: Callable[..., Origin], tmp_path: Path
) -> None:
    origin = nginx(root)
    ended = run(origin.url("manifest.mpd"), "-o", "mirror", cwd=tmp_path)
    assert ended.code == 0
    assert ended.out == ""
    assert "\x1b" not in ended.err
    assert "\r" not in ended.err
    assert "Complete: 30 files, " in ended.err
    assert len(ended.err.splitlines()) < 12


def test_json_is_one_event_per_line_and_the_last_is_the_summary(
    root: Path, nginx: Callable[..., Origin], tmp_path: Path
) -> None:
    origin = nginx(root)
    ended = run(origin.url("manifest.mpd"), "-o", "mirror", "--json", cwd=tmp_path)
    events = ended.events
    kinds = [event["event"] for event in events if event["event"] != "progress"]
    assert kinds[0] == "manifest"
    assert kinds.count("track") == 4
    finished = {event["path"] for event in events if event["event"] == "file"}
    assert finished == tree(root).keys() - {"manifest.mpd"}
    assert events[-1]["event"] == "summary"
    assert events[-1]["outcomes"] == {"downloaded": LIST_FILES}
    assert events[-1]["failures"] == []


def test_tracks_count_segments_as_the_list_does_and_files_beside_them(
    root: Path, nginx: Callable[..., Origin], tmp_path: Path
) -> None:
    url = nginx(root).url("manifest.mpd")
    (listed,) = run("list", url, "--json", cwd=tmp_path).events
    (period,) = listed["periods"]
    segments = [
        representation["segments"]
        for adaptation_set in period["adaptation_sets"]
        for representation in adaptation_set["representations"]
    ]
    events = run(url, "-o", "mirror", "--json", cwd=tmp_path).events
    tracks = [event for event in events if event["event"] == "track"]
    assert [track["segments"] for track in tracks] == segments
    assert [track["files"] for track in tracks] == [count + 1 for count in segments]
    assert sum(track["files"] for track in tracks) == LIST_FILES


def test_a_selection_fetches_nothing_else(
    root: Path, nginx: Callable[..., Origin], tmp_path: Path
) -> None:
    origin = nginx(root)
    selection = ("--video", "worst", "--audio", "lang=fra", "-o", "mirror")
    ended = run(origin.url("manifest.mpd"), *selection, cwd=tmp_path)
    assert ended.code == 0, ended.err
    stems = {name.split("-")[1] for name in tree(tmp_path / "mirror") if "-" in name}
    assert {stem.removesuffix(".m4s") for stem in stems} == {"stream1", "stream3"}


def test_a_dry_run_writes_nothing_and_requests_only_the_manifest(
    root: Path, nginx: Callable[..., Origin], tmp_path: Path
) -> None:
    origin = nginx(root)
    ended = run(origin.url("manifest.mpd"), "-o", "mirror", "--dry-run", cwd=tmp_path)
    assert ended.code == 0, ended.err
    assert asked(origin) == ["GET /manifest.mpd"]
    assert not (tmp_path / "mirror").exists()
    assert f"{LIST_FILES} to fetch" in ended.err


def test_a_dry_run_says_that_best_takes_one_for_each_language(tmp_path: Path) -> None:
    template = '<SegmentTemplate media="$RepresentationID$-$Number$.m4s" duration="2"/>'
    sets = "".join(
        f'<AdaptationSet mimeType="audio/mp4" lang="{lang}">{template}'
        f'<Representation id="{lang}" bandwidth="64000"/></AdaptationSet>'
        for lang in ("eng", "fr-CA")
    )
    (tmp_path / "x.mpd").write_text(
        '<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" profiles="p" minBufferTime="PT2S"'
        f' mediaPresentationDuration="PT8S"><Period>{sets}</Period></MPD>'
    )
    command = ("x.mpd", "--base-url", "http://h.invalid/x.mpd", "-o", "m", "--dry-run")
    note = "audio best: one for each language and role (en, fr-ca); best1 takes only one"
    ended = run(*command, "--audio", "best", cwd=tmp_path)
    assert f"\n  {note}\n" in ended.err
    assert "8 to fetch" in ended.err
    assert run(*command, "--audio", "best", "--json", cwd=tmp_path).events[0]["notes"] == [note]
    ended = run(*command, "--audio", "best1", cwd=tmp_path)
    assert "best" not in ended.err
    assert "4 to fetch" in ended.err


@pytest.mark.parametrize("how", ["file", "stdin"])
def test_a_manifest_that_was_saved_is_mirrored_with_its_base_url(
    root: Path, nginx: Callable[..., Origin], tmp_path: Path, how: str
) -> None:
    origin = nginx(root)
    saved = tmp_path / "saved.mpd"
    shutil.copy(root / "manifest.mpd", saved)
    base = origin.url("manifest.mpd")
    source = saved if how == "file" else "-"
    text = saved.read_text() if how == "stdin" else None
    ended = run(source, "--base-url", base, "-o", "mirror", cwd=tmp_path, stdin=text)
    assert ended.code == 0, ended.err
    assert len(asked(origin)) == LIST_FILES
    held = tree(tmp_path / "mirror")
    media = {name: data for name, data in tree(root).items() if name != "manifest.mpd"}
    assert {name: held[name] for name in media} == media
    assert len(held) == LIST_FILES + 2


def read_until(process: subprocess.Popen[str], event: str) -> None:
    """Read JSON lines from a running program until an event of a kind has come."""
    assert process.stdout is not None
    for line in process.stdout:
        if json.loads(line)["event"] == event:
            return
    raise AssertionError(f"no {event} event: {process.stderr and process.stderr.read()}")


def run_on_a_terminal(*arguments: str, cwd: Path) -> tuple[int, str]:
    """Run with standard error on a pseudo-terminal; exit code and all that it was sent."""
    ours, theirs = pty.openpty()
    with (
        start(*arguments, cwd=cwd, more={"TERM": "xterm-256color"}, stderr=theirs) as process,
        open(ours, "rb", buffering=0) as terminal,
    ):
        os.close(theirs)
        screen = b"".join(iter_reads(terminal.fileno()))
        process.wait(DEADLINE_SECONDS)
    return process.returncode, screen.decode(errors="replace")


def iter_reads(descriptor: int) -> Iterable[bytes]:
    """Yield what comes from a terminal until its other side is closed (EIO on Linux)."""
    with contextlib.suppress(OSError):
        while data := os.read(descriptor, 65536):
            yield data


@pytest.mark.parametrize("command", ["list", "plan", "verify", "get"])
def test_every_command_says_that_certificates_are_not_verified(
    command: str, tmp_path: Path
) -> None:
    with FaultServer() as server:
        url = server.on("/x.mpd", Answer(mpd(numbered("$Number$.m4s"), seconds=2)))
        server.on("/1.m4s", refuse(503), Answer(b"abc"))
        told = run("get", url, "-o", "m", "-v", cwd=tmp_path)
        assert told.code == 0
        assert "HTTP 503 Service Unavailable" in told.err, "-v says why a transfer was retried"
        words = {"verify": ["m", "--remote"], "get": [url, "-o", "m"]}.get(command, [url])
        ended = run(command, *words, "--insecure", cwd=tmp_path)
        if command in ("get", "verify"):
            quiet = run(command, *words, "--insecure", "-q", cwd=tmp_path)
            said = "warning: TLS certificates are not verified (--insecure)\n"
            assert quiet.err == said, "-q leaves no warning out"
    assert "TLS certificates are not verified" in ended.err
    assert "TLS certificates are not verified" not in ended.out


def test_a_narrower_run_removes_nothing_from_the_local_manifest(
    root: Path, nginx: Callable[..., Origin], tmp_path: Path
) -> None:
    origin = nginx(root)
    url, local = origin.url("manifest.mpd"), tmp_path / "mirror" / "manifest.local.mpd"
    assert run(url, "-o", "mirror", cwd=tmp_path).code == 0
    whole = local.read_bytes()
    narrow = (url, "-o", "mirror", "--video", "worst", "--audio", "none")
    assert run(*narrow, cwd=tmp_path).code == 0
    assert local.read_bytes() == whole
    assert run("verify", "mirror", "--strict", cwd=tmp_path).code == 0
    # What another one has lost plays no longer, unless it is selected.
    lost = tmp_path / "mirror" / "chunk-stream0-00004.m4s"
    lost.unlink()
    lines = (tmp_path / "mirror" / ".dashget" / "record.jsonl").read_text().splitlines()
    kept = [line for line in lines if lost.name not in line]
    (tmp_path / "mirror" / ".dashget" / "record.jsonl").write_text("\n".join(kept) + "\n")
    assert run(*narrow, cwd=tmp_path).code == 0
    assert local.read_bytes().count(b"<Representation") == whole.count(b"<Representation") - 1


def unwritable(kind: str) -> int:
    """Return a descriptor that takes nothing: a full device, or a pipe that nobody reads."""
    if kind == "full":
        return os.open("/dev/full", os.O_WRONLY)
    reading, writing = os.pipe()
    os.close(reading)
    return writing


@pytest.mark.parametrize("kind", ["full", "gone"])
@pytest.mark.parametrize("word", ["-v", "-q", "--json"])
def test_messages_that_cannot_be_written_do_not_lose_the_download(
    server: FaultServer, tmp_path: Path, kind: str, word: str
) -> None:
    sets = "".join(
        f'<AdaptationSet mimeType="text/vtt"><Representation id="{name}" bandwidth="1">'
        f"<BaseURL>{name}.vtt</BaseURL></Representation></AdaptationSet>"
        for name in ("a", "b")
    )
    url = server.on("/show/x.mpd", Answer(mpd(sets, seconds=2)))
    server.on("/show/a.vtt", Answer(b"WEBVTT a\n"))
    for code in (1, 0):
        messages = unwritable(kind)
        process = start(url, "-o", "m", word, "--insecure", cwd=tmp_path, stderr=messages)
        os.close(messages)
        out, _ = process.communicate(timeout=DEADLINE_SECONDS)
        assert process.returncode == code
        assert bool(out) is (word == "--json")
        assert (tmp_path / "m/a.vtt").read_bytes() == b"WEBVTT a\n"
        server.on("/show/b.vtt", Answer(b"WEBVTT b\n"))
    assert (tmp_path / "m/b.vtt").read_bytes() == b"WEBVTT b\n"
