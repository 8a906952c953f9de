"""Choosing the command, and turning its result or error into an exit code."""

from __future__ import annotations

import argparse
import contextlib
import datetime
import errno
import io
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import dashget.session
from dashget.cli.app import COMMANDS, module_of, run
from dashget.errors import (
    DashGetError,
    Issue,
    ManifestFetchError,
    MPDValidityError,
    SelectionError,
    StoreError,
    UsageError,
)
from tests.support.program import COMMAND, environment
from tests.unit.cli.lines import URL, command_line

Captured = pytest.CaptureFixture[str]

MPD = (
    '<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" profiles="p" minBufferTime="PT1S" '
    'mediaPresentationDuration="PT{seconds}S">{periods}</MPD>'
)
PERIOD = (
    '<Period{start}><AdaptationSet mimeType="video/mp4"><SegmentTemplate timescale="{timescale}" '
    'duration="1" media="$Number$"/><Representation id="v" bandwidth="1"/></AdaptationSet></Period>'
)


@pytest.fixture
def called(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, argparse.Namespace]]:
    """Replace the commands by functions that record their arguments."""
    calls: list[tuple[str, argparse.Namespace]] = []

    def stand_in(name: str) -> Callable[[argparse.Namespace], int]:
        return lambda arguments: calls.append((name, arguments)) or 40 + len(calls)

    for name in COMMANDS:
        monkeypatch.setattr(f"dashget.cli.commands.{module_of(name)}.run", stand_in(name))
    return calls


