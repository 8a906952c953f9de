"""A live origin, its network and a disk in simulated time, for the recorder's own loop.

A ``Script`` says what the origin does: streams with their lag, outages, segments that are missing
for a while, stale and broken manifests, restarts of the encoder, a computer with a wrong clock. A
``SimulatedWorld`` lets one recorder live in it, up to a kill at a given step; what it has written
down is the ``disk``, from which the next one goes on.
"""

from __future__ import annotations

import functools
import heapq
import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction

import msgspec

from dashget.live.clock import Kind, Sample
from dashget.live.facts import EventFact, ExpiredFact, Fact, FileFact, SegmentFact
from dashget.live.listing import Axis, Listing, Once, PatchOffer, PeriodMark, Version
from dashget.live.localmpd import local_mpd
from dashget.live.policy import Answer
from dashget.live.spans import Run
from dashget.live.state import State
from dashget.live.world import (
    Errand,
    Fetch,
    FetchEnded,
    FetchMore,
    FetchOnce,
    LocalEnded,
    MoreEnded,
    Read,
    ReadEnded,
    Report,
    Upkeep,
    UpkeepEnded,
    Way,
    WriteLocal,
)
from dashget.media.events import SILENT, EventMessage, Notices
from dashget.media.kind import SegmentKind
from dashget.mpd.names import NAMESPACE
from dashget.mpd.template import Address, Field, FieldName, UrlPattern

BEGIN = 1_700_000_000
"""The server's time when the presentation begins, in seconds since 1970."""
BASE = "http://origin/"


class KilledError(BaseException):
    """The recorder was killed here."""


class Encoder(msgspec.Struct, frozen=True):
    """One start of an encoder, until the next one; seconds count from ``BEGIN``."""

    start: float
    end: float = math.inf


class Script(msgspec.Struct, frozen=True, kw_only=True):
    """What happens, in seconds since ``BEGIN``."""

    form: str = "number"
    """``number``, ``time`` (a timeline with ``$Time$``) or ``numbered-time`` (with ``$Number$``)."""
    step: int = 2
    """The duration of a segment."""
    depth: int | None = 40
    tracks: int = 2
    lag: float = 0.0
    """How late segments are."""
    latency: float = 0.05
    update: float | None = 2.0
    starts: float = 30.0
    """When the recorder is started."""
    outages: tuple[tuple[float, float], ...] = ()
    missing: tuple[tuple[int, float, float], ...] = ()
    """Position of a segment, and the time in which it is not found."""
    alone: tuple[tuple[int, int], ...] = ()
    """Track and number of each segment that is never found, while those beside it are."""
    stale: tuple[tuple[float, float], ...] = ()
    """Times in which every other read brings a document that is ten seconds old."""
    broken: tuple[tuple[float, float], ...] = ()
    restarts: tuple[float, ...] = ()
    periods: tuple[float, ...] = ()
    """When new Periods begin."""
    ends: float = math.inf
    """When the presentation ends: then its manifest is static."""
    ends_by: str = "static"
    """How it ends: its manifest is ``static``, or stays as it is, and the last segment says so by
    an ``event`` or its brand (``lmsg``)."""
    expiring: tuple[int, ...] = ()
    """Positions of segments with an event: the manifest of their time is not valid any more."""
    clock_error: float = 0.0
    """How far the computer's clock is ahead."""
    tells_time: bool = True
    events: int = 0
    """The seconds between two events of the manifest; 0: it has none."""
    late: Fraction = Fraction(0)
    """How much later media begin than the manifest says."""
    patches: str = ""
    """What patches are like: there are none, they are ``good``, ``bad`` (another document has to
    be read), ``stuck`` (there is never anything new), or ``short`` (soon there is none)."""

    def encoders(self) -> tuple[Encoder, ...]:
        """Return the starts of the encoder."""
        bounds = (0.0, *self.restarts, math.inf)
        return tuple(itertools.starmap(Encoder, itertools.pairwise(bounds)))

    def reaches(self, at: float) -> bool:
        """Return True if the origin answers."""
        return not any(begin <= at < end for begin, end in self.outages)

    def promised(self, encoder: Encoder, position: int) -> float:
        """Return when a segment is complete."""
        return encoder.start + (position + 1) * self.step

    def exists(self, encoder: Encoder, position: int) -> bool:
        """Return True if a segment is ever made."""
        end = min(encoder.end, self.ends)
        return position >= 0 and self.promised(encoder, position) <= end

    def status(self, encoder: Encoder, position: int, at: float) -> int:
        """Return the status of a request for a segment: 0 if none comes."""
        if not self.reaches(at):
            return 0
        if not self.exists(encoder, position) or at < self.promised(encoder, position) + self.lag:
            return 404
        kept = math.inf if self.depth is None or at >= self.ends else self.depth + self.step
        if at > self.promised(encoder, position) + self.lag + kept:
            return 410
        number = self.number(encoder, position)
        hidden = any(n == number and begin <= at < end for n, begin, end in self.missing)
        return 404 if hidden else 200

    def number(self, encoder: Encoder, position: int) -> int:
        """Return the number of a segment: it tells its restarts apart for ``missing`` only."""
        return (
            position + 1 + 100_000 * self.restarts.index(encoder.start)
            if (encoder.start in self.restarts)
            else position + 1
        )

    def encoder_at(self, at: float) -> Encoder:
        """Return the encoder that is at work."""
        return next(each for each in self.encoders() if each.start <= at < each.end)


