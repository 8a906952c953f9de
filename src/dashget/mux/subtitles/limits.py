"""How much one Representation's subtitles may hold: they are read into memory."""

from __future__ import annotations

from typing import Final

MOST_BYTES: Final = 1 << 26
"""The bytes of the samples or files: a film has a hundredth of it."""
MOST_CUES: Final = 200_000
MOST_SAMPLES: Final = 500_000
MOST_TEXT: Final = 65_536
"""The characters of one cue, tags included."""
MOST_TEXTS: Final = 4_000_000
"""The characters of all cues: a film has 100,000."""
MOST_PROBLEMS: Final = 1_000
"""The cues of a file that may be unreadable before all of it is."""
MOST_ELEMENTS: Final = 100_000
"""The elements of one TTML document."""
MOST_DEPTH: Final = 64
"""The elements, or the tags of a cue, inside each other."""
MOST_PIECES: Final = 1_000_000
"""The pieces of text that are written out, where the parts of a cue have times of their own or
cues overlap."""


class SubtitleError(ValueError):
    """The subtitles cannot be read; the message says why, without the name of the file."""


class Pieces:
    """Counts the pieces of text; SubtitleError beyond the limit."""

    def __init__(self, most: int = MOST_PIECES) -> None:
        self._left = most

    def take(self, count: int) -> None:
        """Count some more."""
        self._left -= count
        if self._left < 0:
            raise SubtitleError(f"more than {MOST_PIECES:,} pieces of text: cues overlap too often")
