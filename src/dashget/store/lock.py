"""The lock file of a mirror in a local directory: one process at a time works on it."""

from __future__ import annotations

import contextlib
import errno
import os
from typing import IO, Final

import msgspec

from dashget.errors import InUseError
from dashget.store.control import LOCK, ControlDirectory
from dashget.store.directory import identity_of

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]  # the module is optional

_FLAGS: Final = os.O_RDWR | os.O_CREAT | os.O_APPEND
_TRIES: Final = 5
_MOST: Final = 500
"""How many bytes of a lock file are read."""


class Holder(msgspec.Struct, frozen=True):
    """The content of the lock file: which process holds the mirror, and since when."""

    pid: int
    host: str
    since: str


class Lock:
    """The lock of one mirror. ``acquire`` it once; ``release`` it or end the process."""

    def __init__(self, control: ControlDirectory) -> None:
        self._control = control
        self._file: IO[bytes] | None = None

    @property
    def held(self) -> bool:
        """True between ``acquire`` and ``release``."""
        return self._file is not None

    @property
    def descriptor(self) -> int | None:
        """The descriptor of the lock file while it is held."""
        return None if self._file is None else self._file.fileno()

    def acquire(self, root: str, since: str) -> None:
        """Take the lock; raise InUseError if another process has it."""
        for _ in range(_TRIES):
            file = self._open()
            try:
                if fcntl is not None:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                if error.errno not in (errno.EAGAIN, errno.EACCES):
                    # A file system without locks: keeping two processes apart is up to the user.
                    self._file = file
                    return
                holder = _read_holder(file)
                file.close()
                raise _in_use(root, holder) from error
            try:
                if self._has_name(file):
                    break
            except BaseException:
                file.close()
                raise
            # Another process has put a file of its own in place of a hard link.
            file.close()
        else:
            raise _in_use(root, None)
        file.truncate(0)
        file.write(msgspec.json.encode(Holder(os.getpid(), _host_name(), since)))
        file.flush()
        self._file = file

    def _open(self) -> IO[bytes]:
        with self._control.opened() as directory:
            directory.own_alone(LOCK)
            return open(directory.open(LOCK, _FLAGS, mode=0o600), "a+b")

    def _has_name(self, file: IO[bytes]) -> bool:
        with self._control.opened() as directory:
            found = directory.look(LOCK)
        return found is not None and identity_of(found) == identity_of(os.fstat(file.fileno()))

    def release(self) -> None:
        """Give the lock back, if it was taken."""
        file, self._file = self._file, None
        if file is not None:
            file.close()


def _in_use(root: str, holder: Holder | None) -> InUseError:
    if holder is None:
        return InUseError(root)
    return InUseError(root, pid=holder.pid, host=holder.host, since=holder.since)


def _read_holder(file: IO[bytes]) -> Holder | None:
    with contextlib.suppress(msgspec.DecodeError, UnicodeDecodeError):
        file.seek(0)
        return msgspec.json.decode(file.read(_MOST), type=Holder)
    return None


def _host_name() -> str:
    if hasattr(os, "uname"):
        return os.uname().nodename
    import socket

    return socket.gethostname()
