"""Bodies whose length nobody told: whether what came is all there is."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

import dashget
from dashget.errors import Retry
from dashget.transfer.contract import Request
from tests.support.builders import mpd, numbered
from tests.support.certificates import Authority
from tests.support.faultserver import Answer, FaultServer, refuse
from tests.support.h2server import NO_ERROR, H2Server, Step
from tests.support.sinks import Transfers

BODY = bytes(range(250)) * 40
CUT = 3000
TAGGED = Answer(BODY, etag='"1"')
BARE = Answer(BODY)


@pytest.fixture
def transfers() -> Iterator[Transfers]:
    with Transfers(timeout_seconds=5.0, backoff_seconds=0.0) as made:
        yield made


def cut(answer: Answer) -> Answer:
    """Break a body off, without a length, and close the connection as if that were all."""
    return replace(answer, body=answer.body[:CUT], length=None)


def ranges(server: FaultServer) -> list[str | None]:
    return [seen.headers.get("range") for seen in server.seen]


@pytest.mark.parametrize("answer", [TAGGED, BARE], ids=["etag", "no validator"])
def test_the_end_of_a_complete_body_is_confirmed_with_one_byte(
    server: FaultServer, transfers: Transfers, answer: Answer
) -> None:
    fetched, data = transfers.get(server.on("/a", replace(answer, length=None), answer))
    assert data == BODY
    assert (fetched.size, fetched.attempts, fetched.requests) == (len(BODY), 1, 2)
    assert ranges(server) == [None, f"bytes={len(BODY) - 1}-"]


def test_a_body_that_ended_early_goes_on_where_it_ended(
    server: FaultServer, transfers: Transfers
) -> None:
    url = server.on("/a", cut(TAGGED), TAGGED)
    fetched, data = transfers.get(url)
    assert data == BODY
    assert (fetched.size, fetched.requests) == (len(BODY), 2)
    assert ranges(server) == [None, f"bytes={CUT - 1}-"]
    assert server.seen[1].headers["if-range"] == '"1"'


def test_a_body_without_a_validator_starts_over(server: FaultServer, transfers: Transfers) -> None:
    fetched, data = transfers.get(server.on("/a", cut(BARE), BARE, BARE))
    assert data == BODY
    assert fetched.size == len(BODY)
    assert ranges(server) == [None, f"bytes={CUT - 1}-", None]


@pytest.mark.parametrize("answer", [TAGGED, BARE], ids=["etag", "no validator"])
def test_a_range_without_a_total_tells_how_much_there_is_at_least(
    server: FaultServer, transfers: Transfers, answer: Answer
) -> None:
    bare = replace(answer, length=None)
    vague = replace(answer, total_known=False)
    fetched, data = transfers.get(server.on("/whole", bare, vague))
    assert data == BODY
    assert fetched.requests == 2
    _, data = transfers.get(server.on("/cut", cut(answer), vague, bare))
    assert data == BODY


def test_a_body_that_always_ends_early_is_an_error_that_says_so(server: FaultServer) -> None:
    url = server.on("/a", *[cut(BARE), BARE, cut(BARE)] * 4)
    with Transfers(timeout_seconds=5.0, backoff_seconds=0.0, retries=1) as transfers:
        error = transfers.fail(url)
    assert str(error) == f"it ended after {CUT} of {len(BODY)} bytes"
    assert error.attempts == 2


@pytest.mark.parametrize(
    "answer",
    [
        Answer(BODY, length=None, ranges=False),
        refuse(404),
        refuse(503),
        Answer(BODY, status=206),
    ],
    ids=["no ranges", "404", "503", "no Content-Range"],
)
def test_a_body_without_a_length_is_accepted_where_the_server_cannot_confirm_its_end(
    server: FaultServer, transfers: Transfers, answer: Answer
) -> None:
    fetched, data = transfers.get(server.on("/a", replace(BARE, length=None), answer))
    assert data == BODY
    assert fetched.attempts == 1
    assert [seen.headers.get("range") is None for seen in server.seen][:2] == [True, False]


@pytest.mark.parametrize("silence", ["close", "reset"])
def test_a_body_whose_end_the_server_no_longer_confirms_fails(
    server: FaultServer, transfers: Transfers, silence: str
) -> None:
    """It broke the body off as well, perhaps; the next run asks again."""
    error = transfers.fail(server.on("/a", cut(BARE), Answer(drop=silence)))
    assert error.message.startswith("whether its end has come cannot be asked: ")
    assert error.retry is Retry.AGAIN


def test_a_server_without_ranges_that_tells_the_length_the_second_time_is_asked_no_more(
    server: FaultServer, transfers: Transfers
) -> None:
    fetched, data = transfers.get(
        server.on("/a", cut(BARE), Answer(BODY, ranges=False), refuse(500))
    )
    assert data == BODY
    assert fetched.size == len(BODY)
    assert len(server.seen) == 2


@pytest.mark.parametrize("length", [0, None])
def test_another_version_is_taken_from_its_beginning(
    server: FaultServer, transfers: Transfers, length: int | None
) -> None:
    new = Answer(BODY[::-1] + b"more", etag='"2"', length=length)
    _, data = transfers.get(server.on("/a", replace(TAGGED, length=None), new, new))
    assert data == new.body


def test_a_chunked_body_has_its_end_and_is_not_asked_for_it(
    server: FaultServer, transfers: Transfers
) -> None:
    _, data = transfers.get(server.on("/a", replace(TAGGED, chunked=True)))
    assert data == BODY
    assert len(server.seen) == 1


def test_an_empty_body_is_not_asked_for_a_byte_before_it(
    server: FaultServer, transfers: Transfers
) -> None:
    _, data = transfers.get(server.on("/a", Answer(b"", length=None)))
    assert data == b""
    assert ranges(server) == [None, None]


def test_a_body_read_into_memory_needs_no_confirmation_of_its_end(
    server: FaultServer, transfers: Transfers
) -> None:
    url = server.on("/x.mpd", replace(BARE, length=None))
    _, data = transfers.engine.fetch(Request((url,)), max_bytes=1 << 20)
    assert data == BODY
    assert len(server.seen) == 1


def test_another_url_is_asked_for_the_size_but_its_bytes_do_not_continue_the_first_ones(
    server: FaultServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its ETag may be the same by chance."""
    refused = threading.Event()
    other = Answer(BODY[::-1], etag='"1"')
    with FaultServer() as second, Transfers(in_flight=2, loops=1) as transfers:
        first = server.on("/1", replace(cut(TAGGED), hold=refused))
        busy = server.on("/2", refuse(503, Retry_After="1"), Answer(b"2"))
        monkeypatch.setattr(transfers.log, "on_retry", lambda *_: refused.set())
        transfers.run(Request((first, second.on("/1", other))), busy)
        asked = [seen.headers.get("range") for seen in second.seen]
    assert bytes(transfers.sinks[first].data) == other.body
    assert asked == [f"bytes={CUT - 1}-", None]
    assert "if-range" not in second.seen[0].headers


