"""The limits on the number of segments: refused by every command, before anything is done."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.integration.mirror.presentation import publish
from tests.support.builders import mpd, numbered
from tests.support.faultserver import Answer, FaultServer
from tests.support.program import run
from tests.support.running import mirror, verify

DOCUMENT = 3
HOSTILE = (
    '<AdaptationSet mimeType="audio/mp4"><SegmentTemplate media="a/$Time$.m4s"><SegmentTimeline>'
    '<S t="0" d="1" r="2000000000"/></SegmentTimeline></SegmentTemplate>'
    '<Representation id="a" bandwidth="8000"/></AdaptationSet>'
)
EARLIER = f'<Period id="0" duration="PT6S">{numbered()}</Period>'


@pytest.mark.parametrize("command", ["plan", "list", "get"])
def test_too_many_segments_in_a_later_period_are_refused_before_the_first_line_and_request(
    command: str, server: FaultServer, tmp_path: Path
) -> None:
    publish(server)
    url = server.on("/show/x.mpd", Answer(mpd(HOSTILE, before=EARLIER)))
    ended = run(command, url, cwd=tmp_path)
    assert ended.code == DOCUMENT
    assert ended.out == ""
    assert "more than 10,000,000 segments: 2,000,000,001" in ended.err
    assert "--segment-limit" in ended.err
    assert [request.path for request in server.seen] == ["/show/x.mpd"]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "words", [["verify", "m"], ["verify", "m", "--prune"], ["verify", "m", "--repair"]]
)
@pytest.mark.parametrize("option", ["--segment-limit", "--total-limit"])
def test_a_mirror_above_a_limit_is_not_verified(
    words: list[str], option: str, server: FaultServer, tmp_path: Path
) -> None:
    mirror(publish(server), tmp_path / "m")
    before = len(server.seen)
    ended = run(*words, option, "2", cwd=tmp_path)
    assert ended.code == DOCUMENT
    assert "more than 2 segments" in ended.err
    assert option in ended.err
    assert len(server.seen) == before
    assert run(*words, option, "3", cwd=tmp_path).code != DOCUMENT


def test_a_representation_above_the_limit_that_is_not_selected_stops_nothing(
    server: FaultServer, tmp_path: Path
) -> None:
    publish(server)
    url = server.on("/show/x.mpd", Answer(mpd(numbered() + HOSTILE)))
    summary, _ = mirror(url, tmp_path, audio="none", prune=True)
    assert summary.complete
    report, _ = verify(tmp_path, prune=True)
    assert report.files == 3
