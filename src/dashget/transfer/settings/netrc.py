"""A netrc file: names and passwords for hosts, and warnings about words that it cannot hold.

It is read by the rules of libcurl, which silently ignores unknown words. libcurl itself would
read the file for every connection, but a pipe can be read only once. Python's ``netrc`` module
differs from libcurl in 6 of 16 files that were tried.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import msgspec

from dashget.common.secrets import HidesSecrets
from dashget.common.validation import FieldError, Wrong
from dashget.transfer.settings.givenfile import GivenFile, Named, given, likeness

_FIELD: Final = "netrc"
_LARGEST_BYTES: Final = 128 * 1024
"""The largest file that libcurl reads."""
_LONGEST_WORD_BYTES: Final = 4096
"""The longest word that libcurl reads."""
_MOST_NAMED: Final = 5
_HINT: Final = "such as: machine HOST login NAME password PASSWORD"
_VALUED: Final = frozenset({b"login", b"password", b"account"})
_FOLLOWED: Final = _VALUED | {b"machine"}
_ESCAPED: Final = {b"n": b"\n", b"r": b"\r", b"t": b"\t"}


class Login(HidesSecrets, frozen=True):
    """Name and password for a host, by its name in lower case; for every host if that is None."""

    secrets = ("name", "password")

    host: bytes | None
    name: bytes = b""
    password: bytes = b""


class Netrc(msgspec.Struct, frozen=True):
    """The content of a netrc file."""

    logins: tuple[Login, ...] = ()
    """In the order of the file."""
    odd: tuple[tuple[int, str], ...] = ()
    """The number (from 1) of each line with a mistake, and the mistake."""

    def login(self, host: str) -> Login | None:
        """Return the first entry for a host that is not empty; None if there is none."""
        name = host.lower().encode()
        for entry in self.logins:
            if entry.host in (None, name) and (entry.name or entry.password):
                return entry
        return None


class _UnreadableError(Exception):
    """A file that libcurl cannot read at all; the text is the end of a sentence."""


def read_netrc_file(file: Named) -> GivenFile:
    """Read a netrc file, unless that is done already."""
    return given(_FIELD, file, _LARGEST_BYTES)


def netrc_of(file: Named) -> Netrc:
    """Return the content of a netrc file; FieldError if it has another format."""
    read = read_netrc_file(file)
    data, name = read.data, read.name
    if not data.strip():
        raise FieldError(_FIELD, Wrong(f"{name!r} is empty", _HINT))
    looks = likeness(data)
    if looks is not None:
        raise _refusal(name, f"it looks like {looks}")
    try:
        found = _read(data)
    except _UnreadableError as error:
        raise _refusal(name, str(error)) from None
    if found.odd and not found.logins:
        raise _refusal(name, "it contains no machine")
    return found


def netrc_warnings(file: Named) -> tuple[str, ...]:
    """Return a sentence for each mistake in a netrc file; FieldError as above."""
    read = read_netrc_file(file)
    found = netrc_of(read)
    if not found.logins:
        return (f"the netrc file {read.name!r} contains no machine",)
    return tuple(
        f"line {line} of the netrc file {read.name!r} {what}"
        for line, what in found.odd[:_MOST_NAMED]
    )


def _refusal(name: str, reason: str) -> FieldError:
    return FieldError(_FIELD, Wrong(f"{name!r} is not a netrc file: {reason}", _HINT))


def _read(data: bytes) -> Netrc:
    if data.startswith(b"\xef\xbb\xbf"):
        raise _UnreadableError("it begins with a byte order mark")
    logins: list[Login] = []
    odd: list[tuple[int, str]] = []
    words = _iter_words(data)
    for line, word in words:
        kind = word.lower()
        if kind == b"default":
            logins.append(Login(None))
        elif kind == b"machine":
            _, name = next(words, (0, None))
            if name is None:
                odd.append((line, "has no name after 'machine'"))
            else:
                logins.append(Login(name.lower()))
        elif kind in _VALUED and logins:
            _, value = next(words, (0, None))
            if value is None:
                odd.append((line, f"has no value after '{kind.decode()}'"))
            elif kind == b"login":
                logins[-1] = msgspec.structs.replace(logins[-1], name=value)
            elif kind == b"password":
                logins[-1] = msgspec.structs.replace(logins[-1], password=value)
        else:
            odd.append((line, "has an unexpected word"))
    return Netrc(tuple(logins), tuple(odd))


def _iter_words(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield the number of its line and each word, divided by the rules of libcurl.

    Comments and macros are skipped. A word after a keyword on the same line never begins a
    comment: passwords may begin with ``#``.
    """
    in_macro = False
    for number, line in enumerate(data.split(b"\n"), 1):
        if in_macro:
            in_macro = bool(line.strip())
            continue
        rest, follows = line.strip(), False
        while rest and (follows or not rest.startswith(b"#")):
            word, rest = _take_word(rest, number)
            if word.lower() == b"macdef" and not follows:
                in_macro = True
                break
            follows = not follows and word.lower() in _FOLLOWED
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
    word, at = bytearray(), 1
    while at < len(text) and text[at : at + 1] != b'"':
        character = text[at : at + 1]
        if character == b"\\":
            at += 1
            character = text[at : at + 1]
            character = _ESCAPED.get(character, character)
        word += character
        at += 1
    if at >= len(text):
        raise _UnreadableError(f"line {number} has an unclosed quotation mark")
    return bytes(word), text[at + 1 :]
