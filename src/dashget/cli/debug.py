"""``--debug``: the library's debug records on standard error."""

from __future__ import annotations

import logging
import sys

from dashget.cli.streams import legible


class _Lines(logging.Handler):
    """Writes each record as one line, with the milliseconds since the start."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record."""
        message = legible(record.getMessage())
        sys.stderr.write(f"debug: {record.relativeCreated:8.1f} ms {record.name}: {message}\n")


def show_records() -> None:
    """Print debug records on standard error from now on. Secrets are masked by the library."""
    logger = logging.getLogger("dashget")
    logger.setLevel(logging.DEBUG)
    logger.addHandler(_Lines())
