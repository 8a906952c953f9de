"""What a manifest, a server or a record says reaches no terminal, log or JSON as it is.

A sweep: every text that a stranger chooses is filled with characters that move the cursor, turn the
direction of text, end a line or cannot be seen, and goes through every command and mode.
"""

from __future__ import annotations

import json
import os
import pty
import re
import shutil
import ssl
import subprocess
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from dashget.common.foreigntext import INVISIBLE
from tests.support.faultserver import Answer, FaultServer
from tests.support.program import DEADLINE_SECONDS, Ended, run, start
from tests.support.proxyserver import ProxyServer

IN_XML = (
    "a\nFORGED\r\x80\x85\x9b31m\xad\u061c\u200b\u200f\u2028\u2029\u202e\u2066\u2069\u2060\ufeff\u034f\u115f"
    "\u3164\ufe0f\U000e0041\U0001d173z"
)
"""XML has no other control characters."""
ANYTHING = f"a\x07\x08\x1b]0;OWNED\x07\x1b[2J\x7f{IN_XML[1:]}"
COMMANDS_OF_THE_SCREEN = re.compile(r"\r*(?:\x1b\[[0-9;?]*[A-Za-z]\r*)+|\r(?=\n)")
"""What DashGet itself sends to a terminal, in ``cli/printers/inplace.py``."""

REFERENCE = "".join(f"&#{ord(char)};" for char in IN_XML)
MANIFEST = f"""<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" xmlns:x="urn:{quote(IN_XML)}"
 xmlns:xlink="http://www.w3.org/1999/xlink" type="static" id="@" profiles="@" minBufferTime="PT1S"
 mediaPresentationDuration="PT2S"><ProgramInformation lang="@" moreInformationURL="@">
<Title>@</Title><Source>@</Source><Copyright>@</Copyright></ProgramInformation>
<UTCTiming schemeIdUri="@" value="@"/>
<Period id="@"><EventStream schemeIdUri="@" value="@" timescale="1"><Event id="1">@</Event></EventStream>
<AdaptationSet id="@" lang="@" contentType="application" mimeType="application/x-filler" codecs="@">
<Label>@</Label><Role schemeIdUri="@" value="@"/><Accessibility schemeIdUri="@" value="@"/>
<ContentProtection schemeIdUri="@" value="@"/><InbandEventStream schemeIdUri="@" value="@"/>
<EssentialProperty schemeIdUri="@" value="@"/><SupplementalProperty schemeIdUri="@" value="@"/>
<SegmentTemplate duration="2" media="$RepresentationID$/@/$Number$.m4s"/>
<Representation id="@" bandwidth="8000"/><Representation id="w" bandwidth="@" codecs="@" width="@"/>
</AdaptationSet></Period></MPD>"""
INVALID = (
    '<MPD xmlns="urn:@"/>',
    "<@/>",
    '<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="@"><Period/></MPD>',
    '<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" mediaPresentationDuration="@"><Period/></MPD>',
    '<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" xmlns:l="http://www.w3.org/1999/xlink">'
    '<Period l:href="http://@/" l:actuate="onLoad"/></MPD>',
    '<MPD xmlns="urn:mpeg:dash:schema:mpd:2011"><BaseURL>http://@@host/@</BaseURL><Period/></MPD>',
    '<MPD xmlns="urn:mpeg:dash:schema:mpd:2011"><Location>x@:@</Location><Period start="@"/></MPD>',
)


def filled(text: str) -> bytes:
    return text.replace("@", REFERENCE).encode()


def check(text: str) -> None:
    """Fail if a text holds what must not reach a terminal, or a line that a stranger began."""
    for line in text.split("\n"):
        assert not INVISIBLE.search(line), ascii(line)
        assert not line.lstrip().startswith("FORGED"), ascii(text)


def check_ended(ended: Ended) -> None:
    check(ended.out)
    check(ended.err)
    assert "internal error" not in ended.err
    assert "Traceback" not in ended.err


def commands(url: str) -> list[tuple[str, ...]]:
    return [
        ("list", url),
        ("list", url, "--json"),
        ("plan", url),
        ("plan", url, "--json"),
        (url, "-o", "m", "--debug", "--checksums", "sha256"),
        (url, "-o", "m", "-v"),
        (url, "-o", "m", "--json"),
        ("verify", "m"),
        ("verify", "m", "-v", "--remote"),
        ("verify", "m", "--json"),
    ]


@pytest.mark.parametrize("document", [MANIFEST, *INVALID])
def test_no_text_of_a_manifest(document: str, server: FaultServer, tmp_path: Path) -> None:
    url = server.on("/a.mpd", Answer(filled(document)))
    for words in commands(url):
        check_ended(run(*words, "--retries", "0", cwd=tmp_path))


