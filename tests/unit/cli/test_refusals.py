"""Invalid arguments: one sentence, a hint, exit code 2; similar valid ones are suggested."""

from __future__ import annotations

from pathlib import Path

import pytest

from dashget.cli.app import COMMANDS, make_parser, run
from dashget.cli.commands.get import parse_root
from dashget.cli.othertools import WORDS
from dashget.errors import UsageError
from tests.unit.cli.lines import OF_MIRRORS, OPERANDS, URL, command_line, read

Captured = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def _manifest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "x.mpd").write_bytes(b"<MPD/>")


def refused(capsys: Captured, *words: str) -> tuple[str, str]:
    """Run invalid arguments; return the sentence and the hint."""
    assert run(words) == 2
    captured = capsys.readouterr()
    assert captured.out == "" or "--json" in words
    sentence, hint = captured.err.splitlines()
    assert sentence.startswith("dashget: error: ")
    assert hint.startswith("hint: ")
    assert not sentence.endswith(".")
    return sentence.removeprefix("dashget: error: "), hint.removeprefix("hint: ")


SENTENCES = [
    (["-t", "0"], "--threads: must be from 1 to 1000: 0"),
    (["-t", "-1"], "--threads: not a number, auto, or auto:MAX: -1"),
    (["-t", "1001"], "--threads: must be from 1 to 1000: 1001"),
    (["-t", "many"], "--threads: not a number, auto, or auto:MAX: many"),
    (["-t", "auto:"], "--threads: not a number, auto, or auto:MAX: auto:"),
    (["-t", "auto:0"], "--threads: must be from 1 to 1000: 0"),
    (["-t", "4:8"], "--threads: not a number, auto, or auto:MAX: 4:8"),
    (["-t", "9" * 5000], "--threads: not a number, auto, or auto:MAX: " + "9" * 20),
    (["--limit-rate", "9" * 400], f"--limit-rate: not a valid rate: '{'9' * 20}'"),
    (["--limit-rate", "٣k"], "--limit-rate: not a valid rate: '٣k'"),
    (["--interface", "é"], "--interface: not a name in ASCII characters: é"),
    (["--interface", ""], "--interface: not a name of 1 to 255 characters"),
    (["--interface", "x" * 3000], "--interface: not a name of 1 to 255 characters"),
    (["--proxy", "http://h:0"], "--proxy: not a valid proxy URL: http://h:0"),
    (["--no-proxy", "é"], "--no-proxy: not a name in ASCII characters: é"),
    (
        ["--append-query", "a b"],
        "--append-query: not a valid query: a character is invalid in URLs",
    ),
    (
        ["--append-query", "é=1"],
        "--append-query: not a valid query: a character is invalid in URLs",
    ),
    (
        ["--append-query", "a\nb"],
        "--append-query: not a valid query: a character is invalid in URLs",
    ),
    (
        ["--append-query", "a#b"],
        "--append-query: not a valid query: a character is invalid in URLs",
    ),
    (["--proxy", "http://"], "--proxy: not a valid proxy URL: http://"),
    (["--proxy", ":"], "--proxy: not a valid proxy URL: http://:"),
    (["--proxy", " "], "--proxy: not a valid proxy URL: http:// "),
    (["--proxy", "http://[::1"], "--proxy: not a valid proxy URL: http://[::1"),
    (["--proxy", "http://h:99999"], "--proxy: not a valid proxy URL: http://h:99999"),
    (["--proxy", "http://me:1/SECRET@h"], "--proxy: not a valid proxy URL: http://h"),
    (["--proxy", "http://usér:x@h"], "--proxy: not a valid proxy URL: http://h"),
    (["--proxy", "foo://me:SECRET@h"], "--proxy: unknown scheme of a proxy: foo"),
    (["--proxy", "ftp://h"], "--proxy: unknown scheme of a proxy: ftp"),
    (["-tt"], "--threads: not a number, auto, or auto:MAX: t"),
    (["-t"], "--threads: missing value (N)"),
    (["-o"], "--output: missing value (DIR)"),
    (["-o", "-x"], "--output: missing value (DIR)"),
    (["--user-agent", "--quiet"], "--user-agent: missing value (TEXT)"),
    (["--header"], "--header: missing value (HEADER)"),
    (["--video"], "--video: missing value (FILTER)"),
    (["--checksums"], "--checksums: missing value"),
    (["--timeout", "0"], "--timeout: must be positive: 0"),
    (["--timeout", "-3"], "--timeout: must be positive: -3"),
    (["--timeout", "nan"], "--timeout: must be positive: nan"),
    (["--timeout", "inf"], "--timeout: must be positive: inf"),
    (["--timeout", "x"], "--timeout: not a number: 'x'"),
    (["--timeout="], "--timeout: not a number: ''"),
    (["--connect-timeout", "0"], "--connect-timeout: must be positive: 0"),
    (["--connect-timeout", "1e300"], "--connect-timeout: longer than a day: 1e+300"),
    (["--timeout", "1e300"], "--timeout: longer than a day: 1e+300"),
    (["--user", "\udcff:b"], "--user: cannot be sent: it holds a control character"),
    (["--connect-timeout", "x"], "--connect-timeout: not a number: 'x'"),
    (["--retries", "-1"], "--retries: must not be negative: -1"),
    (["--retries=-1"], "--retries: must not be negative: -1"),
    (["--retries", "1.5"], "--retries: not a whole number: '1.5'"),
    (["--retries", ""], "--retries: not a whole number: ''"),
    (["--max-redirects", "-1"], "--max-redirects: must not be negative: -1"),
    (["--max-redirects", "x"], "--max-redirects: not a whole number: 'x'"),
    (["--max-per-host", "0"], "--max-per-host: must be at least 1: 0"),
    (["--segment-limit", "0"], "--segment-limit: must be at least 1: 0"),
    (["--total-limit", "0"], "--total-limit: must be at least 1: 0"),
    (["--segment-limit", "x"], "--segment-limit: not a whole number: 'x'"),
    (["-H", "no colon"], "--header: missing colon"),
    (["-H", ": no name"], "--header: '' is not a valid name"),
    (["-H", "a b: c"], "--header: 'a b' is not a valid name"),
    (
        ["-H", "X: a\r\nY: b"],
        "--header: the value of X has a line break or a character beyond ASCII",
    ),
    (["-H", "Host: é"], "--header: the value of Host has a line break or a character beyond ASCII"),
    (["-H", "@https://cdn.example"], "--header: missing colon"),
    (["--user-agent", "a\nb"], r"--user-agent: cannot be sent: 'a\nb'"),
    (["--cookie", "nothing"], "--cookie: not NAME=VALUE in ASCII characters"),
    (["--cookie", "=x"], "--cookie: not NAME=VALUE in ASCII characters"),
    (["--cookie", "a=b\r\nc=d"], "--cookie: not NAME=VALUE in ASCII characters"),
    (["--cookie", "a=é"], "--cookie: not NAME=VALUE in ASCII characters"),
    (["--limit-rate", "fast"], "--limit-rate: not a valid rate: 'fast'"),
    (["--speed-limit", "slow"], "--speed-limit: not a valid rate: 'slow'"),
    (["--speed-limit", "-1"], "--speed-limit: not a valid rate: '-1'"),
    (["--speed-time", "0"], "--speed-time: must be positive: 0"),
    (["--limit-rate", "0"], "--limit-rate: must be at least 1: 0"),
    (["--limit-rate", "-1"], "--limit-rate: not a valid rate: '-1'"),
    (["--private-key", "/dev/null"], "--private-key: its certificate is missing"),
    (["--cert", "gone"], "--cert: file not found: 'gone'"),
    (["--user", "me"], "--user: missing password"),
    (["--now", "yesterday"], "--now: not a valid time: 'yesterday'"),
    (["-o", ""], "--output: empty"),
    (["-o="], "--output: empty"),
    (["-o", "movie.mp4"], "--output: a mirror is a directory, not a single file: movie.mp4"),
    (["-o", "a/M.MKV"], "--output: a mirror is a directory, not a single file: a/M.MKV"),
    (["-o", "-"], "--output: a mirror cannot be written to standard output"),
    (["--quiet=1"], "--quiet: takes no value: --quiet=1"),
    (["--quiet="], "--quiet: takes no value: --quiet="),
    (["-q=1"], "--quiet: takes no value: -q=1"),
    (["second"], "'second' is neither a URL nor a file"),
    (["-H", "A: b", "C: d"], "'C: d' is neither a URL nor a file"),
    (["--quiet", "true"], "'true' is neither a URL nor a file"),
    (["-", "-"], "standard input can be read only once"),
    (["--", "-q"], "'-q' is neither a URL nor a file"),
    (["--nonsense"], "unknown option: --nonsense"),
    (["--foo=bar"], "unknown option: --foo"),
    (["-x"], "unknown option: -x"),
    (["-Xfoo"], "unknown option: -Xfoo"),
    (["---"], "unknown option: ---"),
    (["--no-quiet"], "unknown option: --no-quiet"),
    (["--out", "d"], "unknown option: --out"),
]


