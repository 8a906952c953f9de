"""Name the libraries that this program runs with, among them those inside the wheel of pycurl."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Final

_OURS: Final = ("msgspec", "rich")


def library_lines() -> Iterator[str]:
    """Yield a line for each library: its name and its version."""
    from importlib.metadata import version

    from dashget.transfer.curl.libcurl import pycurl

    yield "  Python {}.{}.{}\n".format(*sys.version_info[:3])
    for part in pycurl.version.split():
        name, _, number = part.partition("/")
        yield f"  {name} {number}\n"
    for name in _OURS:
        yield f"  {name} {version(name)}\n"
