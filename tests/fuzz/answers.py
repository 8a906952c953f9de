"""What stands in for the network: the answers to requests come from the input, too."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import NoReturn

from dashget.common.numbers import read_digits
from dashget.errors import FetchError, Retry
from dashget.transfer.contract import (
    Fetched,
    Hooks,
    Job,
    JobSource,
    Patience,
    Request,
    ResponseHead,
    TransferError,
)

DATE = "Sun, 29 Nov 2026 12:00:00 GMT"
_OK = 200


class Answers:
    """Answers the n-th URL that is asked with the n-th part: a line with status and date, a body.

    The first part is the manifest, and has no such line. What has no part is missing (404).
    """

    def __init__(self, parts: Sequence[bytes]) -> None:
        self._parts = parts
        self._asked: dict[str, int] = {}

    def fetch(
        self,
        request: Request,
        *,
        max_bytes: int,
        hooks: Hooks | None = None,
        patience: Patience | None = None,
    ) -> tuple[Fetched, bytes]:
        """Return the answer to a request, or raise FetchError."""
        url = request.url
        place = self._asked.setdefault(url, len(self._asked))
        if place >= len(self._parts):
            _refuse("HTTP 404", url, 404)
        date, body = DATE, self._parts[place]
        if place:
            line, _, body = body.partition(b"\n")
            status, _, text = line.decode("latin-1").partition(" ")
            number = read_digits(status, 3)
            if number is not None and number != _OK:
                _refuse(f"HTTP {number}", url, number)
            date = text or DATE
        if request.range is not None:
            first, last = request.range.first, request.range.last
            if first >= len(body):
                _refuse("the range is not satisfiable", url, 416)
            body = body[first : None if last is None else last + 1]
        if len(body) > max_bytes:
            _refuse(f"more than {max_bytes:,} bytes", url, _OK)
        head = ResponseHead(
            *(url, _OK, "1.1", len(body), None, None, None, None), date=date, asked=url
        )
        return Fetched(head, len(body), 1, 1, len(body), 0.0, 0.0, None, resumed=False), body

    def run(
        self,
        jobs: Iterable[Job] | JobSource,
        done: Callable[[Job, Fetched | TransferError], object],
        *,
        hooks: Hooks | None = None,
    ) -> None:
        """Fetch nothing: the targets end before media files are fetched."""
        raise NotImplementedError

    @property
    def host_patience_seconds(self) -> float:
        """Return 0: no host is waited for."""
        return 0.0

    def wake(self) -> None:
        """Do nothing: nobody waits."""


def _refuse(message: str, url: str, status: int) -> NoReturn:
    raise FetchError(message, retry=Retry.ELSEWHERE, url=url, status=status)
