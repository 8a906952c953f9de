"""Collect the problems and warnings about a document, up to a limit."""

from __future__ import annotations

from typing import Final

import msgspec

from dashget.errors import Issue

MAX_ISSUES: Final = 1000
"""The maximum of issues kept: a hostile document has millions."""


class IssueLog:
    """The issues found so far: problems stop the document from being used, warnings do not."""

    def __init__(self) -> None:
        self._problems: dict[Issue, None] = {}
        self._warnings: dict[Issue, None] = {}
        self._said: set[str] = set()
        self._assumed: set[Issue] = set()
        self._dropped = 0

    @property
    def problems(self) -> tuple[Issue, ...]:
        """Breaches of the standard that segments depend on, in the order found."""
        return tuple(self._problems)

    @property
    def warnings(self) -> tuple[Issue, ...]:
        """Odd but usable parts, in the order found; the last one counts those left out."""
        if self._dropped:
            more = Issue(f"{self._dropped} more warnings and problems are left out")
            return (*self._warnings, more)
        return tuple(self._warnings)

    def problem(
        self,
        message: str,
        where: str | None = None,
        line: int | None = None,
        clause: str | None = None,
    ) -> None:
        """Record a problem."""
        self._add(self._problems, Issue(message, where or None, line, clause))

    def warn(
        self,
        message: str,
        where: str | None = None,
        line: int | None = None,
        clause: str | None = None,
    ) -> None:
        """Record a warning."""
        self._add(self._warnings, Issue(message, where or None, line, clause))

    def warn_once(
        self,
        message: str,
        where: str | None = None,
        line: int | None = None,
        clause: str | None = None,
    ) -> None:
        """Record a warning, unless the same one was recorded before."""
        if message not in self._said:
            self._said.add(message)
            self.warn(message, where, line, clause)

    def assumed(self, issue: Issue) -> None:
        """Record a warning about a value that is read as missing: another one tells the same."""
        self._assumed.add(issue)
        message = f"{issue.message}; read as if it were missing"
        self._add(self._warnings, msgspec.structs.replace(issue, message=message))

    def unneeded(self, issue: Issue) -> None:
        """Record a warning about a value that no segment depends on."""
        if issue in self._assumed:
            return
        message = f"{issue.message}; no segment depends on it"
        self._add(self._warnings, msgspec.structs.replace(issue, message=message))

    def extend(self, warnings: tuple[Issue, ...], problems: tuple[Issue, ...]) -> None:
        """Add the issues of another log."""
        for issue in warnings:
            self._add(self._warnings, issue)
        for issue in problems:
            self._add(self._problems, issue)

    def _add(self, into: dict[Issue, None], issue: Issue) -> None:
        if issue in into:
            return
        if len(into) >= MAX_ISSUES:
            self._dropped += 1
            return
        into[issue] = None
