"""The local MPD never names again what has been left out of it."""

from __future__ import annotations

import threading
from pathlib import Path

import msgspec

from dashget.live.facts import SegmentFact
from dashget.live.localmpd import Coverage
from dashget.live.state import State
from dashget.live.world import WriteLocal
from dashget.planning.layout import SafePath
from dashget.recording.local import LocalWriter
from dashget.store import RECORD_VERSION, Header, Mirror
from tests.support.played import played_files
from tests.unit.live.test_localmpd import BEGIN, line, steps


def test_what_has_expired_is_not_named_by_a_writer_that_began_earlier(tmp_path: Path) -> None:
    old = Coverage.of(State.of(line(1, *steps(0, 9))))
    facts = [f for f in line(1, *steps(0, 9)) if not isinstance(f, SegmentFact) or f.n >= 5]
    new = msgspec.structs.replace(Coverage.of(State.of(facts)), expired=BEGIN + 10.0)
    local = tmp_path / "r" / "manifest.local.mpd"
    local.parent.mkdir()
    with Mirror.at(tmp_path / "r") as store:
        source = "http://m.example/manifest.mpd"
        store.claim(Header(RECORD_VERSION, source, source, "manifest.mpd", recording=True))
        writer = LocalWriter(store, SafePath("manifest.mpd"), threading.Lock())
        assert not writer.write(WriteLocal(old)).old
        writer.leave_out(new)
        assert writer.write(WriteLocal(old)).old
    assert {file.path for file in played_files(local.read_bytes())} == {
        f"v1/{number}.m4s" for number in range(5, 10)
    }
