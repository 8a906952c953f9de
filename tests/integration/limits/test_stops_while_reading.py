"""A stop, such as that of ``--max-time``, also ends the reading of one large file for a digest."""

from __future__ import annotations

import hashlib
from base64 import b64encode
from pathlib import Path
from typing import Any

import dashget
from dashget.common.stopping import Stop
from dashget.store import Mirror
from dashget.verification.sums import write_sums
from tests.support.builders import mpd, numbered
from tests.support.faultserver import Answer, FaultServer
from tests.support.running import mirror, verify

SIZE = 3 << 20
BODY = bytes(range(256)) * (SIZE // 256)
DIGEST = f"sha-256=:{b64encode(hashlib.sha256(BODY).digest()).decode()}:"
PARTED = dashget.TransferOptions(range_threshold=1 << 20, range_size=1 << 20)


class StopWhileReading(Stop):
    """A time that is up while the second block of a file is read."""

    def __init__(self) -> None:
        super().__init__()
        self.blocks = 0

    def check(self, _count: int = 0) -> None:
        self.blocks += 1
        if self.blocks == 2:
            self.request()
        super().check()


def publish(server: FaultServer, **more: Any) -> str:
    server.on("/v/1.m4s", Answer(BODY, etag='"1"', **more))
    return server.on("/x.mpd", Answer(mpd(numbered(), seconds=2)))


def test_a_file_that_has_come_in_ranges_keeps_its_part(server: FaultServer, tmp_path: Path) -> None:
    url, stop = publish(server), StopWhileReading()
    summary, events = mirror(url, tmp_path, stop=stop, transfer=PARTED, checksums=True)
    assert stop.blocks == 2
    assert summary.interrupted
    assert summary.failures == ()
    assert events.outcomes() == {"v/1.m4s": "cancelled"}
    assert not (tmp_path / "v/1.m4s").exists()
    assert not (tmp_path / "SHA256SUMS").exists()
    summary, _ = mirror(url, tmp_path, transfer=PARTED, checksums=True)
    assert summary.complete
    assert summary.transferred < SIZE // 2
    assert (tmp_path / "v/1.m4s").read_bytes() == BODY
    assert verify(tmp_path)[0].sound


def test_a_file_that_was_found_is_compared_another_time(
    server: FaultServer, tmp_path: Path
) -> None:
    url = publish(server, headers=(("Repr-Digest", DIGEST),))
    (tmp_path / "v").mkdir()
    (tmp_path / "v/1.m4s").write_bytes(BODY)
    stop = StopWhileReading()
    summary, events = mirror(url, tmp_path, stop=stop)
    assert (summary.interrupted, events.outcomes()) == (True, {"v/1.m4s": "cancelled"})
    assert mirror(url, tmp_path)[1].outcomes() == {"v/1.m4s": "adopted"}


def test_checksums_of_files_that_have_none_are_written_another_time(
    server: FaultServer, tmp_path: Path
) -> None:
    url = publish(server)
    assert mirror(url, tmp_path)[0].complete
    stop = StopWhileReading()
    summary, _ = mirror(url, tmp_path, stop=stop, checksums=True)
    assert stop.requested
    assert summary.interrupted
    assert not (tmp_path / "SHA256SUMS").exists()
    assert mirror(url, tmp_path, checksums=True)[0].complete
    assert (tmp_path / "SHA256SUMS").exists()


def test_sums_that_were_there_stay_as_they_were(server: FaultServer, tmp_path: Path) -> None:
    assert mirror(publish(server), tmp_path)[0].complete
    (tmp_path / "SHA256SUMS").write_text("earlier\n")
    stop = Stop()
    stop.request()
    with Mirror.at(tmp_path, read_only=True) as store:
        write_sums(store, "x.mpd", stop)
    assert (tmp_path / "SHA256SUMS").read_text() == "earlier\n"


def test_verify_ends_within_a_file(server: FaultServer, tmp_path: Path) -> None:
    assert mirror(publish(server), tmp_path, checksums=True)[0].complete
    stop = StopWhileReading()
    report = dashget.verify(tmp_path, stop=stop)
    assert (stop.blocks, report.interrupted, report.sound) == (2, True, False)
