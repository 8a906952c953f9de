"""Killed at any moment: no file under a final name is ever wrong, and little comes twice.

The program runs against a slow server that kills it (SIGKILL) once a random number of
bytes has left and a random moment has passed; then it is started again, until it is
through. ``DASHGET_TEST_KILLS=200`` makes that many kills instead of a few, and prints the
figures. Seeds are fixed; what varies from run to run is what the machine does meanwhile.
"""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.builders import mpd
from tests.support.media import UNNAMED
from tests.support.meteredserver import MeteredServer, Pace
from tests.support.program import DEADLINE_SECONDS, Ended, start, tree

pytestmark = [pytest.mark.system, pytest.mark.slow]

FORMS = ("number", "timeline", "time", "list", "single", "ondemand", "large")
KILLS = int(os.environ.get("DASHGET_TEST_KILLS", "14"))
KILLS_IN_ONE_MIRROR = 5
"""So many times one mirror is killed at most before it may be completed."""
LONGEST_DELAY_SECONDS = 0.01
TWICE_AT_MOST = 0.05

SMALL = Pace(512, 0.002)
LARGE = Pace(32 * 1024, 0.002)
LARGE_BYTES = 40 * 1024 * 1024
"""Well above the size from which a resource is fetched in parallel ranges."""


@dataclass
class Figures:
    """Figures of a series of mirrors. Bytes are those of all files but manifests."""

    kills: int = 0
    runs: int = 0
    mirrors: int = 0
    sent: int = 0
    size: int = 0

    @property
    def twice(self) -> float:
        """The share of what was sent that had been sent before."""
        return max(0, self.sent - self.size) / self.sent


def share_of(form: str) -> int:
    """So many of all kills are for one form."""
    index = FORMS.index(form)
    return KILLS // len(FORMS) + (index < KILLS % len(FORMS))


@pytest.fixture(scope="module")
def large() -> dict[str, bytes]:
    """A presentation of one large file that is named by nothing but a BaseURL."""
    content = random.Random(5).randbytes(1 << 20) * (LARGE_BYTES >> 20)
    document = mpd(
        '<AdaptationSet mimeType="application/octet-stream" contentType="text">'
        '<Representation id="t" bandwidth="1000"><BaseURL>large.bin</BaseURL></Representation>'
        "</AdaptationSet>"
    )
    numbered = bytearray(content)
    for position in range(0, len(numbered), 4096):  # so that no two places are alike
        numbered[position : position + 8] = position.to_bytes(8, "big")
    return {"manifest.mpd": document, "large.bin": bytes(numbered)}


