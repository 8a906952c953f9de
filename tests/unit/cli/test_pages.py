"""Help pages: everything is there, in order, and fits."""

from __future__ import annotations

import argparse
import subprocess
import sys

import pytest

from dashget.cli.app import COMMANDS, make_parser, make_program_page, run
from dashget.cli.parser import Parser
from dashget.version import __version__
from tests.support.program import environment
from tests.unit.cli.lines import OPERANDS, options_of

Captured = pytest.CaptureFixture[str]

CREDENTIALS = "Credentials (only for the manifest's own origin)"
TAIL = ["Network", CREDENTIALS, "Trust", "Information", "Examples", "Exit status"]
SECTIONS = {
    "": ["Commands", "Arguments", "Output", "Selection", *TAIL],
    "get": ["Arguments", "Output", "Selection", *TAIL],
    "list": ["Arguments", "Output", "Selection", *TAIL],
    "plan": ["Arguments", "Output", "Selection", *TAIL],
    "verify": ["Arguments", "Checks", "Output", *TAIL],
}
PAGES = list(SECTIONS)

HEAVY = ("dashget.api", "lxml", "msgspec", "pycurl", "rich", "difflib", "getpass")


def page(command: str, capsys: Captured) -> list[str]:
    assert run([command, "--help"] if command else ["--help"]) == 0
    captured = capsys.readouterr()
    assert captured.err == ""
    lines: list[str] = captured.out.splitlines()
    return lines


def parser_of(command: str) -> Parser:
    return make_parser(command) if command else make_program_page()


def first_line(lines: list[str], action: argparse.Action) -> str:
    found = [
        line
        for line in lines
        if line.startswith("  -") and action.option_strings[0] in line.replace(",", "").split()
    ]
    assert len(found) == 1, action.option_strings
    return found[0]


@pytest.mark.parametrize("command", PAGES)
def test_the_sections_stand_in_their_order(command: str, capsys: Captured) -> None:
    titles = [line[:-1] for line in page(command, capsys) if line[:1].isupper() and line[-1] == ":"]
    assert titles == SECTIONS[command]


@pytest.mark.parametrize("command", PAGES)
def test_every_option_is_there_once_with_all_its_names_and_its_value(
    command: str, capsys: Captured
) -> None:
    lines = page(command, capsys)
    for action in options_of(parser_of(command)):
        line = first_line(lines, action).replace(",", "").split()
        assert set(action.option_strings) <= set(line)
        if action.metavar is not None:
            assert action.metavar in line


@pytest.mark.parametrize("command", PAGES)
def test_every_text_and_every_default_is_shown(command: str, capsys: Captured) -> None:
    shown = " ".join(" ".join(page(command, capsys)).split())
    for action in options_of(parser_of(command)):
        default = action.default
        silent = default is None or default is False or default == argparse.SUPPRESS
        assert action.help
        assert (action.help if silent else f"{action.help} [default: {default}]") in shown
    assert "False" not in shown
    assert "None" not in shown
    assert "==" not in shown


def test_the_defaults_that_people_ask_for_are_those_of_the_manual(capsys: Captured) -> None:
    shown = " ".join(" ".join(page("get", capsys)).split())
    for text in (
        "best number by measuring. [default: 4]",
        "transfer is stalled. [default: 30]",
        "must stand. [default: 15]",
        "that may pass. [default: 5]",
        "Version of HTTP; where nobody answers over QUIC, 3 goes on with an earlier one. [default: auto]",
        "segments than this. [default: 10000000]",
        "Longest chain to follow. [default: 10]",
        "Subtitles, likewise. [default: all]",
        "write SHA256SUMS. [default: none]",
    ):
        assert text in shown


def test_short_names_come_first_and_the_values_once(capsys: Captured) -> None:
    shown = "\n".join(page("get", capsys))
    for text in (
        "\n  -o, --output DIR  ",
        "\n  -t, --threads, --max-threads N\n",
        "\n  -H, --header HEADER  ",
        "\n  -q, --quiet  ",
        "\n  --http {auto,1.1,2,3}  ",
        "\n  --checksums {none,sha256}  ",
        "\n  -h, --help  ",
    ):
        assert text in shown


@pytest.mark.parametrize("command", PAGES)
def test_every_page_begins_with_its_usage_and_its_purpose(command: str, capsys: Captured) -> None:
    lines = page(command, capsys)
    if not command:
        assert lines[0] == "Usage: dashget [COMMAND] [OPTIONS] URL"
        assert lines[2].startswith("Mirror MPEG-DASH presentations exactly")
        return
    operand = "DIR" if command == "verify" else "URL"
    assert lines[0] == f"Usage: dashget {command} [OPTIONS] {operand}"
    assert lines[2] == COMMANDS[command]
    assert any(line.startswith(f"  {operand}  ") for line in lines)


