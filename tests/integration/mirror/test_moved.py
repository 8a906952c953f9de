"""``--moved`` to another host with the same bytes: what can be proved to be the same is kept."""

from __future__ import annotations

import base64
import hashlib
import random
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import dashget
from tests.integration.mirror.presentation import MODIFIED, manifest
from tests.support.builders import numbered
from tests.support.faultserver import Answer, FaultServer, redirect, refuse
from tests.support.program import run
from tests.support.running import Events, mirror, verify

LATER = "Tue, 03 Nov 2026 10:00:00 GMT"
NUMBERS = (1, 2, 3)
BODIES = {
    number: random.Random(number).randbytes(size)
    for number, size in zip(NUMBERS, (300_000, 50_000, 90_000), strict=True)
}
"""The second one is small enough to be compared whole."""


def publish(server: FaultServer, bodies: dict[int, bytes] = BODIES, **more: Any) -> str:
    """Put the presentation on a server; ``more`` are fields of each segment's answer."""
    options = {"last_modified": LATER, **more}
    for number, body in bodies.items():
        server.on(f"/show/v/{number}.m4s", Answer(body, **options))
    return server.on("/show/x.mpd", manifest(numbered()))


def move(server: FaultServer, root: Path, **options: Any) -> tuple[dashget.Summary, Events]:
    server.seen.clear()
    return mirror(server.url("/show/x.mpd"), root, moved=True, **options)


def received(server: FaultServer) -> int:
    """Return how many requests for segments asked for a body."""
    return sum(s.method == "GET" and s.path != "/show/x.mpd" for s in server.seen)


@pytest.fixture
def other() -> Iterator[FaultServer]:
    with FaultServer() as server:
        yield server


@pytest.fixture(params=[True, False], ids=["with checksums", "without"])
def here(request: pytest.FixtureRequest, server: FaultServer, tmp_path: Path) -> Path:
    """A mirror of the presentation, made from the first server."""
    url = publish(server, last_modified=MODIFIED, etag='"1"')
    assert mirror(url, tmp_path, checksums=request.param)[0].complete
    return tmp_path


def test_samples_prove_what_is_not_fetched_again(other: FaultServer, here: Path) -> None:
    publish(other, etag='"2"')
    summary, events = move(other, here)
    assert summary.complete
    assert events.outcomes() == {f"v/{number}.m4s": "present" for number in NUMBERS}
    assert summary.sampled == 2
    assert summary.transferred == 50_000 + 2 * 3 * 16 * 1024
    assert received(other) == 1 + 2 * 3
    other.seen.clear()
    assert mirror(other.url("/show/x.mpd"), here)[0].complete
    assert [seen.path for seen in other.seen] == ["/show/x.mpd"]
    # What was asked there is compared by its new validators from now on.
    assert move(other, here, recheck=True)[0].sampled == 0
    assert received(other) == 0


def test_a_server_without_validators_is_not_believed_for_its_sizes(
    other: FaultServer, here: Path
) -> None:
    publish(other, last_modified=None)
    assert move(other, here)[0].sampled == 2
    publish(other, {**BODIES, 1: BODIES[1][::-1]}, last_modified=None)
    assert move(other, here)[0].complete
    (here / ".dashget/record.jsonl").write_bytes(
        (here / ".dashget/record.jsonl").read_bytes().replace(b"127.0.0.1", b"127.0.0.2")
    )
    _, events = move(other, here)
    assert events.outcomes()["v/1.m4s"] == "updated"
    assert (here / "v/1.m4s").read_bytes() == BODIES[1][::-1]


@pytest.mark.parametrize("place", [0, 149_999, 299_999])
def test_a_byte_that_differs_in_a_sample_has_the_file_fetched(
    other: FaultServer, here: Path, place: int
) -> None:
    changed = bytearray(BODIES[1])
    changed[place] ^= 1
    publish(other, {**BODIES, 1: bytes(changed)})
    summary, events = move(other, here)
    assert summary.complete
    assert events.outcomes()["v/1.m4s"] == "updated"
    assert (here / "v/1.m4s").read_bytes() == changed


def test_any_byte_that_differs_in_a_small_file_is_found(other: FaultServer, here: Path) -> None:
    changed = bytearray(BODIES[2])
    changed[20_000] ^= 1
    publish(other, {**BODIES, 2: bytes(changed)})
    _, events = move(other, here)
    assert events.outcomes()["v/2.m4s"] == "updated"
    assert (here / "v/2.m4s").read_bytes() == changed


def structured(body: bytes) -> str:
    return f"sha-256=:{base64.b64encode(hashlib.sha256(body).digest()).decode()}:"


def plain_md5(body: bytes) -> str:
    return base64.b64encode(hashlib.md5(body).digest()).decode()


