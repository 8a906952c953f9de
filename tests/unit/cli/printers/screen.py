"""A small terminal that wraps long lines, and wraps them again when it is resized."""

from __future__ import annotations

import io
import re

_TOKENS = re.compile(r"\x1b\[(\??[0-9;]*)([A-Za-z])|([\r\n])|([^\x1b\r\n]+)")


class Screen(io.StringIO):
    """A terminal whose output is in ``lines``, including rows that have left the screen.

    Like tmux it makes room at the top for rows that wrapping adds, also if the last are empty.
    """

    def __init__(self, columns: int, height: int) -> None:
        super().__init__()
        self._height = height
        self.columns = columns
        self.row = self.column = 0
        self.cursor_shown = self.wraps = True
        self._rows: list[str] = [""] * height
        self._wrapped: list[bool] = [False] * height
        """True if a row continues in the next one."""

    def isatty(self) -> bool:
        return True

    @property
    def lines(self) -> list[str]:
        """Return all visible rows, without trailing spaces and trailing empty rows."""
        rows = [row.rstrip() for row in self._rows]
        while rows and not rows[-1]:
            rows.pop()
        return rows

    def write(self, data: str, /) -> int:
        for code, letter, control, words in _TOKENS.findall(data):
            if words:
                self._put(words)
            elif control:
                self._move(control)
            else:
                self._obey(code, letter)
        return super().write(data)

    def resize(self, columns: int) -> None:
        """Wrap all lines again; the cursor keeps its place in the text."""
        start = self.row
        while start and self._wrapped[start - 1]:
            start -= 1
        offset = sum(map(len, self._rows[start : self.row])) + self.column
        lines: list[str] = [""]
        target = 0
        for number, row in enumerate(self._rows):
            if number == start:
                target = len(lines) - 1
            lines[-1] += row
            if not self._wrapped[number]:
                lines.append("")
        lines.pop()
        rows: list[str] = []
        wrapped: list[bool] = []
        for number, line in enumerate(lines):
            if number == target:
                self.row = len(rows) + offset // columns
            pieces = [line[i : i + columns] for i in range(0, len(line), columns)] or [""]
            rows += pieces
            wrapped += [True] * (len(pieces) - 1) + [False]
        self.column = offset % columns
        while len(rows) < self._height:
            rows.append("")
            wrapped.append(False)
        self.columns, self._rows, self._wrapped = columns, rows, wrapped

    def _put(self, words: str) -> None:
        for char in words:
            if self.column == self.columns and not self.wraps:
                self.column -= 1
            if self.column == self.columns:
                self._wrapped[self.row] = True
                self.row, self.column = self.row + 1, 0
                self._reach()
            row = self._rows[self.row].ljust(self.column)
            self._rows[self.row] = row[: self.column] + char + row[self.column + 1 :]
            self.column += 1

    def _move(self, control: str) -> None:
        self.column = 0
        if control == "\n":
            self._wrapped[self.row] = False
            self.row += 1
            self._reach()

    def _reach(self) -> None:
        while len(self._rows) <= self.row:
            self._rows.append("")
            self._wrapped.append(False)

    def _obey(self, code: str, letter: str) -> None:
        if letter == "K":
            assert code == "2"
            self._rows[self.row] = ""
            self._wrapped[self.row] = False
        elif letter == "A":
            top = len(self._rows) - self._height
            self.row = max(self.row - int(code or 1), top)
        elif letter == "B":
            self.row = min(self.row + int(code or 1), len(self._rows) - 1)
        elif letter in "hl":
            assert code in ("?25", "?7")
            if code == "?7":
                self.wraps = letter == "h"
            else:
                self.cursor_shown = letter == "h"
        else:
            assert letter == "m", f"unknown: {code}{letter}"
