"""The control directory of a mirror, ``.dashget``: the one way to what is in it.

It may have come from somebody else, so nothing in it is reached by a path: it is opened once,
by its own name and never through a link, and its files and folders are opened relative to it
(``directory``). A run holds it from ``hold`` to ``release``; what only looks opens it for a
moment.

Nor is a link out of the mirror followed because it is there: such a mirror may have one to any
folder, where a manifest would then put files of its own choice. New files are made behind a link
only if it was there when the mirror was begun, or if the user says so once.
``.dashget/links.jsonl`` keeps each such link with its number and the time of its last change,
which the system sets: a copy on another machine has others.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Final

import msgspec

from dashget.store.directory import Directory, identity_of, open_directory
from dashget.store.soundness import UNREADABLE
from dashget.store.writing import append_all

LOCK: Final = "lock"
RECORD: Final = "record.jsonl"
PACKED: Final = "record.jsonl.gz"
"""The beginning of a long record, compressed; see ``packedrecord``."""
FRESH: Final = "fresh"
"""A small file before it gets its name."""
PARTS: Final = "parts"
LINKS: Final = "links.jsonl"
_LINKS_FLAGS: Final = os.O_WRONLY | os.O_CREAT | os.O_APPEND
_LINKS_MOST_BYTES: Final = 1 << 20


class ControlDirectory:
    """The control directory that lies, or is going to lie, at a path."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._held: Directory | None = None

    def hold(self) -> Directory:
        """Make the directory, and the mirror that it is in, if they are missing; keep it open."""
        if self._held is None:
            root = str(self.path.parent)
            os.makedirs(root, exist_ok=True)
            with open_directory(root) as above:
                self._held = above.folder(self.path.name, make=True)
            self._held.keep_private()
        return self._held

    def release(self) -> None:
        """Let go of the directory."""
        held, self._held = self._held, None
        if held is not None:
            held.close()

    @contextmanager
    def opened(self) -> Iterator[Directory]:
        """Open the directory, or use it as it is held; FileNotFoundError if it is missing."""
        if self._held is not None:
            yield self._held
            return
        with (
            open_directory(str(self.path.parent)) as above,
            above.folder(self.path.name) as directory,
        ):
            yield directory

    @contextmanager
    def folder(self, path: str, *, make: bool = False) -> Iterator[Directory]:
        """Open a folder in the control directory by its path; the empty one is itself."""
        with self.opened() as directory, contextlib.ExitStack() as stack:
            for name in filter(None, path.split("/")):
                directory = stack.enter_context(directory.folder(name, make=make))
            yield directory

    def reader(self, path: str) -> BinaryIO:
        """Open a file in the control directory to read it; FileNotFoundError if it is missing."""
        folder, _, name = path.rpartition("/")
        with self.folder(folder) as directory:
            return directory.reader(name)

    def is_in_place(self) -> bool:
        """Return True if the directory that is held still has its name."""
        try:
            found = os.lstat(self.path)
        except (FileNotFoundError, NotADirectoryError):
            return False
        with self.opened() as directory:
            return directory.identity() == identity_of(found)


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
                lines = file.read(_LINKS_MOST_BYTES).splitlines()
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
            descriptor = directory.open(LINKS, _LINKS_FLAGS)
        try:
            append_all(descriptor, msgspec.json.encode(link) + b"\n")
        finally:
            os.close(descriptor)