@pytest.mark.parametrize(("words", "sentence"), SENTENCES)
def test_errors_name_the_option_and_the_problem(
    words: list[str], sentence: str, capsys: Captured
) -> None:
    assert refused(capsys, "x.mpd", *words)[0] == sentence
    assert refused(capsys, "get", "x.mpd", *words)[0] == sentence


@pytest.mark.parametrize(
    ("words", "start"),
    [
        (["--video", "heigth<1"], "--video: "),
        (["--audio", "-1"], "--audio: "),
        (["--text", "best,none"], "--text: "),
        (["--image", ""], "--image: "),
        (["--period", "9-1"], "--period"),
        (["--base-url", "not a url"], "--base-url"),
        (["--http", "4"], "--http: invalid choice: '4' "),
        (["--http", "AUTO"], "--http: invalid choice: 'AUTO' "),
        (["--checksums", "crc32"], "--checksums: invalid choice: 'crc32' "),
    ],
)
def test_errors_from_the_library_and_argparse_begin_with_the_option(
    words: list[str], start: str, capsys: Captured
) -> None:
    assert refused(capsys, "x.mpd", *words)[0].startswith(start)


@pytest.mark.parametrize(
    ("place", "wrong"),
    [
        ("", "the host is missing"),
        (" ", "the host name is invalid"),
        ("a b", "the host name is invalid"),
        ("a,b", "the host name is invalid"),
        ("*.example", "the host name is invalid"),
        (".example", "the host name is invalid"),
        ("a..b", "the host name is invalid"),
        ("a\tb", "the host name is invalid"),
        ("http://", "the host is missing"),
        ("https:///", "the host is missing"),
        ("http:", "the port is not a number from 1 to 65535"),
        ("h:", "the port is not a number from 1 to 65535"),
        ("h:0", "the port is not a number from 1 to 65535"),
        ("h:65536", "the port is not a number from 1 to 65535"),
        ("h:٣", "the port is not a number from 1 to 65535"),
        ("https://h:99999", "the port is not a number from 1 to 65535"),
        (":80", "the host is missing"),
        ("h/path", "a path is given with it"),
        ("https://h/path", "a path is given with it"),
        ("https://h//", "a path is given with it"),
        ("https://h?q", "a path is given with it"),
        ("https://h#f", "a path is given with it"),
        ("h\\x", "a path is given with it"),
        ("ftp://h", "the scheme is neither http nor https"),
        ("://h", "the scheme is neither http nor https"),
        ("[::1", "the IPv6 address is invalid"),
        ("[h]", "the IPv6 address is invalid"),
        ("[::1]80", "the IPv6 address is invalid"),
        ("[::1]:", "the port is not a number from 1 to 65535"),
        ("1::2::3", "the IPv6 address is invalid"),
    ],
)
def test_invalid_hosts_are_refused_for_credentials_and_headers(
    place: str, wrong: str, capsys: Captured
) -> None:
    sentence, hint = refused(capsys, "x.mpd", "--send-credentials-to", place)
    assert sentence == f"--send-credentials-to: {place!r} is not a valid host or origin: {wrong}"
    assert hint == "HOST, HOST:PORT or https://HOST[:PORT], one at a time and without a path"
    if " " not in place:
        sentence, _ = refused(capsys, "x.mpd", "-H", f"@{place} Name: SECRET")
        assert sentence == f"--header: {place!r} is not a valid host or origin: {wrong}"


