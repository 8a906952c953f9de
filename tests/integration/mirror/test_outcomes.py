"""Outcomes of the files of a run, and what events and summary say of them."""

from __future__ import annotations

import base64
import json
import threading
from pathlib import Path
from typing import Any

import pytest

import dashget
from dashget.events import Event
from tests.integration.mirror.presentation import manifest, periods, publish, segment
from tests.support.builders import FILLER, numbered
from tests.support.faultserver import Answer, FaultServer, refuse
from tests.support.running import mirror, verify


@pytest.mark.usefixtures("few_and_many_files")
def test_every_planned_file_ends_with_an_outcome_and_the_summary_counts_them(
    server: FaultServer, tmp_path: Path
) -> None:
    summary, events = mirror(publish(server), tmp_path / "m")
    assert events.outcomes() == {f"v/{n}.m4s": "downloaded" for n in (1, 2, 3)}
    assert summary == events[-1]
    assert summary.complete
    assert (summary.files, summary.bytes, summary.requests) == (3, 6000, 4)
    assert summary.outcomes == {dashget.Outcome.DOWNLOADED: 3}
    assert isinstance(events[0], dashget.ManifestLoaded)
    assert next(e for e in events if isinstance(e, dashget.TrackPlanned)).segments == 3
    for number in (1, 2, 3):
        assert (tmp_path / f"m/v/{number}.m4s").read_bytes() == bytes([number]) * 2000


@pytest.mark.usefixtures("few_and_many_files")
def test_a_complete_mirror_costs_only_the_request_for_the_manifest(
    server: FaultServer, tmp_path: Path
) -> None:
    url = publish(server)
    mirror(url, tmp_path)
    server.seen.clear()
    summary, events = mirror(url, tmp_path)
    assert [seen.path for seen in server.seen] == ["/show/x.mpd"]
    assert set(events.outcomes().values()) == {"present"}
    assert (summary.requests, summary.files) == (1, 3)


@pytest.mark.usefixtures("few_and_many_files")
def test_a_file_that_is_there_without_a_record_is_adopted_by_size(
    server: FaultServer, tmp_path: Path
) -> None:
    url = publish(server)
    (tmp_path / "v").mkdir()
    (tmp_path / "v/2.m4s").write_bytes(bytes([2]) * 2000)
    summary, events = mirror(url, tmp_path)
    assert events.outcomes()["v/2.m4s"] == "adopted"
    assert [seen.method for seen in server.asked("/show/v/2.m4s")] == ["HEAD"]
    assert summary.complete
    server.seen.clear()
    mirror(url, tmp_path)
    assert len(server.seen) == 1


@pytest.mark.usefixtures("few_and_many_files")
def test_a_file_of_another_size_is_fetched_and_the_old_one_kept_aside(
    server: FaultServer, tmp_path: Path
) -> None:
    (tmp_path / "v").mkdir()
    (tmp_path / "v/2.m4s").write_bytes(b"short")
    summary, events = mirror(publish(server), tmp_path)
    assert events.outcomes()["v/2.m4s"] == "downloaded"
    assert summary.files == 3
    assert (tmp_path / "v/2.m4s").read_bytes() == bytes([2]) * 2000
    assert (tmp_path / ".dashget/replaced/v/2.m4s").read_bytes() == b"short"


@pytest.mark.parametrize(
    ("query", "more", "told"),
    [("?token=SECRET", None, True), ("?token=SECRET", "a=b", False), ("", None, False)],
)
def test_a_hint_names_the_token_that_files_may_lack(
    server: FaultServer, tmp_path: Path, query: str, more: str | None, *, told: bool
) -> None:
    added = f"{'&' if query else '?'}{more}" if more else ""
    server.on(f"/show/x.mpd{query}{added}", manifest(numbered()))
    server.unknown = refuse(403)
    transfer = dashget.TransferOptions(append_query=more)
    summary = dashget.mirror(server.url(f"/show/x.mpd{query}"), root=tmp_path, transfer=transfer)
    hints = {failure.hint for failure in summary.failures}
    assert len(hints) == 1
    assert ("--append-query" in str(hints)) is told
    assert "SECRET" not in str(hints)


