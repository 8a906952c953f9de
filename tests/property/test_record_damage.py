"""Damage to the record and the journals: never a crash, never a wrong mirror.

A mirror is made once and copied for each example; one of its files is cut short, has one
byte changed, or gets a stretch of rubbish. The next run may refuse the directory with a
StoreError that says why. Otherwise it ends complete with the origin's bytes, and what was
finished is not fetched again.
"""

from __future__ import annotations

import contextlib
import random
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

import dashget
from dashget.common.byterange import ByteRange
from dashget.store import Mirror
from dashget.transfer.contract import ResponseHead
from tests.support.faultserver import Answer, FaultServer, refuse
from tests.support.program import tree

MODIFIED = "Mon, 02 Nov 2026 10:00:00 GMT"
BIG = 64 * 1024
RECORD = ".dashget/record.jsonl"
JOURNAL = ".dashget/parts/journal.jsonl"
FILES = {
    **{f"v/{number}.m4s": random.Random(number).randbytes(2000) for number in (1, 2, 3, 4)},
    "big.bin": random.Random(9).randbytes(BIG),
}
MANIFEST = (
    '<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" profiles="p" '
    'minBufferTime="PT1S" mediaPresentationDuration="PT8S"><Period>'
    '<AdaptationSet contentType="application" mimeType="application/x-filler"><SegmentTemplate duration="2" endNumber="4" '
    'media="v/$Number$.m4s"/><Representation id="v" bandwidth="8000"/></AdaptationSet>'
    '<AdaptationSet contentType="text" mimeType="application/octet-stream">'
    '<Representation id="t" bandwidth="8000"><BaseURL>big.bin</BaseURL></Representation>'
    "</AdaptationSet></Period></MPD>"
)

Damage = Callable[[bytes], bytes]


class Cut(NamedTuple):
    """Truncate the file; ``place`` is the share of it that is kept, from 0 to 1."""

    place: float

    def __call__(self, data: bytes) -> bytes:
        return data[: int(self.place * len(data))]


class Flip(NamedTuple):
    """Change bits of one byte."""

    place: float
    mask: int

    def __call__(self, data: bytes) -> bytes:
        at = min(int(self.place * len(data)), len(data) - 1)
        return data[:at] + bytes([data[at] ^ self.mask]) + data[at + 1 :]


class Scrawl(NamedTuple):
    """Overwrite a place with random bytes."""

    place: float
    rubbish: bytes

    def __call__(self, data: bytes) -> bytes:
        at = int(self.place * len(data))
        return data[:at] + self.rubbish + data[at + len(self.rubbish) :]


PLACES = st.floats(0, 1)
DAMAGES = st.one_of(
    st.builds(Flip, PLACES, st.integers(1, 255)),
    st.builds(Cut, PLACES),
    st.builds(Scrawl, PLACES, st.binary(min_size=1, max_size=60)),
)


@pytest.fixture(scope="module")
def server() -> Iterator[FaultServer]:
    with FaultServer() as running:
        running.on("/show/x.mpd", Answer(MANIFEST.encode()))
        for name in FILES:
            publish(running, name)
        yield running


def publish(server: FaultServer, name: str) -> None:
    etag = f'"{name}"'
    server.on(f"/show/{name}", Answer(FILES[name], etag=etag, last_modified=MODIFIED))


