"""The check finds every damage of a file, and a kill at any moment leaves no final name."""

from __future__ import annotations

import io
import itertools
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import av
import pytest

import dashget
from dashget.mux import run, writer
from dashget.mux.direct import copying
from tests.integration.mux.conftest import Mirrored, mux
from tests.support.decoding import packets

KILLS = 30
Damage = Callable[[Path], None]


def _flip(place: float) -> Damage:
    """Return what changes one bit of a picture, at a place between the first one and the last."""

    def damage(file: Path) -> None:
        data = bytearray(file.read_bytes())
        with av.open(str(file)) as container:
            media = [bytes(p) for p in container.demux(video=0) if p.size]
        picture = media[int((len(media) - 1) * place)]
        data[data.index(picture) + len(picture) // 2] ^= 1
        file.write_bytes(data)

    return damage


def _move(file: Path) -> None:
    """Show one picture of Matroska 64 ms later or earlier."""
    data = bytearray(file.read_bytes())
    with av.open(str(file)) as container:
        picture = [bytes(p) for p in container.demux(video=0) if p.size][60]
    # A block has its track, a time of two bytes and flags before the picture.
    data[data.index(picture) - 2] ^= 64
    file.write_bytes(data)


def _forget_key(file: Path) -> None:
    """Let another picture be the second key picture of MP4; those of Matroska have a flag."""
    data = bytearray(file.read_bytes())
    if file.name.startswith("show.mp4"):
        data[data.index(b"stss") + 15] += 1
    else:
        with av.open(str(file)) as container:
            keys = [bytes(p) for p in container.demux(video=0) if p.size and p.is_keyframe]
        data[data.index(keys[1]) - 1] ^= 0x80
    file.write_bytes(data)


def _cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-1000])


DAMAGES = [
    (damage, suffix)
    for suffix in (".mp4", ".mkv")
    for damage in (_flip(0), _flip(0.5), _flip(1), _cut)
]


@pytest.mark.parametrize(
    ("damage", "suffix"), [*DAMAGES, (_move, ".mkv"), (_forget_key, ".mkv"), (_forget_key, ".mp4")]
)
def test_a_file_that_is_not_what_was_written_gets_no_name(
    damage: Damage,
    suffix: str,
    media: Path,
    mirrored: Mirrored,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sound = run.check_file

    def check(part: Path, *rest: Any) -> None:
        damage(part)
        sound(part, *rest)

    monkeypatch.setattr(run, "check_file", check)
    with pytest.raises(dashget.MuxError):
        mux(mirrored(media / "timeline"), tmp_path / f"show{suffix}", check=True)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
@pytest.mark.parametrize("order", ["dropped", "exchanged", "twice"])
def test_packets_that_were_lost_or_moved_while_writing_are_found(
    order: str,
    suffix: str,
    media: Path,
    mirrored: Mirrored,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Losing(writer.Witness):
        """Sees a packet that is not the one in the file, or one more."""

        count = 0

        def note(self, packet: Any) -> None:
            Losing.count += 1
            if Losing.count == 100 and order == "dropped":
                return
            super().note(packet)
            if Losing.count == 100 and order == "twice":
                super().note(packet)
            if Losing.count == 100 and order == "exchanged" and self._hash is not None:
                self._hash.update(b"another")

    monkeypatch.setattr(writer, "Witness", Losing)
    monkeypatch.setattr(run, "DirectWriter", writer.Writer)
    with pytest.raises(dashget.MuxError, match=r"track \d was read with"):
        mux(mirrored(media / "timeline"), tmp_path / f"show{suffix}", check=True)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("order", ["dropped", "exchanged", "twice"])
def test_media_that_were_lost_or_moved_while_the_system_copied_them_are_found(
    order: str, media: Path, mirrored: Mirrored, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write, count = copying.write_all, itertools.count()

    def losing(output: io.FileIO, data: bytes) -> None:
        changed = {"dropped": b"", "exchanged": data[::-1], "twice": data * 2}
        write(output, changed[order] if next(count) == 5 else data)

    monkeypatch.setattr(copying, "write_all", losing)
    with pytest.raises(dashget.MuxError):
        mux(mirrored(media / "timeline"), tmp_path / "show.mp4", check=True)
    assert next(count) > 5
    assert not list(tmp_path.iterdir())


_PROGRAM = """\
import sys
from pathlib import Path
from dashget.mux import run
from dashget.mux.options import MuxOptions
from dashget.store import LocalDirectory

options = MuxOptions(check=True, overwrite=True)
print(flush=True)
run.mux_mirror(LocalDirectory(Path(sys.argv[1])), Path(sys.argv[2]), options, print)
"""


def _moments(seconds: float) -> Iterator[float]:
    numbers = random.Random(7)  # the same moments in each run
    return (numbers.uniform(0, seconds) for _ in range(KILLS))


@pytest.mark.slow
@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_a_kill_at_any_moment_leaves_no_name_or_the_whole_file(
    suffix: str, media: Path, mirrored: Mirrored, tmp_path: Path
) -> None:
    root = mirrored(media / "timeline")
    whole, file = tmp_path / f"whole{suffix}", tmp_path / f"show{suffix}"
    began = time.monotonic()
    mux(root, whole, check=True)
    seconds = time.monotonic() - began
    killed = 0
    for moment in _moments(1.2 * seconds):
        words = [sys.executable, "-c", _PROGRAM, str(root), str(file)]
        with subprocess.Popen(words, stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            process.stdout.readline()
            try:
                process.wait(moment)
            except subprocess.TimeoutExpired:
                process.kill()
        killed += process.returncode == -signal.SIGKILL
        if file.exists():
            assert file.read_bytes() == whole.read_bytes()
            file.unlink()
    assert killed
    mux(root, file, overwrite=True)
    assert packets(file) == packets(whole)
