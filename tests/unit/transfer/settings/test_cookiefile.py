"""Files of cookies: what real tools write is taken, anything else is told by its line."""

from __future__ import annotations

from pathlib import Path

import pycurl
import pytest

from dashget.errors import UsageError
from dashget.transfer.settings.cookiefile import cookie_warnings, cookies_of, parse_cookies

COOKIE = b"h.example\tFALSE\t/\tFALSE\t0\tname\tSECRET"

GOOD = [
    (COOKIE, COOKIE),
    (COOKIE + b"\r", COOKIE),
    (b"#HttpOnly_" + COOKIE, b"#HttpOnly_" + COOKIE),
    (b"#HttpOnly_." + COOKIE, b"#HttpOnly_." + COOKIE),
    (b"\xef\xbb\xbf" + COOKIE, COOKIE),
    (COOKIE.replace(b"\t0\t", b"\t\t"), COOKIE),
    (COOKIE.replace(b"\t0\t", b"\t-1\t"), COOKIE),
    (COOKIE.replace(b"\t0\t", b"\t9999999999.25\t"), COOKIE.replace(b"\t0\t", b"\t9999999999\t")),
    (COOKIE.replace(b"\t/\t", b"\t"), COOKIE),
    (COOKIE.replace(b"\t/\t", b"\t\t"), COOKIE),
    (COOKIE.replace(b"SECRET", b""), COOKIE.replace(b"SECRET", b"")),
    (COOKIE.replace(b"\tSECRET", b""), COOKIE.replace(b"SECRET", b"")),
    (COOKIE.replace(b"SECRET", "ü =; \"".encode()), COOKIE.replace(b"SECRET", "ü =; \"".encode())),
    (COOKIE.replace(b"SECRET", b"x" * 6000), COOKIE.replace(b"SECRET", b"x" * 6000)),
    (b"Set-Cookie: n=SECRET; Domain=h.example", b"Set-Cookie: n=SECRET; Domain=h.example"),
    (b"set-cookie: n=SECRET;domain = .h.example", b"set-cookie: n=SECRET;domain = .h.example"),
]  # fmt: skip

BAD = [
    (COOKIE.replace(b"\t", b" "), "has blanks between its fields instead of tabs"),
    (b"name=SECRET", "has 1 tab-separated fields, not 7"),
    (b"h.example\tFALSE\t/\tname\tSECRET", "has 5 tab-separated fields, not 7"),
    (COOKIE + b"\tmore", "has 8 tab-separated fields, not 7"),
    (COOKIE.replace(b"\t0\t", b"\tSession\t"), "has an invalid expiry time"),
    (COOKIE.replace(b"\t0\t", b"\t" + b"9" * 30 + b"\t"), "has an invalid expiry time"),
    (COOKIE.replace(b"h.example", b""), "does not begin with a domain"),
    (COOKIE.replace(b"h.example", b"http://h.example"), "does not begin with a domain"),
    (COOKIE.replace(b"h.example", b"h.example:80"), "does not begin with a domain"),
    (COOKIE.replace(b"h.example", b" h.example"), "does not begin with a domain"),
    (COOKIE.replace(b"name", b"__Secure-n"), "has a name that only a secure cookie may have"),
    (COOKIE.replace(b"SECRET", b"S\0CRET"), "holds a control character"),
    (COOKIE.replace(b"SECRET", b"S\x1bCRET"), "holds a control character"),
    (COOKIE.replace(b"SECRET", b"x" * 9000), "is longer than 8,190 bytes"),
    (b"Set-Cookie: SECRET; Domain=h.example", "has no NAME=VALUE"),
    (b"Set-Cookie: n=SECRET; Path=/", "has no Domain"),
]


def taken_by_libcurl(line: bytes) -> bool:
    """Return True if libcurl keeps a cookie from a line of its list."""
    handle = pycurl.Curl()
    handle.setopt(pycurl.COOKIEFILE, "")
    handle.setopt(pycurl.COOKIELIST, line)
    return bool(handle.getinfo(pycurl.INFO_COOKIELIST))


