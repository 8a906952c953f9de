"""Follow the record of a recording: what it tells in all, up to its last line.

The recorder's own state runs ahead of the record: it has what is announced. This one has what is
written down, as the next recorder will find it.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Iterator
from typing import Final

from dashget.live.facts import Fact
from dashget.live.snapshot import facts_of
from dashget.live.state import State
from dashget.recording import checkpoint
from dashget.recording.facts import read_placed_facts
from dashget.store import Mirror

PLAIN_BYTES: Final = 1 << 23
"""So long the plain lines of the record may be: some hours of them."""
KEPT_BYTES: Final = 1 << 20
"""So many of them stay when they are compressed."""
LEAST_BYTES: Final = 1 << 22
"""The record grows by so much between two checkpoints: some minutes, as a rule."""


class Ledger:
    """What the record of one recording tells. Thread-safe."""

    def __init__(self, store: Mirror, manifest: str, writing: threading.Lock) -> None:
        """Read it, from its checkpoint on; ``writing`` is held while files are written."""
        self._store = store
        self.manifest = manifest
        """The name of the MPD."""
        self._writing = writing
        self._guard = threading.RLock()
        known = checkpoint.read(store)
        self.state, self.end = known or (State(), 0)
        """What it tells up to a byte."""
        self._pack_at = 0
        """At which length it is looked at again whether there is something to compress."""
        self._written = self.end if known is not None else -math.inf
        """Up to where the last checkpoint goes."""
        self.state.take_all(self._read_on())

    def copy(self) -> State:
        """Return what it tells, for a recorder to go on from."""
        with self._guard:
            return State.of(facts_of(self.state))

    def advance(self) -> None:
        """Read what was written since the last call."""
        with self._guard:
            for fact in self._read_on():
                self.state.take(fact)

    def _read_on(self) -> Iterator[Fact]:
        for end, fact in read_placed_facts(self._store, self.manifest, self.end):
            self.end = end
            if fact is not None:
                yield fact

    def moved(self, by: int) -> None:
        """Have all lines lie elsewhere: the record has been written anew."""
        with self._guard:
            self.end += by
            self._pack_at = 0
            self._written = -math.inf
        self.write()

    def keep_up(self) -> None:
        """Write a checkpoint if the record has grown enough for one, and compress it now and then.

        Where lines lie is counted as if none were compressed.
        """
        self.advance()
        if self.end >= self._pack_at:
            self._pack()
        if self.end - max(self._written, 0) >= LEAST_BYTES:
            self.write()

    def _pack(self) -> None:
        packing = self._store.pack_record(PLAIN_BYTES, KEPT_BYTES)
        if packing is not None:
            with self._writing:
                self._store.commit_packed(packing)
        # Also if the disk has no room for it: it is tried again some time later.
        self._pack_at = self.end + KEPT_BYTES

    def write(self) -> None:
        """Write a checkpoint, unless there is one of the same."""
        with self._guard:
            self.advance()
            if self.end == self._written:
                return
            text = checkpoint.text_of(self._store, self.state, self.end)
            self._written = self.end
        # Written without the guard: who writes the record may ask for what it tells.
        with self._writing:
            checkpoint.write(self._store, text)
