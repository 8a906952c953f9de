"""``dashget.mirror`` against a server that does what each case needs."""

from __future__ import annotations

import base64
import contextlib
import errno
import os
import threading
from pathlib import Path
from typing import Any

import pytest

import dashget
from dashget.common import compactmap
from dashget.events import Event
from dashget.store import FileRecord, MirrorDirectory, parts
from tests.support.faultserver import Answer, FaultServer, redirect, refuse

MODIFIED = "Mon, 02 Nov 2026 10:00:00 GMT"


@pytest.fixture(autouse=True, params=["few", "many"])
def _files(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run each case a second time as in a mirror of so many files that strings are not kept."""
    if request.param == "many":
        monkeypatch.setattr(compactmap, "RECENT_AT_MOST", 1)


def manifest(content: str, *, period: str = "", attributes: str = "") -> Answer:
    return Answer(
        (
            '<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" profiles="p" '
            f'minBufferTime="PT1S" mediaPresentationDuration="PT6S" {attributes}>{period}'
            f"<Period>{content}</Period></MPD>"
        ).encode()
    )


def numbered(media: str = "v/$Number$.m4s", extra: str = "") -> str:
    return (
        f'<AdaptationSet mimeType="video/mp4"><SegmentTemplate duration="2" media="{media}" {extra}/>'
        '<Representation id="v" bandwidth="8000"/></AdaptationSet>'
    )


def segment(number: int, size: int = 2000) -> Answer:
    return Answer(bytes([number]) * size, etag=f'"{number}"', last_modified=MODIFIED)


def publish(server: FaultServer, content: str | None = None) -> str:
    """Put three segments and their manifest on the server; return the manifest's URL."""
    for number in (1, 2, 3):
        server.on(f"/show/v/{number}.m4s", segment(number))
    return server.on("/show/x.mpd", manifest(content or numbered()))


class Events(list[Event]):
    def __call__(self, event: Event, /) -> None:
        self.append(event)

    def outcomes(self) -> dict[str, str]:
        return {e.path: e.outcome.value for e in self if isinstance(e, dashget.FileFinished)}


def mirror(
    url: str, root: Path, *, stop: dashget.Stop | None = None, **options: object
) -> tuple[dashget.Summary, Events]:
    events = Events()
    chosen = dashget.MirrorOptions(
        root=root,
        transfer=dashget.TransferOptions(retries=1, backoff_seconds=0.01),
        **options,  # type: ignore[arg-type]
    )
    return dashget.mirror(url, chosen, observer=events, stop=stop), events


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


def test_a_complete_mirror_costs_the_manifest_request_alone(
    server: FaultServer, tmp_path: Path
) -> None:
    url = publish(server)
    mirror(url, tmp_path)
    server.seen.clear()
    summary, events = mirror(url, tmp_path)
    assert [seen.path for seen in server.seen] == ["/show/x.mpd"]
    assert set(events.outcomes().values()) == {"present"}
    assert (summary.requests, summary.files) == (1, 3)


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


def test_a_part_that_has_changed_on_the_server_begins_anew_and_that_is_told(
    server: FaultServer, tmp_path: Path
) -> None:
    url = publish(server)
    server.on("/show/v/2.m4s", Answer(bytes(50_000), etag='"old"', cut=30_000), refuse(503))
    assert not mirror(url, tmp_path)[0].complete
    server.on("/show/v/2.m4s", Answer(b"n" * 40_000, etag='"new"'))
    summary, events = mirror(url, tmp_path)
    assert summary.complete
    assert (tmp_path / "v/2.m4s").read_bytes() == b"n" * 40_000
    (told,) = (e for e in events if isinstance(e, dashget.BegunAnew))
    assert (told.path, told.dropped) == ("v/2.m4s", 30_000)
    assert told.reason == "the resource has changed"
    assert events.outcomes()["v/2.m4s"] == "downloaded"


@pytest.mark.parametrize(
    ("query", "more", "told"),
    [("?token=SECRET", None, True), ("?token=SECRET", "a=b", False), ("", None, False)],
)
def test_a_token_that_files_may_lack_is_hinted_at(
    server: FaultServer, tmp_path: Path, query: str, more: str | None, *, told: bool
) -> None:
    added = f"{'&' if query else '?'}{more}" if more else ""
    server.on(f"/show/x.mpd{query}{added}", manifest(numbered()))
    server.unknown = refuse(403)
    transfer = dashget.TransferOptions(append_query=more)
    options = dashget.MirrorOptions(root=tmp_path, transfer=transfer)
    summary = dashget.mirror(server.url(f"/show/x.mpd{query}"), options)
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


def test_the_very_last_derived_segment_may_be_absent(server: FaultServer, tmp_path: Path) -> None:
    url = publish(server)
    server.on("/show/v/3.m4s", refuse(404))
    summary, events = mirror(url, tmp_path)
    assert events.outcomes()["v/3.m4s"] == "absent"
    assert summary.complete


def test_a_last_segment_that_the_manifest_numbers_may_not(
    server: FaultServer, tmp_path: Path
) -> None:
    url = publish(server, numbered(extra='endNumber="3"'))
    server.on("/show/v/3.m4s", refuse(404))
    summary, events = mirror(url, tmp_path)
    assert events.outcomes()["v/3.m4s"] == "failed"
    assert not summary.complete


def test_any_other_error_on_the_last_segment_is_a_failure(
    server: FaultServer, tmp_path: Path
) -> None:
    url = publish(server)
    server.on("/show/v/3.m4s", refuse(403))
    summary, _ = mirror(url, tmp_path)
    assert not summary.complete


def test_a_broken_transfer_goes_on_at_its_byte_in_the_next_run(
    server: FaultServer, tmp_path: Path
) -> None:
    url = publish(server)
    whole = segment(2)
    broken = Answer(whole.body, etag='"2"', last_modified=MODIFIED, cut=700)
    server.on("/show/v/2.m4s", broken, refuse(503))
    first, _ = mirror(url, tmp_path)
    assert first.outcomes[dashget.Outcome.FAILED] == 1
    server.on("/show/v/2.m4s", whole)
    second, events = mirror(url, tmp_path)
    assert events.outcomes()["v/2.m4s"] == "resumed"
    assert server.asked("/show/v/2.m4s")[-1].headers["range"] == "bytes=700-"
    assert second.transferred < 2000
    assert second.complete
    assert not (tmp_path / ".dashget/parts").exists()


def test_a_changed_resource_is_not_patched_together(server: FaultServer, tmp_path: Path) -> None:
    url = publish(server)
    server.on("/show/v/2.m4s", Answer(b"a" * 2000, etag='"old"', cut=700), refuse(503))
    mirror(url, tmp_path)
    server.on("/show/v/2.m4s", Answer(b"b" * 1500, etag='"new"'))
    summary, _ = mirror(url, tmp_path)
    assert summary.complete
    assert (tmp_path / "v/2.m4s").read_bytes() == b"b" * 1500


def test_a_file_that_changes_after_its_beginning_came_is_the_new_one(
    server: FaultServer, tmp_path: Path
) -> None:
    url = publish(server)
    old = Answer(b"old" * 700, etag='"old"', cut=1000)
    server.on("/show/v/2.m4s", old, segment(2))
    summary, _ = mirror(url, tmp_path / "m")
    assert summary.failures == ()
    assert (tmp_path / "m/v/2.m4s").read_bytes() == segment(2).body


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


def test_a_part_of_the_first_round_goes_when_the_second_brings_the_file(
    server: FaultServer, tmp_path: Path
) -> None:
    url = publish(server)
    whole = segment(2, 300_000)
    server.on("/show/v/2.m4s", Answer(whole.body, etag='"1"', cut=100_000),
              refuse(404), whole)  # fmt: skip
    summary, _ = mirror(url, tmp_path / "m")
    assert summary.complete
    assert (tmp_path / "m/v/2.m4s").read_bytes() == whole.body
    assert not (tmp_path / "m/.dashget/parts").exists()


def test_many_missing_files_are_not_all_asked_for_again(
    server: FaultServer, tmp_path: Path
) -> None:
    count = 130
    url = publish(server, numbered(extra=f'endNumber="{count}"'))
    for number in range(1, count + 1):
        server.on(f"/show/v/{number}.m4s", refuse(404))
    summary, _ = mirror(url, tmp_path / "m")
    assert summary.outcomes == {dashget.Outcome.FAILED: count}
    assert len(server.seen) == 1 + count + 100
    assert {failure.attempts for failure in summary.failures} == {1, 2}


def test_the_end_of_a_file_tells_how_it_came(server: FaultServer, tmp_path: Path) -> None:
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


def test_the_same_url_twice_is_one_request_and_one_file(
    server: FaultServer, tmp_path: Path
) -> None:
    url = publish(server, numbered() + numbered())
    summary, _ = mirror(url, tmp_path)
    assert summary.files == 3
    assert len(server.seen) == 4


def test_a_resource_that_several_ranges_share_is_stored_once_whole(
    server: FaultServer, tmp_path: Path
) -> None:
    server.on("/show/v.mp4", Answer(bytes(range(200)), etag='"v"'))
    content = (
        '<AdaptationSet mimeType="video/mp4"><Representation id="v" bandwidth="1">'
        '<BaseURL>v.mp4</BaseURL><SegmentList duration="3"><Initialization range="0-9"/>'
        '<SegmentURL mediaRange="10-99"/><SegmentURL mediaRange="100-199"/></SegmentList>'
        "</Representation></AdaptationSet>"
    )
    summary, _ = mirror(server.on("/show/x.mpd", manifest(content)), tmp_path)
    assert summary.files == 1
    assert (tmp_path / "v.mp4").read_bytes() == bytes(range(200))
    assert len(server.asked("/show/v.mp4")) == 1


def test_a_data_url_is_decoded_not_fetched(server: FaultServer, tmp_path: Path) -> None:
    inline = base64.b64encode(b"\x00init").decode()
    url = publish(server, numbered(extra=f'initialization="data:video/mp4;base64,{inline}"'))
    summary, events = mirror(url, tmp_path)
    assert summary.files == 4
    (path,) = [path for path in events.outcomes() if path.startswith("_data/")]
    assert (tmp_path / path).read_bytes() == b"\x00init"
    assert len(server.seen) == 4


def test_the_next_base_url_is_tried_when_one_lacks_a_segment(
    server: FaultServer, tmp_path: Path
) -> None:
    for number in (1, 2, 3):
        server.on(f"/b/v/{number}.m4s", segment(number))
    bases = "<BaseURL>../a/</BaseURL><BaseURL>../b/</BaseURL>"
    url = server.on("/show/x.mpd", manifest(numbered(), period=bases))
    summary, events = mirror(url, tmp_path)
    assert summary.complete
    assert set(events.outcomes()) == {
        f"_external/127.0.0.1_{server.port}/a/v/{n}.m4s" for n in (1, 2, 3)
    }


def test_a_redirected_manifest_is_the_base_of_its_urls(server: FaultServer, tmp_path: Path) -> None:
    publish(server)
    url = server.on("/latest", redirect("/show/x.mpd"))
    summary, _ = mirror(url, tmp_path)
    assert summary.complete
    assert (tmp_path / "x.mpd").exists()
    assert (tmp_path / "v/1.m4s").exists()


def test_no_file_leaves_the_mirror_whatever_a_manifest_names(
    server: FaultServer, tmp_path: Path
) -> None:
    server.unknown = Answer(b"evil")
    names = [
        "../../../../escaped/$Number$",
        "%2e%2e/%2e%2e/escaped-$Number$",
        "..%2f..%2fescaped-$Number$",
        "..\\..\\escaped-$Number$",
        ".dashget/record.jsonl?$Number$",
        "x.mpd?$Number$",
        "/etc/passwd-$Number$",
        "a%00b-$Number$",
    ]
    url = server.on("/show/x.mpd", manifest("".join(numbered(name) for name in names)))
    root = tmp_path / "deep/er/m"
    summary, _ = mirror(url, root)
    assert summary.complete
    outside = [p for p in tmp_path.rglob("*") if p.is_file() and root not in p.parents]
    assert not outside
    assert (root / "x.mpd").read_bytes().startswith(b"<MPD")
    assert b'"dashget":1' in (root / ".dashget/record.jsonl").read_bytes().splitlines()[0]


@pytest.mark.parametrize("scheme", ["file:///etc/passwd", "ftp://h/x", "gopher://h/x"])
def test_only_http_is_fetched(server: FaultServer, tmp_path: Path, scheme: str) -> None:
    url = server.on("/show/x.mpd", manifest(numbered(scheme)))
    with pytest.raises(dashget.MPDError, match=r"scheme|names a local file"):
        mirror(url, tmp_path)


def test_secrets_stay_with_the_manifests_origin(server: FaultServer, tmp_path: Path) -> None:
    with FaultServer() as other:
        other.unknown = Answer(b"x")
        url = server.on("/show/x.mpd", manifest(numbered(other.url("/$Number$.m4s"))))
        options = dashget.MirrorOptions(
            root=tmp_path,
            transfer=dashget.TransferOptions(
                headers=(("Authorization", "Bearer s3cret"), ("X-Plain", "yes"))
            ),
        )
        assert dashget.mirror(url, options).complete
        assert server.seen[0].headers["authorization"] == "Bearer s3cret"
        assert all("authorization" not in seen.headers for seen in other.seen)
        assert all(seen.headers["x-plain"] == "yes" for seen in other.seen)


def test_credentials_in_the_url_are_sent_but_never_written_down(
    server: FaultServer, tmp_path: Path
) -> None:
    url = publish(server).replace("http://", "http://me:s3cret@")
    summary, _ = mirror(url, tmp_path)
    token = base64.b64encode(b"me:s3cret").decode()
    assert server.seen[0].headers["authorization"] == f"Basic {token}"
    assert "s3cret" not in summary.url
    written = [p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()]
    assert not any(b"s3cret" in content for content in written)


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

    options = dashget.MirrorOptions(root=tmp_path, transfer=dashget.TransferOptions(in_flight=6))
    assert dashget.mirror(url, options, observer=observe).complete


def test_a_root_that_cannot_be_made_is_an_error(server: FaultServer) -> None:
    with pytest.raises(dashget.StoreError, match="not a directory"):
        mirror(publish(server), Path("/dev/null/m"))


def test_a_presentation_that_has_not_begun_says_so(server: FaultServer, tmp_path: Path) -> None:
    document = manifest(numbered(), attributes='availabilityStartTime="2020-01-01T00:00:00Z"')
    body = document.body.replace(b'"static"', b'"dynamic"')
    with pytest.raises(dashget.SelectionError, match="available yet"):
        mirror(server.on("/show/x.mpd", Answer(body)), tmp_path)


def test_a_file_whose_directory_is_taken_fails_alone(server: FaultServer, tmp_path: Path) -> None:
    url = publish(server)
    (tmp_path / "v").write_bytes(b"a file")
    summary, _ = mirror(url, tmp_path)
    assert len(summary.failures) == 3
    assert "cannot be stored" in summary.failures[0].reason
    assert (tmp_path / "v").read_bytes() == b"a file"


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


def test_a_foreign_manifest_is_no_earlier_version(server: FaultServer, tmp_path: Path) -> None:
    (tmp_path / "x.mpd").write_bytes(b"somebody else's")
    summary, events = mirror(publish(server), tmp_path)
    (warning,) = [event.message for event in events if isinstance(event, dashget.Warned)]
    assert warning.startswith("another x.mpd was there that no run has recorded")
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


def test_a_presentation_that_moved_keeps_what_it_has(server: FaultServer, tmp_path: Path) -> None:
    url = publish(server)
    mirror(url, tmp_path)
    server.on("/show/x.mpd?token=2", manifest(numbered()))
    server.seen.clear()
    summary, _ = mirror(f"{url}?token=2", tmp_path, moved=True)
    assert summary.complete
    assert len(server.seen) == 1


def periods(*contents: str, durations: tuple[int, ...]) -> Answer:
    body = "".join(
        f'<Period id="{n}" duration="PT{seconds}S">{content}</Period>'
        for n, (content, seconds) in enumerate(zip(contents, durations, strict=True))
    )
    return Answer(
        '<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" profiles="p" '
        f'minBufferTime="PT1S">{body}</MPD>'.encode()
    )


def test_templates_that_differ_in_their_identifier_alone_share_no_files(
    server: FaultServer, tmp_path: Path
) -> None:
    for name in ("1", "2", "3", "00001", "00002", "00003"):
        server.on(f"/show/v/{name}.m4s", Answer(name.encode()))
    both = periods(numbered(), numbered("v/$Number%05d$.m4s"), durations=(6, 6))
    summary, _ = mirror(server.on("/show/x.mpd", both), tmp_path)
    assert summary.files == 6
    assert (tmp_path / "v/00002.m4s").read_bytes() == b"00002"


@pytest.mark.parametrize("extra", ["", 'endNumber="3"'])
def test_a_last_segment_that_another_period_needs_may_not_be_absent(
    server: FaultServer, tmp_path: Path, extra: str
) -> None:
    for number in (1, 2, 4):
        server.on(f"/show/v/{number}.m4s", segment(number))
    later = 8 if not extra else 6
    both = periods(numbered(), numbered(extra=extra), durations=(6, later))
    summary, events = mirror(server.on("/show/x.mpd", both), tmp_path)
    assert events.outcomes()["v/3.m4s"] == "failed"
    assert not summary.complete


def test_a_part_from_one_server_is_not_continued_from_another(tmp_path: Path) -> None:
    document = tmp_path / "x.mpd"
    document.write_bytes(manifest(numbered()).body)
    with FaultServer() as one, FaultServer() as other:
        for number in (1, 2, 3):
            one.on(f"/v/{number}.m4s", Answer(b"a" * 2000, etag='"same"', cut=900))
            other.on(f"/v/{number}.m4s", Answer(b"b" * 2000, etag='"same"'))
        first, _ = mirror(str(document), tmp_path / "m", base_url=one.url("/x.mpd"))
        assert not first.complete
        second, _ = mirror(str(document), tmp_path / "m", base_url=other.url("/x.mpd"))
        assert second.complete
    for number in (1, 2, 3):
        assert (tmp_path / f"m/v/{number}.m4s").read_bytes() == b"b" * 2000


def test_a_file_from_another_url_is_compared_before_it_counts(
    server: FaultServer, tmp_path: Path
) -> None:
    def version(number: int) -> str:
        for n in (1, 2, 3):
            tag = f'"{number}-{n}"' if n != 3 else '"same"'
            body = b"same" if n == 3 else bytes([number]) * 100
            server.on(f"/show/v/{n}.m4s?v={number}", Answer(body, etag=tag))
        return server.on("/show/x.mpd", manifest(numbered(f"v/$Number$.m4s?v={number}")))

    mirror(version(1), tmp_path)
    summary, events = mirror(version(2), tmp_path)
    assert events.outcomes() == {
        "v/1.m4s": "updated",
        "v/2.m4s": "updated",
        "v/3.m4s": "present",
    }
    assert (tmp_path / "v/1.m4s").read_bytes() == b"\x02" * 100
    server.seen.clear()
    again, _ = mirror(server.url("/show/x.mpd"), tmp_path)
    assert summary.complete
    assert again.requests == 1


def test_another_presentation_does_not_slip_in_behind_a_garbled_record(
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


def test_a_broken_data_url_is_one_failed_file(server: FaultServer, tmp_path: Path) -> None:
    url = publish(server, numbered(extra='initialization="data:video/mp4;base64,!!!"'))
    summary, _ = mirror(url, tmp_path)
    assert summary.files == 3
    assert "base64" in summary.failures[0].reason


@pytest.mark.parametrize("base", ["http://[::1/", "http://h:99999/", "http://h:abc/"])
def test_a_base_url_that_cannot_be_one_is_an_error_of_the_manifest(
    server: FaultServer, tmp_path: Path, base: str
) -> None:
    url = server.on("/show/x.mpd", manifest(numbered(), period=f"<BaseURL>{base}</BaseURL>"))
    with pytest.raises(dashget.MPDError, match=r"not a valid URL|cannot be"):
        mirror(url, tmp_path)


def test_a_directory_in_the_way_is_named_and_nothing_is_fetched_for_it(
    server: FaultServer, tmp_path: Path
) -> None:
    (tmp_path / "v/2.m4s").mkdir(parents=True)
    summary, _ = mirror(publish(server), tmp_path)
    assert [(f.path, f.reason) for f in summary.failures] == [
        ("v/2.m4s", "a directory of this name is in the way")
    ]
    assert not server.asked("/show/v/2.m4s")


# Files that come whole, in runs where something else went wrong before.


def open_files() -> set[str]:
    """Return what this process has open under a name or without one, sockets aside."""
    found = set()
    for entry in os.listdir("/proc/self/fd"):
        with contextlib.suppress(FileNotFoundError):
            found.add(f"{entry} {os.readlink(f'/proc/self/fd/{entry}')}")
    return {text for text in found if "socket" not in text}


needs_proc = pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="Linux only")


@needs_proc
def test_a_second_answer_without_the_digest_of_a_bad_first_one_is_taken(
    server: FaultServer, tmp_path: Path
) -> None:
    """Edges of a CDN differ in what they send."""
    url = publish(server)
    wrong = base64.b64encode(bytes(32)).decode()
    bad = Answer(bytes([2]) * 2000, headers=(("Repr-Digest", f"sha-256=:{wrong}:"),))
    server.on("/show/v/2.m4s", bad, segment(2))
    before = open_files()
    summary, events = mirror(url, tmp_path)
    assert summary.complete
    assert events.outcomes()["v/2.m4s"] == "downloaded"
    assert (tmp_path / "v/2.m4s").read_bytes() == bytes([2]) * 2000
    assert open_files() == before


@needs_proc
@pytest.mark.parametrize("checksums", [False, True])
def test_a_file_that_cannot_be_put_is_let_go_of(
    server: FaultServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, checksums: bool
) -> None:
    def refuse_to_write(*_: object) -> int:
        raise OSError(errno.EFBIG, os.strerror(errno.EFBIG))

    url = publish(server)
    monkeypatch.setattr(parts, "_pwritev", refuse_to_write)
    before = open_files()
    summary, events = mirror(url, tmp_path, checksums=checksums)
    assert set(events.outcomes().values()) == {"failed"}
    assert len(summary.failures) == 3
    assert open_files() == before


@needs_proc
def test_a_file_whose_place_cannot_be_cleared_is_let_go_of(
    server: FaultServer, tmp_path: Path
) -> None:
    url = publish(server)
    (tmp_path / "v").mkdir()
    (tmp_path / "v/2.m4s").write_bytes(b"somebody's own")
    (tmp_path / ".dashget").mkdir()
    (tmp_path / ".dashget/replaced").write_bytes(b"in the way")
    before = open_files()
    summary, events = mirror(url, tmp_path)
    assert events.outcomes()["v/2.m4s"] == "failed"
    assert len(summary.failures) == 1
    assert (tmp_path / "v/2.m4s").read_bytes() == b"somebody's own"
    assert open_files() == before


def test_of_a_file_that_failed_it_is_told_what_its_server_said(
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


def test_of_a_file_that_nobody_answered_for_nothing_is_told(
    server: FaultServer, tmp_path: Path
) -> None:
    url = publish(server)
    server.on("/show/v/2.m4s", Answer(drop="close"))
    _, events = mirror(url, tmp_path)
    failed = next(e for e in events if isinstance(e, dashget.FileFinished) and e.path == "v/2.m4s")
    assert failed.outcome is dashget.Outcome.FAILED
    assert (failed.http, failed.remote, failed.cache, failed.seconds) == (None,) * 4


@pytest.mark.parametrize("status", [404, 403, 500])
def test_a_file_from_another_url_that_cannot_be_compared_does_not_count(
    server: FaultServer, tmp_path: Path, status: int
) -> None:
    def version(number: int) -> str:
        for n in (1, 2, 3):
            body = bytes([number]) * 100
            server.on(f"/show/v/{n}.m4s?v={number}", Answer(body, etag=f'"{number}-{n}"'))
        return server.on("/show/x.mpd", manifest(numbered(f"v/$Number$.m4s?v={number}")))

    mirror(version(1), tmp_path)
    url = version(2)
    server.on("/show/v/1.m4s?v=2", refuse(status))
    summary, events = mirror(url, tmp_path)
    assert events.outcomes()["v/1.m4s"] == "failed"
    assert not summary.complete


@pytest.mark.parametrize("damage", ["gone", "cut", "another version"])
def test_a_last_segment_that_was_there_once_is_not_absent(
    server: FaultServer, tmp_path: Path, damage: str
) -> None:
    url = publish(server)
    mirror(url, tmp_path)
    last = tmp_path / "v/3.m4s"
    if damage == "gone":
        last.unlink()
    elif damage == "cut":
        last.write_bytes(b"cut")
    else:
        for number in (1, 2):
            server.on(f"/show/v/{number}.m4s?v=2", segment(number))
        server.on("/show/x.mpd", manifest(numbered("v/$Number$.m4s?v=2")))
    server.on("/show/v/3.m4s", refuse(404))
    summary, events = mirror(url, tmp_path)
    assert events.outcomes()["v/3.m4s"] == "failed"
    assert not summary.complete


@pytest.mark.parametrize("second", [refuse(503), refuse(403), Answer(drop="close")])
def test_a_last_segment_is_absent_only_where_every_server_says_so(
    server: FaultServer, tmp_path: Path, second: Answer
) -> None:
    with FaultServer() as other:
        for number in (1, 2):
            server.on(f"/show/v/{number}.m4s", segment(number))
        other.on("/show/v/3.m4s", second)
        bases = "".join(f"<BaseURL>{s.url('/show/')}</BaseURL>" for s in (server, other))
        summary, events = mirror(server.on("/show/x.mpd", manifest(bases + numbered())), tmp_path)
    assert events.outcomes()["v/3.m4s"] == "failed"
    assert not summary.complete


def test_the_only_segment_of_a_representation_is_not_absent(
    server: FaultServer, tmp_path: Path
) -> None:
    document = Answer(manifest(numbered()).body.replace(b"PT6S", b"PT1S"))
    summary, events = mirror(server.on("/show/x.mpd", document), tmp_path)
    assert events.outcomes() == {"v/1.m4s": "failed"}
    assert not summary.complete


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
def test_nothing_is_pruned_when_a_remote_period_cannot_be_had(
    server: FaultServer, tmp_path: Path, answer: Answer
) -> None:
    url = with_remote_period(server)
    first, _ = mirror(url, tmp_path)
    assert first.files == 6
    server.on("/show/p.xml", answer)
    mirror(url, tmp_path, prune=True)
    assert (tmp_path / "w/1.m4s").exists()


def test_a_remote_period_that_cannot_be_had_makes_no_complete_mirror(
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
    assert mirror(url, tmp_path)[0].complete, "its own content is used, as the standard has it"


def test_a_version_that_came_whole_but_got_no_name_is_not_joined_to_another(
    server: FaultServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = publish(server)
    first, second = b"1" * 2_000_000, b"2" * 10_000
    server.on("/show/v/1.m4s", Answer(first, etag='"1"', cut=5_000), refuse(403))
    mirror(url, tmp_path)
    server.on("/show/v/1.m4s", Answer(second, etag='"2"'))
    replace = os.replace

    def no_room(source: str | Path, target: str | Path) -> None:
        if str(target).endswith("v/1.m4s"):
            raise OSError(errno.EDQUOT, os.strerror(errno.EDQUOT), str(target))
        replace(source, target)

    with monkeypatch.context() as patched:
        patched.setattr(os, "replace", no_room)
        with pytest.raises(dashget.StoreError):
            mirror(url, tmp_path)
    server.on("/show/v/1.m4s", Answer(first, etag='"1"'))
    mirror(url, tmp_path)
    assert (tmp_path / "v/1.m4s").read_bytes() == first


def test_a_part_that_is_longer_than_its_resource_is_fetched_anew(
    server: FaultServer, tmp_path: Path
) -> None:
    url = publish(server)
    body = b"1" * 100_000
    server.on("/show/v/1.m4s", Answer(body, etag='"1"', cut=5_000), refuse(403))
    mirror(url, tmp_path)
    (part,) = (tmp_path / ".dashget/parts").glob("*.part")
    part.write_bytes(body + b"more")
    server.on("/show/v/1.m4s", Answer(body, etag='"1"'))
    summary, _ = mirror(url, tmp_path)
    assert summary.complete
    assert (tmp_path / "v/1.m4s").read_bytes() == body


def test_a_comparison_with_the_server_that_fails_is_told(
    server: FaultServer, tmp_path: Path
) -> None:
    url = publish(server)
    mirror(url, tmp_path)
    for number in (1, 2, 3):
        server.on(f"/show/v/{number}.m4s", refuse(500))
    summary, events = mirror(url, tmp_path, verify=True)
    assert not summary.complete or any(isinstance(e, dashget.Warned) for e in events)


def test_no_checksum_is_made_of_a_file_that_is_known_to_be_damaged(
    server: FaultServer, tmp_path: Path
) -> None:
    url = publish(server)
    mirror(url, tmp_path)
    (tmp_path / "v/2.m4s").write_bytes(b"cut")
    server.on("/show/v/2.m4s", refuse(503))
    summary, _ = mirror(url, tmp_path, checksums=True)
    assert len(summary.failures) == 1
    assert "v/2.m4s" not in (tmp_path / "SHA256SUMS").read_text()


@pytest.mark.parametrize("name", ["SHA256SUMS", "x.local.mpd"])
def test_a_file_of_somebodys_own_is_kept_aside_for_dashgets(
    server: FaultServer, tmp_path: Path, name: str
) -> None:
    (tmp_path / name).write_bytes(b"somebody's own")
    url = publish(server)
    for _ in range(2):
        mirror(url, tmp_path, checksums=True)
    assert (tmp_path / ".dashget/replaced" / name).read_bytes() == b"somebody's own"


def test_what_the_files_of_a_run_received_adds_up_to_the_summary(
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


def test_a_file_that_cannot_be_pruned_is_an_error_of_the_store(
    server: FaultServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = publish(server)
    mirror(url, tmp_path)
    server.on("/show/x.mpd", Answer(manifest(numbered()).body.replace(b"PT6S", b"PT4S")))

    def refused(path: str) -> None:
        raise OSError(errno.EPERM, os.strerror(errno.EPERM), path)

    monkeypatch.setattr(os, "unlink", refused)
    events = Events()
    options = dashget.MirrorOptions(root=tmp_path, prune=True)
    with pytest.raises(dashget.StoreError):
        dashget.mirror(url, options, observer=events)
    assert isinstance(events[-1], dashget.Summary)


def test_a_data_url_may_spell_its_scheme_in_capitals(server: FaultServer, tmp_path: Path) -> None:
    url = publish(server, numbered(extra='initialization="DATA:video/mp4;base64,AAAA"'))
    summary, _ = mirror(url, tmp_path)
    assert summary.complete
    assert summary.files == 4


def test_a_data_url_whose_place_is_taken_fails_alone(server: FaultServer, tmp_path: Path) -> None:
    url = publish(server, numbered(extra='initialization="data:video/mp4;base64,AAAA"'))
    (tmp_path / "_data").write_bytes(b"somebody's own")
    summary, _ = mirror(url, tmp_path)
    assert (summary.files, len(summary.failures)) == (3, 1)


def test_of_a_run_that_the_disk_ends_every_file_that_was_asked_for_has_an_outcome(
    server: FaultServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = publish(server)
    server.on("/show/v/1.m4s", refuse(404))
    finish = MirrorDirectory.finish_unnamed

    def no_room(store: MirrorDirectory, descriptor: int, record: FileRecord) -> None:
        if record.path == "v/3.m4s":
            os.close(descriptor)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        finish(store, descriptor, record)

    monkeypatch.setattr(MirrorDirectory, "finish_unnamed", no_room)
    events = Events()
    options = dashget.MirrorOptions(
        root=tmp_path, transfer=dashget.TransferOptions(in_flight=1, retries=0)
    )
    with pytest.raises(dashget.StoreError):
        dashget.mirror(url, options, observer=events)
    assert "v/1.m4s" in events.outcomes()


def test_a_root_may_be_given_as_text(server: FaultServer, tmp_path: Path) -> None:
    root: Any = str(tmp_path / "m")
    summary, _ = mirror(publish(server), root)
    assert summary.complete
    assert dashget.verify(root).files == 3


def test_a_file_that_is_named_otherwise_now_is_not_pruned_under_its_old_name(
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
