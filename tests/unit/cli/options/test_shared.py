"""Every option of the command line sets its field of the library's options; the last one wins."""

from __future__ import annotations

import argparse
import datetime

import pytest

from dashget.cli.app import COMMANDS, make_parser
from dashget.cli.commands.get import mirror_options
from dashget.cli.commands.verify import verify_options
from dashget.cli.options.requests import transfer_options
from dashget.cli.options.shared import SEGMENT_LIMIT, parse_now
from dashget.errors import UsageError
from dashget.mirroring.options import DEFAULT_SEGMENT_LIMIT, MirrorOptions
from dashget.planning.selection import parse_selection
from dashget.transfer.settings.options import HttpVersion, OriginHeader, TransferOptions
from dashget.verification.verify import VerifyOptions
from dashget.version import __version__
from tests.unit.cli.lines import DIRECTORY, OPERANDS, URL, options_of, read

NOON = datetime.datetime(2026, 1, 31, 12, tzinfo=datetime.UTC)

TRANSFER = [
    (["-t", "7"], "in_flight", 7),
    (["-t7"], "in_flight", 7),
    (["-t=7"], "in_flight", 7),
    (["--threads", "1000"], "in_flight", 1000),
    (["--threads=7"], "in_flight", 7),
    (["-t", "3", "--threads", "7"], "in_flight", 7),
    (["--max-threads", "3", "-t=7"], "in_flight", 7),
    (["--max-threads", "7"], "in_flight", 7),
    (["--threads", "auto"], "in_flight", "auto"),
    (["--threads", "AUTO"], "in_flight", "auto"),
    (["--max-time", "2h"], "max_time_seconds", 7200.0),
    (["--max-duration", "90"], "max_time_seconds", 90.0),
    (["--timeout", "2.5"], "timeout_seconds", 2.5),
    (["--timeout", "1e3"], "timeout_seconds", 1000.0),
    (["--connect-timeout", "3"], "connect_timeout_seconds", 3.0),
    (["--document-timeout", "9"], "document_timeout_seconds", 9.0),
    (["--document-limits", "4"], "document_limits", 4),
    (["--retries", "0"], "retries", 0),
    (["--host-patience", "60"], "host_patience_seconds", 60.0),
    (["--user-agent", "me/1"], "user_agent", "me/1"),
    (["-A", "me/1"], "user_agent", "me/1"),
    (["-e", "http://h/"], "headers", (("Referer", "http://h/"),)),
    (["--referer", "http://h/"], "headers", (("Referer", "http://h/"),)),
    (["--user-agent=-me"], "user_agent", "-me"),
    (["--user-agent", "-5"], "user_agent", "-5"),
    (["--user-agent", ""], "user_agent", f"DashGet/{__version__}"),
    (["-H", "X-A: b"], "headers", (("X-A", "b"),)),
    (["-HX-A: b"], "headers", (("X-A", "b"),)),
    (["--header=X-A: b=c"], "headers", (("X-A", "b=c"),)),
    (["-H", "-x: y"], "headers", (("-x", "y"),)),
    (["-H", "X-A: b", "--header", "X-C:d:e"], "headers", (("X-A", "b"), ("X-C", "d:e"))),
    (
        ["-H", "@https://cdn.example Token: t"],
        "origin_headers",
        (OriginHeader("https://cdn.example", "Token", "t"),),
    ),
    (["--limit-rate", "500k"], "limit_rate", 500_000),
    (["--limit-rate", "1.5M"], "limit_rate", 1_500_000),
    (["--limit-rate", "2GB/s"], "limit_rate", 2_000_000_000),
    (["--speed-limit", "20k"], "speed_limit", 20_000),
    (["--speed-limit", "0"], "speed_limit", 0),
    (["--lowest-speed-limit", "20k"], "speed_limit", 20_000),
    (["-Y", "20000"], "speed_limit", 20_000),
    (["-y", "15"], "speed_time_seconds", 15.0),
    (["--speed-time", "2.5"], "speed_time_seconds", 2.5),
    (["--max-per-host", "3"], "max_per_host", 3),
    (["--http", "auto"], "http", HttpVersion.AUTO),
    (["--http", "1.1"], "http", HttpVersion.HTTP_1_1),
    (["--http", "2"], "http", HttpVersion.HTTP_2),
    (["--http=3"], "http", HttpVersion.HTTP_3),
    (["--proxy", "socks5h://p:1080"], "proxy", "socks5h://p:1080"),
    (["--proxy", ""], "proxy", ""),
    (["--proxy="], "proxy", ""),
    (["--no-proxy", "h.example"], "no_proxy", "h.example"),
    (["--interface", "lo"], "interface", "lo"),
    (["--max-redirects", "0"], "max_redirects", 0),
    (["--append-query", "?a=b"], "append_query", "a=b"),
    (["--append-query", ""], "append_query", ""),
    (["--user", "me:secret"], "user", "me:secret"),
    (["-u", "me:secret"], "user", "me:secret"),
    (["--cookie", "a=b", "--cookie", "c=d"], "cookies", ("a=b", "c=d")),
    (["--send-credentials-to", "all"], "send_credentials_to", ("all",)),
    (["--send-credentials-to", "a", "--send-credentials-to", "b"], "send_credentials_to", ("a", "b")),
    (["--insecure"], "insecure", True),
    (["-k"], "insecure", True),
    (["--insecure", "--insecure"], "insecure", True),
    (["--allow-downgrade"], "allow_downgrade", True),
    (["--allow-private"], "allow_private", True),
    (["--public-only"], "public_only", True),
]  # fmt: skip

