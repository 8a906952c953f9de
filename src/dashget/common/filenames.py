"""How text becomes a name of the file system, and a name becomes text.

Python writes names in the encoding of the locale. In a locale other than UTF-8, many characters
then have no name at all, and the same mirror would have other names than in the next locale. So
the names of a mirror are UTF-8 in every locale, as they are on nearly every system anyway.

``on_disk`` and ``from_disk`` are for names that DashGet gives; ``given`` and ``readable`` are for
names that users give, of files that may have been named in any encoding. With UTF-8 as the
encoding of the file system, all of these return what they are given.
"""

from __future__ import annotations

import codecs
import os
import sys
from collections.abc import Callable

from dashget.common.lateregex import late

_C1 = late(r"[\x80-\x9f]")
_RAW = late(r"([\x80-\x9f])")


def _on_disk(path: str) -> str:
    return path if path.isascii() else os.fsdecode(path.encode("utf-8", "surrogateescape"))


def _from_disk(name: str) -> str:
    return name if name.isascii() else os.fsencode(name).decode("utf-8", "surrogateescape")


def _readable(name: str) -> str:
    try:
        return _bytes_of(name).decode("utf-8")
    except UnicodeError:
        return name


def _given(name: str) -> str:
    try:
        os.fsencode(name)
    except UnicodeError:
        return os.fsdecode(_bytes_of(name))
    return name


def _bytes_of(name: str) -> bytes:
    """Return the bytes that a name or argument was read from; text that was never bytes is UTF-8.

    Python reads arguments with the C library, which takes some bytes for C1 control characters
    that Python's own encoding lacks (EUC-JP, Shift-JIS).
    """
    try:
        return os.fsencode(name)
    except UnicodeError:
        if not _RAW.search(name):
            return name.encode("utf-8", "surrogateescape")
        pieces = _RAW.split(name)
        return b"".join(map(_bytes_of_piece, pieces))


def _bytes_of_piece(piece: str) -> bytes:
    return bytes([ord(piece)]) if _C1.fullmatch(piece) else os.fsencode(piece)


IS_UTF_8 = codecs.lookup(sys.getfilesystemencoding()).name == "utf-8"
"""True if the file system's names are UTF-8 to Python: the usual case."""
_SAME: Callable[[str], str] = str
"""Returns the text that it is given, without a call of Python: paths go through this."""
on_disk = _SAME if IS_UTF_8 else _on_disk
"""Return the name that stands for a text on the disk, in the form that ``os`` and ``Path`` take."""
from_disk = _SAME if IS_UTF_8 else _from_disk
"""Return the text that a name on the disk stands for; bytes that are no text stay escaped."""
readable = _SAME if IS_UTF_8 else _readable
"""Return what a name, path or argument says: as UTF-8 if it is UTF-8, else by the locale."""
given = _SAME if IS_UTF_8 else _given
"""Return the name of a file that a user or program gave; a text without a name gets one."""
