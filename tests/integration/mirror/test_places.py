"""Mirrors that are stored elsewhere than in a directory: in a place that answers late.

The whole program runs over ``MemoryPlace``: plan, engine and a server on loopback, record,
verification. Nothing in it may take a file for stored before its place has answered.
"""

from __future__ import annotations

import asyncio
import errno
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import dashget
from dashget.common.stopping import Stop
from dashget.errors import InUseError, StoreError
from dashget.events import Event, FileFinished, Outcome, RetryScheduled, Summary
from dashget.mirroring.options import MirrorOptions
from dashget.store import Backend, LocalDirectory, Mirror, RefusedError
from dashget.transfer.settings.options import TransferOptions
from dashget.verification.findings import Finding, Problem, Report
from dashget.verification.verify import VerifyOptions
from tests.integration.mirror.presentation import MODIFIED, manifest
from tests.support.builders import initialization, media_segment, numbered
from tests.support.faultserver import Answer, FaultServer
from tests.support.memoryplace import DiedError, MemoryPlace
from tests.support.program import tree

COUNT = 12
BODIES = {
    f"v/{number}.m4s": initialization() + media_segment(number, bytes([number]) * (2000 + number))
    for number in range(1, COUNT + 1)
}
"""Each file is decodable by itself: the manifest names no initialization segment."""
LARGE = media_segment(1, os.urandom(9 << 20))
TRANSFER = TransferOptions(in_flight=4, retries=1)


@pytest.fixture
def place() -> Iterator[MemoryPlace]:
    with MemoryPlace() as memory:
        yield memory


@pytest.fixture
def url(server: FaultServer) -> str:
    for path, body in BODIES.items():
        server.on(f"/show/{path}", Answer(body, etag=f'"{path}"', last_modified=MODIFIED))
    content = numbered(extra=f'endNumber="{COUNT}"')
    return server.on("/show/x.mpd", Answer(manifest(content).body.replace(b"PT6S", b"PT24S")))


def mirror(
    url: str,
    place: Backend,
    events: list[Event] | None = None,
    stop: Stop | None = None,
    **options: Any,
) -> Summary:
    events = [] if events is None else events
    with dashget.Session(TRANSFER) as session:
        loaded = session.open(url)
        return session.mirror(
            loaded, place, MirrorOptions(**options), observer=events.append, stop=stop
        )


def verify(place: Backend, **options: bool) -> tuple[Report, list[Finding]]:
    events: list[Event] = []
    with dashget.Session(TRANSFER) as session:
        report = session.verify(place, VerifyOptions(**options), observer=events.append)
    return report, [event for event in events if isinstance(event, Finding)]


def outcomes(events: list[Event]) -> dict[str, Outcome]:
    return {event.path: event.outcome for event in events if isinstance(event, FileFinished)}


def segments_asked(server: FaultServer, method: str) -> list[str]:
    return sorted(
        seen.path.removeprefix("/show/")
        for seen in server.seen
        if seen.method == method and seen.path.endswith(".m4s")
    )


def test_a_mirror_in_memory_has_the_files_and_the_record_of_one_in_a_directory(
    url: str, place: MemoryPlace, tmp_path: Path
) -> None:
    local = LocalDirectory(tmp_path / "m")
    assert mirror(url, local).complete
    assert mirror(url, place).complete
    assert place.files() == tree(tmp_path / "m")
    recorded = []
    for backend in (local, place):
        records = Mirror(backend, read_only=True).records()
        recorded.append(
            {entry.path: (entry.url, entry.size, entry.etag, entry.sha256) for entry in records}
        )
        records.close()
    assert recorded[0] == recorded[1]


def test_the_functions_and_their_async_twins_take_a_place(url: str, place: MemoryPlace) -> None:
    async def main() -> None:
        assert (await dashget.aio.mirror(url, place, transfer=TRANSFER)).complete
        assert (await dashget.aio.verify(place)).sound

    asyncio.run(main())
    again = dashget.mirror(url, place, transfer=TRANSFER)
    assert again.complete
    assert again.transferred == 0
    assert dashget.verify(place).sound


def test_a_place_is_told_the_content_type_of_each_file(
    url: str, place: MemoryPlace, server: FaultServer
) -> None:
    typed = ("Content-Type", "video/mp4")
    server.on("/show/v/2.m4s", Answer(BODIES["v/2.m4s"], headers=(typed,)))
    server.on("/show/v/3.m4s", Answer(LARGE, headers=(typed,)))
    assert mirror(url, place).complete
    types = {path: place.content_types[path] for path in ("v/1.m4s", "v/2.m4s", "v/3.m4s")}
    assert types == {"v/1.m4s": None, "v/2.m4s": "video/mp4", "v/3.m4s": "video/mp4"}


