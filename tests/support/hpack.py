"""Header compression of HTTP/2, as far as tests need it (RFC 7541).

Decoding is whole but for Huffman codes of more than 15 bits, which ASCII hardly has; what is
encoded is never compressed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

_STATIC = """:authority
:method GET
:method POST
:path /
:path /index.html
:scheme http
:scheme https
:status 200
:status 204
:status 206
:status 304
:status 400
:status 404
:status 500
accept-charset
accept-encoding gzip, deflate
accept-language
accept-ranges
accept
access-control-allow-origin
age
allow
authorization
cache-control
content-disposition
content-encoding
content-language
content-length
content-location
content-range
content-type
cookie
date
etag
expect
expires
from
host
if-match
if-modified-since
if-none-match
if-range
if-unmodified-since
last-modified
link
location
max-forwards
proxy-authenticate
proxy-authorization
range
referer
refresh
retry-after
server
set-cookie
strict-transport-security
transfer-encoding
user-agent
vary
via
www-authenticate"""
"""Appendix A."""

_CODED = {
    5: "012aceiost",
    6: " %-./3456789=A_bdfghlmnpru",
    7: ":BCDEFGHIJKLMNOPQRSTUVWYjkqvwxyz",
    8: "&*,;XZ",
    10: '!"()?',
    11: "'+|",
    12: "#>",
    13: "\0$@[]~",
    14: "^}",
    15: "<`{",
}
"""Characters by the number of bits of their code. The code is canonical: within a length it counts
up, and the next length goes on from there (appendix B)."""

Field = tuple[str, str]


def _fields() -> Iterator[Field]:
    for line in _STATIC.splitlines():
        name, _, value = line.partition(" ")
        yield name, value


def _codes() -> Iterator[tuple[tuple[int, int], str]]:
    code, before = 0, 5
    for bits, characters in _CODED.items():
        code <<= bits - before
        before = bits
        for character in characters:
            yield (bits, code), character
            code += 1


_TABLE = tuple(_fields())
_CODES = dict(_codes())


def encode(fields: Iterable[Field]) -> bytes:
    """Write fields as literals that nobody is to remember."""
    return b"".join(b"\x00" + _string(name.lower()) + _string(value) for name, value in fields)


def _string(text: str) -> bytes:
    data = text.encode("latin-1")
    if len(data) < 127:
        return bytes([len(data)]) + data
    rest = len(data) - 127
    length = b"\x7f"
    while rest >= 128:
        length += bytes([rest % 128 + 128])
        rest //= 128
    return length + bytes([rest]) + data


class Decoder:
    """Reads the field blocks of one connection, which build upon one another."""

    def __init__(self) -> None:
        self._known: list[Field] = []
        self._most = 4096
        self._block = b""
        self._at = 0

    def decode(self, block: bytes) -> list[Field]:
        """Return the fields of a block; ValueError or IndexError for what is none."""
        self._block, self._at = block, 0
        fields: list[Field] = []
        while self._at < len(block):
            first = block[self._at]
            if first & 0x80:
                fields.append(self._entry(self._integer(7)))
            elif first & 0x40:
                fields.append(self._literal(6))
                self._known.insert(0, fields[-1])
                self._evict()
            elif first & 0x20:
                self._most = self._integer(5)
                self._evict()
            else:
                fields.append(self._literal(4))
        return fields

    def _literal(self, bits: int) -> Field:
        index = self._integer(bits)
        name = self._entry(index)[0] if index else self._text()
        return name, self._text()

    def _entry(self, index: int) -> Field:
        if index < 1:
            raise ValueError("index 0")
        return (*_TABLE, *self._known)[index - 1]

    def _evict(self) -> None:
        while sum(32 + len(name) + len(value) for name, value in self._known) > self._most:
            del self._known[-1]

    def _integer(self, bits: int) -> int:
        most = (1 << bits) - 1
        number = self._block[self._at] & most
        self._at += 1
        shift = 0
        while number >= most:
            octet = self._block[self._at]
            self._at += 1
            number += (octet & 0x7F) << shift
            shift += 7
            if octet < 0x80:
                break
        return number

    def _text(self) -> str:
        coded = self._block[self._at] & 0x80
        size = self._integer(7)
        data = self._block[self._at : self._at + size]
        self._at += size
        if len(data) != size:
            raise ValueError("a string that ends early")
        return _uncoded(data) if coded else data.decode("latin-1")


def _uncoded(data: bytes) -> str:
    text, bits, code = "", 0, 0
    for octet in data:
        for place in range(7, -1, -1):
            bits, code = bits + 1, code << 1 | octet >> place & 1
            character = _CODES.get((bits, code))
            if character is not None:
                text += character
                bits, code = 0, 0
    if bits > 7 or code != (1 << bits) - 1:
        raise ValueError("not a Huffman code of ASCII")
    return text
