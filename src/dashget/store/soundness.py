"""What may be believed of values that are read back from a mirror.

A mirror may have come from somebody else, so its record and its journal pass the same checks as
the answers of servers: a line that this program could not have written counts for nothing, as
if it were damaged.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec

from dashget.common.lateregex import late
from dashget.planning.layout import LEAST_NAME_BYTES, NAME_BYTES, is_safe_path

LARGEST: Final = (1 << 63) - 1
"""No file is larger, on any system."""
_CONTROL: Final = late(r"[\x00-\x1f\x7f]")
_FIELD: Final = late(r"[\t\x20-\x7e\x80-\xff]*")
_SHA256: Final = late(r"[0-9a-f]{64}")
_FILTERS: Final = frozenset({"video", "audio", "text", "image", "period"})
_FIELD_CHARS: Final = 1 << 16

UNREADABLE: Final = (msgspec.DecodeError, ValueError, RecursionError)
"""What decoding a line may raise: no JSON, other types, no UTF-8, endless digits or brackets."""


def is_size(value: int | None) -> bool:
    """Return True for a number of bytes that a file may have, and for none."""
    return value is None or 0 <= value <= LARGEST


def is_field(value: str | None) -> bool:
    """Return True for what a header field may hold (RFC 9110, 5.5), and for none."""
    if value is None or (len(value) < _FIELD_CHARS and value.isascii() and value.isprintable()):
        # The usual case, decided fast: a mirror may have millions of lines.
        return True
    return len(value) <= _FIELD_CHARS and _FIELD.fullmatch(value) is not None


def is_span(value: tuple[int, int] | None) -> bool:
    """Return True for a range of bytes that a file may have, and for none."""
    return value is None or 0 <= value[0] <= value[1] <= LARGEST


def is_line(value: str | None) -> bool:
    """Return True for text without control characters, as all addresses are, and for none."""
    return value is None or value.isprintable() or not _CONTROL.search(value)


def is_sha256(value: str | None) -> bool:
    """Return True for a checksum as it is recorded, and for none."""
    return value is None or _SHA256.fullmatch(value) is not None


def is_manifest_name(name: str) -> bool:
    """Return True for a name that an MPD may have in a mirror: directly at its root.

    It may begin with a dot: some packagers serve every MPD as ``NAME.ism/.mpd``.
    """
    return (
        name.lower().endswith(".mpd")
        and is_safe_path(name)
        and "/" not in name
        and len(name.encode("utf-8", "surrogateescape")) <= NAME_BYTES
        and is_line(name)
    )


def is_name_limit(value: int | None) -> bool:
    """Return True for a limit of the length of names that a place may have, and for none."""
    return value is None or LEAST_NAME_BYTES <= value <= NAME_BYTES


def is_selection(rules: Mapping[str, str]) -> bool:
    """Return True for the filters of a selection that can be read."""
    from dashget.errors import UsageError
    from dashget.planning.selection import parse_selection

    if not rules:
        return True
    if not rules.keys() <= _FILTERS:
        return False
    try:
        parse_selection(**rules)
    except UsageError:
        return False
    return True