def test_a_file_is_reported_only_after_its_place_has_answered(url: str, place: MemoryPlace) -> None:
    early = []

    class Watching(list[Event]):
        def append(self, event: Event, /) -> None:
            if isinstance(event, FileFinished) and event.path not in place.answered:
                early.append(event.path)
            super().append(event)

    events = Watching()
    summary = mirror(url, place, events)
    assert early == []
    assert summary.outcomes == {Outcome.DOWNLOADED: COUNT}
    assert place.most_waiting > 1, "several files were pending at once"
    assert place.answered != sorted(place.answered, key=list(BODIES).index), "out of order"
    assert set(outcomes(events)) == set(BODIES)


def test_a_place_that_answers_at_once_is_as_good(url: str) -> None:
    with MemoryPlace(batch=0) as place:
        assert mirror(url, place).complete
        assert place.most_waiting == 0


def test_a_second_run_asks_for_no_segment(
    url: str, place: MemoryPlace, server: FaultServer
) -> None:
    mirror(url, place)
    server.seen.clear()
    summary = mirror(url, place)
    assert summary.outcomes == {Outcome.PRESENT: COUNT}
    assert segments_asked(server, "GET") == segments_asked(server, "HEAD") == []


def test_a_file_that_is_refused_for_the_moment_is_fetched_again_at_the_end(
    url: str, place: MemoryPlace
) -> None:
    place.refusals["v/3.m4s"] = [RefusedError("slow down", temporary=True)] * 2
    events: list[Event] = []
    summary = mirror(url, place, events)
    assert summary.complete
    assert place.objects["v/3.m4s"] == BODIES["v/3.m4s"]
    retries = [event for event in events if isinstance(event, RetryScheduled)]
    assert [(event.path, event.reason) for event in retries] == [
        ("v/3.m4s", "cannot be stored: slow down")
    ] * 2
    finished = [event for event in events if isinstance(event, FileFinished)]
    assert finished[-1].path == "v/3.m4s"
    assert finished[-1].attempts == 3


@pytest.mark.parametrize("count", [1, 3])
def test_a_file_that_is_refused_fails_alone(url: str, place: MemoryPlace, count: int) -> None:
    place.refusals["v/3.m4s"] = [RefusedError("not allowed", temporary=count > 1)] * count
    summary = mirror(url, place)
    (failure,) = summary.failures
    assert (failure.path, failure.reason) == ("v/3.m4s", "cannot be stored: not allowed")
    assert summary.outcomes == {Outcome.DOWNLOADED: COUNT - 1, Outcome.FAILED: 1}
    assert place.files().keys() & BODIES.keys() == BODIES.keys() - {"v/3.m4s"}
    assert mirror(url, place).complete, "and the next run fetches it"


def test_a_place_that_is_full_ends_the_run_and_the_next_one_goes_on(
    url: str, server: FaultServer
) -> None:
    with MemoryPlace(capacity=20_000) as place:
        events: list[Event] = []
        with pytest.raises(StoreError, match="cannot write v/") as caught:
            mirror(url, place, events)
        assert caught.value.hint is not None
        stored = set(place.answered)
        assert stored
        reported = {
            path for path, outcome in outcomes(events).items() if outcome is Outcome.DOWNLOADED
        }
        assert reported == stored, "what was stored while others did not fit is not forgotten"
        assert isinstance(events[-1], Summary)
        place.capacity = None
        server.seen.clear()
        assert mirror(url, place).complete
        assert not set(segments_asked(server, "GET")) & stored
        assert place.files().items() >= BODIES.items()


def test_a_place_that_another_process_holds_is_refused(url: str, place: MemoryPlace) -> None:
    place.claim("2026-01-02T12:00:00Z")
    with pytest.raises(InUseError, match=r"memory is in use by process .* on cloud since 2026"):
        mirror(url, place)
    place.release()
    assert mirror(url, place).complete


def test_another_presentation_is_refused_and_the_claim_given_back(
    url: str, place: MemoryPlace, server: FaultServer
) -> None:
    mirror(url, place)
    other = server.on("/show/y.mpd", manifest(numbered()))
    for _ in range(2):
        with pytest.raises(StoreError, match="holds another presentation") as caught:
            mirror(other, place)
        assert not isinstance(caught.value, InUseError)


def test_a_kill_between_upload_and_record_costs_one_head_request(
    url: str, place: MemoryPlace, server: FaultServer
) -> None:
    place.dies_before_recording = "v/5.m4s"
    with pytest.raises(DiedError):
        mirror(url, place)
    place.kill()
    place.dies_before_recording = None
    stored = place.files().keys() & BODIES.keys()
    assert "v/5.m4s" in stored
    server.seen.clear()
    events: list[Event] = []
    assert mirror(url, place, events).complete
    assert outcomes(events)["v/5.m4s"] is Outcome.ADOPTED
    assert "v/5.m4s" in segments_asked(server, "HEAD")
    assert not set(segments_asked(server, "GET")) & stored
    assert verify(place)[0].sound


def test_a_large_file_in_parallel_ranges_is_held_and_uploaded_whole(
    url: str, place: MemoryPlace, server: FaultServer
) -> None:
    server.on("/show/v/1.m4s", Answer(LARGE, etag='"large"', last_modified=MODIFIED))
    assert mirror(url, place, checksums=True).complete
    assert place.objects["v/1.m4s"] == LARGE
    assert verify(place)[0].checksummed >= COUNT


