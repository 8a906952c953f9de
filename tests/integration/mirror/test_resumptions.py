"""Files whose connection broke once, on servers that answer requests for the rest in odd ways."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

import pytest

import dashget
from tests.integration.mirror.presentation import MODIFIED, manifest
from tests.support.builders import initialization, media_segment, numbered
from tests.support.faultserver import Answer, FaultServer, redirect, refuse
from tests.support.program import Ended, run
from tests.support.running import mirror

SIZE = 400_000
WHOLE = Answer(
    media_segment(2, random.Random(2).randbytes(SIZE)), etag='"2"', last_modified=MODIFIED
)
BROKEN = replace(WHOLE, cut=150_000)
VALIDATED = (("ETag", '"2"'), ("Last-Modified", MODIFIED))


def odd(*headers: tuple[str, str], body: bytes = WHOLE.body) -> Answer:
    """Return a 206 with these headers."""
    return Answer(body, status=206, headers=(*VALIDATED, *headers))


REST = replace(WHOLE, body=WHOLE.body[150_000:], ranges=False)
REFUSALS = [
    pytest.param(refuse(status), id=str(status))
    for status in (400, 401, 403, 404, 405, 406, 412, 417, 451, 500, 501, 503)
]
ANSWERS = [
    *REFUSALS,
    pytest.param(odd(), id="no Content-Range"),
    pytest.param(odd(("Content-Range", "150000-400099/x")), id="malformed"),
    pytest.param(odd(("Content-Range", "bytes */400100")), id="unsatisfied"),
    pytest.param(odd(("Content-Type", "multipart/byteranges; boundary=b")), id="multipart"),
    pytest.param(replace(WHOLE, range_shift=5), id="other bytes"),
    pytest.param(replace(WHOLE, swell=b"1"), id="longer than it says"),
    pytest.param(replace(WHOLE, coding="gzip"), id="coded"),
    pytest.param(replace(WHOLE, all_as_206=True), id="all as 206"),
    pytest.param(replace(WHOLE, ranges=False), id="ignored"),
    pytest.param(replace(WHOLE, drop="close"), id="no answer"),
    pytest.param(replace(WHOLE, drop="reset"), id="reset"),
    pytest.param(replace(WHOLE, at_most=0, cut=0), id="no bytes"),
]

SELDOM = [
    pytest.param(REST, id="the rest as 200"),
    pytest.param(replace(REST, chunked=True), id="the rest as 200, chunked"),
    pytest.param(Answer(status=204), id="204"),
    pytest.param(Answer(), id="200 without bytes"),
    pytest.param(redirect("/show/v/2.m4s"), id="redirected in circles"),
    pytest.param(redirect("/login"), id="redirected away"),
    pytest.param(Answer(status=304), id="304"),
    pytest.param(refuse(416), id="416"),
    pytest.param(refuse(429), id="429"),
    pytest.param(replace(WHOLE, total_shift=5), id="other total"),
    pytest.param(replace(WHOLE, total_known=False), id="no total"),
    pytest.param(replace(WHOLE, length=-10), id="shorter length"),
    pytest.param(replace(WHOLE, chunked=True, at_most=130_000), id="chunked, less"),
    pytest.param(replace(WHOLE, etag=None), id="no ETag"),
    pytest.param(odd(("Content-Range", "bytes 0-400075/400076")), id="all as 206, undeclared"),
    pytest.param(odd(("Content-Range", "bytes 150000-400075/400076"), body=b""), id="empty"),
]


def publish(server: FaultServer) -> str:
    """Put a presentation of three files on the server; return the manifest's URL."""
    for number in (1, 3):
        server.on(f"/show/v/{number}.m4s", Answer(media_segment(number, bytes(2000)), etag='"1"'))
    server.on("/show/init.mp4", Answer(initialization(), etag='"1"'))
    return server.on("/show/x.mpd", manifest(numbered(extra=' initialization="init.mp4"')))


def get(url: str, root: Path, *more: str) -> Ended:
    """Mirror a presentation with the program."""
    return run(url, "-o", root, "-t", "2", *more, cwd=root.parent)


def stored(root: Path) -> bytes:
    """Return the file whose connection breaks."""
    return (root / "v/2.m4s").read_bytes()


