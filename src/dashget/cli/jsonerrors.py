"""With ``--json`` an error that ends a command is an event as well: its last line.

Loads nothing that is slow to import: Ctrl-C is answered at any time, also by such a line.
"""

from __future__ import annotations

import sys
import time

from dashget.cli.guarded import json_output

TYPE_CHECKING = False
"""As in ``typing``, whose import would delay the answer to Ctrl-C."""
if TYPE_CHECKING:
    from collections.abc import Sequence

INTERRUPTED_TEXT = "interrupted"


def time_of_day(seconds: float) -> str:
    """Return a time since 1970 as RFC 3339, in UTC, with milliseconds."""
    whole, part = divmod(int(seconds * 1000), 1000)
    return f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(whole))}.{part:03}Z"


def wanted(words: Sequence[str]) -> bool:
    """Return True for a command line that asks for JSON, valid or not."""
    end = words.index("--") if "--" in words else len(words)
    return "--json" in words[:end]


def write_error(message: str, hint: str | None, code: int, details: Sequence[str] = ()) -> None:
    """Write the event of an error to standard output, as far as that takes it."""
    import json

    event = {
        "time": time_of_day(time.time()),
        "event": "error",
        "message": message,
        "hint": hint,
        "exit_code": code,
        "details": list(details),
    }
    line = json.dumps(event, separators=(",", ":")).encode()
    try:
        sys.stdout.flush()
        output = json_output()
        output.write(line + b"\n")
        output.flush()
    except (OSError, ValueError, AttributeError):
        # Closed, full, or not a file: the message on standard error has to do.
        return


def interrupted_line(code: int) -> bytes:
    """Return the line for a command that was interrupted before there was a run to stop.

    It is made without other modules, which may be just about to be imported.
    """
    told = f'"message":"{INTERRUPTED_TEXT}","hint":null,"exit_code":{code},"details":[]'
    return f'{{"time":"{time_of_day(time.time())}","event":"error",{told}}}\n'.encode()
