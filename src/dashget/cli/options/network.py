"""The options about requests: network, credentials, trust."""

from __future__ import annotations

import argparse

from dashget.cli.parser import Parser, number, whole


def add_network(parser: Parser, *, threads: bool, transfers: int = 4) -> None:
    """Add the groups Network, Credentials and Trust."""
    group = parser.add_argument_group("Network")
    if threads:
        _add_threads(group, transfers)
    _add_requests(group)
    _add_patience(group)
    _add_ways(group)
    _add_credentials(parser.add_argument_group("Credentials (only for the manifest's own origin)"))
    _add_trust(parser.add_argument_group("Trust"))


def _add_threads(group: argparse._ArgumentGroup, transfers: int) -> None:
    group.add_argument(
        "--threads",
        "--max-threads",
        "-t",
        metavar="N",
        default=str(transfers),
        help="Number of parallel transfers; auto (or auto:MAX) finds the best number by measuring.",
    )


def _add_requests(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--header",
        "-H",
        metavar="HEADER",
        action="append",
        help="'Name: value' for every host, '@ORIGIN Name: value' for one origin; Authorization"
        " and Cookie are sent only to the manifest's origin. Repeatable.",
    )
    group.add_argument("--user-agent", "-A", metavar="TEXT", help="User-Agent to send.")
    group.add_argument("--referer", "-e", metavar="URL", help="Referer to send.")


def _add_patience(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--max-time",
        metavar="DURATION",
        help="End the run in order after this time, such as 45s, 2h or 1:30:00 (exit status 7); the"
        " same command goes on. No limit by default.",
    )
    group.add_argument(
        "--timeout",
        metavar="SECONDS",
        type=number,
        default="30",
        help="Abort an attempt after this time without data.",
    )
    group.add_argument(
        "--document-timeout",
        metavar="SECONDS",
        type=number,
        default="300",
        help="Give up the manifest or a document that it needs after so long in its requests.",
    )
    group.add_argument(
        "--document-limits",
        metavar="TIMES",
        type=whole,
        default="1",
        help="Let a manifest cost so many times what is usual at most: in bytes, elements, work,"
        " remote elements and lengths of URLs. For one that is refused for its size.",
    )
    group.add_argument(
        "--connect-timeout",
        metavar="SECONDS",
        type=number,
        default="15",
        help="Abort a connection attempt after this time.",
    )
    group.add_argument(
        "--speed-limit",
        metavar="RATE",
        help="Give up a connection that is slower than this for the time of --speed-time, such as"
        " 50k, and try again; 0 never. By default one that crawls while others to its host run is"
        " replaced.",
    )
    group.add_argument(
        "--speed-time",
        metavar="SECONDS",
        type=number,
        help="The time for which a connection is too slow (30 with --speed-limit, else 10).",
    )
    group.add_argument(
        "--retries",
        metavar="N",
        type=whole,
        help="Retries per file after a temporary failure; if given, also for a host that cannot be"
        " reached at the start, which otherwise is said at once. [default: 5]",
    )
    group.add_argument(
        "--host-patience",
        metavar="SECONDS",
        type=number,
        default="300",
        help="Wait up to this time for a host that fails for every file, asking now and then; no"
        " file loses its retries. One that sends the same page in place of every file is waited for"
        " 30 s at most. 0: do not wait.",
    )
    group.add_argument(
        "--limit-rate",
        metavar="RATE",
        help="Bytes per second for all transfers together, such as 500k or 2M.",
    )
    group.add_argument(
        "--max-per-host",
        metavar="N",
        type=whole,
        help="Maximum of parallel transfers from one host; by default as many as --threads, and"
        " with -t auto 16, or up to 48 for short files from far away.",
    )


def _add_ways(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--http",
        choices=("auto", "1.1", "2", "3"),
        default="auto",
        help="HTTP version; 3 falls back to an earlier one if the host does not answer over QUIC.",
    )
    group.add_argument(
        "--proxy",
        metavar="URL",
        help="Proxy: an http, https, socks4(a) or socks5(h) URL, or '' for none. By default taken"
        " from the environment.",
    )
    group.add_argument(
        "--no-proxy",
        metavar="HOSTS",
        help="Hosts to connect to without the proxy, separated by commas.",
    )
    group.add_argument(
        "--interface", metavar="NAME", help="Local network interface or address to use."
    )
    group.add_argument(
        "--max-redirects",
        metavar="N",
        type=whole,
        default=10,
        help="Maximum of redirects to follow per request.",
    )
    group.add_argument(
        "--append-query",
        metavar="QUERY",
        help="Query to add to requests to the manifest's origin, such as token=abc.",
    )


def _add_credentials(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--user",
        "-u",
        metavar="NAME[:PASSWORD]",
        help="Name and password; a missing password is asked for. @FILE reads it from a file, as"
        " with -H, --cookie, --append-query and --proxy.",
    )
    group.add_argument("--netrc", metavar="FILE", help="Take credentials from a netrc file.")
    group.add_argument(
        "--cookies", metavar="FILE", help="Take cookies from a file in Netscape format."
    )
    group.add_argument(
        "--cookie",
        metavar="COOKIE",
        action="append",
        help="Cookie to send: NAME=VALUE. Repeatable.",
    )
    group.add_argument("--cert", metavar="FILE", help="Client certificate (PEM file).")
    group.add_argument(
        "--private-key", metavar="FILE", help="Key of the client certificate (PEM file)."
    )
    group.add_argument(
        "--send-credentials-to",
        metavar="HOST",
        action="append",
        help="Send credentials also to this host or origin, or to all. Repeatable.",
    )


def _add_trust(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--cacert",
        metavar="FILE",
        help="CA certificates to trust instead of the system's (PEM file).",
    )
    group.add_argument(
        "--insecure", "-k", action="store_true", help="Do not verify TLS certificates."
    )
    group.add_argument(
        "--allow-downgrade",
        action="store_true",
        help="Follow redirects and references from https to http.",
    )
    group.add_argument(
        "--allow-private",
        action="store_true",
        help="Follow redirects and references to private addresses, not only to the host and port"
        " of the URL.",
    )
    group.add_argument(
        "--public-only",
        action="store_true",
        help="Refuse private addresses also where the URL names one: for services that are given"
        " URLs or mirrors.",
    )
