"""Locales of other encodings than UTF-8, made for the tests: few systems have any installed."""

from __future__ import annotations

import functools
import shutil
import subprocess
import tempfile
from pathlib import Path

ENCODINGS = {"en_US": "ISO-8859-1", "ja_JP": "EUC-JP"}
"""The encoding of each language that is made."""


@functools.cache
def folder_of_locales() -> Path | None:
    """Make the locales; return the folder for ``LOCPATH``, None where they cannot be made.

    Debian and Ubuntu have what it takes in the package ``locales``.
    """
    if shutil.which("localedef") is None:
        return None
    folder = Path(tempfile.mkdtemp(prefix="dashget-locales-"))
    for language, encoding in ENCODINGS.items():
        words = ("localedef", "-i", language, "-f", encoding, folder / f"{language}.{encoding}")
        if subprocess.run(words, capture_output=True, check=False).returncode > 1:
            shutil.rmtree(folder)
            return None
    return folder
