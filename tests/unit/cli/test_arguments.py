"""What stands on the command line reaches the library; what cannot be meant is refused."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

import pytest

from dashget.cli.app import make_app, run
from dashget.cli.arguments import parse_now
from dashget.cli.network import NetworkArguments, _with_password
from dashget.errors import UsageError
from dashget.transfer.options import HttpVersion, OriginHeader, TransferOptions
from dashget.version import __version__

URL = "http://h.example/x.mpd"


def bound(*tokens: str) -> dict[str, Any]:
    _, arguments, _ = make_app().parse_args([*tokens], exit_on_error=False, print_error=False)
    arguments.apply_defaults()
    return dict(arguments.arguments)


def transfer(*tokens: str) -> TransferOptions:
    arguments = bound("get", URL, *tokens)
    network = arguments["network"]
    assert isinstance(network, NetworkArguments)
    return network.transfer(arguments["threads"])


def test_the_defaults_are_those_of_the_manual() -> None:
    options = transfer()
    assert options.in_flight == 4
    assert options.timeout_seconds == 30
    assert options.retries == 5
    assert options.user_agent == f"DashGet/{__version__}"
    assert not options.insecure


@pytest.mark.parametrize("flag", ["-t", "--threads", "--max-threads"])
def test_the_number_of_transfers_has_three_names(flag: str) -> None:
    assert transfer(flag, "7").in_flight == 7
    assert transfer(flag, "auto").in_flight is None


@pytest.mark.parametrize(
    ("tokens", "name", "value"),
    [
        (["--timeout", "2.5"], "timeout_seconds", 2.5),
        (["--connect-timeout", "3"], "connect_timeout_seconds", 3.0),
        (["--retries", "0"], "retries", 0),
        (["--user-agent", "me/1"], "user_agent", "me/1"),
        (["-H", "X-A: b"], "headers", (("X-A", "b"),)),
        (["-H", "X-A: b", "-H", "X-C:d:e"], "headers", (("X-A", "b"), ("X-C", "d:e"))),
        (
            ["-H", "@https://cdn.example Token: t"],
            "origin_headers",
            (OriginHeader("https://cdn.example", "Token", "t"),),
        ),
        (["--limit-rate", "500k"], "limit_rate", 500_000),
        (["--limit-rate", "1.5M"], "limit_rate", 1_500_000),
        (["--limit-rate", "2GB/s"], "limit_rate", 2_000_000_000),
        (["--max-per-host", "3"], "max_per_host", 3),
        (["--http", "1.1"], "http", HttpVersion.HTTP_1_1),
        (["--http", "3"], "http", HttpVersion.HTTP_3),
        (["--proxy", "socks5h://p:1080"], "proxy", "socks5h://p:1080"),
        (["--proxy", ""], "proxy", ""),
        (["--no-proxy", "h.example"], "no_proxy", "h.example"),
        (["--interface", "lo"], "interface", "lo"),
        (["--max-redirects", "0"], "max_redirects", 0),
        (["--append-query", "?a=b"], "append_query", "a=b"),
        (["--user", "me:secret"], "user", "me:secret"),
        (["--cookie", "a=b", "--cookie", "c=d"], "cookies", ("a=b", "c=d")),
        (["--send-credentials-to", "all"], "send_credentials_to", ("all",)),
        (["--insecure"], "insecure", True),
        (["--allow-downgrade"], "allow_downgrade", True),
        (["--allow-private"], "allow_private", True),
    ],
)
def test_every_network_option_reaches_the_engine(
    tokens: list[str], name: str, value: object
) -> None:
    assert getattr(transfer(*tokens), name) == value


@pytest.mark.parametrize(
    ("flag", "name"),
    [
        ("--netrc", "netrc"),
        ("--cookies", "cookie_file"),
        ("--cacert", "cacert"),
        ("--cert", "cert"),
    ],
)
def test_files_are_handed_on_if_they_are_there(flag: str, name: str, tmp_path: Path) -> None:
    (tmp_path / "f").write_text("")
    assert getattr(transfer(flag, str(tmp_path / "f")), name) == str(tmp_path / "f")
    with pytest.raises(UsageError, match="there is no file"):
        transfer(flag, str(tmp_path / "gone"))


@pytest.mark.parametrize(
    "tokens",
    [
        ["-t", "0"],
        ["-t", "-1"],
        ["-t", "1001"],
        ["-t", "many"],
        ["--timeout", "0"],
        ["--timeout", "-3"],
        ["--connect-timeout", "0"],
        ["--retries", "-1"],
        ["--max-redirects", "-1"],
        ["--max-per-host", "0"],
        ["-H", "no colon"],
        ["-H", ": no name"],
        ["-H", "a b: c"],
        ["-H", "X: a\r\nY: b"],
        ["-H", "@https://cdn.example"],
        ["--cookie", "nothing"],
        ["--limit-rate", "fast"],
        ["--limit-rate", "0"],
        ["--key", "/dev/null"],
        ["--user", "me"],
        ["--now", "yesterday"],
        ["--video", "heigth<1"],
        ["--period", "9-1"],
        ["--base-url", "not a url"],
        ["--segment-limit", "0"],
        ["--http", "4"],
        ["--checksums", "crc32"],
        ["--nonsense"],
        ["second"],
        ["-o"],
    ],
)
def test_what_cannot_be_meant_is_one_sentence_a_hint_and_exit_2(
    tokens: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "x.mpd").write_bytes(b"<MPD/>")
    assert run(["x.mpd", *tokens]) == 2
    captured = capsys.readouterr()
    lines = captured.err.splitlines()
    assert captured.out == ""
    assert len(lines) == 2
    assert lines[0].startswith("dashget: error: ")
    assert not lines[0].endswith(".")
    assert lines[1].startswith("hint: ")


@pytest.mark.parametrize("command", ["list", "plan", "get", "verify"])
def test_every_command_says_when_its_argument_is_missing(command: str, capsys: Any) -> None:
    assert run([command]) == 2
    assert "requires an argument" in capsys.readouterr().err


@pytest.mark.parametrize("command", [[], ["get"], ["list"], ["plan"], ["verify"]])
def test_every_help_lists_the_exit_status(command: list[str], capsys: Any) -> None:
    assert run([*command, "--help"]) == 0
    shown = capsys.readouterr().out
    for number in ("0", "1", "2", "3", "4", "5", "6", "130"):
        assert any(line.split()[:1] == [number] for line in shown.splitlines())


def test_the_programs_own_help_shows_all_commands_and_the_options_of_get(capsys: Any) -> None:
    assert run([]) == 0
    shown = capsys.readouterr().out
    for word in (
        "get",
        "list",
        "plan",
        "verify",
        "--output",
        "--video",
        "--max-threads",
        "Examples",
    ):
        assert word in shown


def test_a_missing_password_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    assert _with_password("me", lambda prompt: f"<{prompt}>") == "me:<Password for me: >"


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("2026-01-31T12:00:00Z", datetime.datetime(2026, 1, 31, 12, tzinfo=datetime.UTC)),
        ("2026-01-31T13:00:00+01:00", datetime.datetime(2026, 1, 31, 12, tzinfo=datetime.UTC)),
        ("2026-01-31 12:00:00", datetime.datetime(2026, 1, 31, 12, tzinfo=datetime.UTC)),
    ],
)
def test_a_wall_clock_time_is_read_in_utc_unless_it_says_otherwise(
    text: str, time: datetime.datetime
) -> None:
    assert parse_now(text) == time


def test_an_internal_error_shows_no_traceback_unless_asked_for(
    monkeypatch: pytest.MonkeyPatch, capsys: Any, tmp_path: Path
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("wires \x1b[31m crossed")

    monkeypatch.setattr("dashget.cli.list.load", fail)
    assert run(["list", URL]) == 1
    shown = capsys.readouterr().err
    assert "Traceback" not in shown
    assert "internal error: RuntimeError: wires \\x1b[31m crossed" in shown
    monkeypatch.setenv("DASHGET_DEBUG", "1")
    run(["list", URL])
    assert "Traceback" in capsys.readouterr().err


def test_all_issues_of_an_mpd_are_shown(tmp_path: Path, capsys: Any) -> None:
    period = (
        '<Period start="PT0S"><AdaptationSet mimeType="video/mp4"><SegmentTemplate timescale="0" '
        'duration="4" media="$Number$"/><Representation id="v" bandwidth="1"/></AdaptationSet></Period>'
    )
    (tmp_path / "x.mpd").write_text(
        '<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" profiles="p" minBufferTime="PT1S" '
        f'mediaPresentationDuration="PT8S">{period}{period}</MPD>'
    )
    assert run(["plan", str(tmp_path / "x.mpd")]) == 3
    shown = capsys.readouterr().err
    assert "MPD/Period[1]" in shown
    assert "MPD/Period[2]" in shown


def test_a_reader_that_goes_away_is_no_error(tmp_path: Path) -> None:
    import subprocess
    import sys

    text = (
        '<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" profiles="p" minBufferTime="PT1S" '
        'mediaPresentationDuration="PT99999S"><Period><AdaptationSet mimeType="video/mp4">'
        '<SegmentTemplate duration="1" media="$Number$"/><Representation id="v" bandwidth="1"/>'
        "</AdaptationSet></Period></MPD>"
    )
    (tmp_path / "x.mpd").write_text(text)
    command = [sys.executable, "-m", "dashget", "plan", str(tmp_path / "x.mpd")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait() == 141
