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

dash.js (5.2) takes the rows of the SegmentTimeline of a SegmentList for its files, whatever their
``@r`` says.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from dashget.common.numbers import read_digits
from dashget.media.kind import SegmentKind
from dashget.mpd.presentation import ContentType, Presentation
from dashget.planning.tracks import Track
from dashget.playable.head import HERE
from dashget.playable.places import Places
from dashget.playable.rows import use_duration
from dashget.playable.templates import children_with
from dashget.playable.tree import Element, iso_duration

_KINDS: Final = ("SegmentTemplate", "SegmentList", "SegmentBase")
_FILES: Final = ("Initialization", "RepresentationIndex", "BitstreamSwitching")
_URLS: Final = ("media", "initialization", "index", "bitstreamSwitching")


def is_read_alike(places: Places) -> bool:
    """Return True if all players take the references of a document for the same files."""
    checked: dict[Element, bool] = {}
    return all(_is_read_alike(element, checked) for _, element in places.representations())


def _is_read_alike(representation: Element, checked: dict[Element, bool]) -> bool:
    """Return True for one Representation; ``checked`` has the levels that are known to be plain."""
    levels = list(representation.levels())
    for level in levels:
        if level not in checked:
            checked[level] = _is_plain_level(level)
        if not checked[level]:
            return False
    bases = [level.find("BaseURL") for level in levels]
    if sum(base is not None and _text(base) != HERE for base in bases) > 1:
        return False
    found = {kind: children_with(representation, kind) for kind in _KINDS}
    templates, lists, _ = found.values()
    if sum(map(bool, found.values())) > 1 or len(lists) > 1:
        return False
    if templates:
        return all(map(_is_plain, templates))
    return representation.find("SegmentList" if lists else "BaseURL") is not None


def _is_plain_level(level: Element) -> bool:
    """Return True if a level has one BaseURL at most, and says all before what is below it."""
    below = {"Period": "AdaptationSet", "AdaptationSet": "Representation"}.get(level.name)
    names = ("BaseURL", *_KINDS)
    bases, begun = 0, False
    for child in level:
        bases += child.name == "BaseURL"
        if child.name == below:
            begun = begun or below == "Representation" or child.find("Representation") is not None
        elif begun and child.local in names:
            return False
    return bases <= 1


def _is_plain(template: Element) -> bool:
    """Return True if a template has no more than identifiers that every player knows."""
    urls = [template.attributes.get(name, "") for name in _URLS]
    known = not any("$Bandwidth%" in url or "$RepresentationID%" in url for url in urls)
    return known and all(child.local not in _FILES for child in template)


def make_readable(
    root: Element, places: Places, tracks: Sequence[Track], presentation: Presentation
) -> None:
    """Say what some players do not work out for themselves, without another meaning."""
    for base in root.elements():
        if base.name == "BaseURL":
            text = _text(base) or (HERE if base.parent is root else "")
            for child in base:
                child.take_out()
            base.text = text
    if root.find("BaseURL") is None:
        _add_base(root)
    root.attributes.setdefault("type", "static")
    if "mediaPresentationDuration" not in root.attributes and presentation.duration is not None:
        root.attributes["mediaPresentationDuration"] = iso_duration(presentation.duration)
    done: dict[Element, bool] = {}
    for track in tracks:
        element = places[track.representation.where]
        _type(element, track)
        for listed in element.all("SegmentList"):
            listed.attributes.pop("startNumber", None)
            _give_duration(listed, track)
        templates = children_with(element, "SegmentTemplate")
        timelines = [t for t in (level.find("SegmentTimeline") for level in templates) if t]
        if timelines:
            if timelines[0] not in done:
                done[timelines[0]] = True
                _close(timelines[0], track)
            _number(templates, done)


def _text(element: Element) -> str:
    return element.content.strip()


def _add_base(root: Element) -> None:
    """Give the MPD a BaseURL for its own directory, where the schema has it."""
    base = Element("BaseURL")
    base.text, base.prefix = HERE, root.prefix
    following = next((c for c in root if c.local not in ("", "ProgramInformation")), None)
    if following is not None:
        before = following.before
        base.tail = root.text if before is None else before.tail
    root.insert(base, following)


def _type(representation: Element, track: Track) -> None:
    """Give the set of a Representation that tells no type of content the one that was found."""
    adaptation_set = representation.parent
    kind = track.representation.content_type
    if adaptation_set is None or kind is ContentType.OTHER:
        return
    if any(_tells_type(level) for level in (representation, adaptation_set)):
        return
    if adaptation_set.find("ContentComponent") is not None and any(
        map(_tells_type, adaptation_set.all("ContentComponent"))
    ):
        return
    adaptation_set.attributes["contentType"] = kind.value


def _tells_type(element: Element) -> bool:
    return any(element.attributes.get(name) for name in ("contentType", "mimeType"))


def _close(timeline: Element, track: Track) -> None:
    """Write how often a row repeats, if it is the only one that leaves this open."""
    template = timeline.parent
    opened, counted, others = [], 0, 0
    for row in timeline:
        if row.rows is not None:
            if any(' k="' in text for text in row.rows):
                return
            counted += len(row.rows)
            others += sum(map(_repeated, row.rows))
        elif row.name == "S":
            repeat = row.attributes.get("r", "0").strip()
            if row.attributes.get("k"):
                return
            if repeat.startswith("-"):
                opened.append(row)
            elif (count := read_digits(repeat)) is not None:
                others += 1 + count
            counted += 1
    if len(opened) != 1 or template is None or template.attributes.get("k"):
        return
    media = sum(s.kind is SegmentKind.MEDIA for s in track.index)
    left = media - others
    if left > 0 and others >= counted - 1:
        opened[0].attributes["r"] = str(left - 1)


def _give_duration(listed: Element, track: Track) -> None:
    """Write a list with a timeline so that dash.js reads it."""
    if listed.find("SegmentTimeline") is None or "duration" in listed.attributes:
        return
    segments = [s for s in track.index if s.kind is SegmentKind.MEDIA]
    timed = [(s.time, s.duration) for s in segments if s.time is not None and s.duration]
    if timed and len(timed) == len(segments):
        times, durations = zip(*timed, strict=True)
        use_duration(listed, times, durations)


def _repeated(row: str) -> int:
    """Return the segments of a plain row."""
    _, found, rest = row.partition(' r="')
    count = read_digits(rest.partition('"')[0]) if found else 0
    return 0 if count is None else 1 + count


def _number(templates: Sequence[Element], done: dict[Element, bool]) -> None:
    """Set ``@startNumber`` of a timeline to what every player counts from."""
    own, *_ = templates
    found = [t.attributes for t in templates]
    urls = [next((t[name] for t in found if t.get(name)), "") for name in _URLS]
    start = next((t["startNumber"] for t in found if t.get("startNumber")), None)
    counted = any("$Number" in url or "$SubNumber" in url for url in urls)
    if counted:
        if start is None:
            own.attributes["startNumber"] = "1"
    elif start not in (None, "0") and not any(t.get("endNumber") for t in found):
        if own not in done:
            done[own] = _is_overruled(own)
        if not done[own]:
            own.attributes["startNumber"] = "0"


def _is_overruled(own: Element) -> bool:
    """Return True if a template below names files of its own."""
    return own.parent is not None and any(
        child is not own and child.name == own.name and any(map(child.attributes.get, _URLS))
        for child in own.parent.elements()
    )
