"""Read TTML: a whole file, or the sample of an MP4 track (``stpp``, ISO/IEC 14496-30, 5).

Every paragraph is a cue, with the time that its ancestors and it have. If parts of it have times of
their own it becomes several. Pictures in place of text are refused; animation is left out.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from itertools import pairwise
from typing import Final

import msgspec

from dashget.common.lateregex import late
from dashget.mux.subtitles.cues import Cue, Script, in_order, joined
from dashget.mux.subtitles.limits import MOST_CUES, Pieces, SubtitleError
from dashget.mux.subtitles.markup import Run, Style, lines_of, write_payload
from dashget.mux.subtitles.ttmlstyles import Attributes, Styles, settings_of, style_of
from dashget.mux.subtitles.ttmltimes import Clock, Interval
from dashget.mux.subtitles.ttmltree import Node, read_ttml_tree

_SPACES: Final = late(r"[ \t\r\n]+")
_PICTURES: Final = frozenset(("image", "backgroundImage"))
_UNENDING: Final = Fraction(10)
"""The seconds of a cue to which nothing gives an end."""


class PictureError(SubtitleError):
    """The subtitles are pictures."""


def read_ttml(data: bytes, window: tuple[Fraction, Fraction | None] | None = None) -> Script:
    """Return the cues of a document, those of a sample cut to its ``window``."""
    root = read_ttml_tree(data)
    reader = _Reader(root, Clock.of(root.attributes))
    for body in root.elements("body"):
        reader.read(body)
    cues, problems = [], []
    for cue, ended in reader.cues:
        end = cue.end
        if not ended:
            if window is not None and window[1] is not None:
                end = window[1]
            else:
                end = cue.start + _UNENDING
                problems.append(f"a cue without an end is shown for {_UNENDING} s")
        start = cue.start
        if window is not None:
            start = max(start, window[0])
            end = end if window[1] is None else min(end, window[1])
        if start < end:
            cues.append(msgspec.structs.replace(cue, start=start, end=end))
    return Script(in_order(cues), (), tuple(dict.fromkeys(problems)))


class _Leaf(msgspec.Struct, frozen=True):
    """Text in a paragraph: when it is shown, and how."""

    interval: Interval
    text: str | None
    """None is a line break."""
    style: Style
    preserved: bool


class _Reader:
    """Walks through a body; ``cues`` tells with each if something gives it an end."""

    def __init__(self, root: Node, clock: Clock) -> None:
        self.cues: list[tuple[Cue, bool]] = []
        self._clock = clock
        self._styles = Styles(root)
        self._pieces = Pieces()
        self._initial = {
            name: value for name, value in root.attributes.items() if name == "xml:space"
        }

    def read(self, body: Node) -> None:
        whole = Interval(Fraction(0), None).inner(body.attributes, self._clock, None)
        self._block(body, whole, self._initial, {})

    def _block(
        self, node: Node, interval: Interval, outer: Attributes, outer_region: Attributes
    ) -> None:
        """Read the body, a division or a paragraph."""
        if _is_picture(node):
            raise PictureError("its subtitles are pictures")
        region = outer_region
        styles = dict(outer)
        name = node.attributes.get("region")
        if name is not None:
            region = self._styles.regions.get(name, {})
            # Styles of the region hold where no element has its own.
            styles = {**self._styles.inherited({}, region), **outer}
        styles = self._styles.inherited(styles, node.attributes)
        if node.name == "p":
            self._paragraph(node, interval, styles, region)
            return
        for child, inner in self._timed(node, interval):
            if child.name in ("div", "p"):
                self._block(child, inner, styles, region)
            elif _is_picture(child):
                raise PictureError("its subtitles are pictures")

    def _timed(self, node: Node, interval: Interval) -> Iterator[tuple[Node, Interval]]:
        """Yield the children of an element, each with its time."""
        in_sequence = node.attributes.get("timeContainer") == "seq"
        before: Interval | None = None
        for child in node.children:
            if isinstance(child, Node):
                inner = interval.inner(child.attributes, self._clock, before)
                yield child, inner
                if in_sequence and child.name in ("div", "p", "span", "br"):
                    before = inner

    def _paragraph(
        self, node: Node, interval: Interval, styles: Attributes, region: Attributes
    ) -> None:
        leaves = list(self._leaves(node, interval, styles))
        settings = settings_of(region, styles)
        intervals = list(dict.fromkeys(leaf.interval for leaf in leaves))
        if not all(one == interval for one in intervals):
            intervals = _pieces_of(intervals)
        self._pieces.take(len(intervals) * len(leaves))
        pieces = []
        for one in intervals:
            shown = [leaf for leaf in leaves if _covers(leaf.interval, one)]
            payload = write_payload(_text_of(shown))
            if payload and (one.end is None or one.start < one.end):
                pieces.append((Cue(one.start, one.end or one.start, payload, settings), one.end))
        ended = joined([cue] for cue, end in pieces if end is not None)
        self.cues.extend((cue, True) for cue in ended)
        self.cues.extend((cue, False) for cue, end in pieces if end is None)
        if len(self.cues) > MOST_CUES:
            raise SubtitleError(f"more than {MOST_CUES:,} cues")

    def _leaves(self, node: Node, interval: Interval, styles: Attributes) -> Iterator[_Leaf]:
        if styles.get("visibility") == "hidden":
            return
        style, preserved = style_of(styles), styles.get("xml:space") == "preserve"
        children = self._timed(node, interval)
        for child in node.children:
            if isinstance(child, str):
                yield _Leaf(interval, child, style, preserved)
                continue
            _, inner = next(children)
            if child.name == "br":
                yield _Leaf(inner, None, style, preserved)
            elif child.name == "span":
                below = self._styles.inherited(styles, child.attributes)
                yield from self._leaves(child, inner, below)
            elif _is_picture(child):
                raise PictureError("its subtitles are pictures")


def _is_picture(node: Node) -> bool:
    names = (node.name, *node.attributes)
    return any(name.rpartition("}")[2] in _PICTURES for name in names)


def _pieces_of(intervals: list[Interval]) -> list[Interval]:
    """Return the times between all starts and ends."""
    times = sorted(
        {one.start for one in intervals} | {one.end for one in intervals if one.end is not None}
    )
    pieces = [Interval(start, end) for start, end in pairwise(times)]
    if times and any(one.end is None for one in intervals):
        pieces.append(Interval(times[-1], None))
    return pieces


def _covers(outer: Interval, inner: Interval) -> bool:
    if inner.start < outer.start:
        return False
    return outer.end is None or (inner.end is not None and inner.end <= outer.end)


def _text_of(leaves: list[_Leaf]) -> tuple[Run, ...]:
    """Return text as it is shown: spaces collapsed, unless they are to be preserved."""
    runs: list[Run] = []
    open_space = False
    for leaf in leaves:
        text = leaf.text
        if text is None:
            text, open_space = "\n", False
            if not leaf.preserved:
                _strip_end(runs)
        elif not leaf.preserved:
            text = _SPACES.sub(" ", text)
            if not open_space:
                text = text.lstrip(" ")
            open_space = not text.endswith(" ") if text else open_space
        else:
            open_space = True
        if text:
            runs.append(Run(text, leaf.style))
    if leaves and not leaves[-1].preserved:
        _strip_end(runs)
    return lines_of(runs)


def _strip_end(runs: list[Run]) -> None:
    """Take the spaces off the end of text."""
    while runs:
        last = runs.pop()
        text = last.text.rstrip(" ")
        if text:
            runs.append(Run(text, last.style))
            return
