"""Ways to vary an input: bytes, lines, the elements of XML, the boxes and elements of media.

Bytes alone seldom get past the first parser. These mutators keep the structure and change what is
in it: values, sizes, names, order, nesting. Each is a function of the input and a source of
randomness, so a run can be repeated.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Sequence
from random import Random
from typing import Final

from tests.fuzz.target import LONGEST, SEPARATOR, Mutate
from tests.fuzz.words import ATTRIBUTES, ELEMENTS, SNIPPETS, VALUES

GROWN: Final = 0.002
"""The share of inputs that are made as long as they may be."""
_NUMBERS: Final = (
    0, 1, 2, 7, 8, 9, 12, 15, 16, 24, 31, 32, 127, 128, 255, 256, 4096, 65535, 65536, 1 << 24,
    (1 << 31) - 1, 1 << 31, (1 << 32) - 1, 1 << 32, (1 << 63) - 1, 1 << 63, (1 << 64) - 1,
)  # fmt: skip
_TAG: Final = re.compile(rb"<[^<>]*>")
_ATTRIBUTE: Final = re.compile(rb"""\s([\w:.-]+)\s*=\s*("[^"<]*"|'[^'<]*')""")
_BOX_TYPES: Final = (
    b"ftyp", b"styp", b"sidx", b"moov", b"moof", b"mdat", b"trak", b"mdia", b"mdhd", b"traf", b"tfdt",
    b"pssh", b"stsd", b"encv", b"enca", b"sinf", b"schi", b"tenc", b"schm", b"emsg", b"uuid", b"free",
    b"prft", b"mfra", b"meta", b"minf", b"stbl",
)  # fmt: skip
_BOX_NAMES: Final = tuple(int.from_bytes(name, "big") for name in _BOX_TYPES)
_CONTAINERS: Final = frozenset(
    (b"moov", b"trak", b"mdia", b"minf", b"stbl", b"sinf", b"schi", b"moof", b"traf")
)
_EBML_IDS: Final = (
    0x1A45DFA3, 0x18538067, 0x1549A966, 0x2AD7B1, 0x4489, 0x1C53BB6B, 0xBB, 0xB3, 0xB7, 0xF1,
    0x1F43B675, 0xEC,
)  # fmt: skip
_EBML_MASTERS: Final = frozenset((0x18538067, 0x1549A966, 0x1C53BB6B, 0xBB, 0xB7, 0x1F43B675))


def bytewise(data: bytes, random: Random) -> bytes:
    """Change, remove, repeat or insert a few bytes."""
    at = random.randrange(len(data) + 1)
    end = min(len(data), at + random.choice((1, 1, 2, 4, 8, 32, 200)))
    kind = random.randrange(7)
    if kind == 0:
        return data[:at] + data[end:]
    if kind == 1:
        return data[:end] + data[at:end] * random.choice((1, 1, 2, 30)) + data[end:]
    if kind == 2:
        return data[:at] + random.randbytes(end - at) + data[end:]
    if kind == 3:
        form = random.choice((">B", ">H", ">I", ">Q", "<I"))
        size = struct.calcsize(form)
        number = random.choice(_NUMBERS) & ((1 << 8 * size) - 1)
        return data[:at] + struct.pack(form, number) + data[at + size :]
    if kind == 4:
        return data[:at] + random.choice(VALUES) + data[end:]
    if kind == 5:
        other = random.randrange(len(data) + 1)
        return data[:at] + data[other : other + end - at] + data[end:]
    return data[:at] + bytes(b ^ 1 << random.randrange(8) for b in data[at:end]) + data[end:]


def of_lines(words: Sequence[bytes]) -> Mutate:
    """Return a mutator for text in lines, which puts these words into them."""

    def mutate(data: bytes, random: Random) -> bytes:
        lines = data.split(b"\n")
        at = random.randrange(len(lines))
        kind = random.randrange(8)
        if kind == 0:
            del lines[at]
        elif kind == 1:
            lines.insert(at, random.choice(lines))
        elif kind == 2:
            lines.insert(at, random.choice(words))
        elif kind == 3:
            lines[at] = _with_word(lines[at], random.choice(words), random)
        elif kind == 4:
            lines[at] = _with_word(lines[at], random.choice(VALUES), random)
        elif kind == 5:
            random.shuffle(lines)
        else:
            return bytewise(data, random)
        return b"\n".join(lines)

    return mutate


