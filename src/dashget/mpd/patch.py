"""Apply a patch to the MPD that it belongs to (ISO/IEC 23009-1, 5.15; RFC 5261).

A patch names the MPD by ``@mpdId`` and ``@originalPublishTime``, and says what to add, replace and
remove, one after another. The outcome is an ordinary MPD, in bytes, which is then read like any
other. A patch that does not fit is never applied in part: PatchError, and the whole MPD has to be
read.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Final

from dashget.mpd.budget import ATTRIBUTE, ITEM, Budget
from dashget.mpd.selector import PATCH, Found, Part, PatchError, Space, attribute_of, find
from dashget.mpd.values import read_date_time
from dashget.mpd.xmlnodes import Element, Node, Text, namespace_of, read_nodes, write_nodes

_DOING: Final = "what the patch asks for"
_NAMESPACE: Final = "namespace::"


def apply_patch(document: bytes, patch: bytes, budget: Budget) -> bytes:
    """Return the MPD that a patch makes of an MPD.

    Raises PatchError for a patch that does not fit, MPDSyntaxError for a text that is not XML, and
    UnsupportedMPDError beyond the budget.
    """
    budget.spend_bytes(len(document))
    budget.spend_bytes(len(patch))
    told = read_nodes(patch, budget)
    top = next(told.elements())
    if top.local != "Patch":
        raise PatchError(f"the root element of the patch is {top.local[:100]!r}, not Patch")
    tree = read_nodes(document, budget)
    mpd = next(tree.elements())
    _check_fit(top, mpd)
    before = mpd.attributes.get("publishTime", "")
    for operation in top.elements():
        _apply(operation, tree, budget)
    _check_outcome(top, next(tree.elements()), before)
    return write_nodes(tree)


def is_same(patch: bytes, budget: Budget) -> bool:
    """Return True if a patch says that nothing has changed."""
    top = next(read_nodes(patch, budget).elements())
    times = (top.attributes.get("publishTime"), top.attributes.get("originalPublishTime"))
    return next(top.elements(), None) is None and _moment(times[0]) == _moment(times[1])


def is_alike(document: bytes, other: bytes, budget: Budget) -> bool:
    """Return True if two MPDs say the same.

    Comments, blanks between elements, prefixes, the order of attributes, and where to ask for
    patches may differ.
    """
    pairs = [(read_nodes(document, budget), read_nodes(other, budget))]
    while pairs:
        one, two = pairs.pop()
        budget.spend(ITEM * (1 + len(one.children) + len(two.children)), "a comparison")
        first, second = _meaning(one), _meaning(two)
        if len(first) != len(second) or one.attributes.items() ^ two.attributes.items():
            return False
        for node, its in zip(first, second, strict=True):
            if isinstance(node, Element) and isinstance(its, Element):
                if node.local != its.local or namespace_of(node) != namespace_of(its):
                    return False
                pairs.append((node, its))
            elif node != its:
                return False
    return True


def _meaning(element: Element) -> list[Element | str]:
    """Return the children of an element that matter: elements, and text as it is."""
    return [
        child if isinstance(child, Element) else child.value.strip()
        for child in element.children
        if (isinstance(child, Element) and child.local != "PatchLocation")
        or (isinstance(child, Text) and not child.is_blank)
    ]


def _check_fit(patch: Element, mpd: Element) -> None:
    told, its = patch.attributes.get("mpdId"), mpd.attributes.get("id")
    if told is None or its is None or told.strip() != its.strip():
        raise PatchError(f"the patch is for the MPD with the id {told!r}; this one has {its!r}")
    told, its = patch.attributes.get("originalPublishTime"), mpd.attributes.get("publishTime")
    if _moment(told) is None or _moment(told) != _moment(its):
        raise PatchError(f"the patch is for the MPD published at {told!r}; this one was at {its!r}")


def _check_outcome(patch: Element, mpd: Element, before: str) -> None:
    """Check, or set, the time at which the new MPD was published."""
    told = _moment(patch.attributes.get("publishTime"))
    earlier, now = _moment(before), _moment(mpd.attributes.get("publishTime"))
    if told is None or earlier is None:
        raise PatchError("the patch does not tell when the new MPD was published")
    if told < earlier or (told == earlier and next(patch.elements(), None) is not None):
        raise PatchError("the patch leads to an MPD that was published no later")
    if now == earlier:
        # The patch tells it without an operation for it.
        mpd.attributes["publishTime"] = patch.attributes["publishTime"].strip()
    elif now != told:
        raise PatchError("the patch leads to an MPD of another time than it tells")


def _moment(text: str | None) -> Fraction | None:
    try:
        return None if text is None else read_date_time(text)[0]
    except ValueError:
        return None


def _apply(operation: Element, document: Element, budget: Budget) -> None:
    if namespace_of(operation) not in (PATCH, "") and operation.local in _OPERATIONS:
        raise PatchError(f"{operation.local} is an element of {namespace_of(operation)[:100]!r}")
    act = _OPERATIONS.get(operation.local)
    if act is None:
        raise PatchError(f"the patch has an unknown operation: {operation.local[:100]!r}")
    selector = operation.attributes.get("sel")
    if selector is None:
        raise PatchError(f"{operation.local} has no @sel")
    budget.spend(ATTRIBUTE, _DOING)
    space = Space(document, operation.scope())
    act(operation, find(selector, document, space, budget), space, budget)


def _add(operation: Element, found: Found, space: Space, budget: Budget) -> None:
    if found.part is not Part.NODE:
        raise PatchError("add leads to an attribute: it needs a node")
    kind, pos = operation.attributes.get("type"), operation.attributes.get("pos")
    if kind is not None:
        if not isinstance(found.node, Element):
            raise PatchError("add puts an attribute on what is no element")
        _add_attribute(operation, found.node, kind.strip(), space)
        return
    if pos in ("before", "after"):
        parent, at = found.place
        at += pos == "after"
    elif pos in (None, "append", "prepend"):
        if not isinstance(found.node, Element):
            raise PatchError("add puts something into what is no element")
        parent = found.node
        at = 0 if pos == "prepend" else len(parent.children)
    else:
        raise PatchError(f"add has an unknown @pos: {pos[:100]!r}")
    nodes = list(operation.children)
    if parent.parent is None and any(isinstance(node, Element | Text) for node in nodes):
        raise PatchError("add puts an element or text beside the root")
    _adopt(nodes, operation, parent, space, budget)
    budget.spend(ITEM * len(nodes) + len(parent.children), _DOING)
    parent.insert(at, nodes)


def _add_attribute(operation: Element, element: Element, kind: str, space: Space) -> None:
    if any(not isinstance(child, Text) for child in operation.children):
        raise PatchError("add has more than text for an attribute")
    value = operation.content
    if kind.startswith(_NAMESPACE):
        prefix = kind[len(_NAMESPACE) :]
        if not prefix or ":" in prefix or prefix in element.declared:
            raise PatchError(f"add declares {prefix[:100]!r}, which is declared already")
        element.declared = {**element.declared, prefix: value.strip()}
        return
    name = kind[1:]
    if not kind.startswith("@") or not _is_name(name):
        raise PatchError(f"add has an unknown @type: {kind[:100]!r}")
    if attribute_of(element, name, space) is not None:
        raise PatchError(f"add sets the attribute {name[:100]!r}, which is there already")
    element.attributes[_written(element, name, space)] = value


def _written(element: Element, name: str, space: Space) -> str:
    """Return the name of a new attribute in the document, whose prefixes may be others."""
    prefix, colon, local = name.rpartition(":")
    if not colon:
        return name
    namespace, scope = space.of(prefix), element.scope()
    if scope.get(prefix) == namespace:
        return name
    known = next((key for key, its in scope.items() if key and its == namespace), None)
    if known is not None:
        return f"{known}:{local}"
    if prefix in element.declared:
        raise PatchError(f"the prefix {prefix[:100]!r} has two meanings")
    element.declared = {**element.declared, prefix: namespace}
    return name


def _replace(operation: Element, found: Found, space: Space, budget: Budget) -> None:
    element = found.node
    if found.part is not Part.NODE:
        assert isinstance(element, Element)  # noqa: S101 - only these have attributes
        if any(not isinstance(child, Text) for child in operation.children):
            raise PatchError("replace has more than text for an attribute")
        if found.part is Part.ATTRIBUTE:
            element.attributes[found.name] = operation.content
        else:
            element.declared = {**element.declared, found.name: operation.content.strip()}
        return
    if isinstance(element, Text):
        if any(not isinstance(child, Text) for child in operation.children):
            raise PatchError("replace has more than text for a text")
        parent, at = found.place
        parent.remove(at)
        if operation.content:
            parent.insert(at, [Text(operation.content)])
        return
    nodes = [
        child for child in operation.children if not (isinstance(child, Text) and child.is_blank)
    ]
    if len(nodes) != 1 or type(nodes[0]) is not type(element):
        raise PatchError("replace has to have one node, of the kind that it replaces")
    parent, at = found.place
    _adopt(nodes, operation, parent, space, budget)
    budget.spend(len(parent.children), _DOING)
    parent.children[at] = nodes[0]
    nodes[0].parent, element.parent = parent, None


def _remove(operation: Element, found: Found, space: Space, budget: Budget) -> None:
    if any(not isinstance(child, Text) or not child.is_blank for child in operation.children):
        raise PatchError("remove has content")
    blanks = operation.attributes.get("ws")
    if blanks not in (None, "before", "after", "both"):
        raise PatchError(f"remove has an unknown @ws: {blanks[:100]!r}")
    if found.part is not Part.NODE:
        assert isinstance(found.node, Element)  # noqa: S101 - only these have attributes
        if found.part is Part.ATTRIBUTE:
            del found.node.attributes[found.name]
        else:
            declared = found.node.declared
            found.node.declared = {k: v for k, v in declared.items() if k != found.name}
        return
    parent, at = found.place
    if parent.parent is None and isinstance(found.node, Element):
        raise PatchError("remove leads to the root")
    budget.spend(len(parent.children), _DOING)
    for wanted, beside in (("after", at + 1), ("before", at - 1)):
        if blanks in (wanted, "both"):
            _remove_blank(parent, beside)
            at -= wanted == "before"
    parent.remove(at)


def _remove_blank(parent: Element, at: int) -> None:
    blank = parent.children[at] if 0 <= at < len(parent.children) else None
    if not isinstance(blank, Text) or not blank.is_blank:
        raise PatchError("remove takes blanks that are not there")
    del parent.children[at]
    blank.parent = None


def _adopt(
    nodes: list[Node], operation: Element, parent: Element, space: Space, budget: Budget
) -> None:
    """Make nodes of a patch fit for a place in the document: names keep their meaning there."""
    inside, outside = operation.scope(), parent.scope()
    usual = space.root.prefix
    waiting = [(node, inside, outside) for node in nodes if isinstance(node, Element)]
    while waiting:
        element, before, after = waiting.pop()
        budget.spend(ITEM * (1 + len(element.declared) * len(before)), _DOING)
        if element.declared:
            before = {**before, **element.declared}
        declared = {
            prefix: namespace
            for prefix, namespace in element.declared.items()
            if prefix and namespace and space.canonical(namespace) != space.dash
        }
        namespace = _meant(element.prefix, before, after, space)
        if namespace == space.dash and after.get(usual, "") == space.dash:
            element.qname = f"{usual}:{element.local}" if usual else element.local
        prefixes = {name.rpartition(":")[0] for name in element.attributes if ":" in name}
        needed = [(each, _meant(each, before, after, space)) for each in prefixes - {"xml"}]
        for prefix, wanted in ((element.prefix, namespace), *needed):
            if declared.get(prefix, after.get(prefix, "")) != wanted:
                if prefix in declared:
                    raise PatchError(f"the prefix {prefix[:100]!r} has two meanings")
                declared[prefix] = wanted
        element.declared = declared
        if declared:
            budget.spend(ITEM * len(after), _DOING)
            after = {**after, **declared}
        waiting += [(child, before, after) for child in element.elements()]


def _meant(prefix: str, before: Mapping[str, str], after: Mapping[str, str], space: Space) -> str:
    """Return the namespace of a prefix in the patch; else the one that it has in the document."""
    namespace = before.get(prefix, after.get(prefix))
    if namespace is None and prefix:
        raise PatchError(f"the prefix {prefix[:100]!r} is declared nowhere")
    return space.canonical(namespace or "")


def _is_name(text: str) -> bool:
    prefix, colon, local = text.rpartition(":")
    parts = (prefix, local) if colon else (local,)
    return text != "xmlns" and all(
        part and (part[0].isalpha() or part[0] == "_") and _is_word(part) for part in parts
    )


def _is_word(text: str) -> bool:
    return all(char.isalnum() or char in "._-" for char in text)


_Act = Callable[[Element, Found, Space, Budget], None]
_OPERATIONS: Final[dict[str, _Act]] = {"add": _add, "replace": _replace, "remove": _remove}


__all__ = ["PatchError", "apply_patch", "is_alike", "is_same"]
