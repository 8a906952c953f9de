"""The events of all versions of a manifest, united in the local MPD of a recording."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from fractions import Fraction

import msgspec
import pytest

from dashget.live import events as known
from dashget.live.eventreading import EventReader
from dashget.live.facts import EventFact, Fact
from dashget.live.listing import Version
from dashget.live.localmpd import Coverage, local_mpd
from dashget.live.reading import read_version
from dashget.live.snapshot import facts_of
from dashget.live.state import State
from dashget.mpd.budget import DEFAULT_LIMITS
from dashget.mpd.parse import parse_mpd
from dashget.mpd.resolve import resolve
from dashget.planning.plan import make_layout
from dashget.planning.tracks import make_tracks
from dashget.recording.facts import encode_fact, fact_of
from dashget.store.soundness import UNREADABLE
from tests.support.played import played_events
from tests.unit.live.test_localmpd import BEGIN, line, steps
from tests.unit.live.test_reading import STAMP


def version_of(
    streams: str, reader: EventReader | None = None, *, declared: str = "", remote: bytes = b""
) -> Version:
    text = (
        f'<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" {declared} profiles="p" minBufferTime="PT1S"'
        f' type="dynamic" availabilityStartTime="{STAMP}"><Period id="p" start="PT0S">{streams}'
        '<AdaptationSet contentType="video" mimeType="video/mp4"><SegmentTemplate'
        ' media="v/$Number$.m4s" duration="2"/><Representation id="v" bandwidth="8000"/>'
        "</AdaptationSet></Period></MPD>"
    ).encode()
    mpd = parse_mpd(text)
    presentation = resolve(mpd, url="http://h/live/x.mpd", now=Fraction(BEGIN) + 100)
    reader = reader or EventReader(DEFAULT_LIMITS)
    version = Version(digest="d", begin=mpd.availability_start_time)
    return reader.give(version, text, presentation, {"e.xml": remote} if remote else {})


def stream(*events: str, scale: int = 1, offset: int = 0, value: str = "1") -> str:
    return (
        f'<EventStream schemeIdUri="urn:x" value="{value}" timescale="{scale}"'
        f' presentationTimeOffset="{offset}">{"".join(events)}</EventStream>'
    )


def event(time: int, text: str = "", *, duration: int = 1, more: str = "") -> str:
    return f'<Event presentationTime="{time}" duration="{duration}" {more}>{text or time}</Event>'


def through_record(facts: Sequence[Fact]) -> list[Fact]:
    """Return facts as they are read again."""
    read = [fact_of(encode_fact(fact), "") for fact in facts]
    return [fact for fact in read if fact is not None]


def united(*versions: str, of: Sequence[Fact] = (), declared: str = "") -> bytes:
    """Return the local MPD of segments, and of versions that were read one after another."""
    state = State.of(of or line(1, *steps(0, 49)))
    reader = EventReader(DEFAULT_LIMITS)
    written: list[Fact] = []
    for streams in versions:
        found = version_of(streams, reader, declared=declared)
        written += state.events.learn(found, 1, state.expired)
    local = local_mpd(Coverage.of(state))
    assert local is not None
    again = State.of(through_record([*facts_of(State.of(of or line(1, *steps(0, 49)))), *written]))
    assert local_mpd(Coverage.of(again)) == local, "the record tells the same"
    assert local_mpd(Coverage.of(State.of(through_record(list(facts_of(again)))))) == local
    return local


def test_each_event_of_all_versions_is_there_once() -> None:
    local = united(
        stream(event(1), event(5)), stream(event(5), event(9), event(9, "other")), stream(event(5))
    )
    assert played_events(local) == [(1, "1"), (5, "5"), (9, "9"), (9, "other")]
    assert local.count(b"<EventStream") == 1


def test_another_value_and_another_clock_is_a_stream_of_its_own() -> None:
    local = united(
        stream(event(1)), stream(event(1), value="2"), stream(event(30, "1"), scale=30),
    )  # fmt: skip
    assert played_events(local) == [(1, "1")] * 3
    assert local.count(b"<EventStream") == 3


def test_a_clock_that_moves_with_its_events_brings_no_doubles() -> None:
    local = united(stream(event(101, "a"), offset=100), stream(event(201, "a"), offset=200))
    assert played_events(local) == [(1, "a")]
    assert b'presentationTimeOffset="100"' in local
    assert b'presentationTime="101"' in local


def test_events_are_in_the_period_that_holds_their_time() -> None:
    local = united(
        stream(event(5), event(12), event(16), event(17), event(19), event(20)),
        of=line(1, *steps(0, 4), *steps(8, 9)),
    )  # fmt: skip
    periods = resolve(parse_mpd(local), url="http://m/").periods
    assert [period.start for period in periods] == [0, 16]
    assert [[text for _, _, text in each.events[0].texts] for each in periods] == [
        ["5", "12"], ["16", "17", "19"],
    ]  # fmt: skip
    assert played_events(local) == [(time, str(time)) for time in (5, 12, 16, 17, 19)]


def test_an_event_that_runs_where_the_recording_begins_is_in_it() -> None:
    recorded = line(1, *steps(5, 9))
    local = united(stream(event(8), event(9, duration=3), event(11)), of=recorded)
    assert played_events(local) == [(-1, "9"), (1, "11")]
    assert b'presentationTimeOffset="10"' in local


def test_a_period_that_starts_between_two_ticks_has_exact_times() -> None:
    recorded = line(1, *[(n * 3, n) for n in range(1, 9)], step=3, scale=10)
    local = united(stream(event(1), event(2, duration=2)), of=recorded)
    assert played_events(local) == [(Fraction(7, 10), "1"), (Fraction(17, 10), "2")]
    assert b'timescale="10" presentationTimeOffset="3"' in local
    assert b'presentationTime="20" duration="20"' in local


@pytest.mark.parametrize(
    "streams",
    [
        '<EventStream schemeIdUri="urn:mpeg:dash:event:callback:2015" value="1"><Event>'
        "http://away.example/</Event></EventStream>",
        stream(event(1, "http://away.example/x")),
        stream(event(1, more='messageData="//away.example/x"')),
        stream(
            event(1, more='contentEncoding="base64" messageData="aHR0cDovL2F3YXkuZXhhbXBsZS94"')
        ),
        stream(event(1, '<a xmlns="urn:a" href="https://away.example/x"/>')),
    ],
)
def test_no_event_leads_out_of_the_mirror(streams: str) -> None:
    local = united(streams)
    assert b"away.example" not in local
    assert b"aHR0cDovL2F3YXkuZXhhbXBsZS94" not in local
    assert b"callback" not in local


def test_what_is_in_an_event_stays_with_its_prefixes() -> None:
    local = united(
        stream(
            event(
                1,
                "<s:Signal><s:Binary>/DAhAAAAAAAAAP/wEAUAAAfPf+9/fgAg9YDAAAAAAAA=</s:Binary></s:Signal>",
            )
        ),
        declared='xmlns:s="urn:scte:scte35:2014:xml+bin"',
    )
    assert b"<s:Signal" in local
    assert b"urn:scte:scte35:2014:xml+bin" in local
    assert b"/DAhAAAAAAAAAP/wEAUAAAfPf+9/fgAg9YDAAAAAAAA=</s:Binary>" in local


def test_events_stand_before_the_adaptation_sets() -> None:
    local = united(stream(event(1)))
    assert local.index(b"<EventStream") < local.index(b"<AdaptationSet")


def test_an_event_whose_times_make_no_sense_is_left_out() -> None:
    bad = ('presentationTime="x"', 'presentationTime="-5"', 'presentationTime="1" duration="y"')
    local = united(stream(event(1), *(f"<Event {each}>no</Event>" for each in bad)))
    assert played_events(local) == [(1, "1")]


def test_a_document_with_the_same_events_is_not_read_again() -> None:
    reader = EventReader(DEFAULT_LIMITS)
    first = version_of(stream(event(1)), reader).events
    assert version_of(stream(event(1)), reader).events is first
    assert [fact.t for fact in version_of(stream(event(1), event(3)), reader).events] == [1, 3]
    assert version_of("", reader).events == ()


def test_events_that_end_before_what_is_kept_are_forgotten_and_do_not_come_back() -> None:
    state = State()
    found = version_of(stream(event(1), event(5, duration=60), event(50)))
    assert len(list(state.events.learn(found, 1, state.expired))) == 3
    state.forget(BEGIN + 20)
    assert [fact.t for fact in state.events] == [5, 50]
    again = version_of(stream(event(1), event(50)))
    assert not list(state.events.learn(again, 1, state.expired))


def test_events_have_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(known, "MOST_EVENTS", 2)
    state = State()
    found = version_of(stream(event(1), event(2), event(3)))
    assert len(list(state.events.learn(found, 1, state.expired))) == 2
    assert state.events.is_full
    monkeypatch.setattr(known, "MOST_EVENTS", 9)
    monkeypatch.setattr(known, "MOST_BYTES", 300)
    assert not list(state.events.learn(version_of(stream(event(4))), 1, state.expired))


def test_an_event_of_another_generation_is_another_one() -> None:
    state = State.of([*line(1, *steps(0, 4)), *line(2, *steps(0, 4), generation=2)])
    for generation in (1, 2):
        found = version_of(stream(event(3)))
        list(state.events.learn(found, generation, state.expired))
    local = local_mpd(Coverage.of(state))
    assert local is not None
    assert played_events(local) == [(3, "3"), (13, "3")]


@pytest.mark.parametrize(
    "change",
    ['"scale":0', '"start":"1/0"', '"start":"x"', '"t":-1', '"offset":-1', '"d":-1', '"t":1e99'],
)
def test_a_line_of_an_event_that_makes_no_sense_is_damaged(change: str) -> None:
    fact = encode_fact(EventFact("x", 1, 1, "1", offset=1, d=1)).decode()
    name = change.partition(":")[0]
    old = next(part for part in fact.strip("{}\n").split(",") if part.startswith(name))
    with contextlib.suppress(*UNREADABLE):
        assert fact_of(fact.replace(old, change).encode(), "") is None


def test_an_event_of_nothing_recorded_is_in_no_period() -> None:
    fact = EventFact("<MPD", 1, 1, str(BEGIN), period="p", d=1)
    other = EventFact("<MPD/>", 1, 1, str(BEGIN), period="q", d=1)
    local = local_mpd(Coverage.of(State.of([*line(1, *steps(0, 4)), fact, other])))
    assert local is not None
    assert b"EventStream" not in local


def moving(*periods: str) -> Version:
    """Return what a document with Periods without ids says; each is ``start|events|template``."""
    made = ""
    for each in periods:
        start, streams, template = each.split("|")
        made += (
            f'<Period start="PT{start}S">{streams}<AdaptationSet contentType="video"'
            f' mimeType="video/mp4"><SegmentTemplate media="v/$Number$.m4s" {template}'
            '<Representation id="v" bandwidth="8000"/></AdaptationSet></Period>'
        )
    text = (
        '<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" profiles="p" minBufferTime="PT1S"'
        f' type="dynamic" availabilityStartTime="{STAMP}">{made}</MPD>'
    ).encode()
    mpd = parse_mpd(text)
    presentation = resolve(mpd, url="http://h/live/x.mpd", now=Fraction(BEGIN) + 100)
    version = read_version(
        mpd, presentation, make_tracks(presentation), make_layout(presentation), "digest"
    )
    return EventReader(DEFAULT_LIMITS).give(version, text, presentation, {})


def timeline(first: int, last: int, offset: int = 0) -> str:
    row = f'<S t="{2 * first}" d="2" r="{last - first}"/>'
    return (
        f'startNumber="{first}" presentationTimeOffset="{offset}"><SegmentTimeline>{row}'
        "</SegmentTimeline></SegmentTemplate>"
    )


BY_DURATION = 'duration="2" startNumber="5"/>'
AT_3 = stream(event(3, "a"))


@pytest.mark.parametrize(
    ("versions", "count"),
    [
        # Its start moves, and its events with it, or not.
        ([[f"20|{AT_3}|{timeline(10, 19)}"], [f"24|{AT_3}|{timeline(12, 21)}"]], 1),
        (
            [
                [f"20|{stream(event(9, 'a'))}|{timeline(10, 19)}"],
                [f"24|{stream(event(5, 'a'))}|{timeline(12, 21)}"],
                [f"28|{stream(event(1, 'a'))}|{timeline(14, 23)}"],
            ],
            1,
        ),
        ([[f"200|{AT_3}|{BY_DURATION}"], [f"204|{AT_3}|{BY_DURATION}"]], 1),
        ([[f"{at}|{AT_3}|{timeline(at // 2, at // 2 + 9)}"] for at in range(20, 80, 4)], 1),
        # Another Period with an event of the same words at the same place.
        ([[f"20|{AT_3}|{timeline(10, 19)}"], [f"40|{AT_3}|{timeline(20, 29)}"]], 2),
        (
            [
                [f"20|{AT_3}|{BY_DURATION}"],
                [f"20|{AT_3}|{BY_DURATION}", f'40|{AT_3}|duration="2" startNumber="15"/>'],
                [f'40|{AT_3}|duration="2" startNumber="15"/>'],
            ],
            2,
        ),
        # The first one leaves the window while the second one moves.
        (
            [
                [f"20|{AT_3}|{timeline(10, 11)}", f"24|{AT_3}|{timeline(12, 19)}"],
                [f"26|{AT_3}|{timeline(13, 21)}"],
            ],
            2,
        ),
    ],
)
def test_a_period_without_an_id_that_moves_gives_its_events_once(
    versions: list[list[str]], count: int
) -> None:
    state = State()
    written: list[EventFact] = []
    for periods in versions:
        written += state.events.learn(moving(*periods), 1, state.expired)
    assert len(written) == count


def test_what_is_left_out_of_a_document_is_told() -> None:
    reader = EventReader(DEFAULT_LIMITS)
    assert len(version_of(stream(event(1)), reader).events) == 1
    assert not reader.left_out
    assert len(version_of(stream(event(1), event(2, "x" * 70_000)), reader).events) == 1
    assert "longer than 65,536 characters" in reader.left_out["long events"]
    many = version_of(stream(*map(event, range(known.MOST_EVENTS + 1))), reader)
    assert len(many.events) == known.MOST_EVENTS
    assert "the first 20,000 are recorded" in reader.left_out["many events"]
    reader = EventReader(msgspec.structs.replace(DEFAULT_LIMITS, max_work=1000))
    assert not version_of(stream(event(1)), reader).events
    assert "more work than the limit" in reader.left_out["events"]
