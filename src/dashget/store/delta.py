"""What makes one text of another: stretches that are copied from it, and what is new.

Versions of a live manifest differ in a few places, which may be far from each other: zlib alone
sees 32 KiB. So the text before is cut into blocks, and these are looked for in the new one.
"""

from __future__ import annotations

from typing import Final

_BLOCK: Final = 16
_MOST_BLOCKS: Final = 1 << 16
_STEP: Final = 256
_LONGEST_STEP: Final = 1 << 16


def make_delta(before: bytes, after: bytes, most: int | None = None) -> bytes | None:
    """Return what makes ``after`` of ``before``; None if more than ``most`` bytes are new."""
    size = max(_BLOCK, len(before) // _MOST_BLOCKS)
    blocks = {before[at : at + size]: at for at in range(0, len(before) - size + 1, size)}
    made = bytearray()
    done = at = expected = new = 0
    while at < len(after):
        if most is not None and new + at - done > most:
            return None
        block = after[at : at + size]
        found: int | None = None
        if len(block) == size:
            # Most of what follows a change is what followed it before.
            same = before[expected + at - done : expected + at - done + size] == block
            found = expected + at - done if same else blocks.get(block)
        if found is None:
            at += 1
            continue
        back = _same_before(before, found, after, at, at - done)
        length = back + _same_after(before, found, after, at)
        _put(made, at - back - done, after[done : at - back])
        _put_number(made, found - back)
        _put_number(made, length)
        new += at - back - done
        done = at = at - back + length
        expected = found - back + length
    _put(made, len(after) - done, after[done:])
    return bytes(made)


def apply_delta(before: bytes, delta: bytes, most: int) -> bytes:
    """Return the text that a delta makes; ValueError if it makes none, or more than ``most``."""
    made: list[bytes] = []
    at = size = 0
    while at < len(delta):
        length, at = _number(delta, at)
        if length > len(delta) - at:
            raise ValueError("a delta that ends early")
        made.append(delta[at : at + length])
        at, size = at + length, size + length
        if at < len(delta):
            begin, at = _number(delta, at)
            length, at = _number(delta, at)
            if begin + length > len(before):
                raise ValueError("a delta for another text")
            size += length
            if size <= most:
                made.append(before[begin : begin + length])
        if size > most:
            raise ValueError("a delta that makes too much")
    return b"".join(made)


def _same_after(before: bytes, at: int, after: bytes, here: int) -> int:
    """Return how many bytes are the same from there on."""
    length, step = 0, _STEP
    while True:
        first = before[at + length : at + length + step]
        second = after[here + length : here + length + step]
        if first == second and first:
            length += len(first)
            step = min(step * 2, _LONGEST_STEP)
        elif step > _STEP:
            step = _STEP
        else:
            break
    for a, b in zip(first, second, strict=False):
        if a != b:
            break
        length += 1
    return length


def _same_before(before: bytes, at: int, after: bytes, here: int, most: int) -> int:
    """Return how many bytes are the same up to there, of so many at most."""
    length = 0
    most = min(most, at)
    while length < most and before[at - length - 1] == after[here - length - 1]:
        length += 1
    return length


def _put(made: bytearray, length: int, text: bytes) -> None:
    _put_number(made, length)
    made += text


def _put_number(made: bytearray, number: int) -> None:
    while number > 127:
        made.append(number & 127 | 128)
        number >>= 7
    made.append(number)


def _number(delta: bytes, at: int) -> tuple[int, int]:
    number = shift = 0
    while True:
        if at >= len(delta) or shift > 63:
            raise ValueError("a delta that ends early")
        byte = delta[at]
        number |= (byte & 127) << shift
        at, shift = at + 1, shift + 7
        if byte < 128:
            return number, at
