"""A netrc file: whether libcurl will find in it what its writer put there.

libcurl reads it itself, and takes whatever it does not understand for nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from dashget.errors import UsageError
from dashget.transfer.givenfile import likeness, read_file

OPTION: Final = "--netrc"
_LARGEST_BYTES: Final = 128 * 1024
"""libcurl reads no larger one."""
_LONGEST_WORD_BYTES: Final = 4096
"""Nor a longer word."""
_MOST_NAMED: Final = 5
_HINT: Final = "such as: machine HOST login NAME password PASSWORD"
_VALUED: Final = frozenset({b"login", b"password", b"account"})


class _UnreadableError(Exception):
    """What keeps libcurl from reading the file at all; the text is the end of a sentence."""


def netrc_warnings(name: str) -> tuple[str, ...]:
    """Say what is odd about a netrc file, a sentence each; UsageError where it is none."""
    data = read_file(OPTION, name, _LARGEST_BYTES)
    if not data.strip():
        raise UsageError(f"{OPTION}: {name!r} is empty", hint=_HINT)
    looks = likeness(data)
    if looks is not None:
        raise _refusal(name, f"it looks like {looks}")
    try:
        entries, odd = _read(data)
    except _UnreadableError as error:
        raise _refusal(name, str(error)) from None
    if not entries and odd:
        raise _refusal(name, "it names no machine")
    if not entries:
        return (f"{OPTION}: {name!r} names no machine",)
    return tuple(f"{OPTION}: line {line} of {name!r} {what}" for line, what in odd[:_MOST_NAMED])


def _refusal(name: str, reason: str) -> UsageError:
    return UsageError(f"{OPTION}: {name!r} is not a netrc file: {reason}", hint=_HINT)


def _read(data: bytes) -> tuple[int, list[tuple[int, str]]]:
    """Return how many machines there are, and what libcurl passes over, by line."""
    if data.startswith(b"\xef\xbb\xbf"):
        raise _UnreadableError("it begins with a byte order mark")
    entries, odd = 0, []
    words = _iter_words(data)
    for line, word in words:
        kind = word.lower()
        if kind == b"default":
            entries += 1
        elif kind == b"machine":
            if next(words, None) is None:
                odd.append((line, "has no name behind 'machine'"))
            else:
                entries += 1
        elif kind in _VALUED and entries:
            value = next(words, None)
            if value is None:
                odd.append((line, f"has no value behind '{kind.decode()}'"))
        else:
            odd.append((line, "holds a word that means nothing there"))
    return entries, odd


def _iter_words(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield the words as libcurl divides them, each behind the number of its line.

    Those of comments and macros are left out.
    """
    in_macro = False
    for number, line in enumerate(data.split(b"\n"), 1):
        if in_macro:
            in_macro = bool(line.strip())
            continue
        rest = line.strip()
        while rest and not rest.startswith(b"#"):
            word, rest = _take_word(rest, number)
            if word.lower() == b"macdef":
                in_macro = True
                break
            yield number, word


def _take_word(text: bytes, number: int) -> tuple[bytes, bytes]:
    """Split off the first word, which may be quoted."""
    if not text.startswith(b'"'):
        end = min((at for at in map(text.find, (b" ", b"\t", b"\r")) if at >= 0), default=len(text))
        word, rest = text[:end], text[end:]
    else:
        word, rest = _take_quoted(text, number)
    if len(word) > _LONGEST_WORD_BYTES:
        raise _UnreadableError(
            f"line {number} has a word of more than {_LONGEST_WORD_BYTES:,} bytes"
        )
    return word, rest.strip()


def _take_quoted(text: bytes, number: int) -> tuple[bytes, bytes]:
    at = 1
    while at < len(text) and text[at : at + 1] != b'"':
        at += 2 if text[at : at + 1] == b"\\" else 1
    if at >= len(text):
        raise _UnreadableError(f"line {number} has a quotation mark without its counterpart")
    return text[1:at], text[at + 1 :]
