"""``verify --remote``: comparison of a mirror with its server."""

from __future__ import annotations

import base64
import hashlib
import random
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

import dashget
from tests.integration.verify.presentation import (
    FILES,
    LATER,
    MODIFIED,
    NUMBERS,
    asked,
    manifest,
    segment,
    serve,
)
from tests.support.certificates import Authority
from tests.support.faultserver import Answer, FaultServer, refuse
from tests.support.program import run
from tests.support.running import mirror, verify


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
def test_files_changed_on_the_server_are_named_and_repaired(
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
def test_files_that_cannot_be_compared_are_not_called_unsound(
    server: FaultServer, small: Path, tmp_path: Path, status: int, words: tuple[str, ...]
) -> None:
    for name in FILES:
        server.on(f"/show/{name}", refuse(status))
    ended = run("verify", small, "--remote", "--retries", "0", cwd=tmp_path)
    assert ended.code == 1
    assert f"No errors here: {len(FILES)} files" in ended.out
    assert f"{len(FILES)} files could not be compared with the server" in ended.out
    assert "Found " not in ended.out
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
    assert "No errors here: " in ended.out
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


def test_files_from_another_base_url_are_compared_there(
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
    summary, events = mirror(server.url("/show/x.mpd"), root, recheck=True)
    assert set(events.outcomes().values()) == {"present"}
    assert summary.warnings == 0
    assert dead.seen == []


def test_other_base_urls_are_asked_where_the_source_of_a_file_has_no_answer(
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


def test_files_found_damaged_are_not_compared_with_the_server(
    server: FaultServer, small: Path
) -> None:
    (small / "v/2.m4s").unlink()
    verify(small, remote=True)
    assert asked(server, "HEAD") == {*FILES, "x.mpd"} - {"v/2.m4s"}


def test_a_manifest_that_has_changed_on_the_server_is_a_note(
    server: FaultServer, small: Path
) -> None:
    server.on("/show/x.mpd", Answer(b"<MPD>another</MPD>", etag='"another"'))
    report, events = verify(small, remote=True)
    assert report.sound
    assert events.problems(notes=True) == {"x.mpd": {"changed-on-server"}}


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


LARGE = segment(2, random.Random(2).randbytes(300_000))


@pytest.fixture
def large(server: FaultServer, small: Path) -> Path:
    """The mirror with one segment of which samples are compared, not all of it."""
    serve(server, "v/2.m4s", LARGE)
    (small / "v/2.m4s").unlink()
    assert mirror(server.url("/show/x.mpd"), small)[0].complete
    server.seen.clear()
    return small


def test_samples_make_a_note_of_a_file_whose_validators_differ(
    server: FaultServer, large: Path
) -> None:
    serve(server, "v/2.m4s", LARGE, etag='"another"', last_modified=LATER)
    report, events = verify(large, remote=True)
    assert report.sound
    assert events.problems(notes=True) == {"v/2.m4s": {"changed-on-server"}}
    (finding,) = [event for event in events if isinstance(event, dashget.Finding)]
    assert finding.message.endswith("its size and samples of it are the same")
    assert len([seen for seen in server.seen if "range" in seen.headers]) == 3
    verify(large, remote=True, repair=True)
    assert not [
        s for s in server.asked("/show/v/2.m4s") if s.method == "GET" and "range" not in s.headers
    ]


@pytest.mark.parametrize("place", [0, len(LARGE) // 2, len(LARGE) - 1])
def test_a_sample_that_differs_is_a_change(server: FaultServer, large: Path, place: int) -> None:
    changed = bytearray(LARGE)
    changed[place] ^= 1
    serve(server, "v/2.m4s", bytes(changed), etag='"another"')
    _, events = verify(large, remote=True)
    assert events.problems() == {"v/2.m4s": {"changed-on-server"}}


def test_a_checksum_that_the_server_states_proves_a_file_whose_validators_differ(
    server: FaultServer, large: Path
) -> None:
    value = base64.b64encode(hashlib.sha256(LARGE).digest()).decode()
    headers = (("Repr-Digest", f"sha-256=:{value}:"),)
    serve(server, "v/2.m4s", LARGE, etag='"another"', last_modified=LATER, headers=headers)
    _, events = verify(large, remote=True)
    assert not [event for event in events if isinstance(event, dashget.Finding)]
    assert asked(server, "GET") == set()
    value = base64.b64encode(hashlib.sha256(LARGE[::-1]).digest()).decode()
    headers = (("Repr-Digest", f"sha-256=:{value}:"),)
    serve(server, "v/2.m4s", LARGE, etag='"another"', headers=headers)
    _, events = verify(large, remote=True)
    assert events.problems() == {"v/2.m4s": {"changed-on-server"}}


def test_a_small_file_with_a_later_time_is_compared_whole(server: FaultServer, small: Path) -> None:
    serve(server, "v/2.m4s", segment(2), etag='"another"', last_modified=LATER)
    report, events = verify(small, remote=True)
    assert report.sound
    assert not [event for event in events if isinstance(event, dashget.Finding)]


@pytest.mark.parametrize("length", [-len(segment(2)), -5, 7], ids=["0", "less", "more"])
def test_a_head_that_tells_another_size_is_not_believed(
    server: FaultServer, small: Path, length: int
) -> None:
    good = Answer(segment(2), etag='"v/2.m4s"', last_modified=MODIFIED)
    server.on("/show/v/2.m4s", replace(good, length=length), good)
    report, events = verify(small, remote=True)
    assert events.problems() == {}
    assert report.compared == len(FILES)
    assert [seen.method for seen in server.asked("/show/v/2.m4s")] == ["HEAD", "GET"]


@pytest.mark.parametrize("status", [400, 403, 500, 501])
@pytest.mark.parametrize(
    ("length", "problem"), [(7, "changed-on-server"), (-len(segment(2)), "not-compared")]
)
def test_a_head_is_believed_where_no_range_is_answered_unless_it_tells_nothing(
    server: FaultServer, small: Path, length: int, problem: str, status: int
) -> None:
    good = Answer(segment(2), etag='"v/2.m4s"', last_modified=MODIFIED)
    server.on("/show/v/2.m4s", replace(good, length=length, to_range=refuse(status)))
    _, events = verify(small, remote=True)
    assert events.problems() | events.problems(notes=True) == {"v/2.m4s": {problem}}


def test_files_of_which_only_the_etag_differs_are_looked_at_before_they_count_as_changed(
    server: FaultServer, small: Path
) -> None:
    for name in FILES - {"init.mp4"}:
        data = (small / name).read_bytes()
        serve(server, name, data, etag='"of another edge"')
    # The same size and time, and other bytes.
    serve(server, "v/2.m4s", segment(2, b"n" * 2000), etag='"another"')
    report, events = verify(small, remote=True)
    assert events.problems() == {"v/2.m4s": {"changed-on-server"}}
    assert report.compared == len(FILES)
    (warning,) = events.warnings()
    assert "(5 files): its ETags do not identify versions" in warning
    assert asked(server, "GET") == FILES - {"init.mp4"}
