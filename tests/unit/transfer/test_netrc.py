"""Netrc files: what libcurl would silently take for nothing is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from dashget.errors import UsageError
from dashget.transfer.netrc import netrc_warnings

NOTHING = "holds a word that means nothing there"


def warnings(tmp_path: Path, content: bytes) -> list[str]:
    """Return the warnings about a file, less what they all begin with."""
    path = tmp_path / "netrc"
    path.write_bytes(content)
    said = netrc_warnings(str(path))
    assert not any("SECRET" in text for text in said)
    return [text.replace(repr(str(path)), "F").removeprefix("--netrc: ") for text in said]


@pytest.mark.parametrize(
    "content",
    [
        b"machine h.example login me password SECRET",
        b"machine h.example\r\n\tlogin me\r\n\tpassword SECRET\r\n",
        b"# mine\nmachine h.example # here\nlogin me password SECRET#1\n",
        b'machine h.example login "m e" password "SEC RET \\" #\\n"\n',
        b"default login anonymous password SECRET\n",
        b"MACHINE h.example LOGIN me ACCOUNT x PASSWORD SECRET\n",
        b"macdef init\n cd /SECRET words\n machine x\n\nmachine h.example login me password SECRET\n",
        b"machine h.example login me password SECRET\nmacdef init\n bin\n",
        "machine h.example login é password SECRETü\n".encode(),
        b"machine h.example login me\n",
        b"machine h.example login password password SECRET\n",
    ],
)
def test_what_is_good_is_no_reason_to_say_anything(tmp_path: Path, content: bytes) -> None:
    assert warnings(tmp_path, content) == []


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"machine h login me password my SECRET\n", [f"line 1 of F {NOTHING}"]),
        (b"login me\nmachine h login me\n", [f"line 1 of F {NOTHING}"] * 2),
        (b"machine h login me\npassword #SECRET\n", ["line 2 of F has no value behind 'password'"]),
        (b"default\nmachine", ["line 2 of F has no name behind 'machine'"]),
        (b"# nothing yet\n", ["F names no machine"]),
    ],
)
def test_what_libcurl_passes_over_is_a_warning(
    tmp_path: Path, content: bytes, said: list[str]
) -> None:
    assert warnings(tmp_path, content) == said


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "is empty"),
        (b" \n\t\r\n", "is empty"),
        (b"<html>SECRET</html>", "is not a netrc file: it looks like HTML or XML"),
        (b'{"password": "SECRET"}', "is not a netrc file: it looks like JSON"),
        (b"\x7fELF\0SECRET", "is not a netrc file: it looks like binary data"),
        (b"me:SECRET\n", "is not a netrc file: it names no machine"),
        (b"machine: h login: me password: SECRET", "is not a netrc file: it names no machine"),
        (b"machine\n", "is not a netrc file: it names no machine"),
        (b"\xef\xbb\xbfmachine h", "is not a netrc file: it begins with a byte order mark"),
        (
            b'default\nmachine h login me password "SECRET\nx"',
            "is not a netrc file: line 2 has a quotation mark without its counterpart",
        ),
        (
            b"machine h password " + b"x" * 5000,
            "is not a netrc file: line 1 has a word of more than 4,096 bytes",
        ),
        (b"#" * 131073, "is larger than 131,072 bytes"),
    ],
)
def test_what_is_no_netrc_file_is_refused(tmp_path: Path, content: bytes, reason: str) -> None:
    path = tmp_path / "netrc"
    path.write_bytes(content)
    with pytest.raises(UsageError) as caught:
        netrc_warnings(str(path))
    assert caught.value.message == f"--netrc: {str(path)!r} {reason}"
    assert caught.value.hint
    assert "SECRET" not in f"{caught.value.message}{caught.value.hint}"
