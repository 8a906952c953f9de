"""``verify``: every kind of damage is named, and mended with no more requests than it takes."""

from __future__ import annotations

import base64
import datetime
import errno
import hashlib
import json
import os
import shutil
import signal
import struct
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import dashget
from dashget.events import Event, FileFinished, Pruned
from dashget.media import inspection as structure
from dashget.store import MirrorDirectory
from dashget.verification import offline
from tests.support.certificates import Authority
from tests.support.faultserver import Answer, FaultServer, refuse
from tests.support.media import COMPLETE_FORMS
from tests.support.program import DEADLINE_SECONDS, Ended, run, start, tree

MODIFIED = "Mon, 02 Nov 2026 10:00:00 GMT"
LATER = "Tue, 03 Nov 2026 10:00:00 GMT"
UNNAMED = {
    "number": {"chunk-stream2-00007.m4s", "chunk-stream3-00007.m4s"},
    "periods": {"number/chunk-stream2-00007.m4s", "number/chunk-stream3-00007.m4s"},
}
"""Files that lie at the origin and that the manifest does not name (see tests/support/media.py)."""


class Events(list[Event]):
    def __call__(self, event: Event, /) -> None:
        self.append(event)

    def problems(self, *, notes: bool = False) -> dict[str, set[str]]:
        """The problems of each file: errors, or notes."""
        found: dict[str, set[str]] = {}
        for event in self:
            if isinstance(event, dashget.Finding) and event.note is notes:
                found.setdefault(event.path, set()).add(event.problem.value)
        return found

    def warnings(self) -> list[str]:
        return [event.message for event in self if isinstance(event, dashget.Warned)]

    def outcomes(self) -> dict[str, str]:
        return {e.path: e.outcome.value for e in self if isinstance(e, FileFinished)}


TRANSFER = dashget.TransferOptions(retries=1, backoff_seconds=0.01)


def mirror(url: str, root: Path, **options: object) -> tuple[dashget.Summary, Events]:
    events = Events()
    chosen = dashget.MirrorOptions(root=root, transfer=TRANSFER, **options)  # type: ignore[arg-type]
    return dashget.mirror(url, chosen, observer=events), events


def verify(root: Path, **options: bool) -> tuple[dashget.Report, Events]:
    events = Events()
    chosen = dashget.VerifyOptions(transfer=TRANSFER, **options)
    return dashget.verify(root, chosen, observer=events), events


def flip(path: Path, place: float = 0.5) -> None:
    data = bytearray(path.read_bytes())
    data[int(place * (len(data) - 1))] ^= 0x10
    path.write_bytes(data)


# Real media, in every form.


class Held:
    """A form as its server has it, and a mirror of it with checksums."""

    def __init__(self, form: str, media: Path, server: FaultServer, directory: Path) -> None:
        unnamed = UNNAMED.get(form, set())
        served = tree(media / form)
        self.form = form
        self.server = server
        self.files = {name: data for name, data in served.items() if name not in unnamed}
        for name, data in self.files.items():
            server.on(f"/{name}", Answer(data, etag=f'"{name}"', last_modified=MODIFIED))
        self.url = server.url("/manifest.mpd")
        self.pristine = directory / "pristine"
        summary, _ = mirror(self.url, self.pristine, checksums=True)
        assert summary.complete
        self.media = sorted(self.files.keys() - {"manifest.mpd"})

    def restore(self, root: Path, path: str) -> None:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(self.pristine / path, root / path)


@pytest.fixture(params=COMPLETE_FORMS, scope="module")
def held(
    request: pytest.FixtureRequest, media: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Held]:
    with FaultServer() as server:
        yield Held(request.param, media, server, tmp_path_factory.mktemp("held"))


@pytest.fixture
def root(held: Held, tmp_path: Path) -> Path:
    """A copy of the mirror that may be damaged."""
    return Path(shutil.copytree(held.pristine, tmp_path / "mirror"))


@pytest.mark.system
def test_a_sound_mirror_is_sound_and_every_file_is_checked(held: Held, root: Path) -> None:
    report, events = verify(root)
    assert events.problems() == {}
    assert events.problems(notes=True) == {}
    assert report.sound
    assert report.files == len(held.media)
    assert report.checksummed == len(held.media)
    assert report.bytes == sum(len(held.files[name]) for name in held.media)
    assert events[-1] == report


@pytest.mark.system
@pytest.mark.parametrize("place", [0.0, 0.5, 1.0])
def test_one_flipped_byte_in_any_file_names_that_file_alone(
    held: Held, root: Path, place: float
) -> None:
    for path in held.media:
        flip(root / path, place)
        _, events = verify(root)
        assert events.problems() == {path: {"checksum"}}
        assert events.problems(notes=True) == {}
        held.restore(root, path)


def drop(path: Path) -> None:
    path.unlink()


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def empty(path: Path) -> None:
    path.write_bytes(b"")


def extend(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b"\0")


@pytest.mark.system
@pytest.mark.parametrize(
    ("damage", "problem"),
    [(drop, "missing"), (truncate, "size"), (empty, "size"), (extend, "size")],
)
def test_any_file_that_is_lost_or_has_another_size_is_named_alone(
    held: Held, root: Path, damage: Callable[[Path], None], problem: str
) -> None:
    for path in held.media:
        damage(root / path)
        report, events = verify(root)
        assert events.problems() == {path: {problem}}
        assert not report.sound
        held.restore(root, path)


@pytest.mark.system
def test_files_that_were_swapped_are_both_named(held: Held, root: Path) -> None:
    for first, second in zip(held.media, held.media[1:], strict=False):
        (root / first).write_bytes(held.files[second])
        (root / second).write_bytes(held.files[first])
        _, events = verify(root)
        if held.files[first] != held.files[second]:
            assert events.problems().keys() == {first, second}
        held.restore(root, first)
        held.restore(root, second)


