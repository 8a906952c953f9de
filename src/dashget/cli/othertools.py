"""Options of curl, wget, yt-dlp, aria2c, rclone and N_m3u8DL-RE, and what they are called here.

A long option that means the same there and here is accepted under its name there (``SAME``). For
all others a hint says what to use instead (``instead.INSTEAD``): short options mean one thing in
one program and another in the next. ``docs/reference/options.md`` lists both. ``WORDS`` does the
same for commands.
"""

from __future__ import annotations

from collections.abc import Container, Sequence
from typing import Final

SAME: Final = {
    "--no-check-certificate": "--insecure",
    "--no-check-certificates": "--insecure",
    "--silent": "--quiet",
    "--simulate": "--dry-run",
    "--no-progress-meter": "--no-progress",
    "--retry": "--retries",
    "--fragment-retries": "--retries",
    "--download-retry-count": "--retries",
    "--jobs": "--threads",
    "--concurrent-fragments": "--threads",
    "--thread-count": "--threads",
    "--transfers": "--threads",
    "--parallel-max": "--threads",
    "--max-concurrent-downloads": "--threads",
    "--max-connection-per-server": "--max-per-host",
    "--rate-limit": "--limit-rate",
    "--max-speed": "--limit-rate",
    "--max-overall-download-limit": "--limit-rate",
    "--max-redirs": "--max-redirects",
    "--max-redirect": "--max-redirects",
    "--socket-timeout": "--timeout",
    "--read-timeout": "--timeout",
    "--contimeout": "--connect-timeout",
    "--max-duration": "--max-time",
    "--max-filesize": "--max-file-size",
    "--remote-time": "--times",
    "--use-server-timestamps": "--times",
    "--mtime": "--times",
    "--add-header": "--header",
    "--add-headers": "--header",
    "--load-cookies": "--cookies",
    "--netrc-file": "--netrc",
    "--ca-certificate": "--cacert",
    "--ca-cert": "--cacert",
    "--certificate": "--cert",
    "--client-certificate": "--cert",
    "--client-cert": "--cert",
    "--client-certificate-key": "--private-key",
    "--client-key": "--private-key",
    "--all-proxy": "--proxy",
    "--custom-proxy": "--proxy",
    "--noproxy": "--no-proxy",
    "--source-address": "--interface",
    "--bind-address": "--interface",
    "--bind": "--interface",
    "-N": "--threads",
    "--lowest-speed-limit": "--speed-limit",
    "--throttled-rate": "--speed-limit",
    "-Y": "--speed-limit",
    "-y": "--speed-time",
    "--connections": "--threads",
    "--num-connections": "--threads",
    "--concurrency": "--threads",
    "--workers": "--threads",
    "--stream-segment-threads": "--threads",
    "--stream-segment-attempts": "--retries",
    "--low-level-retries": "--retries",
    "--stream-segment-timeout": "--timeout",
    "--agent": "--user-agent",
    "--useragent": "--user-agent",
    "--ua": "--user-agent",
    "--no-verify-ssl": "--insecure",
    "--no-ssl-verify": "--insecure",
    "--http-no-ssl-verify": "--insecure",
    "--no-verbose": "--quiet",
}


_VERIFY: Final = "dashget verify DIR"
WORDS: Final = {
    **dict.fromkeys(("download", "dl", "fetch", "mirror", "save", "grab", "rip"), "dashget URL"),
    **dict.fromkeys(("resume", "continue"), "dashget DIR"),
    **dict.fromkeys(("capture", "live", "rec"), "dashget record URL"),
    **dict.fromkeys(
        ("info", "inspect", "formats", "probe", "streams", "tracks"), "dashget list URL"
    ),
    **dict.fromkeys(("urls", "segments"), "dashget plan URL"),
    **dict.fromkeys(("check", "validate"), _VERIFY),
    **dict.fromkeys(("repair", "fix"), f"{_VERIFY} --repair"),
    **dict.fromkeys(("view", "watch", "open"), "dashget play DIR"),
    **dict.fromkeys(
        ("merge", "join", "concat", "remux", "convert", "export"), "dashget mux DIR FILE"
    ),
    **dict.fromkeys(("history", "versions"), "dashget manifests DIR"),
    "missing": "dashget gaps DIR",
    "version": "dashget --version",
    "examples": "dashget --help",
    "usage": "dashget --help",
}
"""What people type for a command, and what it is called here."""


def translate(words: Sequence[str], known: Container[str]) -> list[str]:
    """Write options of other tools that mean the same as DashGet spells them.

    ``known`` are the options of the command; what comes after ``--`` stays as it is.
    """
    end = words.index("--") if "--" in words else len(words)
    return [*(_translated(word, known) for word in words[:end]), *words[end:]]


def _translated(word: str, known: Container[str]) -> str:
    name, equals, value = word.partition("=")
    if name not in SAME and word[:2] in SAME:
        # A short option with its value in one word.
        name, equals, value = word[:2], "=", word[2:]
    same = SAME.get(name)
    if same is None or name in known or same not in known:
        return word
    return f"{same}{equals}{value}"
