"""What a manifest, a server or a record says reaches no terminal, log or JSON as it is.

A sweep: every text that a stranger chooses is filled with characters that move the cursor, turn the
direction of text, end a line or cannot be seen, and goes through every command and mode.
"""

from __future__ import annotations

import json
import os
import pty
import re
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from dashget.common.foreigntext import INVISIBLE
from tests.support.faultserver import Answer, FaultServer
from tests.support.program import DEADLINE_SECONDS, Ended, run, start

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
