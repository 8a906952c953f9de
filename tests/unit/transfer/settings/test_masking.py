"""Debug records show no secret of the options, however it is spelled."""

from __future__ import annotations

import base64
from pathlib import Path
from urllib.parse import quote

import pytest

import dashget
from dashget.transfer.settings.checks import read_files
from dashget.transfer.settings.masking import Masking

MARK = "s3cr3t/+ mark"


def options(tmp_path: Path) -> dashget.TransferOptions:
    """Return options with the mark in every place for secrets."""
    (tmp_path / "netrc").write_text('machine h login me password "s3cr3t/+ netrc"\n')
    (tmp_path / "cookies").write_text("h\tFALSE\t/\tFALSE\t0\tname\ts3cr3t/+ file\n")
    made = dashget.TransferOptions(
        user=f"me:{MARK}",
        headers=(("Authorization", f"Bearer {MARK} header"), ("X-Token", f"{MARK} token")),
        origin_headers=(dashget.OriginHeader("h", "X-Bound", f"{MARK} bound"),),
        cookies=(f"a={MARK} cookie",),
        proxy="me:s3cr3t%2Fproxy@p.example:3128",
        append_query="key=s3cr3t%2Fquery&other=s3cr3t-more",
        netrc=tmp_path / "netrc",
        cookie_file=tmp_path / "cookies",
    )
    return read_files(made)


@pytest.mark.parametrize(
    "text",
    [
        f"me:{MARK}",
        f"Bearer {MARK} header",
        f"X-Token: {MARK} token",
        f"{MARK} bound",
        f"a={MARK} cookie",
        "http://h/x?key=s3cr3t%2Fquery",
        "http://h/x?key=s3cr3t/query",
        "other=s3cr3t-more",
        "s3cr3t/+ netrc",
        "me:s3cr3t/proxy",
        "s3cr3t%2Fproxy",
        "s3cr3t/+ file",
        quote(MARK, safe=""),
        "https://me:s3cr3tinurl@h/x",
        "https://s3cr3t@h/x and ftp://u:s3cr3t@h",
        "http://you:s/s3cr3t@h/x",
        "http://you:s?s3cr3t@h/x",
        "http:\\\\you:s3cr3t@h/x",
    ],
)
def test_every_spelling_of_a_secret_is_masked(text: str, tmp_path: Path) -> None:
    shown = Masking(options(tmp_path))(f"GET {text} 200")
    assert "s3cr3t" not in shown
    assert shown.startswith("GET ")
    assert shown.endswith(" 200")


def test_basic_credentials_are_masked_in_their_encoded_form(tmp_path: Path) -> None:
    encoded = base64.b64encode(f"me:{MARK}".encode()).decode()
    assert encoded not in Masking(options(tmp_path))(f"Basic {encoded}")


def test_a_user_from_the_url_of_a_manifest_is_masked_as_well() -> None:
    text = "me:pass word, pass%20word"
    assert Masking(dashget.TransferOptions())(text) == text
    assert "pass" not in Masking(dashget.TransferOptions(), users=("me:pass word",))(text)


def test_text_without_secrets_stays_as_it_is() -> None:
    text = "GET https://h.example/a@b/x.mpd?q=1 bytes 0-99, 2 more URLs"
    assert Masking(dashget.TransferOptions())(text) == text


def test_control_characters_are_escaped() -> None:
    assert Masking(dashget.TransferOptions())("a\x1b[31m\nb") == "a\\x1b[31m\\x0ab"
