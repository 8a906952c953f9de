"""Help pages: complete, in order, and as wide as the terminal."""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
from pathlib import Path

import pytest

from dashget.cli.app import COMMANDS, make_parser, make_program_page, run
from dashget.cli.parser import Parser
from dashget.version import __version__
from tests.support.program import environment
from tests.unit.cli.lines import command_line, options_of

Captured = pytest.CaptureFixture[str]

CREDENTIALS = "Credentials (only for the manifest's own origin)"
TAIL = ["Network", CREDENTIALS, "Trust", "Information", "Examples", "Exit status"]
SECTIONS = {
    "": ["Commands", "Arguments", "Output", "One file", "Selection", *TAIL],
    "get": ["Arguments", "Output", "One file", "Selection", *TAIL],
    "list": ["Arguments", "Output", "Selection", *TAIL],
    "plan": ["Arguments", "Output", "Selection", *TAIL],
    "verify": ["Arguments", "Checks", "Output", *TAIL],
}
PAGES = list(SECTIONS)
CODES = {
    "list": ["0", "1", "2", "3", "5", "7", "130", "141"],
    "plan": ["0", "1", "2", "3", "4", "5", "7", "130", "141"],
    "verify": ["0", "1", "2", "3", "5", "6", "7", "130"],
    "demo": ["0", "1", "2", "3", "5", "6", "130"],
}
EXIT_CODES = (Path(__file__).parents[3] / "docs/reference/exit-codes.md").read_text("utf-8")

HEAVY = ("dashget.api", "msgspec", "pycurl", "rich", "difflib", "getpass")


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
def test_sections_are_in_order(command: str, capsys: Captured) -> None:
    titles = [line[:-1] for line in page(command, capsys) if line[:1].isupper() and line[-1] == ":"]
    assert titles == SECTIONS[command]


@pytest.mark.parametrize("command", COMMANDS)
def test_help_may_be_asked_for_by_a_word(command: str, capsys: Captured) -> None:
    assert run(["help", command]) == 0
    assert capsys.readouterr().out == "\n".join([*page(command, capsys), ""])


@pytest.mark.parametrize("command", PAGES)
def test_every_option_is_listed_once_with_all_names_and_its_value(
    command: str, capsys: Captured
) -> None:
    lines = page(command, capsys)
    for action in options_of(parser_of(command)):
        line = first_line(lines, action).replace(",", "").split()
        assert set(action.option_strings) <= set(line)
        if action.metavar is not None:
            assert action.metavar in line


@pytest.mark.parametrize("command", PAGES)
def test_every_help_text_and_default_is_shown(command: str, capsys: Captured) -> None:
    shown = " ".join(" ".join(page(command, capsys)).split())
    for action in options_of(parser_of(command)):
        default = action.default
        silent = default is None or default is False or default in ([], argparse.SUPPRESS)
        assert action.help
        assert (action.help if silent else f"{action.help} [default: {default}]") in shown
    assert "False" not in shown
    assert "None" not in shown
    assert "[]" not in shown
    assert "==" not in shown


def test_the_important_defaults_are_shown(capsys: Captured) -> None:
    shown = " ".join(" ".join(page("get", capsys)).split())
    for text in (
        "best number by measuring. [default: 4]",
        "this time without data. [default: 30]",
        "attempt after this time. [default: 15]",
        "said at once. [default: 5]",
        "HTTP version; 3 falls back to an earlier one if the host does not answer over QUIC. [default: auto]",
        "segments than this. [default: 10000000]",
        "Maximum of redirects to follow per request. [default: 10]",
        "Subtitles to take, for example lang=en. [default: all]",
        "write the file SHA256SUMS. [default: none]",
    ):
        assert text in shown


def test_short_names_come_first_and_values_are_shown_once(capsys: Captured) -> None:
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
def test_every_page_begins_with_usage_and_purpose(command: str, capsys: Captured) -> None:
    lines = page(command, capsys)
    if not command:
        assert lines[0] == "Usage: dashget [COMMAND] [OPTIONS] URL..."
        assert lines[2].startswith("Mirror MPEG-DASH presentations exactly")
        return
    operand = "DIR" if command == "verify" else "URL"
    several = "..." if command in ("get", "verify") else ""
    assert lines[0] == f"Usage: dashget {command} [OPTIONS] {operand}{several}"
    assert lines[2] == COMMANDS[command]
    assert any(line.startswith(f"  {operand}  ") for line in lines)


