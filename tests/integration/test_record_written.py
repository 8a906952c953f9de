"""Recording segments that their server still writes, of which nothing tells."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.integration.test_record import check_whole, recording
from tests.support.builders import TIMESCALE, box
from tests.support.fragments import fragment, header, run, time
from tests.support.liveorigin import STEP, LiveOrigin

pytestmark = pytest.mark.slow

_EARLY = b' availabilityTimeOffset="0.1" availabilityTimeComplete="false"'
_HALF = round(STEP * TIMESCALE / 2)


class WritingOrigin(LiveOrigin):
    """Each of its segments has two fragments, of which the second one comes later."""

    def content(self, path: str) -> bytes:
        at = 2 * (self._number(path) - 1)
        halves = [
            fragment([header(duration=_HALF), time((at + half) * _HALF), run(1)])
            + box("mdat", path.encode())
            for half in (0, 1)
        ]
        assert len(halves[0]) == len(halves[1])
        return b"".join(halves)


@pytest.mark.parametrize("dated", [True, False])
def test_a_segment_that_is_shorter_than_announced_is_asked_for_again(
    dated: bool, tmp_path: Path
) -> None:
    origin = WritingOrigin(depth=12.0, behind=0.35, dated=dated)
    origin.rewrite = lambda data: data.replace(_EARLY, b"")
    with origin.serving(), recording(origin, tmp_path / "r") as recorded:
        edge = origin.edge()
        origin.wait_for(lambda: origin.served(edge + 25))
        ended = recorded.end()
    assert ended.lost == 0
    check_whole(origin, tmp_path / "r")