FILES = [
    ("--netrc", "netrc"),
    ("--cookies", "cookie_file"),
    ("--cacert", "cacert"),
    ("--cert", "cert"),
]

MIRROR = [
    (["--segment-limit", "1"], "segment_limit", 1),
    (["--total-limit", "2"], "total_limit", 2),
    (["--max-file-size", "2M"], "max_file_size", 2_000_000),
    (["--max-filesize", "2M"], "max_file_size", 2_000_000),
    (["--max-total-size", "4GiB"], "max_total_size", 4 << 30),
    (["--dry-run"], "dry_run", True),
    (["--verify"], "recheck", True),
    (["--times"], "times", True),
    (["--remote-time"], "times", True),
    (["--accept-odd"], "accept_odd", True),
    (["--checksums", "sha256"], "checksums", True),
    (["--checksums", "none"], "checksums", False),
    (["--prune"], "prune", True),
    (["--moved"], "moved", True),
    (["--fsync"], "fsync", True),
    (["--follow-links"], "follow_links", True),
    (["--video", "best"], "selection", parse_selection(video="best")),
    (["--audio", "lang=en"], "selection", parse_selection(audio="lang=en")),
    (["--text", "none"], "selection", parse_selection(text="none")),
    (["--image=worst"], "selection", parse_selection(image="worst")),
    (["--period", "2-4"], "selection", parse_selection(period="2-4")),
    (["--period", "3-"], "selection", parse_selection(period="3-")),
]

VERIFY = [
    (["--remote"], "remote", True),
    (["--repair"], "repair", True),
    (["--prune"], "prune", True),
    (["--segment-limit", "1"], "segment_limit", 1),
    (["--total-limit", "2"], "total_limit", 2),
    (["--max-file-size", "2M"], "max_file_size", 2_000_000),
    (["--max-total-size", "4GiB"], "max_total_size", 4 << 30),
    (["--from", "2026-01-31T12:00:00Z"], "begin", 1_769_860_800.0),
    (["--from", "-10m"], "begin_back", 600.0),
    (["--until", "2026-01-31T12:00:00Z"], "until", 1_769_860_800.0),
]

