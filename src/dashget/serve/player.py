"""Shaka Player: from the wheel, else from the user's cache, else by npm into that cache."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

import msgspec

from dashget.errors import DashGetError
from dashget.serve.npm import LOCK, PLAYER, PLAYER_FILES, PackageError, fetch_package, pinned

_IN_WHEEL: Final = Path(__file__).parent / PLAYER
_FONT: Final = re.compile(rb"@font-face\s*\{[^}]*\}")
"""A font that the player's style sheet loads from elsewhere; the page has fonts of its own."""


class Player(msgspec.Struct, frozen=True):
    """The files of the player, as they are served."""

    script: bytes
    style: bytes
    licence: bytes


def find_player(told: Callable[[str], object]) -> Player:
    """Return the player; ``told`` gets a sentence before it is fetched.

    Raises DashGetError if it is nowhere, and cannot be fetched.
    """
    folder = _IN_WHEEL if _IN_WHEEL.is_dir() else _cached(told)
    try:
        script, style, licence = ((folder / name).read_bytes() for name in PLAYER_FILES.values())
    except OSError as error:
        raise DashGetError(
            f"the player cannot be read: {error.filename}: {error.strerror}",
            hint="remove that folder; the same command fetches the player again",
        ) from error
    return Player(script, _FONT.sub(b"", style), licence)


def _cached(told: Callable[[str], object]) -> Path:
    version, _ = pinned(LOCK, PLAYER)
    folder = cache_folder() / f"{PLAYER}-{version}"
    if folder.is_dir():
        return folder
    told(f"fetching {PLAYER} {version} with npm into {folder} (once)")
    try:
        fetch_package(LOCK, PLAYER, PLAYER_FILES, folder)
    except PackageError as error:
        raise DashGetError(str(error), hint=error.hint) from error
    except OSError as error:
        raise DashGetError(
            f"the player cannot be stored: {error.filename}: {error.strerror}",
            hint="XDG_CACHE_HOME names another folder for it",
        ) from error
    return folder


def cache_folder() -> Path:
    """Return the folder for what can be fetched again."""
    given = os.environ.get("XDG_CACHE_HOME", "")
    if Path(given).is_absolute():
        return Path(given, "dashget")
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "dashget"
    local = os.environ.get("LOCALAPPDATA", "") if sys.platform == "win32" else ""
    return Path(local, "dashget", "cache") if local else Path.home() / ".cache" / "dashget"
