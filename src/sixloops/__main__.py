"""``python -m sixloops``."""

from sixloops.cli import main

main()