STATED = {
    "Repr-Digest": structured,
    "Digest": lambda body: f"md5={plain_md5(body)}",
    "Content-MD5": plain_md5,
    "ETag": lambda body: f'"{hashlib.md5(body).hexdigest()}"',
    "x-goog-hash": lambda body: f"crc32c=AAAAAA==,md5={plain_md5(body)}",
    "x-ms-blob-content-md5": plain_md5,
    "x-amz-checksum-sha256": lambda body: base64.b64encode(hashlib.sha256(body).digest()).decode(),
}


@pytest.mark.parametrize("name", STATED)
def test_a_checksum_that_the_server_states_proves_all_of_a_file(
    other: FaultServer, here: Path, name: str
) -> None:
    url = publish(other)
    for number, body in BODIES.items():
        headers = ((name, STATED[name](body)),)
        other.on(f"/show/v/{number}.m4s", Answer(body, headers=headers, last_modified=LATER))
    for recheck in (False, True):
        summary, events = move(other, here, recheck=recheck)
        assert set(events.outcomes().values()) == {"present"}
        assert summary.sampled == received(other) == 0
    assert mirror(url, here)[0].complete


@pytest.mark.parametrize("name", STATED)
def test_another_checksum_never_keeps_a_file_that_differs(
    other: FaultServer, here: Path, name: str
) -> None:
    changed = bytearray(BODIES[1])
    changed[100_000] ^= 1
    publish(other, {**BODIES, 1: bytes(changed)})
    headers = ((name, STATED[name](bytes(changed))),)
    other.on("/show/v/1.m4s", Answer(bytes(changed), headers=headers, last_modified=LATER))
    summary, events = move(other, here, recheck=True)
    assert summary.complete
    assert events.outcomes()["v/1.m4s"] == "updated"
    assert (here / "v/1.m4s").read_bytes() == changed


def test_verify_takes_no_sample_for_a_proof(other: FaultServer, here: Path) -> None:
    changed = bytearray(BODIES[1])
    changed[100_000] ^= 1
    publish(other, {**BODIES, 1: bytes(changed)})
    summary, events = move(other, here, recheck=True)
    assert set(events.outcomes().values()) == {"updated"}
    assert summary.sampled == 0
    assert (here / "v/1.m4s").read_bytes() == changed


def test_a_server_without_ranges_is_asked_for_whole_files(other: FaultServer, here: Path) -> None:
    publish(other, ranges=False)
    summary, events = move(other, here)
    assert summary.complete
    assert events.outcomes() == {
        "v/1.m4s": "updated",
        "v/2.m4s": "present",
        "v/3.m4s": "updated",
    }


def test_a_file_that_is_not_as_it_was_recorded_is_fetched(
    server: FaultServer, other: FaultServer, tmp_path: Path
) -> None:
    mirror(publish(server, last_modified=MODIFIED), tmp_path, checksums=True)
    rotten = bytearray(BODIES[1])
    rotten[100_000] ^= 1
    (tmp_path / "v/1.m4s").write_bytes(rotten)
    publish(other)
    summary, events = move(other, tmp_path)
    assert summary.complete
    assert events.outcomes()["v/1.m4s"] == "updated"
    assert (tmp_path / "v/1.m4s").read_bytes() == BODIES[1]


def test_a_dry_run_tells_what_would_be_compared_from_what_would_be_fetched(
    other: FaultServer, here: Path, tmp_path: Path
) -> None:
    publish(other)
    (here / "v/2.m4s").unlink()
    url = other.url("/show/x.mpd")
    ended = run("get", url, "-o", here, "--moved", "--dry-run", "--json", cwd=tmp_path)
    assert ended.events[-1]["outcomes"] == {"uncompared": 2, "planned": 1}
    ended = run("get", url, "-o", here, "--moved", "--dry-run", cwd=tmp_path)
    assert "1 to fetch, 2 to compare with the server" in ended.err
    assert {seen.path for seen in other.seen} == {"/show/x.mpd"}


def test_the_summary_says_how_many_files_only_samples_have_proved(
    other: FaultServer, here: Path, tmp_path: Path
) -> None:
    publish(other)
    ended = run("get", other.url("/show/x.mpd"), "-o", here, "--moved", "-v", cwd=tmp_path)
    assert ended.code == 0
    assert "2 files compared by samples of the bytes only" in ended.err
    assert "present: v/1.m4s (300 kB): compared by samples" in ended.err


def test_a_run_that_is_stopped_among_the_samples_goes_on_later(
    other: FaultServer, here: Path
) -> None:
    stop = dashget.Stop()
    publish(other, note=lambda seen: stop.request() if "range" in seen.headers else None)
    summary, events = move(other, here, stop=stop)
    assert summary.interrupted
    assert set(events.outcomes().values()) <= {"present", "cancelled"}
    assert len(events.outcomes()) == len(NUMBERS)
    publish(other)
    summary, events = move(other, here)
    assert set(events.outcomes().values()) == {"present"}