@pytest.mark.system
def test_repair_restores_the_bytes_of_the_origin_with_a_request_for_each_wrong_file(
    held: Held, root: Path
) -> None:
    damages = (flip, drop, truncate, extend)
    wrong = dict(zip(held.media[::2], damages * len(held.media), strict=False))
    for path, damage in wrong.items():
        damage(root / path)
    held.server.seen.clear()
    report, events = verify(root, repair=True)
    assert events.problems() == {}
    assert report.sound
    assert report.repaired == len(wrong)
    asked = sorted((seen.method, seen.path) for seen in held.server.seen)
    assert asked == sorted(("GET", f"/{path}") for path in wrong)
    assert {name: data for name, data in tree(root).items() if name in held.files} == held.files
    held.server.seen.clear()
    assert verify(root, repair=True)[0].sound
    assert held.server.seen == []
    assert verify(root)[0].checksummed == len(held.media)


def named_or_refused(root: Path) -> set[str]:
    """The files with problems; the manifest, where it can no longer be read at all."""
    try:
        return set(verify(root)[1].problems())
    except dashget.MPDError as error:
        return {"manifest.mpd"} if error.hint == "--repair fetches it again" else set()


@pytest.mark.system
def test_a_manifest_with_a_flipped_byte_is_named_and_repaired(held: Held, root: Path) -> None:
    for place in (0.05, 0.3, 0.6, 0.95):
        flip(root / "manifest.mpd", place)
        assert "manifest.mpd" in named_or_refused(root)
        held.server.seen.clear()
        report, _ = verify(root, repair=True)
        assert report.sound
        assert [seen.path for seen in held.server.seen] == ["/manifest.mpd"]
        assert (root / "manifest.mpd").read_bytes() == held.files["manifest.mpd"]


# A small presentation that each test changes as it likes.


def box(kind: str, *content: bytes) -> bytes:
    body = b"".join(content)
    return struct.pack(">I4s", 8 + len(body), kind.encode()) + body


def initialization() -> bytes:
    mdhd = box("mdhd", struct.pack(">IIIII", 0, 0, 0, 10, 0), b"\0" * 4)
    moov = box("moov", box("mvhd", b"\0" * 96), box("trak", box("mdia", mdhd)))
    return box("ftyp", b"iso6", b"\0" * 4) + moov


def segment(number: int, content: bytes | None = None) -> bytes:
    """The media segment ``number`` from 1, of two seconds at a timescale of ten."""
    tfdt = box("tfdt", struct.pack(">IQ", 1 << 24, (number - 1) * 20))
    moof = box("moof", box("mfhd", b"\0" * 8), box("traf", box("tfhd", b"\0" * 8), tfdt))
    return moof + box("mdat", content or bytes([number]) * 2000)


NUMBERS = (1, 2, 3)


def manifest(numbers: tuple[int, ...] = NUMBERS, media: str = "v/$Number$.m4s") -> Answer:
    """A manifest with a large and a small picture; both have the segments ``numbers``."""
    representations = (
        '<Representation id="v" bandwidth="8000"/>'
        '<Representation id="w" bandwidth="4000"><SegmentTemplate media="w/$Number$.m4s"/>'
        "</Representation>"
    )
    return Answer(
        (
            '<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" profiles="p" '
            f'minBufferTime="PT1S" mediaPresentationDuration="PT{2 * len(numbers)}S"><Period>'
            f'<AdaptationSet mimeType="video/mp4"><SegmentTemplate duration="2" media="{media}" '
            f'initialization="init.mp4" endNumber="{numbers[-1]}"/>{representations}'
            "</AdaptationSet></Period></MPD>"
        ).encode()
    )


def serve(server: FaultServer, path: str, data: bytes, **more: object) -> None:
    options: dict[str, object] = {"etag": f'"{path}"', "last_modified": MODIFIED, **more}
    server.on(f"/show/{path}", Answer(data, **options))  # type: ignore[arg-type]


@pytest.fixture
def server() -> Iterator[FaultServer]:
    with FaultServer() as running:
        serve(running, "init.mp4", initialization())
        for number in NUMBERS:
            serve(running, f"v/{number}.m4s", segment(number))
            serve(running, f"w/{number}.m4s", segment(number))
        running.on("/show/x.mpd", manifest())
        yield running


FILES = {"init.mp4"} | {f"{name}/{number}.m4s" for name in "vw" for number in NUMBERS}


@pytest.fixture
def small(server: FaultServer, tmp_path: Path) -> Path:
    """A mirror of it, without checksums."""
    root = tmp_path / "m"
    summary, events = mirror(server.url("/show/x.mpd"), root)
    assert summary.complete
    assert events.outcomes().keys() == FILES
    server.seen.clear()
    return root


def asked(server: FaultServer, method: str) -> set[str]:
    return {s.path.removeprefix("/show/") for s in server.seen if s.method == method}


def swap(root: Path, first: str, second: str) -> None:
    (root / first).rename(root / "aside")
    (root / second).rename(root / first)
    (root / "aside").rename(root / second)


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
def test_damage_to_what_dashget_wrote_itself_is_named(
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
    ("body", "problem"),
    [
        (b"<?xml version='1.0'?><Error>Sorry</Error>", "structure"),
        # Not even taken for the file when it came.
        (b"<!DOCTYPE html><html><body>Sorry</body></html>", "missing"),
    ],
)
def test_text_in_place_of_media_is_named_though_the_server_has_nothing_else(
    server: FaultServer, tmp_path: Path, body: bytes, problem: str
) -> None:
    serve(server, "v/2.m4s", body)
    mirror(server.url("/show/x.mpd"), tmp_path)
    _, events = verify(tmp_path)
    assert events.problems() == {"v/2.m4s": {problem}}


def test_a_page_of_html_that_an_earlier_version_has_stored_is_named(small: Path) -> None:
    page = b"<!DOCTYPE html><html><body>Sorry</body></html>"
    size = (small / "v/2.m4s").stat().st_size
    (small / "v/2.m4s").write_bytes(page.ljust(size))
    _, events = verify(small)
    assert "structure" in events.problems()["v/2.m4s"]


