"""Options of other tools that mean nothing here, or something else, and what to use instead.

``othertools`` has those that are accepted. The keys of the table are names with one answer.
"""

from __future__ import annotations

import re
from collections.abc import Container
from typing import Final

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
_LOG: Final = "use --quiet, --verbose or --debug"
_LOG_FILE: Final = "messages go to standard error: dashget URL 2> FILE"
_JOIN: Final = "--mux FILE writes one playable file; without it, files stay as the server sent them"
_EVERY: Final = "every file of the presentation is fetched: leave it out"
_PROGRESS: Final = "progress is shown at a terminal: leave it out; see --no-progress"
_PAUSES: Final = "pauses before retries grow, and follow Retry-After: leave it out"
_NAMES: Final = "files are named as in their URLs: leave it out"
_TEXTS: Final = "subtitles are always fetched: leave it out; see --text"
_LANGUAGE: Final = "use --audio lang=en, or --text lang=en"
_ANEW: Final = "what is complete is kept; --verify fetches what has changed on the server"
_EACH: Final = "other files are fetched, and each failure is listed: leave it out"
_LESS: Final = "ask less often: --threads 1, or --limit-rate"
_PART: Final = "no part of the time can be chosen, only Periods: --period; live: dashget record URL"
_RECORD: Final = "a live presentation is recorded by dashget record URL, its window included"
_FOR: Final = "a live presentation is recorded for a time by dashget record URL --for 2h"
_NO_FFMPEG: Final = "FFmpeg is not used: leave it out; --mux FILE writes one playable file"
_NOT_ENCODED: Final = "nothing is encoded anew; --mux FILE writes one playable file"
_KEY: Final = "--mux FILE --key KID:KEY decrypts with a key that you have"
_BROWSER: Final = "dashget play DIR shows a mirror in the browser"
_CERTIFICATES: Final = "--insecure turns the check of certificates off"
_NO_CONFIG: Final = (
    "DashGet reads no configuration file: leave it out, or use an alias of the shell"
)
_SHELL: Final = "use the shell: dashget URL && COMMAND"
_INFO: Final = "the mirror has the manifest and a record: leave it out; see dashget list URL --json"
_ADDRESSES: Final = "names of hosts are looked up as the system does it, in /etc/hosts too"
_FRESH: Final = "use -H 'Cache-Control: no-cache'"
_HEADERS: Final = "--debug shows requests, statuses and headers; --keep-header NAME records one"

