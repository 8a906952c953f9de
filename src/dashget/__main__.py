"""``python -m dashget``."""

from dashget.cli import main

main()
