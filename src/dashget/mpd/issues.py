"""Collecting what is wrong or odd about a document, all of it, within bounds."""

from __future__ import annotations

from typing import Final

from dashget.errors import Issue

MAX_ISSUES: Final = 1000
"""How many issues are kept: a hostile document has millions."""


class IssueLog:
    """Problems break the standard where it matters; warnings do not stop anything."""

    def __init__(self) -> None:
        self._problems: dict[Issue, None] = {}
        self._warnings: dict[Issue, None] = {}
        self._said: set[str] = set()
        self._dropped = 0

    @property
    def problems(self) -> tuple[Issue, ...]:
        """What stops the document from being used, in the order of finding."""
        return tuple(self._problems)

    @property
    def warnings(self) -> tuple[Issue, ...]:
        """What is odd, in the order of finding, and how many more there were."""
        if self._dropped:
            more = Issue(f"{self._dropped} more remarks of the same kinds are left out")
            return (*self._warnings, more)
        return tuple(self._warnings)

    def problem(
        self,
        message: str,
        where: str | None = None,
        line: int | None = None,
        clause: str | None = None,
    ) -> None:
        """Note a breach."""
        self._add(self._problems, Issue(message, where or None, line, clause))

    def warn(
        self,
        message: str,
        where: str | None = None,
        line: int | None = None,
        clause: str | None = None,
    ) -> None:
        """Note something odd."""
        self._add(self._warnings, Issue(message, where or None, line, clause))

    def warn_once(
        self,
        message: str,
        where: str | None = None,
        line: int | None = None,
        clause: str | None = None,
    ) -> None:
        """Note something odd, at its first place only."""
        if message not in self._said:
            self._said.add(message)
            self.warn(message, where, line, clause)

    def extend(self, warnings: tuple[Issue, ...], problems: tuple[Issue, ...]) -> None:
        """Take over what another log has."""
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
