"""The selectors of a patch: the part of XPath that RFC 5261 allows, read and followed.

A selector is a road from the root, step by step: ``/MPD/Period[@id='2']/AdaptationSet[1]/@lang``.
It has to lead to exactly one node. A name without prefix is one of DASH, whatever namespace the
patch has by default: real patches declare their own there.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

import msgspec

from dashget.common.lateregex import late
from dashget.common.numbers import read_digits
from dashget.errors import MPDError
from dashget.mpd.budget import ITEM, Budget
from dashget.mpd.names import is_dash
from dashget.mpd.xmlnodes import XML, Comment, Element, Instruction, Node, Text, namespace_of

PATCH: Final = "urn:mpeg:dash:schema:mpd-patch:2020"
_MOST_STEPS: Final = 64
_MOST_CHARACTERS: Final = 10_000
_SHOWN: Final = 100
_STRING: Final = r"(?:'(?P<single>[^']*)'|\"(?P<double>[^\"]*)\")"
_NAME: Final = r"[^\W\d][\w.\-]*(?::[^\W\d][\w.\-]*)?"
_STEP: Final = late(
    rf"(?P<kind>text|comment|node|processing-instruction)\(\s*(?:{_STRING}\s*)?\)"
    rf"|namespace::(?P<prefix>[^\W\d][\w.\-]*)|(?P<name>@?{_NAME}|\*)"
)
_PREDICATE: Final = late(
    r"\[\s*(?:(?:position\(\)\s*=\s*)?(?P<position>[0-9]{1,9}|last\(\))"
    rf"|(?P<of>@?{_NAME}|\.|text\(\))\s*=\s*{_STRING})\s*\]"
)
_ID: Final = late(rf"id\(\s*{_STRING}\s*\)")


class PatchError(MPDError):
    """A patch does not fit the document; the whole document has to be read."""


class Part(enum.Enum):
    """What of a node a selector leads to."""

    NODE = "node"
    ATTRIBUTE = "attribute"
    NAMESPACE = "namespace"


class Found(msgspec.Struct, frozen=True, eq=False):
    """Where a selector leads: a node, or an attribute or a declaration of an element."""

    node: Node
    part: Part = Part.NODE
    name: str = ""
    """The attribute as it is written, or the declared prefix."""

    @property
    def place(self) -> tuple[Element, int]:
        """The parent of the node, and its index there."""
        parent = self.node.parent
        assert parent is not None  # noqa: S101 - no selector leads to the document
        return parent, next(i for i, child in enumerate(parent.children) if child is self.node)


class Space:
    """The meaning of names: those of a patch, in a document."""

    def __init__(self, document: Element, scope: Mapping[str, str]) -> None:
        """``scope`` is that of the operation in the patch."""
        self.root = next(document.elements())
        self.dash = namespace_of(self.root)
        self._scope = scope
        self._outer = self.root.scope()

    def canonical(self, namespace: str) -> str:
        """Return a namespace, in its one spelling if it is that of DASH."""
        ours = namespace in ("", PATCH, self.dash) or is_dash(namespace)
        return self.dash if ours else namespace

    def of(self, prefix: str) -> str:
        """Return what a prefix in the patch stands for."""
        if not prefix:
            return self.dash
        namespace = self._scope.get(prefix, self._outer.get(prefix))
        if namespace is None:
            raise PatchError(f"the prefix {prefix[:_SHOWN]!r} is declared nowhere")
        return self.canonical(namespace)


def find(selector: str, document: Element, space: Space, budget: Budget) -> Found:
    """Return the one node that a selector leads to; raise PatchError unless there is one."""
    text = selector.strip()
    shown = text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."
    if len(text) > _MOST_CHARACTERS:
        raise PatchError(f"the selector {shown!r} has more than {_MOST_CHARACTERS:,} characters")
    try:
        return _follow(text, document, space, budget)
    except PatchError as error:
        raise PatchError(f"the selector {shown!r}: {error.message}") from None


def _follow(text: str, document: Element, space: Space, budget: Budget) -> Found:
    if text and not text.startswith(("/", "id(")):
        # The road begins at the document all the same.
        text = f"/{text}"
    at, nodes = _begin(text, document, budget)
    steps = 0
    while at < len(text):
        if text[at] != "/":
            raise PatchError(f"it cannot be read at character {at + 1}")
        step = _STEP.match(text, at + 1)
        steps += 1
        if step is None or steps > _MOST_STEPS:
            raise PatchError(f"it cannot be read at character {at + 2}")
        at = step.end()
        elements = [node for node in nodes if isinstance(node, Element)]
        name, prefix = step["name"] or "", step["prefix"]
        if name.startswith("@") or prefix:
            if at < len(text):
                raise PatchError("something follows an attribute")
            return _of_element(elements, name[1:], prefix, space)
        test = _test(step.groupdict(), space, budget)
        predicates = []
        while (predicate := _PREDICATE.match(text, at)) is not None:
            predicates.append(_predicate(predicate.groupdict(), space, budget))
            at = predicate.end()
        nodes = [
            node for element in elements for node in _children(element, test, predicates, budget)
        ]
    return Found(_one(nodes))


def _begin(text: str, document: Element, budget: Budget) -> tuple[int, list[Node]]:
    """Return where the steps of a selector begin, and the nodes that they begin at."""
    if text.startswith("/"):
        return 0, [document]
    by_id = _ID.match(text)
    if by_id is not None:
        wanted = by_id["single"] or by_id["double"] or ""
        found: list[Node] = []
        for node in document.nodes():
            budget.spend(ITEM, "a selector of the patch")
            if isinstance(node, Element) and node.attributes.get("xml:id") == wanted:
                found.append(node)
        return by_id.end(), found
    raise PatchError("it cannot be read at character 1")


def _one(nodes: Sequence[Node]) -> Node:
    if len(nodes) != 1:
        raise PatchError(f"it leads to {len(nodes) or 'no'} nodes, not to one")
    return nodes[0]


def _of_element(elements: list[Element], name: str, prefix: str | None, space: Space) -> Found:
    """Return an attribute, or a declared namespace, of the one element that is left."""
    element = _one(elements)
    assert isinstance(element, Element)  # noqa: S101 - given as such
    if prefix:
        if prefix not in element.declared:
            raise PatchError("the element does not declare this prefix")
        return Found(element, Part.NAMESPACE, prefix)
    written = attribute_of(element, name, space)
    if written is None:
        raise PatchError("the element does not have this attribute")
    return Found(element, Part.ATTRIBUTE, written)


def attribute_of(element: Element, name: str, space: Space) -> str | None:
    """Return an attribute that a patch names as it is written in the document; None without it."""
    prefix, colon, local = name.rpartition(":")
    if not colon:
        return name if name in element.attributes else None
    namespace, scope = space.of(prefix), element.scope()
    for written in element.attributes:
        its_prefix, colon, its_local = written.rpartition(":")
        if colon and its_local == local and space.canonical(scope.get(its_prefix, "")) == namespace:
            return written
    return None


def _test(step: dict[str, str | None], space: Space, budget: Budget) -> Callable[[Node], bool]:
    """Return what decides if a child is meant by a step."""
    kind, name = step["kind"], step["name"]
    target = step["single"] if step["single"] is not None else step["double"]
    if target is not None and kind != "processing-instruction":
        raise PatchError(f"{kind}() takes no name")
    if kind == "text":
        return lambda node: isinstance(node, Text)
    if kind == "comment":
        return lambda node: isinstance(node, Comment)
    if kind == "node":
        return lambda node: True
    if kind is not None:
        return lambda node: isinstance(node, Instruction) and target in (None, node.target)
    if name == "*":
        return lambda node: isinstance(node, Element)
    return _named(name or "", space)


def _named(name: str, space: Space) -> Callable[[Node], bool]:
    prefix, _, local = name.rpartition(":")
    namespace = space.of(prefix)

    def is_named(node: Node) -> bool:
        return (
            isinstance(node, Element)
            and node.qname.endswith(local)
            and node.local == local
            and space.canonical(namespace_of(node)) == namespace
        )

    return is_named


Predicate = Callable[[Sequence[Node]], Sequence[Node]]


def _predicate(parts: dict[str, str | None], space: Space, budget: Budget) -> Predicate:
    """Return what leaves the nodes that a predicate allows, of those that a step has found."""
    position, of = parts["position"], parts["of"]
    if position == "last()":
        return lambda nodes: nodes[-1:]
    if position is not None:
        number = read_digits(position) or 0
        return lambda nodes: nodes[number - 1 : number] if number > 0 else ()
    value = parts["single"] if parts["single"] is not None else parts["double"] or ""

    def matching(nodes: Sequence[Node]) -> Sequence[Node]:
        return [node for node in nodes if value in _values(node, of or "", space, budget)]

    return matching


def _values(node: Node, of: str, space: Space, budget: Budget) -> Iterator[str]:
    """Yield the values that a predicate compares: of an attribute, of children, of itself."""
    budget.spend(ITEM, "a selector of the patch")
    if not isinstance(node, Element):
        if of == ".":
            yield node.value
        return
    if of.startswith("@"):
        written = attribute_of(node, of[1:], space)
        if written is not None:
            yield node.attributes[written]
    elif of == ".":
        yield _content(node, budget)
    elif of == "text()":
        for child in node.children:
            if isinstance(child, Text):
                yield child.value
    else:
        is_named = _named(of, space)
        for child in node.children:
            if is_named(child) and isinstance(child, Element):
                yield _content(child, budget)


def _content(element: Element, budget: Budget) -> str:
    budget.spend(ITEM * sum(1 for _ in element.nodes()), "a selector of the patch")
    return element.content


def _children(
    element: Element,
    test: Callable[[Node], bool],
    predicates: Sequence[Predicate],
    budget: Budget,
) -> Sequence[Node]:
    budget.spend(ITEM * len(element.children), "a selector of the patch")
    found: Sequence[Node] = [child for child in element.children if test(child)]
    for predicate in predicates:
        found = predicate(found)
    return found


__all__ = ["PATCH", "XML", "Found", "Part", "PatchError", "Space", "attribute_of", "find"]
