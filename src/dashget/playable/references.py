"""Decide if relative references of a document lead to the mirror's files."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import unquote

from dashget.planning.layout import Layout
from dashget.planning.tracks import Track


def lead_to_mirror(url: str, tracks: Sequence[Track], layout: Layout) -> bool:
    """Return True if every resource has the same path relative to the MPD as in the mirror."""
    directory = url.partition("?")[0].rpartition("/")[0] + "/"
    for track in tracks:
        for address in track.index.addresses():
            marked = address.patterns[0].marked
            if not marked.startswith(directory):
                return False
            if unquote(marked[len(directory) :]) != layout.pattern(address).marked:
                return False
    return True
