"""Regular expressions that are compiled at their first use.

Compiling the fifty patterns of this library takes 18 ms, a tenth of a short run; such a run
uses a handful, because the usual values are recognised by comparisons that need none.
"""

from __future__ import annotations

import re
from typing import Any, AnyStr, cast

_METHODS = ("findall", "finditer", "fullmatch", "match", "search", "split", "sub")


class _Late:
    """A stand-in for a compiled pattern; has its methods from the first use on."""

    def __init__(self, pattern: Any, flags: int) -> None:
        self._source = pattern, flags

    def __getattr__(self, name: str) -> object:
        if name not in _METHODS:
            raise AttributeError(name)
        compiled = re.compile(*self._source)
        vars(self).update((method, getattr(compiled, method)) for method in _METHODS)
        return vars(self)[name]


def late(pattern: AnyStr, flags: int = 0) -> re.Pattern[AnyStr]:
    """Return a pattern with the methods of ``re.compile(pattern, flags)``, but no attributes.

    An invalid pattern raises ``re.error`` at its first use.
    """
    return cast("re.Pattern[AnyStr]", _Late(pattern, flags))
