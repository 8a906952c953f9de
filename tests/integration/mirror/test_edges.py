"""Edges behind one name that have different ETags for the same bytes, and break off."""

from __future__ import annotations

import base64
import hashlib
import random
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import dashget
from tests.integration.mirror.presentation import MODIFIED
from tests.support.builders import initialization, media_segment, mpd, numbered
from tests.support.faultserver import Answer, FaultServer, refuse
from tests.support.running import Events, mirror

KIB, MIB = 1024, 1 << 20
LATER = "Tue, 03 Nov 2026 10:00:00 GMT"
NAME = "v/1.m4s"
PATH = f"/show/{NAME}"


def body_of(size: int, seed: int = 1) -> bytes:
    return initialization() + media_segment(1, random.Random(seed).randbytes(size))


BODY = body_of(600_000)
GOOD = Answer(BODY, etag='"edge 1"', last_modified=MODIFIED)


def publish(server: FaultServer, *answers: Answer) -> str:
    server.on(PATH, *answers)
    return server.on("/show/x.mpd", Answer(mpd(numbered(), seconds=2)))


def edges(body: bytes, least: int, most: int, count: int = 400) -> Iterator[Answer]:
    """Yield the answers of four edges in turn, each broken off somewhere."""
    chance = random.Random(7)
    for number in range(count):
        yield Answer(
            body,
            etag=f'"edge {number % 4}"',
            last_modified=MODIFIED,
            cut=chance.randrange(least, most),
        )


def options(**more: Any) -> dashget.TransferOptions:
    return dashget.TransferOptions(backoff_seconds=0.0, **more)


def get(server: FaultServer, root: Path, **more: Any) -> tuple[dashget.Summary, Events]:
    return mirror(server.url("/show/x.mpd"), root, transfer=options(**more))


