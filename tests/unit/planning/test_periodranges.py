"""The grammar of ``--period``."""

from __future__ import annotations

import pytest

from dashget.errors import UsageError
from dashget.planning.selection import parse_selection


@pytest.mark.parametrize("period", ["", "3-1", "1--2", ",", "-"])
def test_malformed_periods_are_usage_errors(period: str) -> None:
    with pytest.raises(UsageError, match="period: "):
        parse_selection(period=period)


def test_a_negative_position_is_refused_as_ambiguous() -> None:
    for period in ("-1", "0,-1", "- 1"):
        with pytest.raises(UsageError, match="is ambiguous") as caught:
            parse_selection(period=period)
        hint = "write 0-1 for the first ones, or last for the last one"
        assert caught.value.hint == hint
