"""Keep every version of the manifest that a recorder reads, and the newest one as a file.

All of them go into the log (``store.versions``) at once. The file in the mirror is renewed from
time to time only, and at the end: each renewal costs two lines of the record.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from typing import Final

import msgspec

from dashget import store as places
from dashget.common.numbers import nearest_float
from dashget.live.world import Way
from dashget.manifest.load import LoadedManifest
from dashget.mirroring.keep import manifest_record
from dashget.planning.layout import SafePath
from dashget.store import Mirror
from dashget.store.versions import LOG, How, Oldest, VersionLog

_RENEWED_SECONDS: Final = 60.0
_MARGIN_SECONDS: Final = 600.0
"""Versions are timed by this computer's clock, files by the server's."""
_LEAST_CUT: Final = 1 << 20
"""Versions go if so many bytes, and half of all, are of no use any more."""
_HOW: Final = {
    Way.FULL: How.FULL, Way.PATCH: How.PATCH, Way.SAME: How.SAME, Way.EVENT: How.EVENT,
}  # fmt: skip


class Manifests:
    """The versions of one recording. ``writing`` is held while the record is written to."""

    def __init__(
        self, store: Mirror, name: SafePath, writing: threading.Lock, wall: Callable[[], float]
    ) -> None:
        self._store = store
        self._name = name
        self._writing = writing
        self._wall = wall
        self._log = VersionLog(lambda data: store.append_to(LOG, data))
        self._oldest = Oldest()
        self._newest: LoadedManifest | None = None
        """What the file does not have yet."""
        self._renewed = -math.inf

    def keep(self, loaded: LoadedManifest, way: Way, patch: bytes = b"") -> None:
        """Keep a version; with ``patch`` the one that made it."""
        publish = loaded.mpd.publish_time
        with self._writing:
            now = self._wall()
            published = None if publish is None else nearest_float(publish)
            self._log.add(loaded.data, now, _HOW[way], published, patch)
            self._newest = loaded
            if loaded.remote:
                # The next version may have others.
                self._keep_remote(loaded)
            if abs(now - self._renewed) >= _RENEWED_SECONDS:
                self._renew(now)

    def same(self) -> None:
        """Count a read that brought the same."""
        with self._writing:
            self._log.same(self._wall())

    def forget(self, server: float) -> None:
        """Let versions go that were read before a time, if that is worth the trouble."""
        file = self._store.open_control(LOG)
        if file is None:
            return
        with file:
            count = self._oldest.before(file, server - _MARGIN_SECONDS)
            size = file.seek(0, 2)
        if count < max(_LEAST_CUT, size // 2):
            return
        with self._writing:
            if self._store.cut_log(LOG, count):
                self._oldest.cut(count)

    def close(self) -> None:
        """Write down what was only held so far."""
        with self._writing:
            self._log.close()
            self._renew(self._wall())

    def _renew(self, now: float) -> None:
        loaded, self._newest = self._newest, None
        if loaded is None:
            return
        store, self._renewed = self._store, now
        record = msgspec.structs.replace(manifest_record(loaded, store), path=self._name)
        places.keep_manifest(store, loaded.data, record, earlier=False)
        self._keep_remote(loaded)

    def _keep_remote(self, loaded: LoadedManifest) -> None:
        remote = ((each.href, each.url, each.data) for each in loaded.remote)
        places.keep_remote(self._store, remote)
