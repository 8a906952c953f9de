"""Laws of recordings of lists and of single files, over simulated worlds."""

from __future__ import annotations

import itertools
from fractions import Fraction

import msgspec
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from dashget.live.facts import Fact, FileFact, NamesFact
from dashget.live.gaps import gaps_in, totals_in
from dashget.live.listing import Axis, Listing, Once, PeriodMark, Version
from dashget.live.localmpd import Coverage, local_mpd
from dashget.live.named import fact_of
from dashget.live.options import Wishes
from dashget.live.policy import Answer
from dashget.live.recorder import Recorder
from dashget.live.snapshot import facts_of
from dashget.live.state import State
from dashget.live.world import Fetch, FetchEnded, FetchOnce
from dashget.media.extent import Extent
from dashget.media.kind import SegmentKind
from dashget.mpd.names import NAMESPACE
from dashget.mpd.template import Address, UrlPattern
from tests.support.liveworld import (
    BEGIN,
    Encoder,
    KilledError,
    Script,
    SimulatedWorld,
)
from tests.support.played import initializations, played_files

SCALE = 10
END = 120.0


def document(script: Script, at: float) -> Version:
    """Return what a manifest with lists says at a time; ``form`` tells where times are."""
    encoder = script.encoder_at(at)
    edge = int((at - encoder.start) // script.step)
    first = max(0, edge - (script.depth or 1000) // script.step)
    origin = Fraction(BEGIN) + Fraction(encoder.start)
    listings = []
    for track in range(script.tracks):
        init = Once(f"t{track}/init.mp4", ("http://o/i",), SegmentKind.INITIALIZATION)
        media = [
            Once(
                f"t{track}/{encoder.start:.0f}-{position}.m4s", ("http://o/m",), SegmentKind.MEDIA,
                time=position * script.step * SCALE if script.form == "manifest" else None,
                duration=0 if script.form == "none" else script.step * SCALE,
                scale=SCALE, origin=origin, depth=script.depth, behind=init.path,
            )
            for position in range(first, edge)
        ]  # fmt: skip
        listings.append(
            Listing(
                key=f"p{encoder.start} t{track} name", label=f"track {track}",
                address=Address(()), place=UrlPattern.literal(""), axis=Axis.NAME, scale=SCALE,
                origin=origin, once=(init, *media), usual=float(script.step), named=True,
                period=f"p{encoder.start}", period_start=origin,
                shape=_shape(track, "audio" if track and has_sound(script) else "video"),
            )
        )  # fmt: skip
    return Version(
        digest=f"{encoder.start} {first} {edge}",
        begin=Fraction(BEGIN),
        publish=BEGIN + encoder.start + edge * script.step,
        update=script.update,
        depth=script.depth,
        listings=tuple(listings),
        periods=(PeriodMark(f"p{encoder.start}", Fraction(encoder.start), None),),
    )


def has_sound(script: Script) -> bool:
    """Return True if the second track has audio: where both have the same times for certain."""
    return script.form in ("files", "manifest") and not script.restarts


def _shape(track: int, kind: str) -> str:
    return (
        f'<MPD xmlns="{NAMESPACE}" profiles="p" minBufferTime="PT2S" type="static">'
        f'<BaseURL>./</BaseURL><Period><AdaptationSet contentType="{kind}" mimeType="{kind}/mp4">'
        f'<Representation id="t{track}" bandwidth="8000"><SegmentList><Initialization'
        f' sourceURL="t{track}/init.mp4"/></SegmentList></Representation></AdaptationSet></Period>'
        "</MPD>"
    )


class NamedWorld(SimulatedWorld):
    """A world whose files only their names tell."""

    def _fetched(self, errand: Fetch | FetchOnce) -> FetchEnded:
        assert isinstance(errand, FetchOnce)
        path, script = errand.path, self.script
        if path.endswith("init.mp4"):
            return super()._fetched(errand)
        encoder, position = parse(script, path)[0], self._position(path)
        status = script.status(encoder, position, self.at)
        if status != 200:
            return FetchEnded(errand, Answer(status))
        extent = None
        if script.form == "files":
            extent = Extent(position * script.step * 90_000, script.step * 90_000, 90_000)
        fact = fact_of(errand.once, path, 9, BEGIN + self.at, extent)
        self.disk.append(fact)
        self._step()
        return FetchEnded(errand, Answer(200, here=True, size=9), fact=fact)

    def _position(self, path: str) -> int:
        """Return the position of the segment that a name stands for now."""
        return parse(self.script, path)[1]


def parse(script: Script, path: str) -> tuple[Encoder, int]:
    start, _, position = path.rpartition("/")[2].removesuffix(".m4s").partition("-")
    return next(each for each in script.encoders() if each.start == float(start)), int(position)


def spans(low: int, high: int, longest: int) -> st.SearchStrategy[tuple[float, float]]:
    return st.tuples(st.integers(low, high), st.integers(1, longest)).map(
        lambda span: (float(span[0]), float(sum(span)))
    )


SCRIPTS = st.builds(
    Script,
    form=st.sampled_from(["files", "manifest", "durations", "none"]),
    step=st.sampled_from([1, 2]),
    depth=st.sampled_from([10, 30]),
    outages=st.lists(spans(30, 110, 40), max_size=2).map(tuple),
    missing=st.lists(
        st.tuples(st.integers(10, 60), st.just((0.0, 1000.0))).map(lambda m: (m[0], *m[1])),
        max_size=3,
    ).map(tuple),
    restarts=st.sampled_from([(), (), (62.0,)]),
)
KILLS = st.lists(st.tuples(st.integers(20, 300), st.sampled_from([0.0, 20.0])), max_size=2)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(SCRIPTS, KILLS)
@example(Script(form="files", outages=((50.0, 90.0),), depth=10), [])
@example(Script(form="none", restarts=(62.0,), missing=((20, 0.0, 1000.0),)), [(100, 20.0)])
def test_the_local_mpd_has_all_files_in_the_order_of_their_lists(
    script: Script, kills: list[tuple[int, float]]
) -> None:
    disk: list[Fact] = []
    at = 30.0
    world: NamedWorld | None = None
    for dies_at, pause in [*kills, (None, 0.0)]:
        world = NamedWorld(script, disk, at=at, dies_at=dies_at, reads=document)
        wishes = Wishes(until=BEGIN + END, wait=True)
        recorder = Recorder(world, wishes, world.wall, State.of(disk), lambda _: None)
        try:
            recorder.run()
            break
        except KilledError:
            at = world.at + pause
    assert world is not None
    state = State.of(disk)
    check_gaps(script, state, disk)
    local = local_mpd(Coverage.of(state))
    recorded = {fact.path for fact in disk if isinstance(fact, FileFact) and fact.line}
    if not recorded:
        return
    assert local is not None
    assert local == local_mpd(Coverage.of(State.of(facts_of(state))))
    assert world.local is not None
    assert world.local[1] == local
    played = played_files(local)
    assert {file.path for file in played} == (
        _beside_each_other(recorded) if has_sound(script) else recorded
    )
    tracks = sorted({file.track for file in played})
    assert initializations(local) == {f"{track}/init.mp4" for track in tracks}
    for track in tracks:
        own = [file for file in played if file.track == track]
        order = [(parse(script, file.path)[0].start, parse(script, file.path)[1]) for file in own]
        assert order == sorted(order)
        for one, other in itertools.pairwise(own):
            if one.path == other.path:
                continue
            assert other.begin >= one.begin + one.length
            (encoder, first), (later, second) = (parse(script, f.path) for f in (one, other))
            if encoder == later and script.form in ("files", "manifest"):
                assert other.begin - one.begin == (second - first) * script.step
            if other.begin > one.begin + one.length:
                assert other.period > one.period
        if script.form in ("files", "manifest"):
            for file in own:
                assert file.media == parse(script, file.path)[1] * script.step


def _beside_each_other(recorded: set[str]) -> set[str]:
    """Return the files of video and audio of the same time; or of one, if that leaves out less."""
    tracks = [{path[3:]: path for path in recorded if path[1] == track} for track in "01"]
    both = tracks[0].keys() & tracks[1].keys()
    alone = len(recorded) - 2 * len(both)
    if alone > min(map(len, tracks)):
        return set(max(tracks, key=len).values())
    return {path for path in recorded if path[3:] in both}


def check_gaps(script: Script, state: State, disk: list[Fact]) -> None:
    """What is missing between two recorded files is in a gap; where nothing is, there is none."""
    facts = [fact for fact in disk if isinstance(fact, FileFact) and fact.line]
    totals = totals_in(state)
    assert totals.recorded == len({fact.path for fact in facts})
    assert totals.announced == totals.recorded + totals.lost
    gaps = gaps_in(state)
    assert all(gap.reason.is_loss for gap in gaps)
    for track in range(script.tracks):
        paths = {fact.path: fact for fact in facts if fact.path.startswith(f"t{track}/")}
        own = [gap for gap in gaps if gap.label == f"track {track}"]
        places = sorted(parse(script, path)[1] for path in paths if "/0-" in path)
        missing = set(range(places[0], places[-1])) - set(places) if places else set()
        if len(paths) == len(places) and not missing and not totals.lost:
            assert not own
        if script.form in ("files", "manifest"):
            for position in missing:
                middle = BEGIN + (position + 0.5) * script.step
                assert any(gap.begin <= middle < gap.end for gap in own)
        elif missing:
            assert own


@pytest.mark.parametrize("form", ["files", "manifest", "durations", "none"])
def test_all_files_of_an_undisturbed_list_are_recorded(form: str) -> None:
    disk: list[Fact] = []
    world = NamedWorld(Script(form=form, depth=40), disk, at=30.0, reads=document)
    wishes = Wishes(until=BEGIN + END, wait=True)
    result = Recorder(world, wishes, world.wall, State(), lambda _: None).run()
    assert not result.lost_files
    found = {fact.path for fact in disk if isinstance(fact, FileFact) and fact.line}
    assert len(found) >= 2 * 58
    assert found == {f"t{track}/0-{k}.m4s" for track in range(2) for k in range(len(found) // 2)}
    assert world.local is not None
    assert world.local[1] is not None
    assert len({file.period for file in played_files(world.local[1])}) == 1


RING = 25


def ring(script: Script, at: float) -> Version:
    """Return what a manifest says whose files have few names, which come again and again."""
    version = document(script, at)
    listings = []
    for listing in version.listings:
        media = [
            msgspec.structs.replace(once, path=ring_path(once.path))
            for once in listing.once
            if once.kind is SegmentKind.MEDIA
        ]
        listings.append(msgspec.structs.replace(listing, once=(listing.once[0], *media)))
    return msgspec.structs.replace(version, listings=tuple(listings))


def ring_path(path: str) -> str:
    above, _, position = path.rpartition("-")
    return f"{above}-{int(position.removesuffix('.m4s')) % RING}.m4s"


class RingWorld(NamedWorld):
    """A world in which a name stands for the newest media that have it."""

    def __init__(self, script: Script, disk: list[Fact], **when: float | None) -> None:
        super().__init__(script, disk, reads=ring, **when)  # type: ignore[arg-type]  # as there
        self.came: dict[str, list[int]] = {}

    def _position(self, path: str) -> int:
        edge = int(self.at // self.script.step) - 1
        position = edge - (edge - super()._position(path)) % RING
        self.came.setdefault(path, []).append(position)
        return position


@pytest.mark.parametrize("form", ["files", "manifest", "durations", "none"])
@pytest.mark.parametrize("dies_at", [None, 150, 151, 152, 153, 154, 155])
def test_names_that_come_again_are_other_files(form: str, dies_at: int | None) -> None:
    script = Script(form=form, depth=20, tracks=1)
    disk: list[Fact] = []
    came: dict[str, int] = {}
    at = 30.0
    for dies in (None,) if dies_at is None else (dies_at, None):
        world = RingWorld(script, disk, at=at, dies_at=dies)
        wishes = Wishes(until=BEGIN + 180.0, wait=True)
        try:
            Recorder(world, wishes, world.wall, State.of(disk), lambda _: None).run()
        except KilledError:
            at = world.at + 3.0
        came |= {path: positions[-1] for path, positions in world.came.items()}
    files = [fact for fact in disk if isinstance(fact, FileFact) and fact.line]
    assert len({fact.path for fact in files}) == len(files), "no name is taken twice"
    assert {fact.path for fact in files} == set(came)
    numbers = sorted((came[fact.path], fact.n) for fact in files)
    first = numbers[0]
    assert numbers == [(first[0] + k, first[1] + k) for k in range(len(numbers))]
    assert numbers[-1][0] >= 88
    assert not gaps_in(State.of(disk))


def test_a_week_of_a_list_takes_little_memory() -> None:
    state = State.of([NamesFact(1, "p v name", track="v")])
    for n in range(300_000):
        once = Once(
            f"v/{n}.m4s", (), SegmentKind.MEDIA, time=n * 20, duration=20, scale=SCALE,
            origin=Fraction(BEGIN), line=1, n=n,
        )  # fmt: skip
        state.named.take(fact_of(once, once.path, 9, BEGIN + n * 2.0 + 3, Extent(n * 20, 20, 10)))
    assert len(state.named.by_id[1].rows.rows) == 1
    assert len(msgspec.json.encode(list(state.named.facts()))) < 1000
