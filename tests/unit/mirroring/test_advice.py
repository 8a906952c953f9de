"""What is advised after a run that left files missing, where the history tells nothing more."""

from __future__ import annotations

import pytest

from dashget.events import Failure
from dashget.mirroring.advice import History, advise

AGAIN = "run the same command again; it fetches only what is missing"
FAULTY = "the server refuses these files, although the manifest names them; it may be faulty"


def failure(status: int | None, hint: str | None = None, attempts: int = 1) -> Failure:
    return Failure("v/1.m4s", "http://h/v/1.m4s", "reason", attempts, status, hint)


def history(*, interrupted: bool = False) -> History:
    return History("m", False, lambda: (), lambda _: False, interrupted)


@pytest.mark.parametrize(
    ("failures", "hint"),
    [
        ((), AGAIN),
        ((failure(500),), AGAIN),
        ((failure(404),), FAULTY),
        ((failure(404), failure(403)), FAULTY),
        ((failure(404), failure(500)), AGAIN),
        ((failure(404), failure(None)), AGAIN),
        ((failure(400, "use --cert"), failure(400, "use --cert")), "use --cert"),
        ((failure(400, "use --cert"), failure(400, "use -H")), AGAIN),
        ((failure(400, "use --cert"), failure(400)), AGAIN),
        ((failure(404, "use --cert"), failure(404)), FAULTY),
    ],
)
def test_a_hint_common_to_all_failures_comes_before_general_advice(
    failures: tuple[Failure, ...], hint: str
) -> None:
    advice = advise(failures, history())
    assert advice.hint == hint
    assert advice.failures == failures


def test_an_interrupted_run_is_to_be_run_again_whatever_failed() -> None:
    assert advise((failure(403, "use -H"),), history(interrupted=True)).hint == AGAIN


def test_the_hint_of_most_files_that_were_not_requested_any_more_comes_first() -> None:
    refused, left = failure(451, "use -H"), failure(451, "a fresh URL", 0)
    assert advise([refused, left, left], history()).hint == "a fresh URL"
    assert advise([refused, refused, left], history()).hint not in ("a fresh URL", "use -H")
