"""Rewrite the received MPD into the local one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from dashget.errors import MPDSyntaxError
from dashget.mpd.presentation import Presentation
from dashget.mpd.remote import wrapped_entity
from dashget.mpd.xlink import HREF, MAX_NESTING, RESOLVE_TO_ZERO
from dashget.planning.layout import Layout
from dashget.planning.tracks import Track
from dashget.playable.addresses import is_transparent, rewrite_addresses
from dashget.playable.places import Places, close_ranks, drop_unselected
from dashget.playable.players import is_read_alike, make_readable
from dashget.playable.snapshot import make_static
from dashget.playable.tree import Element, drop_children, name_of, read, remove, unset, write
from dashget.playable.waysout import drop_ways_out


def rewrite(
    data: bytes,
    presentation: Presentation,
    tracks: Sequence[Track],
    layout: Layout,
    leads_away: tuple[str, ...],
    remote: Mapping[str, bytes],
) -> bytes:
    """Return the rewritten document; ``leads_away`` has the names of the elements to remove."""
    root = read(data)
    _include(root, remote)
    places = Places(root)
    kept = {track.representation.where for track in tracks}
    drop_unselected(places, kept)
    drop_children(root, leads_away)
    if presentation.dynamic:
        rewrite_addresses(root, places, tracks, layout, share=False)
        make_static(root, places, tracks)
        make_readable(root, places, tracks, presentation)
        drop_ways_out(root)
        return write(root)
    if len(places.periods()) < len(presentation.periods):
        close_ranks(root, places, tracks)
    url = presentation.url
    if not (is_transparent(root, url, tracks, layout) and is_read_alike(places)):
        rewrite_addresses(root, places, tracks, layout, share=True)
    make_readable(root, places, tracks, presentation)
    drop_ways_out(root)
    return write(root)


def _include(root: Element, remote: Mapping[str, bytes]) -> None:
    """Replace remote elements, as ``mpd.remote.include_remote`` does in the model."""
    for _ in range(MAX_NESTING + 1):
        for element in [e for e in root.iter() if isinstance(e.tag, str) and e.get(HREF)]:
            href = str(element.get(HREF)).strip()
            if href == RESOLVE_TO_ZERO:
                remove(element)
            elif (
                href in remote
                and (found := _read_remote(remote[href], name_of(element))) is not None
            ):
                for child in found:
                    element.addprevious(child)
                remove(element)
            else:
                unset(element, HREF)


def _read_remote(data: bytes, name: str) -> list[Element] | None:
    """Return the elements of an entity that fit; None if it contains only others."""
    wrapped = wrapped_entity(data)
    if wrapped is None:
        return []
    try:
        tree = read(wrapped)
    except MPDSyntaxError:
        # A whole document, as mpd.remote reads it.
        found = read(data)
        return [found] if name_of(found) == name else None
    children = [child for child in tree if isinstance(child.tag, str)]
    fitting = [child for child in children if name_of(child) == name]
    return None if children and not fitting else fitting