def test_a_server_that_refuses_head_is_asked_for_ranges(other: FaultServer, here: Path) -> None:
    url = publish(other)
    for number, body in BODIES.items():
        good = Answer(body, last_modified=LATER)
        other.on(f"/show/v/{number}.m4s", refuse(405), good)
    summary, events = mirror(url, here, moved=True)
    assert summary.sampled == 2
    assert set(events.outcomes().values()) == {"present"}


def test_samples_follow_a_redirect(server: FaultServer, other: FaultServer, here: Path) -> None:
    publish(other)
    for number, body in BODIES.items():
        target = server.on(f"/cdn/{number}.m4s", Answer(body, last_modified=LATER))
        other.on(f"/show/v/{number}.m4s", redirect(target))
    summary, events = move(other, here)
    assert summary.sampled == 2
    assert set(events.outcomes().values()) == {"present"}


def test_samples_come_from_the_base_that_has_answered(other: FaultServer, here: Path) -> None:
    with FaultServer() as third:
        publish(third)
        base = f"<BaseURL>{other.url('/show/')}</BaseURL><BaseURL>{third.url('/show/')}</BaseURL>"
        url = other.on("/show/x.mpd", manifest(numbered(), period=base))
        summary, events = mirror(url, here, moved=True)
        assert summary.sampled == 2
        assert set(events.outcomes().values()) == {"present"}
        assert received(other) == 0


def test_a_sample_that_meets_a_temporary_failure_is_asked_for_again(
    other: FaultServer, here: Path
) -> None:
    publish(other)
    good = Answer(BODIES[1], last_modified=LATER)
    busy = replace(good, to_range=refuse(503))
    other.on("/show/v/1.m4s", good, busy, replace(good, to_range=Answer(drop="close")), good)
    summary, events = move(other, here)
    assert summary.sampled == 2
    assert set(events.outcomes().values()) == {"present"}


BAD_RANGES: dict[str, dict[str, Any]] = {
    "all as 206": {"all_as_206": True},
    "short": {"at_most": 100},
    "shifted": {"range_shift": 1},
    "another size": {"total_shift": 1},
    "refused": {"to_range": refuse(403)},
    "text": {"to_range": Answer(b"Forbidden", ranges=False)},
    "gzip": {"coding": "gzip"},
}


@pytest.mark.parametrize("way", BAD_RANGES)
def test_no_range_that_cannot_be_trusted_is_a_proof(
    other: FaultServer, here: Path, way: str
) -> None:
    changed = bytearray(BODIES[1])
    changed[10] ^= 1
    publish(other)
    bad = BAD_RANGES[way]
    good = Answer(bytes(changed), last_modified=LATER)
    other.on("/show/v/1.m4s", replace(good, **bad))
    summary, events = move(other, here)
    assert summary.complete
    assert events.outcomes()["v/1.m4s"] == "updated"
    assert (here / "v/1.m4s").read_bytes() == changed


@pytest.mark.parametrize("etag", [None, '"2"'])
def test_an_empty_file_needs_no_proof(
    server: FaultServer, other: FaultServer, tmp_path: Path, etag: str | None
) -> None:
    bodies = {**BODIES, 2: b""}
    mirror(publish(server, bodies, last_modified=MODIFIED), tmp_path, accept_odd=True)
    publish(other, bodies, etag=etag)
    _, events = move(other, tmp_path, accept_odd=True)
    assert set(events.outcomes().values()) == {"present"}


def test_what_was_accepted_although_it_is_odd_stays_so(
    server: FaultServer, other: FaultServer, tmp_path: Path
) -> None:
    media = manifest(numbered(kind='mimeType="video/mp4"'))
    for each in (server, other):
        publish(each, etag=f'"{each.port}"')
        each.on("/show/x.mpd", media)
    assert mirror(server.url("/show/x.mpd"), tmp_path, accept_odd=True)[0].complete
    _, events = move(other, tmp_path, accept_odd=True)
    assert set(events.outcomes().values()) == {"present"}
    assert verify(tmp_path)[0].sound


def test_a_move_that_was_interrupted_goes_on_without_the_option(
    other: FaultServer, here: Path
) -> None:
    stop = dashget.Stop()
    publish(other, note=lambda seen: stop.request() if "range" in seen.headers else None)
    move(other, here, stop=stop)
    publish(other)
    summary, events = mirror(other.url("/show/x.mpd"), here)
    assert summary.complete
    assert set(events.outcomes().values()) == {"present"}
