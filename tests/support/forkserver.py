"""A process that has loaded DashGet, and that makes a copy of itself for each run.

Starting Python and loading all modules takes most of the time of a short run. A copy (fork) of a
process that has done so behaves as a new one does: its own standard streams, session, directory,
environment and exit code. ``program.run`` starts one server per test process, with a socket as
standard input, and sends it ``run`` requests:

- request: arguments, directory and environment as JSON, with the three standard streams;
- answer: the process ID on a line, then the exit status on a line.

The server stops when the socket is closed.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import pkgutil
import runpy
import socket
import sys
from typing import Any

REQUEST_BYTES = 256 * 1024

_LOADED_LATE = (
    "certifi",
    "http.cookiejar",
    "isodate",
    "pycurl",
    "rich.console",
    "rich.live",
    "rich.progress",
    "rich.table",
    "tempfile",
    "urllib.parse",
)
"""Modules that DashGet imports only where they are needed, or may import."""


def load() -> None:
    """Import every module of DashGet, and what those import late."""
    import dashget

    for found in pkgutil.walk_packages(dashget.__path__, "dashget."):
        if not found.name.endswith("__main__"):
            importlib.import_module(found.name)
    for name in _LOADED_LATE:
        importlib.import_module(name)


def receive(connection: socket.socket) -> tuple[dict[str, Any], list[int]] | None:
    """Return the next request and its three streams; None at the end of the connection."""
    data, streams, _, _ = socket.recv_fds(connection, REQUEST_BYTES, 3)
    return (json.loads(data), list(streams)) if data else None


def serve(connection: socket.socket) -> dict[str, Any] | None:
    """Answer requests until the connection ends. In a copy: return what it is to run."""
    while (come := receive(connection)) is not None:
        request, streams = come
        process = os.fork()
        if process == 0:
            connection.close()
            become(request, streams)
            return request
        for stream in streams:
            os.close(stream)
        connection.sendall(b"%d\n" % process)
        _, status = os.waitpid(process, 0)
        connection.sendall(b"%d\n" % os.waitstatus_to_exitcode(status))
    return None


def become(request: dict[str, Any], streams: list[int]) -> None:
    """Give this process the session, streams, directory and environment of a request."""
    os.setsid()
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        if stream > 2:
            os.close(stream)
    os.chdir(request["directory"])
    os.environ.clear()
    os.environ.update(request["environment"])
    sys.argv[1:] = request["arguments"]


if __name__ == "__main__":
    load()
    # What is there now is never garbage: looking at it would only copy its memory.
    gc.freeze()
    with socket.socket(fileno=os.dup(0)) as requests:
        mine = serve(requests)
    if mine is not None:
        runpy.run_module("dashget", run_name="__main__", alter_sys=True)
