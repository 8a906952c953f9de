"""What a user names to get a header or secrets: a host, one port of it, or an origin."""

from __future__ import annotations

from typing import Final

import msgspec

from dashget.common.lateregex import late
from dashget.common.validation import FieldError, Wrong

DEFAULT_PORTS: Final = {"http": 80, "https": 443}
_LARGEST_PORT: Final = 65535
_SHOWN_CHARACTERS: Final = 80
_NAME: Final = late(r"[a-z0-9_-]+(\.[a-z0-9_-]+)*")
_HINT: Final = "HOST, HOST:PORT or https://HOST[:PORT], one at a time and without a path"


class Place(msgspec.Struct, frozen=True):
    """A host; None stands for any scheme, and any port."""

    host: str
    port: int | None = None
    scheme: str | None = None

    @classmethod
    def parse(cls, text: str, field: str) -> Place:
        """Read ``host``, ``host:port`` or ``scheme://host[:port]``; FieldError for all else.

        An IPv6 address may stand in brackets, and has to where a port follows. One slash
        at the end, as a browser writes an origin, means nothing.
        """
        try:
            return _read(text)
        except ValueError as error:
            told = text.rpartition("@")[2][:_SHOWN_CHARACTERS]
            wrong = f"{told!r} is not a host or origin: {error}"
            raise FieldError(field, Wrong(wrong, _HINT)) from None


def plain_host(name: str) -> str:
    """Return a host's name as it is compared: lower-case, in ASCII; ValueError if it has none."""
    host = name if name.isascii() else name.encode("idna").decode("ascii")
    return host.lower().removesuffix(".")


def _read(text: str) -> Place:
    scheme, separator, rest = text.rpartition("://")
    scheme = scheme.lower()
    if separator and scheme not in DEFAULT_PORTS:
        raise ValueError("its scheme is neither http nor https")
    if "@" in rest:
        raise ValueError("it holds a user name")
    place = rest.removesuffix("/") if separator else rest
    if set(place) & set("/?#\\"):
        raise ValueError("it has a path")
    host, port = _divide(place)
    if not host:
        raise ValueError("it has no host")
    number = _port(port) if port is not None else DEFAULT_PORTS.get(scheme)
    return Place(_checked(host), number, scheme or None)


def _divide(place: str) -> tuple[str, str | None]:
    """Split off the port; an address with colons and no brackets has none."""
    if place.startswith("["):
        host, bracket, rest = place[1:].partition("]")
        if not bracket or (rest and not rest.startswith(":")) or ":" not in host:
            raise ValueError("its brackets hold no IPv6 address")
        return host, rest[1:] if rest else None
    if place.count(":") > 1:
        return place, None
    host, colon, port = place.partition(":")
    return host, port if colon else None


def _port(text: str) -> int:
    fits = text.isascii() and text.isdigit() and len(text) <= 5
    if not fits or not 1 <= int(text) <= _LARGEST_PORT:
        raise ValueError(f"its port is not a number from 1 to {_LARGEST_PORT}")
    return int(text)


def _checked(host: str) -> str:
    if ":" in host:
        import ipaddress

        try:
            ipaddress.IPv6Address(host)
        except ValueError:
            raise ValueError("that is no IPv6 address") from None
        return host.lower()
    try:
        name = plain_host(host)
    except ValueError:
        name = ""
    if not _NAME.fullmatch(name):
        raise ValueError("no host has such a name")
    return name
