"""HTML pages in place of media: with a status of success, and yet no download."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import dashget
from tests.integration.mirror.presentation import manifest, publish, segment
from tests.support.builders import numbered
from tests.support.faultserver import Answer, FaultServer
from tests.support.running import Events

PAGE = b"<!DOCTYPE html><html><head><title>Please sign in</title></head></html>"
REASON = "the server sent an HTML page titled 'Please sign in' instead"
SECOND = "/show/v/2.m4s"
WAYS: list[dict[str, Any]] = [
    {},
    # Not in one go and without a name, but as a part that has one.
    {"checksums": True},
    {"transfer": dashget.TransferOptions(range_threshold=1 << 16, range_size=1 << 16)},
]


def mirror(url: str, root: Path, **options: Any) -> tuple[dashget.Summary, Events]:
    events = Events()
    return dashget.mirror(url, root=root, **options, observer=events), events


@pytest.fixture(params=WAYS, ids=["whole", "part", "ranges"])
def way(request: pytest.FixtureRequest) -> dict[str, Any]:
    """Give options that have files come in one of the ways in which they do."""
    return dict(request.param)


@pytest.mark.parametrize("size", [0, 300_000])
def test_an_html_page_is_not_stored_as_media_even_with_status_200(
    server: FaultServer, tmp_path: Path, way: dict[str, Any], size: int
) -> None:
    url = publish(server)
    server.on(SECOND, Answer(PAGE + b" " * size, etag='"page"'))
    summary, events = mirror(url, tmp_path, **way)
    assert not summary.complete
    (failure,) = summary.failures
    assert (failure.path, failure.reason) == ("v/2.m4s", REASON)
    assert (failure.status, failure.attempts) == (200, 3)
    assert failure.hint is not None
    assert "browser" in failure.hint
    assert events.outcomes() == {
        "v/1.m4s": "downloaded", "v/2.m4s": "failed", "v/3.m4s": "downloaded"
    }  # fmt: skip
    assert not (tmp_path / "v/2.m4s").exists()
    # It vanishes when nothing is unfinished.
    assert not (tmp_path / ".dashget/parts").exists()
    assert '"path":"v/2.m4s"' not in (tmp_path / ".dashget/record.jsonl").read_text()


def test_a_json_document_is_not_stored_as_media_of_unknown_type(
    server: FaultServer, tmp_path: Path, way: dict[str, Any]
) -> None:
    url = publish(server)
    server.on(SECOND, Answer(b'{"a": 1}'))
    summary, _ = mirror(url, tmp_path, **way)
    (failure,) = summary.failures
    assert (failure.path, failure.status) == ("v/2.m4s", 200)
    assert "JSON" in failure.reason
    assert not (tmp_path / "v/2.m4s").exists()


def test_a_file_that_was_a_page_for_a_moment_is_fetched_again(
    server: FaultServer, tmp_path: Path, way: dict[str, Any]
) -> None:
    url = publish(server)
    server.on(SECOND, Answer(PAGE), Answer(PAGE), segment(2))
    summary, events = mirror(url, tmp_path, **way)
    assert summary.complete
    assert (tmp_path / "v/2.m4s").read_bytes() == bytes([2]) * 2000
    retries = [event for event in events if isinstance(event, dashget.RetryScheduled)]
    assert [(event.path, event.reason) for event in retries] == [("v/2.m4s", REASON)] * 2
    finished = [e for e in events if isinstance(e, dashget.FileFinished) and e.path == "v/2.m4s"]
    assert [(event.attempts, event.status) for event in finished] == [(3, 200)]


def test_another_base_may_have_the_file_itself(
    server: FaultServer, tmp_path: Path, way: dict[str, Any]
) -> None:
    for number in (1, 2, 3):
        server.on(f"/portal/v/{number}.m4s", Answer(PAGE))
        server.on(f"/good/v/{number}.m4s", segment(number))
    bases = "<BaseURL>/portal/</BaseURL><BaseURL>/good/</BaseURL>"
    url = server.on("/show/x.mpd", manifest(numbered(), period=bases))
    summary, events = mirror(url, tmp_path, **way)
    assert summary.complete
    assert set(events.outcomes().values()) == {"downloaded"}
    assert len(server.asked("/portal/v/2.m4s")) == len(server.asked("/good/v/2.m4s")) == 1


def test_a_good_file_stays_where_the_server_has_a_page_now(
    server: FaultServer, tmp_path: Path, way: dict[str, Any]
) -> None:
    url = publish(server)
    mirror(url, tmp_path, **way)
    server.on(SECOND, Answer(PAGE))
    summary, events = mirror(url, tmp_path, recheck=True, **way)
    assert events.outcomes()["v/2.m4s"] == "failed"
    assert not summary.complete
    assert (tmp_path / "v/2.m4s").read_bytes() == bytes([2]) * 2000


def test_a_server_that_has_pages_mostly_is_not_asked_for_each_of_them_again(
    server: FaultServer, tmp_path: Path
) -> None:
    for number in range(1, 151):
        server.on(f"/show/v/{number}.m4s", Answer(PAGE if number % 20 else b"x"))
    long = manifest(numbered()).body.replace(b"PT6S", b"PT300S")
    summary, _ = mirror(server.on("/show/x.mpd", Answer(long)), tmp_path)
    assert len(summary.failures) == 143
    # And some for a file that has come: its host is at work.
    assert 0 <= summary.requests - (1 + 150 + 100) <= 8


@pytest.mark.parametrize(
    "body",
    [
        b"WEBVTT\n", b"<?xml version='1.0'?><tt/>", b"<tt/>", b"\n\n", b"\xef\xbb\xbfWEBVTT",
        b"<",
    ],
)  # fmt: skip
def test_other_content_is_mirrored_as_the_server_sends_it(
    server: FaultServer, tmp_path: Path, way: dict[str, Any], body: bytes
) -> None:
    url = publish(server)
    server.on(SECOND, Answer(body))
    summary, _ = mirror(url, tmp_path, **way)
    assert summary.complete
    assert (tmp_path / "v/2.m4s").read_bytes() == body
