"""Walk through the boxes of an ISO base media file from its beginning to its end.

Only headers are read. This is apart from ``inspection``, which loads all that a file may be.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from dashget.media.isobmff import Box, BoxError, iter_boxes

if TYPE_CHECKING:
    from dashget.media.sniff import Read

_HEADER_BYTES: Final = 32
_MOST_BOXES: Final = 1_000_000


def has_description(read: Read, size: int) -> bool | None:
    """Return True if a file has a ``moov`` box before media, False if its media needs another's.

    None for all other files.
    """
    try:
        for box in iter_top_boxes(read, size):
            if box.type in ("moov", "moof"):
                return box.type == "moov"
    except BoxError:
        pass
    return None


def iter_top_boxes(read: Read, size: int) -> Iterator[Box]:
    """Yield the top-level boxes; raise BoxError if they do not fill the file."""
    position = 0
    for _ in range(_MOST_BOXES):
        if position == size:
            return
        head = read(position, min(_HEADER_BYTES, size - position))
        box = next(iter_boxes(head), None)
        if box is None:
            raise BoxError(f"{size - position} bytes at {position} are not a box")
        if not (box.type.isascii() and box.type.isprintable()):
            raise BoxError(f"invalid box at {position}: type {box.type!a}")
        end = size if box.end is None else position + box.end
        if end > size:
            raise BoxError(
                f"the {box.type} box at {position} ends {end - size} bytes past the file"
            )
        yield Box(box.type, position, position + box.payload, end)
        position = end
    raise BoxError(f"more than {_MOST_BOXES} boxes")
