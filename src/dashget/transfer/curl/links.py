"""The connections of one multi handle: how many requests each origin has, and which fail."""

from __future__ import annotations

import os

from dashget.transfer.curl.libcurl import pycurl
from dashget.transfer.http.guard import Guard
from dashget.transfer.http.origin import Origin


class Links:
    """State of the connections that one loop drives; they outlive a run."""

    __slots__ = (
        "busy", "connections", "distrusted", "guard", "received", "sockets", "streams",
        "waited_seconds",
    )  # fmt: skip

    def __init__(self) -> None:
        self.busy: dict[Origin, int] = {}
        """Requests in flight per origin."""
        self.distrusted: dict[Origin, float] = {}
        """Clock time until which requests to an origin take new connections, because one has
        gone silent: with HTTP/2 all of them would take the silent one again."""
        self.streams = 1
        """How many requests share a connection if the server allows that."""
        self.connections = 1
        """How many connections to one host are opened before requests share them."""
        self.sockets: dict[int, int] = {}
        """The inode of each socket that was opened, by its descriptor, which may by now be closed
        and another's."""
        self.received = 0
        """Body bytes since the loop was made."""
        self.waited_seconds = 0.0
        """How long the loop has waited for the network since it was made."""
        self.guard: Guard | None = None
        """Where requests may not lead; None until the first run."""

    def note_socket(self, descriptor: int, _purpose: int) -> int:
        """Keep which socket it is that libcurl is going to connect."""
        self.sockets[descriptor] = os.fstat(descriptor).st_ino
        return int(pycurl.SOCKOPT_OK)

    def suits(self, guard: Guard) -> bool:
        """Take up ``guard``; return False if open connections may be ones that it refuses."""
        before = self.guard
        if before is not None and (before.public_only, before.given) != (
            guard.public_only,
            guard.given,
        ):
            return False
        self.guard = guard
        return True