def test_where_head_is_refused_one_byte_tells_the_size(server: FaultServer, tmp_path: Path) -> None:
    url = publish(server)
    (tmp_path / "v").mkdir()
    (tmp_path / "v/2.m4s").write_bytes(bytes([2]) * 2000)
    server.on("/show/v/2.m4s", refuse(405), segment(2))
    _, events = mirror(url, tmp_path)
    assert events.outcomes()["v/2.m4s"] == "adopted"
    assert server.asked("/show/v/2.m4s")[1].headers["range"] == "bytes=0-0"


@pytest.mark.parametrize("status", [403, 404, 410, 400, 405, 451, 501])
def test_a_refusal_of_a_moment_is_asked_about_at_the_end(
    server: FaultServer, tmp_path: Path, status: int
) -> None:
    url = publish(server)
    server.on("/show/v/1.m4s", refuse(status), segment(1))
    summary, events = mirror(url, tmp_path)
    assert summary.complete
    assert events.outcomes()["v/1.m4s"] == "downloaded"
    assert [seen.path for seen in server.seen][-1] == "/show/v/1.m4s"


@pytest.mark.parametrize(("status", "requests"), [(403, 2), (404, 2), (401, 1), (407, 1)])
def test_a_lasting_refusal_is_asked_about_once_more_at_most(
    server: FaultServer, tmp_path: Path, status: int, requests: int
) -> None:
    url = publish(server)
    server.on("/show/v/1.m4s", refuse(status))
    summary, _ = mirror(url, tmp_path)
    assert [failure.path for failure in summary.failures] == ["v/1.m4s"]
    assert len(server.asked("/show/v/1.m4s")) == requests


def test_one_missing_file_does_not_stop_the_others(server: FaultServer, tmp_path: Path) -> None:
    url = publish(server)
    server.on("/show/v/2.m4s", refuse(404))
    summary, events = mirror(url, tmp_path)
    assert events.outcomes() == {
        "v/1.m4s": "downloaded",
        "v/2.m4s": "failed",
        "v/3.m4s": "downloaded",
    }
    assert not summary.complete
    (failure,) = summary.failures
    assert (failure.path, failure.status, failure.attempts) == ("v/2.m4s", 404, 2)
    assert "404" in failure.reason
    assert not (tmp_path / "v/2.m4s").exists()


def test_the_record_tells_of_each_run_which_files_are_missing(
    server: FaultServer, tmp_path: Path
) -> None:
    url = publish(server)
    server.on("/show/v/2.m4s", refuse(404))
    summary, _ = mirror(url, tmp_path)
    server.on("/show/v/2.m4s", segment(2))
    assert mirror(url, tmp_path)[0].complete
    lines = [
        json.loads(line) for line in (tmp_path / ".dashget/record.jsonl").read_text().splitlines()
    ]
    (told,) = [line for line in lines if "failed" in line]
    (failure,) = summary.failures
    assert told.pop("time").endswith("Z")
    assert told == {
        "failed": "v/2.m4s",
        "url": server.url("/show/v/2.m4s"),
        "reason": failure.reason,
        "attempts": 2,
        "status": 404,
    }
    assert verify(tmp_path)[0].sound


@pytest.mark.usefixtures("few_and_many_files")
def test_a_file_that_is_missing_for_a_moment_is_asked_for_again_at_the_end(
    server: FaultServer, tmp_path: Path
) -> None:
    url = publish(server)
    server.on("/show/v/2.m4s", refuse(404), segment(2))
    summary, events = mirror(url, tmp_path / "m")
    assert summary.complete
    assert [seen.path for seen in server.seen].index("/show/v/3.m4s") < len(server.seen) - 1
    assert server.seen[-1].path == "/show/v/2.m4s"
    (retry,) = [e for e in events if isinstance(e, dashget.RetryScheduled)]
    assert (retry.path, retry.attempt, retry.reason) == ("v/2.m4s", 1, "HTTP 404 Not Found")
    (end,) = [e for e in events if isinstance(e, dashget.FileFinished) and e.path == "v/2.m4s"]
    assert (end.outcome, end.attempts) == (dashget.Outcome.DOWNLOADED, 2)


