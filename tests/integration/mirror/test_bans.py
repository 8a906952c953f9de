"""A presentation whose host bans the command for a while, or refuses everything after a time."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.support.builders import FILLER, mpd
from tests.support.faultserver import Answer, FaultServer, Seen, refuse
from tests.support.program import run

FILES = 2_400


class Banning(FaultServer):
    """Refuses everything from its ``after``-th answer on, for some seconds."""

    def __init__(self, answer: Answer, *, after: int, seconds: float) -> None:
        super().__init__()
        self.refused = 0
        self._answer = answer
        self._after = after
        self._seconds = seconds
        self._until: float | None = None

    def publish(self, files: int) -> str:
        for number in range(1, files + 1):
            self.on(f"/v/{number}.bin", Answer(number.to_bytes(2, "big") * 500))
        content = (
            f'<AdaptationSet {FILLER}><SegmentTemplate duration="1" media="v/$Number$.bin"/>'
            '<Representation id="v" bandwidth="8000"/></AdaptationSet>'
        )
        return self.on("/x.mpd", Answer(mpd(content, seconds=files)))

    def _choose(self, seen: Seen) -> Answer:
        if len(self.seen) <= self._after:
            return super()._choose(seen)
        if self._until is None:
            self._until = time.monotonic() + self._seconds
        if time.monotonic() < self._until:
            self.refused += 1
            return self._answer
        return super()._choose(seen)


@pytest.mark.slow
@pytest.mark.parametrize("status", [429, 503])
def test_a_ban_of_twenty_seconds_costs_no_file_and_under_forty_requests(
    status: int, tmp_path: Path
) -> None:
    with Banning(refuse(status), after=301, seconds=20.0) as server:
        ended = run(server.publish(FILES), "-o", "m", "--json", cwd=tmp_path)
        assert ended.code == 0, ended.err
        assert server.refused < 40
    assert ended.events[-1]["outcomes"] == {"downloaded": FILES}
    told = [event["message"] for event in ended.events if event["event"] == "warning"]
    assert ["fails for every file" in message for message in told] == [True]


def test_a_host_that_refuses_everything_ends_a_run_that_names_every_file(tmp_path: Path) -> None:
    with Banning(refuse(403), after=301, seconds=1e9) as server:
        url = server.publish(FILES)
        ended = run(url, "-o", "m", "--json", cwd=tmp_path)
        assert server.refused < 40
        assert ended.code == 1
        summary = ended.events[-1]
        assert summary["outcomes"] == {"downloaded": 300, "failed": FILES - 300}
        assert len({failure["path"] for failure in summary["failures"]}) == FILES - 300
        assert len([one for one in summary["failures"] if not one["attempts"]]) > FILES - 340
        assert "--moved" in summary["hint"]
        told = run(url, "-o", "m", cwd=tmp_path)
    assert told.code == 5
    assert "--moved" in told.err


def test_a_manifest_of_a_host_that_is_not_there_is_an_error_at_once(tmp_path: Path) -> None:
    started = time.monotonic()
    for url in ("http://no-such-host.invalid/x.mpd", "http://127.0.0.1:1/x.mpd"):
        ended = run(url, cwd=tmp_path)
        assert ended.code == 5
        assert "Traceback" not in ended.err
    assert time.monotonic() - started < 6
