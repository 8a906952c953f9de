"""Options that depend on this machine are refused before the first request, by their field."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

import dashget
from dashget.common.validation import FieldError
from dashget.errors import UsageError
from dashget.transfer.engine import Engine
from dashget.transfer.settings.options import TransferOptions

READ_AGAIN = ("cacert", "cert", "private_key")
READ_ONCE = ("netrc", "cookie_file")


def naming(field: str, name: str | Path, present: Path) -> TransferOptions:
    given: dict[str, Any] = {field: name}
    return TransferOptions(**({"cert": present} | given if field == "private_key" else given))


@pytest.fixture
def present(tmp_path: Path) -> Path:
    path = tmp_path / "present"
    path.touch()
    return path


@pytest.mark.parametrize("field", [*READ_AGAIN, *READ_ONCE])
def test_a_missing_file_is_refused(field: str, tmp_path: Path, present: Path) -> None:
    for name, reason in (
        (tmp_path / "gone", "file not found"),
        (str(present / "x"), "file not found"),
        ("nul\0", "file not found"),
        (tmp_path, ".* is a directory"),
    ):
        with pytest.raises(UsageError, match=f"^{field}: {reason}") as caught:
            Engine(naming(field, name, present))
        assert caught.value.hint


@pytest.mark.parametrize("field", READ_AGAIN)
def test_a_file_for_libcurl_must_be_readable_and_regular(
    field: str, tmp_path: Path, present: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Engine(naming(field, present, present)).close()
    with pytest.raises(UsageError, match=f"^{field}: '{os.devnull}' is not a regular file"):
        Engine(naming(field, os.devnull, present))
    closed = tmp_path / "closed"
    closed.touch()
    # Rights are nothing to root, who may run the tests.
    monkeypatch.setattr(os, "access", lambda name, _: name != str(closed))
    with pytest.raises(UsageError, match=f"^{field}: .*closed' cannot be read: permission denied"):
        Engine(naming(field, closed, present))


def test_a_key_without_its_certificate_is_refused() -> None:
    with pytest.raises(UsageError, match=r"^private_key: its certificate is missing") as caught:
        TransferOptions(private_key="key.pem")
    assert caught.value.hint


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("cert", "gone", "file not found"),
        ("interface", "\xe9", "not a name in ASCII characters"),
        ("no_proxy", "\xe9", "not a name in ASCII characters"),
        ("append_query", "a b", "not a valid query"),
        ("proxy", "ftp://h", "unknown scheme of a proxy"),
        ("proxy", "http://", "not a valid proxy URL"),
        ("send_credentials_to", ("a,b",), "'a,b' is not a valid host or origin"),
        ("origin_headers", (dashget.OriginHeader("a,b", "A", "b"),), "'a,b' is not a valid host"),
    ],
)
def test_errors_of_the_library_name_the_field(field: str, value: object, said: str) -> None:
    given: dict[str, Any] = {field: value}
    with pytest.raises(FieldError, match=f"^{field}: {said}") as caught:
        dashget.load("http://127.0.0.1:1/x.mpd", transfer=TransferOptions(**given))
    assert caught.value.hint
    assert "--" not in caught.value.message
