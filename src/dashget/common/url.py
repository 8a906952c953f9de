"""URLs: one reading of them for the whole project.

``Url.parse`` splits any text by RFC 3986, appendix B; that never fails. Host and port are read
when they are asked for, and strictly: where libcurl could connect to another server than the
one that is named here, ``UrlError`` is raised. So the host that decides about secrets is the
host that gets the request.

Hosts come in one spelling: lower case, in ASCII (IDNA), without the dot at the end, IPv4
addresses with four decimal numbers, IPv6 addresses compressed and without brackets.
"""

from __future__ import annotations

import itertools
from typing import Final, Self
from urllib.parse import quote

import msgspec

from dashget.common.lateregex import late
from dashget.common.numbers import is_digits, read_digits

DEFAULT_PORTS: Final = {"http": 80, "https": 443}
_LARGEST_PORT: Final = 65535
_LONGEST_HOST: Final = 253
"""Characters of a host name at most (RFC 1035, 2.3.4, without the dot at the end)."""
_ALLOWED: Final = "!#$%&'()*+,/:;=?@[]~-._"
"""Punctuation that may stand in a URL; a percent sign may begin an encoded byte."""

_SCHEME: Final = late(r"[A-Za-z][A-Za-z0-9+.-]*")
_IN_LABELS: Final = frozenset("abcdefghijklmnopqrstuvwxyz0123456789_-")
_HEXADECIMAL: Final = frozenset("0123456789abcdef")
_NUMBER: Final = late(r"0x[0-9a-f]{1,12}|0[0-7]{0,12}|[1-9][0-9]{0,12}")
_MOST_DIGITS: Final = 13
_ZONE: Final = late(r"[A-Za-z0-9._~-]{1,15}")
_BREAKS: Final = late(r"[\t\r\n]")
_BEGINNING: Final = late(r"\s*+([A-Za-z][A-Za-z0-9+.\t\r\n-]*:)?([/\\\t\r\n]*)")
"""Scheme and slashes, as browsers read them: any number, also backslashes (WHATWG URL, 4.4)."""
_FIRST_WITH_USER: Final = late(r"[^/\\?]*@|(?![A-Za-z]:[/\\])[^/\\?:]*:")
"""A first part of a path that may be a user, or begin with a user and a password."""
_LIKE_HTTP: Final = frozenset({"http", "https", "ftp", "ws", "wss", "file"})
"""The schemes that browsers read so."""
_STARTS: Final = late(
    r"(?i)(?<![a-z0-9+.-])(?:https?:|[a-z][a-z0-9+.-]*:[/\\]{2})"
    r"|(?<![^\s'\"`(\[<=,])[/\\][\t\r\n]*[/\\]"
)
"""Where a URL that may have a user begins inside of a text; it ends at the next blank."""


class UrlError(ValueError):
    """A URL with an invalid host or port; the text says so: "the host name is invalid"."""