def test_many_missing_files_are_not_all_asked_for_again(
    server: FaultServer, tmp_path: Path
) -> None:
    count = 130
    url = publish(server, numbered(extra=f'endNumber="{count}"'))
    for number in range(1, count + 1):
        there = number % 20 == 0
        server.on(f"/show/v/{number}.m4s", Answer(b"x") if there else refuse(404))
    summary, _ = mirror(url, tmp_path / "m")
    assert summary.outcomes == {dashget.Outcome.FAILED: count - 6, dashget.Outcome.DOWNLOADED: 6}
    assert len(server.seen) == 1 + count + 100
    assert {failure.attempts for failure in summary.failures} == {1, 2}


def test_the_event_of_a_finished_file_says_how_it_came(server: FaultServer, tmp_path: Path) -> None:
    url = publish(server)
    headers = (("Age", "7"), ("X-Cache", "HIT"), ("Via", "1.1 v"))
    answer = Answer(b"abc", etag='"1"', headers=headers)
    server.on("/show/v/1.m4s", answer)
    _, events = mirror(url, tmp_path / "m")
    (end,) = [e for e in events if isinstance(e, dashget.FileFinished) and e.path == "v/1.m4s"]
    assert (end.http, end.status, end.transferred, end.attempts) == ("1.1", 200, 3, 1)
    assert end.remote == f"127.0.0.1:{server.port}"
    assert end.cache == {"age": "7", "x-cache": "HIT", "via": "1.1 v"}
    assert end.first_byte_seconds is not None
    assert end.seconds is not None
    assert 0 <= end.first_byte_seconds <= end.seconds


@pytest.mark.usefixtures("few_and_many_files")
def test_the_same_url_twice_is_one_request_and_one_file(
    server: FaultServer, tmp_path: Path
) -> None:
    url = publish(server, numbered() + numbered())
    summary, _ = mirror(url, tmp_path)
    assert summary.files == 3
    assert len(server.seen) == 4


@pytest.mark.usefixtures("few_and_many_files")
def test_a_resource_that_several_ranges_share_is_stored_once_whole(
    server: FaultServer, tmp_path: Path
) -> None:
    server.on("/show/v.mp4", Answer(bytes(range(200)), etag='"v"'))
    content = (
        f'<AdaptationSet {FILLER}><Representation id="v" bandwidth="1">'
        '<BaseURL>v.mp4</BaseURL><SegmentList duration="3"><Initialization range="0-9"/>'
        '<SegmentURL mediaRange="10-99"/><SegmentURL mediaRange="100-199"/></SegmentList>'
        "</Representation></AdaptationSet>"
    )
    summary, _ = mirror(server.on("/show/x.mpd", manifest(content)), tmp_path)
    assert summary.files == 1
    assert (tmp_path / "v.mp4").read_bytes() == bytes(range(200))
    assert len(server.asked("/show/v.mp4")) == 1


def test_a_dry_run_writes_nothing(server: FaultServer, tmp_path: Path) -> None:
    url = publish(server)
    summary, events = mirror(url, tmp_path / "m", dry_run=True)
    assert not (tmp_path / "m").exists()
    assert set(events.outcomes().values()) == {"planned"}
    assert summary.dry_run
    assert summary.bytes_estimated == 6000
    assert len(server.seen) == 1


def test_a_stop_ends_the_run_in_order_and_the_next_one_completes_it(
    server: FaultServer, tmp_path: Path
) -> None:
    url = publish(server)
    stop = dashget.Stop()
    held = threading.Event()
    server.on(
        "/show/v/2.m4s",
        Answer(segment(2).body, etag='"2"', hold=held, note=lambda _: stop.request()),
    )
    summary, _ = mirror(url, tmp_path, stop=stop)
    held.set()
    assert summary.interrupted
    assert not summary.complete
    assert not (tmp_path / "v/2.m4s").exists()
    server.on("/show/v/2.m4s", segment(2))
    again, _ = mirror(url, tmp_path)
    assert again.complete
    assert again.files == 3


