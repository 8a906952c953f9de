"""Options that several commands share, and their way into the library's own types."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Final

from cyclopts import Group, Parameter

from dashget.errors import UsageError
from dashget.selection import Selection, parse_selection
from dashget.transfer.options import TransferOptions
from dashget.version import __version__

SELECTION: Final = Group("Selection", sort_key=2)
NETWORK: Final = Group("Network", sort_key=3)
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

Threads = Annotated[
    int,
    Parameter(
        name=["--threads", "-t"], alias="--max-threads", group=NETWORK, help="Transfers in flight."
    ),
]


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


@Parameter(name="*")
@dataclass(frozen=True)
class NetworkArguments:
    """How to make requests."""

    base_url: Annotated[
        str | None,
        Parameter(group=NETWORK, help="The URL that a local file or standard input came from."),
    ] = None
    header: Annotated[
        list[str] | None,
        Parameter(
            name=["--header", "-H"],
            group=NETWORK,
            negative="",
            help="'Name: value', on every request; secrets only go to the manifest's origin.",
            allow_leading_hyphen=True,
        ),
    ] = None
    user_agent: Annotated[str | None, Parameter(group=NETWORK, help="The User-Agent.")] = None
    timeout: Annotated[
        float, Parameter(group=NETWORK, help="Seconds without a byte until a transfer is stalled.")
    ] = 30.0
    retries: Annotated[
        int, Parameter(group=NETWORK, help="Further attempts after a failure that may pass.")
    ] = 5

    def transfer(self, threads: int = 4) -> TransferOptions:
        """Make the engine's options; UsageError for values that cannot be meant."""
        if threads < 1:
            raise UsageError(f"--threads must be at least 1: {threads}", hint="the default is 4")
        if self.timeout <= 0:
            raise UsageError(f"--timeout must be positive: {self.timeout:g}", hint="in seconds")
        if self.retries < 0:
            raise UsageError(f"--retries must not be negative: {self.retries}", hint="0 is none")
        return TransferOptions(
            in_flight=threads,
            timeout_seconds=self.timeout,
            retries=self.retries,
            user_agent=self.user_agent or f"DashGet/{__version__}",
            headers=tuple(_parse_header(text) for text in self.header or ()),
        )


def _parse_header(text: str) -> tuple[str, str]:
    name, colon, value = text.partition(":")
    name = name.strip()
    printable = name.isascii() and name.isprintable() and " " not in name
    if not colon or not name or not printable or "\n" in value or "\r" in value:
        raise UsageError(f"not a header: {text!r}", hint="write it as 'Name: value'")
    return name, value.strip()