@pytest.mark.parametrize(
    "place",
    ["h", "H.example.", "h:1", "h:65535", "a_b", "1.2.3.4", "::1", "[::1]", "[::1]:80", "all",
     "ALL", "http://h", "HTTPS://h:443", "https://h/", "http://[::1]/", "bücher.example"],
)  # fmt: skip
def test_valid_hosts_and_origins_are_accepted(place: str, capsys: Captured) -> None:
    # Exit code 3 (the document is not an MPD) shows that all options were accepted.
    assert run(["x.mpd", "--send-credentials-to", place, "-H", f"@{place} Name: value"]) == 3


def test_errors_never_repeat_a_secret(capsys: Captured) -> None:
    for words in (
        ("-H", "SECRET"),
        ("-H", "Authorization SECRET"),
        ("-H", "Authorization: SECRETé"),
        ("-H", "@h Authorization SECRET"),
        ("-H", "@me:SECRET@h Name: value"),
        ("-H", "Range: SECRET"),
        ("--cookie", "SECRET"),
        ("--cookie", "a=SECRET\n"),
        ("--user", "me:SECRET\n"),
        ("--proxy", "http://me:SECRET@"),
        ("--send-credentials-to", "me:SECRET@h"),
        ("--send-credentials-to", "https://me:SECRET@h"),
    ):
        assert "SECRET" not in " ".join(refused(capsys, "x.mpd", *words))


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("Accept-Encoding", "without content coding"),
        ("range", "requests ranges itself when it resumes"),
        ("If-Range", "requests ranges itself when it resumes"),
        ("Content-Length", "requests have no body"),
        ("Transfer-Encoding", "requests have no body"),
        ("TE", "without transfer coding"),
    ],
)
def test_headers_that_dashget_sets_itself_are_refused_with_the_reason(
    name: str, hint: str, capsys: Captured
) -> None:
    for words in (["-H", f"{name}: x"], ["-H", f"@h {name}: x"]):
        sentence, said = refused(capsys, "x.mpd", *words)
        assert sentence == f"header {name} cannot be set: DashGet sets it itself"
        assert hint in said