@pytest.mark.parametrize("answer", [*ANSWERS, *SELDOM])
def test_a_file_is_obtained_where_its_rest_is_not(
    server: FaultServer, tmp_path: Path, answer: Answer
) -> None:
    url = publish(server)
    server.on("/show/v/2.m4s", replace(BROKEN, to_range=answer), replace(WHOLE, to_range=answer))
    ended = get(url, tmp_path / "m", "--retries", "1")
    assert ended.code == 0, ended.err
    assert stored(tmp_path / "m") == WHOLE.body
    # The first one, the rest twice or thrice, and all of it.
    assert len(server.asked("/show/v/2.m4s")) <= 5
    assert not (tmp_path / "m/.dashget/parts").exists()


@pytest.mark.parametrize("repair", [False, True], ids=["get", "verify --repair"])
@pytest.mark.parametrize("answer", ANSWERS)
def test_a_part_of_an_earlier_run_is_no_trap(
    server: FaultServer, tmp_path: Path, answer: Answer, repair: bool
) -> None:
    url = publish(server)
    server.on("/show/v/2.m4s", BROKEN, refuse(503))
    assert get(url, tmp_path / "m", "--retries", "0").code == 1
    assert list((tmp_path / "m/.dashget/parts").glob("*.part"))
    server.on("/show/v/2.m4s", replace(WHOLE, to_range=answer))
    if repair:
        ended = run("verify", tmp_path / "m", "--repair", "--retries", "0", cwd=tmp_path)
    else:
        ended = get(url, tmp_path / "m", "--retries", "0")
    assert ended.code == 0, ended.out + ended.err
    assert stored(tmp_path / "m") == WHOLE.body


@pytest.mark.parametrize("answer", ANSWERS)
def test_parallel_ranges_of_an_earlier_run_are_no_trap(
    server: FaultServer, tmp_path: Path, answer: Answer
) -> None:
    """The part has holes: its beginning, and a piece in the middle."""
    url = publish(server)
    transfer = dashget.TransferOptions(
        retries=0, backoff_seconds=0.0, range_threshold=100_000, range_size=50_000, in_flight=2
    )
    middle = replace(WHOLE, cut=20_000, drip=(10_000, 0.001))
    first = replace(WHOLE, cut=40_000, drip=(10_000, 0.01))
    server.on("/show/v/2.m4s", first, middle, refuse(503))
    assert not mirror(url, tmp_path / "m", transfer=transfer)[0].complete
    assert list((tmp_path / "m/.dashget/parts").glob("*.ranges"))
    server.on("/show/v/2.m4s", replace(WHOLE, to_range=answer))
    summary, _ = mirror(url, tmp_path / "m", transfer=transfer)
    assert summary.failures == ()
    assert stored(tmp_path / "m") == WHOLE.body


def test_a_part_stays_while_its_server_refuses_everything(
    server: FaultServer, tmp_path: Path
) -> None:
    url = publish(server)
    server.on("/show/v/2.m4s", BROKEN, refuse(403))
    assert get(url, tmp_path / "m", "--retries", "1").code == 1
    (part,) = (tmp_path / "m/.dashget/parts").glob("*.part")
    assert part.stat().st_size == 150_000
    server.on("/show/v/2.m4s", WHOLE)
    server.seen.clear()
    assert get(url, tmp_path / "m").code == 0
    assert server.asked("/show/v/2.m4s")[0].headers["range"] == "bytes=150000-"
    assert len(server.asked("/show/v/2.m4s")) == 1


def test_a_server_that_sends_less_than_was_asked_is_asked_on(
    server: FaultServer, tmp_path: Path
) -> None:
    url = publish(server)
    server.on("/show/v/2.m4s", BROKEN, replace(WHOLE, at_most=20_000))
    ended = get(url, tmp_path / "m", "--json", "--retries", "1")
    assert ended.code == 0
    assert stored(tmp_path / "m") == WHOLE.body
    summary = ended.events[-1]
    assert summary["transferred"] < len(WHOLE.body) + 10_000
    assert [event for event in ended.events if event["event"] == "anew"] == []


