"""The times of TTML (W3C TTML 2, 12.3): expressions, and when an element is shown."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Final

import msgspec

from dashget.common.lateregex import late
from dashget.mux.subtitles.limits import SubtitleError

_CLOCK: Final = late(
    r"([0-9]{1,9}):([0-9]{2}):([0-9]{2})(?:(\.[0-9]{1,18})|[:;]([0-9]{1,9})(?:\.([0-9]{1,9}))?)?"
)
_OFFSET: Final = late(r"([0-9]{1,18}(?:\.[0-9]{1,18})?)(h|m|s|ms|f|t)")
_WHOLE: Final = late(r"[0-9]{1,9}")
_UNITS: Final = {
    "h": Fraction(3600),
    "m": Fraction(60),
    "s": Fraction(1),
    "ms": Fraction(1, 1000),
}


class Clock(msgspec.Struct, frozen=True):
    """The parameters of a document that its times depend on."""

    frame_rate: Fraction
    sub_frames: int
    tick_rate: Fraction

    @classmethod
    def of(cls, parameters: Mapping[str, str]) -> Clock:
        """Read the attributes of the root; SubtitleError for one that is invalid."""
        rate = Fraction(_number(parameters, "frameRate", 30))
        multiplier = parameters.get("frameRateMultiplier", "1 1").replace(":", " ").split()
        if len(multiplier) != 2 or not all(_WHOLE.fullmatch(word) for word in multiplier):
            raise _invalid("frameRateMultiplier", parameters["frameRateMultiplier"])
        over, under = (int(word) for word in multiplier)
        if not over or not under:
            raise _invalid("frameRateMultiplier", parameters["frameRateMultiplier"])
        rate = rate * over / under
        sub_frames = _number(parameters, "subFrameRate", 1)
        default = rate * sub_frames if "frameRate" in parameters else Fraction(1)
        ticks = _number(parameters, "tickRate", 0) if "tickRate" in parameters else default
        return cls(rate, sub_frames, Fraction(ticks))

    def read(self, text: str) -> Fraction:
        """Return a time expression in seconds; SubtitleError if it is invalid."""
        text = text.strip()
        clock = _CLOCK.fullmatch(text)
        if clock is not None:
            hours, minutes, seconds, part, frames, sub_frames = clock.groups()
            whole = Fraction((int(hours) * 60 + int(minutes)) * 60 + int(seconds))
            count = Fraction(int(frames or 0)) + Fraction(int(sub_frames or 0), self.sub_frames)
            return whole + Fraction(f"0{part or '.0'}") + count / self.frame_rate
        offset = _OFFSET.fullmatch(text)
        if offset is None:
            raise _invalid("time", text)
        number, unit = Fraction(offset.group(1)), offset.group(2)
        if unit == "f":
            return number / self.frame_rate
        return number / self.tick_rate if unit == "t" else number * _UNITS[unit]


class Interval(msgspec.Struct, frozen=True):
    """When an element is shown; without an end if ``end`` is None."""

    start: Fraction
    end: Fraction | None

    def inner(
        self, attributes: Mapping[str, str], clock: Clock, after: Interval | None
    ) -> Interval:
        """Return the interval of a child; ``after`` is the child before it in a sequence."""
        base = self.start
        if after is not None:
            # What follows a child without an end is never shown.
            base = after.end if after.end is not None else self.end or after.start
        start = base + clock.read(attributes["begin"]) if "begin" in attributes else base
        ends = [] if self.end is None else [self.end]
        if "end" in attributes:
            ends.append(base + clock.read(attributes["end"]))
        if "dur" in attributes:
            ends.append(start + clock.read(attributes["dur"]))
        return Interval(start, min(ends) if ends else None)


def _number(parameters: Mapping[str, str], name: str, default: int) -> int:
    text = parameters.get(name)
    if text is None:
        return default
    if not _WHOLE.fullmatch(text.strip()) or not int(text):
        raise _invalid(name, text)
    return int(text)


def _invalid(name: str, text: str) -> SubtitleError:
    return SubtitleError(f"a TTML document with an invalid {name}: {text[:40]!r}")
