"""What the fields of an options struct may hold: checked once, when the struct is made.

A rule returns what is wrong with a value, or None. ``check`` applies a struct's rules; the first
that is broken becomes a ``FieldError``, which the command line shows under its option's name.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec

from dashget.errors import UsageError

_DAY_SECONDS: Final = 24 * 60 * 60
_SHOWN_CHARACTERS: Final = 80


class Wrong(msgspec.Struct, frozen=True):
    """What is wrong with a value, and what would be right where that is not plain."""

    text: str
    hint: str | None = None


Check = Callable[[Any], Wrong | None]


class FieldError(UsageError):
    """An invalid value of one field of an options struct, or of one argument."""

    def __init__(self, field: str, wrong: Wrong, hint: str | None = None) -> None:
        super().__init__(f"{field}: {wrong.text}", hint=wrong.hint or hint)
        self.field = field
        self.wrong = wrong


def check(struct: object, rules: Mapping[str, Check]) -> None:
    """Raise FieldError for the first field that breaks its rule."""
    for name, rule in rules.items():
        require(name, getattr(struct, name), rule, type(struct).__name__)


def require(name: str, value: object, rule: Check, owner: str) -> None:
    """Raise FieldError for a value of ``dashget.OWNER`` that breaks its rule."""
    wrong = rule(value)
    if wrong is not None:
        raise FieldError(name, wrong, f"see help(dashget.{owner})")


def optional(rule: Check) -> Check:
    """Allow None, too."""
    return lambda value: None if value is None else rule(value)


def whole(least: int, most: int | None = None) -> Check:
    """Demand a whole number of a range."""

    def rule(value: object) -> Wrong | None:
        if not isinstance(value, int) or isinstance(value, bool):
            return Wrong(f"not a whole number: {_shown(value)}")
        if least <= value and (most is None or value <= most):
            return None
        if most is not None:
            return Wrong(f"must be from {least} to {most}: {value}")
        return Wrong(
            f"must be at least {least}: {value}" if least else f"must not be negative: {value}"
        )

    return rule


def seconds(*, positive: bool) -> Check:
    """Demand a time of up to a day."""

    def rule(value: object) -> Wrong | None:
        if not isinstance(value, int | float) or isinstance(value, bool):
            return Wrong(f"not a number: {_shown(value)}")
        if not 0 <= value < float("inf") or (positive and not value):
            return Wrong(f"must be {'positive' if positive else 'a number from 0'}: {value:g}")
        return Wrong(f"longer than a day: {_shown(value)}") if value > _DAY_SECONDS else None

    return rule


def instance(kind: type, hint: str | None = None) -> Check:
    """Demand a value of a type."""

    def rule(value: object) -> Wrong | None:
        if isinstance(value, kind):
            return None
        return Wrong(f"not a {kind.__name__}: {_shown(value)}", hint)

    return rule


def text(value: object) -> Wrong | None:
    """Demand text; what there is instead may be a secret, and is not repeated."""
    return None if isinstance(value, str) else Wrong(f"not text, but a {type(value).__name__}")


def path(value: object) -> Wrong | None:
    """Demand the path of something: text, or a ``Path`` and its like."""
    if hasattr(value, "__fspath__") and not isinstance(value, type):
        value = value.__fspath__()
    if not isinstance(value, str):
        return Wrong(f"not a path: {_shown(value)}", "such as 'show' or pathlib.Path('show')")
    return None if value else Wrong("empty", "name it; . is the current directory")


def flag(value: object) -> Wrong | None:
    """Demand True or False."""
    return None if isinstance(value, bool) else Wrong(f"not True or False: {_shown(value)}")


def each(rule: Check, hint: str | None = None) -> Check:
    """Demand a tuple (or list), and the rule for each of its values."""

    def checked(values: object) -> Wrong | None:
        if not isinstance(values, tuple | list):
            return Wrong(f"not a tuple, but a {type(values).__name__}", hint)
        return next((wrong for value in values if (wrong := rule(value)) is not None), None)

    return checked


def _shown(value: object) -> str:
    return repr(value)[:_SHOWN_CHARACTERS]
