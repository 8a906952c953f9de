"""The folders of a mirror in a local directory: made when their first file comes, and held.

Files get their names relative to the open folder: one that turns into a link during a run
changes nothing elsewhere. A folder may be a link, to another disk for example. What is found
behind a link that leads out of the mirror is somebody's: new files may be made there, and
nothing is replaced, moved or removed. No link leads into the control directory.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Callable
from typing import Final

from dashget.common.filenames import on_disk, readable
from dashget.common.oserrors import is_descriptor_shortage
from dashget.errors import StoreError
from dashget.planning.layout import is_safe_path
from dashget.store.control import ControlDirectory, KnownLinks
from dashget.store.directory import Directory, Identity, identity_of, kind_of, open_directory
from dashget.store.failures import OutsideError

_HELD_AT_MOST: Final = 32
"""How many folders are open at a time."""


class Folder:
    """An open folder of the mirror. ``outside`` tells that a link out of the mirror leads to it.

    ``stranger`` is that link, if nobody knows who made it; then the folder is closed.
    """

    __slots__ = ("directory", "outside", "path", "stranger")

    def __init__(
        self, path: str, directory: Directory, *, outside: bool, stranger: str | None = None
    ) -> None:
        self.path = path
        self.directory = directory
        self.outside = outside
        self.stranger = stranger

    def require_free(self, name: str) -> None:
        """Raise OutsideError for a name that is taken outside of the mirror."""
        if self.outside and self.directory.look(name) is not None:
            raise self.refusal(name, "be replaced")

    def require_inside(self, name: str, verb: str) -> None:
        """Raise OutsideError for a file outside of the mirror."""
        if self.outside:
            raise self.refusal(name, verb)

    def refusal(self, name: str, verb: str) -> OutsideError:
        """Return the error for a file outside of the mirror that was to be changed."""
        return OutsideError(f"{self.path}/{name}", verb)


class Folders:
    """Makes and holds the folders below a root."""

    def __init__(
        self, prefix: str, control: ControlDirectory, check_present: Callable[[], None]
    ) -> None:
        """``prefix`` is the root with a separator at its end."""
        self.links = KnownLinks(control)
        self.held: dict[str, Folder] = {}
        """The folders that are open; the oldest is closed when there are too many."""
        self.prefix = prefix
        self._spare: list[int] = []
        """Descriptors kept for the moment in which none is left: a file that has arrived must
        get its name, or it would have to come again."""
        self._went_short = False
        self._control = control
        self._check_present = check_present
        self._used: dict[str, Identity] = {}
        """Every folder that was opened, and which directory it was."""

    def make(self, folder: str) -> Folder:
        """Open a folder, and make it and those above it; the root itself is never made again."""
        held = self.held.get(folder)
        if held is not None:
            return held
        if folder:
            self._check_present()
        return self._open(folder, make=True)

    def find(self, folder: str) -> Folder:
        """Open a folder; FileNotFoundError if it is missing."""
        return self.held.get(folder) or self._open(folder, make=False)

    def is_outside(self, folder: str) -> bool:
        """Return True if a link out of the mirror leads to a folder; needs no claim."""
        held = self.held.get(folder)
        if held is not None:
            return held.outside
        try:
            found = self._open_from_root(folder, make=False)
        except FileNotFoundError:
            return False
        found.directory.close()
        return found.outside

    def remove_empty(self, folder: str) -> None:
        """Remove a folder and those above it, as far as they are empty."""
        while folder:
            above, _, name = folder.rpartition("/")
            try:
                found = self.find(above)
                if found.outside:
                    break
                found.directory.remove_folder(on_disk(name))
            except (OSError, StoreError):
                break
            self._used.pop(folder, None)
            gone = self.held.pop(folder, None)
            if gone is not None:
                gone.directory.close()
            folder = above

    def check_kept(self) -> None:
        """Raise StoreError if a folder with files of this run is no longer in its place."""
        for folder, identity in self._used.items():
            place = self.prefix + on_disk(folder)
            try:
                found: Identity | None = identity_of(os.stat(place))
            except (FileNotFoundError, NotADirectoryError):
                found = None
            if found != identity:
                raise self._replaced(folder)

    def close(self) -> None:
        """Let go of all folders."""
        self._close_held()
        self._close_spare()

    def _close_held(self) -> None:
        while self.held:
            self.held.popitem()[1].directory.close()

    def _close_spare(self) -> None:
        while self._spare:
            os.close(self._spare.pop())

    def keep_spare(self) -> None:
        """Keep as many descriptors as opening a folder takes, if there are so many."""
        if not self._spare:
            with contextlib.suppress(OSError):
                self._spare.extend(os.pipe())

    def _open(self, folder: str, *, make: bool) -> Folder:
        try:
            found = self._open_from_root(folder, make=make)
        except OSError as error:
            if not is_descriptor_shortage(error) or not (self.held or self._spare):
                raise
            self.close()
            self._went_short = True
            found = self._open_from_root(folder, make=make)
        if make and self._went_short:
            self._went_short = False
            self.keep_spare()
        if found.stranger is None:
            return self._hold(found)
        found.directory.close()
        return found

    def _hold(self, found: Folder) -> Folder:
        identity = found.directory.identity()
        if self._used.setdefault(found.path, identity) != identity:
            raise self._replaced(found.path)
        if len(self.held) >= _HELD_AT_MOST:
            self.held.pop(next(iter(self.held))).directory.close()
        self.held[found.path] = found
        return found

    def _open_from_root(self, folder: str, *, make: bool) -> Folder:
        """Open one folder after the other, from the root down."""
        if folder and not is_safe_path(folder):
            raise StoreError(f"{folder} is no folder of a mirror")
        directory, outside, here = open_directory(self.prefix), False, ""
        stranger: str | None = None
        if folder.partition("/")[0] == self._control.path.name:
            raise ValueError("the control directory is no folder of media")
        for name in filter(None, folder.split("/")):
            above, here = directory, f"{here}/{name}"
            try:
                directory, link = self._step(above, on_disk(name), make=make)
            finally:
                above.close()
            if link is not None and not outside:
                outside = True
                if not self.links.trusts(here[1:], link):
                    stranger = directory.path
                    if make:
                        directory.close()
                        raise self._untrusted(stranger)
        return Folder(folder, directory, outside=outside, stranger=stranger)

    def _step(
        self, above: Directory, name: str, *, make: bool
    ) -> tuple[Directory, os.stat_result | None]:
        """Open a folder, also by a link; with the facts about one that leads out of the mirror."""
        found = above.look(name)
        if found is None or not stat.S_ISLNK(found.st_mode):
            if found is not None and not stat.S_ISDIR(found.st_mode):
                path = os.path.join(above.path, name)
                reason = f"{kind_of(found.st_mode)} has the name of a folder"
                raise FileExistsError(errno.EEXIST, reason, path)
            return above.folder(name, make=make), None
        try:
            directory = above.folder(name, follow=True)
        except FileNotFoundError:
            place = os.path.join(above.path, name)
            raise StoreError(
                readable(f"{place} is a link to {os.readlink(place)}, which is not there"),
                hint="mount the disk that it leads to, or remove the link",
            ) from None
        try:
            return directory, found if self._leads_out(directory) else None
        except BaseException:
            directory.close()
            raise

    def _leads_out(self, directory: Directory) -> bool:
        """Return True for a directory that is not in the mirror, whatever its path says.

        Raises StoreError for one in the control directory.
        """
        with open_directory(self.prefix) as root, self._control.opened() as control:
            inside, own = root.identity(), control.identity()
        here = directory
        seen = None
        try:
            while (identity := here.identity()) != seen:
                if identity == own:
                    raise StoreError(
                        readable(f"{directory.path} is a link into the control directory"),
                        hint="remove the link; DashGet's own files are not for media",
                    )
                if identity == inside:
                    return False
                above, seen = here.above(), identity
                if here is not directory:
                    here.close()
                here = above
        finally:
            if here is not directory:
                here.close()
        return True

    def _untrusted(self, place: str) -> StoreError:
        return StoreError(
            readable(f"{place} is a link out of the mirror, to {os.readlink(place)}"),
            hint="somebody else may have made it: remove it; or say --follow-links once if it is"
            " yours",
        )

    def _replaced(self, folder: str) -> StoreError:
        place = readable(self.prefix + on_disk(folder))
        return StoreError(
            f"{place} has vanished or was replaced while files were stored there",
            hint="leave the folders of a mirror alone during a run; the same command fetches what"
            " is missing",
        )
