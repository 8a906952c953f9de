"""Write events as JSON Lines: one object per line, for programs. Each has its time of day."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, BinaryIO, Final

import msgspec

from dashget.cli.jsonerrors import time_of_day
from dashget.events import Event, Progressed

_PROGRESS_EVERY_SECONDS = 1.0


_ENCODER: Final = msgspec.json.Encoder()


def encoded(value: Any) -> bytes:
    """Return a value as JSON."""
    try:
        return _ENCODER.encode(value)
    except UnicodeEncodeError:
        # A name that is not UTF-8; the json module writes its bytes as escapes.
        import json

        return json.dumps(msgspec.to_builtins(value), separators=(",", ":")).encode()


def encoded_lines(values: list[Any]) -> bytes:
    """Return each of several values as a line of JSON."""
    try:
        return _ENCODER.encode_lines(values)
    except UnicodeEncodeError:
        return b"".join([encoded(value) + b"\n" for value in values])


class JsonLines:
    """An observer that writes each event as one line; progress at most once a second."""

    def __init__(
        self,
        stream: BinaryIO,
        *,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], float] = time.time,
    ) -> None:
        """``clock`` paces the progress, ``now`` is the time of day in seconds since 1970."""
        self._stream = stream
        self._now = now
        self._second = -1
        self._beginning = b""
        """The line up to the milliseconds, for as long as the second lasts."""
        self._clock = clock
        self._next_progress = 0.0

    def __call__(self, event: Event, /) -> None:
        if isinstance(event, Progressed):
            now = self._clock()
            if now < self._next_progress:
                return
            self._next_progress = now + _PROGRESS_EVERY_SECONDS
        line = encoded(event)
        self._stream.write(b'%b%03dZ",%b\n' % (*self._begin_line(), line[1:]))
        self._stream.flush()

    def _begin_line(self) -> tuple[bytes, int]:
        """Return the beginning of a line with the time, and its milliseconds."""
        second, part = divmod(int(self._now() * 1000), 1000)
        if second != self._second:
            self._second = second
            self._beginning = b'{"time":"%b' % time_of_day(second)[: -len("000Z")].encode()
        return self._beginning, part

    def close(self) -> None:
        """Do nothing: every line is complete."""
