"""Laws of recordings of a file that grows, over simulated worlds."""

from __future__ import annotations

import math
from fractions import Fraction

import msgspec
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from dashget.live.facts import Fact, FileFact, Reason
from dashget.live.gaps import gaps_in
from dashget.live.listing import Axis, Listing, Once, PeriodMark, Version
from dashget.live.named import fact_of
from dashget.live.options import Wishes
from dashget.live.policy import Answer
from dashget.live.recorder import End, Recorder, Result
from dashget.live.snapshot import facts_of
from dashget.live.state import State
from dashget.live.world import (
    Errand,
    Fetch,
    FetchEnded,
    FetchMore,
    FetchOnce,
    Found,
    MoreEnded,
    Stage,
)
from dashget.media.extent import Extent
from dashget.media.kind import SegmentKind
from dashget.mpd.template import Address, UrlPattern
from tests.support.liveworld import BEGIN, KilledError, Script, SimulatedWorld

RATE = 10
"""The file grows by so many bytes a second."""
AT_ONCE = 200
"""So many bytes are added at a time."""
PATH = "v.mp4"


class Story(msgspec.Struct, frozen=True):
    """What happens to the file, beside what a script says."""

    refused: tuple[tuple[float, float], ...] = ()
    replaced: float | None = None
    """From then on it has other bytes."""
    no_ranges: bool = False
    until: float | None = None
    """The user's end; None: that of the presentation."""
    stops: float = math.inf
    """When the user stops it."""


def document(script: Script, at: float) -> Version:
    over = at >= script.ends
    once = Once(
        PATH, ("http://o/v",), SegmentKind.MEDIA, scale=RATE, origin=Fraction(BEGIN),
        in_one=True, grows=not over,
    )  # fmt: skip
    listing = Listing(
        key="p v name", label="v", address=Address(()), place=UrlPattern.literal(""),
        axis=Axis.NAME, scale=RATE, origin=Fraction(BEGIN), once=(once,), named=True, single=True,
        static=over, period="p", period_start=Fraction(BEGIN),
    )  # fmt: skip
    return Version(
        digest=f"{over}",
        dynamic=not over,
        begin=Fraction(BEGIN),
        publish=BEGIN + (script.ends if over else 0),
        update=script.update,
        listings=(listing,),
        periods=(PeriodMark("p", Fraction(0), Fraction(script.ends) if over else None),),
    )


class GrowingWorld(SimulatedWorld):
    """A world with one file that grows until the presentation ends."""

    def __init__(
        self, script: Script, story: Story, disk: list[Fact], **when: float | None
    ) -> None:
        super().__init__(script, disk, reads=document, **when)  # type: ignore[arg-type]  # as there
        self.story = story
        self.seen = -1
        self.looks: list[float] = []

    @property
    def size(self) -> int:
        return int(RATE * min(self.at, self.script.ends))

    @property
    def here(self) -> int:
        sizes = [fact.size for fact in self.disk if isinstance(fact, FileFact)]
        return sizes[-1] if sizes else 0

    def start(self, errand: Errand) -> None:
        if isinstance(errand, FetchMore) and errand.stage is Stage.HEAD:
            self.looks.append(self.at)
        super().start(errand)

    def _fetched(self, errand: Fetch | FetchOnce) -> FetchEnded:
        assert isinstance(errand, FetchOnce)
        if not self.script.reaches(self.at):
            return FetchEnded(errand, Answer())
        fact = self._put(errand, self.size, self.size)
        return FetchEnded(errand, Answer(200, here=True), fact=fact)

    def _looked(self, errand: FetchMore) -> MoreEnded:
        story, here, size = self.story, self.here, self.size
        if not self.script.reaches(self.at):
            return MoreEnded(errand, Found.FAILED, Answer())
        if any(begin <= self.at < end for begin, end in story.refused):
            return MoreEnded(errand, Found.FAILED, Answer(403))
        there = Answer(200, here=True)
        if errand.stage is Stage.HEAD and self.seen == size and not errand.last:
            return MoreEnded(errand, Found.SAME, Answer(304), here)
        if story.replaced is not None and self.at >= story.replaced:
            return MoreEnded(errand, Found.REPLACED, Answer(206), here)
        if errand.stage is not Stage.WHOLE and story.no_ranges:
            return MoreEnded(errand, Found.NO_RANGES, Answer(200), here)
        if errand.stage is Stage.HEAD:
            return MoreEnded(errand, Found.SOUND, Answer(206), here)
        added = size - here
        if errand.stage is Stage.TAIL:
            added = min(added, AT_ONCE)
        found = Found.MORE if added == AT_ONCE else Found.ALL
        if not added:
            self.seen = size
            return MoreEnded(errand, found, Answer(206), here)
        fact = self._put(errand, here + added, added)
        if found is Found.ALL:
            self.seen = here + added
        return MoreEnded(errand, found, there, here + added, fact)

    def _put(self, errand: FetchOnce | FetchMore, size: int, more: int) -> FileFact:
        found = fact_of(errand.once, PATH, size, BEGIN + self.at, Extent(0, size, RATE))
        fact = msgspec.structs.replace(found, more=more)
        self.disk.append(fact)
        self._step()
        return fact


