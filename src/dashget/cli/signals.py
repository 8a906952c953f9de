"""Ctrl-C and SIGTERM: the first ends a run in order, the second at once."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterator
from types import FrameType
from typing import Final

from dashget.stopping import Stop

INTERRUPTED: Final = 130


@contextlib.contextmanager
def stopping_on_signals(stop: Stop) -> Iterator[None]:
    """Turn the signals into a request to stop; before there is anything to stop, interrupt."""

    def handle(_number: int, _frame: FrameType | None) -> None:
        if stop.requested or not stop.orderly:
            raise KeyboardInterrupt
        stop.request()

    numbers = (signal.SIGINT, signal.SIGTERM)
    earlier = {number: signal.signal(number, handle) for number in numbers}
    try:
        yield
    finally:
        for number, handler in earlier.items():
            signal.signal(number, handler)