@pytest.mark.parametrize("parallel", [False, True], ids=["one stream", "ranges"])
@pytest.mark.parametrize(
    ("size", "least", "most"),
    [
        pytest.param(8 * MIB, 900 * KIB, 1200 * KIB, id="8 MiB"),
        pytest.param(30_000_000, 1_000_000, 3_000_000, id="30 MB", marks=pytest.mark.slow),
    ],
)
def test_a_file_from_several_edges_is_complete_in_one_run(
    server: FaultServer, tmp_path: Path, size: int, least: int, most: int, parallel: bool
) -> None:
    body = body_of(size)
    publish(server, *edges(body, least, most))
    ranges = {"range_threshold": MIB if parallel else 1 << 40, "range_size": size // 8}
    summary, events = get(server, tmp_path / "m", **ranges)
    assert summary.complete
    assert (tmp_path / "m" / NAME).read_bytes() == body
    assert summary.transferred < 1.2 * len(body)
    (warning,) = events.warnings()
    assert warning == (
        "127.0.0.1 has different ETags or times for the same bytes (v/1.m4s): unfinished files go"
        " on where their last bytes come again"
    )


def edge(number: int) -> str:
    """Return the time at which one of four edges got its copy."""
    return f"Mon, 02 Nov 2026 10:0{number % 4}:00 GMT"


SIGNS: dict[str, Callable[[int], dict[str, Any]]] = {
    "other times, no ETag": lambda n: {"etag": None, "last_modified": edge(n)},
    "other ETags and times": lambda n: {"last_modified": edge(n)},
    "other ETags, no time": lambda n: {"last_modified": None},
    "some without an ETag": lambda n: {"etag": '"one"' if n % 2 else None},
    "weak ETags, one time": lambda n: {"etag": 'W/"one"'},
    "weak ETags, other times": lambda n: {"etag": f'W/"{n % 4}"', "last_modified": edge(n)},
}


NOTHING: dict[str, dict[str, Any]] = {
    "no ETag and no time": {"etag": None, "last_modified": None},
    "a weak ETag": {"etag": 'W/"one"', "last_modified": None},
    "no valid ETag": {"etag": "one", "last_modified": None},
    "the time of the answer": {"etag": None, "last_modified": LATER, "headers": (("Date", LATER),)},
}


@pytest.mark.parametrize("signs", NOTHING)
def test_a_file_whose_version_nothing_tells_goes_on_where_its_bytes_come_again(
    server: FaultServer, tmp_path: Path, signs: str
) -> None:
    body = body_of(4 * MIB)
    answers = edges(body, 500 * KIB, 560 * KIB, count=60)
    publish(server, *(replace(each, **NOTHING[signs]) for each in answers))
    summary, events = get(server, tmp_path / "m")
    assert summary.complete
    assert (tmp_path / "m" / NAME).read_bytes() == body
    assert summary.transferred < 1.2 * len(body)
    assert events.warnings() == []


@pytest.mark.parametrize("size", [0, 1000], ids=["of the same size", "of another size"])
def test_another_version_that_nothing_tells_is_fetched_from_its_beginning(
    server: FaultServer, tmp_path: Path, size: int
) -> None:
    old, new = (Answer(body_of(MIB + size * n, n), cut=None) for n in (0, 1))
    publish(server, replace(old, cut=500 * KIB), new)
    assert get(server, tmp_path / "m")[0].complete
    assert (tmp_path / "m" / NAME).read_bytes() == new.body


@pytest.mark.parametrize("parallel", [False, True], ids=["one stream", "ranges"])
@pytest.mark.parametrize("signs", SIGNS)
def test_what_edges_say_of_a_file_may_come_and_go(
    server: FaultServer, tmp_path: Path, signs: str, parallel: bool
) -> None:
    """A file that is replaced has other signs for good: its former ones do not come back."""
    body = body_of(4 * MIB)
    answers = edges(body, 500 * KIB, 560 * KIB, count=60)
    publish(server, *(replace(each, **SIGNS[signs](number)) for number, each in enumerate(answers)))
    ranges = {"range_threshold": MIB if parallel else 1 << 40, "range_size": MIB}
    assert get(server, tmp_path / "m", **ranges)[0].complete
    assert (tmp_path / "m" / NAME).read_bytes() == body
    assert len(server.asked(PATH)) < 25


def test_a_file_that_was_replaced_and_then_wavers_is_not_joined(
    server: FaultServer, tmp_path: Path
) -> None:
    """The bytes that are on disk do not come again."""
    first, second = {"last_modified": edge(1)}, {"last_modified": edge(2)}
    publish(
        server,
        replace(GOOD, cut=AT, **first),
        replace(OTHER, body=CHANGED, cut=AT, **second),
        replace(GOOD, cut=AT, **first),
        replace(OTHER, body=CHANGED, **second),
    )
    assert get(server, tmp_path / "m")[0].complete
    assert (tmp_path / "m" / NAME).read_bytes() == CHANGED


OTHER = replace(GOOD, etag='"edge 2"')
CHANGED = body_of(600_000, seed=2)
AT = 300_000
SENT = "Tue, 01 Sep 2026 10:00:00 GMT"


def broken_then(*answers: Answer) -> tuple[Answer, ...]:
    return replace(GOOD, cut=AT), *answers


def asked(server: FaultServer) -> list[tuple[str | None, str | None]]:
    """Return Range and If-Range of each request for the file."""
    return [
        (seen.headers.get("range"), seen.headers.get("if-range")) for seen in server.asked(PATH)
    ]


@pytest.mark.parametrize("honours", [True, False], ids=["If-Range", "If-Range ignored"])
@pytest.mark.parametrize("runs", [1, 2])
def test_what_is_on_disk_goes_on_at_another_edge(
    server: FaultServer, tmp_path: Path, honours: bool, runs: int
) -> None:
    rest = replace(OTHER, if_range=honours)
    if runs == 1:
        publish(server, *broken_then(rest))
    else:
        publish(server, *broken_then(refuse(503)))
        assert not get(server, tmp_path / "m", retries=0)[0].complete
        publish(server, rest)
    summary, events = get(server, tmp_path / "m")
    assert summary.complete
    assert (tmp_path / "m" / NAME).read_bytes() == BODY
    assert asked(server)[-1] == (f"bytes={AT - 64 * KIB}-", None)
    assert len(events.warnings()) == 1
    assert not any(isinstance(event, dashget.BegunAnew) for event in events)


def test_a_digest_of_the_whole_tells_as_well_as_a_time(server: FaultServer, tmp_path: Path) -> None:
    digest = base64.b64encode(hashlib.sha256(BODY).digest()).decode()
    told = {"last_modified": None, "headers": (("Repr-Digest", f"sha-256=:{digest}:"),)}
    publish(server, *(replace(answer, **told) for answer in broken_then(OTHER)))
    summary, events = get(server, tmp_path / "m")
    assert summary.complete
    assert asked(server)[-1] == (f"bytes={AT - 64 * KIB}-", None)
    assert len(events.warnings()) == 1


@pytest.mark.parametrize("place", [AT - 1, AT - 64 * KIB])
def test_a_byte_that_differs_begins_the_file_anew(
    server: FaultServer, tmp_path: Path, place: int
) -> None:
    """Under the same size and time, as tools leave it that keep times."""
    changed = bytearray(BODY)
    changed[place] ^= 1
    publish(server, *broken_then(replace(OTHER, body=bytes(changed))))
    summary, events = get(server, tmp_path / "m")
    assert summary.complete
    assert (tmp_path / "m" / NAME).read_bytes() == changed
    assert events.warnings() == []
    (told,) = (event for event in events if isinstance(event, dashget.BegunAnew))
    assert told.reason == "the resource has changed"


@pytest.mark.parametrize(
    "later",
    [
        pytest.param(replace(OTHER, body=CHANGED, last_modified=LATER), id="other time"),
        pytest.param(replace(OTHER, body=CHANGED + b"1"), id="other size"),
        pytest.param(replace(OTHER, body=CHANGED, last_modified=None), id="no time"),
        pytest.param(replace(OTHER, body=CHANGED, if_range=False), id="other bytes, 206"),
    ],
)
@pytest.mark.parametrize("parallel", [False, True], ids=["one stream", "ranges"])
def test_a_file_that_changed_is_not_joined(
    server: FaultServer, tmp_path: Path, later: Answer, parallel: bool
) -> None:
    publish(server, *broken_then(later))
    ranges = {"range_threshold": 100_000 if parallel else 1 << 40, "range_size": 150_000}
    summary, events = get(server, tmp_path / "m", **ranges)
    assert summary.complete
    assert (tmp_path / "m" / NAME).read_bytes() == later.body
    assert events.warnings() == []


def test_a_file_that_changes_after_its_tags_were_doubted_is_not_joined(
    server: FaultServer, tmp_path: Path
) -> None:
    body = body_of(600_000, seed=3)
    later = replace(GOOD, body=body, last_modified=LATER)
    publish(
        server,
        *broken_then(OTHER, replace(OTHER, cut=150_000), replace(later, cut=200_000), later),
    )
    assert get(server, tmp_path / "m")[0].complete
    assert (tmp_path / "m" / NAME).read_bytes() == body


def test_a_time_that_is_too_young_proves_nothing(server: FaultServer, tmp_path: Path) -> None:
    young = {"last_modified": SENT, "headers": (("Date", SENT),)}
    first, other = replace(GOOD, cut=AT, **young), replace(OTHER, body=CHANGED, **young)
    publish(server, first, other)
    assert get(server, tmp_path / "m")[0].complete
    assert (tmp_path / "m" / NAME).read_bytes() == CHANGED
    assert asked(server)[1:] == [(f"bytes={AT}-", GOOD.etag)]


@pytest.mark.parametrize("at", [1, 1000, 64 * KIB, 64 * KIB + 1])
def test_less_than_the_overlap_is_compared_if_less_is_there(
    server: FaultServer, tmp_path: Path, at: int
) -> None:
    publish(server, replace(GOOD, cut=at), OTHER)
    assert get(server, tmp_path / "m")[0].complete
    assert (tmp_path / "m" / NAME).read_bytes() == BODY
    assert asked(server)[-1] == (f"bytes={max(0, at - 64 * KIB)}-", None)


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(refuse(403), id="403"),
        pytest.param(refuse(500), id="500"),
        pytest.param(replace(OTHER, ranges=False), id="ignored"),
        pytest.param(replace(OTHER, all_as_206=True), id="all as 206"),
        pytest.param(replace(OTHER, at_most=1000), id="short of the overlap"),
        pytest.param(replace(OTHER, range_shift=7), id="other bytes"),
    ],
)
def test_a_file_is_obtained_where_its_overlap_is_not(
    server: FaultServer, tmp_path: Path, answer: Answer
) -> None:
    doubt = replace(OTHER, ranges=False)
    publish(server, replace(GOOD, cut=AT), doubt, replace(OTHER, to_range=answer))
    assert get(server, tmp_path / "m", retries=1)[0].complete
    assert (tmp_path / "m" / NAME).read_bytes() == BODY
    assert len(asked(server)) <= 6


def test_the_second_file_of_such_a_host_costs_no_answer_that_is_thrown_away(
    server: FaultServer, tmp_path: Path
) -> None:
    url = server.on("/show/x.mpd", Answer(mpd(numbered(), seconds=4)))
    for number in (1, 2):
        server.on(f"/show/v/{number}.m4s", *broken_then(OTHER))
    summary, events = mirror(url, tmp_path / "m", transfer=options(in_flight=1))
    assert summary.complete
    assert len(events.warnings()) == 1
    assert len(server.asked("/show/v/1.m4s")) == 3
    assert len(server.asked("/show/v/2.m4s")) == 2
