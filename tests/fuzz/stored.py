"""Targets for what is read back from a mirror: its record, its journal, its remote elements."""

from __future__ import annotations

import atexit
import io
import os
import shutil
import tempfile
import zlib
from collections.abc import Mapping, Sequence
from functools import lru_cache, partial
from pathlib import Path

import msgspec

from dashget.errors import DashGetError
from dashget.planning.layout import is_safe_path
from dashget.store.control import ControlDirectory
from dashget.store.documents import read_remote
from dashget.store.journal import Journal, PartEntry, part_name, read_part_paths
from dashget.store.local import LocalDirectory
from dashget.store.mirror import Mirror
from dashget.store.record import (
    FileRecord,
    Header,
    encode_line,
    parse_record,
    read_first_header,
    read_header,
    read_live_runs,
    read_sizes,
)
from dashget.store.recorded import RecordedFiles
from tests.fuzz.target import SEPARATOR, check_error

_PARTS = {"v/1.m4s": 900, "v/2.m4s": 0, "big.bin": 5000, "a.mp4": 64}
"""Files of which unfinished bytes are there, and how many."""


def run_record(data: bytes) -> None:
    """Read a record in every way; each line that is believed is the same when written again."""

    record = partial(io.BytesIO, data)
    try:
        first, last = read_first_header(record), read_header(record)
        for header in (first, last):
            if header is not None:
                again = read_header(partial(io.BytesIO, encode_line(header)))
                assert again is not None
                assert read_header(partial(io.BytesIO, encode_line(again))) == again
        read_sizes(record)
        for run in read_live_runs(record):
            assert all(map(is_safe_path, run.paths))
        files = RecordedFiles(record)
        files.refresh()
        for found in files:
            assert is_safe_path(found.path)
            # Users and passwords of foreign lines are left out when they are written.
            copy = parse_record(encode_line(found))
            assert copy is not None
            assert parse_record(encode_line(copy)) == copy
            assert files.get(found.path) == found
        files.close()
    except DashGetError as error:
        check_error(error)


def run_journal(data: bytes) -> None:
    """Read a journal whose lines have true checksums and part names; then what it became."""
    control, parts = _control(), _folder() / "j" / ".dashget" / "parts"
    journal = b"\n".join(map(_sealed, data.split(b"\n")))
    _make_only(parts, {**_part_files(), "journal.jsonl": journal})
    try:
        read_part_paths(control)
        first = _points(control)
        assert _points(control) == first
    except DashGetError as error:
        check_error(error)


def run_remote(data: bytes) -> None:
    """Read the index of the remote elements of a manifest, and what it names."""
    mirror, folder = _mirror(), _folder() / "m" / ".dashget" / "remote"
    index, *contents = data.split(SEPARATOR)
    files = {f"{_remote_name(content)}.xml": content for content in contents[:4]}
    _make_only(folder, {"index.jsonl": index, **files})
    try:
        for href, url, content in read_remote(mirror):
            assert content in contents
            assert "\n" not in href + url
    except DashGetError as error:
        check_error(error)


def record_seeds() -> Sequence[bytes]:
    """Return records as runs write them."""
    header = Header(
        *(1, "http://h/a/x.mpd", "http://h/a/x.mpd", "x.mpd", "1.0", "2026-11-28T00:00:00Z"),
        selection={"video": "best", "period": "0-1"},
    )
    live = msgspec.structs.replace(header, now="2026-11-28T00:00:00+00:00", selection={})
    manifest = FileRecord("x.mpd", "http://h/a/x.mpd", 900, sha256="0f" * 32)
    file = FileRecord(
        path="v/1.m4s",
        url="http://h/a/v/1.m4s",
        size=2000,
        final_url="http://g/1",
        etag='"e"',
        last_modified="Mon, 02 Nov 2026 10:00:00 GMT",
        sha256="0f" * 32,
        status=200,
        http="2",
        seconds=0.2,
        cache={"age": "7"},
        kept_headers={"x-a": "b"},
    )
    gone = msgspec.structs.replace(file, removed=True)
    lines = [
        encode_line(entry) for entry in (header, manifest, file, gone, file, live, manifest, file)
    ]
    failed = b'{"failed":"v/2.m4s","url":"http://h/a/v/2.m4s","reason":"HTTP 404"}\n'
    return b"".join(lines[:3]), b"".join(lines), lines[0] + failed + lines[2][:40]


