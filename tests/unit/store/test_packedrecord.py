"""A record whose beginning is compressed: readers see one record, whatever happened on the way."""

from __future__ import annotations

import contextlib
import gzip
import os
import random
import struct
import tempfile
import zlib
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashget.errors import StoreError
from dashget.store import packedrecord
from dashget.store.control import PACKED, RECORD, ControlDirectory
from dashget.store.directory import Directory
from dashget.store.recordfile import RecordFile

BLOCK = 1 << 17


def control(tmp_path: Path) -> Path:
    path = tmp_path / "m/.dashget"
    path.mkdir(parents=True)
    return path


def lines(first: int, count: int) -> bytes:
    """Return lines like those of a recording."""
    rows = (
        f'{{"path":"t0/{n}.m4s","url":"http://h/t0/{n}.m4s","size":{n * 7919 % 90001},"line":1,'
        f'"t":{n * 180000},"d":180000,"n":{n}}}\n'
        for n in range(first, first + count)
    )
    return "".join(rows).encode()


def content(record: RecordFile) -> bytes:
    file = record.open()
    assert file is not None
    with file:
        return file.read()


def pack(record: RecordFile, keep: int = 0) -> None:
    packing = record.pack(1, keep)
    if packing is not None:
        assert record.commit(packing)


@pytest.fixture
def packed(tmp_path: Path) -> tuple[Path, RecordFile, bytes]:
    """A record of several members, with plain lines behind it."""
    path = control(tmp_path)
    record = RecordFile(ControlDirectory(path))
    text = lines(1, 6000)
    record.append(text)
    pack(record, keep=1000)
    record.append(more := lines(6001, 10))
    return path, record, text + more


def test_readers_see_one_record(packed: tuple[Path, RecordFile, bytes]) -> None:
    path, record, text = packed
    assert content(record) == text
    assert len((path / RECORD).read_bytes()) < 3000
    assert len((path / PACKED).read_bytes()) < len(text) / 6


def test_any_byte_is_found(packed: tuple[Path, RecordFile, bytes]) -> None:
    _, record, text = packed
    file, chance = record.open(), random.Random(1)
    assert file is not None
    with file:
        assert file.seek(0, os.SEEK_END) == len(text)
        for _ in range(200):
            at, most = chance.randrange(len(text) + 50), chance.randrange(1, 3 * BLOCK)
            file.seek(at)
            assert file.read(most) == text[at : at + most]
        file.seek(0)
        assert list(file) == text.splitlines(keepends=True)


def test_the_packed_part_is_a_usual_gzip_file(packed: tuple[Path, RecordFile, bytes]) -> None:
    path, _, text = packed
    plain = (path / RECORD).read_bytes().partition(b"\n")[2]
    assert gzip.decompress((path / PACKED).read_bytes()) + plain == text


def test_a_line_of_a_week_takes_less_than_60_bytes(tmp_path: Path) -> None:
    path = control(tmp_path)
    record = RecordFile(ControlDirectory(path))
    text = "".join(
        f'{{"path":"t{n % 6}/{n // 6}.m4s","url":"http://origin.example.com/live/t{n % 6}/{n // 6}.m4s"'
        f',"size":{n * 7919 % 400009},"etag":"{n * 48271 % 2147483647:x}-{n * 7919 % 400009:x}",'
        f'"last_modified":"Sun, 29 Nov 2026 12:{n // 60 % 60:02}:{n % 60:02} GMT",'
        f'"time":"2026-11-29T12:{n // 60 % 60:02}:{n % 60:02}Z","status":200,"http":"1.1",'
        f'"line":{n % 6 + 1},"t":{n * 180000},"d":180000,"n":{n // 6}}}\n'
        for n in range(100_000, 110_000)
    )
    record.append(text.encode())
    pack(record)
    assert (path / PACKED).stat().st_size < 60 * 10_000


