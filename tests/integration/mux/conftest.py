"""Mirrors of real media, made once for each form, and the call that writes a file of one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dashget.mux.options import MuxOptions
from dashget.mux.run import mux_mirror
from dashget.mux.selection import Choices
from dashget.store import LocalDirectory
from tests.support.faultserver import Answer, FaultServer
from tests.support.program import tree
from tests.support.running import Events, mirror

Mirrored = Callable[[Path], Path]


@pytest.fixture(scope="module")
def mirrored(tmp_path_factory: pytest.TempPathFactory) -> Mirrored:
    """Return a function that mirrors a directory with a manifest, each one once."""
    made: dict[Path, Path] = {}

    def make(source: Path) -> Path:
        if source not in made:
            made[source] = tmp_path_factory.mktemp("mirror") / source.name
            with FaultServer() as server:
                for name, data in tree(source).items():
                    server.on(f"/{name}", Answer(data))
                summary, _ = mirror(server.url("/manifest.mpd"), made[source])
            assert summary.complete
        return made[source]

    return make


def mux(root: Path, file: Path, choices: Choices | None = None, **options: Any) -> Events:
    """Write a file of a mirror; return the events."""
    events, choices = Events(), choices or Choices()
    mux_mirror(LocalDirectory(root), file, MuxOptions(choices=choices, **options), events)
    return events
