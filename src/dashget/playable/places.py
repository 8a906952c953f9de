"""Find the elements of a manifest by their place, and remove those that were not selected."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction

from dashget.errors import MPDSyntaxError
from dashget.planning.tracks import Track
from dashget.playable.tree import Element, iso_duration


class Places:
    """The elements of a document, by places such as ``MPD/Period[2]/AdaptationSet[1]``."""

    def __init__(self, root: Element) -> None:
        self._root = root
        self._known: dict[str, Element] = {"MPD": root}
        self._index(root, "MPD", "Period")

    def __getitem__(self, where: str) -> Element:
        found = self._known.get(where)
        if found is None:
            raise MPDSyntaxError(f"the document cannot be rewritten: {where} is not found again")
        return found

    def below(self, where: str) -> Element:
        """Return the element at a place below a known one: a descriptor, an InitializationSet."""
        parent, _, last = where.rpartition("/")
        name, _, number = last.removesuffix("]").partition("[")
        for position, child in enumerate(self[parent].all(name), 1):
            if position == int(number or 1):
                return child
        raise MPDSyntaxError(f"the document cannot be rewritten: {where} is not found again")

    def representations(self) -> Iterator[tuple[str, Element]]:
        """Yield every Representation with its place."""
        for where, element in list(self._known.items()):
            if element.name == "Representation":
                yield where, element

    def periods(self) -> list[Element]:
        """Return the remaining Periods of the document."""
        return list(self._root.all("Period"))

    def _index(self, parent: Element, where: str, name: str) -> None:
        below = {"Period": "AdaptationSet", "AdaptationSet": "Representation"}
        for number, child in enumerate(parent.all(name), 1):
            place = f"{where}/{name}[{number}]"
            self._known[place] = child
            if name in below:
                self._index(child, place, below[name])


def drop_unselected(places: Places, kept: set[str]) -> None:
    """Remove the Representations that are not ``kept``, and parents that become empty."""
    changed: dict[Element, None] = {}
    for where, element in places.representations():
        if where not in kept:
            if element.parent is not None:
                changed[element.parent] = None
            element.remove()
    emptied: dict[Element, None] = {}
    for adaptation_set in changed:
        if adaptation_set.find("Representation") is None:
            if adaptation_set.parent is not None:
                emptied[adaptation_set.parent] = None
            adaptation_set.remove()
    for period in emptied:
        if period.find("AdaptationSet") is None:
            period.remove()


def drop_empty(representation: Element) -> None:
    """Remove a Representation that has no files, and its set if that becomes empty.

    The Period stays: whether it has others is for the caller to know.
    """
    adaptation_set = representation.parent
    representation.remove()
    if adaptation_set is not None and adaptation_set.find("Representation") is None:
        adaptation_set.remove()


def close_ranks(root: Element, places: Places, tracks: Sequence[Track]) -> None:
    """Set the starts of the remaining Periods so that they follow one another from zero."""
    start = Fraction(0)
    spans = {period_of(t): t.representation.period for t in tracks}
    for where, span in spans.items():
        period = places[where]
        period.attributes["start"] = iso_duration(start)
        if span.duration is not None:
            period.attributes["duration"] = iso_duration(span.duration)
            start += span.duration
    root.attributes["mediaPresentationDuration"] = iso_duration(start)


def period_of(track: Track) -> str:
    """Return the place of a track's Period."""
    return track.representation.where.rpartition("/AdaptationSet")[0]