def test_a_directory_may_have_the_name_of_a_film(tmp_path: Path) -> None:
    assert run(["x.mpd", "-o", "movie.mp4/"]) == 3
    (tmp_path / "movie.mp4").mkdir()
    assert run(["x.mpd", "-o", "movie.mp4"]) == 3


def test_hints_show_valid_values(capsys: Captured) -> None:
    assert all(name in refused(capsys, "x.mpd", "--http", "4")[0] for name in ("1.1", "2", "3"))
    assert refused(capsys, "x.mpd", "--limit-rate", "x")[1] == "write it as 500k or 2M"
    assert refused(capsys, "x.mpd", "--now", "x")[1] == "write it as 2026-01-31T12:00:00Z"
    assert "Name: value" in refused(capsys, "x.mpd", "-H", "x")[1]
    assert refused(capsys, "x.mpd", "b")[1].startswith("quote a value that contains spaces")


def test_an_unknown_letter_among_short_options_is_refused(capsys: Captured) -> None:
    assert "x" in refused(capsys, "x.mpd", "-qx")[0].partition(": ")[2]
    assert refused(capsys, "x.mpd", "-vqx")


@pytest.mark.parametrize("command", OPERANDS)
def test_every_command_reports_a_missing_operand(command: str, capsys: Captured) -> None:
    name = "DIR" if command in OF_MIRRORS else "URL"
    if command == "mux":
        name = "DIR FILE"
    for words in ([command], [command, "--debug"], [command, "--"], [command.upper()]):
        sentence, hint = refused(capsys, *words)
        assert sentence == f"missing {name}"
        assert hint == f"see: dashget {command} --help"