def test_an_overtaking_transfer_confirms_its_end_when_the_overtaken_one_is_gone(
    server: FaultServer,
) -> None:
    stuck = replace(TAGGED, length=None, cut=CUT, cut_by="hang")
    url = server.on("/a", stuck, replace(TAGGED, length=None), TAGGED)
    with Transfers(overtake_seconds=0.2, timeout_seconds=30.0) as transfers:
        fetched, data = transfers.get(url)
    assert data == BODY
    assert fetched.size == len(BODY)
    assert ranges(server) == [None, None, f"bytes={len(BODY) - 1}-"]


def test_the_size_of_an_earlier_version_is_forgotten(
    server: FaultServer, transfers: Transfers
) -> None:
    new = Answer(BODY[::-1] + b"more", etag='"2"')
    url = server.on("/a", cut(TAGGED), replace(TAGGED, cut=CUT), new)
    fetched, data = transfers.get(url)
    assert data == new.body
    assert fetched.requests == 3


def test_a_stream_that_is_broken_off_without_an_error_is_not_whole(authority: Authority) -> None:
    """libcurl takes RST_STREAM with NO_ERROR for the end of a body that told no length."""
    told = (("content-range", f"bytes {CUT - 1}-{len(BODY) - 1}/{len(BODY)}"), ("etag", '"1"'))
    first = Step(BODY, upto=CUT, reset=NO_ERROR, length=None, headers=(("etag", '"1"'),))
    rest = Step(BODY[CUT - 1 :], status=206, headers=told)
    with (
        H2Server(authority.server(), first, rest) as server,
        Transfers(cacert=authority.certificate) as transfers,
    ):
        fetched, data = transfers.get(server.url("/a"))
    assert data == BODY
    assert (fetched.head.http_version, fetched.requests) == ("2", 2)


