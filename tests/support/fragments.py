"""Build movie fragments of every form, and initialization segments for them."""

from __future__ import annotations

import struct
from collections.abc import Sequence

from tests.support.builders import box

TRACK = 1


def full(kind: str, *words: int, version: int = 0, flags: int = 0, rest: bytes = b"") -> bytes:
    """Return a box with version and flags, and words of 32 bits."""
    numbers = struct.pack(f">{len(words)}I", *(word & 0xFFFFFFFF for word in words))
    return box(kind, struct.pack(">I", version << 24 | flags), numbers, rest)


def beginning(
    *, handler: str = "vide", duration: int = 0, size: int = 0, flags: int = 0, samples: int = 0
) -> bytes:
    """Return a ``moov`` box; the defaults of its samples are those of ``trex``."""
    table = box("stbl", full("stsd", 0), full("stsz", 0, samples))
    media = box("mdia", full("hdlr", 0, rest=handler.encode()), box("minf", table))
    extends = box("mvex", full("trex", TRACK, 1, duration, size, flags))
    return box("moov", box("trak", media), extends)


def header(
    *,
    base: int | None = None,
    description: int | None = None,
    duration: int | None = None,
    size: int | None = None,
    sample_flags: int | None = None,
    track: int = TRACK,
    from_moof: bool = True,
) -> bytes:
    """Return ``tfhd``."""
    fields = [(2, description), (8, duration), (0x10, size), (0x20, sample_flags)]
    flags = sum(flag for flag, value in fields if value is not None)
    flags |= 0x20000 if from_moof else 0
    rest = b""
    if base is not None:
        flags, rest = flags | 1, struct.pack(">Q", base)
    rest += b"".join(struct.pack(">I", value) for _, value in fields if value is not None)
    return full("tfhd", track, flags=flags, rest=rest)


def time(ticks: int, *, version: int = 1) -> bytes:
    """Return ``tfdt``."""
    return full("tfdt", version=version, rest=struct.pack(">Q" if version else ">I", ticks))


def run(
    count: int,
    *,
    offset: int | None = None,
    first_flags: int | None = None,
    durations: Sequence[int] = (),
    sizes: Sequence[int] = (),
    sample_flags: Sequence[int] = (),
    compositions: Sequence[int] = (),
    version: int = 0,
) -> bytes:
    """Return ``trun``."""
    columns = [(0x100, durations), (0x200, sizes), (0x400, sample_flags), (0x800, compositions)]
    flags = sum(flag for flag, column in columns if column)
    flags |= (0 if offset is None else 1) | (0 if first_flags is None else 4)
    words = [word for word in (offset, first_flags) if word is not None]
    for number in range(count):
        words += [column[number] for _, column in columns if column]
    return full("trun", count, *words, version=version, flags=flags)


def fragment(*trafs: Sequence[bytes]) -> bytes:
    """Return ``moof`` with the boxes of each track fragment."""
    return box("moof", full("mfhd", 1), *(box("traf", *boxes) for boxes in trafs))
