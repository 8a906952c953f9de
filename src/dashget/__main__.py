"""``python -m dashget``."""

import sys

from dashget.exitstatus import INTERRUPTED

try:
    from dashget.cli import main
except KeyboardInterrupt:
    sys.exit(INTERRUPTED)  # as whatever answers Ctrl-C from here on

main()
