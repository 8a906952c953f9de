"""Sources: bytes are continued only from the URL that they came from, whatever a validator says."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

import dashget
from dashget.common.byterange import ByteRange
from dashget.transfer.contract import Fetched, Request, ResumePoint
from tests.support.builders import mpd, numbered
from tests.support.faultserver import Answer, FaultServer, refuse
from tests.support.sinks import RecordingSink, Transfers

MIB = 1 << 20
OPTIONS = dashget.TransferOptions(retries=1, backoff_seconds=0.0, allow_private=True)
SAME = '"same"'


@pytest.fixture
def other() -> Iterator[FaultServer]:
    with FaultServer() as made:
        yield made


def test_the_next_run_does_not_continue_at_another_base_url(
    server: FaultServer, other: FaultServer, tmp_path: Path
) -> None:
    """The first base broke off and has gone; the second has other bytes under the same ETag."""
    first, second = b"A" * 200_000, b"B" * 200_000
    bases = f"<BaseURL>{server.url('/')}</BaseURL><BaseURL>{other.url('/')}</BaseURL>"
    document = mpd(bases + numbered("$Number$.m4s"), seconds=2)
    url = server.on("/x.mpd", Answer(document))
    server.on("/1.m4s", Answer(first, etag=SAME, cut=90_000), refuse(404))
    other.on("/1.m4s", refuse(404))
    summary = dashget.mirror(url, root=tmp_path / "m", transfer=OPTIONS)
    assert not summary.complete, "of a last segment that came in part, the server had it"
    assert len(summary.failures) == 1
    other.on("/1.m4s", Answer(second, etag=SAME))
    assert dashget.mirror(url, root=tmp_path / "m", transfer=OPTIONS).complete
    assert (tmp_path / "m/1.m4s").read_bytes() == second
    assert "range" not in other.asked("/1.m4s")[-1].headers


@pytest.mark.parametrize("source", [0, 1, None, "http://elsewhere/a"])
def test_a_part_goes_on_where_it_came_from(
    server: FaultServer, other: FaultServer, source: int | str | None
) -> None:
    body = bytes(range(250)) * 400
    urls = (server.on("/a", Answer(body, etag=SAME)), other.on("/a", Answer(body, etag=SAME)))
    told = urls[source] if isinstance(source, int) else source
    point = ResumePoint((ByteRange(0, 39_999),), len(body), SAME, told)
    sink = RecordingSink(point, body[:40_000])
    with Transfers() as transfers:
        _, data = transfers.get(*urls, sink=sink)
    assert data == body
    asked = [seen.headers.get("range") for place in (server, other) for seen in place.asked("/a")]
    assert asked == ["bytes=40000-" if source in (0, None) else None]


def test_a_slow_transfer_is_not_overtaken_from_another_base_url(
    server: FaultServer, other: FaultServer
) -> None:
    """The slow one's host is held back by another file: the next base would be the choice."""
    first, second = b"A" * 400_000, b"B" * 400_000
    begun = threading.Event()
    slow = Answer(first, etag=SAME, drip=(8_000, 0.02), note=lambda _: begun.set())
    urls = (server.on("/a", slow), other.on("/a", Answer(second, etag=SAME)))
    held = server.on("/held", refuse(503, Retry_After="1"), Answer(b"x"))
    quick = [server.on(f"/{i}", Answer(bytes(20_000), etag=SAME)) for i in range(6)]
    with Transfers(overtake_seconds=0.1, in_flight=4, loops=1) as transfers:
        transfers.run(Request(urls), held, *quick)
    assert bytes(transfers.sinks[urls[0]].data) in (first, second)
    assert all(isinstance(result, Fetched) for result in transfers.results.values())


def test_parallel_ranges_stay_with_their_base_url(server: FaultServer, other: FaultServer) -> None:
    """Another file's Retry-After holds the base back while ranges are under way."""
    first, second = b"A" * (6 * MIB), b"B" * (6 * MIB)
    urls = (
        server.on("/a", Answer(first, etag=SAME, drip=(64 * 1024, 0.001))),
        other.on("/a", Answer(second, etag=SAME)),
    )
    held = server.on("/held", refuse(503, Retry_After="1"), Answer(b"x"))
    options = {"range_threshold": 2 * MIB, "range_size": 256 * 1024, "in_flight": 3, "loops": 1}
    with Transfers(**options) as transfers:
        transfers.run(Request(urls), held)
    assert bytes(transfers.sinks[urls[0]].data) in (first, second)
    assert all(isinstance(result, Fetched) for result in transfers.results.values())


def test_ranges_of_an_earlier_run_do_not_continue_at_another_base_url(
    server: FaultServer, other: FaultServer
) -> None:
    first, second = b"A" * (3 * MIB), b"B" * (3 * MIB)
    urls = (server.on("/a", refuse(404)), other.on("/a", Answer(second, etag=SAME)))
    done = (ByteRange(0, 99_999), ByteRange(MIB, 2 * MIB - 1))
    sink = RecordingSink(ResumePoint(done, len(first), SAME, urls[0]), first)
    with Transfers(range_threshold=2 * MIB, range_size=256 * 1024) as transfers:
        _, data = transfers.get(*urls, sink=sink)
    assert data == second


