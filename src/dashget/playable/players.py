"""Write an MPD so that all players read it alike.

Players based on FFmpeg (mpv, ffplay and others) read less than the standard has. Much of it can be
said in a way that they understand, too, without another meaning; ``opening`` tells how they open
the rest. What they need, as read in libavformat/dashdec.c and tried with FFmpeg 5.1 and mpv 0.35:

* elements are read in document order, so what a set says after a Representation is not known to it;
* of BaseURLs, the first of the MPD and the lowest one count, and none between them;
* a SegmentList and a single file count at a Representation only, and the Initialization of a
  template as an attribute only;
* ``MPD@type`` is required, as is ``MPD@mediaPresentationDuration`` where segments are derived;
* ``@startNumber`` is 0 if it is missing, and skips rows of lists, and of timelines with ``$Time$``;
* an open ``S@r`` is divided by whole seconds, which fails for short segments.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from lxml import etree

from dashget.common.numbers import read_digits
from dashget.media.kind import SegmentKind
from dashget.mpd.presentation import ContentType, Presentation
from dashget.planning.tracks import Track
from dashget.playable.head import HERE
from dashget.playable.places import Places
from dashget.playable.templates import children_with
from dashget.playable.tree import Element, children_of, iso_duration, name_of, namespace_of, unset

_KINDS: Final = ("SegmentTemplate", "SegmentList", "SegmentBase")
_FILES: Final = ("Initialization", "RepresentationIndex", "BitstreamSwitching")
_URLS: Final = ("media", "initialization", "index", "bitstreamSwitching")


def is_read_alike(places: Places) -> bool:
    """Return True if all players take the references of a document for the same files."""
    return all(_is_read_alike(element) for _, element in places.representations())


def _is_read_alike(representation: Element) -> bool:
    levels = [representation, *representation.iterancestors()]
    bases = [[_text(base) for base in children_of(level, "BaseURL")] for level in levels]
    if any(len(texts) > 1 for texts in bases):
        return False
    if sum(texts not in ([], [HERE]) for texts in bases) > 1:
        return False
    if not all(map(_is_in_order, levels, levels[1:])):
        return False
    found = {kind: children_with(representation, kind) for kind in _KINDS}
    templates, lists, _ = found.values()
    if sum(map(bool, found.values())) > 1 or len(lists) > 1:
        return False
    if templates:
        return all(map(_is_plain, templates))
    own = next(iter(children_of(representation, "SegmentList" if lists else "BaseURL")), None)
    return own is not None


def _is_in_order(child: Element, level: Element) -> bool:
    """Return True if a level says everything before its child, as the schema has it."""
    names = ("BaseURL", *_KINDS) if level.getparent() is not None else ()
    return all(name_of(late) not in names for late in child.itersiblings())


def _is_plain(template: Element) -> bool:
    """Return True if a template has no more than identifiers that every player knows."""
    urls = [template.get(name, "") for name in _URLS]
    known = not any("$Bandwidth%" in url or "$RepresentationID%" in url for url in urls)
    return known and all(name_of(child) not in _FILES for child in template)


def make_readable(
    root: Element, places: Places, tracks: Sequence[Track], presentation: Presentation
) -> None:
    """Say what some players do not work out for themselves, without another meaning."""
    for base in root.iter(f"{namespace_of(root)}BaseURL"):
        base.text = _text(base) or (HERE if base.getparent() is root else "")
    if not list(children_of(root, "BaseURL")):
        _add_base(root)
    if root.get("type") is None:
        root.set("type", "static")
    if root.get("mediaPresentationDuration") is None and presentation.duration is not None:
        root.set("mediaPresentationDuration", iso_duration(presentation.duration))
    for track in tracks:
        element = places[track.representation.where]
        _type(element, track)
        for listed in children_of(element, "SegmentList"):
            unset(listed, "startNumber")
        templates = children_with(element, "SegmentTemplate")
        timelines = [t for level in templates for t in children_of(level, "SegmentTimeline")]
        if timelines:
            _close(timelines[0], track)
            _number(templates)


def _text(element: Element) -> str:
    return (element.text or "").strip()


def _add_base(root: Element) -> None:
    """Give the MPD a BaseURL for its own directory, where the schema has it."""
    base = etree.Element(f"{namespace_of(root)}BaseURL")
    base.text = HERE
    following = next((c for c in root if name_of(c) not in ("", "ProgramInformation")), None)
    if following is None:
        root.append(base)
        return
    before = following.getprevious()
    base.tail = root.text if before is None else before.tail
    following.addprevious(base)


def _type(representation: Element, track: Track) -> None:
    """Give the set of a Representation that tells no type of content the one that was found."""
    adaptation_set = representation.getparent()
    kind = track.representation.content_type
    if adaptation_set is None or kind is ContentType.OTHER:
        return
    told = (representation, adaptation_set, *children_of(adaptation_set, "ContentComponent"))
    if not any(level.get(name) for level in told for name in ("contentType", "mimeType")):
        adaptation_set.set("contentType", kind.value)


def _close(timeline: Element, track: Track) -> None:
    """Write how often a row repeats, if it is the only one that leaves this open."""
    rows = list(children_of(timeline, "S"))
    repeats = [row.get("r", "0").strip() for row in rows]
    opened = [number for number, repeat in enumerate(repeats) if repeat.startswith("-")]
    if len(opened) != 1 or any(
        e.get("k") for e in (*timeline.iterancestors("{*}SegmentTemplate"), *rows)
    ):
        return
    media = sum(s.kind is SegmentKind.MEDIA for s in track.index)
    counts = [read_digits(repeat) for repeat in repeats]
    others = sum(1 + count for count in counts if count is not None)
    left = media - others
    if left > 0 and others >= len(rows) - 1:
        rows[opened[0]].set("r", str(left - 1))


def _number(templates: Sequence[Element]) -> None:
    """Set ``@startNumber`` of a timeline to what every player counts from."""
    own, *_ = templates
    urls = [next((t.get(name) for t in templates if t.get(name)), "") or "" for name in _URLS]
    start = next((t.get("startNumber") for t in templates if t.get("startNumber")), None)
    counted = any("$Number" in url or "$SubNumber" in url for url in urls)
    if counted:
        if start is None:
            own.set("startNumber", "1")
    elif start not in (None, "0") and not any(t.get("endNumber") for t in templates):
        shared = own.getparent()
        overruled = shared is not None and any(
            child is not own and any(child.get(name) for name in _URLS)
            for child in shared.iter(own.tag)
        )
        if not overruled:
            own.set("startNumber", "0")
