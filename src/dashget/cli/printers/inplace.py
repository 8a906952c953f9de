"""Paint lines at the bottom of a terminal, and repaint them in place.

Between two paintings the cursor is at the beginning of the last line. An echo of the terminal
there (``^C``) does not wrap, and is painted over. A terminal that became narrower has wrapped the
lines, so the rows are counted before they are erased. (A terminal that cuts lines instead, as xterm
does, loses as many rows above.)

Some terminals report their new width late (tmux after a quarter of a second), and a painting before
that is made for the old width. It is not wrapped, so it replaces as many rows as it has lines, and
leaves the rows that wrapping has added; the next painting counts them again.

Rows that wrapping has added stay empty above the lines until more lines need them. If the lines
moved up, further wrapping would push them off the top of the screen, where they cannot be erased: a
terminal scrolls even if there is room at the bottom.
"""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.control import Control
from rich.segment import ControlType, Segment
from rich.text import Text


class InPlace:
    """The lines that are painted on a console, if any."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._lines: tuple[Text, ...] = ()
        self._empty = 0
        """The number of empty rows above the lines that belong to them."""

    def paint(self, lines: Sequence[Text]) -> None:
        """Replace the painted lines by these. None may be wider than the console."""
        with self._console:
            if not self._lines:
                self._console.show_cursor(False)
            added = self._erase() - len(self._lines)
            self._empty = max(0, added - max(0, len(lines) - len(self._lines)))
            self._lines = tuple(lines)
            self._show()

    def print_above(self, line: Text) -> None:
        """Print a line, however long, that stays and scrolls as usual."""
        with self._console:
            self._erase()
            self._console.print(line, soft_wrap=True)
            self._empty = 0
            self._show()

    def clear(self) -> None:
        """Erase the lines, and show the cursor again."""
        if self._lines:
            with self._console:
                self._erase()
                self._lines = ()
                self._console.show_cursor(True)

    def _show(self) -> None:
        if self._lines:
            self._console.control(_wrapping("l"))
            rows = (*[Text()] * self._empty, *self._lines)
            self._console.print(Text("\n").join(rows), end="", soft_wrap=True)
            self._console.control(_wrapping("h"), Control((ControlType.CARRIAGE_RETURN,)))

    def _erase(self) -> int:
        """Erase the lines, move to their first row, and return the number of rows."""
        if not self._lines:
            return 0
        width = max(self._console.size.width, 1)
        rows = [max(1, -(-line.cell_len // width)) for line in self._lines]
        total, last = self._empty + sum(rows), rows[-1] - 1
        down = [(ControlType.CURSOR_DOWN, last)] if last else []
        erase, up = (ControlType.ERASE_IN_LINE, 2), (ControlType.CURSOR_UP, 1)
        self._console.control(
            Control((ControlType.CARRIAGE_RETURN,), *down, erase, *[up, erase] * (total - 1))
        )
        return total


def _wrapping(switch: str) -> Control:
    """Make the terminal wrap long lines (``h``) or cut them (``l``): DECAWM, missing in rich."""
    control = Control()
    control.segment = Segment(f"\x1b[?7{switch}", None, [(ControlType.CARRIAGE_RETURN,)])
    return control
