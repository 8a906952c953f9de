"""Exit codes that no error class carries; the others stand in ``errors``. Loads nothing."""

INTERRUPTED = 130
"""As shells report a program that SIGINT has ended."""
BROKEN_PIPE = 141
"""As shells report a program that SIGPIPE has ended."""
