"""The documentation: its links and files exist, and its command lines are valid."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from dashget.cli.app import COMMANDS, make_parser
from dashget.cli.commands.get import mirror_options
from dashget.cli.options.requests import transfer_options

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    path for pattern in ("*.md", "docs/**/*.md", "benchmarks/*.md") for path in ROOT.glob(pattern)
)


def links(page: Path) -> list[str]:
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    return [link for link in re.findall(r"\]\(([^)\s]+)\)", text) if "://" not in link]


def anchors(page: Path) -> set[str]:
    titles = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    for link in links(page):
        name, _, anchor = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


def test_every_page_can_be_reached_from_the_readme() -> None:
    reached, waiting = set[Path](), [ROOT / "README.md"]
    while waiting:
        page = waiting.pop()
        if page in reached or page.suffix != ".md":
            continue
        reached.add(page)
        names = (link.partition("#")[0] for link in links(page))
        waiting += [(page.parent / name).resolve() for name in names if name]
    assert {path for path in PAGES if path.parent != ROOT} <= reached


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_file_that_a_page_names_exists(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    named = set(re.findall(r"\b((?:[a-z_]+/)+[a-z_]+\.(?:py|md|txt|toml))\b", text))
    bases = (ROOT, ROOT / "src/dashget", page.parent, ROOT / "docs")
    assert [name for name in named if not any((base / name).exists() for base in bases)] == []


def command_lines(page: Path) -> list[str]:
    """Return the lines of code that start the program, without the words that explain them."""
    text = page.read_text(encoding="utf-8")
    blocks = re.findall(r"^```\n(.*?)^```|^((?:    .*\n)+)", text, re.MULTILINE | re.DOTALL)
    lines = (line.strip() for block in blocks for line in "".join(block).splitlines())
    shown = (re.match(r"(?:\$ )?(?:\./)?dashget ([^#|]*?)(?:  .*|\||$)", line) for line in lines)
    return [match[1] for match in shown if match]


COMMAND_LINES = sorted({line for page in PAGES for line in command_lines(page)})


def test_command_lines_are_found() -> None:
    assert {"URL -o show -t 8", "verify show", "demo"} <= set(COMMAND_LINES)


@pytest.mark.parametrize("line", COMMAND_LINES)
def test_every_command_line_in_the_pages_is_valid(line: str) -> None:
    line = re.sub(r"<\(.*\)", "netrc", line)
    words = [re.sub(r"^(NEW-)?URL$", "http://h/x.mpd", word) for word in shlex.split(line)]
    name = words.pop(0) if words[0] in COMMANDS else "get"
    arguments = make_parser(name).read(words)
    if name == "get":
        mirror_options(arguments)
        transfer_options(arguments)
