"""The work that one document may cause, counted while it is done.

A document of a few kilobytes can ask for gigabytes: elements that inherit thousands of others, URLs
that are copied into each other, remote elements that name more of them. So there is one ``Budget``
for each document, made where the document is read, and every stage spends from it *before* it does
the work. What is counted are units: about the bytes that a thing takes in memory, which is
near to the time that it takes as well (about a second for a hundred million). Counts are the same
on every computer, unlike times.
"""

from __future__ import annotations

from typing import Final

import msgspec

from dashget.errors import UnsupportedMPDError

ELEMENT: Final = 700
"""The units of an element without a meaning here."""
COMMON: Final = 2_000
"""The units of a ContentProtection, a descriptor or a BaseURL, as an object of the model."""
LEVEL: Final = 4_000
"""The units of a Period, an AdaptationSet or a Representation."""
ATTRIBUTE: Final = 100
ROW: Final = 40
"""The units of an ``S`` of a timeline."""
LISTED: Final = 500
"""The units of a SegmentURL; those of resolving it are as many again."""
ITEM: Final = 50
"""The units of one thing that is looked at once more: an inherited descriptor, a namespace."""
STEP: Final = 150
"""The units of one step of a comparison of names, about 1.5 microseconds."""


RAISED_BY: Final = "--document-limits raises it"
"""What a message about a limit says of the option that raises all of them."""
_HINT: Final = (
    "check the URL: no presentation is known to need as much; for one that does,"
    " --document-limits 4 allows four times as much"
)


class WorkLimits(msgspec.Struct, frozen=True):
    """Limits on the work for a document, with all that it refers to; more is refused."""

    max_bytes: int = 128 * 1024 * 1024
    """The bytes of the manifest and its remote elements."""
    max_remote_bytes: int = 64 * 1024 * 1024
    """The bytes of one remote element."""
    max_elements: int = 8_000_000
    max_depth: int = 64
    """The elements inside each other; this one is never raised."""
    max_token: int = 4 * 1024 * 1024
    """The bytes of one tag, comment or instruction: expat reads the beginning of one again with
    each megabyte of it."""
    max_work: int = 1_000_000_000
    """The units of all stages together, whatever the size of the document."""
    work_per_byte: int = 1_000
    """The units for each byte of a document: what a small one asks for is small, too."""
    least_work: int = 30_000_000
    """The units that any document may ask for beside those for its bytes."""
    max_requests: int = 1_000
    """The URLs that are asked for remote elements, nested ones included, for the time, indexes and
    initialization segments, beside those that each Representation needs."""
    max_clocks: int = 16
    """The URLs that are asked for the time."""
    max_urls: int = 1_000_000_000
    """The characters of all URLs of a plan, but for the first 200 of each segment."""
    max_url: int = 65_536
    """The characters of the URL of a segment, and of its template."""
    max_identifiers: int = 64
    """The identifiers in a template."""

    def times(self, factor: int) -> WorkLimits:
        """Return limits that allow so many times as much, but no deeper documents."""
        if factor == 1:
            return self
        scaled = {name: factor * getattr(self, name) for name in self.__struct_fields__}
        return msgspec.structs.replace(self, **scaled | {"max_depth": self.max_depth})


DEFAULT_LIMITS: Final = WorkLimits()


class Budget:
    """What is left for one document."""

    def __init__(self, limits: WorkLimits = DEFAULT_LIMITS) -> None:
        self.limits = limits
        self.work = 0
        """The units that were spent."""
        self.allowed = limits.max_work
        """The units that may be spent; a document of known size may spend less."""
        self.elements = 0
        self.bytes = 0
        self.requests = 0
        """The URLs that were asked."""
        self.granted = limits.max_requests
        """The URLs that may be asked."""

    @property
    def left(self) -> int:
        """The units that may still be spent."""
        return self.allowed - self.work

    @property
    def requests_left(self) -> int:
        """The URLs that may still be asked."""
        return max(0, self.granted - self.requests)

    def copy(self) -> Budget:
        """Return a budget of which as much is left: a document may be planned several times."""
        made = Budget(self.limits)
        made.take(self)
        made.requests, made.granted = self.requests, self.granted
        return made

    def take(self, other: Budget) -> None:
        """Spend what another budget of the same document has spent."""
        self.work += other.work
        self.elements += other.elements
        self.bytes += other.bytes
        self._allow()

    def _allow(self) -> None:
        limits = self.limits
        units = limits.least_work + limits.work_per_byte * self.bytes
        self.allowed = min(units, limits.max_work) if self.bytes else limits.max_work

    def spend(self, units: int, on: str) -> None:
        """Spend units on what a message names; raise UnsupportedMPDError beyond the limit."""
        self.work += units
        if self.work > self.allowed:
            raise UnsupportedMPDError(
                f"the manifest asks for more work than the limit of {self.allowed:,} units"
                f"{'' if self.allowed == self.limits.max_work else ' for its size'},"
                f" at last for {on}",
                hint=_HINT,
            )

    def spend_bytes(self, size: int) -> None:
        """Spend the bytes of the manifest or of a remote element."""
        self.bytes += size
        self._allow()
        if self.bytes > self.limits.max_bytes:
            raise UnsupportedMPDError(
                f"the document has more than the limit of {self.limits.max_bytes:,} bytes"
                f"{'' if self.bytes == size else ', with its remote elements'}",
                hint=_HINT,
            )

    def spend_elements(self, count: int) -> None:
        """Spend elements, rows of lists included."""
        self.elements += count
        if self.elements > self.limits.max_elements:
            raise UnsupportedMPDError(
                f"the document has more than {self.limits.max_elements:,} elements",
                hint=_HINT,
            )

    def grant_requests(self, count: int) -> None:
        """Allow more requests, those that a Representation needs."""
        self.granted += count

    def spend_requests(self, count: int, on: str) -> None:
        """Spend URLs that are asked for what a message names."""
        self.requests += count
        if self.requests > self.granted:
            raise UnsupportedMPDError(
                f"the document asks for more than the limit of {self.granted:,} requests, at last"
                f" for {on}",
                hint=_HINT,
            )
