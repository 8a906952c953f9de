"""Write a tree as a document that is well-formed whatever is in it, with all prefixes declared."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final
from urllib.parse import quote

from dashget.common.lateregex import late
from dashget.mpd.budget import ITEM, Budget
from dashget.mpd.names import NAMESPACE
from dashget.playable.tree import Element

_XML: Final = "http://www.w3.org/XML/1998/namespace"
_RESERVED: Final = (_XML, "http://www.w3.org/2000/xmlns/")
_SPECIAL: Final = late('[&<>"\r\n\t]')
_IN_TEXT: Final = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", "\r": "&#13;"})
_IN_ATTRIBUTES: Final = str.maketrans(
    {
        "&": "&amp;",
        "<": "&lt;",
        ">": "&gt;",
        '"': "&quot;",
        "\r": "&#13;",
        "\n": "&#10;",
        "\t": "&#9;",
    }
)
_EXCLUDED: Final = late("[\0-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
"""What no document of XML has, not even as a reference. The complement of what it may have is
the same set, but takes 13 ms to compile, and each run needs it."""
_URI: Final = late(
    r"(?:[A-Za-z][A-Za-z0-9+.-]*:(?://[A-Za-z0-9.-]*(?::[0-9]{1,5})?(?=[/?#]|\Z))?|(?![^/?#]*:))"
    r"(?!//)(?:[A-Za-z0-9._~!$&'()*+,;=:@/?-]|%[0-9A-Fa-f]{2})*(?:#[A-Za-z0-9._~!:/-]*)?"
)
"""The namespaces that are written as they are: URIs without doubt."""
_NAME: Final = late(r"[^\W\d][\w.-]*")
_MOST_UNPAID: Final = 100_000
_NOWHERE: Final = "urn:x-foreign"
"""The beginning of a namespace that must not be written as it is."""


def write(root: Element, namespace: str, budget: Budget) -> bytes:
    """Return a document whose elements of DASH are in ``namespace``."""
    writer = _Writer(namespace, budget)
    out = writer.out
    out.append("<?xml version='1.0' encoding='utf-8'?>\n")
    node: Element | None = root
    while node is not None and node.before is not None:
        node = node.before
    while node is not None:
        if node is root:
            writer.element(root, _Scope({"": "", "xml": _XML}, {_XML: "xml"}))
        else:
            out.append(node.text)
        out.append("\n")
        node = node.after
    # Many small documents may have much in common: what each repeats is paid as well.
    writer.pay_all()
    return _EXCLUDED.sub("\ufffd", "".join(out)).encode("utf-8")


def escaped(text: str) -> str:
    """Return a text as it stands between elements."""
    return text.translate(_IN_TEXT) if _SPECIAL.search(text) else text


def attribute_text(attributes: Mapping[str, str]) -> str:
    """Return attributes without namespaces as they stand in a tag."""
    return "".join([f' {name}="{_quoted(value)}"' for name, value in attributes.items()])


def _quoted(value: str) -> str:
    return value.translate(_IN_ATTRIBUTES) if _SPECIAL.search(value) else value


class _Scope:
    """The prefixes that are declared at a place, and one for each namespace."""

    __slots__ = ("by_namespace", "by_prefix")

    def __init__(self, by_prefix: dict[str, str], by_namespace: dict[str, str]) -> None:
        self.by_prefix = by_prefix
        self.by_namespace = by_namespace

    def inner(self) -> _Scope:
        return _Scope(dict(self.by_prefix), dict(self.by_namespace))

    def declare(self, prefix: str, namespace: str) -> None:
        before = self.by_prefix.get(prefix)
        if prefix and before is not None and self.by_namespace.get(before) == prefix:
            del self.by_namespace[before]
        self.by_prefix[prefix] = namespace
        if prefix:
            self.by_namespace[namespace] = prefix


class _Writer:
    def __init__(self, namespace: str, budget: Budget) -> None:
        kept = namespace == _as_uri(namespace) and namespace not in _RESERVED
        self.dash = namespace if kept else NAMESPACE
        self.out: list[str] = []
        self._read = namespace
        self._uris: dict[str, str] = {}
        self._made = 0
        self._budget = budget
        self._size = 0

    def known(self, namespace: str) -> str:
        """Return a namespace as it is written; those that are read as DASH become one."""
        return self.dash if namespace in (self._read, NAMESPACE) else self.foreign(namespace)

    def foreign(self, namespace: str) -> str:
        """Return a namespace as a URI, which is never the one of DASH."""
        uri = self._uris.get(namespace)
        if uri is None:
            uri = _as_uri(namespace)
            if uri in (self.dash, _RESERVED[1]):
                uri = f"{_NOWHERE}:{uri}"
            self._uris[namespace] = uri
        return uri

    def new_prefix(self, scope: _Scope) -> str:
        """Return a prefix that is not declared yet."""
        self._made += 1
        while f"ns{self._made}" in scope.by_prefix:
            self._made += 1
        return f"ns{self._made}"

    def pay(self, size: int) -> None:
        """Pay for writing so many characters; an attribute, or a namespace, costs more."""
        self._size += size
        if self._size > _MOST_UNPAID:
            self.pay_all()

    def pay_all(self) -> None:
        """Pay for what was written and is unpaid."""
        self._budget.spend(2 * self._size, "the local MPD")
        self._size = 0

    def element(self, element: Element, scope: _Scope) -> None:
        """Write an element and what is in it."""
        out = self.out
        attributes = element.attributes
        size = 100 + sum(map(len, attributes.values())) + len(element.text)
        self.pay(size + ITEM * len(attributes))
        plain = not element.declared and element.name[:1] != "{"
        if plain and scope.by_prefix.get(element.prefix) == self.dash and _are_plain(element):
            qname = f"{element.prefix}:{element.name}" if element.prefix else element.name
            out.append(f"<{qname}{attribute_text(element.attributes)}")
        else:
            tag = _Tag(element, scope, self)
            qname, scope = tag.qname, tag.scope
            out.append(f"<{qname}{tag.declarations}{attribute_text(tag.attributes)}")
        if element.first is None and not element.text:
            out.append("/>")
            return
        out.append(f">{escaped(element.text)}")
        for child in element:
            if child.name:
                self.element(child, scope)
            elif child.rows:
                name = child.text or "S"
                before = f"<{qname.rpartition(':')[0]}:{name}" if ":" in qname else f"<{name}"
                out.append(before + before.join(child.rows))
            else:
                out.append(child.text)
            if child.tail:
                out.append(escaped(child.tail))
        out.append(f"</{qname}>")


def _are_plain(element: Element) -> bool:
    return not any(name[:1] == "{" for name in element.attributes)


class _Tag:
    """The names and declarations of an element that has some of its own, or foreign names."""

    def __init__(self, element: Element, scope: _Scope, writer: _Writer) -> None:
        self._writer = writer
        self._outer = scope
        self._own: dict[str, str] = {}
        self.scope = scope
        space, _, local = element.name.rpartition("}")
        namespace = writer.foreign(space[1:]) if space else writer.dash
        if element.declared:
            size = sum(map(len, element.declared.values()))
            writer.pay(4 * size + 3 * ITEM * len(element.declared))
        for prefix, declared in element.declared.items():
            known = writer.known(declared)
            # Only the empty prefix may stand for no namespace.
            if _is_free(prefix) and (known or not prefix) and declared not in _RESERVED:
                self._declare(prefix, known)
        if not (element.prefix and namespace) and self._own.get("", namespace) != namespace:
            # What the element is in decides, not what it declares.
            del self._own[""]
            self.scope.by_prefix[""] = scope.by_prefix[""]
        prefix = self._prefix_of(namespace, element.prefix)
        self.qname = f"{prefix}:{local}" if prefix else local
        self.attributes = {self._attribute(n): value for n, value in element.attributes.items()}
        self.declarations = "".join(
            f' xmlns{":" * bool(prefix)}{prefix}="{_quoted(value)}"'
            for prefix, value in self._own.items()
        )

    def _attribute(self, name: str) -> str:
        """Return the name of an attribute as it is written."""
        space, _, local = name.rpartition("}")
        if not space:
            return name
        namespace = self._writer.foreign(space[1:]) or _NOWHERE
        prefix = self.scope.by_namespace.get(namespace)
        if prefix is None:
            prefix = self._writer.new_prefix(self.scope)
            self._declare(prefix, namespace)
        return f"{prefix}:{local}"

    def _prefix_of(self, namespace: str, written: str) -> str:
        by_prefix = self.scope.by_prefix
        for prefix in (written, "", self.scope.by_namespace.get(namespace, "")):
            if by_prefix.get(prefix) == namespace:
                return prefix
        prefix = written if namespace else ""
        if prefix in self._own or not _is_free(prefix):
            prefix = self._writer.new_prefix(self.scope)
        self._declare(prefix, namespace)
        return prefix

    def _declare(self, prefix: str, namespace: str) -> None:
        if self.scope is self._outer:
            self._writer.pay(len(self._outer.by_prefix))
            self.scope = self._outer.inner()
        self.scope.declare(prefix, namespace)
        self._own[prefix] = namespace


def _is_free(prefix: str) -> bool:
    """Return True if a prefix may be declared."""
    return not prefix or (prefix not in ("xml", "xmlns") and _NAME.fullmatch(prefix) is not None)


def _as_uri(namespace: str) -> str:
    if _URI.fullmatch(namespace):
        return namespace
    return f"{_NOWHERE}:{quote(namespace, safe='', errors='replace')}"
