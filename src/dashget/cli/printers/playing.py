"""Tell how to play a mirror: a command that works when it is pasted into a shell."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from dashget.cli.streams import legible
from dashget.events import Playback

_NAME = "dashget"
_ANY_NAME = " --demuxer-lavf-o=allowed_extensions=ALL"


def how_to_play(manifest: str, playback: Playback) -> str:
    """Return the last line of a complete run; ``manifest`` is the path of the MPD as received."""
    folder = manifest.rpartition("/")[0] or ("/" if manifest.startswith("/") else ".")
    words = (*program_words(), "play", plain_path(folder))
    page = f"play it with: {' '.join(map(shell_word, words))}"
    if playback is Playback.SERVER:
        return page
    local = f"{manifest[: -len('.mpd')]}.local.mpd"
    options = _ANY_NAME if playback is Playback.FILE_OF_ANY_NAME else ""
    return f"{page}, or with: {_command(local, options)}"


def program_words() -> tuple[str, ...]:
    """Return the words that start the program from here in the way that has started it now."""
    path = sys.argv[0]
    if path.endswith("__main__.py"):
        return Path(sys.executable).name, "-m", "dashget"
    if Path(path).name != _NAME or not Path(path).exists():
        return (_NAME,)
    places = (Path(folder, _NAME) for folder in os.get_exec_path())
    found = next((place for place in places if os.access(place, os.X_OK)), None)
    if found is not None and found.samefile(path):
        return (_NAME,)
    near = os.path.relpath(path)
    return (path if near.startswith(os.pardir) else f"{os.curdir}{os.sep}{near}",)


def _command(path: str, options: str) -> str:
    """Return the command for mpv.

    FFmpeg ends a directory at ``#`` or ``?``, and reads what stands before a colon as a protocol.
    """
    folder, _, name = path.rpartition("/")
    if "#" in folder or "?" in folder:
        return f"cd {shell_word(plain_path(folder))} && mpv{options} {shell_word(plain_path(name))}"
    return f"mpv{options} {shell_word(plain_path(path))}"


def plain_path(path: str) -> str:
    """Return a path that no program takes for an option or a URL."""
    return f"./{path}" if path.startswith("-") or ":" in path.partition("/")[0] else path


def shell_word(text: str) -> str:
    """Quote a text for the shell; what must not reach a terminal, or it lacks, is escaped."""
    if legible(text) == text:
        import shlex

        return shlex.quote(text)
    return f"$'{''.join(_escaped(char) for char in text)}'"


def _escaped(char: str) -> str:
    if char in "\\'":
        return f"\\{char}"
    if legible(char) == char:
        return char
    return "".join(f"\\x{byte:02x}" for byte in char.encode("utf-8", "surrogateescape"))
