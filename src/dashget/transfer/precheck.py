"""What a user asks of requests that cannot be meant, or that is worth a warning.

All of it is found before the first request is made.
"""

from __future__ import annotations

from typing import Final

import msgspec

from dashget.errors import UsageError
from dashget.transfer.options import TransferOptions
from dashget.transfer.origin import printable

INSECURE: Final = "TLS certificates are not verified (--insecure)"
_LONGEST_INTERFACE: Final = 255
_NOT_IN_QUERY: Final = frozenset(' "<>\\^`{|}#')


def read_files(options: TransferOptions) -> TransferOptions:
    """Return the options with the files of ``cookie_file`` and ``netrc`` read, if they name any.

    To be done once, however many engines and warnings there will be: a pipe cannot be read
    again. UsageError for files that cannot be read; what they hold is not looked at.
    """
    if options.cookie_file is not None:
        from dashget.transfer.cookiefile import read_cookie_file

        cookies = read_cookie_file(options.cookie_file)
        options = msgspec.structs.replace(options, cookie_file=cookies)
    if options.netrc is not None:
        from dashget.transfer.netrc import read_netrc_file

        options = msgspec.structs.replace(options, netrc=read_netrc_file(options.netrc))
    return options


def warnings_about(options: TransferOptions) -> tuple[str, ...]:
    """Say what is odd about options, a sentence each; UsageError for files that are not theirs.

    Reads the files of ``cookie_file`` and ``netrc``, unless ``read_files`` has done that.
    """
    said = [INSECURE] if options.insecure else []
    if options.cookie_file is not None:
        from dashget.transfer.cookiefile import cookie_warnings

        said += cookie_warnings(options.cookie_file)
    if options.netrc is not None:
        from dashget.transfer.netrc import netrc_warnings

        said += netrc_warnings(options.netrc)
    return tuple(said)


def check_sendable(options: TransferOptions) -> None:
    """Raise UsageError for what libcurl could not be told, or would take for something else.

    The files of ``cookie_file`` and ``netrc`` are checked where they are used.
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
            "--append-query is not a query: it holds what a URL cannot",
            hint="percent-encode that: a space is %20",
        )
    if options.proxy:
        _check_proxy(options.proxy)


def _check_proxy(text: str) -> None:
    from dashget.transfer.proxy import SCHEMES, Proxy

    scheme, colon, _ = text.partition("://")
    if colon and scheme.lower() not in SCHEMES:
        raise UsageError(
            f"--proxy has a scheme that no proxy has: {printable(scheme)}",
            hint="http, https, socks4, socks4a, socks5 or socks5h",
        )
    if Proxy.parse(text) is None or not text.isascii() or not text.isprintable() or " " in text:
        url = text if colon else f"http://{text}"
        beginning, _, rest = url.partition("://")
        # Whatever stands before the last @ may be of a password.
        told = printable(f"{beginning}://{rest.rpartition('@')[2]}")
        raise UsageError(
            f"--proxy is not the URL of a proxy: {told}",
            hint="such as http://host:3128 or socks5h://host:1080; characters are percent-encoded",
        )
