"""pycurl, without what its package adds for asyncio.

That needs ``dataclasses`` and with it ``inspect``, ``ast`` and ``tokenize``: a tenth of what a
short run takes to start, for nothing that is used here. The module itself is the same one
that ``import pycurl`` gives, whoever asks for it and whenever.
"""

from __future__ import annotations

import contextlib
import importlib
import sys
from collections.abc import Iterator
from importlib.machinery import PathFinder
from importlib.util import module_from_spec
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pycurl

_PACKAGE = "pycurl"
_MODULE = "pycurl._pycurl"


def _load() -> Any:
    """Load the module alone where it is part of a package, else all there is."""
    if _PACKAGE in sys.modules or _MODULE in sys.modules:
        return sys.modules.get(_MODULE) or sys.modules[_PACKAGE]
    package = PathFinder.find_spec(_PACKAGE)
    places = None if package is None else package.submodule_search_locations
    spec = PathFinder.find_spec(_MODULE, places) if places is not None else None
    if spec is None or spec.loader is None:
        return importlib.import_module(_PACKAGE)
    with _lazy_binding():
        module = module_from_spec(spec)
        sys.modules[_MODULE] = module
        spec.loader.exec_module(module)
    return module


@contextlib.contextmanager
def _lazy_binding() -> Iterator[None]:
    """Have functions of shared libraries bound when they are first called (RTLD_LAZY).

    libcurl in a wheel brings twenty libraries, of whose functions a run calls few.
    """
    if not hasattr(sys, "setdlopenflags"):
        yield
        return
    import os

    flags = sys.getdlopenflags()
    sys.setdlopenflags(flags & ~os.RTLD_NOW | os.RTLD_LAZY)
    try:
        yield
    finally:
        sys.setdlopenflags(flags)


if not TYPE_CHECKING:
    pycurl = _load()

__all__ = ["pycurl"]