@pytest.mark.parametrize(
    ("words", "command", "operand"),
    [
        ([URL], "get", URL),
        ([URL, "-q"], "get", URL),
        (["-q", URL], "get", URL),
        (["-t", "3", URL], "get", URL),
        (["--", URL], "get", URL),
        (["-"], "get", "-"),
        (["get", URL], "get", URL),
        (["GET", URL], "get", URL),
        (["get", "list"], "get", "list"),
        (["list", URL], "list", URL),
        (["List", "-"], "list", "-"),
        (["plan", "--json", URL], "plan", URL),
        (["verify", "show", "--remote"], "verify", "show"),
        (["demo"], "demo", None),
        (["planet.mpd"], "get", "planet.mpd"),
        (["é"], "get", "é"),
    ],
)
def test_the_default_command_is_get(
    words: list[str],
    command: str,
    operand: str | None,
    called: list[tuple[str, argparse.Namespace]],
) -> None:
    assert run(words) == 41
    ((name, arguments),) = called
    assert name == command
    operands = [getattr(arguments, each, None) for each in ("url", "urls", "directories")]
    assert operand in operands or [operand] in operands


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (UsageError("a", hint="b"), 2, "dashget: error: a\nhint: b\n"),
        (DashGetError("a"), 1, "dashget: error: a\n"),
        (SelectionError("a", hint="b"), 4, "dashget: error: a\nhint: b\n"),
        (ManifestFetchError("a", hint="b"), 5, "dashget: error: a\nhint: b\n"),
        (StoreError("\x1b[31m", hint="\x07"), 6, "dashget: error: \\x1b[31m\nhint: \\x07\n"),
        (
            MPDValidityError("a", hint="b", issues=(Issue("c"), Issue("d", line=3))),
            3,
            "dashget: error: a\n  c\n  line 3: d\nhint: b\n",
        ),
        (
            KeyboardInterrupt(),
            130,
            "dashget: error: interrupted\nhint: the same command continues from here\n",
        ),
        (
            OSError(errno.ENOSPC, "No space left on device", "/x"),
            1,
            "dashget: error: No space left on device: /x\nhint: check the disk and the output file or pipe\n",
        ),
        (
            OSError("odd"),
            1,
            "dashget: error: odd\nhint: check the disk and the output file or pipe\n",
        ),
        (BrokenPipeError(), 141, ""),
        (
            MemoryError(),
            1,
            "dashget: error: not enough memory\nhint: allow more memory (ulimit -v); the same command"
            " continues from here\n",
        ),
    ],
)
@pytest.mark.parametrize("command", COMMANDS)
def test_every_error_has_an_exit_code_a_sentence_and_a_hint(
    command: str,
    error: BaseException,
    code: int,
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: Captured,
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr("dashget.cli.failures.os.dup2", lambda *_: None)
    monkeypatch.setattr(f"dashget.cli.commands.{module_of(command)}.run", fail)
    assert run(command_line(command)) == code
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", said)


def test_the_first_issues_are_shown_and_the_rest_counted(
    monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise MPDValidityError("a", issues=tuple(Issue(f"i{number}") for number in range(53)))

    monkeypatch.setattr("dashget.cli.commands.listing.run", fail)
    assert run(["list", URL]) == 3
    lines = capsys.readouterr().err.splitlines()
    assert lines[1:51] == [f"  i{number}" for number in range(50)]
    assert lines[51:] == ["  ... and 3 more"]


def test_an_internal_error_shows_no_traceback_unless_asked_for(
    monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("wires \x1b[31m crossed")

    monkeypatch.setattr(dashget.session.Session, "open", fail)
    monkeypatch.delenv("DASHGET_DEBUG", raising=False)
    assert run(["list", URL]) == 1
    shown = capsys.readouterr().err
    assert "Traceback" not in shown
    assert "internal error: RuntimeError: wires \\x1b[31m crossed" in shown
    assert "--debug" in shown
    monkeypatch.setenv("DASHGET_DEBUG", "1")
    assert run(["list", URL]) == 1
    assert "Traceback" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("interrupted", "complete", "code"), [(False, True, 0), (False, False, 1), (True, False, 130)]
)
def test_the_exit_code_of_get_is_that_of_its_summary(
    interrupted: bool, complete: bool, code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[Any] = []

    def open_(_: object, source: str, **more: object) -> object:
        given.append((source, more["base_url"], more["now"]))
        return SimpleNamespace(mirror=mirror)

    def mirror(root: object, options: object, **_: object) -> object:
        given.append((root, options))
        sizes = {"bytes": 0, "kept_bytes": 0}
        return SimpleNamespace(interrupted=interrupted, complete=complete, **sizes)

    monkeypatch.setattr(dashget.session.Session, "open", open_)
    words = ["--base-url", "http://o/", "--now", "2026-01-31T12:00:00Z"]
    assert run(["-", "--dry-run", "-o", "d", "--no-progress", *words]) == code
    opened, (root, options) = given
    assert opened == ("-", "http://o/", datetime.datetime(2026, 1, 31, 12, tzinfo=datetime.UTC))
    assert options.dry_run
    assert root == Path("d")


@pytest.mark.parametrize(
    ("words", "sound", "notes", "uncompared", "code"),
    [
        ([], True, 0, 0, 0),
        ([], True, 3, 0, 0),
        ([], True, 3, 3, 1),
        (["--strict"], True, 0, 0, 0),
        (["--strict"], True, 3, 0, 1),
        ([], False, 0, 0, 1),
        (["--json"], False, 0, 0, 1),
    ],
)
def test_the_exit_code_of_verify_is_that_of_its_report(
    words: list[str],
    sound: bool,
    notes: int,
    uncompared: int,
    code: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    given: list[str] = []

    def verify(_: object, directory: str, *__: object, **___: object) -> object:
        given.append(directory)
        return SimpleNamespace(sound=sound, notes=notes, uncompared=uncompared, bytes=0)

    monkeypatch.setattr(dashget.session.Session, "verify", verify)
    monkeypatch.setattr("sys.stdout", io.TextIOWrapper(io.BytesIO()))
    assert run(["verify", "show", *words]) == code
    assert given == ["show"]


@pytest.mark.parametrize(
    ("words", "terminal", "term", "printer"),
    [
        (["--json"], True, "xterm", "JsonLines"),
        ([], True, "xterm", "LiveTerminal"),
        (["-v"], True, "xterm", "LiveTerminal"),
        (["-q"], True, "xterm", "QuietLines"),
        (["--no-progress"], True, "xterm", "PlainLines"),
        ([], True, "dumb", "PlainLines"),
        ([], False, "xterm", "PlainLines"),
    ],
)
def test_live_progress_needs_a_capable_terminal_and_no_option_against_it(
    words: list[str], terminal: bool, term: str, printer: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Screen(io.StringIO):
        def isatty(self) -> bool:
            return terminal

    seen: list[str] = []

    @contextlib.contextmanager
    def session(_: object, *, observer: object) -> Iterator[object]:
        seen.append(type(observer).__name__)
        summary = SimpleNamespace(interrupted=False, complete=True, bytes=0, kept_bytes=0)
        show = SimpleNamespace(mirror=lambda *_, **__: summary)
        yield SimpleNamespace(open=lambda *_, **__: show)

    monkeypatch.setattr(dashget.session, "Session", session)
    monkeypatch.setattr("sys.stderr", Screen())
    monkeypatch.setattr("sys.stdout", io.TextIOWrapper(io.BytesIO()))
    monkeypatch.setenv("TERM", term)
    assert run([URL, *words]) == 0
    assert seen == [printer]


def test_a_single_issue_is_shown_once(tmp_path: Path, capsys: Captured) -> None:
    (tmp_path / "x.mpd").write_text(
        '<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" profiles="p" minBufferTime="PT1S"/>'
    )
    assert run(["plan", str(tmp_path / "x.mpd")]) == 3
    assert capsys.readouterr().err.count("has no Period") == 1


def test_the_error_for_too_many_segments_names_the_option(tmp_path: Path, capsys: Captured) -> None:
    document = MPD.format(seconds=9, periods=PERIOD.format(start="", timescale=1))
    (tmp_path / "x.mpd").write_text(document)
    words = ["plan", str(tmp_path / "x.mpd"), "--base-url", "http://h/x.mpd", "--segment-limit=1"]
    assert run(words) == 3
    assert "hint: raise the limit (--segment-limit)" in capsys.readouterr().err


def test_all_issues_of_an_mpd_are_shown(tmp_path: Path, capsys: Captured) -> None:
    period = PERIOD.format(start=' start="PT0S"', timescale=0)
    (tmp_path / "x.mpd").write_text(MPD.format(seconds=8, periods=period * 2))
    assert run(["plan", str(tmp_path / "x.mpd")]) == 3
    shown = capsys.readouterr().err
    assert "MPD/Period[1]" in shown
    assert "MPD/Period[2]" in shown


def test_a_plan_has_one_url_per_line(tmp_path: Path, capsys: Captured) -> None:
    document = MPD.format(seconds=3, periods=PERIOD.format(start="", timescale=1))
    (tmp_path / "x.mpd").write_text(document)
    assert run(["plan", str(tmp_path / "x.mpd"), "--base-url", "http://h.example/a/x.mpd"]) == 0
    shown = capsys.readouterr().out.splitlines()
    assert shown == [f"http://h.example/a/{number}" for number in (1, 2, 3)]


def test_a_closed_pipe_ends_the_program_quietly(tmp_path: Path) -> None:
    document = MPD.format(seconds=99999, periods=PERIOD.format(start="", timescale=1))
    (tmp_path / "x.mpd").write_text(document)
    command = [*COMMAND, "plan", str(tmp_path / "x.mpd")]
    with subprocess.Popen(
        command, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait() == 141


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that takes nothing")
@pytest.mark.parametrize(
    "words", [["--help"], ["list", "--help"], ["get", "--version"], ["--version"]]
)
@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_help_page_that_cannot_be_written_is_an_error(words: list[str], unbuffered: str) -> None:
    with open("/dev/full", "w", encoding="utf-8") as full:
        done = subprocess.run(
            [*COMMAND, *words],
            env=environment(PYTHONUNBUFFERED=unbuffered),
            stdout=full,
            stderr=subprocess.PIPE,
            check=False,
        )
    assert done.returncode == 1
    assert done.stderr.startswith(b"dashget: error: No space left on device\n")


@pytest.mark.parametrize("words", [["--help"], ["--version"]])
@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_help_page_into_a_closed_pipe_ends_quietly(words: list[str], unbuffered: str) -> None:
    ours, theirs = os.pipe()
    os.close(ours)
    done = subprocess.run(
        [*COMMAND, *words],
        env=environment(PYTHONUNBUFFERED=unbuffered),
        stdout=theirs,
        stderr=subprocess.PIPE,
        check=False,
    )
    os.close(theirs)
    assert (done.returncode, done.stderr) == (141, b"")


def test_characters_missing_from_the_output_encoding_are_escaped(tmp_path: Path) -> None:
    document = MPD.format(seconds=3, periods=PERIOD.format(start="", timescale=1))
    (tmp_path / "x.mpd").write_text(document.replace('id="', 'id="\u00e9', 1), encoding="utf-8")
    done = subprocess.run(
        [*COMMAND, "list", str(tmp_path / "x.mpd")],
        env=environment(PYTHONIOENCODING="ascii"),
        capture_output=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"\\xe9" in done.stdout


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that takes nothing")
@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_an_error_without_a_working_stderr_keeps_its_exit_code(unbuffered: str) -> None:
    with open("/dev/full", "w", encoding="utf-8") as full:
        done = subprocess.run(
            [*COMMAND, "list", "gone.mpd"],
            env=environment(PYTHONUNBUFFERED=unbuffered),
            stdout=subprocess.PIPE,
            stderr=full,
            check=False,
        )
    assert (done.returncode, done.stdout) == (2, b"")


def test_closed_standard_streams_are_not_an_internal_error() -> None:
    done = subprocess.run(
        ["sh", "-c", '"$@" >&- 2>&-', "sh", sys.executable, "-P", "-m", "dashget", "list", "gone"],
        env=environment(),
        check=False,
    )
    assert done.returncode == 2