@pytest.fixture(scope="module")
def complete(server: FaultServer, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A complete mirror."""
    root = tmp_path_factory.mktemp("complete")
    assert mirror(server, root).complete
    return root


@pytest.fixture(scope="module")
def unfinished(server: FaultServer, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A mirror with an interrupted file, and one fetched in parallel ranges that has holes."""
    root = tmp_path_factory.mktemp("unfinished")
    for name in ("v/2.m4s", "v/3.m4s", "big.bin"):
        server.on(f"/show/{name}", refuse(404))
    assert len(mirror(server, root).failures) == 3
    with Mirror.at(root) as store:
        header = store.header()
        assert header is not None
        store.claim(header)
        begin_part(server, store, "v/2.m4s", (0, 700))
        begin_part(server, store, "big.bin", (0, 16384), (20000, 32768), (50000, 60000))
    for name in FILES:
        publish(server, name)
    return root


def begin_part(server: FaultServer, store: Mirror, name: str, *spans: tuple[int, int]) -> None:
    """Leave the part of an interrupted transfer; several spans were received in parallel."""
    data, part = FILES[name], store.part(name, server.url(f"/show/{name}"))
    part.begin(head_of(name), 0)
    if len(spans) > 1:
        part.scatter()
    for first, end in spans:
        part.write(data[first:end], first)
        if len(spans) > 1:
            part.written(ByteRange(first, end - 1))
    part.close()


def head_of(name: str) -> ResponseHead:
    etag = f'"{name}"'
    return ResponseHead(
        url="", status=206, http_version="1.1", size=len(FILES[name]), etag=etag,
        last_modified=MODIFIED, content_type=None, validator=etag, cache=(), digests=(),
    )  # fmt: skip


def mirror(server: FaultServer, root: Path) -> dashget.Summary:
    transfer = dashget.TransferOptions(
        retries=1, backoff_seconds=0.001, range_threshold=16384, range_size=8192
    )
    return dashget.mirror(server.url("/show/x.mpd"), root=root, transfer=transfer)


def mirror_damaged(
    server: FaultServer, pristine: Path, name: str, damage: Damage
) -> dashget.Summary | None:
    """Damage a copy of a mirror and mirror again; return None if the directory was refused."""
    server.seen.clear()
    with tempfile.TemporaryDirectory() as directory:
        root = Path(shutil.copytree(pristine, Path(directory) / "m"))
        damaged = root / name
        damaged.write_bytes(damage(damaged.read_bytes()))
        try:
            summary = mirror(server, root)
        except dashget.StoreError as error:
            return refused(error)
        held = tree(root)
        assert held.pop("x.mpd") == MANIFEST.encode()
        held.pop("x.local.mpd")
        wrong = [path for path, data in held.items() if FILES.get(path) != data]
        assert wrong == []
        assert summary.complete
        assert held.keys() == FILES.keys()
        return summary


def refused(error: dashget.StoreError) -> None:
    """Check that a refusal has a message and a hint."""
    assert error.message
    assert error.hint


@pytest.mark.slow
@given(DAMAGES)
def test_a_damaged_record_costs_head_requests_but_no_downloads(
    server: FaultServer, complete: Path, damage: Damage
) -> None:
    summary = mirror_damaged(server, complete, RECORD, damage)
    assert {s.path for s in server.seen if s.method == "GET"} == {"/show/x.mpd"}
    if summary is not None:
        assert summary.outcomes.keys() <= {dashget.Outcome.PRESENT, dashget.Outcome.ADOPTED}


def test_a_file_whose_record_line_is_lost_is_adopted_with_one_request(
    server: FaultServer, complete: Path
) -> None:
    def lose(data: bytes) -> bytes:
        lines = data.splitlines(keepends=True)
        return b"".join(line for line in lines if b'"v/2.m4s"' not in line)

    summary = mirror_damaged(server, complete, RECORD, lose)
    assert summary is not None
    assert summary.outcomes == {dashget.Outcome.PRESENT: 4, dashget.Outcome.ADOPTED: 1}
    asked = [(seen.method, seen.path) for seen in server.seen]
    assert asked == [("GET", "/show/x.mpd"), ("HEAD", "/show/v/2.m4s")]


def test_a_record_of_a_later_form_is_refused_politely(server: FaultServer, complete: Path) -> None:
    newer: Damage = lambda data: data.replace(b'"dashget":1', b'"dashget":7', 1)  # noqa: E731
    assert mirror_damaged(server, complete, RECORD, newer) is None


def test_an_undamaged_journal_saves_all_received_bytes(
    server: FaultServer, unfinished: Path
) -> None:
    summary = mirror_damaged(server, unfinished, JOURNAL, bytes)
    assert summary is not None
    assert summary.outcomes[dashget.Outcome.RESUMED] == 2
    missing = 2000 + 1300 + BIG - 16384 - 12768 - 10000
    assert summary.transferred == missing


def test_damaged_lines_of_the_journal_lose_only_their_ranges(
    server: FaultServer, unfinished: Path
) -> None:
    # Each range has two lines: one when written, one when synced at the end of the run.
    garble: Damage = lambda data: data.replace(b'"span":[20000,', b'"span:[20000,')  # noqa: E731
    summary = mirror_damaged(server, unfinished, JOURNAL, garble)
    assert summary is not None
    assert summary.transferred == 2000 + 1300 + BIG - 16384 - 10000


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"span":[20000,32767]', b'"span":[20000,42767]'),
        (b'"scattered":true', b'"scattered:true'),
    ],
)
def test_a_hole_in_a_part_is_never_used_as_data(
    server: FaultServer, unfinished: Path, old: bytes, new: bytes
) -> None:
    mirror_damaged(server, unfinished, JOURNAL, lambda data: data.replace(old, new, 1))