@pytest.mark.skipif(os.name == "nt", reason="needs a device that is a file")
def test_a_manifest_that_is_no_file_is_not_read(server: FaultServer, tmp_path: Path) -> None:
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
        summary, events = mirror(server.url("/show/x.mpd"), tmp_path)
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


def test_what_the_manifest_does_not_name_is_a_note(server: FaultServer, small: Path) -> None:
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


def test_what_was_not_selected_is_not_missing(server: FaultServer, tmp_path: Path) -> None:
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


# The server's word.


def test_remote_asks_once_for_each_file_and_only_its_head(server: FaultServer, small: Path) -> None:
    report, events = verify(small, remote=True)
    assert report.sound
    assert report.compared == len(FILES)
    assert events.problems(notes=True) == {}
    assert asked(server, "HEAD") == FILES | {"x.mpd"}
    assert len(server.seen) == len(FILES) + 1


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"data": segment(2, b"longer" * 400)}, "bytes"),
        ({"etag": '"another"'}, "ETag"),
        ({"etag": None, "last_modified": LATER}, LATER),
    ],
    ids=["size", "etag", "last-modified"],
)
def test_what_has_changed_on_the_server_is_named_and_repaired(
    server: FaultServer, small: Path, change: dict[str, object], word: str
) -> None:
    data = change.pop("data", segment(2, b"n" * 2000))
    assert isinstance(data, bytes)
    serve(server, "v/2.m4s", data, **change)
    _, events = verify(small, remote=True)
    assert events.problems() == {"v/2.m4s": {"changed-on-server"}}
    (finding,) = [event for event in events if isinstance(event, dashget.Finding)]
    assert word in finding.message
    server.seen.clear()
    report, _ = verify(small, remote=True, repair=True)
    assert report.sound
    assert asked(server, "GET") == {"v/2.m4s"}
    assert (small / "v/2.m4s").read_bytes() == data
    assert verify(small, remote=True)[0].sound


def test_a_file_that_the_server_no_longer_has_is_a_note(server: FaultServer, small: Path) -> None:
    server.on("/show/v/2.m4s", refuse(404))
    report, events = verify(small, remote=True, repair=True)
    assert report.sound
    assert events.problems(notes=True) == {"v/2.m4s": {"gone-from-server"}}
    assert (small / "v/2.m4s").exists()


def test_where_head_is_refused_one_byte_is_asked(server: FaultServer, small: Path) -> None:
    good = Answer(segment(2), etag='"v/2.m4s"', last_modified=MODIFIED)
    server.on("/show/v/2.m4s", refuse(405), good)
    report, events = verify(small, remote=True)
    assert events.problems() == {}
    assert report.compared == len(FILES)
    assert server.asked("/show/v/2.m4s")[-1].headers["range"] == "bytes=0-0"


def test_a_server_that_asks_for_patience_is_asked_again(server: FaultServer, small: Path) -> None:
    good = Answer(segment(2), etag='"v/2.m4s"', last_modified=MODIFIED)
    server.on("/show/v/2.m4s", refuse(429, Retry_After="0"), good)
    report, events = verify(small, remote=True)
    assert events.problems() == {}
    assert report.compared == len(FILES)
    assert [seen.method for seen in server.asked("/show/v/2.m4s")] == ["HEAD", "HEAD"]


def test_a_server_that_only_ever_asks_for_patience_leaves_the_file_uncompared(
    server: FaultServer, small: Path
) -> None:
    server.on("/show/v/2.m4s", refuse(429, Retry_After="0"))
    report, events = verify(small, remote=True)
    assert events.problems() == {}
    assert events.problems(notes=True) == {"v/2.m4s": {"not-compared"}}
    assert report.compared == len(FILES) - 1
    assert report.uncompared == 1


@pytest.mark.parametrize(
    ("status", "words"),
    [(401, ("--user", "-H")), (403, ("-H", "--append-query")), (501, ("try again",))],
)
def test_what_cannot_be_compared_is_not_called_unsound(
    server: FaultServer, small: Path, tmp_path: Path, status: int, words: tuple[str, ...]
) -> None:
    for name in FILES:
        server.on(f"/show/{name}", refuse(status))
    ended = run("verify", small, "--remote", "--retries", "0", cwd=tmp_path)
    assert ended.code == 1
    assert f"Sound here: {len(FILES)} files" in ended.out
    assert f"{len(FILES)} files could not be compared with the server" in ended.out
    assert "Not sound" not in ended.out
    assert "--repair" not in ended.out
    (hint,) = [line for line in ended.out.splitlines() if line.startswith("hint: ")]
    assert all(word in hint for word in words)
    assert ended.out.count(f"HTTP {status}") == 6
    assert "... and 2 more not-compared: " in ended.out
    ended = run("verify", small, "--remote", "--retries", "0", "-v", cwd=tmp_path)
    assert ended.out.count(f"HTTP {status}") == len(FILES)
    ended = run("verify", small, "--remote", "--retries", "0", "-q", cwd=tmp_path)
    assert ended.code == 1
    assert "could not be compared" in ended.out


def test_a_server_with_an_unknown_certificate_leads_to_the_options_about_it(
    server: FaultServer, small: Path, tmp_path: Path
) -> None:
    with FaultServer(tls=Authority.make(tmp_path).server()) as secure:
        record = small / ".dashget/record.jsonl"
        known = record.read_text().replace(server.url("/"), secure.url("/"))
        record.write_text(known)
        ended = run("verify", small, "--remote", cwd=tmp_path)
    assert ended.code == 1
    assert "Sound here: " in ended.out
    (hint,) = [line for line in ended.out.splitlines() if line.startswith("hint: ")]
    assert "--cacert" in hint
    assert "--insecure" in hint


@pytest.fixture
def second_choice(server: FaultServer, tmp_path: Path) -> Iterator[tuple[FaultServer, Path]]:
    """A dead first server, and a mirror that came from the second one."""
    with FaultServer() as dead:
        bases = f"<BaseURL>{dead.url('/')}</BaseURL><BaseURL>{server.url('/show/')}</BaseURL>"
        body = manifest().body.replace(b"<Period>", f"{bases}<Period>".encode())
        url = server.on("/show/x.mpd", Answer(body))
        for name in FILES:
            dead.on(f"/{name}", refuse(404))
        assert mirror(url, tmp_path / "m")[0].complete
        server.seen.clear()
        dead.seen.clear()
        yield dead, tmp_path / "m"