@pytest.mark.parametrize("command", COMMANDS)
def test_an_unknown_option_is_reported_at_any_position(command: str, capsys: Captured) -> None:
    operands = command_line(command)[1:]
    for words in ([*operands, "--foo"], ["--foo", *operands], ["--foo"], ["--foo", "3", *operands]):
        assert refused(capsys, command, *words) == (
            "unknown option: --foo",
            f"see: dashget {command} --help",
        )


def test_the_demo_takes_no_operand(capsys: Captured) -> None:
    assert refused(capsys, "demo", "x.mpd") == (
        "unexpected argument: x.mpd",
        "see: dashget demo --help",
    )


def test_the_value_of_an_unknown_option_is_not_repeated(capsys: Captured) -> None:
    assert "secret" not in " ".join(refused(capsys, "x.mpd", "--usr=me:secret"))


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        (["x.mpd", "--thraeds", "3"], "--threads"),
        (["--thraeds", "3", "x.mpd"], "--threads"),
        (["x.mpd", "--thraeds=3"], "--threads"),
        (["x.mpd", "--thread", "3"], "--threads"),
        (["x.mpd", "--THREADS", "3"], "--threads"),
        (["x.mpd", "--maxthreads", "3"], "--max-threads"),
        (["x.mpd", "--base_url", "u"], "--base-url"),
        (["x.mpd", "--noprogress"], "--no-progress"),
        (["x.mpd", "--no-dry-run"], "--dry-run"),
        (["x.mpd", "-dry-run"], "--dry-run"),
        (["x.mpd", "-verbose"], "--verbose"),
        (["list", "x.mpd", "--jsno"], "--json"),
        (["x.mpd", "--ouput", "d"], "--output"),
        (["verify", "d", "--remotes"], "--remote"),
        (["list", "x.mpd", "--jsn"], "--json"),
    ],
)
def test_a_mistyped_option_gets_a_similar_one_as_hint(
    words: list[str], meant: str, capsys: Captured
) -> None:
    sentence, hint = refused(capsys, *words)
    assert sentence.startswith("unknown option: -")
    assert hint.startswith(f"did you mean {meant}? see: dashget ")


@pytest.mark.parametrize(
    "words",
    [
        ["x.mpd", "--foo"],
        ["x.mpd", "-y"],
        ["list", "u", "--outvalue"],
        ["x.mpd", "-G"],
        ["x.mpd", "-M"],
        ["x.mpd", "--next"],
        ["x.mpd", "--accept"],
        ["x.mpd", "--interactive"],
        ["x.mpd", "--check-status"],
        ["x.mpd", "--session"],
        ["x.mpd", "--follow-metalink"],
    ],
)
def test_an_option_without_similar_ones_gets_the_help_page_as_hint(
    words: list[str], capsys: Captured
) -> None:
    assert refused(capsys, *words)[1].startswith("see: dashget ")