def document(script: Script, at: float) -> Version:
    """Return what the manifest says at a time."""
    encoder = script.encoder_at(at)
    over = at >= script.ends and script.ends_by == "static"
    bounds = [0.0, *(p - encoder.start for p in script.periods if encoder.start < p <= at)]
    last = min(at, script.ends) - encoder.start
    listed = last if over else min(at - script.lag, script.ends) - encoder.start
    edge = math.floor(listed / script.step + 1e-9)
    listings: list[Listing] = []
    marks: list[PeriodMark] = []
    for index, begin in enumerate(bounds):
        until = bounds[index + 1] if index + 1 < len(bounds) else None
        end = until if until is not None else (last if over else None)
        marks.append(
            PeriodMark(f"p{index}", Fraction(begin), None if end is None else Fraction(end))
        )
        oldest = (
            0
            if script.depth is None or over
            else max(0, math.ceil((last - script.depth) / script.step) - 2)
        )
        first = max(round(begin / script.step), oldest)
        stop = edge if until is None else min(edge, round(until / script.step))
        for track in range(script.tracks):
            listings.append(_listing(script, encoder, track, begin, end, first, stop, over, index))
    shown = {"at": round(edge), "bounds": len(bounds), "over": over, "e": encoder.start}
    events = tuple(_events(script, encoder, bounds, last))
    shown["events"] = len(events)
    digest = repr(shown if script.form != "number" else {**shown, "at": 0})
    return Version(
        digest=digest,
        dynamic=not over,
        begin=Fraction(BEGIN) + Fraction(encoder.start),
        publish=BEGIN
        + (
            encoder.start + edge * script.step
            if script.form != "number"
            else encoder.start + bounds[-1]
        )
        + (script.step if over else 0),
        update=script.update,
        depth=None if script.depth is None or over else float(script.depth),
        end=BEGIN + script.ends if over else None,
        listings=tuple(each for each in listings if each.step or each.rows),
        periods=tuple(marks),
        events=events,
        patch=PatchOffer("p", BEGIN + at + 1 if script.patches == "short" else None)
        if script.patches
        else None,
    )


def _events(
    script: Script, encoder: Encoder, bounds: Sequence[float], last: float
) -> Iterator[EventFact]:
    """Yield the events of the window; each has its encoder and its time there as text."""
    if not script.events:
        return
    oldest = last - (script.depth or math.inf)
    for time in range(0, max(math.floor(last), 0) + 1, script.events):
        begin = max(each for each in bounds if each <= time)
        if time < oldest:
            continue
        text = (
            f'<MPD xmlns="{NAMESPACE}"><Period><EventStream schemeIdUri="urn:x" timescale="3">'
            f"<Event>{encoder.start} {time}</Event></EventStream></Period></MPD>"
        )
        start = Fraction(BEGIN) + Fraction(encoder.start) + Fraction(begin)
        ticks = 3 * time - round(3 * begin) + 100
        period = f"p{bounds.index(begin)}"
        yield EventFact(text, ticks, 3, str(start), period=period, offset=100, d=3)


