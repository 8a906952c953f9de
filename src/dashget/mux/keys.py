"""Keys that the user has, for encrypted media. Nothing here asks anybody for one."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from dashget.common.secrets import HidesSecrets
from dashget.errors import UsageError

_DIGITS: Final = 32
_HEX: Final = frozenset("0123456789abcdef")
_HINT: Final = (
    "write it as KID:KEY, 32 hexadecimal digits each, with or without dashes; @FILE reads a file"
)


class Keys(HidesSecrets, frozen=True):
    """Keys by their key ids, both as hexadecimal digits in lower case."""

    secrets = ("by_id",)

    by_id: tuple[tuple[str, str], ...] = ()

    def __bool__(self) -> bool:
        """Return True if there is any."""
        return bool(self.by_id)

    def get(self, key_id: str) -> str | None:
        """Return the key of a key id, None if there is none."""
        return dict(self.by_id).get(key_id)


def parse_keys(texts: Iterable[str]) -> Keys:
    """Read ``KID:KEY``, several; UsageError for an invalid one, which the message never quotes."""
    found: dict[str, str] = {}
    for number, text in enumerate(texts, 1):
        key_id, colon, key = text.partition(":")
        name, value = _digits(key_id), _digits(key)
        if not colon:
            raise UsageError(f"--key: there is no colon in key {number}", hint=_HINT)
        for digits, what in ((name, "key id"), (value, "key")):
            if len(digits) != _DIGITS or not _HEX.issuperset(digits):
                raise UsageError(
                    f"--key: the {what} of key {number} is not {_DIGITS} hexadecimal digits",
                    hint=_HINT,
                )
        if found.setdefault(name, value) != value:
            raise UsageError(
                f"--key: two different keys for the key id {as_uuid(name)}", hint="give one of them"
            )
    return Keys(tuple(found.items()))


def as_uuid(digits: str) -> str:
    """Return 32 digits with dashes, as manifests write key ids."""
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))


def _digits(text: str) -> str:
    return text.strip().replace("-", "").lower()
