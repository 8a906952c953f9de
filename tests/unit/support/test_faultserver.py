"""The fault server itself, over raw sockets: what it says is what its script says."""

from __future__ import annotations

import socket
import ssl

import pytest

from tests.support.certificates import Authority
from tests.support.faultserver import Answer, FaultServer, redirect, refuse

BODY = bytes(range(256)) * 40


def talk(server: FaultServer, request: str) -> bytes:
    """Send raw bytes, and read until the server closes or goes silent."""
    with socket.create_connection((server.address, server.port), timeout=5) as connection:
        connection.sendall(request.encode())
        received = b""
        connection.settimeout(0.3)
        try:
            while data := connection.recv(65536):
                received += data
        except TimeoutError:
            pass
        return received


def get(server: FaultServer, path: str, *headers: str, method: str = "GET") -> tuple[str, bytes]:
    lines = [f"{method} {path} HTTP/1.1", "Host: x", *headers, "Connection: close", "", ""]
    head, _, body = talk(server, "\r\n".join(lines)).partition(b"\r\n\r\n")
    return head.decode("latin-1"), body


def test_answers_in_the_order_of_the_script_and_repeats_the_last(server: FaultServer) -> None:
    server.on("/a", refuse(404), Answer(b"one"), Answer(b"two"))
    assert get(server, "/a")[0].startswith("HTTP/1.1 404 Not Found\r\n")
    assert [get(server, "/a")[1] for _ in range(3)] == [b"one", b"two", b"two"]
    assert [seen.path for seen in server.seen] == ["/a"] * 4
    assert {seen.peer for seen in server.seen} == {"127.0.0.1"}


def test_knows_nothing_of_paths_without_a_script(server: FaultServer) -> None:
    assert get(server, "/nothing")[0].startswith("HTTP/1.1 404")


@pytest.mark.parametrize(
    ("wanted", "first", "last"),
    [("0-99", 0, 99), ("100-", 100, 10239), ("10000-99999", 10000, 10239)],
)
def test_answers_a_range_with_206(server: FaultServer, wanted: str, first: int, last: int) -> None:
    server.on("/a", Answer(BODY, etag='"1"'))
    head, body = get(server, "/a", f"Range: bytes={wanted}")
    assert head.startswith("HTTP/1.1 206 Partial Content")
    assert f"Content-Range: bytes {first}-{last}/10240" in head
    assert body == BODY[first : last + 1]


def test_answers_a_range_past_the_end_with_416(server: FaultServer) -> None:
    server.on("/a", Answer(BODY))
    head, _ = get(server, "/a", "Range: bytes=10240-")
    assert head.startswith("HTTP/1.1 416")
    assert "Content-Range: bytes */10240" in head


@pytest.mark.parametrize(
    ("etag", "condition", "status"),
    [('"1"', '"1"', 206), ('"1"', '"2"', 200), ('W/"1"', 'W/"1"', 200), (None, "x", 200)],
)
def test_if_range_needs_the_strong_validator(
    server: FaultServer, etag: str | None, condition: str, status: int
) -> None:
    server.on("/a", Answer(BODY, etag=etag))
    head, _ = get(server, "/a", "Range: bytes=5-", f"If-Range: {condition}")
    assert head.startswith(f"HTTP/1.1 {status}")


def test_ignores_ranges_when_told_so(server: FaultServer) -> None:
    server.on("/a", Answer(BODY, ranges=False))
    head, body = get(server, "/a", "Range: bytes=5-")
    assert head.startswith("HTTP/1.1 200")
    assert body == BODY


def test_shifts_a_range_and_a_total_when_told_so(server: FaultServer) -> None:
    server.on("/a", Answer(BODY, range_shift=3, total_shift=7))
    head, body = get(server, "/a", "Range: bytes=5-9")
    assert "Content-Range: bytes 8-9/10247" in head
    assert body == BODY[8:10]


@pytest.mark.parametrize("difference", [-10, 10])
def test_announces_another_length_when_told_so(server: FaultServer, difference: int) -> None:
    server.on("/a", Answer(BODY, length=difference))
    head, body = get(server, "/a")
    assert f"Content-Length: {10240 + difference}" in head
    assert body == BODY


def test_adds_to_a_range_what_was_not_asked_for(server: FaultServer) -> None:
    server.on("/a", Answer(BODY, swell=b"more"), Answer(BODY, swell=b"more", chunked=True))
    head, body = get(server, "/a", "Range: bytes=5-9")
    assert "Content-Range: bytes 5-9/10240" in head
    assert "Content-Length: 9" in head
    assert body == BODY[5:10] + b"more"
    assert get(server, "/a", "Range: bytes=5-9")[1] == b"9\r\n" + body + b"\r\n0\r\n\r\n"


def test_ends_a_body_without_length_by_closing(server: FaultServer) -> None:
    server.on("/a", Answer(BODY, length=None))
    head, body = get(server, "/a")
    assert "Content-Length" not in head
    assert body == BODY


