"""Remove recorded files that the manifest no longer names."""

from __future__ import annotations

from dashget.events import Observer, Pruned, Warned
from dashget.mirroring.expectation import Expected, LiveHistory
from dashget.planning.layout import reserved_names
from dashget.store import FileRecord, Mirror, Presence
from dashget.verification.spellings import Spellings

_OUTSIDE = (
    "{count:,} files that the manifest no longer names are behind a link that leads out of the"
    " mirror, and stay: {first}"
)


def prune(
    store: Mirror,
    expected: Expected,
    history: LiveHistory,
    manifest: str,
    observer: Observer,
    *,
    dry_run: bool = False,
) -> None:
    """Remove recorded files that the manifest no longer names, after a ``Pruned`` event.

    Files that are missing already are removed from the record without an event. Those behind a
    link that leads out of the mirror stay, and a warning names them.
    """
    found = _find_superseded(store, expected, history, reserved_names(manifest))
    records = tuple(record for record in found if not store.is_outside(record.path))
    if len(records) < len(found):
        first = next(record.path for record in found if store.is_outside(record.path))
        observer(Warned(_OUTSIDE.format(count=len(found) - len(records), first=first)))
    here = tuple(record.path for record in records if store.size(record.path) is not None)
    if here:
        observer(Pruned(here, dry_run=dry_run))
    if not dry_run:
        for record in records:
            store.remove(record)


def _find_superseded(
    store: Mirror, expected: Expected, history: LiveHistory, reserved: frozenset[str]
) -> tuple[FileRecord, ...]:
    """Return the recorded files that the manifest no longer names, selected or not.

    Files that somebody has removed already are among them. Files that a run over a live
    presentation recorded are kept, although its window has moved on.
    """
    named = {planned.path for planned in expected.iter_plan()} | history.paths
    superseded = [
        record
        for record in store.records()
        if record.path not in named
        and record.path not in reserved
        and store.presence(record.path, record.url) is not Presence.BLOCKED
    ]
    # Where the file system folds case, the same file may have another name that counts.
    spellings = Spellings(store, [record.path for record in superseded])
    spellings.add(named)
    spellings.add(reserved)
    left = (record for record in superseded if not spellings.is_other(record.path))
    return tuple(sorted(left, key=lambda record: record.path))
