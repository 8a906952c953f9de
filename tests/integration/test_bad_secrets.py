"""Files of secrets that are none: told before any request, with exit code 2; nothing is quoted."""

from __future__ import annotations

import base64
import os
import sys
import threading
from pathlib import Path

import pytest

from dashget.errors import UsageError
from dashget.transfer.engine import Engine
from dashget.transfer.settings.options import TransferOptions
from tests.support.builders import mpd
from tests.support.faultserver import Answer, FaultServer
from tests.support.program import Ended, run

COOKIE = "127.0.0.1\tFALSE\t/\tFALSE\t0\tgood\tSECRET\n"
OPTIONS = ("--cookies", "--netrc")
BASIC = f"Basic {base64.b64encode(b'me:SECRET').decode()}"
DOCUMENT = mpd(
    '<AdaptationSet contentType="application" mimeType="application/x-filler"><Representation id="v" bandwidth="8000">'
    '<BaseURL>a.mp4</BaseURL><SegmentBase indexRange="100-199"><Initialization range="0-99"/>'
    "</SegmentBase></Representation></AdaptationSet>",
    seconds=2,
)


@pytest.fixture
def server(server: FaultServer) -> FaultServer:
    server.on("/x.mpd", Answer(b"<MPD/>"))
    return server


def refused(server: FaultServer, cwd: Path, *words: str | Path) -> str:
    """Run what is refused before it asks for anything; return its sentence."""
    ended = run(server.url("/x.mpd"), *words, cwd=cwd)
    assert ended.code == 2, ended.err
    assert server.seen == []
    sentence, hint = ended.err.splitlines()
    assert hint.startswith("hint: ")
    assert "SECRET" not in ended.err
    return sentence.removeprefix("dashget: error: ")


@pytest.mark.parametrize("option", OPTIONS)
@pytest.mark.parametrize("command", ["get", "list", "plan"])
def test_a_file_of_something_else_stops_every_command(
    server: FaultServer, tmp_path: Path, option: str, command: str
) -> None:
    (tmp_path / "jar").write_text('{"value": "SECRET"}')
    ended = run(command, server.url("/x.mpd"), option, "jar", cwd=tmp_path)
    assert ended.code == 2, ended.err
    assert server.seen == []
    assert ended.err.startswith(f"dashget: error: {option}: 'jar' is not a ")
    assert "SECRET" not in ended.err


@pytest.mark.parametrize("option", OPTIONS)
def test_a_path_that_is_not_a_file_is_called_by_its_kind(
    server: FaultServer, tmp_path: Path, option: str
) -> None:
    (tmp_path / "folder").mkdir()
    assert refused(server, tmp_path, option, "gone") == f"{option}: file not found: 'gone'"
    assert refused(server, tmp_path, option, "folder") == f"{option}: 'folder' is a directory"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
@pytest.mark.parametrize("option", ["--cacert", "--cert"])
def test_a_pipe_is_refused_and_not_waited_for(
    server: FaultServer, tmp_path: Path, option: str
) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert refused(server, tmp_path, option, "pipe") == f"{option}: 'pipe' is not a regular file"


@pytest.mark.skipif(sys.platform != "linux", reason="no file here that nobody can read")
@pytest.mark.parametrize("option", OPTIONS)
def test_a_file_that_cannot_be_read_is_refused(
    server: FaultServer, tmp_path: Path, option: str
) -> None:
    # A process has nothing at its address zero, whoever asks.
    sentence = refused(server, tmp_path, option, "/proc/self/mem")
    assert sentence == f"{option}: '/proc/self/mem' cannot be read: input/output error"


