"""Boxes of protection that name a server are left out of the local MPD, and the user is told."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

from tests.support.builders import mpd, numbered
from tests.support.faultserver import Answer, FaultServer
from tests.support.running import mirror

ASKS = base64.b64encode(b"0123456789 https://licence.example/ask 0123456789").decode()
SILENT = base64.b64encode(b"0123456789 no address of anybody here 0123456789").decode()
BOX = '<ContentProtection schemeIdUri="urn:x"><p:{} xmlns:p="urn:p">{}</p:{}></ContentProtection>'


@pytest.mark.parametrize(
    ("boxes", "told"),
    [
        ([("pssh", ASKS)], "without 1 box of protection"),
        ([("pssh", ASKS), ("pro", ASKS), ("pssh", SILENT)], "without 2 boxes of protection"),
        ([("pssh", SILENT), ("Binary", ASKS)], None),
    ],
)
def test_one_warning_tells_how_many_boxes_of_protection_are_left_out(
    boxes: list[tuple[str, str]], told: str | None, server: FaultServer, tmp_path: Path
) -> None:
    inside = "".join(BOX.format(name, content, name) for name, content in boxes)
    whole = numbered("$Number$.m4s").replace("<SegmentTemplate", f"{inside}<SegmentTemplate")
    server.on("/manifest.mpd", Answer(mpd(whole)))
    for number in (1, 2, 3):
        server.on(f"/{number}.m4s", Answer(b"a segment"))
    summary, events = mirror(server.url("/manifest.mpd"), tmp_path / "show")
    assert summary.complete
    found = [text for text in events.warnings() if "boxes" in text or "box of" in text]
    assert len(found) == (told is not None)
    assert told is None or told in found[0]
    local = (tmp_path / "show" / "manifest.local.mpd").read_text()
    assert ASKS not in local
    assert (SILENT in local) is any(content == SILENT for _, content in boxes)
    assert ASKS in (tmp_path / "show" / "manifest.mpd").read_text()
