"""Failures in words, with what another attempt may bring."""

from __future__ import annotations

import errno

import pytest

from dashget.errors import Retry, StoreError
from dashget.transfer.http.failure import Failure, Scope, sink_failure, status_failure


@pytest.mark.parametrize(
    ("status", "retry", "scope"),
    [
        (401, Retry.ELSEWHERE, Scope.RESOURCE),
        (404, Retry.ELSEWHERE, Scope.RESOURCE),
        (407, Retry.NEVER, Scope.RESOURCE),
        (408, Retry.AGAIN, Scope.RESOURCE),
        (429, Retry.AGAIN, Scope.RESOURCE),
        (500, Retry.AGAIN, Scope.RESOURCE),
        (501, Retry.ELSEWHERE, Scope.RESOURCE),
        (503, Retry.AGAIN, Scope.BASE),
        (599, Retry.AGAIN, Scope.RESOURCE),
    ],
)
def test_a_status_decides_about_retries_and_scope(status: int, retry: Retry, scope: Scope) -> None:
    failure = status_failure(status)
    assert (failure.retry, failure.scope, failure.status) == (retry, scope, status)


def test_unknown_statuses_have_no_phrase() -> None:
    assert status_failure(404).message == "HTTP 404 Not Found"
    assert status_failure(599).message == "HTTP 599"


def test_an_error_of_a_sink_fails_the_file_or_stops_the_run() -> None:
    full = sink_failure(OSError(errno.ENOSPC, "No space left on device", "/m/a.part"))
    assert isinstance(full, StoreError)
    assert str(full) == "cannot write: no space left on device"
    assert (
        full.hint
        == "make room on the disk, or in your quota of it; the same command continues from here"
    )
    denied = sink_failure(PermissionError(errno.EACCES, "Permission denied"))
    assert isinstance(denied, Failure)
    assert denied.retry is Retry.NEVER
    assert sink_failure(KeyError("x")) is None