PIPED = {
    "--cookies": (COOKIE + "SECRET\n", "cookie", "good=SECRET"),
    "--netrc": ("machine 127.0.0.1 login me password SECRET x\n", "authorization", BASIC),
}
"""Content of a pipe, and the header that it leads to."""
ONCE = {
    "get": (0, []),
    "list": (0, ["--init"]),
    "plan": (0, ["--index"]),
    "verify": (0, ["--remote", "--repair", "--send-credentials-to", "127.0.0.1"]),
}
"""Commands with their exit codes; some of them send several kinds of requests."""


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
@pytest.mark.parametrize("command", ONCE)
def test_secrets_from_pipes_are_read_once_and_sent_with_all_requests(
    server: FaultServer, tmp_path: Path, command: str
) -> None:
    """A pipe that was opened again would never end: nobody writes to it any more."""
    url = server.on("/m.mpd", Answer(DOCUMENT))
    server.on("/a.mp4", Answer(bytes(4000)))
    if command == "verify":
        assert run(url, "-o", "out", cwd=tmp_path).code == 0
        (tmp_path / "out" / "a.mp4").unlink()
        server.seen.clear()
    code, words = ONCE[command]
    for option, (content, _, _) in PIPED.items():
        pipe = tmp_path / option
        os.mkfifo(pipe)
        threading.Thread(target=pipe.write_text, args=(content,), daemon=True).start()
        words = [*words, option, str(pipe)]
    ended = run(command, "out" if command == "verify" else url, *words, cwd=tmp_path)
    assert ended.code == code, ended.err
    warnings = [line for line in ended.err.splitlines() if line.startswith("warning: line ")]
    assert len(warnings) == 2, ended.err
    assert "SECRET" not in ended.err
    assert len(server.seen) > 1
    for _, header, value in PIPED.values():
        assert {seen.headers.get(header) for seen in server.seen} == {value}


@pytest.mark.skipif(not Path("/dev/stdin").exists(), reason="standard input has no name here")
@pytest.mark.parametrize("option", OPTIONS)
def test_secrets_may_come_from_standard_input(
    server: FaultServer, tmp_path: Path, option: str
) -> None:
    content, header, value = PIPED[option]
    run(server.url("/x.mpd"), option, "/dev/stdin", cwd=tmp_path, stdin=content)
    assert [seen.headers.get(header) for seen in server.seen] == [value]


def mirror_with_jar(server: FaultServer, tmp_path: Path, content: str, *words: str) -> Ended:
    (tmp_path / "jar").write_text(content)
    return run(server.url("/x.mpd"), "--cookies", "jar", *words, cwd=tmp_path)


def test_a_bad_line_among_good_ones_is_a_warning_and_the_others_are_sent(
    server: FaultServer, tmp_path: Path
) -> None:
    long = COOKIE.replace("good", "long").replace("SECRET", "x" * 6000)
    ended = mirror_with_jar(server, tmp_path, f"SECRET\n{long}{COOKIE}")
    said = "line 1 of the cookie file 'jar' is ignored: it has 1 tab-separated fields, not 7"
    assert ended.err.splitlines()[0] == f"warning: {said}"
    assert "SECRET" not in ended.err
    sent = server.seen[0].headers["cookie"]
    assert "good=SECRET" in sent
    assert "long=xxx" in sent


def test_programs_get_the_warning_as_an_event(server: FaultServer, tmp_path: Path) -> None:
    ended = mirror_with_jar(server, tmp_path, f"SECRET\n{COOKIE}", "--json")
    assert ended.events[0]["event"] == "warning"
    assert ended.events[0]["message"].startswith("line 1 of the cookie file 'jar' is ignored")


def test_a_session_cookie_as_python_writes_it_is_sent(server: FaultServer, tmp_path: Path) -> None:
    mirror_with_jar(server, tmp_path, COOKIE.replace("\t0\t", "\t\t"))
    assert server.seen[0].headers["cookie"] == "good=SECRET"


def test_a_doubtful_netrc_file_is_a_warning_and_used(server: FaultServer, tmp_path: Path) -> None:
    (tmp_path / "rc").write_text("machine 127.0.0.1 login me password pw SECRET\n")
    ended = run(server.url("/x.mpd"), "--netrc", "rc", cwd=tmp_path)
    said = "line 1 of the netrc file 'rc' has an unexpected word"
    assert ended.err.splitlines()[0] == f"warning: {said}"
    assert server.seen[0].headers["authorization"] == "Basic bWU6cHc="


@pytest.mark.parametrize("option", ["cookie_file", "netrc"])
def test_the_library_refuses_them_too(tmp_path: Path, option: str) -> None:
    jar = tmp_path / "jar"
    jar.write_text("<html>")
    with pytest.raises(UsageError, match="it looks like HTML"):
        Engine(TransferOptions(**{option: str(jar)}))  # type: ignore[arg-type]  # one keyword