@pytest.mark.parametrize(
    ("word", "meant"), [("lst", "list"), ("gett", "get"), ("Verfy", "verify"), ("plans", "plan")]
)
def test_a_mistyped_command_gets_a_similar_one_as_hint(
    word: str, meant: str, capsys: Captured
) -> None:
    for words in ([word], [word, "x.mpd"], [word, "x.mpd", "--json"]):
        assert refused(capsys, *words) == (
            f"unknown command: {word}",
            f"did you mean dashget {meant}?",
        )


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("download", "dashget URL"),
        ("Mirror", "dashget URL"),
        ("info", "dashget list URL"),
        ("check", "dashget verify DIR"),
        ("repair", "dashget verify DIR --repair"),
        ("watch", "dashget play DIR"),
        ("version", "dashget --version"),
        ("usage", "dashget --help"),
    ],
)
def test_a_word_for_a_command_gets_the_command_as_hint(
    word: str, meant: str, capsys: Captured
) -> None:
    for words in ([word], [word, URL]):
        assert refused(capsys, *words) == (f"unknown command: {word}", f"did you mean {meant}?")


@pytest.mark.parametrize("word", WORDS)
def test_the_command_that_such_a_word_means_is_there(word: str) -> None:
    _, first, *_ = WORDS[word].split()
    assert first in {*COMMANDS, "URL", "DIR", "--version", "--help"}
    assert word not in COMMANDS


@pytest.mark.parametrize(
    "word",
    ["-verbose", "-key=A:B", "-output=d", "-user_agent", "-THREADS", "-version", "-out", "-url", "-retry"],
)  # fmt: skip
def test_a_long_option_with_one_hyphen_is_none_of_several_letters(
    word: str, capsys: Captured
) -> None:
    """``-key=VALUE`` was ``-k -e y=VALUE``: no check of certificates, and a key as Referer."""
    sentence, _ = refused(capsys, "x.mpd", word)
    assert sentence == f"unknown option: {word.partition('=')[0]}"
    assert read("get", "--", word).urls == [word]


def test_letters_with_their_value_stay_what_they_are() -> None:
    assert read("get", "x.mpd", "-qt8", "-oshow").output == "show"


def test_an_existing_file_may_have_a_name_similar_to_a_command(capsys: Captured) -> None:
    Path("lst").write_text("")
    assert run(["lst"]) == 3
    assert "not an MPD" in capsys.readouterr().err


def test_a_word_unlike_any_command_is_read_as_a_file_name(capsys: Captured) -> None:
    assert refused(capsys, "completion")[0] == "'completion' is neither a URL nor a file"


@pytest.mark.parametrize(
    "words",
    ['"{}"', "'{}'", "<{}>", "\u201c{}\u201d", "[x]({})", "url={}", "curl '{}' -H 'a: b'", "$'{}'"],
)
def test_a_url_in_something_else_is_told(words: str, capsys: Captured) -> None:
    url = "https://example.com/x.mpd?a=1"
    for given in ([words.format(url)], ["http://a.invalid/x.mpd", words.format(url)]):
        assert refused(capsys, *given)[1] == f"give the URL alone: {url}"
    secret = words.format(url.replace("//", "//me:secret@"))
    assert "secret" not in "".join(refused(capsys, secret))


def test_the_name_of_another_program_is_to_be_left_out(capsys: Captured) -> None:
    assert refused(capsys, "curl", "http://a.invalid/x.mpd")[1].startswith("leave curl out")


@pytest.mark.parametrize("command", ["play", "serve", "gaps", "manifests", "verify"])
def test_commands_for_directories_refuse_urls(command: str, capsys: Captured) -> None:
    sentence, _ = refused(capsys, command, "http://me:pw@a.invalid/x.mpd")
    assert sentence == (
        f"{command} takes the directory of a mirror, not a URL: http://a.invalid/x.mpd"
    )


