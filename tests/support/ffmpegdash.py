"""Read an MPD as FFmpeg's DASH demuxer does, with its peculiarities (libavformat/dashdec.c, 5.1).

No Python wheel has an FFmpeg with this demuxer. What it asks for was compared with the real
program for every form of ``media``.
"""

from __future__ import annotations

import math
import re
from posixpath import normpath

from lxml import etree

_FIELD = re.compile(r"\$(Number|Time)(?:%0(\d+)d)?\$")


def asked_for(mpd: bytes, path: str = "m/x.local.mpd") -> list[list[str]]:
    """Return the files that it opens for each Representation, relative to the MPD."""
    root = etree.fromstring(mpd)
    assert root.get("type"), "FFmpeg refuses an MPD without a type"
    period = root.findall("{*}Period")[-1]
    folder = path.rpartition("/")[0] + "/"
    found = []
    for one in period.iterfind("{*}AdaptationSet/{*}Representation"):
        urls = [_joined(folder, url) for url in _urls(root, period, one, folder)]
        found.append([url.removeprefix(folder) for url in urls])
    return found


def _joined(base: str, url: str) -> str:
    return normpath(base.rpartition("/")[0] + "/" + url)


def _text(parent: etree._Element | None, *, last: bool = False) -> str:
    bases = [] if parent is None else parent.findall("{*}BaseURL")
    return (bases[-1 if last else 0].text or "") if bases else ""


def _urls(
    root: etree._Element, period: etree._Element, one: etree._Element, folder: str
) -> list[str]:
    adaptation_set = one.getparent()
    assert adaptation_set is not None
    _forget_later(adaptation_set, one)
    _forget_later(period, adaptation_set)
    bases = [_text(root) or folder, _text(period, last=True)]
    bases += [_text(adaptation_set, last=True), _text(one)]
    base = [text for text in bases if text][-1]
    filled = {"$RepresentationID$": one.get("id"), "$Bandwidth$": one.get("bandwidth")}
    templates = [
        e for at in (one, adaptation_set, period) for e in at.findall("{*}SegmentTemplate")
    ]
    listed = one.find("{*}SegmentList")
    if templates:
        names = _templated(root, templates)
    elif listed is None:
        return [base]
    else:
        names = [e.get("sourceURL", "") for e in listed.findall("{*}Initialization")]
        rows = [e.get("media", "") for e in listed.findall("{*}SegmentURL")]
        names += rows[int(listed.get("startNumber", "0")) :]
    for identifier, value in filled.items():
        names = [name.replace(identifier, value or "") for name in names]
    return [_beside(base, name) for name in names]


def _forget_later(parent: etree._Element, child: etree._Element) -> None:
    """Remove what stands behind a child, which FFmpeg has not read when it reads that."""
    for later in list(child.itersiblings()):
        if str(later.tag).rpartition("}")[2].startswith(("BaseURL", "Segment")):
            parent.remove(later)


def _beside(base: str, name: str) -> str:
    return base.rpartition("/")[0] + "/" + name if "/" in base else name


def _templated(root: etree._Element, templates: list[etree._Element]) -> list[str]:
    values = {
        str(name): str(value) for e in reversed(templates) for name, value in e.attrib.items()
    }
    first = int(values.get("startNumber", "0"))
    rows = [s for e in templates for s in e.findall("{*}SegmentTimeline/{*}S")]
    if rows:
        times = _times(rows)
        numbers = range(first, first + len(times))
    else:
        length = re.match(r"PT(\d+)", root.get("mediaPresentationDuration", "PT0S"))
        ticks = int(length[1] if length else 0) * int(values.get("timescale", "1"))
        numbers = range(first, first + math.ceil(ticks / int(values["duration"])) + 1)
        times = []
    names = [str(values["initialization"])] if "initialization" in values else []
    for number in numbers:
        time = times[number] if number < len(times) else 0
        names.append(_expanded(str(values["media"]), number, time))
    return names


def _times(rows: list[etree._Element]) -> list[int]:
    time, times = 0, []
    for row in rows:
        time = int(row.get("t", "0")) or time
        for _ in range(int(row.get("r", "0")) + 1):
            times.append(time)
            time += int(row.get("d", "0"))
    return times


def _expanded(media: str, number: int, time: int) -> str:
    values = {"Number": number, "Time": time}
    return _FIELD.sub(lambda m: f"{values[str(m[1])]:0{m[2] or 1}d}", media)