def of_xml(data: bytes, random: Random) -> bytes:
    """Change attributes and elements of a document; seldom the answers that follow it."""
    parts = data.split(SEPARATOR)
    if len(parts) > 1 and random.random() < 0.3:
        at = 1 + random.randrange(len(parts) - 1)
        vary = random.choice((bytewise, boxwise, _tags))
        parts[at] = vary(parts[at], random)
    elif random.random() < 0.02:
        parts.append(random.choice(SNIPPETS))
    else:
        parts[0] = _tags(parts[0], random)
    return SEPARATOR.join(parts)


def boxwise(data: bytes, random: Random) -> bytes:
    """Change the sizes, types, order and nesting of boxes (ISO/IEC 14496-12)."""
    return _treewise(data, random, _boxes, _box)


def elementwise(data: bytes, random: Random) -> bytes:
    """Change the sizes, ids, order and nesting of elements of WebM (RFC 8794)."""
    return _treewise(data, random, _elements, _element)


def grown(data: bytes, random: Random) -> bytes:
    """Repeat a part of an input until it is as long as it may be: what is slow shows then.

    The part is one of a few bytes, of a line, or from one tag to another.
    """
    if not data:
        return data
    marks = [
        match.start() for match in re.finditer(random.choice((rb"<", rb"\n", rb'"', rb"")), data)
    ]
    first, last = sorted(random.choice(marks or [0]) for _ in range(2))
    part = data[first : last if last > first else first + random.choice((1, 2, 8))]
    copies = max(1, (LONGEST - len(data)) // max(1, len(part)))
    if random.random() < 0.3 and b"<" not in part:
        # Each copy another one: many names, times or numbers.
        return data[:first] + b"".join(b"%s%d" % (part, n) for n in range(copies)) + data[first:]
    return data[:first] + part * copies + data[first:]


def several(mutate: Mutate) -> Mutate:
    """Return a mutator that varies an input one to four times, and seldom makes it long."""

    def repeated(data: bytes, random: Random) -> bytes:
        for _ in range(random.choice((1, 1, 2, 3, 4))):
            data = mutate(data, random)[:LONGEST]
        if random.random() < GROWN:
            data = grown(data, random)[:LONGEST]
        return data

    return repeated


def _with_word(line: bytes, word: bytes, random: Random) -> bytes:
    """Put a word in the place of one that a line has."""
    pieces = re.split(rb"([\s:=,;\"\t|/]+)", line)
    pieces[random.randrange(len(pieces))] = word
    return b"".join(pieces)


def _tags(data: bytes, random: Random) -> bytes:
    tags = list(_TAG.finditer(data))
    if not tags or random.random() < 0.08:
        return bytewise(data, random)
    tag = random.choice(tags)
    begin, end = tag.span()
    kind = random.randrange(10)
    if kind < 4:
        return data[:begin] + _attributes(tag[0], random) + data[end:]
    if kind == 4:
        return data[:begin] + data[end:]
    if kind == 5:
        return data[:end] + random.choice(SNIPPETS) + data[end:]
    if kind == 6:
        other = random.choice(tags)
        first, last = sorted((tag.start(), other.end()))
        place = random.choice(tags).end()
        return data[:place] + data[first:last] * random.choice((1, 1, 1, 20)) + data[place:]
    if kind == 7:
        other = random.choice(tags)
        first, last = sorted((tag.start(), other.end()))
        return data[:first] + data[last:]
    if kind == 8:
        return data[:end] + random.choice(VALUES) + data[end:]
    name = re.match(rb"<(/?)([\w:.-]+)", tag[0])
    if name is None:
        return data
    wanted = random.choice(ELEMENTS)
    return re.sub(rb"(</?)" + re.escape(name[2]) + rb"\b", rb"\1" + wanted, data)


def _attributes(tag: bytes, random: Random) -> bytes:
    found = list(_ATTRIBUTE.finditer(tag))
    kind = random.randrange(5)
    if not found or kind == 0:
        name = re.match(rb"<[\w:.-]+", tag)
        if name is None:
            return tag
        added = b' %s="%s"' % (random.choice(ATTRIBUTES), _quoted(random.choice(VALUES)))
        return name[0] + added + tag[name.end() :]
    one = random.choice(found)
    begin, end = one.span(2)
    if kind == 1:
        return tag[: one.start()] + tag[one.end() :]
    if kind == 2:
        begin, end = one.span(1)
        return tag[:begin] + random.choice(ATTRIBUTES) + tag[end:]
    value = bytewise(one[2][1:-1], random) if kind == 3 else random.choice(VALUES)
    return tag[:begin] + b'"' + _quoted(value) + b'"' + tag[end:]


def _quoted(value: bytes) -> bytes:
    return value.replace(b"&", b"&amp;").replace(b"<", b"&lt;").replace(b'"', b"&quot;")


class _Node:
    """A box or element: its name, its content, and a size that may be a lie."""

    def __init__(self, name: int, content: bytes, children: list[_Node] | None) -> None:
        self.name, self.content, self.children = name, content, children
        self.size: int | None = None
        """The number to write in the place of the true size; None: the true one."""
        self.wide = False

    def copy(self) -> _Node:
        children = None if self.children is None else [child.copy() for child in self.children]
        return _Node(self.name, self.content, children)


_Split = Callable[[bytes, int], list[_Node]]


def _treewise(data: bytes, random: Random, split: _Split, join: Callable[[_Node], bytes]) -> bytes:
    roots = split(data, 0)
    lists = [roots]
    for siblings in lists:
        lists.extend(node.children for node in siblings if node.children is not None)
    filled = [siblings for siblings in lists if siblings]
    if not filled or random.random() < 0.15:
        return bytewise(data, random)
    siblings = random.choice(filled)
    at = random.randrange(len(siblings))
    node = siblings[at]
    kind = random.randrange(8)
    if kind == 0:
        node.size = random.choice(_NUMBERS)
        node.wide = random.random() < 0.3
    elif kind == 1:
        del siblings[at]
    elif kind == 2:
        copies = random.choice((1, 1, 2, 40))
        siblings[at:at] = [node.copy() for _ in range(copies)]
    elif kind == 3:
        node.name = random.choice(_BOX_NAMES if split is _boxes else _EBML_IDS)
    elif kind == 4:
        inside = node.children if node.children is not None else siblings
        inside.insert(
            random.randrange(len(inside) + 1), random.choice(random.choice(filled)).copy()
        )
    elif kind == 5:
        siblings[at] = _Node(node.name, b"", [node])
    elif node.children is None:
        node.content = bytewise(node.content, random)
    else:
        random.shuffle(node.children)
    return b"".join(map(join, roots))[:LONGEST]


def _boxes(data: bytes, depth: int) -> list[_Node]:
    nodes = []
    at = 0
    while at + 8 <= len(data):
        size, name = struct.unpack_from(">II", data, at)
        size = size if 8 <= size <= len(data) - at else len(data) - at
        content = data[at + 8 : at + size]
        inner = name.to_bytes(4, "big") in _CONTAINERS and depth < 8
        nodes.append(
            _Node(name, b"" if inner else content, _boxes(content, depth + 1) if inner else None)
        )
        at += size
    return nodes


def _box(node: _Node) -> bytes:
    body = node.content + b"".join(map(_box, node.children or ()))
    size = len(body) + 8 if node.size is None else node.size
    if node.wide or size >> 32:
        return struct.pack(">IIQ", 1, node.name & 0xFFFFFFFF, size) + body
    return struct.pack(">II", size, node.name & 0xFFFFFFFF) + body


def _elements(data: bytes, depth: int) -> list[_Node]:
    nodes = []
    at = 0
    while at < len(data) and data[at]:
        length = 9 - data[at].bit_length()
        name = int.from_bytes(data[at : at + length], "big")
        at += length
        if at >= len(data) or not data[at]:
            break
        length = 9 - data[at].bit_length()
        size = int.from_bytes(data[at : at + length], "big") & ((1 << 7 * length) - 1)
        at += length
        content = data[at : at + size]
        inner = name in _EBML_MASTERS and depth < 6
        nodes.append(
            _Node(name, b"" if inner else content, _elements(content, depth + 1) if inner else None)
        )
        at += len(content)
        if not content and size:
            break
    return nodes


def _element(node: _Node) -> bytes:
    body = node.content + b"".join(map(_element, node.children or ()))
    size = len(body) if node.size is None else node.size
    name = max(node.name, 1)
    head = name.to_bytes((name.bit_length() + 7) // 8, "big")
    width = 8 if node.wide or size >> 28 else 4
    return head + (1 << 7 * width | size & ((1 << 7 * width) - 1)).to_bytes(width, "big") + body