def test_a_part_whose_ranges_are_lost_from_the_journal_is_not_complete(
    server: FaultServer, unfinished: Path
) -> None:
    def cut(data: bytes) -> bytes:
        return data[: data.index(b'{"part"', data.index(b"big.bin"))]

    mirror_damaged(server, unfinished, JOURNAL, cut)


@pytest.mark.slow
@given(DAMAGES)
def test_a_damaged_journal_never_makes_a_wrong_file(
    server: FaultServer, unfinished: Path, damage: Damage
) -> None:
    mirror_damaged(server, unfinished, JOURNAL, damage)


@pytest.mark.slow
@given(DAMAGES)
def test_a_damaged_record_of_an_unfinished_mirror_never_makes_a_wrong_file(
    server: FaultServer, unfinished: Path, damage: Damage
) -> None:
    mirror_damaged(server, unfinished, RECORD, damage)


def damaged_copy(pristine: Path, directory: str, damage: Damage) -> Path:
    root = Path(shutil.copytree(pristine, Path(directory) / "m"))
    (root / RECORD).write_bytes(damage((root / RECORD).read_bytes()))
    return root


@pytest.mark.slow
@given(DAMAGES)
def test_verify_reads_a_damaged_record_and_prunes_no_planned_file(
    server: FaultServer, complete: Path, damage: Damage
) -> None:
    with tempfile.TemporaryDirectory() as directory:
        root = damaged_copy(complete, directory, damage)
        with contextlib.suppress(dashget.DashGetError):
            dashget.verify(root, dashget.VerifyOptions(prune=True))
        assert {name: data for name, data in tree(root).items() if name in FILES} == FILES
        assert list(Path(directory).iterdir()) == [root]


@pytest.mark.parametrize(
    "path", ["../victim", "v/../../victim", "{directory}/victim", "", "v", "a\0b"]
)
def test_a_path_of_the_record_that_leaves_the_mirror_is_never_followed(
    complete: Path, tmp_path: Path, path: str
) -> None:
    path = path.format(directory=tmp_path)
    line = msgspec.json.encode({"path": path, "url": "http://h/x", "size": 6}) + b"\n"
    root = damaged_copy(complete, str(tmp_path), lambda data: data + line)
    (tmp_path / "victim").write_bytes(b"victim")
    dashget.verify(root, dashget.VerifyOptions(prune=True))
    assert (tmp_path / "victim").read_bytes() == b"victim"
    assert tree(root).keys() >= FILES.keys()
    removed = (root / RECORD).read_bytes().splitlines()[-1]
    assert b'"removed":true' not in removed


def test_a_manifest_path_of_the_record_that_leaves_the_mirror_is_never_followed(
    server: FaultServer, complete: Path, tmp_path: Path
) -> None:
    def redirect(data: bytes) -> bytes:
        return data.replace(b'"manifest":"x.mpd"', b'"manifest":"../victim"', 1)

    root = damaged_copy(complete, str(tmp_path), redirect)
    (tmp_path / "victim").write_bytes(b"victim")
    with contextlib.suppress(dashget.DashGetError):
        dashget.verify(root, dashget.VerifyOptions(repair=True))
    assert (tmp_path / "victim").read_bytes() == b"victim"
