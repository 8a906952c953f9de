"""The command line: arguments in, exit codes out. The only place that ends the process."""

from __future__ import annotations

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
    from dashget.cli.app import run

    sys.exit(run(tokens))