@pytest.fixture(params=FORMS)
def form(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture
def files(form: str, request: pytest.FixtureRequest) -> dict[str, bytes]:
    """The files of a presentation, by path."""
    if form == "large":
        made: dict[str, bytes] = request.getfixturevalue("large")
        return made
    media: Path = request.getfixturevalue("media")
    return {n: data for n, data in tree(media / form).items() if n not in UNNAMED.get(form, ())}


@pytest.fixture
def server(form: str, files: dict[str, bytes]) -> Iterator[MeteredServer]:
    pace = LARGE if form == "large" else SMALL
    with MeteredServer(files, pace, uncounted=frozenset({"manifest.mpd"})) as running:
        yield running


class Mirrored:
    """One mirror of a presentation that is killed until it is whole."""

    def __init__(self, server: MeteredServer, files: dict[str, bytes], cwd: Path) -> None:
        self._server = server
        self._files = files
        self._cwd = cwd
        self.root = cwd / "mirror"
        self._locals: set[bytes] = set()

    def run(self, strike_after: tuple[int, float] | None, number: int) -> tuple[Ended, bool]:
        """Run to the end or to the strike; whether it was struck."""
        arguments = (self._server.url("/manifest.mpd"), "-o", self.root, "--no-progress")
        with start(*arguments, cwd=self._cwd) as process:
            if strike_after is not None:
                self._server.arm(*strike_after, lambda: self._strike(process, number))
            out, err = process.communicate(timeout=DEADLINE_SECONDS)
        self._server.disarm()
        code = process.returncode
        return Ended(code, out, err), code == -number

    def _strike(self, process: subprocess.Popen[str], number: int) -> None:
        if number == signal.SIGKILL:
            # Stopped first, so that what it has not read yet can be counted.
            process.send_signal(signal.SIGSTOP)
            with contextlib.suppress(ChildProcessError):
                os.waitid(os.P_PID, process.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)
            self._server.cut()
        process.send_signal(number)

    def check(self) -> None:
        """Hold every file under a final name against the origin."""
        held = tree(self.root) if self.root.exists() else {}
        local = held.pop("manifest.local.mpd", None)
        if local is not None:
            self._locals.add(local)
        wrong = [name for name, data in held.items() if self._files.get(name) != data]
        assert wrong == []

    def check_whole(self) -> None:
        """Hold the finished mirror against the origin."""
        held = tree(self.root)
        assert self._locals | {held.pop("manifest.local.mpd")} == self._locals
        assert len(self._locals) == 1
        assert sorted(held) == sorted(self._files)
        assert {p.name for p in (self.root / ".dashget").iterdir()} == {"lock", "record.jsonl"}


def mirror_under_fire(
    server: MeteredServer, files: dict[str, bytes], cwd: Path, kills: int, seed: int
) -> Figures:
    """Kill ``kills`` runs, completing a mirror and beginning a new one now and then."""
    draw = random.Random(seed)
    figures = Figures()
    size = sum(len(data) for name, data in files.items() if name != "manifest.mpd")
    while figures.kills < kills:
        mirror = Mirrored(server, files, cwd)
        before, here = server.sent, 0
        while True:
            strike = None
            if here < KILLS_IN_ONE_MIRROR and figures.kills < kills:
                after = draw.randrange(2 * size // (KILLS_IN_ONE_MIRROR + 1))
                strike = (after, draw.random() * LONGEST_DELAY_SECONDS)
            ended, struck = mirror.run(strike, signal.SIGKILL)
            figures.runs += 1
            mirror.check()
            if not struck:
                assert ended.code == 0, ended.err
                break
            figures.kills += 1
            here += 1
        mirror.check_whole()
        shutil.rmtree(mirror.root)
        figures.mirrors += 1
        figures.sent += server.sent - before
        figures.size += size
    return figures


def test_a_mirror_that_is_killed_again_and_again_is_never_wrong_and_little_comes_twice(
    form: str,
    files: dict[str, bytes],
    server: MeteredServer,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    figures = mirror_under_fire(server, files, tmp_path, share_of(form), FORMS.index(form))
    if "DASHGET_TEST_KILLS" in os.environ:
        with capsys.disabled():
            print(
                f"\n{form}: {figures.kills} kills in {figures.runs} runs of {figures.mirrors}"
                f" mirrors, {figures.sent:,} bytes sent of {figures.size:,}:"
                f" {figures.twice:.2%} twice"
            )
    assert figures.kills == share_of(form)
    assert figures.twice < TWICE_AT_MOST


@pytest.mark.parametrize("form", ["timeline", "large"])
def test_sigterm_ends_a_run_in_order_and_nothing_comes_twice(
    files: dict[str, bytes], server: MeteredServer, tmp_path: Path
) -> None:
    mirror = Mirrored(server, files, tmp_path)
    size = sum(len(data) for name, data in files.items() if name != "manifest.mpd")
    ended, _ = mirror.run((size // 2, 0.0), signal.SIGTERM)
    assert ended.code == 130
    assert "Interrupted: " in ended.err
    assert "hint: run the same command again; it fetches only what is missing" in ended.err
    mirror.check()
    ended, _ = mirror.run(None, signal.SIGTERM)
    assert ended.code == 0, ended.err
    mirror.check()
    mirror.check_whole()
    assert server.sent < size * (1 + TWICE_AT_MOST)
