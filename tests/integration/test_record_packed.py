"""Recordings whose record is compressed as it grows: they go on, roll, and are checked as any."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

import dashget
from dashget.recording import keeping, ledger
from tests.integration.test_record import check_whole, recording
from tests.integration.test_record_command import run
from tests.integration.test_record_keep import check_newest
from tests.support.liveorigin import LiveOrigin
from tests.support.once import Once

pytestmark = pytest.mark.slow

COMMANDS = (
    ("gaps",), ("verify",), ("verify", "--repair"), ("verify", "--from", "-2s"), ("manifests",),
    ("serve", "--port", "0"), ("list",), ("mux", "x.mp4"),
)  # fmt: skip


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lines are compressed as soon as there are some kilobytes."""
    monkeypatch.setattr(ledger, "PLAIN_BYTES", 4096)
    monkeypatch.setattr(ledger, "KEPT_BYTES", 1024)
    monkeypatch.setattr(ledger, "LEAST_BYTES", 2048)


def packed(root: Path) -> Path:
    return root / ".dashget/record.jsonl.gz"


def test_it_goes_on_and_is_checked_as_any(small: None, tmp_path: Path) -> None:
    root = tmp_path / "r"
    with LiveOrigin(depth=30.0).serving() as origin:
        for run_ in range(2):
            with recording(origin, root) as recorder:
                edge = origin.edge()
                origin.wait_for(lambda edge=edge: origin.served(edge + 25))  # type: ignore[misc]
                assert recorder.end().complete
            assert packed(root).stat().st_size > 500 * (run_ + 1)
            # Lines of the last two seconds or so, since it is looked at as often.
            assert (root / ".dashget/record.jsonl").stat().st_size < 20_000
        check_whole(origin, root, least=50)
    with dashget.Session() as session:
        assert session.verify(root).sound
    # The same without a checkpoint.
    (root / ".dashget/checkpoint.jsonl").unlink()
    assert run("gaps", str(root)).returncode == 0
    assert run("verify", str(root)).returncode == 0


def test_what_rolls_is_compressed_as_well(
    small: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(keeping, "_LEAST_DEAD", 8192)
    root = tmp_path / "r"
    wishes = dashget.Wishes(keep_seconds=4.0)
    with (
        LiveOrigin(depth=60.0, head_start=20.0).serving() as origin,
        recording(origin, root, wishes=wishes) as recorder,
    ):
        first = origin.edge()
        origin.wait_for(lambda: origin.served(first + 80))
        assert recorder.end().complete
        check_newest(origin, root, least=15)
    here = sum((root / f".dashget/record.jsonl{end}").stat().st_size for end in ("", ".gz"))
    assert here < 40_000


@pytest.fixture(scope="module")
def recorded(made_once: Once) -> Path:
    """A recording with a packed record."""

    def fill(folder: Path) -> None:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(ledger, "PLAIN_BYTES", 4096)
            patch.setattr(ledger, "KEPT_BYTES", 1024)
            root = folder / "r"
            with LiveOrigin(depth=30.0).serving() as origin, recording(origin, root) as recorder:
                edge = origin.edge()
                origin.wait_for(lambda: origin.served(edge + 25))
                assert recorder.end().complete
        assert packed(root).exists()

    return made_once("packed-recording", fill) / "r"


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_a_packed_part_that_is_missing_is_said(
    command: tuple[str, ...], recorded: Path, tmp_path: Path
) -> None:
    root = tmp_path / "r"
    shutil.copytree(recorded, root)
    packed(root).unlink()
    (root / ".dashget/checkpoint.jsonl").unlink()
    name, *options = command
    said = run(name, str(root), *options)
    assert said.returncode in (2, 6)
    assert b"Traceback" not in said.stderr
    if name not in ("list",):
        assert b"record.jsonl.gz" in said.stderr
        assert b"hint: " in said.stderr


def test_damage_costs_lines_and_nothing_else(recorded: Path, tmp_path: Path) -> None:
    root = tmp_path / "r"
    shutil.copytree(recorded, root)
    (root / ".dashget/checkpoint.jsonl").unlink()
    data = bytearray(packed(root).read_bytes())
    for at in range(200, len(data)):
        data[at] ^= 0x55
    packed(root).write_bytes(data)
    for command in ("gaps", "verify"):
        said = run(command, str(root))
        assert said.returncode in (1, 6)
        assert b"Traceback" not in said.stderr
