"""Netrc files: what libcurl would silently take for nothing is told."""

from __future__ import annotations

import base64
from pathlib import Path

import pycurl
import pytest

from dashget.errors import UsageError
from dashget.transfer.settings.givenfile import GivenFile
from dashget.transfer.settings.netrc import netrc_of, netrc_warnings
from tests.support.faultserver import Answer, FaultServer

NOTHING = "has an unexpected word"


def warnings(tmp_path: Path, content: bytes) -> list[str]:
    """Return the warnings about a file, which is F."""
    path = tmp_path / "netrc"
    path.write_bytes(content)
    said = netrc_warnings(str(path))
    assert not any("SECRET" in text for text in said)
    return [text.replace(f"the netrc file {str(path)!r}", "F") for text in said]


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
        b"machine h.example login me\npassword #SECRET\n",
    ],
)
def test_a_valid_file_gives_no_warning(tmp_path: Path, content: bytes) -> None:
    assert warnings(tmp_path, content) == []


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"machine h login me password my SECRET\n", [f"line 1 of F {NOTHING}"]),
        (b"login me\nmachine h login me\n", [f"line 1 of F {NOTHING}"] * 2),
        (
            b"machine h login me\npassword\n#SECRET\n",
            ["line 2 of F has no value after 'password'"],
        ),
        (b"default\nmachine", ["line 2 of F has no name after 'machine'"]),
        (b"# nothing yet\n", ["F contains no machine"]),
    ],
)
def test_a_word_that_libcurl_ignores_is_a_warning(
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
        (b"me:SECRET\n", "is not a netrc file: it contains no machine"),
        (b"machine: h login: me password: SECRET", "is not a netrc file: it contains no machine"),
        (b"machine\n", "is not a netrc file: it contains no machine"),
        (b"\xef\xbb\xbfmachine h", "is not a netrc file: it begins with a byte order mark"),
        (
            b'default\nmachine h login me password "SECRET\nx"',
            "is not a netrc file: line 2 has an unclosed quotation mark",
        ),
        (
            b"machine h password " + b"x" * 5000,
            "is not a netrc file: line 1 has a word of more than 4,096 bytes",
        ),
        (b"#" * 131073, "is larger than 131,072 bytes"),
    ],
)
def test_a_file_of_another_format_is_refused(tmp_path: Path, content: bytes, reason: str) -> None:
    path = tmp_path / "netrc"
    path.write_bytes(content)
    with pytest.raises(UsageError) as caught:
        netrc_warnings(str(path))
    assert caught.value.message == f"netrc: {str(path)!r} {reason}"
    assert caught.value.hint
    assert "SECRET" not in f"{caught.value.message}{caught.value.hint}"


SAYING = [
    (b"machine 127.0.0.1 login me password SECRET", "me:SECRET"),
    (b"MACHINE 127.0.0.1\tLOGIN me ACCOUNT x\r\n\n PASSWORD SECRET", "me:SECRET"),
    (b'machine 127.0.0.1 login "m e" password "SEC RET \\" #\\n\\x"', 'm e:SEC RET " #\nx'),
    (b"machine 127.0.0.1 login me:x password SE:CRET", "me:x:SE:CRET"),
    ("machine 127.0.0.1 login é password ü".encode(), "é:ü"),
    (b"machine 127.0.0.1 login password password login", "password:login"),
    (b"machine 127.0.0.1 login me password #SECRET", "me:#SECRET"),
    (b"machine 127.0.0.1 login a login b password c password d", "b:d"),
    (b"machine 127.0.0.1 login me", "me:"),
    (b"machine 127.0.0.1 password SECRET", ":SECRET"),
    (b"machine 127.0.0.1 login me\nmachine 127.0.0.1 login b password c", "me:"),
    (b"machine 127.0.0.1 login me password a\nmachine 127.0.0.1 login me password b", "me:a"),
    (b"machine 127.0.0.1\ndefault login d password SECRET", "d:SECRET"),
    (b"default login d password SECRET\nmachine 127.0.0.1 login me password b", "d:SECRET"),
    (b"machine h.example login me password SECRET", None),
    (b"machine h.example login me password a\ndefault login d password b", "d:b"),
    (b"machine 127.0.0.1", None),
    (b"machine 127.0.0.1 login", None),
    (b"macdef x\nmachine 127.0.0.1 login a\n\nmachine 127.0.0.1 login me password b", "me:b"),
    (b"# machine 127.0.0.1 login a\nmachine 127.0.0.1 login me password b", "me:b"),
]


@pytest.mark.parametrize(("content", "expected"), SAYING)
def test_the_login_for_a_host_is_the_one_that_libcurl_finds(
    tmp_path: Path, content: bytes, expected: str | None
) -> None:
    (tmp_path / "netrc").write_bytes(content)
    found = netrc_of(GivenFile("netrc", content)).login("127.0.0.1")
    said = None if found is None else f"{found.name.decode()}:{found.password.decode()}"
    assert said == expected
    assert told_by_libcurl(tmp_path / "netrc") == expected


def told_by_libcurl(path: Path) -> str | None:
    """Return what libcurl sends to 127.0.0.1 when it is given a netrc file."""
    with FaultServer() as server:
        handle = pycurl.Curl()
        handle.setopt(pycurl.URL, server.on("/a", Answer(b"")))
        handle.setopt(pycurl.PROXY, "")
        handle.setopt(pycurl.NETRC, pycurl.NETRC_OPTIONAL)
        handle.setopt(pycurl.NETRC_FILE, str(path))
        handle.perform()
        handle.close()
        sent = server.seen[0].headers.get("authorization")
    return None if sent is None else base64.b64decode(sent.removeprefix("Basic ")).decode()


def test_hosts_are_compared_without_regard_to_case() -> None:
    found = netrc_of(GivenFile("netrc", b"machine H.Example login me password SECRET"))
    login = found.login("h.eXAMPLE")
    assert login is not None
    assert login.name == b"me"
    assert found.login("h.example.org") is None
