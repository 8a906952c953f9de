"""The time that an answer tells belongs to when it came, not to when it is looked at."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from dashget.live.clock import Kind
from dashget.live.world import Read, ReadEnded
from dashget.manifest.load import load_manifest
from dashget.manifest.source import Source
from dashget.mirroring.keep import make_header
from dashget.mpd.budget import DEFAULT_LIMITS
from dashget.planning.layout import SafePath
from dashget.planning.limits import Limits
from dashget.planning.selection import Selection
from dashget.recording.manifests import Manifests
from dashget.recording.reader import ManifestReader
from dashget.store import LocalDirectory, Mirror
from dashget.transfer.engine import Engine, EngineFor
from dashget.transfer.settings.options import TransferOptions
from tests.support.liveorigin import LiveOrigin


class Clock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def origin() -> Iterator[LiveOrigin]:
    with LiveOrigin().serving() as origin:
        yield origin


def test_a_manifest_that_is_looked_at_later(origin: LiveOrigin, tmp_path: Path) -> None:
    clock = Clock()
    sample = _read(origin, tmp_path, clock, Read(clock=True), later=25.0)[0].sample
    assert sample is not None
    assert sample.kind is Kind.DATE
    assert (sample.asked, sample.answered) == (100.0, 100.0)
    assert abs(sample.time - time.time()) < 60


def test_a_time_that_stands_in_the_manifest_counts_once(origin: LiveOrigin, tmp_path: Path) -> None:
    direct = '<UTCTiming schemeIdUri="urn:mpeg:dash:utc:direct:2014" value="2026-01-01T00:00:00Z"/>'
    origin.rewrite = lambda data: data.replace(b"</MPD>", direct.encode() + b"</MPD>")
    read = Read(clock=True)
    first, second = _read(origin, tmp_path, Clock(), read, read, later=25.0)
    assert first.sample is not None
    assert first.sample.kind is Kind.UTC
    assert first.sample.answered == 100.0
    assert second.sample is None or second.sample.kind is Kind.DATE


def _read(
    origin: LiveOrigin, root: Path, clock: Clock, *errands: Read, later: float
) -> list[ReadEnded]:
    """Load a manifest, and have it looked at some time later; the next reads are others."""
    source = Source(origin.url, url=origin.url)
    with Engine(TransferOptions()) as engine, Mirror(LocalDirectory(root)) as store:
        engine.trust(origin.url, None)
        transfers = EngineFor(engine, home=origin.url)
        loaded = load_manifest(source, transfers, clock=clock)
        name = SafePath("manifest.mpd")
        store.claim(make_header(loaded, Selection(), 255))
        reader = ManifestReader(
            source,
            transfers,
            Selection(),
            name,
            name_bytes=255,
            limits=Limits(None, None),
            work=DEFAULT_LIMITS,
            manifests=Manifests(store, name, threading.Lock(), time.time),
            lacking=lambda *_: None,
            clock=clock,
        )
        reader.offer(loaded)
        clock.now += later
        return [reader.read(errand) for errand in errands]