def test_what_came_from_another_base_url_is_compared_there(
    server: FaultServer, second_choice: tuple[FaultServer, Path]
) -> None:
    dead, root = second_choice
    report, events = verify(root, remote=True)
    assert report.sound
    assert events.problems(notes=True) == {}
    assert report.compared == len(FILES)
    assert asked(server, "HEAD") == FILES | {"x.mpd"}
    assert dead.seen == []
    # The first one is back, with validators of its own.
    for number in NUMBERS:
        dead.on(f"/v/{number}.m4s", Answer(segment(number), etag='"mine"'))
    assert verify(root, remote=True)[0].sound
    summary, events = mirror(server.url("/show/x.mpd"), root, verify=True)
    assert set(events.outcomes().values()) == {"present"}
    assert summary.warnings == 0
    assert dead.seen == []


def test_where_that_has_no_answer_the_other_ones_are_asked(
    server: FaultServer, second_choice: tuple[FaultServer, Path]
) -> None:
    dead, root = second_choice
    server.on("/show/v/1.m4s", refuse(403))
    server.on("/show/v/2.m4s", refuse(404))
    server.on("/show/v/3.m4s", refuse(404))
    dead.on("/v/1.m4s", Answer(segment(1), etag='"mine"', last_modified=LATER))
    dead.on("/v/2.m4s", Answer(segment(2, b"longer" * 400)))
    _, events = verify(root, remote=True)
    found = {(f.path[-7:], f.problem.value) for f in events if isinstance(f, dashget.Finding)}
    assert found == {("v/2.m4s", "changed-on-server"), ("v/3.m4s", "gone-from-server")}


def test_what_is_wrong_already_is_not_asked_for(server: FaultServer, small: Path) -> None:
    (small / "v/2.m4s").unlink()
    verify(small, remote=True)
    assert asked(server, "HEAD") == {*FILES, "x.mpd"} - {"v/2.m4s"}


def test_get_verify_fetches_exactly_what_has_changed(server: FaultServer, small: Path) -> None:
    changed = segment(2, b"n" * 2000)
    serve(server, "v/2.m4s", changed, etag='"new"')
    summary, events = mirror(server.url("/show/x.mpd"), small, verify=True)
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
    summary, events = mirror(server.url("/show/x.mpd"), small, verify=True)
    assert summary.complete
    assert events.outcomes()["v/2.m4s"] == "present"
    assert (small / "v/2.m4s").read_bytes() == segment(2)
    assert summary.warnings == 1
    assert events.warnings() == [
        "gone from the server: v/2.m4s (HTTP 404 Not Found); it stays as it is"
    ]


def test_get_verify_tells_what_it_could_not_compare(server: FaultServer, small: Path) -> None:
    for path in ("v/2.m4s", "w/3.m4s"):
        server.on(f"/show/{path}", refuse(403))
    summary, events = mirror(server.url("/show/x.mpd"), small, verify=True)
    assert summary.complete
    (warning,) = events.warnings()
    assert warning.startswith("not compared with the server: ")
    assert " and 1 more (HTTP 403 Forbidden); they stay as they are" in warning


def test_a_dry_run_says_that_it_compares_nothing(
    server: FaultServer, small: Path, tmp_path: Path
) -> None:
    url = server.url("/show/x.mpd")
    ended = run("get", url, "-o", small, "--verify", "--dry-run", cwd=tmp_path)
    assert ended.code == 0
    assert "warning: a dry run compares no file with the server" in ended.err
    assert [seen.path for seen in server.seen] == ["/show/x.mpd"]


# A manifest that changes.


def test_what_a_new_manifest_no_longer_names_stays_and_is_listed(
    server: FaultServer, small: Path
) -> None:
    old = manifest().body
    server.on("/show/x.mpd", manifest((1, 2)))
    _, events = mirror(server.url("/show/x.mpd"), small)
    assert any("changed" in e.message for e in events if isinstance(e, dashget.Warned))
    (kept,) = (small / ".dashget/manifests").iterdir()
    assert kept.read_bytes() == old
    assert (small / "x.mpd").read_bytes() == manifest((1, 2)).body
    report, events = verify(small)
    assert report.sound
    assert events.problems(notes=True) == {
        "v/3.m4s": {"superseded"},
        "w/3.m4s": {"superseded"},
    }
    assert (small / "v/3.m4s").exists()


def test_damage_to_what_is_no_longer_named_is_told_with_it(
    server: FaultServer, small: Path
) -> None:
    server.on("/show/x.mpd", manifest((1, 2)))
    mirror(server.url("/show/x.mpd"), small)
    drop(small / "v/3.m4s")
    truncate(small / "w/3.m4s")
    report, events = verify(small)
    assert report.sound
    told = {f.path: f.message for f in events if isinstance(f, dashget.Finding)}
    assert told.keys() == {"v/3.m4s", "w/3.m4s"}
    assert "gone" in told["v/3.m4s"]
    assert "recorded were" in told["w/3.m4s"]


@pytest.mark.parametrize("command", ["get", "verify"])
def test_prune_removes_exactly_that_after_saying_so(
    server: FaultServer, small: Path, command: str
) -> None:
    (small / "mine.txt").write_text("mine")
    server.on("/show/x.mpd", manifest((1, 2)))
    url, gone = server.url("/show/x.mpd"), ("v/3.m4s", "w/3.m4s")
    told: list[tuple[str, ...]] = []

    def observe(event: Event, /) -> None:
        if isinstance(event, Pruned):
            told.append(event.paths)
            assert all((small / path).exists() for path in event.paths)

    if command == "get":
        options = dashget.MirrorOptions(root=small, transfer=TRANSFER, prune=True)
        dashget.mirror(url, options, observer=observe)
    else:
        mirror(url, small)
        dashget.verify(small, dashget.VerifyOptions(prune=True), observer=observe)
    assert told == [gone]
    left = tree(small).keys() - {"x.mpd", "x.local.mpd"}
    assert left == (FILES - set(gone)) | {"mine.txt"}
    report, events = verify(small)
    assert report.sound
    assert events.problems(notes=True) == {"mine.txt": {"stray"}}
    server.on("/show/x.mpd", manifest())
    summary, _ = mirror(url, small)
    assert summary.complete
    assert summary.outcomes[dashget.Outcome.DOWNLOADED] == 2


