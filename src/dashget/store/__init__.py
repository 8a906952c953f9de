"""Where mirrors are stored: the only package that reads and writes their files.

The road: ``Mirror.at`` names a directory, ``claim`` takes it for one presentation (``lock``,
then the header in the ``record``). For each file ``receive`` stores a whole one, or ``part``
returns a sink for bytes that come in steps; ``finish`` gives it its final name, and
``write_lines`` its line in the record. ``documents`` stores the MPD and its remote elements.

``Mirror`` knows what files mean; ``possession`` compares it with a presentation, ``failures``
words errors of the system. A ``backend`` stores bytes under paths. ``local`` is the
backend for directories, made of ``unnamed`` (small whole files), ``parts`` with their
``journal`` (unfinished ones), ``folders``, ``moving`` and ``recordfile``; all reach files
through ``directory``, and the mirror's own through ``control``. ``held`` replaces
parts in places that cannot keep any, ``recorded`` has the files that wait for
places which answer later.

Words: a *place* is where one mirror is stored; a *part* is the stored bytes of an unfinished
file; the *journal* tells which resource they belong to; a *pending* file was handed to its
place, which has not answered yet; to *claim* a place is to take it for one process.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dashget.store.documents import (
    Displaced,
    keep_manifest,
    keep_remote,
    manifest_versions,
    read_remote,
)
from dashget.store.failures import OccupiedError, RefusedError
from dashget.store.local import LocalDirectory
from dashget.store.mirror import Mirror
from dashget.store.possession import OCCUPIED_HINT, Presence
from dashget.store.record import (
    RECORD_VERSION,
    UNJUDGED_END,
    UNJUDGED_TIME,
    FailureRecord,
    FileRecord,
    Header,
    LiveRun,
)
from dashget.store.recorded import RecordedFiles

if TYPE_CHECKING:
    from dashget.store.backend import Backend, PartialFile, Parts, StoredFile, Unfinished

__all__ = [
    "OCCUPIED_HINT",
    "RECORD_VERSION",
    "UNJUDGED_END",
    "UNJUDGED_TIME",
    "Backend",
    "Displaced",
    "FailureRecord",
    "FileRecord",
    "Header",
    "LiveRun",
    "LocalDirectory",
    "Mirror",
    "OccupiedError",
    "PartialFile",
    "Parts",
    "Presence",
    "RecordedFiles",
    "RefusedError",
    "StoredFile",
    "Unfinished",
    "keep_manifest",
    "keep_remote",
    "manifest_versions",
    "read_remote",
]


def __getattr__(name: str) -> Any:
    """Load the protocols of a place when they are used: a run only needs what implements them."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from dashget.store import backend

    return getattr(backend, name)
