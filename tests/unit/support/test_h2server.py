"""The HTTP/2 server of the tests itself, over raw sockets and frames written by hand."""

from __future__ import annotations

import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import NamedTuple

import pytest

from tests.support import hpack
from tests.support.certificates import Authority
from tests.support.faultserver import Answer, Seen, redirect
from tests.support.h2server import (
    ACK,
    CANCEL,
    DATA,
    END_HEADERS,
    END_STREAM,
    GOAWAY,
    HEADERS,
    NO_ERROR,
    PADDED,
    PING,
    PREFACE,
    RST_STREAM,
    SETTINGS,
    WINDOW_UPDATE,
    WITH_PRIORITY,
    H2Server,
    Step,
    as_step,
    frame,
)

BODY = bytes(range(251)) * 40
LARGE = bytes(100_000)


class Frame(NamedTuple):
    """One that has come."""

    kind: int
    flags: int
    stream: int
    payload: bytes


class Client:
    """A connection on which frames are sent and read."""

    def __init__(self, connection: ssl.SSLSocket) -> None:
        self.connection = connection
        self.server: H2Server
        self.reader = connection.makefile("rb")
        connection.sendall(PREFACE)
        self.send(SETTINGS, 0, 0, b"")
        assert self.read() == Frame(SETTINGS, 0, 0, b"")
        assert self.read() == Frame(SETTINGS, ACK, 0, b"")

    def send(self, kind: int, flags: int, stream: int, payload: bytes) -> None:
        self.connection.sendall(frame(kind, flags, stream, payload))

    def ask(
        self, stream: int, path: str = "/a", *headers: hpack.Field, method: str = "GET"
    ) -> None:
        fields = [(":method", method), (":path", path), *headers]
        self.send(HEADERS, END_HEADERS | END_STREAM, stream, hpack.encode(fields))

    def read(self) -> Frame | None:
        """Return the next frame; None at the end."""
        head = self.reader.read(9)
        if len(head) < 9:
            return None
        size = int.from_bytes(head[:3], "big")
        stream = int.from_bytes(head[5:], "big")
        return Frame(head[3], head[4], stream, self.reader.read(size))

    def read_to(self, end: Callable[[Frame], bool]) -> list[Frame]:
        """Return frames up to the one that is the end."""
        frames: list[Frame] = []
        while (come := self.read()) is not None:
            frames.append(come)
            if end(come):
                break
        return frames


def head(come: Frame) -> dict[str, str]:
    assert (come.kind, come.flags) == (HEADERS, END_HEADERS)
    return dict(hpack.Decoder().decode(come.payload))


def body(frames: list[Frame], stream: int = 1) -> bytes:
    return b"".join(f.payload for f in frames if f.kind == DATA and f.stream == stream)


def is_end(come: Frame) -> bool:
    return come.kind == DATA and bool(come.flags & END_STREAM)


Talk = Callable[..., Client]


@pytest.fixture
def talk(authority: Authority) -> Iterator[Talk]:
    """Start a server with a script, and connect: ``talk(*steps)``."""
    with ExitStack() as stack:

        def start(*steps: Step) -> Client:
            server = stack.enter_context(H2Server(authority.server(), *steps))
            client = stack.enter_context(connected(authority, server))
            client.server = server
            return client

        yield start


@contextmanager
def connected(authority: Authority, server: H2Server) -> Iterator[Client]:
    context = authority.client()
    context.set_alpn_protocols(["h2"])
    with (
        socket.create_connection(("127.0.0.1", server.port), timeout=5) as plain,
        context.wrap_socket(
            plain, server_hostname="127.0.0.1", suppress_ragged_eofs=False
        ) as connection,
    ):
        assert connection.selected_alpn_protocol() == "h2"
        client = Client(connection)
        with client.reader:
            yield client


def test_answers_with_head_body_and_end(talk: Talk) -> None:
    client = talk(Step(BODY, headers=(("ETag", '"1"'),)))
    client.ask(1, "/x?y", ("range", "bytes=0-"))
    frames = client.read_to(is_end)
    assert head(frames[0]) == {":status": "200", "etag": '"1"', "content-length": "10040"}
    assert body(frames) == BODY
    (seen,) = client.server.seen
    assert (seen.method, seen.path, seen.headers) == ("GET", "/x?y", {"range": "bytes=0-"})


def test_plays_its_steps_in_order_and_repeats_the_last(talk: Talk) -> None:
    client = talk(Step(b"one"), Step(b"two"))
    for stream in (1, 3, 5):
        client.ask(stream)
    frames = [client.read_to(is_end) for _ in range(3)]
    assert [body(f, 2 * i + 1) for i, f in enumerate(frames)] == [b"one", b"two", b"two"]
    assert client.server.requests == 3
    assert client.server.connections == 1


