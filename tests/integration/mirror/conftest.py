"""Few and many files in a mirror."""

from __future__ import annotations

import pytest

from dashget.common import compactmap


@pytest.fixture(params=["few", "many"])
def few_and_many_files(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run a test a second time as if there were too many files to keep their names in memory."""
    if request.param == "many":
        monkeypatch.setattr(compactmap, "RECENT_AT_MOST", 1)
