"""What each file is made of, worked out before any is written."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import msgspec

from dashget.mpd.presentation import AdaptationSet, Period, Presentation, Representation
from dashget.mux.destination import Destination
from dashget.mux.texts import TextStretch, TextTrack
from dashget.mux.tracks import FileTrack, Stretch
from dashget.mux.writer import Outline


class FilePlan(msgspec.Struct, frozen=True):
    """One file to write: its outline, the presentation time that is its zero, and the files of
    subtitles beside it.
    """

    destination: Destination
    outline: Outline
    zero: Fraction
    beside: tuple[tuple[Destination, TextTrack], ...]


def files_of(
    target: Path, stretches: Sequence[Stretch], texts: Sequence[TextStretch], *, split: bool
) -> list[tuple[Path, list[Stretch], list[TextStretch]]]:
    """Return the files to write, each with its stretches: one, or one for each Period."""
    if not split:
        return [(target, list(stretches), list(texts))]
    periods: dict[int, tuple[list[Stretch], list[TextStretch]]] = {}
    for stretch in stretches:
        parts = periods.setdefault(stretch.representation.period.index, ([], []))
        parts[0].append(stretch)
    for text in texts:
        # A Period without video and audio has no file; a warning says so.
        if text.representation.period.index in periods:
            periods[text.representation.period.index][1].append(text)
    digits = len(str(len(periods)))
    return [
        (target.with_name(f"{target.stem}-{number:0{digits}}{target.suffix}"), *parts)
        for number, parts in enumerate(periods.values(), 1)
    ]


def adaptation_set_of(representation: Representation, chosen: Presentation) -> AdaptationSet:
    """Return the AdaptationSet of a Representation."""
    return next(
        s
        for period in chosen.periods
        if period.index == representation.period.index
        for s in period.adaptation_sets
        if s.index == representation.adaptation_set
    )


def periods_of(tracks: Sequence[FileTrack], chosen: Presentation) -> list[Period]:
    """Return the Periods that tracks have media of."""
    used = {s.representation.period.index for track in tracks for s in track.stretches}
    return [period for period in chosen.periods if period.index in used]


def metadata_of(presentation: Presentation) -> dict[str, str]:
    """Return what the manifest says of the programme, by libavformat's names."""
    said = {
        "title": presentation.title,
        "copyright": presentation.copyright,
        "comment": presentation.information_url,
    }
    return {name: text for name, text in said.items() if text}
