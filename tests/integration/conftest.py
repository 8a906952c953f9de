"""Fixtures of tests that run the engine, and the choice between its two paths.

A job that can be delivered whole takes the engine's fast path first; one with a sink only never
does. Tests that use ``Transfers`` give the engine jobs of the first kind, as a mirror does. Those
marked ``both_paths`` run with both kinds; with ``--thorough`` all of them do.
"""

from __future__ import annotations

import pytest

from tests.support import sinks


@pytest.fixture(autouse=True)
def _sink_type(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Give the engine the kind of sink that ``pytest_generate_tests`` has chosen."""
    if hasattr(request, "param"):
        monkeypatch.setattr(sinks.Transfers, "sink_type", request.param)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test of both paths once with each kind of sink."""
    marked = metafunc.definition.get_closest_marker("both_paths") is not None
    thorough = metafunc.config.getoption("thorough") and "Transfers" in vars(metafunc.module)
    if marked or thorough:
        kinds = [sinks.RecordingSink, sinks.WholeRecordingSink]
        metafunc.parametrize("_sink_type", kinds, ids=["task", "fast path"], indirect=True)