def test_reads_padded_heads_and_heads_with_priority(talk: Talk) -> None:
    client = talk(Step(b"x"))
    block = hpack.encode([(":method", "GET"), (":path", "/p")])
    flags = END_HEADERS | END_STREAM | PADDED | WITH_PRIORITY
    client.send(HEADERS, flags, 1, b"\x03" + bytes(5) + block + bytes(3))
    assert body(client.read_to(is_end)) == b"x"
    assert client.server.seen[0].path == "/p"


def test_keeps_to_the_windows_of_flow_control(talk: Talk) -> None:
    client = talk(Step(LARGE))
    client.ask(1)
    frames: list[Frame] = []
    while len(body(frames)) < 65535:
        frames += client.read_to(lambda _: True)
    # The answer to a ping comes where the rest would come if windows did not matter.
    client.send(PING, 0, 0, bytes(8))
    assert client.read() == Frame(PING, ACK, 0, bytes(8))
    client.send(WINDOW_UPDATE, 0, 0, struct.pack(">I", 100_000))
    client.send(PING, 0, 0, bytes(8))
    assert client.read() == Frame(PING, ACK, 0, bytes(8))
    client.send(WINDOW_UPDATE, 0, 1, struct.pack(">I", 10))
    assert len(client.read_to(lambda _: True)[0].payload) == 10
    # A change of the initial size goes for streams under way (RFC 9113, 6.9.2).
    client.send(SETTINGS, 0, 0, struct.pack(">HI", 0x4, 200_000))
    frames = client.read_to(is_end)
    assert frames[0] == Frame(SETTINGS, ACK, 0, b"")
    assert len(body(frames)) == len(LARGE) - 65535 - 10


def test_answers_a_ping(talk: Talk) -> None:
    client = talk(Step(b""))
    client.send(PING, 0, 0, b"12345678")
    assert client.read() == Frame(PING, ACK, 0, b"12345678")


@pytest.mark.parametrize("upto", [None, 4000])
def test_resets_a_stream_and_goes_on_with_others(talk: Talk, upto: int | None) -> None:
    client = talk(Step(BODY, upto=upto, reset=CANCEL, head=upto is not None), Step(b"next"))
    client.ask(1)
    frames = client.read_to(lambda come: come.kind == RST_STREAM)
    assert frames[-1] == Frame(RST_STREAM, 0, 1, struct.pack(">I", CANCEL))
    assert body(frames) == BODY[: upto or 0]
    assert (frames[0].kind == HEADERS) is (upto is not None)
    client.ask(3)
    assert body(client.read_to(is_end), 3) == b"next"


def test_goes_away_after_part_of_an_answer(talk: Talk) -> None:
    client = talk(Step(BODY, upto=4000, goaway=NO_ERROR))
    client.ask(1)
    frames = client.read_to(lambda _: False)
    assert body(frames) == BODY[:4000]
    assert frames[-1] == Frame(GOAWAY, 0, 0, struct.pack(">II", 1, NO_ERROR))


def test_disowns_a_request_but_answers_those_before_it(talk: Talk) -> None:
    client = talk(Step(LARGE), Step(BODY, goaway=NO_ERROR, disowned=True), Step(b"never"))
    client.ask(1)
    client.ask(3)
    frames = client.read_to(lambda come: come.kind == GOAWAY)
    assert frames[-1].payload == struct.pack(">II", 1, NO_ERROR)
    client.ask(5)
    client.send(WINDOW_UPDATE, 0, 0, struct.pack(">I", 100_000))
    client.send(WINDOW_UPDATE, 0, 1, struct.pack(">I", 100_000))
    frames += client.read_to(is_end)
    assert body(frames) == LARGE
    assert {f.stream for f in frames} == {0, 1}
    assert client.server.requests == 2


def test_leaves_after_what_it_has_begun(talk: Talk) -> None:
    client = talk(Step(BODY, goaway=NO_ERROR, leaving=True))
    client.ask(1)
    frames = client.read_to(is_end)
    assert frames[0] == Frame(GOAWAY, 0, 0, struct.pack(">II", 1, NO_ERROR))
    assert body(frames) == BODY


def test_closes_in_the_middle(talk: Talk) -> None:
    client = talk(Step(BODY, upto=4000))
    client.ask(1)
    frames = client.read_to(lambda _: False)
    assert body(frames) == BODY[:4000]
    assert frames[-1].kind == DATA


def test_closes_after_an_answer(talk: Talk) -> None:
    client = talk(Step(BODY, close=True))
    client.ask(1)
    frames = client.read_to(lambda _: False)
    assert body(frames) == BODY
    assert is_end(frames[-1])


