"""Mirrors of real media, made once for each form, and the call that writes a file of one."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dashget.media.isobmff import iter_boxes
from dashget.mux import run
from dashget.mux.options import MuxOptions
from dashget.mux.run import mux_mirror
from dashget.mux.selection import Choices
from dashget.mux.writer import Writer
from dashget.store import LocalDirectory
from tests.support.decoding import packets
from tests.support.faultserver import Answer, FaultServer
from tests.support.program import tree
from tests.support.running import Events, mirror

_INSIDE = ("moov", "trak", "mdia", "minf", "stbl", "edts", "udta", "tref")
_PLACES = ("mdat", "free", "stsc", "stco", "co64")
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
    """Write a file of a mirror; return the events.

    A file that is written directly is written packet by packet, too, and both have to be the same
    but for the places of the media.
    """
    events, choices = Events(), choices or Choices()
    asked = MuxOptions(choices=choices, **options)
    mux_mirror(LocalDirectory(root), file, asked, events)
    require_same_by_packets(root, file, asked)
    return events


def require_same_by_packets(root: Path, file: Path, options: MuxOptions) -> None:
    """Write a file, or those of all Periods, packet by packet, and compare it with what is there."""
    if file.suffix not in (".mp4", ".m4a", ".m4v"):
        return
    with tempfile.TemporaryDirectory(dir=file.parent) as folder, pytest.MonkeyPatch.context() as m:
        m.setattr(run, "DirectWriter", Writer)
        mux_mirror(LocalDirectory(root), Path(folder) / file.name, options, Events())
        for other in Path(folder).glob("*.m*"):
            directly = file.with_name(other.name)
            assert leaves(directly) == leaves(other)
            assert packets(directly) == packets(other)


def leaves(file: Path) -> dict[str, list[bytes]]:
    """Return the contents of all boxes of an MP4 file, but for the places of the media.

    The duration in ``mdhd`` is left out: libavformat makes it longer where one of the first packets
    has less time between its decoding and its presentation than the very first one.
    """
    data, found = file.read_bytes(), dict[str, list[bytes]]()

    def walk(start: int, end: int, path: str) -> None:
        for box in iter_boxes(data, start, end):
            name, stop = f"{path}/{box.type}", box.end or end
            if box.type in _INSIDE:
                walk(box.payload, stop, name)
            elif box.type not in _PLACES:
                payload = data[box.payload : stop]
                found.setdefault(name, []).append(payload[:16] if box.type == "mdhd" else payload)

    walk(0, len(data), "")
    return found
