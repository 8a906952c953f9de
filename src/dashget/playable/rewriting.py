"""Rewrite the received MPD into the local one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from dashget.errors import MPDSyntaxError
from dashget.mpd.budget import Budget
from dashget.mpd.encoding import EncodingError
from dashget.mpd.issues import IssueLog
from dashget.mpd.presentation import Presentation
from dashget.mpd.remote import wrapped_entity
from dashget.mpd.xlink import HREF, MAX_NESTING, RESOLVE_TO_ZERO
from dashget.mpd.xmltree import XmlError, without_doctype
from dashget.planning.layout import Layout
from dashget.planning.tracks import Track, names_nothing
from dashget.playable.addresses import drop_doubles, is_transparent, rewrite_addresses
from dashget.playable.beside import find_beside, write_beside
from dashget.playable.places import Places, close_ranks, drop_unselected
from dashget.playable.players import is_read_alike, make_readable
from dashget.playable.reading import read, read_text
from dashget.playable.sequences import list_sequences
from dashget.playable.snapshot import make_static
from dashget.playable.tree import Element
from dashget.playable.waysout import drop_ways_out
from dashget.playable.writing import write


def rewrite(
    data: bytes,
    presentation: Presentation,
    tracks: Sequence[Track],
    layout: Layout,
    leads_away: tuple[str, ...],
    remote: Mapping[str, bytes],
    budget: Budget,
    log: IssueLog,
) -> bytes:
    """Return the rewritten document; ``leads_away`` has the names of the elements to remove.

    ``log`` gets a warning about what players may miss.
    """
    document = read(data, budget)
    root = document.root
    include_all(root, remote, budget)
    places = Places(root)
    # Without any file, players take the manifest or its directory for media.
    tracks = [track for track in tracks if not names_nothing(track)] or tracks
    kept = {track.representation.where for track in tracks}
    beside = find_beside(places, tracks, layout)
    drop_unselected(places, kept)
    drop_doubles(root)
    root.drop(leads_away)
    if presentation.dynamic:
        rewrite_addresses(root, places, tracks, layout, budget, share=False)
        write_beside(root, beside, rewritten=True)
        make_static(root, places, tracks, layout, budget)
        make_readable(root, places, tracks, presentation)
        drop_ways_out(root, leads_away, log)
        return write(root, document.namespace, budget)
    if len(places.periods()) < len(presentation.periods):
        close_ranks(root, places, tracks)
    url = presentation.url
    alike = is_transparent(root, url, tracks, layout) and is_read_alike(places)
    # No player reads the initialization segment of a set: where it is needed, it is written out.
    rewritten = not alike or any(element.name == "AdaptationSet" for element in beside)
    # What is not in use must not be played.
    rewritten = rewritten or any(track.representation.spares for track in tracks)
    if rewritten:
        rewrite_addresses(root, places, tracks, layout, budget, share=True)
    write_beside(root, beside, rewritten=rewritten)
    list_sequences(places, tracks, layout, budget)
    make_readable(root, places, tracks, presentation)
    drop_ways_out(root, leads_away, log)
    return write(root, document.namespace, budget)


def include_all(root: Element, remote: Mapping[str, bytes], budget: Budget) -> None:
    """Replace remote elements, as ``mpd.remote.include_remote`` does in the model.

    Of one that leads back to itself, or is nested too deep, the own content stays: else a few
    lines would ask for millions of elements.
    """
    origins: dict[Element, tuple[str, ...]] = {}
    for _ in range(MAX_NESTING + 1):
        for element in [e for e in root.elements() if HREF in e.attributes]:
            href = element.attributes[HREF].strip()
            chain = next((origins[at] for at in element.levels() if at in origins), ())
            found: list[Element] | None = None
            if href == RESOLVE_TO_ZERO:
                found = []
            elif href in remote and href not in chain and len(chain) < MAX_NESTING:
                found = _read_remote(remote[href], element.name, budget)
            if found is None:
                del element.attributes[HREF]
            elif element.parent is not None:
                for child in found:
                    origins[child] = (*chain, href)
                    child.take_out()
                    element.parent.insert(child, element)
                element.remove()
    for element in root.elements():
        # One that leads back to itself.
        element.attributes.pop(HREF, None)


def _read_remote(data: bytes, name: str, budget: Budget) -> list[Element] | None:
    """Return the elements of an entity that fit; None if it contains only others."""
    try:
        wrapped = wrapped_entity(data)
        if wrapped is None:
            return []
        tree = read_text(without_doctype(wrapped, IssueLog(), budget), budget).root
    except (EncodingError, XmlError):
        return _read_whole(data, name, budget)
    children = [child for child in tree if child.name]
    if tree.text.strip() and not children:
        return _read_whole(data, name, budget)
    fitting = [child for child in children if child.name == name]
    return None if children and not fitting else fitting


def _read_whole(data: bytes, name: str, budget: Budget) -> list[Element] | None:
    """Return the root of a whole document, as ``mpd.remote`` reads it; None if it does not fit."""
    try:
        found = read(data, budget).root
    except MPDSyntaxError:
        return None
    return [found] if found.name == name else None
