"""Links to folders outside of a mirror, as far as the user is known to have made them.

A mirror from somebody else may have a link to any folder, where a manifest would then put files
of its own choice. So new files are made behind a link only if it was there when the mirror was
begun, or if the user says so once. ``.dashget/links.jsonl`` keeps each such link with its number
and the time of its last change, which the system sets: a copy on another machine has others.
"""

from __future__ import annotations

import os
from typing import Final

import msgspec

from dashget.store.control import LINKS, ControlDirectory
from dashget.store.soundness import UNREADABLE
from dashget.store.writing import append_all

_FLAGS: Final = os.O_WRONLY | os.O_CREAT | os.O_APPEND
_MOST_BYTES: Final = 1 << 20


class Link(msgspec.Struct, frozen=True):
    """One line: a link that the user has made."""

    path: str
    number: int
    changed_ns: int


class KnownLinks:
    """The links of one mirror that may be followed."""

    def __init__(self, control: ControlDirectory) -> None:
        self.takes_new = False
        """True if every link is the user's: nothing was mirrored yet, or the user says so."""
        self._control = control
        self._known: set[Link] | None = None

    def trusts(self, path: str, found: os.stat_result) -> bool:
        """Return True if the user has made a link; ``found`` are the facts about it."""
        if self._known is None:
            self._known = self._read()
        link = Link(path, found.st_ino, found.st_ctime_ns)
        if link in self._known:
            return True
        if self.takes_new:
            self._add(link)
        return self.takes_new

    def _read(self) -> set[Link]:
        known: set[Link] = set()
        try:
            with self._control.reader(LINKS) as file:
                lines = file.read(_MOST_BYTES).splitlines()
        except FileNotFoundError:
            return known
        for line in lines:
            try:
                known.add(msgspec.json.decode(line, type=Link))
            except UNREADABLE:
                continue
        return known

    def _add(self, link: Link) -> None:
        if self._known is not None:
            self._known.add(link)
        with self._control.opened() as directory:
            directory.own_alone(LINKS)
            descriptor = directory.open(LINKS, _FLAGS)
        try:
            append_all(descriptor, msgspec.json.encode(link) + b"\n")
        finally:
            os.close(descriptor)