@pytest.mark.parametrize("command", ["get", "verify"])
def test_the_command_says_what_it_prunes(
    server: FaultServer, small: Path, tmp_path: Path, command: str
) -> None:
    server.on("/show/x.mpd", manifest((1, 2)))
    url = server.url("/show/x.mpd")
    mirror(url, small)
    arguments = (url, "-o", small) if command == "get" else (small,)
    ended = run(command, *arguments, "--prune", cwd=tmp_path)
    assert ended.code == 0, ended.err
    told = [line for line in ended.err.splitlines() if line.startswith("removing: ")]
    assert told == ["removing: v/3.m4s", "removing: w/3.m4s"]


@pytest.mark.parametrize("command", ["get", "verify"])
def test_a_dry_run_says_what_would_be_pruned(
    server: FaultServer, small: Path, tmp_path: Path, command: str
) -> None:
    server.on("/show/x.mpd", manifest((1, 2)))
    url = server.url("/show/x.mpd")
    if command == "verify":
        mirror(url, small)
    before = {p: p.stat().st_mtime_ns for p in small.rglob("*")}
    arguments = (url, "-o", small) if command == "get" else (small,)
    ended = run(command, *arguments, "--prune", "--dry-run", cwd=tmp_path)
    assert ended.code == 0, ended.err
    told = [line for line in ended.err.splitlines() if "remov" in line]
    assert told == ["would remove: v/3.m4s", "would remove: w/3.m4s"]
    ended = run(command, *arguments, "--prune", "--dry-run", "--json", cwd=tmp_path)
    (pruned,) = [event for event in ended.events if event["event"] == "pruned"]
    assert pruned == {"event": "pruned", "paths": ["v/3.m4s", "w/3.m4s"], "dry_run": True}
    assert {p: p.stat().st_mtime_ns for p in small.rglob("*")} == before


def test_a_dry_run_says_what_would_be_repaired(
    server: FaultServer, small: Path, tmp_path: Path
) -> None:
    truncate(small / "v/2.m4s")
    (small / "w/1.m4s").unlink()
    (small / "x.local.mpd").unlink()
    before = {p: p.stat().st_mtime_ns for p in small.rglob("*")}
    ended = run("verify", small, "--repair", "--dry-run", cwd=tmp_path)
    assert ended.code == 1
    told = {line for line in ended.err.splitlines() if line.startswith("planned: ")}
    assert {line.split()[1] for line in told} == {"v/2.m4s", "w/1.m4s"}
    assert "Not sound: 2 errors" in ended.out
    assert server.seen == []
    assert {p: p.stat().st_mtime_ns for p in small.rglob("*")} == before


def test_prune_leaves_what_another_selection_fetched(server: FaultServer, small: Path) -> None:
    worst = dashget.parse_selection(video="worst")
    mirror(server.url("/show/x.mpd"), small, selection=worst, prune=True)
    assert tree(small).keys() >= FILES
    verify(small, prune=True)
    assert tree(small).keys() >= FILES


# Checksums.


@pytest.mark.system
def test_sha256sum_checks_a_mirror_whatever_its_files_are_called(
    server: FaultServer, tmp_path: Path
) -> None:
    if shutil.which("sha256sum") is None:
        pytest.skip("sha256sum is missing")
    names = (
        "a%20b/$Number$ c.m4s",
        "back%5Cslash-$Number$.m4s",
        "%C3%BC-$Number$.m4s",
        "-$Number$",
    )
    for number in NUMBERS:
        for name in names:
            path = name.replace("$Number$", str(number)).replace(" ", "%20")
            serve(server, path, segment(number))
    for name in names:
        server.on("/show/x.mpd", manifest(media=name))
        root = tmp_path / str(names.index(name))
        summary, _ = mirror(server.url("/show/x.mpd"), root, checksums=True)
        assert summary.complete
        command = ["sha256sum", "--check", "--strict", "--quiet", "SHA256SUMS"]
        done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
        lines = (root / "SHA256SUMS").read_text().splitlines()
        assert len(lines) == len(tree(root)) - 1
        flip(next(path for path in root.rglob("*2*") if path.is_file()))
        assert subprocess.run(command, cwd=root, capture_output=True, check=False).returncode == 1


def test_checksums_of_files_that_were_there_before_are_added(
    server: FaultServer, small: Path
) -> None:
    mirror(server.url("/show/x.mpd"), small, checksums=True)
    assert asked(server, "GET") == {"x.mpd"}
    report, _ = verify(small)
    assert report.checksummed == len(FILES)
    sums = dict(
        reversed(line.split("  ", 1)) for line in (small / "SHA256SUMS").read_text().splitlines()
    )
    assert sums["v/2.m4s"] == hashlib.sha256(segment(2)).hexdigest()
    assert sums.keys() == FILES | {"x.mpd", "x.local.mpd"}


def test_a_repaired_file_keeps_its_checksum(server: FaultServer, tmp_path: Path) -> None:
    mirror(server.url("/show/x.mpd"), tmp_path, checksums=True)
    flip(tmp_path / "v/2.m4s")
    assert verify(tmp_path, repair=True)[0].sound
    assert verify(tmp_path)[0].checksummed == len(FILES)


def verify_and_repair(server: FaultServer, root: Path) -> None:
    serve(server, "v/2.m4s", segment(2, b"n" * 2000), etag='"new"')
    assert verify(root, remote=True, repair=True)[0].sound


