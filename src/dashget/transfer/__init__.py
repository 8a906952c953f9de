"""Transfers: fetch many resources at once, with retry, resume and failover. Knows no DASH.

Road of a request::

    Engine.run(jobs, done)      engine.py: a thread for each loop, one lock for all decisions
        |
    Loop                        run/loop.py: one multi handle, its slots
        |  asks for work
    Run (Board)                 run/: fast path, tasks, what follows from each answer
        |  origin, guard        http/: headers and secrets of an origin, where a manifest may lead
        |  shares, limits       pacing/: how many at once, to which host
    Slot                        curl/: one easy handle; libcurl fills its lists
        |  head, body
    Exchange                    run/exchange.py: judges the head (http/judge.py), writes the body
        |
    Sink, or Job.deliver        contract.py: the caller's side, which stores the bytes
        |
    done(job, Fetched | TransferError)

A subpackage imports only from those below it: engine, run, curl and pacing, http, settings,
contract.

Words: a *job* is a request, the sink for its bytes, and the caller's payload; a *job source*
yields jobs and may have the run wait. A *run* is one call of ``Engine.run``. A *loop* is one
thread with one libcurl multi handle; a *slot* is one easy handle. A *task* is a job that needs
more than one simple request; an *exchange* is one attempt of it, redirects included. An *origin*
is scheme, host and port. An *answer* is the facts about the last response of a transfer.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dashget.transfer.contract import (
        Fetched,
        Hooks,
        Job,
        JobSource,
        Request,
        Sink,
        TransferError,
        Wait,
    )
    from dashget.transfer.engine import Engine
    from dashget.transfer.settings.options import TransferOptions

_MODULES = {"Engine": "engine", "TransferOptions": "settings.options"}
"""The modules of the names that are not in ``contract``."""

__all__ = [
    "Engine",
    "Fetched",
    "Hooks",
    "Job",
    "JobSource",
    "Request",
    "Sink",
    "TransferError",
    "TransferOptions",
    "Wait",
]


def __getattr__(name: str) -> Any:
    """Load a name when it is used: libcurl takes a while to load."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = importlib.import_module(f"{__name__}.{_MODULES.get(name, 'contract')}")
    return getattr(module, name)
