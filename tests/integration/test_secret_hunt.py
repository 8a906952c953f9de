"""No secret is printed, logged, recorded or shown in a ``repr``, wherever it came from.

A hunt: each place in which a secret can be gets one of its own, and every command meets every kind
of answer with all of them. Then all output and every file of the mirror is searched. What may hold
one, the MPD as it came and what is copied from it, is in ``MAY_HOLD``.
"""

from __future__ import annotations

import base64
import contextlib
import logging
import re
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote

import pytest

import dashget
from tests.support.builders import mpd, numbered
from tests.support.certificates import Authority
from tests.support.faultserver import Answer, FaultServer, redirect, refuse
from tests.support.program import Ended, run
from tests.support.proxyserver import ProxyServer

MARK = "s3cr3t"
GIVEN = {
    "user": f"me:{MARK}-user",
    "header": f"X-Token: {MARK}-header",
    "authorization": f"Authorization: Bearer {MARK}-authorization",
    "cookie": f"a={MARK}-cookie",
    "query": f"token={MARK}-query",
}
PLACES = (
    f"me:{MARK}@", f"{MARK}@", f"me:s/{MARK}@", f"me:s@{MARK}@", f"me:s?{MARK}@", f"me:s#{MARK}@",
    f"me:s\\{MARK}@", f"me:s%2f{MARK}@",
)  # fmt: skip
"""User and password of a URL in a manifest or an answer."""
SPELLINGS = ("http://", "http:\\\\", "http:/\\", "http:", "//", "hTTp:///", "ftp://")
TYPED = ("", *SPELLINGS, "\\\\", "/\\")
"""In a manifest, two slashes of which one is turned begin a path (RFC 3986), which is requested."""
MAY_HOLD = re.compile(r"m/(?:[ab]\.mpd|\.dashget/manifests/.*|\.dashget/remote/.*)", re.ASCII)


def words_of_secrets(folder: Path) -> list[str]:
    """Return options with a secret in each, and write the files that they name."""
    (folder / "netrc").write_text(f"machine 127.0.0.1 login me password {MARK}-netrc\n")
    (folder / "cookies").write_text(f"127.0.0.1\tFALSE\t/\tFALSE\t0\tname\t{MARK}-file\n")
    return [
        *("--user", GIVEN["user"], "-H", GIVEN["header"], "-H", GIVEN["authorization"]),
        *("--cookie", GIVEN["cookie"], "--append-query", GIVEN["query"]),
        *("--netrc", "netrc", "--cookies", "cookies"),
    ]


def check_text(text: str) -> None:
    """Fail if a text has a secret, as it is or in a form in which it is sent."""
    assert MARK not in text, text
    for value in re.findall(r"[A-Za-z0-9+/]{16,}={0,2}", text):
        with contextlib.suppress(ValueError):
            decoded = base64.b64decode(value + "=" * (-len(value) % 4))
            assert MARK.encode() not in decoded, text


def check(ended: Ended, folder: Path) -> None:
    check_text(ended.out)
    check_text(ended.err)
    assert "Traceback" not in ended.err
    assert "internal error" not in ended.err
    check_files(folder)


def check_files(folder: Path) -> None:
    """Fail if a file of the mirror has a secret, but for the MPD and what is copied from it."""
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        assert MARK not in name
        if path.is_file() and name.startswith("m/") and not MAY_HOLD.fullmatch(name):
            assert MARK.encode() not in path.read_bytes(), name


FEW = (
    ("list", "URL"),
    ("plan", "URL", "--json", "--debug"),
    ("URL", "-o", "m", "--debug"),
    ("URL", "-o", "m", "--json"),
    ("verify", "m", "--json", "--remote", "--debug"),
)
COMMANDS = (
    *FEW,
    ("list", "URL", "--json"),
    ("plan", "URL"),
    ("URL", "-o", "m", "-v", "--verify", "--checksums", "sha256"),
    ("verify", "m", "--debug"),
    ("verify", "m", "-v", "--remote"),
    ("verify", "m", "--repair"),
)


