"""Check the stored MPD against its record, and fetch it again for a repair."""

from __future__ import annotations

import errno
from typing import Final

from dashget.errors import MPDError, StoreError, UnsupportedMPDError
from dashget.manifest.load import load_manifest
from dashget.manifest.source import parse_source
from dashget.mirroring.expectation import Expected, expected_by, read_document
from dashget.mpd.budget import Budget, WorkLimits
from dashget.mpd.model import RemoteElement
from dashget.planning.limits import Limits
from dashget.store import FileRecord, Header, Mirror, keep_manifest
from dashget.transfer.contract import Transfers

_REPAIR: Final = "--repair fetches it again"
_LARGER: Final = "--document-limits 4 allows four times as much"


def manifest_problem(store: Mirror, name: str) -> str | None:
    """Return how the stored MPD differs from its record; None if it does not."""
    record = store.records().get(name)
    size = store.size(name)
    if size is None:
        return "the manifest is missing"
    if record is None:
        return "the manifest is missing in the record"
    if record.size != size:
        return f"{size} bytes, but {record.size} are recorded"
    if record.sha256 is not None and store.digest(name, "sha256") != record.sha256:
        return "the SHA-256 differs from the recorded one"
    return None


def restore_manifest(store: Mirror, header: Header, engine: Transfers, work: WorkLimits) -> bool:
    """Fetch the MPD again and store it; return False if it did not come from a server."""
    if "://" not in header.source:
        return False
    loaded = load_manifest(parse_source(header.source), engine, limits=work)
    record = store.records().get(header.manifest)
    size, fetched = len(loaded.data), loaded.fetched
    fresh = FileRecord(
        path=header.manifest,
        url=header.source,
        size=size,
        coded_size=fetched.size if fetched is not None and fetched.size != size else None,
        sha256=loaded.sha256,
        time=store.now(),
    )
    if record is not None and record.sha256 == loaded.sha256:
        fresh = record
    keep_manifest(store, loaded.data, fresh)
    return True


def read_expected(
    store: Mirror, header: Header, limits: Limits, *, allow_downgrade: bool, work: WorkLimits
) -> tuple[Expected, tuple[RemoteElement, ...]]:
    """Work out what the mirror should hold, from its stored MPD.

    The second value has the remote elements of the MPD that are missing. Raises StoreError
    or MPDError if the MPD cannot be read.
    """
    name = header.manifest
    try:
        data = store.read(name, work.max_bytes)
    except OSError as error:
        raise StoreError(
            f"cannot read the mirror's manifest {name}: {error.strerror or error}",
            hint=_LARGER if error.errno == errno.EFBIG and _is_its_size(store, name) else _REPAIR,
        ) from error
    try:
        budget = Budget(work)
        mpd = read_document(store, data, budget)
        expected = expected_by(mpd, header, limits, allow_downgrade=allow_downgrade, budget=budget)
    except UnsupportedMPDError:
        raise
    except MPDError as error:
        error.message = f"{store.place.locate(name)}: {error.message}"
        error.args = (error.message,)
        if manifest_problem(store, name) is not None:
            # One that is as it came would come again as it is.
            error.hint = _REPAIR
        raise
    return expected, (*mpd.remote, *mpd.imported, *mpd.endless)


def _is_its_size(store: Mirror, name: str) -> bool:
    """Return True if the stored MPD has the size that is recorded."""
    record = store.records().get(name)
    return record is not None and record.size == store.size(name)
