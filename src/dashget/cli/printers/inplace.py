"""Lines at the bottom of a terminal that are painted again and again in place.

Between two paintings the cursor stands at the beginning of the last line: what the terminal
echoes there (``^C``) wraps into no other line, and is painted over. A terminal that has
become narrower has wrapped what was painted; the rows are counted before they are erased.
(Where a terminal cuts instead, as xterm does, as many rows above are lost.)

Some tell their new width only a moment later (tmux, a quarter of a second), and a painting in
between is made for the old one. It is not wrapped, so it replaces as many rows as it has
lines, and leaves exactly those that wrapping has added: the next one counts them again.

Rows that wrapping has added stay above the lines, empty, until other lines need them. Were the
lines to move up, further wrapping would push them off the top of the screen, where nothing can
be erased: a terminal makes room at the top also where there is some at the bottom.
"""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.control import Control
from rich.segment import ControlType, Segment
from rich.text import Text


class InPlace:
    """The lines that are painted on a console at the moment, if any."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._lines: tuple[Text, ...] = ()
        self._empty = 0
        """How many empty rows above the lines belong to them."""

    def paint(self, lines: Sequence[Text]) -> None:
        """Show these lines in place of those that are shown. None may be wider than the console."""
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
        """Take the lines away, and give the cursor back."""
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
        """Erase what is shown, and go where it began; return how many rows there are for lines."""
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
    """Have the terminal wrap long lines (``h``) or cut them (``l``): DECAWM, unknown to rich."""
    control = Control()
    control.segment = Segment(f"\x1b[?7{switch}", None, [(ControlType.CARRIAGE_RETURN,)])
    return control
