"""The mirrors that are served, each under a name of its own: a *show*."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final
from urllib.parse import quote

import msgspec

from dashget.common.filenames import given, readable
from dashget.errors import StoreError
from dashget.planning.layout import local_manifest_name
from dashget.playable.opening import KEPT_IN_PATHS
from dashget.serve.timeline import as_text
from dashget.store import Header, Mirror
from dashget.store.reading import ReadableTree

_UNNAMED: Final = "mirror"


class Show(msgspec.Struct, frozen=True):
    """A mirror under a name, which is the first component of its paths on the server."""

    name: str
    root: Path
    header: Header
    tree: ReadableTree

    @property
    def path(self) -> str:
        """The path of its local MPD on the server, percent-encoded."""
        return quoted(f"/{self.name}/{local_manifest_name(self.header.manifest)}")


def open_shows(directories: Sequence[str]) -> tuple[Show, ...]:
    """Open mirrors, in the order given; a directory that is given twice is one show.

    Raises StoreError for a directory that is not a mirror, or has no local MPD yet.
    """
    shows: dict[Path, Show] = {}
    for directory in directories:
        root = Path(given(directory))
        resolved = root.resolve()
        if resolved not in shows:
            names = {show.name.casefold() for show in shows.values()}
            shows[resolved] = _open(root, _free_name(resolved, names))
    return tuple(shows.values())


def close_shows(shows: Sequence[Show]) -> None:
    """Close the directories of shows."""
    for show in shows:
        show.tree.close()


def quoted(path: str) -> str:
    """Return a path as it stands in a URL."""
    return quote(path.encode("utf-8", "surrogateescape"), safe=KEPT_IN_PATHS)


def _open(root: Path, name: str) -> Show:
    store = Mirror.at(root, read_only=True)
    header = store.known_header("give a mirror's directory; dashget URL -o DIR makes one")
    local = local_manifest_name(header.manifest)
    if store.size(local) is None:
        raise StoreError(
            f"{store.name} has no {local}, which players read",
            hint=f"dashget verify --repair {store.name} writes it",
        )
    with store.as_store_error():
        return Show(name, root, header, ReadableTree(root))


def _free_name(resolved: Path, taken: set[str]) -> str:
    """Return the directory's own name, with a number if another show has it."""
    name = as_text(readable(resolved.name)).lstrip(".") or _UNNAMED
    found, number = name, 1
    while found.casefold() in taken:
        number += 1
        found = f"{name}-{number}"
    return found
