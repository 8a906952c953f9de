"""The recorder's loop: read the manifest, ask for what is due, write down what became of it.

It does nothing itself: all that takes time is an errand of its ``World``. One turn of the loop
starts what is due, computes when the next thing will be, and waits for that or for an errand's
end.
"""

from __future__ import annotations

import enum
import math
from collections.abc import Iterable
from fractions import Fraction
from typing import Final

import msgspec

from dashget.events import (
    ClockSet,
    GapFound,
    LiveTrack,
    ManifestRead,
    Observer,
    OutageTold,
    PresentationChanged,
    PresentationLingers,
    RecordingProgressed,
    SegmentLate,
    Warned,
)
from dashget.live import changes
from dashget.live.agenda import AGAIN, Agenda, Ended
from dashget.live.clock import Kind, ServerClock
from dashget.live.descriptions import Descriptions, folder_of, in_turn
from dashget.live.endings import Endings
from dashget.live.events import MOST_EVENTS
from dashget.live.expiry import Expiries, Given, begin_of
from dashget.live.facts import (
    EndFact,
    Fact,
    HoleFact,
    LossFact,
    OutageFact,
    Reason,
    SessionFact,
    ShortFact,
)
from dashget.live.following import Following, Trouble
from dashget.live.gaps import Gap, Totals, gaps_in, has_losses, totals_in
from dashget.live.line import Line
from dashget.live.listing import Once, Version
from dashget.live.local import LocalCopy
from dashget.live.options import Wishes
from dashget.live.patching import Patching
from dashget.live.policy import MISSING, REFUSED, Answer, Patience
from dashget.live.refresh import Refresh
from dashget.live.sight import Sight
from dashget.live.sounding import Sounding
from dashget.live.spans import Run
from dashget.live.state import State, line_fact
from dashget.live.world import (
    Fetch,
    FetchEnded,
    FetchMore,
    FetchOnce,
    MoreEnded,
    Read,
    ReadEnded,
    Report,
    Upkeep,
    UpkeepEnded,
    World,
)
from dashget.media.events import Notices
from dashget.media.kind import SegmentKind

_ALIVE_SECONDS: Final = 15.0
_PROGRESS_SECONDS: Final = 1.0
_TICK: Final = 0.001
_ASLEEP_SECONDS: Final = 5.0
"""If a wait takes so much longer than it should, this computer has slept."""
_UPKEEP_SECONDS: Final = 2.0
_LONGEST_WAIT: Final = 60.0
LAST_SECONDS: Final = 10.0
"""So long requests that are under way may take when the recording has been ended."""
_DEADLINE_FACTOR: Final = 4.0
_SOUNDING_SECONDS: Final = 5.0
_NO_PATCHES: Final = "all of the manifest is read, since {}"
_TOO_MANY_EVENTS: Final = (
    f"the local MPD has the first {MOST_EVENTS:,} events of the manifest (EventStream) at most, and"
    " less if they are long: the others are in the kept manifests alone"
)
_ACTIVE_SECONDS: Final = 10.0
"""A line that was asked for so lately tells if the origin is out."""
_LATE_SHARE: Final = 0.8
"""A request that has failed after so much of its time has taken too long."""
_DOUBTFUL_TRIES: Final = 3
"""A segment that was not there so often may be none of the presentation any more."""


class End(enum.Enum):
    """Why a recording ends."""

    OVER = "over"
    """The presentation has ended."""
    UNTIL = "until"
    """The user's time has come."""
    STOPPED = "stopped"
    """The user has stopped it."""
    GAVE_UP = "gave-up"
    """Nothing has come for too long."""
    NEVER = "never"
    """There never was a manifest."""
    NOT_YET = "not-yet"
    """The presentation begins later."""
    NOTHING = "nothing"
    """The presentation had nothing to record."""


class Result(msgspec.Struct, frozen=True):
    """What a recording has come to."""

    end: End
    totals: Totals
    gaps: tuple[Gap, ...]
    reads: int
    bytes: int
    lost_files: tuple[str, ...] = ()
    files: int = 0
    problem: str | None = None
    begins: float | None = None
    """The server time at which a presentation begins that is not there yet."""

    @property
    def has_losses(self) -> bool:
        """True if anything may be missing."""
        return bool(self.lost_files) or has_losses(self.gaps)


