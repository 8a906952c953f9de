"""Digests that a server sends with a body."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest

import dashget
from tests.integration.verify.presentation import (
    FILES,
    MODIFIED,
    segment,
    serve,
)
from tests.support.faultserver import Answer, FaultServer, refuse
from tests.support.running import mirror, verify


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
def test_a_body_with_the_right_digest_is_accepted(
    server: FaultServer, tmp_path: Path, form: str
) -> None:
    serve(server, "v/2.m4s", segment(2), headers=(HEADERS[form](segment(2)),))
    summary, _ = mirror(server.url("/show/x.mpd"), tmp_path)
    assert summary.complete
    assert len(server.asked("/show/v/2.m4s")) == 1


@pytest.mark.parametrize("form", HEADERS)
def test_a_body_with_a_wrong_digest_is_fetched_again_and_never_finished(
    server: FaultServer, tmp_path: Path, form: str
) -> None:
    serve(server, "v/2.m4s", segment(2, b"w" * 2000), headers=(HEADERS[form](segment(2)),))
    summary, events = mirror(server.url("/show/x.mpd"), tmp_path)
    assert events.outcomes()["v/2.m4s"] == "failed"
    (failure,) = summary.failures
    assert HEADERS[form](b"")[0].lower() in failure.reason.lower()
    assert "--accept-odd" in (failure.hint or "")
    assert 2 <= len(server.asked("/show/v/2.m4s")) <= 5
    assert not (tmp_path / "v/2.m4s").exists()
    assert not (tmp_path / ".dashget/parts").exists()


@pytest.mark.parametrize("size", [2000, 3_000_000], ids=["small", "large"])
def test_a_wrong_digest_is_taken_by_choice_when_it_is_wrong_again(
    server: FaultServer, tmp_path: Path, size: int
) -> None:
    body = segment(2, b"w" * size)
    serve(server, "v/2.m4s", body, headers=(HEADERS["repr"](segment(2)),))
    summary, events = mirror(server.url("/show/x.mpd"), tmp_path, accept_odd=True)
    assert summary.complete
    assert events.outcomes()["v/2.m4s"] == "downloaded"
    assert (tmp_path / "v/2.m4s").read_bytes() == body
    assert len(server.asked("/show/v/2.m4s")) >= 2
    report, _ = verify(tmp_path)
    assert report.sound


def test_a_wrong_body_that_is_right_the_next_time_is_not_a_failure(
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
def test_a_file_in_parallel_ranges_is_compared_with_its_digest(
    server: FaultServer, tmp_path: Path, right: bool
) -> None:
    data = segment(2, bytes(range(256)) * 1000)
    header = HEADERS["repr"](data if right else b"other")
    serve(server, "v/2.m4s", data, headers=(header,), drip=(4096, 0.001))
    transfer = dashget.TransferOptions(
        retries=1, backoff_seconds=0.01, range_threshold=16384, range_size=8192
    )
    summary = dashget.mirror(
        server.url("/show/x.mpd"), root=tmp_path, transfer=transfer, checksums=True
    )
    assert summary.complete is right
    assert any("range" in seen.headers for seen in server.asked("/show/v/2.m4s"))
    assert (tmp_path / "v/2.m4s").exists() is right
    if right:
        assert verify(tmp_path)[0].checksummed == len(FILES)