def test_the_home_directory_may_be_a_tilde(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/me")
    assert parse_root("~/show") == Path("/home/me/show")
    assert parse_root("./~/show") == Path("~/show")


def test_options_of_other_commands_are_unknown(capsys: Captured) -> None:
    for command, option in (
        ("list", "-t"),
        ("list", "--video"),
        ("plan", "--threads"),
        ("plan", "-q"),
        ("verify", "--output"),
        ("get", "--strict"),
    ):
        assert refused(capsys, command, OPERANDS[command], option)[0] == f"unknown option: {option}"


def test_errors_of_argparse_are_usage_errors() -> None:
    with pytest.raises(UsageError, match=r"^something else$") as caught:
        make_parser("list").error("something else")
    assert caught.value.hint == "see: dashget list --help"


@pytest.mark.parametrize("command", ["get", "list", "plan"])
def test_a_base_url_beside_a_url_is_refused(command: str, capsys: Captured) -> None:
    sentence, hint = refused(capsys, command, "http://h.invalid/x.mpd", "--base-url", "http://x/")
    assert sentence.startswith("--base-url: only for a manifest from a file or standard input")
    assert hint == "leave it out; a manifest from a URL is its own base"


@pytest.mark.parametrize(
    ("words", "commands"),
    [
        (["get", "x.mpd", "--index"], "dashget plan"),
        (["x.mpd", "--remote"], "dashget verify"),
        (["x.mpd", "--init=1"], "dashget list"),
        (["verify", "m", "--now", "x"], "dashget get, dashget list and dashget plan"),
        (["list", "x.mpd", "-t", "3"], "dashget get, dashget record and dashget verify"),
    ],
)
def test_an_option_of_another_command_gets_that_command_as_hint(
    words: list[str], commands: str, capsys: Captured
) -> None:
    assert refused(capsys, *words)[1].startswith(f"it is an option of {commands}; see: ")


def test_a_command_after_an_option_gets_a_hint_about_the_order(capsys: Captured) -> None:
    for words in (["--json", "list", "x.mpd"], ["-q", "LIST", "x.mpd"]):
        sentence, hint = refused(capsys, *words)
        assert sentence == "more than one URL: x.mpd"
        assert hint == "a command comes before all options: dashget list [OPTIONS] ..."


def test_verify_refuses_a_url(capsys: Captured) -> None:
    sentence, hint = refused(capsys, "verify", "http://me:SECRET@h.invalid/x.mpd")
    assert sentence == ("verify takes the directory of a mirror, not a URL: http://h.invalid/x.mpd")
    assert hint == "name the directory; get --verify compares a mirror with the server"
    assert refused(capsys, "verify", "")[0] == "the directory: empty"


def test_verify_has_no_base_url(capsys: Captured) -> None:
    assert refused(capsys, "verify", "m", "--base-url", "http://x/")[0] == (
        "unknown option: --base-url"
    )


@pytest.mark.parametrize("command", OF_MIRRORS)
def test_a_directory_that_is_not_there_is_said_to_be_missing(
    command: str, capsys: Captured
) -> None:
    more = ["x.mp4"] if command == "mux" else []
    assert run([command, "no-such-directory", *more]) == 6
    sentence, hint = capsys.readouterr().err.splitlines()
    assert sentence == "dashget: error: no-such-directory is missing or empty"
    assert hint.startswith("hint: check its name; ")


@pytest.mark.parametrize("command", OF_MIRRORS)
def test_a_file_in_the_place_of_a_directory_is_said_to_be_one(
    command: str, capsys: Captured
) -> None:
    Path("x.bin").write_bytes(b"")
    assert run([command, "x.bin", *(["x.mp4"] if command == "mux" else [])]) == 6
    sentence, hint = capsys.readouterr().err.splitlines()
    assert sentence == "dashget: error: x.bin is a file, and no directory"
    assert "-o" not in hint.split("dashget")[0]


def test_a_directory_in_the_place_of_a_manifest_is_said_to_be_one(
    tmp_path: Path, capsys: Captured
) -> None:
    for command in ("list", "plan"):
        assert refused(capsys, command, str(tmp_path)) == (
            f"{str(tmp_path)!r} is a directory",
            "name the .mpd file in it; dashget get DIR goes on with a mirror",
        )