def test_a_range_of_a_file_comes_in_pieces_as_well(server: FaultServer, tmp_path: Path) -> None:
    data = b"".join(media_segment(n, bytes([n]) * 50_000) for n in (1, 2))
    size = len(data) // 2
    content = (
        '<AdaptationSet mimeType="video/mp4"><Representation id="v" bandwidth="1">'
        '<SegmentList duration="3"><Initialization sourceURL="init.mp4"/>'
        f'<SegmentURL media="all.mp4" mediaRange="0-{size - 1}"/>'
        f'<SegmentURL media="all.mp4" mediaRange="{size}-{2 * size - 1}"/></SegmentList>'
        "</Representation></AdaptationSet>"
    )
    url = server.on("/show/x.mpd", manifest(content))
    good = Answer(data, etag='"1"', last_modified=MODIFIED)
    server.on("/show/all.mp4", replace(good, at_most=7_000))
    server.on("/show/init.mp4", Answer(initialization()))
    ended = get(url, tmp_path / "m")
    assert ended.code == 0, ended.err
    assert b"".join(p.read_bytes() for p in sorted((tmp_path / "m").rglob("all*"))) == data


@pytest.mark.parametrize("answer", ANSWERS)
def test_a_large_file_is_obtained_without_its_ranges(
    server: FaultServer, tmp_path: Path, answer: Answer
) -> None:
    """Parallel ranges are requested as soon as its first bytes have come."""
    url = publish(server)
    body = media_segment(2, bytes(18 << 20))
    slow = Answer(body, etag='"2"', last_modified=MODIFIED, drip=(1 << 20, 0.002))
    if answer.body == WHOLE.body:
        answer = replace(answer, body=body)
    broken = replace(slow, cut=3 << 20)
    server.on("/show/v/2.m4s", *(replace(each, to_range=answer) for each in (broken, slow)))
    ended = get(url, tmp_path / "m", "--retries", "1")
    assert ended.code == 0, ended.err
    assert stored(tmp_path / "m") == body


def test_what_was_dropped_is_told(server: FaultServer, tmp_path: Path) -> None:
    url = publish(server)
    answers = (replace(each, to_range=refuse(403)) for each in (BROKEN, WHOLE))
    server.on("/show/v/2.m4s", *answers)
    events = get(url, tmp_path / "m", "--json").events
    (told,) = [event for event in events if event["event"] == "anew"]
    assert (told["path"], told["dropped"]) == ("v/2.m4s", 150_000)
    assert told["reason"] == "it cannot be resumed: HTTP 403 Forbidden"


def test_such_a_server_may_break_off_several_times(server: FaultServer, tmp_path: Path) -> None:
    url = publish(server)
    # Requests for ranges take answers out of the script, too.
    cuts = (150_000, 0, 0, 100_000, 0, 200_000, 0)
    broken = [replace(WHOLE, cut=cut, to_range=refuse(500)) for cut in cuts]
    server.on("/show/v/2.m4s", *broken, replace(WHOLE, to_range=refuse(500)))
    ended = get(url, tmp_path / "m")
    assert ended.code == 0, ended.err
    assert stored(tmp_path / "m") == WHOLE.body


@pytest.mark.parametrize(
    "answer",
    [
        *ANSWERS,
        *SELDOM,
        pytest.param(odd(("Content-Range", "bytes 0-199/400100"), body=bytes(200)), id="beginning"),
        pytest.param(odd(("Content-Range", "bytes 7-206/400100"), body=bytes(200)), id="middle"),
        pytest.param(replace(WHOLE, at_most=1000, to_range=refuse(500)), id="little, no ranges"),
        pytest.param(replace(BROKEN, to_range=refuse(500)), id="broken, no ranges"),
        pytest.param(replace(BROKEN, ranges=False), id="broken, ranges ignored"),
    ],
)
def test_a_server_that_always_gives_one_answer_ends_in_time(
    server: FaultServer, tmp_path: Path, answer: Answer
) -> None:
    """The file is complete or a named failure: no answer is asked for again without end."""
    url = publish(server)
    server.on("/show/v/2.m4s", *[answer] * 60, refuse(410))
    transfer = dashget.TransferOptions(retries=3, backoff_seconds=0.0)
    summary, _ = mirror(url, tmp_path / "m", transfer=transfer)
    assert len(server.asked("/show/v/2.m4s")) <= 30
    if summary.complete:
        # Nothing contradicts a server whose lengths are always too short.
        end = answer.length or None if answer.body else 0
        # What comes to a request for the whole file as well is the file.
        whole = REST.body if answer.body == REST.body else WHOLE.body
        assert stored(tmp_path / "m") == whole[:end]
    else:
        assert [each.path for each in summary.failures] == ["v/2.m4s"]


