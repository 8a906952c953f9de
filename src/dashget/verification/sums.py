"""``SHA256SUMS``: write it from the record, and compare the two."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from dashget.common.stopping import Stop, StoppedError
from dashget.planning.layout import SUMS_NAME, local_manifest_name
from dashget.store import Mirror


def write_sums(store: Mirror, manifest: str, stop: Stop) -> None:
    """Write ``SHA256SUMS`` anew: every recorded file, the MPD and its local version.

    A file that has no checksum in the record is read, and its checksum recorded. A stop meanwhile
    leaves ``SHA256SUMS`` as it was.
    """
    try:
        lines = list(_iter_lines(store, (local_manifest_name(manifest),), stop))
    except StoppedError:
        return
    store.write_if_changed(SUMS_NAME, "".join(f"{line}\n" for line in lines).encode())


def sums_agree(store: Mirror, listed: bytes, manifest: str) -> bool:
    """Return True if ``SHA256SUMS`` lists the checksums of the record.

    Files that are missing from the mirror are ignored: they have findings of their own.
    """
    sums = parse_sums(listed.decode("utf-8", "replace"))
    sums.pop(local_manifest_name(manifest), None)
    records = store.records()
    recorded = {r.path: r.sha256 for r in records if r.sha256 is not None}
    differ = {path for path, _ in sums.items() ^ recorded.items()}
    return all(path in records and store.size(path) is None for path in differ)


def parse_sums(text: str) -> dict[str, str]:
    """Parse ``SHA256SUMS``: the checksum of each path."""
    sums: dict[str, str] = {}
    for line in text.splitlines():
        escaped = line.startswith("\\")
        digest, _, path = line.lstrip("\\").partition("  ")
        if escaped:
            path = path.replace("\\n", "\n").replace("\\r", "\r").replace("\\\\", "\\")
        sums[path] = digest
    return sums


def _iter_lines(store: Mirror, also: tuple[str, ...], stop: Stop) -> Iterator[str]:
    """Yield the line of every recorded file, sorted by path."""
    records = store.records()
    for path in sorted({*(record.path for record in records), *also}):
        size, record = store.size(path), records.get(path)
        if size is None:
            continue
        digest = record.sha256 if record is not None else None
        if digest is None:
            if record is not None and record.size != size:
                continue
            digest = store.digest(path, "sha256", stop.check)
            if record is not None:
                store.note(msgspec.structs.replace(record, sha256=digest))
        yield _format_line(path, digest)


def _format_line(path: str, digest: str) -> str:
    """Return a line as sha256sum writes it; a name with a newline or backslash is escaped."""
    if "\\" in path or "\n" in path or "\r" in path:
        path = path.replace("\\", "\\\\").replace("\n", "\\n").replace("\r", "\\r")
        return f"\\{digest}  {path}"
    return f"{digest}  {path}"
