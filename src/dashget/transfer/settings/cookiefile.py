"""A file of cookies in Netscape's format, as browsers, yt-dlp and curl write it.

libcurl reads such files itself, but it ignores invalid lines silently, stops at one that is too
long, and does not know an empty expiry time. So each valid line is passed to it separately.
"""

from __future__ import annotations

from typing import Final

from dashget.common.lateregex import late
from dashget.common.secrets import HidesSecrets
from dashget.common.validation import FieldError, Wrong
from dashget.transfer.settings.givenfile import GivenFile, Named, given, likeness

_FIELD: Final = "cookie_file"
_LARGEST_BYTES: Final = 16 * 1024 * 1024
_LONGEST_LINE_BYTES: Final = 8190
"""The longest Cookie header that libcurl sends."""
_MOST_NAMED: Final = 5
_FIELDS: Final = 7
_HTTP_ONLY: Final = b"#HttpOnly_"
_FLAGS: Final = (b"TRUE", b"FALSE")
_EXPIRY: Final = late(rb"(\d{1,18})(?:\.\d*)?")
_DOMAIN: Final = late(rb"(?i)\bdomain\s*=\s*[^\s;]")
_HINT: Final = (
    "use the Netscape format, seven fields per line with tabs between them, as written by"
    " browser extensions and yt-dlp --cookies"
)


class CookieFile(HidesSecrets, frozen=True):
    """The content of a cookie file: the cookies for libcurl, and the invalid lines."""

    secrets = ("lines",)

    lines: tuple[bytes, ...] = ()
    """In the form for ``CURLOPT_COOKIELIST``."""
    bad: tuple[tuple[int, str], ...] = ()
    """The number (from 1) of each invalid line, and the reason."""


def read_cookie_file(file: Named) -> GivenFile:
    """Read a cookie file, unless that is done already."""
    return given(_FIELD, file, _LARGEST_BYTES)


def cookies_of(file: Named) -> CookieFile:
    """Return the content of a cookie file; FieldError if it has another format."""
    read = read_cookie_file(file)
    data, name = read.data, read.name
    if not data.strip():
        raise FieldError(_FIELD, Wrong(f"{name!r} is empty", _HINT))
    found = parse_cookies(data)
    if found.bad and not found.lines:
        number, wrong = found.bad[0]
        looks = likeness(data)
        reason = f"it looks like {looks}" if looks else f"line {number} {wrong}"
        raise FieldError(_FIELD, Wrong(f"{name!r} is not a cookie file: {reason}", _HINT))
    return found


def cookie_warnings(file: Named) -> tuple[str, ...]:
    """Return a sentence for each line that is left out; FieldError as above."""
    read = read_cookie_file(file)
    name, found = read.name, cookies_of(read)
    if not found.lines:
        return (f"the cookie file {name!r} contains no cookies",)
    warnings = [
        f"line {number} of the cookie file {name!r} is ignored: it {wrong}"
        for number, wrong in found.bad[:_MOST_NAMED]
    ]
    more = len(found.bad) - len(warnings)
    if more:
        warnings.append(f"{more} more lines of the cookie file {name!r} are ignored")
    return tuple(warnings)


def parse_cookies(data: bytes) -> CookieFile:
    """Read lines of cookies: Netscape's, and ``Set-Cookie:`` as libcurl takes it.

    Empty lines and comments are skipped. An empty expiry time (Python's ``http.cookiejar``)
    and -1 (exports from drivers of browsers) mean the end of the session, like 0.
    """
    lines, bad = [], []
    for number, line in enumerate(data.removeprefix(b"\xef\xbb\xbf").split(b"\n"), 1):
        text = line.rstrip(b"\r")
        if not text.strip() or (text.startswith(b"#") and not text.startswith(_HTTP_ONLY)):
            continue
        read = _read_line(text)
        if isinstance(read, str):
            bad.append((number, read))
        else:
            lines.append(read)
    return CookieFile(tuple(lines), tuple(bad))


def _read_line(text: bytes) -> bytes | str:
    """Return a line for libcurl, or the reason why it is invalid, as the end of a sentence."""
    if len(text) > _LONGEST_LINE_BYTES:
        return f"is longer than {_LONGEST_LINE_BYTES:,} bytes"
    if any(byte < 32 and byte != 9 for byte in text) or b"\x7f" in text:
        return "holds a control character"
    if text[:11].lower() == b"set-cookie:":
        return _read_header(text)
    fields = text.split(b"\t")
    if len(fields) == _FIELDS - 1 and fields[2] in _FLAGS:
        fields.insert(2, b"/")
    if len(fields) == _FIELDS - 1:
        fields.append(b"")
    if len(fields) != _FIELDS:
        blanks = len(fields) == 1 and len(text.split()) >= _FIELDS - 1
        return (
            "has blanks between its fields instead of tabs"
            if blanks
            else f"has {len(fields)} tab-separated fields, not {_FIELDS}"
        )
    return _join(fields)


def _read_header(text: bytes) -> bytes | str:
    pair = text[11:].partition(b";")[0]
    if b"=" not in pair:
        return "has no NAME=VALUE"
    # libcurl would never send a cookie without a domain.
    return text if _DOMAIN.search(text) else "has no Domain"


def _join(fields: list[bytes]) -> bytes | str:
    domain, _, path, secure, expiry, name, _ = fields
    host = domain.removeprefix(_HTTP_ONLY).removeprefix(b".")
    if not host or set(host) & set(b" /@") or host.count(b":") == 1:
        return "does not begin with a domain"
    fields[2] = path or b"/"
    match = _EXPIRY.fullmatch(expiry)
    if match is None and expiry not in (b"", b"-1"):
        return "has an invalid expiry time"
    fields[4] = match[1] if match else b"0"
    if name.startswith((b"__Secure-", b"__Host-")) and secure.upper() != b"TRUE":
        return "has a name that only a secure cookie may have"
    return b"\t".join(fields)
