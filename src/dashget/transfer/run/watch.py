"""A limit for each single call of libcurl, in which no other limit is looked at.

libcurl goes on reading within one call as long as some things come as fast as it reads them: GOAWAY
frames of HTTP/2, also with bytes of a body between them, or what only its TLS library sees. No
deadline holds meanwhile, and all bytes of bodies are held. The thread that waits for the loops
looks at them now and then, and shuts the connection that keeps libcurl busy: then the call
returns, and the request has failed. Loops pay for that with two marks a call.
"""

from __future__ import annotations

from math import ceil

from dashget.transfer.curl.easy import largest_take_bytes
from dashget.transfer.curl.sockets import received, shut
from dashget.transfer.run.loop import Loop
from dashget.transfer.run.run import Run

_FEWEST_LOOKS = 4
"""How often a call must be seen, whatever the timeout is: a busy machine is no hostile server."""
_LOOKS_WHEN_STOPPING = 2
_LOOKS_IF_MUCH = 2
_PIECE_BYTES = 64
"""What a piece takes beside its bytes, at most."""
_MUCH_BYTES = 128 * 1024 * 1024


class Watch:
    """Looks at the calls of all loops of a run; it counts its own looks, and reads no clock.

    A machine or a process that was suspended makes no call seem long.
    """

    def __init__(self, run: Run, loops: tuple[Loop, ...], seconds: float) -> None:
        """``seconds`` is the time between two looks."""
        self._run = run
        self._seconds = seconds
        options = run.shared.options
        self._most_looks = max(_FEWEST_LOOKS, ceil(options.timeout_seconds / seconds))
        self._much_bytes = max(_MUCH_BYTES, 4 * largest_take_bytes(options))
        self._calls = [_Call(loop) for loop in loops]

    def look(self) -> None:
        """End each call that has taken too long, or holds too much."""
        for call in self._calls:
            if call.goes_on() and self._is_overlong(call):
                call.loop.overlong_seconds = call.looks * self._seconds
                call.end()

    def _is_overlong(self, call: _Call) -> bool:
        looks = call.looks
        return (
            looks >= self._most_looks
            or (looks >= _LOOKS_WHEN_STOPPING and self._run.stopping)
            or (looks >= _LOOKS_IF_MUCH and call.holds_more_than(self._much_bytes))
        )


class _Call:
    """What a loop does at present."""

    def __init__(self, loop: Loop) -> None:
        self.loop = loop
        self.looks = 0
        """How often the loop was seen in the same call again."""
        self._tick = -1.0
        self._received: dict[int, int] = {}
        self._before: dict[int, int] = {}

    def goes_on(self) -> bool:
        """Return True if libcurl has not returned since the last look."""
        loop = self.loop
        if not loop.calling or loop.next_tick != self._tick:
            self._tick = loop.next_tick
            self.looks = 0
            return False
        self.looks += 1
        self._before, self._received = self._received, received(loop.links)
        return True

    def holds_more_than(self, most: int) -> bool:
        """Return True if what has arrived in the call takes more than ``most`` bytes of memory."""
        held = 0
        for slot in list(self.loop.active):
            pieces = list(slot.arrived)
            held += sum(map(len, pieces)) + _PIECE_BYTES * len(pieces)
        return held > most

    def end(self) -> None:
        """Have libcurl return, by shutting the connection that it reads from."""
        shut(self.loop.links, self._before)
