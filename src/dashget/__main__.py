"""``python -m dashget``."""

import sys

try:
    from dashget.cli import main
except KeyboardInterrupt:
    sys.exit(130)  # as whatever answers Ctrl-C from here on

main()