def test_a_stop_before_the_start_fetches_nothing_more(server: FaultServer, tmp_path: Path) -> None:
    stop = dashget.Stop()
    stop.request()
    with pytest.raises(dashget.ManifestFetchError):
        mirror(publish(server), tmp_path, stop=stop)


def test_an_observer_is_never_called_twice_at_once(server: FaultServer, tmp_path: Path) -> None:
    url = publish(server, numbered() + numbered("w/$Number$.m4s"))
    for number in (1, 2, 3):
        server.on(f"/show/w/{number}.m4s", segment(number))
    busy = threading.Lock()

    def observe(event: Event, /) -> None:
        assert busy.acquire(blocking=False)
        busy.release()

    assert dashget.mirror(
        url, root=tmp_path, transfer=dashget.TransferOptions(in_flight=6), observer=observe
    ).complete


@pytest.mark.usefixtures("few_and_many_files")
def test_templates_that_differ_in_their_identifier_alone_share_no_files(
    server: FaultServer, tmp_path: Path
) -> None:
    for name in ("1", "2", "3", "00001", "00002", "00003"):
        server.on(f"/show/v/{name}.m4s", Answer(name.encode()))
    both = periods(numbered(), numbered("v/$Number%05d$.m4s"), durations=(6, 6))
    summary, _ = mirror(server.on("/show/x.mpd", both), tmp_path)
    assert summary.files == 6
    assert (tmp_path / "v/00002.m4s").read_bytes() == b"00002"


def test_a_failed_file_reports_the_answer_of_its_server(
    server: FaultServer, tmp_path: Path
) -> None:
    url = publish(server)
    server.on("/show/v/2.m4s", refuse(503, X_Cache="MISS", Via="1.1 edge7", Age="0"))
    _, events = mirror(url, tmp_path)
    failed = next(e for e in events if isinstance(e, dashget.FileFinished) and e.status == 503)
    assert (failed.path, failed.http) == ("v/2.m4s", "1.1")
    assert failed.cache == {"x-cache": "MISS", "via": "1.1 edge7", "age": "0"}
    assert failed.remote == f"127.0.0.1:{server.port}"
    assert failed.first_byte_seconds is not None
    assert failed.seconds is not None


def test_a_failed_file_without_an_answer_reports_none(server: FaultServer, tmp_path: Path) -> None:
    url = publish(server)
    server.on("/show/v/2.m4s", Answer(drop="close"))
    _, events = mirror(url, tmp_path)
    failed = next(e for e in events if isinstance(e, dashget.FileFinished) and e.path == "v/2.m4s")
    assert failed.outcome is dashget.Outcome.FAILED
    assert (failed.http, failed.remote, failed.cache, failed.seconds) == (None,) * 4


def test_a_failed_comparison_with_the_server_is_reported(
    server: FaultServer, tmp_path: Path
) -> None:
    url = publish(server)
    mirror(url, tmp_path)
    for number in (1, 2, 3):
        server.on(f"/show/v/{number}.m4s", refuse(500))
    summary, events = mirror(url, tmp_path, recheck=True)
    assert not summary.complete or any(isinstance(e, dashget.Warned) for e in events)


@pytest.mark.usefixtures("few_and_many_files")
def test_the_bytes_received_for_all_files_add_up_to_the_summary(
    server: FaultServer, tmp_path: Path
) -> None:
    url = publish(server)
    bad = base64.b64encode(bytes(16)).decode()
    spoilt = Answer(bytes([1]) * 2000, headers=(("Content-MD5", bad),))
    server.on("/show/v/1.m4s", spoilt, segment(1))
    (tmp_path / "v").mkdir()
    (tmp_path / "v/2.m4s").write_bytes(b"short")
    summary, events = mirror(url, tmp_path)
    files = [e for e in events if isinstance(e, dashget.FileFinished)]
    assert sum(e.transferred for e in files) == summary.transferred


def test_a_root_may_be_given_as_text(server: FaultServer, tmp_path: Path) -> None:
    root: Any = str(tmp_path / "m")
    summary, _ = mirror(publish(server), root)
    assert summary.complete
    assert dashget.verify(root).files == 3
