"""Make the rows of the live display fit the terminal; numbers are never cut.

Without enough room, bars are left out first, then single figures; names of tracks are shortened.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from rich.console import Console
from rich.progress_bar import ProgressBar
from rich.text import Text

from dashget.cli.printers import text
from dashget.cli.printers.meter import Meter, TrackMeter
from dashget.cli.streams import is_written, legible

_BAR_WIDTH = 24
_SHORTEST_BAR = 6
_LABEL_WIDTH = 34
_SHORTEST_LABEL = 12
_GAP = "  "
_ELLIPSIS = "\N{HORIZONTAL ELLIPSIS}"
_DOTS = "..."


def track_rows(console: Console, tracks: Sequence[TrackMeter], width: int) -> Iterator[Text]:
    """Yield a row for each track: name, bar, files, bytes, in columns."""
    labels = [f"{track.content_type} {legible(track.label)}" for track in tracks]
    counts = [_count(track) for track in tracks]
    sizes = [text.size(track.bytes_here) for track in tracks]
    label_width = min(max((Text(label).cell_len for label in labels), default=0), _LABEL_WIDTH)
    count_width, size_width = _widest(counts), _widest(sizes)
    bar_width = min(width - label_width - count_width - size_width - 3, _BAR_WIDTH)
    if bar_width < _SHORTEST_BAR:
        bar_width = 0
        if width - count_width - size_width - 2 < min(label_width, _SHORTEST_LABEL):
            size_width = 0
        taken = count_width + 1 + (size_width + 1 if size_width else 0)
        label_width = max(min(label_width, width - taken), 0)
    for track, label, count, size in zip(tracks, labels, counts, sizes, strict=True):
        name = Text(label)
        cut(console, name, label_width, pad=True)
        cells = [name] if label_width else []
        if bar_width:
            cells.append(_bar(console, track.fraction, bar_width))
        cells.append(Text(count.rjust(count_width), style="red" if track.failed else ""))
        if size_width:
            cells.append(Text(size.rjust(size_width), style="dim"))
        yield Text(" ").join(cells)


def total_row(console: Console, meter: Meter, width: int) -> Text:
    """Return the row of totals: percentage, bar, and as many figures as fit."""
    left, expected = meter.seconds_left, meter.bytes_expected
    count = f"{meter.done:,}/{meter.files:,}"
    of = "of" if meter.is_exact else "of about"
    facts = {
        "percent": _percent(meter),
        "failed": f"{meter.failed:,} failed" if meter.failed else "",
        "rate": text.rate(meter.rate),
        "left": f"{text.duration(left)} left" if left is not None else "",
        "count": f"{count} files",
        "bytes": text.size(meter.bytes_here) + (f" {of} {text.size(expected)}" if expected else ""),
    }
    shorter = {"bytes": text.size(meter.bytes_here), "count": count}
    order = ("bytes", "bytes", "count", "left", "rate", "count")
    return fit_row(console, facts, width, meter.fraction, order, shorter)


def fit_row(
    console: Console,
    facts: dict[str, str],
    width: int,
    fraction: float | None,
    order: Sequence[str],
    shorter: Mapping[str, str] = {},
) -> Text:
    """Return a row of facts, with a bar behind the percentage if there is room for one.

    Where there is too little, facts are left out in this ``order``; one of ``shorter`` takes its
    shorter form at first.
    """
    room = min(width - _length(facts) - 1, _BAR_WIDTH)
    left = dict(shorter)
    for name in order:
        if _length(facts) <= width:
            break
        facts[name] = left.pop(name, "")
    cells = []
    for name, fact in facts.items():
        cell = Text(fact, style="bold" if name == "percent" else "")
        if name == "percent" and fraction is not None and room >= _SHORTEST_BAR:
            cell = Text.assemble(cell, " ", _bar(console, fraction, room))
        if cell:
            cells.append(cell)
    return Text(_GAP).join(cells)


def cut(console: Console, line: Text, width: int, *, pad: bool = False) -> None:
    """Shorten a line to the width, with an ellipsis that the console's encoding has."""
    has_ellipsis = is_written(_ELLIPSIS, console.encoding)
    if line.cell_len > width > len(_DOTS) and not has_ellipsis:
        line.truncate(width - len(_DOTS), overflow="crop")
        line.append(_DOTS)
    line.truncate(width, overflow="ellipsis" if has_ellipsis else "crop", pad=pad)


def _percent(meter: Meter) -> str:
    """Return how far a run is, as far as that is known."""
    return text.percent(meter.fraction, complete=meter.complete, guessed=meter.is_guessed)


def _count(track: TrackMeter) -> str:
    of = f"/{track.files:,}" if track.countable and track.files else ""
    return f"{track.done:,}{of}"


def _widest(cells: Sequence[str]) -> int:
    return max(map(len, cells), default=0)


def _length(facts: dict[str, str]) -> int:
    return len(_GAP.join(fact for fact in facts.values() if fact))


def _bar(console: Console, fraction: float | None, width: int) -> Text:
    if fraction is None:
        return Text(" " * width)
    bar = ProgressBar(total=1.0, completed=fraction, width=width)
    segments = console.render(bar, console.options.update(width=width))
    return Text.assemble(*[(segment.text, segment.style or "") for segment in segments])
