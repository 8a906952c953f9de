"""Write the local MPD of a recording: aside, then renamed, so that players never see a half."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable

from dashget.errors import StoreError
from dashget.live.localmpd import CUT, Coverage, local_mpd, make_local
from dashget.live.state import State
from dashget.live.world import LocalEnded, WriteLocal
from dashget.mirroring.keep import NOT_WRITTEN
from dashget.planning.layout import SafePath, local_manifest_name
from dashget.recording.facts import read_facts
from dashget.store import Mirror


class LocalWriter:
    """Writes it while a recorder goes on."""

    def __init__(
        self,
        store: Mirror,
        manifest: SafePath,
        writing: threading.Lock,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """``writing`` is held while the store is written to."""
        self._store = store
        self._name = local_manifest_name(manifest)
        self._writing = writing
        self._clock = clock
        self._turn = threading.Lock()
        """Held by who makes and writes it: what is older must not come after what is newer."""
        self._expired = -math.inf
        """Server time before which it may name nothing any more."""
        self._told = False
        """True once it was told that not all of the recording fits."""

    def write(self, errand: WriteLocal) -> LocalEnded:
        """Do an errand. A failure is a warning: the segments matter more, and go on."""
        with self._turn:
            if errand.coverage.expired < self._expired:
                return LocalEnded(old=True)
            self._expired = errand.coverage.expired
            return self._write(errand.coverage)

    def _write(self, coverage: Coverage) -> LocalEnded:
        begin = self._clock()
        made = make_local(coverage)
        seconds = self._clock() - begin
        if made is None:
            return LocalEnded(seconds)
        try:
            with self._writing:
                self._store.write_if_changed(self._name, made.data)
        except StoreError as error:
            problem = NOT_WRITTEN.format(name=self._name, reason=error.message)
            return LocalEnded(seconds, problem)
        notice = CUT.format(name=self._name) if made.cut and not self._told else None
        self._told = self._told or made.cut
        return LocalEnded(seconds, notice=notice)

    def leave_out(self, coverage: Coverage) -> None:
        """Write it without what is about to be removed; if that fails, remove it."""
        if self._store.size(self._name) is None or self.write(WriteLocal(coverage)).problem is None:
            return
        with self._writing:
            self._store.delete(self._name)


def recorded_mpd(store: Mirror, manifest: SafePath) -> bytes | None:
    """Return the local MPD that the record of a recording leads to; None if nothing is recorded."""
    return local_mpd(Coverage.of(State.of(read_facts(store, manifest))))