def journal_seeds() -> Sequence[bytes]:
    """Return journals as runs write them, without checksums."""
    encode = msgspec.json.encode
    opened = PartEntry("", "v/1.m4s", "http://h/1", None, '"e"', None, None, 2000, boot="b")
    whole = msgspec.structs.replace(opened, path="v/2.m4s", boot=None)
    big = msgspec.structs.replace(opened, path="big.bin", size=10**4)
    spans = [PartEntry("big.bin", span=span) for span in ((0, 99), (200, 999), (50, 300))]
    lines = [encode(entry) for entry in (opened, whole, big, *spans)]
    return b"\n".join(lines), b"\n".join([*lines[2:], lines[2]]), lines[0]


def remote_seeds() -> Sequence[bytes]:
    """Return an index with two elements, and their content."""
    contents = (b"<Period/>", b"<AdaptationSet/>")
    lines = [
        b'{"href":"a","url":"http://h/a","file":"%s.xml"}' % _remote_name(content).encode()
        for content in contents
    ]
    bad = b'{"href":"a","url":"b","file":"../../../secret"}'
    return (SEPARATOR.join((b"\n".join([*lines, bad]), *contents)),)


RECORD_WORDS = tuple(
    b'{"dashget":1 "path":"a/b" "path":"../a" "path":"/etc/passwd" "path":".dashget/lock" "path":"x.mpd" "url":"u" '
    b'"size":0 "size":-1 "size":1e3 "size":9223372036854775808 "removed":true "manifest":"y.mpd" "manifest":"../y.mpd" '
    b'"selection":{"video":"height<="} "selection":{"period":"9-1"} "now":"2026-01-01" "now":null "name_bytes":140 '
    b'"etag":"a\\r\\nb" "etag":"\\u202e" "sha256":"0" "span":[0,9] "span":[9,0] "span":[0] "part":"v/1.m4s" "crc":0 '
    b'"boot":"b" "validator":"\\"e\\"" "modified":"x" "file":"../../x" "href":"a" \\u0000 \\ud800 [[[[ }}}} , NaN '
    b"null true 1e999 -0".split()
)


def _points(control: ControlDirectory) -> dict[str, object]:
    """Return what a journal confirms of each part, and check it against the file."""
    journal = Journal(control)
    found: dict[str, object] = {}
    for path, size in _PARTS.items():
        found[path] = point = journal.resume_point(part_name(path))
        end = -1
        for span in point.finished if point else ():
            assert span.last is not None
            assert end < span.first <= span.last < size
            end = span.last
    journal.close(sync=False)
    return found


def _sealed(line: bytes) -> bytes:
    """Return a line of a journal with its true name and checksum, if it is one at all."""
    try:
        entry = msgspec.json.decode(line, type=PartEntry)
        entry.part = part_name(entry.path or entry.part)
        entry.crc = None
        entry.crc = zlib.crc32(msgspec.json.encode(entry))
        return msgspec.json.encode(entry)
    except (ValueError, RecursionError):
        return line


def _remote_name(content: bytes) -> str:
    from hashlib import sha256

    return sha256(content).hexdigest()[:32]


@lru_cache(maxsize=1)
def _folder() -> Path:
    """Return a folder in memory, if there is one: the same for all runs of a process."""
    memory = "/dev/shm" if Path("/dev/shm").is_dir() else None
    root = Path(tempfile.mkdtemp(prefix="dashget-fuzz-", dir=memory))
    atexit.register(shutil.rmtree, root, ignore_errors=True)
    for path in ("j/.dashget/parts", "m/.dashget/remote"):
        (root / path).mkdir(parents=True)
    (root / "m" / "secret").write_bytes(b"secret")
    return root


@lru_cache(maxsize=1)
def _control() -> ControlDirectory:
    return ControlDirectory(_folder() / "j" / ".dashget")


@lru_cache(maxsize=1)
def _mirror() -> Mirror:
    return Mirror(LocalDirectory(_folder() / "m"), read_only=True)


@lru_cache(maxsize=1)
def _part_files() -> Mapping[str, bytes]:
    names = (
        part_name(path) + (".ranges" if number % 2 else "") for number, path in enumerate(_PARTS)
    )
    return dict(zip(names, map(bytes, _PARTS.values()), strict=True))


def _make_only(folder: Path, files: Mapping[str, bytes]) -> None:
    """Make the files of a folder, and remove all others; the parts of a run before are as they were."""
    folder.mkdir(exist_ok=True)
    with os.scandir(folder) as found:
        there = {entry.name: entry.stat().st_size for entry in found}
    for name in there.keys() - files.keys():
        os.unlink(folder / name)
    for name, content in files.items():
        if there.get(name) != len(content) or any(content):
            with open(folder / name, "wb") as file:
                file.write(content)
