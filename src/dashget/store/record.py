"""``.dashget/record.jsonl``: one JSON line per fact, only ever appended to.

The first line is the ``Header``; another one follows whenever it changes. Then comes a
``FileRecord`` for each finished file; the last one of a path is valid. At the end of a run comes
a ``FailureRecord`` for each file that is missing. A damaged line costs only itself: its file
counts as unrecorded, and is compared with the server.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Set
from typing import BinaryIO, Final, TypeVar

import msgspec

from dashget.common.compactmap import CompactMap
from dashget.common.url import without_user
from dashget.errors import StoreError
from dashget.planning.layout import is_safe_path
from dashget.store.soundness import (
    LARGEST,
    UNREADABLE,
    is_field,
    is_line,
    is_manifest_name,
    is_name_limit,
    is_selection,
    is_sha256,
    is_size,
)

RECORD_VERSION: Final = 1
_BLOCK: Final = 1 << 20
_LINE_BYTES: Final = 1 << 20
"""A longer line is damaged."""
_DAMAGE_BYTES: Final = 1 << 26
"""A damaged line of more bytes than these ends the reading: it may be without end."""
_HEADER: Final = b'{"dashget"'
"""The beginning of a header's line, as this program writes it."""

_FAILED: Final = b'{"failed"'
"""The beginning of a failure's line."""

UNJUDGED_TIME: Final = "time"
UNJUDGED_END: Final = "end"
"""What may be undecided about a recorded file."""

OpenRecord = Callable[[], BinaryIO | None]
"""Opens a record to read it, seekable; None if there is none."""


class Header(msgspec.Struct, frozen=True, omit_defaults=True):
    """The presentation of a mirror, and the last selection. Written again when it changes."""

    dashget: int
    """The version of the record's form."""
    source: str
    """The URL (or local path) that the user gave, without credentials."""
    url: str
    """The URL that the MPD came from in the end; the base of its relative URLs."""
    manifest: str
    """The MPD's path in the mirror."""
    tool: str = ""
    time: str = ""
    selection: dict[str, str] = {}
    now: str | None = None
    """The wall-clock time that a live presentation was planned for: RFC 3339."""
    name_bytes: int | None = None
    """The longest name in the mirror, if its first place took none of 255 bytes."""
    recording: bool = False
    """True if it is a recording of a live presentation, with the facts of ``live.facts``."""


