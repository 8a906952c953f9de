"""Translate the options about requests into ``TransferOptions``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import Final, Literal

from dashget.cli.options.givensecrets import one, several
from dashget.errors import UsageError
from dashget.transfer.curl.descriptors import raise_limit
from dashget.transfer.settings.options import (
    MOST_TO_FIND,
    HttpVersion,
    OriginHeader,
    TransferOptions,
)
from dashget.version import __version__

_MOST_DIGITS: Final = 9


def transfer_options(arguments: argparse.Namespace) -> TransferOptions:
    """Return the engine's options; raise UsageError for invalid values."""
    plain, bound = _parse_headers(several(arguments, "header"))
    if arguments.referer is not None:
        plain = (*plain, ("Referer", arguments.referer))
    user = one(arguments, "user")
    in_flight, most = _parse_threads(getattr(arguments, "threads", "4"))
    return TransferOptions(
        in_flight=in_flight,
        max_in_flight=most,
        max_per_host=arguments.max_per_host,
        timeout_seconds=arguments.timeout,
        connect_timeout_seconds=arguments.connect_timeout,
        document_timeout_seconds=arguments.document_timeout,
        document_limits=arguments.document_limits,
        max_time_seconds=_parse_duration(arguments.max_time, "--max-time"),
        speed_limit=_parse_rate(arguments.speed_limit, "--speed-limit"),
        speed_time_seconds=arguments.speed_time,
        retries=arguments.retries,
        host_patience_seconds=arguments.host_patience,
        user_agent=arguments.user_agent or f"DashGet/{__version__}",
        headers=plain,
        origin_headers=bound,
        send_credentials_to=tuple(arguments.send_credentials_to or ()),
        user=None if user is None else _with_password(user),
        netrc=arguments.netrc,
        cookie_file=arguments.cookies,
        cookies=tuple(several(arguments, "cookie")),
        keep_headers=tuple(getattr(arguments, "keep_header", None) or ()),
        append_query=_query(one(arguments, "append_query")),
        proxy=one(arguments, "proxy"),
        no_proxy=arguments.no_proxy,
        cacert=arguments.cacert,
        cert=arguments.cert,
        private_key=arguments.private_key,
        insecure=arguments.insecure,
        interface=arguments.interface,
        http=HttpVersion(arguments.http),
        limit_rate=_parse_rate(arguments.limit_rate, "--limit-rate"),
        max_redirects=arguments.max_redirects,
        allow_downgrade=arguments.allow_downgrade,
        allow_private=arguments.allow_private,
        public_only=arguments.public_only,
    )


def allow_open_files(options: TransferOptions) -> None:
    """Raise this process's limit of open files to what the transfers need, if allowed."""
    raise_limit(options.most_in_flight)


def _query(text: str | None) -> str | None:
    return None if text is None else text.lstrip("?&")


def _parse_threads(text: str) -> tuple[int | Literal["auto"], int]:
    """Return the number of transfers, or ``auto``, and the maximum for that."""
    word, colon, cap = text.partition(":")
    finds = word.lower() == "auto"
    number = cap if colon and finds else text
    if finds and not colon:
        return "auto", MOST_TO_FIND
    if not number.isascii() or not number.isdigit() or len(number) > _MOST_DIGITS:
        raise UsageError(
            f"--threads: not a number, auto, or auto:MAX: {text[:20]}",
            hint="such as 8; -h shows the default",
        )
    return ("auto", int(number)) if finds else (int(number), MOST_TO_FIND)


def _parse_headers(
    texts: Sequence[str],
) -> tuple[tuple[tuple[str, str], ...], tuple[OriginHeader, ...]]:
    """Return the headers for every host, and those for one origin (``@ORIGIN Name: value``)."""
    plain: list[tuple[str, str]] = []
    bound: list[OriginHeader] = []
    for text in texts:
        if text.startswith("@"):
            origin, _, header = text[1:].partition(" ")
            name, value = _parse_header(header)
            bound.append(OriginHeader(origin, name, value))
        else:
            plain.append(_parse_header(text))
    return tuple(plain), tuple(bound)


def _parse_header(text: str) -> tuple[str, str]:
    """Split a header at the colon; the UsageError for a missing colon repeats no secret."""
    name, colon, value = text.partition(":")
    if not colon:
        raise UsageError(
            "--header: missing colon",
            hint="write it as 'Name: value' or '@ORIGIN Name: value'",
        )
    return name.strip(), value.strip()


def _parse_rate(text: str | None, option: str) -> int | None:
    if text is None:
        return None
    from dashget.cli.options.quantities import parse_rate

    return parse_rate(text, option)


def _parse_duration(text: str | None, option: str) -> float | None:
    if text is None:
        return None
    from dashget.cli.options.quantities import parse_duration

    return parse_duration(text, option)


def _with_password(user: str) -> str:
    if ":" in user:
        return user
    if not sys.stdin.isatty():
        raise UsageError("--user: missing password", hint="write it as NAME:PASSWORD")
    import getpass
    import signal

    # getpass restores the terminal after an exception, but not if the process just ends.
    earlier = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        return f"{user}:{getpass.getpass(f'Password for {user}: ')}"
    except KeyboardInterrupt:
        earlier = signal.SIG_DFL  # by which the process ends
        raise
    finally:
        signal.signal(signal.SIGINT, earlier)
