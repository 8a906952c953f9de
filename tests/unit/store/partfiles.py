"""Parts and whole files that the tests of this folder begin."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from dashget.store.control import ControlDirectory
from dashget.store.folders import Folders
from dashget.store.journal import Journal
from dashget.store.local import LocalParts
from dashget.store.parts import Part
from dashget.store.unnamed import UnnamedFile
from dashget.transfer.contract import ResponseHead, ResumePoint

URL = "http://h/a"


def head(size: int | None = 10, validator: str | None = '"v1"') -> ResponseHead:
    return ResponseHead(
        url="http://h/a",
        status=200,
        http_version="1.1",
        size=size,
        etag=validator,
        last_modified=None,
        validator=validator,
        content_type=None,
    )


def journal_at(parts: Path, *, fsync: bool = False) -> Journal:
    """Return the journal of the mirror that has its parts at ``parts``."""
    return Journal(ControlDirectory(parts.parent), fsync=fsync)


def finish(part: Part, root: Path) -> None:
    """Give a part its name in the mirror at ``root``."""
    control = ControlDirectory(root / ".dashget")
    folders = Folders(os.path.join(root, ""), control, lambda: None)
    above, _, name = part.path.rpartition("/")
    part.finish(folders.make(above), name)
    folders.close()


def resume_point(parts: Path, path: str = "v/1.m4s") -> ResumePoint | None:
    return Part(journal_at(parts), path, URL).resume_point()


unnamed = pytest.mark.skipif(not hasattr(os, "O_TMPFILE"), reason="files always have names here")


def made(root: Path) -> Journal:
    """Return the journal of a mirror that lies at ``root``."""
    (root / ".dashget").mkdir(parents=True, exist_ok=True)
    return journal_at(root / ".dashget/parts")


def local(root: Path) -> LocalParts:
    """Return the unfinished files of a mirror that lies at ``root``."""
    control = ControlDirectory(root / ".dashget")
    return LocalParts(made(root), Folders(os.path.join(root, ""), control, lambda: None))


def receive(parts: LocalParts, path: str, *pieces: bytes) -> UnnamedFile | Part:
    return parts.receive(path, URL, head(sum(map(len, pieces))), pieces)


def names(root: Path) -> set[str]:
    return {str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()}
