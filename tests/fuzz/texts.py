"""Targets for text: URLs, templates, values of attributes, files with secrets."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any

from dashget.common.byterange import ByteRange
from dashget.common.foreigntext import printable
from dashget.common.numbers import read_digits, read_time
from dashget.common.url import Url, UrlError, http_origin, without_user
from dashget.errors import DashGetError
from dashget.mpd import values
from dashget.mpd.dataurl import decode_data_url
from dashget.mpd.template import FieldName, UrlPattern, parse_template
from dashget.mpd.urls import resolve_reference
from dashget.planning.selection import parse_periods
from dashget.transfer.http.origin import sendable, shown
from dashget.transfer.settings.cookiefile import cookie_warnings, cookies_of
from dashget.transfer.settings.givenfile import GivenFile
from dashget.transfer.settings.hosts import HostPattern
from dashget.transfer.settings.netrc import netrc_of, netrc_warnings
from tests.fuzz.target import check_error

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
_READERS: tuple[Callable[[str], Any], ...] = (
    values.read_integer, values.read_count, values.read_ticks, values.read_number, values.read_rate,
    values.read_boolean, values.read_duration, values.parse_duration, values.read_date_time,
    ByteRange.parse, read_digits, read_time, parse_periods,
    lambda text: decode_data_url(f"data:{text}"), lambda text: HostPattern.parse(text, "hosts"),
)  # fmt: skip


def run_url(data: bytes) -> None:
    """Read a URL, resolve a second one against it, and write what would be sent and shown."""
    first, _, second = data.decode("utf-8", "surrogateescape").partition("\n")
    for text in (first, second):
        url = Url.parse(text)
        assert Url.parse(str(url)) == url
        assert Url.parse(without_user(text)).userinfo is None
        printed = printable(shown(text))
        assert not _CONTROL.search(printed)
    base = resolve_reference("http://h.example/a/b?c", first)
    with contextlib.suppress(UrlError):
        scheme, host, port = http_origin(Url.parse(base))
        joined = resolve_reference(base, second)
        if joined[:5].lower() != "data:":
            assert Url.parse(joined).scheme
            assert resolve_reference(base, joined) == joined
        place = f"[{host}]" if ":" in host else host
        assert http_origin(Url.parse(f"{scheme}://{place}:{port}/")) == (scheme, host, port)
        http_origin(Url.parse(joined))
        sent = sendable(joined, None)
        assert sent.isascii()
        assert not re.search(r"[\x00-\x20\x7f]", sent), sent


def run_template(data: bytes) -> None:
    """Read a template, fill it in, and read its canonical text again."""
    text = data.decode("utf-8", "surrogateescape")
    template, remarks = parse_template(text)
    assert all(remarks)
    if template.identifiers > 64:
        return
    for bandwidth in (None, 1, Fraction(1, 3), 10**12):
        pattern = UrlPattern.from_marked(
            template.marked("$Number$%d\ue000", bandwidth), template.fields
        )
        filled = pattern.expand(7, 90000, 3)
        assert (filled == pattern.marked) == (not template.fields)
        assert pattern.expand(7, 90000, 3) == filled
        again, _ = parse_template(pattern.text)
        other = UrlPattern.from_marked(again.marked("", None), again.fields)
        assert other.expand(7, 90000, 3) == filled
    names = {field.name for field in template.fields}
    assert all(template.has(name) == (name in names) for name in FieldName)


def run_value(data: bytes) -> None:
    """Read the value of an attribute as every type."""
    text = data.decode("utf-8", "surrogateescape")
    for read in _READERS:
        try:
            json.dumps(read(text), default=str)
        except DashGetError as error:
            check_error(error)
        except ValueError as error:
            assert str(error)  # noqa: PT017  # no test: any text may be a value


def run_secrets(data: bytes) -> None:
    """Read a file of cookies, and a netrc file."""
    file = GivenFile("secrets", data)
    try:
        for line in cookies_of(file).lines:
            assert not re.search(rb"[\x00-\x08\x0a-\x1f\x7f]", line)
            assert line.count(b"\t") == 6 or line[:11].lower() == b"set-cookie:"
        assert all(cookie_warnings(file))
    except DashGetError as error:
        check_error(error)
    try:
        found = netrc_of(file)
        found.login("H.example")
        assert "\n" not in "".join(netrc_warnings(file))
    except DashGetError as error:
        check_error(error)


def url_seeds() -> Sequence[bytes]:
    """Return URLs as manifests have them, and some that are traps."""
    return tuple(
        line.encode()
        for line in (
            "http://h.example/a/x.mpd\nv/1.m4s", "https://u:p@h:8443/a?b=c#d\n../../a%20b?c", "//g/a\n?x", "a:b\n//c@d",
            "http://[fe80::1%25eth0]:80/\n/./a/../b", "http://0x7f.1/\nhttp:g", "http://bücher.example/é\n",
            "http://h/\\g/\n\\\\g\\a", "data:,a\ndata:;base64,AA", "file:///etc/passwd\nx", "http://2130706433/\n.",
        )
    )  # fmt: skip


def template_seeds() -> Sequence[bytes]:
    """Return templates of all kinds."""
    return (
        b"v/$RepresentationID$/$Number%05d$.m4s", b"$Time$-$SubNumber$-$Bandwidth%x$", b"$$a$Foo$b{c}$",
        b"$Number%5o$$Number%X$$Number%03i$", b"%d%%$Number$%s", b"$RepresentationID%09d$ $Bandwidth$",
    )  # fmt: skip


def value_seeds() -> Sequence[bytes]:
    """Return values of all types."""
    return (
        b"PT1H2M3.5S", b"-P1Y2M3DT4H", b"1:30:00", b"90s", b"2026-11-28T21:00:00.5+01:00", b"24:00:00Z", b"1.5", b"1e3",
        b"30000/1001", b"25:2", b"0-99", b"-5", b"true", b"INF", b";base64,AAAA", b"text/plain;a=b,%41", b"0,2-4,id=a",
        b"*.example.com:443", b"https://h", b"Sun, 06 Nov 1994 08:49:37 GMT",
    )  # fmt: skip


def secret_seeds() -> Sequence[bytes]:
    """Return a file of each kind."""
    return (
        b"# Netscape HTTP Cookie File\nh.example\tFALSE\t/\tTRUE\t0\ta\tb\n#HttpOnly_.h\tTRUE\t/\tFALSE\t1.5\tc\t\n",
        b"Set-Cookie: a=b; Domain=h.example\n", b'machine h.example login a password "b\\nc"\ndefault login d\n',
        b"machine h login a macdef x\ny\n\nmachine g account b # c\npassword #d",
    )  # fmt: skip


URL_WORDS = tuple(
    b"http: https: file: data: // / \\ ? # @ : [ ] [::1] 127.1 0x7f 08 %31 %25 % .. . u:p@ :80 :99999 ; & = xn-- "
    b"\xc3\xbc \xe2\x84\x80 \xef\xbc\x91 \xff".split()
)
TEMPLATE_WORDS = tuple(
    b"$Number$ $Time$ $Bandwidth$ $SubNumber$ $RepresentationID$ $ $$ % %d %05d$ %x$ %99999d$ {a} Number Time \xee\x80\x80".split()
)
VALUE_WORDS = tuple(b"P T Y M D H S W . , - + : / Z 0 9 e E % ; base64 = * id".split())
SECRET_WORDS = (
    *b'machine default login password account macdef " \\ # #HttpOnly_ Set-Cookie: TRUE FALSE'.split(),
    *(b"Domain=", b"__Secure-", b"0", b"-1", b"\t", b"\r"),
)