@pytest.mark.slow
@pytest.mark.parametrize("more", ["-v", "--debug", "--json"])
def test_no_text_of_a_recording(more: str, server: FaultServer, tmp_path: Path) -> None:
    """Labels, ids and names of a live manifest, and the versions of it that are listed."""
    live = MANIFEST.replace(
        'type="static"', 'type="dynamic" availabilityStartTime="2026-01-01T00:00:00Z"'
    )
    assert live != MANIFEST
    url = server.on("/a.mpd", Answer(filled(live)))
    ended = run("record", url, "-o", "m", "--give-up", "1s", more, "--retries", "0", cwd=tmp_path)
    check_ended(ended)
    assert (tmp_path / "m/.dashget/record.jsonl").exists()
    for words in (("gaps", "m"), ("manifests", "m"), ("verify", "m", "-v")):
        check_ended(run(*words, cwd=tmp_path))
        check_ended(run(*words[:2], "--json", cwd=tmp_path))


def on_a_terminal(*words: str, cwd: Path) -> str:
    """Run a command on a terminal, and return what that shows."""
    ours, theirs = pty.openpty()
    more = {"TERM": "xterm"}
    with start(*words, cwd=cwd, more=more, stdout=theirs, stderr=theirs) as process:
        os.close(theirs)
        shown = b""
        try:
            while data := os.read(ours, 65536):
                shown += data
        except OSError:
            # The terminal's other side is closed: the program has ended.
            pass
        process.wait(DEADLINE_SECONDS)
    os.close(ours)
    return COMMANDS_OF_THE_SCREEN.sub("", shown.decode())


@pytest.mark.slow
def test_no_text_of_a_manifest_on_a_terminal(server: FaultServer, tmp_path: Path) -> None:
    url = server.on("/a.mpd", Answer(filled(MANIFEST)))
    for words in commands(url):
        check(on_a_terminal(*words, "--retries", "0", cwd=tmp_path))


FIELDS = ("ETag", "Last-Modified", "Content-Type", "Content-Encoding", "Location", "Retry-After",
          "Date", "Content-Range", "Set-Cookie", "Server", "Transfer-Encoding", "Alt-Svc")  # fmt: skip
ON_THE_WIRE = "".join(char for char in ANYTHING if char not in "\r\n").encode()


@pytest.mark.slow
@pytest.mark.parametrize("status", [200, 302, 404])
def test_no_text_of_a_server(status: int, server: FaultServer, tmp_path: Path) -> None:
    for name in FIELDS:
        server.on("/a.mpd", Answer(raw=head(status, name)))
        check_ended(run(server.url("/a.mpd"), "-o", "n", "--retries", "0", "--debug", cwd=tmp_path))
        manifest = MANIFEST.replace("@/$Number$", "$Number$").replace("@", "1")
        server.on("/a.mpd", Answer(manifest.encode()))
        server.on("/1/1.m4s", Answer(raw=head(status, name)))
        check_ended(run(server.url("/a.mpd"), "-o", "m", "--retries", "0", "-v", cwd=tmp_path))
        check_ended(run("verify", "m", "--remote", "--retries", "0", "--json", cwd=tmp_path))


def head(status: int, name: str) -> bytes:
    body = b"hostile"
    first = b"HTTP/1.1 %d %b\r\n" % (status, ON_THE_WIRE)
    return first + b"%b: http://%b\r\nContent-Length: %d\r\n\r\n%b" % (
        name.encode(), ON_THE_WIRE, len(body), body,
    )  # fmt: skip


def hostile_certificate(folder: Path, *, alternative: str | None) -> ssl.SSLContext:
    """Return what a server needs whose certificate has hostile names, signed by itself."""
    names = "".join(char for char in ANYTHING if char not in "\r\n\0/+=\\,")
    settings = folder / "hostile.cnf"
    lines = ["[req]", "distinguished_name=name", "x509_extensions=more", "[name]", "[more]",
             "basicConstraints=critical,CA:true"]  # fmt: skip
    lines += [] if alternative is None else [f"subjectAltName={alternative}"]
    settings.write_text("\n".join(lines))
    certificate, key = folder / "hostile.pem", folder / "hostile.key"
    short = names[:10], names[10:40]
    made = subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-utf8", "-config",
         settings, "-keyout", key, "-out", certificate, "-subj", f"/O={short[0]}/CN={short[1]}"],
        capture_output=True, check=False,
    )  # fmt: skip
    assert made.returncode == 0, made.stderr
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return context


