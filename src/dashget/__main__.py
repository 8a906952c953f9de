"""``python -m dashget``."""

import sys

try:
    from dashget.cli import main
except KeyboardInterrupt:
    from dashget.exitstatus import INTERRUPTED

    sys.exit(INTERRUPTED)  # as whatever answers Ctrl-C from here on

main()
