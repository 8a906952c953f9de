"""Options of other tools: accepted where they mean the same, else answered with what to use."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from dashget.cli.app import COMMANDS, make_parser, run
from dashget.cli.instead import INSTEAD, answer_for
from dashget.cli.options.requests import transfer_options
from dashget.cli.othertools import SAME
from tests.unit.cli.lines import URL, options_of, read

PAGE = Path(__file__).parents[3] / "docs/reference/options.md"
OURS = {
    name
    for command in COMMANDS
    for action in options_of(make_parser(command))
    for name in action.option_strings
}

Captured = pytest.CaptureFixture[str]


def hint(capsys: Captured, *words: str) -> str:
    assert run([URL, *words]) == 2
    sentence, said = capsys.readouterr().err.splitlines()
    assert sentence.startswith("dashget: error: unknown option: ")
    return said.removeprefix("hint: ")


def value_of(name: str) -> list[str]:
    action = next(each for each in options_of(make_parser("get")) if name in each.option_strings)
    if action.nargs == 0:
        return []
    return {"--threads": ["7"], "--limit-rate": ["2M"], "--header": ["A: b"]}.get(name, ["3"])


@pytest.mark.parametrize("name", SAME)
def test_an_option_that_means_the_same_is_accepted_under_its_other_name(name: str) -> None:
    value = value_of(SAME[name])
    assert read("get", URL, name, *value) == read("get", URL, SAME[name], *value)
    if value and name.startswith("--"):
        assert read("get", URL, f"{name}={value[0]}") == read("get", URL, SAME[name], *value)


def test_a_value_may_be_joined_to_a_short_one() -> None:
    assert read("get", URL, "-N8") == read("get", URL, "-t", "8")


def test_words_after_two_hyphens_are_no_options() -> None:
    assert read("get", "--no-progress", "--", "--silent") == read(
        "get", "--no-progress", "--", "--silent"
    )
    assert not read("get", "--", "--silent").quiet


@pytest.mark.parametrize("name", INSTEAD)
def test_any_other_is_answered_with_what_to_use(name: str, capsys: Captured) -> None:
    assert hint(capsys, name) == INSTEAD[name]
    assert hint(capsys, name, "8") == INSTEAD[name]


@pytest.mark.parametrize("word", ["-j8", "-x16", "-fbest", "-sv=best", "-T5"])
def test_also_with_its_value_in_one_word(word: str, capsys: Captured) -> None:
    name = "-sv" if word.startswith("-sv") else word[:2]
    assert hint(capsys, word) == INSTEAD[name]


def test_the_answers_name_options_that_exist() -> None:
    for name, text in {**SAME, **INSTEAD}.items():
        assert set(re.findall(r"(?<![\w-])--[a-z-]+", text)) <= OURS, name
        assert name not in OURS, "an option of DashGet itself"
    assert not set(SAME) & set(INSTEAD)


@pytest.mark.parametrize(
    "word", ["--print", "--purge", "--run", "--drop", "--mode", "--secure", "-K"]
)
def test_no_option_that_removes_or_trusts_is_suggested_for_another_word(
    word: str, capsys: Captured
) -> None:
    said = hint(capsys, word)
    for name in ("--prune", "--moved", "--insecure"):
        assert name not in said


@pytest.mark.parametrize(
    ("word", "meant"), [("--prun", "--prune"), ("--insecur", "--insecure"), ("--move", "--moved")]
)
def test_but_it_is_for_a_slip(word: str, meant: str, capsys: Captured) -> None:
    assert hint(capsys, word).startswith(f"did you mean {meant}?")


def test_an_accepted_option_of_a_command_that_lacks_it_is_named(capsys: Captured) -> None:
    assert run(["list", URL, "--transfers", "3"]) == 2
    assert "it is called --threads" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["--force", "--allow-overwrite", "-y", "-f", "--yes"])
def test_who_wants_a_file_replaced_is_told_how(name: str, capsys: Captured) -> None:
    assert run(["mux", "show", "show.mp4", name]) == 2
    assert capsys.readouterr().err.splitlines()[-1] == "hint: use --overwrite"


@pytest.mark.parametrize("command", [name for name in COMMANDS if name != "get"])
def test_an_answer_that_names_options_of_a_download_alone_says_so(command: str) -> None:
    known = {word for each in options_of(make_parser(command)) for word in each.option_strings}
    for name in INSTEAD:
        said = answer_for(name, known) or ""
        named = set(re.findall(r"(?<![\w-])--[a-z-]+", said))
        assert named <= known or "dashget " in said, said


def test_a_referer_is_added_to_the_headers() -> None:
    options = transfer_options(read("get", URL, "-H", "A: b", "--referer", "http://h/"))
    assert options.headers == (("A", "b"), ("Referer", "http://h/"))


def test_the_page_lists_every_option() -> None:
    text = PAGE.read_text(encoding="utf-8")
    listed = set(re.findall(r"`(--?[A-Za-z0-9#][A-Za-z0-9.-]*)`", text))
    assert set(SAME) | set(INSTEAD) <= listed
    assert listed <= set(SAME) | set(INSTEAD) | OURS
