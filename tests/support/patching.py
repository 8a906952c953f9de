"""Make the patch that leads from one MPD to another, as packagers do."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from dashget.mpd.budget import Budget
from dashget.mpd.selector import Space
from dashget.mpd.xmlnodes import (
    Comment,
    Element,
    Instruction,
    Node,
    Text,
    namespace_of,
    read_nodes,
    write_nodes,
)

_NAMESPACE: Final = "urn:mpeg:dash:schema:mpd-patch:2020"
_HEAD: Final = b"?>\n"
Meaning = tuple[object, ...]


def make_patch(before: bytes, after: bytes) -> bytes:
    """Return a patch for ``before`` whose outcome means the same as ``after``."""
    old, new = read_nodes(before, Budget()), read_nodes(after, Budget())
    first, second = next(old.elements()), next(new.elements())
    space = Space(new, {})
    scope = {**second.scope(), "": _NAMESPACE}
    patch = Element("Patch", {}, {k: v for k, v in scope.items() if k != "xml"})
    for name, told, its in (
        ("mpdId", first, "id"),
        ("originalPublishTime", first, "publishTime"),
        ("publishTime", second, "publishTime"),
    ):
        patch.attributes[name] = told.attributes.get(its, "")
    for operation in _changes(first, second, "/*", space):
        patch.insert(len(patch.children), [operation])
    top = Element("", {}, {})
    top.insert(0, [patch])
    return write_nodes(top)


def meaning(document: bytes) -> Meaning:
    """Return what a document means: names in their namespaces, attributes in any order."""
    root = next(read_nodes(document, Budget()).elements())
    assert root.parent is not None
    return _meaning(root, Space(root.parent, {}))


def _meaning(node: Node, space: Space) -> Meaning:
    if not isinstance(node, Element):
        target = node.target if isinstance(node, Instruction) else ""
        return (type(node).__name__, target, node.value)
    scope = node.scope()
    attributes = {
        (space.canonical(scope.get(prefix, "")) if colon else "", local): value
        for name, value in node.attributes.items()
        for prefix, colon, local in (name.rpartition(":"),)
    }
    name = space.canonical(namespace_of(node)), node.local
    children = tuple(_meaning(child, space) for child in node.children)
    return (name, tuple(sorted(attributes.items())), children)


def _changes(old: Element, new: Element, where: str, space: Space) -> Iterator[Element]:
    """Yield the operations that make one element another; both are at the same place."""
    same_scope = old.declared == new.declared and old.qname == new.qname
    if not same_scope or any(":" in name for name in {**old.attributes, **new.attributes}):
        if _meaning(old, space) != _meaning(new, space) or not same_scope:
            yield _operation("replace", where, new)
        return
    for name in old.attributes:
        if name not in new.attributes:
            yield _operation("remove", f"{where}/@{name}")
        elif new.attributes[name] != old.attributes[name]:
            yield _operation("replace", f"{where}/@{name}", Text(new.attributes[name]))
    for name, value in new.attributes.items():
        if name not in old.attributes:
            yield _operation("add", where, Text(value), type=f"@{name}")
    yield from _of_children(old, new, where, space)


def _of_children(old: Element, new: Element, where: str, space: Space) -> Iterator[Element]:
    before = [_meaning(child, space) for child in old.children]
    after = [_meaning(child, space) for child in new.children]
    begin = 0
    while begin < min(len(before), len(after)) and before[begin] == after[begin]:
        begin += 1
    end = 0
    while end < min(len(before), len(after)) - begin and before[-1 - end] == after[-1 - end]:
        end += 1
    gone, come = old.children[begin : len(before) - end], new.children[begin : len(after) - end]
    pairs = len(gone) == len(come) and all(
        isinstance(a, Element) and isinstance(b, Element) for a, b in zip(gone, come, strict=True)
    )
    if pairs:
        for offset, (a, b) in enumerate(zip(gone, come, strict=True)):
            assert isinstance(a, Element)
            assert isinstance(b, Element)
            yield from _changes(a, b, f"{where}/{_place(old, begin + offset)}", space)
    elif all(isinstance(node, Element | Comment) for node in (*old.children, *new.children)):
        for _ in gone:
            yield _operation("remove", f"{where}/node()[{begin + 1}]")
        if begin:
            yield _operation("add", f"{where}/node()[{begin}]", *come, pos="after")
        else:
            yield _operation("add", where, *come, pos="prepend")
    else:
        yield _operation("replace", where, new)


def _place(parent: Element, at: int) -> str:
    return f"*[{sum(isinstance(child, Element) for child in parent.children[: at + 1])}]"


def _operation(name: str, where: str, *nodes: Node, **attributes: str) -> Element:
    operation = Element(name, {"sel": where, **attributes}, {})
    operation.insert(0, [_copied(node) for node in nodes])
    return operation


def _copied(node: Node) -> Node:
    if isinstance(node, Text):
        return Text(node.value)
    if isinstance(node, Comment):
        return Comment(node.value)
    if isinstance(node, Instruction):
        return Instruction(node.target, node.value)
    declared = {**node.declared}
    if not node.prefix and "" not in declared:
        declared[""] = namespace_of(node)
    made = Element(node.qname, dict(node.attributes), declared)
    made.insert(0, [_copied(child) for child in node.children])
    return made