@pytest.mark.parametrize("at_most", [1, 100])
@pytest.mark.parametrize("parallel", [False, True])
def test_ranges_of_a_few_bytes_come_to_an_end(
    server: FaultServer, tmp_path: Path, at_most: int, parallel: bool
) -> None:
    slight = replace(WHOLE, at_most=at_most)
    url = publish(server)
    server.on("/show/v/2.m4s", replace(BROKEN, to_range=slight), replace(WHOLE, to_range=slight))
    threshold = 1 << 16 if parallel else SIZE * 2
    ranges = dashget.TransferOptions(
        range_threshold=threshold, range_size=1 << 16, backoff_seconds=0.0
    )
    assert mirror(url, tmp_path, transfer=ranges)[0].complete
    assert stored(tmp_path) == WHOLE.body
    assert len(server.seen) < 600


def test_ranges_of_some_kilobytes_are_progress(server: FaultServer, tmp_path: Path) -> None:
    url = publish(server)
    server.on("/show/v/2.m4s", BROKEN, replace(WHOLE, at_most=5000))
    assert mirror(url, tmp_path)[0].complete
    assert stored(tmp_path) == WHOLE.body
    assert len(server.seen) < 60


@pytest.mark.parametrize("few", [1, 100, 3000])
@pytest.mark.parametrize("parallel", [False, True], ids=["one stream", "ranges"])
def test_a_file_whose_rest_comes_in_a_few_bytes_at_a_time_is_requested_as_a_whole(
    server: FaultServer, tmp_path: Path, few: int, parallel: bool
) -> None:
    """Each answer to a range breaks off. The whole file does not, but for the first time."""
    url = publish(server)
    trickle = replace(WHOLE, cut=few)
    server.on("/show/v/2.m4s", replace(BROKEN, to_range=trickle), replace(WHOLE, to_range=trickle))
    transfer = dashget.TransferOptions(
        retries=5, backoff_seconds=0.0, in_flight=2, allow_private=True,
        range_threshold=100_000 if parallel else 10**9, range_size=50_000,
    )  # fmt: skip
    summary, _ = mirror(url, tmp_path / "m", transfer=transfer)
    assert summary.complete, summary.failures
    assert stored(tmp_path / "m") == WHOLE.body
    assert len(server.asked("/show/v/2.m4s")) <= 20
    assert summary.transferred < 2 * SIZE


def test_one_whose_whole_breaks_off_as_well_ends(server: FaultServer, tmp_path: Path) -> None:
    """It comes no further by beginning again, and that is not done again and again."""
    url = publish(server)
    server.on("/show/v/2.m4s", replace(BROKEN, to_range=replace(WHOLE, cut=100)))
    transfer = dashget.TransferOptions(retries=5, backoff_seconds=0.0, allow_private=True)
    summary, _ = mirror(url, tmp_path / "m", transfer=transfer)
    assert [failure.path for failure in summary.failures] == ["v/2.m4s"]
    assert len(server.asked("/show/v/2.m4s")) <= 10
    assert summary.transferred < SIZE


def test_a_rest_that_comes_in_good_pieces_is_continued(server: FaultServer, tmp_path: Path) -> None:
    url = publish(server)
    server.on("/show/v/2.m4s", replace(BROKEN, to_range=replace(WHOLE, cut=60_000)))
    transfer = dashget.TransferOptions(retries=5, backoff_seconds=0.0, allow_private=True)
    summary, _ = mirror(url, tmp_path / "m", transfer=transfer)
    assert summary.complete, summary.failures
    assert summary.transferred < 1.1 * SIZE


@pytest.mark.parametrize("few", [100, 40_000])
def test_of_a_large_file_more_has_to_come_with_each_request(
    server: FaultServer, tmp_path: Path, few: int
) -> None:
    body = random.Random(3).randbytes(30_000_000)
    trickle = Answer(body, etag='"3"', cut=few)
    whole = Answer(body, etag='"3"', to_range=trickle)
    server.on("/v/1.m4s", replace(whole, cut=20_000_000), whole)
    url = server.on("/x.mpd", manifest(numbered()))
    for number in (2, 3):
        server.on(f"/v/{number}.m4s", Answer(b"1"))
    transfer = dashget.TransferOptions(
        retries=5, backoff_seconds=0.0, allow_private=True, in_flight=2
    )
    summary, _ = mirror(url, tmp_path / "m", transfer=transfer)
    assert summary.complete, summary.failures
    assert (tmp_path / "m/v/1.m4s").read_bytes() == body
    assert len(server.asked("/v/1.m4s")) <= 25
    assert summary.transferred < 1.8 * len(body)