class FileRecord(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """A finished file, and facts about its transfer."""

    path: str
    url: str
    size: int
    final_url: str | None = None
    """The URL after redirects, if there were any."""
    etag: str | None = None
    last_modified: str | None = None
    sha256: str | None = None
    time: str | None = None
    """When the file was finished: RFC 3339, UTC."""
    status: int | None = None
    http: str | None = None
    attempts: int = 1
    remote: str | None = None
    first_byte_seconds: float | None = None
    seconds: float | None = None
    cache: dict[str, str] = {}
    adopted: bool = False
    """True if the file was found in place, and had the server's size."""
    removed: bool = False
    """True if the file was removed from the mirror; earlier lines of its path are void."""
    odd: bool = False
    """True if it is something else than the manifest means, and was accepted as it is."""
    sampled: bool = False
    """True if it came from an earlier address, and samples of it are the same at this one."""
    kept_headers: dict[str, str] = {}
    """Response headers that were kept by choice, with lower-case names."""
    codings: tuple[str, ...] = ()
    """The content codings that the server sent it in, in the order of their application; the file
    is without them."""
    coded_size: int | None = None
    """Its size on the server, with them."""
    line: int | None = None
    """Of a recording: the line of the segment; see ``dashget.live.facts``."""
    t: int | None = None
    """Its begin on the axis of the line, in ticks."""
    d: int | None = None
    """Its duration in ticks."""
    n: int | None = None
    """Its number."""
    media: bool = False
    """Of a recording: media that only its name tells."""
    scale: int | None = None
    """Of such media: the ticks in a second. Begin and duration are what it says of itself."""
    at: float | None = None
    """Of such media: the server time at which it begins."""
    unjudged: str | None = None
    """What is decided about it when all files have come: ``time``, if it is right beside others, or
    ``end``, if it is all of it. A run that is killed before leaves it to the next one."""
    more: int = 0
    """Of such media in a file that may grow: so many of its bytes came with this line."""


class FailureRecord(msgspec.Struct, frozen=True, omit_defaults=True):
    """A file that a run could not fetch, and why. It says nothing about an earlier complete one."""

    failed: str
    """The file's path; the MPD's if a part of the presentation could not be planned."""
    url: str
    reason: str
    attempts: int = 0
    status: int | None = None
    time: str | None = None
    """When the run ended: RFC 3339, UTC."""
    unplanned: bool = False
    """True for a part of the presentation that could not be planned."""
    absent: bool = False
    """True if nothing is missing: no server has the file, and the manifest may not mean it. Earlier
    lines of its path are void."""


_Entry = TypeVar("_Entry", bound=Header | FileRecord | FailureRecord)


class _Line(msgspec.Struct):
    """The fields of any line that a resume needs; all others are skipped unread."""

    dashget: int | None = None
    path: str | None = None
    url: str | None = None
    size: int | None = None
    removed: bool = False
    unjudged: str | None = None


encode_clean: Final = msgspec.json.Encoder().encode_lines
"""Return the lines of entries whose URLs have no user and no password."""
_decode_line: Final = msgspec.json.Decoder(_Line).decode
_decode_lines: Final = msgspec.json.Decoder(_Line).decode_lines
_decode_record: Final = msgspec.json.Decoder(FileRecord).decode
_decode_failure: Final = msgspec.json.Decoder(FailureRecord).decode


class LiveRun(msgspec.Struct, frozen=True):
    """A run over a live presentation: the time of its plan, and the files that it recorded.

    Runs that planned for the same time from the same MPD count as one.
    """

    header: Header
    manifest_sha256: str | None
    """The checksum of the MPD that it planned from; None if that was not recorded."""
    paths: frozenset[str]


class _Fact(msgspec.Struct):
    """The fields of a line about a file that tell which run wrote it."""

    path: str
    sha256: str | None = None
    removed: bool = False


def encode_line(entry: Header | FileRecord | FailureRecord) -> bytes:
    """Return the line of an entry, with its end: without user and password of its URLs."""
    return encode_clean((without_secrets(entry),))


def without_secrets(entry: _Entry) -> _Entry:
    """Return an entry without user and password of its URLs, as its line has them."""
    final_url = entry.final_url if isinstance(entry, FileRecord) else None
    if "@" not in entry.url and (final_url is None or "@" not in final_url):
        return entry
    changes: dict[str, str] = {"url": without_user(entry.url)}
    if final_url is not None:
        changes["final_url"] = without_user(final_url)
    return msgspec.structs.replace(entry, **changes)


def url_key(url: str) -> int:
    """Return a number for the URL of a file, the same with and without user and password.

    It is this process's own ``hash``.
    """
    return hash(without_user(url) if "@" in url else url)


def read_header(record: OpenRecord, name: str = "the record") -> Header | None:
    """Return the valid header (the last one); None if there is no record.

    Raises StoreError for a record of a newer form than this version knows.
    """
    header: Header | None = None
    for block in _iter_blocks(record):
        for line in _header_lines(block):
            candidate = _header_of(line)
            if candidate is None:
                continue
            if candidate.dashget > RECORD_VERSION:
                raise StoreError(
                    f"{name} has form {candidate.dashget},"
                    " newer than this version of DashGet knows",
                    hint="use the version of DashGet that wrote it, or a newer one",
                )
            header = candidate
    return header


def read_first_header(record: OpenRecord) -> Header | None:
    """Return the header in the first line of a record; None if there is none."""
    return next((_header_of(line) for _, line in _iter_placed_lines(record, 0)), None)


def read_sizes(record: OpenRecord) -> tuple[CompactMap, set[str]]:
    """Return the recorded size of every finished file and the key of its URL, by path.

    And the paths of those whose time was not judged. A file whose end was not is no finished one.
    """
    sizes, unjudged = CompactMap(2), set[str]()
    for block in _iter_blocks(record):
        for entry in _decode_block(block):
            path, size = entry.path, entry.size
            if path is None or not is_safe_path(path):
                continue
            if unjudged and entry.unjudged != UNJUDGED_TIME:
                unjudged.discard(path)
            if entry.removed or entry.unjudged not in (None, UNJUDGED_TIME):
                sizes.discard(path)
            elif size is not None and 0 <= size <= LARGEST:
                sizes[path] = (size, hash(entry.url))
                if entry.unjudged is not None:
                    unjudged.add(path)
    return sizes, unjudged


def read_live_runs(record: OpenRecord) -> tuple[LiveRun, ...]:
    """Return the runs that recorded files of a live presentation, the oldest first."""
    decoder = msgspec.json.Decoder(_Fact)
    header: Header | None = None
    manifest: str | None = None
    runs: list[tuple[Header, str | None, set[str]]] = []
    current: set[str] | None = None
    beginning = b""
    for block in _iter_blocks(record):
        if (
            (header is None or header.now is None)
            and _HEADER not in block
            and not (beginning and beginning in block)
        ):
            # Most records are not of live presentations: skip their blocks unread.
            continue
        for line in _whole_lines(block):
            following = _header_of(line)
            if following is not None:
                header, current = following, None
                # The beginning of its line, as this program writes it.
                beginning = b'{"path":' + msgspec.json.encode(header.manifest)
                continue
            if header is None or (header.now is None and not line.startswith(beginning)):
                continue
            try:
                fact = decoder.decode(line)
            except UNREADABLE:
                continue
            if not (is_safe_path(fact.path) and is_sha256(fact.sha256)):
                continue
            if fact.path == header.manifest:
                manifest, current = fact.sha256, None
            elif header.now is not None and not fact.removed:
                if current is None:
                    current = set()
                    runs.append((header, manifest, current))
                current.add(fact.path)
    return tuple(LiveRun(header, manifest, frozenset(paths)) for header, manifest, paths in runs)


def iter_records(source: OpenRecord, begin: int) -> Iterator[tuple[int, int, FileRecord]]:
    """Yield the file lines from a byte on, in the order written; later ones replace earlier.

    Each with where it begins and ends.
    """
    for start, line in _iter_placed_lines(source, begin):
        record = parse_record(line)
        if record is not None:
            yield start, start + len(line), record


def parse_record(line: bytes) -> FileRecord | None:
    """Parse a line about a file; return None for any other and for an invalid one."""
    try:
        record = _decode_record(line)
    except UNREADABLE:
        return None
    return record if _is_sound(record) else None


def _is_sound(record: FileRecord) -> bool:
    """Return True for a line that this program could have written."""
    return (
        is_safe_path(record.path)
        and 0 <= record.size <= LARGEST
        and is_line(record.url)
        and is_line(record.final_url)
        and is_field(record.etag)
        and is_field(record.last_modified)
        and is_sha256(record.sha256)
        and (record.coded_size is None or is_size(record.coded_size))
        and (not record.codings or all(map(is_field, record.codings)))
    )


def _header_of(line: bytes) -> Header | None:
    """Parse a header line; return None for any other and for an invalid one."""
    if not line.startswith(_HEADER):
        return None
    try:
        header = msgspec.json.decode(line, type=Header)
    except UNREADABLE:
        return None
    if header.dashget > RECORD_VERSION:
        return header
    sound = (
        is_manifest_name(header.manifest)
        and is_line(header.source)
        and is_line(header.url)
        and is_name_limit(header.name_bytes)
        and is_selection(header.selection)
    )
    return header if sound else None


def _header_lines(block: bytes) -> Iterator[bytes]:
    """Yield the lines of a block that begin as that of a header; all others are skipped unread."""
    at = block.find(_HEADER)
    while at >= 0 and (end := block.find(b"\n", at)) >= 0:
        if at == 0 or block[at - 1 : at] == b"\n":
            yield block[at:end]
        at = block.find(_HEADER, end)


def _decode_block(block: bytes) -> list[_Line]:
    """Decode the complete lines of a block, all at once where each is one of ours."""
    block = block[: block.rfind(b"\n") + 1]
    with contextlib.suppress(*UNREADABLE):
        lines = _decode_lines(block)
        if len(lines) == block.count(b"\n"):
            return lines
    # A damaged line costs only itself.
    lines = []
    for line in _whole_lines(block):
        try:
            lines.append(_decode_line(line))
        except UNREADABLE:
            continue
    return lines


def _iter_placed_lines(record: OpenRecord, begin: int) -> Iterator[tuple[int, bytes]]:
    """Yield every complete line from a byte on, with where it begins."""
    file = record()
    if file is None:
        return
    with file:
        file.seek(begin)
        while line := file.readline(_LINE_BYTES):
            if line.endswith(b"\n"):
                yield begin, line
                begin += len(line)
            else:
                begin += len(line) + _pass_over(file)


def _pass_over(file: BinaryIO) -> int:
    """Read the rest of a line that is too long; return its length."""
    passed = 0
    while rest := file.readline(_LINE_BYTES):
        passed += len(rest)
        if rest.endswith(b"\n"):
            break
        if passed > _DAMAGE_BYTES:
            raise StoreError(
                "the record of the mirror is damaged: it has a line without an end",
                hint="move .dashget/record.jsonl away; dashget URL -o DIR compares the files with"
                " the server, and records them again",
            )
    return passed


def read_failures(record: OpenRecord, paths: Set[str]) -> dict[str, FailureRecord]:
    """Return how the last run failed to fetch each of these files, if none found it absent since.

    A file that came later is to be looked up among the finished ones.
    """
    found: dict[str, FailureRecord] = {}
    for block in _iter_blocks(record):
        if _FAILED not in block:
            continue
        for line in _whole_lines(block):
            if not line.startswith(_FAILED):
                continue
            try:
                failure = _decode_failure(line)
            except UNREADABLE:
                continue
            if failure.absent:
                found.pop(failure.failed, None)
            elif failure.failed in paths:
                found[failure.failed] = failure
    return found


def _iter_blocks(record: OpenRecord) -> Iterator[bytes]:
    """Yield the record in blocks of whole lines: many of them can be skipped unread."""
    file = record()
    if file is None:
        return
    with file:
        while block := file.read(_BLOCK):
            if not block.endswith(b"\n"):
                room = _LINE_BYTES - (len(block) - 1 - block.rfind(b"\n"))
                block += (rest := file.readline(room))
                if len(rest) == room and not rest.endswith(b"\n"):
                    _pass_over(file)
            yield block


def _whole_lines(block: bytes) -> list[bytes]:
    """Return the complete lines of a block."""
    return block.split(b"\n")[:-1]