def verify_and_prune(server: FaultServer, root: Path) -> None:
    server.on("/show/x.mpd", manifest((1, 2)))
    mirror(server.url("/show/x.mpd"), root, checksums=True)
    assert verify(root, prune=True)[0].sound


def get_without_checksums(server: FaultServer, root: Path) -> None:
    serve(server, "v/2.m4s", segment(2, b"n" * 2000), etag='"new"')
    assert mirror(server.url("/show/x.mpd"), root, verify=True)[0].complete


@pytest.mark.parametrize("change", [verify_and_repair, verify_and_prune, get_without_checksums])
def test_the_sums_follow_whatever_changes_the_mirror(
    server: FaultServer, tmp_path: Path, change: Callable[[FaultServer, Path], None]
) -> None:
    mirror(server.url("/show/x.mpd"), tmp_path, checksums=True)
    change(server, tmp_path)
    for line in (tmp_path / "SHA256SUMS").read_text().splitlines():
        digest, path = line.split("  ", 1)
        assert hashlib.sha256((tmp_path / path).read_bytes()).hexdigest() == digest


def coded(algorithm: str, data: bytes) -> str:
    return base64.b64encode(hashlib.new(algorithm, data).digest()).decode()


HEADERS: dict[str, Callable[[bytes], tuple[str, str]]] = {
    "repr": lambda data: ("Repr-Digest", f"sha-256=:{coded('sha256', data)}:"),
    "repr-512": lambda data: ("Repr-Digest", f"sha-512=:{coded('sha512', data)}:"),
    "content": lambda data: ("Content-Digest", f"sha-256=:{coded('sha256', data)}:"),
    "digest": lambda data: ("Digest", f"SHA-256={coded('sha256', data)}"),
    "md5": lambda data: ("Content-MD5", coded("md5", data)),
}


@pytest.mark.parametrize("form", HEADERS)
def test_a_body_that_has_the_digest_that_came_with_it_is_taken(
    server: FaultServer, tmp_path: Path, form: str
) -> None:
    serve(server, "v/2.m4s", segment(2), headers=(HEADERS[form](segment(2)),))
    summary, _ = mirror(server.url("/show/x.mpd"), tmp_path)
    assert summary.complete
    assert len(server.asked("/show/v/2.m4s")) == 1


@pytest.mark.parametrize("form", HEADERS)
def test_a_body_that_has_not_is_asked_for_again_and_never_gets_its_name(
    server: FaultServer, tmp_path: Path, form: str
) -> None:
    serve(server, "v/2.m4s", segment(2, b"w" * 2000), headers=(HEADERS[form](segment(2)),))
    summary, events = mirror(server.url("/show/x.mpd"), tmp_path)
    assert events.outcomes()["v/2.m4s"] == "failed"
    (failure,) = summary.failures
    assert HEADERS[form](b"")[0].lower() in failure.reason.lower()
    assert 2 <= len(server.asked("/show/v/2.m4s")) <= 5
    assert not (tmp_path / "v/2.m4s").exists()
    assert not (tmp_path / ".dashget/parts").exists()


def test_a_wrong_body_that_is_right_the_next_time_is_no_failure(
    server: FaultServer, tmp_path: Path
) -> None:
    header = HEADERS["repr"](segment(2))
    answers = [Answer(segment(2, c * 2000), headers=(header,)) for c in (b"w", b"\2")]
    server.on("/show/v/2.m4s", *answers)
    summary, events = mirror(server.url("/show/x.mpd"), tmp_path)
    assert summary.complete
    assert events.outcomes()["v/2.m4s"] == "downloaded"
    assert (tmp_path / "v/2.m4s").read_bytes() == segment(2)


@pytest.mark.parametrize("right", [True, False])
def test_the_digest_of_a_resumed_file_is_that_of_the_whole(
    server: FaultServer, tmp_path: Path, right: bool
) -> None:
    data = segment(2)
    whole = HEADERS["repr"](data if right else b"other")
    of_part = ("Content-Digest", f"sha-256=:{coded('sha256', data[700:])}:")
    broken = Answer(data, etag='"2"', last_modified=MODIFIED, cut=700)
    server.on("/show/v/2.m4s", broken, refuse(404))
    mirror(server.url("/show/x.mpd"), tmp_path)
    serve(server, "v/2.m4s", data, etag='"2"', headers=(whole, of_part))
    summary, events = mirror(server.url("/show/x.mpd"), tmp_path)
    assert summary.complete is right
    assert events.outcomes()["v/2.m4s"] == ("resumed" if right else "failed")
    assert (tmp_path / "v/2.m4s").exists() is right


@pytest.mark.parametrize("right", [True, False])
def test_a_file_in_parallel_ranges_is_held_against_the_digest_as_well(
    server: FaultServer, tmp_path: Path, right: bool
) -> None:
    data = segment(2, bytes(range(256)) * 1000)
    header = HEADERS["repr"](data if right else b"other")
    serve(server, "v/2.m4s", data, headers=(header,), drip=(4096, 0.001))
    transfer = dashget.TransferOptions(
        retries=1, backoff_seconds=0.01, range_threshold=16384, range_size=8192
    )
    options = dashget.MirrorOptions(root=tmp_path, transfer=transfer, checksums=True)
    summary = dashget.mirror(server.url("/show/x.mpd"), options)
    assert summary.complete is right
    assert any("range" in seen.headers for seen in server.asked("/show/v/2.m4s"))
    assert (tmp_path / "v/2.m4s").exists() is right
    if right:
        assert verify(tmp_path)[0].checksummed == len(FILES)


# The command.


