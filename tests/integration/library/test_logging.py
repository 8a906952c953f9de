"""Debug records: useful when they are on, free when they are off, and without secrets."""

from __future__ import annotations

import logging
import subprocess
import sys
from pathlib import Path

import pytest

import dashget
from tests.integration.library.conftest import Publish
from tests.support.builders import mpd, numbered
from tests.support.faultserver import Answer, FaultServer, redirect, refuse
from tests.support.program import environment, run

MARK = "s3cr3t"
QUICK = dashget.TransferOptions(retries=1, backoff_seconds=0.01)


def test_requests_redirects_retries_and_decisions_are_recorded(
    publish: Publish, server: FaultServer, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    url = publish()
    server.on("/show/v/1.m4s", refuse(503), Answer(b"1" * 2000))
    server.on("/show/v/2.m4s", redirect(server.on("/elsewhere.m4s", Answer(b"2" * 2000))))
    with caplog.at_level(logging.DEBUG, logger="dashget"):
        dashget.mirror(url, tmp_path / "m", transfer=QUICK)
    text = caplog.text
    assert f"GET {url}" in text
    assert f"retry of {server.url('/show/v/1.m4s')}" in text
    assert "HTTP 503" in text
    assert f"redirected to {server.url('/elsewhere.m4s')}" in text
    assert "Outcome.DOWNLOADED" in text
    assert {record.name for record in caplog.records} == {"dashget.session", "dashget.transfer"}


def test_nothing_is_recorded_and_logging_is_not_loaded_while_nobody_asks(
    publish: Publish, tmp_path: Path
) -> None:
    program = (
        "import sys, dashget\n"
        "dashget.mirror(sys.argv[1], sys.argv[2])\n"
        "assert 'logging' not in sys.modules, 'logging was loaded'\n"
    )
    done = subprocess.run(
        [sys.executable, "-P", "-c", program, publish(), str(tmp_path / "m")],
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert (done.returncode, done.stderr) == (0, "")


def publish_with_secrets(server: FaultServer) -> str:
    """Publish a presentation whose server repeats every secret that it was sent."""
    query = f"token={MARK}-query"
    server.on(
        f"/show/x.mpd?{query}",
        redirect(f"/new/x.mpd?{query}&more=1"),
    )
    cookie = (("Set-Cookie", f"set={MARK}-set; Path=/"),)
    server.on(f"/new/x.mpd?{query}&more=1", Answer(mpd(numbered()), headers=cookie))
    server.on(f"/new/v/1.m4s?{query}", refuse(503), Answer(b"1" * 2000))
    server.on(f"/new/v/2.m4s?{query}", redirect(f"/elsewhere?{query}"))
    server.on(f"/elsewhere?{query}", Answer(b"2" * 2000))
    server.on(f"/new/v/3.m4s?{query}", refuse(403))
    server.unknown = refuse(404)
    return server.url("/show/x.mpd").replace("http://", f"http://me:{MARK}-url@")


@pytest.mark.parametrize("command", ["get", "list", "plan", "verify"])
def test_no_secret_is_in_the_output_of_debug(
    server: FaultServer, tmp_path: Path, command: str
) -> None:
    url = publish_with_secrets(server)
    (tmp_path / "cookies").write_text(f"127.0.0.1\tFALSE\t/\tFALSE\t0\tname\t{MARK}-file\n")
    (tmp_path / "netrc").write_text(f"machine 127.0.0.1 login me password {MARK}-netrc\n")
    secrets = [
        "-H", f"Authorization: Bearer {MARK}-bearer",
        "-H", f"X-Token: {MARK}-token",
        "-H", f"@127.0.0.1 X-Bound: {MARK}-bound",
        "--cookie", f"a={MARK}-cookie",
        "--cookies", str(tmp_path / "cookies"),
        "--netrc", str(tmp_path / "netrc"),
        "--append-query", f"token={MARK}-query",
        "--send-credentials-to", "all",
    ]  # fmt: skip
    words = {
        "get": [url, "-o", "m"],
        "list": [url],
        "plan": [url],
        "verify": ["m", "--remote", "--repair"],
    }[command]
    if command == "verify":
        run("get", url, "-o", "m", *secrets, "--retries", "1", cwd=tmp_path)
    ended = run(command, *words, *secrets, "--retries", "1", "--debug", cwd=tmp_path)
    assert "dashget.transfer: " in ended.err
    assert any(MARK in str(seen) for seen in server.seen), "the secrets were sent"
    assert MARK not in ended.err
    assert "redirected to" in ended.err
    if command == "get":
        assert "failed: " in ended.err


def test_debug_shows_no_progress_display_and_changes_no_result(
    publish: Publish, tmp_path: Path
) -> None:
    url = publish()
    ended = run(url, "-o", "m", "--debug", cwd=tmp_path)
    assert ended.code == 0
    lines = ended.err.splitlines()
    assert any(line.startswith("debug: ") and "GET" in line for line in lines)
    assert (tmp_path / "m/v/3.m4s").is_file()