def test_a_file_that_keeps_breaking_off_starts_again_in_the_next_run(
    url: str, place: MemoryPlace, server: FaultServer
) -> None:
    whole = Answer(LARGE, etag='"large"', last_modified=MODIFIED, ranges=False)
    broken = Answer(LARGE, etag='"large"', last_modified=MODIFIED, ranges=False, cut=6 << 20)
    server.on("/show/v/1.m4s", broken)
    summary = mirror(url, place)
    assert [failure.path for failure in summary.failures] == ["v/1.m4s"]
    assert (summary.kept_files, summary.kept_bytes) == (0, 0)
    assert "v/1.m4s" not in place.objects
    server.on("/show/v/1.m4s", whole)
    assert mirror(url, place).complete
    assert place.objects["v/1.m4s"] == LARGE


def test_a_body_that_differs_from_its_digest_is_never_uploaded(
    url: str, place: MemoryPlace, server: FaultServer
) -> None:
    digest = ("Content-MD5", "AAAAAAAAAAAAAAAAAAAAAA==")
    server.on("/show/v/1.m4s", Answer(BODIES["v/1.m4s"], headers=(digest,)))
    server.on("/show/v/2.m4s", Answer(LARGE, headers=(digest,)))
    summary = mirror(url, place)
    assert {failure.path for failure in summary.failures} == {"v/1.m4s", "v/2.m4s"}
    assert not {"v/1.m4s", "v/2.m4s"} & place.objects.keys()


def test_a_changed_manifest_and_foreign_files_are_kept_beside(
    url: str, place: MemoryPlace, server: FaultServer
) -> None:
    place.objects["v/1.m4s"] = b"somebody's own"
    place.objects["x.mpd"] = b"<foreign/>"
    mirror(url, place)
    assert place.objects[".dashget/replaced/v/1.m4s"] == b"somebody's own"
    assert place.objects[".dashget/replaced/x.mpd"] == b"<foreign/>"
    first = place.objects["x.mpd"]
    changed = first.replace(b'"8000"', b'"9000"')
    server.on("/show/x.mpd", Answer(changed))
    mirror(url, place)
    kept = [data for path, data in place.objects.items() if path.startswith(".dashget/manifests/")]
    assert (kept, place.objects["x.mpd"]) == ([first], changed)


def test_a_mirror_in_memory_is_verified_and_repaired(url: str, place: MemoryPlace) -> None:
    mirror(url, place, checksums=True)
    report, findings = verify(place, remote=True)
    assert (report.errors, report.compared, findings) == (0, COUNT, [])
    place.objects["v/2.m4s"] = b"x" * len(BODIES["v/2.m4s"])
    del place.objects["v/3.m4s"]
    place.objects["notes.txt"] = b"mine"
    report, findings = verify(place)
    assert not report.sound
    assert {(finding.path, finding.problem) for finding in findings} == {
        ("v/2.m4s", Problem.CHECKSUM),
        ("v/3.m4s", Problem.MISSING),
        ("notes.txt", Problem.STRAY),
    }
    report, _ = verify(place, repair=True)
    assert report.sound
    assert report.repaired == 2
    assert place.files().items() >= BODIES.items()


def test_files_that_the_manifest_no_longer_names_are_pruned(
    url: str, place: MemoryPlace, server: FaultServer
) -> None:
    mirror(url, place)
    fewer = place.objects["x.mpd"].replace(b'endNumber="12"', b'endNumber="2"')
    server.on("/show/x.mpd", Answer(fewer))
    assert mirror(url, place, prune=True).complete
    assert place.files().keys() & BODIES.keys() == {"v/1.m4s", "v/2.m4s"}


def test_a_run_that_is_stopped_still_reports_the_files_that_it_handed_over(
    url: str, place: MemoryPlace
) -> None:
    stop = Stop()

    class Stopping(list[Event]):
        def append(self, event: Event, /) -> None:
            super().append(event)
            if isinstance(event, FileFinished):
                stop.request()

    events = Stopping()
    summary = mirror(url, place, events, stop=stop)
    assert summary.interrupted
    downloaded = {
        path for path, outcome in outcomes(events).items() if outcome is Outcome.DOWNLOADED
    }
    assert downloaded == set(place.answered)
    assert mirror(url, place).complete


def test_a_dry_run_changes_nothing(url: str, place: MemoryPlace) -> None:
    summary = mirror(url, place, dry_run=True)
    assert summary.outcomes == {Outcome.PLANNED: COUNT}
    assert place.objects == {}


def test_an_error_of_the_place_itself_is_not_swallowed(url: str, place: MemoryPlace) -> None:
    place.refusals["v/3.m4s"] = [OSError(errno.EACCES, "Permission denied")]
    summary = mirror(url, place)
    assert [failure.reason for failure in summary.failures] == [
        "cannot be stored: Permission denied"
    ]
    assert isinstance(summary, dashget.Summary)
