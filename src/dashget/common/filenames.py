"""How text becomes a name of the file system, and a name becomes text.

Python writes names in the encoding of the locale. In a locale other than UTF-8, many characters
then have no name at all, and the same mirror would have other names than in the next locale. So
the names of a mirror are UTF-8 in every locale, as they are on nearly every system anyway.

``on_disk`` and ``from_disk`` are for names that DashGet gives; ``given`` and ``readable`` are for
names that users give, of files that may have been named in any encoding. With UTF-8 as the
encoding of the file system, all of these return what they are given.

``fold`` and ``leads_to`` tell which names some file systems take for one. macOS ignores case and
the form of accents, ext4 with folded folders invisible characters as well, ZFS can take letters of
other widths for the usual ones, and Windows drops dots and blanks at the end of a name, reads what
follows a colon as a part of the file, and gives each file a short name.
"""

from __future__ import annotations

import codecs
import os
import sys
from collections.abc import Callable, Iterable
from typing import Final

from dashget.common.lateregex import late
from dashget.common.numbers import is_digits

_C1 = late(r"[\x80-\x9f]")
_RAW = late(r"([\x80-\x9f])")
_INVISIBLE: Final = late(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e"
    "\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufff8\U0001bca0-\U0001bca3"
    "\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
"""What Unicode calls ignorable by default (Default_Ignorable_Code_Point)."""
_HEX: Final = frozenset("0123456789abcdef")
_SHORT_NAME: Final = 8
"""The length of the short name that Windows gives to a long one: ``DASHGE~1``."""


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


def fold(path: str) -> str:
    """Return a key that is equal for two paths that some file systems treat as the same."""
    if path.isascii():
        return path.lower()
    import unicodedata

    text = _INVISIBLE.sub("", unicodedata.normalize("NFKD", path)).upper().casefold()
    return unicodedata.normalize("NFKC", _INVISIBLE.sub("", text)).casefold()


def leads_to(component: str, names: Iterable[str]) -> bool:
    """Return True if a component of a path may lead to one of the names, which are folded."""
    known = fold(component).partition(":")[0].rstrip(". ")
    return any(known == name or _is_short(known, name) for name in names)


def _is_short(known: str, name: str) -> bool:
    """Return True for a short name of another one: its first letters, or two and a checksum."""
    stem = known.partition(".")[0]
    head, _, number = stem.rpartition("~")
    if len(stem) != _SHORT_NAME or not is_digits(number):
        return False
    long = name.replace(".", "")
    return long.startswith(head) or (long[:2] == head[:2] and _HEX.issuperset(head[2:]))