@pytest.mark.parametrize(("line", "given"), GOOD)
def test_a_line_that_real_tools_write_is_a_cookie(line: bytes, given: bytes) -> None:
    found = parse_cookies(line + b"\n")
    assert found.lines == (given,)
    assert found.bad == ()
    assert taken_by_libcurl(given)


@pytest.mark.parametrize(("line", "wrong"), BAD)
def test_an_invalid_line_is_named_by_its_number(line: bytes, wrong: str) -> None:
    found = parse_cookies(b"# Netscape HTTP Cookie File\n\n" + line + b"\n" + COOKIE)
    assert found.bad == ((3, wrong),)
    assert found.lines == (COOKIE,)


def test_comments_and_empty_lines_are_skipped() -> None:
    head = (
        b"# Netscape HTTP Cookie File\r\n# https://curl.se/docs/http-cookies.html\r\n\r\n \t\n#\n"
    )
    assert parse_cookies(head + COOKIE).lines == (COOKIE,)
    assert parse_cookies(head).bad == ()


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "is empty"),
        (b"\r\n \n", "is empty"),
        (b'{"cookies": [{"value": "SECRET"}]}', "is not a cookie file: it looks like JSON"),
        (b'[\n{"value": "SECRET"}]', "is not a cookie file: it looks like JSON"),
        (b"<!DOCTYPE html>\n<p>SECRET", "is not a cookie file: it looks like HTML or XML"),
        (
            b"SQLite format 3\0SECRET",
            "is not a cookie file: it looks like a browser's database",
        ),
        ("a\tb".encode("utf-16"), "is not a cookie file: it looks like UTF-16 text"),
        (b"\x7fELF\0\0\0SECRET", "is not a cookie file: it looks like binary data"),
        (
            b"# a comment\nname=SECRET",
            "is not a cookie file: line 2 has 1 tab-separated fields, not 7",
        ),
    ],
)
def test_a_file_without_a_valid_line_is_refused(
    tmp_path: Path, content: bytes, reason: str
) -> None:
    path = tmp_path / "jar"
    path.write_bytes(content)
    with pytest.raises(UsageError) as caught:
        cookies_of(str(path))
    assert caught.value.message == f"cookie_file: {str(path)!r} {reason}"
    assert "seven fields" in (caught.value.hint or "")
    assert "SECRET" not in f"{caught.value.message}{caught.value.hint}"


def test_an_invalid_line_among_valid_ones_is_a_warning(tmp_path: Path) -> None:
    path = tmp_path / "jar"
    path.write_bytes(COOKIE + b"\nSECRET\n" + COOKIE + b"\nSECRET\tx\n")
    name = repr(str(path))
    assert cookie_warnings(str(path)) == (
        f"line 2 of the cookie file {name} is ignored: it has 1 tab-separated fields, not 7",
        f"line 4 of the cookie file {name} is ignored: it has 2 tab-separated fields, not 7",
    )


def test_many_invalid_lines_are_summed_up(tmp_path: Path) -> None:
    path = tmp_path / "jar"
    path.write_bytes(COOKIE + b"\nSECRET" * 9)
    *named, last = cookie_warnings(str(path))
    assert len(named) == 5
    assert last == f"4 more lines of the cookie file {str(path)!r} are ignored"


def test_a_file_without_cookies_is_only_a_warning(tmp_path: Path) -> None:
    path = tmp_path / "jar"
    path.write_bytes(b"# Netscape HTTP Cookie File\n")
    assert cookie_warnings(str(path)) == (f"the cookie file {str(path)!r} contains no cookies",)


def test_a_valid_file_gives_no_warning(tmp_path: Path) -> None:
    path = tmp_path / "jar"
    path.write_bytes(COOKIE)
    assert cookie_warnings(str(path)) == ()
