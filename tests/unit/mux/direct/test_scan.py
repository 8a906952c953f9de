"""The samples of all files of a stretch, and their places."""

from __future__ import annotations

import io

import pytest

from dashget.common.stopping import Stop
from dashget.errors import MirrorIncompleteError
from dashget.mux.contents import Contents, Span
from dashget.mux.direct.scan import scan
from dashget.mux.direct.tables import Table
from dashget.mux.source import JoinedFile
from tests.support.builders import box
from tests.support.fragments import beginning, fragment, header, run, time

HEAD = box("ftyp", b"iso6") + beginning(duration=10, size=4)


def segment(ticks: int, count: int, **fields: int | bool) -> bytes:
    """Return a segment whose media follow its fragment."""
    moof = fragment([header(**fields), time(ticks), run(count, offset=0)])  # type: ignore[arg-type]  # mixed
    at = len(moof) + 8 - (fields.get("base") or 0)
    moof = fragment([header(**fields), time(ticks), run(count, offset=at)])  # type: ignore[arg-type]  # mixed
    return moof + box("mdat", bytes(4 * count))


def scanned(*files: bytes, ticks: int = 1 << 30) -> Table:
    table = found(*files, ticks=ticks)
    assert table is not None
    return table


def found(*files: bytes, ticks: int = 1 << 30) -> Table | None:
    stored = {str(number): data for number, data in enumerate(files)}
    spans = tuple(Span(path, 0, len(data)) for path, data in stored.items())
    contents = Contents(spans, 1, (), beginning_lacks=False, mime_type="video/mp4")
    joined = JoinedFile(lambda path: io.BytesIO(stored[path]), contents)
    return scan(joined, ticks, Stop())


def test_places_are_those_in_the_joined_files() -> None:
    first = segment(0, 5)
    table = scanned(HEAD, first, segment(50, 5))
    assert list(table.positions) == [len(HEAD) + len(first) - 20, len(HEAD) + 2 * len(first) - 20]
    assert list(table.samples()) == [(time, 0, 4) for time in range(0, 100, 10)]
    assert list(table.steps) == [(9, 10)]
    assert (table.size, table.first_time, table.last_time, table.end) == (40, 0, 90, 100)


def test_a_hole_between_two_files_is_a_long_step() -> None:
    assert list(scanned(HEAD, segment(0, 3), segment(500, 3)).steps) == [(2, 10), (1, 480), (2, 10)]


def test_several_fragments_in_one_file_are_read() -> None:
    table = scanned(HEAD, segment(0, 2) + box("emsg", b"x") + segment(20, 2))
    assert list(table.steps) == [(3, 10)]


@pytest.mark.parametrize("joined", [True, False])
def test_offsets_count_from_the_begin_of_the_file_or_of_all_of_them(joined: bool) -> None:
    files = [HEAD]
    for number in range(3):
        begin = sum(map(len, files)) if joined else 0
        plain = segment(30 * number, 3)
        moof = fragment([header(base=1, from_moof=False), time(30 * number), run(3, offset=7)])
        base = begin + len(moof) + 1
        moof = fragment([header(base=base, from_moof=False), time(30 * number), run(3, offset=7)])
        files.append(moof + plain[-20:])
    table = scanned(*files)
    ends = [sum(map(len, files[: number + 2])) for number in range(3)]
    assert list(table.positions) == [end - 12 for end in ends]


def test_long_fragments_are_taken_apart() -> None:
    table = scanned(HEAD, segment(0, 10), ticks=30)
    assert list(table.counts) == [4, 4, 2]
    assert list(table.moments) == [0, 40, 80]
    first = table.positions[0]
    assert list(table.positions) == [first, first + 16, first + 32]


UNKNOWN = {
    "no samples": [],
    "decode times that overlap": [segment(0, 3) + segment(20, 3)],
    "no decode time": [fragment([header(), run(1, offset=8)]) + box("mdat", bytes(4))],
    "media that are elsewhere": [
        fragment([header(), time(0), run(9, offset=0)]) + box("mdat", bytes(4))
    ],
    "a box that belongs elsewhere": [segment(0, 2) + box("meta", b"")],
    "samples that do not last": [
        fragment([header(duration=0), time(0), run(2, offset=88)]) + box("mdat", bytes(20))
    ],
}


@pytest.mark.parametrize("files", UNKNOWN.values(), ids=UNKNOWN.keys())
def test_what_is_not_known_is_left_to_libavformat(files: list[bytes]) -> None:
    assert found(HEAD, *files) is None


def test_a_damaged_file_is_named() -> None:
    with pytest.raises(MirrorIncompleteError, match="1 is damaged"):
        scanned(HEAD, segment(0, 3)[:-4])
