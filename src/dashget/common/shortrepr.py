"""Short ``repr`` texts: what a struct holds, at a glance, also if it holds a million of them."""

from __future__ import annotations

from typing import Any, Final

import msgspec

_LONGEST_TEXT: Final = 100
_LONGEST_VALUE: Final = 120
_MOST_ITEMS: Final = 4


def short_repr(struct: Any) -> str:
    """Return the name of a struct's type and its fields, each in a short form.

    Fields that have their default are left out, long collections and structs are only counted
    and named. To be assigned to ``__repr__``.
    """
    return describe(struct, [(name, getattr(struct, name)) for name in struct.__struct_fields__])


def describe(struct: Any, values: list[tuple[str, Any]]) -> str:
    """Return a short text of a struct whose fields have these values."""
    usual = _defaults_of(type(struct))
    shown = ", ".join(
        f"{name}={_short(value)}"
        for name, value in values
        if name not in usual or usual[name] != value
    )
    return f"{type(struct).__name__}({shown})"


def _defaults_of(kind: type[msgspec.Struct]) -> dict[str, Any]:
    """Return the default of each field that has one."""
    names, defaults = kind.__struct_fields__, kind.__struct_defaults__
    behind = dict(zip(names[len(names) - len(defaults) :], defaults, strict=True))
    return {name: value for name, value in behind.items() if value is not msgspec.NODEFAULT}


def _short(value: Any) -> str:
    if isinstance(value, str) and len(value) > _LONGEST_TEXT:
        return f"{value[:_LONGEST_TEXT]!r}... ({len(value):,} characters)"
    if isinstance(value, bytes) and len(value) > _LONGEST_TEXT:
        return f"<{len(value):,} bytes>"
    if isinstance(value, tuple | list | dict | set | frozenset):
        return _short_collection(value)
    text = repr(value)
    if len(text) <= _LONGEST_VALUE:
        return text
    return f"<{type(value).__name__}>" if isinstance(value, msgspec.Struct) else _cut(text)


def _short_collection(items: Any) -> str:
    if len(items) > _MOST_ITEMS:
        return f"<{len(items):,} items>"
    text = repr(items)
    if len(text) <= _LONGEST_VALUE:
        return text
    first = next(iter(items))
    noun = type(first).__name__ if isinstance(first, msgspec.Struct) else "items"
    return f"<{len(items):,} {noun}>"


def _cut(text: str) -> str:
    return f"{text[:_LONGEST_VALUE]}..."
