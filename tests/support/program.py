"""The real program, started as a user starts it: a process of its own, nothing patched."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

SOURCES = Path(__file__).resolve().parents[2] / "src"

COMMAND = (sys.executable, "-P", "-m", "dashget")

DEADLINE_SECONDS = 120


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
    return {**kept, "PYTHONPATH": str(SOURCES), "COLUMNS": "120", "LC_ALL": "C.UTF-8", **more}


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
    done = subprocess.run(
        [*COMMAND, *map(str, arguments)],
        cwd=cwd,
        env=environment(**(more or {})),
        input=stdin or "",
        capture_output=True,
        text=True,
        timeout=DEADLINE_SECONDS,
        check=False,
    )
    return Ended(done.returncode, done.stdout, done.stderr)


def tree(directory: Path) -> dict[str, bytes]:
    """Return every file below a directory with its bytes, but for ``.dashget``."""
    return dict(_iter_files(directory))


def _iter_files(directory: Path) -> Iterator[tuple[str, bytes]]:
    for path in sorted(directory.rglob("*")):
        name = path.relative_to(directory)
        if path.is_file() and name.parts[0] != ".dashget":
            yield name.as_posix(), path.read_bytes()
