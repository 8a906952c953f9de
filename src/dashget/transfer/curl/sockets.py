"""The open sockets of a loop, as another thread sees them while libcurl is at work on them.

libcurl tells of each socket when it makes it, and of none when it closes it. So a descriptor is
believed only if it is a socket with the same inode; a duplicate stays that socket for as long as
this looks at it.
"""

from __future__ import annotations

import _socket
import contextlib
import os
import struct
from collections.abc import Iterator

from dashget.transfer.curl.links import Links

_INFORMATION = getattr(_socket, "TCP_INFO", None)
_RECEIVED = struct.Struct("@128xQ")
"""Where Linux has the number of bytes that were received."""


def received(links: Links) -> dict[int, int]:
    """Return the bytes received so far on each connection, by inode; only of TCP on Linux."""
    numbers: dict[int, int] = {}
    for inode, connection in _each(links):
        with contextlib.suppress(OSError, struct.error):
            if _INFORMATION is not None:
                told = connection.getsockopt(_socket.IPPROTO_TCP, _INFORMATION, _RECEIVED.size)
                numbers[inode] = _RECEIVED.unpack(told)[0]
    return numbers


def shut(links: Links, before: dict[int, int]) -> None:
    """Shut the connection that has received the most since ``before``; all, if it is not known.

    libcurl finds it at its end, or broken.
    """
    grown = {inode: number - before.get(inode, 0) for inode, number in received(links).items()}
    guilty = max(grown, key=grown.__getitem__, default=None)
    for inode, connection in _each(links):
        if guilty is None or not grown[guilty] or inode == guilty:
            with contextlib.suppress(OSError):
                if connection.type == _socket.SOCK_DGRAM:
                    # Such a socket cannot be shut; but connected to itself, it hears nobody else.
                    connection.connect(connection.getsockname())
                else:
                    connection.shutdown(_socket.SHUT_RDWR)


def _each(links: Links) -> Iterator[tuple[int, _socket.socket]]:
    for descriptor, inode in list(links.sockets.items()):
        with contextlib.suppress(OSError):
            copy = os.dup(descriptor)
            try:
                if os.fstat(copy).st_ino == inode:
                    connection = _socket.socket(fileno=copy)
                    try:
                        yield inode, connection
                    finally:
                        connection.detach()
            finally:
                os.close(copy)
