"""Structs that hide secrets where they are shown: in ``repr``, ``str`` and rich's output.

Options end up in logs, in bug reports and in the values that test runners print. The secrets
themselves stay readable as attributes, for those who use them.
"""

from __future__ import annotations

from typing import Any, ClassVar, Final

import msgspec

from dashget.common.shortrepr import describe

MASK: Final = "***"


def hide(value: Any) -> Any:
    """Return a mask in the place of a value; None and what is empty have nothing to hide."""
    return MASK if value else value


def hide_values(pairs: Any) -> Any:
    """Return pairs of name and value, such as headers, with masked values."""
    return tuple((name, hide(value)) for name, value in pairs)


def hide_user(url: Any) -> Any:
    """Return a URL, or each of several, without user and password."""
    if not isinstance(url, str):
        return tuple(map(hide_user, url)) if isinstance(url, tuple | list) else url
    if "@" not in url:
        return url
    from dashget.common.url import Url

    if "://" in url:
        return Url.parse(url).shown
    # A proxy may be given without a scheme.
    return url.rpartition("@")[2]


def hide_users(text: Any) -> Any:
    """Return a text with masks in place of the user and password of each URL in it."""
    if not isinstance(text, str) or "@" not in text:
        return text
    from dashget.common.url import without_users

    return without_users(text, f"{MASK}@")


class HidesSecrets(msgspec.Struct, frozen=True):
    """A struct whose ``repr`` masks secrets.

    These are the fields that ``secrets`` names, the values of headers, and user and password in
    the fields that hold URLs.
    """

    secrets: ClassVar[tuple[str, ...]] = ()

    def __repr__(self) -> str:
        return describe(self, self.__rich_repr__())

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        """Return name and value of each field, for ``repr`` and for rich."""
        return [(name, self._shown(name)) for name in self.__struct_fields__]

    def _shown(self, name: str) -> Any:
        value = getattr(self, name)
        mask = hide if name in self.secrets else _MASKS.get(name)
        return value if mask is None else mask(value)


_MASKS: Final = {
    "headers": hide_values,
    **dict.fromkeys(("url", "urls", "asked", "final_url", "proxy"), hide_user),
    **dict.fromkeys(("message", "reason", "error"), hide_users),
}