class Url(msgspec.Struct, frozen=True, gc=False):
    """A URL or a relative reference, without its fragment; None is an absent component.

    ``str`` gives all of it; ``repr`` and ``shown`` leave out user and password.
    """

    scheme: str | None
    """In lower case."""
    authority: str | None
    """User, host and port as they were written."""
    path: str
    query: str | None = None

    @classmethod
    def parse(cls, text: str) -> Self:
        """Split a URL or reference; any text can be split."""
        rest, _, fragment = text.partition("#")
        if "@" in fragment and cls.parse(rest)._is_cut():
            # A user or password with a #: what is before it is shown to nobody.
            rest = text
        scheme: str | None = None
        head, colon, tail = rest.partition(":")
        if colon and (head in DEFAULT_PORTS or _SCHEME.fullmatch(head)):
            scheme, rest = head.lower(), tail
        before, mark, query = rest.partition("?")
        authority: str | None = None
        if before.startswith("//"):
            authority, slash, path = before[2:].partition("/")
            before = slash + path
        return cls(scheme, authority, before, query if mark else None)

    def __str__(self) -> str:
        return self._written(self.authority)

    def __repr__(self) -> str:
        return f"Url({self.shown!r})"

    @property
    def shown(self) -> str:
        """The URL without user and password."""
        return self.with_user("")

    def with_user(self, mask: str) -> str:
        """Return the text of the URL with ``mask`` in place of user, password and the @.

        What any reader of URLs may take for them counts, such as browsers, for which a backslash
        is a slash. Where no server is named, that is everything before the last @. A ``file:`` URL
        without a host has neither: its path is shown. So has one of an unknown scheme behind three
        slashes, if the first part of its path looks like neither.
        """
        text = str(self)
        if "@" not in text or _is_path(text):
            return text
        if self.names_server():
            _, at, place = (self.authority or "").rpartition("@")
            return self._written(mask + place) if at else text
        found = _BEGINNING.match(text)
        scheme, slashes = ("", "") if found is None else found.groups("")
        like_http = _BREAKS.sub("", scheme).lower().removesuffix(":") in _LIKE_HTTP
        count = len(_BREAKS.sub("", slashes))
        if found is None or not (like_http or count > 1):
            return text
        if scheme and not like_http and count > 2 and not _FIRST_WITH_USER.match(text, found.end()):
            # No reader of an unknown scheme has a server here: it is a path.
            return text
        return found[0] + mask + text[found.end() :].rpartition("@")[2]

    def names_server(self) -> bool:
        """Return True if there is a valid host, with a valid port if any, behind the last @."""
        try:
            host, port = split_host((self.authority or "").rpartition("@")[2])
            return bool(host and read_host(host) and (not port or read_port(port)))
        except UrlError:
            return False

    def _is_cut(self) -> bool:
        """Return True for a URL that must name a server, and does not."""
        return (self.authority is not None or self.scheme in DEFAULT_PORTS) and (
            not self.names_server()
        )

    def _written(self, authority: str | None) -> str:
        text = "" if self.scheme is None else f"{self.scheme}:"
        if authority is not None:
            text += f"//{authority}"
        text += self.path
        return text if self.query is None else f"{text}?{self.query}"

    @property
    def userinfo(self) -> str | None:
        """User and password as they were written; None if there are none."""
        before, at, _ = (self.authority or "").rpartition("@")
        return before if at else None

    @property
    def host(self) -> str | None:
        """The host in its one spelling; None if the URL has none. UrlError if it is invalid."""
        text = self._split_authority()[0]
        return read_host(text) if text else None

    @property
    def port(self) -> int | None:
        """The port, else the default port of the scheme. UrlError if it is invalid."""
        given = self.given_port
        return DEFAULT_PORTS.get(self.scheme or "") if given is None else given

    @property
    def given_port(self) -> int | None:
        """The port that the URL names; None if it names none. UrlError if it is invalid."""
        text = self._split_authority()[1]
        return read_port(text) if text else None

    @property
    def origin(self) -> tuple[str | None, str | None, int | None]:
        """Scheme, host and port (RFC 6454). UrlError if host or port is invalid."""
        return self.scheme, self.host, self.port

    def _split_authority(self) -> tuple[str, str]:
        """Return host and port as they were written; the port is empty where there is none."""
        authority = self.authority or ""
        user, at, place = authority.partition("@")
        if "@" in place:
            # libcurl takes the first @ for the end of the password, others the last one.
            raise UrlError("@ in user and password must be percent-encoded")
        if at:
            check_userinfo(user)
        return split_host(place if at else authority)

    def join(self, reference: Url) -> Url:
        """Resolve a reference against this URL (RFC 3986, 5.2.2, strict)."""
        scheme, authority, query = reference.scheme, reference.authority, reference.query
        path = reference.path
        if scheme is None:
            scheme = self.scheme
            if authority is None:
                authority = self.authority
                if not path:
                    query = self.query if query is None else query
                    return Url(scheme, authority, self.path, query)
                if not path.startswith("/"):
                    path = self._merge(path)
        path = _without_dots(path)
        if authority is None and path.startswith("//"):
            # Else the path would be read as an authority (RFC 3986, erratum 4547).
            path = f"/.{path}"
        return Url(scheme, authority, path, query)

    def _merge(self, path: str) -> str:
        """Put a relative path in the place of the last segment (RFC 3986, 5.2.3)."""
        if self.authority is not None and not self.path:
            return f"/{path}"
        return self.path[: self.path.rfind("/") + 1] + path

    def to_ascii(self) -> Url:
        """Return the URL in ASCII, as it is sent. UrlError if host or port is invalid."""
        authority = self.authority
        if authority is not None and not authority.isascii():
            host, port = self._split_authority()
            name = read_host(host)
            authority = f"[{name}]" if ":" in name else name
            if self.userinfo is not None:
                authority = f"{_quoted(self.userinfo)}@{authority}"
            authority += f":{port}" if port else ""
        query = None if self.query is None else _quoted(self.query)
        return Url(self.scheme, authority, _quoted(self.path), query)


