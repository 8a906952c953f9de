"""The options of everything that makes requests; ``transfer`` says what they mean."""

from __future__ import annotations

import argparse

from dashget.cli.parser import Parser, number, whole


def add_network(parser: Parser, *, threads: bool) -> None:
    """Add how to make requests, with which secrets, and whom to trust."""
    group = parser.add_argument_group("Network")
    if threads:
        _add_threads(group)
    _add_requests(group)
    _add_patience(group)
    _add_ways(group)
    _add_credentials(parser.add_argument_group("Credentials (only for the manifest's own origin)"))
    _add_trust(parser.add_argument_group("Trust"))


def _add_threads(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--threads",
        "--max-threads",
        "-t",
        metavar="N",
        default="4",
        help="Transfers in flight, or auto (auto:MOST) to find the best number by measuring.",
    )


def _add_requests(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--header",
        "-H",
        metavar="HEADER",
        action="append",
        help="'Name: value' for every host, '@ORIGIN Name: value' for one; Authorization and"
        " Cookie only go to the manifest's origin. Repeatable.",
    )
    group.add_argument("--user-agent", metavar="TEXT", help="The User-Agent.")


def _add_patience(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--timeout",
        metavar="SECONDS",
        type=number,
        default="30",
        help="Seconds without a byte until a transfer is stalled.",
    )
    group.add_argument(
        "--connect-timeout",
        metavar="SECONDS",
        type=number,
        default="15",
        help="Seconds until a connection must stand.",
    )
    group.add_argument(
        "--retries",
        metavar="N",
        type=whole,
        default=5,
        help="Further attempts after a failure that may pass.",
    )
    group.add_argument(
        "--limit-rate",
        metavar="RATE",
        help="Bytes a second over all transfers, as in 500k or 2M.",
    )
    group.add_argument(
        "--max-per-host", metavar="N", type=whole, help="Most transfers at once from one host."
    )


def _add_ways(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--http",
        choices=("auto", "1.1", "2", "3"),
        default="auto",
        help="Version of HTTP; where nobody answers over QUIC, 3 goes on with an earlier one.",
    )
    group.add_argument(
        "--proxy",
        metavar="URL",
        help="http, https, socks4(a) or socks5(h) URL; '' for none. By default as the"
        " environment says.",
    )
    group.add_argument("--no-proxy", metavar="HOSTS", help="Hosts to reach without the proxy.")
    group.add_argument(
        "--interface", metavar="NAME", help="Local interface or address to send from."
    )
    group.add_argument(
        "--max-redirects", metavar="N", type=whole, default=10, help="Longest chain to follow."
    )
    group.add_argument(
        "--append-query",
        metavar="QUERY",
        help="Added to the query of requests to the manifest's origin.",
    )


def _add_credentials(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--user", metavar="NAME", help="NAME:PASSWORD; asks for a missing password.")
    group.add_argument("--netrc", metavar="FILE", help="A netrc file to look credentials up in.")
    group.add_argument("--cookies", metavar="FILE", help="A cookie file in Netscape's format.")
    group.add_argument(
        "--cookie", metavar="COOKIE", action="append", help="NAME=VALUE, repeatable."
    )
    group.add_argument("--cert", metavar="FILE", help="Client certificate (PEM).")
    group.add_argument("--key", metavar="FILE", help="Its private key (PEM).")
    group.add_argument(
        "--send-credentials-to",
        metavar="HOST",
        action="append",
        help="A host or origin that gets them too, or all. Repeatable.",
    )


def _add_trust(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--cacert", metavar="FILE", help="Certificates to trust in place of the system's."
    )
    group.add_argument("--insecure", action="store_true", help="Do not verify TLS certificates.")
    group.add_argument("--allow-downgrade", action="store_true", help="Let https lead to http.")
    group.add_argument(
        "--allow-private",
        action="store_true",
        help="Let a public host lead to private addresses.",
    )
