"""Checks and warnings before the first request: options that depend on this machine or libcurl.

The options themselves check what they can when they are made.
"""

from __future__ import annotations

import os
from typing import Final

import msgspec

from dashget.common.foreigntext import printable_url
from dashget.common.validation import FieldError, Wrong
from dashget.transfer.settings.givenfile import require_file
from dashget.transfer.settings.options import TransferOptions

INSECURE: Final = "TLS certificates are not verified (--insecure)"
_LONGEST_INTERFACE: Final = 255
_NOT_IN_QUERY: Final = frozenset(' "<>\\^`{|}#')


def read_files(options: TransferOptions) -> TransferOptions:
    """Return the options with the content of ``cookie_file`` and ``netrc`` in place of the paths.

    Call this once for all engines and warnings: a pipe can be read only once. Raise UsageError
    for unreadable files; invalid content is found later.
    """
    if options.cookie_file is not None:
        from dashget.transfer.settings.cookiefile import read_cookie_file

        cookies = read_cookie_file(options.cookie_file)
        options = msgspec.structs.replace(options, cookie_file=cookies)
    if options.netrc is not None:
        from dashget.transfer.settings.netrc import read_netrc_file

        options = msgspec.structs.replace(options, netrc=read_netrc_file(options.netrc))
    return options


def warnings_about(options: TransferOptions) -> tuple[str, ...]:
    """Return a sentence for each odd option; UsageError for files of another format.

    Reads the files of ``cookie_file`` and ``netrc``, unless ``read_files`` has done that.
    """
    warnings = [INSECURE] if options.insecure else []
    keys = os.environ.get("SSLKEYLOGFILE")
    if keys:
        warnings.append(f"SSLKEYLOGFILE is set: the keys of all TLS connections go to {keys!r}")
    if options.cookie_file is not None:
        from dashget.transfer.settings.cookiefile import cookie_warnings

        warnings += cookie_warnings(options.cookie_file)
    if options.netrc is not None:
        from dashget.transfer.settings.netrc import netrc_warnings

        warnings += netrc_warnings(options.netrc)
    return tuple(warnings)


def check_sendable(options: TransferOptions) -> None:
    """Raise FieldError for values that libcurl cannot take, or would misread.

    The content of ``cookie_file`` and ``netrc`` is checked where it is used.
    """
    for field in ("cacert", "cert", "private_key"):
        file = getattr(options, field)
        if file is not None:
            require_file(field, os.fspath(file))
    for field in ("interface", "no_proxy"):
        text = getattr(options, field)
        if text is not None and not (text.isascii() and text.isprintable()):
            wrong = f"not a name in ASCII characters: {printable_url(text)}"
            raise FieldError(field, Wrong(wrong, "write other host names in their xn-- form"))
    if options.interface is not None and not 0 < len(options.interface) <= _LONGEST_INTERFACE:
        wrong = f"not a name of 1 to {_LONGEST_INTERFACE} characters"
        raise FieldError("interface", Wrong(wrong, "such as eth0, 192.0.2.1 or a host name"))
    query = options.append_query
    if query is not None and not (
        query.isascii() and query.isprintable() and _NOT_IN_QUERY.isdisjoint(query)
    ):
        wrong = "not a valid query: a character is invalid in URLs"
        raise FieldError("append_query", Wrong(wrong, "percent-encode it: a space is %20"))
    if options.proxy:
        _check_proxy(options.proxy)


def _check_proxy(text: str) -> None:
    from dashget.transfer.settings.proxies import SCHEMES, Proxy

    scheme, colon, _ = text.partition("://")
    if colon and scheme.lower() not in SCHEMES:
        wrong = f"unknown scheme of a proxy: {printable_url(scheme)}"
        hint = "http, https, socks4, socks4a, socks5 or socks5h"
        raise FieldError("proxy", Wrong(wrong, hint))
    if Proxy.parse(text) is None or not text.isascii() or not text.isprintable() or " " in text:
        url = text if colon else f"http://{text}"
        beginning, _, rest = url.partition("://")
        # All before the last @ may belong to a password.
        shown = printable_url(f"{beginning}://{rest.rpartition('@')[2]}")
        hint = "such as http://host:3128 or socks5h://host:1080; characters are percent-encoded"
        raise FieldError("proxy", Wrong(f"not a valid proxy URL: {shown}", hint))
