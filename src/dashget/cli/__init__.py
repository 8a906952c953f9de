"""The command line: arguments in, exit codes out. The only place that ends the process."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import NoReturn

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run ``dashget`` with the given arguments, by default the process's own, and exit."""
    tokens = list(sys.argv[1:] if arguments is None else arguments)
    if tokens == ["--version"]:
        from dashget.version import __version__

        print(f"dashget {__version__}")  # noqa: T201  # nothing else is loaded for this
        sys.exit(0)
    try:
        _open_missing_streams()
        from dashget.cli.app import run

        code = run(tokens)
    except KeyboardInterrupt:
        # While still loading, or right after the run: there is nothing left to end in order.
        code = 130
    sys.exit(code)


def _open_missing_streams() -> None:
    """Stand in for standard streams that the caller has closed (``>&-``)."""
    if sys.stdout is None:
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115  # until exit
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115  # until exit