def test_the_page_of_the_demo_names_its_default_directory(capsys: Captured) -> None:
    lines = page("demo", capsys)
    assert lines[0] == "Usage: dashget demo [OPTIONS]"
    assert lines[2] == COMMANDS["demo"]
    assert any("[default: dashget-demo]" in each for each in lines)


@pytest.mark.parametrize("command", [*PAGES, "demo"])
def test_every_page_ends_with_examples_and_exit_status(command: str, capsys: Captured) -> None:
    lines = page(command, capsys)
    examples = lines[lines.index("Examples:") + 1 : lines.index("Exit status:") - 1]
    assert len(examples) >= 2
    assert all(line.startswith("  dashget ") for line in examples)
    codes = [line.split()[0] for line in lines[lines.index("Exit status:") + 1 :]]
    assert codes == CODES.get(command, ["0", "1", "2", "3", "4", "5", "6", "7", "8", "130"])


def test_the_codes_of_verify_have_meanings_of_their_own(capsys: Captured) -> None:
    shown = "\n".join(page("verify", capsys))
    assert "    1  a problem remains, or a file could not be compared with the server" in shown
    assert "complete and verified" not in shown


@pytest.mark.parametrize("command", COMMANDS)
def test_every_exit_code_of_a_page_is_documented(command: str, capsys: Captured) -> None:
    lines = page(command, capsys)
    documented = set(re.findall(r"^\| (\d+) \|", EXIT_CODES, re.MULTILINE))
    for line in lines[lines.index("Exit status:") + 1 :]:
        assert line.split()[0] in documented


@pytest.mark.parametrize("command", [*PAGES, "demo"])
def test_the_examples_are_valid_command_lines(command: str, capsys: Captured) -> None:
    lines = page(command, capsys)
    for line in lines[lines.index("Examples:") + 1 : lines.index("Exit status:") - 1]:
        words = line.partition(" | ")[0].split()[1:]
        name = words.pop(0) if words[0] in COMMANDS else "get"
        assert make_parser(name).read(words)
        assert name == command or not command


def test_the_page_of_the_program_shows_all_commands_and_the_options_of_get(
    capsys: Captured,
) -> None:
    program, get = page("", capsys), page("get", capsys)
    longest = max(map(len, COMMANDS))
    for name, purpose in COMMANDS.items():
        assert f"  {name:<{longest}}  {purpose}" in program
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


def test_a_very_narrow_terminal_gets_a_page_of_40_columns(
    monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    monkeypatch.setenv("COLUMNS", "1")
    lines = page("list", capsys)
    assert "Exit status:" in lines
    assert any(line.endswith(" Wall-clock time for") for line in lines)


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("flag", ["-h", "--help"])
def test_help_is_shown_regardless_of_other_arguments(
    command: str, flag: str, capsys: Captured
) -> None:
    wanted = page(command, capsys)
    operands = command_line(command)[1:]
    for words in ([*operands, flag], [flag, *operands], ["--foo", flag], ["-H", "A: b", flag]):
        assert run([command, *words]) == 0
        assert capsys.readouterr().out.splitlines() == wanted


def test_without_arguments_the_first_steps_are_named(capsys: Captured) -> None:
    assert run([]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.splitlines() == [
        "dashget: error: missing URL",
        "hint: dashget URL mirrors it, dashget demo tries it out; see: dashget --help",
    ]


def test_the_page_of_the_program_is_shown_on_request(capsys: Captured) -> None:
    wanted = page("", capsys)
    for words in (["-h"], ["help"], ["--help", "--version"]):
        assert run(words) == 0
        assert capsys.readouterr().out.splitlines() == wanted
    assert run(["x.mpd", "--help"]) == 0
    assert capsys.readouterr().out.splitlines() == page("get", capsys)


@pytest.mark.parametrize(
    "words", [["--version"], ["get", "--version"], ["verify", "--version"], ["x.mpd", "--version"]]
)
def test_the_version_option_works_at_any_position(words: list[str], capsys: Captured) -> None:
    assert run(words) == 0
    assert capsys.readouterr().out == f"dashget {__version__}\n"


@pytest.mark.parametrize("command", PAGES)
def test_help_pages_import_no_slow_modules(command: str) -> None:
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


def test_only_the_called_command_is_imported() -> None:
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
