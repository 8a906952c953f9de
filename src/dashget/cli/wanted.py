"""What a command is about: the URLs and files of the command line, and mirrors in their place."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import msgspec

from dashget.common.filenames import given, on_disk, readable
from dashget.errors import UsageError
from dashget.manifest.source import STDIN, parse_source

_PROGRAMS: Final = ("curl", "wget", "aria2c", "yt-dlp", "ffmpeg", "streamlink")
"""Other programs, with whose command lines people begin."""
_QUOTE: Final = "quote a value that contains spaces; a URL begins with http:// or https://"


class Wanted(msgspec.Struct, frozen=True):
    """One presentation to mirror."""

    source: str | Path
    base_url: str | None = None
    root: Path | None = None
    """The directory of the mirror; None for the usual one."""
    filters: Mapping[str, str] = {}
    """The selection that the mirror was made with, as on the command line."""

    @property
    def name(self) -> str:
        """The source as it may be shown: without user and password."""
        return parse_source(self.source, base_url=self.base_url).name


def find_wanted(
    words: Sequence[str], root: Path | None, base_url: str | None
) -> tuple[Wanted, ...]:
    """Read the operands of ``get``; raise UsageError before anything is fetched.

    A directory with a mirror stands for the presentation, the directory and the selection of its
    last run. ``root`` is for a single one: see ``rooms``.
    """
    if len(words) == 1:
        return (_read(words[0], root, base_url, alone=True),)
    if words.count(STDIN) > 1:
        raise UsageError("standard input can be read only once", hint="write - only once")
    return tuple(_read(word, None, base_url, alone=False) for word in words)


class Document(msgspec.Struct, frozen=True):
    """The manifest that a command looks at."""

    source: str | Path
    base_url: str | None = None
    now: datetime.datetime | None = None
    """The wall-clock time of a live presentation, if the command line or a mirror says one."""
    filters: Mapping[str, str] = {}
    """The selection that a mirror was made with, as on the command line."""


def find_document(word: str, base_url: str | None, now: datetime.datetime | None) -> Document:
    """Read the operand of a command that looks at a manifest, such as ``list``.

    A directory with a mirror stands for its stored manifest, and for the time and the selection
    of its last run. Raises UsageError.
    """
    if not _is_directory(word):
        return Document(word, base_url, now)
    from dashget.common.numbers import read_time
    from dashget.store import Mirror

    directory = Path(given(word))
    header = Mirror.at(directory, read_only=True).header()
    if header is None:
        return Document(word, base_url, now)
    stored, shown = directory / header.manifest, readable(word)
    if base_url is not None:
        raise UsageError(
            f"--base-url: {shown!r} is a mirror, whose record has the URL", hint="leave it out"
        )
    if not stored.is_file():
        raise UsageError(
            f"the manifest of this mirror is missing: {readable(str(stored))}",
            hint=f"name its URL, or fetch it again: dashget {shown}",
        )
    remote = header.url if header.url.startswith(("http://", "https://")) else None
    if now is None and header.now is not None:
        now = read_time(header.now)
    return Document(stored, remote, now, header.selection)


def _read(word: str, root: Path | None, base_url: str | None, *, alone: bool) -> Wanted:
    if _is_directory(word):
        mirrored = _recorded(Path(given(word)))
        if mirrored is not None:
            if root is not None and root.resolve() != Path(given(word)).resolve():
                raise UsageError(
                    f"--output: {readable(word)!r} is a mirror already, and stays where it is",
                    hint="leave -o out, or name the URL to make another mirror",
                )
            return mirrored
    try:
        parse_source(word, base_url=base_url)
    except UsageError as error:
        if word in _PROGRAMS:
            error.hint = f"leave {word} out: give the URL first, then options of DashGet"
        elif not alone and "neither a URL" in error.message and "alone" not in (error.hint or ""):
            error.hint = _QUOTE
        raise
    return Wanted(word, base_url, root)


def _is_directory(word: str) -> bool:
    try:
        return word != STDIN and Path(given(word)).is_dir()
    except (OSError, ValueError):
        return False


def refuse_recording(source: str) -> None:
    """Raise UsageError, which says how to go on, for the directory of a recording."""
    directory = Path(on_disk(source))
    if "://" not in source and directory.is_dir():
        _recorded(directory)


def _find(source: str) -> Path:
    """Return the file that a record names; it may have been named in another locale."""
    named = Path(on_disk(source))
    return named if named.is_file() else Path(given(source))


def _recorded(directory: Path) -> Wanted | None:
    """Return what a directory is a mirror of; None if it is none. StoreError if that is unread."""
    from dashget.store import Mirror

    header = Mirror.at(directory, read_only=True).header()
    if header is None:
        return None
    if header.recording:
        shown = readable(str(directory))
        raise UsageError(
            f"{shown} is a recording of a live presentation",
            hint=f"go on with: dashget record {header.source} -o {shown}",
        )
    local = _find(header.source)
    remote = header.url if header.url.startswith(("http://", "https://")) else None
    if "://" in header.source:
        return Wanted(header.source, None, directory, header.selection)
    if local.is_absolute() and local.is_file():
        return Wanted(local, remote, directory, header.selection)
    shown = readable(str(directory))
    raise UsageError(
        f"{shown}: the manifest of this mirror came from {header.source}, which is not there",
        hint=f"give the manifest again: dashget FILE -o {shown}",
    )
