"""A small presentation that each test changes as it needs, and its files on a server."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

import pytest

from tests.support.builders import mpd, numbered
from tests.support.faultserver import Answer, FaultServer

MODIFIED = "Mon, 02 Nov 2026 10:00:00 GMT"

needs_proc = pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="Linux only")


def manifest(content: str, *, period: str = "", attributes: str = "") -> Answer:
    """Return a manifest of six seconds; ``period`` is what comes before its Period."""
    return Answer(mpd(content, before=period, more=attributes))


def periods(*contents: str, durations: tuple[int, ...]) -> Answer:
    """Return a manifest of several Periods of so many seconds."""
    body = "".join(
        f'<Period id="{n}" duration="PT{seconds}S">{content}</Period>'
        for n, (content, seconds) in enumerate(zip(contents, durations, strict=True))
    )
    return Answer(
        '<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" profiles="p" '
        f'minBufferTime="PT1S">{body}</MPD>'.encode()
    )


def segment(number: int, size: int = 2000) -> Answer:
    """Return a media segment with validators."""
    return Answer(bytes([number]) * size, etag=f'"{number}"', last_modified=MODIFIED)


def publish(server: FaultServer, content: str | None = None) -> str:
    """Put three segments and their manifest on the server; return the manifest's URL."""
    for number in (1, 2, 3):
        server.on(f"/show/v/{number}.m4s", segment(number))
    return server.on("/show/x.mpd", manifest(content or numbered()))


def open_files() -> set[str]:
    """Return what this process has open under a name or without one, sockets aside."""
    found = set()
    for entry in os.listdir("/proc/self/fd"):
        with contextlib.suppress(FileNotFoundError):
            found.add(f"{entry} {os.readlink(f'/proc/self/fd/{entry}')}")
    return {text for text in found if "socket" not in text}
