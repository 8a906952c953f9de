"""Blank secrets in the command line that other users of the machine see (``ps``), on Linux.

The memory of the arguments is overwritten as early as possible, with the same length. What was
given as ``@FILE`` or in the environment is never there. Elsewhere nothing is changed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

_OPTIONS: Final = (
    "--user", "--header", "--add-header", "--add-headers", "--cookie", "--append-query", "--proxy",
    "--all-proxy", "--custom-proxy", "--password", "--http-password", "--http-passwd",
    "--proxy-user", "--proxy-password", "--key",
)  # fmt: skip
_SHORT: Final = ("-u", "-H")
_ARGUMENTS_START, _ARGUMENTS_END = 47, 48
"""Fields of /proc/self/stat (proc(5), from 0)."""


def blank(words: Sequence[str]) -> None:
    """Overwrite the secrets of these arguments, which end those of the process."""
    masked = list(_masked(words))
    if masked == list(words):
        return
    try:
        _overwrite(words, masked)
    except (OSError, ValueError, IndexError):
        # There is no /proc, or it may not be written to: the documentation says so.
        return


def _masked(words: Sequence[str]) -> Iterator[str]:
    """Yield the words with x in the place of each byte of a secret."""
    is_value = False
    for word in words:
        name, equals, value = word.partition("=")
        if is_value:
            yield _crossed(word)
        elif equals and name in _OPTIONS:
            yield f"{name}={_crossed(value)}"
        elif word.startswith(_SHORT) and len(word) > 2:
            yield word[:2] + _crossed(word[2:])
        else:
            yield _without_user(word)
        is_value = not is_value and word in (*_OPTIONS, *_SHORT)


def _without_user(word: str) -> str:
    start, slashes, rest = word.partition("://")
    user, at, place = rest.rpartition("@")
    return f"{start}{slashes}{_crossed(user)}{at}{place}" if slashes and at else word


def _crossed(text: str) -> str:
    """Return as many letters as a text has bytes."""
    return "x" * len(_bytes(text))


def _bytes(text: str) -> bytes:
    import os

    return os.fsencode(text)


def _overwrite(words: Sequence[str], masked: Sequence[str]) -> None:
    with open("/proc/self/stat", "rb") as file:
        fields = file.read().rpartition(b")")[2].split()
    # The text in parentheses, before which there is one field, may have spaces.
    start, end = int(fields[_ARGUMENTS_START - 2]), int(fields[_ARGUMENTS_END - 2])
    given, hidden = (b"".join(_bytes(word) + b"\0" for word in each) for each in (words, masked))
    with open("/proc/self/mem", "r+b", buffering=0) as memory:
        memory.seek(start)
        area = memory.read(end - start)
        if len(given) == len(hidden) and area.endswith(given):
            memory.seek(end - len(given))
            memory.write(hidden)
