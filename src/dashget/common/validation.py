"""Rules for the fields of options, checked once, when the struct is made.

A rule returns a ``Wrong`` for an invalid value, else None. ``check`` applies the rules of a struct
and raises a ``FieldError`` for the first invalid field; the command line shows it under the name
of the option.

msgspec's own constraints would do the same from annotations. But they are compiled from the
annotations at their first use, which takes twenty times as long as these rules take for the forty
fields of ``TransferOptions`` (0.8 ms against 0.04 ms); their messages would have to be reworded;
and they cannot tell a path from a file that was read.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec

from dashget.errors import UsageError

DAY_SECONDS: Final = 24 * 60 * 60
_SHOWN_CHARACTERS: Final = 80


class Wrong(msgspec.Struct, frozen=True):
    """The reason why a value is invalid, and a hint to a valid one where it helps."""

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
    """Raise FieldError for the first invalid field of a struct."""
    for name, rule in rules.items():
        require(name, getattr(struct, name), rule, type(struct).__name__)


def require(name: str, value: object, rule: Check, owner: str) -> None:
    """Raise FieldError for an invalid value; the hint names ``dashget.OWNER``."""
    wrong = rule(value)
    if wrong is not None:
        raise FieldError(name, wrong, f"see help(dashget.{owner})")


def optional(rule: Check) -> Check:
    """Return a rule that also allows None."""
    return lambda value: None if value is None else rule(value)


def whole(least: int, most: int | None = None) -> Check:
    """Return a rule for whole numbers from ``least`` to ``most``."""

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


def seconds(*, positive: bool, most: int = DAY_SECONDS) -> Check:
    """Return a rule for times of up to so many seconds, by default a day."""

    def rule(value: object) -> Wrong | None:
        if not isinstance(value, int | float) or isinstance(value, bool):
            return Wrong(f"not a number: {_shown(value)}")
        if not 0 <= value < float("inf") or (positive and not value):
            return Wrong(f"must be {'positive' if positive else 'a number from 0'}: {value:g}")
        if value <= most:
            return None
        days = "a day" if most == DAY_SECONDS else f"{most // DAY_SECONDS} days"
        return Wrong(f"longer than {days}: {_shown(value)}")

    return rule


def span(*, positive: bool) -> Check:
    """Return a rule for times of any length; infinity is without end."""

    def rule(value: object) -> Wrong | None:
        if not isinstance(value, int | float) or isinstance(value, bool):
            return Wrong(f"not a number: {_shown(value)}")
        if value > 0 or (value == 0 and not positive):
            return None
        return Wrong(f"must be {'longer than 0' if positive else 'a number from 0'}: {value:g}")

    return rule


def moment(value: object) -> Wrong | None:
    """Allow times in seconds since 1970."""
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if number and abs(value) < float("inf"):  # type: ignore[arg-type]  # it is a number
        return None
    return Wrong(f"not a time in seconds since 1970: {_shown(value)}")


def instance(kind: type, hint: str | None = None) -> Check:
    """Return a rule for values of one type."""

    def rule(value: object) -> Wrong | None:
        if isinstance(value, kind):
            return None
        return Wrong(f"not a {kind.__name__}: {_shown(value)}", hint)

    return rule


def text(value: object) -> Wrong | None:
    """Require text; another value may be a secret, so it is not repeated."""
    return None if isinstance(value, str) else Wrong(f"not text, but a {type(value).__name__}")


def path(value: object) -> Wrong | None:
    """Require a path: text, or an object like ``pathlib.Path``."""
    if hasattr(value, "__fspath__") and not isinstance(value, type):
        value = value.__fspath__()
    if not isinstance(value, str):
        return Wrong(f"not a path: {_shown(value)}", "such as 'show' or pathlib.Path('show')")
    return None if value else Wrong("empty", "name it; . is the current directory")


def flag(value: object) -> Wrong | None:
    """Require True or False."""
    return None if isinstance(value, bool) else Wrong(f"not True or False: {_shown(value)}")


def each(rule: Check, hint: str | None = None) -> Check:
    """Return a rule for a tuple or list whose values all keep ``rule``."""

    def checked(values: object) -> Wrong | None:
        if not isinstance(values, tuple | list):
            return Wrong(f"not a tuple, but a {type(values).__name__}", hint)
        return next((wrong for value in values if (wrong := rule(value)) is not None), None)

    return checked


def _shown(value: object) -> str:
    return repr(value)[:_SHOWN_CHARACTERS]
