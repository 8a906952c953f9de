"""Ctrl-C, SIGTERM and SIGHUP: the first ends a run in order, a second Ctrl-C at once."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterator
from types import FrameType
from typing import Final

from dashget.common.stopping import Stop

INTERRUPTED: Final = 130
_HANG_UP: Final = getattr(signal, "SIGHUP", None)
"""A terminal was closed; unknown to Windows."""


@contextlib.contextmanager
def stopping_on_signals(stop: Stop) -> Iterator[None]:
    """Turn the signals into a request to stop; before there is anything to stop, interrupt.

    A terminal that is closed may send SIGHUP more than once, by itself and through its shell:
    only Ctrl-C and SIGTERM say by coming again that there is no time. Where SIGHUP is ignored,
    as by nohup, it stays so.
    """

    def handle(number: int, _frame: FrameType | None) -> None:
        if number == _HANG_UP:
            _let_go_of_terminal()
            if stop.requested:
                return
        if stop.requested or not stop.orderly:
            raise KeyboardInterrupt
        stop.request()

    numbers = [signal.SIGINT, signal.SIGTERM]
    if _HANG_UP is not None and signal.getsignal(_HANG_UP) is not signal.SIG_IGN:
        numbers.append(_HANG_UP)
    earlier = {number: signal.signal(number, handle) for number in numbers}
    try:
        yield
    finally:
        for number, handler in earlier.items():
            signal.signal(number, handler)


def _let_go_of_terminal() -> None:
    """Write what is for a terminal that is no more to nowhere; what goes elsewhere still does."""
    for descriptor in (1, 2):
        try:
            os.write(descriptor, b"")
        except OSError:
            with contextlib.suppress(OSError):
                os.dup2(os.open(os.devnull, os.O_WRONLY), descriptor)
