"""Get files of an npm package, pinned by version and integrity, with the ordinary npm client.

The lock is an ordinary ``package-lock.json`` that names no host: npm takes the registry that it
is set up for. Nothing of the package is run. Uses the standard library only, since the build of
the wheel runs it, too.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final

PLAYER: Final = "shaka-player"
PLAYER_FILES: Final = {
    "dist/shaka-player.ui.js": "shaka-player.ui.js",
    "dist/controls.css": "controls.css",
    "LICENSE": "LICENSE",
}
"""The files of the player's package that are used, with their names here."""
LOCK: Final = Path(__file__).parent / "locked" / "package-lock.json"
_DEADLINE_SECONDS: Final = 300
_MOST_BYTES: Final = 1 << 25
"""The largest file that is taken out of a package."""
_SHOWN: Final = 200


class PackageError(Exception):
    """The package could not be had: a sentence, and a hint."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.hint = hint


def pinned(lock: Path, name: str) -> tuple[str, str]:
    """Return the version of a package in a lock, and its integrity."""
    entry = json.loads(lock.read_bytes())["packages"][f"node_modules/{name}"]
    return entry["version"], entry["integrity"]


def fetch_package(lock: Path, name: str, wanted: Mapping[str, str], folder: Path) -> None:
    """Write files of a package into a new folder, or raise PackageError or OSError.

    ``wanted`` has the name in the folder for each path in the package. The folder appears with
    all of its files, or not at all; one that another process has made meanwhile is left.
    """
    version, integrity = pinned(lock, name)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".npm-") as working:
        archive = _pack(f"{name}@{version}", Path(working))
        _check(archive, integrity, f"{name} {version}")
        made = Path(working, "made")
        made.mkdir()
        _extract(archive, wanted, made)
        try:
            made.rename(folder)
        except OSError:
            if not folder.is_dir():
                raise


def _pack(package: str, working: Path) -> Path:
    """Have npm fetch the archive of a package."""
    npm = shutil.which("npm")
    if npm is None or not Path(npm).is_absolute():
        # One of the current directory may be anybody's.
        raise PackageError(
            f"{package} comes by npm, which is not here",
            "install npm (on Debian and Ubuntu: apt install npm), and run the same command again",
        )
    command = [npm, "pack", package, "--ignore-scripts", "--no-update-notifier", "--silent"]
    try:
        done = subprocess.run(
            command,
            cwd=working,
            env={**os.environ, "npm_config_loglevel": "error"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_DEADLINE_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise PackageError(f"npm did not fetch {package} within five minutes", _AGAIN) from error
    archives = list(working.glob("*.tgz"))
    if done.returncode != 0 or len(archives) != 1:
        raise PackageError(f"npm could not fetch {package}: {_reason(done)}", _AGAIN)
    return archives[0]


_AGAIN: Final = "check the network and npm's settings; the same command tries again"


def _reason(done: subprocess.CompletedProcess[str]) -> str:
    lines = [line.strip() for line in done.stderr.splitlines() if line.strip()]
    said = next((line for line in lines if "network" in line or "code" in line), "")
    words = "".join(filter(str.isprintable, said or (lines or [""])[-1]))[:_SHOWN]
    return words or f"exit code {done.returncode}"


def _check(archive: Path, integrity: str, what: str) -> None:
    """Compare an archive with the integrity of the lock (Subresource Integrity, SHA-512)."""
    algorithm, _, expected = integrity.partition("-")
    with archive.open("rb") as file:
        digest = hashlib.file_digest(file, algorithm).digest()
    if base64.b64encode(digest).decode() != expected:
        raise PackageError(
            f"{what} from npm is not the pinned package (other checksum)",
            "the registry, or a proxy, has changed it; nothing of it is used",
        )


def _extract(archive: Path, wanted: Mapping[str, str], made: Path) -> None:
    with tarfile.open(archive) as package:
        for path, name in wanted.items():
            try:
                member = package.getmember(f"package/{path}")
            except KeyError:
                member = None
            data = None
            if member is not None and member.isreg() and member.size <= _MOST_BYTES:
                file = package.extractfile(member)
                data = None if file is None else file.read()
            if data is None:
                raise PackageError(f"the package lacks {path}", "this is a bug in DashGet")
            (made / name).write_bytes(data)
