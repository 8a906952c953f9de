"""Recording live presentations whose Periods are remote elements (xlink)."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.integration.test_record import check_whole, recording
from tests.support.liveorigin import LiveOrigin

pytestmark = pytest.mark.slow

_PERIOD = re.compile(rb'<Period id="p".*</Period>', re.DOTALL)
_XLINK = 'xmlns:xlink="http://www.w3.org/1999/xlink"'


class RemoteOrigin(LiveOrigin):
    """Its Period is a remote element, which may be out of reach, beside one that changes nothing."""

    def __init__(self, *, actuate: str, form: str) -> None:
        super().__init__(form=form)
        self.actuate = actuate
        self.remote_status = 200
        self.stamp = 0
        """Changes the document, and so where its Period is."""

    def read_after(self, path: str) -> bool:
        """Return True once the manifest was read again after a path was asked for."""
        paths = [asked for asked, _ in tuple(self.requests)]
        return path in paths and "/live/manifest.mpd" in paths[paths.index(path) :]

    def answer(self, path: str) -> tuple[int, bytes, str]:
        status, body, kind = super().answer(path.partition("?")[0].replace(".xml", ".mpd"))
        found = _PERIOD.search(body)
        if found is None:
            return status, body, kind
        if ".xml" in path:
            head = b'<Period xmlns="urn:mpeg:dash:schema:mpd:2011"'
            return self.remote_status, head + found[0].removeprefix(b"<Period"), kind
        link = f'xlink:href="period.xml?{self.stamp}" xlink:actuate="{self.actuate}"'
        remote = f'<Period id="p" start="PT0S" {_XLINK} {link}/>'
        return status, _PERIOD.sub(remote.encode(), body), kind


@pytest.mark.parametrize("form", ["number", "time"])
@pytest.mark.parametrize("actuate", ["onLoad", "onRequest"])
def test_a_remote_period_is_recorded_and_kept_while_it_is_out_of_reach(
    actuate: str, form: str, tmp_path: Path
) -> None:
    origin = RemoteOrigin(actuate=actuate, form=form)
    with origin.serving(), recording(origin, tmp_path / "r") as run:
        origin.wait_for(lambda: origin.served(20))
        origin.remote_status = 503
        origin.stamp = 1
        origin.wait_for(lambda: origin.read_after("/live/period.xml?1"))
        if form == "number":
            # All of it follows from what was there before.
            edge = origin.edge()
            origin.wait_for(lambda: origin.served(edge + 10))
        origin.remote_status = 200
        origin.wait_for(lambda: ("/live/period.xml?1", 200) in origin.requests)
        edge = origin.edge()
        origin.wait_for(lambda: origin.served(edge + 10))
        ended = run.end()
    assert ended.lost == 0
    check_whole(origin, tmp_path / "r")