def without_user(url: str) -> str:
    """Return the text of a URL without user and password, for what is shown."""
    return Url.parse(url).shown if "@" in url else url


def without_users(text: str, mask: str) -> str:
    """Return any text with ``mask`` in place of user, password and the @ of each URL in it."""
    if "@" not in text:
        return text
    starts = [found.start() for found in _STARTS.finditer(text)]
    pieces = [text[: starts[0]] if starts else text]
    for begin, end in itertools.pairwise([*starts, len(text)]):
        word, blank, rest = text[begin:end].partition(" ")
        url = Url.parse(word)
        pieces += url.with_user(mask), word[len(str(url)) :], blank, rest
    return "".join(pieces)


def typed(text: str) -> str:
    """Return what somebody typed as a URL or a path, without what may be a user and password.

    Anything before an @ counts, behind a colon or two slashes.
    """
    shown = without_users(text, "")
    found = _BEGINNING.match(shown)
    if found is None or "@" not in shown or _is_path(shown) or Url.parse(shown).names_server():
        return shown
    if found[1] is not None and len(_BREAKS.sub("", found[2])) > 2:
        # What may be a user there is gone.
        return shown
    doubtful = found[1] is not None or len(found[2]) > 1
    return found[0] + shown[found.end() :].rpartition("@")[2] if doubtful else shown


def _is_path(text: str) -> bool:
    """Return True for a ``file:`` URL without a host: one that has not two slashes, in any form."""
    found = _BEGINNING.match(text)
    scheme, slashes = ("", "") if found is None else found.groups("")
    is_file = _BREAKS.sub("", scheme).lower() == "file:"
    return is_file and len(_BREAKS.sub("", slashes)) != 2


def check_userinfo(userinfo: str) -> None:
    """Raise UrlError for a user and password in which other programs see the end of the host."""
    if any(mark in userinfo for mark in " \\#") or not userinfo.isprintable():
        raise UrlError("a character in user or password must be percent-encoded")


def http_origin(url: Url) -> tuple[str, str, int]:
    """Return scheme, host and port of an http or https URL; UrlError for any other URL."""
    if url.scheme is None or url.scheme not in DEFAULT_PORTS:
        raise UrlError("the scheme is neither http nor https")
    host, port = url.host, url.port
    if host is None or port is None:
        raise UrlError("the host is missing")
    return url.scheme, host, port


def tidy(text: str) -> str:
    """Drop white space around a URL, and tabs and line breaks inside, as browsers do."""
    text = text.strip()
    return text if text.isprintable() else _BREAKS.sub("", text)


def split_host(text: str) -> tuple[str, str]:
    """Divide ``host:port``; the port is empty where there is none. IPv6 needs brackets."""
    if text.startswith("["):
        host, bracket, rest = text.partition("]")
        if not bracket or (rest and not rest.startswith(":")):
            raise UrlError("the IPv6 address is invalid")
        return host + bracket, rest[1:]
    host, _, port = text.partition(":")
    return host, port


