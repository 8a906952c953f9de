"""Warnings of a manifest, for commands that have no running display."""

from __future__ import annotations

import sys
from collections.abc import Iterable

from dashget.errors import Issue
from dashget.events import Warned
from dashget.report.plain import warning_line


def print_warnings(issues: Iterable[Issue]) -> None:
    """Write each to standard error, with its place and clause."""
    for issue in issues:
        sys.stderr.write(warning_line(Warned.of(issue)) + "\n")