WORDS = [
    ("record", ["--from", "now"], "begin", "now"),
    ("record", ["--from", "-10m"], "begin", "-10m"),
    ("record", ["--until", "2026-01-31T12:00:00Z"], "until", "2026-01-31T12:00:00Z"),
    ("record", ["--for", "2h"], "seconds", "2h"),
    ("record", ["--wait"], "wait", True),
    ("record", ["--give-up", "10m"], "give_up", "10m"),
    ("record", ["--local-every", "5m"], "local_every", "5m"),
    ("record", ["--linger", "5m"], "linger", "5m"),
    ("record", ["--keep", "48h"], "keep", ["48h"]),
    ("manifests", ["--at", "2026-01-31T12:00:00Z"], "at", "2026-01-31T12:00:00Z"),
    ("manifests", ["--number", "12"], "number", "12"),
    ("manifests", ["--patch"], "patch", True),
    ("manifests", ["-o", "x.mpd"], "output", "x.mpd"),
    ("serve", ["--host", "0.0.0.0"], "host", "0.0.0.0"),
    ("serve", ["--port", "80"], "port", 80),
    ("play", ["--no-open"], "no_open", True),
    ("get", ["-o", "d"], "output", "d"),
    ("get", ["-od"], "output", "d"),
    ("get", ["--output", "d/e"], "output", "d/e"),
    ("get", ["--output=-d"], "output", "-d"),
    ("get", ["-qod"], "output", "d"),
    ("get", ["--base-url", "http://o/"], "base_url", "http://o/"),
    ("get", ["--now", "x"], "now", "x"),
    ("get", ["--mux", "show.mp4"], "mux", "show.mp4"),
    ("get", ["--keep-mirror"], "keep_mirror", True),
    ("get", ["--split"], "split", True),
    ("get", ["--key", "a:b", "--key=@f"], "key", ["a:b", "@f"]),
    ("get", ["--subtitles", "none"], "subtitles", "none"),
    ("get", ["--cover", "thumbnail"], "cover", "thumbnail"),
    ("get", ["--json"], "json", True),
    ("get", ["-q"], "quiet", True),
    ("get", ["--quiet"], "quiet", True),
    ("get", ["-v"], "verbose", True),
    ("get", ["--verbose"], "verbose", True),
    ("get", ["-qv"], "verbose", True),
    ("get", ["--no-progress"], "no_progress", True),
    ("get", ["--keep-header", "Age"], "keep_header", ["Age"]),
    ("verify", ["--keep-header", "Age"], "keep_header", ["Age"]),
    ("list", ["--json"], "json", True),
    ("list", ["--init"], "init", True),
    ("list", ["--now", "x"], "now", "x"),
    ("plan", ["--json"], "json", True),
    ("plan", ["--index"], "index", True),
    ("plan", ["--segment-limit", "7"], "segment_limit", 7),
    ("plan", ["--total-limit", "8"], "total_limit", 8),
    ("list", ["--segment-limit", "7"], "segment_limit", 7),
    ("list", ["--total-limit", "8"], "total_limit", 8),
    ("plan", ["--video", "best"], "video", "best"),
    ("mux", ["--video", "best"], "video", "best"),
    ("mux", ["--split"], "split", True),
    ("mux", ["--key", "a:b", "--key=@f"], "key", ["a:b", "@f"]),
    ("mux", ["--subtitles", "files"], "subtitles", "files"),
    ("mux", ["--cover", "a.jpg"], "cover", "a.jpg"),
    ("mux", ["--allow-gaps"], "allow_gaps", True),
    ("mux", ["--overwrite"], "overwrite", True),
    ("mux", ["--check"], "check", True),
    ("mux", ["--fsync"], "fsync", True),
    ("mux", ["--json"], "json", True),
    ("mux", ["-q"], "quiet", True),
    ("verify", ["--strict"], "strict", True),
    ("verify", ["--json"], "json", True),
    ("verify", ["-q"], "quiet", True),
    ("verify", ["--quiet"], "quiet", True),
    ("verify", ["-v"], "verbose", True),
    ("verify", ["--verbose"], "verbose", True),
]
"""The options that a command's ``run`` reads itself."""

UNTESTED_HERE = {"--help", "-h", "--version", "--private-key", "--debug"}


def get(*words: str) -> MirrorOptions:
    return mirror_options(read("get", URL, *words))


def transfer(*words: str) -> TransferOptions:
    return transfer_options(read("get", URL, *words))


def changed(options: object, usual: object) -> dict[str, object]:
    names = type(usual).__struct_fields__  # type: ignore[attr-defined]
    return {
        name: getattr(options, name)
        for name in names
        if getattr(options, name) != getattr(usual, name)
    }


def test_the_defaults_are_those_of_the_library() -> None:
    assert get() == MirrorOptions()
    usual = TransferOptions(in_flight=4, user_agent=f"DashGet/{__version__}")
    assert transfer() == usual
    assert transfer_options(read("list", URL)) == usual
    assert transfer_options(read("plan", URL)) == usual
    assert verify_options(read("verify", DIRECTORY)) == VerifyOptions()
    assert SEGMENT_LIMIT == DEFAULT_SEGMENT_LIMIT
    assert isinstance(transfer().timeout_seconds, float)


@pytest.mark.parametrize(("words", "name", "value"), TRANSFER)
def test_every_network_option_reaches_the_engine_and_changes_nothing_else(
    words: list[str], name: str, value: object
) -> None:
    options = transfer(*words)
    assert getattr(options, name) == value
    usual = TransferOptions(in_flight=4, user_agent=f"DashGet/{__version__}")
    assert set(changed(options, usual)) <= {name}


@pytest.mark.parametrize(
    ("words", "wanted"), [("auto", ("auto", 64)), ("AUTO:12", ("auto", 12)), ("7", (7, 64))]
)
def test_the_number_of_automatic_transfers_has_a_limit(
    words: str, wanted: tuple[object, int]
) -> None:
    options = transfer("-t", words)
    assert (options.in_flight, options.max_in_flight) == wanted


