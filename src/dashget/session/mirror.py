"""Mirror a presentation that is loaded: claim the place, fetch, prune, and sum up."""

from __future__ import annotations

import time
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from dashget.common.filenames import on_disk
from dashget.common.secrets import hide_user
from dashget.common.stopping import Stop
from dashget.errors import DashGetError, StoreError, UsageError
from dashget.events import (
    ManifestLoaded,
    Observer,
    Playback,
    Summary,
    TrackPlanned,
    Warned,
)
from dashget.manifest.load import LoadedManifest
from dashget.mirroring.expectation import expected_of
from dashget.mirroring.jobs import Policy
from dashget.mirroring.keep import keep_manifest, make_header
from dashget.mirroring.ledger import Ledger
from dashget.mirroring.options import MirrorOptions
from dashget.mirroring.run import MirrorRun
from dashget.planning.layout import SUMS_NAME
from dashget.planning.limits import count_files
from dashget.planning.plan import iter_plan
from dashget.planning.tracks import Track, track_label, unplanned_hint, unplanned_reason
from dashget.store import FailureRecord, LocalDirectory, Mirror
from dashget.transfer.contract import Transfers

if TYPE_CHECKING:
    from dashget.store import Backend

_DRY_RECHECK: Final = (
    "a dry run does not compare files with the server; use dashget verify DIR --remote, which"
    " changes no file"
)
_SNAPSHOT: Final = (
    "the presentation is live: this is a snapshot of the segments that are available now;"
    " dashget record follows it"
)


