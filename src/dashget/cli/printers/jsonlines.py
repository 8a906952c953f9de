"""Write events as JSON Lines: one object per line, for programs."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import BinaryIO

import msgspec

from dashget.events import Event, Progressed

_PROGRESS_EVERY_SECONDS = 1.0


class JsonLines:
    """An observer that writes each event as one line; progress at most once a second."""

    def __init__(self, stream: BinaryIO, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._stream = stream
        self._encode = msgspec.json.Encoder().encode
        self._clock = clock
        self._next_progress = 0.0

    def __call__(self, event: Event, /) -> None:
        if isinstance(event, Progressed):
            now = self._clock()
            if now < self._next_progress:
                return
            self._next_progress = now + _PROGRESS_EVERY_SECONDS
        try:
            line = self._encode(event)
        except UnicodeEncodeError:
            # A file name that is not UTF-8; the json module writes its bytes as escapes.
            import json

            line = json.dumps(msgspec.to_builtins(event)).encode()
        self._stream.write(line + b"\n")
        self._stream.flush()

    def close(self) -> None:
        """Do nothing: every line is complete."""
