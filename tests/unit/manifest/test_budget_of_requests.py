"""Documents that ask for ever more requests: clocks, and remote elements in remote elements."""

from __future__ import annotations

import datetime

import pytest

from dashget.errors import FetchError, Retry, UnsupportedMPDError
from dashget.manifest.lookups import fetch_remote_elements, learn_time
from dashget.mpd.budget import Budget, WorkLimits
from dashget.mpd.parse import parse_mpd
from dashget.transfer.contract import Fetched, Hooks, Request

URL = "http://h/m.mpd"
HEAD = '<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" xmlns:xlink="http://www.w3.org/1999/xlink" '


class Deaf:
    """Counts requests, all of which fail."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def fetch(
        self, request: Request, *, max_bytes: int, hooks: Hooks | None = None
    ) -> tuple[Fetched, bytes]:
        del max_bytes, hooks
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
    told = f"{clocks} UTCTiming; the first 16 are asked; --document-limits raises it"
    assert told in [issue.message for issue in issues]


def test_remote_elements_share_one_number_of_requests() -> None:
    periods = "".join(f'<Period xlink:href="{i}"/>' for i in range(5))
    budget = Budget(WorkLimits(max_requests=5))
    mpd = parse_mpd(f"{HEAD}>{periods}</MPD>".encode(), url=URL)
    engine = Deaf()
    fetch_remote_elements(mpd, URL, engine, budget)  # type: ignore[arg-type]  # fetch only
    assert (len(engine.asked), budget.requests) == (5, 5)
    with pytest.raises(UnsupportedMPDError, match="more than 5 remote elements"):
        fetch_remote_elements(mpd, URL, engine, budget)  # type: ignore[arg-type]  # fetch only
    assert len(engine.asked) == 5
