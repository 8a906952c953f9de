"""What to ask for next, and when: over all lines, by deadline.

The oldest segment of each line is a candidate once it is due; of these, and of the tries that are
due again, the one that is removed first goes first. A line whose server does not answer is asked
for one segment at a time, ever more seldom: it takes no place from the others. What can no longer
come in time is tried when nothing else is due, once, the newest first: origins keep more than they
promise, and if one of them is gone, all before it are.
"""

from __future__ import annotations

import heapq
import math
from typing import Final

import msgspec

from dashget.live.facts import Reason
from dashget.live.growth import settling_seconds
from dashget.live.line import Attempt, Line
from dashget.live.outage import Outages
from dashget.live.policy import MISSING, REFUSED, Answer, Case, Patience, Turn, Verdict, judge
from dashget.live.spans import Run

_SHARE: Final = 8
"""Every eighth request is for what may be gone, even if others are due."""
_HELD_SECONDS: Final = 0.1
_PATIENCE_STEPS: Final = 4
_PATIENCE_SECONDS: Final = 4.0
"""A line of which nothing has come for longer gets no more requests beside those under way."""


class Asked(msgspec.Struct, frozen=True, eq=False):
    """A segment that is to be asked for now."""

    line: Line
    run: Run
    urls: tuple[str, ...]
    path: str
    seen: int | None = None
    """The size that it had some time ago, when it may have been growing."""
    followed: bool = False
    """True if a later segment of its line was there already: so it is complete."""
    sounding: bool = False
    """True if it is asked for to learn if the clock is right, and may be no turn of its own."""


class Ended(msgspec.Struct, frozen=True):
    """Segments that have found an end: here, lost or withdrawn (no reason)."""

    line: Line
    run: Run
    here: bool
    reason: Reason | None = None
    attempt: Attempt | None = None
    late: float = 0.0
    """How many seconds after its promised time it was here."""