class Recorder:
    """Records one presentation. Create it, and call ``run`` once."""

    def __init__(
        self, world: World, wishes: Wishes, wall: float, state: State, observer: Observer
    ) -> None:
        """``wall`` is what this computer takes for the time of day."""
        self._world = world
        self._wishes = wishes
        self._observer = observer
        self._wall_offset = wall - world.moment()
        self.state = state
        self._resumed = state.resumed
        self.clock = ServerClock(wall, world.moment())
        self._refresh = Refresh()
        self._patching = Patching()
        self._endings = Endings(state)
        self._expiries = Expiries()
        self._given: Given | None = None
        """What came in place of the manifest."""
        self._asked_patch = False
        """True if the read that is under way may be by a patch."""
        self._agenda = Agenda(state.lines.by_id, state.outages)
        self._reading = False
        self._reads = 0
        self._bytes = 0
        self._begun = False
        self._until = wishes.until
        self._heard = world.moment()
        """Monotonic time at which anything came last."""
        self._edges: dict[int, float] = {}
        """The server time at which a line gets its next segment."""
        self._alive_at = 0.0
        self._upkeep_at = -math.inf
        """When the record is to be kept in order next; infinity while that is done."""
        self._told_at = -math.inf
        self._problem: str | None = None
        self._places = float(world.room)
        """So many requests may be under way: fewer if they take too long together."""
        self._fewer_at = -math.inf
        """Monotonic time at which they were made fewer last."""
        self._failing: set[tuple[int, str | None]] = set()
        """The lines of which was told that their servers do not answer, and why."""
        self._silent_since: float | None = None
        """Server time since when no manifest could be read."""
        self._heard_server: float | None = None
        """Server time of the last manifest."""
        self._last_read_server = -math.inf
        self._end: End | None = None
        self._end_by = math.inf
        """Monotonic time at which what is still under way is broken off."""
        self._hurries = False
        """True if it was."""
        self._over_since: float | None = None
        """Monotonic time since when nothing more is to come."""
        self._ran = False
        """True if the presentation has begun, by the clock, at some time in this run."""
        self._begins: float | None = None
        self._listed = False
        """True if files of media were announced that are known by their names alone."""
        self._local = LocalCopy(wishes.local_every)
        self._following = Following()
        self._descriptions = Descriptions()
        self._earlier: set[tuple[int, str]] = set()
        """Lines and Periods of which an earlier recorder has segments."""
        self._sight = Sight()
        self._sounding = Sounding()

    def run(self) -> Result:
        """Record until the end; return what it has come to."""
        world = self._world
        while True:
            now = world.moment()
            self._turn(now)
            self._end = self._end or self._ended(now)
            if self._end is not None:
                self._come_to_the_end(now)
                looks = self._following.waiting and not self._hurries
                if not (self._flying or looks) and self._is_written(now):
                    break
            wake = max(self._wake(now), now)
            reports = world.wait(wake)
            if self._begun and world.moment() > wake + _ASLEEP_SECONDS:
                self._awake(wake, world.moment())
            for report in reports:
                self._take(report)
        if self._begun:
            server = self.clock.at(world.moment())
            for each in self._agenda.close(server):
                self._tell_ended(each, "", server)
            for trouble in self._following.finish():
                self._note_short(trouble, server)
            self._note(SessionFact("end", server))
        if self._end in (End.OVER, End.UNTIL) and not self._has_any:
            self._end = End.NOTHING
        return self.result(self._end)

    def _awake(self, begin: float, end: float) -> None:
        """Draw the consequences of a sleep of this computer, between two monotonic times."""
        first, last = self.clock.at(begin), self.clock.at(end)
        self._agenda.sleeps.append((first, last))
        self._note(SessionFact("end", first))
        self._note(SessionFact("begin", last))
        self.state.runs[-1:] = [(self.state.runs[-1][0], first), (last, last)]
        self._heard_server = last
        self._told_at = -math.inf
        self.clock.doubt()
        self._refresh.want()

    def _come_to_the_end(self, now: float) -> None:
        if self._end_by == math.inf:
            self._end_by = now + LAST_SECONDS
            self._following.look_last(now)
        elif now >= self._end_by:
            self._world.hurry()
            self._hurries = True
            self._end_by = now + _LONGEST_WAIT
        if self._begun and not self._hurries:
            self._look_again(now)

    @property
    def _has_any(self) -> bool:
        """True if there ever was anything to record but initialization segments."""
        return self._resumed or self._listed or any(line.announced for line in self.state.lines)

    @property
    def _flying(self) -> int:
        """How many requests for files are under way."""
        flying = self._agenda.flying + self.state.once.flying
        return flying + self._following.flying + self._sounding.flying

    # One turn.

    def _turn(self, now: float) -> None:
        if self._end is not None or self._world.stopping:
            return
        server = self.clock.at(now)
        if not self._reading and now >= self._next_read():
            self._read(now, server)
        if not self._begun:
            return
        self._learn(server)
        if self.state.outages.allows(now, self._flying):
            self._look_again(now)
        self._fetch(now, server)
        self._write_local(now)
        if now >= self._alive_at:
            self._alive_at = now + _ALIVE_SECONDS
            self._note(SessionFact("alive", server))
        if now >= self._upkeep_at:
            self._upkeep_at = math.inf
            self._world.start(Upkeep(server))
        if now >= self._told_at + _PROGRESS_SECONDS:
            self._told_at = now
            self._tell_progress(server)

    def _next_read(self) -> float:
        """Return when the manifest is read next."""
        version = self.state.lines.version
        at = self._refresh.next_at(version)
        if self._given is not None and version is not None:
            at = min(at, self._refresh.soon(version))
        return at

    def _read(self, now: float, server: float) -> None:
        version = self.state.lines.version
        urls = () if version is None else version.locations
        self._reading = True
        fresh = self._refresh.is_pressing
        self._refresh.began(now)
        self._last_read_server = server
        given, self._given = self._given, None
        patch = self._asked_patch = given is None and self._patching.wants(version, server)
        clock = self.clock.due_again(now) and given is None
        if clock:
            self.clock.asked(now)
        self._world.start(
            Read(urls, clock=clock, server=server, given=given, fresh=fresh, patch=patch)
        )

    def _learn(self, server: float) -> None:
        begin = -math.inf if self.state.begin is None else self.state.begin
        floor = max(self.state.expired, server - self._wishes.keep_seconds)
        version = self.state.lines.version
        closes = math.inf if version is None or version.closes is None else version.closes
        for line in self.state.lines:
            if line.current and server >= self._edges.get(line.id, -math.inf):
                line.floor = line.tick(floor)
                before = line.holes.end
                for run in line.learn(min(server, closes + _TICK), begin, self._until):
                    for fact in self.state.stretches.describe(line, run):
                        self._note(fact)
                for hole, end in line.holes:
                    if before is None or hole >= before:
                        shown = self._sight.shows(line.wall(hole))
                        if shown:
                            line.shown.add(hole, end)
                        self._note(HoleFact(line.id, hole, end, shown=shown))
                line.resumed = False
                edge = math.inf if line.is_learnt() else _next_edge(line)
                self._edges[line.id] = edge if edge <= closes + _TICK else math.inf

    def _fetch(self, now: float, server: float) -> None:
        agenda, once, world = self._agenda, self.state.once, self._world
        ahead = math.inf if self.clock.kind is Kind.LOCAL else self.clock.uncertainty
        self._sound(server)
        while self._flying - agenda.stuck < self._room:
            file = once.take(now) if self.state.outages.allows(now, self._flying) else None
            if file is not None:
                world.start(FetchOnce(file[1], file[0]))
                continue
            asked = agenda.take(now, server, ahead)
            if asked is None:
                return
            left = asked.line.until(asked.run) - server
            length = asked.line.length(asked.run)
            seconds = max(_DEADLINE_FACTOR * length, min(left, 60.0), 2.0)
            world.start(Fetch(asked, min(seconds, 120.0)))

    def _look_again(self, now: float) -> None:
        """Look at files that may have grown."""
        while self._flying - self._agenda.stuck < self._room:
            errand = self._following.take(now)
            if errand is None:
                return
            line = self.state.named.by_id.get(errand.once.line)
            row = None if line is None else line.rows.find(errand.once.n)
            if row is None:
                # It is removed by now, to keep what is newer.
                self._following.flying -= 1
                self._following.drop(errand.path)
            else:
                self._world.start(msgspec.structs.replace(errand, at=row.at))

    def _take_more(self, report: MoreEnded) -> None:
        """Take how a look at a file that may have grown ended."""
        now = self._world.moment()
        server, answer = self.clock.at(now), report.answer
        if answer.is_origins:
            self._hear_nothing(report.errand, answer, now, server)
        elif not (answer.ours or answer.barred):
            self._hear_answer(None, now, server)
        if report.fact is not None:
            self._bytes += report.fact.more
            self.state.named.take(report.fact)
        trouble = self._following.answer(report, now)
        if trouble is not None:
            self._note_short(trouble, server)
        if answer.status in REFUSED:
            self._refresh.want()

    def _note_short(self, trouble: Trouble, server: float) -> None:
        """Write down that the end of a file is missing, or that it is not."""
        once, reason = trouble.once, trouble.reason
        fact = ShortFact(once.line, once.n, server, reason)
        line = self.state.named.by_id.get(once.line)
        if line is None or (reason is None and once.n not in line.short):
            return
        new = reason is not None and line.short.get(once.n, (None, 0.0))[0] is not reason
        self._note(fact)
        self.state.named.take(fact)
        row = line.rows.find(once.n)
        if new and reason is not None and row is not None:
            begin = min(row.moment(1), server)
            self._observer(GapFound(line.fact.label, begin, server, 1, reason.value))

    def _sound(self, server: float) -> None:
        """Doubt the clock for as long as nothing has come, unless a server has told it well."""
        sounding, lines = self._sounding, self.state.lines
        sounding.settled = sounding.settled or self.clock.kind is Kind.UTC
        for line in lines:
            line.spare = sounding.spare
        asked = sounding.take(lines, server)
        if asked is not None:
            self._world.start(Fetch(asked, _SOUNDING_SECONDS))

    def _take_sounding(self, line: Line, run: Run, now: float) -> None:
        """Draw the consequences of a segment that is there, maybe before its time."""
        if self.clock.prove(line.promised(run), now, surely=True):
            self._tell_clock()
            self._heard_server = self.clock.at(now)
            if not self._resumed:
                self._agenda.proven = self._heard_server + line.length(run)
        self._edges.clear()
        self._learn(self.clock.at(now))
        line.adopt(run)
        self._agenda.revive()

    def _write_local(self, now: float, *, last: bool = False) -> None:
        errand = self._local.take(self.state, now, last=last)
        if errand is not None:
            self._world.start(errand)

    def _is_written(self, now: float) -> bool:
        """Return True once the local MPD has all that is recorded, at the end."""
        if self._begun:
            self._write_local(now, last=True)
        return not self._local.flying

    def _wake(self, now: float) -> float:
        """Return the monotonic time of the next thing to do."""
        if self._end is not None or self._world.stopping:
            at = min(now + _LONGEST_WAIT, self._end_by)
            if not self._hurries and self._flying < self._room:
                at = min(at, self._following.next_at)
            return max(at, now + _TICK)
        at = now + _LONGEST_WAIT
        if not self._reading:
            at = min(at, self._next_read())
        if self._over_since is not None:
            at = min(at, self._over_since + self._wishes.linger)
        if self._wishes.give_up < math.inf:
            at = min(at, self._heard + self._wishes.give_up)
        if self._begun:
            server = self.clock.at(now)
            probing = self.state.outages.since is not None and self._flying
            if self._flying - self._agenda.stuck < self._room and not probing:
                ahead = math.inf if self.clock.kind is Kind.LOCAL else self.clock.uncertainty
                monotonic, due = self._agenda.next_at(now, server, ahead)
                first = min(monotonic, self._when(due), self.state.once.next_at)
                first = min(first, self._following.next_at)
                at = min(at, max(first, self.state.outages.probe_at))
            edge = min(
                (self._edges.get(each.id, server) for each in self.state.lines if each.current),
                default=math.inf,
            )
            at = min(at, self._when(edge), self._told_at + _PROGRESS_SECONDS, self._upkeep_at)
            at = min(at, self._local.next_at)
            if self._until > server:
                at = min(at, self._when(self._until))
        return max(at, now + _TICK)

    def _when(self, server: float) -> float:
        return self.clock.when(server) + _TICK if math.isfinite(server) else math.inf

    # What ends.

    def _take(self, report: Report) -> None:
        if isinstance(report, ReadEnded):
            began = self._world.moment()
            self._take_read(report)
            now = self._world.moment()
            self._refresh.worked(now, report.work + now - began)
        elif isinstance(report, UpkeepEnded):
            self._upkeep_at = self._world.moment() + _UPKEEP_SECONDS
            if report.expired is not None:
                self.state.forget(report.expired)
        elif isinstance(report, FetchEnded):
            self._take_fetched(report)
        elif isinstance(report, MoreEnded):
            self._take_more(report)
        else:
            self._local.ended(report, self._world.moment())
            for told in filter(None, (report.problem, report.notice)):
                self._observer(Warned(told))

    def _take_read(self, report: ReadEnded) -> None:
        now, lines = self._world.moment(), self.state.lines
        self._reading = False
        if report.sample is not None and self.clock.observe(report.sample):
            self._tell_clock()
        trouble = self._patching.read(report, by_patch=self._asked_patch)
        if trouble is not None:
            self._observer(Warned(_NO_PATCHES.format(trouble)))
        version = report.version
        if version is None:
            self._problem = report.problem
            if self._silent_since is None:
                self._silent_since = self.clock.at(now)
            self._refresh.failed(now, lines.version, report.retry_after)
            self._observer(ManifestRead("failed", problem=report.problem))
            return
        self._reads += 1
        self._heard = now
        if version.publish is not None:
            self.clock.prove(version.publish, now)
        server = self.clock.at(now)
        self._hear_manifest(now, server)
        accepted = lines.accept(version, server)
        stale = accepted.kind is changes.Kind.STALE
        new = accepted.kind not in (changes.Kind.STALE, changes.Kind.SAME)
        self._refresh.read(now, version, new=new, stale=stale)
        if accepted.kind is not changes.Kind.SAME:
            self._observer(
                ManifestRead(accepted.kind.value, version.publish, report.refused, report.way.value)
            )
        for change in accepted.changes:
            self._observer(PresentationChanged(change.what, change.name, change.how))
        if not stale:
            self._agenda.held.clear()
            self._sight.read(version, server)
        if new:
            self._begin_if_first(server)
            self._take_news(accepted, now)

    def _hear_manifest(self, now: float, server: float) -> None:
        """Draw the consequences of a manifest that came: it was out, and files may come again."""
        since, version = self._silent_since, self.state.lines.version
        if since is None and version is not None and version.depth is not None:
            # An answer that took longer than the window: what was listed meanwhile is unknown.
            heard = self._heard_server
            since = heard if heard is not None and server - heard > version.depth else None
        if since is not None:
            self.state.outages.add(since, server)
            self._note(OutageFact(since, server))
        self._silent_since, self._heard_server = None, server
        self.state.outages.probe_at = min(self.state.outages.probe_at, now)
        if since is not None:
            self._agenda.release(now)

    def _take_news(self, accepted: changes.Accepted, now: float) -> None:
        server = self.clock.at(now)
        lines, version = self.state.lines, self.state.lines.version
        for line in accepted.new_lines:
            self._note(line_fact(line))
        for line, run in accepted.withdrawn:
            self._note(LossFact(line.id, run.time, run.duration, run.number, run.count))
        for line, run, reason in accepted.replaced:
            self._tell_ended(Ended(line, run, here=False, reason=reason), "", server)
        self._edges.clear()
        current = sum(line.current for line in lines)
        self._agenda.share = max(self._world.room // max(current, 1), 1)
        if version is None:
            return
        for path, once in self._descriptions.looks(version, lines.generation, self.state.once.has):
            self.state.once.announce(path, once, now)
        version = self._in_turn(version)
        self._note_ends(self._endings.learn(version))
        self._note_events(version)
        for listing in version.listings:
            for once in listing.once:
                if listing.named and once.kind is SegmentKind.MEDIA:
                    continue
                again = lines.generation > 1
                path = f"{AGAIN}/{lines.generation}/{once.path}" if again else once.path
                self.state.once.announce(path, once, now)
                self._listed = self._listed or once.kind is SegmentKind.MEDIA
        self._learn_names(version, now)

    def _in_turn(self, version: Version) -> Version:
        """Have all lines of a document begin with the newest initialization segments."""
        lines, has = self.state.lines, self.state.once.has
        for line in lines:
            if line.current:
                line.listings = tuple(in_turn(e, line.generation, has) for e in line.listings)
        listings = tuple(in_turn(each, lines.generation, has) for each in version.listings)
        return msgspec.structs.replace(version, listings=listings)

    def _take_description(self, path: str, *, same: bool) -> None:
        """Take an initialization segment that was compared with the one of its name."""
        places, state = self._descriptions.changed(path), self.state
        if same:
            state.once.here.discard(path)
            return
        version = state.lines.version
        named = {line.fact.key: line.id for line in state.named}
        for place in places:
            keys = {
                listing.key
                for listing in (() if version is None else version.listings)
                if listing.period == place.period
                and any(once.path == place.path for once in listing.once)
            }
            ids = [named[key] for key in keys if key in named]
            ids += [line.id for line in state.lines if line.current and line.key in keys]
            for line in ids:
                if (line, place.period) in self._earlier:
                    state.stretches.renew(line)
                    continue
                for fact in state.stretches.reshape(
                    line, place.period, place.start, folder_of(path)
                ):
                    self._note(fact)
        if version is not None:
            self._in_turn(version)

    def _learn_names(self, version: Version, now: float) -> None:
        """Ask for the files that only their names tell, and write down what follows what."""
        state, count, in_one = self.state, 0, set[str]()
        for listing, learnt in state.named.learn(
            version.listings, state.lines.generation, state.lines.new_id
        ):
            line = learnt.line
            if learnt.is_new:
                self._note(line.fact)
            if learnt.first_new is not None:
                slack = Fraction(max(listing.usual, 1.0)) / 2
                for fact in state.stretches.learn(
                    line.id, learnt.first_new, listing, slack, line.rows.count
                ):
                    self._note(fact)
            self._listed = True
            count += len(learnt.files)
            for path in learnt.reused:
                state.once.lost.pop(path, None)
            for path, once in learnt.files:
                state.once.announce(path, once, now)
                here = state.once.has(path)
                self._following.see(path, once, now, here=here, resumed=self._resumed)
                if once.in_one:
                    in_one.add(path)
        state.once.expect(count)
        self._following.close_others(in_one, now)

    def _note_events(self, version: Version) -> None:
        state = self.state
        was_full = state.events.is_full
        for fact in state.events.learn(version, state.lines.generation, state.expired):
            self._note(fact)
        if state.events.is_full and not was_full:
            self._observer(Warned(_TOO_MANY_EVENTS))

    def _begin_if_first(self, server: float) -> None:
        if self._begun:
            return
        state, wishes = self.state, self._wishes
        self._begun = True
        if self._resumed:
            self._agenda.began = server
            known = state.stretches.of
            self._earlier = {(line, each.period) for line in known for each in known[line]}
        else:
            back = wishes.begin_back
            state.begin = wishes.begin if back is None else max(wishes.begin, server - back)
            state.first = server
        state.runs.append((server, server))
        begin = state.begin if state.begin is not None else -math.inf
        if wishes.seconds is not None:
            began = server if state.first is None else state.first
            self._until = min(self._until, max(began, begin) + wishes.seconds)
        self._note(SessionFact("begin", server, begin if math.isfinite(begin) else None))

    def _take_fetched(self, report: FetchEnded) -> None:
        now = self._world.moment()
        server = self.clock.at(now)
        answer = report.answer
        line = None if isinstance(report.errand, FetchOnce) else report.errand.asked.line
        if answer.is_origins:
            self._hear_nothing(report.errand, answer, now, server)
        elif answer.barred and line is not None:
            self._tell_failing(line, answer)
        elif not (answer.ours or answer.barred):
            self._hear_answer(line, now, server)
        self._bytes += answer.size if answer.here else 0
        if isinstance(report.errand, FetchOnce):
            over = self.state.once.answer(report.errand.path, answer, now)
            if over and report.errand.once.compare:
                self.state.once.lost.pop(report.errand.path, None)
                if answer.here:
                    self._take_description(report.errand.path, same=answer.same)
            elif over and answer.here:
                self._following.came(report.errand.path, now)
            elif over:
                self._following.drop(report.errand.path)
            if report.fact is not None and report.fact.line:
                self.state.named.take(report.fact)
            elif over and not answer.here and report.errand.once.line:
                self._lose_named(report.errand.once, answer, server)
            if answer.status in REFUSED:
                self._refresh.want()
            return
        if self._sounding.answered(report.errand.asked, here=answer.here):
            if answer.here:
                self._take_sounding(report.errand.asked.line, report.errand.asked.run, now)
            return
        if answer.here:
            self._sounding.came(report.errand.asked, self.state.lines, server)
        elif answer.status in MISSING:
            self._sounding.missed(report.errand.asked)
        for each in self._agenda.answer(report.errand.asked, answer, now, server):
            self._tell_ended(each, report.errand.asked.path, server)
        if answer.here:
            line, run = report.errand.asked.line, report.errand.asked.run
            late = None if answer.media is None else self.state.late.learn(line, run, answer.media)
            if late is not None:
                self._note(late)
            self._notice(line, run, report.notices)
        if self._agenda.held:
            self._refresh.want()
        attempt = report.errand.asked.line.open.get(report.errand.asked.run.time)
        if attempt is not None and attempt.tries >= _DOUBTFUL_TRIES:
            self._refresh.doubt()
            self.clock.doubt()

    def _hear_answer(self, line: Line | None, now: float, server: float) -> None:
        """Draw the consequences of an answer: its server is out no more."""
        self._heard = now
        if line is not None:
            line.works = True
            line.outages.worked(server)
        places = self._places
        self._places = min(places + 1 / places, float(self._world.room))
        ended = self.state.outages.worked(server)
        if ended is not None:
            self._agenda.release(now)
            self._note(OutageFact(*ended))
            self._observer(OutageTold(*ended))

    def _hear_nothing(
        self, errand: Fetch | FetchOnce | FetchMore, answer: Answer, now: float, server: float
    ) -> None:
        """Draw the consequences of a request without an answer.

        It is the server of one line that is in trouble, or the origin: that is so if most of the
        lines that were asked for of late have no answers.
        """
        outages, version = self.state.outages, self.state.lines.version
        depth = None if version is None else version.depth
        longest = min(5.0, max((depth or 40.0) / 8, 0.2))
        known = most = False
        since = server
        if isinstance(errand, Fetch):
            line = errand.asked.line
            known, worked, line.works = line.outages.since is not None, line.works, False
            attempt = line.open.get(errand.asked.run.time)
            since = server if attempt is None else server - (now - attempt.asked)
            begins = line.outages.failed(since, now, longest)
            active = [
                each
                for each in self.state.lines
                if each.flying or now - each.asked_at < _ACTIVE_SECONDS
            ]
            most = 2 * sum(each.outages.failing for each in active) > len(active)
            if begins and not most:
                self._tell_failing(line, answer)
            if worked:
                self._take_place(errand, now)
        else:
            most = not any(line.asked_at > -math.inf for line in self.state.lines)
        counts = outages.since is not None or (most and not known)
        if counts and outages.failed(since, now, longest):
            self._observer(OutageTold(outages.since or server, problem=answer.problem))

    def _tell_failing(self, line: Line, answer: Answer) -> None:
        told = line.id, None if answer.barred else answer.problem
        if told not in self._failing:
            self._failing.add(told)
            problem = answer.problem or "no answer"
            what = "are not asked for" if answer.barred else "fail one after the other"
            self._observer(Warned(f"segments of {line.label} {what}: {problem}"))

    def _take_place(self, errand: Fetch, now: float) -> None:
        """Make fewer requests at once if one has taken too long beside the others."""
        attempt = errand.asked.line.open.get(errand.asked.run.time)
        if attempt is None or now - attempt.asked < _LATE_SHARE * errand.seconds:
            return
        if self.state.outages.since is None and now - self._fewer_at >= 1.0:
            self._places, self._fewer_at = max(self._places / 2, 1.0), now

    @property
    def _room(self) -> int:
        """How many requests for files may be under way at once."""
        return math.ceil(self._places)

    def _lose_named(self, once: Once, answer: Answer, server: float) -> None:
        """Write down that a file of a list never came."""
        reason = Reason.REFUSED if answer.status in REFUSED else Reason.NOT_THERE
        reason = Reason.NOT_ALLOWED if answer.barred else Reason.ODD if answer.odd else reason
        fact = LossFact(
            once.line, once.n, 1, once.n, reason=reason,
            statuses=(answer.status,), until=server,
        )  # fmt: skip
        self._note(fact)
        self.state.named.take(fact)

    def _notice(self, line: Line, run: Run, notices: Notices) -> None:
        """Draw the consequences of what a segment says, and of one beyond the end of its line."""
        version = self.state.lines.version
        if line.is_beyond(run):
            self._note_ends(self._endings.go_on((line,)))
        if version is None or not line.current or not version.dynamic:
            return
        for event in notices.events:
            expiry = self._expiries.take(event, version.publish)
            if expiry is not None:
                publish = expiry.publish if expiry.publish is not None else version.publish
                self._refresh.expire(-math.inf if publish is None else publish)
                self._given = expiry.given or self._given
                if event.ends:
                    self._note_ends(self._endings.end_all(begin_of(event, line, run)))
        if notices.last:
            self._note_ends(self._endings.end(line, run.end))
            self._refresh.want()

    def _note_ends(self, ended: Iterable[Line]) -> None:
        for line in ended:
            self._note(EndFact(line.id, line.ended_at))
            self._edges.pop(line.id, None)

    def _tell_ended(self, each: Ended, path: str, server: float) -> None:
        line, run = each.line, each.run
        if each.here:
            missed = each.attempt is not None and each.attempt.tries > 1
            if missed and each.late > line.length(run):
                self._observer(SegmentLate(path, round(each.late, 3)))
            return
        attempt = each.attempt
        self._note(
            LossFact(
                line.id, run.time, run.duration, run.number, run.count, each.reason,
                tries=attempt.tries + attempt.silent if attempt else 0,
                statuses=attempt.statuses if attempt else (),
                since=attempt.first if attempt else None,
                until=server,
            )
        )  # fmt: skip
        if each.reason is not None:
            begin, end = line.wall(run.time), line.wall(run.end)
            self._observer(GapFound(line.label, begin, end, run.count, each.reason.value))

    # The end.

    def _ended(self, now: float) -> End | None:
        if self._world.stopping:
            return End.STOPPED
        version, wishes = self.state.lines.version, self._wishes
        if now - self._heard >= wishes.give_up:
            return End.GAVE_UP if self._over_since is None else End.OVER
        if version is None:
            failed = self._refresh.failures and not wishes.wait and not self._reading
            return End.NEVER if failed else None
        server = self.clock.at(now)
        if version.begin is not None and version.dynamic and server < version.begin:
            # Only at the beginning: an encoder that begins again may name a time that is to come.
            if not (wishes.wait or self._resumed or self._ran):
                self._begins = float(version.begin)
                return End.NOT_YET
            if server < self._until or self._is_busy():
                return None
            if self._resumed or self._ran:
                return End.UNTIL
            self._begins = float(version.begin)
            return End.NOT_YET
        self._ran = True
        over = self._is_over(version, server)
        if over or server >= self._until:
            for each in self._agenda.abandon(server):
                self._tell_ended(each, "", server)
        if server >= self._until:
            self._following.close(now)
        if self._is_busy():
            return None
        if server >= self._until and self._has_all_until(version, server):
            return End.UNTIL
        return End.OVER if over and self._has_lingered(now) else None

    def _is_over(self, version: Version, server: float) -> bool:
        """Return True if nothing more is to come, as far as is known: that may be taken back."""
        if self._reading:
            # It may tell something else.
            return self._over_since is not None
        over = self._endings.are_over(server, self._heard_server)
        if over:
            for line, run in self._endings.withdraw():
                self._note(LossFact(line.id, run.time, run.duration, run.number, run.count))
        over = over or self._refresh.over or self._is_closed(version)
        self._refresh.end(ended=over)
        self._be_patient(over, server)
        if not over:
            self._over_since = None
        return over

    def _be_patient(self, over: bool, server: float) -> None:
        """Have what is missing after the end asked for no longer than for a while."""
        agenda, once = self._agenda, self.state.once
        if not over:
            agenda.patience = once.patience = self._following.patience = None
        elif agenda.patience is None:
            agenda.patience = Patience(server, self._refresh.depth)
            once.patience = Patience(self._world.moment(), self._refresh.depth)
            self._following.patience = once.patience

    def _has_lingered(self, now: float) -> bool:
        """Return True if the manifest was read for long enough after the end."""
        if self._over_since is None:
            self._over_since = now
            if self._wishes.linger and self._begun:
                self._observer(PresentationLingers(self._wishes.linger))
        return now - self._over_since >= self._wishes.linger and not self._reading

    def _is_closed(self, version: Version) -> bool:
        """Return True if a document that was read after the announced end has all up to it.

        The clock may be ahead, and lists come late: unless all is listed, the end is not believed
        for some time.
        """
        end, last = version.end, version.listed_end
        if end is None:
            return False
        if version.explicit and (last is None or last < end - version.step / 2):
            lag = max((line.lag.seconds for line in self.state.lines), default=0.0)
            end += self.clock.uncertainty + lag + 2 * version.longest_step
        return self._last_read_server > end

    def _has_all_until(self, version: Version, server: float) -> bool:
        """Return True if nothing more will be announced that begins before the user's end."""
        lines = [line for line in self.state.lines if line.current]
        if all(line.wall(line.known.end or 0) >= self._until for line in lines):
            return True
        lag = max((line.lag.seconds for line in lines), default=0.0)
        late = self._until + 2 * version.longest_step + lag
        seen = self._last_read_server >= self._until + version.longest_step
        return server >= late and (seen or not version.explicit)

    def _is_busy(self) -> bool:
        """Return True if anything is still to come of what was announced."""
        if self.state.once.waiting or self._following.waiting:
            return True
        return any(line.waiting for line in self.state.lines)

    def result(self, end: End) -> Result:
        """Return what the recording has come to so far."""
        server = self.clock.at(self._world.moment())
        state = self.state
        if state.runs:
            state.runs[-1] = state.runs[-1][0], server
        return Result(
            end=end,
            totals=totals_in(state),
            gaps=tuple(gaps_in(state)),
            reads=self._reads,
            bytes=self._bytes,
            lost_files=tuple(state.once.lost),
            files=len(state.once.here) + state.named.count,
            problem=self._problem,
            begins=self._begins,
        )

    def _note(self, fact: Fact) -> None:
        self._world.note(fact)

    def _tell_clock(self) -> None:
        now = self._world.moment()
        offset = self.clock.at(now) - now - self._wall_offset
        kind = self.clock.kind.name.lower()
        self._observer(ClockSet(kind, round(offset, 3), round(self.clock.uncertainty, 3)))

    def _tell_progress(self, server: float) -> None:
        totals = totals_in(self.state)
        oldest, until = server, math.inf
        for line in self.state.lines:
            head = line.pending.first
            if head is not None:
                one = head.part(0, 1)
                oldest = min(oldest, max(line.promised(one), 0.0))
                until = min(until, line.until(one))
        self._observer(
            RecordingProgressed(
                recorded=totals.recorded,
                lost=totals.lost,
                pending=totals.pending,
                in_flight=self._agenda.flying + self.state.once.flying,
                behind_seconds=round(max(0.0, server - oldest), 3),
                window_seconds=round(until - server, 3) if until < math.inf else None,
                bytes=self._bytes,
                tracks=tuple(_track(line, server) for line in self.state.lines if line.current),
            )
        )


def _track(line: Line, server: float) -> LiveTrack:
    """Return the state of a line, for people."""
    last, head = line.recorded.last, line.pending.first
    behind, left = 0.0, math.inf
    if head is not None:
        one = head.part(0, 1)
        behind = max(0.0, server - max(line.promised(one), line.wall(one.end)))
        left = line.until(one) - server
    return LiveTrack(
        label=line.label,
        recorded=line.recorded.count,
        lost=sum(runs.count for runs in line.lost.values()),
        pending=line.waiting,
        lag_seconds=None if last is None else round(server - line.wall(last.end), 3),
        behind_seconds=round(behind, 3),
        window_seconds=round(left, 3) if left < math.inf else None,
        gaps=sum(len(runs) for runs in line.lost.values()),
    )


def _next_edge(line: Line) -> float:
    """Return the server time at which a line gets its next segment by its duration."""
    known = line.known.end
    return min((each.next_edge(known) for each in line.listings), default=math.inf)


__all__ = ["End", "Reason", "Recorder", "Result"]