@pytest.mark.slow
@pytest.mark.parametrize("alternative", [None, "DNS:a\x1b[31mz\x9b\x7f", "DNS:\x1b]0;OWNED\x07"])
def test_no_text_of_a_certificate(alternative: str | None, tmp_path: Path) -> None:
    """Its issuer is unknown, or it is trusted and has another name than the server."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    tls = hostile_certificate(tmp_path, alternative=alternative)
    with FaultServer(tls=tls) as server, ProxyServer(tls=tls) as proxy:
        url = server.on("/a.mpd", Answer(MANIFEST.encode()))
        through = proxy.url("https")
        for words in ((), ("--debug",), ("--json",)):
            for trust in ((), ("--cacert", "hostile.pem")):
                more = ("-o", "m", "--retries", "0", *words, *trust)
                ended = run(url, *more, cwd=tmp_path)
                assert ended.code == 5
                check_ended(ended)
                check_ended(run(url, *more, "--proxy", through, cwd=tmp_path))


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_no_text_of_a_proxy(scheme: str, tmp_path: Path) -> None:
    """It answers CONNECT and requests with any status, a hostile reason and hostile fields."""
    with FaultServer() as proxy:
        for status in (200, 302, 403, 407, 502, 999):
            for name in ("Proxy-Authenticate", "Location", "Server", "Via", "Retry-After"):
                answer = Answer(raw=head(status, name))
                proxy.on("host.example:443", answer)
                proxy.on("http://host.example/a.mpd", answer)
                for words in (("--debug",), ("--json",)):
                    ended = run(f"{scheme}://host.example/a.mpd", "-o", "m", "--retries", "0", *words,
                                "--proxy", proxy.url("/"), cwd=tmp_path)  # fmt: skip
                    check_ended(ended)
                    assert ended.code in (3, 5)


@pytest.mark.parametrize(
    "host",
    ["xn--\u202e", "\u202eexample", "a\u200b.example", "\uff0e\uff0e", "a\x9b.example", "xn--a-\u2028",
     "xn--iñvalid", "\u00ad", "\u3002"],
)  # fmt: skip
def test_no_name_of_a_host(host: str, server: FaultServer, tmp_path: Path) -> None:
    base = f"<BaseURL>http://{host}/</BaseURL>"
    manifest = MANIFEST.replace("@", "1").replace("<Period", f"{base}<Period", 1)
    url = server.on("/a.mpd", Answer(manifest.encode()))
    server.on("/b.mpd", Answer(raw=redirected(f"http://{host}/x")))
    for words in ((url, "--debug"), ("plan", url), (url, "--json"), (server.url("/b.mpd"), "--debug"),
                  (f"http://{host}/a.mpd", "--debug"), ("list", f"{host}/a.mpd")):  # fmt: skip
        more = ("-o", "m") if words[0] not in ("plan", "list") else ()
        check_ended(run(*words, *more, "--retries", "0", cwd=tmp_path))


def redirected(location: str) -> bytes:
    """Return an answer whose Location has any characters, in UTF-8."""
    return b"HTTP/1.1 302 Found\r\nLocation: %b\r\nContent-Length: 0\r\n\r\n" % location.encode()


@pytest.mark.slow
def test_no_text_of_a_record(server: FaultServer, tmp_path: Path) -> None:
    manifest = MANIFEST.replace("@/$Number$", "$Number$").replace("@", "1")
    url = server.on("/a.mpd", Answer(manifest.encode()))
    server.on("/1/1.m4s", Answer(b"media", etag='"a"'))
    server.on("/w/1.m4s", Answer(b"media", etag='"a"'))
    run(url, "-o", "m", "--checksums", "sha256", "--keep-header", "etag", cwd=tmp_path)
    record = tmp_path / "m" / ".dashget" / "record.jsonl"
    lines = [json.loads(line) for line in record.read_text(encoding="utf-8").splitlines()]
    tried = 0
    for number, line in enumerate(lines):
        for changed in changes(line):
            texts = [*lines[:number], changed, *lines[number + 1 :]]
            record.write_text("".join(f"{json.dumps(text)}\n" for text in texts), encoding="utf-8")
            check_ended(run("verify", "m", "-v", cwd=tmp_path))
            check_ended(run("verify", "m", "--json", "--remote", "--retries", "0", cwd=tmp_path))
            tried += 1
    assert tried > 10


def changes(value: Any) -> list[Any]:
    """Return a value with each of its texts made hostile, one at a time."""
    if isinstance(value, str):
        return [f"{value}{ANYTHING}\ud800", ANYTHING]
    if isinstance(value, list):
        pairs: Any = enumerate(value)
    elif isinstance(value, dict):
        pairs = value.items()
    else:
        return []
    made = []
    for key, each in list(pairs):
        for changed in changes(each):
            copy = value.copy()
            copy[key] = changed
            made.append(copy)
    return made


@pytest.mark.parametrize("words", [("list",), ("plan", "--json"), ("verify",), ("verify", "--json"),
                                   ("-o",), ("--proxy",), ("-t",), ("--now",), ("--nope",)])  # fmt: skip
def test_no_text_of_an_argument(words: tuple[str, ...], tmp_path: Path) -> None:
    check_ended(run(*words, ANYTHING, cwd=tmp_path))
    check_ended(run(*words, f"http://{ANYTHING}@{ANYTHING}/{ANYTHING}", cwd=tmp_path))
