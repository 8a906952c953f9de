"""Checksums that a server sends along with a resource.

``Repr-Digest`` and ``Content-Digest`` (RFC 9530), the older ``Digest`` (RFC 3230) and
``Content-MD5`` (RFC 2616, 14.15). Only algorithms that find accidents reliably are used; all
others are ignored.
"""

from __future__ import annotations

import binascii
from collections.abc import Iterable
from typing import Final

import msgspec

from dashget.common.lateregex import late

ALGORITHMS: Final = ("sha256", "sha512", "md5")
"""The algorithms that are checked, by hashlib's names; the first choice first."""

_NAMES: Final = {"sha-256": "sha256", "sha-512": "sha512", "md5": "md5"}
_OF_REPRESENTATION: Final = ("repr-digest", "digest")
_OF_CONTENT: Final = ("content-digest", "content-md5")
_AS_KNOWN: Final = {"x-goog-hash": "digest", "x-ms-blob-content-md5": "content-md5"}
"""Headers of object stores, and those that have the same form."""
_MD5_ETAG: Final = late(r'(?:W/)?"([0-9a-f]{32})"')
_STRUCTURED: Final = late(r"(?<![a-z0-9*_.-])([a-z0-9*_.-]++)\s*+=\s*+:([A-Za-z0-9+/=\s]*+):")
_PLAIN: Final = late(r"\s*([A-Za-z0-9-]+)\s*=\s*([A-Za-z0-9+/=]+)\s*")


class Digest(msgspec.Struct, frozen=True):
    """One checksum: hashlib's name of the algorithm, the value, and the header that sent it."""

    algorithm: str
    value: bytes
    header: str


def find_digest(headers: Iterable[tuple[str, str]], *, status: int) -> Digest | None:
    """Return the best checksum of the whole resource; None if there is none.

    ``headers`` have lower-case names. In a 206 response, checksums of the content cover only
    a part of the resource, so they are ignored.
    """
    wanted = _OF_REPRESENTATION if status == 206 else (*_OF_REPRESENTATION, *_OF_CONTENT)
    found = {
        digest.algorithm: digest
        for name, value in headers
        if name in wanted
        for digest in _parse(name, value)
    }
    return next((found[name] for name in ALGORITHMS if name in found), None)


def stated_digests(headers: Iterable[tuple[str, str]], etag: str | None) -> dict[str, set[bytes]]:
    """Return every checksum that may be of a whole resource, by hashlib's name of the algorithm.

    If one is equal to that of a file, they have the same bytes. If none is, that proves nothing:
    an ETag may look like an MD5 (it is one in S3 after a simple upload), and object stores
    compute checksums before they decompress.
    """
    found: dict[str, set[bytes]] = {}
    for name, value in headers:
        for digest in _parse(_AS_KNOWN.get(name, name), value):
            found.setdefault(digest.algorithm, set()).add(digest.value)
    match = None if etag is None else _MD5_ETAG.fullmatch(etag)
    if match is not None:
        found.setdefault("md5", set()).add(bytes.fromhex(match[1]))
    return found


def _parse(header: str, text: str) -> Iterable[Digest]:
    import hashlib

    if header == "content-md5":
        pairs = [("md5", text.strip())]
    elif header == "x-amz-checksum-sha256":
        pairs = [("sha-256", text.strip())]
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

    Loading hashlib takes 3 ms, because it loads OpenSSL: more than hashing a manifest. Python's
    own implementation, which hashlib falls back to, takes 0.3 ms.
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
