"""A manifest as a tree that can be changed: elements, attributes, texts, comments and prefixes."""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping, Sequence
from fractions import Fraction

from dashget.common.numbers import nearest_float
from dashget.mpd.budget import ATTRIBUTE, ELEMENT, ROW, Budget


class Element:
    """One element, with its siblings as a list that can be changed anywhere at once.

    ``name`` is as in ``mpd.xmltree``: the local name, ``{namespace}local`` for foreign ones, and
    so are the names of ``attributes``. ``prefix`` and ``declared`` are as they were written. A
    node without name is a comment or a processing instruction, which is ``text`` as it stands, or
    the ``rows`` of a timeline: what stands between the name of each ``S`` and that of the next.
    Rows of another name have it as their ``text``.
    """

    __slots__ = (
        "_named",
        "after",
        "attributes",
        "before",
        "declared",
        "first",
        "last",
        "name",
        "parent",
        "prefix",
        "rows",
        "tail",
        "text",
    )

    def __init__(self, name: str, attributes: dict[str, str] | None = None) -> None:
        self.name = name
        self.attributes: dict[str, str] = {} if attributes is None else attributes
        self.prefix = ""
        self.declared: Mapping[str, str] = {}
        self.text = ""
        self.tail = ""
        self.rows: list[str] | None = None
        self.parent: Element | None = None
        self.before: Element | None = None
        self.after: Element | None = None
        self.first: Element | None = None
        self.last: Element | None = None
        self._named: dict[str, list[Element]] | None = None

    @property
    def local(self) -> str:
        """The name without namespace; empty for comments and instructions."""
        return self.name.rpartition("}")[2]

    @property
    def content(self) -> str:
        """The text in this element as a player joins it, around comments and other nodes."""
        return self.text + "".join([child.tail for child in self])

    def __iter__(self) -> Iterator[Element]:
        """Yield the children; the one that was yielded last may be removed or moved."""
        child = self.first
        while child is not None:
            following = child.after
            yield child
            child = following

    def all(self, name: str) -> Sequence[Element]:
        """Return the children of this name.

        One pass over the children answers it until they change: all Representations of a set ask.
        """
        if self._named is None:
            self._named = {}
            for child in self:
                self._named.setdefault(child.name, []).append(child)
        return self._named.get(name, ())

    def find(self, name: str) -> Element | None:
        """Return the first child of this name, None if there is none."""
        found = self.all(name)
        return found[0] if found else None

    def elements(self) -> Iterator[Element]:
        """Yield this element and all elements in it, in document order; it may be removed."""
        yield self
        for child in self:
            if child.name:
                yield from child.elements()

    def levels(self) -> Iterator[Element]:
        """Yield this element and those around it, the nearest first."""
        at: Element | None = self
        while at is not None:
            yield at
            at = at.parent

    @property
    def is_empty(self) -> bool:
        """True without attributes and content."""
        return not self.attributes and self.first is None

    def append(self, child: Element) -> None:
        """Put a new node behind all others."""
        self.insert(child, None)

    def insert(self, child: Element, following: Element | None) -> None:
        """Put a new node before one of the children; None puts it behind all."""
        self._named = None
        before = self.last if following is None else following.before
        child.parent, child.before, child.after = self, before, following
        if before is None:
            self.first = child
        else:
            before.after = child
        if following is None:
            self.last = child
        else:
            following.before = child

    def child(self, name: str) -> Element:
        """Return the child of this name; add one at the end if there is none."""
        found = self.find(name)
        if found is None:
            self.append(found := Element(name))
            found.prefix = self.prefix
        return found

    def take_out(self) -> None:
        """Take the node out of the tree, with the text behind it."""
        parent, before, after = self.parent, self.before, self.after
        if parent is None:
            return
        parent._named = None
        if before is None:
            parent.first = after
        else:
            before.after = after
        if after is None:
            parent.last = before
        else:
            after.before = before
        self.parent = self.before = self.after = None

    def remove(self) -> None:
        """Take the node out of the tree, but keep the text behind it."""
        parent, before, tail = self.parent, self.before, self.tail
        self.take_out()
        if parent is None or not tail:
            return
        if before is None:
            parent.text += tail
        else:
            before.tail += tail

    def drop(self, names: Container[str]) -> None:
        """Remove the children with one of these local names, in whichever namespace."""
        for child in self:
            if child.name and child.local in names:
                child.remove()

    def copy(self, budget: Budget) -> Element:
        """Return a copy with all that is in it, and the text behind it."""
        rows = () if self.rows is None else self.rows
        units = (
            ELEMENT
            + ATTRIBUTE * len(self.attributes)
            + len(self.text)
            + len(self.tail)
            + 3 * ROW * len(rows)
        )
        budget.spend(units, "what is copied in the local MPD")
        made = Element(self.name, dict(self.attributes))
        made.prefix, made.declared = self.prefix, self.declared
        made.text, made.tail = self.text, self.tail
        made.rows = None if self.rows is None else list(self.rows)
        for child in self:
            made.append(child.copy(budget))
        return made


def iso_duration(seconds: Fraction) -> str:
    """Format seconds as an xs:duration, rounded to microseconds."""
    text = f"{nearest_float(seconds):.6f}".rstrip("0").rstrip(".")
    return f"PT{text}S"
