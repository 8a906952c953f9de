"""Statuses of success other than 200 and 206: what is a file is taken, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

import dashget
from tests.integration.mirror.presentation import manifest
from tests.support.builders import initialization, media_segment, numbered
from tests.support.faultserver import Answer, FaultServer
from tests.support.running import mirror

BODY = media_segment(2, bytes(3000))
MP4 = 'mimeType="video/mp4"'
SUBRIP = 'mimeType="application/x-subrip"'
CUE = b"1\n00:00:01,000 --> 00:00:02,000\nhello\n"


def publish(server: FaultServer, *answers: Answer, kind: str = MP4) -> str:
    text = kind == SUBRIP
    server.on("/show/i.mp4", Answer(initialization()))
    for number in (1, 2, 3):
        good = Answer(CUE if text else media_segment(number, b""))
        server.on(f"/show/v/{number}.m4s", *(answers if number == 2 else (good,)))
    extra = "" if text else 'initialization="i.mp4"'
    return server.on("/show/x.mpd", manifest(numbered(kind=kind, extra=extra)))


@pytest.mark.parametrize("length", [0, None])
@pytest.mark.parametrize("status", [201, 203, 214, 299])
def test_the_body_is_taken_as_that_of_200(
    server: FaultServer, tmp_path: Path, status: int, length: int | None
) -> None:
    url = publish(server, Answer(BODY, status=status, length=length))
    summary, events = mirror(url, tmp_path)
    assert summary.failures == ()
    assert (tmp_path / "v/2.m4s").read_bytes() == BODY
    changed = [text for text in events.warnings() if "changed by a proxy" in text]
    assert len(changed) == (status == 203)
    assert all("v/2.m4s" in text for text in changed)


def test_a_page_under_203_is_no_file(server: FaultServer, tmp_path: Path) -> None:
    page = Answer(b"<!DOCTYPE html><title>Sign in</title>", status=203)
    (failure,) = mirror(publish(server, page), tmp_path)[0].failures
    assert failure.reason == "the server sent an HTML page titled 'Sign in' instead"


def test_a_broken_body_under_203_goes_on(server: FaultServer, tmp_path: Path) -> None:
    url = publish(server, Answer(BODY, status=203, cut=1000), Answer(BODY, etag='"1"'))
    assert mirror(url, tmp_path)[0].complete
    assert (tmp_path / "v/2.m4s").read_bytes() == BODY


def test_a_manifest_may_come_under_203(server: FaultServer, tmp_path: Path) -> None:
    url = publish(server, Answer(BODY))
    document = manifest(numbered(kind=MP4, extra='initialization="i.mp4"')).body
    server.on("/show/x.mpd", Answer(document, status=203))
    assert mirror(url, tmp_path)[0].complete


@pytest.mark.parametrize("status", [204, 205])
def test_no_content_is_an_empty_file_where_that_is_valid(
    server: FaultServer, tmp_path: Path, status: int
) -> None:
    url = publish(server, Answer(status=status), kind=SUBRIP)
    summary, events = mirror(url, tmp_path)
    assert summary.complete
    assert (tmp_path / "v/2.m4s").read_bytes() == b""
    assert any(text.startswith("empty on the server: v/2.m4s") for text in events.warnings())


@pytest.mark.parametrize("status", [204, 205])
def test_no_content_is_no_media(server: FaultServer, tmp_path: Path, status: int) -> None:
    url = publish(server, Answer(status=status))
    (failure,) = mirror(url, tmp_path)[0].failures
    assert failure.reason == "the server sent nothing (0 bytes) instead"
    assert failure.attempts == 3
    server.on("/show/v/2.m4s", Answer(status=status), Answer(BODY))
    assert mirror(url, tmp_path)[0].complete


def test_what_is_not_ready_yet_is_asked_for_again(server: FaultServer, tmp_path: Path) -> None:
    later = Answer(b"processing", status=202, headers=(("Retry-After", "0"),))
    url = publish(server, later, later, Answer(BODY))
    transfer = dashget.TransferOptions(backoff_seconds=0.0)
    assert mirror(url, tmp_path, transfer=transfer)[0].complete
    assert (tmp_path / "v/2.m4s").read_bytes() == BODY


@pytest.mark.parametrize("status", [202, 207, 208, 226])
def test_what_is_no_file_is_a_failure(server: FaultServer, tmp_path: Path, status: int) -> None:
    url = publish(server, Answer(BODY, status=status))
    retries = dashget.TransferOptions(retries=1, backoff_seconds=0.0)
    (failure,) = mirror(url, tmp_path, transfer=retries)[0].failures
    assert failure.status == status
    assert failure.reason.startswith(f"HTTP {status} ")
    assert not (tmp_path / "v/2.m4s").exists()