def read_host(text: str) -> str:
    """Return a host in its one spelling; an IPv6 address has brackets. UrlError if invalid."""
    if text.startswith("["):
        if not text.endswith("]"):
            raise UrlError("the IPv6 address is invalid")
        return read_ipv6(text[1:-1])
    if len(text) > _LONGEST_HOST + 1:
        raise UrlError(f"the host name is longer than {_LONGEST_HOST} characters")
    try:
        name = text if text.isascii() else text.encode("idna").decode("ascii")
    except ValueError:
        name = ""
    name = name.lower()
    bare = name.removesuffix(".")
    labels = bare.split(".")
    if not all(labels) or not all(map(_IN_LABELS.issuperset, labels)) or len(bare) > _LONGEST_HOST:
        raise UrlError("the host name is invalid")
    last = labels[-1]
    is_number = is_digits(last) or (last.startswith("0x") and _HEXADECIMAL.issuperset(last[2:]))
    return _read_ipv4(name) if is_number else bare


def read_ipv6(text: str) -> str:
    """Return an IPv6 address in its shortest form, its zone behind ``%``. UrlError if invalid."""
    import ipaddress

    address, percent, zone = text.partition("%")
    # RFC 6874 writes %25 in a URL; many write the plain % of RFC 4007.
    zone = zone.removeprefix("25")
    try:
        short = ipaddress.IPv6Address(address).compressed
    except ValueError:
        raise UrlError("the IPv6 address is invalid") from None
    if percent and not _ZONE.fullmatch(zone):
        raise UrlError("the IPv6 zone is invalid")
    return f"{short}%{zone}" if percent else short


def _is_number(part: str) -> bool:
    """Return True for a decimal, octal or hexadecimal number of an IPv4 address."""
    usual = is_digits(part) and (part == "0" or part[0] != "0") and len(part) <= _MOST_DIGITS
    return usual or _NUMBER.fullmatch(part) is not None


def _read_ipv4(text: str) -> str:
    """Return an IPv4 address with four decimal numbers.

    Like ``inet_aton``, libcurl knows hexadecimal and octal numbers and addresses of fewer
    parts, the last of which fills what is left. What that does not know is a host name to
    libcurl, and invalid to browsers (WHATWG URL, 3.5).
    """
    parts = text.split(".")
    if len(parts) > 4 or not all(map(_is_number, parts)):
        raise UrlError("the IPv4 address is invalid")
    numbers = [_number(part) for part in parts]
    most = 256 ** (5 - len(parts))
    if max(numbers[:-1], default=0) > 255 or numbers[-1] >= most:
        raise UrlError("the IPv4 address is invalid")
    value = numbers[-1] + sum(n << 24 - 8 * place for place, n in enumerate(numbers[:-1]))
    return ".".join(str(value >> shift & 255) for shift in (24, 16, 8, 0))


def _number(text: str) -> int:
    if text.startswith("0x"):
        return int(text[2:], 16)
    return int(text, 8 if text.startswith("0") else 10)


def read_port(text: str) -> int:
    """Return a port from 1 to 65535. UrlError if it is invalid."""
    digits = text.lstrip("0")
    port = read_digits(digits, 5) if is_digits(text) else None
    if port is not None and port <= _LARGEST_PORT:
        return port
    raise UrlError(f"the port is not a number from 1 to {_LARGEST_PORT}")


def _without_dots(path: str) -> str:
    """Remove dot segments (RFC 3986, 5.2.4); a ``..`` above the root has no effect."""
    if "." not in path:
        return path
    rooted = path.startswith("/")
    segments = path[1:].split("/") if rooted else path.split("/")
    kept: list[str] = []
    for segment in segments:
        if segment == "..":
            if kept:
                kept.pop()
        elif segment != ".":
            kept.append(segment)
    if segments[-1] in (".", ".."):
        kept.append("")
    return ("/" if rooted else "") + "/".join(kept)


def _quoted(text: str) -> str:
    """Percent-encode, as UTF-8, all that is invalid in a URL."""
    return quote(text, safe=_ALLOWED, errors="surrogatepass")
