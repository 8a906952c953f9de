"""Addresses as people type them: ``localhost:8000/x.mpd``, ``example.com/x.mpd``.

What names a server and no file is a URL without its scheme. The scheme is ``https`` as in
browsers, and ``http`` for what seldom has a certificate: this machine, IP addresses, and ports of
one's own choice.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from dashget.common.lateregex import late
from dashget.common.url import UrlError, read_host, read_port, split_host

_THIS_MACHINE: Final = "localhost"
_ADDRESS: Final = late(r"[0-9]+(?:\.[0-9]+){3}|\[.*\]")
_PUBLIC: Final = late(r".+\.(?:[^\W\d_]{2,63}|xn--[a-z0-9-]+)\.?")
"""A name with a top-level domain, which has no digits unless it is encoded (IDNA)."""
_SECURE_PORT: Final = 443
_USUAL: Final = ("http://", "https://")


def with_scheme(text: str) -> str | None:
    """Return the URL that is meant by a text without scheme; None unless it names a server.

    Two of three tell a server: its name, a port, a path. A name that exists on disk, or lies in a
    folder that does, is never a URL.
    """
    if text.startswith(_USUAL):
        # What has a scheme: decided without the patterns, whose compilation delays every start.
        return None
    place, slash, _ = text.removeprefix("//").partition("/")
    place, question, _ = place.partition("?")
    host, port = _split(place)
    if host is None:
        return None
    bare = host == _THIS_MACHINE or _ADDRESS.fullmatch(host)
    told = [bare or _PUBLIC.fullmatch(host), port, slash or question]
    if sum(map(bool, told)) < 2 or _exists(text) or (not port and _exists(place)):
        return None
    plain = bare or port not in (None, _SECURE_PORT)
    return f"{'http' if plain else 'https'}://{text.removeprefix('//')}"


def _split(place: str) -> tuple[str | None, int | None]:
    """Return host and port of ``user:password@host:port``; None for what is not there."""
    try:
        name, digits = split_host(place.rpartition("@")[2])
        host = read_host(name)
        port = read_port(digits) if digits else None
    except UrlError:
        return None, None
    return (name.lower() if host else None), port


def _exists(text: str) -> bool:
    try:
        return Path(text).exists() or (os.name == "nt" and Path(text).drive != "")
    except (OSError, ValueError):
        return False