def test_the_exit_code_says_whether_the_mirror_is_sound(small: Path, tmp_path: Path) -> None:
    ended = run("verify", small, cwd=tmp_path)
    assert ended.code == 0, ended.err
    assert f"Sound: {len(FILES)} files" in ended.out
    (small / "stray.txt").write_text("x")
    assert run("verify", small, cwd=tmp_path).code == 0
    ended = run("verify", small, "--strict", cwd=tmp_path)
    assert ended.code == 1
    assert "stray.txt" in ended.out
    (small / "v/2.m4s").unlink()
    ended = run("verify", small, cwd=tmp_path)
    assert ended.code == 1
    assert "Not sound: 1 error" in ended.out
    assert "missing" in ended.out
    assert "v/2.m4s" in ended.out
    assert "hint: --repair fetches exactly what is wrong" in ended.out
    assert run("verify", small, "--repair", cwd=tmp_path).code == 0
    assert run("verify", small, "-q", cwd=tmp_path).out == ""


def test_json_is_a_finding_in_each_line_and_the_sums_at_the_end(
    small: Path, tmp_path: Path
) -> None:
    truncate(small / "v/2.m4s")
    (small / "stray.txt").write_text("x")
    ended = run("verify", small, "--json", "--remote", cwd=tmp_path)
    assert ended.code == 1
    assert ended.err == ""
    *findings, report = [json.loads(line) for line in ended.out.splitlines()]
    assert [(f["event"], f["path"], f["problem"], f.get("note", False)) for f in findings] == [
        ("finding", "v/2.m4s", "size", False),
        ("finding", "stray.txt", "stray", True),
    ]
    assert all(finding["message"] for finding in findings)
    assert report.pop("seconds") >= 0
    assert report.pop("bytes") > 0
    assert report == {
        "event": "report",
        "root": str(small),
        "files": len(FILES),
        "checksummed": 0,
        "compared": len(FILES) - 1,
        "repaired": 0,
        "errors": 1,
        "notes": 1,
        "interrupted": False,
        "uncompared": 0,
    }


@pytest.mark.parametrize("kind", ["empty", "absent", "file", "other"])
def test_what_is_no_mirror_is_refused(tmp_path: Path, kind: str) -> None:
    place = tmp_path / "place"
    if kind == "file":
        place.write_text("x")
    elif kind != "absent":
        place.mkdir()
    if kind == "other":
        (place / "manifest.mpd").write_bytes(manifest().body)
    ended = run("verify", place, cwd=tmp_path)
    assert ended.code == 6
    assert ended.err.startswith("dashget: error: ")
    assert str(place) in ended.err
    assert "\nhint: " in ended.err
    assert ended.out == ""


def test_a_manifest_that_is_gone_or_broken_is_told_with_the_way_out(
    server: FaultServer, small: Path, tmp_path: Path
) -> None:
    for damage, code in ((drop, 6), (empty, 3)):
        damage(small / "x.mpd")
        ended = run("verify", small, cwd=tmp_path)
        assert ended.code == code
        assert "hint: --repair fetches it again" in ended.err
        assert run("verify", small, "--repair", cwd=tmp_path).code == 0
        assert (small / "x.mpd").read_bytes() == manifest().body


def test_a_broken_manifest_is_told_by_its_name(small: Path) -> None:
    (small / "x.mpd").write_bytes(b"<MPD")
    with pytest.raises(dashget.MPDError, match=r"x\.mpd"):
        verify(small)


def interrupt_comparison(server: FaultServer, root: Path) -> Ended:
    """Send Ctrl-C while a comparison with the server waits for an answer."""
    held, asked = threading.Event(), threading.Event()
    server.on("/show/v/2.m4s", Answer(segment(2), hold=held, note=lambda _: asked.set()))
    with start("verify", root, "--remote", cwd=root.parent) as process:
        assert asked.wait(DEADLINE_SECONDS)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=DEADLINE_SECONDS)
    held.set()
    return Ended(process.returncode, out, err)


def test_ctrl_c_ends_a_comparison_in_order(server: FaultServer, small: Path) -> None:
    ended = interrupt_comparison(server, small)
    assert ended.code == 130
    assert "Traceback" not in ended.err


def test_a_comparison_that_was_interrupted_does_not_call_the_mirror_sound(
    server: FaultServer, small: Path
) -> None:
    ended = interrupt_comparison(server, small)
    assert "Sound: " not in ended.out
    assert "nterrupted" in ended.out + ended.err


def test_a_manifest_that_has_changed_on_the_server_is_a_note(
    server: FaultServer, small: Path
) -> None:
    server.on("/show/x.mpd", Answer(b"<MPD>another</MPD>", etag='"another"'))
    report, events = verify(small, remote=True)
    assert report.sound
    assert events.problems(notes=True) == {"x.mpd": {"changed-on-server"}}


@pytest.fixture
def live(server: FaultServer, tmp_path: Path) -> Path:
    """A mirror of a live presentation that was taken twice: three segments, and then six."""
    for number in range(1, 7):
        serve(server, f"v/{number}.m4s", segment(number))
        serve(server, f"w/{number}.m4s", segment(number))
    body = manifest(tuple(range(1, 31))).body.replace(b'type="static"', b'type="dynamic"')
    start = b'availabilityStartTime="2020-01-01T00:00:00Z" mediaPresentationDuration'
    body = body.replace(b"mediaPresentationDuration", start).replace(b' endNumber="30"', b"")
    url = server.on("/show/x.mpd", Answer(body.replace(b"<Period>", b'<Period start="PT0S">')))
    for seconds in (6, 12):
        now = datetime.datetime(2020, 1, 1, 0, 0, seconds, tzinfo=datetime.UTC)
        summary, _ = mirror(url, tmp_path / "live", now=now)
        assert summary.complete
    return tmp_path / "live"


def test_a_live_presentation_is_verified_as_it_was_taken_last(live: Path) -> None:
    (live / "v/5.m4s").unlink()
    _, events = verify(live)
    assert events.problems() == {"v/5.m4s": {"missing"}}
    assert events.problems(notes=True) == {}


def test_pruning_leaves_what_was_taken_last_of_a_live_presentation(live: Path) -> None:
    verify(live, prune=True)
    assert sorted(path.name for path in (live / "v").iterdir()) == [
        f"{number}.m4s" for number in range(1, 7)
    ]


