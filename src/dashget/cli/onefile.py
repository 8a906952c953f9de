"""``dashget URL --mux FILE``: a mirror beside the file, the file, and the mirror goes."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Final, NoReturn

from dashget.errors import UsageError
from dashget.events import Event, Observer, Summary, Warned

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dashget.common.stopping import Stop
    from dashget.mux.options import MuxOptions, Thumbnail
    from dashget.mux.picture import Picture
    from dashget.mux.selection import Choices

_HINTS: Final = {"key": "add --mux FILE; the key of a client certificate is --private-key FILE"}


class OneFile:
    """The file that ``--mux`` names, and the mirror that it is written from.

    With ``--output`` the mirror is the user's. Else it stands beside the file, holds only what
    the file needs, and goes once the file is proved, unless ``--keep-mirror`` keeps it.
    """

    def __init__(self, arguments: argparse.Namespace, recorded: Mapping[str, str]) -> None:
        """``recorded`` are the filters of a mirror that is gone on with; it is never removed."""
        from dashget.cli.extras import require
        from dashget.common.filenames import given
        from dashget.mux.destination import Destination

        self.path = Path(given(arguments.mux))
        self.own = arguments.output is None and not recorded
        """True if the mirror is made for the file."""
        self.removes = self.own and not arguments.keep_mirror
        self.options = mux_options(arguments, self.path, check=self.removes)
        if not self.options.split:
            destination = Destination(self.path, overwrite=self.options.overwrite)
            destination.require_free()
        require("mux", "av", "PyAV")
        self._json = arguments.json

    @property
    def root(self) -> Path:
        """The directory of a mirror that is made for the file."""
        return self.path.with_name(f"{self.path.name}.mirror")

    @property
    def choices(self) -> Choices:
        """What the mirror needs for the file."""
        from dashget.mux.container import container_of

        return self.options.choices_for(container_of(self.path))

    def observed(self, reporter: Observer) -> Observer:
        """Return an observer that leaves out where to play a mirror that is to be removed."""
        return reporter if self._json or not self.removes else _without_end(reporter)

    def write(self, root: Path, stop: Stop, reporter: Observer) -> None:
        """Write the file from a mirror; remove the mirror if it was made for this."""
        from dashget.mux.run import mux_mirror
        from dashget.store import LocalDirectory

        mux_mirror(LocalDirectory(root), self.path, self.options, reporter, stop)
        if self.removes and not stop.requested:
            _remove(root, reporter)


def mux_options(arguments: argparse.Namespace, target: Path, *, check: bool = False) -> MuxOptions:
    """Return the library's options; raise UsageError for invalid values."""
    from dashget.cli.options.givensecrets import several
    from dashget.mux.keys import parse_keys
    from dashget.mux.options import MuxOptions, Subtitles, parse_subtitles
    from dashget.mux.selection import Choices

    word = arguments.subtitles
    subtitles = Subtitles.INSIDE if word is None else parse_subtitles(word)
    if subtitles is None and arguments.text:
        raise UsageError("--text and --subtitles none", hint="give one of them")
    # Asked for in so many words, subtitles that have no room in the file are refused.
    asked = "none" if subtitles is None else "all" if word == Subtitles.INSIDE.value else None
    return MuxOptions(
        choices=Choices(
            video=arguments.video,
            audio=arguments.audio,
            text=arguments.text or asked,
            image=arguments.image,
            period=arguments.period,
        ),
        keys=parse_keys(several(arguments, "key")),
        subtitles=subtitles or Subtitles.INSIDE,
        cover=_cover(arguments.cover),
        allow_gaps=arguments.allow_gaps,
        split=arguments.split,
        check=check or getattr(arguments, "check", False),
        overwrite=arguments.overwrite,
        fsync=arguments.fsync,
    )


def _cover(word: str | None) -> Picture | Thumbnail | None:
    """Return the cover that is wanted; UsageError for a file that is none."""
    from dashget.common.filenames import given, readable
    from dashget.mux.options import Thumbnail
    from dashget.mux.picture import LARGEST_BYTES, parse_picture

    if word is None:
        return None
    if word == Thumbnail.THUMBNAIL.value:
        return Thumbnail.THUMBNAIL
    name = readable(word)
    try:
        with Path(given(word)).open("rb") as file:
            return parse_picture(file.read(LARGEST_BYTES + 1))
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else None
        raise UsageError(
            f"--cover: {name}: {reason or error}",
            hint="give a JPEG or PNG picture, or thumbnail to make one of the thumbnails",
        ) from error


def refuse_without_mux(name: str) -> NoReturn:
    """Raise UsageError for an option that only means something with ``--mux``."""
    hint = _HINTS.get(name, "add --mux FILE")
    raise UsageError(f"--{name.replace('_', '-')}: only with --mux FILE", hint=hint)


def _without_end(reporter: Observer) -> Observer:
    def observe(event: Event, /) -> None:
        if not (isinstance(event, Summary) and event.complete):
            reporter(event)

    return observe


def _remove(root: Path, reporter: Observer) -> None:
    """Remove a mirror, unless it holds files of somebody else."""
    import shutil

    from dashget.common.filenames import readable
    from dashget.planning.layout import reserved_names
    from dashget.store import Mirror

    with Mirror.at(root, read_only=True) as store:
        header = store.header()
        records = store.records()
        ours = frozenset() if header is None else reserved_names(header.manifest)
        foreign = [f.path for f in store.iter_files() if f.path not in ours]
        foreign = [path for path in foreign if path not in records]
    if foreign or root.is_symlink():
        first = foreign[0] if foreign else "it is a link"
        reporter(Warned(f"{readable(str(root))} stays: it holds files of others ({first})"))
        return
    try:
        shutil.rmtree(root)
    except OSError as error:
        reason = error.strerror or str(error)
        reporter(Warned(f"{readable(str(root))} could not be removed: {reason}"))
