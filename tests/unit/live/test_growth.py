"""When a segment of a low-latency line is complete: the file is unchanged, or was followed."""

from __future__ import annotations

from typing import Any

import pytest

from dashget.live.growth import seconds_to_wait

NOW = "Sun, 29 Nov 2026 09:00:10 GMT"
LOOK: dict[str, Any] = {
    "size": 100, "date": NOW, "last_modified": None, "seen": None, "followed": False,
}  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "seconds"),
    [
        ({}, 3.0),
        ({"last_modified": "Sun, 29 Nov 2026 09:00:10 GMT"}, 3.0),
        ({"last_modified": "Sun, 29 Nov 2026 09:00:08 GMT"}, 1.0),
        ({"last_modified": "Sun, 29 Nov 2026 09:00:07 GMT"}, 0.0),
        ({"last_modified": "Sun, 29 Nov 2026 08:00:00 GMT"}, 0.0),
        ({"last_modified": "Sun, 29 Nov 2026 08:00:00 GMT", "date": None}, 3.0),
        ({"last_modified": "yesterday"}, 3.0),
        ({"seen": 90}, 3.0),
        ({"seen": 100}, 0.0),
        ({"followed": True}, 0.0),
        ({"last_modified": NOW, "followed": True}, 0.0),
        ({"last_modified": NOW, "seen": 100}, 0.0),
    ],
)
def test_a_segment_of_two_seconds(changes: dict[str, Any], seconds: float) -> None:
    assert seconds_to_wait(2.0, **LOOK | changes) == seconds
