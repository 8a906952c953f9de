"""``Transfer-Encoding: identity`` changes nothing: a body ends where its length says."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

import dashget
from tests.support.builders import FILLER, mpd, numbered
from tests.support.faultserver import Answer, FaultServer, refuse
from tests.support.running import mirror

BYTES = bytes(range(256)) * 2000
CODINGS = ["identity", "Identity", "identity, identity", ""]
TRANSFER = dashget.TransferOptions(
    retries=0, backoff_seconds=0.01, allow_private=True, timeout_seconds=4.0,
    range_threshold=200_000, range_size=50_000, in_flight=3,
)  # fmt: skip


def coded(body: bytes, coding: str = "identity") -> Answer:
    headers = (("Transfer-Encoding", coding),)
    return replace(Answer(body, etag='"1"'), headers=headers)


@pytest.mark.parametrize("coding", CODINGS)
def test_a_connection_that_stays_open_does_not_hold_up_a_file(
    server: FaultServer, tmp_path: Path, coding: str
) -> None:
    """Small ones, one that takes several pieces, and one that comes in parallel ranges."""
    for number, size in enumerate((1, 300, 150_000, 500_000), 1):
        server.on(f"/v/{number}.m4s", coded(BYTES[:size], coding))
    url = server.on("/x.mpd", Answer(mpd(numbered(), seconds=8)))
    summary, events = mirror(url, tmp_path / "m", transfer=TRANSFER)
    assert summary.complete, summary.failures
    assert summary.seconds < 3
    assert set(events.outcomes().values()) == {"downloaded"}
    for number, size in enumerate((1, 300, 150_000, 500_000), 1):
        assert (tmp_path / f"m/v/{number}.m4s").read_bytes() == BYTES[:size]


def test_one_that_breaks_off_is_no_complete_file(server: FaultServer, tmp_path: Path) -> None:
    server.on("/v/1.m4s", replace(coded(BYTES[:90_000]), cut=30_000))
    url = server.on("/x.mpd", Answer(mpd(numbered(), seconds=2)))
    summary, _ = mirror(url, tmp_path / "m", transfer=TRANSFER)
    assert [failure.path for failure in summary.failures] == ["v/1.m4s"]


def test_a_refusal_and_a_manifest_do_not_hold_up_a_run(server: FaultServer, tmp_path: Path) -> None:
    refusal = replace(refuse(404), headers=(("Transfer-Encoding", "identity"),))
    server.on("/v/1.m4s", refusal)
    server.on("/v/2.m4s", coded(BYTES[:10]))
    document = mpd(numbered(kind=FILLER), seconds=4)
    url = server.on("/x.mpd", coded(document))
    summary, _ = mirror(url, tmp_path / "m", transfer=TRANSFER)
    assert [failure.status for failure in summary.failures] == [404]
    assert summary.seconds < 3


HEADS = {
    "a redirect": "302 Found\r\nLocation: /v/9.m4s\r\nContent-Length: 0",
    "a redirect without a length": "302 Found\r\nLocation: /v/9.m4s",
    "an empty file": "200 OK\r\nContent-Length: 0",
    "a file without a body": "204 No Content",
    "a refusal": "404 Not Found\r\nContent-Length: 0",
    "a refusal without a length": "404 Not Found",
    "a wrong 304": "304 Not Modified\r\nContent-Length: 5",
    "a wrong 416": "416 Range Not Satisfiable\r\nContent-Length: 0",
}


@pytest.mark.parametrize("kind", HEADS)
def test_an_answer_whose_body_does_not_matter_is_not_waited_for(
    server: FaultServer, tmp_path: Path, kind: str
) -> None:
    head = f"HTTP/1.1 {HEADS[kind]}\r\nTransfer-Encoding: identity\r\n\r\n".encode()
    server.on("/v/1.m4s", Answer(raw=head, raw_stays=True))
    server.on("/v/9.m4s", Answer(BYTES[:10]))
    url = server.on("/x.mpd", Answer(mpd(numbered(kind=FILLER), seconds=2)))
    summary, _ = mirror(url, tmp_path / "m", transfer=TRANSFER)
    refused = HEADS[kind][0] == "4" or "304" in kind
    assert summary.complete is not refused, summary.failures
    assert summary.seconds < 3


def test_a_refusal_whose_end_nothing_tells_is_not_waited_for(
    server: FaultServer, tmp_path: Path
) -> None:
    raw = b"HTTP/1.1 404 Not Found\r\nTransfer-Encoding: identity\r\n\r\nsorry"
    server.on("/v/1.m4s", Answer(raw=raw, raw_stays=True))
    url = server.on("/x.mpd", Answer(mpd(numbered(kind=FILLER), seconds=2)))
    summary, _ = mirror(url, tmp_path / "m", transfer=TRANSFER)
    assert [failure.status for failure in summary.failures] == [404]
    assert summary.seconds < 3
