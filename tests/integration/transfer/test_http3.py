"""HTTP/3: a whole mirror over QUIC, and what becomes of it where QUIC is broken or missing."""

from __future__ import annotations

import json
import random
import socket
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

import pytest

from tests.support.builders import mpd
from tests.support.certificates import Authority
from tests.support.faultserver import Answer, FaultServer, refuse
from tests.support.program import Ended, run, tree

pytest.importorskip("aioquic", reason="aioquic is missing")

from tests.support.h3server import H3Server

SEGMENTS = 200
LARGE_BYTES = 18 * 1024 * 1024
"""Above the size from which a resource is fetched in parallel ranges."""


class Server(Protocol):
    """A server that a test can tell to serve a file."""

    def on(self, path: str, *answers: Answer) -> str: ...


@pytest.fixture(scope="module")
def identity(authority: Authority) -> tuple[str, str]:
    """Certificate and key of a server on loopback."""
    return authority.issue("quic", alternative="IP:127.0.0.1")


@pytest.fixture
def server(identity: tuple[str, str]) -> Iterator[H3Server]:
    with H3Server(*identity) as running:
        yield running


def publish(server: Server, *, large: int = 0, segments: int = SEGMENTS) -> dict[str, bytes]:
    """Put a presentation on a server, with one large file if it has a size; return its files."""
    dice = random.Random(3)
    whole = (
        '<Representation id="large" bandwidth="2000"><BaseURL>large.bin</BaseURL></Representation>'
    )
    kind = 'mimeType="application/octet-stream" contentType="text"'
    document = mpd(
        f"<AdaptationSet {kind}>"
        f'<SegmentTemplate duration="1" media="$Number$.bin" endNumber="{segments}"/>'
        '<Representation id="small" bandwidth="1000"/></AdaptationSet>'
        f"{f'<AdaptationSet {kind}>{whole}</AdaptationSet>' if large else ''}",
        seconds=segments,
    )
    files = {f"{n}.bin": dice.randbytes(dice.randrange(1, 20_000)) for n in range(1, segments + 1)}
    if large:
        files["large.bin"] = dice.randbytes(large)
    files["manifest.mpd"] = document
    for name, data in files.items():
        server.on(f"/{name}", Answer(data, etag=f'"{name}"'))
    return files


def mirror(url: str, authority: Authority, directory: Path, *more: str) -> Ended:
    options = ("-o", "mirror", "--http", "3", "--cacert", authority.certificate, *more)
    return run("get", url, *options, cwd=directory)


def held(directory: Path) -> dict[str, bytes]:
    """The server's files that the mirror holds."""
    files = tree(directory / "mirror")
    files.pop("manifest.local.mpd")
    return files


def versions(directory: Path) -> Counter[str]:
    """Which versions of HTTP brought the files, by the record."""
    lines = (directory / "mirror" / ".dashget" / "record.jsonl").read_text().splitlines()
    records = [json.loads(line) for line in lines]
    return Counter(record["http"] for record in records if "path" in record)


def test_a_presentation_comes_over_http_3(
    server: H3Server, authority: Authority, tmp_path: Path
) -> None:
    files = publish(server)
    ended = mirror(server.url("/manifest.mpd"), authority, tmp_path, "--json")
    assert ended.code == 0, ended.err
    assert held(tmp_path) == files
    assert versions(tmp_path) == {"3": len(files)}
    assert ended.events[-1]["requests"] == len(server.seen)
    assert not [event for event in ended.events if event["event"] == "retry"]
    assert server.connections <= 4

    assert run("verify", "mirror", cwd=tmp_path).code == 0
    server.seen.clear()
    assert mirror(server.url("/manifest.mpd"), authority, tmp_path).code == 0
    assert [seen.path for seen in server.seen] == ["/manifest.mpd"]
    remote = ("--remote", "--http", "3", "--cacert", authority.certificate)
    assert run("verify", "mirror", *remote, cwd=tmp_path).code == 0
    assert Counter(seen.method for seen in server.seen) == {"GET": 1, "HEAD": len(files)}


@pytest.mark.slow
def test_a_large_file_comes_in_parallel_ranges(
    server: H3Server, authority: Authority, tmp_path: Path
) -> None:
    files = publish(server, large=LARGE_BYTES, segments=3)
    ended = mirror(server.url("/manifest.mpd"), authority, tmp_path)
    assert ended.code == 0, ended.err
    assert held(tmp_path) == files
    assert versions(tmp_path) == {"3": len(files)}
    first, *others = server.asked("/large.bin")
    assert "range" not in first.headers
    assert others
    assert all(seen.headers["range"].startswith("bytes=") for seen in others)
    assert all(seen.headers["if-range"] == '"large.bin"' for seen in others)


def test_files_missing_on_the_server_are_named(
    server: H3Server, authority: Authority, tmp_path: Path
) -> None:
    files = publish(server)
    server.on("/7.bin", refuse(404))
    ended = mirror(server.url("/manifest.mpd"), authority, tmp_path)
    assert ended.code == 1
    assert "failed: 7.bin\n    HTTP 404 Not Found (2 attempts)" in ended.err
    del files["7.bin"]
    assert held(tmp_path) == files


