"""A server with a small presentation, and a mirror of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.integration.verify.presentation import (
    FILES,
    NUMBERS,
    manifest,
    segment,
    serve,
)
from tests.support.builders import initialization
from tests.support.faultserver import FaultServer
from tests.support.running import mirror


@pytest.fixture
def server(server: FaultServer) -> FaultServer:
    serve(server, "init.mp4", initialization())
    for number in NUMBERS:
        serve(server, f"v/{number}.m4s", segment(number))
        serve(server, f"w/{number}.m4s", segment(number))
    server.on("/show/x.mpd", manifest())
    return server


@pytest.fixture
def small(server: FaultServer, tmp_path: Path) -> Path:
    """A mirror of it, without checksums."""
    root = tmp_path / "m"
    summary, events = mirror(server.url("/show/x.mpd"), root)
    assert summary.complete
    assert events.outcomes().keys() == FILES
    server.seen.clear()
    return root
