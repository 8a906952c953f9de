"""Regular expressions that are compiled when they are first used.

Python compiles them in Python: the fifty of this library take a tenth of what a short run
takes to start, and such a run uses a dozen of them.
"""

from __future__ import annotations

import re
from typing import Any, AnyStr, cast

_METHODS = ("findall", "finditer", "fullmatch", "match", "search", "split", "sub")


class _Late:
    """Stands for a compiled pattern, and has its methods from the first use on."""

    def __init__(self, pattern: Any, flags: int) -> None:
        self._source = pattern, flags

    def __getattr__(self, name: str) -> object:
        if name not in _METHODS:
            raise AttributeError(name)
        compiled = re.compile(*self._source)
        vars(self).update((method, getattr(compiled, method)) for method in _METHODS)
        return vars(self)[name]


def late(pattern: AnyStr, flags: int = 0) -> re.Pattern[AnyStr]:
    """Return what matches like ``re.compile(pattern, flags)``; its methods are all there is.

    An invalid pattern raises ``re.error`` when it is first used.
    """
    return cast("re.Pattern[AnyStr]", _Late(pattern, flags))
