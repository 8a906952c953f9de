"""Tell how to play a mirror: a command that works when it is pasted into a shell."""

from __future__ import annotations

from dashget.cli.streams import legible
from dashget.events import Playback

_ANY_NAME = " --demuxer-lavf-o=allowed_extensions=ALL"


def how_to_play(manifest: str, playback: Playback | None) -> str:
    """Return the last line of a complete run; ``manifest`` is the path of the MPD as received."""
    local = f"{manifest[: -len('.mpd')]}.local.mpd"
    if playback is None or playback is Playback.SERVER:
        return f"playable from any static web server: {shell_word(local)}"
    options = _ANY_NAME if playback is Playback.FILE_OF_ANY_NAME else ""
    return f"playable from any static web server, or here with: {_command(local, options)}"


def _command(path: str, options: str) -> str:
    """Return the command for mpv.

    FFmpeg ends a directory at ``#`` or ``?``, and reads what stands before a colon as a protocol.
    """
    folder, _, name = path.rpartition("/")
    if "#" in folder or "?" in folder:
        return f"cd {shell_word(_plain(folder))} && mpv{options} {shell_word(_plain(name))}"
    return f"mpv{options} {shell_word(_plain(path))}"


def _plain(path: str) -> str:
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
