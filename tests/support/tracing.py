"""What a process did to files, as the kernel saw it: strace, read into facts.

``changes`` has the path of everything that was opened for writing, created, renamed, removed or
given another mode, owner or time, each as the kernel found it: behind all links.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

WORDS: Final = (
    "strace", "-f", "-qq", "-y", "-s", "4096", "-e", "trace=%file,fchmod,fchown,ftruncate", "-e",
    "signal=none", "-o",
)  # fmt: skip
"""The beginning of a command; the file of the trace and the traced command follow."""

_CALL: Final = re.compile(r"(?:\d+ +)?(\w+)\((.*)\) += (-?\d+)(?:<([^>]*)>)?")
_PLACE: Final = re.compile(r'(?:(?:AT_FDCWD|\d+)<([^>]*)>(?:, )?)?(?:"((?:[^"\\]|\\.)*)")?')
_WRITES: Final = re.compile(r"\bO_(?:WRONLY|RDWR|CREAT|TRUNC|TMPFILE)\b")
_OPENING: Final = frozenset({"open", "openat", "openat2", "creat"})
_CHANGING: Final = re.compile(
    r"f?chmod(?:at2?)?|f?l?chown(?:at)?|f?truncate|link(?:at)?|symlink(?:at)?|mkdir(?:at)?"
    r"|mknod(?:at)?|rename(?:at2?)?|rmdir|unlink(?:at)?|utimensat|utimes?|futimesat|l?setxattr"
)


def changes(trace: Path, cwd: Path) -> Iterator[tuple[str, str]]:
    """Yield the name of each successful system call that changes a file, and the file's path."""
    pending: dict[str, str] = {}
    for text in trace.read_text(encoding="utf-8", errors="surrogateescape").splitlines():
        line = _whole(text, pending)
        found = None if line is None else _CALL.match(line)
        if found is None or int(found[3]) < 0:
            continue
        name, arguments, _, opened = found.groups()
        if name in _OPENING:
            if opened is not None and (name == "creat" or _WRITES.search(arguments)):
                yield name, opened.removesuffix(" (deleted)")
        elif _CHANGING.fullmatch(name):
            for path in _paths(arguments, cwd):
                yield name, path


def _whole(line: str, pending: dict[str, str]) -> str | None:
    """Return a call in one piece; None for its first half, which is kept."""
    process, _, rest = line.partition(" ")
    if rest.endswith("<unfinished ...>"):
        pending[process] = rest.strip().removesuffix("<unfinished ...>").rstrip()
        return None
    resumed = re.match(r"\s*<\.\.\. \w+ resumed>(.*)", rest)
    return line if resumed is None else pending.pop(process, "") + resumed[1]


def _paths(arguments: str, cwd: Path) -> Iterator[str]:
    """Yield the paths among the arguments of a call, each behind the links of its folders."""
    for found in _PLACE.finditer(arguments):
        folder, name = found.groups()
        if name is None and folder is None:
            continue
        path = os.path.join(folder or cwd, (name or "").encode().decode("unicode_escape"))
        parent, last = os.path.split(path.rstrip("/"))
        yield os.path.join(os.path.realpath(parent), last)
