"""The digest of a response that is checked."""

from __future__ import annotations

import base64
import hashlib
import sys

import pytest

from dashget.common.digests import Digest, find_digest, sha256_hex

BODY = b"body"


def encoded(algorithm: str) -> str:
    return base64.b64encode(hashlib.new(algorithm, BODY).digest()).decode()


def expected(algorithm: str, header: str) -> Digest:
    return Digest(algorithm, hashlib.new(algorithm, BODY).digest(), header)


@pytest.mark.parametrize("header", ["repr-digest", "content-digest"])
def test_the_fields_of_rfc_9530_are_read(header: str) -> None:
    value = f"sha-256=:{encoded('sha256')}:"
    assert find_digest([(header, value)], status=200) == expected("sha256", header)


def test_the_older_digest_field_is_read() -> None:
    value = f"SHA-256={encoded('sha256')}"
    assert find_digest([("digest", value)], status=200) == expected("sha256", "digest")


def test_content_md5_is_read() -> None:
    headers = [("content-md5", encoded("md5"))]
    assert find_digest(headers, status=200) == expected("md5", "content-md5")


def test_the_first_choice_of_several_checksums_is_used() -> None:
    value = f"md5=:{encoded('md5')}:, sha-512=:{encoded('sha512')}:, sha-256=:{encoded('sha256')}:"
    found = find_digest([("repr-digest", value), ("content-md5", encoded("md5"))], status=200)
    assert found == expected("sha256", "repr-digest")


def test_a_partial_response_counts_only_with_a_checksum_of_the_whole_resource() -> None:
    value = f"sha-256=:{encoded('sha256')}:"
    assert find_digest([("content-digest", value)], status=206) is None
    assert find_digest([("content-md5", encoded("md5"))], status=206) is None
    assert find_digest([("repr-digest", value)], status=206) is not None


@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("repr-digest", "sha-256=:not base64!:"),
        ("repr-digest", "sha-256=:AAAA:"),
        ("repr-digest", "unixsum=:AAAA:"),
        ("repr-digest", "garbage"),
        ("digest", "SHA-256="),
        ("digest", "id-sha-256=AAAA,adler32=03da0195"),
        ("content-md5", ""),
        ("content-md5", "\u00e9"),
        ("x-digest", "sha-256=:AAAA:"),
    ],
)
def test_an_unknown_or_invalid_checksum_is_ignored(header: str, value: str) -> None:
    assert find_digest([(header, value)], status=200) is None


@pytest.mark.parametrize("size", [0, 1, 5000])
@pytest.mark.parametrize("missing", [(), ("_sha256",), ("_sha256", "_sha2")], ids=str)
def test_a_manifest_has_the_checksum_that_others_compute(
    size: int, missing: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The module that computes it has another name from one Python to the next."""
    for name in missing:
        monkeypatch.setitem(sys.modules, name, None)
    data = bytes(range(256)) * 20
    assert sha256_hex(data[:size]) == hashlib.sha256(data[:size]).hexdigest()