class MirrorJob:
    """One mirror of one loaded presentation. Create it, and call ``run`` once."""

    def __init__(
        self,
        loaded: LoadedManifest,
        root: Path | Backend | None,
        options: MirrorOptions,
        observer: Observer,
        stop: Stop,
        *,
        warnings: int = 0,
    ) -> None:
        """``root`` is the directory of the mirror, or another place for it."""
        self._loaded = loaded
        self._options = options
        self._ledger = Ledger(observer, warnings=warnings)
        self._stop = stop
        self._started = time.monotonic()
        if options.recheck and options.dry_run:
            self._ledger(Warned(_DRY_RECHECK))
        root = root or Path(on_disk(loaded.root_name))
        if isinstance(root, Path):
            root = LocalDirectory(root, fsync=options.fsync, follow_links=options.follow_links)
        self._place = root
        self._name_bytes = Mirror(root, read_only=True).name_bytes()
        try:
            self._expected = expected_of(
                loaded.presentation,
                loaded.name,
                options.selection,
                options.limits,
                self._name_bytes,
                loaded.budget.copy(),
            )
        except DashGetError:
            self._warn()
            raise
        self._tracks = self._expected.selected_tracks()
        self._files = count_files(self._tracks)
        _refuse_local_files(self._tracks)
        self._playback: Playback | None = None

    def run(self, engine: Transfers) -> Summary:
        """Bring every planned file to its outcome; return the Summary, which was observed, too."""
        options = self._options
        failure: StoreError | None = None
        times = options.times
        with Mirror(self._place, read_only=options.dry_run, keep_times=times) as store:
            self._claim(store)
            run = MirrorRun(store, self._ledger, self._policy(store))
            try:
                self._fill(store, run, engine)
                self._finish(store)
            except StoreError as error:
                failure = self._explained(error)
            kept = store.kept()
            try:
                # Some disks tell only now that what was written is lost.
                store.close()
            except StoreError as error:
                failure = failure or self._explained(error)
        summary = self._advised(self._sum_up(kept, failure), store)
        self._ledger(summary)
        if failure is not None:
            raise failure
        return summary

    def _claim(self, store: Mirror) -> None:
        """Claim the place for this presentation, report what is to come, keep the manifest."""
        loaded = self._loaded
        only = loaded.sha256 if loaded.source.nameless else None
        header = make_header(loaded, self._options.selection, self._name_bytes)
        store.claim(header, moved=self._options.moved, only=only)
        self._announce()
        if not self._options.dry_run:
            self._playback = keep_manifest(loaded, self._expected, store, self._ledger)

    def _policy(self, store: Mirror) -> Policy:
        options = self._options
        # Checksums that are there already have to be kept up.
        summed = options.checksums or store.size(SUMS_NAME) is not None
        return Policy(
            dry_run=options.dry_run,
            checksum="sha256" if summed else None,
            check_remote=options.recheck and not options.dry_run,
            times=options.times,
            accept_odd=options.accept_odd,
            max_file_size=options.max_file_size,
            max_total_size=options.max_total_size,
        )

    def _fill(self, store: Mirror, run: MirrorRun, engine: Transfers) -> None:
        """Fetch what is missing; a remote element that is missing is a failure as well."""
        for lacking in self._loaded.unreached:
            reason = f"a remote part of the manifest: {lacking.reason}"
            self._ledger.lack(self._loaded.name, lacking.url, reason, attempts=1)
        for representation in self._expected.unplanned:
            url, reason = self._loaded.presentation.url, unplanned_reason(representation)
            hint = unplanned_hint(representation)
            self._ledger.lack(self._loaded.name, url, reason, attempts=0, hint=hint)
        with self._stop.answered():
            layout, files = self._expected.layout, sum(self._files)
            run.run(self._tracks, layout, engine, self._stop, files=files)
        if not (self._options.dry_run or self._stop.requested):
            self._lack_undescribed(store)

    def _lack_undescribed(self, store: Mirror) -> None:
        """Report media that nothing describes, as ``verify`` does: it is there, and of no use."""
        doubtful = [each for each in self._tracks if each.representation.initialization is None]
        if not doubtful:
            return
        # Loaded late: few manifests name no initialization segment.
        from dashget.mirroring.undescribed import UNDESCRIBED_HINT, find_undescribed, undescribed

        url, name = self._loaded.presentation.url, self._loaded.name
        with store.as_store_error():
            for planned in find_undescribed(doubtful, self._expected.layout, store):
                told = undescribed(planned)
                if self._options.accept_odd:
                    store.mark_odd(planned.path)
                    self._ledger.warn(told)
                else:
                    self._ledger.lack(name, url, told, attempts=0, hint=UNDESCRIBED_HINT)

    def _finish(self, store: Mirror) -> None:
        """Check that the mirror is still there; then prune, and write the checksums."""
        options, loaded = self._options, self._loaded
        if not options.dry_run:
            store.check_present()
            self._note_failures(store)
        if self._stop.requested:
            return
        # Which files are superseded is unknown if a part of the manifest is missing.
        partial = loaded.partial or self._expected.partial
        if options.prune and not (partial or self._ledger.totals.failures):
            from dashget.mirroring.expectation import LiveHistory
            from dashget.verification.prune import prune

            history = LiveHistory(store, work=loaded.budget.limits)
            prune(
                store,
                self._expected,
                history,
                loaded.name,
                self._ledger,
                dry_run=options.dry_run,
            )
        if options.dry_run:
            return
        if options.checksums or store.size(SUMS_NAME) is not None:
            from dashget.verification.sums import write_sums

            with self._stop.answered():
                write_sums(store, loaded.name, self._stop)

    def _note_failures(self, store: Mirror) -> None:
        """Write to the record which files are missing, and why, and which are so no more."""
        totals = self._ledger.totals
        if not totals.failures and not totals.absent:
            return
        now = store.now()
        if totals.absent:
            for path, before in store.failures(set(totals.absent)).items():
                found = FailureRecord(path, before.url, "not on the server", time=now, absent=True)
                store.note_failure(found)
        for each in totals.failures:
            store.note_failure(
                FailureRecord(
                    each.path,
                    each.url,
                    each.reason,
                    each.attempts,
                    each.status,
                    now,
                    each.unplanned,
                )
            )

    def _announce(self) -> None:
        """Report the manifest, its warnings, and the selected tracks."""
        loaded, observer = self._loaded, self._ledger
        presentation = loaded.presentation
        observer(
            ManifestLoaded(
                url=hide_user(presentation.url),
                size=len(loaded.data),
                type=presentation.type.value,
                periods=len(presentation.periods),
                representations=len(self._tracks),
                root=self._place.name,
                title=presentation.title,
                notes=self._expected.notes,
            )
        )
        self._warn()
        if presentation.dynamic:
            observer(Warned(_SNAPSHOT))
        for track, files in zip(self._tracks, self._files, strict=True):
            observer(_planned(track, files))

    def _warn(self) -> None:
        """Report the warnings about the manifest."""
        for issue in self._loaded.warnings:
            self._ledger(Warned.of(issue))

    def _sum_up(self, kept: tuple[int, int], failure: StoreError | None) -> Summary:
        loaded = self._loaded
        return self._ledger.summary(
            root=self._place.name,
            manifest=self._place.locate(loaded.name),
            url=loaded.source.name,
            seconds=loaded.seconds + time.monotonic() - self._started,
            requests=loaded.fetched.requests if loaded.fetched else 0,
            interrupted=self._stop.requested or not self._ledger.planning_done,
            dry_run=self._options.dry_run,
            bytes_estimated=_total(track.bytes_estimated for track in self._tracks),
            error=None if failure is None else failure.message,
            kept=kept,
            playback=self._playback,
            ended_by=self._stop.bound,
        )

    def _advised(self, summary: Summary, store: Mirror) -> Summary:
        """Add the hint for a run that left files missing."""
        if summary.complete or summary.error is not None:
            return summary
        from dashget.mirroring.advice import History, advise

        history = History(
            root=self._place.name,
            dynamic=self._loaded.presentation.dynamic,
            plan=lambda: iter_plan(self._tracks, self._expected.layout),
            is_there=store.is_recorded,
            interrupted=summary.interrupted,
            ended_by=summary.ended_by,
        )
        advice = advise(summary.failures, history)
        return msgspec.structs.replace(summary, hint=advice.hint, failures=advice.failures)

    def _explained(self, error: StoreError) -> StoreError:
        """Add the directory to an error of the store."""
        if self._place.name not in error.message:
            error.message = f"cannot continue in {self._place.name}: {error.message}"
        return error


def _planned(track: Track, files: int) -> TrackPlanned:
    representation = track.representation
    return TrackPlanned(
        track=track.key,
        period_index=representation.period.index,
        representation=representation.id,
        content_type=representation.content_type.value,
        label=track_label(representation),
        segments=track.index.count(),
        bytes_estimated=track.bytes_estimated,
        files=files,
    )


def _refuse_local_files(tracks: tuple[Track, ...]) -> None:
    """Raise UsageError for a local MPD whose relative references name local files."""
    for track in tracks:
        for address in track.index.addresses():
            if address.patterns[0].marked[:5].lower() == "file:":
                raise UsageError(
                    "the local MPD contains relative URLs, and its original address is unknown",
                    hint="give --base-url with the URL that the MPD was downloaded from; of a"
                    " mirror, name the directory",
                )


def _total(estimates: Iterable[int | None]) -> int | None:
    known = [estimate for estimate in estimates if estimate is not None]
    return sum(known) if known else None
