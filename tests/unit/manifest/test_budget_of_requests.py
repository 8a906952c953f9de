"""Documents that ask for ever more requests: clocks, and remote elements in remote elements."""

from __future__ import annotations

import datetime
import struct

import pytest

from dashget.errors import FetchError, Retry, UnsupportedMPDError
from dashget.manifest.lookups import (
    fetch_remote_elements,
    learn_time,
    read_indexes,
    read_protections,
)
from dashget.mpd.budget import Budget, WorkLimits
from dashget.mpd.parse import parse_mpd
from dashget.mpd.resolve import resolve
from dashget.planning.tracks import Track, make_tracks
from dashget.transfer.contract import Fetched, Hooks, Patience, Request, ResponseHead
from tests.support.builders import box, mpd

URL = "http://h/m.mpd"
HEAD = '<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" xmlns:xlink="http://www.w3.org/1999/xlink" '


class Deaf:
    """Counts requests, all of which fail."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.patience: Patience | None = None

    def fetch(
        self,
        request: Request,
        *,
        max_bytes: int,
        hooks: Hooks | None = None,
        patience: Patience | None = None,
    ) -> tuple[Fetched, bytes]:
        del max_bytes, hooks
        self.patience = patience
        self.asked.extend(request.urls)
        raise FetchError("refused", retry=Retry.NEVER, url=request.urls[0])


@pytest.mark.parametrize("clocks", [17, 20_000])
def test_sixteen_clocks_are_asked_at_most(clocks: int) -> None:
    timing = '<UTCTiming schemeIdUri="urn:mpeg:dash:utc:http-iso:2014" value="http://h/t"/>'
    mpd = parse_mpd(f'{HEAD} type="dynamic">{timing * clocks}</MPD>'.encode(), url=URL)
    engine = Deaf()
    now, issues = learn_time(mpd, URL, None, engine, Budget())  # type: ignore[arg-type]  # fetch only
    assert isinstance(now, datetime.datetime)
    assert len(engine.asked) == 16
    # Nobody can wait long: what is live comes and goes.
    assert engine.patience is not None
    assert 0 < (engine.patience.seconds or 0) <= 5
    told = f"{clocks} UTCTiming; the first 16 are asked; --document-limits raises it"
    assert told in [issue.message for issue in issues]


def test_remote_elements_share_one_number_of_requests() -> None:
    periods = "".join(f'<Period xlink:href="{i}"/>' for i in range(5))
    budget = Budget(WorkLimits(max_requests=5))
    mpd = parse_mpd(f"{HEAD}>{periods}</MPD>".encode(), url=URL)
    engine = Deaf()
    fetch_remote_elements(mpd, URL, engine, budget)  # type: ignore[arg-type]  # fetch only
    assert (len(engine.asked), budget.requests) == (5, 5)
    with pytest.raises(
        UnsupportedMPDError, match="limit of 5 requests, at last for remote elements"
    ):
        fetch_remote_elements(mpd, URL, engine, budget)  # type: ignore[arg-type]  # fetch only
    assert len(engine.asked) == 5


class Generous(Deaf):
    """Answers every request for bytes with an index that refers to eight more of them."""

    def fetch(
        self,
        request: Request,
        *,
        max_bytes: int,
        hooks: Hooks | None = None,
        patience: Patience | None = None,
    ) -> tuple[Fetched, bytes]:
        del max_bytes, hooks, patience
        self.asked.append(request.urls[0])
        rows = struct.pack(">III", 1 << 31 | 4096, 1, 0) * 8
        data = box("sidx", struct.pack(">IIIIIHH", 0, 1, 10, 0, 0, 0, 8), rows)
        head = ResponseHead(request.urls[0], 206, "1.1", len(data), None, None, None, None)
        return Fetched(head, len(data), 1, 1, len(data), 0.0, 0.0, None, resumed=False), data


def single_files(count: int, inside: str = "", bases: str = "") -> tuple[Track, ...]:
    found = "".join(
        f'<Representation id="{i}" bandwidth="1"><BaseURL>{i}.mp4</BaseURL>{inside}</Representation>'
        for i in range(count)
    )
    content = f'{bases}<AdaptationSet mimeType="video/mp4">{found}</AdaptationSet>'
    return make_tracks(resolve(parse_mpd(mpd(content)), url=URL))


def test_the_indexes_of_all_files_share_one_number_of_requests() -> None:
    engine, budget = Generous(), Budget(WorkLimits(max_requests=50))
    tracks = single_files(40, '<SegmentBase indexRange="0-127"/>')
    with pytest.raises(UnsupportedMPDError, match="requests, at last for indexes") as caught:
        list(read_indexes(tracks, engine, budget))  # type: ignore[arg-type]  # fetch only
    assert caught.value.hint is not None
    assert "--document-limits" in caught.value.hint
    assert len(engine.asked) <= 50 + 2 * 40


def test_one_request_for_each_file_is_never_too_much() -> None:
    inside = '<SegmentBase indexRange="0-127"><Initialization range="128-200"/></SegmentBase>'
    tracks, budget = single_files(300, inside), Budget(WorkLimits(max_requests=1))
    engine = Deaf()
    assert all(issue for _, issue in read_indexes(tracks, engine, budget))  # type: ignore[arg-type]  # fetch only
    found, issues = read_protections(tracks, engine, budget)  # type: ignore[arg-type]  # fetch only
    assert (len(found), len(issues), len(engine.asked)) == (0, 300, 600)


def test_each_url_of_a_file_that_none_of_them_has_is_counted() -> None:
    bases = "".join(f"<BaseURL>http://h{i}/</BaseURL>" for i in range(100))
    tracks = single_files(9, '<SegmentBase indexRange="0-127"/>', bases)
    engine, budget = Deaf(), Budget(WorkLimits(max_requests=100))
    with pytest.raises(UnsupportedMPDError, match="requests, at last for indexes"):
        list(read_indexes(tracks, engine, budget))  # type: ignore[arg-type]  # fetch only
    assert len(engine.asked) <= 100 + 2 * 9


def test_the_urls_of_all_clocks_are_sixteen_at_most() -> None:
    value = " ".join(f"http://h/{i}" for i in range(10))
    timing = f'<UTCTiming schemeIdUri="urn:mpeg:dash:utc:http-iso:2014" value="{value}"/>'
    document = parse_mpd(f'{HEAD} type="dynamic">{timing * 9}</MPD>'.encode(), url=URL)
    engine, budget = Deaf(), Budget()
    learn_time(document, URL, None, engine, budget)  # type: ignore[arg-type]  # fetch only
    assert (len(engine.asked), budget.requests) == (16, 16)
