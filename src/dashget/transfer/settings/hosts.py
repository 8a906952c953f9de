"""The hosts that a user names to get a header or secrets."""

from __future__ import annotations

from typing import Final

import msgspec

from dashget.common.url import DEFAULT_PORTS, UrlError, read_host, read_port, split_host
from dashget.common.validation import FieldError, Wrong

_SHOWN_CHARACTERS: Final = 80
_HINT: Final = "HOST, HOST:PORT or https://HOST[:PORT], one at a time and without a path"


class HostPattern(msgspec.Struct, frozen=True):
    """A host, one port of it, or one origin; None stands for any scheme, and any port."""

    host: str
    """As ``Url.host`` spells it."""
    port: int | None = None
    scheme: str | None = None

    @classmethod
    def parse(cls, text: str, field: str) -> HostPattern:
        """Read ``host``, ``host:port`` or ``scheme://host[:port]``; FieldError if it is invalid.

        An IPv6 address needs brackets only before a port. One slash at the end, which a
        browser writes behind an origin, is ignored.
        """
        try:
            return _read(text)
        except UrlError as error:
            shown = text.rpartition("@")[2][:_SHOWN_CHARACTERS]
            wrong = f"{shown!r} is not a valid host or origin: {error}"
            raise FieldError(field, Wrong(wrong, _HINT)) from None

    def matches(self, scheme: str, host: str, port: int) -> bool:
        """Return True for an origin that this pattern names."""
        return self.host == host and self.port in (None, port) and self.scheme in (None, scheme)


def _read(text: str) -> HostPattern:
    scheme, separator, rest = text.rpartition("://")
    scheme = scheme.lower()
    if separator and scheme not in DEFAULT_PORTS:
        raise UrlError("the scheme is neither http nor https")
    if "@" in rest:
        raise UrlError("a user name is given with it")
    place = rest.removesuffix("/") if separator else rest
    if set(place) & set("/?#\\"):
        raise UrlError("a path is given with it")
    if place.count(":") > 1 and not place.startswith("["):
        place = f"[{place}]"
    host, port = split_host(place)
    if not host:
        raise UrlError("the host is missing")
    has_port = bool(port) or place.endswith(":")
    number = read_port(port) if has_port else DEFAULT_PORTS.get(scheme)
    return HostPattern(read_host(host), number, scheme or None)
