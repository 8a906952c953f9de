"""A place for mirrors in memory that behaves like an object store: late, unordered, refusing.

It keeps no unfinished bytes, has no rename and no append: the record is made of small objects.
Uploads are answered by a thread of its own, the last one first. A test scripts refusals, a
capacity, and a process that dies between the upload and the record.
"""

from __future__ import annotations

import errno
import io
import os
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from types import TracebackType
from typing import BinaryIO, Self

from dashget.errors import InUseError
from dashget.planning.layout import CONTROL_DIRECTORY
from dashget.store import StoredFile

_RECORD = f"{CONTROL_DIRECTORY}/record/"
_CLAIM = f"{CONTROL_DIRECTORY}/claim"
_GATHER_SECONDS = 0.02
"""Uploads that come within this time are answered together, in reverse order."""


class DiedError(BaseException):
    """The process was killed here."""


class MemoryPlace:
    """A ``Backend`` in memory. Use as a context manager, which ends its thread."""

    def __init__(self, *, batch: int = 4, capacity: int | None = None) -> None:
        self.name = "memory"
        self.name_bytes = 255
        self.largest_bytes: int | None = None
        self.objects: dict[str, bytes] = {}
        self.batch = batch
        """With so many uploads it answers at once; 0: all are answered before they return."""
        self.capacity = capacity
        self.refusals: dict[str, list[OSError]] = {}
        """What the next uploads of a path are answered with."""
        self.content_types: dict[str, str | None] = {}
        self.answered: list[str] = []
        """The paths of all uploads that are stored, in the order of the answers."""
        self.dies_before_recording: str | None = None
        self.most_waiting = 0
        self._lines: list[bytes] = []
        self._waiting: list[tuple[str, bytes, Future[None]]] = []
        self._changed = threading.Condition()
        self._ended = False
        self._thread = threading.Thread(target=self._answer, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, _: BaseException | None, __: TracebackType | None
    ) -> None:
        with self._changed:
            self._ended = True
            self._changed.notify_all()
        self._thread.join()

    def files(self) -> dict[str, bytes]:
        """Return everything but DashGet's own."""
        return {
            path: data
            for path, data in self.objects.items()
            if not path.startswith(f"{CONTROL_DIRECTORY}/")
        }

    def kill(self) -> None:
        """Lose what only the process knew; its claim has run out."""
        self._lines.clear()
        self.objects.pop(_CLAIM, None)

    # The protocol.

    def locate(self, path: str) -> str:
        return f"memory:{path}"

    def claim(self, since: str) -> None:
        if not self.put_if_absent(_CLAIM, since.encode()):
            raise InUseError(
                self.name, pid=os.getpid(), host="cloud", since=self.objects[_CLAIM].decode()
            )

    def release(self) -> None:
        self._flush()
        self.objects.pop(_CLAIM, None)

    def check_present(self) -> None:
        """It cannot vanish."""

    def is_blank(self) -> bool:
        return not self.objects

    def stat(self, path: str) -> int | None:
        data = self.objects.get(path)
        if data is not None:
            return len(data)
        if any(other.startswith(f"{path}/") for other in self.objects):
            raise IsADirectoryError(path)
        return None

    def names(self, folder: str, most: int) -> frozenset[str] | None:
        prefix = f"{folder}/" if folder else ""
        names = frozenset(
            path[len(prefix) :].split("/")[0] for path in self.objects if path.startswith(prefix)
        )
        return names if len(names) <= most else None

    def iter_files(self, folder: str = "") -> Iterator[StoredFile]:
        for path, data in sorted(self.objects.items()):
            own = path.startswith(f"{CONTROL_DIRECTORY}/")
            if path.startswith(f"{folder}/") if folder else not own:
                yield StoredFile(path, len(data))

    def open(self, path: str) -> BinaryIO:
        if path not in self.objects:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path)
        return io.BytesIO(self.objects[path])

    def is_same(self, path: str, other: str) -> bool:
        return path == other and path in self.objects

    def put(self, path: str, data: bytes) -> None:
        self._check_room(path, data)
        self.objects[path] = data

    def put_if_absent(self, path: str, data: bytes) -> bool:
        if path in self.objects:
            return False
        self.put(path, data)
        return True

    def upload(
        self, path: str, source: BinaryIO, size: int, content_type: str | None = None
    ) -> Future[None] | None:
        self.content_types[path] = content_type
        with source:
            data = source.read()
        assert len(data) == size
        if self.batch == 0:
            self._store(path, data)
            return None
        future: Future[None] = Future()
        with self._changed:
            self._waiting.append((path, data, future))
            self.most_waiting = max(self.most_waiting, len(self._waiting))
            self._changed.notify_all()
        return future

    def move(self, path: str, target: str) -> None:
        self.objects[target] = self.objects[path]
        del self.objects[path]

    def is_outside(self, path: str) -> bool:
        return False

    def set_modified(self, path: str, seconds: int) -> None:
        """Keep no times."""

    def delete(self, path: str) -> None:
        self.objects.pop(path, None)

    def append(self, line: bytes) -> None:
        lost = self.dies_before_recording
        if lost is not None and f'"path":"{lost}"'.encode() in line:
            raise DiedError(lost)
        self._lines.append(line)
        if len(self._lines) == 3:
            self._flush()

    def open_record(self) -> BinaryIO | None:
        parts = [data for path, data in sorted(self.objects.items()) if path.startswith(_RECORD)]
        lines = b"".join([*parts, *self._lines])
        return io.BytesIO(lines) if lines else None

    def append_to(self, name: str, data: bytes) -> None:
        path = f".dashget/{name}"
        self.objects[path] = self.objects.get(path, b"") + data

    def open_parts(self) -> None:
        """It keeps no unfinished bytes."""

    def leftover_parts(self) -> tuple[str, ...]:
        return ()

    # Behind it.

    def _flush(self) -> None:
        if self._lines:
            number = sum(path.startswith(_RECORD) for path in self.objects)
            self.objects[f"{_RECORD}{number:06d}.jsonl"] = b"".join(self._lines)
            self._lines.clear()

    def _store(self, path: str, data: bytes) -> None:
        refusals = self.refusals.get(path)
        if refusals:
            raise refusals.pop(0)
        self._check_room(path, data)
        self.objects[path] = data
        self.answered.append(path)

    def _check_room(self, path: str, data: bytes) -> None:
        used = sum(len(other) for name, other in self.objects.items() if name != path)
        if self.capacity is not None and used + len(data) > self.capacity:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def _answer(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting or self._ended)
                self._changed.wait_for(
                    lambda: len(self._waiting) >= self.batch or self._ended, _GATHER_SECONDS
                )
                waiting, self._waiting = self._waiting, []
                if not waiting and self._ended:
                    return
            for path, data, future in reversed(waiting):
                try:
                    self._store(path, data)
                except OSError as error:
                    future.set_exception(error)
                else:
                    future.set_result(None)
