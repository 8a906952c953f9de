"""Events of a document, each with what it needs of the levels around it: at a price."""

from __future__ import annotations

from fractions import Fraction

import msgspec
import pytest

from dashget.errors import UnsupportedMPDError
from dashget.mpd.budget import DEFAULT_LIMITS, Budget
from dashget.mpd.parse import parse_mpd
from dashget.mpd.resolve import resolve
from dashget.playable.eventstreams import FoundEvent, events_in
from tests.support.builders import mpd, numbered

BEGIN = 'availabilityStartTime="2026-01-01T00:00:00Z"'
MANY = range(1000)
NAMESPACES = " ".join(f'xmlns:n{number}="urn:{number}"' for number in MANY)
LONG = f'xmlns:n="urn:{"z" * 200_000}"'
ATTRIBUTES = " ".join(f'a{number}="b"' for number in MANY)
LIMITS = msgspec.structs.replace(DEFAULT_LIMITS, max_work=40_000_000)


def events(count: int, stream: str = "", root: str = "") -> list[FoundEvent]:
    event = '<Event presentationTime="1">x</Event>'
    content = f'<EventStream schemeIdUri="urn:x" {stream}>{event * count}</EventStream>'
    data = mpd(content + numbered(), kind="dynamic", more=f"{BEGIN} {root}")
    presentation = resolve(parse_mpd(data), url="http://h/x.mpd", now=Fraction(1767225700))
    return list(events_in(data, presentation, {}, Budget(LIMITS)))


@pytest.mark.parametrize(
    "inherited",
    [{"root": NAMESPACES}, {"root": LONG}, {"stream": LONG}, {"stream": ATTRIBUTES}],
    ids=["namespaces", "a long namespace", "one of the stream", "attributes of the stream"],
)
def test_what_every_event_inherits_is_paid_for_each(inherited: dict[str, str]) -> None:
    assert len(events(5, **inherited)) == 5
    with pytest.raises(UnsupportedMPDError, match="asks for more work"):
        events(1000, **inherited)


def test_many_plain_events_are_no_attack() -> None:
    assert len(events(1000)) == 1000
