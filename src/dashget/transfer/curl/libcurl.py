"""pycurl, without the parts of its package for asyncio.

Those import ``dataclasses`` and with it ``inspect``, ``ast`` and ``tokenize``: a tenth of the
time that a short run takes to start, for nothing that is used here. The module is the same one
that ``import pycurl`` returns, before or after.
"""

from __future__ import annotations

import contextlib
import importlib
import sys
from collections.abc import Iterator

# As ``importlib.util``, which loads more than is used here.
from importlib._bootstrap import module_from_spec
from importlib.machinery import PathFinder
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pycurl

_PACKAGE = "pycurl"
_MODULE = "pycurl._pycurl"


def _load() -> Any:
    """Load the module without its package; without a package, load pycurl itself."""
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
    """Bind functions of shared libraries when they are first called (RTLD_LAZY).

    libcurl in a wheel brings twenty libraries, and a run calls few of their functions.
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
