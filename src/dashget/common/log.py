"""Debug records for ``logging``, at no cost while nobody asks for them.

Every package has its logger: ``dashget.session``, ``dashget.transfer``. A program that does not
load ``logging`` cannot ask for records, so that this module does not load it either.
"""

from __future__ import annotations

import sys
from collections.abc import Callable

_DEBUG = 10


class Log:
    """A logger of the library. ``mask`` takes the secrets out of each message."""

    def __init__(self, name: str, mask: Callable[[str], str]) -> None:
        self._name = name
        self._mask = mask

    @property
    def wanted(self) -> bool:
        """True if somebody wants debug records."""
        logging = sys.modules.get("logging")
        if logging is None:
            return False
        wanted: bool = logging.getLogger(self._name).isEnabledFor(_DEBUG)
        return wanted

    def debug(self, message: str) -> None:
        """Write a record, if somebody wants it."""
        if self.wanted:
            import logging

            logging.getLogger(self._name).debug("%s", self._mask(message), stacklevel=2)
