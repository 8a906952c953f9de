"""Response headers that a user wants to keep, made fit for records and terminals.

A server may send anything: values of many kilobytes, control characters, the same name several
times. What is kept is text of limited length on one line.
"""

from __future__ import annotations

import functools
from typing import Final

from dashget.common.foreigntext import printable

LONGEST_VALUE: Final = 1000
"""How many characters of a value are kept."""


def kept_fields(lines: list[bytes], names: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    """Return the wanted fields of the last response head in ``lines``, in the order of the names.

    Names are in lower case. The values of a repeated name are joined by commas (RFC 9110, 5.3).
    """
    wanted = _wanted(names)
    found: dict[str, list[str]] = {}
    values: list[str] | None = None
    for line in lines:
        if line[:5] == b"HTTP/":
            # Informational responses and a proxy's answer come before.
            found, values = {}, None
        elif line[:1] in (b" ", b"\t"):
            if values is not None:
                # A folded line (RFC 9112, 5.2).
                values[-1] += " " + _text(line)
        elif not line.strip():
            values = None
        else:
            name, _, value = line.partition(b":")
            key = wanted.get(name.strip().lower())
            values = None if key is None else found.setdefault(key, [])
            if values is not None:
                values.append(_text(value))
    return tuple(
        (name, _limited(", ".join(found[name]))) for name in wanted.values() if name in found
    )


@functools.lru_cache(maxsize=4)
def _wanted(names: tuple[str, ...]) -> dict[bytes, str]:
    return {name.lower().encode("ascii"): name.lower() for name in names}


def _text(value: bytes) -> str:
    value = value.strip()
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return value.decode("latin-1")


def _limited(value: str) -> str:
    if len(value) > LONGEST_VALUE:
        value = f"{value[:LONGEST_VALUE]}... ({len(value):,} characters)"
    return printable(value)
