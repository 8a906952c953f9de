"""Handle Ctrl-C, SIGTERM, SIGHUP: the first stops the run in order, a second Ctrl-C at once."""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]  # signal is slow to import
import contextlib
from collections.abc import Iterator
from types import FrameType
from typing import Final

from dashget.cli import leave_interrupted
from dashget.cli.streams import discard_terminal
from dashget.common.stopping import Stop

_HANG_UP: Final = getattr(_signal, "SIGHUP", None)
"""The signal for a closed terminal; missing on Windows."""
_IGNORED: Final = _signal.SIG_IGN


@contextlib.contextmanager
def stopping_on_signals(stop: Stop) -> Iterator[None]:
    """Turn signals into a request to stop; before the run begins, into KeyboardInterrupt.

    A closed terminal may send SIGHUP several times, itself and through the shell. So only a
    second Ctrl-C or SIGTERM ends the process at once. If SIGHUP is ignored, as under nohup, it
    stays ignored. So does SIGINT: a shell without job control has its background jobs ignore it
    (POSIX, 2.11 of the shell), since Ctrl-C is meant for what is in the foreground.

    After Ctrl-C the process has the system's own answer to SIGINT: it ends by that signal. One
    more signal while KeyboardInterrupt is on its way ends it at once: a second one raised then
    could leave whatever answers the first.
    """
    interrupted = raised = False

    def handle(number: int, frame: FrameType | None) -> None:
        nonlocal interrupted, raised
        interrupted = interrupted or number == _signal.SIGINT
        if number == _HANG_UP:
            discard_terminal()
            if stop.requested:
                return
        if stop.requested or not stop.orderly:
            if raised and earlier.get(_signal.SIGINT) is leave_interrupted:
                leave_interrupted(number, frame)
            raised = True
            raise KeyboardInterrupt
        stop.request()

    unless_ignored = (_signal.SIGINT, _HANG_UP)
    heeded = (n for n in unless_ignored if n is not None and _signal.getsignal(n) != _IGNORED)
    numbers = (_signal.SIGTERM, *heeded)
    earlier = {number: _signal.signal(number, handle) for number in numbers}
    try:
        yield
    finally:
        for number, handler in earlier.items():
            _signal.signal(number, handler)
        if interrupted and earlier.get(_signal.SIGINT) is leave_interrupted:
            _signal.signal(_signal.SIGINT, _signal.SIG_DFL)