MPD = mpd(numbered("$Number$.m4s", 'endNumber="1"'), seconds=2)


@pytest.mark.parametrize("answer", [TAGGED, BARE], ids=["etag", "no validator"])
@pytest.mark.parametrize("checksums", [False, True])
def test_a_mirror_has_no_file_that_ended_early(
    server: FaultServer, tmp_path: Path, answer: Answer, checksums: bool
) -> None:
    server.on("/1.m4s", cut(answer), answer)
    source = server.on("/x.mpd", Answer(MPD))
    summary = dashget.mirror(source, root=tmp_path / "m", checksums=checksums)
    assert summary.complete
    assert (tmp_path / "m" / "1.m4s").read_bytes() == BODY
    if checksums:
        sums = (tmp_path / "m" / "SHA256SUMS").read_text()
        assert hashlib.sha256(BODY).hexdigest() in sums


@pytest.mark.parametrize(
    "trouble",
    [refuse(503), refuse(429), Answer(drop="close"), Answer(drop="reset")],
    ids=["503", "429", "nothing", "reset"],
)
def test_a_failed_request_does_not_confirm_the_end_of_a_body(
    server: FaultServer, transfers: Transfers, trouble: Answer
) -> None:
    """A server that breaks bodies off is in trouble, most likely at the next request, too."""
    _, data = transfers.get(server.on("/a", cut(BARE), trouble, BARE))
    assert data == BODY


@pytest.mark.parametrize("checksums", [False, True])
def test_a_file_whose_end_is_confirmed_late_is_finished(
    server: FaultServer, tmp_path: Path, checksums: bool
) -> None:
    """Its part was closed meanwhile, and the answer is that nothing more comes."""
    server.on("/1.m4s", replace(BARE, length=None, drip=(2000, 0.1)), BARE)
    server.on("/2.m4s", refuse(429, Retry_After="1"), BARE)
    two = MPD.replace(b"PT2S", b"PT4S").replace(b'endNumber="1"', b'endNumber="2"')
    source = server.on("/x.mpd", Answer(two))
    assert dashget.mirror(source, root=tmp_path / "m", checksums=checksums).complete
    assert (tmp_path / "m" / "1.m4s").read_bytes() == BODY


@pytest.mark.parametrize("if_range", [True, False])
def test_another_version_may_end_early_too(
    server: FaultServer, transfers: Transfers, if_range: bool
) -> None:
    new = Answer(BODY[::-1] + b"more", etag='"2"', if_range=if_range)
    answers = [cut(TAGGED), new] if not if_range else [cut(TAGGED)]
    _, data = transfers.get(server.on("/a", *answers, cut(new), new))
    assert data == new.body


def test_a_resource_whose_versions_never_end_is_given_up(
    server: FaultServer, transfers: Transfers
) -> None:
    answers = [Answer(BODY, etag=f'"{i}"', length=None, ranges=False) for i in range(20)]
    _, data = transfers.get(server.on("/a", *answers))
    assert data == BODY
    assert len(server.seen) < 8


def test_a_server_without_a_last_byte_is_asked_only_once(
    server: FaultServer, transfers: Transfers
) -> None:
    whole = replace(BARE, length=None)
    _, data = transfers.get(server.on("/a", *[whole, refuse(416)] * 3))
    assert data == BODY
    assert len(server.seen) == 3


def test_an_empty_body_without_a_length_is_asked_for_again(
    server: FaultServer, transfers: Transfers
) -> None:
    """A connection that is closed behind the head looks like an empty body without a length."""
    _, data = transfers.get(server.on("/a", Answer(b"", length=None), BARE))
    assert data == BODY


def test_the_end_of_a_body_that_replaces_an_empty_one_is_confirmed(
    server: FaultServer, transfers: Transfers
) -> None:
    _, data = transfers.get(server.on("/a", Answer(b"", length=None), cut(TAGGED), TAGGED))
    assert data == BODY