def _listing(
    script: Script, encoder: Encoder, track: int, begin: float, end: float | None, first: int,
    stop: int, over: bool, index: int,
) -> Listing:  # fmt: skip
    step = script.step
    field = FieldName.TIME if script.form == "time" else FieldName.NUMBER
    marked = f"t{track}/\ue000.m4s"
    place = UrlPattern.from_marked(marked, (Field(field),))
    address = Address((UrlPattern.from_marked(BASE + marked, (Field(field),)),))
    origin = Fraction(BEGIN) + Fraction(encoder.start)
    init = f"t{track}/init.mp4"
    once = (Once(init, (BASE + init,), SegmentKind.INITIALIZATION),)
    depth = None if script.depth is None or over else Fraction(script.depth)
    scale = 10
    listing = functools.partial(
        Listing, label=f"track {track}", address=address, place=place, scale=scale,
        depth=depth, static=over, once=once, period=f"p{index}", period_start=origin + Fraction(begin),
        shape=shape(track, script.form),
    )  # fmt: skip
    if script.form != "number":
        count = max(stop - first, 0)
        row = Run(first * step * scale, step * scale, count, first + 1)
        rows = (row,) if count else ()
        return listing(key=f"{marked} time", axis=Axis.TIME, origin=origin, rows=rows)
    start = round(begin / step) + 1
    length = None if end is None else Fraction(end - begin) * scale
    whole = (
        None
        if length is None
        else (start * step * scale + math.ceil(length / (step * scale)) * step * scale)
    )
    return listing(
        key=f"{marked} number", axis=Axis.NUMBER, origin=origin - step, step=step * scale,
        begin=start * step * scale, first_number=start, stop=whole, length=length,
    )  # fmt: skip


def kind_of(track: int) -> str:
    """Return if a track has video or audio."""
    return "audio" if track % 2 else "video"


@functools.cache
def shape(track: int, form: str) -> str:
    """Return the shape of a track: the first has video, the next audio, and so on."""
    field = "$Time$" if form == "time" else "$Number$"
    kind = kind_of(track)
    return (
        f'<MPD xmlns="{NAMESPACE}" profiles="p" minBufferTime="PT2S" type="static">'
        "<BaseURL>./</BaseURL><Period><AdaptationSet"
        f' contentType="{kind}" mimeType="{kind}/mp4">'
        f'<Representation id="t{track}" bandwidth="8000"><SegmentTemplate media="t{track}/{field}.m4s"'
        f' initialization="t{track}/init.mp4"/></Representation></AdaptationSet></Period></MPD>'
    )


