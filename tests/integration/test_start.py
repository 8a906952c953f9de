"""The program starts quickly: each command loads what it needs, and little more."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.builders import initialization, media_segment, mpd, numbered
from tests.support.faultserver import Answer, FaultServer
from tests.support.program import DEADLINE_SECONDS, environment

SLOW = {
    "ast", "asyncio", "bisect", "concurrent", "dataclasses", "email", "hashlib", "http",
    "inspect", "isodate", "locale", "logging", "random", "resource", "rich", "signal", "socket", "ssl",
    "statistics", "subprocess", "tempfile", "tokenize",
}  # fmt: skip
"""Modules that take long to load, and that no run without a failure needs."""
LATE = {
    "dashget._public", "dashget.aio", "dashget.api", "dashget.common.fielddocs",
    "dashget.cli.debug", "dashget.cli.failures", "dashget.cli.printers.plain", "dashget.demo",
    "dashget.media.isobmff", "dashget.mirroring.comparison", "dashget.mpd.remote",
    "dashget.mpd.clock", "dashget.mpd.malformed", "dashget.session.keywordtypes", "dashget.session.logged",
    "dashget.session.stream", "dashget.segments.base", "dashget.segments.segmentlist",
    "dashget.segments.timeline", "dashget.store.backend", "dashget.store.held",
    "dashget.store.parts", "dashget.transfer.curl.proxy",
    "dashget.transfer.settings.cookiefile", "dashget.transfer.settings.masking",
    "dashget.transfer.settings.netrc", "dashget.transfer.trace", "dashget.verification", "shutil",
}  # fmt: skip
"""Modules that a run of a small template presentation does not need; most of them our own."""
IF_SLOW = {
    "dashget.mirroring.misplaced", "dashget.mirroring.rows",
    "dashget.transfer.run.watch", "dashget.transfer.curl.sockets",
}  # fmt: skip
"""Modules that a run needs where files come in another order, or which takes half a second: as on a
busy machine."""
MIRRORING = {"dashget.mirroring.run", "dashget.session.mirror", "dashget.store"}


def started(*arguments: str | Path, cwd: Path | None = None) -> tuple[str, set[str]]:
    """Start the program; return what it printed, and the modules that it loaded."""
    done = subprocess.run(
        [sys.executable, "-IS", "-X", "importtime", "-c", _PROGRAM, *arguments],
        cwd=cwd,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=DEADLINE_SECONDS,
        check=True,
    )
    lines = done.stderr.splitlines()
    loaded = {line.rpartition("|")[2].strip() for line in lines if line.startswith("import time:")}
    assert "dashget" in loaded
    # An optional dependency of msgspec, which only the tests have installed, loads some of them.
    if "typing_extensions" in loaded:
        loaded -= {"ast", "inspect", "tokenize"}
    return done.stdout, loaded


_PROGRAM = f"import sys; sys.path += {[p for p in sys.path if p]!r}\n" + (
    "from dashget.cli import main; main()"
)
"""As the launcher starts it: without ``site``, which loads modules of its own."""


def ours(loaded: set[str]) -> set[str]:
    return {name for name in loaded if name.partition(".")[0] == "dashget"}


def in_one_piece(body: bytes) -> Answer:
    """Answer with head and body at once: on a busy machine, a body that follows its head may be late
    for the fast path, and other modules are needed."""
    head = f'HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\nETag: "{len(body)}"\r\n\r\n'
    return Answer(raw=head.encode() + body, raw_stays=True)


@pytest.fixture
def url(server: FaultServer) -> str:
    """The manifest of a presentation of four small files."""
    server.on("/i.mp4", in_one_piece(initialization()))
    for number in range(1, 4):
        server.on(f"/v/{number}.m4s", in_one_piece(media_segment(number, b"")))
    document = mpd(
        numbered(extra='initialization="i.mp4" endNumber="3"', kind='mimeType="video/mp4"'),
        seconds=6,
    )
    server.on("/manifest.mpd", Answer(document))
    return server.url("/manifest.mpd")


def test_the_version_is_printed_by_a_handful_of_modules() -> None:
    printed, loaded = started("--version")
    assert re.fullmatch(r"dashget \d+\.\d+\S*\n", printed)
    assert not loaded & {*SLOW, "argparse", "collections", "contextlib", "re", "typing"}
    assert len(ours(loaded)) <= 7


@pytest.mark.parametrize("arguments", [("help",), ("--help",), ("list", "--help")])
def test_a_help_page_is_printed_without_the_library(arguments: tuple[str, ...]) -> None:
    printed, loaded = started(*arguments)
    assert printed.startswith("Usage: dashget ")
    assert not loaded & {*SLOW, "msgspec", "pycurl", "pycurl._pycurl"}
    assert len(ours(loaded)) <= 14


@pytest.mark.parametrize("command", ["list", "plan"])
def test_a_list_and_a_plan_load_no_store(command: str, url: str) -> None:
    _, loaded = started(command, url)
    assert "dashget.transfer.engine" in loaded
    # Tables are rich's, as wide as the terminal; their columns tell how media are protected.
    tables = {"bisect", "dashget.media.isobmff", "rich", "shutil"}
    permitted = tables if command == "list" else set()
    assert loaded & (SLOW | LATE | MIRRORING) <= permitted


def test_a_complete_mirror_is_looked_at_without_loading_what_only_failures_need(
    url: str, server: FaultServer, tmp_path: Path
) -> None:
    _, first = started("get", url, "-q", "-o", tmp_path / "show")
    requests = len(server.seen)
    _, again = started("get", url, "-q", "-o", tmp_path / "show")
    assert len(server.seen) == requests + 1
    assert again >= MIRRORING
    for loaded in (first, again):
        assert not loaded & (SLOW | LATE)
        assert len(ours(loaded) - IF_SLOW) <= 175


def test_the_end_of_the_program_flushes_its_output_or_reports_an_error(tmp_path: Path) -> None:
    """The process ends without taking itself apart, which would have flushed the streams."""
    command = [sys.executable, "-P", "-m", "dashget", "--help"]
    piped = subprocess.run(command, env=environment(), capture_output=True, text=True, check=False)
    assert (piped.returncode, piped.stderr) == (0, "")
    assert piped.stdout.startswith("Usage: dashget")
    assert "130  interrupted" in piped.stdout
    target = tmp_path / "page"
    with target.open("w") as page:
        assert subprocess.run(command, env=environment(), stdout=page, check=False).returncode == 0
    assert target.read_text() == piped.stdout
