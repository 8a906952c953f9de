"""The built-in presentation: its address and its files, as package data."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Final

BASE_URL: Final = "http://dashget.example/demo/"
"""Where the presentation seems to come from. RFC 2606 keeps this host from ever existing."""
MANIFEST_URL: Final = f"{BASE_URL}manifest.mpd"


def read_resources() -> dict[str, bytes]:
    """Return every file of the presentation by its URL; the package may be a zip file."""
    return dict(_walk(files(__package__) / "media", BASE_URL))


def _walk(folder: Traversable, url: str) -> Iterator[tuple[str, bytes]]:
    for entry in folder.iterdir():
        if entry.is_dir():
            yield from _walk(entry, f"{url}{entry.name}/")
        else:
            yield url + entry.name, entry.read_bytes()
