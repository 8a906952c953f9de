"""Secrets that are not on the command line: in a file (``@FILE``), or in the environment.

Other users of the machine see what is on a command line. ``SECRETS`` names the options; whatever
reads one of them gets it from here.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from dashget.errors import UsageError

SECRETS: Final = {
    "user": "DASHGET_USER",
    "header": "DASHGET_HEADER",
    "cookie": "DASHGET_COOKIE",
    "append_query": "DASHGET_APPEND_QUERY",
    "proxy": "DASHGET_PROXY",
    "key": "DASHGET_KEY",
}
"""Options that take a secret, and the variables that stand in for them."""
_MOST_BYTES: Final = 1 << 20


def one(arguments: argparse.Namespace, name: str) -> str | None:
    """Return the value of an option; UsageError for a file that has not one line."""
    text: str | None = getattr(arguments, name)
    if text is None:
        text = os.environ.get(SECRETS[name]) or None
    if text is None or not text.startswith("@"):
        return text
    lines = _lines(name, text[1:])
    if len(lines) != 1:
        raise UsageError(f"{_option(name)}: {len(lines)} lines in the file instead of one")
    return lines[0]


def several(arguments: argparse.Namespace, name: str) -> list[str]:
    """Return the values of an option that may be repeated: also a file has one a line."""
    given = getattr(arguments, name)
    if given is None:
        given = list(filter(None, [os.environ.get(SECRETS[name])]))
    return list(_iter_values(name, given))


def _iter_values(name: str, given: list[str]) -> Iterator[str]:
    for text in given:
        # "@ORIGIN Name: value" is a header for one origin.
        if text.startswith("@") and " " not in text and "://" not in text:
            yield from _lines(name, text[1:])
        else:
            yield text


def _lines(name: str, file: str) -> list[str]:
    """Return the lines of a file that are not empty; no message quotes them."""
    hint = "write it as @FILE, such as @login.txt"
    try:
        with Path(file).open("rb") as opened:
            data = opened.read(_MOST_BYTES + 1)
        text = data.decode()
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or "it is not text"
        raise UsageError(f"{_option(name)}: cannot read {file!r}: {why}", hint=hint) from error
    if len(data) > _MOST_BYTES:
        raise UsageError(f"{_option(name)}: the file {file!r} is larger than 1 MiB", hint=hint)
    return [line for line in text.splitlines() if line.strip()]


def _option(name: str) -> str:
    return f"--{name.replace('_', '-')}"
