"""Parse a TTML document into a light tree: names without their namespaces, text in its order.

Nothing of a document's own is expanded or fetched: entities are refused, and depth and number of
elements have limits.
"""

from __future__ import annotations

import pyexpat as expat  # xml.parsers.expat is the same, two packages further in
from typing import Final

from dashget.errors import UnsupportedMPDError
from dashget.mpd.budget import DEFAULT_LIMITS
from dashget.mpd.xmltree import feed
from dashget.mux.subtitles.limits import MOST_DEPTH, MOST_ELEMENTS, SubtitleError

NAMESPACES: Final = (
    "http://www.w3.org/ns/ttml",
    "http://www.w3.org/2006/04/ttaf1",
    "http://www.w3.org/2006/10/ttaf1",
)
"""TTML 1 to 3, and the drafts before it, which are still in use."""
_XML: Final = "http://www.w3.org/XML/1998/namespace"
_SEPARATOR: Final = " "


class Node:
    """An element. Attributes of TTML, of its styles and parameters, have their local names; those
    of ``xml`` and of others have ``xml:`` or ``{namespace}`` before it. Elements likewise.
    """

    __slots__ = ("attributes", "children", "name")

    def __init__(self, name: str, attributes: dict[str, str]) -> None:
        self.name = name
        self.attributes = attributes
        self.children: list[Node | str] = []

    def elements(self, name: str) -> list[Node]:
        """Return the children of this name."""
        return [c for c in self.children if isinstance(c, Node) and c.name == name]


def read_ttml_tree(data: bytes) -> Node:
    """Return the root ``tt`` of a document; SubtitleError if it is none."""
    builder = _Builder()
    parser = expat.ParserCreate(None, _SEPARATOR)
    parser.buffer_text = True
    parser.StartElementHandler = builder.start
    parser.EndElementHandler = builder.end
    parser.CharacterDataHandler = builder.text
    parser.EntityDeclHandler = _refuse_entity
    parser.SkippedEntityHandler = _refuse_entity
    try:
        feed(parser, data, DEFAULT_LIMITS.max_token)
    except UnsupportedMPDError as error:
        raise SubtitleError(f"a TTML document: {error.message}") from error
    except expat.ExpatError as error:
        reason = expat.ErrorString(error.code)
        raise SubtitleError(f"a TTML document: {reason} (line {error.lineno})") from error
    except (LookupError, ValueError) as error:
        if isinstance(error, SubtitleError):
            raise
        raise SubtitleError(f"a TTML document: {error}") from error
    root = builder.root
    if root is None or root.name != "tt":
        raise SubtitleError("an XML document that is not TTML")
    return root


def _refuse_entity(name: str, *_: object) -> None:
    raise SubtitleError(f"a TTML document with an entity of its own: {name!r}")


class _Builder:
    def __init__(self) -> None:
        self.root: Node | None = None
        self._stack: list[Node] = []
        self._count = 0

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self._count += 1
        if self._count > MOST_ELEMENTS:
            raise SubtitleError(f"a TTML document with more than {MOST_ELEMENTS:,} elements")
        if len(self._stack) >= MOST_DEPTH:
            raise SubtitleError(f"a TTML document nested more than {MOST_DEPTH} deep")
        node = Node(_local(name), {_local(key): value for key, value in attributes.items()})
        if self._stack:
            self._stack[-1].children.append(node)
        else:
            self.root = node
        self._stack.append(node)

    def end(self, _: str) -> None:
        self._stack.pop()

    def text(self, text: str) -> None:
        self._stack[-1].children.append(text)


def _local(name: str) -> str:
    space, _, local = name.rpartition(_SEPARATOR)
    if not space or space.startswith(NAMESPACES):
        return local
    return f"xml:{local}" if space == _XML else f"{{{space}}}{local}"
