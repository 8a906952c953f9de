"""Read the attributes of one element as typed values, and record odd ones with their place."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Final, TypeVar

from dashget.common.byterange import ByteRange
from dashget.common.numbers import nearest_float
from dashget.errors import Issue
from dashget.mpd.issues import IssueLog
from dashget.mpd.values import (
    Remark,
    read_boolean,
    read_count,
    read_date_time,
    read_duration,
    read_integer,
    read_number,
    read_rate,
    read_ticks,
)
from dashget.mpd.xmltree import Element

_Value = TypeVar("_Value")
_SCHEMA: Final = "Annex B"
"""The annex of the standard with the MPD's schema."""
_MAX_INTEGER: Final = 2**64 - 1


class Attributes:
    """Reads the attributes of ``element``, whose place is ``where``.

    An invalid value is a warning, and the attribute counts as absent; if it is ``vital`` (segments
    may depend on it), it is in ``invalid`` instead, by the name of the attribute: whoever needs the
    value decides what it spoils.
    """

    __slots__ = ("element", "invalid", "log", "where")

    def __init__(self, element: Element, where: str, log: IssueLog) -> None:
        self.element = element
        self.where = where
        self.log = log
        self.invalid: dict[str, Issue] = {}

    def text(self, name: str) -> str | None:
        """Return the value without surrounding white space; None if it is empty."""
        value = self.element.attributes.get(name)
        return None if value is None else value.strip() or None

    def raw(self, name: str) -> str | None:
        """Return the value without surrounding white space, even if it is empty."""
        value = self.element.attributes.get(name)
        return None if value is None else value.strip()

    def words(self, name: str) -> tuple[str, ...]:
        """Return the words of a list that white space separates."""
        value = self.element.attributes.get(name)
        return () if value is None else tuple(value.split())

    def integer(self, name: str, *, least: int = 0, most: int = _MAX_INTEGER) -> int | None:
        """Return an integer between ``least`` and ``most`` that no segment depends on."""
        if name not in self.element.attributes:
            return None
        value = self._read(name, read_integer, False)
        if value is not None and not least <= value <= most:
            self._complain(name, False, f"@{name} is {value}, not between {least} and {most}")
            return None
        return value

    def count(self, name: str) -> int | None:
        """Return a vital number of segments, or the number of a segment."""
        if name not in self.element.attributes:
            return None
        value = self._read(name, read_count, True)
        if value is not None and value < 0:
            self._complain(name, True, f"@{name} is {value}, below 0")
            return None
        return value

    def ticks(self, name: str, *, above: int | None = None) -> int | Fraction | None:
        """Return a vital number of ticks, exactly; only one above ``above`` is valid."""
        if name not in self.element.attributes:
            return None
        value = self._read(name, read_ticks, True)
        if value is not None and above is not None and value <= above:
            self._complain(name, True, f"@{name} is {value}, not above {above}")
            return None
        return value

    def bandwidth(self) -> int | Fraction | None:
        """Return ``@bandwidth``, which may be a part of URLs."""
        if "bandwidth" not in self.element.attributes:
            return None
        value = self._read("bandwidth", read_ticks, False)
        if value is not None and value < 0:
            self._complain("bandwidth", False, f"@bandwidth is {value}, below 0")
            return None
        return value

    def seconds(self, name: str, *, vital: bool = False) -> Fraction | None:
        """Return an xs:duration in seconds; none of an MPD is negative."""
        if name not in self.element.attributes:
            return None
        value = self._read(name, read_duration, vital)
        if value is not None and value < 0:
            self._complain(name, vital, f"@{name} is {nearest_float(value):g} s, below 0")
            return None
        return value

    def date_time(self, name: str, *, vital: bool = False) -> Fraction | None:
        """Return an xs:dateTime in seconds since 1970."""
        if name not in self.element.attributes:
            return None
        return self._read(name, read_date_time, vital)

    def number(self, name: str, *, vital: bool = False) -> Fraction | None:
        """Return a decimal number."""
        if name not in self.element.attributes:
            return None
        return self._read(name, read_number, vital)

    def rate(self, name: str) -> Fraction | None:
        """Return a frame rate."""
        if name not in self.element.attributes:
            return None
        return self._read(name, read_rate, False)

    def boolean(self, name: str) -> bool | None:
        """Return a boolean."""
        if name not in self.element.attributes:
            return None
        return self._read(name, read_boolean, False)

    def byte_range(self, name: str) -> ByteRange | None:
        """Return a byte range, ``first-last``."""
        if name not in self.element.attributes:
            return None
        return self._read(name, lambda text: (ByteRange.parse(text), None), True)

    def warn(self, message: str, clause: str | None = None) -> None:
        """Record a warning about this element."""
        self.log.warn(message, self.where, self.element.line, clause)

    def problem(self, message: str, clause: str | None = None) -> None:
        """Record a problem of this element."""
        self.log.problem(message, self.where, self.element.line, clause)

    def _read(
        self, name: str, reader: Callable[[str], tuple[_Value, Remark]], vital: bool
    ) -> _Value | None:
        try:
            value, remark = reader(self.element.attributes[name])
        except ValueError as err:
            self._complain(name, vital, f"@{name}: {err}")
            return None
        if remark is not None:
            self.warn(f"@{name}: {remark}", _SCHEMA)
        return value

    def _complain(self, name: str, vital: bool, message: str) -> None:
        # One in a namespace is told by its local name.
        message = message.replace(name, name.rpartition("}")[2], 1)
        if vital:
            self.invalid[name] = Issue(message, self.where, self.element.line, _SCHEMA)
        else:
            self.warn(f"{message}; ignored", _SCHEMA)
