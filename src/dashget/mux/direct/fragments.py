"""Read the samples of a movie fragment (ISO/IEC 14496-12, 8.8). No I/O."""

from __future__ import annotations

import struct
import sys
from array import array
from collections.abc import Sequence
from itertools import accumulate
from typing import Final

import msgspec

from dashget.media.isobmff import Box, iter_boxes

_BASE_OFFSET: Final = 0x1
_DESCRIPTION: Final = 0x2
_DURATION: Final = 0x8
_SIZE: Final = 0x10
_FLAGS: Final = 0x20
_BASE_IS_MOOF: Final = 0x20000
_DATA_OFFSET: Final = 0x1
_FIRST_FLAGS: Final = 0x4
_DURATIONS: Final = 0x100
_SIZES: Final = 0x200
_SAMPLE_FLAGS: Final = 0x400
_COMPOSITIONS: Final = 0x800
_COLUMNS: Final = (_DURATIONS, _SIZES, _SAMPLE_FLAGS, _COMPOSITIONS)
_NEEDS_OTHERS: Final = 0x01010000
"""Flags of a picture that is no key: ``sample_is_non_sync_sample``, or that depends on others."""
_ENCRYPTED: Final = frozenset(("senc", "saiz", "saio"))
_ENCRYPTED_BY_PIFF: Final = bytes.fromhex("a2394f525a9b4f14a2446c427c648df4")
"""The ``uuid`` of what is ``senc`` elsewhere."""
_GROUPS: Final = frozenset(("sgpd", "sbgp", "csgp"))
_MOST_SAMPLES: Final = 1 << 20


class UnknownMediaError(Exception):
    """Media have something that is not known here; the text says what."""


class Defaults(msgspec.Struct, frozen=True):
    """What the initialization segment says of the samples (``trex``)."""

    track: int
    duration: int
    size: int
    flags: int
    video: bool


class Run(msgspec.Struct, frozen=True):
    """Samples in a row, whose bytes follow one another. Times are ticks."""

    time: int | None
    """The decode time of the first sample; None if it follows those before."""
    position: int
    """The first byte in the file."""
    count: int
    size: int
    """The bytes of all samples."""
    sizes: array[int]
    durations: int | array[int]
    """That of each sample, or one for all."""
    compositions: array[int] | None
    """The distance of each sample from decode to presentation time; None if it is 0 for all."""
    keys: Sequence[int] | None
    """The positions of key pictures; None for audio, where each sample is one."""


def read_defaults(moov: bytes) -> Defaults:
    """Return the defaults of the one track of a ``moov``, whose samples are all in fragments."""
    top = next(iter_boxes(moov))
    tracks = _children(moov, top, "trak")
    extends = [e for box in _children(moov, top, "mvex") for e in _children(moov, box, "trex")]
    if len(tracks) != 1 or len(extends) != 1:
        raise UnknownMediaError(f"{len(tracks)} tracks, {len(extends)} of them in fragments")
    media = _only(moov, tracks[0], "mdia")
    sizes = _only(moov, _only(moov, _only(moov, media, "minf"), "stbl"), "stsz")
    if _numbers(">8xI", moov, sizes.payload)[0]:
        raise UnknownMediaError("samples outside fragments")
    track, _, duration, size, flags = _numbers(">4xIIIII", moov, extends[0].payload)
    kind = _only(moov, media, "hdlr").payload + 8
    return Defaults(track, duration, size, flags, moov[kind : kind + 4] == b"vide")


def read_runs(
    moof: bytes, start: int, absolute: int, defaults: Defaults, *, encrypted: bool = False
) -> list[Run]:
    """Return the runs of a whole ``moof`` that begins at a position of its file.

    Offsets that count from the begin of a file (``base_data_offset``) get ``absolute`` added.
    Raises UnknownMediaError, for encrypted media as well, unless ``encrypted`` lets them pass.
    """
    runs: list[Run] = []
    follows = start
    for traf in _children(moof, next(iter_boxes(moof)), "traf"):
        fragment = _TrackFragment(moof, traf, defaults, encrypted=encrypted)
        follows = fragment.read(start, follows, absolute, runs)
    return runs


