"""Options of curl, wget, yt-dlp, aria2c, rclone and N_m3u8DL-RE, and what they are called here.

A long option that means the same there and here is accepted under its name there (``SAME``). For
all others a hint says what to use instead (``INSTEAD``): short options mean one thing in one
program and another in the next. ``docs/reference/options.md`` lists both.
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
}

_TOTAL: Final = "a limit on the mirror's size, with what is there already: --max-total-size SIZE"
_RESUMED: Final = "an unfinished download is always resumed: leave it out"
_KEPT: Final = "what is complete is never fetched again: leave it out"
_PARALLEL: Final = "files are always fetched in parallel: leave it out; see --threads"
_REDIRECTS: Final = "redirects are always followed: leave it out; see --max-redirects"
_FILTERS: Final = "select with --video, --audio and --text, such as --video 'height<=720,best'"
_LIST: Final = "use dashget list URL"
_THREADS: Final = "the number of parallel transfers is --threads N"
_DIRECTORY: Final = "the mirror's own directory is --output DIR"
_INPUT: Final = "give several URLs, which are mirrored one after the other: xargs dashget < FILE"
_USER: Final = "give both with --user NAME:PASSWORD"
_RETRIES: Final = "the number of retries, one less than that of tries, is --retries N"
_PROXY: Final = "the proxy is --proxy URL"
_DOWNLOAD_TIMES: Final = "files have the time of the download without --times: leave it out"
_RATE: Final = "bytes per second for all transfers together: --limit-rate 500k"
_VERSION: Final = "choose the version with --http, such as --http 1.1"
_JOIN: Final = "--mux FILE writes one playable file; without it, files stay as the server sent them"
_EVERY: Final = "every file of the presentation is fetched: leave it out"
_PROGRESS: Final = "progress is shown at a terminal: leave it out; see --no-progress"
_PAUSES: Final = "pauses before retries grow, and follow Retry-After: leave it out"
_NAMES: Final = "files are named as in their URLs: leave it out"
_HEADERS: Final = "--debug shows requests, statuses and headers; --keep-header NAME records one"

INSTEAD: Final = {
    "-f": f"in yt-dlp the format: {_FILTERS}; a failure is always an error, as with curl -f",
    "-F": f"{_LIST} (in yt-dlp: list the formats)",
    "-S": f"in yt-dlp the order of formats: {_FILTERS}; in wget the answer's headers: --debug",
    "-j": f"in aria2c: {_THREADS}; in yt-dlp: dashget list URL --json",
    "-s": f"in curl: --quiet; in yt-dlp: --dry-run; in aria2c: {_THREADS}",
    "-x": f"in curl: {_PROXY}; in aria2c connections to one host: --max-per-host N",
    "-n": "in rclone: --dry-run; in curl and yt-dlp: --netrc FILE",
    "-i": f"in wget and aria2c a file of URLs: {_INPUT}",
    "-c": _RESUMED,
    "-C": _RESUMED,
    "-L": _REDIRECTS,
    "-O": _DIRECTORY,
    "-P": _DIRECTORY,
    "-d": f"in aria2c the directory: {_DIRECTORY}; in wget: --debug",
    "-r": f"in yt-dlp: {_RATE}; every file of the presentation is fetched without -r",
    "-R": "in curl and aria2c: --times; in yt-dlp: --retries N",
    "--quota": _TOTAL,
    "--max-transfer": _TOTAL,
    "-m": "in curl the time for all of it: --max-time DURATION",
    "-U": "in wget and aria2c: --user-agent TEXT; in curl the proxy's user: --proxy URL",
    "-b": "in curl: --cookie NAME=VALUE, or --cookies FILE",
    "-E": "in curl: --cert FILE",
    "-p": f"in yt-dlp the password: {_USER}",
    "-I": "dashget plan URL shows what would be requested",
    "-X": "requests are GET and HEAD, and have no body",
    "-V": "use --version",
    "-Z": _PARALLEL,
    "-4": "give a local IPv4 address with --interface",
    "-6": "give a local IPv6 address with --interface",
    "-sv": _FILTERS,
    "-sa": _FILTERS,
    "-ss": _FILTERS,
    "-mt": _PARALLEL,
    "--format": _FILTERS,
    "--format-sort": _FILTERS,
    "--select-video": _FILTERS,
    "--select-audio": _FILTERS,
    "--select-subtitle": _FILTERS,
    "--drop-video": _FILTERS,
    "--drop-audio": _FILTERS,
    "--drop-subtitle": _FILTERS,
    "--auto-select": "use --video best --audio best --text best",
    "--sub-langs": "use --text lang=en",
    "--sub-only": "use --video none --audio none",
    "--write-subs": "subtitles are always fetched: leave it out; see --text",
    "--embed-thumbnail": "--mux FILE --cover thumbnail puts one into the file",
    "--embed-subs": "--mux FILE writes subtitles into the file: leave it out",
    "--list-subs": _LIST,
    "--list-formats": _LIST,
    "--dump-json": "use dashget list URL --json",
    "--dump-single-json": "use dashget list URL --json",
    "--print": "dashget plan URL prints every URL; dashget list URL shows the tracks",
    "--spider": "use --dry-run",
    "--head": "dashget plan URL shows what would be requested",
    "--skip-download": "use --dry-run",
    "--multi-thread-streams": _THREADS,
    "--parallel": _PARALLEL,
    "--concurrent-download": _PARALLEL,
    "--tries": _RETRIES,
    "--max-tries": _RETRIES,
    "--bwlimit": _RATE,
    "--max-download-limit": _RATE,
    "--http-request-timeout": "for a manifest: --document-timeout SECONDS; else see --timeout",
    "--sleep-interval": "ask less often: --threads 1, or --limit-rate",
    "--dir": _DIRECTORY,
    "--save-dir": _DIRECTORY,
    "--paths": _DIRECTORY,
    "--directory-prefix": _DIRECTORY,
    "--output-dir": _DIRECTORY,
    "--output-document": _DIRECTORY,
    "--remote-name": _DIRECTORY,
    "--out": _DIRECTORY,
    "--save-name": _DIRECTORY,
    "--input-file": _INPUT,
    "--batch-file": _INPUT,
    "--url": "write the URL without it",
    "--continue": _RESUMED,
    "--continue-at": _RESUMED,
    "--no-clobber": _KEPT,
    "--no-overwrites": _KEPT,
    "--no-mtime": _DOWNLOAD_TIMES,
    "--no-use-server-timestamps": _DOWNLOAD_TIMES,
    "--timestamping": "use --verify to compare complete files with the server",
    "--check-segments-count": "missing files are always reported: leave it out",
    "--download-archive": "the mirror has a record of its own: leave it out",
    "--checksum": "use --checksums sha256",
    "--location": _REDIRECTS,
    "--fail": "a failure is always an error: leave it out",
    "--show-error": "errors are always shown: leave it out",
    "--compressed": "files are stored as they are, without content coding: leave it out",
    "--username": _USER,
    "--password": _USER,
    "--http-user": _USER,
    "--http-password": _USER,
    "--http-passwd": _USER,
    "--oauth2-bearer": "use -H 'Authorization: Bearer TOKEN'",
    "--netrc-location": "use --netrc FILE",
    "--cookies-from-browser": "export them to a file in Netscape format: --cookies FILE",
    "--cookie-jar": "cookies are not written to a file; see --cookies",
    "--append-url-params": "use --append-query QUERY",
    "--url-query": "use --append-query QUERY",
    "--http-proxy": _PROXY,
    "--https-proxy": _PROXY,
    "--proxy-user": "write them into the URL: --proxy http://NAME:PASSWORD@HOST:PORT",
    "--socks5": "use --proxy socks5://HOST:PORT",
    "--socks5-hostname": "use --proxy socks5h://HOST:PORT",
    "--http1.0": _VERSION,
    "--http1.1": "use --http 1.1",
    "--http2": "use --http 2",
    "--http3": "use --http 3",
    "--disable-http2": "use --http 1.1",
    "--ipv4": "give a local IPv4 address with --interface",
    "--ipv6": "give a local IPv6 address with --interface",
    "--request": "requests are GET and HEAD, and have no body",
    "--data": "requests are GET and HEAD, and have no body",
    "--server-response": _HEADERS,
    "--include": _HEADERS,
    "--dump-header": _HEADERS,
    "--print-traffic": _HEADERS,
    "--log-level": "use --quiet, --verbose or --debug",
    "--merge-output-format": _JOIN,
    "--remux-video": _JOIN,
    "--mux-after-done": _JOIN,
    "--extract-audio": "use --video none --text none",
    "--keep-video": _JOIN,
    "-nc": _KEPT,
    "-nv": "in wget: --quiet",
    "-np": _EVERY,
    "-nd": _NAMES,
    "-nH": _NAMES,
    "-T": "in wget: --timeout SECONDS",
    "-a": f"in yt-dlp a file of URLs: {_INPUT}",
    "-J": "in yt-dlp: dashget list URL --json",
    "-g": "in yt-dlp: dashget plan URL prints every URL",
    "-w": "in wget: ask less often: --threads 1, or --limit-rate",
    "-#": _PROGRESS,
    "--get-url": "dashget plan URL prints every URL",
    "--sub-lang": "use --text lang=en",
    "--write-sub": "subtitles are always fetched: leave it out; see --text",
    "--check-certificate": "certificates are verified without it; --insecure turns that off",
    "--force-ipv4": "give a local IPv4 address with --interface",
    "--force-ipv6": "give a local IPv6 address with --interface",
    "--tmp-dir": "unfinished files stay in the mirror's own directory, see --output",
    "--recursive": _EVERY,
    "--mirror": _EVERY,
    "--no-parent": _EVERY,
    "--page-requisites": _EVERY,
    "--progress-bar": _PROGRESS,
    "--stats": _PROGRESS,
    "--checkers": _THREADS,
    "--dns-timeout": "use --connect-timeout SECONDS",
    "--retry-delay": _PAUSES,
    "--waitretry": _PAUSES,
    "--retry-wait": _PAUSES,
    "--retry-sleep": _PAUSES,
    "--retry-max-time": "for a host that fails for every file: --host-patience SECONDS",
    "--retry-connrefused": "temporary failures are always tried again: leave it out; see --retries",
    "--retry-all-errors": "temporary failures are always tried again: leave it out; see --retries",
    "--min-split-size": _PARALLEL,
    "--create-dirs": "directories are made: leave it out",
    "--content-disposition": _NAMES,
    "--remote-header-name": _NAMES,
    "--binary-merge": _JOIN,
    "--key-text-file": "use --key @FILE with --mux FILE",
}


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
