"""``python -m dashget``."""

import sys

try:
    from dashget.cli import main
except KeyboardInterrupt:
    import _signal  # type: ignore[import-not-found]  # as in dashget.cli

    from dashget.exitstatus import INTERRUPTED

    # As whatever answers Ctrl-C from here on.
    _signal.signal(_signal.SIGINT, _signal.SIG_DFL)
    _signal.raise_signal(_signal.SIGINT)
    sys.exit(INTERRUPTED)

main()
