"""Connections that crawl are given up, and what they brought is kept."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import dashget
from dashget.transfer.contract import Fetched, TransferError
from tests.support.builders import initialization, media_segment, mpd, numbered
from tests.support.faultserver import Answer, FaultServer, refuse
from tests.support.running import mirror
from tests.support.sinks import Transfers

MIB = 1024 * 1024
BODY = random.Random(7).randbytes(300_000)
RANGES = (("Accept-Ranges", "bytes"),)
FAST = Answer(BODY, etag='"1"', headers=RANGES)
CRAWLING = Answer(BODY, etag='"1"', drip=(1_000, 0.05), headers=RANGES)
RUNNING = Answer(random.Random(8).randbytes(MIB), etag='"r"', drip=(20_000, 0.02))
"""About 1 MB/s, for a second; the crawling one takes fifteen."""


def transfers(**options: Any) -> Transfers:
    """Look at times of 0.4 s, and overtake nothing at the end."""
    given = {"in_flight": 4, "speed_time_seconds": 0.4, "overtake_seconds": 30.0, "retries": 0}
    return Transfers(**(given | options))


def running(server: FaultServer, count: int = 4) -> list[str]:
    return [server.on(f"/running{i}", RUNNING) for i in range(count)]


def fetched(made: Transfers, url: str) -> Fetched:
    result = made.results[url]
    assert isinstance(result, Fetched), result
    return result


def test_one_that_crawls_while_others_run_is_replaced(server: FaultServer) -> None:
    url = server.on("/slow", CRAWLING, FAST)
    with transfers() as made:
        made.run(url, *running(server))
    assert bytes(made.sinks[url].data) == BODY
    first, second = server.asked("/slow")
    assert first.connection != second.connection
    begun = int(second.headers["range"].removeprefix("bytes=").removesuffix("-"))
    assert begun > 5_000
    assert second.headers["if-range"] == '"1"'
    assert made.sinks[url].received == len(BODY)
    [(retried, _, delay, reason)] = made.log.retries
    assert (retried, delay) == (url, 0.0)
    assert reason.startswith("slow: ")


def test_beside_small_files_that_come_and_go_too(server: FaultServer) -> None:
    url = server.on("/slow", CRAWLING, FAST)
    small = [server.on(f"/{i}", Answer(BODY, drip=(60_000, 0.02))) for i in range(40)]
    with transfers(in_flight=2) as made:
        made.run(url, *small)
    assert bytes(made.sinks[url].data) == BODY
    assert len(server.asked("/slow")) == 2


def test_a_slow_link_is_no_reason(server: FaultServer) -> None:
    slow = [server.on(f"/{i}", Answer(BODY, etag='"1"', drip=(10_000, 0.05))) for i in range(4)]
    with transfers(overtake_seconds=0.3) as made:
        made.run(*slow)
    assert [len(server.asked(f"/{i}")) for i in range(4)] == [1, 1, 1, 1]
    assert not made.log.retries


def test_a_slow_host_is_not_compared_with_another(server: FaultServer) -> None:
    with FaultServer() as other:
        url = other.on("/slow", Answer(BODY[:60_000], etag='"1"', drip=(1_000, 0.025)))
        with transfers() as made:
            made.run(url, *running(server, 3))
        assert len(other.asked("/slow")) == 1


def test_one_that_stays_slow_is_replaced_more_and_more_seldom_and_never_fails(
    server: FaultServer,
) -> None:
    body = BODY[:60_000]
    url = server.on("/slow", Answer(body, etag='"1"', drip=(1_000, 0.05), headers=RANGES))
    with transfers() as made:
        made.run(url, *running(server, 9))
    assert bytes(made.sinks[url].data) == body
    assert fetched(made, url).transferred == len(body)
    # Of three seconds: after 0.4, 1.2 and 2.8; then the end is near.
    assert 2 <= len(server.asked("/slow")) <= 4


def test_parallel_ranges_that_crawl_are_replaced_beside_one_that_runs(server: FaultServer) -> None:
    body = random.Random(9).randbytes(6 * MIB)
    fast = Answer(body, etag='"1"', drip=(40_000, 0.01))
    slow = Answer(body, etag='"1"', drip=(1_000, 0.05))
    url = server.on("/large", fast, slow, slow, slow, fast)
    with transfers(range_threshold=2 * MIB, range_size=MIB, loops=1) as made:
        result, data = made.get(url)
    assert data == body
    assert result.transferred < len(body) + 100_000
    assert result.seconds < 6
    assert len(server.asked("/large")) >= 7


def test_the_last_range_is_replaced_too_though_too_small_to_be_divided(
    server: FaultServer,
) -> None:
    body = random.Random(9).randbytes(3 * MIB)
    fast = Answer(body, etag='"1"', drip=(64 * 1024, 0.005))
    slow = Answer(body, etag='"1"', drip=(1_000, 0.05))
    url = server.on("/large", fast, slow, fast)
    options: Any = {"range_threshold": MIB, "range_size": 400 * 1024}
    with transfers(overtake_seconds=0.3, speed_time_seconds=60.0, **options) as made:
        result, data = made.get(url)
    assert data == body
    assert result.seconds < 5


@pytest.mark.parametrize("headers", [RANGES, ()], ids=["ranges", "perhaps ranges"])
def test_those_that_fill_every_place_are_replaced(
    server: FaultServer, headers: tuple[tuple[str, str], ...]
) -> None:
    """To race them there would have to be another place."""
    crawling = replace(CRAWLING, headers=headers)
    urls = [server.on(f"/slow{i}", crawling, replace(FAST, headers=headers)) for i in range(4)]
    small = [server.on(f"/{i}", Answer(BODY[:20_000])) for i in range(20)]
    with transfers() as made:
        made.run(*small, *urls, server.on("/last", Answer(BODY)))
    assert {bytes(made.sinks[url].data) for url in urls} == {BODY}
    assert [len(server.asked(f"/slow{i}")) for i in range(4)] == [2, 2, 2, 2]


def test_when_all_crawl_that_ran_before_one_is_replaced_and_then_the_others(
    server: FaultServer,
) -> None:
    """As with servers that let each connection run for a while, and then no more."""
    throttled = Answer(BODY, etag='"1"', drip=(500, 0.05), drip_after=200_000, headers=RANGES)
    urls = [server.on(f"/{i}", throttled) for i in range(3)]
    with transfers() as made:
        made.run(*urls)
    for url in urls:
        assert bytes(made.sinks[url].data) == BODY
        assert made.sinks[url].received == len(BODY)
    assert [len(server.asked(f"/{i}")) for i in range(3)] == [2, 2, 2]
    asked = [seen.path for seen in server.seen]
    assert len(set(asked[3:])) == 3


def test_without_a_validator_all_of_it_is_requested_again_once_if_that_is_sooner(
    server: FaultServer,
) -> None:
    crawling = Answer(BODY, drip=(1_000, 0.05))
    begun = server.on("/begun", crawling, FAST)
    always = server.on("/always", Answer(BODY[:50_000], drip=(1_000, 0.05)))
    with transfers() as made:
        made.run(begun, always, *running(server))
    assert bytes(made.sinks[begun].data) == BODY
    assert len(server.asked("/begun")) == 2
    assert "range" not in server.asked("/begun")[1].headers
    assert len(server.asked("/always")) == 2


@pytest.mark.parametrize("ranges", [True, False])
def test_where_it_is_not_known_if_there_are_ranges_it_is_raced(
    server: FaultServer, ranges: bool
) -> None:
    crawling = Answer(BODY, etag='"1"', drip=(1_000, 0.05))
    url = server.on("/slow", crawling, Answer(BODY, etag='"1"', ranges=ranges))
    with transfers() as made:
        made.run(url, *running(server))
    assert bytes(made.sinks[url].data) == BODY
    assert len(server.asked("/slow")) == (2 if ranges else 3)
    assert fetched(made, url).attempts == 1
    assert fetched(made, url).seconds < 3
    assert not made.log.anew


def test_below_the_users_limit_it_is_given_up_and_goes_on_where_it_was(
    server: FaultServer,
) -> None:
    url = server.on("/slow", CRAWLING, FAST)
    with transfers(speed_limit=50_000, retries=1) as made:
        result, data = made.get(url)
    assert data == BODY
    assert (result.attempts, result.transferred) == (2, len(BODY))
    assert server.asked("/slow")[1].headers["range"] != "bytes=0-"
    assert made.log.retries[0][3] == "timed out: less than 50000 bytes/s for 0.4 s"


def test_a_limit_counts_attempts(server: FaultServer) -> None:
    url = server.on("/slow", CRAWLING)
    with transfers(speed_limit=50_000, retries=2) as made:
        error = made.fail(url)
    assert error.attempts == 3
    assert error.hint == "a lower --speed-limit lets slow connections go on"
    assert 10_000 < len(made.sinks[url].data) < len(BODY)


def test_what_a_slow_resumption_brought_is_not_dropped_for_a_request_from_zero(
    server: FaultServer,
) -> None:
    url = server.on("/slow", replace(CRAWLING, drip=(200, 0.05)))
    with transfers(speed_limit=50_000, retries=1) as made:
        error = made.fail(url)
    assert error.attempts == len(server.asked("/slow")) == 2
    assert not made.log.anew


def test_an_answer_that_does_not_come_is_below_the_limit(server: FaultServer) -> None:
    url = server.on("/slow", Answer(drop="hang"), FAST)
    with transfers(speed_limit=1, retries=1) as made:
        assert made.get(url)[1] == BODY


def test_what_is_above_the_limit_goes_on(server: FaultServer) -> None:
    url = server.on("/slow", Answer(BODY[:40_000], drip=(1_000, 0.02)))
    with transfers(speed_limit=2_000) as made:
        assert made.get(url)[0].requests == 1


def test_a_limit_of_zero_gives_up_nothing(server: FaultServer) -> None:
    url = server.on("/slow", Answer(BODY[:40_000], etag='"1"', drip=(1_000, 0.05)), FAST)
    with transfers(speed_limit=0) as made:
        made.run(url, *running(server))
    assert len(server.asked("/slow")) == 1


def test_a_limited_rate_is_not_taken_for_a_slow_connection(server: FaultServer) -> None:
    urls = [server.on(f"/{i}", Answer(BODY[:50_000], etag='"1"')) for i in range(4)]
    with transfers(speed_limit=60_000, limit_rate=100_000) as made:
        made.run(*urls)
    assert not made.log.retries
    assert not any(isinstance(each, TransferError) for each in made.results.values())


@pytest.mark.parametrize("second", [refuse(503), Answer(drop="close")], ids=["refused", "closed"])
def test_a_replacement_that_fails_is_a_failed_attempt_and_keeps_what_came(
    server: FaultServer, second: Answer
) -> None:
    url = server.on("/slow", CRAWLING, second, FAST)
    with transfers(retries=1) as made:
        made.run(url, *running(server))
    assert bytes(made.sinks[url].data) == BODY
    assert fetched(made, url).transferred - len(BODY) in (0, 25)


def test_in_a_mirror_too_whose_manifest_came_from_the_same_host(
    server: FaultServer, tmp_path: Path
) -> None:
    """They fill every place, and nothing but short files has come before."""
    bodies = [initialization() + media_segment(number, BODY[:60_000]) for number in range(1, 25)]
    for number, body in enumerate(bodies, 1):
        good = Answer(body, etag='"1"')
        crawls = replace(good, drip=(500, 0.05))
        server.on(f"/v/{number}.m4s", *((crawls, good) if 12 < number <= 16 else (good,)))
    url = server.on("/x.mpd", Answer(mpd(numbered(), seconds=48)))
    options = dashget.TransferOptions(in_flight=4, speed_time_seconds=0.4, overtake_seconds=30.0)
    summary, events = mirror(url, tmp_path, transfer=options)
    assert summary.complete
    retried = [event for event in events if isinstance(event, dashget.RetryScheduled)]
    # Once a successor runs, there is a place to race the others from.
    assert retried
    assert all(event.reason.startswith("slow: ") for event in retried)
