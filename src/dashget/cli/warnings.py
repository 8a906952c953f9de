"""Warnings of a manifest, for commands that have no running display."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING

from dashget.errors import Issue
from dashget.events import Event, Warned

if TYPE_CHECKING:
    from dashget.transfer.options import TransferOptions


def print_warning(event: Event, /) -> None:
    """Be an observer that writes warnings to standard error, and nothing else."""
    if isinstance(event, Warned):
        from dashget.report.plain import warning_line

        sys.stderr.write(warning_line(event) + "\n")


def warn_about(options: TransferOptions) -> None:
    """Say what is odd about how requests are to be made; UsageError for what cannot be meant."""
    from dashget.transfer.precheck import warnings_about

    for message in warnings_about(options):
        print_warning(Warned(message))


def print_warnings(issues: Iterable[Issue]) -> None:
    """Write each to standard error, with its place and clause."""
    for issue in issues:
        print_warning(Warned.of(issue))
