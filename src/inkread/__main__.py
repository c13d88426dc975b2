"""``python -m inkread`` is ``inkread``."""

from inkread.cli import main

main()