@pytest.mark.parametrize("command", PAGES)
def test_every_page_ends_with_examples_and_the_exit_status(command: str, capsys: Captured) -> None:
    lines = page(command, capsys)
    examples = lines[lines.index("Examples:") + 1 : lines.index("Exit status:") - 1]
    assert len(examples) >= 2
    assert all(line.startswith("  dashget ") for line in examples)
    codes = [line.split()[0] for line in lines[lines.index("Exit status:") + 1 :]]
    assert codes == ["0", "1", "2", "3", "4", "5", "6", "130"]


@pytest.mark.parametrize("command", PAGES)
def test_the_examples_can_be_typed(command: str, capsys: Captured) -> None:
    lines = page(command, capsys)
    for line in lines[lines.index("Examples:") + 1 : lines.index("Exit status:") - 1]:
        words = line.partition(" | ")[0].split()[1:]
        name = words.pop(0) if words[0] in COMMANDS else "get"
        assert make_parser(name).read(words)
        assert name == command or not command


def test_the_programs_own_page_shows_the_commands_and_the_options_of_get(capsys: Captured) -> None:
    program, get = page("", capsys), page("get", capsys)
    for name, purpose in COMMANDS.items():
        assert f"  {name:<8}{purpose}" in program
    start, end = get.index("Arguments:"), get.index("Examples:")
    assert get[start:end] == program[program.index("Arguments:") : program.index("Examples:")]


@pytest.mark.parametrize("command", PAGES)
@pytest.mark.parametrize(
    ("columns", "least", "most"), [(60, 50, 60), (80, 70, 80), (100, 90, 100), (240, 90, 100)]
)
def test_a_page_is_as_wide_as_the_terminal_up_to_a_hundred_columns(
    command: str,
    columns: int,
    least: int,
    most: int,
    monkeypatch: pytest.MonkeyPatch,
    capsys: Captured,
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    lines = page(command, capsys)
    prose = lines[lines.index("Network:") : lines.index("Examples:")]
    assert least <= max(map(len, prose)) <= most
    if columns >= 80:
        assert max(map(len, lines)) <= most


def test_a_terminal_of_no_width_still_gets_a_page(
    monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    monkeypatch.setenv("COLUMNS", "1")
    lines = page("list", capsys)
    assert "Exit status:" in lines
    assert any(line.endswith(" Wall-clock time for") for line in lines)


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("flag", ["-h", "--help"])
def test_help_is_given_whatever_else_stands_there(
    command: str, flag: str, capsys: Captured
) -> None:
    wanted = page(command, capsys)
    operand = OPERANDS[command]
    for words in ([operand, flag], [flag, operand], ["--foo", flag], ["-H", "A: b", flag]):
        assert run([command, *words]) == 0
        assert capsys.readouterr().out.splitlines() == wanted


def test_nothing_at_all_is_a_question_for_help(capsys: Captured) -> None:
    wanted = page("", capsys)
    for words in ([], ["-h"], ["help"], ["--help", "--version"]):
        assert run(words) == 0
        assert capsys.readouterr().out.splitlines() == wanted
    assert run(["x.mpd", "--help"]) == 0
    assert capsys.readouterr().out.splitlines() == page("get", capsys)


@pytest.mark.parametrize(
    "words", [["--version"], ["get", "--version"], ["verify", "--version"], ["x.mpd", "--version"]]
)
def test_the_version_is_told_anywhere(words: list[str], capsys: Captured) -> None:
    assert run(words) == 0
    assert capsys.readouterr().out == f"dashget {__version__}\n"


@pytest.mark.parametrize("command", PAGES)
def test_a_page_loads_nothing_that_takes_time(command: str) -> None:
    words = [command, "--help"] if command else ["--help"]
    script = (
        "import sys\n"
        "from dashget.cli.app import run\n"
        f"code = run({words!r})\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules], code, file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-P", "-c", script],
        env=environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == "[] 0\n"


def test_only_the_command_that_is_called_is_loaded() -> None:
    script = (
        "import sys\n"
        "from dashget.cli.app import run\n"
        "run(['list', 'gone.mpd'])\n"
        "print([name for name in ('get', 'plan', 'verify') if f'dashget.cli.commands.{name}' in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-P", "-c", script],
        env=environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "[]\n"
