"""Tests of the engine run twice: with sinks that take pieces only, and with jobs to put."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support import sinks
from tests.support.faultserver import FaultServer


@pytest.fixture
def server() -> Iterator[FaultServer]:
    """Run a server that a test tells what to answer, and what to break."""
    with FaultServer() as running:
        yield running


@pytest.fixture(autouse=True)
def _sink_type(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Give the engine what ``pytest_generate_tests`` has chosen for this run of the test."""
    if hasattr(request, "param"):
        monkeypatch.setattr(sinks.Transfers, "sink_type", request.param)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run each test twice that uses ``Transfers`` and leaves the kind of sink to it."""
    if "Transfers" in vars(metafunc.module):
        kinds = [sinks.RecordingSink, sinks.WholeRecordingSink]
        metafunc.parametrize("_sink_type", kinds, ids=["in pieces", "whole"], indirect=True)