_ANSWERS: Final = {
    "-f": f"in yt-dlp the format: {_FILTERS}; a failure is always an error, as with curl -f",
    "-F": f"{_LIST} (in yt-dlp: list the formats)",
    "-S": f"in yt-dlp the order of formats: {_FILTERS}; in wget the answer's headers: --debug",
    "-j": f"in aria2c: {_THREADS}; in yt-dlp: dashget list URL --json",
    "-s": f"in curl: --quiet; in yt-dlp: --dry-run; in aria2c: {_THREADS}",
    "-x": f"in curl: {_PROXY}; in aria2c connections to one host: --max-per-host N",
    "-n": "in rclone: --dry-run; in curl and yt-dlp: --netrc FILE",
    "-i": f"in wget and aria2c a file of URLs: {_INPUT}",
    "-c -C --continue --continue-at --resume --always-resume --part": _RESUMED,
    "-L --location": _REDIRECTS,
    "-O -P --dir --save-dir --paths --directory-prefix --output-dir --output-document "
    "--remote-name --out --save-name --directory --folder --dest --destination "
    "--target": _DIRECTORY,
    "-d": f"in aria2c the directory: {_DIRECTORY}; in wget: --debug",
    "-r": f"in yt-dlp: {_RATE}; every file of the presentation is fetched without -r",
    "-R": "in curl and aria2c: --times; in yt-dlp: --retries N",
    "--quota --max-transfer -Q": _TOTAL,
    "-m": "in curl the time for all of it: --max-time DURATION",
    "-U": "in wget and aria2c: --user-agent TEXT; in curl the proxy's user: --proxy URL",
    "-b": "in curl: --cookie NAME=VALUE, or --cookies FILE",
    "-E": "in curl: --cert FILE",
    "-p": f"in yt-dlp the password: {_USER}",
    "-I --head": "dashget plan URL shows what would be requested",
    "-X --request --data": "requests are GET and HEAD, and have no body",
    "-V": "use --version",
    "-Z -mt --parallel --concurrent-download --min-split-size --http-chunk-size "
    "--multi-thread-cutoff --parallel-immediate": _PARALLEL,
    "-4 --ipv4 --force-ipv4": "give a local IPv4 address with --interface",
    "-6 --ipv6 --force-ipv6": "give a local IPv6 address with --interface",
    "-sv -sa -ss --format --format-sort --select-video --select-audio --select-"
    "subtitle --drop-video --drop-audio --drop-subtitle --quality --resolution "
    "--height --bitrate --best --worst --select --match-filter --default-stream "
    "--filter --include-track -dv -da -ds": _FILTERS,
    "--auto-select": "use --video best --audio best --text best",
    "--sub-langs --sub-lang": "use --text lang=en",
    "--sub-only": "use --video none --audio none",
    "--write-subs --write-sub --write-auto-subs --all-subs": _TEXTS,
    "--embed-thumbnail": "--mux FILE --cover thumbnail puts one into the file",
    "--embed-subs": "--mux FILE writes subtitles into the file: leave it out",
    "--list-subs --list-formats --list-thumbnails --list --info --streams --tracks "
    "--list-only": _LIST,
    "--dump-json --dump-single-json": "use dashget list URL --json",
    "--print": "dashget plan URL prints every URL; dashget list URL shows the tracks",
    "--spider --skip-download": "use --dry-run",
    "--multi-thread-streams --checkers": _THREADS,
    "--tries --max-tries --retry-max": _RETRIES,
    "--bwlimit --max-download-limit --speed --bandwidth": _RATE,
    "--http-request-timeout": "for a manifest: --document-timeout SECONDS; else see --timeout",
    "--sleep-interval --sleep --delay --sleep-requests --max-sleep-interval --random-"
    "wait --rate --tpslimit": _LESS,
    "--input-file --batch-file": _INPUT,
    "--url --manifest --mpd --input": "write the URL without it",
    "--no-clobber --no-overwrites -nc --ignore-existing --skip-existing": _KEPT,
    "--no-mtime --no-use-server-timestamps": _DOWNLOAD_TIMES,
    "--timestamping --time-cond --etag-compare --ignore-times --refresh": (
        "use --verify to compare complete files with the server"
    ),
    "--check-segments-count": "missing files are always reported: leave it out",
    "--download-archive": "the mirror has a record of its own: leave it out",
    "--checksum": "use --checksums sha256",
    "--fail": "a failure is always an error: leave it out",
    "--show-error": "errors are always shown: leave it out",
    "--compressed --compression --http-accept-gzip": (
        "files are stored as they are, without content coding: leave it out"
    ),
    "--username --password --http-user --http-password --http-passwd --auth --http-auth": _USER,
    "--oauth2-bearer --bearer": "use -H 'Authorization: Bearer TOKEN'",
    "--netrc-location": "use --netrc FILE",
    "--cookies-from-browser": "export them to a file in Netscape format: --cookies FILE",
    "--cookie-jar --save-cookies --keep-session-cookies": (
        "cookies are not written to a file; see --cookies"
    ),
    "--append-url-params --url-query --query --params": "use --append-query QUERY",
    "--http-proxy --https-proxy": _PROXY,
    "--proxy-user --proxy-password --http-proxy-user --http-proxy-passwd": (
        "write them into the URL: --proxy http://NAME:PASSWORD@HOST:PORT"
    ),
    "--socks5": "use --proxy socks5://HOST:PORT",
    "--socks5-hostname": "use --proxy socks5h://HOST:PORT",
    "--http1.0": _VERSION,
    "--http1.1 --disable-http2": "use --http 1.1",
    "--http2 --http2-prior-knowledge --http2-only": "use --http 2",
    "--http3 --http3-only": "use --http 3",
    "--server-response --include --dump-header --print-traffic --save-headers "
    "--headers-only -D": _HEADERS,
    "--merge-output-format --remux-video --mux-after-done --keep-video --binary-merge "
    "--merge --join --concat --remux --mp4 --mkv --skip-merge --keep-fragments --no-"
    "keep-video --del-after-done": _JOIN,
    "--extract-audio --audio-only": "use --video none --text none",
    "-nv": "in wget: --quiet",
    "-np --recursive --mirror --no-parent --page-requisites --level --span-hosts "
    "--min-size --min-filesize": _EVERY,
    "-nd -nH --content-disposition --remote-header-name --restrict-filenames "
    "--windows-filenames --restrict-file-names --no-directories --no-host-directories "
    "--cut-dirs --adjust-extension --trust-server-names": _NAMES,
    "-T": "in wget: --timeout SECONDS",
    "-a": f"in yt-dlp a file of URLs: {_INPUT}",
    "-J": "in yt-dlp: dashget list URL --json",
    "-g": "in yt-dlp: dashget plan URL prints every URL",
    "-w": "in wget: ask less often: --threads 1, or --limit-rate",
    "-# --progress-bar --stats --progress --show-progress": _PROGRESS,
    "--get-url --stream-url --urls": "dashget plan URL prints every URL",
    "--check-certificate": "certificates are verified without it; --insecure turns that off",
    "--tmp-dir --temp --tmp": "unfinished files stay in the mirror's own directory, see --output",
    "--dns-timeout": "use --connect-timeout SECONDS",
    "--retry-delay --waitretry --retry-wait --retry-sleep --retries-sleep --backoff": _PAUSES,
    "--retry-max-time": "for a host that fails for every file: --host-patience SECONDS",
    "--retry-connrefused --retry-all-errors --retry-on-http-error": (
        "temporary failures are always tried again: leave it out; see --retries"
    ),
    "--create-dirs": "directories are made: leave it out",
    "--key-text-file": "use --key @FILE with --mux FILE",
    "--log-level --loglevel --console-log-level --no-warnings": _LOG,
    "--log --log-file --log-file-path --output-file --append-output --stderr": _LOG_FILE,
    "--no-color --color --no-ansi-color": (
        "set NO_COLOR=1 in the environment: no colours are shown then"
    ),
    "--sub-format --convert-subs": "--mux FILE --subtitles files=vtt writes them beside the file",
    "--no-subs --no-subtitles": "use --text none",
    "--no-audio": "use --audio none",
    "--no-video": "use --video none",
    "--video-only": "use --audio none --text none",
    "--lang --langs --language --languages --subs": _LANGUAGE,
    "--write-thumbnail --write-all-thumbnails": (
        "thumbnails are always fetched: leave it out; see --image"
    ),
    "--write-info-json --write-meta-json --write-description": _INFO,
    "--ignore-errors --no-abort-on-error --abort-on-error --skip-unavailable-"
    "fragments --abort-on-unavailable-fragments --fail-with-body": _EACH,
    "--force --force-overwrites --allow-overwrite --no-resume --no-continue": _ANEW,
    "--check-integrity --hash --sha256 --md5": (
        "dashget verify DIR checks a mirror; --checksums sha256 records checksums"
    ),
    "--download-sections --custom-range --start --end --start-time --end-time": _PART,
    "--record --live --live-from-start --live-real-time-merge --hls-live-restart": _RECORD,
    "--duration --live-record-limit --hls-duration": _FOR,
    "--no-live-from-start --hls-live-edge": "use dashget record URL --from now",
    "--wait-for-video": "use dashget record URL --wait",
    "--live-perform-as-vod": "dashget URL takes what a live presentation has now: leave it out",
    "--playlist-items --no-playlist --yes-playlist": "--period takes some of several Periods",
    "--split-chapters": "--mux FILE --split writes one file for each Period",
    "--stdout": "a mirror is a directory: --output DIR; --mux FILE writes one file",
    "--recode-video --audio-format --audio-quality": _NOT_ENCODED,
    "--embed-metadata": (
        "--mux FILE writes what the manifest says of it into the file: leave it out"
    ),
    "--ffmpeg-location --ffmpeg-binary-path --use-ffmpeg-concat-demuxer": _NO_FFMPEG,
    "--downloader --external-downloader": "files are fetched by DashGet itself: leave it out",
    "--decrypt --decryption-engine --decryption-binary-path --use-shaka-packager "
    "--mp4-real-time-decryption --allow-unplayable-formats": _KEY,
    "--play --player --open": _BROWSER,
    "--serve": "dashget serve DIR serves mirrors to players",
    "--max-size": "no file that has more bytes: --max-file-size SIZE",
    "--ask-password --use-askpass": "leave the password out, and it is asked for: --user NAME",
    "--token": "in the URL: --append-query token=TOKEN; else -H 'Authorization: Bearer TOKEN'",
    "--http-header --http-headers --header-download": "use -H 'Name: value'",
    "--http-cookie": "use --cookie NAME=VALUE",
    "--no-cookies --no-sessionid": (
        "cookies of servers are kept for one run only: leave it out; see --cookies"
    ),
    "--no-netrc": "no netrc file is read without --netrc FILE: leave it out",
    "--location-trusted": "use --send-credentials-to HOST",
    "--no-verify --skip-verify --ssl-no-verify": _CERTIFICATES,
    "--capath --ca-directory": "use --cacert FILE",
    "--resolve --connect-to --dns-servers --doh-url": _ADDRESSES,
    "--socks4": "use --proxy socks4://HOST:PORT",
    "--preproxy --use-system-proxy": "use --proxy URL; by default it is taken from the environment",
    "--no-cache --http-no-cache": _FRESH,
    "--impersonate": "use --user-agent TEXT, and -H for other headers of a browser",
    "--trace --trace-ascii": "use --debug",
    "--write-out": "use --json",
    "--config --config-location --no-config --conf-path --no-conf -K": _NO_CONFIG,
    "--exec --execute --on-download-complete": _SHELL,
    "--background --daemon": "use the shell: nohup dashget URL &",
    "-B": "in wget the URL of a saved manifest: --base-url URL",
}
INSTEAD: Final = {name: answer for names, answer in _ANSWERS.items() for name in names.split()}
"""The answer to each option."""

_OF_A_FILE: Final = (
    *("--force", "--force-overwrites", "--allow-overwrite", "--replace", "--clobber"),
    *("--yes", "-y", "-f"),
)
"""What people type to have a file replaced."""


def answer_for(option: str, known: Container[str]) -> str | None:
    """Return what to use instead of an option in a command that has the options ``known``.

    An answer that names options of ``dashget URL`` alone says so.
    """
    if option in _OF_A_FILE and "--overwrite" in known and "--retries" not in known:
        return "use --overwrite"
    answer = INSTEAD.get(option)
    if answer is None or "dashget " in answer:
        return answer
    named = re.findall(r"(?<![\w-])--[a-z-]+", answer)
    return answer if all(name in known for name in named) else f"with dashget URL: {answer}"
