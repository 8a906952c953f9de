"""Options that several commands share, and their way into the library's own types."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from typing import Annotated, Final

from cyclopts import Group, Parameter, validators

from dashget.errors import UsageError
from dashget.selection import Selection, parse_selection

SELECTION: Final = Group("Selection", sort_key=2)
OUTPUT: Final = Group("Output", sort_key=1)

_FILTER: Final = "all, best, worst, none, or tests such as height<=720,lang=en,fr,best"


def _refuse_options(_type: object, value: str) -> None:
    """``-`` alone is standard input; anything else with a hyphen is a mistyped option."""
    if value.startswith("-") and value != "-":
        raise UsageError(f"unknown option: {value}", hint="see: dashget --help")


ManifestURL = Annotated[
    str,
    Parameter(
        name="URL",
        help="The MPD: an http(s) URL, the path of a local file, or - for standard input.",
        allow_leading_hyphen=True,
        validator=_refuse_options,
    ),
]


Now = Annotated[
    str | None,
    Parameter(
        group=SELECTION,
        help="Wall-clock time for a live presentation, as in 2026-01-31T12:00:00Z.",
    ),
]

SegmentLimit = Annotated[
    int,
    Parameter(
        group=SELECTION,
        help="Refuse a Representation with more segments than this.",
        validator=validators.Number(gte=1),
    ),
]


def parse_now(text: str | None) -> datetime.datetime | None:
    """Read ``--now``: ISO 8601, UTC where no zone is given."""
    if text is None:
        return None
    try:
        now = datetime.datetime.fromisoformat(text)
    except ValueError as error:
        raise UsageError(
            f"--now is not a time: {text!r}", hint="write it as 2026-01-31T12:00:00Z"
        ) from error
    return now if now.tzinfo is not None else now.replace(tzinfo=datetime.UTC)


@Parameter(name="*")
@dataclass(frozen=True)
class SelectionArguments:
    """What to take of the presentation; everything by default, it is a mirror."""

    video: Annotated[str, Parameter(group=SELECTION, help=f"Video: {_FILTER}.")] = "all"
    audio: Annotated[str, Parameter(group=SELECTION, help="Audio, likewise.")] = "all"
    text: Annotated[str, Parameter(group=SELECTION, help="Subtitles, likewise.")] = "all"
    image: Annotated[str, Parameter(group=SELECTION, help="Thumbnails, likewise.")] = "all"
    period: Annotated[
        str | None,
        Parameter(
            group=SELECTION, help="Periods: positions from 0 (0, 2-4, 3-), first, last, id=NAME."
        ),
    ] = None

    def selection(self) -> Selection:
        """Read the filters; UsageError names what is wrong with one."""
        return parse_selection(
            video=self.video, audio=self.audio, text=self.text, image=self.image, period=self.period
        )
