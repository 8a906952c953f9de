"""Take secrets out of text that is about to be shown: debug records, above all."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from urllib.parse import parse_qsl, quote, quote_plus, unquote

from dashget.common.foreigntext import printable
from dashget.common.secrets import MASK
from dashget.common.url import without_users
from dashget.transfer.settings.options import TransferOptions

_SHORTEST = 3
"""Shorter texts stand everywhere; no message of ours repeats them."""


class Masking:
    """Replaces the secrets of options wherever they stand in a text.

    These are the passwords of ``user`` and ``proxy``, the values of headers, cookies, netrc
    entries and ``append_query``, also in encoded form; and user and password in every URL.
    """

    def __init__(self, options: TransferOptions, *, users: tuple[str, ...] = ()) -> None:
        """``users`` are ``name:password`` from the URLs of manifests."""
        secrets = list(_secrets(options))
        for user in users:
            secrets += _secrets_of_user(user)
        forms = {form for text in secrets for form in _forms(text.strip())}
        self._known = sorted((f for f in forms if len(f) >= _SHORTEST), key=len, reverse=True)

    def __call__(self, text: str) -> str:
        """Return the text without secrets and control characters."""
        for secret in self._known:
            if secret in text:
                text = text.replace(secret, MASK)
        return printable(without_users(text, f"{MASK}@"))


def _secrets(options: TransferOptions) -> Iterator[str]:
    if options.user is not None:
        yield from _secrets_of_user(options.user)
    for _, value in options.headers:
        yield value
        # The scheme of an Authorization header is none.
        yield value.partition(" ")[2]
    for header in options.origin_headers:
        yield header.value
        yield header.value.partition(" ")[2]
    for cookie in options.cookies:
        yield cookie.partition("=")[2]
    if options.append_query is not None:
        yield options.append_query
        for _, value in parse_qsl(options.append_query):
            yield value
    if options.proxy is not None:
        user = options.proxy.rpartition("://")[2].rpartition("@")[0]
        yield from _secrets_of_user(unquote(user))
    yield from _secrets_in_files(options)


def _secrets_of_user(user: str) -> Iterator[str]:
    yield user
    yield user.partition(":")[2]
    yield base64.b64encode(user.encode()).decode()


def _secrets_in_files(options: TransferOptions) -> Iterator[str]:
    if options.cookie_file is not None:
        from dashget.transfer.settings.cookiefile import cookies_of

        for line in cookies_of(options.cookie_file).lines:
            yield line.decode("utf-8", "replace").rpartition("\t")[2]
    if options.netrc is not None:
        from dashget.transfer.settings.netrc import netrc_of

        for login in netrc_of(options.netrc).logins:
            yield login.password.decode("utf-8", "replace")


def _forms(text: str) -> Iterator[str]:
    yield text
    yield quote(text, safe="")
    yield quote_plus(text)
    yield unquote(text)
