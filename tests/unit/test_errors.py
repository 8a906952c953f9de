"""The tree of errors, their exit codes and facts."""

from __future__ import annotations

import pytest

from dashget import errors
from dashget.errors import Issue
from dashget.events import Warned


def test_each_error_has_its_documented_exit_code() -> None:
    assert {
        kind.__name__: kind.exit_code
        for kind in (
            errors.UsageError,
            errors.MPDSyntaxError,
            errors.MPDValidityError,
            errors.UnsupportedMPDError,
            errors.SelectionError,
            errors.ManifestFetchError,
            errors.StoreError,
        )
    } == {
        "UsageError": 2,
        "MPDSyntaxError": 3,
        "MPDValidityError": 3,
        "UnsupportedMPDError": 3,
        "SelectionError": 4,
        "ManifestFetchError": 5,
        "StoreError": 6,
    }


def test_an_error_has_its_facts_as_attributes() -> None:
    error = errors.FetchError(
        "HTTP 503", retry=errors.Retry.AGAIN, url="http://h/", status=503, retry_after_seconds=2.0
    )
    assert (str(error), error.hint, error.status) == ("HTTP 503", None, 503)
    assert error.retry_after_seconds == 2.0
    assert isinstance(error, errors.DashGetError)


@pytest.mark.parametrize(
    ("issue", "text"),
    [
        (Issue("odd"), "odd"),
        (Issue("odd", "MPD/Period[1]"), "MPD/Period[1]: odd"),
        (Issue("odd", "MPD", 3, "5.3"), "MPD, line 3: odd (5.3)"),
        (Issue("odd", line=3), "line 3: odd"),
    ],
)
def test_an_issue_names_its_place_and_clause(issue: Issue, text: str) -> None:
    assert str(issue) == text
    assert Warned.of(issue).message == issue.message
