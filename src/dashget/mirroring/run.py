"""One run: plan, skip what is complete, transfer, verify, record, sum up.

The plan is worked through once, in one round of the engine. Files that are worth another try
follow in further rounds, after all others have had their turn.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from dashget.common.oserrors import TOO_LARGE_HINT
from dashget.common.stopping import Stop
from dashget.errors import StoreError
from dashget.events import Outcome
from dashget.mirroring.arrivals import Arrivals
from dashget.mirroring.jobs import Jobs, Policy
from dashget.mirroring.ledger import Ledger
from dashget.mirroring.missing import until_pause
from dashget.mirroring.outcomes import Outcomes
from dashget.planning.layout import Layout
from dashget.planning.plan import iter_plan
from dashget.planning.tracks import Track
from dashget.store import Mirror
from dashget.transfer.contract import Job, Method, Reading, Transfers

if TYPE_CHECKING:
    from dashget.mirroring.room import Room
    from dashget.mirroring.standins import StandIns


class MirrorRun:
    """One run over a mirror that is claimed. Create it, call ``run`` once, read the ledger.

    The engine pulls jobs, and calls the outcomes and the ledger, from its threads: one thing at
    a time.
    """

    def __init__(self, store: Mirror, ledger: Ledger, policy: Policy) -> None:
        self._store = store
        self._ledger = ledger
        self._policy = policy
        self._room = ledger.room = make_room(policy)
        odd, room = policy.accept_odd, self._room
        arrivals = Arrivals(store, policy.checksum, accept_odd=odd, room=room)
        self._arrivals = arrivals
        self._outcomes = Outcomes(store, ledger, arrivals)
        self._jobs = Jobs(store, policy, ledger, arrivals, self._outcomes)
        self._stand_ins: StandIns | None = None

    def run(
        self,
        tracks: Sequence[Track],
        layout: Layout,
        engine: Transfers,
        stop: Stop,
        *,
        files: int,
    ) -> None:
        """Bring every planned file to its outcome, or as many as ``stop`` leaves time for.

        ``files`` is how many files the tracks name, as far as that can be counted.
        """
        ledger, outcomes = self._ledger, self._outcomes
        write_lines = self._store.write_lines
        ledger.begin(
            planned=self._jobs, collect=outcomes.collect, write_lines=write_lines, files=files
        )
        self._refuse_too_large(tracks, layout)
        outcomes.clocks.layout = layout
        self._arrivals.told = stop.check
        if self._room is not None:
            self._jobs.foresee_too_large(tracks, layout, self._room)
            self._room.open(self._store, stop)
        jobs = self._jobs.from_plan(tracks, layout, self._room or stop)
        if self._policy.dry_run:
            for job in until_pause(jobs):
                looks = job.request.method is Method.HEAD
                ledger.finish(job.payload, Outcome.UNCOMPARED if looks else Outcome.PLANNED)
            return
        try:
            self._work_through(jobs, tracks, layout, engine, stop)
            self._prove(engine, stop)
            outcomes.ask_for_ends()
            found = not stop.requested and outcomes.check_times(tracks)
            while not stop.requested and ((again := outcomes.take_again()) or found):
                ledger.begin_round()
                self._fetch(self._jobs.again(again), engine)
                self._look_at_host(engine, stop)
                if outcomes.missing.reason is not None:
                    outcomes.fail_waiting()
                found = not stop.requested and outcomes.check_times(tracks)
        except StoreError:
            with contextlib.suppress(StoreError):
                outcomes.collect_all()
            outcomes.settle()
            raise
        if not stop.requested:
            self._store.note_judged()
        outcomes.settle()

    def _work_through(
        self,
        jobs: Iterator[Job | None],
        tracks: Sequence[Track],
        layout: Layout,
        engine: Transfers,
        stop: Stop,
    ) -> None:
        """Run all jobs of the plan; ask for samples where nothing comes, and stop if none does."""
        outcomes, missing = self._outcomes, self._outcomes.missing
        while missing.reason is None:
            self._jobs.paused = False
            self._fetch(until_pause(jobs), engine)
            self._look_at_host(engine, stop)
            if missing.suspects and not stop.requested:
                self._fetch_elsewhere(engine)
            if stop.requested:
                return
            if missing.suspects:
                self._sample(tracks, layout, engine)
            elif missing.reason is None and not self._jobs.paused:
                # The plan has ended; else a file has come after the pause, and it goes on.
                return
        outcomes.fail_waiting()
        for job in until_pause(jobs):
            outcomes.fail_unasked(job)

    def _sample(self, tracks: Sequence[Track], layout: Layout, engine: Transfers) -> None:
        """Ask for files from all over the presentation, and decide by them."""
        missing = self._outcomes.missing
        samples = list(self._jobs.from_samples(tracks, layout))
        self._ledger.begin_round()
        missing.begin_samples()
        self._fetch(samples, engine)
        self._fetch_elsewhere(engine)
        missing.decide()
        self._ledger.begin_round()

    def _fetch_elsewhere(self, engine: Transfers) -> None:
        """Ask the other base URLs for files in place of which something else has come."""
        while files := self._outcomes.take_elsewhere():
            self._ledger.begin_round()
            self._fetch(map(self._jobs.fetch, files), engine)

    def _look_at_host(self, engine: Transfers, stop: Stop) -> None:
        """Wait for a host that sends one and the same thing in place of every file."""
        outcomes = self._outcomes
        if stop.requested or not outcomes.missing.suspects_host:
            return
        if self._stand_ins is None:
            # Loaded late: few hosts do so.
            from dashget.mirroring.standins import StandIns

            ledger, waits = self._ledger, Reading(transferred=0, in_flight=0, waiting=1)
            self._stand_ins = StandIns(
                engine, stop, outcomes.count, ledger.warn, lambda: ledger.on_tick(waits)
            )
        self._ledger.begin_round()
        if self._stand_ins.decide(outcomes.missing, outcomes.good):
            outcomes.forgive()

    def _fetch(self, jobs: Iterable[Job], engine: Transfers) -> None:
        """Run jobs, and wait until all their files have their names."""
        engine.run(jobs, self._outcomes.done, hooks=self._ledger)
        self._outcomes.collect_all()
        self._store.write_lines()
        if self._room is not None:
            self._room.end_if_full()

    def _prove(self, engine: Transfers, stop: Stop) -> None:
        """Find out which files are the same on the server although their validators differ."""
        outcomes = self._outcomes
        if stop.requested or not (doubts := outcomes.take_doubts()):
            return
        # Loaded late: files are in doubt only after their presentation has moved or changed.
        from dashget.mirroring.proving import Doubt, Proving, Verdict

        def decide(doubt: Doubt, verdict: Verdict) -> None:
            if verdict in (Verdict.SAME, Verdict.SAMPLED):
                sampled = verdict is Verdict.SAMPLED
                outcomes.keep_same(doubt.payload, doubt.known, doubt.answer, sampled=sampled)
            else:
                outcomes.fetch_again(doubt.payload)

        proving = Proving(
            self._store,
            decide,
            count=lambda doubt, result: outcomes.count(doubt.payload, result),
            exact=self._policy.check_remote,
        )
        self._ledger.begin_round()
        proving.run(
            [Doubt(known, told, file) for file, known, told in doubts], engine, stop, self._ledger
        )

    def _refuse_too_large(self, tracks: Sequence[Track], layout: Layout) -> None:
        """Raise StoreError if the manifest tells that a file is too large for the place.

        It tells so by the byte ranges of segments. Other sizes are known when a response begins:
        then its file fails alone, before its body comes.
        """
        most = self._store.place.largest_bytes
        if most is None or self._policy.dry_run:
            return
        for planned in iter_plan(tracks, layout):
            span = planned.segment.range
            if span is not None and (span.last or span.first) >= most:
                raise StoreError(
                    f"{planned.path} is larger than {self._store.name} can hold: it has bytes up"
                    f" to {span.last or span.first:,}, of a file {most:,} at most",
                    hint=TOO_LARGE_HINT,
                )


def make_room(policy: Policy) -> Room | None:
    """Return the limits on what a run stores; None if there are none."""
    if policy.max_file_size is None and policy.max_total_size is None:
        return None
    # Loaded late: few runs have limits.
    from dashget.mirroring.room import Room

    return Room(policy.max_file_size, policy.max_total_size)