@pytest.mark.parametrize(("words", "name", "value"), TRANSFER)
def test_every_command_passes_its_network_options_on(
    words: list[str], name: str, value: object
) -> None:
    for command in ("list", "plan", "verify"):
        if name != "in_flight" or command == "verify":
            arguments = read(command, OPERANDS[command], *words)
            assert getattr(transfer_options(arguments), name) == value


@pytest.mark.parametrize(("words", "name", "value"), MIRROR)
def test_every_option_of_get_reaches_the_library_and_changes_nothing_else(
    words: list[str], name: str, value: object
) -> None:
    assert getattr(get(*words), name) == value
    assert set(changed(get(*words), get())) <= {name}


@pytest.mark.parametrize(("words", "name", "value"), VERIFY)
def test_every_option_of_verify_reaches_the_library_and_changes_nothing_else(
    words: list[str], name: str, value: object
) -> None:
    options = verify_options(read("verify", DIRECTORY, *words))
    usual = verify_options(read("verify", DIRECTORY))
    assert changed(options, usual) == {name: value}


@pytest.mark.parametrize(("command", "words", "name", "value"), WORDS)
def test_options_of_the_command_itself_are_parsed(
    command: str, words: list[str], name: str, value: object
) -> None:
    assert getattr(read(command, OPERANDS[command], *words), name) == value
    assert getattr(read(command, OPERANDS[command]), name) != value


@pytest.mark.parametrize("command", COMMANDS)
def test_no_option_is_missing_from_the_tables_above(command: str) -> None:
    tables = [*TRANSFER, *MIRROR, *VERIFY, *(line[1:] for line in WORDS)]
    written = {part for line in tables for part in line[0]}
    written |= {part.partition("=")[0] for part in written} | {name for name, _ in FILES}
    for action in options_of(make_parser(command)):
        assert set(action.option_strings) <= written | UNTESTED_HERE


@pytest.mark.parametrize(("flag", "name"), FILES)
def test_file_names_are_passed_on(flag: str, name: str) -> None:
    assert getattr(transfer(flag, "file"), name) == "file"


@pytest.mark.parametrize("command", ["get", "verify"])
def test_headers_to_keep_are_passed_on_by_commands_that_fetch_files(command: str) -> None:
    words = ("--keep-header", "Age", "--keep-header", "X-Cache")
    arguments = read(command, OPERANDS[command], *words)
    assert transfer_options(arguments).keep_headers == ("Age", "X-Cache")


def test_a_key_is_passed_on_with_its_certificate() -> None:
    assert transfer("--cert", "one", "--private-key", "other").private_key == "other"


@pytest.mark.parametrize(
    "words",
    [
        ["-q", URL],
        [URL, "-q"],
        ["-t", "3", "-q", URL, "-o", "d"],
        ["-H", "A: b", "-q", URL],
        ["--cookie", "a=b", URL, "-q"],
        ["-q", "--", URL],
        ["-q", URL, "--"],
        ["--", URL],
    ],
)
def test_options_may_come_before_or_after_the_operand(words: list[str]) -> None:
    arguments = read("get", *words)
    assert arguments.urls == [URL]
    assert arguments.quiet == ("-q" in words)


def test_a_hyphen_is_standard_input_and_file_names_are_free() -> None:
    assert read("get", "-").urls == ["-"]
    assert read("get", "-", "-q").urls == ["-"]
    assert read("plan", "--", "-x.mpd").url == "-x.mpd"
    assert read("list", "").url == ""


@pytest.mark.parametrize(
    "words", [["a", "b", "-q", "c"], ["-q", "a", "b", "c"], ["a", "-q", "b", "--", "c"]]
)
def test_get_and_verify_take_several_operands_in_their_order(words: list[str]) -> None:
    assert read("get", *words).urls == ["a", "b", "c"]
    assert read("verify", *words).directories == ["a", "b", "c"]


def test_each_parser_has_its_own_namespace() -> None:
    first, second = (read("get", URL, "-H", header) for header in ("A: b", "C: d"))
    assert isinstance(first, argparse.Namespace)
    assert (first.header, second.header) == (["A: b"], ["C: d"])


def test_a_missing_password_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("getpass.getpass", lambda prompt: f"<{prompt}>")
    assert transfer("--user", "me").user == "me:<Password for me: >"


def test_without_a_terminal_a_missing_password_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin.isatty", lambda: False, raising=False)
    with pytest.raises(UsageError, match="--user: missing password"):
        transfer("--user", "me")


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("2026-01-31T12:00:00Z", NOON),
        ("2026-01-31T13:00:00+01:00", NOON),
        ("2026-01-31 12:00:00", NOON),
        (None, None),
    ],
)
def test_a_wall_clock_time_defaults_to_utc(
    text: str | None, time: datetime.datetime | None
) -> None:
    assert parse_now(text) == time
