"""Checksums that a server sends along with a resource.

``Repr-Digest`` and ``Content-Digest`` (RFC 9530), the older ``Digest`` (RFC 3230) and
``Content-MD5`` (RFC 2616, 14.15). Only algorithms that find accidents reliably are used;
what else a server offers is passed over.
"""

from __future__ import annotations

import binascii
from collections.abc import Iterable
from typing import Final

import msgspec

from dashget.common.lateregex import late

ALGORITHMS: Final = ("sha256", "sha512", "md5")
"""What is checked, the first choice first; hashlib's names."""

_NAMES: Final = {"sha-256": "sha256", "sha-512": "sha512", "md5": "md5"}
_OF_REPRESENTATION: Final = ("repr-digest", "digest")
_OF_CONTENT: Final = ("content-digest", "content-md5")
_STRUCTURED: Final = late(r"\s*([a-z0-9*_.-]+)\s*=\s*:([A-Za-z0-9+/=\s]*):\s*")
_PLAIN: Final = late(r"\s*([A-Za-z0-9-]+)\s*=\s*([A-Za-z0-9+/=]+)\s*")


class Digest(msgspec.Struct, frozen=True):
    """One checksum: hashlib's name of the algorithm, the value, the header it came in."""

    algorithm: str
    value: bytes
    header: str


def find_digest(headers: Iterable[tuple[str, str]], *, status: int) -> Digest | None:
    """Pick the checksum of the whole resource that is best to check; None if there is none.

    ``headers`` have lower-case names. Of a 206 response the ones that are about its content
    only say something about a part, and are passed over.
    """
    wanted = _OF_REPRESENTATION if status == 206 else (*_OF_REPRESENTATION, *_OF_CONTENT)
    found = {
        digest.algorithm: digest
        for name, value in headers
        if name in wanted
        for digest in _parse(name, value)
    }
    return next((found[name] for name in ALGORITHMS if name in found), None)


def _parse(header: str, text: str) -> Iterable[Digest]:
    import hashlib

    if header == "content-md5":
        pairs = [("md5", text.strip())]
    elif header == "digest":
        matches = map(_PLAIN.fullmatch, text.split(","))
        pairs = [(match[1], match[2]) for match in matches if match]
    else:
        pairs = _STRUCTURED.findall(text)
    for name, encoded in pairs:
        algorithm = _NAMES.get(name.lower())
        value = None if algorithm is None else _decode(encoded)
        if algorithm and value and len(value) == hashlib.new(algorithm).digest_size:
            yield Digest(algorithm, value, header)


def sha256_hex(data: bytes) -> str:
    """Return the SHA-256 of a small piece of data, in hexadecimal digits.

    hashlib loads OpenSSL, which takes longer than to hash a manifest; Python's own module,
    which it falls back to, does not.
    """
    try:
        from _sha256 import sha256  # type: ignore[import-not-found]  # without stubs
    except ImportError:
        try:
            from _sha2 import sha256  # type: ignore[import-not-found]  # from Python 3.12 on
        except ImportError:
            from hashlib import sha256
    digest: str = sha256(data).hexdigest()
    return digest


def _decode(text: str) -> bytes | None:
    try:
        return binascii.a2b_base64("".join(text.split()), strict_mode=True)
    except ValueError:
        return None