class _TrackFragment:
    """One ``traf`` box."""

    def __init__(self, moof: bytes, traf: Box, defaults: Defaults, *, encrypted: bool) -> None:
        self._data = moof
        self._boxes = tuple(iter_boxes(moof, traf.payload, traf.end))
        self._track, self._video = defaults.track, defaults.video
        self._encrypted = encrypted
        self._base = 0
        self._duration, self._size, self._flags = defaults.duration, defaults.size, defaults.flags

    def read(self, start: int, follows: int, absolute: int, runs: list[Run]) -> int:
        """Append the runs; return the end of their bytes. ``follows`` is that of those before."""
        self._base = start
        self._read_header(follows, absolute)
        position, time = self._base, None
        for box in self._boxes[1:]:
            if box.type == "tfdt":
                form = ">Q" if self._data[box.payload] else ">I"
                (time,) = _numbers(form, self._data, box.payload + 4)
            elif box.type == "trun":
                run, position = self._run(box, position, time)
                if run is not None:
                    runs.append(run)
                    time = None
            elif not self._encrypted and self._is_of_keys(box):
                raise UnknownMediaError(f"a box {box.type} in a track fragment")
        return position

    def _read_header(self, follows: int, absolute: int) -> None:
        data = self._data
        if not self._boxes or self._boxes[0].type != "tfhd":
            raise UnknownMediaError("a track fragment that does not begin with its header")
        at = self._boxes[0].payload
        flags, track = _numbers(">II", data, at)
        if track != self._track:
            raise UnknownMediaError(f"a fragment of track {track}")
        at += 8
        if flags & _BASE_OFFSET:
            self._base = _numbers(">Q", data, at)[0] + absolute
            at += 8
        elif not flags & _BASE_IS_MOOF:
            self._base = follows
        at += 4 if flags & _DESCRIPTION else 0
        if flags & _DURATION:
            (self._duration,) = _numbers(">I", data, at)
            at += 4
        if flags & _SIZE:
            (self._size,) = _numbers(">I", data, at)
            at += 4
        if flags & _FLAGS:
            (self._flags,) = _numbers(">I", data, at)
            at += 4
        if at > (self._boxes[0].end or at):
            raise UnknownMediaError("a header of a track fragment that ends too early")

    def _is_of_keys(self, box: Box) -> bool:
        """Return True for boxes of encrypted media."""
        if box.type == "uuid":
            return self._data[box.payload - 16 : box.payload] == _ENCRYPTED_BY_PIFF
        of_keys = self._data[box.payload + 4 : box.payload + 8] == b"seig"
        return box.type in _ENCRYPTED or (of_keys and box.type in _GROUPS)

    def _run(self, box: Box, position: int, time: int | None) -> tuple[Run | None, int]:
        """Return a run, and the end of its bytes; None if it is empty."""
        data = self._data
        flags, count = _numbers(">II", data, box.payload)
        at, first = box.payload + 8, None
        if flags & _DATA_OFFSET:
            position = self._base + _numbers(">i", data, at)[0]
            at += 4
        if flags & _FIRST_FLAGS:
            (first,) = _numbers(">I", data, at)
            at += 4
        if not count:
            return None, position
        columns = _read_columns(data, at, box.end, flags, count)
        sizes = columns.get(_SIZES)
        if sizes is None:
            sizes = array("I", [self._size]) * count
        if not min(sizes):
            raise UnknownMediaError("a sample without a byte")
        run = Run(
            time,
            position,
            count,
            sum(sizes),
            sizes,
            _one_for_all(columns.get(_DURATIONS, self._duration)),
            _signed(columns.get(_COMPOSITIONS)),
            self._keys(columns.get(_SAMPLE_FLAGS), first, count) if self._video else None,
        )
        return run, position + run.size

    def _keys(self, each: array[int] | None, first: int | None, count: int) -> Sequence[int]:
        if each is not None and first is not None:
            raise UnknownMediaError("flags of the first sample beside those of each")
        if each is not None:
            return [n for n, flags in enumerate(each) if not flags & _NEEDS_OTHERS]
        keys = range(0) if self._flags & _NEEDS_OTHERS else range(count)
        if first is None:
            return keys
        return keys[1:] if first & _NEEDS_OTHERS else (0, *keys[1:])


def _read_columns(
    data: bytes, at: int, end: int | None, flags: int, count: int
) -> dict[int, array[int]]:
    """Return the columns of a ``trun``, by their flags."""
    present = [flag for flag in _COLUMNS if flags & flag]
    last = at + 4 * len(present) * count
    if count > _MOST_SAMPLES or last > (len(data) if end is None else end):
        raise UnknownMediaError(f"a run of {count} samples that ends too early")
    if not present:
        return {}
    words = array("I", data[at:last])
    if sys.byteorder == "little":
        words.byteswap()
    if len(present) == 1:
        return {present[0]: words}
    return {flag: words[number :: len(present)] for number, flag in enumerate(present)}


def _one_for_all(values: int | array[int]) -> int | array[int]:
    """Return one value for equal ones."""
    if isinstance(values, int) or len(set(values)) > 1:
        return values
    return values[0]


def _signed(values: array[int] | None) -> array[int] | None:
    """Return values with their sign, whatever the version of the box says; None if all are 0.

    Packagers write negative values into version 0, too.
    """
    if values is None or not any(values):
        return None
    signed = array("i")
    signed.frombytes(values.tobytes())
    return signed


def decode_times(run: Run, time: int) -> Sequence[int]:
    """Return the decode time of each sample of a run, whose first one is given."""
    if isinstance(run.durations, int):
        if not run.durations:
            return [time] * run.count
        return range(time, time + run.count * run.durations, run.durations)
    return list(accumulate(run.durations[:-1], initial=time))


def _only(data: bytes, box: Box, name: str) -> Box:
    found = _children(data, box, name)
    if len(found) != 1:
        raise UnknownMediaError(f"{len(found)} boxes {name}")
    return found[0]


def _children(data: bytes, box: Box, name: str) -> list[Box]:
    end = len(data) if box.end is None else box.end
    return [child for child in iter_boxes(data, box.payload, end) if child.type == name]


def _numbers(form: str, data: bytes, at: int) -> tuple[int, ...]:
    try:
        return struct.unpack_from(form, data, at)
    except struct.error as error:
        raise UnknownMediaError("a box that ends too early") from error