def test_ends_a_body_early_as_if_it_were_whole(talk: Talk) -> None:
    client = talk(Step(BODY, upto=4000, ends=True))
    client.ask(1)
    frames = client.read_to(is_end)
    assert head(frames[0])["content-length"] == "10040"
    assert body(frames) == BODY[:4000]


@pytest.mark.parametrize(("difference", "told"), [(-10, "10030"), (10, "10050"), (None, None)])
def test_announces_another_length(talk: Talk, difference: int | None, told: str | None) -> None:
    client = talk(Step(BODY, length=difference))
    client.ask(1)
    frames = client.read_to(is_end)
    assert head(frames[0]).get("content-length") == told
    assert body(frames) == BODY


def test_sends_small_pieces(talk: Talk) -> None:
    client = talk(Step(BODY, piece=3000))
    client.ask(1)
    sizes = [len(f.payload) for f in client.read_to(is_end) if f.kind == DATA]
    assert sizes == [3000, 3000, 3000, 1040, 0]


def test_holds_an_answer_but_not_others(talk: Talk) -> None:
    hold = threading.Event()
    client = talk(Step(b"late", hold=hold), Step(b"soon"))
    client.ask(1)
    client.ask(3)
    assert {f.stream for f in client.read_to(is_end)} == {3}
    hold.set()
    assert body(client.read_to(is_end)) == b"late"
    assert client.server.most_at_once == 2


def test_says_nothing_any_more_when_it_is_mute(talk: Talk) -> None:
    client = talk(Step(BODY, mute=True), Step(BODY))
    client.ask(1)
    client.ask(3)
    client.send(PING, 0, 0, bytes(8))
    assert client.read() == Frame(PING, ACK, 0, bytes(8))


@pytest.mark.parametrize("how", ["vanish", "record", "damage"])
def test_breaks_tls(talk: Talk, how: str) -> None:
    client = talk(Step(BODY, upto=4000, tls=how))
    client.ask(1)
    frames: list[Frame] = []
    with pytest.raises(ssl.SSLError):
        client.read_to(lambda come: frames.append(come) is not None)
    assert body(frames) == BODY[:4000]


def test_fails_handshakes_when_told_so(authority: Authority) -> None:
    class Failing(H2Server):
        def _choose_handshake(self, number: int) -> str | None:
            return "alert" if number == 1 else None

    with Failing(authority.server(), Step(b"x")) as server:
        with (
            pytest.raises(ssl.SSLError, match="alert internal error"),
            connected(authority, server),
        ):
            pass
        with connected(authority, server) as client:
            client.ask(1)
            assert body(client.read_to(is_end)) == b"x"
        assert server.connections == 1


def test_leaves_out_the_body_of_an_answer_to_head(talk: Talk) -> None:
    client = talk(Step(BODY))
    client.ask(1, method="HEAD")
    frames = client.read_to(is_end)
    assert head(frames[0])["content-length"] == "10040"
    assert body(frames) == b""


ASKED = Seen("GET", "/a", {}, 1)
WANTED = replace(ASKED, headers={"range": "bytes=40-"})


def test_an_answer_of_the_fault_server_is_a_step() -> None:
    step = as_step(Answer(BODY, etag='"1"'), WANTED)
    assert (step.status, step.body) == (206, BODY[40:])
    assert {("ETag", '"1"'), ("Content-Range", "bytes 40-10039/10040")} <= set(step.headers)
    assert dict(step.fields)["content-length"] == "10000"
    assert as_step(redirect("/b"), ASKED).status == 302


def test_faults_of_the_fault_server_are_faults_of_streams() -> None:
    def made(answer: Answer) -> Step:
        return replace(as_step(answer, ASKED), headers=())

    assert made(Answer(BODY, cut=70)) == Step(BODY, upto=70, ends=True)
    assert made(Answer(BODY, cut=70, cut_by="reset")) == Step(BODY, upto=70, reset=0x2)
    assert made(Answer(BODY, cut=70, cut_by="damage")) == Step(BODY, upto=70, tls="damage")
    assert made(Answer(BODY, chunked=True)) == Step(BODY, length=None)
    assert made(Answer(BODY, length=None)) == Step(BODY, length=None)
    assert made(Answer(BODY, extra=b"more")) == Step(BODY + b"more", length=-4)
    assert made(Answer(BODY, drip=(7, 1))) == Step(BODY, piece=7)
    assert made(Answer(BODY, then_close=True)) == Step(BODY, close=True)
    assert made(Answer(drop="close")) == Step(b"", upto=0, head=False)