class SimulatedWorld:
    """The ``World`` of one recorder in a script. ``now`` is seconds since it was started."""

    room = 4
    kept_requests = True

    def __init__(
        self,
        script: Script,
        disk: list[Fact],
        *,
        at: float,
        dies_at: int | None = None,
        stops_at: float = math.inf,
        keep: float = math.inf,
        reads: Callable[[Script, float], Version] | None = None,
    ) -> None:
        """``reads`` makes the documents, by default ``document``."""
        self.script = script
        self._document = reads or document
        self.disk = disk
        self.began = at
        self.dies_at = dies_at
        self.stops_at = stops_at
        self.keep = keep
        """So many seconds are kept."""
        self._expired = -math.inf
        self.requests: dict[tuple[float, str], list[float]] = {}
        """When each file was asked for, in its turn."""
        self.soundings: list[float] = []
        """When segments were asked for to learn if the clock is right."""
        self.reads: list[float] = []
        self.made_by: dict[tuple[int, int], float] = {}
        """The start of the encoder that has made each segment that came: by line and time."""
        self.local: tuple[float, bytes | None] | None = None
        """When the local MPD was written last, and what was written."""
        self.recorded_at = at
        """When the last segment came."""
        self.steps = 0
        self.patches = 0
        """How many patches were asked for."""
        self._last: Version | None = None
        self._now = 0.0
        self._waiting: list[tuple[float, int, Errand]] = []
        self._sequence = 0
        self._count = 0

    @property
    def wall(self) -> float:
        """What the computer takes for the time."""
        return BEGIN + self.began + self._now + self.script.clock_error

    @property
    def at(self) -> float:
        """The true time, in seconds since ``BEGIN``."""
        return self.began + self._now

    @property
    def stopping(self) -> bool:
        return self.at >= self.stops_at

    def moment(self) -> float:
        return self._now

    def start(self, errand: Errand) -> None:
        self._step()
        self._sequence += 1
        seconds = self.script.latency if self.script.reaches(self.at) else 1.0
        heapq.heappush(self._waiting, (self._now + seconds, self._sequence, errand))
        if isinstance(errand, Fetch) and errand.asked.sounding:
            self.soundings.append(self.at)
        elif isinstance(errand, Fetch) and self.kept_requests:
            encoder = self._encoder_of(errand)
            self.requests.setdefault((encoder.start, errand.asked.path), []).append(self.at)
        elif isinstance(errand, Read):
            self.reads.append(self.at)
        elif isinstance(errand, WriteLocal):
            self.local = self.at, local_mpd(errand.coverage)

    def wait(self, until: float) -> Sequence[Report]:
        self._step()
        if not self.stopping:
            until = min(until, self.stops_at - self.began)
        if not self._waiting or self._waiting[0][0] > until:
            assert until < math.inf, "the recorder waits for ever"
            self._now = max(self._now, until)
            return ()
        at, _, errand = heapq.heappop(self._waiting)
        self._now = max(self._now, at)
        if isinstance(errand, Read):
            return (self._read(errand),)
        if isinstance(errand, WriteLocal):
            return (LocalEnded(),)
        if isinstance(errand, Upkeep):
            return (self._keep_up(),)
        if isinstance(errand, FetchMore):
            return (self._looked(errand),)
        return (self._fetched(errand),)

    def hurry(self) -> None:
        self._waiting = [(min(at, self._now), *rest) for at, *rest in self._waiting]  # type: ignore[misc]  # a number and an errand
        heapq.heapify(self._waiting)

    def note(self, fact: Fact) -> None:
        self._step()
        self.disk.append(fact)

    def _keep_up(self) -> UpkeepEnded:
        """Remove what is too old, as a ``Keeper`` does."""
        before = BEGIN + self.at - self.keep
        if self.keep == math.inf or before < self._expired + 10:
            return UpkeepEnded()
        self._expired = before
        self.note(ExpiredFact(before))
        return UpkeepEnded(before)

    def _step(self) -> None:
        self.steps += 1
        assert self.steps < 100 * (10 + self._now), "the recorder is busy with nothing"
        if self.dies_at is not None and self.steps >= self.dies_at:
            raise KilledError

    def _read(self, errand: Read) -> ReadEnded:
        script, at = self.script, self.at
        asked = self._now - script.latency
        broken = any(begin <= at < end for begin, end in script.broken)
        if not script.reaches(at) or broken:
            return ReadEnded(None, asked, problem="broken" if broken else "no answer")
        self._count += 1
        seen = at
        if self._count % 2 and any(begin <= at < end for begin, end in script.stale):
            seen = max(0.0, at - 10)
            if script.encoder_at(seen).start != script.encoder_at(at).start:
                seen = at
        sample = None
        if errand.clock and script.tells_time:
            sample = Sample(Kind.UTC, BEGIN + at, asked, self._now)
        if errand.patch:
            assert script.patches
            self.patches += 1
            if script.patches == "stuck":
                assert self._last is not None
                return ReadEnded(self._last, asked, sample, way=Way.SAME)
        self._last = version = self._document(script, seen)
        refused = "it does not fit" if errand.patch and script.patches == "bad" else None
        way = Way.PATCH if errand.patch and refused is None else Way.FULL
        return ReadEnded(version, asked, sample, way=way, refused=refused)

    def _fetched(self, errand: Fetch | FetchOnce) -> FetchEnded:
        script = self.script
        if isinstance(errand, FetchOnce):
            here = script.reaches(self.at)
            if here and errand.once.compare:
                assert errand.once.compare in State.of(self.disk).once.here
                return FetchEnded(errand, Answer(200, here=True, same=True))
            if here:
                self.disk.append(FileFact(errand.path))
                self._step()
            return FetchEnded(errand, Answer(200 if here else 0, here=here))
        run = errand.asked.run
        encoder = self._encoder_of(errand)
        status = script.status(encoder, self.position(run), self.at)
        number = script.number(encoder, self.position(run))
        if any(n == number and f"t{track}/" in errand.asked.path for track, n in script.alone):
            status = 404 if status == 200 else status
        here = status == 200
        if here:
            self.recorded_at = self.at
            self.made_by[errand.asked.line.id, run.time] = encoder.start
            self.disk.append(SegmentFact(errand.asked.line.id, run.time, run.duration, run.number))
            self._step()
        listing = errand.asked.line.of(run.time)
        media = Fraction(run.time + listing.shift, listing.scale) + script.late
        size = 1000 if here else 0
        answer = Answer(status, here=here, seconds=script.latency, size=size, media=media)
        notices = self._notices(encoder, self.position(run)) if here else SILENT
        return FetchEnded(errand, answer, notices)

    def _looked(self, errand: FetchMore) -> MoreEnded:
        """Look at a file again; a world with files that grow tells what it finds."""
        raise AssertionError(f"{errand.path} does not grow")

    def _notices(self, encoder: Encoder, position: int) -> Notices:
        """Return what a segment says."""
        script = self.script
        end = script.ends_by != "static" and not script.exists(encoder, position + 1)
        if end and script.ends_by == "lmsg":
            return Notices(last=True)
        if end or position in script.expiring:
            event = EventMessage("1", 1, 0, 0 if end else None, position, is_delta=True)
            return Notices((event,))
        return SILENT

    def position(self, run: Run) -> int:
        """Return the position of a segment since the start of its encoder."""
        return run.number - 1

    def _encoder_of(self, errand: Fetch) -> Encoder:
        """Return the encoder whose segments a name stands for: the one that is at work.

        An earlier one's segments are gone from the server once another has begun.
        """
        return self.script.encoder_at(self.at)
