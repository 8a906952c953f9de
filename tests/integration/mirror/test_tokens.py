"""URLs that hold for a while only: with ``--moved`` an unfinished file goes on at the next one."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import dashget
from tests.integration.mirror.presentation import MODIFIED
from tests.support.builders import initialization, media_segment, mpd, numbered
from tests.support.faultserver import Answer, FaultServer, refuse
from tests.support.program import run
from tests.support.running import Events, mirror

KIB, MIB = 1024, 1 << 20
LATER = "Tue, 03 Nov 2026 10:00:00 GMT"
VIDEO = 'mimeType="video/mp4"'
NAME = "v/1.m4s"
AT = 300_000


def body_of(size: int, seed: int = 1) -> bytes:
    return initialization() + media_segment(1, random.Random(seed).randbytes(size))


BODY = body_of(600_000)
CHANGED = body_of(600_000, seed=2)
GOOD = Answer(BODY, etag='"1"', last_modified=MODIFIED)


def publish(server: FaultServer, token: int, *answers: Answer) -> str:
    """Put the presentation under a URL of its own."""
    server.on(f"/{token}/{NAME}", *answers)
    return server.on(f"/{token}/x.mpd", Answer(mpd(numbered(kind=VIDEO), seconds=2)))


def get(url: str, root: Path, **more: Any) -> tuple[dashget.Summary, Events]:
    chosen = dashget.TransferOptions(backoff_seconds=0.0, retries=1, **more)
    return mirror(url, root, moved=True, transfer=chosen)


@pytest.fixture
def begun(server: FaultServer, tmp_path: Path) -> Path:
    """Return a mirror with half a file from the first URL."""
    assert not get(publish(server, 1, replace(GOOD, cut=AT), refuse(403)), tmp_path)[0].complete
    return tmp_path


def ranges(server: FaultServer, token: int) -> list[str | None]:
    return [seen.headers.get("range") for seen in server.asked(f"/{token}/{NAME}")]


@pytest.mark.parametrize("parallel", [False, True], ids=["one stream", "ranges"])
@pytest.mark.parametrize(
    "size",
    [
        pytest.param(4 * MIB, id="4 MiB"),
        pytest.param(30_000_000, id="30 MB", marks=pytest.mark.slow),
    ],
)
def test_five_urls_bring_a_file_once(
    server: FaultServer, tmp_path: Path, size: int, parallel: bool
) -> None:
    body = body_of(size)
    whole = Answer(body, etag='"1"', last_modified=MODIFIED, drip=(256 * KIB, 0.0))
    sent = 0
    for token in range(1, 6):
        cut = None if token == 5 else size // 5
        last = [] if token == 5 else [refuse(403)]
        url = publish(server, token, replace(whole, cut=cut), *last)
        options = {"range_threshold": MIB if parallel else 1 << 40, "range_size": size // 10}
        summary, _ = get(url, tmp_path / "m", **options)
        sent += summary.transferred
        assert summary.complete is (token == 5)
    assert (tmp_path / "m" / NAME).read_bytes() == body
    print(f"{sent:,} of {len(body):,}")
    assert sent < 1.1 * len(body)


@pytest.mark.parametrize(
    "then",
    [
        pytest.param(GOOD, id="same tag and time"),
        pytest.param(replace(GOOD, last_modified=LATER), id="same tag"),
        pytest.param(replace(GOOD, etag='"2"'), id="same time"),
    ],
)
def test_a_part_goes_on_at_a_fresh_url(server: FaultServer, begun: Path, then: Answer) -> None:
    summary, events = get(publish(server, 2, then), begun)
    assert summary.complete
    assert events.outcomes() == {NAME: "resumed"}
    assert (begun / NAME).read_bytes() == BODY
    assert ranges(server, 2) == [f"bytes={AT - 64 * KIB}-"]
    assert events.warnings() == []


@pytest.mark.parametrize(
    "then",
    [
        pytest.param(Answer(CHANGED, etag='"2"', last_modified=LATER), id="other tag and time"),
        pytest.param(Answer(BODY, etag='"2"', last_modified=LATER), id="no sign of the same"),
        pytest.param(Answer(BODY), id="no signs"),
        pytest.param(replace(GOOD, body=CHANGED), id="other bytes under the same signs"),
        pytest.param(replace(GOOD, body=body_of(600_100)), id="other size"),
        pytest.param(replace(GOOD, body=CHANGED, ranges=False), id="no ranges"),
    ],
)
def test_what_may_be_another_file_begins_anew(
    server: FaultServer, begun: Path, then: Answer
) -> None:
    summary, _ = get(publish(server, 2, then), begun)
    assert summary.complete
    assert (begun / NAME).read_bytes() == then.body
    assert len(ranges(server, 2)) <= 2


def test_a_part_that_moved_belongs_to_its_new_url(server: FaultServer, begun: Path) -> None:
    url = publish(server, 2, replace(GOOD, cut=100_000), refuse(403))
    assert not get(url, begun)[0].complete
    publish(server, 2, GOOD)
    summary, _ = mirror(url, begun)
    assert summary.complete
    assert (begun / NAME).read_bytes() == BODY
    here = AT - 64 * KIB + 100_000
    assert ranges(server, 2)[-1] == f"bytes={here}-"
    assert summary.transferred < len(BODY) - here + 10_000


PAGES = [
    pytest.param(b"<!doctype html><html><body>Log in</body></html>", id="page"),
    pytest.param(b'{"error": "token expired"}', id="JSON"),
    pytest.param(b"", id="nothing"),
]


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("parallel", [False, True], ids=["one stream", "ranges"])
def test_a_page_in_place_of_the_rest_costs_no_bytes_on_disk(
    server: FaultServer, begun: Path, page: bytes, parallel: bool
) -> None:
    """A worn-out token under 200, with and without a media type that tells it."""
    more = {"range_threshold": 100_000 if parallel else 1 << 40, "range_size": 150_000}
    for token, type_of in ((2, "text/html"), (3, "video/mp4")):
        told = Answer(page, headers=(("Content-Type", type_of),))
        summary, _ = get(publish(server, token, told), begun, **more)
        assert not summary.complete
        assert summary.kept_bytes == AT
    summary, events = get(publish(server, 4, GOOD), begun, **more)
    assert summary.complete
    assert events.outcomes() == {NAME: "resumed"}
    assert (begun / NAME).read_bytes() == BODY


def test_a_page_after_the_bytes_of_this_run_costs_none_of_them(
    server: FaultServer, tmp_path: Path
) -> None:
    page = Answer(b"<html>Log in</html>", headers=(("Content-Type", "text/html"),))
    summary, _ = get(publish(server, 1, replace(GOOD, cut=AT), page), tmp_path)
    assert (summary.complete, summary.kept_bytes) == (False, AT)
    assert get(publish(server, 2, GOOD), tmp_path)[0].complete
    assert ranges(server, 2) == [f"bytes={AT - 64 * KIB}-"]


def test_a_file_that_has_become_smaller_replaces_its_part(server: FaultServer, begun: Path) -> None:
    small = replace(GOOD, body=body_of(50_000), etag='"2"', last_modified=LATER)
    summary, _ = get(publish(server, 2, replace(small, cut=20_000), small), begun)
    assert summary.complete
    assert (begun / NAME).read_bytes() == small.body
    assert not (begun / ".dashget/parts").exists()


def test_a_part_without_a_strong_validator_begins_anew(server: FaultServer, tmp_path: Path) -> None:
    weak = replace(GOOD, etag='W/"1"', last_modified=None)
    assert not get(publish(server, 1, replace(weak, cut=AT), refuse(403)), tmp_path)[0].complete
    assert get(publish(server, 2, weak), tmp_path)[0].complete
    assert ranges(server, 2) == [None]


def test_the_program_goes_on_as_well(server: FaultServer, tmp_path: Path) -> None:
    first = publish(server, 1, replace(GOOD, cut=AT), refuse(403))
    command: Callable[..., Any] = lambda url, *more: run(url, "-o", "m", *more, cwd=tmp_path)  # noqa: E731
    assert command(first).code == 1
    second = publish(server, 2, GOOD)
    ended = command(second, "--moved", "--json")
    assert ended.code == 0, ended.err
    assert ended.events[-1]["outcomes"] == {"resumed": 1}
    assert (tmp_path / "m" / NAME).read_bytes() == BODY