def test_sends_chunks_with_and_without_the_last_one(server: FaultServer) -> None:
    server.on("/a", Answer(b"abc", chunked=True), Answer(b"abc", chunked=True, unterminated=True))
    assert get(server, "/a")[1] == b"3\r\nabc\r\n0\r\n\r\n"
    assert get(server, "/a")[1] == b"3\r\nabc\r\n"


def test_breaks_off_after_so_many_bytes(server: FaultServer) -> None:
    server.on("/a", Answer(BODY, cut=700))
    head, body = get(server, "/a")
    assert "Content-Length: 10240" in head
    assert body == BODY[:700]


def test_resets_the_connection_when_told_so(server: FaultServer) -> None:
    server.on("/a", Answer(drop="reset"))
    with pytest.raises(ConnectionResetError):
        get(server, "/a")


def test_a_dropped_request_gets_no_answer(server: FaultServer) -> None:
    server.on("/a", Answer(drop="close"))
    assert get(server, "/a") == ("", b"")


def test_keeps_the_connection_and_numbers_it(server: FaultServer) -> None:
    server.on("/a", Answer(b"x"))
    twice = talk(server, "GET /a HTTP/1.1\r\nHost: x\r\n\r\n" * 2)
    assert twice.count(b"HTTP/1.1 200 OK") == 2
    assert [seen.connection for seen in server.seen] == [1, 1]


def test_closes_under_the_client_when_told_so(server: FaultServer) -> None:
    server.on("/a", Answer(b"x", then_close=True))
    twice = talk(server, "GET /a HTTP/1.1\r\nHost: x\r\n\r\n" * 2)
    assert twice.count(b"HTTP/1.1 200 OK") == 1
    assert b"Connection:" not in twice


def test_redirects(server: FaultServer) -> None:
    server.on("/a", redirect("/b", 307))
    head, _ = get(server, "/a")
    assert head.startswith("HTTP/1.1 307")
    assert "Location: /b" in head


def test_claims_a_coding_and_names_a_pause(server: FaultServer) -> None:
    server.on("/a", Answer(b"x", coding="gzip"), refuse(503, Retry_After="7"))
    assert "Content-Encoding: gzip" in get(server, "/a")[0]
    assert "Retry-After: 7" in get(server, "/a")[0]


def test_answers_head_without_a_body(server: FaultServer) -> None:
    server.on("/a", Answer(BODY))
    head, body = get(server, "/a", method="HEAD")
    assert "Content-Length: 10240" in head
    assert body == b""


def test_sends_raw_bytes_as_they_are(server: FaultServer) -> None:
    server.on("/a", Answer(raw=b"220 smtp ready\r\n"))
    assert talk(server, "GET /a HTTP/1.1\r\n\r\n") == b"220 smtp ready\r\n"


def ask_over_tls(authority: Authority, server: FaultServer, received: bytearray) -> None:
    """Ask for a path, and put what comes up to the end into ``received``."""
    with (
        socket.create_connection((server.address, server.port), timeout=5) as plain,
        authority.client().wrap_socket(
            plain, server_hostname=server.address, suppress_ragged_eofs=False
        ) as connection,
    ):
        connection.sendall(b"GET /a HTTP/1.1\r\nHost: x\r\n\r\n")
        while data := connection.recv(65536):
            received += data


@pytest.mark.parametrize("answer", [Answer(BODY, length=None), Answer(BODY, cut=700)])
def test_ends_tls_in_order(authority: Authority, answer: Answer) -> None:
    received = bytearray()
    with FaultServer(tls=authority.server()) as server:
        server.on("/a", answer)
        ask_over_tls(authority, server, received)
    assert received.partition(b"\r\n\r\n")[2] == BODY[: answer.cut]


@pytest.mark.parametrize(
    ("how", "told"),
    [("vanish", "UNEXPECTED_EOF"), ("record", "UNEXPECTED_EOF"), ("damage", "BAD_RECORD_MAC")],
)
def test_breaks_tls_in_the_middle(authority: Authority, how: str, told: str) -> None:
    received = bytearray()
    with FaultServer(tls=authority.server()) as server:
        server.on("/a", Answer(BODY, cut=700, cut_by=how))
        with pytest.raises(ssl.SSLError) as raised:
            ask_over_tls(authority, server, received)
    assert told in str(raised.value).replace(" ", "_").upper()
    assert received.partition(b"\r\n\r\n")[2] == BODY[:700]


def test_fails_handshakes_when_told_so(authority: Authority) -> None:
    with FaultServer(tls=authority.server()) as server:
        server.on("/a", Answer(BODY, length=None))
        server.handshakes = ["close", "reset", "alert"]
        for told in ("EOF occurred", "reset by peer", "alert internal error"):
            with pytest.raises(OSError, match=told):
                ask_over_tls(authority, server, bytearray())
        ask_over_tls(authority, server, received := bytearray())
        assert received.endswith(BODY)
        assert len(server.seen) == 1
