"""Segment sequences and patterns of durations, made of the form ``number`` of ``media``.

No packager of the tests writes these: two segments of one second are a sequence of two here.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

SEQUENCES: Final = ("sequence-derived", "sequence-live", "sequence-rows", "pattern")
"""By ``SegmentTemplate@k``; the same as a snapshot, cut within a sequence; by ``S@k``; a Pattern."""
_SECOND = 1_000_000
_TEMPLATE = re.compile(r"<SegmentTemplate [^>]*>\s*</SegmentTemplate>")
_CLOCK = f'timescale="{_SECOND}" initialization="init-stream$RepresentationID$.m4s"'
_PARTS = f'{_CLOCK} media="chunk-stream$RepresentationID$-$Number$-$SubNumber$.m4s"'
_ROWS = f'<S t="0" d="{2 * _SECOND}" k="2" r="2"/>'
_PATTERN = f'<Pattern id="seconds"><P d="{_SECOND}" r="1"/></Pattern><S t="0" p="seconds" r="5"/>'
_WRITTEN: Final = {
    "sequence-derived": f'<SegmentTemplate {_PARTS} duration="{2 * _SECOND}" k="2"/>',
    "sequence-live": f'<SegmentTemplate {_PARTS} duration="{2 * _SECOND}" k="2"/>',
    "sequence-rows": f"<SegmentTemplate {_PARTS}><SegmentTimeline>{_ROWS}</SegmentTimeline>"
    "</SegmentTemplate>",
    "pattern": f'<SegmentTemplate {_CLOCK} media="chunk-stream$RepresentationID$-$Number%05d$.m4s">'
    f"<SegmentTimeline>{_PATTERN}</SegmentTimeline></SegmentTemplate>",
}
_LIVE = 'type="dynamic" availabilityStartTime="2026-01-01T00:00:01Z" timeShiftBufferDepth="PT9S"'
"""Five seconds before the ``NOW`` of ``live``: of the third sequence, the first part is there."""


def make_sequences(source: Path, form: str, directory: Path) -> None:
    """Write one of ``SEQUENCES``; ``source`` is the form ``number`` of ``media``."""
    directory.mkdir(parents=True)
    for path in source.glob("init-stream*.m4s"):
        (directory / path.name).write_bytes(path.read_bytes())
    for path in source.glob("chunk-stream*.m4s"):
        stream, digits = re.findall(r"stream(\d)-(\d+)", path.name)[0]
        sequence, part = divmod(int(digits) - 1, 2)
        name = f"chunk-stream{stream}-{sequence + 1}-{part}.m4s"
        (directory / (path.name if form == "pattern" else name)).write_bytes(path.read_bytes())
    text = _TEMPLATE.sub(_WRITTEN[form], (source / "manifest.mpd").read_text())
    if form == "sequence-live":
        text = re.sub(r'type="static"\s+mediaPresentationDuration="[^"]*"', _LIVE, text)
    (directory / "manifest.mpd").write_text(text)
