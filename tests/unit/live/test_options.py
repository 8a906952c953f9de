"""What may be wished of a recording: fields that make sense, and that go together."""

from __future__ import annotations

import math
from typing import Any

import pytest

import dashget
from dashget.common.validation import FieldError

DAY = 86_400.0


@pytest.mark.parametrize(
    ("wished", "field"),
    [
        ({"seconds": 0}, "seconds"),
        ({"seconds": -1.0}, "seconds"),
        ({"seconds": math.nan}, "seconds"),
        ({"begin": math.nan}, "begin"),
        ({"begin": "now"}, "begin"),
        ({"begin": math.inf}, "until"),
        ({"until": -math.inf}, "until"),
        ({"begin_back": -1}, "begin_back"),
        ({"wait": 1}, "wait"),
        ({"local_every": 0.0}, "local_every"),
        ({"give_up": 0.0}, "give_up"),
        ({"keep_seconds": 0.0}, "keep_seconds"),
        ({"keep_bytes": 0}, "keep_bytes"),
        ({"keep_bytes": 1.5}, "keep_bytes"),
        ({"until": DAY, "seconds": 60}, "until"),
        ({"begin": DAY, "begin_back": 60}, "begin"),
        ({"begin": DAY, "until": DAY}, "until"),
        ({"begin": DAY, "until": 3600.0}, "until"),
        ({"begin_back": 7200, "keep_seconds": 3600}, "begin"),
    ],
)
def test_what_makes_no_sense_is_refused(wished: dict[str, Any], field: str) -> None:
    with pytest.raises(FieldError) as caught:
        dashget.Wishes(**wished)
    assert caught.value.field == field
    assert caught.value.hint


def test_what_makes_sense_is_kept() -> None:
    assert dashget.Wishes(begin_back=0, keep_seconds=3600, keep_bytes=1, seconds=0.5).rolls
    assert dashget.Wishes(begin=0, until=DAY, wait=True, local_every=math.inf).until == DAY
    assert not dashget.Wishes().rolls


def test_the_command_and_the_library_make_as_many_requests_at_once() -> None:
    from dashget.cli.options.requests import transfer_options
    from dashget.live.options import USUALLY_IN_FLIGHT
    from tests.unit.cli.lines import read

    assert transfer_options(read("record", "http://h/x.mpd")).in_flight == USUALLY_IN_FLIGHT
    mirrored = transfer_options(read("get", "http://h/x.mpd"))
    assert mirrored.in_flight == dashget.TransferOptions().most_in_flight