def record(
    script: Script, story: Story, kills: list[tuple[int, float]]
) -> tuple[Result, GrowingWorld]:
    """Record to the end, with kills; return what it came to, and the last world."""
    disk: list[Fact] = []
    at = script.starts
    for dies_at, pause in [*kills, (None, 0.0)]:
        world = GrowingWorld(script, story, disk, at=at, dies_at=dies_at, stops_at=story.stops)
        until = float("inf") if story.until is None else BEGIN + story.until
        wishes = Wishes(until=until, wait=True, linger=5.0)
        recorder = Recorder(world, wishes, world.wall, State.of(disk), lambda _: None)
        try:
            return recorder.run(), world
        except KilledError:
            at = world.at + pause
    raise AssertionError("the last one is not killed")


def spans(low: int, high: int, longest: int) -> st.SearchStrategy[tuple[float, float]]:
    return st.tuples(st.integers(low, high), st.integers(1, longest)).map(
        lambda span: (float(span[0]), float(sum(span)))
    )


SCRIPTS = st.builds(
    Script,
    ends=st.sampled_from([60.0, 200.0]),
    update=st.sampled_from([0.5, 2.0, 50.0]),
    outages=st.lists(spans(5, 230, 60), max_size=2).map(tuple),
    starts=st.just(5.0),
)
STORIES = st.builds(
    Story,
    refused=st.lists(spans(5, 190, 60), max_size=1).map(tuple),
    replaced=st.sampled_from([None, None, 30.0]),
    no_ranges=st.booleans(),
    until=st.sampled_from([None, None, 45.0]),
    stops=st.sampled_from([math.inf, math.inf, 50.0]),
)
KILLS = st.lists(st.tuples(st.integers(5, 200), st.sampled_from([0.0, 20.0])), max_size=2)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(SCRIPTS, STORIES, KILLS)
@example(Script(ends=200.0, starts=5.0), Story(), [(40, 20.0)])
@example(Script(ends=60.0, starts=5.0), Story(refused=((20.0, 999.0),)), [])
@example(Script(ends=60.0, starts=5.0, outages=((40.0, 9999.0),)), Story(until=45.0), [])
@example(Script(ends=60.0, starts=5.0, outages=((40.0, 9999.0),)), Story(stops=50.0), [])
def test_a_growing_file_is_recorded_to_its_end_or_is_a_gap(
    script: Script, story: Story, kills: list[tuple[int, float]]
) -> None:
    result, world = record(script, story, kills)
    state = State.of(world.disk)
    assert gaps_in(State.of(facts_of(state))) == gaps_in(state)
    reasons = {gap.reason for gap in gaps_in(state)}
    assert reasons == {gap.reason for gap in result.gaps}
    sizes = [fact.size for fact in world.disk if isinstance(fact, FileFact)]
    assert sizes == sorted(set(sizes)), "what is here is never taken back, or told twice"
    assert state.held == (sizes[-1] if sizes else 0)
    if not sizes or not result.reads:
        # One that was stopped before it read anything knows nothing.
        return
    if result.end is End.OVER and sizes[-1] < RATE * script.ends:
        assert reasons
    if story.until is not None and not reasons:
        assert sizes[-1] >= RATE * min(story.until, script.ends)
    if result.end is End.STOPPED and not reasons:
        assert sizes[-1] >= RATE * min(story.stops, script.ends)
    if story.replaced is not None and sizes[-1] < RATE * min(story.replaced, script.ends):
        assert reasons
    if sizes[-1] == RATE * script.ends and story.replaced is None:
        assert not reasons - {Reason.PENDING, Reason.OUTAGE, Reason.REFUSED}


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(SCRIPTS)
def test_looks_are_not_busy(script: Script) -> None:
    _, world = record(script, Story(), [])
    seconds = world.at - script.starts
    tries = sum(end - begin for begin, end in script.outages)
    assert len(world.looks) <= seconds / 5 + tries + 20


def test_an_undisturbed_file_is_all_here_and_no_gap() -> None:
    for no_ranges in (False, True):
        result, world = record(Script(ends=200.0, starts=5.0), Story(no_ranges=no_ranges), [])
        assert result.end is End.OVER
        assert world.here == RATE * 200
        assert not result.gaps
