"""The directories that commands other than ``get`` take."""

from __future__ import annotations

from pathlib import Path


def require_directory(command: str, word: str, hint: str) -> None:
    """Raise UsageError for a URL where the directory of a mirror belongs."""
    from dashget.common.filenames import given
    from dashget.errors import UsageError
    from dashget.transfer.http.origin import shown

    if "://" in word and not Path(given(word)).exists():
        raise UsageError(
            f"{command} takes the directory of a mirror, not a URL: {shown(word)}", hint=hint
        )
