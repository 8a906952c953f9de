"""The real program, started as a user starts it: a process of its own, nothing patched.

``start`` starts a new Python. ``run`` makes do with a copy of a process that has everything
loaded (see ``forkserver``), which takes a tenth of the time, except with ``--thorough``.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

from tests.support import forkserver

SOURCES = Path(__file__).resolve().parents[2] / "src"

COMMAND = (sys.executable, "-P", "-m", "dashget")

DEADLINE_SECONDS = 300
"""Six tests on two cores, and a disk that others use, take a run of ten thousand files over 120 s."""


class Ended(NamedTuple):
    """A run that is over."""

    code: int
    out: str
    err: str

    @property
    def events(self) -> list[dict[str, Any]]:
        """Standard output as JSON lines."""
        return [json.loads(line) for line in self.out.splitlines()]


def environment(**more: str) -> dict[str, str]:
    """Return the environment of the tests less what would change what the program does."""
    dropped = ("DASHGET", "NO_COLOR", "FORCE_COLOR", "SSL_CERT", "CURL_CA")
    kept = {
        name: text
        for name, text in os.environ.items()
        if not name.startswith(dropped) and not name.lower().endswith("_proxy")
    }
    locale = os.environ.get("DASHGET_TESTS_LOCALE", "C.UTF-8")
    return {**kept, "PYTHONPATH": str(SOURCES), "COLUMNS": "120", "LC_ALL": locale, **more}


def start(
    *arguments: str | Path, cwd: Path, more: Mapping[str, str] | None = None, **options: Any
) -> subprocess.Popen[str]:
    """Start the program with pipes, in a session of its own, and return at once."""
    return subprocess.Popen(
        [*COMMAND, *map(str, arguments)],
        cwd=cwd,
        env=environment(**(more or {})),
        text=True,
        start_new_session=True,
        **{
            "stdin": subprocess.DEVNULL,
            "stdout": subprocess.PIPE,
            "stderr": subprocess.PIPE,
            **options,
        },
    )


def run(
    *arguments: str | Path,
    cwd: Path,
    stdin: str | None = None,
    more: Mapping[str, str] | None = None,
) -> Ended:
    """Run the program to its end."""
    words, around = [str(argument) for argument in arguments], environment(**(more or {}))
    if Copies.wanted:
        return Copies.shared().run(words, cwd, around, stdin or "")
    done = subprocess.run(
        [*COMMAND, *words],
        cwd=cwd,
        env=around,
        input=stdin or "",
        capture_output=True,
        text=True,
        timeout=DEADLINE_SECONDS,
        check=False,
    )
    return Ended(done.returncode, done.stdout, done.stderr)


class Copies:
    """Runs the program in copies of a process that has loaded it, one at a time."""

    wanted = hasattr(os, "fork")
    """False: each run is a new Python; see ``--thorough``."""
    _shared: Copies | None = None

    def __init__(self) -> None:
        self._connection, theirs = socket.socketpair()
        # A pipe, as the copies will have: what Python learns about a stream at the start stays.
        nobody, output = os.pipe()
        with theirs:
            self._server = subprocess.Popen(
                [sys.executable, "-P", str(forkserver.__file__)],
                cwd="/",
                env=environment(),
                stdin=theirs.fileno(),
                stdout=output,
                start_new_session=True,
            )
        os.close(nobody)
        os.close(output)
        self._answers = self._connection.makefile("r", encoding="ascii")
        self._lock = threading.Lock()

    @classmethod
    def shared(cls) -> Copies:
        """Return the one of this process, which ends with it."""
        if cls._shared is None:
            cls._shared = cls()
            atexit.register(cls._shared.close)
        return cls._shared

    def close(self) -> None:
        """Stop the server."""
        self._answers.close()
        self._connection.close()
        self._server.wait(DEADLINE_SECONDS)

    def run(self, words: list[str], cwd: Path, around: dict[str, str], stdin: str) -> Ended:
        """Run the program to its end; raise TimeoutExpired where that takes too long."""
        request = {"arguments": words, "directory": str(cwd), "environment": around}
        with self._lock, ThreadPoolExecutor(3) as threads:
            given, our_input = os.pipe()
            our_output, output = os.pipe()
            our_errors, errors = os.pipe()
            data = json.dumps(request).encode()
            assert len(data) < forkserver.REQUEST_BYTES
            socket.send_fds(self._connection, [data], [given, output, errors])
            for stream in (given, output, errors):
                os.close(stream)
            process = int(self._answers.readline())
            overdue = threading.Timer(DEADLINE_SECONDS, _kill, [process])
            overdue.start()
            threads.submit(_write, our_input, stdin.encode())
            read = [threads.submit(_read, stream) for stream in (our_output, our_errors)]
            code = int(self._answers.readline())
            out, err = (text.result() for text in read)
            if overdue.finished.is_set():
                raise subprocess.TimeoutExpired(words, DEADLINE_SECONDS, out, err)
            overdue.cancel()
        return Ended(code, out, err)


def _kill(process: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(process, signal.SIGKILL)


def _write(stream: int, data: bytes) -> None:
    with contextlib.suppress(BrokenPipeError), os.fdopen(stream, "wb") as opened:
        opened.write(data)


def _read(stream: int) -> str:
    with os.fdopen(stream, encoding="utf-8") as opened:
        return opened.read()


def tree(directory: Path) -> dict[str, bytes]:
    """Return every file below a directory with its bytes, but for ``.dashget``."""
    return dict(_iter_files(directory))


def _iter_files(directory: Path) -> Iterator[tuple[str, bytes]]:
    for path in sorted(directory.rglob("*")):
        name = path.relative_to(directory)
        if path.is_file() and name.parts[0] != ".dashget":
            yield name.as_posix(), path.read_bytes()