def hunt(url: str, folder: Path, *words: str, secrets: bool = True) -> set[int]:
    """Run commands, all of them with all secrets or a few without; return the exit codes."""
    codes = set()
    origin = re.sub(r"//[^/]*@", "//", url).split("/", 3)
    for command in COMMANDS if secrets else FEW:
        given = words_of_secrets(folder) if secrets else []
        if command[0] == "verify" and secrets:
            given += ["--send-credentials-to", "/".join(origin[:3])]
        more = ["--retries", "0", "--timeout", "5", "--host-patience", "1", *words]
        typed = (url if word == "URL" else word for word in command)
        ended = run(*typed, *given, *more, cwd=folder)
        check(ended, folder)
        codes.add(ended.code)
    return codes


def asked(path: str) -> str:
    """Return a path as it is asked for with the query of the options."""
    return f"{path}{'&' if '?' in path else '?'}{GIVEN['query']}"


def publish(server: FaultServer, answer: Answer, path: str = "/a.mpd") -> str:
    """Answer for a path with and without the query of the options."""
    server.on(asked(path), answer)
    return server.on(path, answer)


ANSWERS = {
    "good": Answer(b"media"),
    "refused": refuse(401, WWW_Authenticate=f'Basic realm="{MARK[:-1]}"'),
    "missing": refuse(404),
    "busy": refuse(503),
    "cut": Answer(b"media" * 500, cut=7),
    "redirect": redirect(f"http://me:{MARK}@127.0.0.1:1/x?{GIVEN['query']}"),
    "odd redirect": redirect(f"http:\\\\me:s/{MARK}@host/x"),
    "nothing": Answer(drop="reset"),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", ["good", "refused", "redirect"])
def test_no_secret_is_shown_or_kept_while_recording(
    name: str, server: FaultServer, tmp_path: Path
) -> None:
    place = f"http://me:{MARK}@{server.url('/').removeprefix('http://')}"
    over = 'availabilityStartTime="2026-01-01T00:00:00Z"'
    before = f"<BaseURL>{place}</BaseURL><Location>{place}b.mpd</Location>"
    url = publish(server, Answer(mpd(numbered(), before=before, kind="dynamic", more=over)))
    for number in (1, 2, 3):
        publish(server, ANSWERS[name], f"/v/{number}.m4s")
    typed = url.replace("//", f"//you:{MARK}-typed@")
    for more in ("-v", "--debug", "--json"):
        words = ("record", typed, "-o", "m", "--give-up", "1s", more, *words_of_secrets(tmp_path))
        check(run(*words, "--retries", "0", "--timeout", "5", cwd=tmp_path), tmp_path)
    assert (tmp_path / "m/.dashget/record.jsonl").exists()
    for words in (
        ("gaps", "m"),
        ("gaps", "m", "--json"),
        ("manifests", "m"),
        ("manifests", "m", "--json"),
    ):
        check(run(*words, cwd=tmp_path), tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("name", ANSWERS)
@pytest.mark.parametrize("of", ["manifest", "segments"])
def test_no_secret_of_the_options_is_shown(
    name: str, of: str, server: FaultServer, tmp_path: Path
) -> None:
    url = publish(server, Answer(mpd(numbered())) if of == "segments" else ANSWERS[name])
    for number in (1, 2, 3):
        publish(server, ANSWERS[name], f"/v/{number}.m4s")
    place = url.replace("//", f"//you:{MARK}-typed@")
    assert hunt(url, tmp_path) <= {0, 1, 3, 5, 6}
    assert hunt(place, tmp_path) <= {0, 1, 3, 5, 6}


BAD = {
    2: ("--threads", "0"),
    4: ("--video", "id=nope"),
    6: ("-o", "netrc"),
}


@pytest.mark.parametrize("code", BAD)
def test_no_secret_is_shown_with_an_error(code: int, server: FaultServer, tmp_path: Path) -> None:
    url = publish(server, Answer(mpd(numbered()))).replace("//", f"//you:{MARK}-typed@")
    for more in ((), ("--json",), ("--debug",)):
        given = [*words_of_secrets(tmp_path), *BAD[code], *more]
        ended = run(url, *given, cwd=tmp_path)
        check(ended, tmp_path)
        assert ended.code == code, ended.err


def pairs(spellings: tuple[str, ...]) -> list[tuple[str, str]]:
    """Return each spelling with the first user, and each user with the first two spellings."""
    return [(s, u) for s in spellings for u in PLACES if s in spellings[:2] or u == PLACES[0]]


@pytest.mark.slow
@pytest.mark.parametrize(("spelling", "user"), pairs(SPELLINGS))
def test_no_user_of_a_manifest_is_shown(
    spelling: str, user: str, server: FaultServer, tmp_path: Path
) -> None:
    place = f"{spelling}{user}{server.url('/').removeprefix('http://')}"
    link = (
        f'xmlns:l="http://www.w3.org/1999/xlink" l:href="{place}p.xml" l:actuate="onLoad" '
        f'l:type="simple"'
    )
    head = f"<Location>{place}l</Location><BaseURL>{place}</BaseURL>"
    clock = f'<UTCTiming schemeIdUri="urn:mpeg:dash:utc:http-iso:2014" value="{place}t"/>'
    document = mpd(numbered(), before=head).replace(b"<Period>", f"<Period {link}>".encode())
    live = mpd(numbered(), before=head, kind="dynamic").replace(
        b"</MPD>", f"{clock}</MPD>".encode()
    )
    for number in (1, 2, 3):
        server.on(f"/v/{number}.m4s", Answer(b"media"))
    for each in (document, mpd(numbered(), before=head), live):
        hunt(server.on("/a.mpd", Answer(each)), tmp_path, secrets=False)


@pytest.mark.slow
@pytest.mark.parametrize(("spelling", "user"), pairs(("http://", "http:\\\\")))
def test_no_user_of_a_redirect_is_shown(
    spelling: str, user: str, server: FaultServer, tmp_path: Path
) -> None:
    place = f"{spelling}{user}{server.url('/').removeprefix('http://')}"
    url = server.on("/a.mpd", redirect(f"{place}b.mpd"))
    server.on("/b.mpd", Answer(mpd(numbered())))
    for number in (1, 2, 3):
        server.on(f"/v/{number}.m4s", redirect(f"{place}w/{number}.m4s"))
        server.on(f"/w/{number}.m4s", Answer(b"media"))
    hunt(url, tmp_path, secrets=False)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["unknown authority", "no TLS", "plain"])
@pytest.mark.parametrize("scheme", ["http", "https", "socks5", "socks5h", "socks4a"])
def test_no_password_of_a_proxy_is_shown(
    kind: str, scheme: str, authority: Authority, tmp_path: Path
) -> None:
    tls = authority.server() if kind == "unknown authority" else None
    with FaultServer(tls=tls) as server, ProxyServer() as proxy:
        url = publish(server, Answer(mpd(numbered())))
        if kind == "no TLS":
            url = url.replace("http:", "https:")
        for port in (proxy.port, 1):
            password = f"{scheme}://me:{MARK}-proxy@127.0.0.1:{port}"
            for more in ((), ("--debug",), ("--json",)):
                ended = run(url, "-o", "m", *more, "--proxy", password, "--retries", "0",
                            "--connect-timeout", "2",
                            *words_of_secrets(tmp_path), cwd=tmp_path)  # fmt: skip
                check(ended, tmp_path)


def test_no_secret_of_a_bad_proxy_is_shown(tmp_path: Path) -> None:
    for user in PLACES:
        for scheme in ("", "http://", "nope://", "http:\\\\", "socks5:"):
            ended = run("plan", "http://127.0.0.1:1/", "--proxy", f"{scheme}{user}127.0.0.1:x",
                        cwd=tmp_path)  # fmt: skip
            check(ended, tmp_path)
            assert ended.code == 2


@pytest.mark.slow
@pytest.mark.parametrize(("spelling", "user"), pairs(TYPED))
def test_no_user_of_a_typed_url_is_shown(spelling: str, user: str, tmp_path: Path) -> None:
    for words in (("get",), ("plan", "--json"), ("verify",), ("list", "--base-url")):
        ended = run(*words, f"{spelling}{user}127.0.0.1:1/a.mpd", "--retries", "0", cwd=tmp_path)
        check(ended, tmp_path)
        assert ended.code in (2, 5, 6)


def test_a_record_without_users_still_finds_its_files(server: FaultServer, tmp_path: Path) -> None:
    """The MPD is redirected to a URL with a user, and so are the segments; one breaks off."""
    place = server.url("/").replace("//", f"//me:{MARK}@")
    url = server.on("/a.mpd", redirect(f"{place}b.mpd"))
    server.on("/b.mpd", Answer(mpd(numbered(), before=f"<BaseURL>{place}</BaseURL>")))
    media = Answer(b"media" * 5000, etag='"1"')
    for number in (1, 2):
        server.on(f"/v/{number}.m4s", media)
    server.on("/v/3.m4s", replace(media, cut=20_000))
    words = ("-o", "m", "--retries", "0")
    assert run(url, *words, cwd=tmp_path).code == 1
    control = tmp_path / "m" / ".dashget"
    journal = control / "parts" / "journal.jsonl"
    assert server.url("/v/3.m4s") in journal.read_text(encoding="utf-8")
    check_files(tmp_path)
    server.on("/v/3.m4s", media)
    ended = run(url, *words, "--json", cwd=tmp_path)
    assert (ended.code, ended.events[-1]["outcomes"]) == (0, {"present": 2, "resumed": 1})
    header = (control / "record.jsonl").read_bytes().count(b'{"dashget"')
    server.seen.clear()
    assert run(url, *words, cwd=tmp_path).code == 0
    assert [seen.path for seen in server.seen] == ["/a.mpd", "/b.mpd"]
    assert (control / "record.jsonl").read_bytes().count(b'{"dashget"') == header == 1
    server.seen.clear()
    ended = run("verify", "m", "--remote", "--json", cwd=tmp_path)
    assert (ended.code, ended.events[-1]["compared"]) == (0, 3)
    (tmp_path / "m" / "v" / "1.m4s").write_bytes(b"")
    assert run("verify", "m", "--repair", cwd=tmp_path).code == 0
    check_files(tmp_path)


class Kept(logging.Handler):
    """Keeps the text of every record."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.texts.append(record.getMessage())


@pytest.mark.parametrize("user", PLACES)
def test_no_repr_of_the_library_has_a_secret(
    user: str, server: FaultServer, tmp_path: Path
) -> None:
    place = f"http://{user}{server.url('/').removeprefix('http://')}"
    url = publish(server, Answer(mpd(numbered(), before=f"<BaseURL>{place}</BaseURL>")))
    publish(server, redirect(f"{place}b"), "/v/1.m4s")
    words_of_secrets(tmp_path)
    events: list[object] = []
    kept = Kept()
    logger = logging.getLogger("dashget")
    logger.addHandler(kept)
    level = logger.level
    logger.setLevel(logging.DEBUG)
    try:
        with dashget.Session(
            user=GIVEN["user"],
            append_query=GIVEN["query"],
            cookies=(GIVEN["cookie"],),
            netrc=tmp_path / "netrc",
            cookie_file=tmp_path / "cookies",
            proxy="",
            retries=0,
            observer=events.append,
        ) as session:
            loaded = session.open(url.replace("//", f"//you:{quote(MARK)}@"))
            shown = [repr(session), repr(session.options), repr(loaded), str(loaded)]
            presentation = loaded.presentation
            shown += [repr(presentation), repr(presentation.periods)]
            for period in presentation.periods:
                for adaptation in period.adaptation_sets:
                    shown += [repr(adaptation), *map(repr, adaptation.representations)]
            with contextlib.suppress(dashget.DashGetError):
                for planned in session.plan(loaded):
                    shown += [repr(planned), str(dashget.plan_line(planned))]
            try:
                summary = session.mirror(loaded, tmp_path / "m")
                shown.append(repr(summary))
                summary.raise_for_failures()
            except dashget.DashGetError as error:
                shown += [repr(error), str(error), str(error.hint)]
            with contextlib.suppress(dashget.DashGetError):
                shown.append(repr(session.verify(tmp_path / "m")))
    finally:
        logger.setLevel(level)
        logger.removeHandler(kept)
    for text in (*shown, *map(repr, events), *kept.texts):
        check_text(text)
