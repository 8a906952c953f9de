"""The documents of a mirror: its MPD in all versions, and remote elements of it."""

from __future__ import annotations

import enum
from collections.abc import Iterable

import msgspec

from dashget.common.lateregex import late
from dashget.common.url import without_user
from dashget.planning.layout import CONTROL_DIRECTORY
from dashget.store.mirror import Mirror
from dashget.store.record import FileRecord
from dashget.store.soundness import UNREADABLE, is_line

_MANIFESTS = f"{CONTROL_DIRECTORY}/manifests"
_REMOTE = f"{CONTROL_DIRECTORY}/remote"
_INDEX = f"{_REMOTE}/index.jsonl"
_NAME = late(r"[0-9a-f]{32}\.xml")


class _Entity(msgspec.Struct):
    """A line of the index of remote elements."""

    href: str
    url: str
    file: str


class Displaced(enum.Enum):
    """The kind of file that was replaced by the MPD."""

    EARLIER = "earlier"
    """An earlier version that was recorded: kept in ``.dashget/manifests/``."""
    FOREIGN = "foreign"
    """A file that no run has recorded: kept in ``.dashget/replaced/``."""


def keep_manifest(
    store: Mirror, data: bytes, record: FileRecord, *, earlier: bool = True
) -> Displaced | None:
    """Store the MPD as received; return the kind of the file that it replaced, if any.

    An earlier version is kept as ``.dashget/manifests/TIME-NAME``, unless ``earlier`` is False.
    """
    with store.as_store_error():
        try:
            there = store.read(record.path)
        except FileNotFoundError:
            there = None
    known = store.is_recorded(record.path)
    if there == data and store.recorded_size(record.path, record.url) == record.size:
        return None
    displaced = None
    if there is not None and there != data:
        displaced = Displaced.EARLIER if known else Displaced.FOREIGN
    if displaced is Displaced.FOREIGN:
        with store.as_store_error():
            store.set_aside(record.path)
    elif earlier and there is not None and displaced is Displaced.EARLIER:
        _keep_earlier(store, record.path, there)
    if known:
        # A kill before the new line leaves no line at all: a wrong one of equal size would be
        # believed.
        store.note(msgspec.structs.replace(record, removed=True))
    store.write(record.path, data)
    store.note(record)
    return displaced


def _keep_earlier(store: Mirror, name: str, data: bytes) -> None:
    stamp = store.stamp()
    kept, number = f"{_MANIFESTS}/{stamp}-{name}", 1
    with store.as_store_error():
        while not store.place.put_if_absent(kept, data):
            number += 1
            kept = f"{_MANIFESTS}/{stamp}~{number}-{name}"


def manifest_versions(store: Mirror) -> tuple[str, ...]:
    """Return the paths of all stored versions of the MPD: the earlier ones, then the last.

    They may have been changed since they were recorded.
    """
    header = store.header()
    last = () if header is None else (header.manifest,)
    kept = sorted(file.path for file in store.place.iter_files(_MANIFESTS))
    return tuple(path for path in (*kept, *last) if store.size(path) is not None)


def keep_remote(store: Mirror, entities: Iterable[tuple[str, str, bytes]]) -> None:
    """Store the content of remote elements of the MPD: href, URL, content."""
    index = []
    for href, url, data in entities:
        name = _remote_name(data)
        store.write_if_changed(f"{_REMOTE}/{name}", data)
        # The MPD beside it has the same href, as it came.
        index.append({"href": href, "url": without_user(url), "file": name})
    if index or store.size(_INDEX) is not None:
        lines = b"".join(msgspec.json.encode(entry) + b"\n" for entry in index)
        store.write_if_changed(_INDEX, lines)


def read_remote(store: Mirror) -> tuple[tuple[str, str, bytes], ...]:
    """Return what ``keep_remote`` stored, as far as it is there: href, URL, content."""
    found = []
    try:
        lines = store.read(_INDEX).splitlines()
    except OSError:
        return ()
    for line in lines:
        try:
            entry = msgspec.json.decode(line, type=_Entity)
            data = store.read(f"{_REMOTE}/{_safe_name(entry.file)}")
        except (*UNREADABLE, OSError):
            continue
        # Its name is that of its content: what somebody changed is no longer what was fetched.
        if _remote_name(data) == entry.file and is_line(entry.href) and is_line(entry.url):
            found.append((entry.href, entry.url, data))
    return tuple(found)


def _safe_name(name: str) -> str:
    """Return the name of a remote element as it was made; ValueError for any other."""
    if _NAME.fullmatch(name) is None:
        raise ValueError("not the name of a remote element")
    return name


def _remote_name(data: bytes) -> str:
    from hashlib import sha256

    return f"{sha256(data).hexdigest()[:32]}.xml"