def test_nothing_is_pruned_by_a_manifest_that_is_not_as_it_was_recorded(
    server: FaultServer, small: Path
) -> None:
    damaged = small / "x.mpd"
    damaged.write_bytes(damaged.read_bytes().replace(b"v/$Number", b"z/$Number"))
    report, events = verify(small, prune=True)
    assert not report.sound
    assert events.problems()["x.mpd"] == {"manifest"}
    assert {f"v/{number}.m4s" for number in NUMBERS} <= tree(small).keys()


def test_nothing_is_pruned_without_what_the_manifest_takes_from_elsewhere(
    server: FaultServer, tmp_path: Path
) -> None:
    body = manifest().body
    period = body[body.index(b"<Period>") : body.index(b"</MPD>")]
    named = b'<Period xmlns="urn:mpeg:dash:schema:mpd:2011" duration="PT6S">'
    server.on("/show/p.xml", Answer(period.replace(b"<Period>", named)))
    link = b'<Period xmlns:xlink="http://www.w3.org/1999/xlink" xlink:href="p.xml"/>'
    other = period.replace(b"<Period>", b'<Period duration="PT6S">').replace(b"v/", b"w/")
    url = server.on("/show/x.mpd", Answer(body.replace(period, other + link)))
    summary, _ = mirror(url, tmp_path)
    assert summary.complete
    (tmp_path / ".dashget/remote/index.jsonl").unlink()
    verify(tmp_path, prune=True)
    assert tree(tmp_path).keys() >= FILES


def test_a_manifest_whose_record_line_was_lost_is_recorded_the_next_time(
    server: FaultServer, small: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Of the same size, as with another publishTime.
    server.on("/show/x.mpd", Answer(manifest().body.replace(b'"8000"', b'"9000"')))

    def die(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(MirrorDirectory, "_note", die)
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


def test_after_ctrl_c_nothing_more_is_checked_or_pruned(server: FaultServer, small: Path) -> None:
    server.on("/show/x.mpd", manifest((1, 2)))
    mirror(server.url("/show/x.mpd"), small)
    stop = dashget.Stop()
    stop.request()
    report = dashget.verify(small, dashget.VerifyOptions(prune=True), stop=stop)
    assert report.interrupted
    assert (small / "v/3.m4s").exists()
    assert report.files == 0


@pytest.mark.parametrize("command", ["verify", "get"])
def test_pruning_forgets_what_is_superseded_and_gone(
    server: FaultServer, small: Path, command: str
) -> None:
    """Otherwise each verification would tell of it, for ever."""
    url = server.url("/show/x.mpd")
    server.on("/show/x.mpd", manifest((1, 2)))
    mirror(url, small)
    for name in ("v/3.m4s", "w/3.m4s"):
        (small / name).unlink()
    assert verify(small)[1].problems(notes=True).keys() == {"v/3.m4s", "w/3.m4s"}
    events = (
        verify(small, prune=True)[1] if command == "verify" else mirror(url, small, prune=True)[1]
    )
    assert not [event for event in events if isinstance(event, Pruned)]
    report, events = verify(small)
    assert report.sound
    assert not events.problems(notes=True)


def test_checksums_agree_with_a_record_of_what_was_superseded_and_then_removed(
    server: FaultServer, tmp_path: Path
) -> None:
    url = server.url("/show/x.mpd")
    mirror(url, tmp_path, checksums=True)
    server.on("/show/x.mpd", manifest((1, 2)))
    mirror(url, tmp_path, checksums=True)
    for name in "vw":
        (tmp_path / name / "3.m4s").unlink()
    mirror(url, tmp_path, checksums=True)
    _, events = verify(tmp_path)
    assert events.problems() == {}


def test_a_stray_whose_name_is_no_text_is_told_as_json(small: Path, tmp_path: Path) -> None:
    (small / os.fsdecode(b"x\xff")).touch()
    ended = run("verify", small, "--json", cwd=tmp_path)
    assert ended.code == 0, ended.err
    assert ended.events[0]["path"] == "x\udcff"


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


def test_a_file_is_compared_with_a_server_that_has_it(server: FaultServer, tmp_path: Path) -> None:
    with FaultServer() as empty:
        bases = "".join(f"<BaseURL>{s.url('/show/')}</BaseURL>" for s in (empty, server))
        body = manifest().body.replace(b"<Period>", b"<Period>" + bases.encode())
        summary, _ = mirror(server.on("/show/x.mpd", Answer(body)), tmp_path / "m")
        assert summary.complete
        report, events = verify(tmp_path / "m", remote=True)
        empty.unknown = refuse(503)
        later, _ = verify(tmp_path / "m", remote=True)
    assert events.problems(notes=True) == {}
    assert report.compared == len(FILES)
    assert later.sound


def test_a_manifest_that_could_not_be_written_and_went_back_is_recorded_as_it_is(
    server: FaultServer, small: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = server.on("/show/x.mpd", Answer(manifest().body.replace(b'"8000"', b'"9000"')))
    write = MirrorDirectory.write

    def fail(store: MirrorDirectory, path: str, data: bytes) -> None:
        if path == "x.mpd":
            raise dashget.StoreError("the disk is full")
        write(store, path, data)

    with monkeypatch.context() as patched:
        patched.setattr(MirrorDirectory, "write", fail)
        with pytest.raises(dashget.StoreError):
            mirror(url, small)
    server.on("/show/x.mpd", manifest())
    mirror(url, small)
    _, events = verify(small)
    assert events.problems() == {}


def test_a_note_is_told_once_also_after_a_repair(server: FaultServer, tmp_path: Path) -> None:
    url = server.on("/show/x.mpd", Answer(manifest().body.replace(b' endNumber="3"', b"")))
    server.on("/show/v/3.m4s", refuse(404))
    summary, _ = mirror(url, tmp_path / "m")
    assert summary.complete
    (tmp_path / "m/w/1.m4s").unlink()
    report, events = verify(tmp_path / "m", repair=True)
    notes = [e.path for e in events if isinstance(e, dashget.Finding) and e.note]
    assert report.sound
    assert notes == ["v/3.m4s"]