def test_a_reader_goes_on_while_lines_are_moved(tmp_path: Path) -> None:
    record = RecordFile(ControlDirectory(control(tmp_path)))
    text = lines(1, 3000)
    record.append(text)
    pack(record, keep=len(text) // 2)
    before = record.open()
    assert before is not None
    with before:
        first = before.read(100)
        record.append(lines(3001, 5))
        pack(record)
        assert first + before.read() == text + lines(3001, 5)
    assert content(record) == text + lines(3001, 5)


def test_what_is_written_between_the_two_steps_stays(tmp_path: Path) -> None:
    record = RecordFile(ControlDirectory(control(tmp_path)))
    record.append(lines(1, 100))
    packing = record.pack(1, 0)
    assert packing is not None
    record.append(lines(101, 7))
    assert record.commit(packing)
    assert content(record) == lines(1, 107)


def test_a_record_that_was_replaced_between_the_two_steps_stays(tmp_path: Path) -> None:
    record = RecordFile(ControlDirectory(control(tmp_path)))
    record.append(lines(1, 100))
    packing = record.pack(1, 0)
    assert packing is not None
    record.rewrite([b"{}\n"], 0)
    assert not record.commit(packing)
    assert content(record) == b"{}\n" + lines(1, 100)


def test_a_record_that_is_written_anew_has_all_behind_a_byte(
    packed: tuple[Path, RecordFile, bytes],
) -> None:
    path, record, text = packed
    begin = text.index(b"\n", 200_000) + 1
    record.rewrite([b"{}\n"], begin)
    assert content(record) == b"{}\n" + text[begin:]
    assert not (path / PACKED).exists()
    pack(record)
    assert content(record) == b"{}\n" + text[begin:]


def test_little_is_left_alone(tmp_path: Path) -> None:
    path = control(tmp_path)
    record = RecordFile(ControlDirectory(path))
    record.append(lines(1, 10))
    assert record.pack(1 << 20, 0) is None
    assert record.pack(1, 1 << 20) is None
    record.append(b"without an end")
    assert not (path / PACKED).exists()


class _Killed(BaseException):
    """The program was killed here."""


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("append"), st.integers(1, 4000)),
        st.tuples(st.just("pack"), st.integers(0, 200_000)),
        st.tuples(st.sampled_from(["killed packing", "killed renaming"]), st.integers(0, 9)),
        st.tuples(st.just("rewrite"), st.integers(0, 400)),
    ),
    max_size=9,
)


@given(STEPS)
def test_a_kill_at_any_point_loses_nothing(steps: list[tuple[str, int]]) -> None:
    with tempfile.TemporaryDirectory() as name:
        record, text, number = RecordFile(ControlDirectory(control(Path(name)))), b"", 1
        for step, amount in steps:
            if step == "append":
                record.append(new := lines(number, amount))
                text, number = text + new, number + amount
            elif step == "pack" and text:
                pack(record, amount)
            elif step == "rewrite" and text:
                begin = len(b"".join(text.splitlines(keepends=True)[:amount]))
                record.rewrite([b"{}\n"], begin)
                text = b"{}\n" + text[begin:]
            elif text:
                _kill(record, step, amount)
                record.close()
                record = RecordFile(ControlDirectory(Path(name) / "m/.dashget"))
            assert not text or content(record) == text


def _kill(record: RecordFile, step: str, amount: int) -> None:
    """Have the program be killed in the middle of compressing lines, or at its last step."""

    def killed(*_: object) -> None:
        raise _Killed

    real, count = packedrecord.pack, 0

    def pack_some(data: bytes, mark: bytes) -> list[bytes]:
        nonlocal count
        count += 1
        pieces = list(real(data, mark))
        if count > amount // 3:
            raise _Killed
        return pieces

    with pytest.MonkeyPatch.context() as patch:
        if step == "killed packing":
            patch.setattr(packedrecord, "pack", pack_some)
        else:
            patch.setattr(Directory, "rename", killed)
        with contextlib.suppress(_Killed):
            pack(record)


@pytest.mark.parametrize("where", ["head", "body", "end", "all"])
def test_damage_costs_the_lines_of_its_member(
    where: str, packed: tuple[Path, RecordFile, bytes]
) -> None:
    path, record, text = packed
    data = bytearray((path / PACKED).read_bytes())
    second = struct.unpack_from("<I", data, 20)[0]
    size = struct.unpack_from("<I", data, second + 20)[0]
    spots = {
        "head": [second],
        "body": [second + 40],
        "end": [second + size - 8],
        "all": range(second, len(data)),
    }
    for at in spots[where]:
        data[at] ^= 0x55
    (path / PACKED).write_bytes(data)
    left = content(record)
    assert len(left) == len(text)
    assert left[:BLOCK] == text[:BLOCK]
    assert left[BLOCK : 2 * BLOCK].strip() == b""
    if where in ("body", "end"):
        assert left[2 * BLOCK :] == text[2 * BLOCK :]
    assert left[-1000:] == text[-1000:]


@pytest.mark.parametrize(
    "spoil",
    [
        lambda path: path.unlink(),
        lambda path: path.write_bytes(path.read_bytes()[:-1]),
        lambda path: path.write_bytes(b"x" * len(path.read_bytes())),
        lambda path: path.write_bytes(b""),
    ],
)
def test_a_beginning_that_is_missing_is_said(
    spoil: Callable[[Path], object], packed: tuple[Path, RecordFile, bytes]
) -> None:
    path, record, _ = packed
    spoil(path / PACKED)
    with pytest.raises(StoreError, match=r"record\.jsonl\.gz") as caught:
        record.open()
    assert caught.value.hint is not None


def member(body: bytes, length: int, mark: bytes, crc: int = 0) -> bytes:
    head = packedrecord._HEAD
    size = head.size + len(body) + 8
    extra = head.size - 12
    start = head.pack(b"\x1f\x8b\x08\x04", 0, 0, 255, extra, b"DG", extra - 4, length, size, mark)
    return start + body + struct.pack("<II", crc, length)