def test_one_failed_request_does_not_cost_the_bytes_on_disk(
    server: FaultServer, other: FaultServer
) -> None:
    body = bytes(range(256)) * (16 * 1024)
    part = Answer(body, etag=SAME, cut=3 * MIB)
    urls = (
        server.on("/a", part, refuse(503), Answer(body, etag=SAME)),
        other.on("/a", Answer(body, etag=SAME)),
    )
    with Transfers() as transfers:
        fetched, data = transfers.get(*urls)
    assert data == body
    assert fetched.transferred < len(body) + MIB
    assert not other.seen


@pytest.mark.parametrize("scattered", [False, True])
def test_a_206_without_its_date_keeps_the_validator(server: FaultServer, scattered: bool) -> None:
    """RFC 9110, 15.3.7: in answer to If-Range, what the client knows is left out."""
    date = "Tue, 01 Sep 2026 10:00:00 GMT"
    old, new = b"A" * (3 * MIB), b"B" * (3 * MIB)

    mute = Answer(old, last_modified=date, terse=True, cut=400_000)
    url = server.on("/a", mute, mute, Answer(new, last_modified=MODIFIED_LATER))
    done = (ByteRange(0, 99_999), *([ByteRange(MIB, MIB + 99)] if scattered else []))
    sink = RecordingSink(ResumePoint(done, len(old), date, url), old)
    with Transfers(in_flight=1, range_threshold=2 * MIB, range_size=MIB) as transfers:
        _, data = transfers.get(url, sink=sink)
    assert data == new
    assert all(seen.headers.get("if-range") == date for seen in server.seen[:3])


MODIFIED_LATER = "Wed, 02 Sep 2026 10:00:00 GMT"


def test_bytes_of_an_earlier_run_are_not_progress(server: FaultServer) -> None:
    """A server that ignores ranges and always breaks off at the same byte."""
    body = bytes(1_000_000)
    url = server.on("/a", Answer(body, etag=SAME, ranges=False, cut=300_000))
    with Transfers(retries=2) as transfers:
        error = transfers.fail(url)
    assert error.attempts <= 4
    assert len(server.seen) <= 4


@pytest.mark.parametrize("location", ["http://[::1/", "//[", "http://[x]/", "https://h:port/"])
def test_a_redirect_to_an_invalid_url_is_one_failed_file(
    server: FaultServer, location: str
) -> None:
    bad = server.on("/bad", Answer(status=302, headers=(("Location", location),)))
    good = server.on("/good", Answer(b"x"))
    with Transfers() as transfers:
        transfers.run(bad, good)
    assert not isinstance(transfers.results[bad], Fetched)
    assert isinstance(transfers.results[good], Fetched)


def test_a_cookie_is_handed_out_on_the_way(server: FaultServer) -> None:
    """The same URL answers with a redirect to itself until it gets its cookie back."""
    bounce = Answer(status=302, headers=(("Location", "/a"), ("Set-Cookie", "seen=1; Path=/")))
    url = server.on("/a", bounce, Answer(b"x"))
    with Transfers() as transfers:
        assert transfers.get(url)[1] == b"x"
    assert "seen=1" in server.seen[1].headers["cookie"]
    server.on("/b", Answer(status=302, headers=(("Location", "/b"),)))
    with Transfers(retries=0) as transfers:
        assert "redirect loop" in str(transfers.fail(server.url("/b")))


def to(target: str) -> Answer:
    return Answer(status=302, headers=(("Location", target),))


def test_a_pause_is_kept_for_a_host_behind_redirects(server: FaultServer) -> None:
    now = [0.0]
    with FaultServer() as cdn:
        busy = cdn.on("/0", refuse(503, Retry_After="20"), Answer(b"x"))
        targets = [busy, *(cdn.on(f"/{i}", Answer(b"x")) for i in range(1, 9))]
        urls = [server.on(f"/{i}", to(target)) for i, target in enumerate(targets)]
        # Nothing is to look slow or stalled because the clock jumps.
        patient = {"timeout_seconds": 100.0, "overtake_seconds": 100.0}
        with Transfers(in_flight=1, loops=1, **patient) as transfers:
            transfers.renew(clock=lambda: now[0])
            ticks = [0]

            def pass_time(seen: object) -> None:
                assert not cdn.asked("/1"), "asked although it wants to be left alone"
                ticks[0] += 1
                if ticks[0] == 6:
                    now[0] += 21.0

            elsewhere = [server.on(f"/e{i}", Answer(b"x", note=pass_time)) for i in range(6)]
            transfers.run(urls[0], *elsewhere[:5], *urls[1:3], elsewhere[5], *urls[3:])
    assert all(isinstance(result, Fetched) for result in transfers.results.values())


