"""``--document-limits`` raises what a manifest may cost, in every command that reads one."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.builders import mpd, numbered
from tests.support.faultserver import Answer, FaultServer
from tests.support.program import run

RAISED = ("--document-limits", "2")
TEMPLATE = "v/$Number$" + "$RepresentationID$" * 64 + ".m4s"
"""With one identifier more than is allowed."""
TOLD = "the template has 65 identifiers; the limit is 64; --document-limits raises it"


@pytest.fixture
def url(server: FaultServer) -> str:
    for number in "123":
        server.on(f"/v/{number}{'v' * 64}.m4s", Answer(b"content"))
    server.on("/x.mpd", Answer(mpd(numbered(TEMPLATE))))
    return server.url("/x.mpd")


@pytest.mark.parametrize("command", ["list", "plan", "get"])
def test_a_command_refuses_and_lets_through(command: str, url: str, tmp_path: Path) -> None:
    refused = run(command, url, cwd=tmp_path)
    assert (refused.code, TOLD in refused.err) == (1 if command == "list" else 3, True), refused
    raised = run(command, url, *RAISED, cwd=tmp_path)
    assert raised.code == 0, raised.err
    assert TOLD not in raised.err


def test_a_verification_reads_the_stored_manifest_within_the_same_limits(
    url: str, tmp_path: Path
) -> None:
    assert run("get", url, *RAISED, "-o", "m", cwd=tmp_path).code == 0
    assert run("verify", "m", cwd=tmp_path).code == 3
    assert run("verify", "m", *RAISED, cwd=tmp_path).code == 0
    (tmp_path / "m/x.mpd").unlink()
    repaired = run("verify", "m", "--repair", *RAISED, cwd=tmp_path)
    assert repaired.code == 0, repaired.err


@pytest.mark.parametrize("times", ["0", "1001", "x", "1.5"])
def test_an_invalid_number_is_named(times: str, url: str, tmp_path: Path) -> None:
    ended = run("list", url, "--document-limits", times, cwd=tmp_path)
    assert ended.code == 2
    assert "--document-limits" in ended.err