class Agenda:
    """Chooses the requests for segments, and draws the consequences of their answers."""

    def __init__(self, lines: dict[int, Line], outages: Outages) -> None:
        self._lines = lines
        self._outages = outages
        self._again: list[tuple[float, int, int]] = []
        """Tries that are due again: monotonic time, line, axis time."""
        self._turns = 0
        self.flying = 0
        """How many requests are under way."""
        self.share = 1
        """So many requests are under way at most for a line whose server has not answered yet."""
        self.held: set[tuple[int, int]] = set()
        """Segments that wait for a fresh manifest."""
        self.patience: Patience | None = None
        """How long is asked for what is missing: the presentation is over. None: it is not."""
        self.began = -math.inf
        """Server time since when this recorder runs: what left the window before was not its."""
        self.proven = -math.inf
        """Server time at which the clock was found to be wrong: what had left the window by then
        was announced by mistake."""
        self.sleeps: list[tuple[float, float]] = []
        """Server times between which this computer slept."""

    def take(self, now: float, server: float, ahead: float) -> Asked | None:
        """Return the next request that is due, if there is one.

        ``now`` is monotonic, ``server`` the server's time; ``ahead`` is how far the server's clock
        may be ahead of what is known, for what the documents list one by one.
        """
        if not self._outages.allows(now, self.flying):
            return None
        if self._outages.since is not None:
            return self._probe(now, server, ahead)
        best = self._first_again(now)
        chosen: Line | None = None
        for line in self._lines.values():
            line.expire(server + line.ahead)
            head = line.pending.first
            if (head is None and not line.is_barren) or not self._may_ask(line, now):
                continue
            if line.is_barren:
                asked = self._ask_barren(line, now, server, ahead)
                if asked is not None:
                    return asked
                continue
            if head is None:
                continue
            one = head if head.count == 1 else head.part(0, 1)
            rank = line.until(one), line.promised(one)
            if (best is None or rank < best) and self._due(line, one, ahead) <= server:
                best, chosen = rank, line
        self._turns += 1
        if best is None or self._turns % _SHARE == 0:
            resort = self._last_resort(now, server)
            if resort is not None or best is None:
                return resort
        if chosen is not None:
            run = chosen.pending.first
            if run is None:
                return None
            return self._ask(chosen, Attempt(self._taken(chosen, run)), now, server)
        attempt_line, time = heapq.heappop(self._again)[1:]
        line = self._lines[attempt_line]
        return self._ask(line, line.open[time], now, server)

    def release(self, now: float) -> None:
        """Have all lines asked for at once whose servers did not answer: one may again."""
        for line in self._lines.values():
            line.outages.probe_at = min(line.outages.probe_at, now)

    def revive(self) -> None:
        """Have all be asked for again of lines of which nothing was there."""
        for line in self._lines.values():
            self._revive(line)

    def abandon(self, server: float) -> list[Ended]:
        """Lose what has left the window of lines whose servers do not answer: the end has come."""
        ended: list[Ended] = []
        for line in self._lines.values():
            if line.outages.since is None:
                continue
            for part in line.expired.take_all():
                ended += self._lose_unasked(line, part)
            for attempt in tuple(line.open.values()):
                if not attempt.flying and line.until(attempt.run) < server:
                    reason = self._why_gone(line, attempt.run, attempt)
                    del line.open[attempt.run.time]
                    line.lose(attempt.run, reason)
                    ended.append(Ended(line, attempt.run, False, reason, attempt))
        return ended

    @property
    def stuck(self) -> int:
        """How many requests are under way to servers of single lines that do not answer."""
        if self._outages.since is not None:
            return 0
        return sum(line.flying for line in self._lines.values() if line.outages.since is not None)

    def next_at(self, now: float, server: float, ahead: float) -> tuple[float, float]:
        """Return the monotonic time, and the server time, of what is due next."""
        self._first_again(now)
        again = self._again[0][0] if self._again else math.inf
        first = math.inf
        for line in self._lines.values():
            head = line.pending.first
            if line.is_barren and not line.flying and line.outages.since is None:
                again = min(again, self._barren_at(line, now))
            if not self._may_ask(line, now):
                if line.is_barren and line.outages.since is None:
                    continue
                if not line.flying and (head is not None or line.expired):
                    again = min(again, line.outages.probe_at)
                continue
            if head is not None:
                first = min(first, self._due(line, head.part(0, 1), ahead))
            if line.expired and not line.flying and line.early is None:
                first = min(first, server)
        return again, first

    def answer(self, asked: Asked, answer: Answer, now: float, server: float) -> list[Ended]:
        """Take an answer; return what has ended by it."""
        line, run = asked.line, asked.run
        attempt = line.open[run.time]
        attempt.flying = False
        self.flying -= 1
        line.flying -= 1
        line.heard_at = now
        if not (answer.ours or answer.barred):
            line.pace.took(
                now - attempt.asked, attempt.beside, line.length(run),
                answered=not answer.is_origins, here=answer.here,
            )  # fmt: skip
        if answer.is_origins:
            attempt.silent += 1
        elif not answer.ours:
            attempt.tries += 1
            attempt.refused += answer.status in REFUSED
        if answer.here or answer.growing:
            line.newest = run.time if line.newest is None else max(line.newest, run.time)
        if answer.growing and (attempt.seen is None or attempt.seen[0] != answer.size):
            attempt.seen = answer.size, server
        if not answer.ours:
            attempt.statuses = (*attempt.statuses[-9:], answer.status)
        early = line.promised(run) - server
        if early > 0 and not (answer.is_origins or answer.ours) and not line.of(run.time).step:
            line.lead = max(line.lead or 0.0, early + line.length(run) if answer.here else 0.0)
        self._count_missing(line, answer, early)
        verdict = judge(answer, self._case(line, attempt, server))
        if verdict.turn is Turn.HERE:
            return [self._arrived(line, attempt, answer, server)]
        if verdict.turn is Turn.LOST or (answer.status in MISSING and line.is_taken_back(run)):
            return self._lose(line, attempt, verdict, server)
        if verdict.turn is Turn.REFRESH:
            self.held.add((line.id, run.time))
        if not (answer.is_origins or answer.ours):
            attempt.turn += 1
        attempt.at = now + verdict.pause
        heapq.heappush(self._again, (attempt.at, line.id, run.time))
        return []

    def _count_missing(self, line: Line, answer: Answer, early: float) -> None:
        if answer.status in MISSING and early <= 0:
            line.missing += 1
        elif answer.here or answer.growing:
            self._revive(line)

    def close(self, server: float) -> list[Ended]:
        """Lose what has left the window, since nobody will ask for it any more."""
        ended: list[Ended] = []
        for line in self._lines.values():
            line.expire(server)
            for part in line.take_gone(server):
                ended += self._lose_unasked(line, part)
        return ended

    def _due(self, line: Line, run: Run, ahead: float) -> float:
        """Return the server time from which on a segment is asked for."""
        if run.time == line.early:
            return math.inf
        promised = line.promised(run)
        if line.of(run.time).step:
            return promised + line.lag.seconds
        # It is listed: so it is there, whatever the clocks say, or will be when its time has come.
        # One segment tells which of them it is.
        return -math.inf if line.lead is None else promised - max(ahead, line.lead)

    def _may_ask(self, line: Line, now: float) -> bool:
        """Return True if one more request for a segment of a line may be made."""
        if not line.flying:
            if line.is_barren and now < line.asked_at + line.gap:
                return False
            return line.outages.since is None or now >= line.outages.probe_at
        most = 1 if line.is_barren else line.pace.most
        if line.outages.since is not None or line.flying >= most:
            return False
        if not line.works and line.flying >= self.share:
            return False
        step = line.listings[-1].step / line.scale if line.listings else 0.0
        return now - line.heard_at <= max(_PATIENCE_STEPS * step, _PATIENCE_SECONDS)

    def _ask_barren(self, line: Line, now: float, server: float, ahead: float) -> Asked | None:
        """Return the one request that is due for a line of which nothing is there.

        The newest segment tells soonest that there are some again; else the oldest one goes first.
        """
        last = line.pending.last
        while last is not None:
            one = last.part(last.count - 1, last.count)
            if self._due(line, one, ahead) <= server:
                return self._ask(line, Attempt(self._taken(line, one)), now, server)
            before = line.pending.first
            last = before if before is not None and before.time < last.time else None
        attempt = line.oldest_due(now)
        return None if attempt is None else self._ask(line, attempt, now, server)

    def _barren_at(self, line: Line, now: float) -> float:
        """Return when a line of which nothing is there is asked for again."""
        waiting = (each.at for each in line.open.values() if not each.flying)
        return max(min(waiting, default=math.inf), line.asked_at + line.gap)

    def _revive(self, line: Line) -> None:
        """Have all that is open of a line tried again: something of it is there."""
        was_barren, line.missing = line.is_barren, 0
        for time, attempt in line.open.items():
            if was_barren and not attempt.flying:
                heapq.heappush(self._again, (attempt.at, line.id, time))

    def _probe(self, now: float, server: float, ahead: float) -> Asked | None:
        """Return a request that tells if the origin answers again: each line in turn."""
        chosen: tuple[float, Line, Attempt | None] | None = None
        for line in self._lines.values():
            if (chosen is not None and line.asked_at >= chosen[0]) or not self._may_ask(line, now):
                continue
            line.expire(server + line.ahead)
            due = [each for each in line.open.values() if not each.flying and each.at <= now]
            head = line.pending.first
            if due:
                first = min(due, key=lambda each: each.run.time)
                chosen = line.asked_at, line, first
            elif head is not None and self._due(line, head.part(0, 1), ahead) <= server:
                chosen = line.asked_at, line, None
        if chosen is None:
            return self._last_resort(now, server)
        _, line, attempt = chosen
        if attempt is None:
            run = line.pending.first
            if run is None:
                return None
            attempt = Attempt(self._taken(line, run))
        return self._ask(line, attempt, now, server)

    def _first_again(self, now: float) -> tuple[float, float] | None:
        """Return the rank of the try that is due first: those that are removed first go first."""
        while self._again and self._again[0][0] <= now:
            at, line_id, time = self._again[0]
            line = self._lines[line_id]
            attempt = line.open.get(time)
            if attempt is None or attempt.flying or attempt.at != at or line.is_barren:
                heapq.heappop(self._again)
                continue
            if not self._may_ask(line, now):
                attempt.at = max(line.outages.probe_at, now + _HELD_SECONDS)
                heapq.heapreplace(self._again, (attempt.at, line_id, time))
                continue
            return line.until(attempt.run), line.promised(attempt.run)
        return None

    def _taken(self, line: Line, run: Run) -> Run:
        one = line.pending.take(run.time)
        return run.part(0, 1) if one is None else one

    def _last_resort(self, now: float, server: float) -> Asked | None:
        """Return the newest of the segments that may be gone, one at a time on each line."""
        for line in self._lines.values():
            last = line.expired.last
            if last is None or line.flying or not self._may_ask(line, now):
                continue
            newest = last.time + (last.count - 1) * last.duration
            one = None if newest == line.early else line.expired.take(newest)
            if one is not None:
                return self._ask(line, Attempt(one), now, server)
        return None

    def _ask(self, line: Line, attempt: Attempt, now: float, server: float) -> Asked:
        run = attempt.run
        line.open[run.time] = attempt
        attempt.flying = True
        attempt.asked = line.asked_at = now
        if not line.flying:
            line.heard_at = now
        line.flying += 1
        attempt.beside = line.flying
        if attempt.first is None:
            attempt.first = server
        self.flying += 1
        known = request_for(line, run, attempt.turn)
        return self._with_growth(known, attempt, server)

    def _with_growth(self, asked: Asked, attempt: Attempt, server: float) -> Asked:
        line, run, seen = asked.line, asked.run, attempt.seen
        if seen is not None and server - seen[1] < settling_seconds(line.length(run)):
            seen = None
        return msgspec.structs.replace(
            asked,
            seen=None if seen is None else seen[0],
            followed=line.newest is not None and line.newest > run.time,
        )

    def _case(self, line: Line, attempt: Attempt, server: float) -> Case:
        run, patience = attempt.run, self.patience
        first = server if attempt.first is None else attempt.first
        return Case(
            now=server,
            promised=max(line.promised(run), -1e18),
            until=line.until(run) + line.lag.seconds,
            length=line.length(run),
            lag=line.lag.seconds,
            tries=attempt.tries,
            addresses=len(line.of(run.time).address.patterns),
            refused=attempt.refused,
            last=None if patience is None else server - max(patience.since, first),
            depth=math.inf if patience is None else patience.depth,
        )

    def _arrived(self, line: Line, attempt: Attempt, answer: Answer, server: float) -> Ended:
        run = attempt.run
        del line.open[run.time]
        line.recorded.add(run)
        promised = line.promised(run)
        late = server - promised if promised > -math.inf else 0.0
        first = attempt.first if attempt.first is not None else server
        if promised > -math.inf and first - promised <= line.lag.seconds + line.length(run):
            at_first = attempt.tries == 1
            line.lag.came(max(0.0, late - answer.seconds), at_first=at_first)
        return Ended(line, run, here=True, attempt=attempt, late=late)

    def _lose(self, line: Line, attempt: Attempt, verdict: Verdict, server: float) -> list[Ended]:
        run, reason = attempt.run, verdict.reason
        del line.open[run.time]
        absent = attempt.statuses[-1] in MISSING
        if absent and (line.is_last_derived(run) or line.is_taken_back(run)):
            reason = None
        elif reason in (Reason.LEFT_WINDOW, Reason.OUTAGE):
            reason = self._why_gone(line, run, attempt)
        line.lose(run, reason)
        ended = [Ended(line, run, here=False, reason=reason, attempt=attempt)]
        if verdict.reason is Reason.LEFT_WINDOW and server > line.until(run):
            for part in line.expired.take_before(run.time):
                ended += self._lose_unasked(line, part)
        return ended

    def _lose_unasked(self, line: Line, part: Run) -> list[Ended]:
        """Lose segments that were never asked for; a run for each reason."""
        ended: list[Ended] = []
        begin = 0
        while begin < part.count:
            reason = self._why_gone(line, part.part(begin, begin + 1), None)
            low, high = begin + 1, part.count
            if self._why_gone(line, part.part(high - 1, high), None) is reason:
                low = high
            while low < high:
                middle = (low + high) // 2
                same = self._why_gone(line, part.part(middle, middle + 1), None) is reason
                low, high = (middle + 1, high) if same else (low, middle)
            piece = part.part(begin, low)
            line.lose(piece, reason)
            ended.append(Ended(line, piece, here=False, reason=reason))
            begin = low
        return ended

    def _why_gone(self, line: Line, run: Run, attempt: Attempt | None) -> Reason | None:
        """Return why a segment is gone that was not brought in its time; None: it never was."""
        promised, until = line.promised(run), line.until(run)
        if until < self.proven:
            return None
        if until < self.began or any(
            promised <= end and begin <= until for begin, end in self.sleeps
        ):
            return Reason.NOT_RUNNING
        if self._outages.overlap(promised, until) or line.outages.overlap(promised, until):
            return Reason.OUTAGE
        if promised < self.began:
            return Reason.NOT_RUNNING
        if attempt is not None and attempt.silent and not any(attempt.statuses):
            return Reason.OUTAGE
        # What was asked for in the last moments of its window alone may have been there before.
        first = math.inf if attempt is None or attempt.first is None else attempt.first
        often = attempt is not None and attempt.tries + attempt.silent > 1
        answered = often and first + line.length(run) <= until
        return Reason.NOT_THERE if answered else Reason.LEFT_WINDOW


def request_for(line: Line, run: Run, turn: int = 0) -> Asked:
    """Return a request for a segment; after each ``turn`` another one of its addresses is first."""
    listing = line.of(run.time)
    urls = listing.urls(run.time, run.number)
    turn %= len(urls)
    path = listing.path(run.time, run.number)
    if line.generation > 1:
        path = f"{AGAIN}/{line.generation}/{path}"
    return Asked(line, run, urls[turn:] + urls[:turn], path)


AGAIN = "_again"
"""The tree of what an encoder made under the same names after it began again."""