@pytest.mark.parametrize("held", [False, True])
def test_a_host_that_redirects_is_asked_only_when_the_target_has_room(
    server: FaultServer, held: bool
) -> None:
    """Ranges of a file behind a redirect, where the host that has it is full, or held back."""
    body = bytes(range(256)) * 4096 * 8
    with FaultServer() as cdn:
        target = cdn.on("/a", Answer(body, etag=SAME, drip=(256 * 1024, 0.002)))
        busy = cdn.on("/busy", refuse(503, Retry_After="1"), Answer(b"x"))
        url = server.on("/a", to(target))
        limits = {"range_threshold": 2 * MIB, "range_size": 256 * 1024, "in_flight": 8, "loops": 1}
        with Transfers(max_per_host=2, **limits) as transfers:
            transfers.run(url, *([busy] if held else []))
    assert bytes(transfers.sinks[url].data) == body
    assert len(server.seen) == 1


def test_many_files_behind_redirects_are_each_asked_for_once(server: FaultServer) -> None:
    with FaultServer() as cdn:
        urls = [server.on(f"/{i}", to(cdn.on(f"/{i}", Answer(bytes(2000))))) for i in range(100)]
        with Transfers(max_per_host=2, in_flight=8, loops=1) as transfers:
            transfers.run(*urls)
    assert len(server.seen) == 100
    assert all(isinstance(result, Fetched) for result in transfers.results.values())


def test_transfers_in_progress_continue_when_their_host_asks_for_hours_of_pause(
    server: FaultServer,
) -> None:
    body = bytes(range(256)) * 4096 * 8
    url = server.on("/a", Answer(body, etag=SAME, drip=(128 * 1024, 0.002)))
    busy = server.on("/busy", refuse(429, Retry_After="9999"))
    limits = {"range_threshold": 2 * MIB, "range_size": 256 * 1024, "in_flight": 4, "loops": 1}
    with Transfers(**limits) as transfers:
        transfers.run(url, busy)
    fetched = transfers.results[url]
    assert isinstance(fetched, Fetched), fetched
    assert bytes(transfers.sinks[url].data) == body
    assert fetched.transferred < len(body) + MIB
    assert not isinstance(transfers.results[busy], Fetched)


def test_one_silent_connection_over_http_1_costs_no_others(server: FaultServer) -> None:
    hung = server.on("/hung", Answer(drop="hang"), Answer(b"x"))
    urls = [server.on(f"/{i}", Answer(b"x")) for i in range(100)]
    with Transfers(timeout_seconds=1.0, in_flight=3, loops=1) as transfers:
        transfers.run(hung, *urls)
        transfers.results.clear()
        transfers.run(*urls)
    assert len({seen.connection for seen in server.seen}) <= 8


def test_a_host_that_asks_for_too_long_a_pause_is_not_asked_again(server: FaultServer) -> None:
    urls = [server.on(f"/{i}", refuse(503, Retry_After="3600")) for i in range(100)]
    with FaultServer() as other:
        urls += [other.on(f"/{i}", Answer(b"x")) for i in range(5)]
        with Transfers(in_flight=4, loops=1) as transfers:
            transfers.run(*urls)
    assert len(server.seen) <= 8
    assert sum(isinstance(result, Fetched) for result in transfers.results.values()) == 5
    assert len(transfers.results) == 105


def test_a_host_that_asked_for_a_pause_does_not_delay_others(server: FaultServer) -> None:
    held = [server.on("/0", refuse(503, Retry_After="1"), Answer(b"x"))]
    held += [server.on(f"/{i}", Answer(b"x")) for i in range(1, 100)]
    with FaultServer() as other:
        waiting = [
            other.on(f"/{i}", Answer(b"x", note=lambda _: seen.append(len(server.seen))))
            for i in range(5)
        ]
        seen: list[int] = []
        with Transfers(in_flight=1, loops=1) as transfers:
            transfers.run(*held, *waiting)
    assert len(transfers.results) == 105
    assert seen == [1] * 5, "the others had to wait for the host that is held back"


def test_a_slow_transfer_is_overtaken_while_another_file_waits(server: FaultServer) -> None:
    body = bytes(100_000)
    hung = Answer(body, etag=SAME, cut=50_000, cut_by="hang")
    slow = server.on("/slow", hung, Answer(body, etag=SAME))
    paused = server.on("/paused", refuse(500), Answer(b"x"))
    with Transfers(
        overtake_seconds=0.1, timeout_seconds=30.0, backoff_seconds=3.0, in_flight=4, loops=1
    ) as transfers:
        transfers.engine._shared.random = lambda: 1.0
        order: list[object] = []
        done = transfers.done
        transfers.done = lambda job, result: (order.append(job.payload), done(job, result))  # type: ignore[method-assign,assignment,func-returns-value]  # a spy
        transfers.run(slow, paused)
    assert order == [slow, paused]
