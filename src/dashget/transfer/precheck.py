"""What a user asks of requests that cannot be meant, or that is worth a warning.

All of it is found before the first request is made.
"""

from __future__ import annotations

import os
from typing import Final
from urllib.parse import urlsplit

from dashget.errors import UsageError
from dashget.transfer.options import TransferOptions
from dashget.transfer.origin import printable, shown

INSECURE: Final = "TLS certificates are not verified (--insecure)"
_LONGEST_INTERFACE: Final = 255
_PROXIES: Final = frozenset({"http", "https", "socks4", "socks4a", "socks5", "socks5h"})
_NOT_IN_QUERY: Final = frozenset(' "<>\\^`{|}#')


def warnings_about(options: TransferOptions) -> tuple[str, ...]:
    """Say what is odd about options, a sentence each; UsageError for files that are not theirs.

    Reads the files of ``cookie_file`` and ``netrc``.
    """
    said = [INSECURE] if options.insecure else []
    if options.cookie_file is not None:
        from dashget.transfer.cookiefile import cookie_warnings

        said += cookie_warnings(os.fspath(options.cookie_file))
    if options.netrc is not None:
        from dashget.transfer.netrc import netrc_warnings

        said += netrc_warnings(os.fspath(options.netrc))
    return tuple(said)


def check_sendable(options: TransferOptions) -> None:
    """Raise UsageError for what libcurl could not be told, or would take for something else.

    The file of ``cookie_file`` is checked where it is read.
    """
    for name, text in (("--interface", options.interface), ("--no-proxy", options.no_proxy)):
        if text is not None and not (text.isascii() and text.isprintable()):
            raise UsageError(
                f"{name} is not a name in ASCII characters: {printable(text)}",
                hint="write other host names in their xn-- form",
            )
    if options.interface is not None and not 0 < len(options.interface) <= _LONGEST_INTERFACE:
        raise UsageError(
            f"--interface is not a name of 1 to {_LONGEST_INTERFACE} characters",
            hint="such as eth0, 192.0.2.1 or a host name",
        )
    query = options.append_query
    if query is not None and not (
        query.isascii() and query.isprintable() and _NOT_IN_QUERY.isdisjoint(query)
    ):
        raise UsageError(
            f"--append-query is not a query: {printable(query)}",
            hint="percent-encode what a URL cannot hold: a space is %20",
        )
    if options.netrc is not None:
        from dashget.transfer.netrc import netrc_warnings

        netrc_warnings(os.fspath(options.netrc))
    if options.proxy:
        _check_proxy(options.proxy)


def _check_proxy(text: str) -> None:
    scheme, colon, _ = text.partition("://")
    url = text if colon else f"http://{text}"
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        host = port = None
    if colon and scheme.lower() not in _PROXIES:
        raise UsageError(
            f"--proxy has a scheme that no proxy has: {printable(scheme)}",
            hint="http, https, socks4, socks4a, socks5 or socks5h",
        )
    if not host or port == 0 or not text.isascii() or not text.isprintable() or " " in text:
        raise UsageError(
            f"--proxy is not the URL of a proxy: {shown(url)}",
            hint="such as http://host:3128 or socks5h://host:1080; characters are percent-encoded",
        )
