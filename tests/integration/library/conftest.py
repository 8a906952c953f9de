"""A presentation of a few segments, for the tests of the library."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.support.builders import mpd, numbered
from tests.support.faultserver import Answer, FaultServer

Publish = Callable[..., str]


@pytest.fixture
def publish(server: FaultServer) -> Publish:
    """Publish a presentation of so many segments; return the URL of its manifest."""

    def published(count: int = 3, *, headers: tuple[tuple[str, str], ...] = ()) -> str:
        for number in range(1, count + 1):
            body = number.to_bytes(2) * 1000
            server.on(f"/show/v/{number}.m4s", Answer(body, etag=f'"{number}"'))
        document = mpd(numbered(), seconds=2 * count)
        return server.on("/show/x.mpd", Answer(document, headers=headers))

    return published
