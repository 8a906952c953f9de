"""pycurl is loaded without its package, and with functions bound when they are called."""

from __future__ import annotations

import subprocess
import sys

import pytest

LOAD = """
import os, sys

seen = []
if hasattr(sys, "setdlopenflags"):
    real = sys.setdlopenflags
    sys.setdlopenflags = lambda flags: (seen.append(flags), real(flags))[1]
    before = sys.getdlopenflags()
from dashget.transfer.curl.libcurl import pycurl

print("asyncio" in sys.modules, pycurl.version.startswith("PycURL"))
if seen:
    print(seen[0] & os.RTLD_LAZY != 0, seen[0] & os.RTLD_NOW == 0, sys.getdlopenflags() == before)
import pycurl as whole

print(whole.Curl is pycurl.Curl)
"""


def load() -> list[str]:
    done = subprocess.run(
        [sys.executable, "-P", "-c", LOAD], capture_output=True, text=True, check=True
    )
    return done.stdout.splitlines()


def test_pycurl_is_loaded_without_its_asyncio_part_and_is_one_module() -> None:
    first, *_, last = load()
    assert first == "False True"
    assert last == "True"


@pytest.mark.skipif(not hasattr(sys, "setdlopenflags"), reason="no dynamic linker to ask")
def test_functions_are_bound_late_and_only_those_of_libcurl() -> None:
    _, bound, _ = load()
    assert bound == "True True True"