def planted(
    path: Path, data: bytes, follows: int, mark: bytes, *, size: int | None = None
) -> RecordFile:
    (path / PACKED).write_bytes(data)
    first = {"follows": follows, "size": size or len(data), "of": mark.hex()}
    (path / RECORD).write_bytes(msgspec.json.encode(first) + b'\n{"path":"a"}\n')
    return RecordFile(ControlDirectory(path))


def test_a_small_file_stands_for_no_endless_record(tmp_path: Path) -> None:
    """Somebody else's mirror may have members that are long, or longer than they say."""
    path, mark = control(tmp_path), b"12345678"
    deflater = zlib.compressobj(9, wbits=-15)
    body = deflater.compress(bytes(1 << 24)) + deflater.flush()
    # It says that it is long, or it does not.
    for length in (1 << 24, BLOCK, 1000):
        data = member(body, length, mark, zlib.crc32(bytes(length)))
        record = planted(path, data, length, mark)
        if length <= 32 * len(data):
            left = content(record)
            assert len(left) == length + len(b'{"path":"a"}\n')
            assert left[:length].strip(b" \0\n") == b""


def test_a_member_that_is_longer_than_any_is_damaged(tmp_path: Path) -> None:
    path, mark = control(tmp_path), b"12345678"
    deflater = zlib.compressobj(0, wbits=-15)
    body = deflater.compress(bytes(4 * BLOCK)) + deflater.flush()
    good = b"".join(packedrecord.pack(b"{}\n", mark))
    data = good + member(body, 4 * BLOCK, mark, zlib.crc32(bytes(4 * BLOCK)))
    left = content(planted(path, data, 3 + 4 * BLOCK, mark))
    assert len(left) == 3 + 4 * BLOCK + len(b'{"path":"a"}\n')
    assert left[3:].split() == [b'{"path":"a"}']


def test_numbers_of_somebody_else_cost_no_more_than_their_file(tmp_path: Path) -> None:
    path, mark = control(tmp_path), b"12345678"
    text = lines(1, 500)
    data = b"".join(packedrecord.pack(text, mark))
    for follows in (0, -1, 2**60, 33 * len(data)):
        # Such a line is none of ours: it counts as damaged, and nothing is packed.
        assert content(planted(path, data, follows, mark)).endswith(b'\n{"path":"a"}\n')
    left = content(planted(path, data, 32 * len(data), mark))
    assert len(left) == 32 * len(data) + len(b'{"path":"a"}\n')
    assert left.startswith(text)


def test_a_file_with_a_hole_stands_for_no_endless_record(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, mark = control(tmp_path), b"12345678"
    data = b"".join(packedrecord.pack(lines(1, 500), mark))
    record = planted(path, data, 1 << 40, mark, size=1 << 40)
    os.truncate(path / PACKED, 1 << 40)
    with pytest.raises(StoreError, match="is missing, or damaged"):
        content(record)
    # Nor is a member of a gigabyte read.
    body = zlib.compressobj(9, wbits=-15)
    good = member(body.compress(b"{}\n") + body.flush(), 3, mark, zlib.crc32(b"{}\n"))
    huge = good.replace(struct.pack("<I", len(good)), struct.pack("<I", 1 << 30), 1)
    record = planted(path, good + huge, 6, mark, size=len(good) + (1 << 30))
    os.truncate(path / PACKED, len(good) + (1 << 30))
    read = packedrecord.read_at
    sizes: list[int] = []

    def noted(descriptor: int, size: int, at: int) -> bytes:
        sizes.append(size)
        return read(descriptor, size, at)

    monkeypatch.setattr(packedrecord, "read_at", noted)
    assert content(record).startswith(b"{}\n")
    assert max(sizes) <= 2 * BLOCK


@pytest.mark.parametrize("first", [b'{"follows":1}\n', b'{"follows":"x","size":1,"of":"00"}\n'])
def test_a_first_line_that_makes_no_sense_is_a_damaged_line(first: bytes, tmp_path: Path) -> None:
    path = control(tmp_path)
    (path / RECORD).write_bytes(first + b"{}\n")
    assert content(RecordFile(ControlDirectory(path))) == first + b"{}\n"


def test_what_is_the_same_again_and_again_is_stored_as_it_is(tmp_path: Path) -> None:
    path = control(tmp_path)
    record = RecordFile(ControlDirectory(path))
    text = b'{"recorder":"alive","at":1.0}\n' * 20_000
    record.append(text)
    pack(record)
    assert content(record) == text


def test_a_planted_link_is_not_followed(packed: tuple[Path, RecordFile, bytes]) -> None:
    path, record, _ = packed
    (path / PACKED).rename(path / "elsewhere")
    (path / PACKED).symlink_to(path / "elsewhere")
    with pytest.raises(StoreError, match="symbolic link"):
        record.open()


def test_another_name_elsewhere_keeps_its_content(packed: tuple[Path, RecordFile, bytes]) -> None:
    path, record, text = packed
    os.link(path / PACKED, path / "backup")
    before = (path / "backup").read_bytes()
    record.append(lines(7000, 900))
    pack(record)
    assert (path / "backup").read_bytes() == before
    assert content(record) == text + lines(7000, 900)