@pytest.mark.parametrize("how", ["close", "reset", "hang"])
def test_a_broken_transfer_continues_at_its_byte(
    server: H3Server, authority: Authority, tmp_path: Path, how: str
) -> None:
    files = publish(server, segments=20)
    data = files["7.bin"] = random.Random(7).randbytes(12_000)
    good = Answer(data, etag='"7"')
    server.on("/7.bin", Answer(data, etag='"7"', cut=9_000, cut_by=how), good)
    options = ("--timeout", "1", "-t", "2", "--json")
    ended = mirror(server.url("/manifest.mpd"), authority, tmp_path, *options)
    assert ended.code == 0, ended.err
    assert held(tmp_path) == files
    assert versions(tmp_path) == {"3": len(files)}
    first, second = server.asked("/7.bin")
    assert "range" not in first.headers
    assert second.headers["if-range"] == '"7"'
    begin = int(second.headers["range"].removeprefix("bytes=").removesuffix("-"))
    # A reset takes back what the client has not read (RFC 9000, 3.2), the others do not.
    assert 0 < begin <= 9000 if how == "reset" else begin == 9000
    reasons = [e["reason"] for e in ended.events if e["event"] == "retry" and e["path"] == "7.bin"]
    assert len(reasons) == 1
    assert "libcurl" not in reasons[0]
    (end,) = (e for e in ended.events if e["event"] == "file" and e["path"] == "7.bin")
    assert (end["attempts"], end["transferred"]) == (2, len(data))


@pytest.mark.parametrize("how", ["close", "reset"])
def test_a_request_without_an_answer_is_repeated(
    server: H3Server, authority: Authority, tmp_path: Path, how: str
) -> None:
    files = publish(server, segments=20)
    server.on("/7.bin", Answer(drop=how), Answer(files["7.bin"]))
    ended = mirror(server.url("/manifest.mpd"), authority, tmp_path)
    assert ended.code == 0, ended.err
    assert held(tmp_path) == files
    assert len(server.asked("/7.bin")) == 2


@pytest.mark.slow
def test_a_connection_lost_in_a_large_file_costs_a_part_of_it(
    server: H3Server, authority: Authority, tmp_path: Path
) -> None:
    files = publish(server, large=LARGE_BYTES, segments=3)
    good = Answer(files["large.bin"], etag='"large"')
    lost = Answer(files["large.bin"], etag='"large"', cut=3_000_000, cut_by="close")
    server.on("/large.bin", lost, lost, good)
    ended = mirror(server.url("/manifest.mpd"), authority, tmp_path, "--json")
    assert ended.code == 0, ended.err
    assert held(tmp_path) == files
    (end,) = (e for e in ended.events if e["event"] == "file" and e["path"] == "large.bin")
    assert end["attempts"] > 1
    assert end["transferred"] < 1.5 * LARGE_BYTES


def test_a_certificate_of_an_unknown_issuer_is_a_clear_error(
    server: H3Server, authority: Authority, tmp_path: Path
) -> None:
    files = publish(server, segments=3)
    command = ("get", server.url("/manifest.mpd"), "-o", "mirror", "--http", "3")
    ended = run(*command, cwd=tmp_path)
    assert ended.code == 5
    assert "certificate verify failed" in ended.err
    assert "hint: give the issuing CA with --cacert FILE" in ended.err
    assert server.seen == []
    assert run(*command, "--insecure", cwd=tmp_path).code == 0
    assert held(tmp_path) == files


@pytest.mark.parametrize("silent", [False, True], ids=["refuses", "silent"])
def test_a_server_without_http_3_is_asked_over_http_2_or_1(
    authority: Authority, tmp_path: Path, silent: bool
) -> None:
    with (
        FaultServer(tls=authority.server()) as server,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as quic,
    ):
        if silent:
            quic.bind(("127.0.0.1", server.port))
        files = publish(server, segments=20)
        ended = mirror(server.url("/manifest.mpd"), authority, tmp_path)
        assert ended.code == 0, ended.err
        assert held(tmp_path) == files
        assert versions(tmp_path) == {"1.1": len(files)}


def test_plain_http_is_not_asked_over_http_3(authority: Authority, tmp_path: Path) -> None:
    with FaultServer() as server:
        files = publish(server, segments=20)
        assert mirror(server.url("/manifest.mpd"), authority, tmp_path).code == 0
        assert held(tmp_path) == files
        assert versions(tmp_path) == {"1.1": len(files)}


def test_a_port_where_nobody_listens_is_one_clear_sentence(
    authority: Authority, tmp_path: Path
) -> None:
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        url = f"https://127.0.0.1:{reserved.getsockname()[1]}/manifest.mpd"
        ended = mirror(url, authority, tmp_path, "--retries", "0")
    assert ended.code == 5
    errors = [line for line in ended.err.splitlines() if line.startswith("dashget: error: ")]
    assert len(errors) == 1
    assert errors[0].startswith(f"dashget: error: cannot fetch the manifest {url}: ")
    assert "libcurl" not in ended.err
    assert "\nhint: " in ended.err
